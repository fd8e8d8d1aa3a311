"""The numbers behind the plots of a page: how pixels of two images are spread, each with its reading in one line."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np

from nbcompare.commands.views.page.frames import filled
from nbcompare.commands.views.page.pair import ShownPair

OF_PEAK = 1e-6
"""Pixels are called bright above this share of the brightest reference pixel."""

SECTORS = 36
_BINS = 120
_QUANTILES = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 0.99999, 1.0)


@dataclass(frozen=True)
class Bright:
    """Pixels that are bright in the reference and positive in both, and how many others there are."""

    reference: np.ndarray
    subject: np.ndarray
    difference: np.ndarray
    at: np.ndarray
    """Their places in the image, counted along its rows."""
    others: int

    @functools.cached_property
    def ratio(self) -> np.ndarray:
        """Subject over reference, in float64."""
        ratio: np.ndarray = self.subject.astype(np.float64) / self.reference
        return ratio


def bright_pixels(pair: ShownPair) -> Bright:
    x, y = filled(pair.reference), filled(pair.subject)
    peak = float(np.nanmax(x, initial=0.0, where=np.isfinite(x)))
    with np.errstate(invalid="ignore"):
        chosen = (x > OF_PEAK * peak) & (y > 0) & np.isfinite(x) & np.isfinite(y)
    at = np.flatnonzero(chosen)
    return Bright(x.flat[at], y.flat[at], pair.difference.flat[at], at, x.size - len(at))


def density(bright: Bright) -> tuple[np.ndarray, tuple[float, float], str]:
    """Counts [subject, reference] of pixels over a square of decades, its ends, and the reading."""
    x, y = np.log10(bright.reference), np.log10(bright.subject)
    low, high = float(min(x.min(), y.min())), float(max(x.max(), y.max())) + 1e-6
    places = [np.minimum(((values - low) * (_BINS / (high - low))).astype(np.int32), _BINS - 1) for values in (x, y)]
    counts = np.bincount(places[1] * _BINS + places[0], minlength=_BINS**2).reshape(_BINS, _BINS)
    near = float(np.mean(np.abs(bright.ratio - 1) <= 0.01))
    said = (f"{_percent(near)} of the {len(x):,} bright pixels lie within 1 % of the diagonal, where both images are "
            f"equal; {bright.others:,} pixels are dimmer than {OF_PEAK:g} of the peak.")
    return counts, (low, high), said


def ratios(bright: Bright) -> tuple[np.ndarray, np.ndarray, str]:
    """Edges and counts of subject / reference, and the reading."""
    low, middle, high = (float(value) for value in np.percentile(bright.ratio, (1, 50, 99)))
    half = max(high - middle, middle - low, abs(middle) * 1e-7) * 1.5
    counts, edges = np.histogram(bright.ratio, _BINS // 2, (middle - half, middle + half))
    width = "no width: a pure scale" if high - low <= 1e-5 * abs(middle) and abs(middle - 1) > 1e-4 else \
        f"98 of 100 pixels lie between {low:.8g} and {high:.8g}"
    return edges, counts, f"The middle ratio is {middle:.8g}; {width}."


def against_noise(bright: Bright) -> tuple[np.ndarray, np.ndarray, str]:
    """Edges and counts of the logarithm of |difference| in units of the counting noise, and the reading."""
    sigma = np.sqrt(bright.reference.astype(np.float64))
    size = np.abs(bright.difference) / sigma
    largest, some = float(size.max()), size[size > 0]
    seen = float(np.mean(size > 1))
    reading = (f"The largest difference is {largest:.2g} of the noise of counting photons (square root of the "
               f"reference); {_percent(seen)} of the bright pixels differ by more than that noise.")
    if not some.size:
        return np.array([0.0, 1.0]), np.array([0]), "No bright pixel differs."
    counts, edges = np.histogram(np.log10(some), _BINS // 2)
    return edges, counts, reading


def quantiles(pair: ShownPair) -> tuple[list[float], list[float], str]:
    """Share of pixels, the |difference| of which that share is no larger, as a share of the peak, and the reading."""
    size = np.abs(pair.difference[np.isfinite(pair.difference)]).ravel()
    x = filled(pair.reference)
    peak = float(np.nanmax(x, initial=0.0, where=np.isfinite(x))) or 1.0
    if not size.size:
        return [], [], "There is no pixel that could differ."
    at = [min(len(size) - 1, math.ceil(share * len(size)) - 1) for share in _QUANTILES]
    found = [float(size[i]) / peak for i in _placed(size, at)]
    same = float(np.mean(size == 0))
    said = (f"{_percent(same)} of the pixels do not differ at all; 99 % differ by no more than {found[8]:.2g} of the "
            f"peak, the worst by {found[-1]:.2g}.")
    return list(_QUANTILES), found, said


def _placed(size: np.ndarray, at: list[int]) -> list[int]:
    size.partition(sorted(set(at)))
    return at


def sectors(bright: Bright, columns: int, centre: tuple[float, float]) \
        -> tuple[list[float], list[float | None], str]:
    """Middle angles in degrees about the beam, the ratio of sums there, and the reading."""
    turn = np.arctan2(bright.at // columns - centre[1], bright.at % columns - centre[0])
    place = ((turn + math.pi) * (SECTORS / (2 * math.pi) * (1 - 1e-9))).astype(np.int16)
    sums = [np.bincount(place, image, SECTORS) for image in (bright.reference, bright.subject)]
    found = [float(b / a) if a > 0 else None for a, b in zip(*sums, strict=True)]
    known = [ratio for ratio in found if ratio is not None]
    angles = [-180 + 360 / SECTORS * (i + 0.5) for i in range(SECTORS)]
    if not known:
        return angles, found, "No pixel is bright."
    said = (f"Sector by sector about the beam the ratio of the sums of bright pixels lies between {min(known):.8g} and "
            f"{max(known):.8g}; a wave would tell of polarization or a shifted centre.")
    return angles, found, said


def _percent(share: float) -> str:
    return f"{100 * share:.4g} %" if share in (0.0, 1.0) or 1e-4 < share < 0.9999 else (
        f"{100 * share:.2g} %" if share < 0.5 else f"{100 * share:.6g} %")
