"""A short fuzz of the diagnosis over the whole table of options; `make fuzz-diagnosis` runs a longer one."""

import subprocess
import sys
from pathlib import Path

import pytest
from fuzz_diagnosis import Drawer, faults_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FUZZ = Path(__file__).parent / "fuzz_diagnosis.py"


@pytest.fixture(scope="module")
def drawer(tmp_path_factory):
    made = Drawer(tmp_path_factory.mktemp("draws"))
    yield made
    made.close()


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10**6), at=st.integers(0, 10**6))
def test_no_command_and_no_defect_makes_the_diagnosis_fail(drawer, seed, at):
    draw = drawer.draw(seed, at)
    if draw is not None:
        assert faults_of(draw, 0, None) == [], (draw.words, draw.command.argv)


@pytest.mark.parametrize("pivot", ["beam", "sample"])
def test_the_diagnosis_of_a_command_with_a_pivot_is_no_traceback(drawer, pivot):
    draw = drawer.draw(1, 1)
    draw.command.options.append(["-pivot", pivot])
    assert faults_of(draw, 0, None) == []


def test_trial_runs_of_random_commands_do_not_fail_either():
    done = subprocess.run([sys.executable, FUZZ, "--count", "6", "--seed", "8", "--budget", "3"], capture_output=True,
                          text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("6 diagnosed, 0 ")
