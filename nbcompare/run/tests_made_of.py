"""The files that the mapped tests were: kept with their sums in the record, and held against those of now."""

from __future__ import annotations

import ast
import os
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from nbcompare.bundle.record import TestsOutcome
from nbcompare.case.arguments.options import SUBJECT
from nbcompare.case.case import Case
from nbcompare.case.declared.declarations import TestsPlace
from nbcompare.case.project import declared_engines, project_above
from nbcompare.engine.processes.file_uses import FileUses, Use
from nbcompare.engine.sources.account import opened_by
from nbcompare.engine.sources.entry import SCRIPT
from nbcompare.engine.sources.kept_state import is_kept
from nbcompare.engine.sources.listed import Listing, names_in, sum_of_names
from nbcompare.engine.sources.made_of import MadeOf, SourceFile
from nbcompare.engine.sources.opened import OpenedFiles, doubts
from nbcompare.engine.sources.paths_in_text import NamedPaths
from nbcompare.errors import FileError
from nbcompare.files import hash_of_named, sha256_of

CONFIGURATION = ("pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")
PLUGIN = Path(__file__).with_name("pytest_plugin")
_REPORT = PLUGIN / "nb_compare_report.py"
_TESTS = (".py",)
_MOST_NAMES = 5
_OF_PYTEST = re.compile(rf"{re.escape(os.path.realpath(tempfile.gettempdir()))}(/pytest-of-[^/]*(/[^/]*(/\.lock)?)?)?")
"""The folders in which pytest numbers its sessions, and what tells it which of them have ended."""

ABSENT = ""
"""In place of the sum of a file that pytest would read, and that was not there."""

_INSTALLED = (".dist-info", ".egg-info", ".egg-link")

Loaded = Sequence[tuple[str, str]]
"""(module, file) of what a test session loaded; no module where the file was collected or is a plugin."""


def place_of_tests(case: Case) -> TestsPlace:
    """Where the mapped tests of a case run: as its engines, or those of its project file, declare; else the repository
    in which the case lies, or its folder."""
    declared = declared_engines(case, project_above(case.folder))
    with_tests = [entry.tests for entry in declared.values() if entry.tests]
    own = declared[SUBJECT].tests if SUBJECT in declared else None
    folder = case.folder.absolute()
    home = next((place for place in (folder, *folder.parents) if (place / ".git").exists()), folder)
    return own or (with_tests[0] if with_tests else TestsPlace(home))


def files_of_tests(loaded: Loaded, tests: Iterable[str], folder: Path) -> tuple[tuple[str, str], ...]:
    """(name, sha256) of every file below the project's ``folder`` that the session loaded, and of each that pytest
    looks for there, ABSENT where it is not: conftest.py on the way to each of the ``tests``, and its configuration.
    Files that these name by a path, as data of the tests, count too."""
    home = folder.resolve()
    found = {path for _, path in loaded if Path(path).is_relative_to(home) and "site-packages" not in Path(path).parts}
    found |= {named for path in list(found) for named in _read_by(path, home)}
    found |= {str(home / name) for name in CONFIGURATION}
    for test in tests:
        parents = [parent for parent in Path(os.path.realpath(test)).parents if parent.is_relative_to(home)]
        found |= {str(parent / "conftest.py") for parent in parents}
    return tuple(sorted((Path(path).relative_to(home).as_posix(), _sum(Path(path))) for path in found))


def _read_by(path: str, home: Path) -> Iterator[str]:
    """The files below ``home`` that a Python source of the tests names by a path."""
    try:
        tree = ast.parse(Path(path).read_bytes()) if path.endswith(".py") else None
    except (OSError, SyntaxError, ValueError, RecursionError):
        tree = None
    for text, whole in NamedPaths(tree, path, str(home), {}).uses() if tree else ():
        named = Path(os.path.realpath(text))
        if whole and named.is_relative_to(home) and named.is_file():
            yield str(named)


def opened_by_tests(calls: FileUses, files: Sequence[tuple[str, str]], folder: Path,
                    nodes: Sequence[str]) -> tuple[OpenedFiles, str | None]:
    """What the tests of a ``folder`` opened and started beside their ``files``, and that somebody changed some of it
    meanwhile. A folder that is named as a node counts by the names in it, as a new test in it would be collected."""
    home = folder.resolve()
    known = tuple(SourceFile(name, str(home / name), digest) for name, digest in files if digest != ABSENT)
    plugin = SourceFile(_REPORT.name, str(_REPORT), "")
    places = set(_collected_places(home, nodes))
    seen = replace(calls, uses={path: use for path, use in calls.uses.items() if not _OF_PYTEST.fullmatch(path)
                                and not (os.path.dirname(path) in places and _is_look_of_pytest(path, use))})
    opened, changed = opened_by(seen, MadeOf(SCRIPT, files=(*known, plugin)))
    said = ", ".join(changed[:_MOST_NAMES])
    # Which file is newer than another is left out: pytest asks for the times of all that it imports.
    return (replace(opened, by_age=(), listings=(*opened.listings, *_collected_from(seen, folder, nodes))),
            f"they opened what was changed while they ran: {said}" if said else None)


