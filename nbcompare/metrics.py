"""The registry of comparison metrics: small pure functions of one region of two images.

The reference image is x, the subject y; both are taken to float64 before anything is summed. A
metric either has a value or is *undefined*, with a reason: a constant image has no correlation, a
region without signal has nothing to compare. Undefined is never turned into a number.

To add a metric, write a function of a RegionPair and give it an entry with ``@metric``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

SIGNAL_FLOOR = 1e-6
"""A region whose brightest reference pixel is below this share of the frame's has no signal."""


class Undefined(Exception):
    """A figure that has no value here; the message says why."""


@dataclass(frozen=True)
class Metric:
    """One figure of a comparison. ``best`` is its value for two equal images."""

    name: str
    unit: str
    lowest: float
    highest: float
    best: float
    sentence: str
    compute: Callable[[RegionPair], float]


METRICS: dict[str, Metric] = {}


def metric(name: str, *, unit: str, range: tuple[float, float], best: float, sentence: str):
    """Enter a function of a RegionPair into the registry."""

    def enter(compute):
        METRICS[name] = Metric(name, unit, *range, best, sentence, compute)
        return compute

    return enter


class RegionPair:
    """One region of reference (x) and subject (y), with the sums that several metrics share.

    ``frame_max`` is the brightest pixel of the whole reference image, by which "no signal" is judged.
    """

    def __init__(self, reference: np.ndarray, subject: np.ndarray, frame_max: float):
        self.x = reference.astype(np.float64).ravel()
        self.y = subject.astype(np.float64).ravel()
        self.frame_max = frame_max

    @cached_property
    def fault(self) -> str | None:
        """Why nothing about this region can be trusted, or None."""
        for name, values in (("reference", self.x), ("subject", self.y)):
            bad = int(values.size - np.count_nonzero(np.isfinite(values)))
            if bad:
                return f"{bad} pixels of the {name} are not finite"
        peak = self.x_max
        if not self.frame_max > 0:
            return "the reference image has no positive pixel"
        if peak < SIGNAL_FLOOR * self.frame_max:
            return (f"no signal: the brightest reference pixel here is {peak / self.frame_max:.2g} of the frame's, "
                    f"below {SIGNAL_FLOOR:g}")
        return None

    @cached_property
    def x_max(self) -> float:
        return float(self.x.max())

    @cached_property
    def y_max(self) -> float:
        return float(self.y.max())

    @cached_property
    def x_sum(self) -> float:
        return float(self.x.sum())

    @cached_property
    def y_sum(self) -> float:
        return float(self.y.sum())

    @cached_property
    def difference(self) -> np.ndarray:
        return self.y - self.x

    @cached_property
    def squared_difference(self) -> float:
        return float(self.difference @ self.difference)


def evaluate(name: str, pair: RegionPair) -> tuple[float | None, str | None]:
    """(value, None), or (None, the reason why this metric is undefined here)."""
    if pair.fault:
        return None, pair.fault
    try:
        value = METRICS[name].compute(pair)
    except Undefined as reason:
        return None, str(reason)
    if not math.isfinite(value):
        return None, f"the figure overflows ({value})"
    return value, None


@metric("correlation", unit="", range=(-1, 1), best=1,
        sentence="Pearson correlation of the pixel values; blind to any scale factor.")
def correlation(pair: RegionPair) -> float:
    """r = sum (x-<x>)(y-<y>) / sqrt(sum (x-<x>)^2 sum (y-<y>)^2)   (Pearson 1895)."""
    if pair.x.min() == pair.x_max:
        raise Undefined("the reference is constant here")
    if pair.y.min() == pair.y_max:
        raise Undefined("the subject is constant here")
    x = pair.x - pair.x_sum / pair.x.size
    y = pair.y - pair.y_sum / pair.y.size
    spread = math.sqrt(float(x @ x)) * math.sqrt(float(y @ y))
    if spread == 0:
        raise Undefined("the spread of the pixel values underflows")
    return min(1.0, max(-1.0, float(x @ y) / spread))


@metric("sum_ratio", unit="", range=(-math.inf, math.inf), best=1,
        sentence="Sum of the subject's pixels over the sum of the reference's.")
def sum_ratio(pair: RegionPair) -> float:
    if pair.x_sum == 0:
        raise Undefined("the reference sums to zero here")
    return pair.y_sum / pair.x_sum


@metric("mse", unit="photons^2", range=(0, math.inf), best=0, sentence="Mean squared difference of the pixels.")
def mse(pair: RegionPair) -> float:
    return pair.squared_difference / pair.x.size


@metric("rmse", unit="photons", range=(0, math.inf), best=0, sentence="Root of the mean squared difference.")
def rmse(pair: RegionPair) -> float:
    return math.sqrt(mse(pair))


@metric("max_abs_diff", unit="photons", range=(0, math.inf), best=0,
        sentence="Largest absolute difference of any pixel.")
def max_abs_diff(pair: RegionPair) -> float:
    return float(np.abs(pair.difference).max())


@metric("max_abs_diff_of_peak", unit="", range=(0, math.inf), best=0,
        sentence="Largest absolute difference of any pixel over the brightest reference pixel of the region.")
def max_abs_diff_of_peak(pair: RegionPair) -> float:
    return max_abs_diff(pair) / _positive_peak(pair)


@metric("max_intensity_delta", unit="", range=(0, math.inf), best=0,
        sentence="|max subject - max reference| / max reference, the brightest pixels of the region.")
def max_intensity_delta(pair: RegionPair) -> float:
    return abs(pair.y_max - pair.x_max) / _positive_peak(pair)


@metric("scale_factor", unit="", range=(-math.inf, math.inf), best=1,
        sentence="The factor s that makes s * reference nearest to the subject (least squares).")
def scale_factor(pair: RegionPair) -> float:
    power = float(pair.x @ pair.x)
    if power == 0:
        raise Undefined("the reference is zero here")
    return float(pair.x @ pair.y) / power


@metric("residual_after_scale", unit="", range=(0, 1), best=0,
        sentence="What the best scale factor leaves: |subject - s * reference| / |subject|.")
def residual_after_scale(pair: RegionPair) -> float:
    power = float(pair.y @ pair.y)
    if power == 0:
        raise Undefined("the subject is zero here")
    left = pair.y - scale_factor(pair) * pair.x
    return math.sqrt(float(left @ left) / power)


def _positive_peak(pair: RegionPair) -> float:
    if not pair.x_max > 0:
        raise Undefined("the reference has no positive pixel here")
    return pair.x_max
