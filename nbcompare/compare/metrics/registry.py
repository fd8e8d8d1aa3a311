"""What a metric is, the table of all of them, and taking one on a region."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from nbcompare.compare.metrics.region import RegionPair


class Undefined(Exception):
    """A figure that has no value here; the message says why."""


@dataclass(frozen=True)
class Metric:
    """One figure of a comparison.

    ``best`` is its value for two equal images, None where that depends on the image. A metric that is
    not ``default`` is computed only where a threshold asks for it. ``any_pixels`` metrics have a value
    also where pixels are not finite or there is no signal. ``parameters`` are the numbers that a threshold may
    choose, with what holds where it does not; ``explain`` says more about a value than the value does.
    """

    name: str
    unit: str
    lowest: float
    highest: float
    best: float | None
    sentence: str
    default: bool
    any_pixels: bool
    compute: Callable[..., float]
    parameters: Mapping[str, float] = field(default_factory=dict)
    explain: Callable[..., str] | None = None

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


_CHOSEN = re.compile(r"(\w+)\((.*)\)")


class Registry(dict[str, Metric]):
    """All metrics by name. A name with parameters, as ``called`` writes it, is that metric with these numbers."""

    def __contains__(self, name: object) -> bool:
        return dict.__contains__(self, name) or (isinstance(name, str) and self._chosen(name) is not None)

    def __missing__(self, name: str) -> Metric:
        found = self._chosen(name)
        if found is None:
            raise KeyError(name)
        return found

    def _chosen(self, name: str) -> Metric | None:
        match = _CHOSEN.fullmatch(name)
        entry = dict.get(self, match[1]) if match else None
        if match is None or entry is None:
            return None
        try:
            numbers = {key: float(value) for key, _, value in (part.partition("=") for part in match[2].split(", "))}
        except ValueError:
            return None
        if not numbers.keys() <= entry.parameters.keys() or called(entry.name, numbers) != name:
            return None
        return replace(entry, name=name, compute=partial(entry.compute, **numbers),
                       explain=partial(entry.explain, **numbers) if entry.explain else None)


def called(name: str, numbers: Mapping[str, float]) -> str:
    """The name of a metric with parameters chosen: ``share_outside(atol=1e-06, rtol=0)``."""
    return f"{name}({', '.join(f'{key}={value:.17g}' for key, value in sorted(numbers.items()))})" if numbers else name


METRICS = Registry()


def metric(name: str, *, range: tuple[float, float], best: float | None, sentence: str, unit: str = "",
           default: bool = False, any_pixels: bool = False, parameters: Mapping[str, float] | None = None,
           explain: Callable[..., str] | None = None) -> Callable[[Callable[..., float]], Callable[..., float]]:
    """Enter a function of a RegionPair into the registry."""

    def enter(compute: Callable[..., float]) -> Callable[..., float]:
        METRICS[name] = Metric(name, unit, *range, best, sentence, default, any_pixels, compute, parameters or {},
                               explain)
        return compute

    return enter


def default_metrics() -> tuple[str, ...]:
    """The names of the metrics that every comparison holds; all of them together take one pass."""
    return tuple(name for name, entry in METRICS.items() if entry.default)


def evaluate(name: str, pair: RegionPair) -> tuple[float | None, str | None, str | None]:
    """(value, None, what more there is to say of it), or (None, why this metric is undefined here, None)."""
    entry = METRICS[name]
    if pair.fault and not entry.any_pixels:
        return None, pair.fault, None
    try:
        value = float(entry.compute(pair))
    except Undefined as reason:
        return None, str(reason), None
    if not math.isfinite(value):
        return None, f"the figure overflows ({value})", None
    return value, None, entry.explain(pair) if entry.explain else None


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
