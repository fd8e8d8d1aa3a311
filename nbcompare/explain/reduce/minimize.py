"""The smallest part of a list that still shows something, found with few tests.

``smallest_part`` divides and conquers (U. Junker, QuickXplain, AAAI 2004): a part of k elements among n costs about
2 k log2(n / k) tests, if more elements never hide what fewer show. Where they do, ``ddmin`` (A. Zeller and
R. Hildebrandt, IEEE Trans. Softw. Eng. 28 (2002) 183) takes over, which assumes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

Element = TypeVar("Element")
Numbers = Callable[[list[int]], bool]
"""Whether the elements of these numbers show it."""


def smallest_part(elements: Sequence[Element], shows: Callable[[list[Element]], bool]) -> list[Element]:
    """A part of ``elements`` in their order that shows it, and from which nothing can be left out.

    ``shows(elements)`` must hold.
    """
    if shows([]):
        return []
    found = sorted(_needed(list(range(len(elements))), [], False, lambda part: shows(_pick(elements, part))))
    if not shows(_pick(elements, found)):
        return ddmin(elements, shows)
    return _pick(elements, _one_by_one(found, lambda part: shows(_pick(elements, part))))


def _pick(elements: Sequence[Element], part: Sequence[int]) -> list[Element]:
    return [elements[at] for at in sorted(part)]


def _needed(candidates: list[int], background: list[int], grew: bool, shows: Numbers) -> list[int]:
    """Those of the candidates that are needed beside the background; ``grew`` says it has grown since it was tested."""
    if grew and shows(background):
        return []
    if len(candidates) == 1:
        return candidates
    half = len(candidates) // 2
    first, second = candidates[:half], candidates[half:]
    needed = _needed(second, background + first, bool(first), shows)
    return _needed(first, background + needed, bool(needed), shows) + needed


def _one_by_one(part: list[int], shows: Numbers) -> list[int]:
    """Leave out whatever can be left out singly; for what was found by halves this only confirms that nothing can."""
    for element in list(part):
        rest = [other for other in part if other != element]
        if rest and shows(rest):
            part = rest
    return part


def ddmin(elements: Sequence[Element], shows: Callable[[list[Element]], bool]) -> list[Element]:
    """A part of ``elements`` that shows it and no longer does when any single element is left out."""
    part, pieces = list(elements), 2
    while len(part) >= 2:
        size = -(-len(part) // pieces)
        chunks = [part[at:at + size] for at in range(0, len(part), size)]
        rests = [[element for other in chunks if other is not chunk for element in other] for chunk in chunks]
        smaller = next((chunk for chunk in chunks if len(chunks) > 1 and shows(chunk)), None)
        if smaller is not None:
            part, pieces = smaller, 2
            continue
        smaller = next((rest for rest in rests if len(chunks) > 2 and shows(rest)), None)
        if smaller is not None:
            part, pieces = smaller, max(pieces - 1, 2)
        elif pieces >= len(part):
            break
        else:
            pieces = min(2 * pieces, len(part))
    return part
