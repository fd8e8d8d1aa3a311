"""Masked arrays, and plain ones in their place, asked without importing ``numpy.ma`` where nobody made a masked one:
that import takes as long as a comparison of a small image."""

from __future__ import annotations

import sys

from nbcompare.later import np


def is_masked(*images: np.ndarray) -> bool:
    """Whether any of the images is a numpy masked array. There is none before ``numpy.ma`` was imported."""
    ma = sys.modules.get("numpy.ma")
    return ma is not None and any(isinstance(image, ma.MaskedArray) for image in images)


def values_of(image: np.ndarray) -> np.ndarray:
    """The pixels, masked ones too."""
    return np.ma.getdata(image) if is_masked(image) else image


def mask_of(image: np.ndarray) -> np.ndarray:
    """True where a pixel is masked; a boolean array of the image's shape."""
    return np.ma.getmaskarray(image) if is_masked(image) else np.zeros(image.shape, bool)


def filled(image: np.ndarray, value: float) -> np.ndarray:
    """The pixels, with ``value`` in place of masked ones; the image itself where it has no mask."""
    return np.ma.filled(image, value) if is_masked(image) else image
