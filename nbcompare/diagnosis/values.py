"""Data causes that change pixel values one by one: rounding, clipping, offsets, powers, noise, lost values.

Each finder looks at what the defect must do to every pixel; most carry the edit out on the reference and prove
it, those that depend on the last bit (rounding) hold the subject's own values against the grid they must lie on.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from nbcompare.diagnosis.cause import Cause, entry, guess
from nbcompare.diagnosis.pair import ImagePair, Proof
from nbcompare.diagnosis.question import Question

NAN = entry("nan-pixels", "data", "Pixels of the subject are NaN or infinite.")
ZERO = entry("zero-image", "data", "The subject is zero everywhere.")
CONSTANT = entry("constant-image", "data", "The subject holds one value everywhere.")
FLOAT16 = entry("float16-rounding", "data", "The subject was rounded to half precision (float16).")
BFLOAT16 = entry("bfloat16-rounding", "data", "The subject was rounded to bfloat16, 8 bits of mantissa.")
MANTISSA = entry("mantissa-rounding", "data", "The subject's mantissas were cut to fewer bits than float32 has.")
INTEGER = entry("integer-rounding", "data", "The subject was rounded to whole numbers.")
QUANTUM = entry("quantised", "data", "The subject's values are multiples of one step.")
INT_IMAGE = entry("integer-image", "data", "The subject is the scaled integer image (scale and adc) given as float.")
DIGITS = entry("text-digits", "data", "The subject's values were written as text with few digits.")
CLIPPED = entry("clipped", "data", "The subject is clipped (saturated) at a highest value.")
FLOORED = entry("floored", "data", "The subject is clipped at a lowest value.")
CUT = entry("small-values-lost", "data", "Values below a limit are zero in the subject.")
WRAPPED = entry("integer-overflow", "data", "The subject's values wrap around at a power of two.")
NEGATED = entry("sign-flipped", "data", "The subject is the reference with its sign changed.")
POWER = entry("power-law", "data", "The subject is a power of the reference (F for F^2, a square root, a square).")
LOG = entry("logarithm", "data", "The subject is the logarithm of the reference.")
OFFSET = entry("background-offset", "data", "A constant was added to every pixel.")
AFFINE = entry("scale-and-offset", "data", "Every pixel was scaled and a constant was added.")
POISSON = entry("poisson-noise", "data", "Photon (Poisson) noise was added to the subject.")
GAUSSIAN = entry("gaussian-noise", "data", "Noise of constant width was added to the subject.")
GAIN_NOISE = entry("gain-noise", "data", "Noise in proportion to the value was added to the subject.")
OUTLIERS = entry("single-pixels", "data", "A few single pixels hold other values; all the rest is the same.")


def proven(id: str, sentence: str, proof: Proof, evidence: tuple[str, ...] = (), *, edit: str, prior: float = 0.6,
           confidence: float = 0.98) -> Cause:
    """A cause whose edit of the image was carried out and holds."""
    return Cause(id, sentence, (*evidence, _left(proof)), True, True, proof.residual, proof.left,
                 {"kind": "image", "what": edit}, confidence, prior)


def _left(proof: Proof) -> str:
    return f"the edited reference is the subject to {proof.residual:.2g} of the peak"


# --- not a number, nothing, one value -----------------------------------------------------------------------


def find_not_finite(question: Question) -> Iterator[Cause]:
    pair = question.pair
    if pair.all_finite:
        return
    if _overflowed_halves(pair):
        yield Cause(FLOAT16, "the subject's values are float16 numbers, infinite above 65504",
                    ("all finite values are within one step of 0.001 of the reference's",), True, True, None, None,
                    {"kind": "image", "what": "float16 rounding"}, 0.98, 0.95)
    bad = ~pair.finite
    count = int(np.count_nonzero(bad))
    row, column = divmod(int(np.argmax(bad)), pair.fast)
    elsewhere = count < bad.size and pair.same_but(bad)
    share = count / bad.size
    yield Cause(NAN, f"{count} of {bad.size} subject pixels are NaN or infinite, the first at x={column} y={row}",
                ("all other pixels are the same in both images",) if elsewhere else
                (f"the other {100 * (1 - share):.1f} % of the pixels differ too",),
                True, elsewhere, None, None, {"kind": "image", "what": "pixels made NaN"},
                0.99 if elsewhere else 0.75, 0.9)


def _overflowed_halves(pair: ImagePair) -> bool:
    """Whether the subject is infinite exactly where half precision is, and rounded to it elsewhere."""
    if not np.array_equal(~pair.finite, pair.x >= 65520):
        return False
    x, y = pair.x[pair.finite], pair.y[pair.finite]
    return bool((y.astype(np.float16) == y).all() and (np.abs(y - x) <= 1e-3 * np.abs(x) + 1e-7).all())


def find_one_value(question: Question) -> Iterator[Cause]:
    pair = question.pair
    if not pair.all_finite or pair.reference.max() == pair.reference.min():
        return
    low, high = float(pair.subject.min()), float(pair.subject.max())
    if low == high:
        id = ZERO if low == 0 else CONSTANT
        yield Cause(id, f"every subject pixel is {low:g}", ("the reference is no such image",), True, True, 0.0, 0.0,
                    {"kind": "image", "what": f"all pixels set to {low:g}"}, 0.99, 0.9)


# --- rounding -------------------------------------------------------------------------------------------------


def find_rounding(question: Question) -> Iterator[Cause]:
    """The subject's values lie on a coarser grid, each next to the reference's value."""
    pair = question.pair
    sub = pair.subject
    if not pair.all_finite or pair.agree:
        return
    if np.count_nonzero(sub) < 20:
        return
    yield from _binary_rounding(pair)
    yield from _whole_numbers(pair)
    yield from _steps(pair)
    yield from _digits(pair)


def _trailing_zeros(values: np.ndarray) -> int:
    """How many last bits are zero in all float32 values."""
    bits = int(np.bitwise_or.reduce(np.ascontiguousarray(values).view(np.uint32), axis=None))
    return (bits & -bits).bit_length() - 1 if bits else 32


def _binary_rounding(pair: ImagePair) -> Iterator[Cause]:
    if _trailing_zeros(pair.subject[pair.sample]) < 4:
        return
    trailing = _trailing_zeros(pair.subject)
    if not 4 <= trailing <= 23:
        return
    nonzero = pair.subject != 0
    x, y = pair.reference[nonzero], pair.subject[nonzero]
    few = slice(None, None, max(1, y.size // 5000))
    if np.mean(np.abs(y[few] - x[few]) <= np.abs(x[few]) * 2.0 ** -(21 - trailing) + 1e-7 * pair.peak) < 0.9:
        return
    with np.errstate(over="ignore"):
        is_half = bool((pair.subject.astype(np.float16).astype(np.float32) == pair.subject).all())
    tiny = 2.0**-24 if is_half else 0.0
    off = np.abs(y.astype(np.float64) - x)
    step = np.abs(x.astype(np.float64)) * 2.0 ** -(22 - trailing) + tiny
    near = np.count_nonzero(off <= step * 1.001 + 1e-7 * np.abs(x)) >= 0.999 * off.size
    if not near:
        return
    kept = 23 - trailing
    id, what = ((FLOAT16, "float16") if is_half and trailing >= 13 else
                (BFLOAT16, "bfloat16") if trailing >= 16 else (MANTISSA, f"{kept} bits of mantissa"))
    rounded = np.count_nonzero(off <= step * 0.5005 + 1e-7 * np.abs(x)) >= 0.999 * off.size
    yield Cause(id, f"every subject value is a {what} number, {'rounded' if rounded else 'cut'} from the reference's",
                (f"the last {trailing} bits of all {y.size} nonzero values are zero",
                 f"no value is further than one step of {2.0 ** -kept:.1g} from the reference's"),
                True, True, pair.worst, None, {"kind": "image", "what": f"{what} rounding"}, 0.98, 0.8)


def _whole_numbers(pair: ImagePair) -> Iterator[Cause]:
    y, some = pair.y, pair.y[pair.sample]
    if not (some == np.rint(some)).all() or (pair.x[pair.sample] == np.rint(pair.x[pair.sample])).all():
        return
    lit = (pair.x > 0.5) | (y != 0)
    if not (y == np.rint(y)).all() or np.count_nonzero(lit) < 5:
        return
    off, y = pair.difference[lit], y[lit]
    ways = {"rounded": np.abs(off) <= 0.5001, "cut": (off <= 1e-4) & (off > -1.0001),
            "rounded up": (off >= -1e-4) & (off < 1.0001)}
    for way, fits in ways.items():
        slack = np.abs(off) <= 1e-6 * np.abs(y) + 0.5
        if np.count_nonzero(fits | slack & (way == "rounded")) >= 0.999 * off.size:
            yield Cause(INTEGER, f"every subject value is a whole number, {way} from the reference's",
                        (f"{int(np.count_nonzero(y))} values are not zero, all of them whole",), True, True,
                        pair.worst, None, {"kind": "image", "what": f"values {way} to whole numbers"}, 0.98, 0.8)
            return


def _steps(pair: ImagePair) -> Iterator[Cause]:
    """Multiples of one step, perhaps with scale and offset: a digital image read as float."""
    rows, columns = pair.sample
    values = np.unique(pair.y[rows, columns])
    if values.size < 3 or values.size > 0.5 * rows.size + 50:
        return
    gaps = np.diff(values)
    step = float(gaps.min())
    if step <= 0 or not np.allclose((values - values[0]) / step, np.rint((values - values[0]) / step),
                                    atol=0.02, rtol=1e-6) or step < 1e-6 * pair.peak:
        return
    scale, offset = _line(pair)
    lit = (scale * pair.x > 0.5 * step) | (pair.y != values[0])
    off = np.abs(pair.y - (scale * pair.x + offset))[lit]
    if scale <= 0 or off.size < 5 or np.count_nonzero(off <= 1.01 * step) < 0.995 * off.size:
        return
    if abs(scale - 1) < 1e-3 and abs(offset) <= step:
        if step != 1:
            yield Cause(QUANTUM, f"the subject's values are multiples of {step:.6g}", (
                f"{values.size} different values among {rows.size} pixels",), True, True, pair.worst, None,
                {"kind": "image", "what": f"rounded to multiples of {step:.6g}"}, 0.97, 0.7)
        return
    if (pair.y == np.rint(pair.y)).all():
        yield Cause(INT_IMAGE, f"the subject is round({scale:.6g} * reference + {offset:.4g}), whole numbers",
                    (f"{values.size} different values among {rows.size} pixels",), True, True,
                    float(off.max()) / pair.peak, None,
                    {"kind": "image", "what": f"scaled by {scale:.6g}, {offset:.4g} added, rounded"}, 0.97, 0.7)


def _line(pair: ImagePair) -> tuple[float, float]:
    """Least squares (scale, offset) of the subject over the reference, on unsaturated pixels."""
    x, y = pair.x[pair.sample], pair.y[pair.sample]
    keep = y < pair.yardstick
    x, y = x[keep], y[keep]
    if x.size < 2:
        return 0.0, 0.0
    mean_x, mean_y = float(x.mean()), float(y.mean())
    spread = float(np.vdot(x - mean_x, x - mean_x))
    scale = float(np.vdot(x - mean_x, y - mean_y)) / spread if spread > 0 else 0.0
    return scale, mean_y - scale * mean_x


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
                yield Cause(DIGITS, f"the subject's values have {digits} significant digits, as text has",
                            (f"true of all {values.size} values looked at",), True, True, pair.worst, None,
                            {"kind": "image", "what": f"rounded to {digits} digits"}, 0.96, 0.6)
            return


# --- every pixel in the same way ------------------------------------------------------------------------------


def find_limits(question: Question) -> Iterator[Cause]:
    """Clipped above, clipped below, small values lost."""
    pair = question.pair
    if pair.agree or not pair.all_finite:
        return
    top, bottom = float(pair.subject.max()), float(pair.subject.min())
    if top < pair.x.max() and top > bottom:
        proof = pair.prove_each(lambda x: np.minimum(x, top))
        if proof.holds:
            count = int(np.count_nonzero(pair.x > top))
            yield proven(CLIPPED, f"the subject is clipped at {top:g}: {count} brighter reference pixels hold it",
                         proof, edit=f"clipped at {top:g}", prior=0.85)
    if bottom > pair.x.min() and top > bottom:
        proof = pair.prove_each(lambda x: np.maximum(x, bottom))
        if proof.holds:
            yield proven(FLOORED, f"the subject is never below {bottom:g}, which the reference is", proof,
                         edit=f"clipped below at {bottom:g}", prior=0.8)
    lost = (pair.y == 0) & (pair.x != 0)
    if lost.any() and not lost.all():
        limit = float(np.abs(pair.x[lost]).max())
        proof = pair.prove_each(lambda x: np.where(np.abs(x) <= limit, 0, x))
        kept = np.abs(pair.x[~lost & (pair.x != 0)])
        if proof.holds and kept.size and float(kept.min()) > 0.99 * limit:
            yield proven(CUT, f"reference values up to {limit:.4g} are zero in the subject", proof,
                         edit=f"values up to {limit:.4g} set to zero", prior=0.7)


def find_pixel_functions(question: Question) -> Iterator[Cause]:
    """Sign, overflow, logarithm, powers."""
    pair = question.pair
    if pair.agree or not pair.all_finite:
        return
    x = pair.x
    if (pair.y <= 0).all() and pair.y.any():
        proof = pair.prove_each(np.negative)
        if proof.holds:
            yield proven(NEGATED, "the subject is the reference with its sign changed", proof, edit="sign changed",
                         prior=0.9)
    for bits in (8, 15, 16):
        if x.max() >= 2**bits > pair.y.max():
            proof = pair.prove_each(lambda x, size=2**bits: np.mod(x, size))
            if proof.holds:
                yield proven(WRAPPED, f"the subject's values wrap around at 2^{bits}", proof, edit=f"mod 2^{bits}")
    for name, function in (("ln(1 + x)", np.log1p), ("log10(1 + x)", lambda v: np.log10(1 + v))):
        proof = pair.prove_each(lambda x, f=function: f(np.maximum(x, 0)))
        if proof.holds:
            yield proven(LOG, f"the subject is {name} of the reference", proof, edit=name)
    yield from _power(pair)


def _power(pair: ImagePair) -> Iterator[Cause]:
    rows, columns = pair.bright
    if rows.size < 20:
        return
    x, y = np.log(pair.x[rows, columns]), np.log(pair.y[rows, columns])
    if x.std() < 0.1:
        return
    slope, intercept = np.polyfit(x, y, 1)
    if abs(slope - 1) < 0.02 or abs(slope) < 0.1 or float(np.std(y - slope * x - intercept)) > 1e-3:
        return
    factor = math.exp(intercept)
    proof = pair.prove_each(lambda x: factor * np.maximum(x, 0) ** slope)
    near = float(np.std(y - slope * x - intercept))
    sentence = f"the subject is {factor:.6g} * reference^{slope:.6g}"
    if proof.residual <= 1e-5:
        yield Cause(POWER, sentence, (f"log-log line with scatter {near:.1g}",), True, True, proof.residual,
                    proof.left, {"kind": "image", "what": f"power {slope:.4g}"}, 0.95, 0.7)


def find_offset(question: Question) -> Iterator[Cause]:
    """A constant on top, alone or with a scale."""
    pair = question.pair
    if pair.agree or not pair.all_finite or pair.reference.max() == pair.reference.min():
        return
    offset = float(np.median(pair.difference[pair.sample]))
    proof = pair.prove_each(lambda x: x + offset)
    if offset and proof.holds:
        note = " (the adc offset of 40)" if abs(offset - 40) < 1e-3 else ""
        yield proven(OFFSET, f"{offset:.6g}{note} was added to every pixel", proof, edit=f"{offset:.8g} added",
                     prior=0.9)
        return
    scale, offset = _line(pair)
    if not scale > 0 or abs(scale - 1) < 1e-9:
        return
    proof = pair.prove_each(lambda x: scale * x + offset)
    if proof.residual <= 1e-6 and abs(offset) > 1e-6 * pair.yardstick and proof.left < 0.05:
        yield Cause(AFFINE, f"the subject is {scale:.8g} * reference + {offset:.6g}",
                    (f"leaves {proof.residual:.2g} of the peak",), True, True, proof.residual, proof.left,
                    {"kind": "image", "what": f"scaled by {scale:.8g}, {offset:.6g} added"}, 0.95, 0.5)


# --- noise ------------------------------------------------------------------------------------------------------


def find_noise(question: Question) -> Iterator[Cause]:
    """Differences without pattern: their width as a function of the value says which noise it is."""
    pair = question.pair
    if pair.agree or not pair.all_finite or pair.x.size < 400:
        return
    yield from _poisson(pair)
    rows = pair.strips
    off, values = pair.difference[rows], pair.x[rows]
    moved = np.abs(off) > 1e-7 * pair.peak
    if np.count_nonzero(moved) < 50 or _patterned(off, moved) or _sizes_agree(off, values):
        return
    yield from _gaussian(pair)


def _patterned(off: np.ndarray, where: np.ndarray) -> bool:
    """Whether differences of neighbours have the same sign more, or less, often than noise has."""
    return any(_neighbours_agree(a, b) for a, b in ((off, where), (off.T, where.T)))


def _neighbours_agree(off: np.ndarray, moved: np.ndarray) -> bool:
    """Whether differences of neighbouring pixels go together, as those of a wrong pattern do."""
    signs = np.sign(off)
    both = moved[:, 1:] & moved[:, :-1]
    count = int(np.count_nonzero(both))
    if count < 30:
        return True
    together = float((signs[:, 1:] * signs[:, :-1])[both].sum()) / count
    return abs(together) > 0.25 + 3 / math.sqrt(count)


def _sizes_agree(off: np.ndarray, values: np.ndarray) -> bool:
    """Whether differences of neighbours are alike in size, as where a pattern is wrong; noise has no memory."""
    lit = (values[:, 1:] > 0) & (values[:, :-1] > 0)
    lit &= np.minimum(values[:, 1:], values[:, :-1]) > 1e-4 * float(values.max())
    if np.count_nonzero(lit) < 60:
        return False
    with np.errstate(divide="ignore", invalid="ignore"):
        sizes = np.log(np.abs(off) / np.sqrt(np.maximum(values, 1e-300)) + 1e-300)
    a, b = sizes[:, 1:][lit], sizes[:, :-1][lit]
    return bool(np.corrcoef(a, b)[0, 1] > 0.25 + 3 / math.sqrt(a.size))


def _poisson(pair: ImagePair) -> Iterator[Cause]:
    """Deviations as the square root of the value, at faint and at bright pixels, in no order."""
    lines = np.flatnonzero((pair.x > 1).any(axis=1))
    if lines.size == 0 or _patterned(pair.difference[lines], pair.x[lines] > 1):
        return
    counted = pair.x > 0.02
    expected, off, found = pair.x[counted], pair.difference[counted], pair.y[counted]
    if expected.size < 50:
        return
    whole = bool((found == np.rint(found)).all())
    ratio = float(np.mean(off**2 / expected))
    bright = expected > 5
    slope = float(np.mean(off[bright] ** 2 / expected[bright])) if np.count_nonzero(bright) > 20 else ratio
    bias = float(off.sum()) / math.sqrt(max(1.0, float(expected.sum())))
    if 0.8 < ratio < 1.25 and 0.7 < slope < 1.4 and abs(bias) < 6:
        yield Cause(POISSON, "the subject holds photon (Poisson) noise: its deviations are as the square root of "
                    "the value", (f"mean of (difference)^2 / value is {ratio:.3f} over {expected.size} pixels; Poisson "
                                  "noise has 1", f"values are {'' if whole else 'not '}whole numbers",
                                  f"the sums differ by {bias:.1f} standard deviations"),
                    False, False, None, None, {"kind": "image", "what": "Poisson noise"}, 0.8 if whole else 0.7, 0.8)


def _gaussian(pair: ImagePair) -> Iterator[Cause]:
    """Constant width over all values, or a width in proportion to them."""
    values, off = pair.x[pair.strips].ravel(), pair.difference[pair.strips].ravel()
    order = np.argsort(values)
    values, off = values[order], off[order]
    bands = [band for band in np.array_split(np.arange(off.size), 8) if band.size >= 30]
    widths = np.array([off[band].std() for band in bands])
    means = np.array([abs(off[band].mean()) for band in bands])
    if widths.min() > 0 and widths.max() < 1.5 * widths.min() and (means < 0.2 * widths + 1e-12).all():
        sigma = float(np.median(widths))
        kurtosis = float(np.mean((off - off.mean()) ** 4) / off.var() ** 2)
        yield Cause(GAUSSIAN, f"noise of standard deviation {sigma:.4g} was added to every pixel",
                    (f"the width is the same at all values ({widths.min():.3g} to {widths.max():.3g})",
                     f"kurtosis {kurtosis:.2f} (a normal distribution has 3, a uniform one 1.8)",
                     "neighbouring pixels deviate independently"), False, False, None, None,
                    {"kind": "image", "what": f"noise of width {sigma:.4g}"}, 0.8, 0.8)
        return
    lit = values > 1e-3 * pair.peak
    if np.count_nonzero(lit) < 100:
        return
    relative = off[lit] / values[lit]
    thirds = [part.std() for part in np.array_split(relative, 3)]
    tails = float(np.mean((relative - relative.mean()) ** 4) / relative.var() ** 2)
    even = min(thirds) > 1e-6 and max(thirds) < 1.5 * min(thirds) and 1.5 < tails < 4.5
    if even and abs(relative.mean()) < 0.2 * relative.std():
        yield Cause(GAIN_NOISE, f"noise of {relative.std():.2g} of the value was added to every pixel",
                    (f"the relative width is the same at all values ({min(thirds):.2g} to {max(thirds):.2g})",
                     "neighbouring pixels deviate independently"), False, False, None, None,
                    {"kind": "image", "what": f"relative noise {relative.std():.2g}"}, 0.75, 0.6)


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
    worst = int(np.argmax(np.abs(pair.difference[rows, columns])))
    row, column = int(rows[worst]), int(columns[worst])
    yield Cause(OUTLIERS, f"{count} single pixel{'s differ' if count > 1 else ' differs'}, the most at x={column} "
                f"y={row} (reference {pair.x[row, column]:.6g}, subject {pair.y[row, column]:.6g})",
                ("all other pixels are the same in both images",), True, True, 0.0, None,
                {"kind": "image", "what": f"{count} pixels changed"}, guess(0.3 + alone / count / 2), 0.55)


def _isolated(rows: np.ndarray, columns: np.ndarray) -> int:
    """How many of the places have no other one beside them."""
    places = set(zip(rows.tolist(), columns.tolist(), strict=True))
    beside = ((0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1))
    return sum(1 for r, c in places if not any((r + dr, c + dc) in places for dr, dc in beside))


FINDERS = (find_not_finite, find_one_value, find_rounding, find_limits, find_pixel_functions, find_offset,
           find_noise, find_outliers)
