"""Texts and bytes in the memory of other processes, as Linux lets their owner, or who traces them, read it."""

from __future__ import annotations

import errno
import os
import sys

_LONGEST = 4096
_SHORT = 512
_MOST_OPEN = 64
_HIGHEST = 1 << 63


class Memory:
    """Reads a page at most at a time. Other threads of Python run meanwhile: a program can have its memory filled by
    another, which may never answer.

    What /proc shows of a process's memory stays open, and is that of the program before where a process becomes
    another: then ``forget`` has to be called, after the last look.
    """

    def __init__(self) -> None:
        self._handles: dict[int, int] = {}

    def forget(self) -> None:
        """Close all that is open."""
        while self._handles:
            os.close(self._handles.popitem()[1])

    def text(self, pid: int, at: int) -> bytes:
        """A text that ends with a zero byte. Raises OSError. To read no more at first than nearly all of them have
        takes less time than all else that is done about one."""
        handle = self._handles.get(pid)
        if handle is not None and at < _HIGHEST:
            try:
                found = os.pread(handle, _SHORT, at)
                if (size := found.find(b"\0")) >= 0:
                    return found[:size]
            except OSError:  # of a program before
                pass
        text, end, _ = self.bytes_at(pid, at, _SHORT).partition(b"\0")
        return text if end else self.bytes_at(pid, at, _LONGEST).partition(b"\0")[0]

    def texts(self, pid: int, at: int, most: int) -> list[str]:
        """The texts of a list that ends with a zero, at most so many of them. Raises OSError."""
        texts: list[str] = []
        while len(texts) < most and (text := int.from_bytes(self.bytes_at(pid, at, 8), sys.byteorder)):
            texts.append(os.fsdecode(self.text(pid, text)))
            at += 8
        return texts

    def bytes_at(self, pid: int, at: int, size: int) -> bytes:
        """So many bytes, or as many as can be read. Raises OSError where none can."""
        if at >= _HIGHEST:
            raise OSError(errno.EFAULT, os.strerror(errno.EFAULT))
        handle = self._handles.get(pid)
        if handle is not None:
            try:
                if found := os.pread(handle, size, at):
                    return found
            except OSError:  # of a program before, as where nothing is found
                pass
        if found := os.pread(self._open(pid), size, at):
            return found
        raise OSError(errno.EFAULT, os.strerror(errno.EFAULT))

    def _open(self, pid: int) -> int:
        if pid in self._handles or len(self._handles) > _MOST_OPEN:
            self.forget()
        handle = self._handles[pid] = os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)
        return handle
