"""How the value of a pixel becomes a colour, in the pictures of regions: the same rules for every pair of images.

Brightness is logarithmic, over as many decades as there are but five, so that weak spots are seen beside strong ones.
A difference is linear and reaches to its largest, a ratio logarithmic about 1. Colours are safe for colour-blind
readers; grey is what is no number, masked, or nothing to be shown.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nbcompare.compare.colours import BRIGHTNESS, COLOURS, DIFFERENCE, colours_of

GREY = (128, 128, 128)
OF_ONE_SCALE = 5.0
"""Images whose sums are further apart than this factor get a scale each: on one, the darker would be black."""

DECADES = 5.0
_LEAST_FACTOR = 1e-7
_NEAR_ONE = 1e-3
"""Below this, digits of a factor are hard to count, and its distance from 1 is told."""

_SEEN = 1e-6
"""A ratio is shown where both pixels are above this share of the brightest of their image."""


@dataclass(frozen=True)
class ColourScale:
    """The values at both ends of a range of colours."""

    low: float
    high: float
    logarithmic: bool
    colours: str

    @property
    def words(self) -> str:
        """What kind of scale it is."""
        kind = "logarithmic scale" if self.logarithmic else "linear scale"
        return kind if self.colours == BRIGHTNESS else f"{kind} about {int(self.logarithmic)}"

    @property
    def labels(self) -> tuple[str, str, str]:
        """What stands at the ends and in the middle, each another text: of a factor near 1 how far it is from 1."""
        middle = math.sqrt(self.low * self.high) if self.logarithmic else (self.low + self.high) / 2
        if self.logarithmic and self.colours == DIFFERENCE and self.high < 1 + _NEAR_ONE:
            return near_one(self.low), "1", near_one(self.high)
        for digits in range(4, 18):
            said = tuple(f"{value:.{digits}g}" for value in (self.low, middle, self.high))
            if len(set(said)) == 3:
                break
        return said[0], said[1], said[2]

    def pixels(self, image: np.ndarray) -> np.ndarray:
        """The colour of each pixel of float64 [slow, fast], uint8 [slow, fast, 3]; NaN is grey."""
        with np.errstate(all="ignore"):
            if self.logarithmic:
                values = np.log(np.maximum(image, np.finfo(float).tiny))
                low, high = math.log(self.low), math.log(self.high)
            else:
                values, low, high = image, self.low, self.high
            places = np.clip((values - low) / (high - low), 0, 1)
        places *= COLOURS - 1
        unseen = bool(np.isnan(places).any())
        numbers = (np.nan_to_num(places) if unseen else places).astype(np.uint8)
        shown: np.ndarray = colours_of(self.colours).take(numbers, axis=0)  # [numbers] takes four times as long
        if unseen:
            shown[np.isnan(image)] = GREY
        return shown


def near_one(factor: float) -> str:
    """A factor, by its distance from 1 where digits are hard to count. The sign is one that every font has."""
    if factor == 1 or abs(factor - 1) >= _NEAR_ONE:
        return f"{factor:.7g}"
    return f"1 {'-' if factor < 1 else '+'} {abs(factor - 1):.3g}"


def brightness(images: Sequence[np.ndarray]) -> ColourScale:
    """A scale for the photons of some images together."""
    positive = np.concatenate([image[np.isfinite(image) & (image > 0)] for image in images])
    if not positive.size:
        return ColourScale(0.0, 1.0, False, BRIGHTNESS)
    high, low = float(positive.max()), _lowest_but_one_percent(positive)
    return ColourScale(max(low, high * 10**-DECADES) if low < high else high / 10, high, True, BRIGHTNESS)


def _lowest_but_one_percent(values: np.ndarray) -> float:
    """np.percentile(values, 1), which would import numpy.ma."""
    place = (values.size - 1) * 0.01
    below = int(place)
    above = min(below + 1, values.size - 1)
    low, next_one = np.partition(values, (below, above))[[below, above]].astype(np.float64)
    return float(low + (next_one - low) * (place - below))


def both_ways(difference: np.ndarray) -> ColourScale:
    """A scale about zero that cuts no difference."""
    limit = float(np.abs(difference[np.isfinite(difference)]).max(initial=0.0)) or 1.0
    return ColourScale(-limit, limit, False, DIFFERENCE)


def factors(ratio: np.ndarray) -> ColourScale:
    """A scale about 1 that reaches the factor furthest from it."""
    sizes = np.abs(np.log(ratio[np.isfinite(ratio) & (ratio > 0)]))
    limit = math.exp(min(max(float(sizes.max(initial=0.0)), _LEAST_FACTOR), 80.0))
    return ColourScale(1 / limit, limit, True, DIFFERENCE)


def ratio_of(reference: np.ndarray, subject: np.ndarray) -> np.ndarray:
    """Subject over reference; NaN where either has next to no photons."""
    with np.errstate(all="ignore"):
        seen = (reference > _SEEN * np.nanmax(reference, initial=0.0)) & (
            subject > _SEEN * np.nanmax(subject, initial=0.0))
        found: np.ndarray = np.where(seen, subject / reference, np.nan)
    return found


def factor_between(reference_sum: float, subject_sum: float) -> float | None:
    """The factor between two images where it is too large for one scale; None where it is not, or is none."""
    if not (min(reference_sum, subject_sum) > 0 and math.isfinite(reference_sum) and math.isfinite(subject_sum)):
        return None
    factor = subject_sum / reference_sum
    return factor if abs(math.log(factor)) > math.log(OF_ONE_SCALE) else None


def times(factor: float) -> str:
    """A factor between two images in words."""
    large = max(factor, 1 / factor)
    words = f"{large:,.0f}" if 1000 <= large < 1e9 else f"{large:.4g}"
    return f"{words} times the reference" if factor >= 1 else f"1/{words} of the reference"
