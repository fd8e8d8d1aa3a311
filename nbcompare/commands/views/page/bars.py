"""Thresholds as bars: how much of what is allowed each figure takes, on a logarithmic scale, as SVG without script.

The scale counts in limits: 1 is where the threshold ends, whatever its metric, 0.1 a tenth of that. A figure equal to
that of identical images takes nothing and has no bar.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nbcompare.bundle.history.past_run import region_of
from nbcompare.case.threshold import Threshold
from nbcompare.compare.metrics import METRICS
from nbcompare.verdict.divergence import factor
from nbcompare.verdict.verdict import Check

WIDTH, HEIGHT = 210, 20
_LABEL = 56
"""Pixels that the label of a decade takes."""

_LEAST, _MOST = 1e-9, 1e10
"""Ends of the scale at most: what lies beyond is drawn at the end."""


@dataclass(frozen=True)
class ThresholdBar:
    """A check with its place on the scale. ``used`` is the share of what is allowed that the figure takes, ``noise``
    that which the reference's own noise takes; None where they are not known. ``of`` names a further subject."""

    check: Check
    used: float | None
    noise: float | None
    of: str = ""

    @property
    def words(self) -> str:
        """What it is about."""
        return f"{self.check.threshold.metric} on {region_of(self.check.threshold.roi, self.of)}"

    @property
    def sentence(self) -> str:
        """What it is about, the value, and what is allowed."""
        return f"{self.words}: {self.check.sentence.partition(': ')[2]}"

    @property
    def margin(self) -> str:
        """How far the figure is from the limit, in words."""
        if self.check.value is None:
            return f"undefined: {self.check.undefined}"
        if self.used is None:
            return "within" if self.check.holds else "outside"
        if self.used == 0:
            return "no difference"
        if math.isinf(self.used):
            return "nothing is allowed"
        if self.check.holds:
            return f"{factor_of(1 / self.used)} below its limit"
        return f"{factor_of(self.used)} over its limit"

    @property
    def short_margin(self) -> str:
        """The margin as a column has it, whose bar shows the limit."""
        return self.margin.removesuffix(" its limit")

    @property
    def against_noise(self) -> str:
        """What the noise floor is, in words."""
        if self.noise is None:
            return "not measured"
        return "none" if self.noise == 0 else f"{self.noise:.2g} of the limit"


def factor_of(times: float) -> str:
    """A factor in few digits: 1.3 ×, 12 ×, 3,400 ×."""
    return f"{factor(float(f'{times:.2g}'))}\u00a0×" if times < 9.5e9 else f"{times:.1e}\u00a0×"


def bar_of(check: Check, of: str = "") -> ThresholdBar:
    """The bar of a check; none where its margin says nothing, as of a threshold that identical images do not meet."""
    return ThresholdBar(check, _share(check.threshold, check.value), _share(check.threshold, check.noise), of)


def _share(threshold: Threshold, value: float | None) -> float | None:
    """The share of what is allowed that a value takes: its margin the other way round."""
    margin = threshold.margin(value)
    if value is None or margin is None:
        return None
    if math.isinf(margin):  # equal to identical images, or with no limit on its side
        return 0.0 if METRICS[threshold.metric].distance(value) == 0 else None
    return 1 / margin if margin else math.inf


def in_order(bars: Sequence[ThresholdBar]) -> list[ThresholdBar]:
    """Those that do not hold first, then those with the least margin; undefined ones before all."""
    def place(bar: ThresholdBar) -> tuple[bool, float]:
        return bar.check.holds, -(math.inf if bar.check.value is None else bar.used or 0.0)

    return sorted(bars, key=place)


@dataclass(frozen=True)
class Decades:
    """The decades that bars of one page share."""

    low: int
    high: int

    def x(self, used: float) -> float:
        """The place of a share, in pixels."""
        decade = math.log10(min(max(used, _LEAST), _MOST))
        return WIDTH * min(max((decade - self.low) / (self.high - self.low), 0.0), 1.0)

    @property
    def marks(self) -> list[int]:
        """The decades that are marked, so far apart that their labels do not touch; the limit is one of them."""
        step = max(1, math.ceil(_LABEL * (self.high - self.low) / WIDTH))
        return [decade for decade in range(self.low + 1, self.high + 1) if decade % step == 0]


def scale_of(bars: Sequence[ThresholdBar]) -> Decades:
    """Decades that hold all bars, from a hundredth of the limit at least to ten times the limit."""
    shares = [min(max(share, _LEAST), _MOST) for bar in bars for share in (bar.used, bar.noise)
              if share and share < math.inf]
    low = min([-2, *(math.floor(math.log10(share)) - 1 for share in shares)])
    return Decades(low, max([1, *(math.ceil(math.log10(share)) for share in shares)]))


def drawing(bar: ThresholdBar, scale: Decades) -> str:
    """The SVG of a bar: only numbers of ours go into it."""
    limit, middle = scale.x(1.0), HEIGHT / 2
    parts = [f'<line class="grid" x1="{scale.x(10.0**mark):.1f}" x2="{scale.x(10.0**mark):.1f}" y1="0" y2="{HEIGHT}"/>'
             for mark in scale.marks]
    if bar.used:
        kind = "holds" if bar.check.holds else "fails"
        parts.append(f'<rect class="{kind}" x="0" y="{middle - 6}" width="{max(2.0, scale.x(bar.used)):.1f}" '
                     'height="12" rx="2"/>')
    parts.append(f'<line class="limit" x1="{limit:.1f}" x2="{limit:.1f}" y1="1" y2="{HEIGHT - 1}"/>')
    if bar.noise:
        at = scale.x(bar.noise)
        parts.append(f'<path class="noise" d="M{at:.1f} {middle - 9} l4 9 l-4 9 l-4 -9z"/>')
    return _svg(parts, HEIGHT)


_LETTER = 7.0
"""Width of a digit of the scale, in pixels, generously."""


def legend(scale: Decades) -> str:
    """The SVG of the scale: the decades, in limits."""
    parts = []
    for mark in scale.marks:
        text = "limit" if mark == 0 else f"{10.0**mark:g}" if abs(mark) < 4 else f"1e{mark}"
        at = scale.x(10.0**mark)
        half = _LETTER * len(text) / 2
        anchor = "start" if at < half else "end" if at > WIDTH - half else "middle"
        parts.append(f'<text x="{at:.1f}" y="11" text-anchor="{anchor}">{text}</text>')
    return _svg(parts, 15)


def _svg(parts: Sequence[str], height: int) -> str:
    return (f'<svg class="bar" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" aria-hidden="true">'
            f'{"".join(parts)}</svg>')
