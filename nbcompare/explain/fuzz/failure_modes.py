"""In which way a command fails: by no image, or by one that is off by a factor, by a level, by its places, or else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.explain.reduce.signature import Signature

NO_IMAGE, FACTOR, LEVEL, PLACES, PATTERN = "no image", "factor", "level", "places", "pattern"

_RESIDUAL = 1e-5
"""Of the brightest pixel: what float32 and its sums leave of two images that differ by a factor."""
_SHARE = 0.01
"""Of a difference: what a factor or a level may leave of it, and still be all that is wrong."""
_ROUNDING = 5e-7
"""Of the brightest pixel: what two programs of the same formulas differ by, at most."""
_SAME_FACTOR = 1e-4


@dataclass(frozen=True)
class FailureMode:
    """How a command failed. ``kind`` is one of the words above; ``factor`` that between the images, where nothing else
    is wrong; ``size`` the largest difference as a share of the brightest pixel."""

    signature: Signature
    kind: str
    factor: float | None = None
    size: float = 0.0

    def __str__(self) -> str:
        return str(self.signature)

    def is_same(self, other: FailureMode) -> bool:
        """Whether nothing changed from one command to the other."""
        if self.factor and other.factor:
            return same_factor(self.factor, other.factor)
        return (self.signature, self.kind, self.size) == (other.signature, other.kind, other.size)


def way_of(signature: Signature, images: Mapping[str, np.ndarray]) -> FailureMode:
    """The way of a failure with two images [slow, fast] of one shape, or with none."""
    if signature.engine or len(images) < 2:
        return FailureMode(signature, NO_IMAGE)
    reference, subject = (images[role].astype(np.float64) for role in (REFERENCE, SUBJECT))
    peak = float(max(np.abs(reference).max(), np.abs(subject).max()))
    if not 0 < peak < np.inf or reference.shape != subject.shape:
        return FailureMode(signature, PATTERN)
    difference = subject - reference
    size = float(np.abs(difference).max()) / peak
    square = float((reference * reference).sum())
    factor = float((reference * subject).sum()) / square if square > 0 else 0.0
    if factor > 0 and np.abs(subject - factor * reference).max() <= _left(abs(factor - 1)) * peak:
        return FailureMode(signature, FACTOR, factor, size)
    level = float(difference.mean())
    if np.abs(difference - level).max() <= _left(abs(level) / peak) * peak:
        return FailureMode(signature, LEVEL, None, size)
    moved = np.abs(np.sort(subject, axis=None) - np.sort(reference, axis=None)).max() <= _ROUNDING * peak
    return FailureMode(signature, PLACES if moved else PATTERN, None, size)


def same_factor(a: float, b: float) -> bool:
    """Whether two factors are one, but for rounding."""
    return abs(a / b - 1) <= _SAME_FACTOR


def _left(difference: float) -> float:
    """What may be left of a difference, both as shares of the brightest pixel."""
    return max(_ROUNDING, min(_RESIDUAL, _SHARE * difference))
