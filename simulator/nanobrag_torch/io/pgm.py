"""The PGM image, for a quick look: 8 bits, truncated."""

from __future__ import annotations

import numpy as np

from nanobrag_torch.blocks import row_blocks
from nanobrag_torch.io.atomic import atomic_output

WHITE = 255.0


def write_pgm(path, image, scale: float) -> None:
    """Write min(255, x*scale), truncated, of an image [slow, fast]. Raises InputFileError."""
    slow, fast = image.shape
    with atomic_output(path) as stream, np.errstate(invalid="ignore"):
        stream.write(f"P5\n{fast} {slow}\n# pixels scaled by {scale:g}\n255\n".encode("ascii"))
        for rows in row_blocks(image.shape):
            values = np.multiply(image[rows], scale, dtype=np.float64)
            np.fmax(values, 0.0, out=values)  # 0 for what is no number, too
            stream.write(np.fmin(values, WHITE, out=values).astype(np.uint8).data)
