"""Data causes that change pixel values one by one: not a number, clipped, offset, a power, lost or stray values.

Each finder carries the edit out on the reference and proves it. Rounding and noise are in files of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from nbcompare.explain.diagnose import causes
from nbcompare.explain.diagnose.cause import AS_WELL, GUESS_CONFIDENCE, Cause, build, carried_out, guess, guessed
from nbcompare.explain.diagnose.finders.read_off import read_off, told_by_place
from nbcompare.explain.diagnose.image_pair import CauseProof, ImagePair
from nbcompare.explain.diagnose.question import Question

_BENT = 1e-5
"""What a function that is no line may leave, as a share of the subject's peak: where it is steep it enlarges what two
programs differ by anyhow."""


def proven(id: str, sentence: str, proof: CauseProof, evidence: tuple[str, ...] = (), *, edit: str, prior: float = 0.6,
           confidence: float = 0.98) -> Cause:
    """A cause whose edit of the image was carried out and holds."""
    return carried_out(id, sentence, (*evidence, _left(proof)), residual=proof.residual, left=proof.left, what=edit,
                       confidence=confidence, prior=prior)


def _left(proof: CauseProof) -> str:
    return f"the edited reference is the subject to {proof.residual:.2g} of the peak"


# --- not a number, nothing, one value -----------------------------------------------------------------------


def find_not_finite(question: Question) -> Iterator[Cause]:
    pair = question.pair
    if pair.all_finite:
        return
    bad = ~pair.finite
    count = int(np.count_nonzero(bad))
    row, column = divmod(int(np.argmax(bad)), pair.fast)
    elsewhere = count < bad.size and pair.same_but(bad)
    share = count / bad.size
    yield build(causes.NAN_PIXELS,
                f"{count} of {bad.size} subject pixels are NaN or infinite, the first at x={column} y={row}",
                ("all other pixels are the same in both images",) if elsewhere else
                (f"the other {100 * (1 - share):.1f} % of the pixels differ too",),
                proven=elsewhere, tested=True, edit="pixels made NaN",
                confidence=0.99 if elsewhere else 0.75, prior=0.9)


_FLAT = 0.5
"""A reference that is nowhere darker than this share of its peak is nearly constant itself."""


def find_one_value(question: Question) -> Iterator[Cause]:
    pair = question.pair
    if not pair.all_finite or pair.reference.max() == pair.reference.min() or not pair.measured.any():
        return
    there = pair.subject[pair.measured]
    low, high = float(there.min()), float(there.max())
    if low == high and 0 < _FLAT * pair.x[pair.measured].max() < pair.x[pair.measured].min() and low > 0:
        yield guessed(causes.CONSTANT_IMAGE, f"every subject pixel is {low:g}",
                      ("no proof: the reference is nearly constant, and many a cause makes it wholly so",),
                      confidence=GUESS_CONFIDENCE, prior=0.5, residual=0.0, left=0.0)
        if high < pair.x[pair.measured].min():
            yield guessed(causes.CLIPPED, f"the subject is clipped at {high:g}, which all of the reference exceeds",
                          ("no proof: a constant image would be the same",),
                          confidence=GUESS_CONFIDENCE, prior=0.45, residual=0.0, left=0.0)
    elif low == high:
        id = causes.ZERO_IMAGE if low == 0 else causes.CONSTANT_IMAGE
        yield carried_out(id, f"every subject pixel is {low:g}", ("the reference is no such image",), residual=0.0,
                          left=0.0, what=f"all pixels set to {low:g}", confidence=0.99, prior=0.9)


# --- every pixel in the same way ------------------------------------------------------------------------------


def find_limits(question: Question) -> Iterator[Cause]:
    """Clipped above, clipped below, small values lost."""
    pair = question.pair
    if pair.agree or not pair.all_finite:
        return
    if not pair.measured.any():
        return
    there = pair.subject[pair.measured]
    top, bottom = float(there.max()), float(there.min())
    if top < pair.x.max() and top > bottom:
        proof = pair.prove_each(lambda x: np.minimum(x, top))
        if proof.holds:
            count = int(np.count_nonzero(pair.x > top))
            yield proven(causes.CLIPPED,
                         f"the subject is clipped at {top:g}: {count} brighter reference pixels hold it", proof,
                         edit=f"clipped at {top:g}", prior=0.85)
    if bottom > pair.x[pair.measured].min() and top > bottom:
        proof = pair.prove_each(lambda x: np.maximum(x, bottom))
        if proof.holds:
            yield proven(causes.FLOORED, f"the subject is never below {bottom:g}, which the reference is", proof,
                         edit=f"clipped below at {bottom:g}", prior=0.8)
    lost = (pair.y == 0) & (pair.x != 0)
    if lost.any() and not lost.all():
        limit = float(np.abs(pair.x[lost]).max())
        proof = pair.prove_each(lambda x: np.where(np.abs(x) <= limit, 0, x))
        kept = np.abs(pair.x[~lost & (pair.x != 0)])
        if proof.holds and kept.size and float(kept.min()) > 0.99 * limit:
            sentence = f"reference values up to {limit:.4g} are zero in the subject"
            either = told_by_place(question, lost)  # then a limit of resolution is to be looked for as well
            yield proven(causes.SMALL_VALUES_LOST, sentence, proof, edit=f"values up to {limit:.4g} set to zero",
                         prior=0.7, confidence=0.9 if either else 0.98)


def find_pixel_functions(question: Question) -> Iterator[Cause]:
    """Sign, overflow, logarithm, powers."""
    pair = question.pair
    if pair.agree or not pair.all_finite:
        return
    x = pair.x
    if (pair.y <= 0).all() and pair.y.any():
        proof = pair.prove_each(np.negative)
        if proof.holds:
            yield proven(causes.SIGN_FLIPPED, "the subject is the reference with its sign changed", proof,
                         edit="sign changed", prior=0.9)
    bits = math.ceil(math.log2(pair.y.max())) if pair.y.max() > 0 else 0
    if x.max() >= 2.0**bits > pair.y.max():
        proof = pair.prove_each(lambda x: np.mod(x, 2.0**bits))
        if proof.holds:
            yield proven(causes.INTEGER_OVERFLOW, f"the subject's values wrap around at 2^{bits}", proof,
                         edit=f"mod 2^{bits}", prior=0.7)
    for name, function in (("ln(1 + x)", np.log1p), ("log10(1 + x)", lambda v: np.log10(1 + v))):
        proof = pair.prove_each(_of_positive(function))
        if proof.residual <= _BENT and proof.left < 1e-3:
            yield proven(causes.LOGARITHM, f"the subject is {name} of the reference", proof, edit=name)
    yield from _power(question)


_SPREAD, _PLAIN_SPREAD, _TELLING = 0.01, 1e-3, 50
"""Standard deviation of ln reference from which on a power shows, and one without a factor besides; and how far it must
reach beyond its own scatter."""


def _of_positive(function: Callable[[np.ndarray], np.ndarray]) -> Callable[[np.ndarray], np.ndarray]:
    """The function of what is above zero."""
    return lambda values: function(np.maximum(values, 0))


def _power(question: Question) -> Iterator[Cause]:
    pair = question.pair
    rows, columns = pair.sample
    lit = (pair.x[rows, columns] > 1e-5 * pair.peak) & (pair.y[rows, columns] > 0)
    rows, columns = rows[lit], columns[lit]
    if rows.size < 20:
        return
    x, y = np.log(pair.x[rows, columns]), np.log(pair.y[rows, columns])
    if x.std() < _PLAIN_SPREAD:
        return
    slope, intercept = np.polyfit(x, y, 1)
    scatter = float(np.std(y - slope * x - intercept))
    if abs(slope) < 0.1 or scatter > 1e-3 or abs(slope - 1) * float(x.std()) < _TELLING * scatter:
        return
    factor = math.exp(intercept)
    proof = pair.prove_each(lambda x: factor * np.maximum(x, 0) ** slope)
    if proof.left > 1 / _TELLING:
        return
    sentence = f"the subject is {factor:.6g} * reference^{slope:.6g}"
    alone = float(np.vdot(x, y) / np.vdot(x, x))
    of_power = pair.prove_each(lambda x: np.maximum(x, 0) ** alone)
    plain = of_power.residual <= _BENT and of_power.left <= AS_WELL * proof.left  # then the factor is 1, not fitted
    if proof.residual <= _BENT and (plain or x.std() >= _SPREAD):
        yield read_off(question, causes.POWER_LAW, sentence, (f"log-log line with scatter {scatter:.1g}",), proof,
                       numbers=(slope,) if plain else (slope, factor), what=f"power {slope:.4g}", confidence=0.95,
                       prior=0.7)


def find_offset(question: Question) -> Iterator[Cause]:
    """A constant on top, alone or with a scale. Pixels that are zero in both images have none on top: they are gaps, or
    were not rendered."""
    pair = question.pair
    if pair.agree or not pair.all_finite or pair.reference.max() == pair.reference.min():
        return
    lit = (pair.x != 0) | (pair.y != 0)
    if 2 * np.count_nonzero(lit) < lit.size:
        lit[:] = True  # what holds where there is signal alone is no constant
    rows, columns = (places[lit[pair.sample]] for places in pair.sample)
    offset = float(np.median(pair.difference[rows, columns]))
    proof = _prove_where(pair, lit, lambda x: x + offset)
    if offset and proof.holds:
        note = " (the adc offset of 40)" if abs(offset - 40) < 1e-3 else ""
        where = "every pixel" if lit.all() else "every pixel but those that are zero in both images"
        yield read_off(question, causes.BACKGROUND_OFFSET, f"{offset:.6g}{note} was added to {where}", (_left(proof),),
                       proof, numbers=(offset,), what=f"{offset:.8g} added", confidence=0.98, prior=0.9)
        return
    scale, offset = line(pair, (rows, columns))
    if not scale > 0 or abs(scale - 1) < 1e-9:
        return
    proof = _prove_where(pair, lit, lambda x: scale * x + offset)
    if proof.residual <= 1e-6 and abs(offset) > 1e-6 * pair.yardstick and proof.left < 0.05:
        yield read_off(question, causes.SCALE_AND_OFFSET, f"the subject is {scale:.8g} * reference + {offset:.6g}",
                       (f"leaves {proof.residual:.2g} of the peak",), proof, numbers=(scale, offset),
                       what=f"scaled by {scale:.8g}, {offset:.6g} added", confidence=0.95, prior=0.5)


def _prove_where(pair: ImagePair, where: np.ndarray, function: Callable[[np.ndarray], np.ndarray]) -> CauseProof:
    """Prove a function of each pixel's value on the pixels of ``where``, a mask [slow, fast]; telling ones first."""
    rows, columns = (places[where[pair.sample]] for places in pair.sample)
    first = pair.prove_at(rows, columns, function(pair.x[rows, columns]))
    return pair.prove(function(pair.x), where) if first.worst_allows else first


