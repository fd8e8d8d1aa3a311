"""What an engine is made of, file by file: what is hashed when a run begins, and looked at again when it ends.

Of a Python program the interpreter that runs it is asked (interpreter.py). Of a compiled one the linked libraries are
taken. What a wrapper starts cannot be found out; there the declared ``sources`` say what counts, and where none are
declared this is said (``unknown``), so that nobody takes the wrapper's own bytes for the program's.
"""

from __future__ import annotations

import functools
import itertools
import os
import re
import shlex
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nbcompare.case.declared.declarations import EngineDeclaration
from nbcompare.engine.engine import Engine
from nbcompare.engine.installation import SIMULATOR
from nbcompare.engine.sandbox import confining
from nbcompare.engine.sources.entry import COMPILED, MODULE, SCRIPT, WRAPPER, Entry, entry_of
from nbcompare.engine.sources.interpreter import ask
from nbcompare.engine.sources.kept_state import is_kept
from nbcompare.engine.sources.libraries import linked_libraries, loader_of
from nbcompare.engine.sources.python_here import SKIPPED, files_below, lies_beside
from nbcompare.engine.sources.real_paths import RealPaths
from nbcompare.errors import FileError
from nbcompare.files import hash_of_named, on_disk, sum_of
from nbcompare.visible import visible

MOST_FILES = 20_000
STARTS_ANOTHER = "starts another program"
"""Why not all is known of a wrapper; where the run is watched, what it starts is seen."""
MOST_BESIDE = 500
_MOST_PROGRAM = 64 << 20
_STARTING = re.compile(rb"\0(execl|execle|execlp|execv|execve|execvp|execvpe|fexecve|posix_spawn|posix_spawnp|popen|"
                       rb"system|dlopen|dlmopen)(?=\0)")
_PATHS = re.compile(rb"(?<=\0)[A-Za-z0-9._/-]{1,255}(?=\0)")
_OF_THE_SYSTEM = ("/lib", "/usr/", "/etc/", "/proc/", "/sys/", "/dev/", "/bin/", "/sbin/")
"""What a compiled program holds as a word of its own: names of functions, and of files."""
_NO_DATA = re.compile(r"PATH|PYTHON.*|LD_(?!PRELOAD$).*|HOME|TMPDIR|XDG_.*|VIRTUAL_ENV|CONDA.*|LANG|LC_.*|TZ|PWD"
                      r"|.*_(NUM_)?THREADS")


@dataclass(frozen=True)
class SourceFile:
    """A file of an engine: ``name`` is the same wherever it lies, ``path`` is where it lies."""

    name: str
    path: str
    sha256: str


@dataclass(frozen=True)
class MadeOf:
    """What an engine is made of, beside its program.

    ``kind`` is the word of entry.py; ``origin`` the folder or file that a Python program comes from. ``folders`` were
    hashed whole, ``globs`` are the declared sources relative to ``base``. ``installed`` are the versions of installed
    distributions that it imports; ``editable`` says by what file an editable install put it on Python's path.
    ``unknown`` says why more may belong to it than is listed; empty when the list is complete, or declared. ``keeps``
    are globs of what it keeps from run to run, as declared, which is no part of it.
    """

    kind: str
    origin: str | None = None
    interpreter: str | None = None
    files: tuple[SourceFile, ...] = ()
    folders: tuple[str, ...] = ()
    globs: tuple[str, ...] = ()
    base: str | None = None
    installed: tuple[str, ...] = ()
    editable: str | None = None
    bundled: bool = False
    unknown: tuple[str, ...] = ()
    keeps: tuple[str, ...] = ()

    @functools.cached_property
    def sha256(self) -> str:
        """One sum over names and bytes of all files, wherever they lie."""
        return hash_of_named(sorted((visible(entry.name), entry.sha256) for entry in self.files))

    def as_dict(self) -> dict[str, Any]:
        lists = [key for key in _LISTS if key != "keeps" or self.keeps]
        named = {key: value for key, value in vars(self).items() if key not in (*_LISTS, "sha256")}
        return {**named, "sha256": self.sha256,
                "files": [vars(entry) for entry in self.files], **{key: list(getattr(self, key)) for key in lists}}

    def without(self, paths: Collection[str]) -> MadeOf:
        """The same without some files, given as real paths."""
        real = RealPaths()
        files = tuple(entry for entry in self.files if real.of(entry.path) not in paths) if paths else ()
        return replace(self, files=files) if paths and files != self.files else self

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> MadeOf:
        lists = {key: tuple(stored.get(key, ())) for key in _LISTS}
        files = tuple(SourceFile(**entry) for entry in stored["files"])
        return cls(**{**{key: value for key, value in stored.items() if key != "sha256"}, "files": files, **lists})


