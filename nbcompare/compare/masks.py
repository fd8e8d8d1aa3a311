"""Masks: which pixels of an image are no measurement, by rules on their values.

Detectors mark gaps and dead pixels with values of their own (-1 and -2 in CBF files of photon counters, the largest
number of an unsigned type in HDF5 files), which no figure may take for photons.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nbcompare.compare.image import FLOAT_DTYPE
from nbcompare.compare.masked_arrays import is_masked, mask_of, values_of
from nbcompare.later import np


@dataclass(frozen=True)
class MaskRules:
    """A pixel is masked when its value is below ``below``, above ``above``, one of ``equals``, or (``nan``) no number.

    All values are in the unit of the image. Without any rule nothing is masked.
    """

    below: float | None = None
    above: float | None = None
    equals: tuple[float, ...] = ()
    nan: bool = False

    def of(self, image: np.ndarray) -> np.ndarray:
        """True where a pixel of the image [slow, fast] is masked; a boolean array of its shape."""
        masked = np.zeros(image.shape, bool)
        with np.errstate(invalid="ignore"):
            if self.below is not None:
                masked |= image < self.below
            if self.above is not None:
                masked |= image > self.above
        for value in self.equals:
            masked |= image == value
        if self.nan and image.dtype.kind == "f":
            masked |= np.isnan(image)
        return masked

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> MaskRules:
        return cls(**{**stored, "equals": tuple(stored["equals"])})

    def as_dict(self) -> dict[str, object]:
        """Plain values, the way a record keeps them."""
        return {**vars(self), "equals": list(self.equals)}


def plain_images(reference: np.ndarray, subject: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two images as the diagnosis takes them: float32, zero in both where a pixel of either is masked or no number."""
    if {reference.dtype.str, subject.dtype.str} == {FLOAT_DTYPE} and not is_masked(reference, subject):
        return reference, subject
    with np.errstate(over="ignore"):  # what float32 cannot hold is no number there
        shown = [values_of(image).astype(np.float32) for image in (reference, subject)]
    lost = [mask_of(image) | ~np.isfinite(plain) for image, plain in
            zip((reference, subject), shown, strict=True)]
    if shown[0].shape == shown[1].shape:
        lost = [lost[0] | lost[1]] * 2
    for plain, gone in zip(shown, lost, strict=True):
        plain[gone] = 0
    return shown[0], shown[1]


def gaps_of(reference: np.ndarray, subject: np.ndarray) -> np.ndarray | None:
    """True where a pixel of either image [slow, fast] is masked or no number, a boolean array of their shape; None
    where there is no such pixel, and of plain float32 images, in which a pixel that is no number is a result."""
    if {reference.dtype.str, subject.dtype.str} == {FLOAT_DTYPE} and not is_masked(reference, subject):
        return None
    if reference.shape != subject.shape:
        return None
    with np.errstate(over="ignore"):
        gone = [mask_of(image) | ~np.isfinite(values_of(image).astype(np.float32)) for image in (reference, subject)]
    gaps: np.ndarray = gone[0] | gone[1]
    return gaps if gaps.any() else None
