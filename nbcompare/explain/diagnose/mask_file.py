"""Which pixels a ``-mask`` file excludes: those that are 0 in an SMV image, with pixels as wide as its header says.

nanoBragg takes every mask for 16 bits wide behind 512 bytes. A reference that did so is known by its image.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

HEADER_BLOCK = 512
WIDTHS = {"unsigned_char": 1, "signed_char": 1, "unsigned_short": 2, "signed_short": 2, "unsigned_long": 4,
          "signed_long": 4, "unsigned char": 1, "signed char": 1, "unsigned short int": 2, "short int": 2,
          "unsigned long int": 4, "long int": 4}
"""Bytes of a pixel by the type that a header declares: TYPE of SMV, Data_type of d*TREK."""


def excluded_pixels(path: Path, reference: np.ndarray) -> np.ndarray | None:
    """The pixels, bool [slow, fast], that a mask excludes from ``reference``; None where the file is none of that size.

    It is read by the type that its header declares, or as nanoBragg reads it where the reference is 0 at all pixels of
    that reading and not at all of the other.
    """
    readings = [found for found in _readings(path, *reference.shape) if found is not None]
    fitting = [found for found in readings if not (reference[found] != 0).any()]
    return next(iter((*fitting, *readings)), None)


def _readings(path: Path, slow: int, fast: int) -> Iterator[np.ndarray | None]:
    raw = path.read_bytes()
    offset, width = _declared(raw)
    yield _zeros(raw, offset, width, slow, fast)
    yield _zeros(raw, HEADER_BLOCK if len(raw) >= HEADER_BLOCK + 2 * slow * fast else len(raw) - 2 * slow * fast, 2,
                 slow, fast)


def _declared(raw: bytes) -> tuple[int, int]:
    """(bytes of the header, bytes of a pixel); the sizes of an ordinary SMV image where it does not say."""
    size = re.match(rb"\{\s*HEADER_BYTES\s*=\s*(\d{1,7})\s*;", raw)
    offset = int(size.group(1)) if size else HEADER_BLOCK
    text = raw[:offset].decode("latin-1")
    for key in ("TYPE", "Data_type"):
        found = re.findall(rf"(?<![A-Za-z0-9_]){key}[ \t]*=[ \t]*([^;\r\n}}]*)", text)
        if found:
            return offset, WIDTHS.get(found[-1].rstrip(" \t"), 0)
    return offset, 2


def _zeros(raw: bytes, offset: int, width: int, slow: int, fast: int) -> np.ndarray | None:
    if offset < 0 or not width or len(raw) < offset + width * slow * fast:
        return None
    zeros: np.ndarray = np.frombuffer(raw, f"<u{width}", slow * fast, offset).reshape(slow, fast) == 0
    return zeros
