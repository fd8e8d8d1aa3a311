"""Whether a comparison could run here: programs, libraries, disk, locks, clock, sign-offs.

Nothing heavy is imported: what is installed is read from what pip wrote down.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from nbcompare.bundle.listing import phases_by_bundle
from nbcompare.bundle.lock import is_locked
from nbcompare.bundle.names import STAMP, STAMP_FORMAT
from nbcompare.engine.choose import reference_engine, subject_engine
from nbcompare.engine.installation import REFERENCE_SOURCE
from nbcompare.errors import EvidenceError, UsageError

LEAST_FREE_BYTES = 1 << 30
LIBRARIES = ("numpy", "scipy", "Pillow", "PyYAML", "click", "pytest")
COMPILERS = ("cc", "gcc", "clang")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. ``next_step`` says how to mend it."""

    name: str
    ok: bool
    detail: str
    next_step: str | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def examine(bundles: Path) -> list[Finding]:
    """Every finding, good and bad."""
    return [_python(), *_libraries(), _torch(), _reference(), _subject(), *_disk(bundles), _clock(bundles),
            _signoffs(bundles)]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("python", sys.version_info >= (3, 11), f"{version} ({sys.executable})", "Python 3.11 or newer")


def _libraries() -> Iterator[Finding]:
    for name in LIBRARIES:
        version = _version(name)
        yield Finding(name, version is not None, version or "not installed", f"pip install {name}")


def _torch() -> Finding:
    """Read from what pip installed; the library itself is not imported."""
    version = _version("torch")
    return Finding("torch", version is not None or bool(os.environ.get("NB_PY_BIN")),
                   version or "not installed; the project's own simulator needs it",
                   "pip install torch, or name another subject with $NB_PY_BIN")


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _reference() -> Finding:
    """The reference program that a run would take, or what is needed to build it."""
    try:
        engine = reference_engine(None, os.environ, lambda: REFERENCE_SOURCE / "build" / "nanobragg_reference")
    except UsageError as fault:
        return Finding("reference", False, fault.message, fault.hint or "set $NB_C_BIN to a C program, or unset it")
    if engine.program.is_file():
        return Finding("reference", True, f"{engine.name}: {engine.program}")
    tools = {"make": shutil.which("make"), "a C compiler": next(filter(None, map(shutil.which, COMPILERS)), None),
             "its source": REFERENCE_SOURCE.is_dir() or None}
    missing = [name for name, found in tools.items() if not found]
    if missing:
        return Finding("reference", False, f"the bundled C reference is not built, and lacks {', '.join(missing)}",
                       "install make and a C compiler, or name a C program with $NB_C_BIN")
    return Finding("reference", True, "the bundled C reference is built when it is first needed")


def _subject() -> Finding:
    try:
        engine = subject_engine(None, os.environ)
    except UsageError as fault:
        return Finding("subject", False, fault.message, "set $NB_PY_BIN to a program, or unset it")
    if engine.chosen_by != "default":
        return Finding("subject", True, f"{engine.name}: {engine.program}")
    found = importlib.util.find_spec("nanobrag_torch")
    where = (found.origin or found.name) if found else "python -m nanobrag_torch is not installed here"
    return Finding("subject", found is not None, where, "pip install -e . in the checkout, or set $NB_PY_BIN")


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
    return Finding("sign-offs", True, f"{count} bundles are signed off")
