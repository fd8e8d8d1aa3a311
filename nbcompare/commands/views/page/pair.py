"""The two images of a bundle as its page shows them: on one grid, with where they differ most."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nbcompare.bundle.bundle import Bundle
from nbcompare.bundle.check.recompute import read_stored_images
from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.commands.views.page.blocks import blocks
from nbcompare.compare.image import Roi, Shape, resample_nearest

WORST = 20
"""How many of the worst places are told."""

_BLOCK = 16
"""Pixels: of places nearer together than this, one is told."""


@dataclass(frozen=True, eq=False)
class ShownPair:
    """Reference and subject [slow, fast], masked arrays where pixels are no measurement."""

    reference: np.ndarray
    subject: np.ndarray

    @property
    def shape(self) -> Shape:
        return Shape(*self.reference.shape)

    @functools.cached_property
    def identical(self) -> bool:
        """Whether both hold the same numbers at every pixel, and the same type of number."""
        x, y = np.ma.getdata(self.reference), np.ma.getdata(self.subject)
        if x.dtype != y.dtype or not np.array_equal(x, y, equal_nan=x.dtype.kind == "f"):
            return False
        masked = [image for image in (self.reference, self.subject) if np.ma.isMaskedArray(image)]
        return not masked or np.array_equal(np.ma.getmaskarray(self.reference), np.ma.getmaskarray(self.subject))

    @functools.cached_property
    def difference(self) -> np.ndarray:
        """Subject minus reference, of floating point; NaN where a pixel is masked or no number."""
        kind = np.float32 if self.reference.dtype.itemsize <= 4 and self.reference.dtype.kind == "f" else np.float64
        with np.errstate(all="ignore"):
            found: np.ndarray = np.subtract(np.ma.getdata(self.subject), np.ma.getdata(self.reference), dtype=kind)
        if np.ma.isMaskedArray(self.reference) or np.ma.isMaskedArray(self.subject):
            found[np.ma.getmaskarray(self.reference) | np.ma.getmaskarray(self.subject)] = np.nan
        return found

    @functools.cached_property
    def worst(self) -> list[tuple[int, int]]:
        """(fast, slow) of the largest differences, the worst first, no two of them in one block of pixels."""
        sizes = np.abs(self.difference)
        sizes[~np.isfinite(sizes)] = 0
        largest = blocks(sizes, _BLOCK, np.fmax)
        order = np.argsort(largest, axis=None)[::-1][:WORST]
        return [self._place(sizes, *divmod(int(at), largest.shape[1])) for at in order if largest.flat[at] > 0]

    @staticmethod
    def _place(sizes: np.ndarray, row: int, column: int) -> tuple[int, int]:
        y, x = row * _BLOCK, column * _BLOCK
        block = sizes[y:y + _BLOCK, x:x + _BLOCK]
        dy, dx = np.unravel_index(int(block.argmax()), block.shape)
        return x + int(dx), y + int(dy)


def pair_of(bundle: Bundle) -> ShownPair | None:
    """The images that a bundle compared; None where nothing was compared."""
    if bundle.record.comparison is None:
        return None
    images = read_stored_images(bundle.folder, bundle.record)
    reference, subject = images[REFERENCE], images[SUBJECT]
    if reference.shape != subject.shape:
        subject = _resampled(subject, Shape(*reference.shape))
    return ShownPair(reference, subject)


def _resampled(image: np.ndarray, shape: Shape) -> np.ndarray:
    made = resample_nearest(np.ma.getdata(image), shape)
    return np.ma.MaskedArray(made, resample_nearest(np.ma.getmaskarray(image), shape)) \
        if np.ma.isMaskedArray(image) else made


def window(roi: Roi, at: tuple[int, int], side: int) -> Roi:
    """A region where it is no larger than ``side``, else as much of it about a pixel (fast, slow)."""
    def ends(low: int, high: int, middle: int) -> tuple[int, int]:
        if high - low < side:
            return low, high
        first = min(max(middle - side // 2, low), high - side + 1)
        return first, first + side - 1

    (xmin, xmax), (ymin, ymax) = ends(roi.xmin, roi.xmax, at[0]), ends(roi.ymin, roi.ymax, at[1])
    return Roi(roi.name, xmin, xmax, ymin, ymax)


def smallest(rois: Sequence[Roi]) -> Roi:
    """The region of the fewest pixels."""
    return min(rois, key=lambda roi: (roi.xmax - roi.xmin + 1) * (roi.ymax - roi.ymin + 1))
