"""Thresholds as they are written on a command line."""

from __future__ import annotations

import math
from collections.abc import Sequence

from nbcompare.case.threshold import Threshold
from nbcompare.compare.metrics import METRICS
from nbcompare.errors import UsageError, nearest


def thresholds_from(texts: Sequence[str], rois: Sequence[str]) -> tuple[Threshold, ...]:
    """``METRIC=MIN..MAX`` of --threshold, one of both limits may be left out; each for all regions.

    Raises UsageError for an unknown metric or limits that cannot be used.
    """
    return tuple(Threshold(*_threshold(text, roi), "given on the command line") for text in texts for roi in rois)


def _threshold(text: str, roi: str) -> tuple[str, str, float | None, float | None]:
    metric, equals, limits = text.rpartition("=")
    low, dots, high = limits.partition("..")
    if not equals or not dots or not (low or high):
        raise UsageError(f"--threshold {text!r} must read METRIC=MIN..MAX, with one limit or both")
    if metric not in METRICS:
        raise UsageError(f"--threshold {text!r}: unknown metric {metric!r}; {nearest(metric, METRICS)}")
    found = _limit(text, low), _limit(text, high)
    if None not in found and not low == high and float(low) > float(high):
        raise UsageError(f"--threshold {text!r}: {low} is above {high}: nothing could hold")
    return metric, roi, *found


def _limit(text: str, written: str) -> float | None:
    if not written:
        return None
    try:
        value = float(written)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UsageError(f"--threshold {text!r}: {written!r} is no finite number")
    return value
