"""Evidence: the newest bundle of a case, looked at afresh. Nothing that the bundle says of itself is believed.

Its files are held against the manifest and its record against the images; and the images are judged again
by the case as it stands now, which is the verdict a gate goes by.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path

from nbcompare.bundle.archive.opened import in_archive
from nbcompare.bundle.bundle import Bundle
from nbcompare.bundle.check.recheck import Recheck, check_bundle
from nbcompare.bundle.check.verify import verify_bundle
from nbcompare.bundle.listing import newest_in
from nbcompare.bundle.names import MANIFEST, moment_named
from nbcompare.bundle.record import Record
from nbcompare.case.case import Case
from nbcompare.errors import NbCompareError
from nbcompare.files import sha256_of
from nbcompare.verdict.divergence import traced_of
from nbcompare.verdict.verdict import Verdict


@dataclass(frozen=True)
class Evidence:
    """What there is for a case. ``verdict`` is made anew; None when there are no two images to judge, and
    ``unjudged`` then says why. ``loosened`` are requirements that were stricter in this bundle or in one
    before it, since the last that was signed. ``traced`` is what claims say of a pixel's factors beside what these are.
    ``manifest_sha256`` was taken before all else, so it speaks of what was
    looked at."""

    case: Case
    folder: Path | None
    record: Record | None = None
    faults: tuple[str, ...] = ()
    verdict: Verdict | None = None
    unjudged: str | None = None
    loosened: tuple[str, ...] = ()
    manifest_sha256: str | None = None
    traced: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """CASE/STAMP, as sign-offs and ledgers name a bundle. There has to be one."""
        assert self.folder is not None, "there is no bundle to be named"
        return f"{self.case.name}/{self.folder.name}"

    @property
    def bundle(self) -> Bundle:
        """The bundle, whose record could be read. There has to be one: ask only of evidence without faults."""
        assert self.folder is not None and self.record is not None, "there is no bundle that can be read"
        return Bundle(self.folder, self.record)

    @property
    def made(self) -> datetime.datetime:
        """The UTC second in which the bundle was begun."""
        return moment_named(self.bundle.folder.name)


def gather(case: Case, bundles: Path, signers: Path | None = None) -> Evidence:
    """The newest bundle of the case below ``bundles``, verified and judged again. ``signers`` may accept what became
    looser."""
    folder = newest_in(bundles / case.name)
    if folder is None:
        return Evidence(case, None)
    if in_archive(folder):
        return Evidence(case, folder, faults=(
            "the newest run of it lies in a sealed archive, which a gate does not read; sweep it without --archive",))
    if folder.is_symlink() or not folder.is_dir():
        return Evidence(case, folder, faults=("no folder, but something else, stands where the bundle should be",))
    digest = sha256_of(folder / MANIFEST) if (folder / MANIFEST).is_file() else None
    found = verify_bundle(folder)
    faults = tuple(map(str, found.faults))
    if faults or found.record is None:
        return Evidence(case, folder, found.record, faults or ("the record cannot be read",))
    again = _judged_again(folder, found.record, case, signers)
    if isinstance(again, str):
        return Evidence(case, folder, found.record, unjudged=again, manifest_sha256=digest)
    return Evidence(case, folder, found.record, (), again.verdict, None,
                    (*(entry.sentence for entry in again.loosened), *_weak_notes(again)), digest,
                    tuple(traced_of(again.further.proof)))


def _weak_notes(again: Recheck) -> list[str]:
    """What of the images masks keep from being judged: no signature before this bundle speaks of it."""
    return [note for note in again.comparison.notes if note.startswith("weak: ")] if again.comparison else []


def _first_reasons(record: Record) -> tuple[str, ...]:
    """Why nothing was compared, in few words: of tests and engines that failed how, and the last line that each said.
    The bundle has all of it."""
    found = [(outcome.reasons[0], outcome.error_line) for outcome in record.tests.values() if outcome.reasons]
    found += [(f"{run.role} {run.failure.sentence}", next(iter(run.failure.said[-1:]), None))
              for run in record.runs if run.failure]
    said = tuple(f"{how} ({line.strip()})" if line else how for how, line in found)
    return said if said and not record.protected.faults else record.verdict.reasons


def _judged_again(folder: Path, record: Record, case: Case, signers: Path | None) -> Recheck | str:
    """The images of an intact bundle judged by the case, or why there is no verdict on them."""
    if record.comparison is None and not record.uncompared and not (record.case.expect and record.runs):
        return f"nothing was compared: {'; '.join((str(record.verdict.word), *_first_reasons(record)))}"
    try:
        return check_bundle(folder, case, signers)
    except NbCompareError as fault:
        return fault.message
