"""What an engine opened while it ran and was not known to be made of before: files by name and sum.

Its own files are listed one by one, with those that it looked for in vain. Of Python itself and of the system the
names are kept, with one sum over all. Of an installed distribution its list of files stands for what agrees with it.
The kinds are those of opened_kinds.py; what was seen comes from open_calls.py.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from nbcompare.engine.processes.disk_looks import Stamp, link_at
from nbcompare.engine.processes.file_uses import FileUses, Use
from nbcompare.engine.safety.confine import __file__ as _launcher
from nbcompare.engine.sources.built_before import built_before
from nbcompare.engine.sources.edited import edited_now, edited_once, is_edited
from nbcompare.engine.sources.entry import MODULE, SCRIPT
from nbcompare.engine.sources.file_metadata import Attributes, attributes_of, by_age, other_order, sum_of_attributes
from nbcompare.engine.sources.kept_state import is_kept, told, told_of_kept, written_by_itself
from nbcompare.engine.sources.listed import Listing, listings_of, names_in, sum_of_names
from nbcompare.engine.sources.made_of import MadeOf, SourceFile
from nbcompare.engine.sources.opened_kinds import (
    INSTALLED,
    OWN,
    FileKind,
    ListedFiles,
    can_be_made_again,
    distribution_of,
    kind_of,
    source_behind,
    sum_as_opened,
)
from nbcompare.engine.sources.python_here import in_cache, stale_bytecode
from nbcompare.engine.sources.real_paths import Looks
from nbcompare.errors import FileError
from nbcompare.files import hash_of_named, sum_of

MOST_FILES = 5000
_RECORD = "RECORD"
_LOCK = ".lock"
_COMPILED_BEFORE = ".nbc"
"""What numba keeps of a function: it is asked of the file of the function alone, and not of what that calls."""


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


def opened_by(calls: FileUses, made_of: MadeOf | None = None, program: str = "",
              search: str = "") -> tuple[OpenedFiles, list[str]]:
    """What was opened beside what an engine is known to be made of, and what of it was changed since by others;
    ``search`` is the engine's PATH."""
    if calls.unwatched:
        return OpenedFiles(unwatched=calls.unwatched), []
    own, looks = written_by_itself(calls), Looks()
    known = _Known(_with_old_sums(made_of, own, looks), program, looks)
    keeps = made_of.keeps if made_of else ()
    kept = tuple(path for path in sorted(calls.uses) if keeps and is_kept(path, keeps) and os.path.isfile(path))
    sources = {path: use for path, use in calls.uses.items() if not use.made and (use.read or use.run or use.looked_at)
               and not is_kept(path, keeps)}
    behind = functools.cache(functools.partial(source_behind, is_file=looks.is_file))
    found = _Found(looks)
    changed = []
    for path, use in sorted(sources.items()):
        if use.behind in calls.uses:
            continue  # it is looked at by the name of the link
        if use.stamp is None:
            found.missing(path, use)
            continue
        source = behind(path)
        kind = kind_of(source)
        if kind is None or looks.of(source) in known:
            continue
        stamp = looks.stamp(path)
        if not _is_same(stamp, use.stamp) and not use.written:
            if not use.read and not use.run:
                continue  # it was asked about alone, as a log is that others write
            changed.append(f"{path} {'is gone' if stamp is None else 'changed'}")
        elif stamp is None:
            found.gone(path, kind)
        elif use.read or use.run or _is_same(stamp, use.stamp):
            if _was_put_back(path, kind, use, stamp):
                changed.append(f"{path} was written to and put back")
            found.add(kind, source, use if source == path else None)
            if source != path and kind.word == OWN and stale_bytecode(source) == path:
                found.add(FileKind(OWN, "", path), path, use)
                calls.unseen[f"{path} is not compiled from the source beside it"] = None
            if source.endswith(_COMPILED_BEFORE) and use.stamp[2] < known.written:
                calls.unseen[f"{path} was compiled before a source was written, and may be of its text before "
                             "(remove it)"] = None
    calls.unseen.update(dict.fromkeys(built_before(sources)))
    found.absent = list(dict.fromkeys((*found.absent, *_before_on(search, calls))))
    links = tuple(SymbolicLink(path, use.leads_to) for path, use in sorted(calls.uses.items())
                  if use.leads_to is not None and not use.written and _is_own(path))
    logs = own - found.files.keys()
    if logs:
        logs -= {looks.of(path) for path, use in calls.uses.items() if use.read and not use.made}
    return replace(found.opened(tuple(calls.unseen)), listings=tuple(listings_of(calls, known.holds, behind)),
                   links=links[:MOST_FILES], logs=_logs(made_of, logs),
                   kept=kept[:MOST_FILES], by_age=by_age(calls, _is_own),
                   attributes=tuple(attributes_of(calls, _is_own))), changed


