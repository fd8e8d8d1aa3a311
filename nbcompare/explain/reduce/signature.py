"""How two images, or two runs, fail: which thresholds, in which direction, by what factor."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nbcompare.case.arguments.options import SUBJECT
from nbcompare.case.threshold import Threshold
from nbcompare.compare.compare import compare_images
from nbcompare.compare.image import Roi
from nbcompare.engine.engine import Run
from nbcompare.errors import ShapeError
from nbcompare.verdict.verdict import Check, judge

_EXCEPTION = re.compile(r"((?:\w+\.)*\w*(?:Error|Exception))(?::|$)")
"""How the last line of a Python program begins that ends by an exception."""

LOG_RATIO_SHARE, LOG_RATIO_FLOOR = 0.1, 0.02
"""Two sum ratios are similar when their logarithms differ by less than this share, or by less than the floor."""


@dataclass(frozen=True)
class Signature:
    """One way of failing; empty when nothing fails.

    ``thresholds`` are (metric, "below" | "above" | "undefined"); ``ratio`` is the sum ratio, where the sum ratio is
    among them; ``engine`` is (role, kind of failure) when an engine gave no image at all.
    """

    thresholds: tuple[tuple[str, str], ...] = ()
    ratio: float | None = None
    engine: tuple[str, str] | None = None

    @property
    def fails(self) -> bool:
        return bool(self.thresholds or self.engine)

    def is_like(self, other: Signature) -> bool:
        """Whether this is the other's way of failing: the same thresholds in the same direction, a similar ratio."""
        if self.engine or other.engine:
            return self.engine == other.engine
        return self.fails and self.thresholds == other.thresholds and similar_ratios(self.ratio, other.ratio)

    def is_part_of(self, other: Signature) -> bool:
        """Whether this can be the other's way of failing, seen in a part of the same images: all its thresholds fail,
        in the same direction. A defect at one place moves the sum of a small part more than that of the whole."""
        return self.fails and set(self.thresholds) >= set(other.thresholds)

    def __str__(self) -> str:
        if self.engine:
            return "{} gives no image ({})".format(*self.engine)
        if not self.thresholds:
            return "no failure"
        words = [f"{metric} {direction}" for metric, direction in self.thresholds]
        return ", ".join(words) + (f", sum ratio {self.ratio:.8g}" if self.ratio is not None else "")

    def as_dict(self) -> dict[str, Any]:
        return {"thresholds": [list(entry) for entry in self.thresholds], "ratio": self.ratio,
                "engine": list(self.engine) if self.engine else None}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Signature:
        engine = stored["engine"]
        return cls(tuple((metric, direction) for metric, direction in stored["thresholds"]), stored["ratio"],
                   tuple(engine) if engine else None)


def similar_ratios(a: float | None, b: float | None) -> bool:
    """Whether two sum ratios may be of one defect."""
    if a is None or b is None:
        return a is b
    if a <= 0 or b <= 0:
        return (a > 0) == (b > 0)
    return abs(math.log(a / b)) <= max(LOG_RATIO_SHARE * abs(math.log(b)), LOG_RATIO_FLOOR)


def signature_of(reference: np.ndarray, subject: np.ndarray, roi: Roi, thresholds: Sequence[Threshold]) -> Signature:
    """The thresholds that do not hold on a region of two images [slow, fast]; images that show nothing say so."""
    moved = [replace(threshold, roi=roi.name) for threshold in thresholds]
    try:
        comparison = compare_images(reference, subject, [roi], further={(t.metric, t.roi) for t in moved},
                                    with_peaks=False)
    except ShapeError:
        return Signature(engine=(SUBJECT, "another shape"))
    failed = {(check.threshold.metric, _direction(check)) for check in judge(comparison, moved).checks
              if not check.holds}
    if comparison.vacuous or any(region.weak and region.weak.unresolved() for region in comparison.regions):
        failed.add(("images", "vacuous"))
    ratio = None
    if any(metric == "sum_ratio" for metric, _ in failed):
        ratio = comparison.regions[0].figure("sum_ratio").value
    return Signature(tuple(sorted(failed)), ratio)


def _direction(check: Check) -> str:
    if check.value is None:
        return "undefined"
    low = check.threshold.min
    return "below" if low is not None and check.value < low else "above"


def signature_of_failed(run: Run) -> Signature:
    """The signature of an engine that gave no usable image: the kind of its failure, and where the engine ended by
    itself also its exit code and the name of its exception, as one that ends in another way makes another mistake."""
    assert run.failure is not None, "only a run that failed has such a signature"
    kind = run.failure.kind
    if kind == "exit-code":
        raised = [found[1] for text in run.failure.said if (found := _EXCEPTION.match(text))]
        kind = " ".join((kind, str(run.exit_code), *raised[-1:]))
    return Signature(engine=(run.role, kind))


def thresholds_for(thresholds: Sequence[Threshold], failed: Sequence[Threshold]) -> tuple[Threshold, ...]:
    """One threshold per metric: one that failed where any did, else the first."""
    chosen: dict[str, Threshold] = {}
    for threshold in (*failed, *thresholds):
        chosen.setdefault(threshold.metric, threshold)
    return tuple(chosen.values())
