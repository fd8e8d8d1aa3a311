"""A gate: everything a phase requires, looked into now, as one checklist. Green only when every line holds."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nbcompare.case.case_file import load_case
from nbcompare.case.cells import cells_of
from nbcompare.case.phases import Phase, Phases
from nbcompare.errors import ExitCode, UsageError, nearest, worst
from nbcompare.plan.earlier import earlier_item
from nbcompare.plan.evidence import Evidence, gather
from nbcompare.plan.requirements import Requirement, items_of, protected_item


@dataclass(frozen=True)
class Gate:
    """A phase, what was looked at, and the checklist."""

    phase: Phase
    phases: Phases
    evidence: tuple[Evidence, ...]
    items: tuple[Requirement, ...]

    @property
    def exit_code(self) -> ExitCode:
        """PASS when every line holds and there is one; else the worst of those that do not."""
        return worst(ExitCode.PASS if item.holds else item.exit_code for item in self.items)

    @property
    def green(self) -> bool:
        return self.exit_code is ExitCode.PASS


def look_at(phases: Phases, name: str, bundles: Path, *, signers: Path | None = None,
            now: datetime.datetime | None = None) -> Gate:
    """The gate of the phase called ``name``, on the newest bundle of each of its cases, and of each cell of a matrix.

    ``signers`` stands in for the file of allowed signers that the phases name. Raises UsageError for an
    unknown phase and CaseError for a case that cannot be read.
    """
    phase = phases.phase(name)
    if phase is None:
        raise UsageError(f"{phases.path}: there is no phase {name!r}; {nearest(name, phases.names)}")
    now = now or datetime.datetime.now(datetime.UTC)
    cases = [cell for path in phase.cases for cell in cells_of(load_case(path))]
    signers = signers or phases.signers
    evidence = tuple(gather(case, bundles, signers) for case in cases)
    items = tuple(_items(phases, phase, evidence, bundles, signers, now))
    return Gate(phase, phases, evidence, items)


def _items(phases: Phases, phase: Phase, evidence: tuple[Evidence, ...], bundles: Path, signers: Path | None,
           now: datetime.datetime) -> Iterator[Requirement]:
    for entry in evidence:
        yield from items_of(entry, phase.requires, now)
        files = _protected(phases, entry)
        if files and entry.record and not entry.faults:
            yield protected_item(entry, files)
    by_name = {entry.name: entry for entry in phases.phases}
    for earlier in phase.requires.signed:
        yield earlier_item(phases, by_name[earlier], evidence, bundles, signers)


def _protected(phases: Phases, evidence: Evidence) -> list[tuple[str, Path]]:
    """The files that the plan and the case protect, by the names under which a run records them; a file that both
    protect comes once."""
    both = [(name, folder / name) for folder, names in ((phases.path.parent, phases.protected),
                                                        (evidence.case.folder, evidence.case.protected))
            for name in names]
    return [(name, path) for i, (name, path) in enumerate(both)
            if path.resolve() not in [earlier.resolve() for _, earlier in both[:i]]]
