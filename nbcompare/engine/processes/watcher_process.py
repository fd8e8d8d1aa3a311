"""The process that watches what engines open, from inside: it answers the calls of engines, and tells nb-compare what
it saw when that asks (watcher.py). One loop serves all of them: another thread would cost an engine of a few
milliseconds one more.

It ends when nb-compare does. The filters' ends are closed then: calls of engines fail, and none waits for ever.
"""

from __future__ import annotations

import ctypes
import gc
import os
import select
import socket
import struct
import time
from collections.abc import Callable
from typing import NoReturn

from nbcompare.engine.processes.answered_calls import END_SECONDS, PATIENCE, AnsweredCalls
from nbcompare.engine.processes.file_uses import FileUses
from nbcompare.engine.processes.strays import close_memory
from nbcompare.engine.processes.watcher import END, FORGET, READY, receive, send

_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}
"""Of the kernel's headers unistd.h and sched/types.h (struct sched_attr)."""

_TURN_NANOSECONDS = 100_000

Handler = Callable[[int], object]


def serve() -> NoReturn:
    """Take in one program after another, by the socket that is standard input, until nobody can send any more."""
    os.closerange(3, 1 << 20)
    close_memory()  # as that of nb-compare: it says what engines did
    os.chdir("/")
    gc.disable()
    _be_soon()
    control = socket.socket(fileno=0)
    control.send(READY)
    Programs(control).serve()


def _be_soon() -> None:
    """Ask the system for short turns (Linux 6.12 and later): who takes short ones is let go on before others that have
    more to do, such as nb-compare, which work beside the engine that waits."""
    number = _SCHED_SETATTR.get(os.uname().machine)
    if number is not None:
        wanted = struct.pack("=IIQiIQQQ", 48, 0, 0, os.getpriority(os.PRIO_PROCESS, 0), 0, _TURN_NANOSECONDS, 0, 0)
        ctypes.CDLL(None).syscall(number, 0, wanted, 0)


class Programs:
    """All programs that are watched."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._events = select.poll()
        self._handlers: dict[int, Handler] = {}
        self._is_as_polled = True
        self._programs: set[_Program] = set()
        self.ending: set[_Program] = set()
        self.on(control.fileno(), self._take_in)

    def serve(self) -> NoReturn:
        """Wait for calls and questions. What calls leave to be entered is entered in a pause."""
        patience: float | None = None
        while True:
            found = self._events.poll(patience)
            self._is_as_polled = True
            for handle, what in found:
                self._handlers[handle](what)
                if not self._is_as_polled:  # the number of what is closed may be that of another by now
                    break
            patience = PATIENCE if found and not self.ending else self._in_a_pause()

    def on(self, handle: int, handler: Handler) -> None:
        """Let something be done whenever there is something at an open file."""
        self._handlers[handle] = handler
        self._events.register(handle, select.POLLIN)

    def off(self, handle: int) -> None:
        """Nothing any more."""
        self._is_as_polled = False
        if self._handlers.pop(handle, None):
            self._events.unregister(handle)

    def drop(self, program: _Program) -> None:
        """Forget a program."""
        self._programs.discard(program)
        self.ending.discard(program)

    def _take_in(self, _: int) -> None:
        said, handles, _flags, _address = socket.recv_fds(self._control, 1, 2)
        if not said:
            os._exit(0)
        self._programs.add(_Program(self, *(socket.socket(fileno=handle) for handle in handles)))

    def _in_a_pause(self) -> float | None:
        """Enter what waits, and end what had its time to end; in so many milliseconds there is more of that."""
        waiting = [left for program in tuple(self._programs) if (left := program.in_a_pause()) is not None]
        return 1000.0 * min(waiting) if waiting else None


class _Program:
    """One of them: its filter's end, and who asks for its account."""

    def __init__(self, programs: Programs, report: socket.socket, talk: socket.socket) -> None:
        self._programs, self._report, self._talk = programs, report, talk
        self._calls = FileUses()
        self._answered: AnsweredCalls | None = AnsweredCalls(self._calls)
        self._listener = -1
        self._until: float | None = None
        programs.on(report.fileno(), self._reports)
        programs.on(talk.fileno(), self._asks)

    def in_a_pause(self) -> float | None:
        """The seconds that it still has, where it is about to end."""
        self._calls.settle()
        left = None if self._until is None else self._until - time.monotonic()
        if left is not None and left <= 0:
            self._is_over()
            return None
        return left

    def _reports(self, _: int) -> None:
        self._programs.off(self._report.fileno())
        if self._answered is None:
            self._report.close()
            return
        self._listener = self._answered.take_over(self._report)
        if self._listener >= 0:
            self._programs.on(self._listener, self._calls_system)
        else:
            self._is_over()

    def _calls_system(self, what: int) -> None:
        if what & select.POLLIN and self._answered:
            self._answered.answer()
        else:
            self._is_over()

    def _asks(self, _: int) -> None:
        try:
            word, names = receive(self._talk)
            if word == END and self._answered:
                self._until = time.monotonic() + END_SECONDS
                self._programs.ending.add(self)
                return
            self._calls.settle()
            if word == FORGET:
                self._calls.forget_names(names)
            self._calls.disk.forget()  # who asks may have changed names himself
            self._tell(word)
        except (OSError, EOFError):  # nobody wants to know any more
            self._until = None
            self._is_over()
            self._go()

    def _is_over(self) -> None:
        """Nothing is answered any more; who waits for the end is told the rest."""
        answered, self._answered = self._answered, None
        if self._listener >= 0:
            self._programs.off(self._listener)
        if answered:
            answered.close()
        if self._until is not None:
            try:
                self._tell(END)
            except OSError:
                self._go()

    def _tell(self, word: int) -> None:
        send(self._talk, self._calls.changes())
        if word == END:
            self._go()

    def _go(self) -> None:
        self._programs.off(self._talk.fileno())
        self._talk.close()
        self._programs.drop(self)
