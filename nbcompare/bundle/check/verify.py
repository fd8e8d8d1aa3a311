"""Is this bundle what its run left behind? All faults at once, from the files alone; no engine is run.

First the files against the manifest, then the record against its schema, then every file against the record, then
figures and verdict against the float images. A later step is left out only where an earlier one took its ground away.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbcompare.bundle import strict_json
from nbcompare.bundle.bundle import Bundle
from nbcompare.bundle.check.agreement import agreement_faults
from nbcompare.bundle.check.borrowed import lender_faults, lender_note
from nbcompare.bundle.check.recompute import recomputation_faults
from nbcompare.bundle.fault import Fault, in_order
from nbcompare.bundle.manifest import inspect, read_text
from nbcompare.bundle.names import IMAGE_ENDING, MASK_ENDING, RECORD
from nbcompare.bundle.record import Record
from nbcompare.bundle.schema import schema_faults
from nbcompare.errors import EvidenceError, NbCompareError
from nbcompare.files import dump_json
from nbcompare.visible import counted

_DAMAGED = (ValueError, KeyError, TypeError, AttributeError, IndexError, ArithmeticError)
"""What a record of the right form leads to whose words, such as the name of a metric, were altered."""


@dataclass(frozen=True)
class Verification:
    """Everything that is wrong with a bundle; ``record`` is None when it could not be read."""

    folder: Path
    faults: tuple[Fault, ...]
    record: Record | None

    @property
    def note(self) -> str | None:
        """What could not be looked into, and is no fault."""
        return lender_note(self.folder, self.record) if self.record else None

    @property
    def intact(self) -> bool:
        return not self.faults

    def as_dict(self) -> dict[str, Any]:
        return {"bundle": str(self.folder), "intact": self.intact, "faults": [fault.as_dict() for fault in self.faults],
                "note": self.note}


def verify_bundle(folder: Path) -> Verification:
    """Check one bundle. Faults are a result, not an exception."""
    files = inspect(folder)
    record, faults = _read_record(folder)
    faults += files.faults
    if record is not None:
        try:
            faults += [*agreement_faults(folder, record, files), *lender_faults(folder, record)]
            if not any(fault.file.endswith((IMAGE_ENDING, MASK_ENDING)) for fault in faults):
                faults += recomputation_faults(folder, record)
        except (*_DAMAGED, NbCompareError) as fault:
            if isinstance(fault, NbCompareError) and not faults:
                raise  # a disk that cannot be read, say
            faults.append(_damaged(fault))
    return Verification(folder, in_order(faults), record)


def verified(folder: Path) -> Bundle:
    """The bundle in a folder, verified. Raises EvidenceError, with every fault, for one that is not intact."""
    return intact(verify_bundle(folder))


def intact(found: Verification) -> Bundle:
    """The bundle that was verified. Raises EvidenceError, with every fault, for one that is not intact."""
    if not found.intact or found.record is None:
        raise EvidenceError(f"{found.folder}: {counted(len(found.faults), 'fault')}", faults=map(str, found.faults),
                            hint="restore the bundle from a copy, or run its case again")
    return Bundle(found.folder, found.record)


def _read_record(folder: Path) -> tuple[Record | None, list[Fault]]:
    """(the record, faults of its form); the record is None where its form does not allow to go on."""
    try:
        text = read_text(folder / RECORD)
    except NbCompareError as fault:
        return None, [] if not (folder / RECORD).exists() else [Fault("unreadable", RECORD, fault.message)]
    try:
        stored = strict_json.loads(text)
    except ValueError as fault:
        return None, [Fault("unreadable", RECORD, f"damaged record: {fault}")]
    wrong = schema_faults(stored)
    if wrong:
        return None, [Fault("schema", RECORD, sentence) for sentence in wrong]
    faults = [] if text == dump_json(stored) else [Fault("malformed", RECORD, "not written as nb-compare writes it")]
    try:
        return Record.from_dict(stored), faults
    except (*_DAMAGED, NbCompareError) as fault:
        return None, [*faults, _damaged(fault)]


def _damaged(fault: Exception) -> Fault:
    return Fault("schema", RECORD, f"damaged record ({type(fault).__name__}: {fault})")
