"""Where the blocks of the pages of docs/ are typed: a user's repository, and a small world with fake engines; and the
browser in which pages are looked at."""

import glob
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from nbcompare.cli import run
from tests.nbcompare.commands.browser import chromium
from tests.nbcompare.conftest import FAKES, SMALL_CASE
from tests.nbcompare.second_repository import Project

PAGES = Path(__file__).resolve().parents[3] / "docs"
PLAN = """\
title: two phases
phases:
  - {name: N1, title: it agrees, cases: [supervisor.yaml], requires: {verdict: [PASS]}}
  - {name: N2, title: the same once more, cases: [supervisor.yaml], requires: {verdict: [PASS]}}
"""


@pytest.fixture(scope="module")
def browser():
    """One for all tests of a module."""
    with chromium() as found:
        yield found


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


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A folder with the case supervisor, a plan, and two bundles."""
    home = tmp_path_factory.mktemp("world")
    (home / "cases").mkdir()
    (home / "cases/supervisor.yaml").write_text(SMALL_CASE.replace("name: small", "name: supervisor"))
    (home / "cases/phases.yaml").write_text(PLAN)
    (home / "nb-compare.yaml").write_text("engines:\n" + "".join(
        f"  {role}: {{command: {FAKES}/any_command{more}.py}}\n" for role, more in (("reference", ""),
                                                                                  ("subject", "_too"))))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        patch.setattr("nbcompare.run.engine_runs.cuda_is_available", lambda folder: False)
        for name in ("NB_C_BIN", "NB_PY_BIN"):
            patch.delenv(name, raising=False)
        for _ in range(2):
            assert run(["run", "cases/supervisor.yaml", "--fresh", "-q"]) == 0
    return home


@pytest.fixture
def world(built, nb, tmp_path, tmp_path_factory, quick_runs, monkeypatch):
    """A copy of it, and a way to type the blocks of a page there; doctor finds nothing that others left behind."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("temporary")))
    shutil.copytree(built, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    first, second = sorted(path.name for path in (tmp_path / "bundles/supervisor").glob("2*"))
    stamps = {r"20260102T030405Z": first, r"20260203T040506Z": second, r"\bSTAMP\b": second,
              r"20261125T174609Z": first}

    def type_page(name, later=" ", more=(), ends=(), folder=tmp_path):
        """Type every line, but those that begin with ``later``; ``more`` is put in the place of words that stand for
        the reader's own. A line that begins as one of ``ends`` ends with the exit code that stands there."""
        said, top = "", folder
        for block in re.findall(r"```sh\n(.*?)```", (PAGES / name).read_text(encoding="utf-8"), re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                for stands, real in {**stamps, **dict(more)}.items():
                    line = re.sub(stands, real, line)
                words = shlex.split(line, comments=True)
                expected = next((code for begins, code in dict(ends).items() if line.startswith(begins)), 0)
                if line.startswith(later):
                    type_page.left.append(line)
                elif words[-1:] == ["&"]:
                    running.append(subprocess.Popen(words[:-1], cwd=folder, stdout=subprocess.DEVNULL,
                                                    stderr=subprocess.DEVNULL, start_new_session=True))
                elif words[:1] == ["cd"]:
                    folder = top / words[1]
                elif words[:1] == ["nb-compare"]:
                    done = nb(*(found for word in words[1:] for found in (sorted(glob.glob(word)) or [word])))
                    assert done.code == expected, f"{line}\n{done.out}{done.err}"
                    said += done.out
                elif words:
                    done = subprocess.run(["sh", "-c", re.sub(r"(?<![\w-])less ", "cat ", line)], cwd=folder, text=True,
                                          capture_output=True)
                    assert done.returncode == expected, f"{line}\n{done.stdout}{done.stderr}"
                    said += done.stdout + done.stderr
            folder = top
        return said

    type_page.second, type_page.left, running = second, [], []
    yield type_page
    for process in running:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
