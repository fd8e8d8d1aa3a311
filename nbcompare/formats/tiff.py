"""Where the parts of a TIFF file lie: pixels that were cut off, or shifted by other bytes, are told by what its
directories say, which its readers do not compare with the file.

Source: TIFF revision 6.0, sections 2 (structure), 3 (strips) and 15 (tiles).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from pathlib import Path

from nbcompare.errors import FileError
from nbcompare.formats.unread import refuse_unread

_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_WHOLE = {1: "B", 3: "H", 4: "I", 13: "I"}
"""Types of whole numbers, as struct has them."""

_FURTHER = (330, 34665, 34853, 40965)
"""Entries that lead to another directory."""

_WIDTH, _LENGTH, _BITS, _PACKING, _SAMPLES = 256, 257, 258, 259, 277
_STRIPS, _TILES = (273, 279), (324, 325)
_TILE_SIDES = (322, 323)
_MOST = 100_000
"""Directories, and numbers in one entry, that are looked at."""


_MARCCD = b"MMX\0"
"""Behind the TIFF head of a MarCCD file; its pixels are none of those that the head speaks of."""

_BLOCK, _WORD = 512, 16
"""What a file of one image, and a stack, is filled up to."""


class _Broken(Exception):
    """What a directory says cannot be so."""


def require_whole_tiff(path: Path) -> None:
    """Raises FileError for a TIFF file whose directories speak of bytes that are not there, or of another number than
    its pixels need, and for one that holds more than they speak of; any other file is passed over, MarCCD's too.

    Its writers fill up a stack to the next word of 16 bytes.
    """
    content = path.read_bytes()
    order = _ORDERS.get(content[:4])
    if order is None or content[1028:1032] == _MARCCD:
        return
    try:
        end, directories = _end(content, order)
    except _Broken as fault:
        raise FileError(f"{path}: {fault}; it is cut short or damaged") from None
    refuse_unread(path, [(end, None)], block=_BLOCK if directories == 1 else _WORD)


def _end(content: bytes, order: str) -> tuple[int, int]:
    """The byte behind the last one that any directory speaks of, and how many directories there are."""
    waiting, seen, end = [_numbers(content, order, 4, 4, 1)[0]], set[int](), 8
    while waiting:
        at = waiting.pop()
        if at in seen or at == 0:
            continue
        seen.add(at)
        if len(seen) > _MOST:
            raise _Broken("its directories do not end")
        (count,) = _numbers(content, order, at, 3, 1)
        entries: dict[int, tuple[int, ...]] = {}
        for place in range(at + 2, at + 2 + 12 * count, 12):
            tag, kind = _numbers(content, order, place, 3, 2)
            (many,) = _numbers(content, order, place + 4, 4, 1)
            size = many * _SIZES.get(kind, 1)
            where = place + 8 if size <= 4 else _numbers(content, order, place + 8, 4, 1)[0]
            end = max(end, _within(content, where, size))
            if kind in _WHOLE and many <= _MOST:
                entries[tag] = _numbers(content, order, where, kind, many)
        behind = at + 2 + 12 * count
        waiting += _numbers(content, order, behind, 4, 1)
        waiting += [further for tag in _FURTHER for further in entries.get(tag, ())]
        end = max(end, behind + 4, *_pieces(content, entries))
    return end, len(seen)


def _pieces(content: bytes, entries: dict[int, tuple[int, ...]]) -> Iterator[int]:
    """The byte behind each strip or tile of one directory."""
    for starts, sizes in (_STRIPS, _TILES):
        if starts in entries and sizes in entries:
            if len(entries[starts]) != len(entries[sizes]):
                raise _Broken("its directory says where other pieces lie than it says the sizes of")
            needed = _needed(entries, tiles=starts == _TILES[0])
            if needed is not None and sum(entries[sizes]) != needed:
                raise _Broken(f"its directory says {sum(entries[sizes])} bytes of pixels, and its header asks for "
                              f"{needed}")
            for start, size in zip(entries[starts], entries[sizes], strict=True):
                yield _within(content, start, size)


def _needed(entries: dict[int, tuple[int, ...]], *, tiles: bool) -> int | None:
    """Bytes of the pixels of one directory; None where they are packed, or nothing says how many there are."""
    if entries.get(_PACKING, (1,)) != (1,) or _WIDTH not in entries or _LENGTH not in entries:
        return None
    (width, *_), (length, *_), bits = entries[_WIDTH], entries[_LENGTH], entries.get(_BITS, (1,))
    samples = entries.get(_SAMPLES, (1,))[0]
    each = sum(bits) if len(bits) == samples else bits[0] * samples
    if tiles:
        if not all(side in entries and entries[side][0] for side in _TILE_SIDES):
            return None
        wide, high = (entries[side][0] for side in _TILE_SIDES)
        width, length = math.ceil(width / wide) * wide, math.ceil(length / high) * high
    return math.ceil(width * each / 8) * length if each % 8 == 0 else None


def _within(content: bytes, at: int, size: int) -> int:
    """The byte behind a part of the file that has to be there."""
    if at + size > len(content):
        raise _Broken(f"its directory speaks of byte {at + size}, and it holds {len(content)}")
    return at + size


def _numbers(content: bytes, order: str, at: int, kind: int, count: int) -> tuple[int, ...]:
    """Whole numbers of a TIFF type."""
    _within(content, at, count * _SIZES[kind])
    return struct.unpack_from(f"{order}{count}{_WHOLE[kind]}", content, at)
