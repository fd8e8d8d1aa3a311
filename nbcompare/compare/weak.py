"""Weak regions: what there is in a region that is far fainter than the frame, or nearly flat, and whether that can be
told from rounding, from quantisation and from the reference's own noise.

A faint region can be compared as well as a bright one, as float32 keeps seven digits of any size. It shows nothing
where its pixels take few values (whole photons, a stray pixel among zeros), where they differ in the last digits only
(something faint on a large offset), or where the reference does not repeat them. A region of which masks leave next to
nothing is looked at in the same way: its name stands for far more than was judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbcompare.compare.metrics.region import SIGNAL_FLOOR, RegionPair

RESOLVED = 1e-3
"""What must be told apart in a weak region, as a share of its own contrast: a tenth of a usual threshold of 1 %."""

LEVELS = 100
"""How many values the pixels of a weak region must take. With fewer, a scale or a shape is rounded away in them."""

LEFT = 0.01
"""A region of which masks leave a smaller share of the pixels is weak, however bright they are."""


@dataclass(frozen=True)
class WeakRegion:
    """What a weak region of the reference holds.

    ``peak_share`` is its brightest pixel over the frame's and ``contrast`` its brightest less its faintest pixel
    (photons); ``spacing`` is that of the numbers that its pixels are kept as, at the largest of them (photons), and
    ``levels`` how many values they take. ``allowed`` is why it may be judged all the same, None where nobody said so.
    """

    pixels: str
    peak_share: float
    contrast: float
    spacing: float
    levels: int
    allowed: str | None = None

    def unresolved(self, noise: float | None = None) -> str | None:
        """Why nothing can be told from this region, or None; ``noise`` is the largest difference of any pixel of the
        region (photons) between two runs of the reference, where it was measured."""
        if self.levels < LEVELS:
            return f"its pixels take {self.levels} values, and {LEVELS} are needed to see a scale or a shape"
        if self.spacing > RESOLVED * self.contrast:
            return f"its pixels differ in the last digits only ({_share(self.spacing, self.contrast)} of the contrast)"
        if noise is not None and noise > RESOLVED * self.contrast:
            return f"run again, the reference moves its pixels by {_share(noise, self.contrast)} of the contrast"
        return None

    @property
    def sentence(self) -> str:
        """Its figures in words, and who allowed it."""
        said = (f"weak: its brightest pixel is {self.peak_share:.2g} of the frame's, {self.pixels} pixels of "
                f"{self.levels} values, resolved to {_share(self.spacing, self.contrast)} of its contrast")
        return said + (f"; allowed: {self.allowed}" if self.allowed else "")

    def as_dict(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if value is not None}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> WeakRegion:
        return cls(**stored)


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.2g}" if whole else "all"


def weak_region(pair: RegionPair, allowed: str | None = None) -> WeakRegion | None:
    """What a region holds where that is weak; None where it is not, or where ``pair`` says that there is nothing."""
    if pair.fault:
        return None
    contrast, size = pair.sums.x_max - pair.sums.x_min, max(abs(pair.sums.x_max), abs(pair.sums.x_min))
    spacing = _spacing_at(pair.reference.dtype.type(size)) if pair.reference.dtype.kind == "f" else 0.0
    share = pair.sums.x_max / pair.frame_max
    hidden = pair.sums.count < LEFT * pair.area
    if share >= SIGNAL_FLOOR and spacing <= RESOLVED * contrast and not hidden:
        return None
    taken = pair.reference if pair.taken is None else pair.reference[pair.taken]
    return WeakRegion(_extent(pair, taken.size, hidden), share, contrast, spacing, int(np.unique(taken).size), allowed)


def _spacing_at(size: np.floating[Any]) -> float:
    """How far apart the numbers of a kind lie at one of them; above the largest there is no other."""
    largest = np.finfo(size.dtype).max
    return float(np.spacing(min(size, np.nextafter(largest, size.dtype.type(0)))))


def _extent(pair: RegionPair, count: int, hidden: bool) -> str:
    slow, fast = pair.reference.shape
    if pair.taken is None:
        return f"{fast} x {slow}"
    return f"{count} of {pair.area}" if hidden else str(count)
