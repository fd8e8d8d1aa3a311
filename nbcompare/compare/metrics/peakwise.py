"""Figures of the matched peaks: integrated intensities and positions, spot by spot."""

from __future__ import annotations

import math

from nbcompare.compare.metrics.region import RegionPair
from nbcompare.compare.metrics.registry import FACTOR_OF_A_UNIT, Undefined, metric
from nbcompare.compare.peaks import COUNT, REACH_PX
from nbcompare.later import np


def _ratios(pair: RegionPair) -> list[float]:
    return _some([peak.intensity_ratio for peak in pair.peaks.pairs if peak.intensity_ratio is not None])


def _some(figures: list[float]) -> list[float]:
    """The figures of matched peaks. Raises Undefined where there are none."""
    if not figures:
        raise Undefined("no peak of the reference was found in the subject here")
    return figures


@metric("peak_ratio_median", range=(-math.inf, math.inf), best=1, idle=(0, FACTOR_OF_A_UNIT),
        sentence="Median of subject / reference integrated intensity over the matched peaks (at most 50).")
def peak_ratio_median(pair: RegionPair) -> float:
    return float(np.median(_ratios(pair)))


@metric("peak_ratio_deviation", range=(0, math.inf), best=0, idle=(0, 1),
        sentence="Largest |subject / reference - 1| of the integrated intensity of any matched peak.")
def peak_ratio_deviation(pair: RegionPair) -> float:
    return max(abs(ratio - 1) for ratio in _ratios(pair))


@metric("peak_distance", unit="px", range=(0, math.inf), best=0, idle=(0, REACH_PX), sees_scale=False,
        sentence="Largest distance between the centroids of a matched pair of peaks.")
def peak_distance(pair: RegionPair) -> float:
    return max(_some([peak.distance_px for peak in pair.peaks.pairs]))


@metric("peaks_unmatched", range=(0, math.inf), best=0, idle=(0, COUNT), sees_scale=False,
        sentence="Number of the reference's brightest peaks (at most 50) that the subject does not have.")
def peaks_unmatched(pair: RegionPair) -> float:
    if not pair.peaks.pairs and not pair.peaks.unmatched:
        raise Undefined("the reference has no peak here")
    return pair.peaks.unmatched
