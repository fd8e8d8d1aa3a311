"""The figures and the verdict of a bundle, taken again from its float images.

What the record says must come out again: each figure within the rounding of float64 sums (another processor may add
in another order), the verdict exactly. Nothing but the images, the record and the rules of judging is used.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from nbcompare.bundle import strict_json
from nbcompare.bundle.check.evidence_again import further_again
from nbcompare.bundle.fault import Fault
from nbcompare.bundle.layout import on_one_grid
from nbcompare.bundle.manifest import read_text
from nbcompare.bundle.names import DATA, RADIAL_PROFILE, RECORD, image_name, mask_name, output_name
from nbcompare.bundle.record import Record
from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.masking import COMPARE
from nbcompare.compare.compare import Comparison, RegionComparison, compare_images, radial_profiles
from nbcompare.compare.image import read_float_image, read_mask
from nbcompare.compare.metrics import METRICS
from nbcompare.engine.direct_beam import direct_beam_px
from nbcompare.engine.processes.kept_stream import read_kept
from nbcompare.engine.taken_image import image_failure
from nbcompare.errors import FileError, ShapeError
from nbcompare.verdict.claimed_trace import worst_pixel
from nbcompare.verdict.further_evidence import FurtherEvidence, conclude
from nbcompare.verdict.on_device import DeviceRun
from nbcompare.verdict.proof import Proof
from nbcompare.verdict.refusals import refusals_verdict
from nbcompare.verdict.subjects import SubjectRun
from nbcompare.verdict.verdict import Verdict, blocked, failures_verdict, not_comparable, uncompared

if TYPE_CHECKING:
    import numpy as np

    from nbcompare.engine.engine import Run

RELATIVE = 1e-9
OF_SCALE = 1e-12
"""Figures agree when they differ by no more than RELATIVE of their size, or OF_SCALE of what they are measured in:
the brightest reference pixel for photons, its square for photons^2, and 1 for a figure without unit."""


def read_stored_images(folder: Path, record: Record) -> dict[str, np.ndarray]:
    """Both images [slow, fast] by role, each of its own type, masked where the case or its file masks pixels. Raises
    FileError when one is not of the size it must be."""
    return {run.role: _stored_image(folder, record, run) for run in record.runs}


def _stored_image(folder: Path, record: Record, run: Run) -> np.ndarray:
    image = read_float_image(folder / image_name(run.role), run.shape, run.dtype)
    stated = read_mask(folder / mask_name(run.role), run.shape) if run.mask_sha256 else None
    return record.case.masking.applied(run.role, image, stated, folder / DATA)


def figures_of(record: Record) -> set[tuple[str, str]]:
    """(metric, region) of every figure that the record holds or its thresholds ask for."""
    regions = record.comparison.regions if record.comparison else ()
    held = {(figure.metric, region.roi.name) for region in regions for figure in region.figures}
    return held | {(threshold.metric, threshold.roi) for threshold in record.case.thresholds}


def compare_again(folder: Path, record: Record) -> Comparison:
    """The comparison of the stored images, as the record's case asks for it. Raises ShapeError."""
    images = read_stored_images(folder, record)
    return compare_images(images[REFERENCE], images[SUBJECT], record.case.rois, resample=record.resample,
                          further=figures_of(record), centre=record.comparison.centre if record.comparison else None,
                          skip_nonfinite=record.case.nan == COMPARE)


def recomputation_faults(folder: Path, record: Record) -> list[Fault]:
    """Every figure and every part of the verdict that does not follow from the images. They must be there, whole."""
    return [*_failure_faults(folder, record), *_outcome_faults(folder, record), *_profile_faults(folder, record)]


def _failure_faults(folder: Path, record: Record) -> Iterator[Fault]:
    """A run that is said to have worked although its image shows that it did not."""
    for run in record.runs if record.images is None else ():
        if run.failure is None:
            found = image_failure(folder / image_name(run.role), run.shape, started=0.0, dtype=run.dtype,
                                  any_number=record.case.nan == COMPARE)
            if found:
                yield Fault("disagrees", RECORD, f"the {run.role} is said to have worked, but it {found.sentence}")


def _outcome_faults(folder: Path, record: Record) -> Iterator[Fault]:
    comparison, verdict = outcome_again(folder, record)
    if (comparison is None) != (record.comparison is None):
        said = "no comparison" if record.comparison is None else "a comparison"
        yield Fault("disagrees", RECORD, f"it holds {said}, which does not follow from the runs and the images")
    elif comparison is not None and record.comparison is not None:
        yield from figure_faults(record.comparison, comparison)
    if comparison is not None and (record.further.device or record.further.subjects):
        yield from _held_faults(folder, record)
    if comparison is not None and record.further.proof and record.further.proof.traces:
        yield from _trace_faults(folder, record, record.further.proof)
    yield from _verdict_faults(record, verdict)


