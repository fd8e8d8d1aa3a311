"""Stopping: a signal to nb-compare ends every process group that it started, then unwinds what was being made.

The registry holds what is running now. It is asked by the signal handler, so it knows nothing but numbers; and
nothing is started any more once a signal has come.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class Stopped(BaseException):
    """nb-compare was told to stop by a signal. No error, so that nothing takes it for one on the way out."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


class _State:
    """What runs, by process group; the signal that came; how many starts are between process and registry."""

    def __init__(self) -> None:
        self.groups: set[int] = set()
        self.came: int | None = None
        self.starting = 0


_STATE = _State()


def groups() -> frozenset[int]:
    """The process groups that were started and have not ended."""
    return frozenset(_STATE.groups)


@contextmanager
def starting() -> Iterator[set[int]]:
    """While a process is started and its group added to the set; a signal that comes meanwhile is obeyed afterwards."""
    if _STATE.came:
        raise Stopped(_STATE.came)
    _STATE.starting += 1
    try:
        yield _STATE.groups
    finally:
        _STATE.starting -= 1
    if _STATE.came:
        end_groups()
        raise Stopped(_STATE.came)


def ended(group: int) -> None:
    """Take a group that has ended from the registry."""
    _STATE.groups.discard(group)


def end_groups() -> None:
    """Kill everything that was started."""
    for group in groups():
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


def obey_signals() -> None:
    """From now on SIGINT, SIGTERM, SIGHUP and SIGQUIT end all engines and raise Stopped (KeyboardInterrupt for the
    first) in the main thread. One that is ignored, as under nohup, stays so."""
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)


def _passed_over(number: int, _frame: object) -> None:
    """A further signal while the first one is obeyed. SIG_IGN would not do: of a signal that has come already, Python
    prints a trace when it finds that nobody is to be called any more."""


def _stop(number: int, _frame: object) -> None:
    for other in SIGNALS:
        signal.signal(other, _passed_over)  # what is made must be taken away in peace
    _STATE.came = number
    end_groups()
    if not _STATE.starting:
        raise KeyboardInterrupt if number == signal.SIGINT else Stopped(number)
