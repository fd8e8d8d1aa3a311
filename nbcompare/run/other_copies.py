"""Another copy than the project's: what was run bears the name of code of the project, lies elsewhere, and is not that.

So it is where PYTHONPATH is missing and an older copy is installed, or where PATH finds a program of before:
the evidence is true, and it is about the wrong text. What lies in the project is no copy, nor is what the user named by
its path; declared ``sources`` that name the files which ran say that they are meant. A reference may be an earlier
release on purpose: of one, what its declaration or its interpreter's path leads to is named as well.
"""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nbcompare.case.arguments.options import REFERENCE
from nbcompare.case.project_file import PROJECT_FILE, find_project_file
from nbcompare.engine.engine import Engine
from nbcompare.engine.identity import EngineIdentity
from nbcompare.engine.sources.libraries import is_elf
from nbcompare.engine.sources.made_of import declared_files
from nbcompare.engine.sources.opened_kinds import names_listed
from nbcompare.engine.sources.python_here import SKIPPED, is_below, top_of, url_folder
from nbcompare.errors import FileError
from nbcompare.files import sum_of
from nbcompare.visible import some_of

_DEEP = 3
_MOST_FOLDERS = 5000
_NOT_SEARCHED = frozenset((*SKIPPED, "site-packages", "dist-packages", "build", "_build", "dist", "target", "tests",
                           "test", "docs", "bundles"))
"""Folders whose code no run would use: environments, outputs of builds, tests (often of a package's name)."""

_OF_OTHERS = frozenset(("vendor", "vendored", "third_party", "third-party", "thirdparty", "external", "extern", "deps"))
"""Folders that hold code of other projects, where it counts only under the name of the engine itself."""

_VERSIONS = frozenset(("_version.py", "version.py", "__version__.py"))
"""Files that an installer writes anew."""

_CODE = (".py", ".so", ".pyd")
_PACKAGES = ("site-packages", "dist-packages")
_MOST_NAMED = 2


@dataclass(frozen=True)
class _Module:
    """A file of code that was run: its ``name`` below ``root``, the folder in which its package or module was found."""

    root: str
    name: str

    @property
    def top(self) -> str:
        return self.name.partition(os.sep)[0].partition(".")[0]

    @property
    def path(self) -> str:
        return os.path.join(self.root, self.name)


def copies_elsewhere(identity: EngineIdentity, folder: Path, engine: Engine | None = None) -> list[str]:
    """What an engine ran from elsewhere although the project of a case in ``folder`` has it too, and has another, each
    as a sentence that says what to do. ``engine`` is how it was chosen, where that is known."""
    if identity.made_of is None or identity.made_of.bundled or identity.is_stored:
        return []
    named = engine.declaration.repository if engine and engine.declaration else None
    projects = list(dict.fromkeys([*_projects_of(folder), *_tops([str(named)] if named else []),
                                   *_tops(_installed_from(identity))]))
    return [*_modules_elsewhere(identity, projects), *_programs_elsewhere(identity, projects, engine)]


def _projects_of(folder: Path) -> list[str]:
    """The folders of the project, by what stands at the top of one; where nothing does, also where the user stands."""
    file = find_project_file(folder)
    here = os.path.realpath(folder)
    top = top_of(here)
    found = [place for place in (top, str(file.parent) if file else None) if place]
    if not found:
        stood = os.path.realpath(os.getcwd())
        found = [here, top_of(stood) or stood]
    return _no_home(dict.fromkeys(map(os.path.realpath, found)))


def _tops(folders: Iterable[str]) -> list[str]:
    """The projects in which folders lie."""
    found = (os.path.realpath(top_of(os.path.realpath(folder)) or folder) for folder in folders)
    return _no_home(place for place in found if os.path.isdir(place))


def _no_home(places: Iterable[str]) -> list[str]:
    """Real paths without the top of the system and the user's home, which are no project."""
    return [place for place in places if place not in (os.sep, os.path.realpath(os.path.expanduser("~")))]


def _installed_from(identity: EngineIdentity) -> Iterator[str]:
    """The folders from which the distributions that an engine used were installed, as an installer writes it down."""
    for listing in _listings_of(identity):
        try:
            text = Path(listing).with_name("direct_url.json").read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        origin = url_folder(text)
        if origin:
            yield origin


# --- modules and packages --------------------------------------------------------------------------------------------


