"""Figures of the finished image, and the scales that follow from them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nanobrag_torch.arithmetic import number

INT_FULL_SCALE = 55000.0
"""Of the brightest pixel in the int image."""

PGM_FULL_SCALE = 250.0
"""Of five standard deviations in the PGM image."""

PGM_DEVIATIONS = 5.0


@dataclass(frozen=True)
class Statistics:
    """Largest pixel and where its last sub-pixel is (m), mean, root mean square and standard deviation."""

    max: float
    max_fast_m: float
    max_slow_m: float
    mean: float
    rms: float
    rmsd: float

    def int_scale(self, given: float = 0.0) -> float:
        """Scale of the int image: as given (> 0), else 55000/max, else 1."""
        if given > 0.0:
            return given
        return INT_FULL_SCALE / self.max if self.max > 0.0 else 1.0

    def pgm_scale(self, given: float, int_scale: float) -> float:
        """Scale of the PGM image: as given (> 0), else 250/(5 rmsd), else that of the int image."""
        if given > 0.0:
            return given
        return PGM_FULL_SCALE / (PGM_DEVIATIONS * self.rmsd) if self.rmsd > 0.0 else int_scale


def image_statistics(scene, image: np.ndarray) -> Statistics:
    """The figures of an image [slow, fast], float32, of the pixels that were rendered:

    mean = sum x/n, rms = sqrt(sum x^2/(n-1)), rmsd = sqrt(sum (x-mean)^2/(n-1)), n at least 2. Each x^2 is
    formed in float32, and sums run in scan order, as in the C program. Emulation masked-rmsd counts masked
    pixels as zeros in rmsd.
    """
    x0, x1, y0, y1 = scene.roi
    region = np.asarray(image)[y0 : y1 + 1, x0 : x1 + 1].astype(np.float32)
    values = region.reshape(-1)
    if scene.mask is not None:
        rendered = np.asarray(scene.mask.cpu())[y0 : y1 + 1, x0 : x1 + 1]
        values = region[rendered]
    count = values.size
    mean = _sum(values.astype(np.float64)) / max(count, 1)
    counted = region.reshape(-1) if "masked-rmsd" in scene.emulate else values
    with np.errstate(over="ignore", invalid="ignore"):
        squares = (values * values).astype(np.float64)
        deviations = (counted.astype(np.float64) - mean) ** 2
    return Statistics(*_largest(scene, region), mean=mean, rms=math.sqrt(_sum(squares) / (max(count, 2) - 1)),
                      rmsd=math.sqrt(_sum(deviations) / (max(counted.size, 2) - 1)))


def _sum(values: np.ndarray) -> float:
    """One after the other, not pairwise."""
    return float(np.cumsum(values)[-1]) if values.size else 0.0


def _largest(scene, region: np.ndarray) -> tuple[float, float, float]:
    """The first of the largest pixels in scan order and its place (m); 0 at 0, 0 when none is above 0."""
    slow, fast = np.unravel_index(np.argmax(np.where(np.isnan(region), -np.inf, region)), region.shape)
    if not region[slow, fast] > 0.0:
        return 0.0, 0.0, 0.0
    return (float(region[slow, fast]), last_subpixel_m(scene, int(fast) + scene.roi[0]),
            last_subpixel_m(scene, int(slow) + scene.roi[2]))


def last_subpixel_m(scene, pixel: int) -> float:
    """Middle of a pixel's last sub-pixel along an axis (m)."""
    n = scene.oversample
    size_m = number(scene.geometry.pixel_size) / n
    return size_m * (pixel * n + n - 1) + size_m / 2.0
