"""Run a program: no shell, output streamed to files, a time limit that ends the whole process group.

Only an allow-list of environment variables is passed on, so that nothing private can be printed into
evidence by a program that lists its environment.
"""

from __future__ import annotations

import fnmatch
import functools
import hashlib
import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from nbcompare.engine.processes.kept_stream import MOST_BYTES, KeptStream
from nbcompare.engine.processes.open_calls import OpenCalls
from nbcompare.engine.processes.redact import redacted, redacted_value
from nbcompare.engine.processes.spawned import spawned
from nbcompare.engine.processes.stopping import ended, starting
from nbcompare.engine.processes.strays import adopt_orphans, children, end_strays

PASSED_ON = re.compile(r"NB_.*|CUDA.*|CONDA.*|OMP_.*|MKL_.*|KMP_.*|PYTHONPATH"
                       r"|PATH|HOME|LANG|LC_.*|TMPDIR|TZ|LD_LIBRARY_PATH|VIRTUAL_ENV|XDG_CACHE_HOME")
RECORDED = re.compile(r"NB_.*|CUDA.*|CONDA.*|OMP_.*|MKL_.*|KMP_.*|PYTHONPATH"
                      r"|HOME|LANG|LC_.*|TZ|VIRTUAL_ENV")
_PRIVATE = re.compile(r"TOKEN|SECRET|PASS|(^|_)PWD|CRED|AUTH|KEY|BEARER|COOKIE|SESSION|PRIVATE|JWT|(^|_)PAT(_|$)",
                      re.IGNORECASE)

HIDDEN = "not shown, sum "
"""How what is kept of a variable that looks private begins."""

_PERCENT = re.compile(rb"(\d{1,3})% done")
_POLL_SECONDS = 0.05
_PAUSE_MILLISECONDS = 20
"""After a few lines nothing but the end of a program is waited for so long: one that tells each percent of a short run
would wake us a hundred times."""
_GRACE_SECONDS = 2.0


@dataclass(frozen=True)
class ProcessEnd:
    """How a program ended. ``exit_code`` is negative for a signal, None when it never started; ``left`` are the
    processes that it left behind outside of its group, and that were ended."""

    exit_code: int | None
    seconds: float
    timed_out: bool
    not_started: str | None = None
    left: tuple[str, ...] = ()

    @property
    def signal_name(self) -> str | None:
        if self.exit_code is None or self.exit_code >= 0:
            return None
        with suppress(ValueError):
            return signal.Signals(-self.exit_code).name
        return f"signal {-self.exit_code}"


def allowed_environment(extra: Mapping[str, str] = {}) -> dict[str, str]:
    """The variables a child process gets: those on the allow-list and not private, then ``extra``."""
    kept = {name: value for name, value in os.environ.items() if _is_passed_on(name, value)}
    return {**kept, **extra}


@functools.lru_cache(maxsize=1 << 10)
def _is_passed_on(name: str, value: str) -> bool:
    return bool(PASSED_ON.fullmatch(name)) and not _private(name, value)


def _private(name: str, value: str) -> bool:
    return bool(_PRIVATE.search(name)) or redacted(value) != value


def declared_environment(globs: Sequence[str]) -> dict[str, str]:
    """The user's variables that a declaration hands on; private ones never are (``withheld``)."""
    return {name: value for name, value in _named_by(globs).items() if not _private(name, value)}


def withheld(globs: Sequence[str]) -> list[str]:
    """The names of the user's variables that a declaration would hand on, and that look private."""
    return sorted(name for name, value in _named_by(globs).items() if _private(name, value))


def _named_by(globs: Sequence[str]) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if any(fnmatch.fnmatchcase(name, g) for g in globs)}


def recordable(variables: Mapping[str, str]) -> dict[str, str]:
    """Variables as they may stand in evidence: of one that looks private, which may be the number of passes as well as
    a password, no value but what tells it from another one."""
    return {name: _hidden(name, value) if _private(name, value) else value for name, value in sorted(variables.items())}


@functools.cache
def _hidden(name: str, value: str) -> str:
    """Twenty bits of a sum that is slow to make: another value has another one but once in a million, and of a
    password there is too little for a guess to be confirmed by it."""
    digest = hashlib.scrypt(value.encode(errors="surrogateescape"), salt=name.encode(), n=1 << 14, r=8, p=1, dklen=3)
    return f"{HIDDEN}{digest.hex()[:5]}"


def not_passed(engine_gets: Mapping[str, str]) -> list[str]:
    """The names of the user's variables that an engine does not get."""
    return sorted(os.environ.keys() - engine_gets.keys())


def recorded_environment(extra: Mapping[str, str] = {}) -> dict[str, str]:
    """The variables written into evidence, of those that a child process gets."""
    passed = allowed_environment(extra)
    recorded = {name: passed[name] for name in sorted(passed) if RECORDED.fullmatch(name) or name in extra}
    return {name: value if name in extra else redacted_value(name, value) for name, value in recorded.items()}


