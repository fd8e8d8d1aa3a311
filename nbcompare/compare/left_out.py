"""Pixels that the subject alone leaves out: masked, or no number, where the reference holds a measured number.

A reference may have gaps, as a detector has; they say nothing of the subject. Where the subject leaves pixels out by
itself it decides what it is judged on, and a port that gives NaN wherever it is wrong would agree on the rest.

Nor does it matter who masked them where masks leave out most of what the reference measured: a rule that is said to be
for dead pixels may be above all spots, and what is left agrees however wrong the port is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbcompare.compare.metrics.region import RegionPair

HALF = 50
"""Percent of the signal from which on what is left out is more than what is judged."""
_FEW, _MARKS = 8, 16


@dataclass(frozen=True)
class LeftOut:
    """How many of a region's ``pixels`` are ``masked`` in the subject alone, and in how many it alone has
    ``no_number`` (NaN or infinite). ``signal_percent`` is the share of the reference's signal there that takes no part,
    whoever left it out; 0 where that is less than HALF of it."""

    masked: int
    no_number: int
    pixels: int
    signal_percent: int = 0

    @property
    def sentence(self) -> str | None:
        """What a reader has to know of what was judged, however it agrees; None where most of it was."""
        if not self.signal_percent:
            return None
        return f"{self.signal_percent} % of the reference's signal there are left out, as masked or no number"

    def as_dict(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if value or key != "signal_percent"}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> LeftOut:
        return cls(**stored)


def left_out(pair: RegionPair) -> LeftOut | None:
    """What is left out of a region: by the subject alone, or most of the signal by anyone; None where nothing is."""
    if pair.masks is None and not pair.skip_nonfinite:
        return None
    none = np.zeros(pair.subject.shape, bool)
    ours, theirs = pair.masks or (none, none)
    counted = ~ours if pair.outside is None else ~(ours | pair.outside)
    unfilled = none
    if pair.skip_nonfinite:
        counted = counted & np.isfinite(pair.reference)
        unfilled = ~np.isfinite(pair.subject)
    masked = int(np.count_nonzero(counted & theirs))
    no_number = int(np.count_nonzero(counted & unfilled & ~theirs))
    signal = _signal_percent(pair)
    return LeftOut(masked, no_number, pair.area, signal) if masked or no_number or signal else None


def _signal_percent(pair: RegionPair) -> int:
    """Whole percent of the reference's positive signal that takes no part; 0 where that is less than half."""
    if pair.taken is None or not pair.sums.count:
        return 0
    gone = ~pair.taken if pair.outside is None else ~(pair.taken | pair.outside)
    lost = _measured(pair.reference[gone])
    judged = pair.reference[pair.taken].astype(np.float64)
    judged = judged[judged > 0].sum()
    percent = int(100 * lost / (lost + judged)) if lost > 0 else 0
    return percent if percent >= HALF else 0


def _measured(values: np.ndarray) -> float:
    """The sum of positive values that are measurements. Those that a fifth of the pixels share are not, nor the largest
    numbers of an integer type: so a detector marks its gaps, its dead pixels and those that are full."""
    values = values[np.isfinite(values) & (values > 0)]
    if values.dtype.kind in "iu":
        values = values[values < np.iinfo(values.dtype).max - _MARKS]
    distinct, count = np.unique(values, return_counts=True)
    own = count <= max(_FEW, values.size // 5)
    return float((distinct[own].astype(np.float64) * count[own]).sum())
