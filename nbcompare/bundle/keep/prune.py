"""Removing old bundles, never one that something still rests on.

Kept are the newest of each case, every bundle that a sign-off names, every bundle whose image is another's
reference, every bundle that asked for more than the newest does while nobody signed that, and every bundle whose
record cannot be read: what is damaged is for a person to look at. The newest of a case stays as long as an older one
does, as a gate would take that for the newest. A bundle vanishes by one rename, so that no half of one is ever seen,
and is then removed. Runs and sign-offs that rest on a bundle hold it meanwhile (lock.share): it stays too.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nbcompare.bundle.check.loosened import loosened_until_signed
from nbcompare.bundle.found import forget
from nbcompare.bundle.listing import ListedBundle, list_bundles, size_of
from nbcompare.bundle.lock import lock
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
    named = {**_named_by_others(entries), **_stricter(entries)}
    newest = {entry.name for entries_of_case in _by_case(entries).values()
              for entry in (entries_of_case[-keep:] if keep else [])}
    choices = [Choice(entry, _reason_to_keep(entry, newest, named)) for entry in entries]
    return [choice for choice in _newest_first(choices) if case in (None, choice.entry.case)]


def _newest_first(choices: Sequence[Choice]) -> Iterator[Choice]:
    """The choices, but that of what has the newest stamp of its case none goes while an older one stays."""
    stay = {choice.entry.case for choice in choices if not choice.goes}
    last = {choice.entry.case: choice.entry.name for choice in choices}
    for choice in choices:
        hides = choice.goes and choice.entry.case in stay and last[choice.entry.case] == choice.entry.name
        yield replace(choice, kept_because="the newest, and an older one stays") if hides else choice


def _stricter(entries: Sequence[ListedBundle]) -> dict[str, str]:
    """Bundles that asked for more than the newest of their case, which nobody signed: the reason to keep them."""
    found = {}
    for of_case in _by_case(entries).values():
        newest = of_case[-1]
        stamps = {entry.against.removeprefix("stamp ") for entry in loosened_until_signed(
            newest.folder, newest.record)} if newest.record else set()
        found.update({entry.name: "it asked for more than the newest does, and nobody signed that" for entry in of_case
                      if entry.stamp in stamps})
    return found


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


def remove(choices: Sequence[Choice], root: Path) -> list[Choice]:
    """Remove the bundles that go, unless somebody has come to rest on one since it was chosen. Returns the choices as
    they were carried out. Raises FileError."""
    held = {choice.entry.name: lock(choice.entry.folder) for choice in choices if choice.goes}
    try:
        entries = list_bundles(root)
        named = _named_by_others(entries)
        signed = {entry.name for entry in entries if entry.signed}
        done = []
        for choice in choices:
            name = choice.entry.name
            if choice.goes and (held[name] is None or name in named or name in signed):
                done.append(replace(choice, kept_because="a run or a sign-off rests on it by now"))
                continue
            if choice.goes:
                _remove(choice.entry.folder)
            done.append(choice)
        return done
    finally:
        for handle in held.values():
            if handle is not None:
                os.close(handle)


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
