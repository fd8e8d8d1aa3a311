"""Thresholds: what one metric must be on one region, and why."""

from __future__ import annotations

import math
from dataclasses import dataclass

from nbcompare.compare.metrics import METRICS


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
