"""Bundle: a folder that holds what was run, what came out, and the sums that prove it.

A bundle is made in a hidden folder beside its final place and appears by one atomic rename; until
then nobody can mistake it for evidence, and afterwards it is read-only and never written again. Its
name is the UTC second in which it was begun. The hidden folder reserves that second, so two runs of
one case in one second get two stamps. While it is being filled its process holds it (lock.py), so that
what a killed program left behind can be told from what is being made.
"""

from __future__ import annotations

import contextlib
import datetime
import errno
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from nbcompare.bundle import strict_json
from nbcompare.bundle.lock import lock, share
from nbcompare.bundle.manifest import read_text
from nbcompare.bundle.names import (
    MANIFEST,
    RECORD,
    REQUIRED_FILES,
    SIGNOFFS,
    STAGING_PREFIX,
    STAMP_FORMAT,
    image_name,
    moment_named,
    newest_stamp,
    reserved_about,
)
from nbcompare.bundle.record import Record
from nbcompare.bundle.schema import schema_faults
from nbcompare.engine.engine import Run
from nbcompare.errors import EvidenceError, FileError, UsageError
from nbcompare.files import dump_json, files_below, flush_folder, sha256_of
from nbcompare.verdict.verdict import Verdict
from nbcompare.visible import all_seen_in

_CLOCK_PATIENCE_SECONDS = 2.0
_AT_ONCE = 8
"""Files that are forced to the disk together."""


@dataclass(frozen=True)
class Bundle:
    """A published bundle and what its record says."""

    folder: Path
    record: Record

    @property
    def verdict(self) -> Verdict:
        return self.record.verdict


# --- making one ---------------------------------------------------------------------------------------


@dataclass
class Staging:
    """A bundle being made, invisible until it is published."""

    folder: Path
    stamp: str
    handle: int | None = None
    published: Path | None = field(default=None)
    durable: bool = True
    """Whether every file is forced to the disk by itself; not where an archive takes the bundle in, which is."""
    rests_on: list[int] = field(default_factory=list)
    """Handles of bundles that may not be removed before this one is there (lock.share)."""

    def rest_on(self, folder: Path) -> bool:
        """Hold another bundle until this one is there, so that `prune` leaves it; False where that is removing it."""
        handle = share(folder)
        if handle is not None:
            self.rests_on.append(handle)
        return handle is not None

    def path(self, name: str) -> Path:
        """Where a file of the bundle goes; its folder is made."""
        target = self.folder / name
        if not target.parent.is_dir():  # to make one that is there takes ten times as long as a look
            target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def write(self, name: str, text: str) -> None:
        self.path(name).write_text(text, encoding="utf-8", newline="\n")

    def write_json(self, name: str, value: object) -> None:
        self.write(name, dump_json(value))

    def publish(self, record: Record) -> Bundle:
        """Write the record and the manifest, make all read-only, flush it, and rename it into place.

        Raises EvidenceError when an image is no longer what its run left.
        """
        self.write_json(RECORD, record.as_dict())
        _part_from_others(self.folder)
        missing = [name for name in REQUIRED_FILES if not (self.folder / name).is_file()]
        if missing:
            raise AssertionError(f"a bundle was about to be published without {missing}")
        write_manifest(self.folder)
        self._refuse_changed_images(record.runs)
        self.published = publish_folder(self.folder, self.stamp, durable=self.durable)
        return Bundle(self.published, record)

    def _refuse_changed_images(self, runs: Sequence[Run]) -> None:
        """An engine can leave a process behind that writes into the bundle while it is being finished."""
        lines = (self.folder / MANIFEST).read_text(encoding="utf-8").splitlines()
        sums = {name: digest for digest, _, name in (line.partition("  ") for line in lines)}
        for run in runs:
            name = image_name(run.role)
            if run.image_sha256 and sums.get(name) != run.image_sha256:
                raise EvidenceError(f"{name} was changed after the {run.role} had ended; no bundle was published",
                                    hint="an engine may have left a process behind that still writes")


def _part_from_others(folder: Path) -> None:
    """Give every file that has another name elsewhere, as an engine can leave it, bytes of its own: else whoever writes
    to the other name writes evidence, and sealing takes his own file from him."""
    for path in _files(folder):
        found = path.lstat()
        if stat.S_ISREG(found.st_mode) and found.st_nlink > 1:
            draft = path.with_name(f".{path.name[:200]}.own")
            shutil.copyfile(path, draft)
            draft.replace(path)


def publish_folder(folder: Path, stamp: str, *, durable: bool = True) -> Path:
    """Make a finished folder read-only, force it to the disk and give it its final name, in one step.

    Raises FileError when that name is taken or cannot be given; the finished folder is then kept.
    """
    target = folder.parent / stamp
    seal(folder, durable=durable)
    try:
        if os.path.lexists(target):  # rename would silently replace an empty folder
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        os.rename(folder, target)
    except OSError as fault:
        raise FileError(f"{target}: cannot publish the bundle: {fault.strerror}",
                        hint=f"the finished bundle is kept in {folder}; doctor --clean publishes it") from None
    for parent in (target.parent, target.parent.parent) if durable else ():
        flush_folder(parent)
    return target


def home_of(root: Path, case_name: str) -> Path:
    """The folder of a case's bundles. Raises UsageError for a name that means another folder."""
    if case_name == SIGNOFFS:
        raise UsageError(f"a case cannot be called {SIGNOFFS}: the folder of that name holds the sign-offs",
                         hint="give the case another name")
    return root / case_name