_LISTS = ("folders", "globs", "installed", "unknown", "keeps")


@dataclass(frozen=True)
class Reason:
    """Why more may belong to an engine than was found: what stands in ``file``, or what lies in ``place``."""

    text: str
    file: str | None = None
    place: str | None = None


Found = tuple[MadeOf, list[Reason]]
"""What an engine is made of as far as it can be found out, and why that may not be all."""


def look_at(engine: Engine, environment: Mapping[str, str] = {}) -> MadeOf:
    """What an engine is made of now; ``environment`` is what a case sets for it beside its declaration.

    Raises FileError for a file that cannot be read, and for a compiled file that is not of its source.
    """
    variables = engine.variables(environment)
    entry = entry_of(engine.start, variables.get("PATH"))
    if entry.kind in (MODULE, SCRIPT):
        found, reasons = _of_python(engine, entry, variables)
    elif entry.kind == COMPILED:
        found, reasons = _of_compiled(engine, variables)
    else:
        found, reasons = MadeOf(entry.kind), [Reason(f"{_what_starts(engine)} {STARTS_ANOTHER}",
                                                     str(engine.program))]
    more, also = _named_by_variables({**engine.declared_variables, **environment}, found)
    found = _with_declared(replace(found, files=(*found.files, *more)), [*reasons, *also], engine)
    keeps = engine.declaration.keeps if engine.declaration else ()
    return replace(found.without({os.path.realpath(entry.path) for entry in found.files
                                  if is_kept(entry.path, keeps)}), keeps=keeps)


def _what_starts(engine: Engine) -> str:
    """The wrapper as a person calls it, with the script or module that it is given."""
    more = [Path(word).name for word in engine.start[1:] if os.path.isfile(word)][:1] or list(engine.start[1:3])
    return " ".join((engine.program.name, *more)) if more else engine.program.name


# --- Python ----------------------------------------------------------------------------------------------------


def _of_python(engine: Engine, entry: Entry, variables: Mapping[str, str]) -> Found:
    said = ask(engine, entry, variables)
    if said is None:
        return MadeOf(entry.kind), [Reason("its Python did not say where it comes from", str(engine.program))]
    for path in said["stale"]:
        raise FileError(f"{path}: not compiled from the source beside it as that is now, and Python would run it",
                        hint=f"remove it: rm {shlex.quote(path)}")
    if said["bundled"]:
        folder, inside = SIMULATOR, len(str(SIMULATOR.parent)) + 1
        files = [SourceFile(path[inside:].replace(os.sep, "/"), path, sum_of(path))
                 for path in map(str, listed(folder))]
        return MadeOf(entry.kind, str(folder), said["python"], tuple(files), (str(folder),), bundled=True), []
    files = [SourceFile(name, path, sum_of(path)) for name, path in sorted(said["files"].items())]
    reasons = [Reason(text, file, place) for file, place, text in said["reasons"]]
    if entry.kind == MODULE and not said["files"]:
        reasons.append(Reason(f"its Python does not find {entry.module}", str(engine.program)))
    if said["too_many"]:
        reasons.append(Reason(f"it has more than {MOST_FILES} files"))
    origin = entry.script or next(iter(said["folders"]), None) or next(iter(said["files"].values()), None)
    return MadeOf(entry.kind, origin, said["python"], tuple(files), tuple(said["folders"]),
                  installed=tuple(sorted(set(said["installed"].values()))), editable=said["editable"]), reasons


