"""Starting a watched program without a copy of this process: posix_spawn, called by a thread that has put the filter on
itself.

A filter of seccomp is of one thread, and of all that this starts. So nothing of Python has to run in the child, and the
kernel makes no copy of our pages: of a process of 60 MB that took 9 ms, here and in the child, and this takes one. The
call is made by ctypes, which lets other threads of Python go on meanwhile: the one that answers for the filter has to,
before the program begins. Where the system's library has not all that is needed, programs are started by ``fork``.
"""

from __future__ import annotations

import ctypes
import functools
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

_SIGNALS_TO_DEFAULT, _NEW_SESSION = 0x04, 0x80
_SIZE = 1024
"""Bytes, more than attributes, actions and sets of signals have in any library."""

_NEEDED = ("posix_spawn", "posix_spawn_file_actions_init", "posix_spawn_file_actions_destroy",
           "posix_spawn_file_actions_adddup2", "posix_spawn_file_actions_addchdir_np",
           "posix_spawn_file_actions_addclosefrom_np", "posix_spawnattr_init", "posix_spawnattr_destroy",
           "posix_spawnattr_setflags", "posix_spawnattr_setsigdefault", "sigemptyset", "sigaddset")


class Spawned(subprocess.Popen[bytes]):
    """A process that was started here, to be waited for as any other; it has no pipes."""

    def __init__(self, argv: Sequence[str], pid: int) -> None:
        self.args, self.pid, self.returncode = list(argv), pid, None
        self.stdin = self.stdout = self.stderr = None
        self._child_created = True
        self._waitpid_lock, self._sigint_wait_secs = threading.Lock(), 0.25
        self._communication_started, self._input, self._closed_child_pipe_fds = False, None, True


def spawned(argv: Sequence[str], folder: Path, variables: Mapping[str, str], *, stdout: int, stderr: int,
            before: Callable[[], None]) -> Spawned | None:
    """Start a program in ``folder`` with these variables alone, nothing to read, and no open file but those two; it
    leads a session of its own. ``before`` is called in the thread that starts it. None where this way is not open.

    Raises OSError when it cannot be started.
    """
    words = [os.fsencode(word) for word in argv]
    settings = [os.fsencode(f"{name}={value}") for name, value in variables.items()]
    if _library() is None or b"/" not in words[0] or min(stdout, stderr) <= 2 or b"\0" in b"".join((*words, *settings)):
        return None
    found: list[int | BaseException] = []

    def start() -> None:
        try:
            before()
            found.append(_spawn(words, settings, os.fsencode(folder), nothing, stdout, stderr))
        except BaseException as fault:
            found.append(fault)

    nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    try:
        thread = threading.Thread(target=start, name="start")
        thread.start()
        thread.join()
    finally:
        os.close(nothing)
    if isinstance(found[0], BaseException):
        raise found[0]
    return Spawned(argv, found[0])


@functools.cache
def _library() -> ctypes.CDLL | None:
    """The system's library, where it has all that is needed."""
    try:
        found = ctypes.CDLL(None)
    except OSError:
        return None
    return found if all(hasattr(found, name) for name in _NEEDED) else None


def _spawn(words: Sequence[bytes], settings: Sequence[bytes], folder: bytes, stdin: int, stdout: int,
           stderr: int) -> int:
    """The number of the new process. Raises OSError."""
    library = _library()
    assert library is not None, "it was asked for before"
    pid = ctypes.c_int()
    with _made(library, "posix_spawn_file_actions") as actions, _made(library, "posix_spawnattr") as attributes:
        for handle, target in ((stdin, 0), (stdout, 1), (stderr, 2)):
            _said(library.posix_spawn_file_actions_adddup2(actions, handle, target))
        _said(library.posix_spawn_file_actions_addclosefrom_np(actions, 3))
        _said(library.posix_spawn_file_actions_addchdir_np(actions, folder))
        ignored = ctypes.create_string_buffer(_SIZE)
        library.sigemptyset(ignored)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # which Python ignores
            library.sigaddset(ignored, int(number))
        _said(library.posix_spawnattr_setsigdefault(attributes, ignored))
        _said(library.posix_spawnattr_setflags(attributes, ctypes.c_short(_SIGNALS_TO_DEFAULT | _NEW_SESSION)))
        _said(library.posix_spawn(ctypes.byref(pid), words[0], actions, attributes, _texts(words), _texts(settings)))
    return pid.value


@contextmanager
def _made(library: ctypes.CDLL, kind: str) -> Iterator[ctypes.Array[ctypes.c_char]]:
    made = ctypes.create_string_buffer(_SIZE)
    _said(getattr(library, f"{kind}_init")(made))
    try:
        yield made
    finally:
        getattr(library, f"{kind}_destroy")(made)


def _texts(words: Sequence[bytes]) -> ctypes.Array[ctypes.c_char_p]:
    return (ctypes.c_char_p * (len(words) + 1))(*words, None)


def _said(fault: int) -> None:
    if fault:
        raise OSError(fault, os.strerror(fault))
