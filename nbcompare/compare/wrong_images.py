"""What the figures of a region would be for images that are wrong for certain: one of zeros, the reference twice as
bright, the reference with everything in another place.

A threshold that such an image meets sees nothing of what is wrong in it, whatever its number looks like. Which do
depends on the picture: where spots cover a hundredth of the pixels, an image of zeros differs in no more than those.
The other two images are tried only where scale or pattern differ, as they say nothing of images that agree.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from nbcompare.compare.metrics import METRICS, RegionPair
from nbcompare.compare.metrics.registry import value_of

ZEROS, TWICE, MOVED = "zeros", "twice", "moved"

SAME_SCALE = (0.99, 1.01)
"""A ratio of sums within which nobody needs to ask whether a scale would be seen."""
SAME_PATTERN = 0.9
"""A correlation from which on nobody needs to ask whether a pattern would be seen."""


@dataclass(frozen=True)
class WrongImage:
    """The values of metrics for one such image, by the name of the metric; those that no threshold could admit, and
    those that have none, are left out."""

    name: str
    values: Mapping[str, float]


def wrong_images(pair: RegionPair, names: Collection[str],
                 figures: Mapping[str, float | None]) -> tuple[WrongImage, ...]:
    """The wrong images of a region whose metrics ``names`` were asked for and gave ``figures`` (by name)."""
    if pair.fault:
        return ()
    return tuple(WrongImage(name, values) for name, trial in _trials(pair, figures)
                 if (values := dict(_values(trial, names))))


def _trials(pair: RegionPair, figures: Mapping[str, float | None]) -> Iterator[tuple[str, RegionPair]]:
    zeros = _in_place_of_the_subject(pair, np.zeros_like(pair.reference))
    sums = pair.sums
    size = max(abs(sums.x_min), abs(sums.x_max))
    zeros.sums = replace(sums, y_sum=0.0, yy=0.0, xy=0.0, dd=sums.x_power, y_min=0.0, y_max=0.0, worst=size)
    yield ZEROS, zeros
    ratio, likeness = figures.get("sum_ratio"), figures.get("correlation")
    if ratio is not None and not SAME_SCALE[0] <= ratio <= SAME_SCALE[1]:
        yield TWICE, _in_place_of_the_subject(pair, _twice(pair.reference))
    if likeness is not None and likeness < SAME_PATTERN:
        slow, fast = pair.reference.shape
        moved = np.roll(pair.filled(pair.reference), (slow // 3, fast // 3), (0, 1))
        yield MOVED, _in_place_of_the_subject(pair, moved)


def _twice(image: np.ndarray) -> np.ndarray:
    """Of the same type; what that cannot hold is its largest number."""
    with np.errstate(over="ignore"):
        if image.dtype.kind in "iu":
            limits = np.iinfo(image.dtype)
            return np.where(image > limits.max // 2, limits.max, np.where(image < -(limits.max // 2), limits.min,
                                                                          image * 2)).astype(image.dtype)
        doubled: np.ndarray = image * image.dtype.type(2)
        return doubled


def _in_place_of_the_subject(pair: RegionPair, image: np.ndarray) -> RegionPair:
    """The same region with another subject, which leaves out the pixels that this one leaves out."""
    if pair.skip_nonfinite and pair.subject.dtype.kind == "f":
        lost = ~np.isfinite(pair.subject)
        if lost.any():
            image = np.where(lost, pair.subject, image)
    return RegionPair(pair.reference, image, pair.frame_max, origin=pair.origin, centre=pair.centre, masks=pair.masks,
                      outside=pair.outside, skip_nonfinite=pair.skip_nonfinite)


def _values(trial: RegionPair, names: Collection[str]) -> Iterator[tuple[str, float]]:
    for name in names:
        value = value_of(name, trial)[0]
        if value is not None and not METRICS[name].refuses(value):
            yield name, value
