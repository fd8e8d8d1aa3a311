"""Texts and bytes in the memory of other processes, as Linux lets their owner, or who traces them, read it."""

from __future__ import annotations

import ctypes
import errno
import os
import sys

_LONGEST = 4096
_SHORT = 512
_MOST_OPEN = 64


class Memory:
    """Reads a page at most at a time. Other threads of Python do not run meanwhile: to wait for one of them to let go
    of the interpreter takes far longer than the call.

    What /proc shows of a process's memory stays open, and is that of the program before where a process becomes
    another: then ``forget`` has to be called, after the last look.
    """

    def __init__(self) -> None:
        self._buffer = ctypes.create_string_buffer(_LONGEST + 1)
        self._buffer_at = ctypes.addressof(self._buffer)
        self._handles: dict[int, int] = {}
        self._read = ctypes.PyDLL(None).pread
        self._read.restype = ctypes.c_ssize_t
        self._read.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_uint64)

    def forget(self) -> None:
        """Close all that is open."""
        while self._handles:
            os.close(self._handles.popitem()[1])

    def text(self, pid: int, at: int) -> bytes:
        """A text that ends with a zero byte. Raises OSError. To read no more at first than nearly all of them have
        takes less time than all else that is done about one."""
        got = self._piece(pid, at, _SHORT)
        self._buffer[got] = b"\0"
        text: bytes = self._buffer.value
        if len(text) == got:
            got = self._piece(pid, at, _LONGEST)
            self._buffer[got] = b"\0"
            text = self._buffer.value
        return text

    def texts(self, pid: int, at: int, most: int) -> list[str]:
        """The texts of a list that ends with a zero, at most so many of them. Raises OSError."""
        texts: list[str] = []
        while len(texts) < most and (text := int.from_bytes(self.bytes_at(pid, at, 8), sys.byteorder)):
            texts.append(os.fsdecode(self.text(pid, text)))
            at += 8
        return texts

    def bytes_at(self, pid: int, at: int, size: int) -> bytes:
        """So many bytes, or as many as can be read. Raises OSError."""
        return ctypes.string_at(self._buffer_at, self._piece(pid, at, size))

    def _piece(self, pid: int, at: int, size: int) -> int:
        """Read so many bytes into the buffer, or as many as can be read; how many. Raises OSError where none can."""
        handle = self._handles.get(pid)
        got = -1 if handle is None else int(self._read(handle, self._buffer_at, size, at))
        if got <= 0:  # nothing is open, or of a program before
            got = int(self._read(self._open(pid), self._buffer_at, size, at))
        if got <= 0:
            raise OSError(errno.EFAULT, os.strerror(errno.EFAULT))
        return got

    def _open(self, pid: int) -> int:
        if pid in self._handles or len(self._handles) > _MOST_OPEN:
            self.forget()
        handle = self._handles[pid] = os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)
        return handle
