"""The noise image: photons that arrive one by one, drawn from the Poisson distribution of each pixel.

The generator is that of the C program, bit for bit: intermediate values that it holds in float are rounded to
float32 at the same places. One stream of random numbers serves all pixels in scan order, and so a region of
interest changes the noise of every pixel in it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from nanobrag_torch.blocks import not_finite, part_of_region, row_blocks
from nanobrag_torch.errors import ArgumentError
from nanobrag_torch.io.smv import LARGEST_PIXEL, write_smv

STREAM = "noise"
_DRAWN_TOGETHER = 4096
_LARGEST_POISSON_MEAN = 1e6
_LARGEST_DIRECT_MEAN = 12.0
_PI = math.pi
_LANCZOS = (76.18009172947146, -86.50532032941677, 24.01409824083091, -1.231739572450155, 0.1208650973866179e-2,
            -0.5395239384953e-5)

float32 = np.float32


@dataclass
class NoiseImage:
    """Photons in all, before the offset was added, and pixels beyond 65535."""

    photons: float = 0.0
    overloads: int = 0


def write_noise_image(path, scene, image, adc: float, seed: int) -> NoiseImage:
    """Draw a noise image with the pixels of ``image``, float32 [slow, fast], as means, add ``adc``, and write it.

    Counts are rounded to the nearest integer in 0..65535; emulation noise-truncation cuts the fraction off,
    wraps negative counts around, and has 0 for a mean that is no number. Raises InputFileError when it cannot be
    written.
    """
    scene.streams.seed(STREAM, -seed)
    noise = NoiseImage()
    write_smv(path, scene, _drawn(scene, image, adc, noise))
    return noise


def _drawn(scene, image, adc: float, noise: NoiseImage) -> Iterator[np.ndarray]:
    """Blocks of rows [n, fast] of the noise image; what is in them is added up in ``noise``."""
    draw = PoissonDraws(_deviates(scene.streams).__next__)
    for rows in row_blocks(image.shape):
        inside = part_of_region(rows, scene.roi)
        means = image[rows][inside].astype(np.float32)
        photons = np.array([draw(mean) for mean in means.reshape(-1).tolist()], dtype=np.float64)
        noise.photons = float(np.cumsum(np.append(noise.photons, photons))[-1])
        values = photons + adc
        noise.overloads += int((values > LARGEST_PIXEL).sum())
        counts = _truncated(values) if "noise-truncation" in scene.emulate else _rounded(values)
        pixels = np.zeros((rows.stop - rows.start, image.shape[1]), dtype="<u2")
        pixels[inside] = counts.reshape(means.shape)
        yield pixels


def check_means(image) -> None:
    """Raise UsageError for pixels that are not finite numbers."""
    if not_finite(image):
        raise ArgumentError("the image holds pixels that are not finite numbers: no noise can be drawn from them")


def _rounded(values: np.ndarray) -> np.ndarray:
    return np.clip(np.floor(values + 0.5), 0.0, LARGEST_PIXEL).astype(np.uint16)


def _truncated(values: np.ndarray) -> np.ndarray:
    return (np.trunc(np.minimum(values, LARGEST_PIXEL)).astype(np.int64) & 0xFFFF).astype(np.uint16)


def _deviates(streams) -> Iterator[float]:
    while True:
        yield from streams.block(STREAM, _DRAWN_TOGETHER)


# --- distributions --------------------------------------------------------------------------------------


class PoissonDraws:
    """Poisson deviates from uniform ones; a mean above 1e6 is taken as normal, and keeps a spare deviate."""

    def __init__(self, uniform: Callable[[], float]):
        self._uniform = uniform
        self._spare: float | None = None

    def __call__(self, mean: float) -> float:
        """A deviate of a mean that is a float32 value."""
        if mean > _LARGEST_POISSON_MEAN:
            return _round(mean + math.sqrt(mean) * self._normal())
        return self._direct(mean) if mean < _LARGEST_DIRECT_MEAN else self._by_rejection(mean)

    def _direct(self, mean: float) -> float:
        """Multiply uniform deviates until their product is no more than exp(-mean)."""
        uniform, least = self._uniform, _round(math.exp(-max(mean, 0.0)))
        product, count = uniform(), 0.0
        while product > least:
            product = float(float32(product * uniform()))
            count += 1.0
        return count

    def _by_rejection(self, mean: float) -> float:
        """Lorentzian deviates, accepted by the ratio of the two distributions (times 0.9)."""
        uniform = self._uniform
        width, log_mean = _round(math.sqrt(2.0 * mean)), _round(math.log(mean))
        offset = _round(_round(mean * log_mean) - log_gamma(_round(mean + 1.0)))
        while True:
            y = _round(math.tan(_PI * uniform()))
            count = _round(_round(width * y) + mean)
            if count < 0.0:
                continue
            count = math.floor(count) if math.isfinite(count) else count
            exponent = _round(_round(_round(count * log_mean) - log_gamma(_round(count + 1.0))) - offset)
            if not uniform() > _round(0.9 * (1.0 + _round(y * y)) * math.exp(exponent)):
                return float(count)

    def _normal(self) -> float:
        """Box-Muller in polar form (Marsaglia & Bray, SIAM Rev. 6 (1964) 260)."""
        if self._spare is not None:
            spare, self._spare = self._spare, None
            return spare
        square = 0.0
        while square >= 1.0 or square == 0.0:
            v1, v2 = (_round(2.0 * self._uniform() - 1.0) for _ in range(2))
            square = _round(_round(v1 * v1) + _round(v2 * v2))
        factor = _round(math.sqrt(-2.0 * math.log(square) / square))
        self._spare = _round(v1 * factor)
        return _round(v2 * factor)


def log_gamma(x: float) -> float:
    """ln Gamma(x), x > 0, to float32: Lanczos' series with six coefficients (SIAM J. Numer. Anal. B 1 (1964) 86)."""
    tail = x + 5.5
    tail -= (x + 0.5) * math.log(tail)
    series, y = 1.000000000190015, x
    for coefficient in _LANCZOS:
        y += 1.0
        series += coefficient / y
    return _round(-tail + math.log(2.5066282746310005 * series / x))


def _round(x: float) -> float:
    """To the nearest float32, held in a float."""
    return float(float32(x))
