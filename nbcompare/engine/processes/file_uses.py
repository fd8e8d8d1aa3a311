"""What the processes of a program did with files, by path: the account that open_calls.py fills while they run."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from nbcompare.engine.processes.disk_looks import (
    DiskLooks,
    Glance,
    Stamp,
    is_of_the_process,
    leads_through_a_process,
    stamp_of,
)

_FILE_FLAGS = os.O_WRONLY | os.O_RDWR
_PATH_ONLY = getattr(os, "O_PATH", 0)

Changes = tuple[str | None, tuple[str, ...], list[tuple[str, tuple[Any, ...] | None]]]
"""Why nothing is seen, all that is unseen, and by path the fields of its use, None where there is none any more."""

NOT_ASKED = "its declaration says watched: false"
"""Why nothing was seen of an engine that could have been watched."""


@dataclass
class Use:
    """How one path was used first, and since.

    ``stamp`` is (inode, size, mtime_ns, ctime_ns) when it was opened first, None where there was no regular file;
    ``made`` says that the engine made the file, or emptied it, before it read it. A path that was reached through a
    link names that as ``behind``, and the link's own is ``linked``. ``looked_at`` was what was asked for without being
    opened, and of a link that was, ``leads_to`` is what it said then; ``attributes`` says that its extended ones were
    asked for.
    """

    stamp: Stamp | None
    made: bool
    is_folder: bool = False
    read: bool = False
    run: bool = False
    written: bool = False
    linked: bool = False
    behind: str | None = None
    looked_at: bool = False
    leads_to: str | None = None
    attributes: bool = False


@dataclass
class FileUses:
    """What was seen, by path as the process named it, made absolute, and where that leads through a link by both;
    ``unwatched`` says why nothing could be seen, and ``unseen`` what cannot be known of what was. Of a program that is
    kept, ``again`` are the paths that it used since this was told the last time; None: all."""

    uses: dict[str, Use] = field(default_factory=dict)
    unwatched: str | None = None
    unseen: dict[str, None] = field(default_factory=dict)
    again: frozenset[str] | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        self._changed, self._copies = set(self.uses), dict[str, Use]()
        self._told: tuple[tuple[str, ...], dict[str, Use]] | None = None
        self._moved, self._carried = set[str](), dict[str, str]()
        self.disk = DiskLooks()
        self._known_there: set[str] = set()
        self.settle: Callable[[], None] = nothing_waits
        self.forget_there: Callable[[tuple[str, ...]], None] | None = None

    # --- while it runs -------------------------------------------------------------------------------------------

    def opened(self, path: str, flags: int, glance: Glance | None = None) -> None:
        """A file is about to be opened; ``glance`` is what was seen there when it was, where this is entered later."""
        written, read = bool(flags & _FILE_FLAGS), not flags & (os.O_WRONLY | _PATH_ONLY)
        for name, use in self._uses_of(path, glance, bool(flags & os.O_TRUNC), bool(flags & os.O_CREAT)):
            use.written |= written
            use.read |= read
            self._changed.add(name)
            if read:
                self._note_carried(name, use)

    def looked(self, path: str, glance: Glance | None = None) -> None:
        """A path is asked about: whether something is there, how large or new it is, or where a link leads."""
        use = self.uses.get(path)
        if use is None or not use.looked_at:
            look = self.disk.at(path, glance)
            for name, use in self._uses_of(path, look):
                use.looked_at = True
                if name == path:
                    use.leads_to = look.says
                self._changed.add(name)

    def asked_attributes(self, path: str) -> None:
        """The extended attributes of a path are asked for."""
        for name, use in self._uses_of(path):
            use.attributes = True
            self._changed.add(name)

    def moved_folders(self, *names: str) -> None:
        """Folders are about to get other names. What is read by these in one that was there before is known by no name
        that it had, or will have again; one that is only moved aside and cleared, as pytest does with old ones, is not
        read."""
        for name in names:
            use, folder = self.uses.get(name), self._carried.get(name + os.sep)
            is_folder = os.path.isdir(name) and not os.path.islink(name)
            if is_folder and (folder or not use or (use.is_folder and not use.made)):
                self._carried.update((other + os.sep, folder or name) for other in names)

    def _note_carried(self, path: str, use: Use) -> None:
        """Say where a file is read in a folder that was moved."""
        if use.stamp is None or use.made:
            return
        for begins, folder in self._carried.items():
            if path.startswith(begins):
                self.unseen[f"it moved the folder {folder}, and what it read there meanwhile is not known"] = None

    def run(self, path: str) -> None:
        """A program is about to be executed."""
        for name, use in self._uses_of(path):
            use.run = True
            self._changed.add(name)
            self._note_carried(name, use)

    def given_name(self, path: str, symbolic: bool = False) -> None:
        """A path is about to become a file, or a symbolic link, that the program makes."""
        use = self.uses.setdefault(path, Use(None, True))
        use.written, use.linked = True, use.linked or symbolic
        self._changed.add(path)
        if symbolic:
            self.leads_elsewhere(path)

    def leads_elsewhere(self, name: str) -> None:
        """A link or a folder is about to get, or to lose, a name: what was used by that, or below it, is looked at
        again when it is used again, as it may be another file."""
        below = name + os.sep
        self._moved.update(path for path in list(self.uses) if path.startswith(below) or path == name)

    def took(self, path: str) -> None:
        """A file is about to get a name more, or another: what is read under that was this one."""
        use = self.uses.get(path) or self._new(path, *stamp_of(path))
        use.read = use.written = True
        self._changed.add(path)
        self._note_carried(path, use)

    def followed_into_a_process(self) -> None:
        """A link leads to what the program has open or where it works: to another file than for us."""
        self.unseen["it follows a link into /proc, and the file that this leads to is not known"] = None

    def _uses_of(self, path: str, glance: Glance | None = None, emptied: bool = False,
                 created: bool = False) -> tuple[tuple[str, Use], ...]:
        """What is known of a path, and of the file that it leads to, by both."""
        use = self.uses.get(path)
        if use is not None and not use.linked and path not in self._moved:
            return ((path, use),)
        look = self.disk.at(path, glance)
        if use is None:
            use = self._new(path, look.mode, look.stamp, emptied, created)
        if look.real == path:
            return ((path, use),)
        use.linked = True
        if leads_through_a_process(path):
            self.followed_into_a_process()
        behind = self.uses.get(look.real)
        if behind is None:
            behind = self._new(look.real, look.mode, look.stamp, emptied, created)
            behind.behind = path
        return (path, use), (look.real, behind)

    def _new(self, path: str, mode: int, stamp: Stamp | None, emptied: bool = False, created: bool = False) -> Use:
        """Enter a path that was not used before."""
        use = self.uses[path] = Use(stamp, emptied or (created and not mode), stat.S_ISDIR(mode))
        if stat.S_ISFIFO(mode) and not is_of_the_process(path):
            self.unseen[f"it reads or writes the pipe {path}, and who is at its other end is not known"] = None
        return use

    # --- afterwards ----------------------------------------------------------------------------------------------

    def outside(self, *folders: Path) -> FileUses:
        """What was done so far outside of some folders. Its uses are not changed any more, and may be shared."""
        self.settle()
        self.disk.forget()  # who asks may have changed names himself
        places = _below(*folders)
        again = self._copy_changed()
        known = self._told[1] if self._told and self._told[0] == places else None
        seen = dict(known or {})  # of a program that is kept, thousands that were told before
        for path in list(self._copies) if known is None else again:
            if path in self._copies and not path.startswith(places):
                seen[path] = self._copies[path]
            else:
                seen.pop(path, None)
        self._told = places, seen
        return replace(self, uses=dict(seen), unseen=dict(self.unseen), again=again)

    def _copy_changed(self) -> frozenset[str]:
        """Bring the copies up to date, and say which were not. Of what a program that is kept did before its last
        command nothing changes, and its uses are thousands; what is seen meanwhile is entered after it was changed, and
        so is copied then or later."""
        again = self._pop_changed()
        for path in again:
            use = self.uses.get(path)
            if use is None:
                self._copies.pop(path, None)
            else:
                self._copies[path] = copy_of(use)
        return again

    def _pop_changed(self) -> frozenset[str]:
        """What was changed since the last time."""
        found = set()
        while self._changed:
            found.add(self._changed.pop())
        return frozenset(found)

    def forget(self, folder: Path) -> None:
        """What was done in a folder, and with the folder itself."""
        names = tuple({str(folder.absolute()), os.path.realpath(folder)})
        if self.forget_there:
            self.forget_there(names)
        else:
            self.settle()
        self.forget_names(names)

    def forget_names(self, names: tuple[str, ...]) -> None:
        """What was done with folders of these names, and in them."""
        places = tuple(f"{name}{os.sep}" for name in names)
        for path in [path for path in list(self.uses) if path.startswith(names)]:  # of thousands, few
            if not path.startswith(places) and path not in names:
                continue
            self.uses.pop(path, None)
            self._changed.add(path)

    def changes(self) -> Changes:
        """What is another than it was told the last time, for an account of the same in another process (``take``).
        What is new comes in the order in which it was used."""
        found = {path: self.uses.get(path) for path in self._pop_changed()}
        new = {path for path, use in found.items() if use is not None and path not in self._known_there}
        paths = [path for path in found if path not in new]
        newest = tuple(islice((path for path in reversed(self.uses) if path in new), len(new)))
        self._known_there.update(new)
        told: list[tuple[str, tuple[Any, ...] | None]] = []
        for path in (*paths, *reversed(newest)):
            use = found[path]
            if use is None:
                self._known_there.discard(path)
            told.append((path, None if use is None else tuple(vars(use).values())))
        return self.unwatched, tuple(self.unseen), told

    def take(self, unwatched: str | None, unseen: Iterable[str],
             told: Iterable[tuple[str, tuple[Any, ...] | None]]) -> None:
        """Enter what the account in another process says that has changed."""
        self.unwatched = self.unwatched or unwatched
        self.unseen.update(dict.fromkeys(unseen))
        for path, values in told:
            if values is None:
                self.uses.pop(path, None)
            else:
                self.uses[path] = Use(*values)
            self._changed.add(path)

    def add(self, other: FileUses, *outside: Path) -> None:
        """Take in what another run of the same engine did, outside of some folders."""
        self.unwatched = self.unwatched or other.unwatched
        self.unseen.update(other.unseen)
        places = _below(*outside)
        if not self.uses:  # the first of a cell, and of thousands of files
            self.uses = dict(other.uses)
            for path in [path for path in self.uses if path.startswith(places)]:
                del self.uses[path]
            self._changed.update(self.uses)
            self.again = other.again
            return
        self.again = None if self.again is None or other.again is None else self.again | other.again
        for path, use in list(other.uses.items()):
            mine = self.uses.get(path)
            if mine is not use and not path.startswith(places):
                self.uses[path] = use if mine is None else _together(mine, use)
                self._changed.add(path)


def nothing_waits() -> None:
    """Of an account to which nobody adds any more."""


def _below(*folders: Path) -> tuple[str, ...]:
    """How the paths begin of what lies in some folders."""
    return tuple({f"{place}{os.sep}" for folder in folders
                  for place in (folder.absolute(), os.path.realpath(folder))})


def _together(mine: Use, use: Use) -> Use:
    """What two runs did with a file; what was seen of each is left as it is."""
    return replace(mine, read=mine.read or use.read, run=mine.run or use.run, written=mine.written or use.written,
                   looked_at=mine.looked_at or use.looked_at, attributes=mine.attributes or use.attributes,
                   made=mine.made and use.made)


def copy_of(use: Use) -> Use:
    """The same once more. Thousands of them are gone through for each run, in a third of the time where they were made
    by their class and not by ``replace``, which asks for each field, nor from a dictionary."""
    return Use(*vars(use).values())


def gives_rights(path: str) -> bool:
    """Whether a program runs with the rights of its owner or group."""
    return bool(stamp_of(path)[0] & (stat.S_ISUID | stat.S_ISGID))