def line(pair: ImagePair, at: tuple[np.ndarray, np.ndarray] | None = None) -> tuple[float, float]:
    """Least squares (scale, offset) of the subject over the reference, on unsaturated pixels of the rows and columns
    ``at``, or of the sample."""
    x, y = pair.x[at or pair.sample], pair.y[at or pair.sample]
    keep = y < pair.yardstick
    x, y = x[keep], y[keep]
    if x.size < 2:
        return 0.0, 0.0
    mean_x, mean_y = float(x.mean()), float(y.mean())
    spread = float(np.vdot(x - mean_x, x - mean_x))
    scale = float(np.vdot(x - mean_x, y - mean_y)) / spread if spread > 0 else 0.0
    return scale, mean_y - scale * mean_x


def find_outliers(question: Question) -> Iterator[Cause]:
    """A few pixels that stand alone; everything else is the same."""
    pair = question.pair
    if pair.agree:
        return
    strays = ~pair.same
    count = int(np.count_nonzero(strays))
    if count == 0 or count > max(20, pair.x.size // 500) or not pair.same_but(strays):
        return
    rows, columns = np.nonzero(strays)
    alone = _isolated(rows, columns)
    if alone < 0.8 * count:
        return
    standing_out = _standing_out(pair.y, rows, columns)
    worst = int(np.argmax(np.abs(pair.difference[rows, columns])))
    row, column = int(rows[worst]), int(columns[worst])
    off = np.abs(pair.difference)
    elsewhere = float(np.where(strays, 0, off).max())
    plainly = float(np.median(off[strays])) > _PLAINLY * elsewhere
    sharp = question.command.has("-binary_spots", "-tophat_spots")  # there a pixel jumps while its neighbours stay
    nothing_else = not sharp and float(off[strays].min()) > max(_NOTHING_ELSE * elsewhere, _SEEN * pair.peak)
    if (standing_out < 0.8 * count and not nothing_else) or not plainly:
        yield guessed(causes.SINGLE_PIXELS, f"{count} pixels here and there differ, by no more than neighbours do",
                      ("all other pixels are the same in both images",), confidence=guess(0.3), prior=0.3)
        return
    where = "single pixels differ, the most at" if count > 1 else "single pixel differs, at"
    yield carried_out(causes.SINGLE_PIXELS, f"{count} {where} x={column} "
                      f"y={row} (reference {pair.x[row, column]:.6g}, subject {pair.y[row, column]:.6g})",
                      ("all other pixels are the same in both images",), residual=0.0, left=None,
                      what=f"{count} pixels changed", prior=0.55,
                      confidence=0.95 if nothing_else else guess(0.3 + alone / count / 2))


_PLAINLY = 5.0
"""Pixels that stand alone differ by so many times more than any other: else they are the worst of what differs."""
_NOTHING_ELSE, _SEEN = 1e3, 1e-4
"""By so many times more, and by this share of the peak, and no change of geometry or physics is left: it would have
moved their neighbours too."""


def _standing_out(image: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> int:
    """How many of the pixels hold a value that none of their neighbours reaches, upwards or downwards: at the edge of
    a spot the value of a neighbour is a likely one."""
    count = 0
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        around = image[max(0, row - 1):row + 2, max(0, column - 1):column + 2]
        others = np.delete(around.ravel(), (row - max(0, row - 1)) * around.shape[1] + column - max(0, column - 1))
        count += not others.min() <= image[row, column] <= others.max()
    return count


def _isolated(rows: np.ndarray, columns: np.ndarray) -> int:
    """How many of the places have no other one beside them."""
    places = set(zip(rows.tolist(), columns.tolist(), strict=True))
    beside = ((0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1))
    return sum(1 for r, c in places if not any((r + dr, c + dc) in places for dr, dc in beside))


FINDERS = (find_not_finite, find_one_value, find_limits, find_pixel_functions, find_offset, find_outliers)
