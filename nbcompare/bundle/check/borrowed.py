"""A reference image that was taken from another bundle: whether that bundle is here, and says the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from nbcompare.bundle.bundle import load_bundle
from nbcompare.bundle.fault import Fault
from nbcompare.bundle.imported import is_imported
from nbcompare.bundle.names import MANIFEST, RECORD
from nbcompare.bundle.record import Record
from nbcompare.case.arguments.options import REFERENCE
from nbcompare.errors import NbCompareError
from nbcompare.files import sha256_of


def lender_of(folder: Path, record: Record) -> Path | None:
    """Where the bundle lies that the reference image came from; None where it lies elsewhere, or was removed."""
    if record.reference_from is None:
        return None
    place = folder.absolute().parent.parent / record.reference_from.name
    return place if (place / MANIFEST).is_file() else None


def lender_faults(folder: Path, record: Record) -> Iterator[Fault]:
    """What the bundle that is named as the source of the reference image says otherwise, if it is here."""
    lender = lender_of(folder, record)
    if lender is None or record.reference_from is None:
        return
    name = record.reference_from.name
    try:
        if sha256_of(lender / MANIFEST) != record.reference_from.manifest_sha256:
            yield Fault("disagrees", RECORD, f"the bundle {name} here is not the one that its reference came from")
        elif load_bundle(lender).record.run_of(REFERENCE) != record.run_of(REFERENCE):
            yield Fault("disagrees", RECORD, f"the reference of bundle {name} is another run than is said here")
    except NbCompareError as fault:
        yield Fault("disagrees", RECORD, f"the bundle {name} that its reference came from: {fault.message}")


def lender_note(folder: Path, record: Record) -> str | None:
    """That the source of the reference image is somebody else's word, or cannot be looked into; None otherwise."""
    if record.reference_from is None:
        return None
    lender = lender_of(folder, record)
    if lender is None:
        return f"its reference image is that of bundle {record.reference_from.name}, which is not here"
    return f"its reference image is that of bundle {record.reference_from.name}, which was imported" \
        if is_imported(lender) else None
