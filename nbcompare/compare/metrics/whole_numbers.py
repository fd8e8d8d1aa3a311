"""Differences of whole numbers that float64 cannot tell apart."""

from __future__ import annotations

from nbcompare.later import np

_HALF, _LOW = 32, 0xFFFFFFFF


def are_wide(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether both are whole numbers, and of a type that float64 does not hold all numbers of."""
    return all(image.dtype.kind in "iu" for image in (x, y)) and max(x.dtype.itemsize, y.dtype.itemsize) > 4


def exact_difference(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """y - x of two arrays of whole numbers, as float64 that is rounded once. Beyond 2^53 a float64 is whole numbers
    apart from the next, so that y - x of float64s may be 0 where they differ. Taken in halves of 32 bits, each of which
    float64 holds."""
    x, y = (image.astype(np.int64 if image.dtype.kind == "i" else np.uint64) for image in (x, y))
    high = (y >> _HALF).astype(np.float64) - (x >> _HALF).astype(np.float64)
    low = (y & _LOW).astype(np.float64) - (x & _LOW).astype(np.float64)
    difference: np.ndarray = high * 2.0**_HALF + low
    return difference
