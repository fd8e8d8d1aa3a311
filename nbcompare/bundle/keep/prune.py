"""Removing old bundles, never one that something still rests on.

Kept are the newest of each case, every bundle that a sign-off names, every bundle whose image is another's
reference, and every bundle whose record cannot be read: what is damaged is for a person to look at. A bundle vanishes
by one rename, so that no half of one is ever seen, and is then removed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbcompare.bundle.found import forget
from nbcompare.bundle.listing import ListedBundle, list_bundles, size_of
from nbcompare.errors import FileError, UsageError
from nbcompare.files import flush_folder

PRUNED_PREFIX = ".pruned-"


@dataclass(frozen=True)
class Choice:
    """What happens to a bundle, and why."""

    entry: ListedBundle
    kept_because: str | None

    @property
    def goes(self) -> bool:
        return self.kept_because is None

    def as_dict(self) -> dict[str, Any]:
        return {"bundle": str(self.entry.folder), "goes": self.goes, "kept_because": self.kept_because,
                "bytes": size_of(self.entry.folder)}


def choose(root: Path, keep: int, case: str | None = None) -> list[Choice]:
    """What pruning would do with every bundle below ``root`` (of one case, if named).

    Raises EvidenceError for a sign-off that cannot be read, and UsageError for a negative ``keep``.
    """
    if keep < 0:
        raise UsageError(f"--keep {keep}: it cannot be negative")
    entries = list_bundles(root)
    named = _named_by_others(entries)
    newest = {entry.name for entries_of_case in _by_case(entries).values()
              for entry in (entries_of_case[-keep:] if keep else [])}
    return [Choice(entry, _reason_to_keep(entry, newest, named)) for entry in entries if case in (None, entry.case)]


def _by_case(entries: Sequence[ListedBundle]) -> dict[str, list[ListedBundle]]:
    """The readable bundles of each case; a damaged one does not take the place of a good one."""
    found: dict[str, list[ListedBundle]] = {}
    for entry in entries:
        if entry.record is not None:
            found.setdefault(entry.case, []).append(entry)
    return found


def _named_by_others(entries: Sequence[ListedBundle]) -> dict[str, str]:
    """Bundles whose image another bundle has as its reference, by CASE/STAMP: the reason to keep them."""
    return {source.name: f"its image is the reference of {entry.name}"
            for entry in entries if entry.record and (source := entry.record.reference_from)}


def _reason_to_keep(entry: ListedBundle, newest: set[str], named: dict[str, str]) -> str | None:
    if entry.signed:
        return f"signed off: {', '.join(entry.signed)}"
    if entry.record is None:
        return "its record cannot be read; look at it first (nb-compare verify)"
    if entry.name in named:
        return named[entry.name]
    return "among the newest" if entry.name in newest else None


def remove(choices: Sequence[Choice]) -> None:
    """Remove the bundles that go. Raises FileError."""
    for choice in choices:
        if choice.goes:
            _remove(choice.entry.folder)


def _remove(folder: Path) -> None:
    hidden = folder.parent / f"{PRUNED_PREFIX}{folder.name}"
    try:
        os.rename(folder, hidden)
        flush_folder(folder.parent)
        shutil.rmtree(hidden)
        forget(folder)
    except OSError as fault:
        raise FileError(f"{fault.filename or folder}: cannot remove the bundle: {fault.strerror}",
                        hint="nb-compare doctor names what is left") from None
