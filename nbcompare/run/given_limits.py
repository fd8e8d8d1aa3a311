"""Regions, thresholds and figures that scripts and tests hand over, looked at before they judge: those of a case were
looked at when they were read."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from numbers import Integral, Real
from typing import TypeVar

import numpy as np

from nbcompare.case.threshold import Threshold
from nbcompare.compare.compare import Comparison
from nbcompare.compare.image import Roi, Shape
from nbcompare.compare.metrics import METRICS
from nbcompare.errors import UsageError, nearest

Kind = TypeVar("Kind")


def checked_regions(given: object, shape: Shape) -> tuple[Roi, ...]:
    """The regions, each within the image, of pixels of it, and with a name of its own. Raises UsageError."""
    rois: list[Roi] = []
    for roi in _all_of(given, Roi, "rois"):
        found = _region(roi, shape)
        if found.name in {other.name for other in rois}:
            raise UsageError(f"two regions are called {found.name}")
        rois.append(found)
    return tuple(rois)


def checked_thresholds(given: object) -> tuple[Threshold, ...]:
    """The thresholds, each of a metric that there is, and able to fail; of an iterator, which gives them once, as well
    as of a list. Raises UsageError."""
    return tuple(map(_threshold, _all_of(given, Threshold, "thresholds")))


def checked_figures(given: object) -> tuple[tuple[str, str], ...]:
    """(metric, region) pairs, each of a metric that there is. Raises UsageError."""
    found = []
    for pair in _iterated(given, "figures", "pairs of a metric and the name of a region"):
        if not isinstance(pair, tuple | list) or len(pair) != 2 or not all(isinstance(word, str) for word in pair):
            raise UsageError(f"figures= takes pairs of a metric and the name of a region, found {pair!r}")
        found.append((known_metric(pair[0]), pair[1]))
    return tuple(found)


def checked_comparison(given: object) -> Comparison:
    """Raises UsageError for anything but what ``compare_images`` gives."""
    if not isinstance(given, Comparison):
        raise UsageError(f"judge takes a Comparison, as compare_images gives it, found {type(given).__name__}")
    return given


def limit_of(value: object, what: str) -> float | None:
    """A limit as a float, None for none. Raises UsageError for what is no number; a bool is none."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, Real):
        raise UsageError(f"a limit of {what} is a number or None, found {value!r}")
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _all_of(given: object, kind: type[Kind], argument: str) -> Iterator[Kind]:
    """What is given for an argument, every entry of the kind. Raises UsageError."""
    if isinstance(given, kind):
        raise UsageError(f"{argument}= takes a list of {kind.__name__}, found one; write [{argument[:-1]}]")
    for entry in _iterated(given, argument, kind.__name__):
        if not isinstance(entry, kind):
            raise UsageError(f"{argument}= takes a list of {kind.__name__}; an entry is {entry!r}")
        yield entry


def _iterated(given: object, argument: str, wanted: str) -> Iterable[object]:
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        raise UsageError(f"{argument}= takes a list of {wanted}, found {type(given).__name__}")
    return given


# --- one region -------------------------------------------------------------------------------------------


def _region(roi: Roi, shape: Shape) -> Roi:
    """The region with plain numbers. Raises UsageError where it is none of an image of that shape."""
    if not isinstance(roi.name, str) or not roi.name:
        raise UsageError(f"the name of a region is text, found {roi.name!r}")
    where = f"region {roi.name}"
    if any(isinstance(bound, bool) or not isinstance(bound, Integral) for bound in roi.bounds):
        raise UsageError(f"{where}: xmin, xmax, ymin and ymax are whole numbers, found {roi.bounds}")
    if not (roi.weak_allowed is None or isinstance(roi.weak_allowed, str)):
        raise UsageError(f"{where}: weak_allowed is text that says why, found {roi.weak_allowed!r}")
    xmin, xmax, ymin, ymax = map(int, roi.bounds)
    found = replace(roi, xmin=xmin, xmax=xmax, ymin=ymin, ymax=ymax, polygon=_corners(roi.polygon, where),
                    ring=_ring(roi.ring, where))
    if found.fault_in(shape):
        raise UsageError(f"{where}: x {found.xmin} to {found.xmax} and y {found.ymin} to {found.ymax} do not lie in "
                         f"an image of {shape}")
    _refuse_bad_runs(found, where)
    if sum((bool(found.polygon), found.ring is not None, bool(found.mask))) > 1:
        raise UsageError(f"{where} is one of polygon, ring and mask, not several")
    outside = found.outside()
    if outside is not None and outside.all():
        raise UsageError(f"{where} holds the centre of no pixel")
    return found


