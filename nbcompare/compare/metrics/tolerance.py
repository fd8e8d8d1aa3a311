"""Pixel by pixel: how many are outside a tolerance, as users of numpy.isclose and torch.testing.assert_close think of
it, and how many representable floats lie between the images.
"""

from __future__ import annotations

import math

from nbcompare.compare.metrics.region import RegionPair
from nbcompare.compare.metrics.registry import Undefined, metric
from nbcompare.later import np

DEFAULT = {"atol": 1e-5, "rtol": 1.3e-6, "near_zero": 0.0}
"""What torch.testing.assert_close allows float32 tensors; no pixel counts as near zero."""

ULPS_OF_A_UNIT = 10 * 2.0**23
"""A factor of 2^10, about 1000, is ten powers of two with 2^23 float32 numbers in each."""


def _pixels(pair: RegionPair) -> tuple[np.ndarray, np.ndarray]:
    """Both images as flat float64 arrays of the pixels that take part."""
    x, y = (image.ravel() if pair.taken is None else image[pair.taken] for image in (pair.reference, pair.subject))
    return x.astype(np.float64), y.astype(np.float64)


def _excess(pair: RegionPair, atol: float, rtol: float, near_zero: float) -> np.ndarray:
    """|y - x| - (atol + rtol |x|) of each pixel that takes part; -inf where both are near zero."""
    x, y = _pixels(pair)
    excess: np.ndarray = pair.differences - (atol + rtol * np.abs(x))
    if near_zero:
        excess[(np.abs(x) <= near_zero) & (np.abs(y) <= near_zero)] = -np.inf
    return excess


def _outside(pair: RegionPair, atol: float = DEFAULT["atol"], rtol: float = DEFAULT["rtol"],
             near_zero: float = DEFAULT["near_zero"]) -> str:
    """How many pixels are outside, the worst of them, and the tolerances that would let all of them pass."""
    excess = _excess(pair, atol, rtol, near_zero)
    count = int(np.count_nonzero(excess > 0))
    if not count:
        return f"none of {excess.size} pixels"
    x, _ = _pixels(pair)
    at = int(np.argmax(excess))
    where = at if pair.taken is None else int(np.flatnonzero(pair.taken)[at])
    row, column = divmod(where, pair.reference.shape[1])
    outside = excess > 0
    difference, size = pair.differences[outside], np.abs(x)[outside]
    said = f"atol {float(np.max(difference - rtol * size)):.3g}"
    if size.min() > 0:
        said += f" or rtol {float(np.max((difference - atol) / size)):.3g}"
    return (f"{count} of {excess.size} pixels, the worst at fast {pair.origin[0] + column} slow "
            f"{pair.origin[1] + row} ({_shown(pair.reference[row, column])} against "
            f"{_shown(pair.subject[row, column])}); {said} would pass")


def _shown(value: np.generic) -> str:
    return str(int(value)) if value.dtype.kind in "iu" else f"{float(value):.9g}"


@metric("share_outside", range=(0, 1), best=0, parameters=DEFAULT, explain=_outside,
        sentence="Share of the pixels with |subject - reference| > atol + rtol * |reference|; pixels of a size of at "
                 "most near_zero in both images count as equal. A threshold may give atol, rtol and near_zero; "
                 "without them they are 1e-5, 1.3e-6 and 0.")
def share_outside(pair: RegionPair, atol: float = DEFAULT["atol"], rtol: float = DEFAULT["rtol"],
                  near_zero: float = DEFAULT["near_zero"]) -> float:
    excess = _excess(pair, atol, rtol, near_zero)
    return np.count_nonzero(excess > 0) / excess.size


# --- units in the last place --------------------------------------------------------------------------------


def _ulps(pair: RegionPair) -> np.ndarray:
    """How many representable floats lie between the images at each pixel that takes part, as unsigned integers.

    Floats of one sign are ordered as their bit patterns are; those of negative numbers are mirrored, so that the
    patterns of all floats become consecutive integers (Goldberg 1991, ACM Comput. Surv. 23, 5).
    """
    x, y = pair.reference, pair.subject
    if x.dtype != y.dtype or x.dtype.kind != "f":
        raise Undefined(f"the images hold {x.dtype} and {y.dtype}; units in the last place need one kind of float")
    bits = np.dtype(f"i{x.dtype.itemsize}")
    lowest = np.iinfo(bits).min

    def ordered(image: np.ndarray) -> np.ndarray:
        flat = image.ravel() if pair.taken is None else image[pair.taken]
        pattern = np.ascontiguousarray(flat.astype(image.dtype.newbyteorder("="))).view(bits)
        return np.where(pattern < 0, lowest - pattern, pattern)

    first, second = ordered(x), ordered(y)
    unsigned = np.dtype(f"u{x.dtype.itemsize}")
    apart: np.ndarray = np.maximum(first, second).astype(unsigned) - np.minimum(first, second).astype(unsigned)
    return apart


def _where_ulps(pair: RegionPair) -> str:
    ulps = _ulps(pair)
    at = int(np.argmax(ulps))
    where = at if pair.taken is None else int(np.flatnonzero(pair.taken)[at])
    row, column = divmod(where, pair.reference.shape[1])
    return (f"{np.count_nonzero(ulps)} of {ulps.size} pixels differ, the worst at fast {pair.origin[0] + column} slow "
            f"{pair.origin[1] + row}; max {int(ulps[at])} would pass")


@metric("max_ulps", range=(0, math.inf), best=0, idle=(0, ULPS_OF_A_UNIT), unit="ulp", explain=_where_ulps,
        sentence="Largest number of representable floats between the two values of a pixel (units in the last place).")
def max_ulps(pair: RegionPair) -> float:
    return float(_ulps(pair).max())
