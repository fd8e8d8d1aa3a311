"""The gates of a plan as the page shows them: one row for each phase, with what does not hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nbcompare.case.phases import Phases
from nbcompare.commands.views.index.runs import address
from nbcompare.errors import NbCompareError
from nbcompare.plan.gate import look_at
from nbcompare.visible import visible


@dataclass(frozen=True)
class ShownGate:
    """A phase, whether its gate is green, what does not hold (requirement and why), and the bundles it was looked into
    in, as names and addresses. ``fault`` says why it could not be looked into."""

    phase: str
    title: str
    green: bool
    missing: tuple[tuple[str, str], ...] = ()
    bundles: tuple[tuple[str, str], ...] = ()
    fault: str | None = None


def gates_of(phases: Phases, bundles: Path) -> Iterator[ShownGate]:
    """The gate of each phase, looked into now: bundles are verified, and their images judged again."""
    for phase in phases.phases:
        try:
            gate = look_at(phases, phase.name, bundles)
        except NbCompareError as fault:
            yield ShownGate(phase.name, visible(phase.title), False, fault=visible(fault.message))
            continue
        missing = [(f"{item.case}: {item.requirement}" if item.case else item.requirement, visible(item.why))
                   for item in gate.items if not item.holds]
        named = [entry.name for entry in gate.evidence if entry.folder]
        yield ShownGate(phase.name, visible(phase.title), gate.green, tuple(missing),
                        tuple((name, address(f"{name}/")) for name in named))
