"""The registered emulations, which a claim may switch on: single defects of the C program, by the names of the bundled
simulator's ``-emulate``.

The list is emulations.json, which is written from the simulator's own registry (``make docs``).
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Sequence
from pathlib import Path

from nbcompare.case.arguments.options import option_named
from nbcompare.errors import nearest

EMULATE = "-emulate"
"""How the bundled simulator is told which defects of the C program to show: one comma list of names."""

ARGV = "argv"
PHI_CARRYOVER = "phi-carryover"
_SETTING = re.compile(r"phi-carryover:threads=[1-9][0-9]{0,5}")
_SWITCH = re.compile(r"-+[^-\d.]")
"""Words that an engine may read as a switch: all that begin with a dash and are no number."""
_TABLE = Path(__file__).with_name("emulations.json")
_PHI_STEP_DEG = 1e-12
"""Added to phi, no step is at exactly 0; 2e-14 rad move no pixel by the rounding of a float32."""


@functools.cache
def registered() -> dict[str, str]:
    """Every emulation by name, with the condition under which it can change a pixel."""
    return {row["name"]: row["condition"] for row in json.loads(_TABLE.read_text(encoding="utf-8"))["emulations"]}


def names_in(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """(the words without -emulate and its value, the names that these values list)."""
    rest: list[str] = []
    names: list[str] = []
    waiting = iter(words)
    for word in waiting:
        if word == EMULATE:
            names += [name for name in next(waiting, "").split(",") if name]
        else:
            rest.append(word)
    return rest, names


def reads_like_c(words: Sequence[str]) -> bool:
    """Whether words ask by name for the C program's way with a command line, which passes over what it does not know.
    As one of all emulations it is not asked for: what is mistyped then is a mistake as ever."""
    return ARGV in names_in(words)[1]


def fault_in(words: Sequence[str]) -> str | None:
    """Why words are not ``-emulate`` with registered names, each of one defect; None when they are."""
    rest, names = names_in(words)
    if rest:
        return (f"{rest[0]!r} is no registered emulation; write {EMULATE} NAME (docs/emulations.md lists them), or "
                "declare a switch of an engine of your own: switch: declared, with what it changes")
    for name in names:
        if name not in registered() and not _SETTING.fullmatch(name):
            return f"there is no emulation {name!r} that stands for one defect; {nearest(name, registered())}"
    if len(words) > 2 or len(names) > 1:
        return (f"a claim is of one defect, and has {EMULATE} with one name; make a claim of each, so that each is "
                "shown to be needed")
    return None if names else f"{EMULATE} needs the name of an emulation"


def fault_in_declared(words: Sequence[str]) -> str | None:
    """Why words cannot be another engine's own switch: an option of nanoBragg makes another experiment of it."""
    for word in words:
        if word != EMULATE and option_named(word):
            return (f"{word} is an option of the experiment, not a switch of an engine; with it another image is "
                    "compared, and nothing is proven")
    if [word for word in words if _SWITCH.match(word)] != [words[0]]:
        return ("a declared switch is one word that begins with '-', and its values; make a claim of each switch, so "
                "that each is shown to be needed")
    if words[0] == EMULATE and len(names_in(words)[1]) != 1:
        return f"{EMULATE} takes one name in a claim"
    return None


def derived_control(words: Sequence[str], arguments: Sequence[str]) -> tuple[str, ...]:
    """Arguments with which the reference does not show the emulated defects, all else being the same; empty where
    there is no rule for one of them. ``arguments`` are the reference's own."""
    names = {name.partition(":")[0] for name in names_in(words)[1]}
    if names != {PHI_CARRYOVER}:
        return ()
    given = [arguments[i + 1] for i, word in enumerate(arguments[:-1]) if word == "-phi"]
    try:
        return "-phi", repr(float(given[-1] if given else 0) + _PHI_STEP_DEG)
    except ValueError:
        return ()
