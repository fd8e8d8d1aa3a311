"""Mistyped options, found before anything is run: the bundled engines refuse words that are not in the table, and the
C program passes over them in silence."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence

from nbcompare.case.arguments.command import Item, is_number, no_number, parse_command
from nbcompare.case.arguments.options import CELL, MISSET, PERHAPS, all_options, option_named

_NUMBERS = frozenset(("length", "real", "angle", "vector", "pixels", "size", "scale"))
"""Kinds of options whose values are all numbers."""

_WHOLE = frozenset(("count", "seed", "roi", "noise seed"))
_LIKE_AN_OPTION = re.compile(r"--?[A-Za-z_]")


def option_faults(argv: Sequence[str]) -> Iterator[str]:
    """What the bundled engines would refuse of a command line: words that are no option, each with the nearest name,
    options without their values, and values that are no number where numbers are due."""
    unknown = False
    for item in parse_command(argv).items:
        if unknown and item.option is None and not _LIKE_AN_OPTION.match(item.word):
            continue  # a value of the option that nobody knows
        fault = _fault(item)
        unknown = item.option is None
        if fault:
            yield fault


def _fault(item: Item) -> str | None:
    if item.option is None or option_named(item.word) is None:
        return _unknown(item.word)
    count = item.option.count
    if count == CELL and not item.values:
        return f"{item.word} needs up to six numbers, and none follows"
    if count > 0 and len(item.values) < count:
        return f"{item.word} needs {count} value{'s' * (count > 1)}, found {len(item.values)}"
    if count == MISSET and (len(item.values) == 2 or not item.values):
        return f"{item.word} needs three angles or the word random"
    return _no_number(item) if count != PERHAPS else None


def _unknown(word: str) -> str:
    if not _LIKE_AN_OPTION.match(word):
        return f"{word!r} belongs to no option"
    near = similar_options(word)
    return f"unknown option {word}" + (f"; did you mean {' or '.join(near)}?" if near else
                                       "; docs/flags.md lists them")


def nearly_options(argv: Sequence[str]) -> Iterator[str]:
    """What looks like a slip of the finger in a command line for programs that may have options of their own: unknown
    words that are an option of the table but for a letter or so."""
    for item in parse_command(argv).items:
        if item.option is None and _LIKE_AN_OPTION.match(item.word):
            near = similar_options(item.word, cutoff=0.85)
            if near:
                yield f"unknown option {item.word}; did you mean {' or '.join(near)}?"


def similar_options(word: str, cutoff: float = 0.72) -> list[str]:
    """The names that a mistyped option may have meant, the nearest first, three at most; ``cutoff`` says how much of
    a name must be there, 1 for all of it."""
    names = [name for option in all_options() for name in option.names]
    plain = "-" + word.lstrip("-")
    same = [name for name in names if name.lower() == plain.lower() or name.replace("_", "") == plain.replace("_", "")]
    doubled = [name for name in names if len(plain) <= 4 and set(plain) == set(name)]
    near = difflib.get_close_matches(plain, names, n=3, cutoff=cutoff)
    return list(dict.fromkeys([*same, *doubled, *near]))[:3]


def _no_number(item: Item) -> str | None:
    kind = item.row.kind
    if item.row.count == MISSET and len(item.values) == 1:
        return None
    if kind in _NUMBERS or item.row.count in (CELL, MISSET):
        bad = next((value for value in item.values if not is_number(value)), None)
        return no_number(item.word, bad) if bad is not None else None
    if kind in _WHOLE:
        bad = next((value for value in item.values if not re.fullmatch(r"[-+]?[0-9]+", value)), None)
        return f"{item.word} needs whole numbers, found {bad!r}" if bad is not None else None
    return None
