"""Flag: one row of the table of options, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass

FILES = {"input": "input file", "output": "output file", "dump": "file"}
"""Kinds whose one value names a file: one that is read, one that is written, or the dump, which is written where -hkl
is given and read where it is not."""

_SYNOPSIS = {**FILES, "nothing": "", "word": "word", "cell": "a [b c al be ga]", "misset": "x y z | random",
             "perhaps": "", "attenuation": "x | inf", "pivot": "beam | sample", "pixel": "x y"}
_MANY = {1: "x", 2: "x y", 3: "x y z", 4: "x0 x1 y0 y1"}
_LENGTHS = ("mm", "um", "um of water", "A", "A of d")
_ANGLES = ("deg", "mrad")
_LONGEST_SHOWN = 12


@dataclass(frozen=True)
class Flag:
    """One option. ``fields`` receive the values in SI units; ``sets`` are (field, value) stored besides; ``convention``
    and ``pivot`` are selected by the option's mere presence.

    ``topic`` is the part of the experiment that it sets, and ``meaning`` what its value stands for, which decides the
    mistakes that can be made with it. ``mistaken`` are words that people write for it and no program knows;
    ``only_here`` is true where the C reference has no such option.
    """

    names: tuple[str, ...]
    topic: str
    kind: str
    fields: tuple[str, ...]
    unit: str
    default: str
    help: str
    group: str
    like_c: tuple[str, ...]
    meaning: str
    sets: tuple[tuple[str, object], ...] = ()
    convention: str | None = None
    pivot: str | None = None
    same: bool = False
    mistaken: tuple[str, ...] = ()
    only_here: bool = False

    @property
    def count(self) -> int:
        """How many values follow the option (0 for the kinds that decide themselves)."""
        if self.kind in ("nothing", "cell", "misset", "perhaps"):
            return 0
        if self.kind == "pixel":
            return 2
        return 1 if self.same else len(self.fields)

    @property
    def synopsis(self) -> str:
        """The option's values as words for help."""
        if self.kind == "integer" and self.count == 1:
            return "n"
        return _SYNOPSIS.get(self.kind, _MANY.get(self.count, ""))

    @property
    def shown_default(self) -> str:
        """The default as people read it: a long number in four digits."""
        long = len(self.default) > _LONGEST_SHOWN and self.default.isdigit()
        return f"{float(self.default):.4g}" if long else self.default


def meaning_of(kind: str, group: str, fields: tuple[str, ...], unit: str, same: bool, convention: str | None) -> str:
    """What the value of an option stands for, where its row does not say so."""
    if group in ("outputs", "this program"):
        return {"outputs": "output", "this program": "run"}[group]
    if kind in ("nothing", "perhaps"):
        return "convention" if convention else "switch"
    if kind == "integer":
        return "roi" if len(fields) == 4 else "count"
    if kind in ("real", "attenuation"):
        return _of_a_number(fields, unit, same)
    return {"pivot": "word", **dict.fromkeys(FILES, "file")}.get(kind, kind)


def _of_a_number(fields: tuple[str, ...], unit: str, same: bool) -> str:
    if fields == ("ignored",):
        return "ignored"
    if len(fields) == 3 and not same:
        return "vector"
    return "length" if unit in _LENGTHS else "angle" if unit in _ANGLES else "real"
