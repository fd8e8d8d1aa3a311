"""Places worth a region of their own: boxes around the strongest spots, and a corner where there is little."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nbcompare.compare.image import Roi, Shape
from nbcompare.compare.metrics.region import SIGNAL_FLOOR
from nbcompare.compare.peaks import find_peaks

SPOTS = 3
LEAST_SIGNAL = 10 * SIGNAL_FLOOR
"""How bright, of the frame's brightest pixel, a corner is that another reference would not find empty."""

_LEAST_HALF, _MOST_HALF = 3, 30
_SHARE_OF_SIDE = 16
_SHARE_OF_IMAGE = 0.25
"""A box that is more of the image than this shows nothing that the whole image does not."""


def spot_places(image: np.ndarray, count: int = SPOTS) -> list[Roi]:
    """Boxes around at most ``count`` of the strongest spots of an image [slow, fast], none overlapping another, named
    spot-1 and so on; none where a box would be much of the image."""
    shape = Shape(*image.shape)
    half = _half(shape)
    found: list[Roi] = []
    for peak in find_peaks(image):
        box = _box(f"spot-{len(found) + 1}", round(peak.x), round(peak.y), half, shape)
        if _pixels(box) > _SHARE_OF_IMAGE * image.size or any(_overlap(box, other) for other in found):
            continue
        found.append(box)
        if len(found) == count:
            break
    return found


def quiet_corner(image: np.ndarray, taken: Sequence[Roi] = ()) -> Roi | None:
    """The corner of an image [slow, fast] with the least in it that can still be judged: one whose brightest
    pixel is below SIGNAL_FLOOR of the frame's is no evidence. None where there is no such corner."""
    shape = Shape(*image.shape)
    side = 2 * _half(shape) + 1
    peak = float(image.max())
    corners = [Roi("corner", x, x + side - 1, y, y + side - 1) for x in (0, shape.fast - side)
               for y in (0, shape.slow - side)] if side * side <= _SHARE_OF_IMAGE * image.size else []
    usable = [roi for roi in corners if _can_be_judged(image[roi.slices], peak)
              and not any(_overlap(roi, other) for other in taken)]
    return min(usable, key=lambda roi: float(image[roi.slices].sum()), default=None)


def _can_be_judged(pixels: np.ndarray, peak: float) -> bool:
    return float(pixels.max()) >= LEAST_SIGNAL * peak and float(pixels.min()) < float(pixels.max())


def _half(shape: Shape) -> int:
    return min(_MOST_HALF, max(_LEAST_HALF, min(shape.fast, shape.slow) // _SHARE_OF_SIDE))


def _box(name: str, x: int, y: int, half: int, shape: Shape) -> Roi:
    return Roi(name, max(0, x - half), min(shape.fast - 1, x + half), max(0, y - half), min(shape.slow - 1, y + half))


def _pixels(roi: Roi) -> int:
    return (roi.xmax - roi.xmin + 1) * (roi.ymax - roi.ymin + 1)


def _overlap(one: Roi, other: Roi) -> bool:
    return one.xmin <= other.xmax and other.xmin <= one.xmax and one.ymin <= other.ymax and other.ymin <= one.ymax

