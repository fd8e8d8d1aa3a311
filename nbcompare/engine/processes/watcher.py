"""The process that watches what engines open, as this one sees it: started once, for all engines of this process.

It answers the calls of an engine (answered_calls.py) in a process that does nothing else, as the engine waits for each
answer, and a thread of ours would have to wait for Python's lock first. What it saw is fetched when it is asked for.
Its own side is in watcher_process.py. Where none can be started, or the system lets a process look only into those that
it started itself (Yama), the answers are a thread's.

It ends with this process, however that ends, as it waits at a socket that is closed then. Should it end before, calls
of engines fail, and so do their runs: what they opened is not known.
"""

from __future__ import annotations

import contextlib
import marshal
import os
import signal
import socket
import struct
import sys
import threading
import time
from pathlib import Path
from typing import Any

from nbcompare.engine.processes.file_uses import FileUses, nothing_waits
from nbcompare.engine.processes.readable import is_readable

SETTLE, FORGET, END = range(3)
"""What is asked: what was done since the last question; to forget some names; and, in the end, the rest."""

READY = b"."
_MOST_SECONDS = 60.0
"""Longer than an answer takes where all is well; what is stopped is ended then."""
_SIZE = struct.Struct("=I")
_OURS = Path(__file__).parents[3]
_STARTER = ("import sys; sys.path.append(sys.argv[1]); "
            "from nbcompare.engine.processes.watcher_process import serve; serve()")
_PASSED_ON = ("LANG", "LC_", "LD_LIBRARY_PATH")
_ONLY_OWN = Path("/proc/sys/kernel/yama/ptrace_scope")


class Watcher:
    """The process, from its start on."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.was_ready = False
        with theirs:
            self.pid = _spawned(theirs.fileno())

    def is_ready(self) -> bool:
        """Whether it is there, after a wait for its start."""
        with contextlib.suppress(OSError):
            if not self.was_ready:
                self._socket.settimeout(_MOST_SECONDS)
                self.was_ready = self._socket.recv(1) == READY
            return self.was_ready and not is_readable(self._socket.fileno())
        return False

    def account(self, calls: FileUses, report: socket.socket) -> Account:
        """Let it answer for a program whose filter's end comes from ``report``. Raises OSError."""
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(self._socket, [READY], [report.fileno(), theirs.fileno()])
        report.close()
        return Account(calls, ours, self)

    def end(self) -> str:
        """How it ended, in words; where it still lives it is ended, as it does not answer."""
        with contextlib.suppress(OSError):
            until = time.monotonic() + 1.0
            while not (found := os.waitpid(self.pid, os.WNOHANG))[0]:
                if time.monotonic() > until:
                    os.kill(self.pid, signal.SIGKILL)
                    return "it gave no answer"
                time.sleep(0.01)
            code = os.waitstatus_to_exitcode(found[1])
            return signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return "nobody knows how"


class Account:
    """What it sees of one program; ``calls`` is brought up to date when it is asked for. ``lost`` says how the watch
    ended before the program did."""

    def __init__(self, calls: FileUses, talk: socket.socket, watcher: Watcher) -> None:
        self.calls, self._talk, self._watcher = calls, talk, watcher
        self.lost: str | None = None
        self._lock, self._is_open = threading.Lock(), True
        talk.settimeout(_MOST_SECONDS)
        calls.settle, calls.forget_there = self._settle, self._forget

    def end(self) -> None:
        """Fetch the rest, when all processes of the program have ended, or could not do anything any more."""
        self._ask(END)
        self._is_open = False
        self._talk.close()
        self.calls.settle, self.calls.forget_there = nothing_waits, None

    def _settle(self) -> None:
        self._ask(SETTLE)

    def _forget(self, names: tuple[str, ...]) -> None:
        self._ask(FORGET, names)

    def _ask(self, word: int, names: tuple[str, ...] = ()) -> None:
        with self._lock:
            if not self._is_open or self.lost:
                return
            try:
                send(self._talk, (word, names))
                self.calls.take(*receive(self._talk))
            except (OSError, EOFError, ValueError, TypeError):
                self.lost = f"the process of nb-compare that watched it was ended meanwhile ({self._watcher.end()})"
                self.calls.unwatched = self.lost


class _WatcherState:
    """The one of this process; another number says that this is a fork of the one that started it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.watcher: Watcher | None = None
        self.process = 0
        self.is_possible = True


_STATE = _WatcherState()


def watcher() -> Watcher | None:
    """The one that watches for this process, started where there is none that lives; None where there can be none."""
    with _STATE.lock:
        for _ in range(2):
            found = _begun()
            if found is None or found.is_ready():
                return found
            found.end()
            _STATE.watcher, _STATE.is_possible = None, found.was_ready
        return None


def begin() -> None:
    """Start it, so that it is there when it is needed."""
    with _STATE.lock:
        _begun()


def _begun() -> Watcher | None:
    if _STATE.process != os.getpid():
        _STATE.watcher, _STATE.process = None, os.getpid()
    if _STATE.watcher is None and _STATE.is_possible:
        try:
            _STATE.watcher = Watcher() if _may_look_into_others() else None
        except (OSError, ValueError, TypeError):  # as where Python does not know its own program
            _STATE.is_possible = False
    return _STATE.watcher


def _may_look_into_others() -> bool:
    """Whether the system lets a process look into those of its user that it did not start itself."""
    try:
        return _ONLY_OWN.read_text().strip() == "0"
    except OSError:
        return sys.platform == "linux"


def _spawned(handle: int) -> int:
    """The number of the new process, which has a socket as its standard input and nothing else that is open. Signals
    that end a group, as those of a keyboard, do not reach it. Raises OSError."""
    words = [sys.executable, "-I", "-S", *(["-B"] if sys.dont_write_bytecode else []),
             "-X", f"utf8={int(sys.getfilesystemencoding() == 'utf-8')}", "-c", _STARTER, str(_OURS)]
    variables = {name: value for name, value in os.environ.items() if name.startswith(_PASSED_ON)}
    nowhere = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_WRONLY, 0) for number in (1, 2)]
    return os.posix_spawn(words[0], words, variables, file_actions=[(os.POSIX_SPAWN_DUP2, handle, 0), *nowhere],
                          setsigmask=[signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])


def send(talk: socket.socket, told: Any) -> None:
    """Say something that marshal knows. Raises OSError."""
    stored = marshal.dumps(told)
    talk.sendall(_SIZE.pack(len(stored)) + stored)


def receive(talk: socket.socket) -> Any:
    """What was said. Raises OSError, and EOFError where nobody is there any more."""
    return marshal.loads(_exactly(talk, *_SIZE.unpack(_exactly(talk, _SIZE.size))))


def _exactly(talk: socket.socket, size: int) -> bytes:
    pieces = []
    while size:
        piece = talk.recv(size)
        if not piece:
            raise EOFError("it ended")
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)
