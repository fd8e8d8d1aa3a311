"""What lies at a path and where it leads, asked of the system in as few questions as tell it.

Of the folder above, of which there is one for many files, the real path is remembered, but never longer than a moment,
and only while nobody who is watched changes what names mean (told_calls.py): others who do are no part of an engine.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import stat
import struct
import sys
import time
from typing import NamedTuple

from nbcompare.files import real_path

_MOMENT = 0.25
"""So many seconds nothing is remembered longer."""
_OF_THE_PROCESS = ("/proc/", "/dev/")
_FILES_IN_MEMORY = "/dev/shm/"

_OPENAT2, _HERE, _NO_MAGIC_LINKS = 437, -100, 2
"""Of the kernel's headers unistd.h, fcntl.h and openat2.h."""

Stamp = tuple[int, int, int, int]
"""(inode, size, mtime_ns, ctime_ns) of a regular file; the last is the system's own, and nobody can set it."""


class Look(NamedTuple):
    """The mode of what lies there, 0 where nothing does, and the stamp of a regular file, both where links lead to; the
    real path; and what the path's own link says, None where it is none."""

    mode: int
    stamp: Stamp | None
    real: str
    says: str | None


Glance = os.stat_result | Look
"""What lies at a path itself, with the mode 0 where nothing does; all that there is to know of a link."""
_NOTHING = os.stat_result((0,) * 10)


class DiskLooks:
    """Looks at one path after another. ``remembers`` where nothing that is watched changes names."""

    def __init__(self) -> None:
        self.remembers = False
        self._folders: dict[str, str] = {}
        self._until = 0.0

    def forget(self) -> None:
        """What names mean changes."""
        self._folders.clear()

    def at(self, path: str, glance: Glance | None = None) -> Look:
        """What lies at an absolute path without ``.`` and ``..``; ``glance`` is what was seen there before."""
        if isinstance(glance, Look):
            return glance
        if is_of_the_process(path):
            return Look(*stamp_of(path), path, link_at(path))
        glance = glance or glance_at(path)
        if isinstance(glance, Look):
            return glance
        return Look(glance.st_mode, stamp_in(glance), self._real(path), None)

    def _real(self, path: str) -> str:
        """The real path of what is no link itself."""
        folder, _, name = path.rpartition(os.sep)
        if not self.remembers or not folder or not name:
            return real_path(path)
        now = time.monotonic()
        if now > self._until:
            self.forget()
            self._until = now + _MOMENT
        real = self._folders.get(folder)
        if real is None:
            real = self._folders[folder] = os.path.join(real_path(folder), "")
        return real + name


def is_of_the_process(path: str) -> bool:
    """Whether a path is one of those that the kernel shows and no disk holds: it means something else to each."""
    return path.startswith(_OF_THE_PROCESS) and not path.startswith(_FILES_IN_MEMORY)


def glance_at(path: str | bytes) -> Glance:
    """What cannot be asked later, when it may be another."""
    try:
        found = os.lstat(path)
    except OSError:
        return _NOTHING
    if not stat.S_ISLNK(found.st_mode):
        return found
    path = os.fsdecode(path)
    return Look(*stamp_of(path), real_path(path), link_at(path))


def leads_through_a_process(path: str) -> bool:
    """Whether a link on the way leads to what a process has open, or to its folder (/proc/self/fd, cwd), which is
    another for whoever follows it. False where the kernel does not know the question (before Linux 5.6)."""
    if sys.platform != "linux":
        return False
    how = struct.pack("=QQQ", os.O_PATH | os.O_CLOEXEC, 0, _NO_MAGIC_LINKS)
    handle = _libc().syscall(_OPENAT2, _HERE, os.fsencode(path), how, len(how))
    if handle >= 0:
        os.close(handle)
        return False
    if ctypes.get_errno() != errno.ELOOP:
        return False
    try:
        os.stat(path)
    except OSError as fault:
        return fault.errno != errno.ELOOP  # links in a circle lead nowhere
    return True


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def link_at(path: str) -> str | None:
    """What a symbolic link says; None where none is."""
    try:
        return os.readlink(path)
    except OSError:
        return None


def stamp_of(path: str) -> tuple[int, Stamp | None]:
    """The mode of what is there, 0 where nothing is; and the stamp of a regular file."""
    try:
        found = os.stat(path)
    except OSError:
        return 0, None
    return found.st_mode, stamp_in(found)


def stamp_in(found: os.stat_result) -> Stamp | None:
    """The stamp of a regular file, by what the system says of it."""
    return (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns) if stat.S_ISREG(found.st_mode) else None
