"""Stored images judged again: by the thresholds they were judged by, or by those of a case as it is now.

The engines are not run. The bundle's files must be those of its manifest and agree with its record. A threshold that
is looser than the one before it (in the bundle, or in the stamp before this one) is told loudly, with the reason given
for the new value; whether the reason is good enough is for a person to say.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from nbcompare.bundle.bundle import load_bundle
from nbcompare.bundle.check.agreement import agreement_faults
from nbcompare.bundle.check.evidence_again import centre_of, further_again
from nbcompare.bundle.check.loosened import Loosened, loosened_until_signed
from nbcompare.bundle.check.recompute import printed_errors, read_stored_images
from nbcompare.bundle.fault import in_order
from nbcompare.bundle.manifest import inspect
from nbcompare.bundle.record import Record
from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.case import Case
from nbcompare.case.cells import cell_named
from nbcompare.case.facts import case_facts
from nbcompare.case.masking import COMPARE
from nbcompare.case.threshold import Threshold
from nbcompare.compare.compare import Comparison, compare_images
from nbcompare.compare.image import Roi
from nbcompare.engine.installation import CHECKOUT
from nbcompare.engine.rendering.self_comparison import same_program
from nbcompare.errors import EvidenceError, ShapeError, UsageError, to_type
from nbcompare.files import sha256_of
from nbcompare.verdict.further_evidence import FurtherEvidence, as_asked_now, conclude
from nbcompare.verdict.refusals import refusals_verdict
from nbcompare.verdict.verdict import Label, Verdict, blocked, failures_verdict, not_comparable

OF_THE_IMAGES = ("command", "reference_args", "subject_args", "environment", "shape", "options", "masking", "nan",
                 "expect", "subjects")
"""What must be the same in two cases, for the images of one to be those of the other; the inputs' sums too."""


@dataclass(frozen=True)
class Recheck:
    """The verdict on stored images, what a reader must know of it, and everything that became looser."""

    folder: Path
    record: Record
    judged_by: str
    comparison: Comparison | None
    verdict: Verdict
    notes: tuple[str, ...]
    loosened: tuple[Loosened, ...]
    further: FurtherEvidence

    def as_dict(self) -> dict[str, Any]:
        return {"schema_version": 1, "kind": "nb-compare check", "bundle": str(self.folder),
                "case": self.record.case.name, "stamp": self.record.stamp, "judged_by": self.judged_by,
                "notes": list(self.notes), "loosened": [asdict(entry) for entry in self.loosened],
                "verdict": self.verdict.as_dict(), "verdict_of_record": self.record.verdict.as_dict()}


def check_bundle(folder: Path, case: Case | None = None, signers: Path | None = None) -> Recheck:
    """Judge the images of a bundle again, by ``case`` if one is given.

    ``signers`` is the file of those whose signature counts; without it every sign-off does. Raises EvidenceError for a
    bundle that is damaged, UsageError for a case of another name.
    """
    record = _sound_record(folder)
    said = record.case
    case = cell_named(case, said.name) if case else None
    if case is not None and case.name != said.name:
        raise UsageError(f"{folder} is a bundle of case {said.name}, not of {case.name}")
    rois, thresholds = (case.rois, case.thresholds) if case else (record.case.rois, record.case.thresholds)
    comparison, verdict, further = _judged(folder, record, case, rois, thresholds)
    return Recheck(folder, record, str(case.path) if case else "the bundle's own thresholds", comparison, verdict,
                   tuple(_notes(record, case)),
                   loosened_until_signed(folder, record, case, signers=signers), further)


def _sound_record(folder: Path) -> Record:
    """The record of a bundle whose files are what they were. Figures are not taken again: that is the next step."""
    files = inspect(folder)
    faults = files.faults
    if not faults:
        record = load_bundle(folder).record
        faults = agreement_faults(folder, record, files)
    if faults:
        raise EvidenceError(f"{folder}: damaged, not judged", faults=map(str, in_order(faults)),
                            hint=to_type("nb-compare", "verify", folder))
    return record


