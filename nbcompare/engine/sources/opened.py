"""What an engine opened while it ran and was not known to be made of before: files by name and sum.

Its own files are listed one by one, with those that it looked for in vain. Of Python itself and of the system the
names are kept, with one sum over all. Of an installed distribution its list of files stands for what agrees with it.
The kinds are those of opened_kinds.py; what was seen comes from open_calls.py.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from nbcompare.engine.processes.disk_looks import link_at
from nbcompare.engine.sources.edited import edited_now
from nbcompare.engine.sources.file_metadata import Attributes, other_order, sum_of_attributes
from nbcompare.engine.sources.kept_state import told, told_of_kept
from nbcompare.engine.sources.listed import Listing, names_in, sum_of_names
from nbcompare.engine.sources.made_of import SourceFile
from nbcompare.engine.sources.opened_kinds import (
    can_be_made_again,
    sum_as_opened,
)
from nbcompare.engine.sources.python_here import in_cache
from nbcompare.errors import FileError
from nbcompare.files import hash_of_named, on_disk, sum_of
from nbcompare.visible import meant

RECORD = "RECORD"


@dataclass(frozen=True)
class Group:
    """Files of one place that are summed together: their names below it, and one sum over names and bytes."""

    place: str
    names: tuple[str, ...]
    sha256: str


@dataclass(frozen=True)
class SymbolicLink:
    """A symbolic link that was asked about, and what it said."""

    path: str
    target: str


@dataclass(frozen=True)
class OpenedFiles:
    """What an engine opened, or looked at. ``absent`` are the files it looked for in vain, ``rewritten`` those that it
    read and changed, whose sum is of what it left, ``left`` those that it looked for in vain and made, ``logs`` those
    that count elsewhere and that it only wrote, ``kept`` those that it keeps, as declared. ``links`` is where the links
    that it asked about lead, ``by_age`` and ``attributes`` are of file_metadata.py. ``unwatched`` says why nothing was
    seen, and ``unseen`` what cannot be known of what was."""

    files: tuple[SourceFile, ...] = ()
    absent: tuple[str, ...] = ()
    groups: tuple[Group, ...] = ()
    listings: tuple[Listing, ...] = ()
    rewritten: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    logs: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    by_age: tuple[str, ...] = ()
    attributes: tuple[Attributes, ...] = ()
    links: tuple[SymbolicLink, ...] = ()
    unseen: tuple[str, ...] = ()
    unwatched: str | None = None

    @property
    def is_whole(self) -> bool:
        """Whether nothing is known to have been overlooked, and the next run begins as this one did."""
        return not (self.unseen or self.rewritten or self.left)

    @property
    def own(self) -> frozenset[str]:
        """The files, as real paths, that it wrote itself and that would count otherwise."""
        return frozenset(map(os.path.realpath, (*self.rewritten, *self.left, *self.logs)))

    @property
    def hanging(self) -> tuple[str, ...]:
        """What it left for its own next run, which may give another image then; not in a cache."""
        return tuple(path for path in (*self.rewritten, *self.left) if not in_cache(path))

    def outside(self, folder: str) -> OpenedFiles:
        """What of it lies outside of a folder, and was not written by the engine itself."""
        def counts(path: str) -> bool:
            return not os.path.join(path, "").startswith(os.path.join(folder, "")) and \
                os.path.realpath(path) not in self.own

        return replace(self, files=tuple(entry for entry in self.files if counts(entry.path)),
                       absent=tuple(filter(counts, self.absent)), by_age=tuple(filter(counts, self.by_age)),
                       groups=tuple(group for group in self.groups if counts(group.place)),
                       listings=tuple(listing for listing in self.listings if counts(listing.place)),
                       attributes=tuple(entry for entry in self.attributes if counts(entry.path)),
                       links=tuple(link for link in self.links if counts(link.path)))

    @property
    def count(self) -> int:
        return len(self.files) + sum(len(group.names) for group in self.groups)

    def note(self, role: str) -> str | None:
        """What a reader has to know about what was not seen."""
        if self.unwatched:
            return (f"which files the {role} opened was not seen, as {self.unwatched}; what it is made of was found by "
                    "reading its sources alone")
        said = [f"not all that the {role} did is known: {'; '.join(self.unseen)}"] if self.unseen else []
        left = (*self.rewritten, *self.left)
        said += [told(role, left)] if left else []
        said += [told_of_kept(role, self.kept)] if self.kept else []
        return "; ".join(said) or None

    def as_dict(self) -> dict[str, Any]:
        return {"files": [vars(entry) for entry in self.files],
                "groups": [{**vars(group), "names": list(group.names)} for group in self.groups],
                "listings": [{**vars(entry), "endings": list(entry.endings)} for entry in self.listings],
                "links": [vars(link) for link in self.links],
                "attributes": [vars(entry) for entry in self.attributes],
                **{key: list(getattr(self, key)) for key in _LISTS}, "unwatched": self.unwatched}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> OpenedFiles:
        groups = tuple(Group(entry["place"], tuple(entry["names"]), entry["sha256"]) for entry in stored["groups"])
        listings = tuple(Listing(entry["place"], tuple(entry["endings"]), entry["sha256"])
                         for entry in stored["listings"])
        return cls(tuple(SourceFile(**entry) for entry in stored["files"]), groups=groups, listings=listings,
                   links=tuple(SymbolicLink(**entry) for entry in stored["links"]), unwatched=stored["unwatched"],
                   attributes=tuple(Attributes(**entry) for entry in stored.get("attributes", ())),
                   **{key: tuple(stored.get(key, ())) for key in _LISTS})


_LISTS = ("absent", "rewritten", "left", "logs", "kept", "by_age", "unseen")


# --- afterwards ------------------------------------------------------------------------------------------------------


def changed_since(opened: OpenedFiles) -> list[str]:
    """The names of files that are not what they were when they were opened; and of those that are there now."""
    listed = {entry.path for entry in opened.files}
    found = [f"{entry.name} {word}" for entry in opened.files if (word := change_of(entry))]
    for entry in opened.files:
        if entry.name.endswith(f" {RECORD}"):
            found += [f"{path} was changed" for path in edited_now(entry.path) if path not in listed]
    found += [f"{path} is new" for path in opened.absent if os.path.lexists(on_disk(path))]
    for listing in opened.listings:
        names = names_in(on_disk(listing.place), listing.endings)
        if names is None or sum_of_names(names) != listing.sha256:
            found.append(f"{listing.place} has other files than when it was listed")
    found += [f"{link.path} leads elsewhere" for link in opened.links
              if link_at(on_disk(link.path)) not in (link.target, meant(link.target))]
    found += [f"{entry.path} has other attributes" for entry in opened.attributes
              if sum_of_attributes(on_disk(entry.path)) != entry.sha256]
    found += filter(None, [other_order(opened.by_age)])
    for group in opened.groups:
        if sum_of_group(group.place, group.names) != group.sha256:
            found.append(f"one of {len(group.names)} files below {group.place} changed (such as {group.names[0]})")
    return found


def doubts(opened: OpenedFiles) -> list[str]:
    """Why a run of then does not stand for one of now: what of it is another, and what nobody saw."""
    return [*changed_since(opened), *opened.unseen]


def is_as_it_was(opened: OpenedFiles) -> bool:
    """Whether a run of now would open the same, so that one of then stands for it; no where not all was seen."""
    return opened.is_whole and not changed_since(opened)


def change_of(entry: SourceFile) -> str | None:
    """How a file is not what it was, in a word or two; None where it is, or can be made again."""
    try:
        if sum_as_opened(on_disk(entry.path)) != entry.sha256:
            return "changed"
    except FileError:
        return None if can_be_made_again(entry.path) else "is gone"
    return None


def sum_of_group(place: str, names: Iterable[str]) -> str:
    return hash_of_named((name, _sum_or_word(os.path.join(place, name))) for name in names)


def _sum_or_word(path: str) -> str:
    try:
        return sum_of(path)
    except FileError:
        return "gone"
