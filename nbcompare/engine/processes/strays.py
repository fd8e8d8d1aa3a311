"""Processes that an engine leaves behind when it has ended: found, ended and told.

The process group ends with the engine. A process that left the group (a daemon) becomes a child of nb-compare, which
is a child subreaper where the system has that (Linux); elsewhere such a process is not found.
"""

from __future__ import annotations

import ctypes
import functools
import os
import signal
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from nbcompare.engine.processes.stopping import groups

GRACE_SECONDS = 1.0
"""A process may be about to end by itself when its engine has."""

PATIENCE_SECONDS = 5.0
_LOOKS = 2
_PR_SET_DUMPABLE, _PR_SET_CHILD_SUBREAPER = 4, 36


@functools.cache
def _prctl(option: int, value: int, _process: int) -> bool:
    """Whether the system did it, for this process: what a forked one is asked again, as it does not inherit it."""
    try:
        return bool(ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) == 0)
    except (OSError, AttributeError):
        return False


def adopt_orphans() -> bool:
    """Become the parent of every process whose parent ends, among all that come from this one."""
    return _prctl(_PR_SET_CHILD_SUBREAPER, 1, os.getpid())


def close_memory() -> bool:
    """Let no other process of this user read this one's memory or open its files by /proc; the superuser still can."""
    return _prctl(_PR_SET_DUMPABLE, 0, os.getpid()) and os.geteuid() != 0


@dataclass(frozen=True)
class _Child:
    """A child of this process, as /proc shows it."""

    pid: int
    name: str
    state: str
    group: int
    session: int


def children() -> frozenset[int]:
    """The children of this process there are now."""
    return frozenset(_child_pids())


def end_strays(before: Collection[int], group: int) -> tuple[str, ...]:
    """End the adopted children that were not there ``before``, and whatever they leave in turn, until none is left.

    Returns those that were alive and had left the engine's process group, as "name (process N)". Children in our own
    session are other people's: no engine can get there; nor are those strays that belong to an engine that still runs,
    beside this one in another thread. Two looks must find nothing: the kernel's list may skip a child while another
    thread takes one from it. What will not end (it may have another user's rights) is named after PATIENCE_SECONDS.
    """
    found: dict[int, str] = {}
    begun, quiet = time.monotonic(), 0
    while quiet < _LOOKS:
        strays = [child for child in _children(but=before) if _is_stray(child)]
        late = time.monotonic() - begun
        quiet = 0 if strays else quiet + 1
        for child in strays:
            _end(child, group, late > GRACE_SECONDS, found)
        if late > PATIENCE_SECONDS:
            found.update((child.pid, f"{child.name} (process {child.pid}; it would not end)") for child in strays)
            break
        if strays:
            time.sleep(0.002 if late < 0.05 else 0.02)
    return tuple(found.values())


def _end(child: _Child, group: int, grace_is_over: bool, found: dict[int, str]) -> None:
    """Take an ended child away; kill one of the engine's group, or, when it had its time to end by itself, any."""
    if child.state in "ZX":
        with suppress(ChildProcessError):
            os.waitpid(child.pid, os.WNOHANG)
    elif child.group == group or grace_is_over:
        if child.group != group:
            found[child.pid] = f"{child.name} (process {child.pid})"
        with suppress(ProcessLookupError, PermissionError):
            os.kill(child.pid, signal.SIGKILL)


def _is_stray(child: _Child) -> bool:
    return child.session != os.getsid(0) and not {child.pid, child.group, child.session} & groups()


def _children(but: Collection[int]) -> Iterator[_Child]:
    for pid in _child_pids().difference(but):
        with suppress(OSError, ValueError, IndexError):
            yield _read(pid)


def _child_pids() -> set[int]:
    """All children, by the lists that the kernel keeps; none where it keeps none."""
    found: set[int] = set()
    with suppress(OSError):
        for task in os.listdir("/proc/self/task"):
            with suppress(OSError, ValueError), open(f"/proc/self/task/{task}/children", "rb", buffering=0) as stream:
                found.update(map(int, stream.readall().split()))
    return found


def _read(pid: int) -> _Child:
    """Fields of /proc/PID/stat; the name stands in parentheses and may hold anything."""
    text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    name, _, rest = text.partition("(")[2].rpartition(")")
    state, _parent, group, session = rest.split()[:4]
    return _Child(pid, name if name.isprintable() else ascii(name), state, int(group), int(session))
