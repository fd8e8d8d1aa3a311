"""The region that decided, cropped at full resolution: reference, subject, and the difference that matters.

Images of two scales get a scale each, and a factor between them is shown as a ratio: in a difference of which one
image has nearly no part, nothing could be seen of the other. Of what is identical no difference is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nbcompare.commands.views.page.pair import ShownPair
from nbcompare.commands.views.page.still_images import StillImage, still
from nbcompare.compare.colour_scales import both_ways, brightness, factor_between, factors, ratio_of
from nbcompare.compare.image import Roi

SIDE = 96
"""Pixels of a crop along each axis, at most."""


def crops(pair: ShownPair, region: Roi, name: str = "subject") -> list[StillImage]:
    """The pictures of a region of two images, the second of which is called ``name``."""
    x, y = (_plain(image, region) for image in (pair.reference, pair.subject))
    own = factor_between(float(np.nansum(x)), float(np.nansum(y)))
    shades = [brightness([x, y])] * 2 if own is None else [brightness([x]), brightness([y])]
    found = [still("reference", x, shades[0]),
             still(name, y, shades[1], "" if own is None else f"on its own scale: {_times(own)} the reference")]
    if not pair.identical:
        found += [of_difference(f"{name} − reference", y - x), _ratio(f"{name} ÷ reference", x, y)]
    return found


def of_difference(title: str, difference: np.ndarray) -> StillImage:
    """A difference on a scale that reaches to its largest, or a grey field that says that there is none."""
    shade = both_ways(difference)
    none = not np.any(difference[np.isfinite(difference)])
    return still(title, difference, shade, "no pixel differs here" if none else f"at most ±{shade.high:.3g}")


def differences(pairs: Sequence[tuple[str, np.ndarray, np.ndarray]], region: Roi) -> list[StillImage]:
    """Differences of several pairs (title, reference, subject) on one scale, that of the largest of them."""
    found = [(title, _plain(y, region) - _plain(x, region)) for title, x, y in pairs]
    shade = both_ways(np.concatenate([difference.ravel() for _, difference in found]))
    return [still(title, difference, shade, _largest(difference)) for title, difference in found]


def _largest(difference: np.ndarray) -> str:
    size = float(np.abs(difference[np.isfinite(difference)]).max(initial=0.0))
    return f"at most ±{size:.3g}" if size else "no pixel differs here"


def _ratio(title: str, x: np.ndarray, y: np.ndarray) -> StillImage:
    ratio = ratio_of(x, y)
    return still(title, ratio, factors(ratio), "grey: a pixel of next to no photons")


def _plain(image: np.ndarray, region: Roi) -> np.ndarray:
    cut = np.ma.asarray(image[region.slices]).astype(np.float64)
    shown: np.ndarray = np.ma.filled(cut, np.nan)
    return np.where(np.isfinite(shown), shown, np.nan)


def _times(factor: float) -> str:
    return f"{factor:,.4g} ×" if factor >= 0.01 else f"1/{1 / factor:,.4g} of"
