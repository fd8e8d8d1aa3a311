"""Folders in use: a lock on a folder that the kernel lets go when its process ends, however it ends.

By it a folder that somebody is still filling is told from one that was left behind by a program that was killed.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


def share(folder: Path) -> int | None:
    """A handle with which several may rest on a folder at the same time, until they close theirs; None when it is gone
    or somebody holds it alone, as `prune` does what it is about to remove."""
    return _held(folder, fcntl.LOCK_SH | fcntl.LOCK_NB)


def lock(folder: Path, *, wait: bool = False) -> int | None:
    """A handle that holds the folder until it is closed; None when the folder is gone or, unless we ``wait``, when
    somebody else holds it.

    On a file system without locks the handle is returned all the same, and ``is_locked`` cannot tell.
    """
    return _held(folder, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))


def _held(folder: Path, how: int) -> int | None:
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, how)
    except BlockingIOError:
        os.close(handle)
        return None
    except OSError:
        return handle
    if not _is_still_there(folder, handle):
        os.close(handle)
        return None
    return handle


def is_locked(folder: Path) -> bool | None:
    """Whether a living process holds the folder; None where the file system cannot tell."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    finally:
        os.close(handle)
    return False


def _is_still_there(folder: Path, handle: int) -> bool:
    """Whether the path still names the folder that was locked: a cleaner may have been quicker."""
    try:
        return os.path.samestat(os.stat(folder), os.fstat(handle))
    except FileNotFoundError:
        return False
