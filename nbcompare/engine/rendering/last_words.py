"""Why an engine failed: in its own last words, and by what is odd about the files it was given."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from nbcompare.files import odd_beginning
from nbcompare.visible import visible

MOST_LINES = 5
MOST_CHARACTERS = 300
_TAIL_BYTES = 1 << 14

def last_words(stderr: Path, stdout: Path) -> tuple[str, ...]:
    """The last lines of what a program wrote to its standard error, or else to its standard output."""
    for path in (stderr, stdout):
        lines = [line.rstrip() for line in _tail(path).splitlines() if line.strip()]
        if lines:
            return tuple(map(shortened, lines[-MOST_LINES:]))
    return ()


def shortened(text: str) -> str:
    """A line in which every character can be seen, cut where it is long."""
    shown = visible(text.replace("\t", "    "))
    return shown if len(shown) <= MOST_CHARACTERS else shown[:MOST_CHARACTERS - 4] + " ..."


def odd_inputs(folder: Path) -> tuple[str, ...]:
    """A sentence for each input file that cannot be what it is named for."""
    return tuple(sentence for path in sorted(folder.rglob("*")) for sentence in _odd(path, folder))


def _odd(path: Path, folder: Path) -> Iterator[str]:
    name = shortened(path.relative_to(folder).as_posix())
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            return
        if found.st_size == 0:
            yield f"the input {name} is empty"
        with open(path, "rb") as stream:
            begins = stream.read(64)
    except OSError:
        return
    odd = odd_beginning(begins)
    if odd:
        what, remedy = odd
        yield f"the input {name} {what} ({found.st_size} bytes): {remedy}"


def _tail(path: Path) -> str:
    try:
        with open(path, "rb") as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - _TAIL_BYTES))
            return stream.read(_TAIL_BYTES).decode("utf-8", errors="replace")
    except OSError:
        return ""
