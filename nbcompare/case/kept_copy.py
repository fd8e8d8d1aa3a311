"""The copy of a case file that a bundle keeps, read once for all bundles of one matrix that are looked at in turn.

Reading a file and finding a cell takes time with every cell of its matrix; done for each of their bundles, a sweep of
ten thousand would take hours. So what a file says is kept by the sum of its bytes, where it depends on nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from nbcompare.case.arguments.command import size_is_in_a_header
from nbcompare.case.case import Case
from nbcompare.case.case_file import cell_faults, load_case
from nbcompare.case.cells import case_of_cell, cells_by_name
from nbcompare.case.matrix import Cell
from nbcompare.errors import CaseError
from nbcompare.files import sha256_of

MOST_KNOWN = 4
_KNOWN: dict[str, tuple[Case, Mapping[str, Cell]]] = {}


def kept_cell(path: Path, name: str) -> Case:
    """The cell of this name by the copy of its case file in a bundle; the case itself where it has none of that name.

    Raises CaseError for a file that is no case, or in which this cell contradicts itself, and FileError for one that
    cannot be read.
    """
    case, cells = _KNOWN.get(sha256_of(path)) or _read(path, name)
    if name not in cells:
        return replace(case, path=path)
    cell = case_of_cell(replace(case, path=path), cells[name])
    fault = next(iter(cell_faults(cell)), None)
    if fault:
        raise CaseError(f"cell {name}: {fault}", path=path)
    return cell


def _read(path: Path, name: str) -> tuple[Case, Mapping[str, Cell]]:
    """A case and its cells by name; kept under the sum of the bytes that were read, unless other files have a say."""
    case = load_case(path, files_are_there=False, cells=(name,))
    found = case, cells_by_name(case)
    if case.matrix and not case.region_files and not size_is_in_a_header(case.command):
        while len(_KNOWN) >= MOST_KNOWN:
            _KNOWN.pop(next(iter(_KNOWN)))
        _KNOWN[str(case.sha256)] = found
    return found

