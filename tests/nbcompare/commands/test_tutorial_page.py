"""docs/tutorial.md as it stands: its files written, its shell blocks typed, in a repository with a port in it."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from tests.nbcompare.run.first_commands import write_inputs

PAGE = (Path(__file__).resolve().parents[3] / "docs/tutorial.md").read_text(encoding="utf-8")
INSTALLED = "/opt/nanoBragg/nanoBragg"


def test_the_tutorial_leads_from_an_install_to_a_green_gate(shell):
    said = ""
    for kind, block in re.findall(r"```(sh|yaml)\n(.*?)```", PAGE, re.DOTALL):
        block = block.replace(INSTALLED, "ref.py")
        if kind == "sh":
            said += shell(block)
        else:
            (shell.project.home / re.match(r"# (\S+)\n", block)[1]).write_text(block)
    for line in ("PASS  first", "FAIL  first", "exit code 3", "|difference|", "cases/first.yaml: valid case",
                 "nb-compare.yaml: valid project file", "GREEN  agree", "nb-compare reduce first"):
        assert line in said, line
    assert [line for line in said.splitlines() if line.startswith("  cause")]


def test_the_lines_of_use_in_the_readme_can_be_typed(shell):
    """In a repository with the files that they name."""
    text = (Path(__file__).resolve().parents[3] / "README.md").read_text(encoding="utf-8")
    block = re.search(r"## Use\n\n```sh\n(.*?)```", text, re.DOTALL)[1].replace(INSTALLED, "ref.py")
    for name in ("A.mat", "P1.hkl"):
        (shell.project.home / name).write_text("0 0 1 100 0 0 0 0 1\n")
    said = shell(block)
    assert "PASS  first" in said and "AGREE" in said and list(shell.project.home.glob("bundles/first/pages/*.html"))


@pytest.mark.simulator
@pytest.mark.parametrize("page", ["README.md", "docs/tutorial.md", "docs/cases.md", "docs/report.md"])
def test_the_first_command_of_a_page_is_one_that_nanobragg_renders(page, reference_binary, tmp_path):
    """The fakes take any words; the C program leaves with its usage where there is no crystal or no amplitudes."""
    write_inputs(tmp_path)
    text = (Path(__file__).resolve().parents[3] / page).read_text(encoding="utf-8").replace("\\\n", " ")
    (line,) = re.findall(r"^nb-compare init .* -- (.*)$", text, re.MULTILINE)
    subprocess.run([reference_binary, *shlex.split(line), "-floatfile", "f.bin"], cwd=tmp_path, check=True,
                   capture_output=True)
    assert any((tmp_path / "f.bin").read_bytes())
