"""Structural similarity of two images, window by window."""

from __future__ import annotations

import numpy as np

from nbcompare.compare.metrics.region import RegionPair
from nbcompare.compare.metrics.registry import Undefined, metric

_SIGMA_PX = 1.5
_RADIUS_PX = 5
_ROWS = 128


@metric("ssim", range=(-1, 1), best=1,
        sentence="Mean structural similarity over Gaussian windows of 11 x 11 pixels, for the range of the reference "
                 "in the region.")
def ssim(pair: RegionPair) -> float:
    """Mean of (2 mx my + C1)(2 sxy + C2) / ((mx^2 + my^2 + C1)(sxx + syy + C2)), C1 = (0.01 L)^2, C2 = (0.03 L)^2,
    means and covariances under a Gaussian of sigma 1.5 pixels
    (Wang, Bovik, Sheikh & Simoncelli 2004, IEEE Trans. Image Process. 13, 600, equation 13)."""
    span = pair.sums.x_max - pair.sums.x_min
    if span == 0:
        raise Undefined("the reference is constant here")
    slow, total = pair.reference.shape[0], 0.0
    for first in range(0, slow, _ROWS):
        last = min(first + _ROWS, slow)
        around = slice(max(0, first - _RADIUS_PX), min(slow, last + _RADIUS_PX))
        inner = slice(first - around.start, last - around.start)
        x, y = (image[around].astype(np.float64) / span for image in (pair.reference, pair.subject))
        total += float(_similarity(x, y)[inner].sum())
    return total / pair.reference.size


def _similarity(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The map of similarities of two images in units of the reference's range."""
    from scipy.ndimage import gaussian_filter

    def mean(image):
        return gaussian_filter(image, _SIGMA_PX, radius=_RADIUS_PX)

    mx, my = mean(x), mean(y)
    xx, yy, xy = mean(x * x) - mx * mx, mean(y * y) - my * my, mean(x * y) - mx * my
    c1, c2 = 0.01**2, 0.03**2
    return (2 * mx * my + c1) * (2 * xy + c2) / ((mx * mx + my * my + c1) * (xx + yy + c2))
