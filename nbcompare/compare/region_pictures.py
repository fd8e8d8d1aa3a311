"""Pictures of regions for people without a browser: reference, subject, difference and ratio side by side, each pixel
enlarged by a whole number, with what the colours mean and where the largest difference is.

Of a region with more pixels than there is room for, a window about its largest difference is shown, and that is said.
An identical pair is said to be identical, and no difference is drawn of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nbcompare.compare.colour_scales import (
    GREY,
    ColourScale,
    both_ways,
    brightness,
    factor_between,
    factors,
    near_one,
    ratio_of,
    times,
)
from nbcompare.compare.colours import colours_of
from nbcompare.compare.lettering import DIM, INK, MARK, font
from nbcompare.compare.masked_arrays import filled, is_masked, mask_of, values_of
from nbcompare.compare.png_file import packed_beside, write_png

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

    from nbcompare.compare.compare import RegionComparison, WorstPixel

MOST_REGIONS = 4
"""Regions that get a picture: the first of a case."""

SIDE = 96
"""Pixels of a region along each axis that are shown, at most."""

_PANEL = 384
"""Of the picture, along the longer side of a panel: SIDE pixels four times as large."""

_LARGEST_ZOOM = 64
_TEXT, _HEADLINE, _LINE = 14, 18, 20
_EDGE, _BETWEEN, _BAR = 16, 28, 12
_LEAST = 240
"""Of a bar of colours, so that three numbers have room below it."""

_LEFT = 46
"""Room for the pixel numbers beside a panel."""


@dataclass(frozen=True)
class _Panel:
    """One image [slow, fast] of float64 in its colours; without a scale it is a plain grey field."""

    title: str
    note: str
    image: np.ndarray
    scale: ColourScale | None


def write_region_pictures(reference: np.ndarray, subject: np.ndarray, files: Mapping[Path, RegionComparison]) -> None:
    """Draw compared regions of two images of one shape [slow, fast], a PNG file each."""
    with packed_beside():
        for path, region in files.items():
            write_png(path, region_picture(reference, subject, region))


def region_picture(reference: np.ndarray, subject: np.ndarray, region: RegionComparison) -> np.ndarray:
    """The picture of a compared region, uint8 [height, width, 3]."""
    roi, worst = region.roi, region.worst
    whole = [image[roi.slices] for image in (reference, subject)]
    same = worst.difference == 0 and identical(*whole)
    at = _brightest(whole[0]) if same else (worst.y - roi.ymin, worst.x - roi.xmin)
    rows, columns = (_window(size, place) for size, place in zip(whole[0].shape, at, strict=True))
    beside = roi.outside()
    x, y = (_plain(image[rows, columns], None if beside is None else beside[rows, columns]) for image in whole)
    headline = f"region {roi.name}: " + ("" if x.shape == whole[0].shape else "part of it, ")
    headline += f"x {roi.xmin + columns.start} .. {roi.xmin + columns.stop - 1}, "
    headline += f"y {roi.ymin + rows.start} .. {roi.ymin + rows.stop - 1}"
    mark = None if same else (at[0] - rows.start, at[1] - columns.start)
    return _drawn(list(_panels(x, y, same)), headline, _said(worst, same), (roi.xmin + columns.start,
                                                                           roi.ymin + rows.start), mark)


def _said(worst: WorstPixel, same: bool) -> str:
    if same:
        return "IDENTICAL: no pixel of the region differs"
    place = f"x = {worst.x}, y = {worst.y}"
    if worst.difference is None or worst.reference is None or worst.subject is None:
        return f"at {place} one image holds no number"
    return f"largest difference {worst.difference:.6g} at {place}: reference {worst.reference:.6g}, subject " \
           f"{worst.subject:.6g}"


def identical(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether two regions hold the same numbers, and the same masks."""
    if not np.array_equal(values_of(x), values_of(y)):
        return False
    return not is_masked(x, y) or np.array_equal(mask_of(x), mask_of(y))


def _brightest(image: np.ndarray) -> tuple[int, int]:
    row, column = np.unravel_index(int(np.argmax(values_of(image))), image.shape)
    return int(row), int(column)


def _plain(image: np.ndarray, beside: np.ndarray | None) -> np.ndarray:
    """Pixels as float64, NaN where they are masked, beside the region, or no finite number."""
    plain = filled(image.astype(np.float64), np.nan)
    unseen = ~np.isfinite(plain) if beside is None else ~np.isfinite(plain) | beside
    shown: np.ndarray = np.where(unseen, np.nan, plain)
    return shown


