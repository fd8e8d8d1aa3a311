"""Short questions to other programs (git, ldd, a Python): a limit on time and length, and nothing is left behind."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TypeVar, cast

from nbcompare.engine.processes.process import end_group, start
from nbcompare.engine.processes.readable import is_readable

MOST_BYTES = 32 << 20
_PIECE = 1 << 16
_LOOK_SECONDS = 0.05
Answers = dict[Hashable, object]
_Answer = TypeVar("_Answer")
_ANSWERS: ContextVar[Answers | None] = ContextVar("answers", default=None)


@contextmanager
def asked_once(known: Answers | None = None) -> Iterator[Answers]:
    """While the block runs, what is asked by ``once`` is asked one time; ``known`` are the answers of a block before.

    For the moment before a run, in which no engine is let run: an answer of before one ran is none of after it.
    """
    answers = {} if known is None else known
    before = _ANSWERS.set(answers)
    try:
        yield answers
    finally:
        _ANSWERS.reset(before)


def once(question: Hashable, ask: Callable[[], _Answer]) -> _Answer:
    """The answer to a question, which is asked anew unless ``asked_once`` holds and it was asked before."""
    known = _ANSWERS.get()
    while known is not None:
        with _LOCK:
            there = question in known
            found = known.setdefault(question, _Pending())
        if there and isinstance(found, _Pending):
            found.wait()  # another thread is asking; where that fails, it is asked here
        elif there:
            return cast(_Answer, found)
        else:
            return _asked(question, ask, known)
    return ask()


class _Pending(threading.Event):
    """Stands in place of an answer while a thread asks for it."""


_LOCK = threading.Lock()


def _asked(question: Hashable, ask: Callable[[], _Answer], known: Answers) -> _Answer:
    """Ask, and put the answer in the place that is held for it; nothing stays there where that fails."""
    pending = cast(_Pending, known[question])
    try:
        found = known[question] = ask()
    except BaseException:
        del known[question]
        raise
    finally:
        pending.set()
    return found


def answer(argv: Sequence[str], folder: Path, *, seconds: float, environment: Mapping[str, str] = {},
           most: int = MOST_BYTES, told: str = "") -> bytes | None:
    """What a program prints, started in ``folder`` with the variables that every child gets and ``environment``; it
    may read ``told``.

    None when it could not be started, ended with another exit code than 0, took longer, or printed more than ``most``
    bytes; its process group is ended then.
    """
    pieces: list[bytes] = []
    return b"".join(pieces) if _ends_well(argv, folder, seconds, environment, most, pieces.append, told) else None


def answer_sum(argv: Sequence[str], folder: Path, *, seconds: float, environment: Mapping[str, str] = {},
               most: int = 1 << 32) -> str | None:
    """The sha256 of what a program prints; None as above, and where it prints nothing."""
    digest, lengths = hashlib.sha256(), [0]

    def take(piece: bytes) -> None:
        digest.update(piece)
        lengths[0] += len(piece)

    well = _ends_well(argv, folder, seconds, environment, most, take)
    return digest.hexdigest() if well and lengths[0] else None


def _ends_well(argv: Sequence[str], folder: Path, seconds: float, environment: Mapping[str, str], most: int,
               take: Callable[[bytes], object], told: str = "") -> bool:
    reader, writer = os.pipe()
    try:
        with tempfile.TemporaryFile() as asked:
            asked.write(os.fsencode(told))
            asked.seek(0)
            process = start(argv, folder, environment, stdout=writer, stderr=subprocess.DEVNULL, stdin=asked.fileno())
    except (OSError, ValueError):
        os.close(reader)
        return False
    finally:
        os.close(writer)
    try:
        return _read(process, reader, time.monotonic() + seconds, most, take)
    finally:
        os.close(reader)
        end_group(process)


def _read(process: subprocess.Popen[bytes], reader: int, until: float, most: int,
          take: Callable[[bytes], object]) -> bool:
    """Hand on what comes until the program has ended. Whether it ended well within its limits."""
    left, is_open = most, True
    while time.monotonic() < until and left >= 0:
        has_ended = process.poll() is not None
        if is_open and is_readable(reader, 0 if has_ended else _LOOK_SECONDS):
            piece = os.read(reader, _PIECE)
            is_open, left = bool(piece), left - len(piece)
            take(piece)
        elif has_ended:
            return process.returncode == 0
        elif not is_open and not _ends(process, max(0.0, until - time.monotonic())):
            return False
    return False


def _ends(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait for the end of a program that has closed its output; whether it came in time. Linux tells it at once, where
    Popen.wait sleeps, each time twice as long."""
    try:
        handle = os.pidfd_open(process.pid)
    except (AttributeError, OSError):
        handle = -1
    try:
        if handle >= 0 and not is_readable(handle, seconds):
            return False
        process.wait(None if handle >= 0 else seconds)
        return True
    except subprocess.TimeoutExpired:
        return False
    finally:
        if handle >= 0:
            os.close(handle)
