"""Thresholds that see nothing in these images: what is wrong for certain (compare/wrong_images.py) would meet them.

Those that anything meets in any image are refused when a case is read, and those that look at next to nothing by their
numbers alone are told as weak (case/weak_thresholds.py). Here they are held against the picture: a share of pixels that
all spots together do not fill, a tolerance as large as the brightest pixel, a likeness that the empty background gives.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nbcompare.case.threshold import AFTER_SCALE, DEFAULT_SUM_RATIO, Threshold
from nbcompare.case.weak_thresholds import WITHOUT_PATTERN
from nbcompare.compare.compare import Comparison, RegionComparison
from nbcompare.compare.metrics import METRICS
from nbcompare.compare.wrong_images import MOVED, SAME_PATTERN, TWICE, ZEROS


def blind(comparison: Comparison, thresholds: Sequence[Threshold]) -> list[str]:
    """Why thresholds could not fail on these images, or could not see what differs in them, one sentence each."""
    of = {region.roi.name: [t for t in thresholds if t.roi == region.roi.name] for region in comparison.regions}
    judged = [(region, of[region.roi.name]) for region in comparison.regions if of[region.roi.name]]
    alone = [said for region, asked in judged for said in _met_by_zeros(region, asked)]
    together = [said for region, asked in judged for said in _all_met_by_zeros(region, asked)]
    return [*(alone or together), *_of_another_scale(comparison, thresholds),
            *(said for region, asked in judged for said in _of_another_pattern(region, asked))]


def _met_by(region: RegionComparison, wrong: str, threshold: Threshold) -> float | None:
    """The value by which a wrong image of that name would be within the threshold; None where it would not."""
    value = region.of_wrong_image(wrong, threshold.metric)
    return value if value is not None and threshold.admits(value) else None


def _met_by_zeros(region: RegionComparison, asked: Sequence[Threshold]) -> Iterator[str]:
    """Thresholds as wide as the picture is bright, and tolerances that somebody chose too large for it: whatever stands
    beside them, they do not do what they are there for."""
    peak = region.reference_max
    for t in asked:
        metric = METRICS[t.metric]
        power = {"photons": 1, "photons^2": 2}.get(metric.unit)
        as_wide = power and t.max is not None and peak is not None and t.max >= peak**power
        value = _met_by(region, ZEROS, t) if metric.parameters else None
        if as_wide or value is not None:
            found = "" if value is None else f" ({value:.6g})"
            yield (f"the threshold {t.metric} {t.allowed} on {t.roi} could not fail: the brightest reference pixel "
                   f"there is {peak:.6g}, so an image of zeros would pass{found}")


def _all_met_by_zeros(region: RegionComparison, asked: Sequence[Threshold]) -> Iterator[str]:
    """Regions of which an image of zeros would meet every threshold. Where none looks at a pattern that is told as
    weak already."""
    values = [_met_by(region, ZEROS, t) for t in asked]
    if None not in values and _of_pattern(asked):
        said = ", ".join(f"{t.metric} {value:.6g}, allowed {t.allowed}"
                         for t, value in zip(asked, values, strict=True))
        yield (f"the thresholds on {region.roi.name} could not fail: an image of zeros would pass ({said}); add one on "
               "correlation or sum_ratio")


def _of_another_scale(comparison: Comparison, thresholds: Sequence[Threshold]) -> list[str]:
    """Regions of which the scale is another and no threshold could see that: whoever reads a correlation of 1 beside
    a sum that is 126,000 times too large takes it for agreement. Whoever judges what the best scale leaves has said
    that any will do."""
    if any(t.metric == AFTER_SCALE or _sees_scale(comparison, t) for t in thresholds):
        return []
    low, high = DEFAULT_SUM_RATIO
    ratios = {name: comparison.figure("sum_ratio", name).value for name in dict.fromkeys(t.roi for t in thresholds)}
    return [f"the sum ratio on {name} is {ratio:.6g}, and no threshold here can see a scale: add one on sum_ratio "
            f"(min: {low}, max: {high}, or whatever is right, with its why)"
            for name, ratio in ratios.items() if ratio is not None and not low <= ratio <= high]


def _sees_scale(comparison: Comparison, threshold: Threshold) -> bool:
    region = comparison.region(threshold.roi)
    return METRICS[threshold.metric].sees_scale and (region is None or _met_by(region, TWICE, threshold) is None)


def _of_another_pattern(region: RegionComparison, asked: Sequence[Threshold]) -> Iterator[str]:
    """Regions of which the pattern is another, judged by thresholds that would pass it with everything moved."""
    likeness = region.figure("correlation").value
    if likeness is None or likeness >= SAME_PATTERN or not _of_pattern(asked):
        return
    if all(_met_by(region, MOVED, t) is not None for t in asked if t.metric.partition("(")[0] not in WITHOUT_PATTERN):
        yield (f"the correlation on {region.roi.name} is {likeness:.6g}, and no threshold here can see a pattern: with "
               "all of it in another place they would pass; add one on correlation (min: whatever is right, with its "
               "why)")


def _of_pattern(asked: Sequence[Threshold]) -> bool:
    return any(t.metric.partition("(")[0] not in WITHOUT_PATTERN for t in asked)
