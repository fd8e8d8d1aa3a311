"""Phases: the steps of a plan, in order, each with the cases it looks at and what it requires of them.

One YAML file (cases/phases.yaml), read as strictly as a case. phases_schema.json (draft-07) describes
it for editors; a test keeps the two in step.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbcompare.case.case_file import protected_names
from nbcompare.case.parts import known_word
from nbcompare.case.reading.all_faults import reading_on
from nbcompare.case.reading.strict_yaml import Cursor, load
from nbcompare.errors import nearest

PLANS = "phases*.yaml"
"""The plans beside the cases; a project may have one for each reference."""
VERDICTS = ("PASS", "PROVEN")
"""The verdicts a phase may accept; nothing else is ever green."""

SWITCHES = {
    "files_complete": "every file of a bundle of two good runs is there",
    "tests_green": "the mapped tests passed, none of them skipped",
    "inputs_regenerated": "every input, made anew, has the bytes the engines read",
    "inputs_pinned": "every input, made or brought, is one that the case pins by its sum",
    "same_commit": "the bundle was made at the commits that are checked out, of the project and of the engines",
    "clean_tree": "the bundle was made without uncommitted changes of the project and of the engines",
    "engines_unchanged": "both programs, and every file that they are made of, are what they were",
    "inputs_unchanged": "the case and its input files are what they were",
    "harness_unchanged": "nb-compare itself is what it was",
}
"""What a phase can require with ``true``, each with its sentence."""

_INPUTS = {"regenerated": "inputs_regenerated", "pinned": "inputs_pinned"}
"""The words of ``inputs``, another way to write two of the switches."""

ACCEPTED = "accepted"
"""The word of ``imported``: evidence that somebody else made and sent may stand for a run of one's own."""

_KEYS = (*SWITCHES, "inputs", "verdict", "max_age_hours", "signed", "imported")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_MOST_HOURS = 10 * 366 * 24


@dataclass(frozen=True)
class Requirements:
    """What must hold. ``verdict`` empty: none is asked for; ``signed``: phases that must be signed off;
    ``imported``: whether a bundle that was made elsewhere and imported may be the evidence."""

    switches: tuple[str, ...] = ()
    verdict: tuple[str, ...] = ()
    max_age_hours: float | None = None
    signed: tuple[str, ...] = ()
    imported: bool = False

    def as_dict(self) -> dict[str, Any]:
        """As written in the file, every key given; a younger one only where it is asked for, as what was signed before
        it was there still is."""
        told = {name: name in self.switches for name in SWITCHES if name not in _YOUNGER or name in self.switches}
        return {**told, "verdict": list(self.verdict),
                "max_age_hours": self.max_age_hours, "signed": list(self.signed),
                **({"imported": ACCEPTED} if self.imported else {})}


_YOUNGER = ("inputs_pinned",)


@dataclass(frozen=True)
class Phase:
    """One step of the plan. ``cases`` are the case files it looks at."""

    name: str
    title: str
    cases: tuple[Path, ...]
    requires: Requirements


@dataclass(frozen=True)
class Phases:
    """A whole plan. ``protected`` files may not change while a case of the plan runs, nor afterwards."""

    title: str
    phases: tuple[Phase, ...]
    path: Path
    sha256: str
    signers: Path | None = None
    protected: tuple[str, ...] = field(default=())

    def phase(self, name: str) -> Phase | None:
        return next((phase for phase in self.phases if phase.name == name), None)

    @property
    def names(self) -> list[str]:
        return [phase.name for phase in self.phases]


def load_phases(path: Path) -> Phases:
    """Read and check a file of phases. Raises CaseError with file, line and column for the first fault."""
    root, raw = load(path, "a file of phases")
    entries = root.mapping(known=("title", "signers", "protected", "phases"), required=("title", "phases"))
    found: list[Phase] = []
    for entry in entries["phases"].items():
        with reading_on():
            found.append(_phase(entry, path.parent, [phase.name for phase in found]))
    if not entries["phases"].items():
        raise entries["phases"].error("a plan needs at least one phase")
    return Phases(entries["title"].text(), tuple(found), path, hashlib.sha256(raw).hexdigest(),
                  _file(entries["signers"], path.parent) if "signers" in entries else None,
                  protected_names(entries.get("protected"), path.parent.joinpath))


def _file(cursor: Cursor, folder: Path) -> Path:
    path = folder / cursor.text()
    if not path.is_file():
        raise cursor.error(f"{cursor.name}: there is no file {cursor.text()} beside this one")
    return path


def _phase(cursor: Cursor, folder: Path, earlier: list[str]) -> Phase:
    entries = cursor.mapping(known=("name", "title", "cases", "requires"), required=("name", "title", "cases",
                                                                                    "requires"))
    name = entries["name"].text()
    if not _NAME.fullmatch(name):
        raise entries["name"].error(f"name must be letters, digits, '.', '_' and '-', found {name!r}")
    if name in earlier:
        raise entries["name"].error(f"two phases are called {name!r}")
    cases = tuple(_file(entry, folder) for entry in entries["cases"].items())
    if not cases:
        raise entries["cases"].error(f"phase {name} needs at least one case; without any it could never fail")
    return Phase(name, entries["title"].text(), cases, _requirements(entries["requires"], name, earlier))


def _requirements(cursor: Cursor, phase: str, earlier: list[str]) -> Requirements:
    entries = cursor.mapping(known=_KEYS)
    asked = [name for name in SWITCHES if name in entries and _true(entries[name])]
    if "inputs" in entries:
        asked.append(_INPUTS[known_word(entries["inputs"], tuple(_INPUTS), "word for inputs")])
    switches = tuple(name for name in SWITCHES if name in asked)
    verdict = tuple(known_word(entry, VERDICTS, "verdict") for entry in entries["verdict"].items()) \
        if "verdict" in entries else ()
    signed = tuple(_earlier(entry, phase, earlier) for entry in entries["signed"].items()) \
        if "signed" in entries else ()
    hours = _hours(entries["max_age_hours"]) if "max_age_hours" in entries else None
    imported = "imported" in entries and bool(known_word(entries["imported"], (ACCEPTED,), "word for imported"))
    if not (switches or verdict or signed):
        raise cursor.error(f"phase {phase} requires nothing; such a gate could never be red")
    return Requirements(switches, verdict, hours, signed, imported)


def _true(cursor: Cursor) -> bool:
    word = cursor.node.value if cursor.kind == "true/false" else None
    if word not in ("true", "false"):
        raise cursor.error(f"{cursor.name} must be true or false, found {cursor.kind}")
    return bool(word == "true")


def _earlier(cursor: Cursor, phase: str, earlier: list[str]) -> str:
    word = cursor.text()
    if word not in earlier:
        raise cursor.error(f"phase {phase} asks that {word!r} be signed, which is no earlier phase; "
                           f"{nearest(word, earlier)}")
    return word


def _hours(cursor: Cursor) -> float:
    hours = cursor.number()
    if not 0 < hours <= _MOST_HOURS:
        raise cursor.error(f"max_age_hours must be above 0 and at most {_MOST_HOURS} (ten years), found {hours:g}")
    return hours
