"""Declared engines: how a program is started and what it is made of, as a case or a project file says it.

Both kinds of file hold the same section, read strictly:

    engines:
      subject:
        command: python -m myport        # a list of words, or a text split as a shell splits it; never a shell
        cwd: .                           # started here; without it, in the scratch folder of its inputs
        environment: {set: {PYTHONPATH: src}, pass: [MYPORT_*]}
        sources: ["src/**/*.py"]
        repository: .
        version: python -m myport --version
        build: make -C src               # what bisect runs in the top of each commit's tree
        tests: {python: .venv/bin/python, folder: .}
        watched: false                   # not asked which files it opens, so that set-uid programs keep their rights
        keeps: [run.log, "~/.myport/*"]  # files of its own from run to run, which do not matter to its image

or, for a reference, an image that is there already (stored_image.py); and what an engine needs that has options and
files of its own, which adapter.py reads. Paths are relative to the file that holds them and are absolute once it is
read.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from nbcompare.case.declared.adapter import CAPABILITIES, Adapter, adapter_of, capabilities_of, yes_or_no
from nbcompare.case.declared.adapter import KEYS as ADAPTER_KEYS
from nbcompare.case.declared.stored_image import stored_image
from nbcompare.case.parts import NAME, arguments
from nbcompare.case.reading.all_faults import reading_on
from nbcompare.case.reading.strict_yaml import Cursor

KEYS = ("command", "image", "cwd", "environment", "sources", "repository", "version", "build", "tests", "watched",
        "keeps",         *ADAPTER_KEYS)
PATH_LISTS = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH")
"""Variables that hold folders, whose relative entries mean nothing in an engine's scratch folder."""

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_GLOB = re.compile(r"[A-Za-z_*?][A-Za-z0-9_*?]*")


@dataclass(frozen=True)
class TestsPlace:
    """Where mapped tests of an engine run. ``python`` None is the interpreter of nb-compare."""

    __test__ = False  # not a test class

    folder: Path
    python: Path | None = None


@dataclass(frozen=True)
class EngineDeclaration:
    """One declared engine. ``file`` is the file that declares it; all paths are absolute.

    ``set_variables`` are (name, value) pairs, ``pass_variables`` names with globs, ``sources`` globs relative to
    ``folder``, ``keeps`` absolute globs; ``cwd`` None means the scratch folder. ``adapter`` is None for an engine that
    takes nanoBragg's arguments and writes its float image; ``capabilities`` are those that it is said to have, or not
    to have.
    """

    name: str
    command: tuple[str, ...]
    file: Path
    cwd: Path | None = None
    set_variables: tuple[tuple[str, str], ...] = ()
    pass_variables: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    repository: Path | None = None
    version: tuple[str, ...] = ()
    build: tuple[str, ...] = ()
    tests: TestsPlace | None = None
    adapter: Adapter | None = None
    capabilities: tuple[tuple[str, bool], ...] = ()
    watched: bool = True
    keeps: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """Where its relative paths begin."""
        return self.file.parent


def declarations_of(cursor: Cursor | None) -> dict[str, EngineDeclaration]:
    """The section ``engines``: declarations by name. Raises CaseError for the first fault, with its place."""
    if cursor is None:
        return {}
    found = {}
    for name, entry in cursor.mapping().items():
        with reading_on():
            if not NAME.fullmatch(name):
                raise entry.error(f"the engine name {name!r} must be letters, digits, '.', '_' and '-'")
            found[name] = _declaration(name, entry)
    if not cursor.mapping():
        raise cursor.error("engines must declare at least one engine, or be left out")
    return found


