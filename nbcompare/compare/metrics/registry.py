"""What a metric is, the table of all of them, and taking one on a region."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from nbcompare.compare.metrics.region import RegionPair

Compute = Callable[..., float]

FACTOR_OF_A_UNIT = 1000.0
"""A scale this far off is what a wrong unit makes (mm for m); a threshold that admits it judges no scale."""

FLOAT32_MAX = 3.4028234663852886e38
"""The largest value of a pixel (IEEE 754 binary32)."""


class Undefined(Exception):
    """A figure that has no value here; the message says why."""


@dataclass(frozen=True)
class Metric:
    """One figure of a comparison.

    ``best`` is its value for two equal images, None where that depends on the image. A ``min`` at or below
    ``idle_min``, and a ``max`` at or above ``idle_max``, is a limit that an image of nothing, or one that has
    nothing to do with the reference, meets as well. A metric that is not ``default`` is computed only where a
    threshold asks for it. One that ``sees_scale`` has another value where all pixels of an image are brighter by one
    factor. ``any_pixels`` metrics have a value also where pixels are not finite or there is no signal.
    ``parameters`` are the numbers that a threshold may choose, with what holds where it does not; ``explain`` says
    more about a value than the value does.
    """

    name: str
    unit: str
    lowest: float
    highest: float
    best: float | None
    idle_min: float
    idle_max: float
    sentence: str
    default: bool
    any_pixels: bool
    compute: Compute
    parameters: Mapping[str, float] = field(default_factory=dict)
    explain: Callable[..., str] | None = None
    sees_scale: bool = True

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

    def fault_in_limits(self, low: float | None, high: float | None, *, bound: bool = False) -> str | None:
        """Why a threshold of these limits could never fail, in words; None when it can.

        A ``bound`` on a known divergence may be as wide as a factor of FACTOR_OF_A_UNIT, or any correlation but -1.

        The limit on the good side (a min where lower is better) judges nothing, and may stand beside one that does.
        Of a ratio a narrow range far from 1 is one that can fail: a known factor.
        """
        if any(limit is not None and not math.isfinite(limit) for limit in (low, high)):
            return f"a limit on {self.name} must be a finite number"
        for word, limit, best in (("min", low, self.highest), ("max", high, self.lowest)):
            if limit is None and self.best == best:
                return f"of {self.name}, {self.direction}: a threshold needs a {word}"
        idle_max = self.idle_max * (max(1.0, low or 0.0) if self.best == 1 < self.highest else 1.0)
        idle_min = self.lowest if bound and self.best == self.highest else self.idle_min
        if self.best == 1 < self.highest and high is not None and high > 0:
            idle_min *= min(1.0, high)
        if bound and self.best == self.lowest:
            idle_max = min(self.highest, max(idle_max, FACTOR_OF_A_UNIT))
        idle = {"min": low is not None and low <= idle_min, "max": high is not None and high >= idle_max}
        works = (low is not None and not idle["min"]) or (high is not None and not idle["max"])
        for word, limit, end, good in (("min", low, idle_min, self.lowest),
                                       ("max", high, idle_max, self.highest)):
            if idle[word] and not (works and self.best in (None, good)):
                return self._idle(word, limit, end)
        return None

    def out_of_reach(self, low: float | None, high: float | None) -> str | None:
        """Why no two images could meet a threshold of these limits, in words; None when some can."""
        for word, limit, end, beyond in (("min", low, self.highest, "above"), ("max", high, self.lowest, "below")):
            if limit is not None and (limit > end if beyond == "above" else limit < end):
                most = "most" if beyond == "above" else "least"
                return f"{word} {limit:g} is {beyond} {end:g}, the {most} that {self.name} can be: nothing could hold"
        return None

    def _idle(self, word: str, limit: float | None, idle: float) -> str:
        side = "above" if word == "min" else "below"
        return (f"{word} {limit:g} of {self.name} judges nothing: an image that is empty, of another scale or of "
                f"something else would pass; give a number {side} {idle:g}")

    @property
    def idle_limits(self) -> str:
        """The limits that judge nothing, in words."""
        low = f"min <= {self.idle_min:g}" if math.isfinite(self.idle_min) and self.best != self.lowest else ""
        high = f"max >= {self.idle_max:g}" if math.isfinite(self.idle_max) and self.best != self.highest else ""
        return ", ".join(filter(None, (low, high))) or "none"

    def refuses(self, value: float) -> bool:
        """Whether no limit that judges anything could admit this value."""
        if self.best == self.lowest:
            return value >= self.idle_max
        if self.best == self.highest:
            return value <= self.idle_min
        return self.best is not None and value <= self.idle_min

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
        usable = all(0 <= value < math.inf for value in numbers.values())  # a tolerance of NaN lets everything pass
        if not usable or not numbers.keys() <= entry.parameters.keys() or name not in _names(entry.name, numbers):
            return None
        return replace(entry, name=name, compute=partial(entry.compute, **numbers),
                       parameters={**entry.parameters, **numbers},
                       explain=partial(entry.explain, **numbers) if entry.explain else None)


def called(name: str, numbers: Mapping[str, float]) -> str:
    """The name of a metric with parameters chosen: ``share_outside(atol=1e-06, rtol=0)``."""
    return _names(name, numbers)[0] if numbers else name


def _names(name: str, numbers: Mapping[str, float]) -> tuple[str, str]:
    """With the fewest digits that say each number exactly; and with 17, as older bundles hold it."""
    spelled = [(key, repr(float(value)).removesuffix(".0"), f"{value:.17g}") for key, value in sorted(numbers.items())]
    return (f"{name}({', '.join(f'{key}={short}' for key, short, _ in spelled)})",
            f"{name}({', '.join(f'{key}={long}' for key, _, long in spelled)})")


METRICS = Registry()


def metric(name: str, *, range: tuple[float, float], best: float | None, sentence: str,
           idle: tuple[float, float] | None = None, unit: str = "", default: bool = False, any_pixels: bool = False,
           parameters: Mapping[str, float] | None = None,
           explain: Callable[..., str] | None = None, sees_scale: bool = True) -> Callable[[Compute], Compute]:
    """Enter a function of a RegionPair into the registry. ``idle`` are the limits that judge nothing, by default the
    ends of its range."""

    def enter(compute: Compute) -> Compute:
        METRICS[name] = Metric(name, unit, *range, best, *(idle or range), sentence, default, any_pixels, compute,
                               parameters or {}, explain, sees_scale)
        return compute

    return enter


def default_metrics() -> tuple[str, ...]:
    """The names of the metrics that every comparison holds; all of them together take one pass."""
    return tuple(name for name, entry in METRICS.items() if entry.default)


def evaluate(name: str, pair: RegionPair) -> tuple[float | None, str | None, str | None]:
    """(value, None, what more there is to say of it), or (None, why this metric is undefined here, None)."""
    value, undefined = value_of(name, pair)
    explain = METRICS[name].explain
    return value, undefined, explain(pair) if explain and value is not None else None


def value_of(name: str, pair: RegionPair) -> tuple[float | None, str | None]:
    """(value, None), or (None, why this metric is undefined here)."""
    entry = METRICS[name]
    if pair.fault and not entry.any_pixels:
        return None, pair.fault
    try:
        value = float(entry.compute(pair))
    except Undefined as reason:
        return None, str(reason)
    return (value, None) if math.isfinite(value) else (None, f"the figure overflows ({value})")


def positive_peak(pair: RegionPair) -> float:
    """The brightest reference pixel, where a figure is given in units of it."""
    if not pair.sums.x_max > 0:
        raise Undefined("the reference has no positive pixel here")
    return pair.sums.x_max


def metrics_table() -> list[dict[str, Any]]:
    """Every metric as plain values, for people and machines."""
    return [{"name": entry.name, "unit": entry.unit, "range": entry.range, "best": entry.best,
             "idle_limits": entry.idle_limits, "direction": entry.direction, "default": entry.default,
             "any_pixels": entry.any_pixels, "sentence": entry.sentence} for entry in METRICS.values()]
