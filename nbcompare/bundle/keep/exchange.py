"""Bundles sent and received: as a bag (BagIt 1.0) or a zip file, verified before they leave and before they enter."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

from nbcompare.bundle.bundle import home_of, publish_folder
from nbcompare.bundle.check.verify import verified
from nbcompare.bundle.imported import mark
from nbcompare.bundle.keep.bagit import DECLARATION, PAYLOAD, bag_faults, write_tag_files
from nbcompare.bundle.lock import lock
from nbcompare.bundle.names import MANIFEST, STAGING_PREFIX
from nbcompare.bundle.record import Record
from nbcompare.bundle.unpack import UnpackLimits, unpack
from nbcompare.errors import EvidenceError, FileError, UsageError
from nbcompare.files import flush_folder, sha256_of

FORMATS = ("bagit", "zip")
EXPORT_PREFIX = ".export-"
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


# --- sending ----------------------------------------------------------------------------------------------


def export_bundle(folder: Path, form: str, output: Path | None = None) -> Path:
    """Write an intact bundle as a bag folder or a zip file; by default CASE-STAMP or CASE-STAMP.zip, here.

    The same bundle gives the same bytes every time. Raises EvidenceError for a damaged bundle, UsageError
    when the output exists, FileError when it cannot be written.
    """
    record = verified(folder).record
    name = f"{record.case.name}-{record.stamp}"
    target = output or Path(f"{name}.zip" if form == "zip" else name)
    if os.path.lexists(target):
        raise UsageError(f"{target} exists already; an export never overwrites", hint="name another with -o")
    with _workshop(target) as work:
        made = work / "made"
        if form == "zip":
            _write_zip(folder, made, record.name)
        else:
            _write_bag(folder, made, record)
        os.rename(made, target)
    flush_folder(target.absolute().parent)
    return target


@contextlib.contextmanager
def _workshop(target: Path) -> Iterator[Path]:
    """A hidden folder beside the output, gone afterwards."""
    if not target.absolute().parent.is_dir():
        raise FileError(f"{target}: cannot write the export: there is no folder {target.parent}")
    try:
        with tempfile.TemporaryDirectory(prefix=EXPORT_PREFIX, dir=target.absolute().parent) as work:
            yield Path(work)
    except OSError as fault:
        raise FileError(f"{fault.filename or target}: cannot write the export: {fault.strerror}") from None


def _write_bag(folder: Path, bag: Path, record: Record) -> None:
    shutil.copytree(folder, bag / PAYLOAD, copy_function=shutil.copyfile)
    write_tag_files(bag, record)


def _write_zip(folder: Path, path: Path, inside: str) -> None:
    """Every file under CASE/STAMP, in order of name, without times or owners."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(entry for entry in folder.rglob("*") if entry.is_file()):
            entry = zipfile.ZipInfo(f"{inside}/{file.relative_to(folder).as_posix()}", _ZIP_EPOCH)
            entry.external_attr = 0o100444 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            with open(file, "rb") as source, archive.open(entry, "w", force_zip64=True) as out:
                shutil.copyfileobj(source, out)


# --- receiving --------------------------------------------------------------------------------------------


def import_bundle(source: Path, bundles: Path, limits: UnpackLimits = UnpackLimits()) -> tuple[Path, bool]:  # noqa: B008 (frozen)
    """Take a bundle in: unpack, verify, publish. Returns its folder and whether it is new.

    The very same bundle, when it is here already, is left as it is. Raises EvidenceError for anything that
    is not an intact bundle, UsageError when another bundle has its name.
    """
    try:
        bundles.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f"{STAGING_PREFIX}import-", dir=bundles))
    except OSError as fault:
        raise FileError(f"{bundles}: cannot import there: {fault.strerror}") from None
    handle = lock(work)
    try:
        unpack(source, work / "in", limits)
        return _publish(_bundle_root(work / "in", source), bundles, source)
    except OSError as fault:
        raise FileError(f"{fault.filename or bundles}: {fault.strerror} while importing; nothing was kept") from fault
    finally:
        shutil.rmtree(work, ignore_errors=True)
        if handle is not None:
            os.close(handle)


def _bundle_root(folder: Path, source: Path) -> Path:
    """Where in what was unpacked the bundle lies: at the top, below single folders, or in the payload of a bag."""
    at = folder
    for _ in range(4):
        if (at / DECLARATION).is_file():
            faults = bag_faults(at)
            if faults:
                raise EvidenceError(f"{source}: refused, the bag is damaged", faults=faults)
            at = at / PAYLOAD
        elif (at / MANIFEST).is_file():
            return at
        else:
            inside = sorted(at.iterdir()) if at.is_dir() else []
            if len(inside) != 1 or not inside[0].is_dir():
                break
            at = inside[0]
    raise EvidenceError(f"{source}: refused, there is no bundle in it (no {MANIFEST})")


def _reserved(staged: Path) -> bool:
    """Whether the folder could be made. Another import of the same archive, at the same time, has it for a moment only,
    and is waited for."""
    for _ in range(_TRIES):
        with contextlib.suppress(FileExistsError):
            staged.mkdir()
            return True
        time.sleep(_PAUSE_S)
    return False


def _same_one(here: Path, root: Path, when: str) -> Path:
    """The bundle that is there, if it is the very one that came. Raises UsageError for another."""
    if (here / MANIFEST).is_file() and sha256_of(here / MANIFEST) == sha256_of(root / MANIFEST):
        return here
    raise UsageError(f"{here} {when} and is another bundle; nothing was imported")


_TRIES, _PAUSE_S = 50, 0.05


def _publish(root: Path, bundles: Path, source: Path) -> tuple[Path, bool]:
    try:
        record = verified(root).record
    except EvidenceError as fault:
        raise EvidenceError(f"{source}: refused, the bundle is damaged: {fault.message.partition(': ')[2]}",
                            faults=fault.faults, hint="ask its sender for it again") from None
    home, stamp = home_of(bundles, record.case.name), record.stamp
    if os.path.lexists(home / stamp):
        return _same_one(home / stamp, root, "exists already"), False
    home.mkdir(exist_ok=True)
    staged = home / f"{STAGING_PREFIX}{stamp}"
    if not _reserved(staged):
        if os.path.lexists(home / stamp):
            return _same_one(home / stamp, root, "was made meanwhile"), False
        raise UsageError(f"{staged} exists: a run of that second is being made", hint="nb-compare doctor")
    if os.path.lexists(home / stamp):  # published meanwhile, by a run of that second or another import
        staged.rmdir()
        return _same_one(home / stamp, root, "was made meanwhile"), False
    mark(home, stamp, source, sha256_of(root / MANIFEST))
    os.rename(root, staged)
    return publish_folder(staged, stamp), True
