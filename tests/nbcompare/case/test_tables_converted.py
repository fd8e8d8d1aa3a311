"""A table of parity runs as ports keep them becomes cases with a matrix, and nothing of it is lost."""

import subprocess
import sys
from pathlib import Path

from nbcompare.case.case import cells_of, load_case

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


def converted(folder, text):
    (folder / "table.yaml").write_text(text)
    return subprocess.run([sys.executable, str(SCRIPT), str(folder / "table.yaml"), str(folder / "cases")],
                          capture_output=True, text=True)


def bounds(case):
    return {(entry.metric, entry.min, entry.max) for entry in case.thresholds}


def test_every_run_of_a_table_is_a_cell_with_its_arguments_and_thresholds(tmp_path):
    assert converted(tmp_path, TABLE).returncode == 0
    none, large, strict = cells_of(load_case(tmp_path / "cases" / "tilt.yaml"))
    loose = {("sum_ratio", 0.9, 1.1), ("max_abs_diff", None, 500.0)}
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
