"""Pixels that the subject alone leaves out: masked, or no number, where the reference holds a measured number.

A reference may have gaps, as a detector has; they say nothing of the subject. Where the subject leaves pixels out by
itself it decides what it is judged on, and a port that gives NaN wherever it is wrong would agree on the rest.

What the reference has no number for is another matter: nobody knows what belongs there. That is told, and where it lies
in the signal (the pixels around it are bright, or it is infinite) it is what should have been judged.

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
BRIGHT = 10
"""Pixels without a number lie in the signal where the pixels next to them are this many times brighter than usual."""
_FEW, _MARKS = 8, 16


@dataclass(frozen=True)
class LeftOut:
    """How many of a region's ``pixels`` are ``masked`` in the subject alone, and in how many it alone has
    ``no_number`` (NaN or infinite). ``signal_percent`` is the share of the reference's signal there that takes no part,
    whoever left it out; 0 where that is less than HALF of it. In ``reference_no_number`` pixels it is the reference
    that has none, and ``in_signal`` says whether they are where it is bright, or most of the region."""

    masked: int
    no_number: int
    pixels: int
    signal_percent: int = 0
    reference_no_number: int = 0
    in_signal: bool = False

    @property
    def sentences(self) -> tuple[str, ...]:
        """What a reader has to know of what was judged, however it agrees; none where most of it was."""
        said = []
        if self.signal_percent:
            said.append(f"{self.signal_percent} % of the reference's signal there are left out, as masked or no number")
        if self.reference_no_number:
            where = ", where its signal is" if self.in_signal else ""
            said.append(f"{self.reference_no_number} of {self.pixels} pixels are NaN or infinite in the reference"
                        f"{where}; what belongs there was not judged")
        return tuple(said)

    def as_dict(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if value or key in ("masked", "no_number", "pixels")}

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
    unknown = _unknown(pair) if pair.skip_nonfinite else none
    count = int(np.count_nonzero(unknown))
    if not (masked or no_number or signal or count):
        return None
    return LeftOut(masked, no_number, pair.area, signal, count, bool(count) and _in_signal(pair, unknown))


def _unknown(pair: RegionPair) -> np.ndarray:
    """True where the reference should hold a number and has none."""
    lost: np.ndarray = ~np.isfinite(pair.reference)
    return lost if pair.measured is None else lost & pair.measured


def _in_signal(pair: RegionPair, unknown: np.ndarray) -> bool:
    """Whether pixels without a number are most of the region, or infinite, or have neighbours that are far brighter
    than usual: the middles of spots, which a gap of a detector does not seek out."""
    if 2 * np.count_nonzero(unknown) >= pair.area or np.isposinf(pair.reference[unknown]).any():
        return True
    padded = np.pad(unknown, 1)
    near = np.zeros(unknown.shape, bool)
    for down in range(3):
        for across in range(3):
            near |= padded[down:down + unknown.shape[0], across:across + unknown.shape[1]]
    numbers = np.isfinite(pair.reference) if pair.measured is None else np.isfinite(pair.reference) & pair.measured
    beside = pair.reference[near & numbers]
    return bool(beside.size and np.median(beside) > BRIGHT * max(0.0, float(np.median(pair.reference[numbers]))))


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
