"""Reflection lists in plain text: one ``h k l F`` a line."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from nanobrag_torch.errors import InputFileError
from nanobrag_torch.io.text import STRICT, Allowed, hint_of, read_text, real, text_lines

MOST_GRID_POINTS = 2**28
LARGEST_INDEX = 1_000_000
_COLUMNS = 4
_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)")
_REGULAR = re.compile(r"(?:(?:[ \t]*+(?:[+-]?[0-9]{1,18}+[ \t]++){3}[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)"
                      r"(?:[eE][+-]?[0-9]++)?)?[ \t\r]*+(?:\n|\Z))*+", re.ASCII)
_WHOLE = re.compile(r"\s*([+-]?\d+)")


@dataclass(frozen=True)
class ReflectionGrid:
    """Amplitudes on the smallest grid that holds all indices, h slowest and l fastest.

    ``padded`` is float64 [nh+1, nk+1, nl+1]: one entry of padding per axis, as dump files have it.
    ``count`` is the number of records read.
    """

    h_min: int
    h_max: int
    k_min: int
    k_max: int
    l_min: int
    l_max: int
    padded: np.ndarray
    count: int

    @property
    def F(self) -> np.ndarray:
        """The grid without its padding, [nh, nk, nl]."""
        return self.padded[:-1, :-1, :-1]


def read_hkl(path, default_F: float = 0.0, columns: str = "strict", allowed: Allowed = STRICT) -> ReflectionGrid:
    """Read a reflection list; grid points that are not listed hold ``default_F``, later records win.

    ``columns="strict"``: every line is exactly three integers and a number, or blank; ``allowed`` may let comments and
    further columns pass. ``"stream"``: numbers are taken four at a time whatever the lines, until the first that
    cannot be read, as the C program does; nothing else is allowed there.
    Raises InputFileError, naming line and text, for anything else.
    """
    like_c = columns == "stream"
    text = read_text(path, STRICT if like_c else allowed)
    read = _read_fast(text) or (_read_stream(text, path) if like_c else _read_lines(text, path, allowed))
    return _grid(*read, default_F, path)


def _read_fast(text: str):
    """All numbers at once when every line is blank or three integers and a decimal number; None otherwise."""
    if not text.strip() or not _REGULAR.fullmatch(text):
        return None
    values = np.fromstring(text, dtype=np.float64, sep=" ").reshape(-1, 4)
    if not np.isfinite(values).all() or (np.abs(values[:, :3]) > LARGEST_INDEX).any():
        return None
    return values[:, :3].astype(np.int64), values[:, 3], len(values)


def _read_lines(text: str, path, allowed: Allowed):
    """Line by line, to accept what is valid and to name what is not."""
    rows, longer = [], 0
    for number, line in text_lines(text):
        words = line.split()
        if not words:
            continue
        if len(words) > _COLUMNS and allowed.columns:
            words, longer = words[:_COLUMNS], longer + 1
        if len(words) != _COLUMNS:
            raise InputFileError(f"a reflection is h k l F, four numbers; found {line.strip()[:60]!r}"
                                 + _hint(line, words, allowed), path, number, line)
        hint = hint_of(line, allowed)
        for word in words[:3]:
            if not re.fullmatch(r"[+-]?\d{1,18}", word):
                raise InputFileError(f"the index {word!r} is not an integer{hint}", path, number, word)
            if abs(int(word)) > LARGEST_INDEX:
                raise InputFileError(f"the index {word} is out of all range", path, number, word)
        rows.append((*(int(word) for word in words[:3]), real(words[3], path, number, hint)))
    table = np.array(rows, dtype=np.float64).reshape(-1, _COLUMNS)
    if not len(table):
        raise InputFileError("no reflections", path)
    if longer:
        allowed.warn(f"{path}: the columns after the fourth are left out in {longer} lines (-allow)")
    return table[:, :3].astype(np.int64), table[:, 3], len(table)


def _hint(line: str, words: list[str], allowed: Allowed) -> str:
    comment = hint_of(line, allowed)
    return comment or (" (-allow columns takes the first four)" if len(words) > _COLUMNS else "")


def _read_stream(text: str, path):
    """Emulation hkl-columns: a first pass that counts records of four numbers and ranges their indices, a
    second that stores them until an index is not a whole number. Ranges are cut to whole numbers."""
    numbers = list(_scan(text, _NUMBER, _NUMBER))
    records = np.array(numbers[: len(numbers) // 4 * 4], dtype=np.float64).reshape(-1, 4)
    if not len(records):
        raise InputFileError("not enough HKL indices: no record of four numbers", path)
    stored = list(_scan(text, _WHOLE, _NUMBER))
    table = np.array(stored[: len(stored) // 4 * 4], dtype=np.float64).reshape(-1, 4)
    corners = np.stack([records[:, :3].min(axis=0), records[:, :3].max(axis=0)]).astype(np.int64)
    indices = table[:, :3].astype(np.int64)
    if (indices < corners[0]).any() or (indices > corners[1] + 1).any():
        raise InputFileError("read four numbers at a time, an index lies outside the ranges of the list (the C program "
                             "writes outside its memory here)", path)
    return indices, table[:, 3], len(records), corners


def _scan(text: str, index: re.Pattern, amplitude: re.Pattern):
    at, column = 0, 0
    while True:
        match = (amplitude if column == 3 else index).match(text, at)
        if not match:
            return
        yield float(match.group(1))
        at, column = match.end(), (column + 1) % 4


def _grid(indices, amplitudes, count, *rest) -> ReflectionGrid:
    corners, default_F, path = rest if len(rest) == 3 else (None, *rest)
    if corners is None:
        corners = np.stack([indices.min(axis=0), indices.max(axis=0)])
    low, high = corners
    sizes = [int(size) for size in high - low + 2]
    if sizes[0] * sizes[1] * sizes[2] > MOST_GRID_POINTS:
        ranges = ", ".join(f"{a}..{b}" for a, b in zip(low, high, strict=True))
        raise InputFileError(f"indices {ranges} make a grid too large to hold", path)
    padded = np.zeros(sizes)
    padded[:-1, :-1, :-1] = default_F
    at = np.ravel_multi_index(tuple((indices - low).T), sizes)
    padded.reshape(-1)[at] = amplitudes
    (h0, k0, l0), (h1, k1, l1) = (map(int, corner) for corner in corners)
    return ReflectionGrid(h0, h1, k0, k1, l0, l1, padded, count)
