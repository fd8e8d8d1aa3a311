"""The copy of a case file in a bundle: read once for all cells of its matrix, and never for another copy."""

from dataclasses import replace

import pytest

import nbcompare.case.cells as cells
import nbcompare.case.kept_copy as kept_copy
from nbcompare.case.case_file import load_case
from nbcompare.case.cells import cells_of
from nbcompare.case.kept_copy import kept_cell
from nbcompare.errors import CaseError

CASE = """\
name: grid
title: t
command: -detpixels_x 9 -detpixels_y 7 -N 5
image: {fast: 9, slow: 7}
rois: {full: full, few: [0, 8, 0, 6]}
thresholds:
  - {metric: sum_ratio, min: 0.99, max: 1.01, why: w}
matrix:
  axes: {a: {one: -exposure 2, two: -phi 1}}
"""


@pytest.fixture
def copies(tmp_path, monkeypatch):
    """A function that writes a copy, while nothing is known of any."""
    monkeypatch.setattr(kept_copy, "_KNOWN", {})

    def write(name, text=CASE):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


@pytest.fixture
def work(monkeypatch):
    """The files that were read, and the cells that were made of combinations."""
    read, made, real, make = [], [], kept_copy.load_case, cells.case_of_cell
    monkeypatch.setattr(kept_copy, "load_case", lambda path, **how: (read.append(path), real(path, **how))[1])
    for module in (cells, kept_copy):
        monkeypatch.setattr(module, "case_of_cell", lambda case, cell: (made.append(cell.name), make(case, cell))[1])
    return read, made


def test_copies_of_one_file_are_read_once_and_no_cell_is_made_that_nobody_asked_for(copies, work):
    one, two = copies("1.yaml"), copies("2.yaml")
    wanted = cells_of(load_case(one, files_are_there=False))
    read, made = work
    made.clear()
    assert kept_cell(one, "grid.one") == wanted[0]
    assert kept_cell(two, "grid.two") == replace(wanted[1], path=two) and kept_cell(two, "grid").matrix
    assert read == [one] and set(made) == {"one", "two"} and made.count("two") == 1
    assert load_case(one, cells=("grid.two",)) and made[-1] == "two" and made.count("one") <= 2


def test_another_copy_is_read_anew_also_under_the_same_name(copies, work):
    path = copies("1.yaml")
    before = kept_cell(path, "grid.one")
    copies("1.yaml", CASE.replace("0.99", "0.5"))
    assert kept_cell(path, "grid.one").thresholds != before.thresholds and len(work[0]) == 2


def test_a_cell_that_contradicts_itself_is_told_whichever_was_read_first(copies):
    """Cell two has another image, in which a region of the case does not lie."""
    path = copies("1.yaml", CASE.replace("-phi 1", "-detpixels_x 4").replace("[0, 8, 0, 6]", "[0, 5, 0, 6]"))
    assert kept_cell(path, "grid.one").name == "grid.one"
    with pytest.raises(CaseError, match=r"cell grid\.two: "):
        kept_cell(path, "grid.two")
    kept_copy._KNOWN.clear()
    with pytest.raises(CaseError, match=r"cell grid\.two: "):
        kept_cell(path, "grid.two")


def test_what_files_beside_a_copy_have_a_say_in_is_not_kept(copies, work):
    """A detector's size in the header of a mask."""
    path = copies("1.yaml", CASE.replace("-N 5", "-N 5 -mask a.img\ninputs: {a.img: {file: a.img}}"))
    assert kept_cell(path, "grid.one") == kept_cell(path, "grid.one") and len(work[0]) == 2
