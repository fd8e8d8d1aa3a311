"""Reading small text files whole, and numbers out of them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from nanobrag_torch.errors import ArgumentError, InputFileError

_REAL_AT_START = re.compile(r"\s*([+-]?(?:inf(?:inity)?|nan|(0x[0-9a-f]+(?:\.[0-9a-f]*)?(?:p[+-]?\d+)?)"
                            r"|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?))", re.IGNORECASE | re.ASCII)


_ODD_BEGINNINGS = (
    (b"version https://git-lfs.github.com/", "a git-LFS pointer, not the file it stands for (git lfs pull)"),
    (b"\x1f\x8b", "packed with gzip (gunzip it first)"),
    (b"\xef\xbb\xbf", "text with a byte-order mark, which is no number (save it as plain UTF-8)"),
    (b"\xff\xfe", "UTF-16 text (save it as plain UTF-8)"),
    (b"\xfe\xff", "UTF-16 text (save it as plain UTF-8)"),
)
_COMMENT = re.compile(r"[#!][^\n]*")
_CR_ALONE = re.compile(r"\r(?!\n|\Z)")


@dataclass(frozen=True)
class Allowed:
    """What readers may pass over because the user said so (-allow): ``comments`` from # or ! to the end of a line,
    ``columns`` after the last one that is read. ``warn`` is told what was passed over."""

    comments: bool = False
    columns: bool = False
    warn: Callable[[str], None] = lambda message: None


STRICT = Allowed()


def parse_allowed(words: str | None, warn: Callable[[str], None]) -> Allowed:
    """The value of -allow: ``comments``, ``columns`` or both with a comma between. Raises ArgumentError."""
    names = words.split(",") if words is not None else []
    for name in names:
        if name not in ("comments", "columns"):
            raise ArgumentError(f"-allow: comments, columns or comments,columns expected, {words!r} given")
    return Allowed("comments" in names, "columns" in names, warn)


def read_bytes(path) -> bytes:
    """The bytes of a file. Raises InputFileError when it cannot be read."""
    try:
        return Path(path).read_bytes()
    except OSError as fault:
        raise InputFileError(f"cannot be read: {fault.strerror}", path) from None


def read_text(path, allowed: Allowed = STRICT) -> str:
    """The text of a file, its comments cut out where they are allowed.

    Raises InputFileError when it cannot be read, is empty, is binary or packed, or ends its lines with CR alone.
    """
    raw = read_bytes(path)
    if not raw.strip():
        raise InputFileError("the file is empty", path)
    for begins, what in _ODD_BEGINNINGS:
        if raw.startswith(begins):
            raise InputFileError(f"this is {what}", path)
    if b"\0" in raw:
        raise InputFileError("this is no text (it holds a zero byte)", path)
    text = raw.decode("latin-1")
    if _CR_ALONE.search(text) and "\n" not in text:
        raise InputFileError("its lines end in CR alone, as on old Macintoshes (dos2unix -c mac mends it)", path)
    return _without_comments(text, path, allowed) if allowed.comments else text


def _without_comments(text: str, path, allowed: Allowed) -> str:
    text, comments = _COMMENT.subn("", text)
    if comments:
        allowed.warn(f"{path}: {comments} comment{'s' if comments > 1 else ''} left out (-allow)")
    return text


def hint_of(line: str, allowed: Allowed) -> str:
    """What to say after a refusal of a line with a comment in it."""
    return "" if allowed.comments or not _COMMENT.search(line) else " (-allow comments leaves out # and !)"


def text_lines(text: str) -> Iterator[tuple[int, str]]:
    """(number, text) of each line, counted from 1."""
    return enumerate(text.split("\n"), start=1)


def real(word: str, path, line: int, hint: str = "") -> float:
    """A finite number, or an InputFileError that names the line and the word, and ends with ``hint``."""
    try:
        value = float(word)
    except ValueError:
        raise InputFileError(f"{word!r} is not a number{hint}", path, line, word) from None
    if not math.isfinite(value) or "_" in word:
        raise InputFileError(f"{word!r} is not a finite number{hint}", path, line, word)
    return value


def leading_real(text: str) -> float:
    """The number that a text starts with, 0 where there is none, as C's atof has it."""
    match = _REAL_AT_START.match(text)
    if not match:
        return 0.0
    return float.fromhex(match.group(1)) if match.group(2) else float(match.group(1))
