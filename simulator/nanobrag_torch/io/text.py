"""Reading small text files whole, and numbers out of them."""

from __future__ import annotations

import math
from pathlib import Path

from nanobrag_torch.errors import InputFileError


def read_text(path) -> str:
    """The text of a file. Raises InputFileError when it cannot be read, is empty, or is binary."""
    try:
        raw = Path(path).read_bytes()
    except OSError as fault:
        raise InputFileError(f"cannot be read: {fault.strerror}", path) from None
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
