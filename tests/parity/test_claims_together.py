"""Several claims of one case, proven together with the real names of emulations: the reference has two defects of the
C program at once, and neither emulation alone gives its image."""

import json
import os
import sys
from pathlib import Path

import pytest

from nbcompare.cli import run

COMMAND = ("-cell 50 60 70 80 95 105 -default_F 100 -lambda 1 -N 5 -distance 100 -detpixels 40 -pixel 0.8 "
           "-detector_thick 450 -detector_abs 300 -thicksteps 3 -oversample 1 -nonoise -nopgm")
CLAIM = """
  - id: {name}
    title: a defect of the C program
    engine: reference
    emulate: [-emulate, {name}]
    control_of_both: [{control}]
    bounds:
      full: {{sum_ratio: {{min: 0.5, max: 5}}, max_abs_diff_of_peak: {{max: 5}}}}
    why: the C program has it
    reference: docs/emulations.md
    owner: nobody
    expires: "2099-12-31"
"""
CASE = """
name: two-claims
title: two defects of the reference at once
command: {command}
image: {{fast: 40, slow: 40}}
rois: {{full: full}}
thresholds:
  - {{metric: sum_ratio, min: 0.999999, max: 1.000001, why: same formulas}}
  - {{metric: max_abs_diff_of_peak, max: 1.0e-6, why: same formulas}}
divergences:{claims}
"""
CONTROLS = {"cell-triclinic": '-cell, "50", "60", "70", "90", "90", "90"', "last-layer-capture": '-detector_thick, "0"'}
WITH_BOTH_DEFECTS = """#!{python}
import os, sys
os.execv(sys.executable, [sys.executable, "-m", "nanobrag_torch", *sys.argv[1:], "-emulate",
                          "cell-triclinic,last-layer-capture"])
"""


def c_program(folder: Path) -> Path:
    """The real program where $NB_C_BIN names it; else one of that behaviour."""
    if os.environ.get("NB_C_BIN"):
        return Path(os.environ["NB_C_BIN"])
    program = folder / "nanoBragg"
    program.write_text(WITH_BOTH_DEFECTS.format(python=sys.executable))
    program.chmod(0o755)
    return program


@pytest.mark.parametrize(("names", "code", "words"), [
    (("cell-triclinic", "last-layer-capture"), 0, "explained by cell-triclinic and last-layer-capture"),
    (("cell-triclinic",), 7, "a factor of"),
    (("last-layer-capture",), 7, "closes")])
def test_two_defects_of_the_c_program_are_proven_by_two_claims_and_not_by_one(tmp_path, capsys, served_torch, names,
                                                                              code, words):
    case = tmp_path / "two-claims.yaml"
    case.write_text(CASE.format(command=COMMAND, claims="".join(
        CLAIM.format(name=name, control=CONTROLS[name]) for name in names)))
    program = c_program(tmp_path)
    if not os.environ.get("NB_C_BIN"):
        served_torch[str(program)] = ["-emulate", "cell-triclinic,last-layer-capture"]
    assert run(["run", str(case), "--c-bin", str(program), "--bundles", str(tmp_path / "bundles"), "-q", "--format",
                "json"]) == code
    said = json.loads(capsys.readouterr().out)
    assert any(words in reason for reason in said["verdict"]["reasons"]), said["verdict"]["reasons"]
