"""Why an engine failed: in its own last words, and by what is odd about the files it was given."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

MOST_LINES = 5
MOST_CHARACTERS = 300
_TAIL_BYTES = 1 << 14

_ODD = (
    (b"version https://git-lfs.github.com/", "is a git-LFS pointer, not the file it stands for", "git lfs pull"),
    (b"\x1f\x8b", "is packed with gzip", "unpack it with gunzip"),
    (b"BZh", "is packed with bzip2", "unpack it with bunzip2"),
    (b"\xfd7zXZ\x00", "is packed with xz", "unpack it with unxz"),
    (b"PK\x03\x04", "is a zip file", "unpack it with unzip"),
    (b"\xef\xbb\xbf", "begins with a byte-order mark, which is no number", "save it as plain UTF-8"),
    (b"\xff\xfe", "is UTF-16 text", "save it as plain UTF-8"),
    (b"\xfe\xff", "is UTF-16 text", "save it as plain UTF-8"),
)
"""How a file begins that is not what its name says, what it is, and what to do."""


def last_words(stderr: Path, stdout: Path) -> tuple[str, ...]:
    """The last lines of what a program wrote to its standard error, or else to its standard output."""
    for path in (stderr, stdout):
        lines = [line.rstrip() for line in _tail(path).splitlines() if line.strip()]
        if lines:
            return tuple(map(visible, lines[-MOST_LINES:]))
    return ()


def visible(text: str) -> str:
    """A line with every character that is no print escaped, cut where it is long."""
    shown = "".join(char if char.isprintable() else "    " if char == "\t" else ascii(char)[1:-1] for char in text)
    return shown if len(shown) <= MOST_CHARACTERS else shown[:MOST_CHARACTERS - 4] + " ..."


def odd_inputs(folder: Path) -> tuple[str, ...]:
    """A sentence for each input file that cannot be what it is named for."""
    return tuple(sentence for path in sorted(folder.rglob("*")) for sentence in _odd(path, folder))


def _odd(path: Path, folder: Path) -> Iterator[str]:
    name = visible(path.relative_to(folder).as_posix())
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
    for magic, what, remedy in _ODD:
        if begins.startswith(magic):
            yield f"the input {name} {what} ({found.st_size} bytes): {remedy}"


def _tail(path: Path) -> str:
    try:
        with open(path, "rb") as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - _TAIL_BYTES))
            return stream.read(_TAIL_BYTES).decode("utf-8", errors="replace")
    except OSError:
        return ""
