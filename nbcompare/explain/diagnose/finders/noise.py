"""Data causes without pattern: noise, recognised by how its width goes with the value."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from nbcompare.explain.diagnose.cause import Cause, guessed
from nbcompare.explain.diagnose.causes import GAIN_NOISE, GAUSSIAN_NOISE, POISSON_NOISE
from nbcompare.explain.diagnose.image_pair import ImagePair
from nbcompare.explain.diagnose.question import Question

CANNOT_BE_CARRIED_OUT = {POISSON_NOISE, GAUSSIAN_NOISE, GAIN_NOISE}
"""Causes that no edit can reproduce, whose statistics say enough."""


def find_noise(question: Question) -> Iterator[Cause]:
    """Differences without pattern: their width as a function of the value says which noise it is."""
    pair = question.pair
    if pair.agree or not pair.all_finite or pair.x.size < 400:
        return
    yield from _poisson(pair)
    rows = pair.strips
    off, values = pair.difference[rows], pair.x[rows]
    moved = np.abs(off) > 1e-7 * pair.peak
    if np.count_nonzero(moved) < 50 or _patterned(off, moved):
        return
    there = pair.measured[rows]
    order = np.argsort(values[there])
    if not _sizes_agree(off, values, 0):
        yield from _gaussian(off[there][order])
    if not _sizes_agree(off, values, 1):
        yield from _in_proportion(off[there][order], values[there][order])


_FEWEST_NEIGHBOURS = 30


def _patterned(off: np.ndarray, where: np.ndarray) -> bool:
    """Whether differences of neighbours have the same sign more, or less, often than noise has; and where too few
    neighbours differ to say. Lines one pixel wide have neighbours along themselves alone."""
    told = [_neighbours_agree(a, b) for a, b in ((off, where), (off.T, where.T))]
    return any(told) or all(agree is None for agree in told)


def _neighbours_agree(off: np.ndarray, moved: np.ndarray) -> bool | None:
    """Whether differences of neighbouring pixels go together, as those of a wrong pattern do; None for too few."""
    signs = np.sign(off)
    both = moved[:, 1:] & moved[:, :-1]
    count = int(np.count_nonzero(both))
    if count < _FEWEST_NEIGHBOURS:
        return None
    together = float((signs[:, 1:] * signs[:, :-1])[both].sum()) / count
    return abs(together) > 0.25 + 3 / math.sqrt(count)


def _sizes_agree(off: np.ndarray, values: np.ndarray, power: int) -> bool:
    """Whether differences, over a power of the value, are alike in size at neighbouring pixels of either axis, as where
    a pattern is wrong; noise has no memory."""
    return any(_sizes_alike(a, b, power) for a, b in ((off, values), (off.T, values.T)))


def _sizes_alike(off: np.ndarray, values: np.ndarray, power: int) -> bool:
    """The same of neighbours in a row."""
    lit = (values[:, 1:] > 0) & (values[:, :-1] > 0)
    lit &= np.minimum(values[:, 1:], values[:, :-1]) > 1e-4 * float(values.max())
    if np.count_nonzero(lit) < 60:
        return False
    with np.errstate(divide="ignore", invalid="ignore"):
        sizes = np.log(np.abs(off) / np.maximum(values, 1e-300) ** power + 1e-300)
    a, b = sizes[:, 1:][lit], sizes[:, :-1][lit]
    return bool(np.corrcoef(a, b)[0, 1] > 0.25 + 3 / math.sqrt(a.size))


def _poisson(pair: ImagePair) -> Iterator[Cause]:
    """Deviations as the square root of the value, at faint and at bright pixels, in no order."""
    lines = np.flatnonzero((pair.x > 1).any(axis=1))
    if np.count_nonzero(pair.x[lines] > 1) < _FEW_LIT:
        counts = list(_faint_counts(pair))
        if counts or lines.size == 0:
            yield from counts
            return
    if _patterned(pair.difference[lines], pair.x[lines] > 1):
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
        yield guessed(POISSON_NOISE,
                      "the subject holds photon (Poisson) noise: its deviations are as the square root of "
                      "the value",
                      (f"mean of (difference)^2 / value is {ratio:.3f} over {expected.size} pixels; Poisson "
                       "noise has 1", f"values are {'' if whole else 'not '}whole numbers",
                       f"the sums differ by {bias:.1f} standard deviations"),
                      edit={"kind": "image", "what": "Poisson noise"}, confidence=0.8 if whole else 0.7, prior=0.8)


_FEW_LIT = 200
"""Pixels of more than a photon up to which an image is a faint one."""

_FEWEST_COUNTS, _BANDS, _SIGMAS = 20, 6, 4.5


def _faint_counts(pair: ImagePair) -> Iterator[Cause]:
    """Whole counts of an image that has less than one photon in every pixel: as many as expected in each band of
    expectation, and as unequal as counts are. Var((y - x)^2) of a count y about x is x + 2 x^2."""
    expected, found = pair.x.ravel().astype(np.float64), pair.y.ravel().astype(np.float64)
    total = float(expected.sum())
    if total < _FEWEST_COUNTS or expected.min() < 0 or found.min() < 0 or not (found == np.rint(found)).all():
        return
    order = np.argsort(expected)
    cuts = np.searchsorted(np.cumsum(expected[order]), total * np.arange(1, _BANDS) / _BANDS)
    bands = [band for band in np.split(order, cuts) if expected[band].sum() > 0]
    off = [float((found[band] - expected[band]).sum() / math.sqrt(expected[band].sum())) for band in bands]
    excess = float(((found - expected) ** 2 - expected).sum() / math.sqrt((expected + 2 * expected**2).sum()))
    worst = max(off, key=abs)
    together = (float(np.sum(np.square(off))) - len(off)) / math.sqrt(2 * len(off))
    if max(abs(worst), abs(excess), together) < _SIGMAS:
        yield guessed(POISSON_NOISE, "the subject holds photon (Poisson) noise: it counts the reference's fractions of "
                      "photons as whole ones", (f"{found.sum():.0f} counts where {total:.1f} were expected; in the "
                      f"worst of {len(bands)} bands of brightness {worst:+.1f} standard deviations from that",
                      "values are whole numbers"), edit={"kind": "image", "what": "Poisson noise"},
                      confidence=0.8, prior=0.8)


def _gaussian(off: np.ndarray) -> Iterator[Cause]:
    """The same width at all values; differences come in the order of the values."""
    bands = [band for band in np.array_split(off, 8) if band.size >= 30]
    widths = np.array([band.std() for band in bands])
    means = np.array([abs(band.mean()) for band in bands])
    if not bands or widths.min() <= 0 or widths.max() > 1.5 * widths.min() or (means > 0.2 * widths + 1e-12).any():
        return
    sigma, tails = float(np.median(widths)), float(np.mean((off - off.mean()) ** 4) / off.var() ** 2)
    yield guessed(GAUSSIAN_NOISE, f"noise of standard deviation {sigma:.4g} was added to every pixel",
                  (f"the width is the same at all values ({widths.min():.3g} to {widths.max():.3g})",
                   f"kurtosis {tails:.2f} (a normal distribution has 3, a uniform one 1.8)",
                   "neighbouring pixels deviate independently"),
                  edit={"kind": "image", "what": f"noise of width {sigma:.4g}"}, confidence=0.8, prior=0.8)


_LARGEST_GAIN = 0.25
"""Gains of pixels that are spread further are rather spots one pixel wide, of which each changed on its own."""


def _in_proportion(off: np.ndarray, values: np.ndarray) -> Iterator[Cause]:
    """A width in proportion to the value, at all that are lit."""
    lit = values > 1e-3 * values[-1]
    if np.count_nonzero(lit) < 100:
        return
    relative = off[lit] / values[lit]
    thirds = [part.std() for part in np.array_split(relative, 3)]
    if min(thirds) < 1e-6 or max(thirds) > 1.5 * min(thirds):
        return
    tails = float(np.mean((relative - relative.mean()) ** 4) / relative.var() ** 2)
    likely = relative.std() < _LARGEST_GAIN and 1.5 < tails < 4.5
    if likely and abs(relative.mean()) < 0.2 * relative.std():
        yield guessed(GAIN_NOISE, f"noise of {relative.std():.2g} of the value was added to every pixel",
                      (f"the relative width is the same at all values ({min(thirds):.2g} to {max(thirds):.2g})",
                       "neighbouring pixels deviate independently"),
                      edit={"kind": "image", "what": f"relative noise {relative.std():.2g}"}, confidence=0.75,
                      prior=0.6)


FINDERS = (find_noise,)
