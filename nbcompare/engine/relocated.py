"""An engine of a repository, started from another work tree of it: each path below the one is that below the other.

A virtual environment inside the repository stays where it is, as no commit holds it. Whether the engine then is the
other tree's is not taken for granted: every file that it is made of is looked at.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

from nbcompare.case.declared.declarations import EngineDeclaration, TestsPlace
from nbcompare.engine.engine import Engine
from nbcompare.engine.identity import EngineIdentity
from nbcompare.errors import UsageError
from nbcompare.visible import some_of

_MOST_TEXT = 1 << 20
_MOST_NAMES = 3


def relocated(engine: Engine, top: Path, tree: Path) -> Engine:
    """The engine as it is started from ``tree`` in place of ``top``; what it declares goes with it."""
    start = tuple(_moved(word, top, tree) for word in engine.start)
    declared = _declaration(engine.declaration, top, tree) if engine.declaration else None
    return replace(engine, start=start, declaration=declared)


def _declaration(declared: EngineDeclaration, top: Path, tree: Path) -> EngineDeclaration:
    def place(path: Path | None) -> Path | None:
        return Path(_moved(str(path), top, tree)) if path else None

    tests = TestsPlace(place(declared.tests.folder) or tree, place(declared.tests.python)) if declared.tests else None
    return replace(declared, file=place(declared.file) or declared.file, cwd=place(declared.cwd),
                   repository=place(declared.repository), tests=tests,
                   version=tuple(_moved(word, top, tree) for word in declared.version),
                   set_variables=tuple((name, _moved(value, top, tree)) for name, value in declared.set_variables))


def _moved(text: str, top: Path, tree: Path) -> str:
    """A word, a list of folders or an option's value with every path below ``top`` moved."""
    return re.sub(rf"(?<![\w./-]){re.escape(str(top))}(?=[/:;,\s]|$)[^:;,\s]*",
                  lambda found: _moved_path(found[0], top, tree), text)


def _moved_path(path: str, top: Path, tree: Path) -> str:
    moved = str(tree) + path[len(str(top)):]
    return path if _in_environment(Path(path), top) and not os.path.lexists(moved) else moved


def _in_environment(path: Path, top: Path) -> bool:
    """Whether a path of the repository lies in a virtual environment or an installed package."""
    between = [place for place in (path, *path.parents) if place != top and place.is_relative_to(top)]
    return any((place / "pyvenv.cfg").is_file() or place.name == "site-packages" for place in between)


def require_moved(identity: EngineIdentity, top: Path, tree: Path) -> None:
    """Raises UsageError unless the engine is made of files of ``tree``, and of none of ``top``: a commit is not judged
    by another's files."""
    paths = [Path(os.path.realpath(path)) for path in _paths_of(identity)]
    elsewhere = [path for path in paths if path.is_relative_to(top) and not path.is_relative_to(tree)
                 and not _in_environment(path, top)]
    if elsewhere:
        names = some_of([str(path.relative_to(top)) for path in elsewhere], _MOST_NAMES)
        raise UsageError(f"the {identity.role} {identity.name} still uses {names} of {top}, which is the same "
                         "for every commit", hint="an installed copy, a variable of your shell or a path in its text "
                         "leads there; declare the engine with paths relative to nb-compare.yaml")
    if not any(path.is_relative_to(tree) for path in paths):
        raise UsageError(f"the {identity.role} {identity.name} is not made of files of {top}: every commit would give "
                         "the same image", hint="declare it in nb-compare.yaml with a path of the repository, or say "
                         "with --side which engine is to be followed")
    for path in paths if identity.unknown else ():
        if path.is_relative_to(tree) and _names(path, top):
            raise UsageError(f"{path.relative_to(tree)} names {top} in its text, so it may start the files there, "
                             "whatever commit is asked for", hint="let it find its folder by itself, with dirname $0")


def _paths_of(identity: EngineIdentity) -> list[str]:
    files = [entry.path for entry in identity.made_of.files] if identity.made_of else []
    return [identity.started_as[0], *(word for word in identity.started_as[1:] if os.path.isabs(word)), *files]


def _names(path: Path, top: Path) -> bool:
    """Whether a text names a folder, or something below it."""
    try:
        with open(path, "rb") as stream:
            text = stream.read(_MOST_TEXT)
    except OSError:
        return False
    return re.search(re.escape(os.fsencode(top)) + rb"(?![\w.-])", text) is not None
