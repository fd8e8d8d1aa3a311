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
    return finite_number("--threshold", text, written) if written else None


def finite_number(option: str, text: str, word: str) -> float:
    """What a word of an option's value ``text`` says as a number. Raises UsageError for none that is finite."""
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UsageError(f"{option} {text!r}: {word!r} is no finite number")
    return value
