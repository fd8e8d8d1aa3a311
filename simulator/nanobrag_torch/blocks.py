"""The rows of an image a block at a time, so that work on an image needs no memory of its size."""

from __future__ import annotations

from collections.abc import Iterator

BLOCK_PIXELS = 65_536


def row_blocks(shape: tuple[int, int]) -> Iterator[slice]:
    """All rows of an image [slow, fast], in order."""
    slow, fast = shape
    height = max(1, BLOCK_PIXELS // max(1, fast))
    for start in range(0, slow, height):
        yield slice(start, min(start + height, slow))
