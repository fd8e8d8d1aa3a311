"""Thresholds: what one metric must be on one region, and why."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nbcompare.compare.metrics import METRICS

DEFAULT_CORRELATION = 0.9995
DEFAULT_SUM_RATIO = (0.99, 1.01)
DEFAULT_MAX_INTENSITY_DELTA = 0.02
AFTER_SCALE = "residual_after_scale"
"""The metric by which a case says that any scale will do: it judges what the best one leaves."""


@dataclass(frozen=True)
class Threshold:
    """What one metric must be on one region, and why that number was chosen."""

    metric: str
    roi: str
    min: float | None
    max: float | None
    why: str

    @property
    def allowed(self) -> str:
        if self.min is None:
            return f"<= {self.max:.10g}"
        if self.max is None:
            return f">= {self.min:.10g}"
        return f"{self.min:.10g} .. {self.max:.10g}"

    def admits(self, value: float) -> bool:
        return (self.min is None or value >= self.min) and (self.max is None or value <= self.max)

    def width(self, value: float) -> float:
        """How far this threshold lets the metric go from that of equal images, on the side where the value is."""
        best = METRICS[self.metric].best
        if best is None:
            return math.inf
        limit = self.max if value > best or self.min is None else self.min
        return abs(limit - best) if limit is not None else math.inf

    def margin(self, value: float | None) -> float | None:
        """How many times further a value could be from that of equal images before it is outside: 1 at the limit, less
        outside, inf where it is that of equal images or nothing bounds it on its side.

        None where that says nothing: there is no value, equal images have no value of their own in this metric, or
        their value would not be within the threshold.
        """
        best = METRICS[self.metric].best
        if value is None or best is None or not self.admits(best):
            return None
        limit = self.max if value > best else self.min
        return math.inf if limit is None or value == best else abs(limit - best) / abs(value - best)


def default_targets(roi: str) -> tuple[Threshold, Threshold, Threshold]:
    """What is judged where nobody says otherwise: the pattern, the scale, and the brightest pixel of a region."""
    return (Threshold("correlation", roi, DEFAULT_CORRELATION, None, "default: the same pattern"),
            Threshold("sum_ratio", roi, *DEFAULT_SUM_RATIO, "default: the same scale; a correlation cannot see it"),
            Threshold("max_intensity_delta", roi, None, DEFAULT_MAX_INTENSITY_DELTA,
                      "default: the brightest pixel is the same"))
