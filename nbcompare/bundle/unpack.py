"""Unpacking what strangers send: a zip file or a folder, into a folder of our own, refusing every trick.

Refused before a byte is written: names that leave the folder or mean another place elsewhere, names that only differ
in case, links, devices, encrypted files, and more files or bytes than any bundle has. Sizes are counted while
unpacking, too; a zip's own word on them is not trusted.
"""

from __future__ import annotations

import lzma
import os
import stat
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from nbcompare.bundle.manifest import unsafe_name
from nbcompare.errors import EvidenceError, FileError

MAX_FILES = 10_000
_CHUNK = 1 << 20


@dataclass(frozen=True)
class UnpackLimits:
    """How much is let in."""

    total_bytes: int = 4 << 30
    files: int = MAX_FILES


def unpack(source: Path, target: Path, limits: UnpackLimits) -> None:
    """Put the files of a zip file or folder into the folder ``target``.

    Raises EvidenceError, naming every trick found, and FileError for what cannot be read or written.
    """
    try:
        if source.is_dir():
            _unpack_folder(source, target, limits)
        elif os.path.exists(source) and not os.path.isfile(source):  # a device may have no end, and a pipe no writer
            raise FileError(f"{source}: neither an ordinary file nor a folder")
        else:
            with zipfile.ZipFile(source) as archive:
                _unpack_zip(archive, source, target, limits)
    except FileNotFoundError:
        raise FileError(f"{source}: there is no such file or folder") from None
    except (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError,
            RuntimeError, UnicodeError, ValueError) as fault:
        raise EvidenceError(f"{source}: not a zip file that can be read ({fault})") from None
    except OSError as fault:
        raise FileError(f"{fault.filename or source}: {fault.strerror}") from None


def _unpack_zip(archive: zipfile.ZipFile, source: Path, target: Path, limits: UnpackLimits) -> None:
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    faults = [fault for entry in archive.infolist() for fault in entry_faults(entry)]
    _refuse(source, [*faults, *set_faults([e.filename for e in entries], [e.file_size for e in entries], limits)])
    left = limits.total_bytes
    for entry in entries:
        with archive.open(entry) as stream:
            left = write_entry(stream, target / entry.filename, left, source)


def entry_faults(entry: zipfile.ZipInfo) -> Iterator[str]:
    """What is wrong with one entry of a zip file, before a byte of it is read."""
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        yield f"{entry.filename!r}: a link or a device"
    if entry.flag_bits & 0x1:
        yield f"{entry.filename!r}: encrypted"
    name = entry.orig_filename.removesuffix("/") if entry.is_dir() else entry.orig_filename
    reason = unsafe_name(name)
    if reason:
        yield f"{entry.orig_filename!r}: {reason}"


def _unpack_folder(source: Path, target: Path, limits: UnpackLimits) -> None:
    found, faults = [], []
    for place, folders, files in os.walk(source):
        for name in (*folders, *files):
            path = Path(place, name)
            shown = path.relative_to(source).as_posix()
            kind = path.lstat().st_mode
            if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
                faults.append(f"{shown!r}: a link or a device")
            elif unsafe_name(shown):
                faults.append(f"{shown!r}: {unsafe_name(shown)}")
            elif stat.S_ISREG(kind):
                found.append(path)
    names = [path.relative_to(source).as_posix() for path in found]
    _refuse(source, [*faults, *set_faults(names, [path.stat().st_size for path in found], limits)])
    left = limits.total_bytes
    for path, name in zip(found, names, strict=True):
        with open(path, "rb") as stream:
            left = write_entry(stream, target / name, left, source)


def set_faults(names: list[str], sizes: Iterable[int], limits: UnpackLimits) -> Iterator[str]:
    """What is wrong with all files together."""
    if len(names) > limits.files:
        yield f"{len(names)} files, more than {limits.files}"
    if sum(sizes) > limits.total_bytes:
        yield f"{sum(sizes):,} bytes, more than {limits.total_bytes:,}"
    seen: dict[str, str] = {}
    for name in names if len(set(map(str.casefold, names))) < len(names) else ():
        if name.casefold() in seen:
            yield f"{name!r}: the same name as {seen[name.casefold()]!r}, or differing only in case"
        seen[name.casefold()] = name
    for name in _folders_of(names) & set(names):
        yield f"{name!r}: a file and a folder at once"


def _folders_of(names: Iterable[str]) -> set[str]:
    """All folders that plain names lie in, however deep: an archive of a sweep has thousands of names."""
    found: set[str] = set()
    for name in names:
        folder = name.rpartition("/")[0]
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
    return found


def _refuse(source: Path, faults: Iterable[str]) -> None:
    found = list(faults)
    if found:
        more = [f"and {len(found) - 20} more"] if len(found) > 20 else []
        raise EvidenceError(f"{source}: refused", faults=[*found[:20], *more])


def write_entry(stream: IO[bytes], path: Path, left: int, source: Path) -> int:
    """Copy a file; returns how many bytes may still come."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "xb") as out:
        while chunk := stream.read(_CHUNK):
            left -= len(chunk)
            if left < 0:
                raise EvidenceError(f"{source}: refused: it unpacks to more than it says and more than is let in")
            out.write(chunk)
    return left
