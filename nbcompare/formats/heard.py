"""What fabio says while it reads: it goes on with a guess, or past a checksum that does not fit, and only logs it.

Nothing of that is printed; what it means for the pixels is an error here.
"""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from nbcompare.errors import FileError, UsageError

_GUESS = re.compile(r"(?i)(fall ?back|default|assum)")
_HARMLESS = re.compile(r"DIM=2")
"""A header that does not say that an image has two dimensions."""

_DAMAGE = re.compile(r"(?i)(mismatch|corrupt|malformed|smaller than|incomplete|unknown compression)")


class _Listener(logging.Handler):
    """Keeps what it is told, each on one line."""

    def __init__(self, heard: list[str]):
        super().__init__(logging.WARNING)
        self.heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(" ".join(record.getMessage().split())[:200])


@contextlib.contextmanager
def heard_from_fabio() -> Iterator[list[str]]:
    """The warnings and errors that fabio logs meanwhile, in place of their being printed."""
    log = logging.getLogger("fabio")
    heard: list[str] = []
    before = log.propagate, log.handlers[:]
    log.propagate, log.handlers = False, [_Listener(heard)]
    try:
        yield heard
    finally:
        log.propagate, log.handlers = before


def refuse_guesses(path: Path, heard: Sequence[str], *, stated: bool) -> None:
    """Raises FileError for damage that was logged, and UsageError for a type or byte order that was guessed, unless
    the user ``stated`` the type."""
    for said in heard:
        if "hecksum" in said:
            raise FileError(f"{path}: its pixels are not those of the checksum in its header; it is damaged")
        if _DAMAGE.search(said):
            raise FileError(f"{path}: it is damaged: {said}")
        if _GUESS.search(said) and not _HARMLESS.search(said) and not stated:
            raise UsageError(f"{path}: its header does not say how the pixels are stored ({said})",
                             hint="say dtype=..., such as dtype=<u2, if what is guessed is right")