def _held_faults(folder: Path, record: Record) -> Iterator[Fault]:
    """The figures of the subject's image on a device, and of further subjects, taken again from those images."""
    again = further_again(folder, record, read_stored_images(folder, record), record.case.rois, figures_of(record))
    for entry, anew in zip(_held_runs(record.further), _held_runs(again), strict=True):
        if (entry.comparison is None) != (anew.comparison is None):
            yield Fault("disagrees", RECORD, f"what it says of the image {entry.files} does not follow from that image")
        elif entry.comparison is not None and anew.comparison is not None:
            yield from figure_faults(entry.comparison, anew.comparison)


def _trace_faults(folder: Path, record: Record, proof: Proof) -> Iterator[Fault]:
    """The numbers of traces, taken again from what the engines printed; and the pixel that differs most, where that is
    the one that was to be traced."""
    images = read_stored_images(folder, record)
    again = further_again(folder, record, images, record.case.rois, figures_of(record)).proof
    for claim in proof.claims:
        said, found = proof.trace(claim.id), again.trace(claim.id) if again else None
        if said is None or found is None or claim.trace is None:
            continue
        if not _same_numbers(said.as_dict(), found.as_dict(), 1.0):
            yield Fault("disagrees", RECORD, f"the trace of {claim.id} does not come out of what the engines printed")
        if (said.fast, said.slow) != (claim.trace.pixel or worst_pixel(images)):
            yield Fault("disagrees", RECORD, f"the trace of {claim.id} is not of the pixel that the claim speaks of")


def _held_runs(further: FurtherEvidence) -> list[DeviceRun | SubjectRun]:
    return [*([further.device] if further.device else []), *further.subjects]


def _profile_faults(folder: Path, record: Record) -> Iterator[Fault]:
    """The rings about the direct beam, and the pixel of the beam as the reference's own output names it."""
    if record.comparison is None:
        return
    output = folder / output_name(REFERENCE, "stdout")
    if output.is_symlink() or not output.is_file():
        return  # lost or no file any more, which is a fault by the manifest; a pipe would be waited on
    centre = direct_beam_px(read_kept(output))
    if centre != record.comparison.centre:
        yield Fault("disagrees", RECORD, f"the direct beam is at {record.comparison.centre}, by the reference's output "
                                         f"at {centre}")
    if not on_one_grid(record):
        return
    images = read_stored_images(folder, record)
    expected = radial_profiles(images[REFERENCE], images[SUBJECT], record.case.rois, record.comparison.centre,
                               skip_nonfinite=record.case.nan == COMPARE)
    try:
        stored = strict_json.loads(read_text(folder / RADIAL_PROFILE))
    except (FileError, ValueError) as fault:
        yield Fault("unreadable", RADIAL_PROFILE, str(fault))
        return
    if not _same_numbers(stored, expected, 1.0):
        yield Fault("disagrees", RADIAL_PROFILE, "the rings do not come out of the images again")


def printed_errors(folder: Path) -> dict[str, str]:
    """What each engine of a bundle, or of one being made, printed to standard error, by role."""
    places = {role: folder / output_name(role, "stderr") for role in (REFERENCE, SUBJECT)}
    return {role: read_kept(path) for role, path in places.items() if path.is_file() and not path.is_symlink()}


def outcome_again(folder: Path, record: Record) -> tuple[Comparison | None, Verdict]:
    """Comparison and verdict as they follow from tests, runs and images."""
    failed_tests = [reason for said in record.tests.values() for reason in said.reasons]
    touched = record.protected.faults
    if failed_tests or touched:
        return None, blocked([*failed_tests, *touched])
    if record.case.expect and record.runs:
        return None, refusals_verdict(record.case.expect, record.runs, printed_errors(folder))
    failed = failures_verdict(record.runs)
    if failed:
        return None, failed
    if not record.runs:
        return None, blocked(["no engine was run"])
    if record.uncompared:
        return None, uncompared()
    try:
        comparison = compare_again(folder, record)
    except ShapeError as fault:
        return None, not_comparable(fault.message)
    found = further_again(folder, record, read_stored_images(folder, record), record.case.rois, figures_of(record))
    return comparison, conclude(comparison, record.case.thresholds, found)


# --- figures --------------------------------------------------------------------------------------------


