"""Correlation, scale and plain differences: all of them from one pass over the pixels."""

from __future__ import annotations

import math

from nbcompare.compare.metrics.region import RegionPair, Sums, dot
from nbcompare.compare.metrics.registry import FACTOR_OF_A_UNIT, FLOAT32_MAX, Undefined, metric, positive_peak

_NO_LIMIT = (-math.inf, math.inf)
_FROM_ZERO = (0.0, math.inf)
_UNRELATED = (0.1, 1.0)
"""The correlation of images that have nothing to do with each other is 0; of a few thousand pixels with spots of their
own, it comes to some hundredths either way."""
_EMPTY = (0.0, 1.0)
"""An image of zeros is off by 1, in units of the reference's peak or root mean square."""
_PHOTONS = (0.0, FLOAT32_MAX)
_SCALE = (1 / FACTOR_OF_A_UNIT, FACTOR_OF_A_UNIT)
"""An image of zeros has the scale 0; one in another unit, that of the unit."""


@metric("correlation", range=(-1, 1), best=1, idle=_UNRELATED, default=True, sees_scale=False,
        sentence="Pearson correlation of the pixel values; blind to any scale factor.")
def correlation(pair: RegionPair) -> float:
    """r = sum (x-<x>)(y-<y>) / sqrt(sum (x-<x>)^2 sum (y-<y>)^2)   (Pearson 1895)."""
    sums = pair.sums
    if sums.x_min == sums.x_max:
        raise Undefined("the reference is constant here")
    if sums.y_min == sums.y_max:
        raise Undefined("the subject is constant here")
    if sums.count < 3:
        raise Undefined("two pixels lie on a line whatever they hold: at least 3 are needed")
    return pearson(sums)


def pearson(sums: Sums) -> float:
    """The correlation of pixel pairs from their sums. Raises Undefined where the spread underflows."""
    spread = math.sqrt(sums.xx * sums.yy)
    if spread == 0:
        raise Undefined("the spread of the pixel values underflows")
    if not math.isfinite(spread):
        raise Undefined("the spread of the pixel values overflows")
    return min(1.0, max(-1.0, sums.xy / spread))


@metric("sum_ratio", range=_NO_LIMIT, best=1, idle=_SCALE, default=True,
        sentence="Sum of the subject's pixels over the sum of the reference's.")
def sum_ratio(pair: RegionPair) -> float:
    if pair.sums.x_sum == 0:
        raise Undefined("the reference sums to zero here")
    return pair.sums.y_sum / pair.sums.x_sum


@metric("mse", unit="photons^2", range=_FROM_ZERO, best=0, idle=(0.0, FLOAT32_MAX ** 2), default=True,
        sentence="Mean squared difference of the pixels.")
def mse(pair: RegionPair) -> float:
    return pair.sums.dd / pair.sums.count


@metric("rmse", unit="photons", range=_FROM_ZERO, best=0, idle=_PHOTONS, default=True,
        sentence="Root of the mean squared difference.")
def rmse(pair: RegionPair) -> float:
    return math.sqrt(mse(pair))


@metric("nrmse", range=_FROM_ZERO, best=0, idle=_EMPTY, default=True,
        sentence="Root of the mean squared difference over the root of the mean squared reference.")
def nrmse(pair: RegionPair) -> float:
    if pair.sums.x_power == 0:
        raise Undefined("the reference is zero here")
    return math.sqrt(pair.sums.dd / pair.sums.x_power)


@metric("max_abs_diff", unit="photons", range=_FROM_ZERO, best=0, idle=_PHOTONS, default=True,
        sentence="Largest absolute difference of any pixel.")
def max_abs_diff(pair: RegionPair) -> float:
    return pair.sums.worst


@metric("max_abs_diff_of_peak", range=_FROM_ZERO, best=0, idle=_EMPTY, default=True,
        sentence="Largest absolute difference of any pixel over the brightest reference pixel of the region.")
def max_abs_diff_of_peak(pair: RegionPair) -> float:
    return pair.sums.worst / positive_peak(pair)


@metric("max_intensity_delta", range=_FROM_ZERO, best=0, idle=_EMPTY, default=True,
        sentence="|max subject - max reference| / max reference, the brightest pixels of the region.")
def max_intensity_delta(pair: RegionPair) -> float:
    return abs(pair.sums.y_max - pair.sums.x_max) / positive_peak(pair)


@metric("scale_factor", range=_NO_LIMIT, best=1, idle=_SCALE, default=True,
        sentence="The factor s that makes s * reference nearest to the subject (least squares).")
def scale_factor(pair: RegionPair) -> float:
    if pair.sums.x_power == 0:
        raise Undefined("the reference is zero here")
    return pair.sums.cross_power / pair.sums.x_power


@metric("residual_after_scale", range=(0, 1), best=0, default=True, sees_scale=False,
        sentence="What the best scale factor leaves, none below 0: |subject - s * reference| / |subject|.")
def residual_after_scale(pair: RegionPair) -> float:
    """A second pass: the difference of two large sums would leave no digits of a small residual. An image with the
    other sign is no image at another scale: nothing of it is explained."""
    power, factor = pair.sums.y_power, max(0.0, scale_factor(pair))
    if power == 0:
        raise Undefined("the subject is zero here")
    left = 0.0
    for _, x, y in pair.bands():
        x *= factor
        y -= x
        left += dot(y, y)
    return math.sqrt(left / power)
