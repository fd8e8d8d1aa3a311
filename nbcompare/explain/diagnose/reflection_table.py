"""Bright pixels of both images, given to the reflection that is nearest to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nbcompare.explain.diagnose.question import Question

_BRIGHT = 1e-3
"""Share of the peak from which on a pixel is given to a reflection."""

_MOST_PIXELS = 400_000


@dataclass(frozen=True)
class ReflectionTable:
    """Per reflection: indices, summed pixels of both images, F of the list (NaN where not listed). ``rows`` and
    ``columns`` are the pixels, ``which`` says to which reflection each belongs."""

    hkl: np.ndarray
    x: np.ndarray
    y: np.ndarray
    listed: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    which: np.ndarray

    def sums(self, image: np.ndarray) -> np.ndarray:
        """The summed pixels of another image."""
        return np.bincount(self.which, image[self.rows, self.columns], len(self.hkl))

    def left_by_ratios(self, x: np.ndarray, y: np.ndarray) -> float:
        """The share of the difference (root sum of squares) that is left when every reflection has the factor of its
        own: next to nothing where F are other ones, most of it where spots have another shape or place."""
        ours, theirs = x[self.rows, self.columns], y[self.rows, self.columns]
        factor = np.divide(self.y, self.x, out=np.zeros_like(self.x), where=self.x > 0)[self.which]
        before = float(np.linalg.norm(theirs - ours))
        return float(np.linalg.norm(theirs - factor * ours)) / before if before > 0 else 0.0


def reflection_table(question: Question, least: float = _BRIGHT) -> ReflectionTable | None:
    """Sums over each reflection's pixels that are brighter than a share of the peak; None where no lattice is known, or
    too much is lit."""
    pair = question.pair
    brightness = np.maximum(pair.x, pair.y)
    rows, columns = np.nonzero(brightness > least * max(pair.peak, float(pair.y.max())))
    if question.lattice is None or rows.size == 0 or rows.size > _MOST_PIXELS:
        return None
    middle = float(np.median(question.setting.phis))
    fractional = question.lattice.indices(question.detector, columns, rows, middle)
    hkl, which = np.unique(np.ceil(fractional - 0.5).astype(int), axis=0, return_inverse=True)
    which = which.ravel()
    x, y = (np.bincount(which, image[rows, columns], len(hkl)) for image in (pair.x, pair.y))
    listed = question.amplitudes.listed(hkl) if question.amplitudes else np.full(len(hkl), np.nan)
    return ReflectionTable(hkl, x, y, listed, rows, columns, which)
