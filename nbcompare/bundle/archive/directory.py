"""The table of contents of a zip file of the plain form in which archives are sealed, read at once.

``zipfile`` makes an object of each entry, which takes longer than all else that home does with an archive of two
thousand files. Here is read what every entry of ours is: an ordinary read-only file, packed or as it is, of a file of
less than 4 GiB without comments, extra fields, or anything behind the table, each beginning where the one before it
ends. Of a file of any other form there is no table here, and whoever asked takes ``zipfile``.
"""

from __future__ import annotations

import os
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

MODE = 0o100444 << 16
"""The external attributes of every entry: an ordinary file that may be read."""
STORED, DEFLATED = 0, 8
_END = struct.Struct("<4s4H2LH")
_ENTRY = struct.Struct("<4sxBHHHxxxxLLLHHHHxxLL")
_LOCAL = struct.Struct("<4s2B4HL2L2H")
_UNIX, _NEEDED, _MOST = 3, 20, 0xFFFFFFFF
_FLAGS = {0: "ascii", 0x800: "utf-8"}
"""By the flags of an entry how its name is written."""


Entry = tuple[int, int, int, int, int]
"""One file inside: how it is packed, its sum, its bytes packed and as they are, and where its local header stands."""


class Directory:
    """The entries of a zip file by name, in their order, and their bytes."""

    def __init__(self, stream: BinaryIO, entries: dict[str, Entry]) -> None:
        self._stream, self.entries = stream, entries

    def __enter__(self) -> Directory:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def names(self) -> list[str]:
        return list(self.entries)

    @property
    def sizes(self) -> list[int]:
        return [size for _, _, _, size, _ in self.entries.values()]

    def size(self, name: str) -> int:
        """The bytes of a file when it is unpacked. Raises KeyError."""
        return self.entries[name][3]

    def read(self, name: str) -> bytes:
        """The bytes of a file inside. Raises KeyError, and ValueError where they are damaged."""
        method, crc, packed, size, at = self.entries[name]
        self._stream.seek(at)
        head = self._stream.read(_LOCAL.size)
        if len(head) < _LOCAL.size or head[:4] != b"PK\3\4":
            raise ValueError("no file begins where the table of contents says")
        _, _, _, flags, *_, length, extra = _LOCAL.unpack(head)
        if flags not in _FLAGS or self._stream.read(length) != name.encode(_FLAGS[flags]) or extra:
            raise ValueError("another file lies where the table of contents says")
        content = self._stream.read(packed)
        if method == DEFLATED:
            content = zlib.decompressobj(-zlib.MAX_WBITS).decompress(content, size + 1)
        if len(content) != size or zlib.crc32(content) != crc:
            raise ValueError("its bytes are not those of its sum")
        return content

    def close(self) -> None:
        self._stream.close()


def directory_of(path: Path) -> Directory | None:
    """The table of contents of a zip file of the plain form; None of any other file. Raises OSError."""
    stream = open(path, "rb")  # noqa: SIM115 (the directory closes it)
    found = None
    try:
        found = directory_in(stream)
    finally:
        if found is None:
            stream.close()
    return found


def directory_in(stream: BinaryIO) -> Directory | None:
    """The same of bytes that are open already."""
    entries = _entries(stream)
    return None if entries is None else Directory(stream, entries)


def _entries(stream: BinaryIO) -> dict[str, Entry] | None:
    whole = stream.seek(0, os.SEEK_END)
    if whole < _END.size or whole >= _MOST:
        return None
    stream.seek(whole - _END.size)
    sign, disk, first, here, count, length, start, comment = _END.unpack(stream.read(_END.size))
    if sign != b"PK\5\6" or disk or first or here != count or comment or start + length != whole - _END.size:
        return None
    stream.seek(start)
    table, at, found, free = stream.read(length), 0, {}, 0
    for _ in range(count):
        if at + _ENTRY.size > length:
            return None
        (sign, system, needed, flags, method, crc, packed, size, named, extra, comment, disk, mode,
         place) = _ENTRY.unpack_from(table, at)
        at += _ENTRY.size + named
        begins, free = free, free + _LOCAL.size + named + packed
        if (sign != b"PK\1\2" or system != _UNIX or mode != MODE or extra or comment or disk or place != begins
                or needed != _NEEDED or flags not in _FLAGS or method not in (DEFLATED, STORED)):
            return None
        try:
            name = table[at - named:at].decode(_FLAGS[flags])
        except UnicodeDecodeError:
            return None
        if name in found or "\0" in name or name.endswith("/") or at > length:
            return None
        found[name] = method, crc, packed, size, place
    return found if at == length and free == start else None
