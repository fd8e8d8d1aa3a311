"""Images and masks that scripts and tests hand over, looked at before they are compared: those of a case were looked
at when they were read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress

import numpy as np

from nbcompare.compare.compare import Masks
from nbcompare.compare.image import Shape
from nbcompare.errors import ShapeError, UsageError

_LARGEST_FLOAT = 8
"""Bytes of the float64 in which figures are taken."""


def two_images(reference: object, subject: object) -> tuple[np.ndarray, np.ndarray]:
    """Both as arrays [slow, fast] of real numbers, of one shape.

    Raises UsageError for what is none and for two that share memory, ShapeError for another number of axes and for two
    shapes.
    """
    first, second = one_image(reference, "reference"), one_image(subject, "subject")
    if first.shape != second.shape:
        raise ShapeError(f"the reference is {Shape(*first.shape)}, the subject {Shape(*second.shape)}")
    if reference is subject or first.__array_interface__ == second.__array_interface__:
        raise UsageError("reference and subject are one array: an image compared with itself shows nothing")
    if _share_memory(first, second):
        raise UsageError("reference and subject share memory: an image compared with a view of itself shows nothing",
                         hint="give copies where that is meant")
    return first, second


def one_image(given: object, role: str) -> np.ndarray:
    """What is given for the ``role`` as an array. Raises as ``two_images`` does."""
    _refuse_masked(given, role)
    try:
        found = np.asanyarray(given)
    except Exception as fault:  # whatever a tensor on a device, or somebody's __array__, raises
        raise UsageError(f"the {role} is no array: {fault}") from None
    _refuse_masked(found, role)
    found = np.asarray(found)
    if found.ndim != 2 or not found.size:
        what = "" if isinstance(given, np.ndarray) else f", found {type(given).__name__}"
        raise ShapeError(f"the {role} has shape {found.shape}; an image is an array [slow, fast] with pixels in it"
                         f"{what}")
    if found.dtype.kind not in "iuf":
        raise UsageError(f"the {role} is an array of {found.dtype}; pixels are real numbers")
    if found.dtype.itemsize > _LARGEST_FLOAT:
        raise UsageError(f"the {role} is an array of {found.dtype}; figures are taken in float64, which would cut it")
    return found


def finite_reference(reference: np.ndarray) -> None:
    """Raises UsageError for pixels of the reference that are no number."""
    bad = int(np.count_nonzero(~np.isfinite(reference)))
    if bad:
        raise UsageError(f"{bad} pixels of the reference are not finite: no cause can be told from it")


def _refuse_masked(given: object, role: str) -> None:
    rows = given if isinstance(given, list | tuple) else [given]
    if any(isinstance(row, np.ma.MaskedArray) for row in rows):
        raise UsageError(f"the {role} is a masked array, whose mask would be lost",
                         hint="give its data, and masks= for both images")


def _share_memory(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether any pixel of one is a pixel of the other; also where that takes too long to tell."""
    try:
        return bool(np.shares_memory(first, second, max_work=100_000))  # type: ignore[arg-type]  # the stub has 0 and -1
    except np.exceptions.TooHardError:
        return True


@contextmanager
def unchanged(given: Iterable[object], who: str) -> Iterator[None]:
    """Raises UsageError where an array among what is given to a function was changed by it: whoever is given it next
    would start from what the first left."""
    arrays = []
    for value in given:
        with suppress(Exception):  # a tensor on a device has no array here
            arrays += [np.asarray(value)] if hasattr(value, "__array__") else []
    before = [array.copy() for array in arrays]
    yield
    if any(array.tobytes() != kept.tobytes() for array, kept in zip(arrays, before, strict=True)):
        raise UsageError(f"{who} changed an array that it was given, from which the other would start",
                         hint="give each an array of its own")


def checked_masks(given: object, shape: Shape) -> Masks | None:
    """The masks of both images. Raises UsageError for what is no pair of boolean arrays, ShapeError for another
    shape."""
    if given is None:
        return None
    if not isinstance(given, Sequence) or len(given) != 2:
        raise UsageError(f"masks= takes two boolean arrays, of the reference and of the subject, "
                         f"found {type(given).__name__}")
    return _mask(given[0], "reference", shape), _mask(given[1], "subject", shape)


def _mask(given: object, role: str, shape: Shape) -> np.ndarray:
    try:
        found = np.asanyarray(given)
    except Exception as fault:
        raise UsageError(f"the mask of the {role} is no array: {fault}") from None
    if isinstance(found, np.ma.MaskedArray) or found.dtype != np.bool_:
        raise UsageError(f"the mask of the {role} is {_kind_of(given, found)}; masks are boolean arrays [slow, fast], "
                         "True where a pixel is no measurement")
    if found.shape != (shape.slow, shape.fast):
        raise ShapeError(f"the mask of the {role} has shape {found.shape}, its image {(shape.slow, shape.fast)}")
    return np.asarray(found)


def _kind_of(given: object, found: np.ndarray) -> str:
    if isinstance(found, np.ma.MaskedArray):
        return "a masked array"
    return f"an array of {found.dtype}" if found.dtype.kind != "O" else repr(given)[:60]
