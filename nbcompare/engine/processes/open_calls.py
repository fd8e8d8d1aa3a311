"""Which files the processes of an engine open, run and make, as the kernel tells while they do it.

A filter of seccomp is put on before the engine is started; everything that it starts inherits it. At each of a few
system calls the kernel asks this process (SECCOMP_RET_USER_NOTIF), which reads the path and always answers "go on":
what the engine does is looked at and never decided. Where a watcher ends, the calls fail and none waits for ever. What
is made of the paths is told in opened.py.

Not seen: what another program does that is asked through a socket, and what io_uring opens; that either was used is
seen. A program that sets out to deceive can change a path between question and call. A signal that comes before the
question is read may end a call with EINTR where its handler was set without SA_RESTART, as it may on slow devices.

Numbers are those of the kernel's headers seccomp.h and prctl.h; those of the calls stand in call_numbers.py.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import platform
import select
import socket
import struct
import sys
import threading
from collections.abc import Callable
from contextlib import suppress

from nbcompare.engine.processes.call_numbers import CALLS, filter_of
from nbcompare.engine.processes.file_uses import FileUses
from nbcompare.engine.processes.quick_switches import quick_switches
from nbcompare.engine.processes.told_calls import ToldCalls

_SECCOMP = {"x86_64": 317, "aarch64": 277}
_SET_FILTER, _SPECULATE, _NEW_LISTENER, _WAIT_KILLABLE = 1, 1 << 2, 1 << 3, 1 << 5
_SET_NO_NEW_PRIVS = 38
_RECEIVE, _SEND, _IS_VALID, _SET_FLAGS, _GO_ON, _SWITCH_AT_ONCE = 0xC0502100, 0xC0182101, 0x40082102, 0x40082104, 1, 1
_NOTICE, _ANSWER = struct.Struct("=QIIiIQ6Q"), struct.Struct("=QqiI")
_TICKET = struct.Struct("=Q")
_NO_NOTICE = bytes(_NOTICE.size)
_REPORT = struct.Struct("=i?")
_END_SECONDS = 2.0
_PATIENCE = 5
"""After so many milliseconds without a call there is time to enter what waits."""
_IN_A_WATCH = "nb-compare was itself started by a program that is watched, such as a mapped test"


class OpenCalls:
    """The watch over one program, to be handed to what starts it; ``calls`` fills while that runs.

    ``in_child`` is called between fork and exec. Use as a context that ends when all its processes have ended: what
    still lives then cannot open anything any more. ``unwanted`` says why nothing is to be seen.
    """

    def __init__(self, unwanted: str | None = None) -> None:
        self.calls = FileUses()
        self._listener = -1
        self._thread: threading.Thread | None = None
        self.calls.unwatched = unwanted or self.why_not()
        if self.calls.unwatched:
            return
        machine = platform.machine()
        self._numbers = dict(CALLS[machine])
        self._libc = ctypes.CDLL(None, use_errno=True)
        program = filter_of(machine)
        self._program = ctypes.create_string_buffer(program, len(program))
        self._header = struct.pack("=HxxxxxxQ", len(program) // 8, ctypes.addressof(self._program))
        self._call = _SECCOMP[machine]
        self._gave_up = False
        self._told = ToldCalls(self.calls, self._still_waits)
        self._control = ctypes.PyDLL(None).ioctl  # it never waits here: no other thread runs meanwhile
        self._control.argtypes = (ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p)
        self._notice, self._answer = bytearray(_NOTICE.size), bytearray(_ANSWER.pack(0, 0, 0, _GO_ON))
        self._notice_at, self._answer_at = map(_address_of, (self._notice, self._answer))
        self._ours, self._childs = socket.socketpair()
        self._waker, self._wake = os.pipe()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="open-calls")
        self._thread.start()

    @staticmethod
    def why_not() -> str | None:
        """Why nothing can be watched on this kind of system; None where it can, unless it refuses."""
        known = sys.platform == "linux" and platform.machine() in CALLS
        return None if known else "this system cannot be asked which files a program opens"

    @property
    def at_start(self) -> Callable[[], None] | None:
        """What the new process has to call before it becomes the program: ``in_child``, or nothing where nothing is
        watched, so that no copy of this process has to be made for it (vfork)."""
        return self.in_child if self._thread else None

    # --- in the process that becomes the engine ------------------------------------------------------------------

    def in_child(self) -> None:
        """Put the filter on and hand over its end; where the system refuses, say so and go on without."""
        if self._thread is None:
            return
        listener, fault = self._install(), ctypes.get_errno()
        if listener < 0:
            self._childs.send(_REPORT.pack(fault, self._gave_up))
        else:
            socket.send_fds(self._childs, [_REPORT.pack(0, self._gave_up)], [listener])
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
        if self._thread is not None:
            self._childs.close()
            self._thread.join(_END_SECONDS)
            os.write(self._wake, b".")
            self._thread.join()
            self._thread = None
            for handle in (self._waker, self._wake):
                os.close(handle)

    def _watch(self) -> None:
        try:
            said, handles, _, _ = socket.recv_fds(self._ours, _REPORT.size, 1)
            fault, self._gave_up = _REPORT.unpack(said) if said else (0, False)
            if handles:
                self._listener, self._told.gave_up = handles[0], self._gave_up
                with quick_switches():
                    self._loop()
            elif said:
                self.calls.unwatched = _IN_A_WATCH if fault == errno.EBUSY else (
                    f"the system does not let it be watched ({os.strerror(fault)})")
        finally:
            self._told.close()
            if self._listener >= 0:
                os.close(self._listener)
            self._ours.close()

    def _loop(self) -> None:
        with suppress(OSError):  # Linux 6.6 and later: question and answer on one processor, without a wait
            fcntl.ioctl(self._listener, _SET_FLAGS, _SWITCH_AT_ONCE)
        events = select.poll()
        events.register(self._listener, select.POLLIN)
        events.register(self._waker, select.POLLIN)
        patience = None
        while True:
            found = events.poll(patience)
            for handle, what in found:
                if handle == self._waker or not what & select.POLLIN:
                    return
                self._one()
            if not found:
                self._told.settle()
            patience = _PATIENCE if found else None

    def _one(self) -> None:
        """Look at one call, and let it go on whatever comes of that."""
        self._notice[:] = _NO_NOTICE
        if self._control(self._listener, _RECEIVE, self._notice_at) < 0:
            return  # it ended meanwhile
        ticket, pid, _, number, arch, _, *words = _NOTICE.unpack(self._notice)
        try:
            self._told.enter(pid, self._numbers[arch][number], words, ticket)
        except Exception as fault:
            self._told.could_not_read(fault)
        _TICKET.pack_into(self._answer, 0, ticket)
        self._control(self._listener, _SEND, self._answer_at)

    def _still_waits(self, ticket: int) -> bool:
        """Whether the process that made a call waits for its answer, and has not ended."""
        with suppress(OSError):
            fcntl.ioctl(self._listener, _IS_VALID, bytearray(_TICKET.pack(ticket)), True)
            return True
        return False


def _address_of(stored: bytearray) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(stored))
