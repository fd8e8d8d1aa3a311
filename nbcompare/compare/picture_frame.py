"""The frame of a picture of a region: axes with pixel numbers, outlines of other regions, and what the colours mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from nbcompare.compare.colour_scales import ColourScale
from nbcompare.compare.colours import COLOURS, colours_of
from nbcompare.compare.image import Roi
from nbcompare.compare.lettering import DIM, INK, MARK, PAPER, font, ticks
from nbcompare.compare.masked_arrays import filled

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

SIZE = (900, 820)
"""Width and height of a picture, in its own pixels."""

_ROOM = (82, 42, 648, 722)
"""Left, top, width and height of the room for an image."""

_TITLE, _TEXT, _SMALL = 17, 15, 14
_TICK, _MOST_TICKS = 5, 6
BAR = (750, 114, 26, 578)
"""Left, top, width and height of the scale: at one place in every picture."""

_MARK_WIDTH = 2


class PictureFrame:
    """What the pictures of one region have in common, drawn once: each image is put into a copy of it."""

    def __init__(self, view: Roi, marked: Sequence[Roi]):
        from PIL import Image, ImageDraw

        self.view, self.marked = view, marked
        self.left, self.top, self.width, self.height = _place_of(view)
        self.bare = Image.new("RGB", SIZE, PAPER)
        self._axes(ImageDraw.Draw(self.bare))

    def picture(self, image: np.ndarray, title: str, colours: str,
                limits: tuple[float, float] | None) -> Image.Image:
        """The picture of an image [slow, fast] of the region, of any number of pixels. Without limits there is no
        scale, and each pixel has the colour in the middle."""
        from PIL import ImageDraw

        picture = self.bare.copy()
        picture.paste(self._inside(image, ColourScale(*(limits or (-1.0, 1.0)), logarithmic=False, colours=colours)),
                      (self.left, self.top))
        draw = ImageDraw.Draw(picture)
        draw.text((self.left + self.width / 2, self.top - 12), title, font=font(_TITLE), fill=INK, anchor="ms")
        if limits:
            self._bar(picture, draw, limits, colours)
            for line, text in enumerate(_beyond(image, limits)):
                draw.text((BAR[0], BAR[1] + BAR[3] + 32 + 18 * line), text, font=font(_SMALL), fill=DIM, anchor="lt")
        return picture

    def _inside(self, image: np.ndarray, scale: ColourScale) -> Image.Image:
        """The image as large as its place, with the outlines of the marked regions, which end where it does."""
        from PIL import Image, ImageDraw

        pixels = scale.pixels(filled(image.astype(np.float64), np.nan))
        rows, columns = (np.arange(size) * count // size
                         for size, count in zip((self.height, self.width), image.shape, strict=True))
        inside = Image.fromarray(pixels.take(columns, axis=1).take(rows, axis=0))  # of few rows, whole rows of those
        draw = ImageDraw.Draw(inside)
        for roi in self.marked:
            self._outline(draw, roi)
        return inside

    def _outline(self, draw: ImageDraw.ImageDraw, roi: Roi) -> None:
        """A region's box, its polygon, or the circles that bound its ring, and its name."""
        across, down = self.width / (self.view.xmax - self.view.xmin + 1), self.height / (
            self.view.ymax - self.view.ymin + 1)

        def at(x: float, y: float) -> tuple[float, float]:
            return (x - self.view.xmin + 0.5) * across, (y - self.view.ymin + 0.5) * down

        if roi.polygon:
            corners = [at(x, y) for x, y in roi.polygon]
            draw.line([*corners, corners[0]], fill=MARK, width=_MARK_WIDTH)
        elif roi.ring:
            x, y, *radii = roi.ring
            for radius in radii:
                draw.ellipse((*at(x - radius, y - radius), *at(x + radius, y + radius)), outline=MARK,
                             width=_MARK_WIDTH)
        elif roi.mask:
            for begin, end in roi.edges():
                draw.line((at(*begin), at(*end)), fill=MARK, width=1)
        else:
            draw.rectangle((*at(roi.xmin - 0.5, roi.ymin - 0.5), *at(roi.xmax + 0.5, roi.ymax + 0.5)), outline=MARK,
                           width=_MARK_WIDTH)
        self._name(draw, roi.name, at(roi.xmin - 0.5, roi.ymin - 0.5))

    def _name(self, draw: ImageDraw.ImageDraw, name: str, corner: tuple[float, float]) -> None:
        """A name above a corner of its region, or below where there is no room, and never beyond the image."""
        wide = font(_SMALL).getlength(name)
        x = max(2.0, min(corner[0], self.width - wide - 2))
        y = corner[1] - 3 if corner[1] > _SMALL + 4 else corner[1] + _SMALL + 4
        draw.text((x, min(y, self.height - 4)), name, font=font(_SMALL), fill=MARK, anchor="ls")

    def _axes(self, draw: ImageDraw.ImageDraw) -> None:
        """A line around the image, the numbers of its pixels, and what they count."""
        right, bottom = self.left + self.width, self.top + self.height
        draw.rectangle((self.left - 1, self.top - 1, right, bottom), outline=INK)
        per = self.width / (self.view.xmax - self.view.xmin + 1)
        for x in ticks(self.view.xmin, self.view.xmax, max(1, min(_MOST_TICKS, self.width // 60)), 1.0):
            at = self.left + (x - self.view.xmin + 0.5) * per
            draw.line((at, bottom + 1, at, bottom + _TICK), fill=INK)
            draw.text((at, bottom + _TICK + 4), f"{x:.0f}", font=font(_SMALL), fill=INK, anchor="mt")
        per = self.height / (self.view.ymax - self.view.ymin + 1)
        for y in ticks(self.view.ymin, self.view.ymax, max(1, min(_MOST_TICKS, self.height // 30)), 1.0):
            at = self.top + (y - self.view.ymin + 0.5) * per
            draw.line((self.left - 1 - _TICK, at, self.left - 2, at), fill=INK)
            draw.text((self.left - _TICK - 5, at), f"{y:.0f}", font=font(_SMALL), fill=INK, anchor="rm")
        draw.text((self.left + self.width / 2, bottom + 32), "fast pixel (x)", font=font(_TEXT), fill=INK, anchor="mt")
        self._upright("slow pixel (y)", (self.left - 62, self.top + self.height / 2))

    def _upright(self, text: str, middle: tuple[float, float]) -> None:
        """A text that is read from below, about a point."""
        from PIL import Image, ImageDraw

        left, top, right, bottom = font(_TEXT).getbbox(text)
        strip = Image.new("RGB", (int(right - left) + 2, int(bottom - top) + 2), PAPER)
        ImageDraw.Draw(strip).text((1 - left, 1 - top), text, font=font(_TEXT), fill=INK)
        turned = strip.transpose(Image.Transpose.ROTATE_90)
        self.bare.paste(turned, (max(0, round(middle[0] - turned.width / 2)), round(middle[1] - turned.height / 2)))

    def _bar(self, picture: Image.Image, draw: ImageDraw.ImageDraw, limits: tuple[float, float], colours: str) -> None:
        """The colours beside the image, with the values that they stand for."""
        from PIL import Image

        left, top, wide, high = BAR
        bar = colours_of(colours)[::-1][np.arange(high) * COLOURS // high]
        picture.paste(Image.fromarray(np.repeat(bar[:, None], wide, axis=1)), (left, top))
        draw.rectangle((left - 1, top - 1, left + wide, top + high), outline=DIM)
        for value in ticks(*limits, _MOST_TICKS):
            at = top + (high - 1) * (limits[1] - value) / (limits[1] - limits[0])
            draw.line((left + wide + 1, at, left + wide + _TICK, at), fill=INK)
            draw.text((left + wide + _TICK + 4, at), f"{value:.4g}", font=font(_SMALL), fill=INK, anchor="lm")
        draw.text((left, top + high + 10), "photons", font=font(_TEXT), fill=INK, anchor="lt")


def _beyond(image: np.ndarray, limits: tuple[float, float]) -> list[str]:
    """What is to be said below a scale that some values of an image lie beyond: how far these reach."""
    values = filled(image.astype(np.float64), np.nan)
    values = values[np.isfinite(values)]
    if not values.size:
        return []
    low, high = float(values.min()), float(values.max())
    return [f"{way} to {value:.4g}" for way, value, limit, is_beyond in (
        ("down", low, limits[0], low < limits[0]), ("up", high, limits[1], high > limits[1]))
            if is_beyond and f"{value:.4g}" != f"{limit:.4g}"]


def _place_of(view: Roi) -> tuple[int, int, int, int]:
    """Where a region lies in the picture, with square pixels in the middle of the room: left, top, width, height."""
    left, top, width, height = _ROOM
    fast, slow = view.xmax - view.xmin + 1, view.ymax - view.ymin + 1
    scale = min(width / fast, height / slow)
    wide, high = (max(1, round(scale * count)) for count in (fast, slow))
    return left + (width - wide) // 2, top + (height - high) // 2, wide, high
