"""Figures of the finished image, and the scales that follow from them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from nanobrag_torch.blocks import region_blocks
from nanobrag_torch.physics.arithmetic import number
from nanobrag_torch.render.workers import aside

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


def image_statistics(scene, image, workers: int = 1) -> Statistics:
    """The figures of an image [slow, fast], float32, of the pixels that were rendered:

    mean = sum x/n, rms = sqrt(sum x^2/(n-1)), rmsd = sqrt(sum (x-mean)^2/(n-1)), n at least 2. Each x^2 is
    formed in float32, and sums run in scan order, as in the C program. Emulation masked-rmsd counts masked
    pixels as zeros in rmsd.
    """
    x0, x1, y0, y1 = scene.roi
    size = (x1 + 1 - x0) * (y1 + 1 - y0)
    rendered = None if scene.mask is None else np.asarray(scene.mask.cpu())
    counted = None if "masked-rmsd" in scene.emulate else rendered
    count = size if rendered is None else int(np.count_nonzero(rendered[y0 : y1 + 1, x0 : x1 + 1]))
    counted_count = size if counted is None else count
    with aside(workers) as begin:
        squares = begin(_sum, image, scene.roi, rendered, lambda x: (x * x).astype(np.float64))
        mean = _sum(image, scene.roi, rendered, lambda x: x.astype(np.float64)) / max(count, 1)
        largest = begin(_largest, scene, image)
        deviations = _sum(image, scene.roi, counted, lambda x: np.square(x.astype(np.float64) - mean))
        brightest, fast_m, slow_m = largest()
    return Statistics(brightest, fast_m, slow_m, mean=mean, rms=math.sqrt(squares() / (max(count, 2) - 1)),
                      rmsd=math.sqrt(deviations / (max(counted_count, 2) - 1)))


def _sum(image, roi, where, term: Callable) -> float:
    """The terms of the pixels in a region, or of those ``where`` a mask says so, one after the other, not pairwise."""
    total = 0.0
    for start, values in region_blocks(image, roi):
        rows, columns = slice(start, start + len(values)), slice(roi[0], roi[1] + 1)
        values = values.reshape(-1) if where is None else values[where[rows, columns]]
        if values.size:
            with np.errstate(over="ignore", invalid="ignore"):
                terms = term(values)
                terms[0] += total
                total = float(torch.cumsum(torch.from_numpy(terms), dim=0)[-1])  # NumPy's takes twice as long
    return total


def _largest(scene, image) -> tuple[float, float, float]:
    """The first of the largest pixels in scan order and its place (m); 0 at 0, 0 when none is above 0."""
    best, slow, fast = 0.0, 0, 0
    for start, values in region_blocks(image, scene.roi):
        highest = float(np.fmax.reduce(values, axis=None))
        if highest > best:
            row, column = np.unravel_index(np.argmax(values == values.dtype.type(highest)), values.shape)
            best, slow, fast = highest, start + int(row), scene.roi[0] + int(column)
    if not best > 0.0:
        return 0.0, 0.0, 0.0
    return best, last_subpixel_m(scene, fast), last_subpixel_m(scene, slow)


def last_subpixel_m(scene, pixel: int) -> float:
    """Middle of a pixel's last sub-pixel along an axis (m)."""
    n = scene.oversample
    size_m = number(scene.geometry.pixel_size) / n
    return size_m * (pixel * n + n - 1) + size_m / 2.0
