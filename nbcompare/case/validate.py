"""validate: every fault of a case, a project file or a file of phases at once, mistyped options included. No engine is
run, and no program is looked for."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nbcompare.case.arguments.emulations import reads_like_c
from nbcompare.case.arguments.option_faults import nearly_options, option_faults
from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.case import Case
from nbcompare.case.case_file import load_case
from nbcompare.case.cells import cells_of
from nbcompare.case.phases import load_phases
from nbcompare.case.project import declared_engines, load_project, project_above, refuse_code_variables
from nbcompare.case.project_file import PROJECT_FILE
from nbcompare.case.reading.all_faults import collected_faults, reading_on
from nbcompare.case.reading.strict_yaml import Cursor, load
from nbcompare.errors import CaseError, UsageError

CASE, PROJECT, PHASES = "case", "project file", "phases"
SCHEMAS = {CASE: "case_schema.json", PROJECT: "project_schema.json", PHASES: "phases_schema.json"}
"""The schema of each kind of file, for editors; all lie beside this module."""

_OF_A_WORD = re.compile(r"-\S+ needs|unknown option [^;\s]+|-.*|'\S+' belongs to no option")
"""How a fault begins that is of a word of the command, wherever it is told."""

_SCHEMA_LINE = re.compile(r"#\s*yaml-language-server:\s*\$schema=(\S+)\s*")


@dataclass(frozen=True)
class ValidatedFile:
    """A file with all its faults, in the order of their places; ``kind`` is CASE, PROJECT or PHASES."""

    path: Path
    kind: str
    faults: tuple[CaseError, ...]

    def as_dict(self) -> dict[str, Any]:
        return {"file": str(self.path), "kind": self.kind, "valid": not self.faults,
                "faults": [{"line": fault.line, "column": fault.column, "message": _bare(fault), "next": fault.hint}
                           for fault in self.faults]}


def validate(path: Path) -> ValidatedFile:
    """Read a file to its end, whatever is wrong with it."""
    kind = CASE
    with collected_faults() as found:
        root = load(path, "the file")[0]
        kind = _kind(path, root)
        with reading_on():
            _look_at_schema_line(path, kind)
        {CASE: _look_at_case, PROJECT: load_project, PHASES: load_phases}[kind](path)
    return ValidatedFile(path, kind, tuple(_each_once(found)))


def _each_once(found: Sequence[CaseError]) -> list[CaseError]:
    """The faults in the order of their places, each once. One of an option may have been met twice, at the command and
    at the word itself: the word's place is kept."""
    distinct: dict[tuple[object, ...], CaseError] = {}
    for fault in sorted(found, key=_place):
        said = _bare(fault)
        word = _OF_A_WORD.match(said)
        distinct[(word[0],) if word else (said, fault.line, fault.column)] = fault
    return sorted(distinct.values(), key=_place)


def _place(fault: CaseError) -> tuple[int, int]:
    return fault.line or 0, fault.column or 0


def _bare(fault: CaseError) -> str:
    """What is wrong, without the place."""
    where = ":".join(str(part) for part in (fault.path, fault.line, fault.column) if part is not None)
    return fault.message.removeprefix(f"{where}: ")


def _kind(path: Path, root: Cursor) -> str:
    if path.name == PROJECT_FILE:
        return PROJECT
    keys = {key.value for key, _ in root.node.value} if root.kind == "mapping" else set()
    return PHASES if "phases" in keys and "command" not in keys else CASE


def _look_at_schema_line(path: Path, kind: str) -> None:
    """The line that tells an editor which schema the file follows: that of its kind, and one that is there."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        said = _SCHEMA_LINE.fullmatch(line.strip())
        if not said:
            continue
        name = said[1]
        if Path(name).name != SCHEMAS[kind]:
            raise CaseError(f"the schema line names {name}, and this is a {kind}: {SCHEMAS[kind]} is its schema",
                            path=path, line=number, column=1)
        if "://" not in name and not os.path.isfile(path.parent / name):
            raise CaseError(f"the schema line names {name}, which is not there: editors then check nothing",
                            path=path, line=number, column=1,
                            hint=f"the schema is {Path(__file__).with_name(SCHEMAS[kind])}")


def _look_at_case(path: Path) -> None:
    """What a run would refuse, and, before any engine does, what the bundled engines would not understand."""
    case = load_case(path)
    entries = load(path, "a case")[0].mapping()
    project = project_above(path.parent)
    with reading_on():
        try:
            refuse_code_variables(case, project, trusted=False)
        except CaseError as refusal:
            raise entries["environment"].error(_bare(refusal), refusal.hint) from None
    if case.own_options:
        return
    both_declared = {REFERENCE, SUBJECT} <= declared_engines(case, project).keys()
    for key, fault in (_nearly_options(case) if both_declared else _mistyped(case)):
        if key in entries:
            with reading_on():
                raise _at_the_word(entries[key], fault)


_OWN = "If your programs do know it, say options: own"


def refuse_slips(case: Case) -> None:
    """Raise UsageError for slips of the finger in the command of a case that is about to be run: the C program passes
    over a mistyped option in silence, and then both engines may agree about another experiment."""
    faults = [fault for _, fault in _nearly_options(case)] if not case.own_options else []
    if faults:
        raise UsageError(f"{case.path or case.name}: the command is not what it was meant to be; nothing was run",
                         faults=faults)


def _nearly_options(case: Case) -> Iterator[tuple[str, str]]:
    """(key, fault) of the words that are nearly an option. Declared engines may have options of their own, but the C
    program passes over a mistyped one in silence, and then both engines may agree about another experiment."""
    if case.expect or reads_like_c((*case.command, *case.subject_args)):
        return
    told: set[str] = set()
    for cell in (replace(case, matrix=None), *cells_of(case)):
        for fault in nearly_options(cell.command):
            if fault not in told:
                told.add(fault)
                own = "" if fault.startswith("-") else f"{'' if fault[-1] == '?' else '.'} {_OWN}"
                yield ("matrix" if cell.cell else "command"), fault + own


def _mistyped(case: Case) -> Iterator[tuple[str, str]]:
    """(key, fault) of every option that no bundled engine knows. A declared engine may have options of its own, which
    are in its own arguments."""
    if case.expect or reads_like_c((*case.command, *case.subject_args)):
        return
    for key in ("command", "reference_args", "subject_args"):
        yield from ((key, fault) for fault in option_faults(getattr(case, key)))
    for further in case.subjects.values():
        if not further.engine:
            yield from (("subjects", fault) for fault in option_faults(further.arguments))
    told = set(option_faults(case.command))
    for cell in cells_of(case) if case.matrix else ():
        for fault in option_faults(cell.command):
            if fault not in told:
                told.add(fault)
                yield "matrix", fault


def _at_the_word(cursor: Cursor, fault: str) -> CaseError:
    """The fault at the word it begins with or names, where that can be found in the text."""
    word = re.match(r"'(\S+)'", fault) or re.search(r"(?<!\S)'?(--?\S+?)'?(?=[;\s]|$)", fault)
    lines = cursor.path.read_text(encoding="utf-8").splitlines()
    for number in range(cursor.line, len(lines) + 1) if word else ():
        assert word is not None
        found = re.search(rf"(?<![\w-]){re.escape(word[1])}(?![\w-])", lines[number - 1])
        if found:
            return CaseError(fault, path=cursor.path, line=number, column=found.start() + 1)
    return cursor.error(fault)
