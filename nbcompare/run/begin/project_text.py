"""The project file as init writes it: the two engines that are compared, and what else can be said of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from nbcompare import __version__
from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.project import load_project
from nbcompare.case.project_file import PROJECT_FILE
from nbcompare.errors import UsageError
from nbcompare.run.begin.begin import refuse_overwriting, write_new

# ``python -m`` finds a package that lies in src/ by PYTHONPATH; anything else needs no such line.
_TEXT = """\
# Written by nb-compare {version} init. It holds for every case in this folder and below it; docs/engines.md describes
# every key. A project file names programs that are run: use one only where you would also run make.
engines:
  reference:{reference}
  subject:{subject}
    {source}environment: {{set: {{PYTHONPATH: src}}}}   # variables it gets; pass: [NAMES] hands on yours
    # cwd: .                                # where it is started; without it, in a folder with copies of the inputs
    # sources: ["src/**/*.py"]              # what it is made of, where that cannot be found out
    # tests: {{folder: .}}                    # where the mapped tests of a case run
"""


def write_project(roles: Mapping[str, str], out: Path | None) -> Path:
    """Write the project file, and return where. Raises UsageError where one is there, or a role is not named."""
    path = out or Path(PROJECT_FILE)
    if path.name != PROJECT_FILE:
        raise UsageError(f"--out {path}: a project file is called {PROJECT_FILE}, or it is not found")
    refuse_overwriting(path)
    missing = [role for role in (REFERENCE, SUBJECT) if role not in roles]
    if missing:
        raise UsageError(f"the project file declares both engines, and no {' and no '.join(missing)} was named",
                         hint='nb-compare init --project --engine reference=/opt/nanoBragg --engine '
                              'subject="python -m myport"')
    source = "" if "-m" in roles[SUBJECT].split() and (path.parent / "src").is_dir() else "# "
    commands = {role: _command(program) for role, program in roles.items()}
    text = _TEXT.format(version=__version__, source=source, **commands)
    write_new(path, text, load_project)
    return path


def _command(program: str) -> str:
    return f"\n    command: {json.dumps(program, ensure_ascii=False)}"
