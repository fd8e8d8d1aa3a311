"""Comparing and judging what a run left: figures of the images, further runs where the case asks, the verdict."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

from nbcompare.bundle.check.recompute import printed_errors
from nbcompare.bundle.names import DATA, FAILED, RADIAL_PROFILE, STAMP_FORMAT, further_mask_name, further_names
from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.case import Case
from nbcompare.case.masking import COMPARE
from nbcompare.compare.compare import Comparison, compare_images, radial_profiles
from nbcompare.compare.metrics import METRICS
from nbcompare.compare.picture_settings import UNLESS_PASSED
from nbcompare.compare.pictures import Scale
from nbcompare.engine.direct_beam import direct_beam_px
from nbcompare.engine.engine import Rendering
from nbcompare.engine.processes.kept_stream import read_kept
from nbcompare.engine.progress import Progress
from nbcompare.engine.rendering.evidence_folder import EvidenceFolder
from nbcompare.engine.rendering.runs import Job, RunFiles
from nbcompare.engine.sources.account import opened_by
from nbcompare.errors import ShapeError
from nbcompare.run.drawing import draw
from nbcompare.run.engine_runs import EngineRuns, masked_rendering
from nbcompare.run.likely_cause import cause_beside, likely_cause
from nbcompare.run.may_be_copied import why_maybe_copied
from nbcompare.run.options import RunOptions
from nbcompare.run.ready import beside
from nbcompare.run.staged_case import StagedCase
from nbcompare.verdict.ablation import QuietRun
from nbcompare.verdict.claimed_trace import Listen
from nbcompare.verdict.copies import WhyCopied
from nbcompare.verdict.further_evidence import FurtherEvidence, conclude
from nbcompare.verdict.further_runs import FurtherRuns, run_further, run_uncompared
from nbcompare.verdict.noise_floor import Rerun
from nbcompare.verdict.refusals import refusals_verdict
from nbcompare.verdict.verdict import Label, Verdict, failures_verdict, not_comparable, uncompared


@dataclass(frozen=True)
class Judgement:
    """The figures, None when nothing was compared, the verdict, and what was found beside them."""

    comparison: Comparison | None
    verdict: Verdict
    further: FurtherEvidence = FurtherEvidence()


def compare_runs(staged: StagedCase, ran: EngineRuns, options: RunOptions) -> Comparison:
    """The figures of both images. Raises ShapeError for two shapes, unless --resample allows them."""
    centre = direct_beam_px(read_kept(ran.outputs[REFERENCE]))
    return compare_images(ran.images[REFERENCE], ran.images[SUBJECT], staged.case.rois, resample=options.resample,
                          further=_further_metrics(staged.case, options), centre=centre,
                          skip_nonfinite=staged.case.nan == COMPARE)


def judge_runs(staged: StagedCase, ran: EngineRuns, place: EvidenceFolder, options: RunOptions,
               progress: Progress, device: str | None = None) -> Judgement:
    """Compare and judge, with the further runs that the case or the user asks for, and the subject's on ``device``."""
    if staged.case.expect:
        return Judgement(None, refusals_verdict(staged.case.expect, ran.runs, printed_errors(staged.bundle.folder)))
    failed = failures_verdict(ran.runs)
    if failed:
        return Judgement(None, failed)
    if options.no_compare:
        bench = _bench(staged, ran, place, options, progress)
        centre = direct_beam_px(read_kept(ran.outputs[REFERENCE]))
        return Judgement(None, uncompared(), run_uncompared(bench, centre, noise_floor=options.noise_floor,
                                                            device=device))
    progress.begin("comparison")
    try:
        comparison = compare_runs(staged, ran, options)
    except ShapeError as fault:
        progress.end("shapes differ")
        return Judgement(None, not_comparable(fault.message))
    progress.end("done")
    judgement = _judge(staged, ran, place, comparison, options, progress, device)
    progress.say(f"verdict: {judgement.verdict.word}")
    return judgement


def _bench(staged: StagedCase, ran: EngineRuns, place: EvidenceFolder, options: RunOptions,
           progress: Progress) -> FurtherRuns:
    """The two runs, and the means to run more."""
    bundle, stored = staged.bundle, staged.stored
    return FurtherRuns(staged.case, staged.jobs, tuple(staged.identities.values()), ran.runs, ran.images,
                       _rerun_in(staged, ran, place), _run_quietly(place, progress), _listen_in(staged, place),
                       bundle.folder / DATA,
                       datetime.datetime.strptime(bundle.stamp, STAMP_FORMAT).replace(tzinfo=datetime.UTC).date(),
                       stored.record.further if stored else None, options.resample,
                       {name: other.described for name, other in staged.others.items()},
                       _why_copied(staged, ran, place))


