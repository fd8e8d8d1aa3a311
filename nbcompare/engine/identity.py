"""Where a result comes from: the machine, the code, the engines. Facts only, each with its source.

Nothing of the environment is kept but the allow-listed variables (process.RECORDED), and whatever
cannot be found out is said to be unknown, never guessed.
"""

from __future__ import annotations

import functools
import os
import platform
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from nbcompare import __version__
from nbcompare.case.declared.adapter import Adapter
from nbcompare.engine.adapter import adapt
from nbcompare.engine.choose import start_words
from nbcompare.engine.engine import Engine
from nbcompare.engine.processes.asking import once
from nbcompare.engine.processes.process import recordable, recorded_environment, run_program
from nbcompare.engine.sandbox import confining, with_own_places
from nbcompare.engine.sources.built_before import built_before
from nbcompare.engine.sources.interpreter import ask_ahead
from nbcompare.engine.sources.libraries import is_elf, linked_libraries
from nbcompare.engine.sources.made_of import STARTS_ANOTHER, MadeOf, look_at
from nbcompare.engine.sources.opened import OpenedFiles, changed_since, is_as_it_was
from nbcompare.errors import UsageError
from nbcompare.files import SameAgain, hash_of_named, sha256_of, sum_of

VERSION_SECONDS = 60.0
VERSION_BYTES = 1 << 16
"""Kept of what a program prints for -version."""
UNKNOWN = "unknown"
_SKIPPED_FOLDERS = {"build", "__pycache__"}


@dataclass(frozen=True)
class GitState:
    """The commit of a checkout; ``dirty`` is None when git cannot tell."""

    sha: str
    dirty: bool | None

    def __str__(self) -> str:
        return self.sha + {True: " (with uncommitted changes)", False: "", None: " (no git)"}[self.dirty]


@dataclass(frozen=True)
class EngineIdentity:
    """What an engine is, whatever its path: bytes, version line, libraries, what it is made of, and, where it ran, what
    it ``opened`` beside that."""

    role: str
    name: str
    chosen_by: str
    started_as: tuple[str, ...]
    program_sha256: str
    program_bytes: int
    version: str
    libraries: tuple[str, ...]
    made_of: MadeOf | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    adapter: Adapter | None = None
    capabilities: Mapping[str, bool] = field(default_factory=dict)
    opened: OpenedFiles | None = None

    def having(self, opened: OpenedFiles | None) -> EngineIdentity:
        """The same after a run: with what it ``opened``, and not made of what it wrote itself."""
        made_of = self.made_of.without(opened.own) if self.made_of and opened else self.made_of
        return replace(self, made_of=made_of, opened=opened)

    def argv(self, arguments: Sequence[str]) -> tuple[str, ...]:
        """The words that it is run with for the arguments of a case; those themselves where its adapter has no word
        for one of them, as the run then says."""
        try:
            return (*self.started_as, *adapt(self.adapter, arguments).words)
        except UsageError:
            return (*self.started_as, *arguments)

    @property
    def version_told(self) -> str:
        """The line of its version, which says of what it is that it is unknown."""
        return "version unknown" if self.version == UNKNOWN else self.version

    @property
    def unknown(self) -> tuple[str, ...]:
        """Why more may belong to it than was hashed; empty where its list of files is complete or declared, and of a
        wrapper that its sources name, where all that it started and read was seen."""
        said = self.made_of.unknown if self.made_of else ()
        return () if self._was_seen_whole and all(reason.endswith(STARTS_ANOTHER) for reason in said) else said

    @property
    def _was_seen_whole(self) -> bool:
        """Whether it declares itself as its source, and a run showed all that it did."""
        opened, made_of = self.opened, self.made_of
        if not (opened and made_of and made_of.globs) or opened.unwatched or opened.unseen:
            return False
        return os.path.realpath(self.started_as[0]) in {os.path.realpath(entry.path) for entry in made_of.files}

    @property
    def is_stored(self) -> bool:
        """Whether it is an image that was there already."""
        return bool(self.adapter and self.adapter.stored)

    @property
    def own_words(self) -> tuple[str, ...]:
        """The words after its program that are no path, which may differ from place to place: modules and options."""
        return tuple(word for word in self.started_as[1:] if not os.path.isabs(word))

    def opened_since(self) -> list[str]:
        """How the files that it opened are not what they were, and which of what was compiled is older than its source
        by now; nothing where none were seen."""
        return [*changed_since(self.opened), *self.built_before()] if self.opened else []

    def built_before(self) -> list[str]:
        """What of it was built before its source was written, and was not yet so when it was run."""
        opened, made_of = self.opened, self.made_of
        if opened is None or opened.unwatched:
            return []
        parts = (*opened.files, *(made_of.files if made_of else ()))
        paths = dict.fromkeys((*self.started_as[:1], *(entry.path for entry in parts)))
        return [said for said in built_before(paths) if said not in opened.unseen]

    @property
    def is_as_it_was(self) -> bool:
        """Whether nothing that it opened is another now, or of a source that is, and nothing of what it did was
        overlooked."""
        return self.opened is None or (is_as_it_was(self.opened) and not self.built_before())

    @property
    def source_sha256(self) -> str:
        """One sum over all its files beside the program; empty in a record of before they were kept."""
        return self.made_of.sha256 if self.made_of else ""

    def as_dict(self) -> dict[str, Any]:
        """As plain values; what is not known is left out, as records of before it was kept know nothing of it."""
        return self._said

    @functools.cached_property
    def _said(self) -> dict[str, Any]:
        more = {"made_of": self.made_of.as_dict(), "variables": dict(self.variables)} if self.made_of else {}
        if self.adapter:
            more["adapter"] = self.adapter.as_dict()
        if self.capabilities:
            more["capabilities"] = dict(self.capabilities)
        if self.opened:
            more["opened"] = self.opened.as_dict()
        named = {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.name not in _PARTS}
        return SameAgain({**named, "started_as": list(self.started_as), "libraries": list(self.libraries), **more})

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> EngineIdentity:
        made_of = MadeOf.from_dict(stored["made_of"]) if stored.get("made_of") else None
        return cls(**{**stored, "started_as": tuple(stored["started_as"]), "libraries": tuple(stored["libraries"]),
                      "made_of": made_of,
                      "opened": OpenedFiles.from_dict(stored["opened"]) if "opened" in stored else None,
                      "adapter": Adapter.from_dict(stored["adapter"]) if "adapter" in stored else None})


