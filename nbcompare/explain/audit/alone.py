"""``--threshold-only METRIC[@REGION]=VALUE``: one threshold that judges with nothing beside it."""

from __future__ import annotations

from nbcompare.case.from_text import finite_number
from nbcompare.case.threshold import Threshold
from nbcompare.compare.image import Roi
from nbcompare.compare.metrics import METRICS
from nbcompare.errors import UsageError, nearest

OPTION = "--threshold-only"


def thresholds_alone(text: str, rois: tuple[Roi, ...]) -> tuple[Threshold, ...]:
    """The threshold on the region that is named, or on every region. A range is written LOW..HIGH.

    Raises UsageError for a metric, region or value that is none.
    """
    name, _, value = text.partition("=")
    metric, at, region = name.partition("@")
    if metric not in METRICS:
        raise UsageError(f"{OPTION} {text!r}: there is no metric {metric!r}; {nearest(metric, METRICS)}")
    names = [roi.name for roi in rois]
    if at and region not in names:
        raise UsageError(f"{OPTION} {text!r}: the case has no region {region!r}; {nearest(region, names)}")
    low, high = _limits(text, metric, value)
    fault = METRICS[metric].fault_in_limits(low, high)
    if fault:
        raise UsageError(f"{OPTION} {text!r}: {fault}")
    return tuple(Threshold(metric, name, low, high, OPTION) for name in ([region] if at else names))


def _limits(text: str, metric: str, value: str) -> tuple[float | None, float | None]:
    """(min, max): of one number, the side on which the metric gets worse."""
    first, both, second = value.partition("..")
    if both:
        return finite_number(OPTION, text, first), finite_number(OPTION, text, second)
    entry, limit = METRICS[metric], finite_number(OPTION, text, value)
    if entry.best is not None and entry.best == entry.highest:
        return limit, None
    if entry.best is not None and entry.best == entry.lowest:
        return None, limit
    raise UsageError(f"{OPTION} {text!r}: {metric} may be wrong on either side; write {metric}=LOW..HIGH")
