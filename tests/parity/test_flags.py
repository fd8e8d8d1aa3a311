"""The harness reads command lines with a table of its own: it has every option that the simulator explains, and the
names of an option stand together there as they do here."""

import re
import subprocess
import sys

from nbcompare.case.options import OPTIONS

OF_THE_SIMULATOR = {"-compile", "-h", "-help", "-render", "-version"}
"""What starts it another way, and has no part in an image."""


def rows_of_help():
    """The names on each row of -h."""
    text = subprocess.run([sys.executable, "-m", "nanobrag_torch", "-h"], capture_output=True, text=True, check=True)
    rows = [re.match(r"  ((?:-\w+ )*-\w+)", line) for line in text.stdout.splitlines()]
    return [set(row.group(1).split()) for row in rows if row]


def test_diagnosis_knows_every_option_of_the_simulator_and_no_other():
    known = {name for option in OPTIONS for name in option.names}
    assert known == set().union(*rows_of_help()) - OF_THE_SIMULATOR


def test_names_of_one_option_stand_together():
    rows = rows_of_help()
    for option in OPTIONS:
        row, = (row for row in rows if option.name in row)
        assert row == set(option.names)
