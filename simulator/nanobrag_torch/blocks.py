"""The rows of an image a block at a time, so that work on an image needs no memory of its size."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

BLOCK_PIXELS = 65_536


def row_blocks(shape: tuple[int, int], first: int = 0) -> Iterator[slice]:
    """All rows of an image [slow, fast] from the first one given, in order."""
    slow, fast = shape
    height = max(1, BLOCK_PIXELS // max(1, fast))
    for start in range(first, slow, height):
        yield slice(start, min(start + height, slow))


def region_blocks(image, roi: tuple[int, int, int, int]) -> Iterator[tuple[int, np.ndarray]]:
    """The pixels of a region of interest (first and last fast, first and last slow) of an image, read a block at a
    time: the first row of each and its pixels [n, width]."""
    x0, x1, y0, y1 = roi
    for rows in row_blocks((y1 + 1, image.shape[1]), y0):
        yield rows.start, image[rows][:, x0 : x1 + 1]


def part_of_region(rows: slice, roi: tuple[int, int, int, int]) -> tuple[slice, slice]:
    """What of a block of rows belongs to a region of interest: its rows, counted from the first of the block, and its
    columns."""
    x0, x1, y0, y1 = roi
    return slice(max(y0 - rows.start, 0), max(y1 + 1 - rows.start, 0)), slice(x0, x1 + 1)


def not_finite(image) -> int:
    """How many pixels of an image are no finite numbers."""
    return sum(int(np.count_nonzero(~np.isfinite(image[rows]))) for rows in row_blocks(image.shape))
