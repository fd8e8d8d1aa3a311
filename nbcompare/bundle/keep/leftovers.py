"""What a program that was killed leaves behind: found, named, and cleared away on request.

Everything unfinished lies in hidden folders with known names. One that its process still holds is in use and is left
alone; so is one in which some process still works, such as an engine that outlived its nb-compare. A bundle that was
finished and sealed, and only lacks its name, is no rubbish: it is verified and published.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbcompare.bundle.bundle import is_sealed, publish_folder
from nbcompare.bundle.check.verify import verify_bundle
from nbcompare.bundle.keep.exchange import EXPORT_PREFIX
from nbcompare.bundle.keep.prune import PRUNED_PREFIX
from nbcompare.bundle.listing import size_of
from nbcompare.bundle.lock import is_locked, lock
from nbcompare.bundle.names import STAGING_PREFIX, STAMP
from nbcompare.errors import FileError

SCRATCH_PREFIX = "nb-compare-"
"""How folders for a short while in the system's temporary folder are called."""

ONE_SHOT_PREFIX = ".work-"
SIGNING_PREFIX = ".signing-"
QUIET_SECONDS = 86_400.0
"""A folder that is held by no lock is taken to be left behind when nothing in it changed for a day."""

LEFT, IN_USE, UNKNOWN = "left behind", "in use", "cannot tell"


@dataclass(frozen=True)
class Leftover:
    """A hidden folder: what it was to be, whether anybody still needs it, and what cleaning would do."""

    folder: Path
    what: str
    state: str
    remedy: str | None
    processes: tuple[str, ...] = ()

    @property
    def state_told(self) -> str:
        """The state in words; of a folder that nothing tells of, why it is left alone."""
        return "changed within a day, so that it may be in use" if self.state == UNKNOWN else self.state

    @property
    def sentence(self) -> str:
        by = f" by {', '.join(self.processes)}" if self.processes else ""
        return f"{self.folder}: {self.what}, {self.state_told}{by}, {size_of(self.folder):,} bytes"

    def as_dict(self) -> dict[str, Any]:
        return {"folder": str(self.folder), "what": self.what, "state": self.state, "remedy": self.remedy,
                "processes": list(self.processes), "bytes": size_of(self.folder)}


def find_leftovers(bundles: Path, comparisons: Path) -> list[Leftover]:
    """Every unfinished thing below the folder of bundles, the folder of one-shot comparisons, here, and in the
    system's temporary folder."""
    found = [*_bundle_leftovers(bundles)]
    for pattern, what in ((f"*/{ONE_SHOT_PREFIX}*", "an unfinished one-shot comparison"),):
        found += [_by_age(folder, what) for folder in _folders(comparisons, pattern)]
    found += [_by_age(folder, "an unfinished sign-off") for folder in _folders(bundles, f"*/*/{SIGNING_PREFIX}*")]
    found += [_by_age(folder, "an unfinished export") for folder in _folders(Path.cwd(), f"{EXPORT_PREFIX}*")]
    temporary = Path(tempfile.gettempdir())
    found += [_by_age(folder, "scratch of an engine") for folder in _folders(temporary, f"{SCRATCH_PREFIX}*")
              if _is_ours(folder)]
    return found


def _bundle_leftovers(bundles: Path) -> Iterator[Leftover]:
    for folder in _folders(bundles, f"{STAGING_PREFIX}import-*"):
        yield _by_lock(folder, "an unfinished import")
    for folder in _folders(bundles, f"*/{PRUNED_PREFIX}*"):
        yield Leftover(folder, "a bundle being pruned", LEFT, "remove")
    for folder in _folders(bundles, f"*/{STAGING_PREFIX}*"):
        found = _by_lock(folder, "an unfinished bundle")
        if found.remedy and _is_finished(folder):
            found = Leftover(folder, "a finished bundle without its name", LEFT, "publish")
        yield found


def _is_ours(folder: Path) -> bool:
    """Whether it belongs to this user; it may be gone by now, as scratch soon is."""
    with suppress(FileNotFoundError):
        return folder.stat().st_uid == os.getuid()
    return False


def _folders(root: Path, pattern: str) -> list[Path]:
    return sorted(path for path in root.glob(pattern) if path.is_dir() and not path.is_symlink())


def _by_lock(folder: Path, what: str) -> Leftover:
    held = is_locked(folder)
    inside = processes_in(folder)
    if held or inside:
        return Leftover(folder, what, IN_USE, None, inside)
    if held is None:
        return _by_age(folder, what)
    return Leftover(folder, what, LEFT, "remove")


def _by_age(folder: Path, what: str) -> Leftover:
    inside = processes_in(folder)
    if inside:
        return Leftover(folder, what, IN_USE, None, inside)
    if time.time() - _last_change(folder) < QUIET_SECONDS:
        return Leftover(folder, what, UNKNOWN, None)
    return Leftover(folder, what, LEFT, "remove")


def _last_change(folder: Path) -> float:
    """When anything in a folder last changed; now, where it vanishes under our eyes."""
    with suppress(FileNotFoundError):
        return max(path.lstat().st_mtime for path in (folder, *folder.rglob("*")))
    return time.time()


def _is_finished(folder: Path) -> bool:
    """Whether nothing but the last rename is missing."""
    stamp = folder.name.removeprefix(STAGING_PREFIX)
    return (STAMP.fullmatch(stamp) is not None and is_sealed(folder) and not os.path.lexists(folder.parent / stamp)
            and verify_bundle(folder).intact)


def processes_in(folder: Path) -> tuple[str, ...]:
    """The processes whose current folder lies in this one (none where the system does not say)."""
    found, place = [], os.path.realpath(folder)
    for link in Path("/proc").glob("[0-9]*/cwd"):
        try:
            where = os.readlink(link)
            name = (link.parent / "comm").read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            continue
        if where == place or where.startswith(place + os.sep):
            found.append(f"process {link.parent.name} ({name})")
    return tuple(sorted(found))


def clean(leftover: Leftover) -> str:
    """Apply the remedy of a leftover; what was done, in words. Raises FileError."""
    handle = lock(leftover.folder)
    if handle is None:
        return f"{leftover.folder}: in use by now, left alone"
    try:
        if leftover.remedy == "publish":
            target = publish_folder(leftover.folder, leftover.folder.name.removeprefix(STAGING_PREFIX))
            return f"published {target}"
        shutil.rmtree(leftover.folder)
        return f"removed {leftover.folder}"
    except OSError as fault:
        raise FileError(f"{fault.filename or leftover.folder}: cannot clean: {fault.strerror}") from None
    finally:
        os.close(handle)
