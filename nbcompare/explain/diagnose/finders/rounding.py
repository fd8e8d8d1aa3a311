"""Data causes that leave fewer digits: halves, whole numbers, multiples of a step, text, a digital image.

The last bit decides here and two programs differ in it, so nothing is carried out on the reference: the subject's
own values must lie on the coarse grid, each next to the reference's value.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nbcompare.explain.diagnose import causes
from nbcompare.explain.diagnose.cause import Cause, carried_out
from nbcompare.explain.diagnose.finders.values import line
from nbcompare.explain.diagnose.image_pair import ImagePair
from nbcompare.explain.diagnose.question import Question

_ALL_WHOLE = 2.0**24
"""From here on every float32 is a whole number."""

_SUBNORMAL_BITS = 149
"""Below 2^-126 float32 are multiples of 2^-149: there a cut of bits takes a step, and not a share of the value."""

_HALF, _WHOLE_STEP = 0.5005, 1.001
"""How far a value that is rounded, or cut, to a multiple of a step may lie from what it was, in steps."""


def find_rounding(question: Question) -> Iterator[Cause]:
    """The subject's values lie on a coarser grid, each next to the reference's value."""
    pair = question.pair
    sub = pair.subject
    if pair.agree:
        return
    if not pair.all_finite:
        yield from _overflowed_halves(pair)
        return
    if np.count_nonzero(sub) < 20 or sub[pair.measured].min() == sub[pair.measured].max():  # one value says no grid
        return
    yield from _exactly_rounded(pair)
    yield from _binary_rounding(pair)
    yield from _whole_numbers(pair)
    yield from _steps(pair)
    yield from _digits(pair)


def _exactly_rounded(pair: ImagePair) -> Iterator[Cause]:
    """The reference rounded in one of the usual ways, bit for bit: small whole numbers are short floats as well, and
    of tiny values both short floats keep few bits."""
    with np.errstate(over="ignore"):
        for id, words, rounded, prior in (
                (causes.INTEGER_ROUNDING, "a whole number", np.rint(pair.reference), 0.97),
                (causes.FLOAT16_ROUNDING, "a float16 number", pair.reference.astype(np.float16), 0.96)):
            if np.array_equal(rounded.astype(np.float32), pair.subject):
                yield carried_out(id, f"every subject value is {words}, rounded from the reference's",
                                  ("the rounded reference is the subject, bit for bit",), residual=0.0, left=0.0,
                                  what=words, confidence=0.98, prior=prior)


def _overflowed_halves(pair: ImagePair) -> Iterator[Cause]:
    """The subject is infinite exactly where half precision is, and rounded to it elsewhere."""
    if not pair.finite.any() or not np.array_equal(~pair.finite, pair.x >= 65520):
        return  # wholly infinite, it may be anything
    x, y = pair.x[pair.finite], pair.y[pair.finite]
    if (y.astype(np.float16) == y).all() and (np.abs(y - x) <= 1e-3 * np.abs(x) + 1e-7).all():
        yield carried_out(causes.FLOAT16_ROUNDING, "the subject's values are float16 numbers, infinite above 65504",
                          ("all finite values are within one step of 0.001 of the reference's",), residual=None,
                          left=None, what="float16 rounding", confidence=0.98, prior=0.95)


def _trailing_zeros(values: np.ndarray) -> int:
    """How many last bits are zero in all float32 values."""
    bits = int(np.bitwise_or.reduce(np.ascontiguousarray(values).view(np.uint32), axis=None))
    return (bits & -bits).bit_length() - 1 if bits else 32


def _binary_rounding(pair: ImagePair) -> Iterator[Cause]:
    if _trailing_zeros(pair.subject[pair.sample]) < 4:
        return
    trailing = _trailing_zeros(pair.subject)
    if not 4 <= trailing <= 23 or _trailing_zeros(pair.reference) >= trailing:
        return  # what the reference's own values are like was not done to the subject
    nonzero = pair.subject != 0
    x, y = pair.reference[nonzero], pair.subject[nonzero]
    few = slice(None, None, max(1, y.size // 5000))
    if np.mean(np.abs(y[few] - x[few]) <= np.abs(x[few]) * 2.0 ** -(21 - trailing) + 1e-7 * pair.peak) < 0.9:
        return
    with np.errstate(over="ignore"):
        is_half = bool((pair.subject.astype(np.float16).astype(np.float32) == pair.subject).all())
    tiny = 2.0**-24 if is_half else 2.0 ** (trailing - _SUBNORMAL_BITS)
    off = np.abs(y.astype(np.float64) - x)
    step = np.abs(x.astype(np.float64)) * 2.0 ** -(22 - trailing) + tiny
    near = np.count_nonzero(off <= step * 1.001 + 1e-7 * np.abs(x)) >= 0.999 * off.size
    if not near:
        return
    kept = 23 - trailing
    id, what = ((causes.BFLOAT16_ROUNDING, "bfloat16") if trailing >= 16 else
                (causes.FLOAT16_ROUNDING, "float16") if is_half and trailing >= 13 else (causes.MANTISSA_ROUNDING,
                                                                                         f"{kept} bits of mantissa"))
    rounded = np.count_nonzero(off <= step * 0.5005 + 1e-7 * np.abs(x)) >= 0.999 * off.size
    yield carried_out(id,
                      f"every subject value is a {what} number, {'rounded' if rounded else 'cut'} from the reference's",
                      (f"the last {trailing} bits of all {y.size} nonzero values are zero",
                       f"no value is further than one step of {2.0 ** -kept:.1g} from the reference's"),
                      residual=pair.worst, left=None, what=f"{what} rounding", confidence=0.98, prior=0.8)


def _whole_numbers(pair: ImagePair) -> Iterator[Cause]:
    y, some = pair.y, pair.y[pair.sample]
    if not (some == np.rint(some)).all() or (pair.x[pair.sample] == np.rint(pair.x[pair.sample])).all():
        return
    lit = (pair.x > 0.5) | (y != 0)
    if not (y == np.rint(y)).all() or np.count_nonzero(lit) < 5:
        return
    off, y = pair.difference[lit], y[lit]
    ways = {"rounded": np.abs(off) <= 0.5001, "cut": (off <= 1e-4) & (off > -1.0001),
            "rounded up": (off >= -1e-4) & (off < 1.0001) & _none_at_zero(pair)}
    for way, fits in ways.items():
        slack = np.abs(off) <= 1e-6 * np.abs(y) + 0.5
        if np.count_nonzero(fits | slack & (way == "rounded")) >= 0.999 * off.size:
            yield carried_out(causes.INTEGER_ROUNDING,
                              f"every subject value is a whole number, {way} from the reference's",
                              (f"{int(np.count_nonzero(y))} values are not zero, all of them whole",),
                              residual=pair.worst, left=None, what=f"values {way} to whole numbers", confidence=0.98,
                              prior=0.8)
            return


def _none_at_zero(pair: ImagePair) -> bool:
    """Whether no more than a few values that are more than nothing have become 0: rounding up leaves none there, but
    photons counted of a faint image leave nearly all."""
    there = pair.x > 1e-9 * pair.peak
    return bool(np.count_nonzero(there & (pair.y == 0)) <= 1e-3 * np.count_nonzero(there))


def _steps(pair: ImagePair) -> Iterator[Cause]:
    """Multiples of one step, perhaps with scale and offset: a digital image read as float."""
    rows, columns = pair.sample
    values = np.unique(pair.y[rows, columns])
    if values.size < 3:
        return
    gaps = np.diff(values)
    step = _refined(values, float(gaps.min()))
    if step <= 0 or not np.allclose((values - values[0]) / step, np.rint((values - values[0]) / step),
                                    atol=0.02, rtol=1e-6) or step < 1e-6 * pair.peak:
        return
    if _multiples(pair, values, step):
        yield _quantised(pair, values, step, rows.size)
        return
    scale, offset = line(pair)
    lit = ((scale * pair.x > 0.5 * step) | (pair.y != values[0])) & pair.measured
    off = np.abs(pair.y - (scale * pair.x + offset))[lit]
    if scale <= 0 or off.size < 5 or off.max() < 0.1 * step or np.count_nonzero(off <= 1.01 * step) < 0.995 * off.size:
        return
    unscaled = np.count_nonzero(np.abs(pair.difference[lit]) <= 1.01 * step) >= 0.995 * off.size
    if unscaled or abs(scale - 1) < 1e-3 and abs(offset) <= step:  # of few lit pixels no line is told well
        if step != 1:
            yield _quantised(pair, values, step, rows.size)
        return
    if (pair.y == np.rint(pair.y)).all() and float(np.abs(values[values != 0]).min()) < _ALL_WHOLE:
        yield carried_out(causes.INTEGER_IMAGE,
                          f"the subject is round({scale:.6g} * reference + {offset:.4g}), whole numbers",
                          (f"{values.size} different values among {rows.size} pixels",),
                          residual=float(off.max()) / pair.peak, left=None,
                          what=f"scaled by {scale:.6g}, {offset:.4g} added, rounded", confidence=0.97, prior=0.7)


def _multiples(pair: ImagePair, values: np.ndarray, step: float) -> bool:
    """Whether every value is a whole multiple of the step next to the reference's, up to a few in a thousand. No line
    through both images is asked for: of an image whose values span a few steps it is anything."""
    count = np.rint(values / step)
    if step == 1 or float(np.abs(values / step - count).max()) > 0.02 or pair.worst * pair.peak < 0.1 * step:
        return False
    off = np.abs(pair.difference[pair.measured])
    return bool(np.mean(off <= _HALF * step) > 0.995 or np.mean(off <= _WHOLE_STEP * step) > 0.9999)


def _quantised(pair: ImagePair, values: np.ndarray, step: float, looked_at: int) -> Cause:
    return carried_out(causes.QUANTISED, f"the subject's values are multiples of {step:.6g}",
                       (f"{values.size} different values among {looked_at} pixels",), residual=pair.worst, left=None,
                       what=f"rounded to multiples of {step:.6g}", confidence=0.97, prior=0.7)


def _refined(values: np.ndarray, step: float) -> float:
    """A step that is known from two neighbours, told better and better by values further away: the gap of two large
    float32 is off by their rounding, which over thousands of steps is more than one."""
    if not step > 0:
        return step
    for value in values[1:]:
        count = round(float(value - values[0]) / step)
        if count > 0:
            step = float(value - values[0]) / count
    return step


def _digits(pair: ImagePair) -> Iterator[Cause]:
    rows, columns = pair.sample
    picked = np.flatnonzero(pair.subject[rows, columns])[:600]
    values = pair.subject[rows[picked], columns[picked]]
    source = pair.reference[rows[picked], columns[picked]]
    if values.size < 20:
        return
    for digits in range(2, 7):
        written = np.array([f"{value:.{digits - 1}e}" for value in values.tolist()], dtype=np.float32)
        if (written == values).all():
            unit = 10.0 ** (np.floor(np.log10(np.abs(source.astype(float)) + 1e-300)) - digits + 1)
            if (np.abs(values.astype(float) - source) <= 1.01 * unit).all() and not (source == values).all():
                yield carried_out(causes.TEXT_DIGITS,
                                  f"the subject's values have {digits} significant digits, as text has",
                                  (f"true of all {values.size} values looked at",), residual=pair.worst, left=None,
                                  what=f"rounded to {digits} digits", confidence=0.96, prior=0.6)
            return


FINDERS = (find_rounding,)
