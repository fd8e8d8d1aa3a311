"""Whether a comparison could run here: programs, libraries, disk, locks, clock, sign-offs.

Nothing heavy is imported: what is installed is read from what pip wrote down.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from nbcompare.bundle.listing import phases_by_bundle
from nbcompare.bundle.lock import is_locked
from nbcompare.bundle.names import STAMP, STAMP_FORMAT
from nbcompare.case.arguments.options import REFERENCE
from nbcompare.case.declared.declarations import EngineDeclaration
from nbcompare.case.project import project_above
from nbcompare.case.project_file import PROJECT_FILE
from nbcompare.engine.bundled_reference import NO_SOURCES, build_folder, found_program
from nbcompare.engine.choose import named_engine, subject_engine
from nbcompare.engine.installation import REFERENCE_SOURCE
from nbcompare.errors import CaseError, EvidenceError, FileError, UsageError
from nbcompare.visible import counted

LEAST_FREE_BYTES = 1 << 30
LIBRARIES = ("click", "jinja2", "jsonschema-rs", "numpy", "pillow", "pytest", "pyyaml", "scipy")
"""What pip installs with nb-compare."""
COMPILERS = ("cc", "gcc", "clang")
OWN_SUBJECT = "bring your own engine (--py-bin, $NB_PY_BIN or nb-compare.yaml)"
OWN_REFERENCE = "bring your own C program (--c-bin, $NB_C_BIN or nb-compare.yaml)"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. ``next_step`` says how to mend it; what is ``optional`` is missed by some only."""

    name: str
    ok: bool
    detail: str
    next_step: str | None = None
    optional: bool = False

    @property
    def stops(self) -> bool:
        """Whether nothing can be compared before it is mended."""
        return not self.ok and not self.optional

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def examine(bundles: Path) -> list[Finding]:
    """Every finding, good and bad."""
    return [_python(), *_libraries(), *_engines(), *_disk(bundles), _clock(bundles), _signoffs(bundles)]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("python", sys.version_info >= (3, 11), f"{version} ({sys.executable})", "Python 3.11 or newer")


def _libraries() -> Iterator[Finding]:
    for name in LIBRARIES:
        version = _version(name)
        yield Finding(name, version is not None, version or "not installed", f"pip install {name}")


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _engines() -> Iterator[Finding]:
    """The programs that a run from here would take: as variables and the project file name them, else the bundled
    ones, which nobody needs who brings two of their own."""
    try:
        declared = project_above(Path.cwd()).engines
    except CaseError as fault:
        yield Finding("project file", False, str(fault), f"mend {PROJECT_FILE}")
        return
    yield _reference(declared)
    yield _subject(declared)


def _reference(declared: Mapping[str, EngineDeclaration]) -> Finding:
    """The reference program that a run would take, or what is needed to build it."""
    try:
        engine = named_engine(REFERENCE, None, os.environ, declared)
    except UsageError as fault:
        return Finding("reference", False, fault.message, fault.hint or "set $NB_C_BIN to a C program, or unset it")
    if engine:
        return Finding("reference", True, f"{engine.name}: {engine.program}")
    return _bundled_reference()


def _bundled_reference() -> Finding:
    if not (REFERENCE_SOURCE / "Makefile").is_file():
        return Finding("reference", False, NO_SOURCES, OWN_REFERENCE,
                       optional=True)
    try:
        built = found_program()
    except FileError as fault:
        return Finding("reference", False, fault.message, fault.hint, optional=True)
    if built:
        return Finding("reference", True, f"bundled C reference: {built}")
    place = _nearest(build_folder())
    tools = {"make": shutil.which("make"), "a C compiler": next(filter(None, map(shutil.which, COMPILERS)), None),
             f"the right to write into {place}": place.is_dir() and os.access(place, os.W_OK | os.X_OK)}
    missing = [name for name, found in tools.items() if not found]
    if missing:
        return Finding("reference", False, f"the bundled C reference is not built, and lacks {', '.join(missing)}",
                       f"{OWN_REFERENCE}, or install make and a C compiler, and give $XDG_CACHE_HOME a folder that "
                       "can be written", optional=True)
    return Finding("reference", True, "the bundled C reference is built when it is first needed")


def _nearest(folder: Path) -> Path:
    """The folder, or what stands in its place or nearest above it."""
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())


def _subject(declared: Mapping[str, EngineDeclaration]) -> Finding:
    """The subject that a run would take. Of torch, which the bundled one needs, what pip wrote down is read."""
    try:
        engine = subject_engine(None, os.environ, declared)
    except UsageError as fault:
        return Finding("subject", False, fault.message, "set $NB_PY_BIN to a program, or unset it")
    if engine.chosen_by != "default":
        return Finding("subject", True, f"{engine.name}: {engine.program}")
    found, torch = importlib.util.find_spec("nanobrag_torch"), _version("torch")
    if found and torch:
        return Finding("subject", True, f"bundled simulator: {found.origin or found.name}, torch {torch}")
    lacks = "torch is not installed" if found else "it is not installed"
    return Finding("subject", False, f"the bundled simulator cannot run: {lacks}",
                   f"{OWN_SUBJECT}, or pip install 'nb-compare[torch]'", optional=True)


def _disk(bundles: Path) -> Iterator[Finding]:
    place = next(folder for folder in (bundles.absolute(), *bundles.absolute().parents) if folder.is_dir())
    free = shutil.disk_usage(place).free
    yield Finding("disk", free >= LEAST_FREE_BYTES, f"{free / 2**30:.1f} GiB free for {bundles}",
                  "make room: nb-compare prune, or another --bundles")
    yield Finding("writable", os.access(place, os.W_OK | os.X_OK), f"{place}", "choose another --bundles")
    locks = is_locked(place) is not None
    yield Finding("locks", locks, "a folder in use can be told from one left behind" if locks else
                  f"the file system of {place} has no locks: what a killed run leaves cannot be told from a run",
                  "keep bundles on a local disk")


def _clock(bundles: Path) -> Finding:
    """A newest stamp in the future: the clock was set back since, and stamps no longer sort by age."""
    stamps = sorted(path.name for path in bundles.glob("*/*") if STAMP.fullmatch(path.name))
    now = datetime.fromtimestamp(time.time(), UTC).strftime(STAMP_FORMAT)
    if stamps and max(stamps) > now:
        return Finding("clock", False, f"it is {now}, and there is a bundle of {max(stamps)}", "set the clock")
    return Finding("clock", True, now)


def _signoffs(bundles: Path) -> Finding:
    try:
        count = len(phases_by_bundle(bundles))
    except EvidenceError as fault:
        return Finding("sign-offs", False, fault.message, "restore it from a copy; until then nothing can be pruned")
    return Finding("sign-offs", True, f"{counted(count, 'bundle')} {'is' if count == 1 else 'are'} signed off")
