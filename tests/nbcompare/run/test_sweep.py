"""Sweeps: every cell of a matrix once, each with a bundle of its own, and none twice."""

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from nbcompare.case.case_file import load_case
from nbcompare.case.cells import cells_of
from nbcompare.engine.repository import git
from nbcompare.errors import CaseError
from nbcompare.run.sweep import worker

CASE = """\
name: grid
title: t
command: -detpixels_x 9 -detpixels_y 7 -flux 1e18
image: {{fast: 9, slow: 7}}
rois: {{full: full, middle: [2, 6, 2, 5]}}
thresholds:
  - {{metric: sum_ratio, min: 0.99, max: 1.01, why: w}}
matrix:
{matrix}
"""
TWO = "  axes: {a: {one: -exposure 2, two: -phi 0 -osc 1}}"
MATRIX = """\
  base: -nonoise
  axes:
    -exposure: [1, 2]
    spindle: {still: -phi 0, turning: -phi 0 -osc 1}
  runs: {plain: [], fine: -oversample 2}
"""


@pytest.fixture
def grid(tmp_path):
    """Write a case with a matrix and return its path."""

    def write(matrix=MATRIX):
        path = tmp_path / "grid.yaml"
        path.write_text(CASE.format(matrix=matrix))
        return path

    return write


@pytest.fixture
def sweep(nb, fake, grid):
    """Sweep a case with the photons engine on both sides; the subject is broken in some way."""

    def call(*words, broken="nothing", matrix=MATRIX, jobs=1, form="json"):
        return nb("sweep", grid(matrix), "-q", "--format", form, "--c-bin", fake("photons"), "--py-bin",
                  fake("photons"), "--py-args", f"-broken {broken}", *(("--jobs", jobs) if jobs else ()), *words)

    return call


def stamps(case="grid"):
    return sorted(path for path in Path("bundles").glob(f"{case}.*/*"))


# --- the matrix -------------------------------------------------------------------------------------------


def test_a_matrix_is_every_combination_of_its_axes_and_runs(grid):
    cells = cells_of(load_case(grid()))
    assert [cell.name for cell in cells] == [f"grid.exposure{e}-{s}-{r}" for e in (1, 2) for s in ("still", "turning")
                                             for r in ("plain", "fine")]
    assert cells[3].command[-10:] == ("1e18", "-nonoise", "-exposure", "1", "-phi", "0", "-osc", "1", "-oversample",
                                      "2")
    assert cells[3].cell == {"-exposure": "exposure1", "spindle": "turning", "runs": "fine"}


def test_a_cell_of_another_size_has_regions_of_its_own_size(grid):
    cells = cells_of(load_case(grid("  axes: {size: {as: [], wide: -detpixels_x 20}}")))
    assert [(cell.shape.fast, cell.rois[0].xmax) for cell in cells] == [(9, 8), (20, 19)]


@pytest.mark.parametrize(("matrix", "words"), [
    ("  axes: {}", "needs axes"),
    ("  runs: {}", "has no entries"),
    ("  axis: {a: {b: []}}", "did you mean 'axes'?"),
    ("  axes: {phi: [0, 1]}", "must be called by its option"),
    ("  axes: {-phi: []}", "has no values"),
    ("  axes: {a: {'x y': []}}", "must be letters"),
    ("  axes: {-phi: ['1', '1']}", "two cells would be called phi1"),
    ("  axes: {a: {b: -mat A.mat}}", "cell grid.b: -mat A.mat is not among the inputs"),
    ("  axes: {a: {b: -floatfile x}}", "cell grid.b: -floatfile is added by the runner"),
    ("  axes: {a: {b: -detpixels_y 4}}", "cell grid.b: region middle: y (slow) bounds 2..5 overhang"),
    ("  axes: {a: {b: -detpixels_y x}}", "cell grid.b: -detpixels_y needs a number"),
    ("  axes: {runs: {b: []}}", "cannot be called runs"),
])
def test_a_fault_of_the_matrix_is_told_with_its_place(grid, matrix, words):
    with pytest.raises(CaseError) as fault:
        load_case(grid(matrix))
    assert words in str(fault.value) and "grid.yaml:9:" in str(fault.value)


def test_run_refuses_a_matrix_instead_of_running_none_of_it(nb, grid):
    said = nb("run", grid())
    assert said.code == 1 and "nb-compare sweep" in said.err


# --- running ----------------------------------------------------------------------------------------------


def test_every_cell_gets_one_intact_bundle(nb, sweep):
    said = sweep()
    assert said.code == 0 and said.json["run"] == said.json["cells"] == 8
    assert len(stamps()) == 8
    assert nb("verify", *stamps()).code == 0
    record = json.loads((stamps()[0] / "record.json").read_text())
    assert record["case"]["cell"]["spindle"] == "still"


def test_the_batch_of_an_unknown_program_is_not_believed_and_the_record_says_how_it_ran(sweep):
    """photons knows -batch, but only the bundled simulator is taken at its word."""
    sweep(matrix=TWO)
    record = json.loads((stamps()[0] / "record.json").read_text())
    assert [run["how"] for run in record["runs"]] == ["process", "process"]


