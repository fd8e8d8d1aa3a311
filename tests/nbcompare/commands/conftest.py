"""A user's repository in which the blocks of a page of docs/ are typed."""

import os
import subprocess
import sys

import pytest

from tests.nbcompare.second_repository import Project


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
