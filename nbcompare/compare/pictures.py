"""Pictures of a comparison: reference, subject and their difference, as PNG files.

Images are drawn with the block maximum when they are larger than the picture, so that a spot one
pixel wide is still seen. Brightness is linear from 0 to a percentile of the positive pixels of both
images together, or of each where the sums of the images are further apart than a factor of 5; the difference is
symmetric about zero with a percentile of its own size. Regions at full resolution: region_pictures.py.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nbcompare.compare.colour_scales import factor_between, times
from nbcompare.compare.colours import BRIGHTNESS, DIFFERENCE
from nbcompare.compare.image import Roi
from nbcompare.compare.masked_arrays import filled
from nbcompare.compare.picture_frame import PictureFrame
from nbcompare.compare.picture_settings import DEFAULT_PERCENTILE
from nbcompare.compare.png_file import packed_beside, write_png
from nbcompare.compare.region_pictures import identical

METHOD = "linear 0..percentile of positive pixels of both images"
METHOD_OF_EACH = "linear 0..percentile of positive pixels, of each image its own, as their sums are far apart"
METHODS = (METHOD, METHOD_OF_EACH)

_LONGEST_SIDE = 640
"""Pixels: no more than there is room for, so that none is passed over."""

Limits = tuple[float, float]

_SAMPLED = 61
"""One pixel in this many is looked at to find where the brightest begin."""


@dataclass(frozen=True)
class Scale:
    """How brightness was chosen, as it is written into summary.json."""

    method: str
    percentile: float
    brightest: float
    difference: float
    of_subject: float | None = None
    """The brightest of the subject, where it has a scale of its own."""

    def limits(self, key: str) -> tuple[float, float]:
        """The values of the first and the last colour of c, py or diff."""
        if key == "diff":
            return -self.difference, self.difference
        return 0.0, self.of_subject if key == "py" and self.of_subject is not None else self.brightest

    def as_dict(self) -> dict[str, Any]:
        return dict(vars(self))


def write_pictures(reference: np.ndarray, subject: np.ndarray, view: Roi, marked: Sequence[Roi], files: dict[str, Path],
                   percentile: float = DEFAULT_PERCENTILE) -> Scale:
    """Draw c, py and diff (the keys of ``files``) of one region, other regions marked by boxes."""
    x, y = (_finite(image[view.slices]) for image in (reference, subject))
    with np.errstate(over="ignore"):
        difference = _finite(y - x)
    factor = factor_between(*(float(filled(image, 0).sum(dtype=np.float64)) for image in (x, y)))
    with ThreadPoolExecutor(2) as pool:
        brightest = [pool.submit(percentile_of_positive, images, percentile)
                     for images in ([[x, y]] if factor is None else [[x], [y]])]
        small, size = _shrunk(difference), np.abs(difference, out=difference)
        largest = pool.submit(percentile_of_positive, [size], percentile)
        same = not size.any() and identical(reference[view.slices], subject[view.slices])
        shrunk = {"c": _shrunk(x), "py": _shrunk(y), "diff": small}
        scale = Scale(METHOD if factor is None else METHOD_OF_EACH, percentile, brightest[0].result(),
                      largest.result(), None if factor is None else brightest[1].result())
    titles = {"c": "reference", "py": "subject" + ("" if factor is None else f", on its own scale: {times(factor)}"),
              "diff": "subject - reference" + (": identical, no pixel differs" if same else "")}
    colours = {"c": BRIGHTNESS, "py": BRIGHTNESS, "diff": DIFFERENCE}
    draw_all(view, [roi for roi in marked if roi.bounds != view.bounds or not roi.is_box], scale,
             [(files[key], shrunk[key], titles[key], colours[key], None if same and key == "diff" else
               scale.limits(key)) for key in shrunk if key in files])
    return scale


def _finite(image: np.ndarray) -> np.ndarray:
    return image if np.isfinite(image).all() else np.nan_to_num(image)


def percentile_of_positive(images: Sequence[np.ndarray], percentile: float) -> float:
    """The percentile of the positive pixels of some images together, 1 where there are none. It is that of
    np.percentile, for which only the pixels above most of a sample are put in order."""
    count = sum(int(np.count_nonzero(image > 0)) for image in images)
    if count == 0:
        return 1.0
    place = (count - 1) * percentile / 100.0
    wanted = count - int(place)
    sample = np.sort(np.concatenate([image.reshape(-1)[::_SAMPLED] for image in images]))
    floor = sample[int(len(sample) * max(0.0, 1.0 - 2.0 * wanted / count))]
    above = np.concatenate([image[image > floor] for image in images])
    if len(above) < wanted:
        above = np.concatenate([image[image > 0] for image in images])
    above = np.sort(above)[-wanted:].astype(np.float64)
    return float(above[0] + (above[min(1, wanted - 1)] - above[0]) * (place - int(place)))


def _shrunk(image: np.ndarray) -> np.ndarray:
    """The image reduced to the value of largest size in each block."""
    step = max(1, -(-max(image.shape) // _LONGEST_SIDE))
    if step == 1:
        return image.copy()
    low, high = (_extreme(image, step, function) for function in (np.minimum, np.maximum))
    return np.where(-low > high, low, high)


def _extreme(image: np.ndarray, step: int, function: np.ufunc) -> np.ndarray:
    """The smallest or largest value of each block: of its rows first, then of their columns."""
    slow, fast = image.shape
    whole, rest = divmod(slow, step)
    rows = np.empty((whole + bool(rest), fast + -fast % step), image.dtype)
    function.reduce(image[: whole * step].reshape(whole, step, fast), axis=1, out=rows[:whole, :fast])
    if rest:
        function.reduce(image[whole * step :], axis=0, out=rows[whole, :fast])
    rows[:, fast:] = rows[:, fast - 1 : fast]
    return functools.reduce(function, (rows[:, start::step] for start in range(step)))


# --- drawing -------------------------------------------------------------------------------------------------


def draw_all(view: Roi, boxes: Sequence[Roi], scale: Scale,
             pictures: Sequence[tuple[Path, np.ndarray, str, str, Limits | None]]) -> None:
    """Write pictures (file, image, title, colours, and the values of the first and last of these) of a region. What
    they have in common is drawn once, and each file is packed while the next picture is drawn. Without limits there is
    nothing to be seen, and no scale."""
    frame = PictureFrame(view, boxes)
    with packed_beside():
        for path, image, title, colours, limits in pictures:
            write_png(path, np.asarray(frame.picture(image, title, colours, limits)))
