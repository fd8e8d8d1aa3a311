"""Small charts over the runs of a case, as numbers that the template puts into SVG: the newest run is at the right."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, EDGE = 240.0, 44.0, 4.0
"""Of a chart, and the room around it, in the units of its picture."""

LEAST, MOST = 0.1, 1e4
"""Margins that are smaller or larger are drawn at the edge."""


@dataclass(frozen=True)
class Chart:
    """A line through the runs that have a value (``path`` of SVG), the points of those that stand alone or are to be
    seen, and at which heights lines lie across. ``words`` say what it shows."""

    path: str
    points: tuple[tuple[float, float, str], ...]
    """x, y, and what kind of point: alone, outside or newest."""
    rules: tuple[tuple[float, str], ...]
    """Height and label of each line across."""
    words: str


def margin_chart(margins: Sequence[float | None], words: str) -> Chart:
    """Margins on a logarithmic scale, with a line at the limit."""
    heights = [None if margin is None else _margin_height(margin) for margin in margins]
    outside = [at for at, margin in enumerate(margins) if margin is not None and margin < 1]
    return _chart(heights, outside, ((_margin_height(1.0), "1"), (_margin_height(100.0), "100")), words)


def _margin_height(margin: float) -> float:
    """Where a margin is, in 0 (bottom) to 1."""
    within = min(max(margin, LEAST), MOST)
    return math.log(within / LEAST) / math.log(MOST / LEAST)


def seconds_chart(seconds: Sequence[float | None], most: float, words: str) -> Chart:
    """Seconds from 0 to ``most``."""
    heights = [None if taken is None else taken / most if most else 0.0 for taken in seconds]
    return _chart(heights, (), (), words)


def _chart(heights: Sequence[float | None], outside: Sequence[int], rules: Sequence[tuple[float, str]],
           words: str) -> Chart:
    step = (WIDTH - 2 * EDGE) / max(1, len(heights) - 1)
    places = [None if height is None else
              (round(EDGE + at * step if len(heights) > 1 else WIDTH / 2, 1), _down(height))
              for at, height in enumerate(heights)]
    points = [(*place, kind) for at, place in enumerate(places)
              if place and (kind := _kind(places, at, outside)) is not None]
    return Chart(_path(places), tuple(points), tuple((_down(height), label) for height, label in rules), words)


def _down(height: float) -> float:
    return round(HEIGHT - EDGE - height * (HEIGHT - 2 * EDGE), 1)


def _kind(places: Sequence[tuple[float, float] | None], at: int, outside: Sequence[int]) -> str | None:
    if at in outside:
        return "outside"
    if at == len(places) - 1:
        return "newest"
    alone = not any(0 <= beside < len(places) and places[beside] for beside in (at - 1, at + 1))
    return "alone" if alone else None


def _path(places: Sequence[tuple[float, float] | None]) -> str:
    """Lines between neighbours that both have a value."""
    words = []
    pen_down = False
    for place in places:
        if place is not None:
            words.append(f"{'L' if pen_down else 'M'}{place[0]:g} {place[1]:g}")
        pen_down = place is not None
    return "".join(words)
