"""The PGM image, for a quick look: 8 bits, truncated."""

from __future__ import annotations

import numpy as np

from nanobrag_torch.blocks import row_blocks
from nanobrag_torch.io.atomic import atomic_output

WHITE = 255.0


def write_pgm(path, image: np.ndarray, scale: float) -> None:
    """Write min(255, x*scale), truncated, of an image [slow, fast]. Raises InputFileError."""
    image = np.asarray(image)
    slow, fast = image.shape
    with atomic_output(path) as stream, np.errstate(invalid="ignore"):
        stream.write(f"P5\n{fast} {slow}\n# pixels scaled by {scale:g}\n255\n".encode("ascii"))
        for rows in row_blocks(image.shape):
            values = image[rows].astype(np.float32).astype(np.float64) * scale
            stream.write(np.nan_to_num(np.clip(values, 0.0, WHITE)).astype(np.uint8).data)