def run_program(argv: Sequence[str], *, folder: Path, stdout: Path, stderr: Path, seconds: float,
                extra_environment: Mapping[str, str] = {},
                on_progress: Callable[[float, int | None], None] | None = None, most: int = MOST_BYTES,
                watch: OpenCalls | None = None) -> ProcessEnd:
    """Run ``argv`` in ``folder`` until it ends or ``seconds`` are over.

    ``on_progress`` is called a few times a second with the elapsed seconds and the last percentage the
    program printed; ``most`` bytes are kept of each stream; ``watch`` sees what it opens. Whatever happens, no process
    that came from the program is left running: neither of its group nor, where the system lets us find it, one that
    left the group.
    """
    began = time.monotonic()
    adopt_orphans()
    before = children()
    with KeptStream(stdout, most) as out, KeptStream(stderr, most) as err:
        try:
            process = start(argv, folder, extra_environment, stdout=out.writer, stderr=err.writer, watch=watch)
        except OSError as fault:
            return ProcessEnd(None, 0.0, False, f"{argv[0]}: {fault.strerror}")
        left: tuple[str, ...] = ()
        try:
            out.started()
            err.started()
            timed_out = not _attend(process, began, seconds, (out, err), on_progress)
        finally:
            end_group(process)
            left = end_strays(before, process.pid)
        for stream in (out, err):
            stream.drain()
    return ProcessEnd(process.returncode, time.monotonic() - began, timed_out, left=left)


def start(argv: Sequence[str], folder: Path, extra_environment: Mapping[str, str], *, stdout: int,
          stderr: int, stdin: int = subprocess.DEVNULL, watch: OpenCalls | None = None) -> subprocess.Popen[bytes]:
    """Start a program as the leader of a process group that is ended when nb-compare is stopped.

    Raises OSError when it cannot be started. ``end_group`` must be called in the end.
    """
    variables, at_start = allowed_environment(extra_environment), watch.at_start if watch else None
    with starting() as groups:
        process: subprocess.Popen[bytes] | None = None
        if at_start and stdin == subprocess.DEVNULL:
            process = spawned(argv, folder, variables, stdout=stdout, stderr=stderr, before=at_start)
        if process is None:
            process = subprocess.Popen(argv, cwd=folder, stdin=stdin, stdout=stdout, stderr=stderr, env=variables,
                                       start_new_session=True,
                                       preexec_fn=at_start)  # noqa: PLW1509 (it takes no lock)
        groups.add(process.pid)
    return process


def _attend(process: subprocess.Popen[bytes], began: float, seconds: float, streams: Sequence[KeptStream],
            on_progress: Callable[[float, int | None], None] | None) -> bool:
    """Keep what a program prints until it ends. Whether it ended by itself within its time."""
    told = 0.0
    with _watched(process, streams) as has_ended:
        while not has_ended():
            elapsed = time.monotonic() - began
            if elapsed > seconds:
                return False
            if on_progress and elapsed - told > 0.25:
                told = elapsed
                on_progress(elapsed, _percentage(streams[0].last))
    return True


@contextmanager
def _watched(process: subprocess.Popen[bytes], streams: Sequence[KeptStream]) -> Iterator[Callable[[], bool]]:
    """What waits a moment for output or the end of a program, and says whether it has ended. Linux tells the end at
    once; elsewhere it is looked for, at the latest after a moment."""
    events, end = select.poll(), select.poll()
    open_streams = {stream.reader: stream for stream in streams}
    for reader in open_streams:
        events.register(reader, select.POLLIN)
    try:
        handle = os.pidfd_open(process.pid)
        events.register(handle, select.POLLIN)
        end.register(handle, select.POLLIN)
    except (AttributeError, OSError):
        handle = -1

    def has_ended() -> bool:
        ended = False
        for ready, _ in events.poll(1000.0 * _POLL_SECONDS):
            if ready == handle:
                ended = True
            elif not open_streams[ready].take():
                events.unregister(ready)
            elif handle >= 0 and not open_streams[ready].took_much:
                ended = ended or bool(end.poll(_PAUSE_MILLISECONDS))
        if ended:
            process.wait()
        elif handle < 0:
            process.poll()
        return process.returncode is not None

    try:
        yield has_ended
    finally:
        if handle >= 0:
            os.close(handle)


def _percentage(text: bytes) -> int | None:
    found = _PERCENT.findall(text)
    return min(100, int(found[-1])) if found else None


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Ask the whole process group to end, then make it; also the stragglers of a program that ended."""
    for action, patience in ((signal.SIGTERM, _GRACE_SECONDS if process.poll() is None else 0.0),
                             (signal.SIGKILL, _GRACE_SECONDS)):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, action)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=patience)
    if process.returncode is not None:
        ended(process.pid)