def _numbers(given: object) -> tuple[float, ...] | None:
    """Finite numbers, or None for anything else."""
    if not isinstance(given, Sequence | np.ndarray) or isinstance(given, str | bytes):
        return None
    found = tuple(given)
    fine = all(isinstance(number, Real) and not isinstance(number, bool) and math.isfinite(number) for number in found)
    return tuple(map(float, found)) if fine else None


def _corners(given: object, where: str) -> tuple[tuple[float, float], ...]:
    corners = [_numbers(corner) for corner in given] if isinstance(given, Sequence | np.ndarray) else [None]
    if isinstance(given, str) or any(corner is None or len(corner) != 2 for corner in corners) \
            or 0 < len(corners) < 3:
        raise UsageError(f"{where}: polygon is three or more corners (x, y), found {given!r}")
    return tuple((corner[0], corner[1]) for corner in corners if corner)


def _ring(given: object, where: str) -> tuple[float, float, float, float] | None:
    if given is None:
        return None
    ring = _numbers(given)
    if ring is None or len(ring) != 4 or not 0 <= ring[2] < ring[3]:
        raise UsageError(f"{where}: ring is (x, y, inner radius, outer radius), found {given!r}")
    return ring[0], ring[1], ring[2], ring[3]


def _refuse_bad_runs(roi: Roi, where: str) -> None:
    if isinstance(roi.mask, str) and not roi.mask:
        return
    runs = roi.mask.split(",") if isinstance(roi.mask, str) else ["none"]
    area = (roi.xmax - roi.xmin + 1) * (roi.ymax - roi.ymin + 1)
    if not all(run.isdecimal() for run in runs) or sum(map(int, runs)) != area:
        raise UsageError(f"{where}: mask is the lengths of runs of pixels, {area} pixels in all; Roi.of_mask makes one "
                         "of a boolean array")


# --- one threshold ----------------------------------------------------------------------------------------


def known_metric(name: object) -> str:
    """Raises UsageError for a metric that there is not."""
    if not isinstance(name, str):
        raise UsageError(f"a metric is named by text, found {name!r}")
    if name not in METRICS:
        raise UsageError(f"there is no metric {name!r}; {nearest(name, METRICS)}")
    return name


def _threshold(given: Threshold) -> Threshold:
    """The threshold with plain numbers. Raises UsageError."""
    name = known_metric(given.metric)
    for key in ("roi", "why"):
        if not isinstance(getattr(given, key), str):
            what = "the name of a region" if key == "roi" else "the reason of the number"
            raise UsageError(f"threshold on {name}: {key} is text, {what}, found {getattr(given, key)!r}")
    low, high = limit_of(given.min, name), limit_of(given.max, name)
    if low is None and high is None:
        raise UsageError(f"{name} needs a least or a most value; without any it could never fail")
    if low is not None and high is not None and low > high:
        raise UsageError(f"{name}: min {low:g} is above max {high:g}: nothing could hold")
    entry = METRICS[name]
    beyond = entry.out_of_reach(low, high)
    if beyond:
        raise UsageError(f"{name}: {beyond}")
    fault = entry.fault_in_limits(low, high)
    if entry.parameters.get("rtol", 0.0) >= 1:
        fault = "from an rtol of 1 up an image of zeros would pass"
    if fault:
        raise UsageError(f"the limit of {name} could never fail: {fault}")
    return replace(given, min=low, max=high)
