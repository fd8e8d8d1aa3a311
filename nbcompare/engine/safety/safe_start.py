"""How engines are started so that no input file, and no file that lies about, is ever run as their code.

``python -m NAME`` looks for modules in the working folder first, and an engine works among copies of its inputs: a file
``torch.py`` there would be run. So Python is told to look in no such place (PYTHONSAFEPATH, also for what an engine
starts itself), and entries of search paths that mean a working folder are made absolute before.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from nbcompare.case.declared.declarations import PATH_LISTS, absolute_entries
from nbcompare.files import Stamp, is_settled, stamp_at

BUNDLED_SUBJECT = (sys.executable, "-P", "-m", "nanobrag_torch")
_BUNDLED_BEFORE = (sys.executable, "-m", "nanobrag_torch")
"""As older bundles name it."""

_IMPORTABLE = (".py", ".pyc", ".so", ".pyd")


def is_bundled_subject(start: Sequence[str]) -> bool:
    """Whether these words start the simulator of this project, with nothing between."""
    return tuple(start) in (BUNDLED_SUBJECT, _BUNDLED_BEFORE)


def safe_variables(program: Path, extra: Mapping[str, str]) -> dict[str, str]:
    """The variables to set for an engine beside those that every child gets; ``extra`` has the last word.

    A Python script finds its neighbours as it always did, but by PYTHONPATH. What a shell script starts is not known,
    and may need its neighbours too: there the names of inputs are looked at instead (``obeys``).
    """
    made = _search_paths(extra)
    if is_python_script(program):
        made["PYTHONPATH"] = os.pathsep.join(filter(None, (str(program.parent.absolute()), made.get("PYTHONPATH"))))
    elif not _is_compiled(program):
        return {**extra, **made}
    return {"PYTHONSAFEPATH": "1", **extra, **made}


def with_absolute_paths(extra: Mapping[str, str]) -> dict[str, str]:
    """The variables to set for an engine that is started in a folder of the user's, where its modules may lie."""
    return {**extra, **_search_paths(extra)}


def _search_paths(extra: Mapping[str, str]) -> dict[str, str]:
    """The search paths, of ``extra`` or else of the user, with entries that mean the same wherever a program works."""
    paths = {name: extra.get(name) or os.environ.get(name, "") for name in PATH_LISTS}
    return {name: absolute_entries(value, Path.cwd()) for name, value in paths.items() if value}


def made_absolute() -> dict[str, str]:
    """Of the user's search paths those that an engine gets with other words, as the user wrote them."""
    given = {name: os.environ.get(name, "") for name in PATH_LISTS}
    return {name: value for name, value in given.items() if value and absolute_entries(value, Path.cwd()) != value}


def is_python_script(program: Path) -> bool:
    """Whether a file is run by Python: by its name, or by its first line."""
    if program.suffix == ".py":
        return True
    first = _beginning(program).partition(b"\n")[0]
    return first.startswith(b"#!") and b"python" in first


def _beginning(program: Path) -> bytes:
    """The first bytes of a file, asked for several times in each run; nothing of one that cannot be read."""
    path = str(program)
    stamp = stamp_at(path)
    return _known_beginning(path, stamp) if is_settled(stamp) else _read_beginning(path)


@functools.lru_cache(maxsize=64)
def _known_beginning(path: str, _stamp: Stamp) -> bytes:
    return _read_beginning(path)


def _read_beginning(path: str) -> bytes:
    try:
        with open(path, "rb") as stream:
            return stream.read(200)
    except OSError:
        return b""


def obeys(start: Sequence[str], program: Path) -> bool:
    """Whether an engine is known to look for no code among its inputs: a compiled program, or our own Python. Another
    Python may be older than 3.11, which was the first to know a safe path."""
    another_python = Path(start[0]).name.startswith(("python", "pypy"))
    return start[0] == sys.executable or (_is_compiled(program) and not another_python)


def _is_compiled(program: Path) -> bool:
    return _beginning(program).startswith(b"\x7fELF")


def importable(names: Sequence[str]) -> str | None:
    """The first name that an older Python would take for a module in its working folder, or None."""
    return next((name for name in names if name.lower().endswith(_IMPORTABLE)), None)
