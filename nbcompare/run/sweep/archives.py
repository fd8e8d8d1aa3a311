"""The sealed archives of a sweep, at home: stamps reserved, archives looked at and published, results read from them.

Only home publishes. The stamp of a case file's archives is reserved once for the sweep, and the folder that reserves it
is held until the sweep ends; archives appear beside it one by one, each by a rename, and none in another's place.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nbcompare.bundle.archive.index import remember
from nbcompare.bundle.archive.sealed import Archive, ArchivedCell
from nbcompare.bundle.bundle import Staging, staging
from nbcompare.bundle.names import newest_stamp
from nbcompare.case.case import Case
from nbcompare.errors import EvidenceError, ExitCode, FileError, NbCompareError, UsageError
from nbcompare.files import flush_folder, sha256_of
from nbcompare.run.sweep.groups import Group, Left, matrix_name
from nbcompare.run.sweep.result import RAN, CellResult, no_result


@dataclass(frozen=True)
class ArchivePlace:
    """Where an archive is made: the stamp of its bundles, the file, and a folder to make them in."""

    stamp: str
    number: int
    made: Path
    work: Path


class Archives:
    """Raises UsageError for cases without a matrix: an archive is of cells."""

    def __init__(self, bundles: Path, cases: Sequence[Case]) -> None:
        alone = next((case for case in cases if not case.cell), None)
        if alone:
            raise UsageError(f"--archive keeps the cells of matrices, and {alone.path or alone.name} has none",
                             hint="sweep it without --archive")
        self.bundles, self.cases = bundles, cases
        self._held: dict[str, Staging] = {}
        self._numbers: dict[str, int] = {}
        self._waits = contextlib.ExitStack()

    def __enter__(self) -> Archives:
        return self

    def __exit__(self, *_: object) -> None:
        self._waits.close()

    def begin(self, orders: Group) -> ArchivePlace:
        """A place for the archive of a group. Raises FileError as ``staging`` does."""
        name = matrix_name(orders[0].case)
        if name not in self._held:
            cells = [case.name for case in self.cases if matrix_name(case) == name]
            self._held[name] = self._waits.enter_context(
                staging(self.bundles, name, newest=lambda: self._newest(cells)))
        place = self._held[name]
        number = self._numbers[name] = self._numbers.get(name, 0) + 1
        return ArchivePlace(place.stamp, number, place.folder / f"{number:04d}.zip",
                            place.folder / f"work-{number:04d}")

    def _newest(self, cells: Sequence[str]) -> str | None:
        """The newest stamp that any of the cells has in a folder of its own."""
        homes = [self.bundles / cell for cell in cells]
        return max(filter(None, (newest_stamp(home) for home in homes if home.is_dir())), default=None)

    def take(self, orders: Group, place: ArchivePlace, left: Left) -> list[CellResult]:
        """The results of a group whose archive was made in its place, or travels in ``left``; it is published first."""
        shutil.rmtree(place.work, ignore_errors=True)
        try:
            if left.sha256:
                place.made.write_bytes(left.archive)
            cells, published = self._publish(orders, place, left) if place.made.exists() else ({}, place.made)
        except OSError as fault:
            return _none(orders, FileError(f"{place.made}: cannot publish the archive: {fault.strerror}"))
        except NbCompareError as fault:
            return _none(orders, fault)
        found = []
        for order in orders:
            case = order.case
            if case.name in cells:
                found.append(result_in(published, cells[case.name], RAN))
            else:
                code, why = left.faults.get(case.name, (ExitCode.DEFECT, "the group left nothing of this cell"))
                found.append(no_result(case.name, case.cell, ExitCode(code), why))
        return found

    def _publish(self, orders: Group, place: ArchivePlace, left: Left) -> tuple[dict[str, ArchivedCell], Path]:
        """Look at an archive and give it its name. Raises EvidenceError for one that is not what was sent, or not of
        these cells and this stamp; FileError where its name is taken."""
        digest = sha256_of(place.made)
        if left.sha256 and left.sha256 != digest:
            raise EvidenceError(f"the archive of {orders[0].case.name} was damaged on its way home")
        with Archive(place.made) as archive:
            asked = {order.case.name for order in orders}
            strange = [cell.name for cell in archive.cells.values() if cell.stamp != place.stamp or
                       cell.cell not in asked]
            faults = [*(f"{name} came in place of what was asked for" for name in strange), *archive.manifest_faults()]
            if faults:
                raise EvidenceError(f"the archive of {orders[0].case.name} is not the one that was asked for: "
                                    f"{faults[0]}")
            cells, index = archive.cells, archive.index
        name = matrix_name(orders[0].case)
        target = self.bundles / name / f"{place.stamp}-{place.number:04d}.zip"
        place.made.chmod(0o444)
        with open(place.made, "rb") as stream:
            os.fsync(stream.fileno())
        if os.path.lexists(target):
            raise FileError(f"{target}: is there already; the archive was not published")
        os.rename(place.made, target)
        flush_folder(target.parent)
        remember(self.bundles, target, digest, index)
        return cells, target


def result_in(archive: Path, cell: ArchivedCell, how: str) -> CellResult:
    """The result that the index of an archive holds."""
    return CellResult(cell.cell, cell.places, cell.word, ExitCode(cell.exit_code), how,
                      cell.seconds if how == RAN else 0.0, f"{archive}/{cell.cell}", cell.why, cell.figures)


def _none(orders: Group, fault: NbCompareError) -> list[CellResult]:
    return [no_result(order.case.name, order.case.cell, fault.exit_code, fault.in_a_line) for order in orders]
