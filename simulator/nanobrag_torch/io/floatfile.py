"""Float images: raw little-endian float32, no header, fast axis first in memory."""

from __future__ import annotations

import numpy as np

from nanobrag_torch.errors import InputFileError
from nanobrag_torch.io.atomic import atomic_output


def write_float_image(path, image: np.ndarray) -> None:
    """Write an image [slow, fast] whole or not at all. Raises InputFileError when it cannot be written."""
    with atomic_output(path) as stream:
        stream.write(np.ascontiguousarray(image, dtype="<f4").data)


def read_float_image(path, shape: tuple[int, int]) -> np.ndarray:
    """The image float32 [slow, fast] of a file. Raises InputFileError when its size is not that of the shape."""
    try:
        pixels = np.fromfile(path, dtype="<f4")
    except OSError as fault:
        raise InputFileError(f"cannot be read: {fault.strerror}", path) from None
    if pixels.size != shape[0] * shape[1]:
        raise InputFileError(f"{pixels.size} pixels found, {shape[0] * shape[1]} expected", path)
    return pixels.reshape(shape)
