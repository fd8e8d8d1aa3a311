"""Files of installed distributions that are not as the lists of these say: what stands for a thousand files that an
engine opened is their list, and beside it these.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from nbcompare.engine.sources.opened_kinds import rows_of
from nbcompare.files import sum_of

_LATER_SECONDS = 2.0
_Scans = dict[tuple[str, int], tuple[str, ...]]
_SCANS: ContextVar[_Scans | None] = ContextVar("scans", default=None)
_MOMENT: ContextVar[_Scans | None] = ContextVar("moment", default=None)


@contextmanager
def at_one_moment() -> Iterator[None]:
    """While the block runs no program does, and what was opened of old is held against the distributions as they are
    now: each is looked through one time for all accounts, also for one that is ``scanned_once`` after the block."""
    found: _Scans = {}
    before = _MOMENT.set(found)
    try:
        yield
    finally:
        _MOMENT.reset(before)
        if (scans := _SCANS.get()) is not None:
            scans |= found


@contextmanager
def scanned_once() -> Iterator[None]:
    """While the block runs, each distribution is looked through one time for files that are not as its list says; a
    block within another one goes by what that has found.

    For a run, or the cells of a group. A file that is opened is looked at by itself each time; one that nobody opens
    and that is changed meanwhile is not in the records, and by that the runs do not stand for one of later
    (``changed_since``).
    """
    before = _SCANS.set({} if (scans := _SCANS.get()) is None else scans)
    try:
        yield
    finally:
        _SCANS.reset(before)


def edited_once(listing: str) -> Iterable[str]:
    """The files of a distribution that are not as its list says; looked for once while ``scanned_once`` holds."""
    return _once(_SCANS.get(), listing)


def edited_now(listing: str) -> Iterable[str]:
    """The same, looked for once while ``at_one_moment`` holds."""
    return _once(_MOMENT.get(), listing)


def _once(scans: _Scans | None, listing: str) -> Iterable[str]:
    if scans is None or not os.path.isfile(listing):
        return _edited_files(listing)
    key = listing, os.stat(listing).st_mtime_ns
    if key not in scans:
        scans[key] = tuple(_edited_files(listing))
    return scans[key]


def _edited_files(listing: str) -> Iterator[str]:
    """The files of a distribution that are there and are not what its list says."""
    if not os.path.isfile(listing):
        return
    place = os.path.dirname(os.path.dirname(listing)) + os.sep
    written = os.stat(listing)
    latest, stat = written.st_mtime + _LATER_SECONDS, os.stat
    for name, (digest, size) in rows_of(listing, written.st_mtime_ns).items():
        path = place + name
        try:
            found = stat(path)
        except OSError:
            continue
        odd = found.st_mtime > latest or str(found.st_size) != size  # a few among thousands
        if odd and is_edited(path, found, written.st_mtime, digest, size):
            yield path


def is_edited(path: str, found: os.stat_result | None, written: float, digest: str, size: str) -> bool:
    """Whether an installed file, of which the system says what was ``found``, is another than its distribution says,
    whose list was ``written`` then; bytes are read where the file was written since."""
    if found is None:
        return False  # not there
    if size.isdigit() and int(size) != found.st_size:
        return True
    later = found.st_mtime > written + _LATER_SECONDS
    return later and "sha256=" + base64.urlsafe_b64encode(bytes.fromhex(sum_of(path))).decode().rstrip("=") != digest
