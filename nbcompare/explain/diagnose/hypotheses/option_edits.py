"""Run hypotheses about one option: ignored, reversed, in another unit, doubled, one off, components exchanged.

They follow from the table of options alone; a new option gets them by its kind.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator

from nbcompare.case.command import Command, Item, is_number
from nbcompare.explain.diagnose.causes import GEOMETRY_TOPICS, MISTAKES, mistake_id
from nbcompare.explain.diagnose.hypotheses.candidate import Candidate
from nbcompare.explain.diagnose.question import Question

Mistake = Callable[[str, str, Command, float], Candidate]
"""Makes the hypothesis of a mistake with the option at hand: from the mistake, words, the edited command and the prior.
"""

_UNITS = {
    "length": ((10.0, "ten times"), (0.1, "a tenth"), (1e3, "1000 times"), (1e-3, "a thousandth")),
    "angle": ((180 / math.pi, "degrees for radians"), (math.pi / 180, "radians for degrees"), (1e-3, "a thousandth"),
              (1e3, "1000 times")),
    "real": ((10.0, "ten times"), (0.1, "a tenth"), (100.0, "percent for fraction"), (0.01, "fraction for percent")),
}


def each_option(question: Question) -> Iterator[Candidate]:
    """Ignored, sign, unit, doubled, halved, one off, exchanged: for every option that is given."""
    command = question.command
    for item in command.known():
        option, name = item.row, item.name
        if option.kind not in MISTAKES:
            continue
        geometry = option.topic in GEOMETRY_TOPICS

        def candidate(mistake: str, words: str, changed: Command, prior: float, geometry: bool = geometry,
                      topic: str = option.topic) -> Candidate:
            return Candidate(mistake_id(topic, mistake), words, changed, prior, geometry=geometry)

        if not _means_nothing(item):
            yield candidate("ignored", f"{item} is ignored{_default_words(item)}", command.without(name), 0.8)
        if option.topic == "pix0":
            continue
        if option.kind == "vector":
            yield from _vector_mistakes(command, item, candidate)
        elif option.kind in ("length", "angle", "real"):
            yield from _number_mistakes(command, item, candidate)
        elif option.kind == "count":
            yield from _count_mistakes(command, item, candidate)
        elif option.kind == "seed":
            yield candidate("sign", f"{item}: the sign of the seed is changed",
                            command.setting(name, -int(item.numbers[0])), 0.4)


def _means_nothing(item: Item) -> bool:
    """Whether an option says what holds without it, and moves neither pivot nor convention by being there."""
    default = item.row.default
    if default is None or item.row.topic in ("twotheta", "distance") or not all(map(is_number, default)):
        return False
    return item.numbers == tuple(map(float, default))


def _default_words(item: Item) -> str:
    return f", {' '.join(item.row.default)} is used" if item.row.default else ""


def _number_mistakes(command: Command, item: Item, candidate: Mistake) -> Iterator[Candidate]:
    name, value = item.name, item.numbers[0] if item.values else 0.0
    if value == 0:
        return
    if item.row.default and item.numbers != tuple(map(float, item.row.default)):
        default = command.setting(name, *item.row.default)
        yield candidate("ignored", f"{item} counts as {' '.join(item.row.default)}, the default", default, 0.78)
    if item.row.kind != "length":
        yield candidate("sign", f"{item}: the sign is changed", command.setting(name, -value), 0.7)
    for factor, words in _UNITS[item.row.kind]:
        yield candidate("unit", f"{item}: taken as {value * factor:.6g} ({words})",
                        command.setting(name, value * factor), 0.55)
    for factor, words in ((2.0, "doubled"), (0.5, "halved")):
        yield candidate("factor-two", f"{item}: {words}", command.setting(name, value * factor), 0.6)


def _count_mistakes(command: Command, item: Item, candidate: Mistake) -> Iterator[Candidate]:
    name, value = item.name, int(item.numbers[0]) if item.values else 0
    for step in (1, -1):
        if value + step >= 1:
            yield candidate("off-by-one", f"{item}: {value + step} are used", command.setting(name, value + step), 0.65)
    for other, words in ((2 * value, "doubled"), (value // 2, "halved")):
        if other >= 1:
            yield candidate("factor-two", f"{item}: {words}", command.setting(name, other), 0.5)


def _vector_mistakes(command: Command, item: Item, candidate: Mistake) -> Iterator[Candidate]:
    if len(item.values) != 3:
        return
    name, vector = item.name, item.numbers
    yield candidate("sign", f"{item}: reversed", command.setting(name, *(-v for v in vector)), 0.7)
    for axis, letter in enumerate("xyz"):
        if vector[axis]:
            flipped = tuple(-v if i == axis else v for i, v in enumerate(vector))
            yield candidate("sign", f"{item}: {letter} has the opposite sign", command.setting(name, *flipped), 0.5)
    for order in itertools.permutations(range(3)):
        changed = tuple(vector[i] for i in order)
        if changed != vector:
            yield candidate("order", f"{item}: components in the order {' '.join('xyz'[i] for i in order)}",
                            command.setting(name, *changed), 0.45)