def _is_same(stamp: Stamp | None, before: Stamp | None) -> bool:
    """Whether a file is what it was, by all that whoever writes a file can set."""
    return stamp == before or (stamp is not None and before is not None and stamp[:3] == before[:3])


def _was_put_back(path: str, kind: FileKind, use: Use, stamp: Stamp) -> bool:
    """Whether somebody else wrote to a file that was read, and gave it its time of before. Not told of what is shared:
    an installed file, and one in which git keeps its history, is given a name more by whoever installs or clones."""
    return use.stamp is not None and stamp[3] != use.stamp[3] and not use.written and (use.read or use.run) and \
        kind.word == OWN and f"{os.sep}.git{os.sep}" not in path


def _with_old_sums(made_of: MadeOf | None, own: frozenset[str], looks: Looks) -> MadeOf | None:
    """What an engine is made of without what it changed itself."""
    if made_of is None or not own:
        return made_of
    mine = [entry for entry in made_of.files if looks.of(entry.path) in own]
    return made_of.without({looks.of(entry.path) for entry in mine if _changed(entry)})


def _logs(made_of: MadeOf | None, own: Iterable[str]) -> tuple[str, ...]:
    """The files that an engine wrote itself and did not read, where it is made of them or they lie in its folders."""
    if made_of is None:
        return ()
    named = {os.path.realpath(entry.path) for entry in made_of.files}
    places = tuple(os.path.join(os.path.realpath(place), "") for place in (*made_of.folders, made_of.base) if place)
    return tuple(sorted(path for path in own if path in named or path.startswith(places)))[:MOST_FILES]


def _is_own(path: str) -> bool:
    kind = kind_of(path)
    return kind is not None and kind.word == OWN


def _before_on(search: str, calls: FileUses) -> Iterator[str]:
    """Where a program that was run would have been found before, had it lain there: a shell looks without opening."""
    places = [place for place in search.split(os.pathsep) if os.path.isabs(place)]
    for path, use in calls.uses.items():
        folder, name = os.path.split(path) if use.run else ("", "")
        if folder in places:
            for place in places[:places.index(folder)]:
                earlier = os.path.join(place, name)
                kind = kind_of(earlier)
                if kind and kind.word == OWN and not os.path.lexists(earlier):
                    yield earlier


class _Known:
    """The files that need no telling, as real paths: an engine's program, and what it is known to be made of."""

    def __init__(self, made_of: MadeOf | None, program: str, looks: Looks) -> None:
        self._looks = looks
        own = [entry.path for entry in made_of.files] if made_of else []
        self._files = {looks.of(path) for path in (program, _launcher, *own) if path}
        # What the Python of a wrapper searches is not asked for, and beside declared sources nothing is.
        asked = made_of if made_of and made_of.kind in (MODULE, SCRIPT) and not made_of.globs else None
        self._folders = {looks.of(os.path.dirname(folder)) for folder in asked.folders} if asked else set()
        self._folders |= {os.path.dirname(path) for path in self._files if asked or path not in own}

    @functools.cached_property
    def written(self) -> int:
        """When the newest source was written, as mtime in nanoseconds."""
        stamps = [self._looks.stamp(path) for path in self._files if path.endswith(".py")]
        return max((stamp[2] for stamp in stamps if stamp), default=0)

    def __contains__(self, path: str) -> bool:
        return path in self._files

    def holds(self, folder: str) -> bool:
        """Whether one of them lies in a folder."""
        return self._looks.of(folder) in self._folders


