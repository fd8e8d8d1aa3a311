"""Still pictures of a page: a few pixels shown as they are, with what the colours mean in words.

They need no script, and no axis is drawn: a browser enlarges each pixel to a square. Colours are safe for colour-blind
readers; masked pixels and such that are no number are grey.
"""

from __future__ import annotations

import base64
import functools
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

BRIGHTNESS, DIFFERENCE = "inferno", "RdBu_r"
"""Names of matplotlib's colours."""

LINEAR, LOGARITHMIC, SYMMETRIC, FACTOR = "linear", "logarithmic", "symmetric", "factor"
_NO_NUMBER = (128, 128, 128)
_COLOURS = 256
_DECADES = 5.0
"""Of a logarithmic scale, at most."""


@dataclass(frozen=True)
class Shade:
    """What the colours of a picture mean: a scale between two values, in the colours of that name."""

    scale: str
    low: float
    high: float
    colours: str

    def parts(self, image: np.ndarray) -> np.ndarray:
        """Each pixel as its place on the scale, 0 to 1."""
        with np.errstate(all="ignore"):
            if self.scale in (LOGARITHMIC, FACTOR):
                values = np.log(np.maximum(image, np.finfo(float).tiny))
                low, high = math.log(self.low), math.log(self.high)
            else:
                values, low, high = image, self.low, self.high
            parts: np.ndarray = np.clip((values - low) / (high - low), 0, 1)
            return parts

    @property
    def labels(self) -> tuple[str, str, str]:
        """What stands at the ends and in the middle of the scale."""
        low, high = self.low, self.high
        middle = math.sqrt(low * high) if self.scale in (LOGARITHMIC, FACTOR) else (low + high) / 2
        digits = 7 if self.scale == FACTOR and high < 1.01 else 3
        return f"{low:.{digits}g}", f"{middle:.3g}", f"{high:.{digits}g}"


@dataclass(frozen=True)
class StillImage:
    """A picture as a page shows it. ``bar`` is an address too: that of its colours."""

    title: str
    address: str
    width: int
    height: int
    shade: Shade
    bar: str
    note: str = ""


def brightness(images: Sequence[np.ndarray]) -> Shade:
    """A logarithmic scale for pixels of photons: to the brightest, over as many decades as there are, but five."""
    positive = np.concatenate([image[np.isfinite(image) & (image > 0)].ravel() for image in images])
    if not positive.size:
        return Shade(LINEAR, 0.0, 1.0, BRIGHTNESS)
    high, low = float(positive.max()), float(np.percentile(positive, 1))
    return Shade(LOGARITHMIC, max(low, high * 10**-_DECADES) if low < high else high / 10, high, BRIGHTNESS)


def both_ways(difference: np.ndarray) -> Shade:
    """A linear scale about zero that reaches the largest difference, so that none is cut."""
    sizes = np.abs(difference[np.isfinite(difference)])
    limit = float(sizes.max(initial=0.0)) or 1.0
    return Shade(SYMMETRIC, -limit, limit, DIFFERENCE)


def factors(ratio: np.ndarray) -> Shade:
    """A logarithmic scale about 1 that reaches the factor furthest from it."""
    sizes = np.abs(np.log(ratio[np.isfinite(ratio) & (ratio > 0)]))
    limit = math.exp(min(max(float(sizes.max(initial=0.0)), 1e-7), 80.0))
    return Shade(FACTOR, 1 / limit, limit, DIFFERENCE)


def still(title: str, image: np.ndarray, shade: Shade, note: str = "") -> StillImage:
    """The picture of an image [slow, fast], a pixel of it for each of the image's."""
    shown = np.ma.filled(np.ma.asarray(image).astype(np.float64), np.nan)
    pixels = lookup(shade.colours)[np.nan_to_num(shade.parts(shown) * (_COLOURS - 1)).astype(np.uint8)]
    pixels[np.isnan(shown)] = _NO_NUMBER
    return StillImage(title, png_address(pixels), shown.shape[1], shown.shape[0], shade, _bar(shade.colours), note)


@functools.cache
def _bar(colours: str) -> str:
    return png_address(lookup(colours)[None])


@functools.cache
def lookup(colours: str) -> np.ndarray:
    """The 256 colours of that name, uint8 [256, 3]."""
    from matplotlib import colormaps

    table: np.ndarray = colormaps[colours](np.arange(_COLOURS), bytes=True)[:, :3]
    return table


def png_address(pixels: np.ndarray) -> str:
    """Pixels [rows, columns, 3] of uint8 as an address that holds them."""
    from PIL import Image

    held = io.BytesIO()
    Image.fromarray(pixels).save(held, format="png")
    return "data:image/png;base64," + base64.b64encode(held.getvalue()).decode("ascii")
