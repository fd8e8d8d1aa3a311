"""What an engine is made of, file by file: what is hashed when a run begins, and looked at again when it ends.

Of a Python program the interpreter that runs it is asked (ask_python.py). Of a compiled one the linked libraries are
taken. What a wrapper starts cannot be found out; there the declared ``sources`` say what counts, and where none are
declared this is said (``unknown``), so that nobody takes the wrapper's own bytes for the program's.
"""

from __future__ import annotations

import json
import os
import shlex
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbcompare.engine.asking import answer
from nbcompare.engine.engine import Engine
from nbcompare.engine.entry import COMPILED, MODULE, SCRIPT, Entry, entry_of
from nbcompare.engine.installation import CHECKOUT, SIMULATOR
from nbcompare.engine.libraries import linked_libraries, loader_of
from nbcompare.errors import FileError
from nbcompare.files import hash_of_named, sha256_of

ASK_SECONDS = 60.0
MOST_FILES = 20_000
_QUESTION = Path(__file__).with_name("ask_python.py")
_SKIPPED = ("__pycache__", "node_modules")


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
    ``unknown`` says why more may belong to it than is listed; empty when the list is complete, or declared.
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

    @property
    def sha256(self) -> str:
        """One sum over names and bytes of all files, wherever they lie."""
        return hash_of_named(sorted((entry.name, entry.sha256) for entry in self.files))

    def as_dict(self) -> dict[str, Any]:
        return {**vars(self), "files": [vars(entry) for entry in self.files], "sha256": self.sha256,
                **{key: list(getattr(self, key)) for key in ("folders", "globs", "installed", "unknown")}}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> MadeOf:
        lists = {key: tuple(stored[key]) for key in ("folders", "globs", "installed", "unknown")}
        files = tuple(SourceFile(**entry) for entry in stored["files"])
        return cls(**{**{key: value for key, value in stored.items() if key != "sha256"}, "files": files, **lists})


def look_at(engine: Engine) -> MadeOf:
    """What an engine is made of now.

    Raises FileError for a file that cannot be read, and for a compiled file that is not of its source.
    """
    entry = entry_of(engine.start)
    if entry.kind in (MODULE, SCRIPT):
        found = _of_python(engine, entry)
    elif entry.kind == COMPILED:
        found = _of_compiled(engine)
    else:
        found = MadeOf(entry.kind, unknown=(f"{engine.program.name} starts another program",))
    return _with_declared(found, engine)


# --- Python ----------------------------------------------------------------------------------------------------


def _of_python(engine: Engine, entry: Entry) -> MadeOf:
    said = ask(engine, entry)
    if said is None:
        return MadeOf(entry.kind, unknown=("its Python did not say where it comes from",))
    for path in said["stale"]:
        raise FileError(f"{path}: not compiled from the source beside it as that is now, and Python would run it",
                        hint=f"remove it: rm {shlex.quote(path)}")
    if said["bundled"]:
        folder = SIMULATOR
        files = [SourceFile(f"{folder.name}/{path.relative_to(folder).as_posix()}", str(path), sha256_of(path))
                 for path in listed(folder)]
        return MadeOf(entry.kind, str(folder), said["python"], tuple(files), (str(folder),), bundled=True)
    files = [SourceFile(name, path, sha256_of(path)) for name, path in sorted(said["files"].items())]
    unknown = list(said["starts"])
    if entry.kind == MODULE and not said["files"]:
        unknown.append(f"its Python does not find {entry.module}")
    if said["too_many"]:
        unknown.append(f"it has more than {MOST_FILES} files")
    origin = entry.script or next(iter(said["folders"]), None) or next(iter(said["files"].values()), None)
    return MadeOf(entry.kind, origin, said["python"], tuple(files), tuple(said["folders"]),
                  installed=tuple(sorted(set(said["installed"].values()))), editable=said["editable"],
                  unknown=tuple(unknown))


