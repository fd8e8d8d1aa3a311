"""PNG files of pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np

_QUICKLY = 1
"""The level of packing: higher ones take several times as long for some percent."""


def write_png(path: Path, pixels: np.ndarray) -> None:
    """Write an image, uint8 [height, width, 3] of red, green and blue, whose first row is the upper one."""
    from PIL import Image

    Image.fromarray(pixels).save(path, format="png", compress_level=_QUICKLY)
