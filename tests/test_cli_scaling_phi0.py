"""The cell and the fractional indices of the supervisor command at phi 0: the torch simulator, the bundled C reference,
and, where $NB_C_BIN names it, the original program, which never turns the crystal to phi 0.

Mapped by cases/supervisor-nanobragg.yaml: they are green before its images are compared.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nbcompare.case.case_file import load_case
from nbcompare.case.inputs import GENERATORS

CASE = load_case(Path(__file__).resolve().parent.parent / "cases/supervisor-nanobragg.yaml")
SLOW, FAST = 685, 1039
"""The pixel that was traced when the defect at phi 0 was found."""

AT_LAST = ("-phi", "-0.05", "-phisteps", "2")
"""The second step of two is the one at exactly 0, and the last loop is what the original program prints."""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("supervisor")
    for entry in CASE.inputs:
        (folder / entry.name).write_text(GENERATORS[entry.made_by]())
    return folder


@pytest.fixture(scope="module")
def command(pytestconfig):
    """The words that start the torch simulator on the device under test."""
    return (sys.executable, "-m", "nanobrag_torch", "-dtype", "float64", "-device", pytestconfig.getoption("--device"))


def said_by(start, folder, *more):
    """What a program prints about the supervisor command with one pixel rendered."""
    words = (*start, *CASE.command, *more, "-roi", FAST, FAST, SLOW, SLOW, "-floatfile", "image.bin")
    return subprocess.run([str(word) for word in words], cwd=folder, capture_output=True, text=True, check=True,
                          timeout=300).stdout


def traced(start, folder, *more):
    """By name: what is traced at the pixel, an array for each phi step."""
    text = said_by(start, folder, *more, "-trace_pixel", SLOW, FAST)
    found = re.findall(r"^TRACE (cell_vectors_m|hkl)\[0,0,0,0,(\d+),0\]=(.*)$", text, re.MULTILINE)
    assert found, text[-500:]
    return {name: [np.array(values.split(), float) for what, _, values in found if what == name]
            for name in ("cell_vectors_m", "hkl")}


def apart(ours, theirs):
    return np.max(np.abs(ours - theirs)) / np.max(np.abs(theirs))


@pytest.fixture(scope="module")
def runs(inputs, command, reference_binary):
    """The traces of the two programs, and that of the emulation."""
    asked = {"reference": ((reference_binary,), ()), "torch": (command, ()),
             "emulated": (command, ("-emulate", "phi-carryover"))}
    return {name: traced(start, inputs, *more, *AT_LAST) for name, (start, more) in asked.items()}


@pytest.mark.slow
class TestCLIScalingPhi0:
    """At phi 0 the crystal is as it was put; an emulation of the defect leaves it as the step before left it."""

    def test_rot_b_matches_c(self, runs):
        """The b vector, 3 components in m, of each step."""
        b = {name: [cell[3:6] for cell in run["cell_vectors_m"]] for name, run in runs.items()}
        for step in range(2):
            assert apart(b["torch"][step], b["reference"][step]) <= 1e-6
        assert apart(b["reference"][1], b["reference"][0]) > 1e-4
        assert apart(b["emulated"][1], b["reference"][0]) <= 1e-6

    def test_k_frac_phi0_matches_c(self, runs, inputs):
        """The fractional k of each step, and of the original program that of its last loop (6 decimals)."""
        k = {name: [hkl[1] for hkl in run["hkl"]] for name, run in runs.items()}
        for step in range(2):
            assert abs(k["torch"][step] - k["reference"][step]) <= 1e-6
        assert abs(k["reference"][1] - k["reference"][0]) > 1e-3
        assert abs(k["emulated"][1] - k["reference"][0]) <= 1e-6
        program = os.environ.get("NB_C_BIN")
        if program:
            text = said_by((program,), inputs, *AT_LAST, "-printout_pixel", FAST, SLOW)
            printed = re.search(r"^hkl= \S+ (\S+) ", text, re.MULTILINE)
            assert printed and abs(float(printed[1]) - k["emulated"][1]) <= 1e-6
