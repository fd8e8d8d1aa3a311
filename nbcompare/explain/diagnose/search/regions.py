"""Regions: where an image is rendered again to try a hypothesis.

A small image is rendered whole. Of a large one, squares are taken about the strongest differences and about the
brightest peaks of either image, spread over the detector so that a hypothesis cannot be right in one place only.
"""

from __future__ import annotations

import numpy as np

from nbcompare.compare.image import Roi, Shape
from nbcompare.explain.diagnose.image_pair import ImagePair, largest

WHOLE_UP_TO = 40_000
SIDE = 64
COUNT = 6


def choose_regions(pair: ImagePair) -> list[Roi]:
    """The regions, the most telling first."""
    shape = Shape(slow=pair.slow, fast=pair.fast)
    if pair.slow * pair.fast <= WHOLE_UP_TO:
        return [Roi.full(shape)]
    chosen: list[Roi] = []
    strongest = _ordered(np.abs(pair.difference))
    lists = [strongest, _ordered(pair.y), _ordered(pair.x)]
    while len(chosen) < COUNT and any(lists):
        places = lists[len(chosen) % 3] or max(lists, key=len)
        row, column = places.pop(0)
        region = _square(row, column, shape, len(chosen))
        if not any(_overlap(region, other) for other in chosen):
            chosen.append(region)
        elif not any(lists):
            break
    return chosen


def _ordered(image: np.ndarray, count: int = 3000) -> list[tuple[int, int]]:
    """The places of the largest values, one per cell of a coarse grid, largest first."""
    flat = image.ravel()
    picked = largest(image, count)
    picked = picked[np.argsort(-flat[picked], kind="stable")]
    rows, columns = np.divmod(picked, image.shape[1])
    _, first = np.unique(np.stack((rows // SIDE, columns // SIDE)), axis=1, return_index=True)
    keep = np.sort(first)
    return [(int(rows[i]), int(columns[i])) for i in keep if flat[picked[i]] > 0]


def _square(row: int, column: int, shape: Shape, number: int) -> Roi:
    low = [max(0, min(at - SIDE // 2, size - SIDE)) for at, size in ((column, shape.fast), (row, shape.slow))]
    high = [min(size, start + SIDE) - 1 for start, size in zip(low, (shape.fast, shape.slow), strict=True)]
    return Roi(f"region {number + 1}", low[0], high[0], low[1], high[1])


def _overlap(a: Roi, b: Roi) -> bool:
    return a.xmin <= b.xmax and b.xmin <= a.xmax and a.ymin <= b.ymax and b.ymin <= a.ymax
