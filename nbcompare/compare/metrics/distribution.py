"""How differences and values are spread over the pixels: quantiles, logarithms, masks, distinct values, identity."""

from __future__ import annotations

import math
from collections.abc import Callable

from nbcompare.compare.metrics.plain import pearson
from nbcompare.compare.metrics.region import RegionPair, sums_of
from nbcompare.compare.metrics.registry import FACTOR_OF_A_UNIT, Undefined, metric, positive_peak
from nbcompare.later import np

_SHARE = (0.0, 1.0)
MOST_PIXELS = 100_000**2
"""Of the largest image that a case can ask for."""


def _enter_quantile(name: str, share: float) -> None:
    @metric(name, range=(0, math.inf), best=0, idle=(0, 1),
            sentence=f"{100 * share:g} % of the pixels differ by no more than this share of the brightest "
                     "reference pixel.")
    def quantile(pair: RegionPair) -> float:
        return float(np.quantile(pair.differences, share, method="higher")) / positive_peak(pair)


for _name, _quantile in (("abs_diff_q50", 0.5), ("abs_diff_q90", 0.9), ("abs_diff_q99", 0.99),
                         ("abs_diff_q999", 0.999), ("abs_diff_q9999", 0.9999)):
    _enter_quantile(_name, _quantile)


@metric("log_correlation", range=(-1, 1), best=1, idle=(0.1, 1), sees_scale=False,
        sentence="Pearson correlation of the logarithms of the pixels that are positive in both images; weak "
                 "pixels count as much as bright ones.")
def log_correlation(pair: RegionPair) -> float:
    total = None
    for _, x, y in pair.bands():
        both = (x > 0) & (y > 0)
        if both.any():
            part = sums_of(np.log(x[both]), np.log(y[both]))
            total = total.joined(part) if total else part
    if total is None or total.count < 2:
        raise Undefined("fewer than two pixels are positive in both images here")
    if total.x_min == total.x_max or total.y_min == total.y_max:
        raise Undefined("the positive pixels of one image are constant here")
    return pearson(total)


def _seen(pair: RegionPair, image: np.ndarray) -> np.ndarray:
    """The pixels of an image that are not masked. Raises Undefined where all are."""
    seen = pair.flat(image)
    if not seen.size:
        raise Undefined("every pixel of the region is masked")
    return seen


def _share_of(where: np.ndarray) -> float:
    return np.count_nonzero(where) / where.size


# --- masks: where pixels are no number, infinite or zero --------------------------------------------------


def _enter_mask(name: str, word: str, mask: Callable[[np.ndarray], np.ndarray]) -> None:
    @metric(f"{name}_fraction", range=_SHARE, best=None, any_pixels=True, sees_scale=False,
            sentence=f"Share of the subject's pixels that are {word}.")
    def fraction(pair: RegionPair) -> float:
        return _share_of(mask(_seen(pair, pair.subject)))

    @metric(f"{name}_mismatch", range=_SHARE, best=0, any_pixels=True, sees_scale=False,
            sentence=f"Share of the pixels that are {word} in one image and not in the other.")
    def mismatch(pair: RegionPair) -> float:
        return _share_of(mask(_seen(pair, pair.subject)) != mask(_seen(pair, pair.reference)))


_enter_mask("nan", "no number (NaN)", lambda image: np.isnan(image))  # noqa: PLW0108 (np comes later)
_enter_mask("inf", "infinite", lambda image: np.isinf(image))  # noqa: PLW0108
_enter_mask("zero", "exactly zero", lambda image: image == 0)


@metric("masked_fraction", range=_SHARE, best=None, any_pixels=True, sees_scale=False,
        sentence="Share of the region's pixels that are masked in either image, and so take part in no other figure.")
def masked_fraction(pair: RegionPair) -> float:
    return _masked(pair, np.logical_or)


@metric("mask_mismatch", range=_SHARE, best=0, any_pixels=True, sees_scale=False,
        sentence="Share of the region's pixels that are masked in one image and not in the other.")
def mask_mismatch(pair: RegionPair) -> float:
    return _masked(pair, np.not_equal)


def _masked(pair: RegionPair, joined: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> float:
    if pair.masks is None:
        return 0.0
    where = joined(*pair.masks)
    return np.count_nonzero(where if pair.outside is None else where & ~pair.outside) / pair.area


# --- values ------------------------------------------------------------------------------------------------


@metric("distinct_values", range=(1, math.inf), best=None, idle=(1, MOST_PIXELS), sees_scale=False,
        sentence="Number of different pixel values in the subject; few of them mean a rounded or clipped image.")
def distinct_values(pair: RegionPair) -> float:
    return np.unique(pair.flat(pair.subject)).size


@metric("distinct_ratio", range=(0, math.inf), best=1, idle=(0, FACTOR_OF_A_UNIT), sees_scale=False,
        sentence="Number of different pixel values in the subject over that in the reference.")
def distinct_ratio(pair: RegionPair) -> float:
    return np.unique(pair.flat(pair.subject)).size / np.unique(pair.flat(pair.reference)).size


@metric("equal_pixels", range=_SHARE, best=1, any_pixels=True,
        sentence="Share of the pixels that have the same value in both images.")
def equal_pixels(pair: RegionPair) -> float:
    return _share_of(_seen(pair, pair.reference) == _seen(pair, pair.subject))


@metric("identity", range=_SHARE, best=1, any_pixels=True,
        sentence="1 when every pixel holds the same bytes in both images, else 0.")
def identity(pair: RegionPair) -> float:
    x, y = (np.ascontiguousarray(_seen(pair, image)) for image in (pair.reference, pair.subject))
    return float(x.dtype == y.dtype and x.tobytes() == y.tobytes())
