"""Binary dumps of the grid of structure factors, in the C program's layout.

``hmin hmax kmin kmax lmin lmax`` in text, newline, form feed, then native doubles, h slowest and l fastest, with
one entry of padding per axis.
"""

from __future__ import annotations

import math
import re

import numpy as np

from nanobrag_torch.errors import InputFileError
from nanobrag_torch.io.atomic import atomic_output
from nanobrag_torch.io.hkl import LARGEST_INDEX, MOST_GRID_POINTS, ReflectionGrid
from nanobrag_torch.io.text import read_bytes

_LONGEST_FIRST_LINE = 128
_LIMITS = 6
_DIGITS = rb"[+-]?[0-9]{1,9}"
_LIMITS_LIKE_C = re.compile(rb"\s*" + rb"\s*".join([rb"([+-]?[0-9]{1,9})"] * _LIMITS) + rb"\s*")


def read_dump(path, emulate) -> ReflectionGrid:
    """The grid of a dump; ``count`` is its number of points.

    Raises InputFileError unless newline and form feed end the header, every number is there and finite, and
    nothing follows. Emulation fdump-reuse skips all white space after the header, leading bytes of data too,
    and takes what numbers it finds, 0 where the file ends.
    """
    raw = read_bytes(path)
    like_c = "fdump-reuse" in emulate
    limits, start = (_limits_like_c if like_c else _limits)(raw, path)
    shape = [int(high - low + 2) for low, high in zip(limits[0::2], limits[1::2], strict=True)]
    if min(shape) < 2:
        raise InputFileError("the limits of an index are the wrong way round", path, 1)
    if math.prod(shape) > MOST_GRID_POINTS:
        raise InputFileError(f"indices {limits} make a grid too large to hold", path, 1)
    size = 8 * math.prod(shape)
    data = raw[start:]
    if like_c:
        data = data[:size].ljust(size, b"\0")
    elif len(data) != size:
        raise InputFileError(f"{size} bytes of structure factors expected, {len(data)} found", path)
    padded = np.frombuffer(data, dtype="<f8").reshape(shape).copy()
    if not like_c and not np.isfinite(padded).all():
        first = int(np.flatnonzero(~np.isfinite(padded.reshape(-1)))[0])
        raise InputFileError(f"structure factor number {first} is not a number", path, None,
                             str(padded.reshape(-1)[first]))
    h_min, h_max, k_min, k_max, l_min, l_max = limits
    return ReflectionGrid(h_min, h_max, k_min, k_max, l_min, l_max, padded, padded[:-1, :-1, :-1].size)


def _limits(raw: bytes, path) -> tuple[list[int], int]:
    """The six limits of the first line, and where the numbers start."""
    end = raw.find(b"\n", 0, _LONGEST_FIRST_LINE)
    if end < 0 or raw[end + 1 : end + 2] != b"\f":
        raise InputFileError("this is no dump of structure factors (six limits, newline and form feed expected)", path)
    words = raw[:end].split()
    if len(words) != _LIMITS:
        raise InputFileError(f"six limits of h, k and l expected, {len(words)} found", path, 1)
    for word in words:
        if not re.fullmatch(_DIGITS, word):
            text = word.decode("latin-1")
            raise InputFileError(f"{text!r} is not an integer", path, 1, text)
        if abs(int(word)) > LARGEST_INDEX:
            raise InputFileError(f"index {int(word)} is out of all range", path, 1, word.decode("latin-1"))
    return [int(word) for word in words], end + 2


def _limits_like_c(raw: bytes, path) -> tuple[list[int], int]:
    match = _LIMITS_LIKE_C.match(raw)
    if not match:
        raise InputFileError("this is no dump of structure factors (six limits expected)", path)
    return [int(word) for word in match.groups()], match.end()


def write_dump(path, grid: ReflectionGrid) -> None:
    """Write a grid whole or not at all. Raises InputFileError when it cannot be written."""
    limits = grid.h_min, grid.h_max, grid.k_min, grid.k_max, grid.l_min, grid.l_max
    with atomic_output(path) as stream:
        stream.write(" ".join(map(str, limits)).encode() + b"\n\f")
        stream.write(np.ascontiguousarray(grid.padded, dtype="<f8").data)
