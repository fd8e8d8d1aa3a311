"""Masks: which pixels of an image are no measurement, by rules on their values.

Detectors mark gaps and dead pixels with values of their own (-1 and -2 in CBF files of photon counters, the largest
number of an unsigned type in HDF5 files), which no figure may take for photons.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


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

    def as_dict(self) -> dict[str, object]:
        """Plain values, the way a record keeps them."""
        return {**vars(self), "equals": list(self.equals)}
