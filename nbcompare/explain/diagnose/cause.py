"""Cause: one answer to "why do these images differ", how sure it is, and the answers in order.

Every cause is made by ``build``; ``carried_out`` and ``guessed`` are its two common uses. Its id and the sentence of it
stand in ``causes``, and which of them may be called proven is decided in ``standing``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nbcompare.explain.diagnose.causes import CATALOGUE

STRICT = 1e-6
"""An edit is proven when no pixel is further than this share of the reference's peak from the subject."""

AS_WELL = 2.5
"""Of two proofs, one that leaves so many times as much of the difference as the other does not explain it as well."""

TO_BE_TOLD = 2e-5
"""What is left below this share, beside rounding, is not told from nothing."""

EXPLAINED = 2e-3
"""Share of the difference that a proof may leave beside rounding for nothing better to be looked for."""

MOVED = "moved"
"""In the edit of an image: by how many whole pixels it was moved along fast and slow."""

GUESS_CONFIDENCE = 0.8
"""No guess may claim more than this."""


@dataclass(frozen=True)
class Cause:
    """One hypothesis with what speaks for it.

    ``tested``: an edit was carried out and its image held against the subject's. ``proven``: that image is the
    subject's, to ``STRICT`` of the reference's peak. ``residual`` is what the edit leaves, as a share of the peak
    (None when nothing was carried out), ``left`` the share of the difference (root sum of squares) that remains;
    ``noise`` is what noise may leave of it (None where that is for the images to say).
    ``rivals`` are other causes whose images cannot be told from this one. ``part``: it gives the image only together
    with others.
    """

    id: str
    sentence: str
    evidence: tuple[str, ...] = ()
    tested: bool = False
    proven: bool = False
    residual: float | None = None
    left: float | None = None
    edit: Mapping[str, Any] | None = None
    confidence: float = 0.0
    prior: float = 0.5
    rivals: tuple[str, ...] = field(default=())
    part: bool = False
    noise: float | None = None

    def __post_init__(self) -> None:
        if self.id not in CATALOGUE:
            raise ValueError(f"{self.id} is not in the catalogue of causes")

    @property
    def kind(self) -> str:
        return CATALOGUE[self.id].kind

    @property
    def order(self) -> tuple[float, ...]:
        """Proven before guessed; among proven ones the likelier mistake first, a little the less the more it leaves."""
        if self.proven:
            return (0, 0, -self.prior + 0.02 * math.log10(max(self.left or 0.0, 1e-7) / 1e-7), self.left or 0.0)
        return (1, -self.confidence, -self.prior, self.left if self.left is not None else 1.0)

    def as_dict(self, rank: int) -> dict[str, Any]:
        return {"rank": rank, "id": self.id, "class": self.kind, "title": CATALOGUE[self.id].sentence,
                "sentence": self.sentence, "evidence": list(self.evidence), "tested": self.tested,
                "proven": self.proven, "residual": _finite(self.residual), "left": _finite(self.left),
                "edit": dict(self.edit) if self.edit else None, "confidence": round(self.confidence, 4),
                "rivals": list(self.rivals)}


@dataclass(frozen=True)
class Diagnosis:
    """Whether the images agree, and if not, why: the causes, best first."""

    agree: bool
    causes: tuple[Cause, ...]
    figures: Mapping[str, float | int | None]
    notes: tuple[str, ...] = ()
    tested: Mapping[str, Any] | None = None
    shape_fault: str | None = None

    def as_dict(self) -> dict[str, Any]:
        return {"agree": self.agree, "shape_fault": self.shape_fault, "figures": dict(self.figures),
                "causes": [cause.as_dict(rank) for rank, cause in enumerate(self.causes, 1)],
                "tested": dict(self.tested) if self.tested else None, "notes": list(self.notes)}


def build(id: str, sentence: str, evidence: tuple[str, ...], *, confidence: float, prior: float = 0.5,
          proven: bool = False, tested: bool = False, residual: float | None = None, left: float | None = None,
          edit: Mapping[str, object] | str | None = None) -> Cause:
    """A cause. ``edit`` as words is one of the image; what is not proven claims no more than a guess may."""
    done = {"kind": "image", "what": edit} if isinstance(edit, str) else edit
    return Cause(id, sentence, evidence, tested or proven, proven, residual, left, done,
                 confidence if proven else guess(confidence), prior)


def carried_out(id: str, sentence: str, evidence: tuple[str, ...], *, residual: float | None, left: float | None,
                what: str, confidence: float, prior: float = 0.5) -> Cause:
    """A cause whose edit of the image (``what`` was done to it) was carried out, and gives the subject."""
    return build(id, sentence, evidence, residual=residual, left=left, edit=what, confidence=confidence, prior=prior,
                 proven=True)


def guessed(id: str, sentence: str, evidence: tuple[str, ...], *, confidence: float, prior: float = 0.5,
            residual: float | None = None, left: float | None = None,
            edit: Mapping[str, Any] | None = None) -> Cause:
    """A cause that something speaks for, and nothing reproduces."""
    return build(id, sentence, evidence, residual=residual, left=left, edit=edit, confidence=confidence, prior=prior)


def guess(confidence: float) -> float:
    """A confidence that a guess may claim."""
    return float(max(0.0, min(GUESS_CONFIDENCE, confidence)))


PERHAPS, NOT_FOUND, BESIDE = "perhaps: ", "none found: ", "beside the claim, "
"""How the one sentence begins that a run keeps of its cause: a guess, the reason why there is none, and a cause of what
claims leave. A proven one has no word before it."""


def standing_of(said: str) -> tuple[str, str]:
    """"proven", "perhaps" or "none found", and the sentence itself, of what a run keeps of its cause."""
    beside, text = (BESIDE, said.removeprefix(BESIDE)) if said.startswith(BESIDE) else ("", said)
    for beginning in (PERHAPS, NOT_FOUND):
        if text.startswith(beginning):
            return beginning.removesuffix(": "), beside + text.removeprefix(beginning)
    return "proven", said


def failed(where: str, fault: Exception) -> str:
    """What is told of a part of the diagnosis that failed: the rest of it, and the run's verdict, stand."""
    return f"the diagnosis failed: {where}: {type(fault).__name__}: {fault}"


def not_described(fault: Exception) -> str:
    """What is told where the simulator does not take the command, so that nothing follows from its arguments."""
    return f"causes that follow from the arguments were not looked for; the simulator says: {fault}"


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
