"""Run a program: no shell, output streamed to files, a time limit that ends the whole process group.

Only an allow-list of environment variables is passed on, so that nothing private can be printed into
evidence by a program that lists its environment.
"""

from __future__ import annotations

import fnmatch
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

PASSED_ON = re.compile(r"NB_.*|CUDA.*|CONDA.*|OMP_.*|MKL_.*|KMP_.*|PYTHONPATH"
                       r"|PATH|HOME|LANG|LC_.*|TMPDIR|TZ|LD_LIBRARY_PATH|VIRTUAL_ENV|XDG_CACHE_HOME")
RECORDED = re.compile(r"NB_.*|CUDA.*|CONDA.*|OMP_.*|MKL_.*|KMP_.*|PYTHONPATH")
_PRIVATE = re.compile(r"TOKEN|SECRET|PASS|(^|_)PWD|CRED|AUTH|KEY|BEARER|COOKIE|SESSION|PRIVATE|JWT|(^|_)PAT(_|$)",
                      re.IGNORECASE)
_PRIVATE_VALUE = re.compile(
    r"://[^/\s:@]+:[^/\s@]+@"                       # a password inside a URL
    r"|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|\b(gh[opsur]_|github_pat_|glpat-|xox[abprs]-|sk-|pypi-|npm_|hf_)[A-Za-z0-9_-]{16,}"
    r"|\b(AKIA|ASIA)[A-Z0-9]{16}\b"
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.")
"""What a token looks like, whatever the variable is called: of well-known services, AWS keys, JSON web tokens."""

_PERCENT = re.compile(rb"(\d{1,3})% done")
_POLL_SECONDS = 0.05
_GRACE_SECONDS = 2.0


@dataclass(frozen=True)
class Ended:
    """How a program ended. ``exit_code`` is negative for a signal, None when it never started."""

    exit_code: int | None
    seconds: float
    timed_out: bool
    not_started: str | None = None

    @property
    def signal_name(self) -> str | None:
        if self.exit_code is None or self.exit_code >= 0:
            return None
        with suppress(ValueError):
            return signal.Signals(-self.exit_code).name
        return f"signal {-self.exit_code}"


def allowed_environment(extra: Mapping[str, str] = {}) -> dict[str, str]:
    """The variables a child process gets: those on the allow-list and not private, then ``extra``."""
    kept = {name: value for name, value in os.environ.items()
            if PASSED_ON.fullmatch(name) and not _private(name, value)}
    return {**kept, **extra}


def _private(name: str, value: str) -> bool:
    return bool(_PRIVATE.search(name) or _PRIVATE_VALUE.search(value))


def declared_environment(globs: Sequence[str]) -> dict[str, str]:
    """The user's variables that a declaration hands on; private ones never are."""
    return {name: value for name, value in os.environ.items()
            if any(fnmatch.fnmatchcase(name, glob) for glob in globs) and not _private(name, value)}


def recordable(variables: Mapping[str, str]) -> dict[str, str]:
    """Variables that may stand in evidence: those that do not look private."""
    return {name: value for name, value in sorted(variables.items()) if not _private(name, value)}


def not_passed(engine_gets: Mapping[str, str]) -> list[str]:
    """The names of the user's variables that an engine does not get."""
    return sorted(os.environ.keys() - engine_gets.keys())


def recorded_environment(extra: Mapping[str, str] = {}) -> dict[str, str]:
    """The variables written into evidence, of those that a child process gets."""
    passed = allowed_environment(extra)
    return {name: passed[name] for name in sorted(passed) if RECORDED.fullmatch(name) or name in extra}


def run_program(argv: Sequence[str], *, folder: Path, stdout: Path, stderr: Path, seconds: float,
                extra_environment: Mapping[str, str] = {},
                on_progress: Callable[[float, int | None], None] | None = None) -> Ended:
    """Run ``argv`` in ``folder`` until it ends or ``seconds`` are over.

    ``on_progress`` is called a few times a second with the elapsed seconds and the last percentage the
    program printed. Whatever happens, no process of the group is left running.
    """
    started = time.monotonic()
    with open(stdout, "wb") as out, open(stderr, "wb") as err:
        try:
            process = subprocess.Popen(argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                       env=allowed_environment(extra_environment), start_new_session=True)
        except OSError as fault:
            return Ended(None, 0.0, False, f"{argv[0]}: {fault.strerror}")
        try:
            timed_out = not _wait(process, started, seconds, stdout, on_progress)
        finally:
            _end_group(process)
    return Ended(process.returncode, time.monotonic() - started, timed_out)


def _wait(process, started: float, seconds: float, stdout: Path, on_progress) -> bool:
    """Whether the program ended by itself within its time."""
    told = 0.0
    with _watched(process) as ends_within:
        while not ends_within(_POLL_SECONDS):
            elapsed = time.monotonic() - started
            if elapsed > seconds:
                return False
            if on_progress and elapsed - told > 0.25:
                told = elapsed
                on_progress(elapsed, _last_percentage(stdout))
    return True


@contextmanager
def _watched(process) -> Iterator[Callable[[float], bool]]:
    """What waits some seconds for a program and says whether it has ended. Linux says so at once; elsewhere
    subprocess looks for it again and again, which can take as long as a small program does."""
    def looked_for(seconds: float) -> bool:
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=seconds)
        return process.returncode is not None

    try:
        handle = os.pidfd_open(process.pid)
    except (AttributeError, OSError):
        yield looked_for
        return
    end = select.poll()
    end.register(handle, select.POLLIN)

    def told(seconds: float) -> bool:
        return bool(end.poll(1000.0 * seconds)) and process.wait() is not None

    try:
        yield told
    finally:
        os.close(handle)


def _last_percentage(stdout: Path) -> int | None:
    with open(stdout, "rb") as stream:
        stream.seek(max(0, os.fstat(stream.fileno()).st_size - 400))
        found = _PERCENT.findall(stream.read())
    return min(100, int(found[-1])) if found else None


def _end_group(process) -> None:
    """Ask the whole process group to end, then make it; also the stragglers of a program that ended."""
    for action, patience in ((signal.SIGTERM, _GRACE_SECONDS if process.poll() is None else 0.0),
                             (signal.SIGKILL, _GRACE_SECONDS)):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, action)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=patience)
