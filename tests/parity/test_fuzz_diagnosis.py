"""A short fuzz of the diagnosis over the whole table of options; `make fuzz-diagnosis` runs a longer one."""

import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fuzz_diagnosis import FAILED, Drawer, any_options, drawn, faults_of, odd_images
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbcompare.case.arguments.options import all_options
from nbcompare.explain.diagnose import DiagnosisOptions, Question
from nbcompare.explain.diagnose.diagnose import diagnose

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


@pytest.mark.parametrize("at", [0, 1, 2, 3])
def test_images_of_one_pixel_or_row_are_no_odder_than_others(at):
    """None of these is a command that an image follows from, so that nothing but the images is looked at."""
    dice = np.random.default_rng(at)
    sound, defective = dice.exponential(size=(2, 1, (1, 9)[at % 2])).astype("f4")
    sound, defective, _ = odd_images(sound, defective, dice) if at > 1 else (sound, defective, "")
    found = diagnose(Question(sound, defective, ("-nothing",), Path()), DiagnosisOptions(quick=True))
    assert not [note for note in found.notes if FAILED in note], found.notes


def test_the_draws_cover_the_whole_table_one_pixel_and_odd_images():
    """What a program prints beside its image, and what it runs on, is of the table too."""
    dice = random.Random(5)
    words = {option[0] for _ in range(1500) for option in any_options(dice)}
    assert [row.names[0] for row in all_options() if not {*row.names} & words] == [
        "-batch", "-compile", "-version", "-h"]
    sides = [option[1] for at in range(40) for option in drawn(5, at).options if option[0].startswith("-detpixels")]
    assert "1" in sides and ["-dmin", "sample"] in drawn(5, 1).options


def test_trial_runs_of_random_commands_do_not_fail_either():
    done = subprocess.run([sys.executable, FUZZ, "--count", "6", "--seed", "8", "--budget", "3"], capture_output=True,
                          text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("6 diagnosed, 0 ")