def _judged(folder: Path, record: Record, case: Case | None, rois: Sequence[Roi],
            thresholds: Sequence[Threshold]) -> tuple[Comparison | None, Verdict, FurtherEvidence]:
    """Only the figures that a threshold asks for are taken."""
    others = _other_experiment(record, case) if case else []
    if others:
        said = [f"the stored images are not of this case: {reason}" for reason in others]
        return None, blocked(said), FurtherEvidence()
    if not record.runs or (record.verdict.word is Label.BLOCKED and record.comparison is None
                           and not record.uncompared):
        return None, record.verdict, FurtherEvidence()
    if record.case.expect:
        return None, refusals_verdict(record.case.expect, record.runs, printed_errors(folder)), FurtherEvidence()
    failed = failures_verdict(record.runs)
    if failed:
        return None, failed, FurtherEvidence()
    images = read_stored_images(folder, record)
    figures = case.figures_asked if case else _figures_judged(record, thresholds)
    asked = {roi for _, roi in figures}
    try:
        comparison = compare_images(images[REFERENCE], images[SUBJECT], [roi for roi in rois if roi.name in asked],
                                    resample=record.resample, with_peaks=False, further=figures,
                                    skip_nonfinite=record.case.nan == COMPARE,
                                    centre=centre_of(folder, record))
        found = further_again(folder, record, images, rois, figures)
    except ShapeError as fault:
        return None, not_comparable(fault.message), FurtherEvidence()
    if record.uncompared:
        found = replace(found, vacuous=(*found.vacuous, *_with_itself(record)))
    if case:
        found = as_asked_now(found, case, datetime.datetime.now(datetime.UTC).date())
    return comparison, conclude(comparison, thresholds, found), found


def _with_itself(record: Record) -> list[str]:
    """What a comparison would have found out about the engines, of images that nobody compared."""
    same = same_program([engine.started_as for engine in record.engines],
                        [engine.program_sha256 for engine in record.engines], record.runs)
    return [same] if same else []


def _figures_judged(record: Record, thresholds: Sequence[Threshold]) -> set[tuple[str, str]]:
    """(metric, region) of every threshold and of every bound of a claim that was tried."""
    proof = record.further.proof
    bounds = [bound for claim in proof.claims for bound in claim.bounds] if proof else []
    return {(threshold.metric, threshold.roi) for threshold in (*thresholds, *bounds)}


# --- the case, then and now ---------------------------------------------------------------------------------


def _other_experiment(record: Record, case: Case) -> list[str]:
    """Why the images of a bundle are not what this case would be judged on."""
    pairs = {key: (getattr(record.case, key), getattr(case_facts(case), key)) for key in OF_THE_IMAGES}
    found = [f"its {key} was {_shown(said)}, the case says {_shown(now)}" for key, (said, now) in pairs.items()
             if not _same_or_more(key, said, now)]
    sums = {entry.name: entry.sha256 for entry in record.inputs if entry.origin != "user"}
    found += [f"its input {entry.name} is not the one the case pins" for entry in case.inputs
              if entry.sha256 and entry.name in sums and sums[entry.name] != entry.sha256]
    return found + [f"it has no input {entry.name}" for entry in case.inputs
                    if entry.name not in {known.name for known in record.inputs}]


def _same_or_more(key: str, said: Any, now: Any) -> bool:
    """Arguments of one side alone may have been added on the command line; the record says so."""
    return bool(said == now or (key in ("reference_args", "subject_args") and said[:len(now)] == now))


def _notes(record: Record, case: Case | None) -> Iterator[str]:
    said = record.case
    for key in ("reference_args", "subject_args"):
        if case and getattr(said, key) != getattr(case, key):
            yield f"the bundle was made with more {key}: {' '.join(getattr(said, key))}"
    if not record.inputs_as_pinned:
        yield "the bundle was made with input files of the user's own"
    if case is None and said.sha256 is None:
        return  # two images that were judged without a case
    file = case.path if case else case_file_here(said.file)
    if file is None:
        yield "whether the case changed since is not known: there is no case file of that name here"
    elif sha256_of(file) != said.sha256:
        yield f"the case changed since: {file} is not the file the bundle was made from"


def case_file_here(name: str | None) -> Path | None:
    """The case file of that name, here or in the checkout, as it is now."""
    if not name:
        return None
    places = (Path.cwd(), Path.cwd() / "cases", CHECKOUT / "cases")
    return next((folder / name for folder in places if (folder / name).is_file()), None)


def _shown(value: object) -> str:
    text = " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return repr(text if len(text) <= 80 else text[:77] + "...")
