"""Disks that are full, folders that cannot be written."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.faults.laboratory import Laboratory, Row, Said

CAPABILITY_VERSION_3, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 0x20080522, 1, 2
IO, ENGINE_FAILED = 5, 2


def rows(lab: Laboratory, *, short: bool) -> Iterator[Row]:
    """Every row of this group."""
    yield _file_size_limit(lab, (200, 5_000) if short else (0, 1, 200, 251, 1_000, 5_000, 10_000, 11_999, 20_000))
    if may_mount():
        yield _small_tmpfs(lab, (24, 64) if short else tuple(range(8, 600, 37)))
        yield _full_while_entering(lab)
    yield _read_only(lab)


def _told(said: Said) -> bool:
    """An error in words, with the exit code of a file that could not be written or of a failed engine, and no trace."""
    return said.code in (IO, ENGINE_FAILED) and "Traceback" not in said.err


# --- limits -------------------------------------------------------------------------------------------------


def _file_size_limit(lab: Laboratory, limits: tuple[int, ...]) -> Row:
    """No file may grow beyond so many bytes (the way a quota looks from inside)."""
    codes, good = [], True
    for limit in limits:
        other = lab.another("limited")
        said = other.run(hurt=lambda limit=limit: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
        codes.append(said.code)
        good &= (_told(said) or said.code == 0) and other.all_whole() and not _hidden(other)
    return Row("no file may grow beyond some size (a quota)", len(limits),
               "the run ends with an error, or as failed where an engine could not write; no half bundle, nothing left",
               good and IO in codes, tuple(codes))


def _small_tmpfs(lab: Laboratory, sizes_kib: tuple[int, ...]) -> Row:
    """A disk that fills up at another step of the run each time; in the end one that is just large enough."""
    codes, good = [], True
    for size in sizes_kib:
        other = lab.another("full")
        shutil.rmtree(other.folder / "bundles", ignore_errors=True)
        with mounted(other.folder / "bundles", f"size={size}k"):
            said = other.run()
            codes.append(said.code)
            good &= (_told(said) or said.code == 0) and other.all_whole() and not _hidden(other)
    return Row("the disk is full: bundles on a file system of 8 to 600 KiB", len(sizes_kib),
               "the run ends with an error until there is room; no half bundle, nothing left",
               good and IO in codes, tuple(codes))


def _full_while_entering(lab: Laboratory) -> Row:
    """Ledger and plan on a disk without a free block."""
    folder = lab.bundle()
    other = lab.another("full")
    with mounted(other.folder / "docs", "size=16k"):
        ledger = other.folder / "docs/ledger.md"
        ledger.write_text("# Ledger\n\n## small\n" + "x" * 7000 + "\n")
        with contextlib.suppress(OSError):
            (other.folder / "docs/filler").write_bytes(b"x" * 100_000)
        before = ledger.read_bytes()
        said = other.call("attempt", folder, "--ledger", "docs/ledger.md")
        good = _told(said) and ledger.read_bytes() == before
    return Row("the disk is full while a ledger is written", 1, "an error; the ledger is as it was", good, (said.code,))


def _hidden(lab: Laboratory) -> list[Path]:
    return list(lab.home.glob(".*")) if lab.home.exists() else []


def may_mount() -> bool:
    """Whether this process may mount a small file system."""
    place = Path("/tmp" if os.path.isdir("/tmp") else os.curdir, f".mount-{os.getpid()}")
    try:
        with mounted(place, "size=4k"):
            return True
    except (OSError, subprocess.CalledProcessError):
        return False
    finally:
        with contextlib.suppress(OSError):
            place.rmdir()


@contextlib.contextmanager
def mounted(place: Path, options: str) -> Iterator[None]:
    """A tmpfs of its own at this place."""
    place.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(place)], check=True, capture_output=True)


# --- permissions --------------------------------------------------------------------------------------------


def _read_only(lab: Laboratory) -> Row:
    """Without the privileges of root, for whom no folder is read-only."""
    folder = lab.bundle().relative_to(lab.folder)
    calls: tuple[tuple[str, Callable[[Laboratory], list]], ...] = (
        ("docs", lambda other: [*other.run_words(), "--bundles", "docs"]),
        ("bundles/small", lambda other: other.run_words()),
        ("bundles", lambda other: ["sign", "N1", "--phases", "phases.yaml", "--by", "A. Person"]),
        ("docs", lambda other: ["attempt", folder, "--ledger", "docs/ledger.md"]),
    )
    codes, good = [], True
    for place, words in calls:
        other = lab.another("read-only")
        (other.folder / "docs").mkdir()
        (other.folder / "docs/ledger.md").write_text("")
        before = _listing(other)
        (other.folder / place).chmod(0o555)
        said = other.call(*words(other), hurt=be_ordinary)
        (other.folder / place).chmod(0o755)
        codes.append(said.code)
        good &= said.code == IO and "Traceback" not in said.err and _listing(other) == before
    return Row("a folder that cannot be written: of bundles, of a case, for sign-offs, of the ledger", len(codes),
               "an error that names the folder; nothing is changed", good, tuple(codes))


def be_ordinary() -> None:
    """Give up the capabilities by which root may write where permissions forbid it (man 7 capabilities)."""
    if os.getuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)()
    assert libc.capget(header, sets) == 0
    for which in range(3):  # effective, permitted, inheritable
        sets[which] &= ~(1 << CAP_DAC_OVERRIDE | 1 << CAP_DAC_READ_SEARCH)
    assert libc.capset(header, sets) == 0


def _listing(lab: Laboratory) -> list[str]:
    return sorted(str(path) for path in lab.folder.rglob("*") if path.name != ".tmp")