# --- compiled programs ---------------------------------------------------------------------------------------------


def _of_compiled(engine: Engine, variables: Mapping[str, str]) -> Found:
    """The libraries that a compiled program is linked with, in the engine's environment, and the loader it names."""
    found = linked_libraries(engine.program, variables, confining(engine, Path(os.devnull), variables))
    loader = loader_of(engine.program)
    hidden = _started_by(engine.program)
    if found is None:
        return MadeOf(COMPILED), [Reason("ldd does not say with what it is linked", str(engine.program))]
    files = [SourceFile(entry.name, entry.path, sum_of(entry.path)) for entry in found if entry.path]
    files += _named_in_program(engine)
    reasons = [Reason(f"{engine.program.name} calls {', '.join(hidden)}", str(engine.program))] if hidden else []
    if loader is not None and os.path.realpath(loader) not in {os.path.realpath(entry.path) for entry in files}:
        reasons.append(Reason(f"it is loaded by {loader}, which may take other libraries", str(engine.program)))
    return MadeOf(COMPILED, files=tuple(files)), reasons


def _started_by(program: Path) -> list[str]:
    """The functions of the system that start a program or load a library and that a compiled program names."""
    text = program.read_bytes() if program.stat().st_size <= _MOST_PROGRAM else b""
    return sorted({found.decode() for found in _STARTING.findall(text)})


def _named_in_program(engine: Engine) -> list[SourceFile]:
    """The files that the text of a compiled program names; relative ones as seen from the folder that it is declared
    to start in."""
    if engine.program.stat().st_size > _MOST_PROGRAM:
        return []
    folder = engine.declaration.cwd if engine.declaration else None
    names = {found.decode() for found in _PATHS.findall(engine.program.read_bytes())}
    named = {name: Path(folder or "/", name) for name in names
             if (folder or name.startswith("/")) and not name.startswith(_OF_THE_SYSTEM)}
    return [SourceFile(name, str(path), sum_of(str(path))) for name, path in sorted(named.items())
            if path.is_file() and path != engine.program]


# --- files that its variables name ------------------------------------------------------------------------------------


def _named_by_variables(variables: Mapping[str, str], found: MadeOf) -> tuple[list[SourceFile], list[Reason]]:
    """The files that variables of a declaration or case name, as a table's folder is often given, or a library that is
    loaded before all; of a great many it is told."""
    known = {os.path.realpath(entry.path) for entry in found.files}
    files: dict[str, SourceFile] = {}
    reasons = []
    named = [(name, word) for name, value in variables.items()
             for word in (re.split(r"[:\s]+", value) if name == "LD_PRELOAD" else (value,))]
    for name, value in named:
        if _NO_DATA.fullmatch(name) or not os.path.isabs(value):
            continue
        path = Path(value)
        inside = [path] if path.is_file() else listed(path, MOST_BESIDE + 1) if path.is_dir() else []
        if len(inside) > MOST_BESIDE:
            reasons.append(Reason(f"{name} names the folder {value}, which holds more than {MOST_BESIDE} files",
                                  place=value))
        for entry in inside[:MOST_BESIDE]:
            if os.path.realpath(entry) not in known:
                label = f"${name}/{entry.relative_to(path).as_posix()}" if entry != path else f"${name}"
                files[str(entry)] = SourceFile(label, str(entry), sum_of(str(entry)))
    return list(files.values()), reasons


# --- declared sources ------------------------------------------------------------------------------------------------


