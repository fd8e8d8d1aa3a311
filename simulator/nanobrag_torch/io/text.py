"""Reading small text files whole, and numbers out of them."""

from __future__ import annotations

import math
import re
from pathlib import Path

from nanobrag_torch.errors import InputFileError

_REAL_AT_START = re.compile(r"\s*([+-]?(?:inf(?:inity)?|nan|(0x[0-9a-f]+(?:\.[0-9a-f]*)?(?:p[+-]?\d+)?)"
                            r"|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?))", re.IGNORECASE | re.ASCII)


def read_bytes(path) -> bytes:
    """The bytes of a file. Raises InputFileError when it cannot be read."""
    try:
        return Path(path).read_bytes()
    except OSError as fault:
        raise InputFileError(f"cannot be read: {fault.strerror}", path) from None


def read_text(path) -> str:
    """The text of a file. Raises InputFileError when it cannot be read, is empty, or is binary."""
    raw = read_bytes(path)
    if not raw.strip():
        raise InputFileError("the file is empty", path)
    if b"\0" in raw:
        raise InputFileError("this is no text (it holds a zero byte)", path)
    return raw.decode("latin-1")


def real(word: str, path, line: int) -> float:
    """A finite number, or an InputFileError that names the line and the word."""
    try:
        value = float(word)
    except ValueError:
        raise InputFileError(f"{word!r} is not a number", path, line, word) from None
    if not math.isfinite(value) or "_" in word:
        raise InputFileError(f"{word!r} is not a finite number", path, line, word)
    return value


def leading_real(text: str) -> float:
    """The number that a text starts with, 0 where there is none, as C's atof has it."""
    match = _REAL_AT_START.match(text)
    if not match:
        return 0.0
    return float.fromhex(match.group(1)) if match.group(2) else float(match.group(1))
