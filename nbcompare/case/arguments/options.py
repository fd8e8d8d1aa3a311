"""The options of nanoBragg as the harness reads them: names, how many values follow, what a value is, which files.

The table is options.json, which is written from the simulator's own table (``make docs``) and read when first asked
for. It knows nothing about images. ``topic`` is the word that ids of causes are made of; ``kind`` decides which
mistakes can be made with a value: a length can lose its unit, an angle its degrees, a count be one off.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CELL, MISSET, PERHAPS = -1, -2, -3
"""Counts of the options that decide themselves how many values they take."""

REFERENCE, SUBJECT = "reference", "subject"

PREFIX = {REFERENCE: "c", SUBJECT: "py"}
"""What the files of each role are called in a bundle."""

FLOAT_FILE = "float.bin"

INPUT, OUTPUT, DUMP = "input", "output", "dump"
"""What an option's value may name: a file that is read, one that is written, or the dump of structure factors, which
is written where -hkl is given and read where it is not."""

_COUNTS = {"cell": CELL, "misset": MISSET, "perhaps": PERHAPS}
_TABLE = Path(__file__).with_name("options.json")


@dataclass(frozen=True)
class Option:
    """One option. ``count`` values follow; ``default`` is what, given, means the same as leaving it out (None: no
    single value does). ``file`` says what a value names (INPUT, OUTPUT, DUMP or nothing); ``fields`` are the
    quantities it sets, ``pivot`` the one it selects by being there; ``inside`` are the words by which the C program
    finds it within a longer word, ``mistaken`` those that people write for it and no program knows.
    """

    names: tuple[str, ...]
    count: int
    part: str
    topic: str
    kind: str
    default: tuple[str, ...] | None
    unit: str
    file: str
    fields: tuple[str, ...]
    pivot: str
    inside: tuple[str, ...]
    mistaken: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.names[0]


def _option(row: dict[str, Any]) -> Option:
    count = row["count"] if isinstance(row["count"], int) else _COUNTS[row["count"]]
    default = None if row["default"] is None else tuple(row["default"].split())
    return Option(tuple(row["names"]), count, row["part"], row["topic"], row["kind"], default, row["unit"],
                  row["file"], tuple(row["fields"]), row["pivot"], tuple(row["inside"]),
                  tuple(row["mistaken"]))


@functools.cache
def all_options() -> tuple[Option, ...]:
    """Every option, in the order of the simulator's table."""
    return tuple(map(_option, json.loads(_TABLE.read_text(encoding="utf-8"))["options"]))


@functools.cache
def _by_name() -> dict[str, Option]:
    return {name: option for option in all_options() for name in option.names}


def option_named(name: str) -> Option | None:
    """The option that has exactly this name."""
    return _by_name().get(name)


@functools.cache
def option_of(word: str) -> Option | None:
    """The option that a word of a command line stands for.

    A word that is no name is read as the C program reads it, which looks for most names inside the word (--lambda and
    -lambda0 are -lambda there); of several, the longest counts. Our own simulators refuse such words.
    """
    named = option_named(word)
    if named or not word.startswith("-"):
        return named
    found = [(len(inside), option) for option in all_options() for inside in option.inside if inside in word]
    return max(found, key=lambda pair: pair[0])[1] if found else None
