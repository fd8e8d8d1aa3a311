"""Mistyped options, found before anything is run: the bundled engines refuse words that are not in the table, and the
C program passes over them in silence."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence

from nbcompare.case.arguments.command import SIZE_FIELDS, WrittenOption, is_number, named, no_number, parse_command
from nbcompare.case.arguments.options import CELL, MISSET, Option, all_options, option_named

_NUMBERS = frozenset(("length", "real", "angle", "vector", "pixels", "size", "scale"))
"""Kinds of options whose values are all numbers."""

_WHOLE = frozenset(("count", "seed", "roi", "noise seed"))
LIKE_AN_OPTION = re.compile(r"--?[A-Za-z_]")


def option_faults(argv: Sequence[str]) -> Iterator[str]:
    """What the bundled engines would refuse of a command line: words that are no option, each with the nearest name,
    options without their values, and values that are no number where numbers are due."""
    unknown = False
    for item, after in _with_the_next(argv):
        if unknown and item.option is None and not LIKE_AN_OPTION.match(item.word):
            continue  # a value of the option that nobody knows
        fault = _fault(item, after)
        unknown = item.option is None
        if fault:
            yield fault


def _with_the_next(argv: Sequence[str]) -> Iterator[tuple[WrittenOption, str]]:
    """Each item, and the word after it: nothing at the end."""
    items = parse_command(argv).items
    return zip(items, [*(item.word for item in items[1:]), ""], strict=False)


def _fault(item: WrittenOption, after: str) -> str | None:
    if item.option is None or option_named(item.word) is None:
        return _unknown(item.word)
    count = item.option.count
    if count == CELL and not item.values:
        return f"{item.word} needs up to six numbers, and none follows"
    if count > 0 and len(item.values) < count:
        return _too_few(item, item.option, after)
    if count == MISSET and (len(item.values) == 2 or not item.values):
        return f"{item.word} needs three angles or the word random"
    return _no_number(item)


def _too_few(item: WrittenOption, option: Option, after: str) -> str:
    found = len(item.values)
    if option.count == 1:
        if option.kind in _NUMBERS:
            return no_number(item.word, after or None)
        wanted = "a whole number" if option.kind in _WHOLE else "a value"
        return f"{item.word} needs {wanted}, found {named(after) if after else 'nothing'}"
    return f"{item.word} needs {option.count} values, found {found}" + (f" before {named(after)}" if after else "")


def _unknown(word: str) -> str:
    if not LIKE_AN_OPTION.match(word):
        return f"{word!r} belongs to no option"
    near = _meant_by(word) or similar_options(word)
    return f"unknown option {word}" + (f"; did you mean {' or '.join(near)}?" if near else
                                       "; docs/flags.md lists them")


def nearly_options(argv: Sequence[str]) -> Iterator[str]:
    """What is a slip of the finger in a command line also for programs that may have options of their own: unknown
    words that are an option of the table but for a letter or so, and options of the table with too few values, with
    too many, or with others than they take."""
    known = False
    for item, after in _with_the_next(argv):
        if item.option is None and LIKE_AN_OPTION.match(item.word):
            near = similar_options(item.word, cutoff=0.85)
            if near:
                near = _meant_by(item.word) or near
                yield f"unknown option {item.word}; did you mean {' or '.join(near)}?"
            known = False
        elif known or item.option:
            known = True
            fault = _fault(item, after) if item.option is None or option_named(item.word) else None
            if fault:
                yield fault


def _meant_by(word: str) -> list[str]:
    """The option that people mean by a word that no program knows: in letters another may be nearer, and name the other
    axis."""
    return [option.name for option in all_options() if word in option.mistaken]


def mistyped_size(argv: Sequence[str]) -> str | None:
    """The fault of the first unknown word that may have meant an option which decides on the image's size."""
    sizes = {name for option in all_options() if {*option.fields} & SIZE_FIELDS for name in option.names}
    return next((_unknown(item.word) for item in parse_command(argv).items
                 if item.option is None and sizes & {*similar_options(item.word)}), None)


def no_option_in(argv: Sequence[str]) -> str | None:
    """The fault of the first word of a command line that holds no option at all."""
    return None if any(item.word.startswith("-") for item in parse_command(argv).items) else _unknown(argv[0])


def similar_options(word: str, cutoff: float = 0.72) -> list[str]:
    """The names that a mistyped option may have meant, the nearest first, three at most; ``cutoff`` says how much of
    a name must be there, 1 for all of it."""
    names = [name for option in all_options() for name in option.names]
    plain = "-" + word.lstrip("-")
    same = [name for name in names if name.lower() == plain.lower() or name.replace("_", "") == plain.replace("_", "")]
    doubled = [name for name in names if len(plain) <= 4 and set(plain) == set(name)]
    near = difflib.get_close_matches(plain, names, n=3, cutoff=cutoff)
    return list(dict.fromkeys([*same, *doubled, *near]))[:3]


def _no_number(item: WrittenOption) -> str | None:
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