def _declaration(name: str, cursor: Cursor) -> EngineDeclaration:
    file = cursor.path.absolute()
    if "image" in cursor.mapping():
        image = stored_image(cursor.mapping(known=("image",))["image"], name, file.parent)
        return EngineDeclaration(name, image.command, file, sources=(image.file,), repository=file.parent,
                                 adapter=image.adapter, capabilities=tuple((name, False) for name in CAPABILITIES))
    entries = cursor.mapping(known=KEYS, required=("command",))
    given, passed = _environment(entries.get("environment"), file.parent)
    return EngineDeclaration(
        name, _words(entries["command"]), file,
        _folder(entries["cwd"], file.parent) if "cwd" in entries else None,
        given, passed, _sources(entries.get("sources")),
        _folder(entries["repository"], file.parent) if "repository" in entries else None,
        _words(entries["version"]) if "version" in entries else (),
        _words(entries["build"]) if "build" in entries else (),
        _tests(entries["tests"], file.parent) if "tests" in entries else None,
        adapter_of(entries, file.parent, has_cwd="cwd" in entries), capabilities_of(entries.get("capabilities")),
        yes_or_no(entries["watched"]) if "watched" in entries else True, _keeps(entries.get("keeps"), file.parent))


def _words(cursor: Cursor) -> tuple[str, ...]:
    words = arguments(cursor)
    if not words:
        raise cursor.error(f"{cursor.name} must name a program")
    return words


def _folder(cursor: Cursor, base: Path) -> Path:
    folder = Path(os.path.normpath(base / cursor.text()))
    if not os.path.isdir(folder):
        raise cursor.error(f"{cursor.name}: there is no folder {cursor.text()} beside this file")
    return folder


def _environment(cursor: Cursor | None, base: Path) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    if cursor is None:
        return (), ()
    entries = cursor.mapping(known=("set", "pass"))
    given = variables_of(entries.get("set"))
    absolute = {name: absolute_entries(value, base) if name in PATH_LISTS else value for name, value in given.items()}
    return tuple(absolute.items()), tuple(map(_glob, entries["pass"].items())) if "pass" in entries else ()


def variables_of(cursor: Cursor | None) -> dict[str, str]:
    """Environment variables by name. Raises CaseError for a name that no variable can have."""
    if cursor is None:
        return {}
    found = {}
    for name, entry in cursor.mapping().items():
        if not VARIABLE.fullmatch(name):
            raise entry.error(f"{name!r} cannot be the name of a variable")
        found[name] = entry.text()
    return found


def _glob(cursor: Cursor) -> str:
    text = cursor.text()
    if not _GLOB.fullmatch(text):
        raise cursor.error(f"{text!r} is no name of a variable, with * and ? for what is left open")
    return text


def absolute_entries(value: str, folder: Path) -> str:
    """A list of folders as PATH holds one, each relative entry (an empty one is the folder itself) made absolute."""
    return os.pathsep.join(entry if os.path.isabs(entry) else os.path.normpath(folder / entry)
                           for entry in value.split(os.pathsep))


def _sources(cursor: Cursor | None) -> tuple[str, ...]:
    if cursor is None:
        return ()
    found = []
    for entry in cursor.items():
        glob = entry.text()
        if os.path.isabs(glob) or not glob.strip("./"):
            here = os.path.relpath(glob, os.path.abspath(cursor.path.parent))
            meant = f": write {here}" if glob.strip("./") else ", as src/**/*.py"
            raise entry.error(f"sources: {glob!r} must be a glob of files, relative to this file{meant}")
        found.append(glob)
    if not found:
        raise cursor.error("sources must name at least one file, or be left out")
    return tuple(found)


def _keeps(cursor: Cursor | None, base: Path) -> tuple[str, ...]:
    """The globs of what a program keeps from run to run, made absolute, also by the folder's own name where links lead
    to it; ``~`` is the user's home."""
    found = []
    for entry in cursor.items() if cursor else ():
        for folder in (base, base.resolve()):
            found.append(os.path.normpath(folder / os.path.expanduser(entry.text())))
            if not found[-1].strip("/*?"):
                raise entry.error(f"keeps: {entry.text()!r} would be every file")
    return tuple(dict.fromkeys(found))


def _tests(cursor: Cursor, base: Path) -> TestsPlace:
    entries = cursor.mapping(known=("python", "folder"))
    folder = _folder(entries["folder"], base) if "folder" in entries else base
    if "python" not in entries:
        return TestsPlace(folder)
    python = Path(os.path.abspath(base / entries["python"].text()))  # a link here is what makes an environment
    if not (python.is_file() and os.access(python, os.X_OK)):
        raise entries["python"].error(f"tests: there is no program {entries['python'].text()} beside this file")
    return TestsPlace(folder, python)
