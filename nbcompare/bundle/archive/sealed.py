"""A sealed archive: the bundles of a group of cells in one zip file, read-only, each as it would lie in a folder.

    manifest-sha256.txt                 the sums of the index and of each bundle's own manifest
    index.jsonl                         a line for each bundle: its verdict, figures, and what it is the answer to
    CELL/STAMP/record.json ...          the bundle, whose manifest names the sums of its other files

So every bundle is proven by itself, and a program that knows nothing of archives can unzip and check it. Whoever reads
one refuses the tricks of zip files first (unpack.py), and then every file that neither manifest nor index speaks of.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import os
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from nbcompare.bundle import strict_json
from nbcompare.bundle.archive.directory import MODE, directory_of
from nbcompare.bundle.manifest import MAX_TEXT_BYTES, read_manifest_lines, unsafe_among
from nbcompare.bundle.names import MANIFEST, RECORD
from nbcompare.bundle.unpack import UnpackLimits, entry_faults, set_faults, write_entry
from nbcompare.errors import EvidenceError, FileError

INDEX = "index.jsonl"
_NOT_THE_MANIFEST = "is not the file that the manifest of the archive names"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_LEVEL = 1
_PIECES, _PIECE, _WORTH = 4, 1024, 0.85
_BROKEN = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError, ValueError,
           KeyError)


@dataclass(frozen=True)
class ArchivedCell:
    """What the index says of one bundle, all of it taken from its record.

    ``key`` is what the run is the answer to (key.py), ``judged`` whether something was compared or passed, ``confined``
    whether its engines were, and ``like`` one sum over engines, environment and tests, which is the same where one
    bundle can stand for another when it is asked whether these are what they were.
    """

    cell: str
    stamp: str
    manifest_sha256: str
    key: str
    word: str
    exit_code: int
    judged: bool
    confined: bool
    like: str
    places: Mapping[str, str] = field(default_factory=dict)
    figures: Mapping[str, float | None] = field(default_factory=dict)
    seconds: float = 0.0
    why: str = ""

    @property
    def name(self) -> str:
        """CELL/STAMP, as bundles are named."""
        return f"{self.cell}/{self.stamp}"


def line_of(cell: ArchivedCell) -> str:
    """The line of the index."""
    return json.dumps(asdict(cell), allow_nan=False, separators=(",", ":")) + "\n"


def cells_in_text(text: str) -> list[ArchivedCell]:
    """The lines of an index read. Raises ValueError."""
    found = []
    for line in text.splitlines():
        stored = strict_json.loads(line)
        if not isinstance(stored, dict):
            raise ValueError("a line of the index is no object")
        try:
            cell = ArchivedCell(**stored)
        except TypeError as fault:
            raise ValueError(f"a line of the index: {fault}") from None
        if any(not isinstance(getattr(cell, key), kind) for key, kind in _KINDS.items()):
            raise ValueError(f"the line of {cell.cell!r} is not of the form of the index")
        found.append(cell)
    return found


_KINDS: Mapping[str, Any] = {"cell": str, "stamp": str, "manifest_sha256": str, "key": str, "word": str,
                             "exit_code": int, "judged": bool, "confined": bool, "like": str, "places": dict,
                             "figures": dict, "seconds": (int, float), "why": str}


# --- writing --------------------------------------------------------------------------------------------------------


def _shrinks(content: bytes) -> bool:
    """Whether it is worth the time to pack a file: what is short is; of a long one four pieces are tried. An image of
    spots with tails all over loses 7 % of its bytes, and takes half of the time of all files of a cell."""
    step = len(content) // _PIECES
    if step <= _PIECE:
        return True
    tried = b"".join(content[at:at + _PIECE] for at in range(0, step * _PIECES, step))
    return len(zlib.compress(tried, _LEVEL)) < _WORTH * len(tried)


def _deflated(content: bytes) -> bytes:
    packing = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packing.compress(content) + packing.flush()


class Sealing:
    """An archive that is being written, bundle by bundle; ``seal`` ends it. The file is of no worth before that."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._zip = zipfile.ZipFile(path, "x", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL)
        self.cells: list[ArchivedCell] = []

    def add(self, contents: Mapping[str, bytes], cell: ArchivedCell) -> None:
        """Take a finished bundle in, the bytes of its files by name."""
        for name, content in contents.items():
            self._write(f"{cell.name}/{name}", content)
        self.cells.append(cell)

    def _write(self, name: str, content: bytes) -> None:
        """Append a file as ``writestr`` does, which goes back for each to write its sum before its bytes: twice as long
        for a cell of twenty small files, with all that it writes to the disk at once."""
        stream, is_packed = self._zip.fp, _shrinks(content)
        assert stream is not None, "it is open until it is sealed"
        packed = _deflated(content) if is_packed else content
        entry = zipfile.ZipInfo(name, _EPOCH)
        entry.external_attr = MODE
        entry.compress_type = zipfile.ZIP_DEFLATED if is_packed else zipfile.ZIP_STORED
        entry.CRC, entry.file_size, entry.compress_size = zlib.crc32(content), len(content), len(packed)
        entry.header_offset = self._zip.start_dir
        stream.write(entry.FileHeader())
        stream.write(packed)
        self._zip.filelist.append(entry)
        self._zip.NameToInfo[name] = entry
        self._zip.start_dir = stream.tell()

    def seal(self) -> None:
        """Write index and manifest, make the file read-only and force it to the disk."""
        index = "".join(map(line_of, self.cells)).encode()
        lines = [f"{hashlib.sha256(index).hexdigest()}  {INDEX}\n",
                 *(f"{cell.manifest_sha256}  {cell.name}/{MANIFEST}\n" for cell in self.cells)]
        self._write(INDEX, index)
        self._write(MANIFEST, "".join(lines).encode())
        self._zip.close()
        self.path.chmod(0o444)
        with open(self.path, "rb") as stream:
            os.fsync(stream.fileno())

    def close(self) -> None:
        """Let go of the file, sealed or not."""
        self._zip.close()


