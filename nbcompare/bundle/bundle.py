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
import hashlib
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

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
from nbcompare.errors import EvidenceError, FileError, UsageError
from nbcompare.files import by_folders, dump_json, files_below, flush_folder, sha256_of
from nbcompare.visible import all_seen_in

if TYPE_CHECKING:
    from nbcompare.engine.engine import Run
    from nbcompare.verdict.verdict import Verdict

_CLOCK_PATIENCE_SECONDS = 2.0
_AT_ONCE = 8
"""Files, or folders, that are forced to the disk together."""


@dataclass(frozen=True)
class Bundle:
    """A finished bundle and what its record says."""

    folder: Path
    record: Record
    held: Mapping[str, bytes] | None = field(default=None, repr=False)
    """The bytes of its files by name, in order, of one that lies in no folder: it goes into an archive from memory."""

    @property
    def verdict(self) -> Verdict:
        return self.record.verdict

    @property
    def manifest_sha256(self) -> str:
        """The sum of its manifest, and so of everything in it."""
        return sha256_of(f"{self.folder}/{MANIFEST}") if self.held is None else \
            hashlib.sha256(self.held[MANIFEST]).hexdigest()

    @property
    def contents(self) -> Mapping[str, bytes]:
        """The bytes of its files by name, in order."""
        return contents_of(self.folder) if self.held is None else self.held


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
    held: dict[str, bytes] | None = None
    """Files by name that are in memory alone, of a bundle that goes into an archive from there; None: all go to the
    folder."""

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

    def put(self, name: str, content: bytes | memoryview) -> None:
        """Write a file."""
        if self.held is None:
            self.path(name).write_bytes(content)
        else:
            self.held[name] = bytes(content)

    def write(self, name: str, text: str) -> None:
        self.put(name, text.encode())

    def write_json(self, name: str, value: object) -> None:
        self.write(name, dump_json(value))

    def size_of(self, name: str) -> int | None:
        """The bytes of a file; None where there is none."""
        if self.held and name in self.held:
            return len(self.held[name])
        return os.path.getsize(f"{self.folder}/{name}") if os.path.exists(f"{self.folder}/{name}") else None

    def publish(self, record: Record) -> Bundle:
        """Write the record and the manifest, make all read-only, flush it, and rename it into place. What is held in
        memory is given back there, and nothing of it is left in the folder.

        Raises EvidenceError when an image is no longer what its run left.
        """
        self.write_json(RECORD, record.as_dict())
        if self.held is not None:
            return self._published_in_memory(record, self.held)
        _part_from_others(self.folder)
        _refuse_incomplete([name for name in REQUIRED_FILES if not (self.folder / name).is_file()])
        sums = write_manifest(self.folder)
        _refuse_changed_images(record.runs, sums)
        self.published = publish_folder(self.folder, self.stamp, durable=self.durable)
        return Bundle(self.published, record)

    def _published_in_memory(self, record: Record, held: Mapping[str, bytes]) -> Bundle:
        found = {**contents_of(self.folder), **held}
        _refuse_incomplete([name for name in REQUIRED_FILES if name not in found])
        order = sorted((*found, MANIFEST), key=by_folders)
        sums = {name: hashlib.sha256(found[name]).hexdigest() for name in order if name != MANIFEST}
        _refuse_changed_images(record.runs, sums)
        found[MANIFEST] = manifest_text(sums).encode()
        return Bundle(self.folder.parent / self.stamp, record, {name: found[name] for name in order})


def _refuse_incomplete(missing: Sequence[str]) -> None:
    if missing:
        raise AssertionError(f"a bundle was about to be published without {missing}")


def _refuse_changed_images(runs: Sequence[Run], sums: Mapping[str, str]) -> None:
    """An engine can leave a process behind that writes into the bundle while it is being finished."""
    for run in runs:
        name = image_name(run.role)
        if run.image_sha256 and sums.get(name) != run.image_sha256:
            raise EvidenceError(f"{name} was changed after the {run.role} had ended; no bundle was published",
                                hint="an engine may have left a process behind that still writes")


def contents_of(folder: Path) -> dict[str, bytes]:
    """The bytes of all files below a folder by name, in order."""
    return {name: _bytes_of(f"{folder}/{name}") for name in files_below(folder)}


def _bytes_of(path: str) -> bytes:
    with open(path, "rb", buffering=0) as stream:
        return stream.readall()


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
    if durable:
        _all_at_once(flush_folder, (target.parent, target.parent.parent))
    return target


def home_of(root: Path, case_name: str) -> Path:
    """The folder of a case's bundles. Raises UsageError for a name that means another folder."""
    if case_name == SIGNOFFS:
        raise UsageError(f"a case cannot be called {SIGNOFFS}: the folder of that name holds the sign-offs",
                         hint="give the case another name")
    return root / case_name


@contextlib.contextmanager
def staging(root: Path, case_name: str, now: Callable[[], float] = time.time, *, durable: bool = True,
            in_memory: bool = False, newest: Callable[[], str | None] = lambda: None) -> Iterator[Staging]:
    """A new bundle of the case below ``root``; if it is not published, nothing is left of it. Its stamp is newer than
    all that there are of the case, and than what ``newest`` says. What is written ``in_memory`` is given back there
    when it is published, and whoever gave ``root`` takes away what is left below it.

    Raises UsageError for a name that no case can have, and FileError when the folder cannot be written.
    """
    home = home_of(root, case_name)
    try:
        home.mkdir(parents=True, exist_ok=True)
        made = _reserve(home, now, lambda: max(filter(None, (newest_stamp(home), reserved_about(root, case_name),
                                                             newest())), default=None))
        made.durable, made.held = durable, {} if in_memory else None
    except OSError as fault:
        raise FileError(f"{home}: cannot make a bundle there: {fault.strerror}") from None
    try:
        yield made
    except OSError as fault:
        raise FileError(f"{fault.filename or made.folder}: {fault.strerror} while the bundle was being made; "
                        "no bundle was published") from fault
    finally:
        if made.published is None and not in_memory and not is_sealed(made.folder):
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


def write_manifest(folder: Path) -> dict[str, str]:
    """manifest-sha256.txt: the sums of all other files, in the format of sha256sum; these by name."""
    sums = {name: sha256_of(f"{folder}/{name}") for name in files_below(folder) if name != MANIFEST}
    (folder / MANIFEST).write_bytes(manifest_text(sums).encode())
    return sums


def manifest_text(sums: Mapping[str, str]) -> str:
    return "".join(f"{digest}  {name}\n" for name, digest in sums.items())


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
            _all_at_once(_flush_file, paths)
    if durable:
        _all_at_once(flush_folder, (folder, *(entry for entry in folder.rglob("*") if entry.is_dir())))


def _flush_file(path: Path) -> None:
    with open(path, "rb") as stream:
        os.fsync(stream.fileno())


def _all_at_once(flush: Callable[[Path], None], paths: Sequence[Path]) -> None:
    """A disk that writes its journal takes several files or folders together, and each would wait for it by itself."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(flush, paths))


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
