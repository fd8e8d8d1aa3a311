"""The bundle of two image files that were judged: their pixels, masks, sums, formats and headers, and the verdict.

It is a bundle like any other, of a case that is called ``images``: each file stands where a run of an engine stands,
as read and not run. No gate takes it for evidence of a case, as no engine was run.
"""

from __future__ import annotations

import datetime
import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

from nbcompare import __version__
from nbcompare.bundle.bundle import Bundle, Staging, staging
from nbcompare.bundle.names import DATA, RADIAL_PROFILE, SUMMARY, image_name, mask_name
from nbcompare.bundle.record import HARNESS_ROLE, PROJECT, ContentSums, ImageFacts, Record, RecordedProgram
from nbcompare.bundle.text_files import summary_of, texts_of
from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.case import OWN, Case
from nbcompare.case.declared.adapter import Adapter, Output
from nbcompare.case.facts import case_facts
from nbcompare.case.inputs import StagedInput, hash_inputs
from nbcompare.case.masking import COMPARE, Masking
from nbcompare.compare.compare import radial_profiles
from nbcompare.compare.image import Shape, dtype_code, stored_mask, stored_pixels
from nbcompare.compare.picture_settings import ALWAYS
from nbcompare.compare.pictures import Scale
from nbcompare.engine.engine import Run
from nbcompare.engine.identity import EngineIdentity, GitState, content_hash, environment_facts
from nbcompare.engine.installation import HARNESS, REFERENCE_SOURCE, SIMULATOR
from nbcompare.engine.processes.redact import redacted
from nbcompare.engine.progress import Progress
from nbcompare.engine.protected import Protected
from nbcompare.engine.repository.git import RepositoryState, repository_of
from nbcompare.files import sha256_of
from nbcompare.formats.declared import ImageFile
from nbcompare.run.drawing import draw
from nbcompare.run.engine_runs import empty_logs, mapped_tests
from nbcompare.run.images.pair import ImagePairOptions, JudgedFiles
from nbcompare.verdict.further_evidence import FurtherEvidence
from nbcompare.visible import each_text, visible

CASE_NAME = "images"
IMAGE_FILE = "(image file)"
"""What stands for the program of an image that was read."""


def publish_images(pair: JudgedFiles, options: ImagePairOptions, bundles: Path, invocation: Sequence[str]) -> Bundle:
    """Publish what came out of two files. Raises FileError when no bundle can be written."""
    with staging(bundles, CASE_NAME) as bundle:
        mask = _keep_mask(bundle, options)
        case = _case(pair, options, mask)
        for role, file in pair.files.items():
            bundle.path(image_name(role)).write_bytes(stored_pixels(file.pixels))
            if file.masked is not None:
                bundle.path(mask_name(role)).write_bytes(stored_mask(file.masked))
        empty_logs(bundle)
        record = _record(pair, options, case, bundle, (mask,) if mask else (), invocation)
        scale = _views(pair, case, bundle)
        sizes = {role: (bundle.folder / image_name(role)).stat().st_size for role in pair.files}
        for name, text in texts_of(record, sizes).items():
            bundle.write(name, text)
        bundle.write_json(SUMMARY, summary_of(record, scale))
        return bundle.publish(record)


def _keep_mask(bundle: Staging, options: ImagePairOptions) -> StagedInput | None:
    """The mask file, kept as an input."""
    data = bundle.folder / DATA
    data.mkdir(parents=True)
    if options.mask is None:
        return None
    target = data / f"mask{options.mask.suffix}"
    shutil.copyfile(options.mask, target)
    return StagedInput(target.name, "case", sha256_of(target), target.stat().st_size, None)


def _case(pair: JudgedFiles, options: ImagePairOptions, mask: StagedInput | None) -> Case:
    reference = pair.files[REFERENCE]
    names = f"{pair.files[SUBJECT].path.name} against {reference.path.name}"
    masking = Masking(options.rules, options.rules_of_subject, mask.name if mask else None, options.mask_declared)
    return Case(CASE_NAME, names, (), Shape(*reference.pixels.shape), pair.rois, pair.thresholds, options=OWN,
                masking=masking, nan=options.nan)


def _record(pair: JudgedFiles, options: ImagePairOptions, case: Case, bundle: Staging, inputs: tuple[StagedInput, ...],
            invocation: Sequence[str]) -> Record:
    project, nowhere = repository_of(Path.cwd()), RepositoryState(None)
    engines = tuple(_as_engine(role, file, pair, options) for role, file in pair.files.items())
    content = ContentSums(content_hash(SIMULATOR), content_hash(REFERENCE_SOURCE), content_hash(HARNESS), None,
                          hash_inputs(inputs))
    record = Record(
        stamp=bundle.stamp, created_utc=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        program=RecordedProgram("nb-compare", __version__, tuple(invocation)), case=case_facts(case),
        resample=options.resample, inputs_as_pinned=True, git=GitState(project.sha, project.dirty), content=content,
        environment=environment_facts({}, ""), tests=mapped_tests(case, bundle, Progress(quiet=True)),
        protected=Protected({}, {}), further=FurtherEvidence(cause=pair.cause), pictures=ALWAYS, inputs=inputs,
        engines=engines, runs=tuple(_as_run(role, file, pair) for role, file in pair.files.items()),
        comparison=pair.comparison, verdict=pair.verdict, notes=pair.notes,
        repositories={PROJECT: project, SUBJECT: nowhere, REFERENCE: nowhere, HARNESS_ROLE: repository_of(HARNESS)},
        images={role: ImageFacts(str(file.path), file.format, file.dtype, dict(file.header))
                for role, file in pair.files.items()})
    return Record.from_dict(each_text(record.as_dict(), lambda text: visible(redacted(text))))


def _as_engine(role: str, file: ImageFile, pair: JudgedFiles, options: ImagePairOptions) -> EngineIdentity:
    """What stands for the engine of an image that was read, with how it was read as its output."""
    declared = options.declared[0 if role == REFERENCE else 1]
    return EngineIdentity(role, file.path.name, "image file", (IMAGE_FILE, str(file.path)), pair.sums[role],
                          file.path.stat().st_size, f"{file.format} {file.dtype}", (),
                          adapter=Adapter(output=Output(file.path.name, declared)))


def _as_run(role: str, file: ImageFile, pair: JudgedFiles) -> Run:
    pixels = stored_pixels(file.pixels)
    mask = None if file.masked is None else hashlib.sha256(stored_mask(file.masked)).hexdigest()
    return Run(role, (IMAGE_FILE, str(file.path)), Shape(*file.pixels.shape), 0, 0.0, None,
               hashlib.sha256(pixels).hexdigest(), "a file that was read", dtype_code(file.pixels), pair.sums[role],
               mask)


def _views(pair: JudgedFiles, case: Case, bundle: Staging) -> Scale | None:
    """Radial profiles and pictures of images on one grid."""
    images = {role: case.masking.applied(role, file.pixels, file.masked, bundle.folder / DATA)
              for role, file in pair.files.items()}
    if pair.comparison is None or images[REFERENCE].shape != images[SUBJECT].shape:
        return None
    bundle.write_json(RADIAL_PROFILE, radial_profiles(images[REFERENCE], images[SUBJECT], case.rois, None,
                                                      skip_nonfinite=case.nan == COMPARE))
    return draw(bundle, images[REFERENCE], images[SUBJECT], pair.comparison)
