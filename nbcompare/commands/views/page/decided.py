"""Where a bundle was decided: whose image it was, and which part of it is shown at full resolution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nbcompare.bundle.bundle import Bundle
from nbcompare.commands.views.page import further_subjects
from nbcompare.commands.views.page.bars import ThresholdBar
from nbcompare.commands.views.page.crops import SIDE
from nbcompare.commands.views.page.pair import ShownPair, smallest, window
from nbcompare.compare.compare import RegionComparison
from nbcompare.compare.image import Roi

_AS_FAR_OFF = 2.0
"""Figures that are within this factor of the one that is furthest off are as far off as that."""


@dataclass(frozen=True)
class DecidingPart:
    """A part of a region, and the further subject that decided; empty where it was the subject itself."""

    region: Roi
    of: str = ""


def decided(bundle: Bundle, pair: ShownPair | None, bars: Sequence[ThresholdBar]) -> DecidingPart | None:
    """The region of what is furthest off, which the page names first; where that does not fit into a picture, of
    regions that are as far off the smallest; where all hold that of the least margin. Of a large one the part about its
    worst pixel, or about its brightest one where no pixel differs. None where no images were compared."""
    found = further_subjects.comparisons(bundle)
    if pair is None or "" not in found:
        return None
    failing = [bar for bar in bars if not bar.check.holds]
    of = failing[0].of if failing else ""
    regions = {region.roi.name: region for region in found[of].regions}
    named = [regions[name].roi for name in _names(failing, bars, of) if name in regions] or [found[of].regions[0].roi]
    chosen = regions[(named[0] if _fits(named[0]) else smallest(named)).name]
    return DecidingPart(window(chosen.roi, _place(chosen, pair), SIDE), of)


def _fits(roi: Roi) -> bool:
    return max(roi.xmax - roi.xmin, roi.ymax - roi.ymin) < SIDE


def _names(failing: Sequence[ThresholdBar], bars: Sequence[ThresholdBar], of: str) -> list[str]:
    """The regions of the bars that stand first: ``bars`` are in that order."""
    if not failing:
        return [bar.check.threshold.roi for bar in bars[:1] if bar.of == of]
    worst = failing[0].used
    as_far = [bar for bar in failing if worst and bar.used and bar.used * _AS_FAR_OFF >= worst]
    return [bar.check.threshold.roi for bar in (failing[0], *as_far) if bar.of == of]


def _place(chosen: RegionComparison, pair: ShownPair) -> tuple[int, int]:
    worst, roi = chosen.worst, chosen.roi
    if worst.reference != worst.subject:
        return worst.x, worst.y
    shown = np.nan_to_num(np.ma.filled(pair.reference[roi.slices].astype(np.float64), -np.inf), nan=-np.inf)
    slow, fast = np.unravel_index(int(shown.argmax()), shown.shape)
    return roi.xmin + int(fast), roi.ymin + int(slow)
