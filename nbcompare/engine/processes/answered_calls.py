"""Answers for a filter of seccomp: at each call that it tells of, the process that makes it waits until it was looked
at (told_calls.py), and is always told to go on. Who puts the filter on is in open_calls.py.

Numbers are those of the kernel's header seccomp.h.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import functools
import os
import select
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress

from nbcompare.engine.processes.call_numbers import CALLS, REPORT
from nbcompare.engine.processes.file_uses import FileUses
from nbcompare.engine.processes.quick_switches import quick_switches
from nbcompare.engine.processes.told_calls import ToldCalls

_RECEIVE, _SEND, _IS_VALID, _SET_FLAGS, _GO_ON, _SWITCH_AT_ONCE = 0xC0502100, 0xC0182101, 0x40082102, 0x40082104, 1, 1
_NOTICE, _ANSWER = struct.Struct("=QIIiIQ6Q"), struct.Struct("=QqiI")
_TICKET = struct.Struct("=Q")
_NO_NOTICE = bytes(_NOTICE.size)
END_SECONDS = 2.0
"""So long after a program the watch waits for processes of it that are about to end."""

PATIENCE = 5
"""After so many milliseconds without a call there is time to enter what waits."""
_IN_A_WATCH = "nb-compare was itself started by a program that is watched, such as a mapped test"


class AnsweredCalls:
    """The calls of one program, which go into an account. ``take_over`` comes first, ``close`` last."""

    def __init__(self, calls: FileUses) -> None:
        self.calls = calls
        self._listener = -1
        self._numbers = dict(CALLS[os.uname().machine])
        self._told = ToldCalls(calls, self._still_waits)
        self._control = _control()
        self._notice, self._answer = bytearray(_NOTICE.size), bytearray(_ANSWER.pack(0, 0, 0, _GO_ON))
        self._notice_at, self._answer_at = map(_address_of, (self._notice, self._answer))

    def take_over(self, report: socket.socket) -> int:
        """Where to wait for calls: the filter's end, which comes from ``report``; less than 0 where nothing comes, and
        the account says why. ``report`` is closed here."""
        with report:
            said, handles, _, _ = socket.recv_fds(report, REPORT.size, 1)
        fault, gave_up = REPORT.unpack(said) if said else (0, False)
        if handles:
            self._listener, self._told.gave_up = handles[0], gave_up
            with suppress(OSError):  # Linux 6.6 and later: question and answer on one processor, without a wait
                fcntl.ioctl(self._listener, _SET_FLAGS, _SWITCH_AT_ONCE)
        elif said:
            self.calls.unwatched = _IN_A_WATCH if fault == errno.EBUSY else (
                f"the system does not let it be watched ({os.strerror(fault)})")
        return self._listener

    def close(self) -> None:
        """Enter what waits; nothing is answered any more, and calls fail."""
        self._told.close()
        del self._told  # which knows us, so that nothing of an engine stays once it has ended
        if self._listener >= 0:
            os.close(self._listener)

    def answer(self) -> None:
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


class AnsweringThread:
    """A thread that answers for one program until all its processes have ended; the filter's end comes from
    ``report``."""

    def __init__(self, calls: FileUses, report: socket.socket) -> None:
        self._calls, self._report = calls, report
        self._waker, self._wake = os.pipe()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="open-calls")
        self._thread.start()

    def end(self) -> None:
        """Wait a moment for processes that are about to end; then nothing is answered any more."""
        self._thread.join(END_SECONDS)
        os.write(self._wake, b".")
        self._thread.join()
        for handle in (self._waker, self._wake):
            os.close(handle)

    def _watch(self) -> None:
        answered = AnsweredCalls(self._calls)
        try:
            listener = answered.take_over(self._report)
            if listener >= 0:
                with quick_switches():
                    self._loop(answered, listener)
        finally:
            answered.close()

    def _loop(self, answered: AnsweredCalls, listener: int) -> None:
        events = select.poll()
        events.register(listener, select.POLLIN)
        events.register(self._waker, select.POLLIN)
        patience = None
        while True:
            found = events.poll(patience)
            for handle, what in found:
                if handle == self._waker or not what & select.POLLIN:
                    return
                answered.answer()
            if not found:
                self._calls.settle()
            patience = PATIENCE if found else None


@functools.cache
def _control() -> Callable[..., int]:
    """The system's ioctl, which never waits here: no other thread of Python runs meanwhile."""
    control = ctypes.PyDLL(None).ioctl
    control.argtypes = (ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p)
    return control


def _address_of(stored: bytearray) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(stored))