def figure_faults(said: Comparison, found: Comparison) -> Iterator[Fault]:
    """Every number of a stored comparison that does not come out again."""
    if said.shape != found.shape:
        yield Fault("disagrees", RECORD, f"the images are {found.shape}, the comparison says {said.shape}")
    if [region.roi for region in said.regions] != [region.roi for region in found.regions]:
        yield Fault("disagrees", RECORD, "the regions compared are not those of the case")
        return
    for ours, theirs in zip(said.regions, found.regions, strict=True):
        scale = abs(theirs.reference_max or 0.0)
        yield from _region_faults(ours, theirs, scale)
        for key in ("reference_sum", "subject_sum", "reference_max", "subject_max"):
            if not agree(getattr(ours, key), getattr(theirs, key), scale):
                yield _differs(f"{key} on {ours.roi.name}", getattr(ours, key), getattr(theirs, key))
        if ours.weak != theirs.weak:
            yield Fault("disagrees", RECORD, f"what the weak region {ours.roi.name} holds does not come out again")
        if not _same_where_both_are(ours, theirs):
            yield Fault("disagrees", RECORD, f"the figures of wrong images on {ours.roi.name} do not come out again")
        if ours.left_out != theirs.left_out:
            yield Fault("disagrees", RECORD, f"what the subject leaves out of {ours.roi.name} does not come out again")
        if not _same_numbers(vars(ours.worst), vars(theirs.worst), scale):
            yield Fault("disagrees", RECORD, f"the worst pixel of {ours.roi.name} is {theirs.worst}, not {ours.worst}")
    if not _same_numbers(said.peaks.as_dict(), found.peaks.as_dict(), 1.0):
        yield Fault("disagrees", RECORD, "the table of peaks does not come out again")
    if (said.notes, said.vacuous) != (found.notes, found.vacuous):
        yield Fault("disagrees", RECORD, "the notes of the comparison do not follow from the images")


def _region_faults(said: RegionComparison, found: RegionComparison, scale: float) -> Iterator[Fault]:
    for figure in said.figures:
        name = f"{figure.metric} on {said.roi.name}"
        if figure.metric not in METRICS:
            yield Fault("disagrees", RECORD, f"{name}: this program knows no such metric")
            continue
        again = found.figure(figure.metric)
        unit = METRICS[figure.metric].unit
        measure = {"photons": scale, "photons^2": scale * scale}.get(unit, 1.0)
        if not agree(figure.value, again.value, measure) or (figure.undefined is None) != (again.undefined is None):
            yield _differs(name, figure.value, again.value)
    for lost in sorted({f.metric for f in found.figures} - {f.metric for f in said.figures}):
        yield Fault("disagrees", RECORD, f"{lost} on {said.roi.name} is not in the record")


def _same_where_both_are(said: RegionComparison, found: RegionComparison) -> bool:
    """Whether the figures of wrong images agree; records of before there were any hold none."""
    again = {(image.name, metric): value for image in found.wrong_images for metric, value in image.values.items()}
    return all(agree(value, again.get((image.name, metric), value), abs(value)) for image in said.wrong_images
               for metric, value in image.values.items())


def agree(said: float | None, found: float | None, scale: float = 1.0) -> bool:
    """Whether two values are one figure, but for the rounding of sums."""
    if said is None or found is None:
        return said is found
    return math.isclose(said, found, rel_tol=RELATIVE, abs_tol=OF_SCALE * scale)


def _same_numbers(said: object, found: object, scale: float) -> bool:
    """Whether two plain values are the same but for the rounding of the numbers in them."""
    if isinstance(said, dict) and isinstance(found, dict):
        return said.keys() == found.keys() and all(_same_numbers(said[key], found[key], scale) for key in said)
    if isinstance(said, list) and isinstance(found, list):
        return len(said) == len(found) and all(_same_numbers(a, b, scale) for a, b in zip(said, found, strict=True))
    if isinstance(said, float) and isinstance(found, float):
        return agree(said, found, scale)
    return bool(said == found)


def _differs(name: str, said: float | None, found: float | None) -> Fault:
    words = ["undefined" if value is None else repr(value) for value in (said, found)]
    return Fault("disagrees", RECORD, f"{name} is {words[0]} in the record, {words[1]} from the images")


# --- verdict ---------------------------------------------------------------------------------------------


def _verdict_faults(record: Record, found: Verdict) -> Iterator[Fault]:
    said = record.verdict
    if (said.word, said.exit_code) != (found.word, found.exit_code):
        yield Fault("disagrees", RECORD, f"the verdict is {said.word} (exit code {said.exit_code}) in the record, "
                                         f"{found.word} ({found.exit_code}) by the evidence")
    if [check.threshold for check in said.checks] != [check.threshold for check in found.checks]:
        yield Fault("disagrees", RECORD, "the checks of the verdict are not those of the case's thresholds")
    else:
        for ours, theirs in zip(said.checks, found.checks, strict=True):
            if ours.holds != theirs.holds:
                holds = "holds" if theirs.holds else "does not hold"
                yield Fault("disagrees", RECORD, f"{theirs.sentence}: that {holds}")
    further = record.further
    stored = conclude(record.comparison, record.case.thresholds, further) if record.comparison else found
    if (said.checks, said.reasons) != (stored.checks, stored.reasons):
        yield Fault("disagrees", RECORD, "the checks and reasons of the verdict do not follow from its figures")
