"""One seeded defect looked at: was it there at all, what did the comparison measure, what did the diagnosis say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbcompare.case.threshold import Threshold
from nbcompare.compare.compare import Comparison
from nbcompare.explain.audit.catalogue import KINDS
from nbcompare.explain.audit.kind import Kind
from nbcompare.explain.audit.naming import NamedCause
from nbcompare.verdict.verdict import Label, judge

NOT_HERE, NO_EFFECT, REFUSED, SEEDED = "not here", "no effect", "refused", "seeded"
"""This case cannot have the defect; it left the image as it is; the subject would not run with it; it is there."""


@dataclass(frozen=True)
class DefectResult:
    """A defect of a kind at a strength.

    ``amount`` is in the unit of the kind, ``words`` say what was done or why nothing was. ``failure`` is what the
    runner itself would refuse in the image, before any threshold; ``change`` the largest change of a pixel as a share
    of the peak, None where it is not finite. ``named`` is None when nobody asked.
    """

    kind: str
    strength: float
    amount: float
    state: str
    words: str
    failure: str | None = None
    change: float | None = None
    comparison: Comparison | None = None
    named: NamedCause | None = None

    @property
    def of(self) -> Kind:
        return KINDS[self.kind]

    @property
    def place(self) -> int | None:
        """The place of the right cause in the diagnosis."""
        return self.named.place(self.of.named_by) if self.named else None

    def caught_by(self, thresholds: Sequence[Threshold], alone: bool) -> str | None:
        """What keeps the defect from passing, in words, or None when it slips through.

        ``alone``: the thresholds judge with nothing beside them, not even the runner's own look at the image.
        """
        if self.failure and not alone:
            return f"the run fails: {self.failure}"
        assert self.comparison is not None, "what was seeded was compared"
        found = judge(self.comparison, thresholds)
        if alone:
            return next((check.sentence for check in found.checks if not check.holds), None)
        return None if found.word is Label.PASS else found.reasons[0]

    def as_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "strength": self.strength, "amount": self.amount, "state": self.state,
                "words": self.words, "failure": self.failure, "change": self.change,
                "comparison": self.comparison.as_dict() if self.comparison else None,
                "named": self.named.as_dict() if self.named else None}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> DefectResult:
        comparison = Comparison.from_dict(stored["comparison"]) if stored["comparison"] else None
        named = NamedCause.from_dict(stored["named"]) if stored["named"] else None
        return cls(**{**stored, "comparison": comparison, "named": named})


def change_of(sound: np.ndarray, subject: np.ndarray) -> float | None:
    """Largest |change| of a pixel over the largest sound value; None when a pixel is not finite."""
    if not np.isfinite(subject).all():
        return None
    largest = float(np.abs(sound).max())
    worst = float(np.abs(subject.astype(np.float64) - sound).max())
    return worst / largest if largest else None


def same_bytes(sound: np.ndarray, subject: np.ndarray) -> bool:
    """Whether two images hold the same bits in every pixel."""
    return bool(np.array_equal(sound.view(np.uint32), subject.view(np.uint32)))
