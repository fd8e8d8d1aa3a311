"""docs/engines.md as it stands: its files written, its shell blocks run, in a repository made for it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.nbcompare.second_repository import Project

CHECKOUT = Path(__file__).resolve().parents[3]
PAGE = (CHECKOUT / "docs/engines.md").read_text(encoding="utf-8")
INSTALLED = "/opt/nanoBragg/nanoBragg"


@pytest.fixture
def shell(tmp_path):
    """Run a block of the page at the top of a user's repository. ``pip`` stands for the installation that is there."""
    project = Project(tmp_path / "theirs")
    project.case.unlink()
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, line in (("nb-compare", f'exec {sys.executable} -m nbcompare "$@"'), ("pip", "exit 0")):
        (programs / name).write_text(f"#!/bin/sh\n{line}\n")
        (programs / name).chmod(0o755)
    (programs / "python").symlink_to(sys.executable)
    (tmp_path / ".gitconfig").write_text("[user]\nname = A\nemail = a@b.c\n")
    kept = {name: os.environ[name] for name in ("LANG", "VIRTUAL_ENV") if name in os.environ}
    variables = {**kept, "HOME": str(tmp_path), "PATH": f"{programs}:{os.environ['PATH']}"}

    def call(block: str) -> str:
        done = subprocess.run(["sh", "-e", "-c", block], cwd=project.home, env=variables, capture_output=True,
                              text=True, check=False)
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
        return done.stdout

    call.project = project
    return call


def test_the_page_leads_from_installation_to_a_signed_gate(shell):
    project = shell.project
    for kind, block in re.findall(r"```(sh|yaml)\n(.*?)```", PAGE, re.DOTALL):
        name = re.match(r"# (\S+\.yaml)\n", block)
        if kind == "yaml" and name:
            (project.home / name.group(1)).write_text(block.replace(INSTALLED, "ref.py"))
    said = "".join(shell(block) for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL))
    assert "PASS  small" in said and "GREEN  agree" in said and "sign-off" in said
    assert list((project.home / "bundles/signoffs/agree").glob("*.sig"))
    (project.home / "src/port_units.py").write_text("SCALE = 2.0\n")
    done = subprocess.run([sys.executable, "-m", "nbcompare", "gate", "agree", "--phases", "cases/phases.yaml"],
                          cwd=project.home, capture_output=True, text=True, check=False)
    assert done.returncode == 8 and "port_units.py changed" in done.stdout