def _modules_elsewhere(identity: EngineIdentity, projects: Sequence[str]) -> Iterator[str]:
    if not (any(_code_of(identity, ())) or _listings_of(identity)):
        return  # a compiled program: a project is large
    meant = _meant(identity)
    own = {os.path.basename(place) for place in (identity.made_of.folders if identity.made_of else ())}
    for project in projects:
        known = _names_in(project)
        ran = [path for path in _code_of(identity, known) if not _lies_in(path, projects) and path not in meant]
        found: dict[tuple[str, str, str], list[_Module]] = {}
        for module in dict.fromkeys(_module_of(path) for path in ran if not _was_named(path, identity)):
            for root in known.get(module.top, ()):
                if module.top in own or _OF_OTHERS.isdisjoint(os.path.relpath(root, project).split(os.sep)):
                    found.setdefault((module.top, module.root, root), []).append(module)
        for (top, place, root), files in sorted(found.items()):
            others = _not_the_same(files, root)
            if others:
                own_project = project == projects[0]
                yield _said(identity.role, top, place, os.path.relpath(root, project) if own_project else root, others)


def _said(role: str, top: str, place: str, root: str, others: Sequence[str]) -> str:
    where = top if root == "." else f"{root}/{top}"
    return (f"the {role} ran {top} of {place}, and {where} of the project is another "
            f"({some_of(others, _MOST_NAMED)}); to run that, declare environment: {{set: {{PYTHONPATH: {root}}}}} in "
            f"{PROJECT_FILE}, or install it with pip install -e; where the other is meant, name its files as sources "
            f"of the {role}")


def _not_the_same(files: Sequence[_Module], root: str) -> list[str]:
    """How files that were run are not what lies under their names in ``root``; nothing where that is no copy at all: a
    package that has no ``__init__`` there, or no file in common."""
    beside = {module.name: os.path.join(root, module.name) for module in files}
    there = {name for name, path in beside.items() if os.path.isfile(path)}
    inits = {name for name in beside if name.count(os.sep) == 1 and os.path.basename(name) == "__init__.py"}
    if not there or inits - there:
        return []
    said = []
    for module in files:
        if os.path.basename(module.name) in _VERSIONS:
            continue
        if module.name not in there:
            said += [f"{module.name} is not there"] if module.name.endswith(".py") else []
        elif _differ(module.path, beside[module.name]):
            said.append(f"{module.name} differs")
    return said


def _code_of(identity: EngineIdentity, names: Collection[str]) -> list[str]:
    """The files of code that an engine is made of and that it opened, and those of the installed distributions that it
    used, by real path; of these the modules of some ``names``."""
    made_of, opened = identity.made_of, identity.opened
    entries = [*(made_of.files if made_of else ()), *(opened.files if opened else ())]
    found = {os.path.realpath(entry.path): None for entry in entries if entry.path.endswith(_CODE)}
    for listing in _listings_of(identity):
        site = os.path.dirname(os.path.dirname(listing))
        inside = (os.path.join(site, name) for name in names_listed(listing)
                  if name.endswith(_CODE) and name.partition("/")[0].partition(".")[0] in names)
        found |= {os.path.realpath(path): None for path in inside if os.path.isfile(path)}
    return list(found)


def _listings_of(identity: EngineIdentity) -> list[str]:
    """The lists of files of the installed distributions that an engine is made of or opened."""
    entries = [*(identity.made_of.files if identity.made_of else ()),
               *(identity.opened.files if identity.opened else ())]
    return list(dict.fromkeys(entry.path for entry in entries if os.path.basename(entry.path) == "RECORD"))


def _module_of(path: str) -> _Module:
    """Where a file of code was found: in a folder of packages below that, else below the folder that is no package."""
    parts = path.split(os.sep)
    at = max((index for index, part in enumerate(parts) if part in _PACKAGES), default=None)
    if at is not None:
        return _Module(os.sep.join(parts[:at + 1]), os.sep.join(parts[at + 1:]))
    root = os.path.dirname(path)
    while os.path.isfile(os.path.join(root, "__init__.py")) and root != os.sep:
        root = os.path.dirname(root)
    return _Module(root, os.path.relpath(path, root))


def _names_in(project: str) -> dict[str, list[str]]:
    """By the name of a module or package of the project the folders in which Python would find it, not deep below the
    top and not inside another package."""
    found: dict[str, list[str]] = {}
    for place, folders, names in _folders_of(project):
        if "__init__.py" not in names:
            for name in dict.fromkeys((*folders, *(name.partition(".")[0] for name in names if name.endswith(_CODE)))):
                found.setdefault(name, []).append(place)
    return found


