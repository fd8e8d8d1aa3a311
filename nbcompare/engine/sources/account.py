"""The account of what an engine opened (opened.py), put together from what was seen of it (open_calls.py).

Beside the files themselves it tells whether each is still what it was when it was opened, and what nobody can know of
the run: of which kind a file is, and whether it counts, stands in opened_kinds.py.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace

from nbcompare.engine.processes.disk_looks import Stamp
from nbcompare.engine.processes.file_uses import FileUses, Use
from nbcompare.engine.safety.confine import __file__ as _launcher
from nbcompare.engine.sources.built_before import built_before
from nbcompare.engine.sources.edited import edited_once, is_edited
from nbcompare.engine.sources.entry import MODULE, SCRIPT
from nbcompare.engine.sources.file_metadata import MOST_FILES, attributes_of, by_age
from nbcompare.engine.sources.kept_state import is_kept, written_by_itself
from nbcompare.engine.sources.listed import listings_of
from nbcompare.engine.sources.made_of import MadeOf, SourceFile
from nbcompare.engine.sources.opened import (
    RECORD,
    Group,
    OpenedFiles,
    SymbolicLink,
    change_of,
    sum_of_group,
)
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
from nbcompare.engine.sources.python_here import stale_bytecode
from nbcompare.engine.sources.real_paths import Looks
from nbcompare.files import sum_of

_LOCK = ".lock"
_COMPILED_BEFORE = ".nbc"
"""What numba keeps of a function: it is asked of the file of the function alone, and not of what that calls."""

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
    return made_of.without({looks.of(entry.path) for entry in mine if change_of(entry)})


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
        groups = tuple(Group(place, tuple(sorted(names)), sum_of_group(place, sorted(names)))
                       for place, names in sorted(self.grouped.items()))
        files = tuple(self.files.values())
        if len(files) > MOST_FILES:
            unseen += (f"it opened {len(files)} files of its own, and {MOST_FILES} of them are listed",)
        return OpenedFiles(files[:MOST_FILES], tuple(self.absent[:MOST_FILES]), groups,
                           rewritten=tuple(self.rewritten), left=tuple(self.left[:MOST_FILES]), unseen=unseen)


def files_of_distribution(listing: str) -> Iterator[SourceFile]:
    """What stands for a distribution: its list of files, and what was not as that says already."""
    yield SourceFile(f"{distribution_of(listing)} {RECORD}", listing, sum_of(listing))
    yield from (SourceFile(path, path, sum_of(path)) for path in edited_once(listing)
                if os.path.isfile(path))  # it may be gone since