@contextlib.contextmanager
def staging(root: Path, case_name: str, now: Callable[[], float] = time.time, *, durable: bool = True,
            newest: Callable[[], str | None] = lambda: None) -> Iterator[Staging]:
    """A new bundle of the case below ``root``; if it is not published, nothing is left of it. Its stamp is newer than
    all that there are of the case, and than what ``newest`` says.

    Raises UsageError for a name that no case can have, and FileError when the folder cannot be written.
    """
    home = home_of(root, case_name)
    try:
        home.mkdir(parents=True, exist_ok=True)
        made = _reserve(home, now, lambda: max(filter(None, (newest_stamp(home), reserved_about(root, case_name),
                                                             newest())), default=None))
        made.durable = durable
    except OSError as fault:
        raise FileError(f"{home}: cannot make a bundle there: {fault.strerror}") from None
    try:
        yield made
    except OSError as fault:
        raise FileError(f"{fault.filename or made.folder}: {fault.strerror} while the bundle was being made; "
                        "no bundle was published") from fault
    finally:
        if made.published is None and not is_sealed(made.folder):
            shutil.rmtree(made.folder, ignore_errors=True)
        for handle in (*made.rests_on, *([] if made.handle is None else [made.handle])):
            os.close(handle)


def _reserve(home: Path, now: Callable[[], float], newest_there: Callable[[], str | None]) -> Staging:
    """Wait for a second that nobody else has taken. mkdir is atomic, so only one run gets a name; whether
    the stamp was published meanwhile is looked at after that."""
    while True:
        moment = datetime.datetime.fromtimestamp(now(), datetime.UTC)
        stamp = moment.strftime(STAMP_FORMAT)
        folder = home / f"{STAGING_PREFIX}{stamp}"
        next_second = 1.001 - moment.microsecond / 1e6
        try:
            folder.mkdir()
        except FileExistsError:
            time.sleep(next_second)
            continue
        handle = lock(folder, wait=True)
        if handle is None:
            continue
        newest = newest_there()
        if newest is None or newest < stamp:
            return Staging(folder, stamp, handle)
        folder.rmdir()
        os.close(handle)
        _refuse_a_clock_that_went_back(home, newest, moment)
        time.sleep(next_second)


def _refuse_a_clock_that_went_back(home: Path, newest: str, now: datetime.datetime) -> None:
    """Stamps tell which bundle is the newest, so none may be older than one that is there already.

    A step of the clock that is over in a moment is waited for.
    """
    if (moment_named(newest) - now).total_seconds() > _CLOCK_PATIENCE_SECONDS:
        raise FileError(f"{home}: the clock says {now:{STAMP_FORMAT}}, but there is a bundle of {newest}: it went "
                        "back, or stood ahead",
                        hint="set the clock right; a bundle with a wrong stamp can be moved elsewhere")


def write_manifest(folder: Path) -> None:
    """manifest-sha256.txt: the sums of all other files, in the format of sha256sum."""
    lines = [f"{sha256_of(f'{folder}/{name}')}  {name}\n" for name in files_below(folder) if name != MANIFEST]
    (folder / MANIFEST).write_text("".join(lines), encoding="utf-8", newline="\n")


def _files(folder: Path) -> list[Path]:
    return [folder / name for name in files_below(folder)]


def seal(folder: Path, *, durable: bool = True) -> None:
    """Make every file read-only and, where it is to be durable, force it to the disk, the manifest last: when that is
    sealed, all is."""
    others = [path for path in _files(folder) if path != folder / MANIFEST]
    for paths in (others, [folder / MANIFEST]):
        for path in paths:
            path.chmod(0o444)
        if durable:
            _force_to_disk(paths)
    for path in (folder, *(entry for entry in folder.rglob("*") if entry.is_dir())) if durable else ():
        flush_folder(path)


def _force_to_disk(paths: Sequence[Path]) -> None:
    """Several at once: a disk that writes its journal takes them together, and each would wait for it by itself."""
    def force(path: Path) -> None:
        with open(path, "rb") as stream:
            os.fsync(stream.fileno())

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(force, paths))


def is_sealed(folder: Path) -> bool:
    """Whether a folder was finished: it has a manifest, and that is read-only."""
    manifest = folder / MANIFEST
    return manifest.is_file() and not os.stat(manifest).st_mode & 0o222


# --- reading one --------------------------------------------------------------------------------------


def load_bundle(folder: Path, text: str | None = None) -> Bundle:
    """The bundle in a folder; ``text`` is that of its record where it was read already.

    Raises EvidenceError when there is no readable record, or none of the schema's form.
    """
    path = folder / RECORD
    if text is None and not os.path.lexists(path):
        raise EvidenceError(f"{folder}: no bundle here (there is no {RECORD})")
    try:
        text = read_text(path) if text is None else text
        stored = strict_json.loads(text)
        wrong = schema_faults(stored)
        if wrong:
            raise ValueError(wrong[0])
        return Bundle(folder, Record.from_dict(stored, seen=all_seen_in(text)))
    except FileError as fault:
        raise EvidenceError(f"{path}: cannot read: {fault.message}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise EvidenceError(f"{path}: damaged record ({type(fault).__name__}: {fault})") from None