# --- reading --------------------------------------------------------------------------------------------------------


def index_in(path: Path) -> str | None:
    """The text of an archive's own index, and nothing else of it; None where there is none to be read."""
    try:
        table = directory_of(path)
        if table is not None:
            with table:
                return table.read(INDEX).decode("utf-8") if table.size(INDEX) <= MAX_TEXT_BYTES else None
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(INDEX).file_size > MAX_TEXT_BYTES:
                return None
            return archive.read(INDEX).decode("utf-8")
    except (OSError, *_BROKEN):
        return None


class Archive:
    """A sealed archive, opened. Raises EvidenceError, with every fault, for one whose table of contents is not what
    its manifest and index say, and FileError for a file that cannot be read; the bytes of the bundles are looked at
    when they are asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            if path.is_symlink() or not path.is_file():
                raise EvidenceError(f"{path}: no sealed archive (not an ordinary file)")
            self._table = directory_of(path)
            self._opened = None if self._table else zipfile.ZipFile(path)
        except OSError as fault:
            raise FileError(f"{path}: cannot read: {fault.strerror}") from None
        except _BROKEN as fault:
            raise EvidenceError(f"{path}: not a sealed archive that can be read ({fault})") from None
        try:
            self.cells, self.index = self._looked_at()
        except BaseException:
            self._close()
            raise

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        for opened in (self._table, self._opened):
            if opened:
                opened.close()

    @property
    def _zip(self) -> zipfile.ZipFile:
        """The same by the library: of a file of another form than ours, and where a bundle is unpacked."""
        if self._opened is None:
            self._opened = zipfile.ZipFile(self.path)
        return self._opened

    def _looked_at(self) -> tuple[dict[str, ArchivedCell], str]:
        if self._table:
            names, sizes = self._table.names, self._table.sizes
            faults = [f"{name!r}: {why}" for name, why in unsafe_among(names)]
        else:
            entries = self._zip.infolist()
            names, sizes = [entry.filename for entry in entries], [entry.file_size for entry in entries]
            faults = [fault for entry in entries for fault in entry_faults(entry)]
            faults += [f"{entry.filename!r}: packed as no archive of a sweep is" for entry in entries
                       if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)]
        faults += set_faults(names, sizes, UnpackLimits())
        self._refuse(faults)
        listed, wrong = read_manifest_lines(self._text(MANIFEST), MANIFEST)
        index = self._text(INDEX)
        faults += map(str, wrong)
        if listed.get(INDEX) != hashlib.sha256(index.encode()).hexdigest():
            faults.append(f"{INDEX} is not the file that the manifest names")
        self._refuse(faults)
        try:
            cells = cells_in_text(index)
        except ValueError as fault:
            raise EvidenceError(f"{self.path}: damaged: {fault}") from None
        self._refuse(_disagreements(cells, listed, set(names)))
        return {cell.cell: cell for cell in cells}, index

    def _refuse(self, faults: list[str]) -> None:
        if faults:
            more = [f"and {len(faults) - 20} more"] if len(faults) > 20 else []
            raise EvidenceError(f"{self.path}: damaged", faults=[*faults[:20], *more])

    def _text(self, name: str) -> str:
        try:
            return self.read(name).decode("utf-8")
        except UnicodeDecodeError as fault:
            raise EvidenceError(f"{self.path}: {name}: it is not UTF-8 text (byte {fault.start})") from None

    def read(self, name: str) -> bytes:
        """The bytes of a small file inside. Raises EvidenceError where it is not there, or its bytes are damaged."""
        try:
            size = self._table.size(name) if self._table else self._zip.getinfo(name).file_size
            if size > MAX_TEXT_BYTES:
                raise EvidenceError(f"{self.path}: {name}: it is larger than {MAX_TEXT_BYTES >> 20} MiB")
            return self._table.read(name) if self._table else self._zip.read(name)
        except KeyError:
            raise EvidenceError(f"{self.path}: no sealed archive of a sweep (there is no {name} in it)",
                                hint="nb-compare import takes in a bundle that was exported") from None
        except (OSError, *_BROKEN) as fault:  # also bzip2 and a place outside of the file, by a forged table
            raise EvidenceError(f"{self.path}: {name} is damaged ({fault})") from None

    def record_text(self, cell: str) -> str:
        """The text of a bundle's record."""
        return self._text(f"{self.cells[cell].name}/{RECORD}")

    def manifest_faults(self) -> Iterator[str]:
        """The bundles whose manifest is not the one that the archive's names."""
        for cell in self.cells.values():
            name = f"{cell.name}/{MANIFEST}"
            if hashlib.sha256(self.read(name)).hexdigest() != cell.manifest_sha256:
                yield f"{name} {_NOT_THE_MANIFEST}"

    def extract(self, cell: str, target: Path) -> Path:
        """Put one bundle below ``target``, as CELL/STAMP; its folder. Raises EvidenceError for what is damaged so that
        it cannot be unpacked, and for a manifest that is not the one that the archive's names."""
        known = self.cells[cell]
        left = UnpackLimits().total_bytes
        for entry in self._zip.infolist():
            if not entry.filename.startswith(f"{known.name}/"):
                continue
            try:
                with self._zip.open(entry) as stream:
                    left = write_entry(stream, target / entry.filename, left, self.path)
            except _BROKEN as fault:
                raise EvidenceError(f"{self.path}: {entry.filename} is damaged ({fault})") from None
            except OSError as fault:
                raise FileError(f"{self.path}: {entry.filename}: cannot be unpacked: {fault.strerror}") from None
        folder = target / known.name
        if hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest() != known.manifest_sha256:
            raise EvidenceError(f"{self.path}: {known.name}/{MANIFEST} {_NOT_THE_MANIFEST}")
        return folder


def _disagreements(cells: list[ArchivedCell], listed: Mapping[str, str], names: set[str]) -> list[str]:
    """How manifest, index and contents of an archive do not agree."""
    stated = {f"{cell.name}/{MANIFEST}": cell.manifest_sha256 for cell in cells}
    faults = [f"{INDEX} names {cell} {count} times" for cell, count in Counter(cell.cell for cell in cells).items()
              if count > 1]
    faults += [f"{name}: {INDEX} and manifest do not agree" for name in stated.keys() | (listed.keys() - {INDEX})
               if stated.get(name) != listed.get(name)]
    faults += [f"{name} is missing" for name in stated if name not in names]
    folders = {cell.name for cell in cells}
    faults += [f"{name}: nothing in {INDEX} speaks of it" for name in names - {INDEX, MANIFEST}
               if "/".join(name.split("/")[:2]) not in folders]
    return sorted(faults)