def ask(engine: Engine, entry: Entry) -> dict[str, Any] | None:
    """What the interpreter of a Python program says of it; None when it says nothing usable."""
    question = json.dumps({"module": entry.module.partition(".")[0], "script": entry.script,
                           "stop_at": [str(SIMULATOR)] if SIMULATOR.is_relative_to(CHECKOUT) else []})
    with tempfile.TemporaryDirectory(prefix="nb-compare-") as scratch:
        cwd = engine.declaration.cwd if engine.declaration and engine.declaration.cwd else scratch
        said_text = answer([*entry.interpreter, "-c", _QUESTION.read_text(encoding="utf-8"), question], Path(cwd),
                           seconds=ASK_SECONDS, environment=engine.variables({}))
    try:
        said = json.loads((said_text or b"").splitlines()[-1])
    except (ValueError, IndexError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


# --- compiled programs ---------------------------------------------------------------------------------------------


def _of_compiled(engine: Engine) -> MadeOf:
    """The libraries that a compiled program is linked with, in the engine's environment, and the loader it names."""
    found = linked_libraries(engine.program, engine.variables({}))
    loader = loader_of(engine.program)
    if found is None:
        return MadeOf(COMPILED, unknown=("ldd does not say with what it is linked",))
    files = [SourceFile(entry.name, entry.path, sha256_of(entry.path)) for entry in found if entry.path]
    if loader is None or os.path.realpath(loader) in {os.path.realpath(entry.path) for entry in files}:
        return MadeOf(COMPILED, files=tuple(files))
    return MadeOf(COMPILED, files=tuple(files), unknown=(f"it is loaded by {loader}, which may take other libraries",))


# --- declared sources ------------------------------------------------------------------------------------------------


def _with_declared(found: MadeOf, engine: Engine) -> MadeOf:
    """With the files of the declared sources, which then are all that counts beside what was found."""
    declaration = engine.declaration
    if declaration is None or not declaration.sources:
        return found
    known = {os.path.realpath(entry.path) for entry in found.files}
    more = [SourceFile(os.path.relpath(path, declaration.folder), str(path), sha256_of(path))
            for path in _globbed(declaration.folder, declaration.sources) if os.path.realpath(path) not in known]
    unknown = () if known or more else ("its declared sources name no file",)
    return MadeOf(found.kind, found.origin, found.interpreter, (*found.files, *more), found.folders,
                  declaration.sources, str(declaration.folder), found.installed, found.editable, found.bundled, unknown)


def _globbed(base: Path, globs: tuple[str, ...]) -> list[Path]:
    """The files that the globs name, without those of caches; each once, by path."""
    found = {path for glob in globs for path in _glob(base, glob) if path.is_file()}
    kept = sorted(path for path in found if not set(path.parts) & set(_SKIPPED))
    if len(kept) > MOST_FILES:
        raise FileError(f"{base}: the declared sources are more than {MOST_FILES} files",
                        hint="name them more narrowly")
    return kept


def _glob(base: Path, glob: str) -> Iterator[Path]:
    """Of one glob; a folder stands for everything in it."""
    for path in base.glob(glob):
        if path.is_dir():
            yield from listed(path)
        else:
            yield path


def listed(folder: Path) -> list[Path]:
    """Every file of a source folder, without caches and hidden folders, by path."""
    found = []
    for place, inner, names in os.walk(folder):
        inner[:] = [name for name in inner if name not in _SKIPPED and not name.startswith(".")]
        found += [Path(place, name) for name in names]
    return sorted(path for path in found if path.is_file())


# --- afterwards ------------------------------------------------------------------------------------------------------


def changes(before: MadeOf) -> list[str]:
    """The names of files that are not what they were: changed, gone, or new in a folder or glob that counts."""
    found = []
    for entry in before.files:
        try:
            if sha256_of(entry.path) != entry.sha256:
                found.append(f"{entry.name} changed")
        except FileError:
            found.append(f"{entry.name} is gone")
    known = {os.path.realpath(entry.path) for entry in before.files}
    now = [path for folder in before.folders if os.path.isdir(folder) for path in listed(Path(folder))]
    if before.base and before.globs:
        now += _globbed(Path(before.base), before.globs)
    return found + [f"{path.name} is new" for path in dict.fromkeys(now) if os.path.realpath(path) not in known]
