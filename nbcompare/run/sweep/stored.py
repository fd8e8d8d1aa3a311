"""What sealed archives hold of the cells of a sweep: looked up in one file, and taken only where it is the answer.

The bytes of each archive are summed once. Where the index file knows that sum, and says what the archive's own index
does, no bundle is opened; where it knows another sum, the archive is damaged; and one of which it says something else,
or nothing, is verified in full, bundle by bundle.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from nbcompare.bundle.archive.index import IndexedArchive, known_archives, remember
from nbcompare.bundle.archive.sealed import Archive, ArchivedCell, index_in
from nbcompare.bundle.bundle import load_bundle
from nbcompare.bundle.check.archived import verify_archive
from nbcompare.bundle.key import key_of_record, like_of
from nbcompare.bundle.names import ARCHIVE
from nbcompare.bundle.record import Record
from nbcompare.case.case import Case
from nbcompare.engine.progress import Progress
from nbcompare.errors import NbCompareError
from nbcompare.files import sha256_of
from nbcompare.run.other_copies import copies_elsewhere
from nbcompare.run.sweep.groups import matrix_name
from nbcompare.run.tests_made_of import tests_are_as_run


@dataclass(frozen=True)
class StoredCell:
    """A run of a cell in an archive; ``cell`` None: one that the archive may hold, as it is damaged."""

    archive: Path
    stamp: str
    cell: ArchivedCell | None


class Stored:
    """The runs in the archives of these cases, by cell."""

    def __init__(self, bundles: Path, cases: Iterable[Case], progress: Progress) -> None:
        self.bundles = bundles
        self._by_cell: dict[str, list[StoredCell]] = {}
        self._doubtful: dict[str, list[StoredCell]] = {}
        self._stands: dict[tuple[str, Path | None, bool], bool] = {}
        names = sorted({matrix_name(case) for case in cases if case.cell})
        found = [(name, path) for name in names if (bundles / name).is_dir()
                 for path in sorted((bundles / name).iterdir()) if ARCHIVE.fullmatch(path.name)]
        known = known_archives(bundles) if found else {}
        for name, path in found:
            stamp = path.name.rpartition("-")[0]
            cells = self._cells(path, known)
            if cells is None:
                progress.say(f"note: {path} is damaged (nb-compare verify names the faults); nothing is taken from it")
                self._doubtful.setdefault(name, []).append(StoredCell(path, stamp, None))
            for cell in cells or ():
                self._by_cell.setdefault(cell.cell, []).append(StoredCell(path, stamp, cell))

    def _cells(self, path: Path, known: Mapping[str, IndexedArchive]) -> list[ArchivedCell] | None:
        """What an archive holds; None where it is damaged."""
        try:
            digest = sha256_of(path)
            line = known.get(path.relative_to(self.bundles).as_posix())
            if line is not None and line.sha256 != digest:
                return None
            if line is not None and line.index == index_in(path):
                return line.cells
            if any(not found.intact for found in verify_archive(path)):
                return None
            with Archive(path) as archive:
                remember(self.bundles, path, digest, archive.index)
                return list(archive.cells.values())
        except (NbCompareError, ValueError):
            return None

    def of(self, case: Case) -> list[StoredCell]:
        """The runs of a cell, and those that damaged archives may hold."""
        doubtful = self._doubtful.get(matrix_name(case), []) if case.cell else []
        return [*self._by_cell.get(case.name, ()), *doubtful]

    def stands(self, found: StoredCell, case: Case, unchanged: Callable[[Record], bool], *, confined: bool) -> bool:
        """Whether a run with the key of a cell is as it would be now: confined or not, of engines, tests and variables
        that are what they were. One record is read for all that are alike in these."""
        if found.cell is None or found.cell.confined != confined:
            return False
        known = found.cell.like, case.path, confined
        if known not in self._stands:
            self._stands[known] = self._holds(found, case, unchanged)
        return self._stands[known]

    def _holds(self, found: StoredCell, case: Case, unchanged: Callable[[Record], bool]) -> bool:
        try:
            with Archive(found.archive) as archive:
                record = load_bundle(found.archive, archive.record_text(case.name)).record
        except NbCompareError:
            return False
        said = found.cell
        if said is None or (key_of_record(record), like_of(record)) != (said.key, said.like):
            return False
        return (unchanged(record) and tests_are_as_run(record.tests, case)
                and not any(copies_elsewhere(engine, case.folder) for engine in record.engines))
