"""The files of a bundle against its manifest: form first, then completeness, then checksums.

Files are looked at, never followed: a link, a pipe or a device is a fault and is not opened.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from nbcompare.bundle.fault import Fault
from nbcompare.bundle.names import DATA, MANIFEST, RECORD, REQUIRED_FILES
from nbcompare.errors import FileError
from nbcompare.files import sha256_of

_LINE = re.compile(r"([0-9a-f]{64})  (.+)")
MAX_TEXT_BYTES = 64 << 20
"""No manifest and no record is larger; a larger one is not read."""


@dataclass(frozen=True)
class Inspection:
    """What the files of a folder are: their sums as they are now, by name, and every fault against the manifest."""

    sums: dict[str, str]
    faults: list[Fault]

    @property
    def doubtful(self) -> set[str]:
        """The files that have a fault; nothing further is concluded from them."""
        return {fault.file for fault in self.faults}


def inspect(folder: Path) -> Inspection:
    """Look at every file of a folder and at its manifest."""
    listed, faults = read_manifest(folder)
    if listed is None:
        return Inspection({}, faults)
    present, strange = _present(folder)
    faults += strange
    faults += [Fault("missing", name) for name in listed if name not in present]
    faults += [Fault("missing", name, "every bundle has it, and the manifest does not list it")
               for name in REQUIRED_FILES if name not in listed]
    faults += [Fault("unexpected", name, "" if present[name] else "an empty folder")
               for name in present if name not in listed]
    sums: dict[str, str] = {}
    ordinary = present.keys() - {fault.file for fault in strange}
    for name in sorted(ordinary):
        try:
            sums[name] = sha256_of(folder / name) if present[name] else ""
        except FileError as fault:
            faults.append(Fault("unreadable", name, fault.message))
    faults += [Fault("changed", name) for name in sums if name in listed and sums[name] != listed[name]]
    return Inspection(sums, faults)


def read_manifest(folder: Path) -> tuple[dict[str, str] | None, list[Fault]]:
    """(sum by file name, faults of form). The first is None when there is no manifest to go by."""
    try:
        text = read_text(folder / MANIFEST)
    except FileError as fault:
        return None, [Fault("unreadable", MANIFEST, fault.message)]
    if not text:
        return None, [Fault("unreadable", MANIFEST, "it is empty")]
    return read_manifest_lines(text, MANIFEST)


def read_manifest_lines(text: str, manifest: str) -> tuple[dict[str, str], list[Fault]]:
    """(sum by file name, faults of form) of a text in the format of sha256sum."""
    listed: dict[str, str] = {}
    faults = [] if text.endswith("\n") else [Fault("malformed", manifest, "the last line does not end")]
    for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
        match = _LINE.fullmatch(line)
        if not match:
            faults.append(Fault("malformed", manifest, f"line {number} is no sum and name: {line[:80]!r}"))
        elif unsafe_name(match[2]):
            faults.append(Fault("unsafe", match[2], f"line {number} of {manifest}: {unsafe_name(match[2])}"))
        elif match[2] in listed:
            faults.append(Fault("malformed", manifest, f"line {number} lists {match[2]} again"))
        else:
            listed[match[2]] = match[1]
    return listed, faults


def unsafe_name(name: str) -> str | None:
    """Why a file name may not stand in a manifest or an archive, or None: it must stay below its folder, as written."""
    parts = name.split("/")
    if name.startswith("/") or any(part in ("", ".", "..") for part in parts):
        return "the name leaves the folder or is not written plainly"
    if "\\" in name or ":" in parts[0]:
        return "the name would mean another place on another system"
    if not name.isprintable() or name != name.strip():
        return "the name holds characters that cannot be seen"
    if len(name) > 400 or len(parts) > 12:
        return "the name is longer or deeper than any of a bundle"
    return None


def unsafe_among(names: Collection[str]) -> Iterator[tuple[str, str]]:
    """The names for which ``unsafe_name`` has a reason, with it. Those of an archive have a few parts in common: where
    all of these are safe and short, so are the names."""
    parts = {part for name in names for part in name.split("/", 2)}
    if max(map(len, names), default=0) <= 400 and not any(part.count("/") > 8 or unsafe_name(part) for part in parts):
        return
    for name in names:
        reason = unsafe_name(name)
        if reason:
            yield name, reason


def read_text(path: Path) -> str:
    """The text of an ordinary file. Raises FileError, never opens a link or a device."""
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode):
            raise FileError("it is not an ordinary file")
        if found.st_size > MAX_TEXT_BYTES:
            raise FileError(f"it is larger than {MAX_TEXT_BYTES >> 20} MiB")
        return path.read_bytes().decode("utf-8")
    except OSError as fault:
        raise FileError(fault.strerror or str(fault)) from None
    except UnicodeDecodeError as fault:
        raise FileError(f"it is not UTF-8 text (byte {fault.start})") from None


def record_sum(folder: Path) -> tuple[str, str]:
    """The sum of a bundle's manifest, and that which it states for the record. Raises as ``read_text`` does."""
    text = read_text(folder / MANIFEST)
    line = next((line for line in text.splitlines() if line.endswith(f"  {RECORD}")), "")
    return hashlib.sha256(text.encode()).hexdigest(), line.partition("  ")[0]


def _present(folder: Path) -> tuple[dict[str, bool], list[Fault]]:
    """What lies in the folder, by name (True for a file, False for an empty folder), and the faults of its kind."""
    found: dict[str, bool] = {}
    faults: list[Fault] = []

    def unreadable(fault: OSError) -> None:
        name = PurePosixPath(os.path.relpath(fault.filename, folder)).as_posix()
        faults.append(Fault("unreadable", name, fault.strerror or str(fault)))

    for place, folders, files in os.walk(folder, onerror=unreadable):
        for name in (*folders, *files):
            path = Path(place, name)
            kind = path.lstat().st_mode
            shown = path.relative_to(folder).as_posix()
            if stat.S_ISDIR(kind):
                if shown != DATA and not any(os.scandir(path)):
                    found[shown] = False
            elif shown != MANIFEST:
                found[shown] = True
                if not stat.S_ISREG(kind):
                    what = "a link, not a file" if stat.S_ISLNK(kind) else "a pipe or a device, not a file"
                    faults.append(Fault("unsafe", shown, what))
    return found, faults
