"""Thresholds from measured noise: the figure's noise times a margin, rounded outwards, each with what was measured."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from nbcompare.case.arguments.options import REFERENCE
from nbcompare.compare.metrics import METRICS
from nbcompare.errors import UsageError
from nbcompare.run.begin.measured import JUDGED, MeasuredCommand

MARGIN = 10.0
"""How many times wider than the noise a threshold is, where nobody says otherwise."""

FINEST = {"correlation": 1e-9}
"""What a figure can be told to: the sums of squares behind a correlation leave nine digits of it."""

WIDEST = 0.05
"""No threshold is made wider than this: what is that far from itself is no reference."""

_ALIKE = 4.0
"""Limits of one figure that differ by less than this factor are written as one."""

_WHAT = {"sum_ratio": "the scale, which a correlation cannot see",
         "max_abs_diff_of_peak": "every single pixel, in units of the brightest of its region",
         "correlation": "the pattern; follows from the bound on single pixels, kept because people read it first"}


@dataclass(frozen=True)
class NoiseLimit:
    """One threshold on some regions: how far from the figure of equal images is allowed, and why."""

    metric: str
    rois: tuple[str, ...]
    distance: float
    why: str

    @property
    def bounds(self) -> dict[str, float]:
        """min and max, as a case states them."""
        entry = METRICS[self.metric]
        best = entry.best or 0.0
        bounds = {"min": best - self.distance, "max": best + self.distance}
        if entry.best == entry.lowest:
            del bounds["min"]
        if entry.best == entry.highest:
            del bounds["max"]
        return bounds


def limits_of(found: MeasuredCommand, margin: float = MARGIN) -> list[NoiseLimit]:
    """The thresholds of a first case. Raises UsageError where the reference is too far from itself to judge anybody."""
    limits = [limit for metric in JUDGED for limit in _limits(metric, found, margin)]
    if not found.zeros:
        pixels = found.shape.slow * found.shape.fast
        limits.append(NoiseLimit("zero_mismatch", ("full",), 1 / pixels if pixels < 100_000 else 1e-5,
                            "rows that were not calculated hold no bright pixel, so that only their zeros show them. "
                            "Measured: no pixel of the reference's image is zero; this lets one of them be, or one in "
                            "a hundred thousand"))
    return limits


def _limits(metric: str, found: MeasuredCommand, margin: float) -> Iterator[NoiseLimit]:
    """One threshold for all regions whose limits are alike, and one for each other group of them."""
    wanted = sorted((_outwards(_noise(metric, roi.name, found) * margin, metric), at, roi.name)
                    for at, roi in enumerate(found.rois))
    while wanted:
        least = wanted[0][0]
        group = [entry for entry in wanted if entry[0] <= _ALIKE * least]
        wanted = wanted[len(group):]
        rois = tuple(name for _, _, name in sorted(group, key=lambda entry: entry[1]))
        distance = group[-1][0]
        if distance > WIDEST:
            raise UsageError(f"{metric} of {', '.join(rois)}: the {REFERENCE} is so far from itself that the threshold "
                             f"would be {distance:g} wide, and no more than {WIDEST:g} judges anything",
                             hint="nb-compare run CASE --noise-floor shows it; a reference has to repeat itself")
        yield NoiseLimit(metric, rois, distance, _why(metric, rois, found, margin))


def _noise(metric: str, roi: str, found: MeasuredCommand) -> float:
    return max(found.itself.get((metric, roi), 0.0), found.rounding.get((metric, roi), 0.0))


def _outwards(distance: float, metric: str) -> float:
    """The distance in one digit, never smaller than it was, nor than what the figure can be told to."""
    distance = max(distance, FINEST.get(metric, 1e-9))
    step = 10.0 ** math.floor(math.log10(distance))
    return float(f"{math.ceil(distance / step - 1e-9) * step:.0e}")


def _why(metric: str, rois: Iterable[str], found: MeasuredCommand, margin: float) -> str:
    itself = max(found.itself.get((metric, roi), 0.0) for roi in rois)
    rounding = max(found.rounding.get((metric, roi), 0.0) for roi in rois)
    runs = len(found.noise.repetitions)
    again = f"bit-identical in {runs} more runs" if found.noise.deterministic else \
        f"up to {itself:.1e} from itself in {runs} more runs"
    finest = FINEST.get(metric, 0.0)
    least = f", and no tighter than {finest:.0e}, what its sums can tell" if max(itself, rounding) * margin < finest \
        else ""
    return (f"{_WHAT[metric]}. Measured: the reference is {again}; one unit in the last place of every float32 pixel "
            f"makes {rounding:.1e}. The larger of both times a margin of {margin:g}{least}")