def test_a_failing_cell_is_kept_and_the_others_run(sweep):
    """Only the cell with both -phi and -osc is wrong; its pictures are drawn, those of the other are not."""
    said = sweep(broken="pair", matrix=TWO)
    assert said.code == 3
    assert [(result["cell"], result["word"]) for result in said.json["results"]] == [("grid.one", "PASS"),
                                                                                      ("grid.two", "FAIL")]
    assert [(folder / "results/diff.png").exists() for folder in stamps()] == [False, True]


def test_several_processes_give_the_same_bundles(nb, sweep):
    said = sweep(jobs=2, matrix="  axes: {-exposure: [1, 2, 3]}")
    assert said.code == 0 and len(stamps()) == 3 and nb("verify", *stamps()).code == 0


def test_git_is_asked_once_for_cells_that_follow_each_other(sweep, monkeypatch):
    """Both have the state of the repository of nb-compare in their records; some seconds later it is asked again."""
    asked, answer = [], git.answer
    monkeypatch.setattr(git, "answer", lambda argv, *more, **named: (asked.append(tuple(argv)),
                                                                     answer(argv, *more, **named))[1])
    assert sweep(matrix=TWO).code == 0
    states = [words for words in asked if "status" in words]
    assert states and len(states) == len(set(states))
    for stamp in stamps():
        assert json.loads((stamp / "record.json").read_text())["repositories"]["harness"]["root"]
    assert worker._just_said()
    monkeypatch.setattr(worker, "SAID_SECONDS", 0.0)
    assert not worker._just_said()


def test_the_table_has_a_row_for_every_cell_and_one_count(sweep):
    said = sweep(broken="pair", form="text", matrix=TWO)
    lines = said.out.splitlines()
    assert lines[0].split() == ["cell", "verdict", "correlation", "sum", "ratio", "took", "why"]
    assert lines[1].startswith("grid.one") and "PASS" in lines[1] and "FAIL" in lines[2] and "sum_ratio" in lines[2]
    assert lines[-1] == f"  next  nb-compare show {stamps()[-1]}" and "grid.two" in lines[-1]
    assert "1 PASS, 1 FAIL" in said.out and "2 run, 0 already done, 0 without" in said.out
    assert "0 run, 2 already done (--force runs them again)" in sweep(broken="pair", form="text", matrix=TWO).out


def test_a_cell_that_cannot_be_made_does_not_stop_the_others(sweep, monkeypatch):
    import nbcompare.run.sweep.worker as worker
    from nbcompare.errors import FileError

    real = worker.run_case

    def run_case(case, *more):
        if case.name == "grid.one":
            raise FileError("the disk is full")
        return real(case, *more)

    monkeypatch.setattr(worker, "run_case", run_case)
    said = sweep(matrix=TWO)
    assert said.code == 5 and said.json["without_bundle"] == 1 and len(stamps()) == 1


# --- again ------------------------------------------------------------------------------------------------


def test_done_cells_are_not_run_again(sweep):
    sweep(broken="pair", matrix=TWO)
    again = sweep(broken="pair", matrix=TWO)
    assert again.json["run"] == 0 and again.json["stored"] == 2 and len(stamps()) == 2
    assert again.code == 3


def test_a_sweep_that_can_never_go_on_says_so_and_how_to_mend_it(nb, fake, grid, tmp_path):
    port = tmp_path / "port.py"
    port.write_text("import subprocess, sys\nsys.exit(subprocess.call(sys.argv[1:]))\n")
    said = nb("sweep", grid("  axes: {-exposure: [1, 2]}"), "--jobs", 1, "--c-bin", fake("photons"), "--py-bin",
              f"{sys.executable} {port} {fake('photons')}").err
    assert said.count("every sweep runs all cells anew") == 1
    assert "not all that the subject is made of is known" in said and "sources:" in said


def test_a_new_cell_runs_alone(sweep):
    sweep(matrix="  axes: {-exposure: [1, 2]}")
    more = sweep(matrix="  axes: {-exposure: [1, 2, 3]}  # one more")
    assert (more.json["run"], more.json["stored"]) == (1, 2)


def test_force_runs_all_again(sweep):
    sweep(matrix="  axes: {-exposure: [1, 2]}")
    assert sweep("--force", matrix="  axes: {-exposure: [1, 2]}").json["run"] == 2


@pytest.mark.parametrize("change", ["case", "engine", "argument"])
def test_a_cell_runs_again_when_anything_it_depends_on_changed(sweep, grid, nb, fake, tmp_path, change):
    matrix = "  axes: {-exposure: [1, 2]}"
    sweep(matrix=matrix)
    if change == "argument":
        assert sweep(broken="pair", matrix=matrix).json["run"] == 2
    elif change == "case":
        path = grid(matrix)
        path.write_text(path.read_text().replace("0.99,", "0.98,"))
        said = nb("sweep", path, "-q", "--format", "json", "--jobs", 1, "--c-bin", fake("photons"), "--py-bin",
                  fake("photons"), "--py-args", "-broken nothing")
        assert said.json["run"] == 2
    else:
        copy = tmp_path / "photons.py"
        copy.write_text(fake("photons").read_text() + "# another engine\n")
        said = nb("sweep", grid(matrix), "-q", "--format", "json", "--jobs", 1, "--c-bin", fake("photons"), "--py-bin",
                  copy, "--py-args", "-broken nothing")
        assert said.json["run"] == 2