def _window(size: int, at: int) -> slice:
    """Where SIDE pixels of ``size`` begin and end about one of them; all where there are no more."""
    first = min(max(at - SIDE // 2, 0), max(size - SIDE, 0))
    return slice(first, min(first + SIDE, size))


def _panels(x: np.ndarray, y: np.ndarray, same: bool) -> Iterator[_Panel]:
    factor = factor_between(float(np.nansum(x)), float(np.nansum(y)))
    scales = [brightness([x, y])] * 2 if factor is None else [brightness([x]), brightness([y])]
    own = "" if factor is None else ", on its own scale"
    yield _Panel("reference", f"photons{own}", x, scales[0])
    yield _Panel("subject", f"photons{own}" + ("" if factor is None else f": {times(factor)}"), y, scales[1])
    if same:
        return
    with np.errstate(all="ignore"):
        difference, ratio = y - x, ratio_of(x, y)
    yield _Panel("subject - reference", "photons", difference, both_ways(difference))
    told = ratio[np.isfinite(ratio)]
    words = "no pixel has photons in both images"
    if told.size:
        words = f"{near_one(float(told.min()))} to {near_one(float(told.max()))}; grey: next to no photons"
    yield _Panel("subject / reference", words, ratio, factors(ratio) if told.size else None)


# --- drawing -------------------------------------------------------------------------------------------------------


def _drawn(panels: list[_Panel], headline: str, said: str, origin: tuple[int, int],
           mark: tuple[int, int] | None) -> np.ndarray:
    """All panels, two in a row, below the headline."""
    from PIL import Image, ImageDraw

    slow, fast = panels[0].image.shape
    zoom = max(1, min(_LARGEST_ZOOM, _PANEL // max(slow, fast)))
    texts = [(headline, font(_HEADLINE)), (said, font(_TEXT))]
    cell = _LEFT + max(zoom * fast, *(round(font(_TEXT).getlength(panel.note)) for panel in panels), _LEAST)
    high = _HEADLINE + 6 + zoom * slow + 5 * _LINE + 8
    width = max(2 * cell + _BETWEEN, *(round(letters.getlength(text)) for text, letters in texts)) + 2 * _EDGE
    top = _EDGE + 3 * _LINE
    picture = Image.new("RGB", (width, top + high * ((len(panels) + 1) // 2) + _EDGE), "white")
    draw = ImageDraw.Draw(picture)
    for at, (text, letters) in enumerate(texts):
        draw.text((_EDGE, _EDGE + at * (_LINE + 6)), text, font=letters, fill=INK)
    for at, panel in enumerate(panels):
        left, above = _EDGE + (at % 2) * (cell + _BETWEEN), top + (at // 2) * high
        draw.text((left + _LEFT, above), panel.title, font=font(_TEXT + 2), fill=INK)
        place = (left + _LEFT, above + _HEADLINE + 8)
        picture.paste(Image.fromarray(_enlarged(panel, zoom)), place)
        _frame(draw, place, (zoom * fast, zoom * slow), origin, (fast, slow))
        if mark and at < 2:  # the others are to be seen without it
            _outline(draw, place, mark, zoom)
        _legend(picture, draw, panel, (place[0], place[1] + zoom * slow + 26), max(zoom * fast, _LEAST))
    return np.asarray(picture)


def _enlarged(panel: _Panel, zoom: int) -> np.ndarray:
    grey = np.full((*panel.image.shape, 3), GREY, np.uint8)
    pixels = grey if panel.scale is None else panel.scale.pixels(panel.image)
    return pixels.repeat(zoom, axis=1).repeat(zoom, axis=0)


def _frame(draw: ImageDraw.ImageDraw, place: tuple[int, int], size: tuple[int, int], origin: tuple[int, int],
           count: tuple[int, int]) -> None:
    """A line around a panel, and the numbers of its first and last pixels."""
    (x, y), (width, height) = place, size
    draw.rectangle((x - 1, y - 1, x + width, y + height), outline=DIM)
    letters = font(_TEXT)
    draw.text((x, y + height + 4), f"{origin[0]}", font=letters, fill=DIM)
    if width > 100:
        draw.text((x + width, y + height + 4), f"{origin[0] + count[0] - 1}", font=letters, fill=DIM, anchor="ra")
    draw.text((x - 6, y - 2), f"{origin[1]}", font=letters, fill=DIM, anchor="ra")
    if height > 2 * _LINE:
        draw.text((x - 6, y + height - _TEXT - 1), f"{origin[1] + count[1] - 1}", font=letters, fill=DIM, anchor="ra")


def _outline(draw: ImageDraw.ImageDraw, place: tuple[int, int], mark: tuple[int, int], zoom: int) -> None:
    """A square around the pixel of the largest difference, outside of it."""
    x, y = place[0] + mark[1] * zoom, place[1] + mark[0] * zoom
    for grow, colour in ((2, MARK), (3, MARK), (4, (255, 255, 255))):
        draw.rectangle((x - grow, y - grow, x + zoom - 1 + grow, y + zoom - 1 + grow), outline=colour)


def _legend(picture: Image.Image, draw: ImageDraw.ImageDraw, panel: _Panel, place: tuple[int, int],
            width: int) -> None:
    """The colours with the values at their ends and in the middle, and what they are."""
    from PIL import Image as images

    letters, (x, y) = font(_TEXT), place
    if panel.scale:
        bar = colours_of(panel.scale.colours)[np.arange(width) * 256 // width]
        picture.paste(images.fromarray(np.repeat(bar[None], _BAR, axis=0)), place)
        for label, at, anchor in zip(panel.scale.labels, (0, width // 2, width), ("la", "ma", "ra"), strict=True):
            draw.text((x + at, y + _BAR + 3), label, font=letters, fill=INK, anchor=anchor)
        y += _BAR + _LINE + 2
    draw.text((x, y), panel.note, font=letters, fill=DIM)
