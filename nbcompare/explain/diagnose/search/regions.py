"""Regions: where an image is rendered again to try a hypothesis.

An image that is soon rendered is rendered whole. Of another, squares are taken about the strongest differences and
about the brightest peaks of either image, spread over the detector so that no hypothesis is right in one place only;
they are the smaller the more steps a pixel takes.
"""

from __future__ import annotations

import math

import numpy as np

from nbcompare.compare.image import Roi, Shape
from nbcompare.explain.diagnose.image_pair import ImagePair, largest

WHOLE_WORK = 100_000
"""Steps (of sources, phi, domains, sub-pixels and layers) up to which an image is rendered whole: some 0.1 s."""

SQUARE_WORK = 50_000
SIDES = (40, 96)
"""Steps of a square, as far as its sides in pixels allow."""

COUNT = 6


def choose_regions(pair: ImagePair, steps: int) -> list[Roi]:
    """The regions, the most telling first. ``steps`` are those of one pixel."""
    shape = Shape(slow=pair.slow, fast=pair.fast)
    if pair.slow * pair.fast * steps <= WHOLE_WORK:
        return [Roi.full(shape)]
    side = int(min(SIDES[1], max(SIDES[0], math.sqrt(SQUARE_WORK / steps))))
    chosen: list[Roi] = []
    strongest = _ordered(np.abs(pair.difference), side)
    lists = [strongest, _ordered(pair.y, side), _ordered(pair.x, side)]
    while len(chosen) < COUNT and any(lists):
        places = lists[len(chosen) % 3] or max(lists, key=len)
        row, column = places.pop(0)
        region = _square(row, column, side, shape, len(chosen))
        if not any(_overlap(region, other) for other in chosen):
            chosen.append(region)
        elif not any(lists):
            break
    return chosen


def _ordered(image: np.ndarray, side: int, count: int = 3000) -> list[tuple[int, int]]:
    """The places of the largest values, one per cell of a coarse grid, largest first."""
    flat = image.ravel()
    picked = largest(image, count)
    picked = picked[np.argsort(-flat[picked], kind="stable")]
    rows, columns = np.divmod(picked, image.shape[1])
    _, first = np.unique(np.stack((rows // side, columns // side)), axis=1, return_index=True)
    keep = np.sort(first)
    return [(int(rows[i]), int(columns[i])) for i in keep if flat[picked[i]] > 0]


def _square(row: int, column: int, side: int, shape: Shape, number: int) -> Roi:
    low = [max(0, min(at - side // 2, size - side)) for at, size in ((column, shape.fast), (row, shape.slow))]
    high = [min(size, start + side) - 1 for start, size in zip(low, (shape.fast, shape.slow), strict=True)]
    return Roi(f"region {number + 1}", low[0], high[0], low[1], high[1])


def _overlap(a: Roi, b: Roi) -> bool:
    return a.xmin <= b.xmax and b.xmin <= a.xmax and a.ymin <= b.ymax and b.ymin <= a.ymax
