"""A short fuzz of random command lines; `make fuzz` runs a longer one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nbcompare.explain.fuzz.random_commands import random_command

FUZZ = Path(__file__).parent / "fuzz.py"


def fuzz(*options):
    return subprocess.run([sys.executable, FUZZ, *map(str, options)], capture_output=True, text=True, timeout=300)


def test_random_commands_have_the_same_image_in_both_simulators():
    done = fuzz("--count", 40, "--seed", 3, "--against", "reference")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    counts = {word: int(count) for word, _, count in (part.partition(": ") for part in done.stdout.split("; "))}
    assert counts["identical"] >= 25


@pytest.mark.skipif(not os.environ.get("NB_C_BIN"), reason="NB_C_BIN names no nanoBragg C")
def test_random_commands_have_the_image_of_the_c_program():
    done = fuzz("--count", 40, "--seed", 3, "--against", os.environ["NB_C_BIN"])
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_a_seed_stands_for_its_commands():
    for like_c in (False, True):
        first, again = (random_command(5, 7, like_c) for _ in range(2))
        assert (first.argv, first.files) == (again.argv, again.files)
        assert first.argv != random_command(6, 7, like_c).argv


def test_a_miss_is_one_line_that_says_how_to_see_it_again(tmp_path):
    """A program that writes nothing, and says it is done."""
    program = tmp_path / "nothing"
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    done = fuzz("--only", 4, "--seed", 2, "--against", program)
    assert done.returncode == 1
    line, counts = done.stdout.splitlines()
    assert line.startswith("missed [") and f"--seed 2 --against {program} --only 4 # -" in line
    assert counts == "missed: 1"
