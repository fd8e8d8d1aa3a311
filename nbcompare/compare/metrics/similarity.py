"""Structural similarity of two images, window by window."""

from __future__ import annotations

from nbcompare.compare.metrics.region import RegionPair
from nbcompare.compare.metrics.registry import Undefined, metric
from nbcompare.later import np

_SIGMA_PX = 1.5
_RADIUS_PX = 5
_ROWS = 128


@metric("ssim", range=(-1, 1), best=1, idle=(0, 1),
        sentence="Mean structural similarity over Gaussian windows of 11 x 11 pixels, for the range of the reference "
                 "in the region.")
def ssim(pair: RegionPair) -> float:
    """Mean of (2 mx my + C1)(2 sxy + C2) / ((mx^2 + my^2 + C1)(sxx + syy + C2)), C1 = (0.01 L)^2, C2 = (0.03 L)^2,
    means and covariances under a Gaussian of sigma 1.5 pixels
    (Wang, Bovik, Sheikh & Simoncelli 2004, IEEE Trans. Image Process. 13, 600, equation 13)."""
    span = pair.sums.x_max - pair.sums.x_min
    if span == 0:
        raise Undefined("the reference is constant here")
    whole = _whole_windows(pair)
    slow, total, count = pair.reference.shape[0], 0.0, 0
    for first in range(0, slow, _ROWS):
        last = min(first + _ROWS, slow)
        around = slice(max(0, first - _RADIUS_PX), min(slow, last + _RADIUS_PX))
        inner = slice(first - around.start, last - around.start)
        x, y = (image[around].astype(np.float64) / span for image in map(pair.filled, (pair.reference, pair.subject)))
        similar = _similarity(x, y)[inner]
        similar = similar if whole is None else similar[whole[first:last]]
        total, count = total + float(similar.sum()), count + similar.size
    if not count:
        raise Undefined("no window of 11 x 11 pixels here is without a masked pixel")
    return total / count


def _whole_windows(pair: RegionPair) -> np.ndarray | None:
    """True where the window about a pixel holds only pixels that take part; None where all do."""
    if pair.taken is None:
        return None
    from scipy.ndimage import binary_dilation

    whole: np.ndarray = ~binary_dilation(~pair.taken, np.ones((2 * _RADIUS_PX + 1,) * 2, bool))
    return whole


def _similarity(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The map of similarities of two images in units of the reference's range."""
    from scipy.ndimage import gaussian_filter

    def mean(image: np.ndarray) -> np.ndarray:
        smooth: np.ndarray = gaussian_filter(image, _SIGMA_PX, radius=_RADIUS_PX)
        return smooth

    mx, my = mean(x), mean(y)
    xx, yy, xy = mean(x * x) - mx * mx, mean(y * y) - my * my, mean(x * y) - mx * my
    c1, c2 = 0.01**2, 0.03**2
    similar: np.ndarray = (2 * mx * my + c1) * (2 * xy + c2) / ((mx * mx + my * my + c1) * (xx + yy + c2))
    return similar
