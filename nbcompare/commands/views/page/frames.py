"""What an interactive page carries of two images: the whole frame reduced, and regions and worst places as they are.

A frame is reduced by the maximum and by the mean of blocks, so that no spot is lost and no sum is changed, and its
difference by the value of largest size in each block. Regions and places lie over it at full resolution. Arrays are
packed once; whatever a page shows of them is worked out from these in the browser.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from nbcompare.commands.views.page.blocks import blocks
from nbcompare.commands.views.page.pair import ShownPair, window
from nbcompare.compare.image import Roi

LONGEST_SIDE = 420
"""Pixels of the reduced frame."""

_REGION_PIXELS = 200_000
"""Of all regions that are carried at full resolution together; those beyond are left at the frame's."""

IN_REFERENCE, IN_SUBJECT = 1.0, 2.0
"""What the mask of a tile holds where a pixel is masked in one image; their sum where it is in both."""

_PLACE = 33
"""Pixels of a worst place along each axis."""


def carried(pair: ShownPair, rois: Sequence[Roi]) -> dict[str, Any]:
    """The frame and the tiles over it, the last one uppermost, as JSON holds them."""
    step = max(1, -(-max(pair.reference.shape) // LONGEST_SIDE))
    tiles, left = [_frame(pair, step)], _REGION_PIXELS
    full = Roi.full(pair.shape)
    if step > 1:
        for roi in sorted(rois, key=_pixels, reverse=True):
            if _pixels(roi) <= left:
                tiles.append(_tile(pair, roi, roi.name))
                left -= _pixels(roi)
        tiles += [_tile(pair, window(full, place, _PLACE), f"worst place {rank}")
                  for rank, place in reversed(list(enumerate(pair.worst, 1)))]
    return {"fast": pair.shape.fast, "slow": pair.shape.slow, "tiles": tiles,
            "worst": [_worst(pair, *place) for place in pair.worst],
            "regions": [tile["name"] for tile in tiles[1:len(tiles) - len(pair.worst)]] if step > 1 else []}


def without_reference(further: dict[str, Any], first: dict[str, Any]) -> dict[str, Any]:
    """What is carried of another subject, whose tiles take the reference from those of the first one at the same
    place."""
    known = {_place(tile): at for at, tile in enumerate(first["tiles"])}
    tiles = []
    for tile in further["tiles"]:
        at = known.get(_place(tile))
        kept = {name: array for name, array in tile["arrays"].items() if at is None or not name.startswith("reference")}
        tiles.append({**tile, "arrays": kept, **({} if at is None else {"as": at})})
    return {**further, "tiles": tiles}


def _place(tile: dict[str, Any]) -> tuple[int, ...]:
    return tile["x"], tile["y"], tile["step"], tile["rows"], tile["columns"]


def _pixels(roi: Roi) -> int:
    return (roi.xmax - roi.xmin + 1) * (roi.ymax - roi.ymin + 1)


def _worst(pair: ShownPair, fast: int, slow: int) -> list[float]:
    return [fast, slow, *(float(np.ma.getdata(image)[slow, fast]) for image in (pair.reference, pair.subject))]


def _tile(pair: ShownPair, roi: Roi, name: str) -> dict[str, Any]:
    images = {"reference": pair.reference[roi.slices], "subject": pair.subject[roi.slices]}
    arrays: dict[str, np.ndarray] = {name: np.asarray(np.ma.getdata(image), np.float32)
                                     for name, image in images.items()}
    masks = [np.ma.getmaskarray(image) for image in images.values()]
    if any(mask.any() for mask in masks):
        arrays["mask"] = masks[0] * IN_REFERENCE + masks[1] * IN_SUBJECT
    return {"name": name, "x": roi.xmin, "y": roi.ymin, "step": 1, **_packed_arrays(arrays)}


def _frame(pair: ShownPair, step: int) -> dict[str, Any]:
    if step == 1:
        return _tile(pair, Roi.full(pair.shape), "the whole frame")
    x, y = filled(pair.reference), filled(pair.subject)
    arrays = {"reference": blocks(x, step, np.fmax), "subject": blocks(y, step, np.fmax),
              "reference_mean": _means(x, step), "subject_mean": _means(y, step),
              "difference": _furthest(pair.difference, step)}
    return {"name": "the whole frame", "x": 0, "y": 0, "step": step, **_packed_arrays(arrays)}


def filled(image: np.ndarray) -> np.ndarray:
    """Pixels as float32, NaN where they are masked."""
    shown: np.ndarray = np.ma.filled(image.astype(np.float32), np.nan) if np.ma.isMaskedArray(image) \
        else np.asarray(image, np.float32)
    return shown


def _means(image: np.ndarray, step: int) -> np.ndarray:
    """The mean of each block over its pixels that are numbers; NaN where there is none."""
    number = np.isfinite(image)
    if number.all():
        sums = blocks(image, step, np.add)
        counts = np.outer(*(np.minimum(step, size - np.arange(0, size, step)) for size in image.shape))
    else:
        sums = blocks(np.where(number, image, 0), step, np.add)
        counts = blocks(number.astype(np.float32), step, np.add)
    with np.errstate(all="ignore"):
        means: np.ndarray = (sums / counts).astype(np.float32)
    return means


def _furthest(difference: np.ndarray, step: int) -> np.ndarray:
    low, high = (blocks(difference, step, function) for function in (np.fmin, np.fmax))
    return np.where(-low > high, low, high).astype(np.float32)


def _packed_arrays(arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    rows, columns = next(iter(arrays.values())).shape
    return {"rows": rows, "columns": columns, "arrays": {name: packed(array, _beside(name, arrays))
                                                         for name, array in arrays.items()}}


def _beside(name: str, arrays: dict[str, np.ndarray]) -> np.ndarray | None:
    """The reference's array that one of the subject is nearly equal to."""
    return arrays[name.replace("subject", "reference")] if name.startswith("subject") else None


def packed(array: np.ndarray, beside: np.ndarray | None = None) -> str:
    """An array as float32: its bytes in order of significance, packed by zlib, in base64. Beside another one, only the
    bits that are not the same are set, which leaves little of two images that agree."""
    bits = np.ascontiguousarray(array, "<f4").view("<u4")
    if beside is not None:
        bits = bits ^ np.ascontiguousarray(beside, "<f4").view("<u4")
    planes = bits.view(np.uint8).reshape(-1, 4).T
    return base64.b64encode(zlib.compress(planes.tobytes(), 1)).decode("ascii")
