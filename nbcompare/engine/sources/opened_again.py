"""What an engine opened that is asked many times: put together once, as long as nothing new was done and all that the
account rests on is what it was (opened.py).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from nbcompare.engine.processes.file_uses import FileUses, Use
from nbcompare.engine.sources.account import opened_by
from nbcompare.engine.sources.built_before import built_before, compiled_among
from nbcompare.engine.sources.listed import Listing, names_in, sum_of_names
from nbcompare.engine.sources.made_of import MadeOf
from nbcompare.engine.sources.opened import OpenedFiles
from nbcompare.engine.sources.opened_kinds import compiled_from, kind_of
from nbcompare.files import are_settled, is_settled, stamp_at, sum_of

OF_PROCESSES = "/proc/"
"""What the kernel shows of a process is no source of anything, and has another name for each."""


class OpenedAgain:
    """``opened_by`` for an engine that is asked many times: put together anew only where it did something new, or a
    file is not what it was. An engine in Python opens a thousand files, which a look at each run would double.

    Of each file the times are looked at, also of the last change (ctime), which nobody can set; of each folder that was
    listed the names. What of a distribution nobody opens is looked at once, as in ``scanned_once``. For the runs of a
    group files are looked at in its beginning and its end; names, which can come and go without a trace, in each run.
    """

    def __init__(self) -> None:
        self._known: _Account | None = None
        self._in_group = self._was_looked_at = self._is_owed = False
        self._held = True

    def begin_group(self) -> None:
        """From now on look when an account is asked for first, and then not before ``end_group``."""
        self._in_group, self._held = True, True
        self._was_looked_at = self._is_owed = False

    def end_group(self) -> bool:
        """Whether all that was given without a look since ``begin_group`` was true."""
        self._settle()
        self._in_group = False
        return self._held

    def _settle(self) -> None:
        """Look whether an account still holds that was given without a look."""
        if self._is_owed and self._known:
            self._held = self._held and self._known.holds()
        self._is_owed = False

    def _stands(self) -> bool:
        """Whether the account may be given again."""
        if self._in_group and self._was_looked_at:
            if self._known is None or not self._known.names_hold():
                return False
            self._is_owed = True
            return True
        self._was_looked_at = True
        return self._known is not None and self._known.holds()

    def by(self, calls: FileUses, made_of: MadeOf | None = None, program: str = "",
           search: str = "") -> tuple[OpenedFiles, list[str]]:
        if calls.unwatched:
            return opened_by(calls, made_of, program, search)
        uses = dict(calls.uses)
        for path in [path for path in uses if path.startswith(OF_PROCESSES)]:
            del uses[path]
        asked = _Question(uses, tuple(calls.unseen), made_of, program, search)
        if self._known and self._known.question == asked and self._stands():
            calls.unseen.update(dict.fromkeys(self._known.opened.unseen))
            return self._known.opened, []
        self._settle()
        self._was_looked_at = True
        stamps = _Stamps(_rests_on(asked))
        opened, changed = opened_by(calls, made_of, program, search)
        self._known = None if changed else _Account(asked, opened, stamps)
        return opened, changed


@dataclass(frozen=True)
class _Question:
    """What ``opened_by`` is asked."""

    uses: dict[str, Use]
    unseen: tuple[str, ...]
    made_of: MadeOf | None
    program: str
    search: str


def _rests_on(asked: _Question) -> Iterator[str]:
    """The files that an account goes by: those that were used, the sources behind compiled ones, and its own."""
    for path in asked.uses:
        if kind_of(path) is None:
            continue
        yield path
        if path.endswith(".pyc") and (source := compiled_from(path)):
            yield source
    yield from (entry.path for entry in asked.made_of.files) if asked.made_of else ()
    if asked.program:
        yield asked.program


class _Stamps:
    """How files are at one moment. One that was changed a moment before may change again under the same times: its
    bytes are looked at."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._stamps = {path: stamp_at(path) for path in paths}
        self._sums = {path: sum_of(path) for path, stamp in self._stamps.items()
                      if not is_settled(stamp) and stat.S_ISREG(stamp[0])}

    def hold(self) -> bool:
        """Whether all are as they were."""
        return all(stamp_at(path) == stamp for path, stamp in self._stamps.items()) and \
            all(sum_of(path) == digest for path, digest in self._sums.items())


class _Account:
    """What was put together, and whether it would be the same again."""

    def __init__(self, question: _Question, opened: OpenedFiles, stamps: _Stamps) -> None:
        self.question, self.opened, self._stamps = question, opened, stamps
        self._compiled = tuple(compiled_among(question.uses))
        self._older = list(built_before(self._compiled))
        self._lists = _Stamps(entry.path for entry in opened.files)
        self._listed = [_Listed(entry) for entry in opened.listings]

    def holds(self) -> bool:
        return self._stamps.hold() and self._lists.hold() and self.names_hold() and \
            list(built_before(self._compiled)) == self._older

    def names_hold(self) -> bool:
        """Whether nothing is there that was looked for in vain, and folders that were listed hold the same names."""
        return not any(map(_is_there, self.opened.absent)) and all(listed.holds() for listed in self._listed)


def _is_there(path: str) -> bool:
    """os.path.lexists, without a fault to be made and caught where nothing is, as there hardly ever is."""
    return os.access(path, os.F_OK, follow_symlinks=False) if _ASKS_OF_LINKS else os.path.lexists(path)


_ASKS_OF_LINKS = os.access in os.supports_follow_symlinks


class _Listed:
    """The names in a folder that was listed: looked for again only where that, or a folder in it, has other entries.
    Where a link lies in one of them, or all below counts, they are looked for each time."""

    def __init__(self, listing: Listing) -> None:
        self._listing = listing
        self._times = None if listing.is_deep else _times_of_entries(listing.place)

    def holds(self) -> bool:
        if self._times and _all_changed(self._times) == list(self._times.values()):
            return True
        names = names_in(self._listing.place, self._listing.endings)
        return names is not None and sum_of_names(names) == self._listing.sha256


def _times_of_entries(place: str) -> dict[str, int] | None:
    """When the entries of a folder, and of each folder in it, were changed last; None where a link lies there, or that
    was a moment ago."""
    try:
        with os.scandir(place) as entries:
            found = list(entries)
        inner = [entry.path for entry in found if entry.is_dir()]
        folders = place, *inner
        times = _all_changed(folders)
        if not times or any(entry.is_symlink() for entry in found) or any(map(_has_links, inner)):
            return None
    except OSError:
        return None
    return dict(zip(folders, times, strict=True)) if are_settled((at,) * 2 for at in times) else None


def _has_links(folder: str) -> bool:
    with os.scandir(folder) as entries:
        return any(entry.is_symlink() for entry in entries)


def _all_changed(folders: Iterable[str]) -> list[int]:
    """When the entries of folders were changed last, in their order; nothing where one of them is gone."""
    try:
        return [os.stat(folder).st_ctime_ns for folder in folders]
    except OSError:
        return []
