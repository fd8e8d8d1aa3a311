"""A case from beginning to end: mapped tests, two engines, comparison, verdict, published bundle."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from nbcompare import __version__
from nbcompare.bundle.bundle import Bundle, Staging, staging
from nbcompare.bundle.names import (
    CASE_FILE,
    DATA,
    FAILED,
    PICTURES,
    RADIAL_PROFILE,
    STAMP_FORMAT,
    SUMMARY,
    further_names,
    image_name,
    moment_of,
    output_name,
    tests_log,
)
from nbcompare.bundle.record import Ancestor, ContentSums, Record, RecordedProgram, TestsOutcome
from nbcompare.bundle.text_files import summary_of, texts_of
from nbcompare.case.case import Case
from nbcompare.case.facts import case_facts
from nbcompare.case.inputs import StagedInput, hash_inputs, stage_inputs
from nbcompare.case.options import PREFIX, REFERENCE, SUBJECT
from nbcompare.compare.beam_centre import direct_beam_px
from nbcompare.compare.compare import Comparison, compare_images, radial_profiles
from nbcompare.compare.metrics import METRICS
from nbcompare.compare.pictures import ALWAYS, UNLESS_PASSED, Scale, write_pictures
from nbcompare.engine.choose import engines_of
from nbcompare.engine.engine import Engine, Failure, Rendering, Run
from nbcompare.engine.evidence_folder import EvidenceFolder, protection
from nbcompare.engine.git import RepositoryState
from nbcompare.engine.identity import EngineIdentity, GitState, content_hash, environment_facts, identify
from nbcompare.engine.installation import HARNESS, REFERENCE_SOURCE, SIMULATOR
from nbcompare.engine.kept_stream import read_kept
from nbcompare.engine.progress import Progress
from nbcompare.engine.protected import Protected, protected_files, sums_of
from nbcompare.engine.renderer import Renderer
from nbcompare.engine.runs import Job, RunFiles, jobs_of
from nbcompare.engine.watch import EngineWatch, faults_of
from nbcompare.errors import ShapeError, UsageError
from nbcompare.run.likely_cause import cause_beside, likely_cause
from nbcompare.run.mapped_tests import CUDA_MISSING, cuda_is_available, place_of_tests, run_mapped_tests
from nbcompare.run.provenance import (
    PROJECT,
    not_passed_line,
    notes_of,
    repositories_of,
    require_pinned,
    surroundings_of,
)
from nbcompare.run.stored_reference import StoredReference, require_same_experiment, stored_reference
from nbcompare.verdict.ablation import QuietRun
from nbcompare.verdict.further_evidence import FurtherEvidence, conclude
from nbcompare.verdict.further_runs import FurtherRuns, run_further
from nbcompare.verdict.noise_floor import Rerun
from nbcompare.verdict.verdict import Label, Verdict, blocked, failures_verdict, not_comparable


@dataclass(frozen=True)
class RunOptions:
    """What the user said beside the case.

    ``reference`` is a bundle whose image stands in for the reference; ``regenerates`` names the bundle whose record is
    run again, as records name bundles; the three flags ask for more than the case does. ``shards`` is the number of
    row bands to render, ``pictures`` says when they are drawn. A sweep also gives the engines and
    their identities by role, the renderer that keeps their processes, and the stamp where it was reserved elsewhere.
    """

    c_bin: str | None = None
    py_bin: str | None = None
    c_args: tuple[str, ...] = ()
    py_args: tuple[str, ...] = ()
    inputs: Mapping[str, Path] = field(default_factory=dict)
    resample: bool = False
    bundles: Path = Path("bundles")
    invocation: tuple[str, ...] = ()
    reference: Path | None = None
    noise_floor: bool = False
    probe_args: bool = False
    all_metrics: bool = False
    shards: int = 1
    pictures: str = ALWAYS
    engines: Mapping[str, Engine] = field(default_factory=dict)
    identities: Mapping[str, EngineIdentity] = field(default_factory=dict)
    renderer: Renderer | None = None
    stamp: str | None = None
    regenerates: Ancestor | None = None
    trust_case: bool = False


@dataclass(frozen=True)
class CaseOutcome:
    """What the comparing part of a run found; all empty when it was blocked before."""

    runs: tuple[Run, ...]
    comparison: Comparison | None
    verdict: Verdict
    scale: Scale | None
    findings: FurtherEvidence = FurtherEvidence()


def run_case(case: Case, options: RunOptions, progress: Progress) -> Bundle:
    """Run a case and publish its bundle, whatever the verdict.

    Raises UsageError or CaseError before anything is run when the case or an engine cannot be used,
    EvidenceError when the stored reference is damaged, and FileError when no bundle can be written.
    """
    case = replace(case, reference_args=(*case.reference_args, *options.c_args),
                   subject_args=(*case.subject_args, *options.py_args))
    stored = stored_reference(options.reference) if options.reference else None
    engines = _engines(case, options, stored, progress)
    with staging(options.bundles, case.name, _clock(options.stamp)) as bundle:
        (bundle.folder / DATA).mkdir(parents=True)
        inputs = stage_inputs(case, options.inputs, bundle.folder / DATA)
        for entry in inputs:
            if not entry.as_pinned:
                progress.say(f"note: input {entry.name} is the user's own file, not the one the case pins")
        jobs = {role: replace(job, shards=options.shards)
                for role, job in jobs_of(case, engines, bundle.folder / DATA).items()}
        if stored:
            require_same_experiment(stored, case, jobs[REFERENCE].shape, inputs)
        protected = protected_files(case)
        before = sums_of(protected)
        known = {role: stored.identity if stored and role == REFERENCE
                 else options.identities.get(role) or identify(engine) for role, engine in engines.items()}
        require_pinned(case, known)
        identities = tuple(known.values())
        repositories = _repositories(case, engines, known, stored)
        surroundings = surroundings_of(engines, case)
        watches = {role: EngineWatch(engine, known[role]) for role, engine in engines.items()
                   if not (stored and role == REFERENCE)}
        tests = _mapped_tests(case, bundle, progress)
        blockers = [reason for outcome in tests.values() for reason in outcome.reasons]
        if blockers:
            outcome = CaseOutcome((), None, blocked(blockers), None)
            _empty_logs(bundle)
        else:
            with _renderer(options) as renderer:
                place = EvidenceFolder(bundle.folder, renderer, progress)
                outcome = _run_and_compare(case, jobs, identities, bundle, place, options, progress, stored)
            place.write_images()
            outcome = _unless_changed(outcome, faults_of(watches))
        watched = Protected(before, sums_of(protected))
        if watched.faults:
            outcome = CaseOutcome(outcome.runs, None, blocked([*blockers, *watched.faults]), None)
        notes = notes_of(case, engines, known, outcome.runs, surroundings)
        left_out = not_passed_line(surroundings, outcome.runs)
        if left_out:
            progress.say(f"note: {left_out}")
        if left_out and any(run.failure for run in outcome.runs):
            notes = (*notes, left_out)
        project = repositories[PROJECT]
        record = Record(
            stamp=bundle.stamp, created_utc=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            program=RecordedProgram("nb-compare", __version__, options.invocation), case=case_facts(case),
            resample=options.resample, inputs_as_pinned=all(entry.as_pinned for entry in inputs),
            git=GitState(project.sha, project.dirty),
            content=_content(case, inputs, stored), environment=_environment(case, identities), tests=tests,
            protected=watched, further=outcome.findings, pictures=options.pictures, inputs=inputs, engines=identities,
            runs=outcome.runs, comparison=outcome.comparison, verdict=outcome.verdict,
            regenerates=options.regenerates, reference_from=stored.ancestor if stored else None,
            repositories=repositories, surroundings=surroundings, notes=notes)
        _write_texts(bundle, record, outcome.scale, case.path)
        return bundle.publish(record)


def _repositories(case: Case, engines: Mapping[str, Engine], known: Mapping[str, EngineIdentity],
                  stored: StoredReference | None) -> dict[str, RepositoryState]:
    """Where everything lies; of a stored reference as its bundle says."""
    found = repositories_of(case, engines, known)
    if stored:
        found[REFERENCE] = (stored.record.repositories or {}).get(REFERENCE) or RepositoryState(None)
    return found


def _unless_changed(outcome: CaseOutcome, changed: Mapping[str, str]) -> CaseOutcome:
    """The outcome, unless an engine is not what it was when the run began: then it failed, whatever it gave."""
    if not changed:
        return outcome
    runs = tuple(replace(run, failure=Failure("changed", changed[run.role])) if run.role in changed else run
                 for run in outcome.runs)
    return CaseOutcome(runs, None, failures_verdict(runs) or outcome.verdict, None)


def _renderer(options: RunOptions) -> AbstractContextManager[Renderer]:
    """The renderer that a sweep keeps, or one for this run alone."""
    return nullcontext(options.renderer) if options.renderer else Renderer()


def _clock(stamp: str | None) -> Callable[[], float]:
    """The time, or the moment of a stamp that was reserved for this run."""
    return (lambda: moment_of(stamp).timestamp()) if stamp else time.time


def _engines(case: Case, options: RunOptions, stored: StoredReference | None, progress: Progress) -> dict[str, Engine]:
    if stored is None:
        return dict(options.engines) or engines_of(case, options, progress)
    if options.c_bin:
        raise UsageError("--c-bin and --reference contradict each other; give one of them")
    return {REFERENCE: stored.engine, SUBJECT: options.engines.get(SUBJECT)
            or engines_of(case, options, progress, (SUBJECT,))[SUBJECT]}




def _mapped_tests(case: Case, bundle: Staging, progress: Progress) -> dict[str, TestsOutcome]:
    """The mapped tests on the CPU and, where torch sees a device and they passed, on CUDA too."""
    if case.tests:
        progress.begin(f"mapped tests ({len(case.tests)})")
    place = place_of_tests(case)
    outcomes = {"cpu": run_mapped_tests(case.tests, place=place, log=bundle.path(tests_log("cpu")),
                                        seconds=case.limits.tests_seconds)}
    if case.tests:
        progress.end(outcomes["cpu"].failure or outcomes["cpu"].summary)
    cuda_log = bundle.path(tests_log("cuda"))
    if case.tests and not outcomes["cpu"].failure and cuda_is_available(bundle.folder):
        outcomes["cuda"] = run_mapped_tests(case.tests, place=place, log=cuda_log,
                                            seconds=case.limits.tests_seconds, device="cuda")
    else:
        cuda_log.write_text(CUDA_MISSING, encoding="utf-8")
    return outcomes


def _run_and_compare(case: Case, jobs: Mapping[str, Job], identities: Sequence[EngineIdentity], bundle: Staging,
                     place: EvidenceFolder, options: RunOptions, progress: Progress,
                     stored: StoredReference | None = None) -> CaseOutcome:
    places = {role: _places(bundle, role) for role in jobs}
    found = place.run_pair({role: job for role, job in jobs.items() if not (stored and role == REFERENCE)}, places)
    if stored:
        found = {REFERENCE: stored.restore(place, places[REFERENCE]), **found}
    runs = tuple(found[role].run for role in jobs)
    failed = failures_verdict(runs)
    if failed:
        return CaseOutcome(runs, None, failed, None)
    progress.begin("comparison")
    images = {role: found[role].pixels for role in jobs}
    centre = direct_beam_px(read_kept(places[REFERENCE].stdout))
    try:
        comparison = compare_images(images[REFERENCE], images[SUBJECT], case.rois, resample=options.resample,
                                    further=_further_metrics(case, options), centre=centre)
    except ShapeError as fault:
        progress.end("shapes differ")
        return CaseOutcome(runs, None, not_comparable(str(fault)), None)
    on_one_grid = images[REFERENCE].shape == images[SUBJECT].shape
    if on_one_grid:
        bundle.write_json(RADIAL_PROFILE, radial_profiles(images[REFERENCE], images[SUBJECT], case.rois, centre))
    progress.end("done")
    bench = FurtherRuns(case, jobs, identities, runs, images, _rerun_in(bundle, place, runs),
                        _run_quietly(place, progress), bundle.folder / DATA,
                        datetime.datetime.strptime(bundle.stamp, STAMP_FORMAT).replace(tzinfo=datetime.UTC).date(),
                        stored.record.further if stored else None)
    findings = run_further(bench, comparison, noise_floor=options.noise_floor, probe_args=options.probe_args)
    verdict = conclude(comparison, case.thresholds, findings)
    outputs = {role: places[role].stdout for role in places}
    if verdict.word is Label.FAIL:
        findings = replace(findings, cause=likely_cause(images, jobs, bundle.folder / DATA, outputs))
    elif verdict.word is Label.NOT_PROVEN:
        findings = replace(findings, cause=cause_beside(bench, findings.proof, place, outputs))
    progress.say(f"verdict: {verdict.word}")
    scale = None
    if on_one_grid and not (verdict.passed and options.pictures == UNLESS_PASSED):
        files = {key: bundle.path(name) for key, name in PICTURES.items()}
        scale = write_pictures(images[REFERENCE], images[SUBJECT], case.rois[0], case.rois, files)
    return CaseOutcome(runs, comparison, verdict, scale, findings)


def _further_metrics(case: Case, options: RunOptions) -> set[tuple[str, str]]:
    if options.all_metrics:
        return {(metric, roi.name) for metric in METRICS for roi in case.rois}
    return case.figures_asked


def _rerun_in(bundle: Staging, place: EvidenceFolder, runs: Sequence[Run]) -> Rerun:
    """How an engine is run once more, with its files kept in the bundle; an image that is there already is not
    kept twice."""
    known = {run.image_sha256 for run in runs}

    def rerun(job: Job, name: str, environment: Mapping[str, str]) -> Rendering:
        places = RunFiles(*map(bundle.path, further_names(name)), bundle.folder / FAILED / name)
        found = place.run(replace(job, environment={**job.environment, **environment}), places)
        if found.run.failure is None and found.run.image_sha256 in known:
            place.forget(places.image)
        return found

    return rerun


def _run_quietly(place: EvidenceFolder, progress: Progress) -> QuietRun:
    """How an engine is run once more without a trace in the bundle."""

    def run_quietly(job: Job) -> Rendering:
        progress.begin(job.name)
        found = place.renderer.render(job)
        progress.end(f"failed: {found.run.failure.sentence}" if found.run.failure else f"{found.run.seconds:.3f} s")
        return found

    return run_quietly


def _places(bundle: Staging, role: str) -> RunFiles:
    key = PREFIX[role]
    return RunFiles(bundle.path(image_name(role)), bundle.path(output_name(role, "stdout")),
                    bundle.path(output_name(role, "stderr")), bundle.folder / FAILED / key)


def _empty_logs(bundle: Staging) -> None:
    """A blocked run has no engine output; the files say so by being there and empty."""
    for role in PREFIX:
        for stream in ("stdout", "stderr"):
            bundle.write(output_name(role, stream), "")


def _content(case: Case, inputs: Sequence[StagedInput], stored: StoredReference | None) -> ContentSums:
    """The sums of everything that the result rests on, now."""
    reference = stored.record.content.reference if stored else content_hash(REFERENCE_SOURCE)
    return ContentSums(content_hash(SIMULATOR), reference,
                       content_hash(HARNESS), case.sha256, hash_inputs(inputs))


def _environment(case: Case, identities: Sequence[EngineIdentity]) -> dict[str, str]:
    version = next(identity.version for identity in identities if identity.role == SUBJECT)
    return {**environment_facts(case.environment, version), "images": protection()}


# --- the text files of a bundle ---------------------------------------------------------------------------


def _write_texts(bundle: Staging, record: Record, scale: Scale | None, case_file: Path | None) -> None:
    images = {role: bundle.folder / image_name(role) for role in PREFIX}
    sizes = {role: path.stat().st_size for role, path in images.items() if path.exists()}
    for name, text in texts_of(record, sizes).items():
        bundle.write(name, text)
    bundle.write_json(SUMMARY, summary_of(record, scale))
    if case_file:
        bundle.path(CASE_FILE).write_bytes(case_file.read_bytes())
