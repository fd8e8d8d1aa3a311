"""Which files the processes of an engine open, run and make, as the kernel tells while they do it.

A filter of seccomp is put on before the engine is started; everything that it starts inherits it. At each of a few
system calls the kernel asks who holds the filter's end (SECCOMP_RET_USER_NOTIF), a process of ours, which reads the
path and always answers "go on" (answered_calls.py): what the engine does is looked at and never decided. Where that
process ends, the calls fail and none waits for ever. What is made of the paths is told in opened.py.

Not seen: what another program does that is asked through a socket, and what io_uring opens; that either was used is
seen. A program that sets out to deceive can change a path between question and call. A signal that comes before the
question is read may end a call with EINTR where its handler was set without SA_RESTART, as it may on slow devices.

Numbers are those of the kernel's headers seccomp.h and prctl.h; those of the calls stand in call_numbers.py.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from nbcompare.engine.processes.call_numbers import CALLS, REPORT, filter_of
from nbcompare.engine.processes.file_uses import FileUses
from nbcompare.engine.processes.watcher import Account, watcher

if TYPE_CHECKING:
    from nbcompare.engine.processes.answered_calls import AnsweringThread

_SECCOMP = {"x86_64": 317, "aarch64": 277}
_SET_FILTER, _SPECULATE, _NEW_LISTENER, _WAIT_KILLABLE = 1, 1 << 2, 1 << 3, 1 << 5
_SET_NO_NEW_PRIVS = 38


class OpenCalls:
    """The watch over one program, to be handed to what starts it; ``calls`` fills while that runs, in a process that
    watches for this one (watcher.py), else in a thread.

    ``in_child`` is called between fork and exec. Use as a context that ends when all its processes have ended: what
    still lives then cannot open anything any more. ``unwanted`` says why nothing is to be seen.
    """

    def __init__(self, unwanted: str | None = None) -> None:
        self.calls = FileUses()
        self._by: Account | AnsweringThread | None = None
        self.calls.unwatched = unwanted or self.why_not()
        if self.calls.unwatched:
            return
        machine = platform.machine()
        self._libc = ctypes.CDLL(None, use_errno=True)
        program = filter_of(machine)
        self._program = ctypes.create_string_buffer(program, len(program))
        self._header = struct.pack("=HxxxxxxQ", len(program) // 8, ctypes.addressof(self._program))
        self._call = _SECCOMP[machine]
        self._gave_up = False
        report, self._childs = socket.socketpair()
        self._by, self._is_open = self._answered(report), True

    def _answered(self, report: socket.socket) -> Account | AnsweringThread:
        """Who answers for the program, whose filter's end comes from ``report``."""
        with suppress(OSError):
            if found := watcher():
                return found.account(self.calls, report)
        from nbcompare.engine.processes.answered_calls import AnsweringThread

        return AnsweringThread(self.calls, report)

    @staticmethod
    def why_not() -> str | None:
        """Why nothing can be watched on this kind of system; None where it can, unless it refuses."""
        known = sys.platform == "linux" and platform.machine() in CALLS
        return None if known else "this system cannot be asked which files a program opens"

    @property
    def lost(self) -> str | None:
        """Why the watch ended before the program did; None where it did not."""
        return self._by.lost if isinstance(self._by, Account) else None

    @property
    def at_start(self) -> Callable[[], None] | None:
        """What the new process has to call before it becomes the program: ``in_child``, or nothing where nothing is
        watched, so that no copy of this process has to be made for it (vfork)."""
        return self.in_child if self._by else None

    # --- in the process that becomes the engine ------------------------------------------------------------------

    def in_child(self) -> None:
        """Put the filter on and hand over its end; where the system refuses, say so and go on without."""
        if self._by is None:
            return
        listener, fault = self._install(), ctypes.get_errno()
        handles = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("=i", listener))] if listener >= 0 else []
        with suppress(OSError):  # where nobody is there any more it cannot be started, nor anything else be opened
            self._childs.sendmsg([REPORT.pack(0 if handles else fault, self._gave_up)], handles, socket.MSG_NOSIGNAL)
        if handles:
            os.close(listener)

    def _install(self) -> int:
        """The filter's end, or a negative number. Privileges of programs with set-uid are given up where only that lets
        a filter be put on."""
        found = -1
        for flags in (_NEW_LISTENER | _SPECULATE | _WAIT_KILLABLE, _NEW_LISTENER | _SPECULATE):
            for attempt in (0, 1):
                found = self._libc.syscall(self._call, _SET_FILTER, flags, self._header)
                if found >= 0 or ctypes.get_errno() != errno.EACCES or attempt:
                    break
                self._libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
                self._gave_up = True
            if found >= 0 or ctypes.get_errno() != errno.EINVAL:
                break
        return int(found)

    # --- in nb-compare -----------------------------------------------------------------------------------------------

    def __enter__(self) -> OpenCalls:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the watch."""
        if self._by is not None and self._is_open:
            self._childs.close()
            self._by.end()
            self._is_open = False