def _why_copied(staged: StagedCase, ran: EngineRuns, place: EvidenceFolder) -> WhyCopied:
    """Why the image of a subject, by what it is called, may be a copy of the reference's, by what it opened so far.
    What the reference opened counts as its own."""
    def why(name: str) -> str | None:
        calls, reference = place.opened.get(REFERENCE), staged.identities[REFERENCE]
        opened = opened_by(calls, reference.made_of)[0] if calls else reference.opened
        return why_maybe_copied(place.opened.get(name), staged.all_identities[name], replace(reference, opened=opened),
                                ran.images[REFERENCE])
    return why


def _judge(staged: StagedCase, ran: EngineRuns, place: EvidenceFolder, comparison: Comparison, options: RunOptions,
           progress: Progress, device: str | None) -> Judgement:
    bench = _bench(staged, ran, place, options, progress)
    further = run_further(bench, comparison, noise_floor=options.noise_floor, probe_args=options.probe_args,
                           device=device)
    verdict = conclude(comparison, staged.case.thresholds, further)
    cause = None
    if verdict.word is Label.FAIL and not all(check.holds for check in verdict.checks):
        cause = likely_cause(ran.images, staged.jobs, staged.bundle.folder / DATA, ran.outputs)
    elif verdict.word is Label.NOT_PROVEN and further.proof:
        cause = cause_beside(bench, further.proof, place, ran.outputs)
    return Judgement(comparison, verdict, replace(further, cause=cause) if cause else further)


def write_views(staged: StagedCase, ran: EngineRuns, judgement: Judgement, options: RunOptions) -> Scale | None:
    """Radial profiles and pictures of images on one grid; how the pictures were drawn, None where there are none."""
    images, case = ran.images, staged.case
    if judgement.comparison is None or images[REFERENCE].shape != images[SUBJECT].shape:
        return None
    profiles = partial(radial_profiles, images[REFERENCE], images[SUBJECT], case.rois, judgement.comparison.centre,
                       skip_nonfinite=case.nan == COMPARE)
    with beside(profiles) as found:
        scale = None if judgement.verdict.passed and options.pictures == UNLESS_PASSED else \
            draw(staged.bundle, images[REFERENCE], images[SUBJECT], judgement.comparison, options.percentile)
    staged.bundle.write_json(RADIAL_PROFILE, found())
    return scale


def _further_metrics(case: Case, options: RunOptions) -> set[tuple[str, str]]:
    if options.all_metrics:
        return {(metric, roi.name) for metric in METRICS for roi in case.rois}
    return case.figures_asked


def _rerun_in(staged: StagedCase, ran: EngineRuns, place: EvidenceFolder) -> Rerun:
    """How an engine is run once more, with its files kept in the bundle; an image that is there already is not
    kept twice."""
    bundle = staged.bundle
    known = {run.image_sha256 for run in ran.runs}

    def rerun(job: Job, name: str, environment: Mapping[str, str]) -> Rendering:
        image, stdout, stderr = map(bundle.path, further_names(name))
        places = RunFiles(image, stdout, stderr, bundle.folder / FAILED / name, bundle.path(further_mask_name(name)))
        found = place.run(replace(job, environment={**job.environment, **environment}), places)
        if found.run.failure is None and found.run.image_sha256 in known:
            place.forget(places.image)
        return masked_rendering(staged, found)

    return rerun


def _listen_in(staged: StagedCase, place: EvidenceFolder) -> Listen:
    """How an engine is run once more for what it prints, of which alone is kept in the bundle."""
    bundle = staged.bundle

    def listen(job: Job, name: str) -> Rendering:
        image, stdout, stderr = map(bundle.path, further_names(name))
        mask = bundle.path(further_mask_name(name))
        found = place.run(job, RunFiles(image, stdout, stderr, bundle.folder / FAILED / name, mask))
        for path in (image, mask):
            place.forget(path)
            path.unlink(missing_ok=True)
        return replace(found, stdout=read_kept(stdout))

    return listen


def _run_quietly(place: EvidenceFolder, progress: Progress) -> QuietRun:
    """How an engine is run once more without a trace in the bundle."""

    def run_quietly(job: Job) -> Rendering:
        progress.begin(job.name)
        found = place.renderer.render(job)
        progress.end(f"failed: {found.run.failure.sentence}" if found.run.failure else f"{found.run.seconds:.3f} s")
        return found

    return run_quietly
