"""Differences of whole numbers that float64 cannot tell apart."""

from __future__ import annotations

import numpy as np

_HALF, _LOW = 32, 0xFFFFFFFF


def exact_difference(x: np.ndarray, y: np.ndarray) -> np.ndarray | None:
    """y - x of two arrays of whole numbers, rounded to float64 once; None where float64 holds the numbers of either, or
    one is of floating point. Beyond 2^53 a float64 is whole numbers apart from the next, so that y - x of float64s may
    be 0 where they differ. Taken in halves of 32 bits, each of which float64 holds."""
    if any(image.dtype.kind not in "iu" for image in (x, y)) or max(x.dtype.itemsize, y.dtype.itemsize) <= 4:
        return None
    x, y = (image.astype(np.int64 if image.dtype.kind == "i" else np.uint64) for image in (x, y))
    high = (y >> _HALF).astype(np.float64) - (x >> _HALF).astype(np.float64)
    low = (y & _LOW).astype(np.float64) - (x & _LOW).astype(np.float64)
    difference: np.ndarray = high * 2.0**_HALF + low
    return difference