class _Found:
    """What was opened, as it is put together."""

    def __init__(self, looks: Looks) -> None:
        self._looks = looks
        self.files: dict[str, SourceFile] = {}
        self.absent: list[str] = []
        self.rewritten: list[str] = []
        self.left: list[str] = []
        self.grouped: dict[str, set[str]] = {}
        self._listed = ListedFiles()

    def missing(self, path: str, use: Use) -> None:
        """A file that was looked for in vain, and may have been made then; not one of the system or of a distribution,
        where much is tried."""
        kind = kind_of(path)
        if use.is_folder or kind is None or kind.word != OWN:
            return
        if os.path.lexists(path):
            if use.written and os.path.isfile(path) and not path.endswith(_LOCK):
                self.left.append(path)
        elif not can_be_made_again(path):
            self.absent.append(path)

    def gone(self, path: str, kind: FileKind) -> None:
        """A file that the engine itself took away, as a log of a database that was taken in."""
        self.absent += [path] if kind.word == OWN and not can_be_made_again(path) else []

    def add(self, kind: FileKind, path: str, use: Use | None) -> None:
        """A file that counts, with its own use; without one where another that was compiled from it was used."""
        if kind.word == INSTALLED:
            if (entry := self._listed.entry_of(kind)) and entry.listing not in self.files:
                self.distribution(entry.listing)
            if entry and not is_edited(path, self._looks.at(path), self._listed.written(entry.listing).st_mtime,
                                       entry.digest, entry.size):
                return
        if kind.word in (OWN, INSTALLED):
            self.files[path] = SourceFile(path, path, sum_as_opened(path))
            if use and use.written and not _is_same(self._looks.stamp(path), use.stamp):
                self.rewritten.append(path)
        else:
            self.grouped.setdefault(kind.place, set()).add(kind.name)

    def distribution(self, listing: str) -> None:
        self.files |= {entry.path: entry for entry in files_of_distribution(listing)}

    def opened(self, unseen: tuple[str, ...]) -> OpenedFiles:
        groups = tuple(Group(place, tuple(sorted(names)), _sum_of_group(place, sorted(names)))
                       for place, names in sorted(self.grouped.items()))
        files = tuple(self.files.values())
        if len(files) > MOST_FILES:
            unseen += (f"it opened {len(files)} files of its own, and {MOST_FILES} of them are listed",)
        return OpenedFiles(files[:MOST_FILES], tuple(self.absent[:MOST_FILES]), groups,
                           rewritten=tuple(self.rewritten), left=tuple(self.left[:MOST_FILES]), unseen=unseen)


def files_of_distribution(listing: str) -> Iterator[SourceFile]:
    """What stands for a distribution: its list of files, and what was not as that says already."""
    yield SourceFile(f"{distribution_of(listing)} {_RECORD}", listing, sum_of(listing))
    yield from (SourceFile(path, path, sum_of(path)) for path in edited_once(listing)
                if os.path.isfile(path))  # it may be gone since


# --- afterwards ------------------------------------------------------------------------------------------------------


def changed_since(opened: OpenedFiles) -> list[str]:
    """The names of files that are not what they were when they were opened; and of those that are there now."""
    listed = {entry.path for entry in opened.files}
    found = [f"{entry.name} {word}" for entry in opened.files if (word := _changed(entry))]
    for entry in opened.files:
        if entry.name.endswith(f" {_RECORD}"):
            found += [f"{path} was changed" for path in edited_now(entry.path) if path not in listed]
    found += [f"{path} is new" for path in opened.absent if os.path.lexists(path)]
    for listing in opened.listings:
        names = names_in(listing.place, listing.endings)
        if names is None or sum_of_names(names) != listing.sha256:
            found.append(f"{listing.place} has other files than when it was listed")
    found += [f"{link.path} leads elsewhere" for link in opened.links if link_at(link.path) != link.target]
    found += [f"{entry.path} has other attributes" for entry in opened.attributes
              if sum_of_attributes(entry.path) != entry.sha256]
    found += filter(None, [other_order(opened.by_age)])
    for group in opened.groups:
        if _sum_of_group(group.place, group.names) != group.sha256:
            found.append(f"one of {len(group.names)} files below {group.place} changed (such as {group.names[0]})")
    return found


def doubts(opened: OpenedFiles) -> list[str]:
    """Why a run of then does not stand for one of now: what of it is another, and what nobody saw."""
    return [*changed_since(opened), *opened.unseen]


def is_as_it_was(opened: OpenedFiles) -> bool:
    """Whether a run of now would open the same, so that one of then stands for it; no where not all was seen."""
    return opened.is_whole and not changed_since(opened)


def _changed(entry: SourceFile) -> str | None:
    try:
        if sum_as_opened(entry.path) != entry.sha256:
            return "changed"
    except FileError:
        return None if can_be_made_again(entry.path) else "is gone"
    return None


def _sum_of_group(place: str, names: Iterable[str]) -> str:
    return hash_of_named((name, _sum_or_word(os.path.join(place, name))) for name in names)


def _sum_or_word(path: str) -> str:
    try:
        return sum_of(path)
    except FileError:
        return "gone"