def test_a_changed_input_runs_again_and_a_moved_engine_does_not(nb, fake, tmp_path):
    (tmp_path / "A.mat").write_text("1 0 0 0 1 0 0 0 1\n")
    path = tmp_path / "c.yaml"
    path.write_text(CASE.format(matrix="  axes: {-exposure: [1]}").replace("-flux 1e18", "-flux 1e18 -mat A.mat")
                    + "inputs: {A.mat: {file: A.mat}}\n")

    def run(subject=None):
        return nb("sweep", path, "-q", "--format", "json", "--jobs", 1, "--c-bin", fake("photons"), "--py-bin",
                  subject or fake("photons"), "--py-args", "-broken nothing").json["run"]

    assert run() == 1 and run() == 0
    elsewhere = tmp_path / "photons.py"
    elsewhere.write_bytes(fake("photons").read_bytes())
    assert run(elsewhere) == 0
    (tmp_path / "A.mat").write_text("2 0 0 0 2 0 0 0 2\n")
    assert run() == 1


THREADED = """\
import os, sys
if "-version" in sys.argv:
    print("threaded 1.0 git=abc threads=" + os.environ.get("OMP_NUM_THREADS", "all"))
    raise SystemExit
"""
"""What stands before the text of another engine, so that all it is made of is known."""


def test_the_share_of_threads_of_a_process_makes_no_other_engine(nb, fake, grid, tmp_path):
    """The processes of a sweep are told to take fewer threads than their parent would, and engines say so."""
    engine = tmp_path / "threaded.py"
    engine.write_text(THREADED + fake("photons").read_text())
    words = ("sweep", grid(TWO), "-q", "--format", "json", "--c-bin", fake("photons"), "--py-bin", engine, "--py-args",
             "-broken nothing", "--jobs", 2)
    nb(*words)
    versions = {json.loads((path / "record.json").read_text())["engines"][1]["version"] for path in stamps()}
    assert len(versions) == 1 and "threads=all" not in versions.pop()
    assert [cell["how"] for cell in nb(*words).json["results"]] == ["stored", "stored"]


def test_a_pass_is_not_taken_from_store_when_the_newest_run_of_the_cell_failed(sweep):
    sweep(matrix=TWO)
    passed = stamps()
    sweep("--force", matrix=TWO, broken="crash -mosaic 1")
    newest = [path for path in stamps() if path not in passed]
    failed = [json.loads((path / "record.json").read_text())["verdict"]["word"] for path in newest]
    assert failed == ["ENGINE FAILED"] * 2
    assert [cell["how"] for cell in sweep(matrix=TWO).json["results"]] == ["ran", "ran"]


def test_a_damaged_bundle_is_not_taken_for_done(sweep):
    matrix = "  axes: {-exposure: [1, 2]}"
    sweep(matrix=matrix)
    image = stamps()[0] / "inputs/py_roi_float.bin"
    image.chmod(0o644)
    image.write_bytes(image.read_bytes()[::-1])
    assert sweep(matrix=matrix).json["run"] == 1


def test_a_cell_whose_engine_failed_is_tried_again(sweep):
    matrix = "  axes: {a: {one: [], two: -mosaic 1}}"
    assert sweep(broken="crash", matrix=matrix).code == 2
    again = sweep(broken="crash", matrix=matrix)
    assert (again.json["run"], again.json["stored"]) == (1, 1)


# --- a process that dies --------------------------------------------------------------------------------


def _dies_once(order):
    """Stands for local._result in a worker process: the first one to come to cell two dies."""
    from nbcompare.run.sweep.local import _result

    mark = Path(os.environ["NB_TEST_MARK"])
    if order.case.name.endswith("two") and not mark.exists():
        mark.write_text("")
        os.kill(os.getpid(), signal.SIGKILL)
    return _result(order)


def test_a_worker_process_that_dies_loses_no_cell(grid, fake, tmp_path, monkeypatch):
    """The pool is broken with it; what was left runs again, one cell per process."""
    from nbcompare.run.options import RunOptions
    from nbcompare.run.sweep import local
    from nbcompare.run.sweep.worker import Order

    monkeypatch.setenv("NB_TEST_MARK", str(tmp_path / "mark"))
    cells = cells_of(load_case(grid("  axes: {a: {one: [], two: [-seed, '2'], three: [-seed, '3']}}")))
    options = RunOptions(str(fake("photons")), str(fake("photons")), (), ("-broken", "nothing"),
                         bundles=tmp_path / "bundles")
    monkeypatch.setattr(local, "_result", _dies_once)
    results = list(local.run_locally([Order(cell, options) for cell in cells], 2))
    assert sorted(result.word for result in results) == ["PASS"] * 3
    assert len(list((tmp_path / "bundles").glob("*/2*"))) == 3
