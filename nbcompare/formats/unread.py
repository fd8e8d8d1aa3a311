"""Bytes of a file that its reader never looks at: behind the pixels that its header asks for, there is nothing but
zeros in a file that is whole, and where it ends in those they fill up a block. Anything else was shifted there, or is
the rest of an image of another shape or type.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from nbcompare.errors import FileError

_PIECE = 1 << 20
_HDF5 = b"\x89HDF\r\n\x1a\n"
_BLOCK = 512
"""Bytes that files are filled up to: fewer zeros are the last numbers of pixels that were shifted."""

_USER_BLOCKS = (0, *(512 << power for power in range(16)))
"""Where an HDF5 file may begin."""

_LARGEST = 8
"""Bytes of the widest address that is looked at here."""


def refuse_unread(path: Path, gaps: Iterable[tuple[int, int | None]], block: int = _BLOCK) -> None:
    """Raises FileError where a gap (first byte, and the one behind it or None for the end) holds more than zeros, or
    one at the end zeros that do not fill up a ``block`` of bytes."""
    size = path.stat().st_size
    with open(path, "rb") as stream:
        for first, behind in gaps:
            stream.seek(first)
            if behind is None and size > first and size % block:
                raise FileError(f"{path}: holds {size - first} bytes more than its header asks for; it is damaged, or "
                                "of another shape or type")
            left = size - first if behind is None else behind - first
            while left > 0 and (piece := stream.read(min(left, _PIECE))):
                if piece.strip(b"\0"):
                    raise FileError(f"{path}: holds other bytes than its header asks for (behind byte {first}); it is "
                                    "damaged, or of another shape or type")
                left -= len(piece)


def edf_gaps(image: Any) -> Iterator[tuple[int, int | None]]:
    """What fabio does not read of an EDF file: the rest of each block of pixels, and what follows the last."""
    end = 0
    for frame in getattr(image, "_frames", ()):
        if frame.bfname is not None or frame._data_compression is not None:
            return
        yield frame.start + frame.size, frame.start + frame.blobsize
        end = max(end, frame.start + max(frame.size, frame.blobsize))
    if end:
        yield end, None


def hdf5_gaps(path: Path) -> Iterator[tuple[int, int | None]]:
    """What follows the end that an HDF5 file states in its superblock, which may stand behind a block of its user.

    Source: the HDF5 file format specification, III.A, "Disk format: level 0A". The end counts from where the base
    address would be, had nothing been put before the file since it was written.
    """
    size = path.stat().st_size
    with open(path, "rb") as stream:
        for begin in _USER_BLOCKS:
            stream.seek(begin)
            head = stream.read(128)
            if head.startswith(_HDF5) or begin > size:
                break
    if not head.startswith(_HDF5) or len(head) < 96:
        return
    width, at = (head[13], 24 + 4 * head[8]) if head[8] <= 1 else (head[9], 12)
    base, end = _address(head, at, width), _address(head, at + 2 * width, width)
    if end:
        yield end + begin - base, None


def _address(head: bytes, at: int, width: int) -> int:
    """A little-endian address; 0 where it is of a width that is not known."""
    if not 0 < width <= _LARGEST:
        return 0
    found: int = struct.unpack("<Q", head[at:at + width].ljust(_LARGEST, b"\0"))[0]
    return found
