"""Evidence: the newest bundle of a case, looked at afresh. Nothing that the bundle says of itself is believed.

Its files are held against the manifest and its record against the images; and the images are judged again
by the case as it stands now, which is the verdict a gate goes by.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

from nbcompare.archive.findings_again import findings_again
from nbcompare.archive.recompute import read_stored_images
from nbcompare.archive.verify import verify_bundle
from nbcompare.bundle import MANIFEST, Record, moment_of, newest_stamp
from nbcompare.case import Case
from nbcompare.compare import compare_images
from nbcompare.engine import REFERENCE, SUBJECT
from nbcompare.errors import NbCompareError
from nbcompare.findings import as_asked_now, conclude
from nbcompare.inputs import sha256_of
from nbcompare.verdict import Verdict


@dataclass(frozen=True)
class Evidence:
    """What there is for a case. ``verdict`` is made anew; None when there are no two images to judge, and
    ``unjudged`` then says why. ``manifest_sha256`` was taken before all else, so it speaks of what was looked at."""

    case: Case
    folder: Path | None
    record: Record | None = None
    faults: tuple[str, ...] = ()
    verdict: Verdict | None = None
    unjudged: str | None = None
    manifest_sha256: str | None = None

    @property
    def name(self) -> str:
        """CASE/STAMP, as sign-offs and ledgers name a bundle."""
        return f"{self.case.name}/{self.folder.name}"

    @property
    def made(self) -> datetime.datetime:
        return moment_of(self.folder.name)


def newest_bundle(home: Path) -> Path | None:
    """The folder of the newest bundle of a case; there is no choosing a kinder one."""
    if not home.is_dir():
        return None
    stamp = newest_stamp(home)
    return home / stamp if stamp else None


def gather(case: Case, bundles: Path) -> Evidence:
    """The newest bundle of the case below ``bundles``, verified and judged again."""
    folder = newest_bundle(bundles / case.name)
    if folder is None:
        return Evidence(case, None)
    if folder.is_symlink() or not folder.is_dir():
        return Evidence(case, folder, faults=("no folder, but something else, stands where the bundle should be",))
    digest = sha256_of(folder / MANIFEST) if (folder / MANIFEST).is_file() else None
    found = verify_bundle(folder)
    faults = tuple(map(str, found.faults))
    if faults or found.record is None:
        return Evidence(case, folder, found.record, faults or ("the record cannot be read",))
    return Evidence(case, folder, found.record, (), *_judged_again(folder, found.record, case), digest)


def _judged_again(folder: Path, record: Record, case: Case) -> tuple[Verdict | None, str | None]:
    """The images of an intact bundle against the thresholds of the case, or why that cannot be done."""
    if record.comparison is None:
        return None, f"nothing was compared: {record.verdict.word}" + "".join(f"; {r}" for r in record.verdict.reasons)
    shape = next(run.shape for run in record.runs if run.role == REFERENCE)
    faults = [f"region {roi.name} of the case: {roi.fault_in(shape)}" for roi in case.rois if roi.fault_in(shape)]
    if faults:
        return None, "; ".join(faults)
    try:
        images = read_stored_images(folder, record)
        comparison = compare_images(images[REFERENCE], images[SUBJECT], case.rois, resample=record.facts["resample"],
                                    further=case.figures_asked, centre=record.comparison.centre)
        found = findings_again(folder, record, images, case.rois, case.figures_asked)
    except NbCompareError as fault:
        return None, fault.message
    now = as_asked_now(found, case, datetime.datetime.now(datetime.UTC).date())
    return conclude(comparison, case.thresholds, now), None
