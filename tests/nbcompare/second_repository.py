"""A user's project in a repository of its own: a port that lies in src/, and the ways in which people start one."""

import subprocess
import sys
from pathlib import Path

from tests.nbcompare.conftest import SMALL_CASE

CORE = """\
from array import array


def pixels(count, scale):
    values = [float(i * 7919 % 101 + 1) for i in range(count)]
    values[count // 2] = 1000.0
    return array("f", [scale * value for value in values])
"""

MAIN = """\
import os
import sys

from myport import core
from port_units import SCALE


def option(name):
    return sys.argv[len(sys.argv) - sys.argv[::-1].index(name)]


def main():
    if "-version" in sys.argv or "--version" in sys.argv:
        print("myport 3.1")
        return 0
    scale = SCALE * (3.0 if os.environ.get("MYPORT_MODE") == "triple" else 1.0)
    count = int(option("-detpixels_x")) * int(option("-detpixels_y"))
    with open(option("-floatfile"), "wb") as stream:
        stream.write(core.pixels(count, scale).tobytes())
    return 0


if __name__ == "__main__":
    sys.exit(main())
"""

REFERENCE = """\
import sys
from array import array
if "-version" in sys.argv:
    print("reference 1.0")
else:
    at = {name: sys.argv[sys.argv.index(name) + 1] for name in ("-detpixels_x", "-detpixels_y", "-floatfile")}
    count = int(at["-detpixels_x"]) * int(at["-detpixels_y"])
    values = [float(i * 7919 % 101 + 1) for i in range(count)]
    values[count // 2] = 1000.0
    open(at["-floatfile"], "wb").write(array("f", values).tobytes())
"""

DECLARED = f"command: {sys.executable} -m myport, environment: {{set: {{PYTHONPATH: src}}}}"
WRAPPED = "command: run.sh"

PLAN = """\
title: one phase
phases:
  - {name: P, title: t, cases: [small.yaml], requires: {verdict: [PASS], %s}}
"""


class Project:
    """The repository: ``home`` with src/myport, src/port_units.py, a reference program, and a case in cases/."""

    def __init__(self, home: Path) -> None:
        self.home = home
        package = home / "src/myport"
        package.mkdir(parents=True)
        for path, text in ((package / "__init__.py", ""), (package / "core.py", CORE), (package / "__main__.py", MAIN),
                           (home / "src/port_units.py", "SCALE = 1.0\n"), (home / "ref.py", REFERENCE),
                           (home / ".gitignore", "__pycache__/\nbundles/\n")):
            path.write_text(text)
        (home / "cases").mkdir()
        self.case = home / "cases/small.yaml"
        self.case.write_text(SMALL_CASE)
        self.core = package / "core.py"
        self.git("init", "-q", "-b", "trunk")
        self.commit("first")

    def git(self, *words: str) -> str:
        done = subprocess.run(["git", "-C", str(self.home), "-c", "user.name=A", "-c", "user.email=a@b.c", *words],
                              capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def commit(self, message: str) -> str:
        """Commit everything; the commit's sum."""
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD")

    def declare(self, subject: str, *, reference: str = "ref.py") -> Path:
        """Write the project file; ``subject`` is the inside of its declaration, in YAML's flow style."""
        path = self.home / "nb-compare.yaml"
        path.write_text(f"engines:\n  reference: {{command: {reference}}}\n  subject: {{{subject}}}\n")
        return path

    def break_port(self) -> None:
        """Make the port raise at every call."""
        self.core.write_text("raise RuntimeError('broken')\n")

    # --- ways to start it ------------------------------------------------------------------------------------

    def wrapper(self) -> Path:
        """A shell script that starts the port."""
        path = self.home / "run.sh"
        path.write_text(f"#!/bin/sh\nPYTHONPATH={self.home}/src exec {sys.executable} -m myport \"$@\"\n")
        path.chmod(0o755)
        return path

    def console_script(self, path: Path | None = None, python: Path | str = sys.executable) -> Path:
        """A stub as an installer writes it, with the first line of an interpreter, this one where none is given."""
        path = path or self.home / "bin/myport"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!{python}\n# -*- coding: utf-8 -*-\nimport re\nimport sys\n"
                        "from myport.__main__ import main\nif __name__ == '__main__':\n    sys.exit(main())\n")
        path.chmod(0o755)
        return path

    def environment(self, place: Path | None = None) -> Path:
        """A virtual environment in which the port is installed as editable, by a .pth file; its Python. It lies in the
        repository, which ignores it, where no place is given."""
        place = place or self.home / ".venv"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
        site = next((place / "lib").glob("python*/site-packages"))
        (site / "__editable__.myport.pth").write_text(f"{self.home / 'src'}\n")
        (self.home / ".gitignore").write_text("__pycache__/\nbundles/\n.venv/\n")
        return place / "bin/python"