_PARTS = ("made_of", "variables", "adapter", "capabilities", "opened")
"""Fields of an identity that are written only where there is something to say."""


def content_hash(folder: Path) -> str:
    """One sha256 over the names and bytes of all source files below a folder; "unknown" if it is missing. What stayed
    as it was is read once."""
    if not folder.is_dir():
        return UNKNOWN
    files = sorted(_sources_below(str(folder), ()))
    return hash_of_named(("/".join(parts), sum_of(path)) for parts, path in files)


def _sources_below(place: str, inside: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Of every source file below a folder the parts of its name, and its path."""
    with os.scandir(place) as entries:
        for entry in entries:
            if entry.is_dir():
                if entry.name not in _SKIPPED_FOLDERS and not entry.is_symlink():
                    yield from _sources_below(entry.path, (*inside, entry.name))
            elif _is_source(entry.name) and entry.is_file():
                yield (*inside, entry.name), entry.path


def _is_source(name: str) -> bool:
    return not (name in _SKIPPED_FOLDERS or name.startswith(".") or name.endswith((".pyc", ".o")))


def identify(engine: Engine, environment: Mapping[str, str] = {}) -> EngineIdentity:
    """Ask an engine who it is, in an empty folder, and take its fingerprint; ``environment`` is what a case sets."""
    program = engine.program
    return EngineIdentity(engine.role, engine.name, engine.chosen_by, engine.start, sha256_of(program),
                          program.stat().st_size, _version(engine, environment),
                          _library_names(engine, environment), look_at(engine, environment),
                          recordable(engine.declared_variables), engine.adapter, engine.capabilities)


def questions(engine: Engine, environment: Mapping[str, str] = {}) -> tuple[Callable[[], object], ...]:
    """What ``identify`` asks other programs about an engine, and its account in the end (built_before): each by itself,
    so that they can be asked side by side and ahead. The answers are its own while they are ``asked_once``, or while
    the files are what they are that git answers from. Those that take the longest come first."""
    asked = tuple(functools.partial(ask, engine, environment) for ask in (ask_ahead, _version, _library_names))
    return (*asked, functools.partial(_built_before, str(engine.program)))


def _built_before(program: str) -> list[str]:
    """What was built before its source, asked once at a time: what git says of it is kept."""
    return once(("built before", program), lambda: list(built_before([program])))


def version_command(engine: Engine) -> tuple[str, ...]:
    """The words that make an engine say its version: as declared, else with -version."""
    declared = engine.declaration
    if declared and declared.version:
        search = dict(declared.set_variables).get("PATH")
        return start_words(declared.version, declared.folder, f"{declared.file}: version of {declared.name}", search)
    return (*engine.start, "-version")


def _version(engine: Engine, environment: Mapping[str, str]) -> str:
    """What it says of its version; asked once of the same program that is started the same way."""
    held = engine.start, engine.confined, engine.reads, engine.declaration, sum_of(str(engine.program))
    return once(("version", *held, tuple(sorted(engine.variables(environment).items()))),
                lambda: _version_line(engine, environment))


def _version_line(engine: Engine, environment: Mapping[str, str]) -> str:
    """The first line printed for -version (a program that has no such option prints its banner)."""
    cwd = engine.declaration.cwd if engine.declaration else None
    with tempfile.TemporaryDirectory() as scratch:
        out, err = Path(scratch, "out"), Path(scratch, "err")
        own, variables = Path(scratch, "own"), engine.variables(environment)
        own.mkdir()
        run_program((*confining(engine, own, variables), *version_command(engine)), folder=cwd or own, stdout=out,
                    stderr=err, seconds=VERSION_SECONDS, most=VERSION_BYTES,
                    extra_environment=with_own_places(engine, own, variables))
        said = out.read_text(errors="replace").strip()
    return said.splitlines()[0][:300] if said else UNKNOWN


def _library_names(engine: Engine, environment: Mapping[str, str]) -> tuple[str, ...]:
    """Shared libraries that the dynamic linker would load, by name; empty for a script."""
    if not is_elf(engine.program):
        return ()
    variables = engine.variables(environment)
    found = linked_libraries(engine.program, variables, confining(engine, Path(os.devnull), variables))
    return (UNKNOWN,) if found is None else tuple(sorted({entry.name for entry in found}))


def environment_facts(extra: Mapping[str, str], subject_version: str) -> dict[str, str]:
    """What env.txt holds: the machine, Python, the libraries, and the allow-listed variables."""
    facts = {
        "nb-compare": __version__,
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "cpu": _cpu_name(),
        "cpu_count": str(os.cpu_count()),
        "cpus_usable": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "numpy": _installed("numpy"),
        "scipy": _installed("scipy"),
        "torch": _installed("torch"),
        "torch_threads": _found(r"threads=(\S+)", subject_version),
        "torch_device": _found(r"device=(\S+)", subject_version),
        "torch_dtype": _found(r"dtype=(\S+)", subject_version),
    }
    return facts | variable_facts(extra)


_COMPUTING = re.compile(r"\$(CUDA|OMP_|MKL_|KMP_|NB_(?!C_BIN|PY_BIN|COMPARE_)).*")
_PLACES = re.compile(r"\$(HOME|CONDA_PREFIX|VIRTUAL_ENV|TZ|LANG|LC_.*)")
SHARED_CPUS = "NB_COMPARE_SHARED_CPUS"
"""The variable that says of a process that nb-compare itself gave it a number of threads."""


def computing_variables(facts: Mapping[str, str]) -> dict[str, str]:
    """Of facts as above the variables that say on what, and with how many threads, engines compute: those that somebody
    set, and not the share of the CPUs that a process of a sweep gives to its engines."""
    found = {name[1:]: value for name, value in facts.items() if _COMPUTING.fullmatch(name)}
    if f"${SHARED_CPUS}" in facts:
        found.pop("OMP_NUM_THREADS", None)
    return found


def place_variables(facts: Mapping[str, str]) -> dict[str, str]:
    """Of facts as above the variables by which programs find what is the user's: home, environment, language, time
    zone."""
    return {name[1:]: value for name, value in facts.items() if _PLACES.fullmatch(name)}


def variable_facts(extra: Mapping[str, str]) -> dict[str, str]:
    """The facts about variables that engines would get here and now; ``extra`` is what a case sets."""
    return {f"${name}": value for name, value in recorded_environment(extra).items()}


@functools.cache
def _installed(package: str) -> str:
    from importlib import metadata  # which loads what reads letters and archives; engines begin before this is asked

    try:
        text = metadata.distribution(package).read_text("METADATA") or ""
    except metadata.PackageNotFoundError:
        return "not installed"
    return _found(r"(?m)^Version: *(\S+)", text)  # the whole of it would be parsed as a letter


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    return match.group(1) if match else UNKNOWN


@functools.cache
def _cpu_name() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as stream:
            return next(line.partition(":")[2].strip() for line in stream if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
