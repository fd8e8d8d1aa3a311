"""Any two stored runs of one case against each other: reference or subject, of yesterday or of another machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nbcompare.bundle.check.evidence_again import further_image
from nbcompare.bundle.check.recompute import read_stored_images
from nbcompare.bundle.check.verify import verified
from nbcompare.bundle.names import MANIFEST
from nbcompare.bundle.record import Record
from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.further_subject import known_as
from nbcompare.case.masking import COMPARE
from nbcompare.compare.compare import Comparison, compare_images
from nbcompare.engine.engine import Run
from nbcompare.errors import ExitCode, ShapeError, UsageError, to_type, worst
from nbcompare.files import sha256_of
from nbcompare.verdict.subjects import SubjectRun
from nbcompare.verdict.verdict import Verdict, blocked, judge, not_comparable

SAME_ROLES = ((REFERENCE, REFERENCE), (SUBJECT, SUBJECT))


@dataclass(frozen=True)
class Side:
    """One stored run; ``role`` is reference, subject, or the name of a further subject."""

    folder: Path
    record: Record
    role: str

    @property
    def further(self) -> SubjectRun | None:
        """The run of a further subject of that name."""
        return next((entry for entry in self.record.further.subjects if entry.name == self.role), None)

    @property
    def run(self) -> Run | None:
        return self.further.run if self.further else self.record.run_of(self.role)

    @property
    def name(self) -> str:
        if self.further:
            return f"{known_as(self.role)} of {self.record.stamp} ({self.further.described})"
        engine = self.record.engine_of(self.role if self.role == REFERENCE else SUBJECT)
        return f"{self.role} of {self.record.stamp} ({engine.name}, {engine.version_told})"

    def as_dict(self) -> dict[str, Any]:
        return {"bundle": str(self.folder), "role": self.role}

    def image(self) -> np.ndarray:
        """Its image [slow, fast], masked as its record says."""
        images = read_stored_images(self.folder, self.record)
        if self.further is None:
            return images[self.role]
        found = further_image(self.folder, self.further.files, self.further.run, self.record, images)
        assert found is not None, "only a run that failed left none"
        return found


@dataclass(frozen=True)
class BundlePair:
    """Two stored runs, A taken as the reference, judged by the thresholds of A's case."""

    a: Side
    b: Side
    identical: bool
    comparison: Comparison | None
    verdict: Verdict

    def as_dict(self) -> dict[str, Any]:
        return {"a": self.a.as_dict(), "b": self.b.as_dict(), "identical": self.identical,
                "verdict": self.verdict.as_dict(),
                "comparison": self.comparison.as_dict() if self.comparison else None}


@dataclass(frozen=True)
class Pairing:
    """Every pair asked for, and what differs between the two bundles besides the images."""

    pairs: tuple[BundlePair, ...]
    notes: tuple[str, ...]

    @property
    def exit_code(self) -> ExitCode:
        return worst(pair.verdict.exit_code for pair in self.pairs)

    def as_dict(self) -> dict[str, Any]:
        return {"schema_version": 1, "kind": "nb-compare compare", "exit_code": int(self.exit_code),
                "notes": list(self.notes), "pairs": [pair.as_dict() for pair in self.pairs]}


def roles_from(text: str) -> tuple[str, str]:
    """``A`` or ``A:B`` of --roles: reference, subject, or the name of a further subject."""
    a, _, b = text.partition(":")
    return a, b or a


