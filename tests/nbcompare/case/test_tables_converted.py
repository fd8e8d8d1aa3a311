"""A table of parity runs as ports keep them becomes cases with a matrix, and nothing of it is lost."""

import subprocess
import sys
from pathlib import Path

from nbcompare.case.case_file import load_case
from nbcompare.case.cells import cells_of

SCRIPT = Path(__file__).resolve().parents[3] / "docs" / "table_to_matrix.py"
TABLE = """
cases:
  - id: tilt
    description: a tilted detector
    base_args: >-
      -default_F 100 -cell 100 100 100 90 90 90
      -lambda 1 -N 3 -distance 100 -detpixels 8
    thresholds: {corr_min: 0.99, sum_ratio_min: 0.9, sum_ratio_max: 1.1, max_abs_max: 500}
    runs:
      - name: none
        extra_args: >-
      - {name: large, extra_args: -detpixels 16 -detector_rotx 5}
      - {name: strict, extra_args: -twotheta 3, thresholds: {corr_min: 0.9999}}
"""


CLAIMS = SCRIPT.with_name("table_claims.yaml")


def converted(folder, text, *more):
    (folder / "table.yaml").write_text(text)
    words = [sys.executable, SCRIPT, folder / "table.yaml", folder / "cases", *more]
    return subprocess.run([str(word) for word in words], capture_output=True, text=True)


def bounds(case):
    return {(entry.metric, entry.min, entry.max) for entry in case.thresholds}


def test_every_run_of_a_table_is_a_cell_with_its_arguments_and_thresholds(tmp_path):
    assert converted(tmp_path, TABLE).returncode == 0
    none, large, strict = cells_of(load_case(tmp_path / "cases" / "tilt.yaml"))
    loose = {("sum_ratio", 0.9, 1.1), ("max_abs_diff_of_peak", None, 1e-3)}
    assert bounds(none) == bounds(large) == loose | {("correlation", 0.99, None)}
    assert bounds(strict) == loose | {("correlation", 0.9999, None)}
    assert (none.shape.fast, large.shape.fast) == (8, 16) and large.command[-4:] == (
        "-detpixels", "16", "-detector_rotx", "5")


def test_what_is_not_known_is_refused_and_nothing_is_overwritten(tmp_path):
    assert "rmse_max" in converted(tmp_path, TABLE.replace("corr_min: 0.99,", "rmse_max: 1,")).stderr
    assert "skip" in converted(tmp_path, TABLE.replace("name: large,", "name: large, skip: yes,")).stderr
    assert converted(tmp_path, TABLE).returncode == 0
    again = converted(tmp_path, TABLE)
    assert again.returncode == 1 and "exists" in again.stderr


def test_a_limit_in_photons_that_could_not_fail_becomes_one_of_the_peak_and_that_is_said(tmp_path):
    """An image whose brightest pixel is below 500 photons differs by less than 500 from no image at all."""
    said = converted(tmp_path, TABLE, "--of-peak", "1e-4").stdout
    assert "limits in photons" in said and "0.0001 of the brightest pixel" in said
    limits = load_case(tmp_path / "cases" / "tilt.yaml").thresholds
    limit = next(limit for limit in limits if limit.metric == "max_abs_diff_of_peak")
    assert limit.max == 1e-4 and "the table allows 500 photons" in limit.why


DEFECTS = """
cases:
  - id: defects
    base_args: -default_F 100 -cell 100 100 100 90 90 90 -lambda 6.2 -N 3 -distance 100 -detpixels 32 -pixel 0.4
    thresholds: {corr_min: 0.95, sum_ratio_min: 0.5, sum_ratio_max: 1.5, max_abs_max: 500}
    runs:
      - {name: still, extra_args: }
      - {name: one-step, extra_args: -phi 0 -osc 90 -phisteps 1}
      - {name: nine-steps, extra_args: -phi 0 -osc 90 -phisteps 9}
      - {name: from-ten, extra_args: -phi 10 -osc 90 -phisteps 9}
      - {name: triclinic, extra_args: -cell 70 80 90 75 85 95}
      - {name: monoclinic, extra_args: -cell 70 80 90 90 85 90}
      - {name: layers, extra_args: -detector_thick 450 -detector_abs 500 -thicksteps 5}
      - {name: all, extra_args: -cell 70 80 90 75 85 95 -phi 0 -osc 90 -phisteps 9 -detector_thick 450}
      - {name: seeded, extra_args: -misset random -misset_seed 12345}
"""
MADE = {"nine-steps": ["phi-carryover"], "triclinic": ["cell-triclinic"], "layers": ["last-layer-capture"],
        "all": ["phi-carryover", "cell-triclinic", "last-layer-capture"], "seeded": ["misset-seed-as-angles"]}


def test_runs_get_the_claims_of_the_defects_that_their_commands_can_show(tmp_path):
    done = converted(tmp_path, DEFECTS, "--claims", CLAIMS)
    assert done.returncode == 0, done.stderr
    cells = cells_of(load_case(tmp_path / "cases" / "defects.yaml"))
    made = {cell.cell["runs"]: [claim.id for claim in cell.divergences] for cell in cells}
    assert made == {name: MADE.get(name, []) for name in made} and len(made) == 9
    assert cells[0].environment == {"OMP_NUM_THREADS": "1"}, "a thread more is an untouched crystal more"
