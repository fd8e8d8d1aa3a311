"""Thresholds that can fail, and hardly do: what a case does not look at, told until somebody signs for it.

What no image of the field would fail is an error of the case (``Metric.fault_in_limits``). What is weaker than a port
is held to anywhere may be meant, and is no error; whoever reads PASS must read it with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from nbcompare.case.threshold import Threshold
from nbcompare.compare.image import Roi
from nbcompare.compare.metrics import METRICS

LIKENESS = {"correlation": 0.9, "log_correlation": 0.9, "ssim": 0.5, "equal_pixels": 0.5, "identity": 0.5}
"""Below these, images that anybody would call different pass: one with every second spot gone, or one that is smeared
over half of a spot's distance; most pixels of an image hold next to nothing."""
APART = {"nrmse": 0.5, "max_abs_diff_of_peak": 0.5, "residual_after_scale": 0.5, "abs_diff_q50": 0.5,
         "abs_diff_q90": 0.5, "abs_diff_q99": 0.5, "abs_diff_q999": 0.5, "abs_diff_q9999": 0.5, "peaks_unmatched": 25,
         "max_ulps": 2.0**23}
"""Above these the same: an image of a third of the brightness passes, one of which half the spots are gone, or one of
which every pixel may be off by a factor of two."""
SHARE = 0.1
"""A tenth of the pixels may differ, be masked or be no number without a word; all spots of an image are fewer. The same
for a tolerance: what is off by more of its own size is another number."""
SHARES = ("share_outside", "mask_mismatch", "masked_fraction", "nan_mismatch", "nan_fraction", "inf_mismatch",
          "inf_fraction", "zero_mismatch")
FACTOR = 4.0
"""A ratio that may vary by more than this factor holds no scale."""
FEWEST_PIXELS = 25
"""A case whose every region is smaller shows less than one spot."""
RATIOS = ("sum_ratio", "scale_factor", "peak_ratio_median")
WITHOUT_PATTERN = frozenset((
    "sum_ratio", "scale_factor", "max_intensity_delta", "nan_fraction", "nan_mismatch", "inf_fraction", "inf_mismatch",
    "zero_fraction", "zero_mismatch", "masked_fraction", "mask_mismatch", "distinct_values", "distinct_ratio",
    "shell_ratio_deviation", "shell_ratio_spread", "peak_ratio_median", "peak_ratio_deviation", "peak_distance"))
"""Metrics that do not depend on where in the region, or in a ring about the beam, a pixel lies, or look at a few of
them: of spots at those that both images have, and not at those that are missing."""


@dataclass(frozen=True)
class Weakness:
    """What a case hardly looks at: the requirement, what it allows, what is usual, and the case's own reason."""

    what: str
    allowed: str
    usual: str
    why: str | None = None

    @property
    def sentence(self) -> str:
        why = f"; why: {self.why}" if self.why else ""
        return f"weak: {self.what} is {self.allowed}, usual is {self.usual}{why}"


def weaknesses(thresholds: Sequence[Threshold], rois: Sequence[Roi]) -> Iterator[Weakness]:
    """All that the thresholds of a case leave open together: the pattern, the scale, all but a few pixels."""
    likeness = [threshold for threshold in thresholds if threshold.metric.partition("(")[0] not in WITHOUT_PATTERN]
    if thresholds and not likeness:
        yield Weakness("the pattern", "judged by no threshold", "a correlation or another metric of every pixel",
                       thresholds[0].why)
    if likeness and all(map(_is_slight, likeness)):
        yield from (_of(threshold, f"{_usual(threshold.metric)} or a second threshold") for threshold in likeness)
    yield from (_of(threshold, f"a range of a factor below {FACTOR:g}") for threshold in thresholds
                if _is_any_scale(threshold))
    yield from (_of(threshold, f"<= {SHARE:g}") for threshold in thresholds if _is_large_share(threshold))
    yield from (_of(threshold, f"an rtol of {SHARE:g} or less") for threshold in thresholds
                if METRICS[threshold.metric].parameters.get("rtol", 0) > SHARE)
    judged = {threshold.roi for threshold in thresholds}
    areas = [_area(roi) for roi in rois if roi.name in judged]
    if areas and max(areas) < FEWEST_PIXELS:
        yield Weakness("all that is judged", f"{max(areas)} pixels in the largest region", f"{FEWEST_PIXELS} or more")


def _of(threshold: Threshold, usual: str) -> Weakness:
    return Weakness(f"{threshold.metric} on {threshold.roi}", threshold.allowed, usual, threshold.why)


def _is_slight(threshold: Threshold) -> bool:
    if threshold.metric in APART:
        return threshold.max is None or threshold.max > APART[threshold.metric]
    usual = LIKENESS.get(threshold.metric)
    return usual is not None and (threshold.min is None or threshold.min < usual)


def _usual(metric: str) -> str:
    return f"<= {APART[metric]:g}" if metric in APART else f">= {LIKENESS[metric]:g}"


def _is_large_share(threshold: Threshold) -> bool:
    return threshold.metric.partition("(")[0] in SHARES and threshold.max is not None and threshold.max > SHARE


def _is_any_scale(threshold: Threshold) -> bool:
    return threshold.metric in RATIOS and (threshold.min is None or threshold.max is None
                                           or threshold.max > FACTOR * threshold.min)


def _area(roi: Roi) -> int:
    return (roi.xmax - roi.xmin + 1) * (roi.ymax - roi.ymin + 1)