def compare_bundles(a: Path, b: Path, roles: Sequence[tuple[str, str]] = ()) -> Pairing:
    """Compare stored runs of two bundles, which must be intact and of one case.

    Without ``roles`` reference is held against reference, subject against subject, and each further subject against
    that of its name; there a run that one bundle took over from the other is left out, and noted, as long as another
    pair is left to judge, and so is a further subject that one bundle alone has. Raises EvidenceError for a damaged
    bundle and UsageError for two cases, for one bundle given twice, or for a role that a bundle does not have.
    """
    records = verified(a).record, verified(b).record
    names = [record.case.name for record in records]
    if names[0] != names[1]:
        raise UsageError(f"{a} is of case {names[0]}, {b} of case {names[1]}; only runs of one case can be compared")
    if sha256_of(a / MANIFEST) == sha256_of(b / MANIFEST):
        raise UsageError(f"{a} and {b} are one bundle; compared with itself it could not fail",
                         hint=f"{to_type('nb-compare', 'check', a)} judges its two images again")
    for pair in roles:
        for role, record in zip(pair, records, strict=True):
            _require_role(role, record)
    both, alone = _same_subjects(*records)
    sides = [(Side(a, records[0], ours), Side(b, records[1], theirs)) for ours, theirs in roles or both]
    own = [(ours, theirs) for ours, theirs in sides if roles or ours.run is None or ours.run != theirs.run]
    taken = [f"the {ours.role} is one run in both bundles, and is not compared with itself"
             for ours, theirs in sides if (ours, theirs) not in own] if own else []
    pairs = (_pair(ours, theirs) for ours, theirs in own or sides)
    return Pairing(tuple(pairs), (*taken, *(() if roles else alone), *_notes(*records)))


def _require_role(role: str, record: Record) -> None:
    """Raises UsageError for a role that a bundle does not have."""
    known = [REFERENCE, SUBJECT, *(entry.name for entry in record.further.subjects)]
    if role not in known:
        raise UsageError(f"--roles: bundle {record.name} has no {role!r}; it has {', '.join(known)}",
                         hint="for example --roles subject, or --roles reference:subject")


def _same_subjects(a: Record, b: Record) -> tuple[list[tuple[str, str]], list[str]]:
    """The roles that both bundles have, and what is said of further subjects that one alone has."""
    ours, theirs = ([entry.name for entry in record.further.subjects] for record in (a, b))
    alone = [f"{known_as(name)} is in {record.name} alone, and is not compared"
             for record, own, other in ((a, ours, theirs), (b, theirs, ours)) for name in own if name not in other]
    return [*SAME_ROLES, *((name, name) for name in ours if name in theirs)], alone


def _pair(a: Side, b: Side) -> BundlePair:
    ours, theirs = a.run, b.run
    without = [f"the {side.name} gave no image" for side in (a, b) if side.run is None or side.run.failure]
    if without or ours is None or theirs is None:
        return BundlePair(a, b, False, None, blocked(without))
    if ours == theirs:
        return BundlePair(a, b, True, None, blocked(["both are one run, taken over from one bundle to the other: "
                                                     "compared with itself it could not fail"]))
    identical = ours.image_sha256 == theirs.image_sha256
    thresholds = a.record.case.thresholds
    try:
        comparison = compare_images(a.image(), b.image(), a.record.case.rois,
                                    further={(threshold.metric, threshold.roi) for threshold in thresholds},
                                    skip_nonfinite=a.record.case.nan == b.record.case.nan == COMPARE)
    except ShapeError as fault:
        return BundlePair(a, b, identical, None, not_comparable(fault.message))
    return BundlePair(a, b, identical, comparison, judge(comparison, thresholds))


def _notes(a: Record, b: Record) -> Iterator[str]:
    """What was not the same for both, so that a difference of the images is not laid at the wrong door."""
    said = a.case, b.case
    for key in ("command", "reference_args", "subject_args", "environment", "thresholds", "rois", "options", "masking",
                "nan"):
        if getattr(said[0], key) != getattr(said[1], key):
            yield f"the case's {key} are not the same in both bundles"
    sums = ({entry.name: entry.sha256 for entry in record.inputs} for record in (a, b))
    if next(sums) != next(sums):
        yield "the input files are not the same in both bundles"
    for key in ("cpu", "platform", "numpy", "torch", "torch_threads", "torch_device", "torch_dtype"):
        values = [record.environment.get(key) for record in (a, b)]
        if values[0] != values[1]:
            yield f"{key}: {values[0]}, then {values[1]}"
