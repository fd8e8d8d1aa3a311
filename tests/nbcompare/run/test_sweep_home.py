"""What a sweep does at home for each of thousands of cells is done once where it is the same for all of them."""

from collections import Counter

import pytest

import nbcompare.case.cells as cells_module
import nbcompare.run.sweep.plan as plan
from nbcompare.run.options import RunOptions

CASE = """\
name: grid
title: t
command: -mat A.mat -detpixels 9
inputs: {A.mat: {file: A.mat}, F.hkl: {file: F.hkl}}
image: {fast: 9, slow: 9}
rois: {full: full}
thresholds:
  - {metric: sum_ratio, min: 0.99, max: 1.01, why: w}
matrix: {axes: {-phi: [1, 2, 3], -N: [4, 5]}}
"""


@pytest.fixture
def path(tmp_path):
    for name in ("A.mat", "F.hkl"):
        (tmp_path / name).write_text(name)
    (tmp_path / "grid.yaml").write_text(CASE)
    return tmp_path / "grid.yaml"


def test_each_cell_is_made_once_and_each_input_summed_once_for_all(path, monkeypatch):
    made, summed = Counter(), Counter()
    real, sha256_of = cells_module.case_of_cell, plan.sha256_of
    monkeypatch.setattr(cells_module, "case_of_cell", lambda case, cell: (made.update([cell.name]),
                                                                          real(case, cell))[1])
    monkeypatch.setattr(plan, "sha256_of", lambda file: (summed.update([file.name]), sha256_of(file))[1])
    cells, keys = plan.cells_to_run([path], ()), plan.Keys()
    found = [keys.of(case, RunOptions(), (), "") for case, _ in cells]
    assert len(set(found)) == 6 and set(made.values()) == set(summed.values()) == {1}
    assert found == [plan.key_of_cell(case, RunOptions(), (), "") for case, _ in cells]


@pytest.mark.parametrize("other", [{"c_args": ("-x",)}, {"py_args": ("-x",)}, {"resample": True}])
def test_the_key_of_a_cell_holds_what_was_asked_for_all(path, other):
    case = plan.cells_to_run([path], ())[0][0]
    assert plan.key_of_cell(case, RunOptions(**other), (), "") != plan.key_of_cell(case, RunOptions(), (), "")
