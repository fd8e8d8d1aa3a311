"""Source files: ``X Y Z weight wavelength`` a line (m, relative, m); the last two may be missing."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nanobrag_torch.errors import InputFileError
from nanobrag_torch.io.text import (
    STRICT,
    Allowed,
    hint_of,
    leading_real,
    read_bytes,
    read_text,
    real,
    text_lines,
)
from nanobrag_torch.units import SOURCE_DISTANCE_M

_DELIMITERS = " \t,;:!"
_FIELD = re.compile(r"[^\s,;:!]+")
_NUMBER_CHARACTERS = "0123456789-+.EGeg"
_COLUMNS = 5
_FEWEST_COLUMNS = 3


@dataclass(frozen=True)
class SourceTable:
    """Listed sources: positions (x, y, z) in m, relative weights, and wavelengths in m."""

    positions: tuple
    weights: tuple
    wavelengths_m: tuple


def read_sources(path, wavelength_m: Any, direction: Sequence[Any], emulate, allowed: Allowed = STRICT) -> SourceTable:
    """The sources of a file, in order.

    A line holds three to five numbers, separated by blanks or any of , ; : ! and ended in any way; blank lines
    are skipped, comments and further columns where ``allowed``. A missing weight is 1, a missing wavelength
    ``wavelength_m``. ``direction`` (unit vector of the beam) puts sources whose position is missing at -10 b, which
    only emulation source-file-lines allows.
    Raises InputFileError, naming line and text, for anything else.
    """
    signed = "source-weights" in emulate
    rows = _rows_like_c(path) if "source-file-lines" in emulate else _rows(path, signed, allowed)
    if not rows:
        raise InputFileError("no sources found", path)
    defaults = (*(-SOURCE_DISTANCE_M * x for x in direction), 1.0, wavelength_m)
    full = [tuple(default if value is None else value for value, default in zip(row, defaults, strict=True))
            for row in rows]
    weights = tuple(row[3] for row in full)
    like_c = "source-weights" in emulate or "source-file-lines" in emulate
    if not sum(weights) > 0.0 and not like_c:
        raise InputFileError(f"the weights of the sources add up to {sum(weights):g}", path)
    return SourceTable(tuple(row[:3] for row in full), weights, tuple(row[4] for row in full))


def _rows(path, signed_weights: bool, allowed: Allowed) -> list[tuple]:
    """Five values a line, None where missing."""
    rows, longer = [], 0
    for number, line in text_lines(read_text(path, allowed)):
        words = _FIELD.findall(line)
        if len(words) > _COLUMNS and allowed.columns:
            words, longer = words[:_COLUMNS], longer + 1
        if words:
            rows.append(_row(words, path, number, signed_weights, hint_of(line, allowed)))
    if longer:
        allowed.warn(f"{path}: the columns after the fifth are left out in {longer} lines (-allow)")
    return rows


def _row(words: list[str], path, line: int, signed_weights: bool, hint: str) -> tuple:
    if not _FEWEST_COLUMNS <= len(words) <= _COLUMNS:
        more = hint or (" (-allow columns takes the first five)" if len(words) > _COLUMNS else "")
        raise InputFileError(f"3 to 5 numbers expected (x y z weight wavelength), {len(words)} fields found starting "
                             f"{words[0]!r}{more}", path, line, words[0])
    values = [real(word, path, line, hint) for word in words]
    if values[:3] == [0.0, 0.0, 0.0]:
        raise InputFileError("the source sits on the sample (0 0 0)", path, line, " ".join(words[:3]))
    if len(values) > 3 and values[3] < 0.0 and not signed_weights:
        raise InputFileError(f"negative weight {values[3]:g}", path, line, words[3])
    if len(values) > 4 and not values[4] > 0.0:
        raise InputFileError(f"the wavelength must be positive, not {values[4]:g} m", path, line, words[4])
    return (*values, *[None] * (_COLUMNS - len(values)))


def _rows_like_c(path) -> list[tuple]:
    """Emulation source-file-lines: what is left of a line must be a bare newline for the columns after it to
    count as missing; without one they are 0, and so is any text. Only lines of delimiters are skipped."""
    rows = []
    for line in re.findall("[^\n]*\n|[^\n]+", read_bytes(path).decode("latin-1")):
        rest = line.lstrip(_DELIMITERS)
        if rest != "\n":
            rows.append(_row_like_c(rest))
    return rows


def _row_like_c(rest: str) -> tuple:
    found: list[float] = []
    while len(found) < _COLUMNS and rest != "\n":
        found.append(leading_real(rest))
        rest = rest.lstrip(_NUMBER_CHARACTERS)
        if rest != "\n":
            rest = re.sub(r"\A[^ \t,;:!]*[ \t,;:!]*", "", rest)
    values = [None if math.isnan(value) else value for value in found]
    return (*values, *[None] * (_COLUMNS - len(values)))
