"""Mistakes with the values of one option, by its kind: a row says which mistake it is, in words, and what it makes of
the numbers. A new option gets them by its kind.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nbcompare.case.arguments.command import WrittenOption, is_number
from nbcompare.explain.diagnose.causes import MISTAKES, mistake_id
from nbcompare.explain.diagnose.hypotheses.row import Row
from nbcompare.explain.diagnose.question import Question
from nbcompare.explain.rotation import about_axes, angles_about_axes

Numbers = tuple[float, ...]


@dataclass(frozen=True)
class ValueMistake:
    """One row: ``change`` makes the wrong numbers of the right ones."""

    mistake: str
    words: str
    change: Callable[[Numbers], Numbers]
    prior: float


def _times(factor: float) -> Callable[[Numbers], Numbers]:
    return lambda v: tuple(x * factor for x in v)


def _with(at: int, change: Callable[[float], float]) -> Callable[[Numbers], Numbers]:
    return lambda v: tuple(change(x) if i == at else x for i, x in enumerate(v))


def _picked(order: tuple[int, ...]) -> Callable[[Numbers], Numbers]:
    return lambda v: tuple(v[i] for i in order)


def _edges_times(factor: float) -> Callable[[Numbers], Numbers]:
    return lambda v: (*(x * factor for x in v[:3]), *v[3:])


def _units(*factors: tuple[float, str], prior: float = 0.55) -> tuple[ValueMistake, ...]:
    return tuple(ValueMistake("unit", f"taken as {words}", _times(factor), prior) for factor, words in factors)


_ROUNDED = 10
"""Decimals of an angle in degrees that is the same rotation as others: as many as leave none of them told apart."""


def turned_in_order(angles_deg: Numbers, order: tuple[int, ...], *, back: bool = False) -> Numbers:
    """Angles (degrees) about x, then y, then z that do what the given ones do in another order; or undo it."""
    if not all(map(math.isfinite, angles_deg)):
        return angles_deg
    turned = about_axes([math.radians(angle) for angle in angles_deg], order)
    found = angles_about_axes(turned.T if back else turned)
    return tuple(round(math.degrees(angle), _ROUNDED) for angle in found)


def _turned_in(order: tuple[int, ...], *, back: bool = False) -> Callable[[Numbers], Numbers]:
    return lambda v: turned_in_order(v, order, back=back)


ORDERS = list(itertools.permutations(range(3)))[1:]
_ROUND = 180 / math.pi
_TENFOLD = ((10.0, "ten times"), (0.1, "a tenth"))
_THOUSANDFOLD = ((1e3, "1000 times"), (1e-3, "a thousandth"))
_RADIANS = ((_ROUND, "degrees for radians"), (1 / _ROUND, "radians for degrees"))
_PERCENT = ((100.0, "percent for fraction"), (0.01, "fraction for percent"))
_SIGN = ValueMistake("sign", "the sign is changed", _times(-1.0), 0.7)
_TWICE = (ValueMistake("factor-two", "doubled", _times(2.0), 0.6),
          ValueMistake("factor-two", "halved", _times(0.5), 0.6))


def _named(order: tuple[int, ...], letters: str) -> str:
    return " ".join(letters[i] for i in order)


def _per_axis(prior: float) -> tuple[ValueMistake, ...]:
    return tuple(ValueMistake("sign", f"{letter} has the opposite sign", _with(at, lambda x: -x), prior)
                 for at, letter in enumerate("xyz"))


_VECTOR = (ValueMistake("sign", "reversed", _times(-1.0), 0.7), *_per_axis(0.5),
           *(ValueMistake("order", f"components in the order {_named(order, 'xyz')}", _picked(order), 0.45)
             for order in ORDERS))
_MISSET = (ValueMistake("sign", "all angles reversed", _times(-1.0), 0.65), *_per_axis(0.5),
           *(ValueMistake("value", f"{letter} is left out", _with(at, lambda _: 0.0), 0.5)
             for at, letter in enumerate("xyz")),
           *(ValueMistake("order", f"angles in the order {_named(order, 'xyz')}", _picked(order), 0.5)
             for order in ORDERS),
           *(ValueMistake("order", f"turned about {_named(order, 'xyz')}, in this order", _turned_in(order), 0.5)
             for order in ORDERS),
           ValueMistake("sign", "turned back, by the inverse rotation", _turned_in((0, 1, 2), back=True), 0.5),
           *_units(*_RADIANS))
_REST = (3, 4, 5)
_CELL = (ValueMistake("value", "all angles count as 90 degrees", lambda v: (*v[:3], 90.0, 90.0, 90.0), 0.65),
         ValueMistake("value", "angles of the reciprocal kind (180 - angle)",
                      lambda v: (*v[:3], *(180 - x for x in v[3:])), 0.45),
         ValueMistake("value", "all edges count as a", lambda v: (v[0], v[0], v[0], *v[3:]), 0.5),
         *(ValueMistake("order", f"{words} in the order {_named(order, 'abc')}", _picked(picked), 0.5)
           for order in ORDERS
           for words, picked in (("lengths", (*order, *_REST)), ("angles", (0, 1, 2, *(3 + i for i in order))),
                                 ("axes", (*order, *(3 + i for i in order))))),
         *(ValueMistake("unit", words, _edges_times(factor), 0.45)
           for factor, words in ((10.0, "nm for A"), (0.1, "A for nm"))))
_COUNT = (ValueMistake("off-by-one", "one more is used", lambda v: (v[0] + 1,), 0.65),
          ValueMistake("off-by-one", "one fewer is used", lambda v: (v[0] - 1,), 0.65),
          ValueMistake("factor-two", "doubled", _times(2.0), 0.5),
          ValueMistake("factor-two", "halved", lambda v: (v[0] // 2,), 0.5))

TABLE: dict[str, tuple[ValueMistake, ...]] = {
    "length": (*_units(*_TENFOLD, *_THOUSANDFOLD), *_TWICE),
    "angle": (_SIGN, *_units(*_RADIANS, *_THOUSANDFOLD), *_TWICE),
    "real": (_SIGN, *_units(*_TENFOLD, *_PERCENT), *_TWICE), "count": _COUNT, "vector": _VECTOR, "misset": _MISSET,
    "cell": _CELL, "seed": (ValueMistake("sign", "the sign of the seed is changed", _times(-1.0), 0.4),),
}
"""Mistakes by the kind of the option."""

IGNORED, DEFAULTED = 0.8, 0.78
"""Priors: an option is not read, or has its default all the same."""


def rows(question: Question) -> Iterator[Row]:
    """Every option that is given: ignored, and with each mistake of its kind."""
    for item in question.command.known():
        if item.option and item.option.kind in MISTAKES:
            yield from _of_item(question, item)


def _of_item(question: Question, item: WrittenOption) -> Iterator[Row]:
    command, option = question.command, item.option
    assert option is not None
    if not _means_nothing(item):
        default = f", {' '.join(option.default)} is used" if option.default else ""
        yield Row(mistake_id(option.topic, "ignored"), f"{item} is ignored{default}",
                  command.without(option.name), IGNORED)
    numbers = _numbers(item)
    if option.topic == "pix0" or not numbers or not any(numbers):
        return
    whole = option.kind in ("count", "seed")
    if len(numbers) == 1 and option.default and not whole and not _is_default(item):
        yield Row(mistake_id(option.topic, "ignored"), f"{item} counts as {' '.join(option.default)}, the default",
                  command.setting(option.name, *option.default), DEFAULTED)
    for row in TABLE.get(option.kind, ()):
        changed = row.change(numbers)
        if changed != numbers and not (option.kind == "count" and changed[0] < 1):
            shown = f" ({changed[0]:.6g})" if len(changed) == 1 else ""
            yield Row(mistake_id(option.topic, row.mistake), f"{item}: {row.words}{shown}",
                      command.setting(option.name, *(int(x) if whole else x for x in changed)), row.prior)


def _numbers(item: WrittenOption) -> Numbers:
    """The numbers that the mistakes of its kind are made with; none where the item has not all of them, or infinite
    ones."""
    kind, values = item.option.kind if item.option else "", item.numbers
    if not all(map(math.isfinite, values)):
        return ()
    if kind == "cell" and values:
        given = [*values, *[0.0] * (6 - len(values))]
        return (*(length or given[0] for length in given[:3]), *(angle or 90.0 for angle in given[3:6]))
    return values if len(values) == (3 if kind in ("vector", "misset") else 1) else ()


def _means_nothing(item: WrittenOption) -> bool:
    """Whether an option says what holds without it, and moves neither pivot nor convention by being there."""
    return _is_default(item) and bool(item.option and item.option.topic not in ("twotheta", "distance"))


def _is_default(item: WrittenOption) -> bool:
    default = item.option.default if item.option else None
    return default is not None and all(map(is_number, default)) and item.numbers == tuple(map(float, default))
