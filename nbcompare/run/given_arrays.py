"""What scripts and tests hand over is looked at before it is compared: arrays, regions and thresholds of a case were
looked at when they were read."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from nbcompare.case.threshold import Threshold
from nbcompare.compare.image import Roi, Shape
from nbcompare.compare.metrics import METRICS
from nbcompare.errors import ShapeError, UsageError, nearest


def two_images(reference: object, subject: object) -> tuple[np.ndarray, np.ndarray]:
    """Both as arrays [slow, fast] of real numbers.

    Raises UsageError for what is none and for one array in both places, ShapeError for another number of axes.
    """
    first, second = _image(reference, "reference"), _image(subject, "subject")
    if first.__array_interface__ == second.__array_interface__:
        raise UsageError("reference and subject are one array: an image compared with itself shows nothing")
    return first, second


def two_images_of_one_shape(reference: object, subject: object) -> tuple[np.ndarray, np.ndarray]:
    """The same, of one shape. Raises ShapeError for two."""
    first, second = two_images(reference, subject)
    if first.shape != second.shape:
        raise ShapeError(f"the reference is {Shape(*first.shape)}, the subject {Shape(*second.shape)}")
    return first, second


def _image(given: object, role: str) -> np.ndarray:
    if isinstance(given, np.ma.MaskedArray):
        raise UsageError(f"the {role} is a masked array, whose mask would be lost",
                         hint="give its data, and masks= for both images")
    try:
        found = np.asarray(given)
    except (TypeError, ValueError, RuntimeError) as fault:  # of a tensor on a device, say
        raise UsageError(f"the {role} is no array: {fault}") from None
    if found.ndim != 2 or not found.size:
        raise ShapeError(f"the {role} has shape {found.shape}; an image is an array [slow, fast] with pixels in it")
    if found.dtype.kind not in "iuf":
        raise UsageError(f"the {role} is an array of {found.dtype}; pixels are real numbers")
    return found


def checked_regions(given: Iterable[Roi], shape: Shape) -> tuple[Roi, ...]:
    """The regions, each within the image and with a name of its own. Raises UsageError."""
    rois = tuple(given)
    for at, roi in enumerate(rois):
        if not (0 <= roi.xmin <= roi.xmax < shape.fast and 0 <= roi.ymin <= roi.ymax < shape.slow):
            raise UsageError(f"region {roi.name}: x {roi.xmin} to {roi.xmax} and y {roi.ymin} to {roi.ymax} do not lie "
                             f"in an image of {shape}")
        if roi.name in {other.name for other in rois[:at]}:
            raise UsageError(f"two regions are called {roi.name}")
    return rois


def checked_thresholds(given: Iterable[Threshold]) -> tuple[Threshold, ...]:
    """The thresholds, each of a metric that there is, and able to fail; of an iterator, which gives them once, as well
    as of a list. Raises UsageError."""
    thresholds = tuple(given)
    for entry in thresholds:
        if entry.metric not in METRICS:
            raise UsageError(f"there is no metric {entry.metric!r}; {nearest(entry.metric, METRICS)}")
        if entry.min is None and entry.max is None:
            raise UsageError(f"{entry.metric} needs a least or a most value; without any it could never fail")
        fault = METRICS[entry.metric].fault_in_limits(entry.min, entry.max)
        if fault:
            raise UsageError(f"the limit of {entry.metric} could never fail: {fault}")
    return thresholds
