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
    there = [seen for seen in audit.seen if seen.strength == strength and seen.state == SEEDED]
    asked = [seen for seen in there if seen.named]
    return Tally(strength, len(there), sum(audit.caught_by(seen) is not None for seen in there), len(asked),
                 sum(seen.place == 1 for seen in asked),
                 sum(seen.place is not None and seen.place <= FIRST for seen in asked))


def tallies(audit: Audit) -> list[Tally]:
    """One for every strength, strongest first; the first one is the score of the audit."""
    strengths = sorted({seen.strength for seen in audit.seen}, reverse=True)
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
    for seen in sorted(there, key=lambda seen: -seen.amount):
        if audit.caught_by(seen) is None:
            slips = seen.amount
            break
        sees = seen.amount
    return Limit(there[0].of, sees, slips)


def by_kind(audit: Audit) -> dict[str, list[DefectResult]]:
    """The defects of each kind, strongest first, in the order of the audit."""
    found: dict[str, list[DefectResult]] = {}
    for seen in audit.seen:
        found.setdefault(seen.kind, []).append(seen)
    return found


def limits(audit: Audit) -> list[Limit]:
    """One for every kind that could be seeded."""
    seeded = {kind: [seen for seen in all_seen if seen.state == SEEDED] for kind, all_seen in by_kind(audit).items()}
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
