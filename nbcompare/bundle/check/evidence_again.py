"""What a record found beside its comparison, taken again from the images that the bundle keeps.

Repetitions of the reference and trials of claims are held against each other anew; what cannot be taken again,
because no image was kept (probed arguments), stands as it was recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from nbcompare.bundle.fault import Fault
from nbcompare.bundle.names import DATA, RECORD, further_mask_name, further_names, image_name, output_name
from nbcompare.bundle.record import Record
from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.further_subject import known_as
from nbcompare.case.masking import COMPARE
from nbcompare.compare.compare import Comparison, compare_images
from nbcompare.compare.image import Roi, read_float_image, read_mask
from nbcompare.engine.direct_beam import direct_beam_px
from nbcompare.engine.engine import Run
from nbcompare.engine.identity import EngineIdentity
from nbcompare.engine.processes.kept_stream import read_kept
from nbcompare.engine.rendering.self_comparison import NEARLY_EQUAL, near_copy, same_program
from nbcompare.errors import FileError, ShapeError
from nbcompare.files import sha256_of
from nbcompare.verdict.claimed_trace import ClaimTrace, read_claim_trace
from nbcompare.verdict.copies import answered
from nbcompare.verdict.further_evidence import FurtherEvidence
from nbcompare.verdict.noise_floor import NoiseFloor, Repetition, repetitions_asked
from nbcompare.verdict.on_device import DeviceRun
from nbcompare.verdict.proof import CONTROL, CONTROL_SUBJECT, CONTROL_TRIED, EMULATED, Proof, Trial, apart
from nbcompare.verdict.subjects import SubjectRun, copied, same_as_reference

Held = Callable[..., Comparison | None]
"""Compares reference and subject, with figures beside those always taken; None where one is not there."""


def further_again(folder: Path, record: Record, images: Mapping[str, np.ndarray], rois: Sequence[Roi],
                   figures: Collection[tuple[str, str]]) -> FurtherEvidence:
    """The findings of a record with every figure taken anew on ``rois``; ``figures`` are the (metric, region) pairs
    to take beside the default ones. Raises FileError when an image that must be there is not, or not the one."""
    found, centre = record.further, centre_of(folder, record)

    def held(reference: np.ndarray | None, subject: np.ndarray | None, *more: tuple[str, str],
             resample: bool = False) -> Comparison | None:
        if reference is None or subject is None:
            return None
        try:
            return compare_images(reference, subject, rois, further={*figures, *more}, centre=centre,
                                  with_peaks=False, resample=resample, skip_nonfinite=record.case.nan == COMPARE)
        except ShapeError:
            return None

    noise = found.noise
    if noise and not record.reference_from:
        first = next(run.image_sha256 for run in record.runs if run.role == REFERENCE)
        noise = NoiseFloor(tuple(
            replace(entry, same_bytes=entry.run.image_sha256 == first,
                    comparison=held(images[REFERENCE], further_image(folder, entry.files, entry.run, record, images)))
            for entry in noise.repetitions))

    def made(entry: DeviceRun | SubjectRun) -> np.ndarray | None:
        return further_image(folder, entry.files, entry.run, record, images)

    def held_anew(entry: DeviceRun | SubjectRun) -> Comparison | None:
        return held(images[REFERENCE], made(entry),
                    *((threshold.metric, threshold.roi) for threshold in record.case.thresholds),
                    resample=record.resample)

    device = found.device and replace(found.device, comparison=held_anew(found.device))
    subjects = tuple(replace(entry, comparison=held_anew(entry)) for entry in found.subjects)
    near = None if record.images else near_copy([engine.program_sha256 for engine in record.engines],
                                                images[REFERENCE], images[SUBJECT],
                                                stored=record.engines[0].is_stored)
    copies = {SUBJECT: [near], **{known_as(entry.name): [] for entry in found.subjects if entry.engine}}
    for entry in found.subjects:
        copies[known_as(entry.name) if entry.engine else SUBJECT].append(
            copied(entry, record.engines, images[REFERENCE], made(entry)))
    computed = tuple(answered(found.computed, _subjects_of(record), record.engines[0]))
    near_copies = [said for name, told in copies.items() for said in told if said and name not in computed]
    vacuous = [*_others(found.vacuous), *near_copies]
    return replace(found, noise=noise, proof=_proof(found.proof, folder, record, images, held, rois),
                   device=device, subjects=subjects, vacuous=tuple(vacuous), computed=computed)


def _subjects_of(record: Record) -> dict[str, EngineIdentity]:
    """The subject, and the engines of further subjects, by what they are called."""
    others = {known_as(entry.name): entry.engine for entry in record.further.subjects if entry.engine}
    return {**{engine.role: engine for engine in record.engines if engine.role == SUBJECT}, **others}


def centre_of(folder: Path, record: Record) -> tuple[float, float] | None:
    """The pixel of the direct beam: that of the comparison, or what the reference printed where there was none."""
    if record.comparison:
        return record.comparison.centre
    return direct_beam_px(read_kept(folder / output_name(REFERENCE, "stdout"))) if record.uncompared else None


def _others(vacuous: Sequence[str]) -> list[str]:
    """The signs of vacuity that do not come from the images."""
    return [sign for sign in vacuous if NEARLY_EQUAL not in sign]


def _proof(proof: Proof | None, folder: Path, record: Record, images: Mapping[str, np.ndarray], held: Held,
           rois: Sequence[Roi]) -> Proof | None:
    if proof is None:
        return None
    made = {trial.purpose: further_image(folder, trial.files, trial.run, record, images) for trial in proof.trials}

    identity = [("identity", roi.name) for roi in rois]

    def again(trial: Trial) -> Trial:
        image = made[trial.purpose]
        if trial.purpose == CONTROL_SUBJECT:
            return trial
        if trial.purpose == CONTROL:
            plain = made.get(CONTROL_SUBJECT, images[SUBJECT])
            return replace(trial, comparison=held(image, plain), change=None, apart=apart(image, plain))
        if trial.purpose == CONTROL_TRIED:
            return replace(trial, comparison=None, change=None,
                           apart=apart(made.get(CONTROL_SUBJECT, images[SUBJECT]), image))
        change = (images[SUBJECT], image) if trial.purpose == EMULATED else (image, made.get(EMULATED))
        return replace(trial, comparison=held(images[REFERENCE], image), change=held(*change, *identity),
                       apart=apart(images[REFERENCE], image) if trial.purpose == EMULATED else None)

    return replace(proof, trials=tuple(map(again, proof.trials)),
                   traces=tuple(_trace_again(trace, folder, images, len(proof.claims) == 1) for trace in proof.traces))


def _trace_again(trace: ClaimTrace, folder: Path, images: Mapping[str, np.ndarray], alone: bool) -> ClaimTrace:
    """The numbers of a trace from what the engines printed then, and from their images: beside other claims than this
    one ``alone``, the subject was traced with emulations. Raises FileError."""
    if not trace.runs:
        return trace
    said, runs = {}, []
    for entry in trace.runs:
        path = folder / further_names(entry.files)[1]
        if path.is_symlink() or not path.is_file():
            raise FileError(f"{path}: what the {entry.run.role} printed of a pixel is not there")
        said[entry.run.role] = read_kept(path)
        pixel = None
        if alone or entry.run.role == REFERENCE:
            image = images[entry.run.role]
            inside = trace.slow < image.shape[0] and trace.fast < image.shape[1]
            pixel = float(image[trace.slow, trace.fast]) if inside else None
        runs.append(replace(entry, image=pixel))
    return read_claim_trace(replace(trace, runs=tuple(runs)), said)


def further_image(folder: Path, files: str, run: Run, record: Record,
                  images: Mapping[str, np.ndarray]) -> np.ndarray | None:
    """The image of a further run, masked as it was compared; one of the pair when it was the same, and None when the
    run failed. ``images`` are the pair, by role. Raises FileError where the image is not the one that was made."""
    if run.failure:
        return None
    if run.mask_sha256 is None:
        for plain in record.runs:
            if (plain.image_sha256, plain.mask_sha256) == (run.image_sha256, None):
                return images[plain.role]
    kept = [image_name(plain.role) for plain in record.runs if plain.image_sha256 == run.image_sha256]
    path = folder / (kept[0] if kept else further_names(files)[0])
    image = read_float_image(path, run.shape, run.dtype)
    if sha256_of(path) != run.image_sha256:
        raise FileError(f"{path}: not the image that the record says was made")
    return record.case.masking.applied(run.role, image, _stated(folder / further_mask_name(files), run), folder / DATA)


def _stated(path: Path, run: Run) -> np.ndarray | None:
    """The mask that the image file of a further run stated."""
    if run.mask_sha256 is None:
        return None
    if sha256_of(path) != run.mask_sha256:
        raise FileError(f"{path}: not the mask that the record says was stated")
    return read_mask(path, run.shape)


def further_faults(record: Record, sums: Mapping[str, str]) -> Iterator[Fault]:
    """Findings that are not what the case asks for, do not follow from the runs, or whose images are not there."""
    found = record.further
    yield from _image_faults(record, found, sums)
    if record.comparison is None and not record.uncompared:
        return
    case = record.case
    if [entry.name for entry in found.subjects] != list(case.subjects):
        yield Fault("disagrees", RECORD, "the subjects that were run are not those of the case")
    for entry in found.subjects:
        asked = case.subjects.get(entry.name)
        if asked and (asked.engine is not None) != (entry.engine is not None):
            yield Fault("disagrees", RECORD, f"subject {entry.name} was not run by the engine that the case names")
    if found.proof and f"{found.proof.judged_on:%Y%m%d}" != record.stamp[:8]:
        yield Fault("disagrees", RECORD, f"its claims were judged on {found.proof.judged_on}, the stamp says "
                                         f"{record.stamp}")
    if found.proof and found.proof.trials:
        asked_for = [claim.id for claim in found.proof.claims if claim.trace]
        if [trace.claim for trace in found.proof.traces] != asked_for:
            yield Fault("disagrees", RECORD, "the pixels that were traced are not those that the claims speak of")
    if (found.proof.claims if found.proof else ()) != case.divergences:
        yield Fault("disagrees", RECORD, "the claims that were tried are not those of the case")
    same = None if record.images else same_program([engine.started_as for engine in record.engines],
                        [engine.program_sha256 for engine in record.engines], record.runs)
    others_same = same_as_reference(record.engines[0], record.runs[0], found.subjects)
    expected = [] if record.uncompared else [*([same] if same else []), *others_same]  # told when they are compared
    others = _others(found.vacuous)
    known = others[:len(expected)] if record.reference_from else others
    if known != expected:
        yield Fault("disagrees", RECORD, "what it says of engines compared with themselves does not follow from them")
    measured = [repetition.name for repetition in found.noise.repetitions] if found.noise else []
    if not record.reference_from:
        for name in repetitions_asked(case.repeat, case.threads):
            if name not in measured:
                yield Fault("disagrees", RECORD, f"the case asks to run the reference again ({name}), and it was not")
    probed = [entry.words[0] for entry in found.ablation.arguments if entry.required] if found.ablation else []
    for word in case.required_args:
        if word not in probed:
            yield Fault("disagrees", RECORD, f"the case requires {word} to matter, and it was not probed")


def _image_faults(record: Record, found: FurtherEvidence, sums: Mapping[str, str]) -> Iterator[Fault]:
    plain = {run.image_sha256 for run in record.runs}
    repetitions = found.noise.repetitions if found.noise and not record.reference_from else ()
    entries: list[Repetition | Trial | DeviceRun | SubjectRun] = [
        *repetitions, *(found.proof.trials if found.proof else ()), *found.subjects,
        *([found.device] if found.device else [])]
    for entry in entries:
        name, mask = further_names(entry.files)[0], further_mask_name(entry.files)
        if entry.run.mask_sha256 and sums.get(mask) != entry.run.mask_sha256:
            yield Fault("disagrees" if mask in sums else "missing", mask, "the record knows another mask of this run")
        if entry.run.failure is None and entry.run.image_sha256 not in plain:
            if name not in sums:
                yield Fault("missing", name, "the record says that this run gave an image")
            elif sums[name] != entry.run.image_sha256:
                yield Fault("disagrees", name, f"the record says its sha256 is {entry.run.image_sha256}")