def _collected_places(home: Path, nodes: Sequence[str]) -> Iterator[str]:
    """The folders that pytest goes through for its nodes: those on the way to each, and those below one that is one."""
    for node in nodes:
        place = Path(os.path.realpath(home / node.partition("::")[0]))
        yield from map(str, (place, *place.parents))
        yield from (folder for folder, _, _ in os.walk(place))


def _is_look_of_pytest(path: str, use: Use) -> bool:
    """Whether a file was looked at and not opened: pytest asks of every file in such a folder what it is, and looks for
    its configuration, which counts among the files of the tests."""
    if use.read or use.run or use.written or not use.looked_at:
        return False
    return use.stamp is not None or os.path.basename(path) in (*CONFIGURATION, "conftest.py")


def _collected_from(calls: FileUses, folder: Path, nodes: Sequence[str]) -> Iterator[Listing]:
    """The folders in which pytest looked for the tests of a node that is one."""
    whole = [os.path.join(os.path.realpath(folder / node), "") for node in nodes if (folder / node).is_dir()]
    for path, use in calls.uses.items():
        names = names_in(path, _TESTS) if use.is_folder and use.read and os.path.join(path, "").startswith(
            tuple(whole)) else None
        if names is not None:
            yield Listing(path, _TESTS, sum_of_names(names))


def changed_tests(outcome: TestsOutcome, case: Case) -> list[str]:
    """The files of mapped tests, and of what they opened and started, that are not what they were when these were run,
    each with what happened to it, and what cannot be known of that; not those that an engine keeps from run to run, as
    declared."""
    home = place_of_tests(case).folder.resolve() if outcome.files else Path()
    keeps = [glob for entry in declared_engines(case, project_above(case.folder)).values() for glob in entry.keeps]
    now = {name: (then, _sum(home / name)) for name, then in outcome.files}
    return [f"{name} is {'gone' if found == ABSENT else 'new'}" if ABSENT in (then, found) else f"{name} changed"
            for name, (then, found) in now.items() if then != found and not is_kept(str(home / name), keeps)] + (
                doubts(_not_kept(outcome.opened, keeps)) if outcome.opened else [])


def _not_kept(opened: OpenedFiles, keeps: Sequence[str]) -> OpenedFiles:
    """What tests opened, without what an engine keeps from run to run."""
    return replace(opened, files=tuple(entry for entry in opened.files if not is_kept(entry.path, keeps)),
                   absent=tuple(path for path in opened.absent if not is_kept(path, keeps)))


def tests_are_as_run(tests: Mapping[str, TestsOutcome], case: Case) -> bool:
    """Whether mapped tests that were run would be the same now: all that the case names, of the same files, and with
    nothing that they opened being another."""
    return all(outcome.nodes == case.tests and not changed_tests(outcome, case) for outcome in tests.values())


def another_copy(loaded: Loaded, made_of: MadeOf | None) -> str | None:
    """That the tests loaded a package of the subject's name from elsewhere: they say nothing of the subject then."""
    if made_of is None or made_of.bundled:
        return None
    own = {os.path.realpath(entry.path) for entry in made_of.files}
    folders = {Path(folder).name: folder for folder in made_of.folders}
    return next((f"they tested {name} of {Path(path).parent}, and the subject is that of {folders[name]}"
                 for name, path in loaded if name in folders and os.path.realpath(path) not in own), None)


def sum_of_python() -> str:
    """One sum over this Python: its version, where it finds modules, what is installed there by name and version, and
    the files that add to the places."""
    found = [(sys.version, "")]
    for place in sys.path:
        names = sorted(os.listdir(place)) if os.path.isdir(place) else []
        found += [(f"{place}/{name}", "") for name in names if name.endswith(_INSTALLED)]
        found += [(f"{place}/{name}", _sum(Path(place, name))) for name in names if name.endswith(".pth")]
    return hash_of_named(found)


def _sum(path: Path) -> str:
    try:
        return sha256_of(path) if path.is_file() else ABSENT
    except FileError:
        return ABSENT
