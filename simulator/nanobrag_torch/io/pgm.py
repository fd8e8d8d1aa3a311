"""The PGM image, for a quick look: 8 bits, truncated."""

from __future__ import annotations

import numpy as np

from nanobrag_torch.io.atomic import atomic_output

WHITE = 255.0


def write_pgm(path, image: np.ndarray, scale: float) -> None:
    """Write min(255, x*scale), truncated, of an image [slow, fast]. Raises InputFileError."""
    with np.errstate(invalid="ignore"):
        values = np.asarray(image).astype(np.float32).astype(np.float64) * scale
    slow, fast = values.shape
    with atomic_output(path) as stream:
        stream.write(f"P5\n{fast} {slow}\n# pixels scaled by {scale:g}\n255\n".encode("ascii"))
        stream.write(np.nan_to_num(np.clip(values, 0.0, WHITE)).astype(np.uint8).data)
