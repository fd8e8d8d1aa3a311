"""Letters, and the numbers beside an axis, for pictures that Pillow draws."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import ImageFont

INK, DIM, PAPER, MARK = (27, 31, 36), (87, 96, 106), (255, 255, 255), (0, 160, 235)
"""Colours of text, of what is beside it, of the ground, and of what is drawn on an image."""


@functools.cache
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The font that comes with Pillow, in pixels of height."""
    from PIL import ImageFont

    return ImageFont.load_default(size)


def ticks(low: float, high: float, most: int, least_step: float = 0.0) -> list[float]:
    """Round numbers from ``low`` to ``high``, at most ``most`` + 1, a step of 1, 2 or 5 times a power of ten apart."""
    if not (math.isfinite(high - low) and high > low):
        return []
    rough = max((high - low) / most, least_step)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [at * step for at in range(first, math.floor(high / step + 1e-9) + 1)]
