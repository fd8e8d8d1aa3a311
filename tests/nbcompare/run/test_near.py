"""nearBragg against nanoBragg, as docs/engines.md has it: another program of the same physics."""

import itertools
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

PAGE = (Path(__file__).resolve().parents[3] / "docs/engines.md").read_text(encoding="utf-8")
NEAR, NANO = os.environ.get("NB_NEARBRAGG", ""), os.environ.get("NB_C_BIN", "")
pytestmark = pytest.mark.skipif(not (NEAR and NANO), reason="$NB_NEARBRAGG and $NB_C_BIN name nearBragg and nanoBragg, "
                                "programs of another author that are not part of this repository")


@pytest.fixture
def near(tmp_path, nb, quick_runs):
    """The project of the page, with 27 atoms at the corners of the cells, and the programs where they are."""
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    project, case = (next(block for block in blocks if block.startswith(start)) for start in
                     ("# nb-compare.yaml for nearBragg", "# near.yaml"))
    program = Path(NEAR).resolve()
    if program.suffix == ".c":
        subprocess.run(["cc", "-O2", "-o", tmp_path / "nearBragg", program, "-lm"], check=True, capture_output=True)
        program = tmp_path / "nearBragg"
    project = project.replace("/opt/nanoBragg/nanoBragg", str(Path(NANO).resolve()))
    (tmp_path / "nb-compare.yaml").write_text(project.replace("/opt/nearBragg/nearBragg", str(program)))
    atoms = itertools.product((-30, 0, 30), repeat=3)
    (tmp_path / "atoms.txt").write_text("".join(f"{x} {y} {z} 1 0 0\n" for x, y, z in atoms))
    return tmp_path, case


def ran(nb, home, case):
    (home / "near.yaml").write_text(case)
    said = nb("run", "near.yaml", "-q", "--format", "json")
    return said, json.loads((Path(said.json["bundle"]) / "record.json").read_text())


def test_waves_of_atoms_and_transforms_of_cells_give_one_image(near, nb):
    """The figures are those measured by hand with both programs; half a pixel off is seen."""
    home, case = near
    said, record = ran(nb, home, case)
    assert said.code == 0, said.out
    region = record["comparison"]["regions"][0]
    figures = {figure["metric"]: figure["value"] for figure in region["figures"]}
    assert figures["correlation"] == pytest.approx(0.99999994, abs=1e-8)
    assert figures["sum_ratio"] == pytest.approx(1.00037, abs=1e-5)
    assert figures["max_abs_diff_of_peak"] == pytest.approx(0.00095, abs=1e-5)
    assert sum("was not given" in note for note in record["notes"]) == 5
    assert nb("verify", said.json["bundle"]).code == 0
    said, _ = ran(nb, home, case.replace("-Xbeam 32.5 -Ybeam 32.5", "-Xbeam 32.25 -Ybeam 32.25"))
    assert said.code == 3
