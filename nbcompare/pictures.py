"""Pictures of a comparison: reference, subject and their difference, as PNG files.

Images are drawn with the block maximum when they are larger than the picture, so that a spot one
pixel wide is still seen. Brightness is linear from 0 to a percentile of the positive pixels of both
images together; the difference is symmetric about zero with a percentile of its own size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nbcompare.image import Roi

DEFAULT_PERCENTILE = 99.5
METHOD = "linear 0..percentile of positive pixels of both images"
ALWAYS, UNLESS_PASSED = "always", "unless passed"
"""When the pictures of a bundle are drawn: they take longer than the comparison, which matters for many small cells."""

_LONGEST_SIDE = 900
_INCHES = (9.0, 8.2)
_ROOM = (0.09, 0.07, 0.72, 0.88)
"""Left, bottom, width and height of the room for an image, in parts of the picture."""

_QUICK_PNG = {"compress_level": 1}


@dataclass(frozen=True)
class Scale:
    """How brightness was chosen, as it is written into summary.json."""

    method: str
    percentile: float
    brightest: float
    difference: float

    def as_dict(self) -> dict:
        return dict(vars(self))


def write_pictures(reference: np.ndarray, subject: np.ndarray, view: Roi, marked: Sequence[Roi], files: dict[str, Path],
                   percentile: float = DEFAULT_PERCENTILE) -> Scale:
    """Draw c, py and diff (the keys of ``files``) of one region, other regions marked by boxes."""
    x, y = (np.nan_to_num(image[view.slices]) for image in (reference, subject))
    difference = y.astype(np.float64) - x
    scale = _scale(x, y, difference, percentile)
    boxes = [roi for roi in marked if roi.bounds != view.bounds]
    for key, image, title in (("c", x, "reference"), ("py", y, "subject")):
        _draw(files[key], _shrunk(image), view, boxes, title, "inferno", 0.0, scale.brightest, "photons")
    if "diff" in files:
        _draw(files["diff"], _shrunk(difference), view, boxes, "subject - reference", "RdBu_r", -scale.difference,
              scale.difference, "photons")
    return scale


def _scale(x, y, difference, percentile: float) -> Scale:
    size = np.abs(difference)
    both, off = (float(np.percentile(values, percentile, overwrite_input=True)) if values.size else 1.0
                 for values in (np.concatenate([x[x > 0], y[y > 0]]), size[size > 0]))
    return Scale(METHOD, percentile, both, off)


def _shrunk(image: np.ndarray) -> np.ndarray:
    """The image reduced to the value of largest size in each block."""
    step = max(1, -(-max(image.shape) // _LONGEST_SIDE))
    if step == 1:
        return image
    padded = np.pad(image, [(0, -size % step) for size in image.shape])
    parts = [padded[slow::step, fast::step] for slow in range(step) for fast in range(step)]
    low, high = parts[0].copy(), parts[0].copy()
    for part in parts[1:]:
        np.minimum(low, part, out=low)
        np.maximum(high, part, out=high)
    return np.where(-low > high, low, high)


def _draw(path: Path, image, view: Roi, boxes, title: str, colours: str, low: float, high: float, unit: str) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    figure = Figure(figsize=_INCHES)
    left, bottom, width, height = _box(view)
    axes = figure.add_axes((left, bottom, width, height))
    edges = (view.xmin - 0.5, view.xmax + 0.5, view.ymax + 0.5, view.ymin - 0.5)
    drawn = axes.imshow(image, cmap=colours, vmin=low, vmax=high, extent=edges, interpolation="nearest", aspect="auto")
    for roi in boxes:
        axes.add_patch(Rectangle((roi.xmin - 0.5, roi.ymin - 0.5), roi.xmax - roi.xmin + 1, roi.ymax - roi.ymin + 1,
                                 fill=False, edgecolor="deepskyblue", linewidth=1.2))
        axes.annotate(roi.name, (roi.xmin, roi.ymin), color="deepskyblue", fontsize=8, va="bottom")
    axes.set(title=title, xlabel="fast pixel (x)", ylabel="slow pixel (y)")
    figure.colorbar(drawn, cax=figure.add_axes((left + width + 0.02, bottom + 0.1 * height, 0.03, 0.8 * height)),
                    label=unit)
    FigureCanvasAgg(figure).print_png(str(path), pil_kwargs=_QUICK_PNG)


def _box(view: Roi) -> tuple[float, float, float, float]:
    """Left, bottom, width and height of a region with square pixels in the middle of the room, in parts of the
    picture. Laying it out here takes a third of the time that asking matplotlib does."""
    left, bottom, width, height = _ROOM
    fast, slow = view.xmax - view.xmin + 1, view.ymax - view.ymin + 1
    size = min(width * _INCHES[0] / fast, height * _INCHES[1] / slow)
    wide, high = size * fast / _INCHES[0], size * slow / _INCHES[1]
    return left + (width - wide) / 2, bottom + (height - high) / 2, wide, high
