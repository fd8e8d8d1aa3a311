"""mar345 files: whether the packed pixels are all there, and the pixels that packing cannot hold.

fabio unpacks what there is of a file that was cut short, and leaves the rest of the image as it happens to be. The
packing (CCP4's, as its library describes it) is a row of blocks, least bit first: how many pixels, as a power of two,
in how many bits each, then those. So the length of the stream follows from the heads of its blocks.
"""

from __future__ import annotations

import re
import struct
from pathlib import Path

from nbcompare.errors import FileError
from nbcompare.formats.unread import refuse_unread

_HEAD, _MAGIC = 4096, 1234
_BEGIN = re.compile(rb"\nCCP4 packed image( V2)?, X: (\d{1,5}), Y: (\d{1,5})\n")
_SIDE_AND_PIXELS = (4, 20)
"""Where the header says how many pixels a row has, and the image."""

_BITS = (0, 4, 5, 6, 7, 8, 16, 32)
_BITS_V2 = (0, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 32)
_RECORDS, _RECORD_BYTES = 8, 8
"""Pixels that are too bright are listed before, as (place, value); eight records to a block."""


def require_whole_mar345(path: Path) -> None:
    """Raises FileError for a file of that kind whose bright or packed pixels are not all there; any other is
    passed over."""
    try:
        with open(path, "rb") as stream:
            content = stream.read(4)
            if content not in (struct.pack("<i", _MAGIC), struct.pack(">i", _MAGIC)):
                return
            content += stream.read()
    except OSError as fault:
        raise FileError(f"{path}: cannot be read: {fault.strerror}") from None
    found = _BEGIN.search(content, _HEAD - 1)
    if found is None:
        raise FileError(f"{path}: its packed pixels are not there")
    order = "<" if content[:4] == struct.pack("<i", _MAGIC) else ">"
    (high,) = struct.unpack_from(order + "i", content, 8)
    listed = -(-high // _RECORDS) * _RECORDS * _RECORD_BYTES
    if high < 0 or found.start() != _HEAD + listed:
        raise FileError(f"{path}: its header says that {high} pixels are too bright to be packed, and "
                        f"{found.start() - _HEAD} bytes stand where those are listed")
    fast, slow = int(found[2]), int(found[3])
    (side,), (pixels,) = (struct.unpack_from(order + "i", content, at) for at in _SIDE_AND_PIXELS)
    if (side, pixels) != (fast, fast * slow):
        raise FileError(f"{path}: its header says {pixels} pixels, {side} to a row, and packed are {fast} x {slow}")
    places = struct.unpack_from(f"{order}{2 * high}i", content, _HEAD)[::2]
    if any(not 0 <= place <= fast * slow for place in places):
        raise FileError(f"{path}: lists a bright pixel that no image of {fast} x {slow} has")
    wrong, end = _fault(memoryview(content)[found.end():], fast * slow, second=found[1] is not None)
    if wrong:
        raise FileError(f"{path}: the packed pixels {wrong} those of {fast} x {slow}; is it cut short or damaged?")
    refuse_unread(path, [(found.end() + end, None)])


def _fault(stream: memoryview, pixels: int, *, second: bool) -> tuple[str, int]:
    """What is wrong with the length of a packed stream, and the byte behind it. A block of more pixels than there is
    place for would be written beyond the image."""
    width, sizes = (4, _BITS_V2) if second else (3, _BITS)
    mask, end, at = (1 << width) - 1, 8 * len(stream), 0
    while pixels > 0:
        if at + 2 * width > end:
            return "end before", 0
        word = int.from_bytes(stream[at >> 3:(at >> 3) + 2], "little") >> (at & 7)
        count = 1 << (word & mask)
        at += 2 * width + count * sizes[word >> width & mask]
        pixels -= count
    return "are more than" if pixels < 0 else "" if at <= end else "end before", -(-at // 8)
