"""What a metric is, the table of all of them, and taking one on a region."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from nbcompare.compare.metrics.region import RegionPair


class Undefined(Exception):
    """A figure that has no value here; the message says why."""


@dataclass(frozen=True)
class Metric:
    """One figure of a comparison.

    ``best`` is its value for two equal images, None where that depends on the image. A metric that is
    not ``default`` is computed only where a threshold asks for it. ``any_pixels`` metrics have a value
    also where pixels are not finite or there is no signal.
    """

    name: str
    unit: str
    lowest: float
    highest: float
    best: float | None
    sentence: str
    default: bool
    any_pixels: bool
    compute: Callable[[RegionPair], float]

    @property
    def direction(self) -> str:
        """Which way is better, in words."""
        if self.best is None:
            return "depends on the image"
        if self.best == self.lowest:
            return "lower is better"
        if self.best == self.highest:
            return "higher is better"
        return f"nearest to {self.best:g} is best"

    @property
    def range(self) -> str:
        """The values it can take, as an interval."""
        low, high = (f"{limit:g}" if math.isfinite(limit) else "" for limit in (self.lowest, self.highest))
        return f"{low} .. {high}".strip() if low or high else "any"

    def distance(self, value: float) -> float:
        """How far a value is from that of two equal images, in the metric's unit."""
        return abs(value - self.best) if self.best is not None else math.inf


METRICS: dict[str, Metric] = {}


def metric(name: str, *, range: tuple[float, float], best: float | None, sentence: str, unit: str = "",
           default: bool = False, any_pixels: bool = False):
    """Enter a function of a RegionPair into the registry."""

    def enter(compute):
        METRICS[name] = Metric(name, unit, *range, best, sentence, default, any_pixels, compute)
        return compute

    return enter


def default_metrics() -> tuple[str, ...]:
    """The names of the metrics that every comparison holds; all of them together take one pass."""
    return tuple(name for name, entry in METRICS.items() if entry.default)


def evaluate(name: str, pair: RegionPair) -> tuple[float | None, str | None]:
    """(value, None), or (None, the reason why this metric is undefined here)."""
    entry = METRICS[name]
    if pair.fault and not entry.any_pixels:
        return None, pair.fault
    try:
        value = float(entry.compute(pair))
    except Undefined as reason:
        return None, str(reason)
    if not math.isfinite(value):
        return None, f"the figure overflows ({value})"
    return value, None


def positive_peak(pair: RegionPair) -> float:
    """The brightest reference pixel, where a figure is given in units of it."""
    if not pair.sums.x_max > 0:
        raise Undefined("the reference has no positive pixel here")
    return pair.sums.x_max


def metrics_table() -> list[dict]:
    """Every metric as plain values, for people and machines."""
    return [{"name": entry.name, "unit": entry.unit, "range": entry.range, "best": entry.best,
             "direction": entry.direction, "default": entry.default, "any_pixels": entry.any_pixels,
             "sentence": entry.sentence} for entry in METRICS.values()]
