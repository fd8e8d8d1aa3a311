"""The one file that says what the sealed archives below a folder hold, so that a sweep that goes on opens none of them.

It is a convenience and no evidence. A line is of the archive whose bytes have the sum that it states, and of no other;
a line that is not as it was written is passed over, as is the whole file where somebody else could have written it.
What it does not know is read from the archives themselves, which are verified in full then.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from nbcompare.bundle import strict_json
from nbcompare.bundle.archive.sealed import ArchivedCell, cells_in_text
from nbcompare.errors import FileError
from nbcompare.files import append_line, others_could_write

INDEX_FILE = ".sweep-index.jsonl"
_KEYS = {"archive", "sha256", "index", "sum"}


@dataclass(frozen=True)
class IndexedArchive:
    """What a line says: the sum of an archive's bytes, and the text of its index."""

    sha256: str
    index: str

    @property
    def cells(self) -> list[ArchivedCell]:
        return cells_in_text(self.index)


def remember(root: Path, archive: Path, sha256: str, index: str) -> None:
    """Write down what an archive below ``root`` holds. A line that cannot be written is none."""
    name = archive.relative_to(root).as_posix()
    with contextlib.suppress(FileError):
        line = json.dumps({"archive": name, "sha256": sha256, "index": index, "sum": _sum(name, sha256, index)})
        append_line(root / INDEX_FILE, f"\n{line}" if _is_cut(root / INDEX_FILE) else line)


def known_archives(root: Path) -> dict[str, IndexedArchive]:
    """By name, relative to ``root``, what is known of archives; nothing where there is any doubt."""
    path, found = root / INDEX_FILE, {}
    try:
        if path.is_symlink() or others_could_write(path):
            return {}
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    for line in text.splitlines():
        try:
            said = strict_json.loads(line)
            name, sha256, index = said["archive"], said["sha256"], said["index"]
            if said.keys() == _KEYS and said["sum"] == _sum(name, sha256, index):
                found[name] = IndexedArchive(sha256, index)
        except (ValueError, KeyError, TypeError, AttributeError):
            continue
    return found


def _is_cut(path: Path) -> bool:
    """Whether the last line of a file does not end, as a program that was killed leaves it."""
    try:
        with open(path, "rb") as stream:
            stream.seek(-1, os.SEEK_END)
            return stream.read() != b"\n"
    except OSError:
        return False


def _sum(name: str, sha256: str, index: str) -> str:
    return hashlib.sha256(f"{name}\n{sha256}\n{index}".encode()).hexdigest()
