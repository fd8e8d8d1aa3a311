"""Still pictures of a page: a few pixels shown as they are, with what the colours mean in words.

They need no script, and no axis is drawn: a browser enlarges each pixel to a square. Scales and colours are those of
the pictures in a bundle; masked pixels and such that are no number are grey.
"""

from __future__ import annotations

import base64
import functools
import io
from dataclasses import dataclass

import numpy as np

from nbcompare.compare.colour_scales import ColourScale
from nbcompare.compare.colours import colours_of


@dataclass(frozen=True)
class StillImage:
    """A picture as a page shows it. ``bar`` is an address too: that of its colours."""

    title: str
    address: str
    width: int
    height: int
    shade: ColourScale
    bar: str
    note: str = ""


def still(title: str, image: np.ndarray, shade: ColourScale, note: str = "") -> StillImage:
    """The picture of an image [slow, fast], a pixel of it for each of the image's."""
    shown = np.ma.filled(np.ma.asarray(image).astype(np.float64), np.nan)
    return StillImage(title, png_address(shade.pixels(shown)), shown.shape[1], shown.shape[0], shade,
                      _bar(shade.colours), note)


@functools.cache
def _bar(colours: str) -> str:
    return png_address(colours_of(colours)[None])


def png_address(pixels: np.ndarray) -> str:
    """Pixels [rows, columns, 3] of uint8 as an address that holds them."""
    from PIL import Image

    held = io.BytesIO()
    Image.fromarray(pixels).save(held, format="png")
    return "data:image/png;base64," + base64.b64encode(held.getvalue()).decode("ascii")
