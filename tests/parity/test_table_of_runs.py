"""A table of parity runs with loose limits, converted and run: what agrees passes, what a defect makes is proven."""

import json
import os
import subprocess
import sys
from pathlib import Path

from nbcompare.cli import run

CHECKOUT = Path(__file__).resolve().parents[2]
TABLE = """
cases:
  - id: scan
    base_args: -default_F 100 -cell 100 100 100 90 90 90 -lambda 6.2 -N 3 -distance 100 -detpixels 32 -pixel 0.4
    thresholds: {corr_min: 0.95, sum_ratio_min: 0.5, sum_ratio_max: 1.5, max_abs_max: 500}
    runs:
      - {name: one-step, extra_args: -phi 0 -osc 90 -phisteps 1}
      - {name: nine-steps, extra_args: -phi 0 -osc 90 -phisteps 9}
      - {name: three-defects, extra_args: -N 5 -pixel 1.6 -cell 70 80 90 75 85 95 -misset 15 25 35
           -phi 0 -osc 90 -phisteps 9 -twotheta 10 -detector_rotx 5
           -detector_abs 500 -detector_thick 450 -thicksteps 5 -oversample 1}
      - {name: seeded, extra_args: -misset random -misset_seed 12345}
"""


def test_a_table_with_loose_limits_runs_and_the_defect_is_proven_by_name(tmp_path, served_torch, monkeypatch, capsys):
    """Against a program with a defect of the C program, or against that itself where $NB_C_BIN names it. The table's
    own limits, a correlation of 0.95 and half the sum, would let the defect pass unseen."""
    program = os.environ.pop("NB_C_BIN", None) or CHECKOUT / "tests/fakes/with_carryover.py"
    served_torch[str(CHECKOUT / "tests/fakes/with_carryover.py")] = ["-emulate", "all"]
    monkeypatch.chdir(tmp_path)
    Path("table.yaml").write_text(TABLE)
    subprocess.run([sys.executable, CHECKOUT / "docs/table_to_matrix.py", "table.yaml", "cases", "--claims",
                    CHECKOUT / "docs/table_claims.yaml"], check=True)
    capsys.readouterr()
    code = run(["sweep", "cases/scan.yaml", "--c-bin", str(program), "--jobs", "1", "-q"])
    said = capsys.readouterr().out
    assert code == 0, said
    assert [line.split()[:2] for line in said.splitlines()[1:5]] == [
        ["scan.one-step", "PASS"], ["scan.nine-steps", "PROVEN"], ["scan.three-defects", "PROVEN"],
        ["scan.seeded", "PROVEN"]], said
    proofs = {path.parts[1]: json.loads(path.read_text())["findings"]["proof"]
              for path in Path("bundles").glob("scan.*/*/record.json")}
    assert {trial["purpose"] for trial in proofs["scan.three-defects"]["trials"]} >= {
        "emulated", "without phi-carryover", "without cell-triclinic", "without last-layer-capture"}
    assert [claim["id"] for claim in proofs["scan.seeded"]["claims"]] == ["misset-seed-as-angles"]
