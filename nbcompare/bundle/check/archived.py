"""The bundles of a sealed archive, each verified as any bundle, and held against what the index says of it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from nbcompare.bundle.archive.opened import source_of
from nbcompare.bundle.archive.sealed import INDEX, Archive, ArchivedCell
from nbcompare.bundle.bundle import Bundle
from nbcompare.bundle.check.verify import Verification, verify_bundle
from nbcompare.bundle.fault import Fault
from nbcompare.bundle.key import key_of_record, like_of
from nbcompare.bundle.record import Record
from nbcompare.errors import EvidenceError

_FIGURES = ("correlation", "sum_ratio", "max_abs_diff_of_peak")


def cell_of(bundle: Bundle, seconds: float) -> ArchivedCell:
    """What an index says of a bundle; ``seconds`` is how long its cell took."""
    record = bundle.record
    region = record.comparison.regions[0] if record.comparison else None
    return ArchivedCell(
        record.case.name, record.stamp, bundle.manifest_sha256, key_of_record(record),
        str(record.verdict.word), int(record.verdict.exit_code),
        record.comparison is not None or record.verdict.passed, bool(record.environment.get("sandbox")),
        like_of(record), dict(record.case.cell),
        {name: region.figure(name).value for name in _FIGURES} if region else {}, seconds,
        record.verdict.reasons[0].splitlines()[0] if record.verdict.reasons else "")


def verify_archive(path: Path) -> Iterator[Verification]:
    """Every bundle of an archive, verified one after another; one result with its faults for an archive that cannot be
    looked into. Faults are a result, not an exception."""
    try:
        archive = Archive(path)
    except EvidenceError as fault:
        yield Verification(path, tuple(Fault("malformed", path.name, said) for said in
                                       (fault.faults or (fault.message,))), None)
        return
    with archive:
        if not archive.cells:
            yield Verification(path, (Fault("malformed", path.name, "there is no bundle in it"),), None)
        for cell in archive.cells.values():
            with tempfile.TemporaryDirectory(prefix="nb-compare-") as scratch:
                try:
                    found = verify_bundle(archive.extract(cell.cell, Path(scratch)))
                except EvidenceError as fault:
                    found = Verification(path, (Fault("unreadable", cell.name, fault.message),), None)
                yield replace(found, folder=path / cell.cell,
                              faults=(*found.faults, *_index_faults(found.record, cell, Path(scratch, cell.name))))


def verify_member(folder: Path) -> Verification:
    """A bundle of an archive that was opened in a folder, verified; any other bundle as ever."""
    found, source = verify_bundle(folder), source_of(folder)
    if source is None:
        return found
    with Archive(source[0]) as archive:
        cell = archive.cells[source[1].partition("/")[0]]
    return replace(found, faults=(*found.faults, *_index_faults(found.record, cell, folder)))


def _index_faults(record: Record | None, cell: ArchivedCell, folder: Path) -> list[Fault]:
    """What the index says of a bundle that its record does not."""
    if record is None:
        return []
    said = replace(cell_of(Bundle(folder, record), cell.seconds))
    return [Fault("disagrees", INDEX, f"the {key} of {cell.cell} is not that of its record")
            for key in vars(said) if getattr(said, key) != getattr(cell, key)]