def _with_declared(found: MadeOf, reasons: list[Reason], engine: Engine) -> MadeOf:
    """With the files of the declared sources. They answer for what they name, and for nothing else: for a file, and
    what it starts or loads, where they name it; for a folder where they name files in it; for a wrapper where they name
    more than itself."""
    declaration = engine.declaration
    if declaration is None or not declaration.sources:
        return replace(found, unknown=tuple(dict.fromkeys(reason.text for reason in reasons)))
    known = {os.path.realpath(entry.path) for entry in found.files}
    named = {os.path.realpath(path): path for path in _globbed(declaration.folder, declaration.sources)}
    more = [SourceFile(os.path.relpath(path, declaration.folder), str(path), sum_of(str(path)))
            for real, path in named.items() if real not in known]
    left = [reason.text for reason in reasons if not _answers(set(named), known, reason, engine)]
    left += list(_searched_without_sources(declaration, set(named) | known)) if found.kind == WRAPPER else []
    if not named:
        left.append(f"its declared sources {', '.join(declaration.sources)} name no file")
    return replace(found, files=(*found.files, *more), globs=declaration.sources, base=str(declaration.folder),
                   unknown=tuple(dict.fromkeys(left)))


def _searched_without_sources(declaration: EngineDeclaration, named: set[str]) -> Iterator[str]:
    """The project's folders on the declared PYTHONPATH of a wrapper in which no source lies: what the wrapper starts
    imports from there."""
    base = os.path.realpath(declaration.folder)
    for entry in filter(None, dict(declaration.set_variables).get("PYTHONPATH", "").split(os.pathsep)):
        folder = os.path.realpath(entry)
        if folder.startswith(base + os.sep) and os.path.isdir(folder) \
                and not any(path.startswith(folder + os.sep) for path in named):
            yield f"PYTHONPATH names {os.path.relpath(folder, base)}, and none of its sources lies there"


def _answers(named: set[str], known: set[str], reason: Reason, engine: Engine) -> bool:
    """Whether declared sources answer for a reason; ``known`` files were found without them. All are real paths."""
    if reason.place is not None:
        return any(path.startswith(os.path.realpath(reason.place) + os.sep) for path in named - known)
    if reason.file is None:
        return False
    file = os.path.realpath(reason.file)
    return bool(named - {file}) if file == os.path.realpath(engine.program) else file in named


def _globbed(base: Path, globs: tuple[str, ...]) -> list[Path]:
    """The files that the globs name, without those of caches; each once, by path. What editors leave beside them counts
    where it is named by more than a ``*``."""
    found = {path for glob in globs for path in _glob(base, glob) if path.is_file()
             and (not lies_beside(path.name) or not glob.endswith("*"))}
    kept = sorted(path for path in found if not set(path.parts) & set(SKIPPED))
    if len(kept) > MOST_FILES:
        raise FileError(f"{base}: the declared sources are more than {MOST_FILES} files",
                        hint="name them more narrowly")
    return kept


def declared_files(found: MadeOf) -> list[Path]:
    """The files that the declared sources of an engine name now. Raises FileError for too many."""
    return _globbed(Path(found.base), found.globs) if found.base and found.globs else []


def _glob(base: Path, glob: str) -> Iterator[Path]:
    """Of one glob; a folder stands for everything in it."""
    for path in base.glob(glob):
        if path.is_dir():
            yield from listed(path)
        else:
            yield path


def listed(folder: Path, most: int | None = None) -> list[Path]:
    """Every file of a source folder, through links too and without caches, by path; ``most`` of them."""
    return [Path(path) for path in sorted(itertools.islice(files_below(str(folder)), most))]


# --- afterwards ------------------------------------------------------------------------------------------------------


def changes(before: MadeOf, but: Collection[str] = ()) -> list[str]:
    """The names of files that are not what they were: changed, gone, or new in a folder or glob that counts. Not of
    those, given as real paths, that the engine wrote itself."""
    found = []
    for entry in before.without(but).files:
        try:
            if sum_of(on_disk(entry.path)) != entry.sha256:
                found.append(f"{entry.name} changed")
        except FileError:
            found.append(f"{entry.name} is gone")
    real = RealPaths()
    known = {real.of(on_disk(entry.path)) for entry in before.files}
    now = [path for folder in before.folders if os.path.isdir(folder) for path in listed(Path(folder))]
    if before.base and before.globs:
        now += _globbed(Path(before.base), before.globs)
    return found + [f"{visible(path.name)} is new" for path in dict.fromkeys(now)
                    if real.of(str(path)) not in known and real.of(str(path)) not in but
                    and not is_kept(str(path), before.keeps)]
