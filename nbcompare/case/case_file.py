"""The file of a case: one YAML file, read strictly.

The format is described by case_schema.json (draft-07), which ships with the package for editors and
other tools; a test keeps it and this loader in step. What the loader also checks, and a schema
cannot: names that refer to each other, regions inside the image, the shape the command declares.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Container, Mapping
from pathlib import Path

from nbcompare.case.arguments.options import FLOAT_FILE, REFERENCE, SUBJECT
from nbcompare.case.case import KEPT_INPUTS, NANOBRAGG, OWN, Case, CaseInput, Limits, Pin
from nbcompare.case.cells import each_cell
from nbcompare.case.claims import claims_of
from nbcompare.case.contradictions import claim_faults, command_faults, refusal_faults, region_faults
from nbcompare.case.declared.declarations import declarations_of, variables_of
from nbcompare.case.further_subject import further_subjects_of
from nbcompare.case.inputs import GENERATORS
from nbcompare.case.masking import COMPARE, FAIL, NO_MASKING, masking_of, nan_of
from nbcompare.case.matrix import matrix_of
from nbcompare.case.parts import (
    NAME,
    SHA256,
    AnyName,
    arguments,
    known_word,
    matching,
    sha256_digits,
    thresholds_of,
    whole_number,
)
from nbcompare.case.reading.all_faults import part, reading_on
from nbcompare.case.reading.strict_yaml import Cursor, load
from nbcompare.case.refusal import Refusal, refusals_of
from nbcompare.case.regions import files_of_regions, rois_of, weak_allowed_in
from nbcompare.case.threshold import Threshold
from nbcompare.compare.image import Roi, Shape
from nbcompare.errors import nearest

_KEYS = ("name", "title", "command", "reference_args", "subject_args", "inputs", "image", "rois", "thresholds",
         "environment", "tests", "protected", "limits", "repeat", "threads", "required_args", "divergences", "matrix",
         "engines", "reference", "subject", "options", "mask", "nan", "expect", "subjects", "weak")
OF_NAN = ("nan_mismatch", "nan_fraction", "inf_mismatch", "inf_fraction")
"""Metrics of pixels that are no number; a case with a threshold on one lets such pixels through, to judge them."""
_REQUIRED = ("name", "title", "command", "image", "rois")

PlaceOf = Callable[[str], Path]
"""Where a file lies by the name that a case or a plan gives it."""
_NO_ROIS: tuple[Roi, ...] = ()
_UNKNOWN_SHAPE = Shape(100_000, 100_000)
"""Stands in for an image section with a fault, so that the rest can be read: every region lies in it."""


def load_case(path: Path, *, files_are_there: bool = True, elsewhere: Mapping[str, Path] = {},
              cells: Container[str] | None = None) -> Case:
    """Read and check a case file. Raises CaseError with file, line and column for the first fault.

    A copy of a case, as a bundle keeps it, is read without the files that lay beside the original. ``elsewhere`` says
    by the names in the case where files lie that are not where these names lead from here. ``cells`` are the names of
    the cells that matter, where the file was checked as a whole before: the others are not looked at again.
    """
    return load_cells(path, files_are_there=files_are_there, elsewhere=elsewhere, cells=cells)[0]


def load_cells(path: Path, *, files_are_there: bool = True, elsewhere: Mapping[str, Path] = {},
               cells: Container[str] | None = None) -> tuple[Case, list[Case]]:
    """``load_case``, and with it the cells of the matrix, as ``cells_of`` makes them; the case itself where it has
    none. They have to be made to be checked, and a matrix has thousands."""
    place_of: PlaceOf | None = (lambda name: elsewhere.get(name, path.parent / name)) if files_are_there else None
    root, raw = load(path, "a case")
    entries = root.mapping(known=_KEYS)
    expect: dict[str, Refusal] = part(entries, "expect", refusals_of, {})
    with reading_on():
        root.require(entries, _REQUIRED if expect else (*_REQUIRED, "thresholds"))
    shape = part(entries, "image", _shape, _UNKNOWN_SHAPE)
    inputs: tuple[CaseInput, ...] = part(entries, "inputs", lambda entry: _inputs(entry, place_of), ())
    files = {entry.name: place_of(entry.file) if place_of else path.parent / KEPT_INPUTS / entry.name
             for entry in inputs if entry.file}
    rois = part(entries, "rois", lambda entry: rois_of(entry, shape, files), _NO_ROIS)
    rois = part(entries, "weak", lambda entry: weak_allowed_in(entry, rois), rois)
    regions: list[str] = part(entries, "rois", _keys, []) or AnyName()
    named: list[str] = part(entries, "inputs", _keys, [])
    thresholds: tuple[Threshold, ...] = part(entries, "thresholds", lambda entry: _thresholds(entry, regions), ())
    judged_nan = any(threshold.metric in OF_NAN for threshold in thresholds)
    case = Case(
        name=part(entries, "name", _name, "?"),
        title=part(entries, "title", Cursor.text, ""),
        command=part(entries, "command", arguments, ()),
        shape=shape,
        rois=rois,
        thresholds=thresholds,
        inputs=inputs,
        reference_args=part(entries, "reference_args", arguments, ()),
        subject_args=part(entries, "subject_args", arguments, ()),
        environment=part(entries, "environment", variables_of, {}),
        tests=part(entries, "tests", lambda entry: tuple(map(_node, entry.items())), ()),
        protected=part(entries, "protected", lambda entry: protected_names(entry, place_of), ()),
        limits=part(entries, "limits", _limits, Limits()),
        repeat=part(entries, "repeat", lambda entry: whole_number(entry, 1, 100), 0),
        threads=part(entries, "threads", _threads, ()),
        required_args=part(entries, "required_args", arguments, ()),
        divergences=part(entries, "divergences", lambda entry: claims_of(entry, regions, shape), ()),
        matrix=part(entries, "matrix", lambda entry: matrix_of(entry, regions, shape), None),
        engines=part(entries, "engines", declarations_of, {}) if files_are_there else {},
        pins={role: pin for role in (REFERENCE, SUBJECT) if (pin := part(entries, role, _pin, None))},
        options=part(entries, "options", lambda entry: known_word(entry, (NANOBRAGG, OWN), "word for options"),
                     NANOBRAGG),
        masking=part(entries, "mask", lambda entry: masking_of(entry, named), NO_MASKING),
        nan=part(entries, "nan", nan_of, COMPARE if judged_nan else FAIL),
        expect=expect,
        subjects=part(entries, "subjects", further_subjects_of, {}),
        region_files=part(entries, "rois", files_of_regions, frozenset()),
        path=path,
        sha256=hashlib.sha256(raw).hexdigest(),
        elsewhere=elsewhere,
    )
    _raise_contradictions(case, entries)
    return case, [_checked(cell, entries) for cell in each_cell(case, cells)] if case.matrix else [case]


def _checked(cell: Case, entries: Mapping[str, Cursor]) -> Case:
    """A cell of the matrix whose parts say nothing against each other."""
    for fault in cell_faults(cell):
        raise entries["matrix"].error(f"cell {cell.name}: {fault}")
    return cell


def _raise_contradictions(case: Case, entries: Mapping[str, Cursor]) -> None:
    """Raise what the parts of a case say against each other, as far as they could be read: of a command or of inputs
    that could not be, nothing is said that only follows from that."""
    unread = "inputs" in entries and not case.inputs and entries["inputs"].kind != "mapping"
    of_command = command_faults(case) if case.command and not unread else ()
    for key, fault in (*of_command, *refusal_faults(case)):
        if key in entries and not (key == "image" and case.shape is _UNKNOWN_SHAPE):
            with reading_on():
                raise entries[key].error(fault)


def cell_faults(cell: Case) -> list[str]:
    """What the parts of a cell say against each other."""
    return [fault for _, fault in (*command_faults(cell), *region_faults(cell), *refusal_faults(cell),
                                   *claim_faults(cell))]


# --- the parts of a case file -----------------------------------------------------------------------


def _shape(cursor: Cursor) -> Shape:
    entries = cursor.mapping(known=("fast", "slow"), required=("fast", "slow"))
    sizes = {}
    for axis, entry in entries.items():
        sizes[axis] = entry.integer()
        if not 1 <= sizes[axis] <= 100_000:
            raise entry.error(f"{axis} must be 1 to 100000 pixels, found {sizes[axis]}")
    return Shape(**sizes)


def _keys(cursor: Cursor) -> list[str]:
    return list(cursor.mapping())


def _name(cursor: Cursor) -> str:
    return matching(cursor, NAME, "a name of letters, digits, '.', '_' and '-'")


def _thresholds(cursor: Cursor, names: list[str]) -> tuple[Threshold, ...]:
    found: list[Threshold] = []
    places, read = cursor.items(), 0
    for entry in places:
        with reading_on():
            found += thresholds_of(entry, names)
            read += 1
    if not places:
        raise cursor.error("a case needs at least one threshold; without any it could never fail")
    idle = [name for name in names if name not in {threshold.roi for threshold in found}]
    if idle and read == len(places):
        raise cursor.error(f"no threshold judges region {idle[0]}; give it one, or leave the region out")
    return tuple(found)


def _node(cursor: Cursor) -> str:
    """A pytest node: a file or folder, or FILE::NAME; never an option, and no file of options (@FILE)."""
    node = cursor.text()
    if node.startswith(("-", "@")) or not node.partition("::")[0].strip():
        raise cursor.error(f"{node!r} is no test: a pytest node begins with a file or folder")
    return node


def _threads(cursor: Cursor | None) -> tuple[int, ...]:
    """Numbers of OpenMP threads with which the reference is run again."""
    counts = tuple(whole_number(entry, 1, 1024) for entry in cursor.items()) if cursor else ()
    if cursor and len(set(counts)) != len(counts):
        raise cursor.error("threads names a number twice")
    return counts


def _inputs(cursor: Cursor | None, place_of: PlaceOf | None) -> tuple[CaseInput, ...]:
    if cursor is None:
        return ()
    found = []
    for name, entry in cursor.mapping().items():
        unread = CaseInput(name, None, None, None)
        with reading_on():
            unread = _input(name, entry, place_of)
        found.append(unread)
    return tuple(found)


def _input(name: str, cursor: Cursor, place_of: PlaceOf | None) -> CaseInput:
    if not NAME.fullmatch(name):
        raise cursor.error(f"the input name {name!r} must be a plain file name")
    if name == FLOAT_FILE:
        raise cursor.error(f"an input cannot be called {name}; the engines write their image under that name")
    entries = cursor.mapping(known=("made_by", "file", "sha256", "stands_in"))
    if ("made_by" in entries) == ("file" in entries):
        raise cursor.error(f"input {name} needs either made_by or file")
    made_by = entries["made_by"].text() if "made_by" in entries else None
    file = entries["file"].text() if "file" in entries else None
    if made_by is not None and made_by not in GENERATORS:
        raise entries["made_by"].error(f"unknown generator {made_by!r}; {nearest(made_by, GENERATORS)}")
    if file is not None and place_of is not None and not os.path.isfile(place_of(file)):
        raise entries["file"].error(f"input {name}: there is no file {file} beside the case file")
    sha256 = None
    if "sha256" in entries:
        sha256 = sha256_digits(entries["sha256"])
    elif made_by:
        raise cursor.error(f"input {name} is made by {made_by} and needs its sha256 pinned")
    return CaseInput(name, made_by, file, sha256, part(entries, "stands_in", _stands_in, {}))


def _stands_in(cursor: Cursor) -> dict[str, str]:
    found = {}
    for digest, entry in cursor.mapping().items():
        if not SHA256.fullmatch(digest):
            raise entry.error(f"{digest!r} is no sha256: 64 hexadecimal digits in lower case")
        found[digest] = entry.text()
    return found


def _pin(cursor: Cursor) -> Pin:
    entries = cursor.mapping(known=("sha256", "version"))
    if not entries:
        raise cursor.error(f"{cursor.name} needs sha256, version or both")
    digest = sha256_digits(entries["sha256"]) if "sha256" in entries else None
    return Pin(digest, entries["version"].text() if "version" in entries else None)


def protected_names(cursor: Cursor | None, place_of: PlaceOf | None) -> tuple[str, ...]:
    """The entries of a ``protected:`` list: files, from the folder of the file that holds the list."""
    if cursor is None:
        return ()
    names: list[str] = []
    for entry in cursor.items():
        name = entry.text()
        if place_of is not None and not os.path.isfile(place_of(name)):
            raise entry.error(f"protected: there is no file {name} beside this one")
        if name in names:
            raise entry.error(f"{name} is protected twice")
        names.append(name)
    return tuple(names)


def _limits(cursor: Cursor | None) -> Limits:
    if cursor is None:
        return Limits()
    values = {}
    for key, entry in cursor.mapping(known=tuple(Limits.__dataclass_fields__)).items():
        values[key] = entry.number()
        if not 0 < values[key] <= 7 * 86400:
            raise entry.error(f"{key} must be above 0 and at most a week, found {values[key]:g}")
    return Limits(**values)
