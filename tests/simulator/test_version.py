"""-version, which is asked before every comparison."""

import subprocess
import sys

from nanobrag_torch.cli import run
from nanobrag_torch.version import print_version


def test_the_version_alone_is_what_a_command_line_with_it_says(capsys):
    assert print_version() == run(["-version"]) == 0
    alone, among_others = capsys.readouterr().out.splitlines()
    assert alone == among_others and " dtype=auto device=cpu " in alone


def test_the_version_alone_loads_nothing_that_reads_other_command_lines():
    done = subprocess.run([sys.executable, "-X", "importtime", "-m", "nanobrag_torch", "-version"], capture_output=True,
                          text=True, check=True)
    assert done.stdout.startswith("nanobrag_torch ") and "nanobrag_torch.version" in done.stderr
    assert "nanobrag_torch.cli" not in done.stderr and "dataclasses" not in done.stderr
