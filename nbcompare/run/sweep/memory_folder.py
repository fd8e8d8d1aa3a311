"""A folder in memory where the cells of a group are run, whose bundles go into an archive and nowhere else.

An engine's folder is made, filled and removed again for each run. On a disk in use each of these steps can wait for its
journal, which takes as long as all that nb-compare does for a small cell. What is not known to be small stays on the
disk: cells with large images or inputs, and engines that may write anything (the caller knows which these are).
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nbcompare.bundle.lock import lock

PLACE = Path("/dev/shm")
_BEGINS = "nb-compare-cells-"
_SHARE = 64
"""A group takes no more than this part of what is free: others may run beside it, and all of it is memory."""

_FILES = 1000
"""A cell has fewer."""


@contextmanager
def memory_folder(most_bytes: int, otherwise: Path) -> Iterator[Path]:
    """A new folder in memory, removed in the end, where there is room for ``most_bytes`` at a time; else ``otherwise``.
    It is held while the block runs, so that one left by a process that was killed is known, and removed by the next."""
    handle = None
    with suppress(OSError):
        if _has_room(most_bytes):
            _remove_left()
            while handle is None:  # whoever looks for what was left may have been quicker than our lock
                made = Path(tempfile.mkdtemp(prefix=_BEGINS, dir=PLACE))
                handle = lock(made)
    if handle is None:
        yield otherwise
        return
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
        os.close(handle)


def is_short(folder: Path, most_bytes: int) -> bool:
    """Whether a folder is one in memory, and there is no room any more for ``most_bytes``: others took it meanwhile."""
    try:
        return folder.parent == PLACE and not _has_room(most_bytes)
    except OSError:
        return True


def _has_room(most_bytes: int) -> bool:
    found = os.statvfs(PLACE)
    return most_bytes * _SHARE <= found.f_bavail * found.f_frsize and (not found.f_files or found.f_favail > _FILES)


def _remove_left() -> None:
    """Remove what processes of this user left behind that were killed."""
    with os.scandir(PLACE) as entries:
        ours = [entry.path for entry in entries if entry.name.startswith(_BEGINS)
                and entry.is_dir(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_uid == os.geteuid()]
    for path in ours:
        with suppress(OSError):
            handle = lock(Path(path))
            if handle is not None:
                shutil.rmtree(path, ignore_errors=True)
                os.close(handle)
