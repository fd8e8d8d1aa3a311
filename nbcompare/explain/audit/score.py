"""What an audit comes to: how many defects were caught and named, and from which amount on each kind is seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nbcompare.errors import ExitCode
from nbcompare.explain.audit.audit import Audit
from nbcompare.explain.audit.defect_result import SEEDED, DefectResult
from nbcompare.explain.audit.kind import Kind
from nbcompare.explain.audit.naming import FIRST


@dataclass(frozen=True)
class Tally:
    """Defects of one strength: so many were seeded, caught, and asked about; named in the first place, and among the
    first ones."""

    strength: float
    seeded: int
    caught: int
    asked: int
    first: int
    among_first: int

    @property
    def score(self) -> float | None:
        """The share that was caught; None when nothing was seeded."""
        return self.caught / self.seeded if self.seeded else None

    def share_named(self, count: int) -> float | None:
        """A count of those asked about, as a share; None when nobody asked."""
        return count / self.asked if self.asked else None

    def as_dict(self) -> dict[str, Any]:
        return {"strength": self.strength, "seeded": self.seeded, "caught": self.caught, "score": self.score,
                "asked": self.asked, "named_first": self.first, "named_among_first": self.among_first,
                "share_first": self.share_named(self.first), "share_among_first": self.share_named(self.among_first)}


def tally(audit: Audit, strength: float) -> Tally:
    """The defects of one strength together."""
    there = [result for result in audit.results if result.strength == strength and result.state == SEEDED]
    asked = [result for result in there if result.named]
    return Tally(strength, len(there), sum(audit.caught_by(result) is not None for result in there), len(asked),
                 sum(result.place == 1 for result in asked),
                 sum(result.place is not None and result.place <= FIRST for result in asked))


def tallies(audit: Audit) -> list[Tally]:
    """One for every strength, strongest first; the first one is the score of the audit."""
    strengths = sorted({result.strength for result in audit.results}, reverse=True)
    return [tally(audit, strength) for strength in strengths]


@dataclass(frozen=True)
class Limit:
    """The smallest amount of a kind from which on all were caught, and the largest that slipped through; None where
    there was none of that."""

    kind: Kind
    sees: float | None
    slips: float | None

    @property
    def sentence(self) -> str:
        if self.kind.full is None:
            return "seen" if self.slips is None else "blind"
        unit = f" {self.kind.unit}" if self.kind.unit else ""
        if self.sees is None:
            return f"blind up to {self.slips:.2g}{unit}"
        return f"sees {self.sees:.2g}{unit}" + (f", not {self.slips:.2g}" if self.slips is not None else "")

    def as_dict(self) -> dict[str, Any]:
        return {"kind": self.kind.id, "unit": self.kind.unit, "sees": self.sees, "slips": self.slips,
                "sentence": self.sentence}


def limit(audit: Audit, there: list[DefectResult]) -> Limit:
    """The detection limit of the seeded defects of one kind."""
    sees = slips = None
    for result in sorted(there, key=lambda result: -result.amount):
        if audit.caught_by(result) is None:
            slips = result.amount
            break
        sees = result.amount
    return Limit(there[0].of, sees, slips)


def by_kind(audit: Audit) -> dict[str, list[DefectResult]]:
    """The defects of each kind, strongest first, in the order of the audit."""
    found: dict[str, list[DefectResult]] = {}
    for result in audit.results:
        found.setdefault(result.kind, []).append(result)
    return found


def limits(audit: Audit) -> list[Limit]:
    """One for every kind that could be seeded."""
    seeded = {kind: [result for result in results if result.state == SEEDED]
              for kind, results in by_kind(audit).items()}
    return [limit(audit, there) for there in seeded.values() if there]


def unmet(audit: Audit, caught: float | None, first: float | None,
          among_first: float | None) -> tuple[list[str], ExitCode]:
    """The requirements on the strongest defects that are not met, in words, and the exit code of the audit."""
    if audit.fault:
        return [], audit.exit_code
    count = next(iter(tallies(audit)), None)
    if count is None or not count.seeded:
        return ["nothing was audited: no defect could be seeded"], ExitCode.BLOCKED
    asked = (("caught", caught, count.score), ("named first", first, count.share_named(count.first)),
             (f"named among the first {FIRST}", among_first, count.share_named(count.among_first)))
    reasons = [f"not met: {100 * (share or 0):.1f} % {what}, {100 * required:g} % required"
               for what, required, share in asked if required is not None and (share is None or share < required)]
    return reasons, ExitCode.DIFFERS if reasons else ExitCode.PASS
