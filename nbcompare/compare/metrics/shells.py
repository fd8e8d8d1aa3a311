"""The ratio of the images by distance from the direct beam: rings of equal area about its pixel.

On a flat detector that the beam meets nearly at right angles a ring is a resolution shell. The rings
need no wavelength or distance, only the pixel of the direct beam.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from nbcompare.compare.metrics.region import SIGNAL_FLOOR, RegionPair
from nbcompare.compare.metrics.registry import FACTOR_OF_A_UNIT, Undefined, metric
from nbcompare.later import np

RINGS = 20


@dataclass(frozen=True)
class Ring:
    """Pixels between two radii (px) from the direct beam; ``ratio`` is None where the ring has no signal."""

    from_px: float
    to_px: float
    pixels: int
    reference_sum: float
    subject_sum: float
    ratio: float | None


def radial_profile(pair: RegionPair, rings: int = RINGS) -> tuple[Ring, ...]:
    """Sums of both images in ``rings`` rings of equal area that together cover the region.

    A ring is without signal when its mean reference pixel is not above SIGNAL_FLOOR of the brightest
    ring's. Rings that hold no pixel of the region are left out.
    """
    slow, fast = pair.reference.shape
    columns = (np.arange(fast) + pair.origin[0] - pair.centre[0]) ** 2
    rows = (np.arange(slow) + pair.origin[1] - pair.centre[1]) ** 2
    low, high = columns.min() + rows.min(), columns.max() + rows.max()
    step = (high - low) / rings or 1.0
    counts, x_sums, y_sums = np.zeros(rings, int), np.zeros(rings), np.zeros(rings)
    for band, x, y in pair.bands():
        squared = np.add.outer(rows[band] - low, columns)
        squared = squared.ravel() if pair.taken is None else squared[pair.taken[band]]
        ring = np.minimum((squared / step).astype(np.intp), rings - 1)
        counts += np.bincount(ring, minlength=rings)
        x_sums += np.bincount(ring, x, minlength=rings)
        y_sums += np.bincount(ring, y, minlength=rings)
    floor = SIGNAL_FLOOR * float(np.max(x_sums / np.maximum(counts, 1)))
    edges = np.sqrt(low + step * np.arange(rings + 1))
    return tuple(Ring(float(edges[i]), float(edges[i + 1]), int(counts[i]), float(x_sums[i]), float(y_sums[i]),
                      _ratio(y_sums[i], x_sums[i], counts[i], floor)) for i in range(rings) if counts[i])


def _ratio(subject: float, reference: float, count: int, floor: float) -> float | None:
    return float(subject / reference) if reference > 0 and reference / count > floor else None


def _ratios(pair: RegionPair) -> list[float]:
    ratios = [ring.ratio for ring in radial_profile(pair) if ring.ratio is not None]
    if not ratios:
        raise Undefined("no ring about the direct beam has signal here")
    return ratios


@metric("shell_ratio_deviation", range=(0, math.inf), best=0, idle=(0, 1),
        sentence="Largest |subject / reference - 1| of the sums in 20 rings of equal area about the direct beam.")
def shell_ratio_deviation(pair: RegionPair) -> float:
    return max(abs(ratio - 1) for ratio in _ratios(pair))


@metric("shell_ratio_spread", range=(0, math.inf), best=0, idle=(0, FACTOR_OF_A_UNIT), sees_scale=False,
        sentence="(Largest - smallest) / median of the ratios in those rings; blind to a scale factor.")
def shell_ratio_spread(pair: RegionPair) -> float:
    ratios = _ratios(pair)
    middle = abs(float(np.median(ratios)))
    if middle == 0:
        raise Undefined("the median ratio of the rings is zero")
    return (max(ratios) - min(ratios)) / middle