def _folders_of(project: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """The folders of a project in which code may lie, with the names of folders and files in each: not deep below the
    top, and a large project is not searched to its end."""
    walk = itertools.islice(os.walk(project), _MOST_FOLDERS)
    for place, folders, names in walk:
        folders[:] = sorted(name for name in folders if name not in _NOT_SEARCHED and not name.startswith(".")
                            and not name.endswith(".egg-info")
                            and not os.path.exists(os.path.join(place, name, "pyvenv.cfg")))
        yield place, list(folders), names
        if place != project and os.path.relpath(place, project).count(os.sep) >= _DEEP - 1:
            folders.clear()


# --- programs --------------------------------------------------------------------------------------------------------


def _programs_elsewhere(identity: EngineIdentity, projects: Sequence[str], engine: Engine | None) -> Iterator[str]:
    """Programs that were found on PATH: the engine's own, and those that it started."""
    started = identity.started_as[0]
    first = [started] if _was_searched(started, engine) else []
    opened = identity.opened.files if identity.opened else ()
    inside = [entry.path for entry in opened if entry.path != started and _on_path(entry.path)
              and os.access(entry.path, os.X_OK)]
    meant = _meant(identity)
    programs = [path for path in dict.fromkeys((*first, *inside)) if not _lies_in(path, projects)
                and os.path.realpath(path) not in meant and not _is_stub(path)]
    for project in projects if programs else ():
        own = _executables_in(project)
        for path in programs:
            others = [other for other in own.get(os.path.basename(path), ()) if _differ(path, other)]
            if others:
                name = os.path.relpath(others[0], project)
                yield (f"the {identity.role} ran {path}, which PATH finds, and {name} of the project is another; to "
                       f"run that, name it by its path (command: {name} in {PROJECT_FILE}) or install it again; where "
                       f"the other is meant, name it as a source of the {identity.role}, or by its path")


def _was_searched(started: str, engine: Engine | None) -> bool:
    """Whether the program of an engine was looked for on PATH, and not named by its path."""
    return engine.searched if engine and engine.start[0] == started else _on_path(started)


def _on_path(path: str) -> bool:
    return shutil.which(os.path.basename(path)) == path


def _is_stub(path: str) -> bool:
    """Whether a program is a script that an installer wrote, or the Python of an environment: what such a one imports
    is looked at instead."""
    folder = os.path.dirname(path)
    return os.path.isfile(os.path.join(os.path.dirname(folder), "pyvenv.cfg")) or \
        os.path.basename(os.path.realpath(path)).startswith(("python", "pypy"))


def _executables_in(project: str) -> dict[str, list[str]]:
    """By name the programs of a project: compiled ones, and texts that say what runs them."""
    found: dict[str, list[str]] = {}
    for place, _, names in _folders_of(project):
        if _OF_OTHERS.isdisjoint(os.path.relpath(place, project).split(os.sep)):
            for path in (os.path.join(place, name) for name in names):
                if os.path.isfile(path) and os.access(path, os.X_OK) and _is_program(path):
                    found.setdefault(os.path.basename(path), []).append(path)
    return found


def _is_program(path: str) -> bool:
    try:
        with open(path, "rb") as stream:
            return stream.read(2) == b"#!" or is_elf(Path(path))
    except OSError:
        return False


# --- what counts -----------------------------------------------------------------------------------------------------


def _meant(identity: EngineIdentity) -> frozenset[str]:
    """The files, as real paths, that the declared sources name."""
    try:
        return frozenset(os.path.realpath(path) for path in declared_files(identity.made_of)) \
            if identity.made_of else frozenset()
    except FileError:
        return frozenset()


def _was_named(path: str, identity: EngineIdentity) -> bool:
    """Whether the user named the place of a file: with the script that lies beside it; and of a reference by its
    interpreter or its declared PYTHONPATH."""
    places = [os.path.dirname(word) for word in identity.started_as[1:] if os.path.isabs(word) and os.path.isfile(word)]
    if _module_of(path).root.endswith(_PACKAGES):
        places = []
    if identity.role == REFERENCE:
        started = identity.started_as[0]
        places += filter(os.path.isabs, identity.variables.get("PYTHONPATH", "").split(os.pathsep))
        places += [] if _on_path(started) else [os.path.dirname(os.path.dirname(started))]
    return any(is_below(path, os.path.realpath(place)) for place in places)


def _lies_in(path: str, projects: Sequence[str]) -> bool:
    """Whether a file is the project's own: below it, and not in an environment that lies there."""
    real = os.path.realpath(path)
    return any(is_below(real, project) and _NOT_SEARCHED.isdisjoint(os.path.relpath(real, project).split(os.sep)[:-1])
               and not _in_environment(real, project) for project in projects)


def _in_environment(path: str, project: str) -> bool:
    place = os.path.dirname(path)
    while place != project and place != os.sep:
        if os.path.isfile(os.path.join(place, "pyvenv.cfg")):
            return True
        place = os.path.dirname(place)
    return False


def _differ(one: str, other: str) -> bool:
    try:
        return os.path.getsize(one) != os.path.getsize(other) or sum_of(one) != sum_of(other)
    except (OSError, FileError):
        return False
