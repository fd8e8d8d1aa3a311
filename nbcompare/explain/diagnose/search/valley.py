"""The bottom of a valley: the place of one number at which an image that jumps is nearest to another.

Where pixels change by steps, as at the edges between reflections of a crystal of few cells, no slope tells how far to
go. The sum of |differences| does: it counts the pixels that have jumped, and falls in proportion to the distance that
is left, on both sides, as that of a smooth image does. Two places on its walls say where they meet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

MOST_ROUNDS = 10
_HOPEFUL = 0.5
"""Below this share of what it began with the sum must be where the first two walls meet, or there is no valley here."""

_DEEP = 0.2
"""The same for where the walk ends."""

_FLAT = 4.0
"""A step that changes nothing is made so many times longer, a few times."""

_TOO_FAR = 3.0
"""A step after which the sum is more than so many times what it was is made shorter."""

_LONGER = 3
_STANDS = 0.9
"""Two rounds in a row may fail to come below this share of the lowest sum so far."""


def bottom(height: Callable[[float], float | None], start: float, step: float) -> float | None:
    """Where ``height`` is lowest, begun at ``start`` with a step that moves it a little; None where no valley is near.

    ``height`` is None where it is not defined. It is asked three or four times where there is no valley.
    """
    here = height(start)
    if not here:
        return None
    beside = _beside(height, here, start, step)
    if beside is None:
        return None
    points = sorted([(here, start), beside])
    points = _lower(height, points, _meetings(points))
    if points[0][0] > _HOPEFUL * here:
        return None
    stale = 0
    for _ in range(MOST_ROUNDS):
        lowest, at = points[0]
        along = abs(at - start) * lowest / max(here - lowest, 1e-3 * here)
        points = _lower(height, points, (*_meetings(points), at - along, at + along))
        stale = stale + 1 if points[0][0] > _STANDS * lowest else 0
        if points[0][0] == 0 or stale > 1:
            break
    return points[0][1] if points[0][0] < _DEEP * here else None


def _beside(height: Callable[[float], float | None], here: float, start: float,
            step: float) -> tuple[float, float] | None:
    """(height, place) of a step that changes the height, and not by far too much; None where it is not defined."""
    found, place = here, start
    for _ in range(_LONGER):
        place = start + step
        asked = height(place)
        if asked is None:
            return None
        found = asked
        if found == here:
            step *= _FLAT
        elif found > _TOO_FAR * here:
            step *= here / found
        else:
            break
    return found, place


Points = list[tuple[float, float]]
"""(height, place), lowest first."""


def _lower(height: Callable[[float], float | None], points: Points, places: Iterable[float]) -> Points:
    """The two lowest of the points with further places."""
    asked = [(height(place), place) for place in places]
    return sorted([*points, *((found, place) for found, place in asked if found is not None)])[:2]


def _meetings(points: Points) -> Iterator[float]:
    """Where the walls of a valley through two points meet: between them, and beyond the lower one."""
    (low, a), (high, b) = points
    if a == b or low + high == 0:
        return
    yield a + (b - a) * low / (low + high)
    if high > low:
        yield a - (b - a) * low / (high - low)
