"""An image as characters, for a terminal: a look at where the spots are, and where two images differ."""

from __future__ import annotations

import math

import numpy as np

RAMP = " .:-=+*#%@"
"""From nothing to the brightest, in steps of equal factors."""

DECADES = 4.0
"""What is this many powers of ten below the brightest is drawn as nothing."""

_TALL = 2.0
"""A character is about twice as high as it is wide."""


def text_picture(image: np.ndarray, columns: int, brightest: float | None = None) -> list[str]:
    """The rows of an image [slow, fast] as lines of at most ``columns`` characters, the brightest pixel of each block,
    on a logarithmic ramp that ends at ``brightest`` (by default the image's own); ``?`` where a pixel is no number."""
    slow, fast = image.shape
    across = max(1, math.ceil(fast / columns))
    down = max(1, math.ceil(across * _TALL))
    rows = range(0, slow, down)
    blocks = [[image[y:y + down, x:x + across] for x in range(0, fast, across)] for y in rows]
    finite = np.where(np.isfinite(image), image, 0)
    top = float(finite.max()) if brightest is None else brightest
    return ["".join(_letter(block, top) for block in row) for row in blocks]


def _letter(block: np.ndarray, top: float) -> str:
    if not np.isfinite(block).all():
        return "?"
    value = float(block.max())
    if not (value > 0 and top > 0):
        return RAMP[0]
    step = 1 + math.log10(value / top) / DECADES
    return RAMP[max(0, min(len(RAMP) - 1, math.ceil(step * (len(RAMP) - 1))))]
