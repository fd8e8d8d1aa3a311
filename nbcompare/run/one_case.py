"""A case from beginning to end: staged, tested, run, compared, judged, published.

Each step is a function of the one before: Case -> StagedCase -> EngineRuns -> Judgement -> Record -> Bundle.
"""

from __future__ import annotations

import datetime
import stat
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from nbcompare import __version__
from nbcompare.bundle.bundle import Bundle, Staging, staging
from nbcompare.bundle.names import CASE_FILE, CUDA, DATA, SUMMARY, image_name, moment_of
from nbcompare.bundle.record import PROJECT, SIDE_BY_SIDE, ContentSums, Record, RecordedProgram, TestsOutcome
from nbcompare.case.arguments.options import PREFIX, REFERENCE, SUBJECT
from nbcompare.case.case import Case
from nbcompare.case.facts import case_facts
from nbcompare.case.further_subject import known_as
from nbcompare.case.inputs import hash_inputs
from nbcompare.case.validate import refuse_slips
from nbcompare.compare.peaks import PeakTable
from nbcompare.compare.png_file import packed_beside
from nbcompare.engine.identity import EngineIdentity, GitState, content_hash, environment_facts
from nbcompare.engine.installation import HARNESS, REFERENCE_SOURCE, SIMULATOR
from nbcompare.engine.processes.asking import asked_once
from nbcompare.engine.progress import Progress
from nbcompare.engine.rendering.evidence_folder import EvidenceFolder, protection
from nbcompare.engine.rendering.renderer import Renderer
from nbcompare.engine.sandbox import protection_of
from nbcompare.engine.sources.edited import at_one_moment, scanned_once
from nbcompare.engine.sources.kept_state import written_by_itself
from nbcompare.errors import UsageError
from nbcompare.run.account_ahead import AccountAhead
from nbcompare.run.described_regions import region_notes
from nbcompare.run.engine_runs import (
    EngineRuns,
    collect_after_failure,
    empty_logs,
    left_out,
    mapped_tests,
    run_engines,
    with_changed,
    with_opened,
)
from nbcompare.run.group_looks import GroupLooks
from nbcompare.run.kept_reference import verified_ahead, with_kept_reference
from nbcompare.run.options import NOTHING, HandedOver, RunOptions
from nbcompare.run.other_subjects import as_they_ended
from nbcompare.run.provenance import not_passed_line, notes_of
from nbcompare.run.ready import Meanwhile, beside, made_ready
from nbcompare.run.shown_engines import ShownEngines, shown
from nbcompare.run.side_by_side import refuse_without_sandbox, side_by_side
from nbcompare.run.staged_case import StagedCase, chosen_engines, reference_stored, stage_case, with_arguments
from nbcompare.visible import each_text

if TYPE_CHECKING:
    from nbcompare.compare.pictures import Scale
    from nbcompare.run.judged import Judgement
    from nbcompare.verdict.further_evidence import FurtherEvidence


def run_case(case: Case, options: RunOptions, progress: Progress, handed: HandedOver = NOTHING) -> Bundle:
    """Run a case and publish its bundle, whatever the verdict.

    Raises UsageError or CaseError before anything is run when the case or an engine cannot be used,
    EvidenceError when the stored reference is damaged, and FileError when no bundle can be written.
    """
    case = with_arguments(case, options)
    _refuse_uncompared(case, options)
    refuse_without_sandbox(options)
    if not handed.regenerates:
        refuse_slips(case)
    stored = reference_stored(options)
    if handed.renderer is None:
        handed = replace(handed, opened={}, shown=ShownEngines())
    with asked_once(handed.answers) as answers:
        engines = chosen_engines(case, options, handed, stored, progress)
    with staging(options.bundles, case.name, _clock(handed.stamp), durable=not handed.in_archive,
                 in_memory=handed.in_memory) as bundle, scanned_once():
        with beside(partial(verified_ahead, case, options, handed)) as verified:
            with asked_once(answers):
                staged = stage_case(case, engines, stored, bundle, options, handed, progress)
            told = region_notes(case, bundle.folder / DATA)
            with at_one_moment():
                take_tests = _tests_of_then(staged, options, handed)
                staged = with_kept_reference(staged, options, handed, progress, verified())
                staged = replace(staged, beside=side_by_side(staged.jobs, options, stored=staged.stored is not None))
                kept = take_tests(staged)
        tests = kept or _tests(staged, options, handed, progress)
        with packed_beside():  # files of pictures, while the account and the record are put together
            ran, judgement, scale = _run_and_judge(staged, tests, options, handed, progress)
            handed = replace(handed, notes=(*handed.notes, *told))
            record = _record(staged, tests, ran, judgement, options, handed, progress)
        _write_texts(bundle, record, scale, case.path)
        return bundle.publish(record)


def _tests_of_then(staged: StagedCase, options: RunOptions, handed: HandedOver
                   ) -> Callable[[StagedCase], dict[str, TestsOutcome] | None]:
    """What takes the outcome of the mapped tests from a bundle, where it can be, or gives None; whether it can be is
    looked at here, which may be done while that bundle is verified."""
    if handed.without_tests or not staged.case.tests:
        return lambda _: None
    from nbcompare.run.kept_tests import kept_tests, tests_of_then  # most cases map none

    folder = tests_of_then(staged, options, handed)
    return lambda now: None if folder is None else kept_tests(folder, now, options)


def _tests(staged: StagedCase, options: RunOptions, handed: HandedOver,
           progress: Progress) -> dict[str, TestsOutcome]:
    """The outcome of the mapped tests, run now, where it was not taken from a bundle (``kept_tests``)."""
    case, bundle = staged.case, staged.bundle
    if handed.without_tests and case.tests:
        return left_out(case, bundle)
    return mapped_tests(case, bundle, progress, confined=options.sandbox,
                        made_of=staged.identities[SUBJECT].made_of)


def _refuse_uncompared(case: Case, options: RunOptions) -> None:
    """Raise UsageError where runs belong to the comparison that leave no image to be judged later."""
    asked = {"subjects": case.subjects, "required_args": case.required_args, "--probe-args": options.probe_args}
    more = [key for key, value in asked.items() if value]
    if options.no_compare and more:
        raise UsageError(f"--no-compare: {', '.join(more)} ask for runs that belong to the comparison, so that nothing "
                         "could judge these images later", hint="leave out --no-compare")


def _run_and_judge(staged: StagedCase, tests: Mapping[str, TestsOutcome], options: RunOptions, handed: HandedOver,
                   progress: Progress) -> tuple[EngineRuns, Judgement, Scale | None]:
    """What the engines left and what it is worth: nothing, where a mapped test failed or a protected file changed.

    What judges is loaded when it is needed, made ready while the subject runs (account_ahead.py): engines begin before.
    """
    blockers = [reason for outcome in tests.values() for reason in outcome.reasons]
    if blockers:
        from nbcompare.run.judged import Judgement
        from nbcompare.verdict.verdict import blocked

        empty_logs(staged.bundle)
        return EngineRuns((), {}, {}), Judgement(None, blocked([*blockers, *staged.protected_now().faults])), None
    with Meanwhile() as meanwhile:
        with _renderer(handed) as renderer:
            ahead = AccountAhead(staged, handed, meanwhile, partial(_draft, staged, tests, options, handed))
            place = EvidenceFolder(staged.bundle.folder, renderer, progress, ahead.sees)
            with made_ready(ahead.steps()):
                ran = run_engines(staged, place, partial(ahead.ended, place))
            from nbcompare.run.copied_images import copied_from, with_copied
            from nbcompare.run.judged import Judgement, judge_runs
            from nbcompare.verdict.verdict import blocked, failures_verdict

            meanwhile.wait()  # the account asks the system at each step: beside it all takes three times as long
            judgement = judge_runs(staged, ran, place, options, progress, CUDA if CUDA in tests else None)
        scale = _written(staged, ran, judgement, place, options)
        before = ran.runs  # no engine is run from here on
        copied = copied_from(ran.runs, judgement.further, place.opened)
        ran = with_opened(ran, staged, place, handed.account)
        if ran.runs != before and handed.renderer:  # what a kept engine once read is another file now
            handed.renderer.begin_anew()
    if any(run.failure for run in before):
        collect_after_failure(staged.case, staged.bundle, confined=options.sandbox)
    own = {role: written_by_itself(calls) for role, calls in place.opened.items()}
    ran = replace(ran, runs=with_copied(with_changed(ran.runs, _changed_engines(staged, own, handed.looks)), copied))
    judgement = _with_others_as_they_ended(staged, judgement, place, copied)
    if ran.runs != before:
        judgement, scale = Judgement(None, failures_verdict(ran.runs) or judgement.verdict), None
    faults = staged.protected_now().faults
    if faults:
        judgement, scale = Judgement(None, blocked(faults)), None
    return ran, judgement, scale


def _written(staged: StagedCase, ran: EngineRuns, judgement: Judgement, place: EvidenceFolder,
             options: RunOptions) -> Scale | None:
    """Write profiles, pictures and images; how the pictures were drawn."""
    from nbcompare.run.judged import write_views

    with beside(partial(place.write_images, staged.bundle.put)) as images:
        scale = write_views(staged, ran, judgement, options)
    images()
    return scale


def _changed_engines(staged: StagedCase, own: Mapping[str, Collection[str]],
                     looks: GroupLooks | None) -> dict[str, str]:
    """By role how an engine is not what it was; in a group that is looked at after its last cell."""
    if looks:
        looks.wrote(own)
        return {}
    return staged.changed_engines(own)


def _with_others_as_they_ended(staged: StagedCase, judgement: Judgement, place: EvidenceFolder,
                               copied: Mapping[str, str]) -> Judgement:
    """The judgement, where a further subject has failed that only copied, or whose engine is not what it was when the
    run began."""
    if judgement.comparison is None or not (staged.others or copied):
        return judgement
    from nbcompare.run.copied_images import further_with_copied
    from nbcompare.verdict.further_evidence import conclude

    further = as_they_ended(further_with_copied(judgement.further, copied), staged.others, place.opened)
    return replace(judgement, further=further,
                   verdict=conclude(judgement.comparison, staged.case.thresholds, further))


def _renderer(handed: HandedOver) -> AbstractContextManager[Renderer]:
    """The renderer that a sweep keeps, or one for this run alone."""
    return nullcontext(handed.renderer) if handed.renderer else Renderer()


def _clock(stamp: str | None) -> Callable[[], float]:
    """The time, or the moment of a stamp that was reserved for this run."""
    moment = moment_of(stamp) if stamp else None
    return moment.timestamp if moment else time.time


# --- the record -------------------------------------------------------------------------------------------


def _record(staged: StagedCase, tests: Mapping[str, TestsOutcome], ran: EngineRuns, judgement: Judgement,
            options: RunOptions, handed: HandedOver, progress: Progress) -> Record:
    """Everything the bundle says, without secrets, and in characters that can be seen."""
    from nbcompare.verdict.verdict import uncompared

    project, stored = staged.repositories[PROJECT], staged.stored
    record = Record(
        stamp=staged.bundle.stamp, created_utc=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        program=RecordedProgram("nb-compare", __version__, options.invocation), case=case_facts(staged.case),
        resample=options.resample, inputs_as_pinned=all(entry.as_pinned for entry in staged.inputs),
        git=GitState(project.sha, project.dirty), content=_content(staged, handed.looks),
        environment=_environment(staged),
        tests=tests, protected=staged.protected_now(), further=judgement.further, pictures=options.pictures,
        inputs=staged.inputs, engines=(), runs=ran.runs,
        comparison=judgement.comparison, verdict=judgement.verdict, regenerates=handed.regenerates,
        reference_from=stored.ancestor if stored else None, repositories=staged.repositories,
        surroundings=staged.surroundings, notes=(*handed.notes, *_beside(staged, ran), *_taken_tests(tests),
               *_notes(staged, ran, judgement.further, progress), *_of_tests(tests)),
        uncompared=judgement.verdict == uncompared())
    return replace(_shown(record), engines=_engines(staged, ran, handed.shown or ShownEngines()))


def _shown(record: Record) -> Record:
    """A record as it may be read by anybody. Peaks, half of all its values, are numbers alone and stay as they are."""
    found = record.comparison
    rest = replace(record, comparison=found and replace(found, peaks=PeakTable((), 0))).as_dict()
    changed = each_text(rest, shown)
    if changed == rest:
        return record
    said = Record.from_dict(changed)
    return said if found is None or said.comparison is None else \
        replace(said, comparison=replace(said.comparison, peaks=found.peaks))


def _draft(staged: StagedCase, tests: Mapping[str, TestsOutcome], options: RunOptions, handed: HandedOver) -> None:
    """The record before any engine has run, of which nothing is kept but what is remembered of its texts and files."""
    from nbcompare.run.judged import Judgement
    from nbcompare.verdict.verdict import uncompared

    _record(staged, tests, EngineRuns((), {}, {}), Judgement(None, uncompared()), options, replace(handed, shown=None),
            Progress(quiet=True))


def _engines(staged: StagedCase, ran: EngineRuns, known: ShownEngines) -> tuple[EngineIdentity, ...]:
    """Who the engines were, with what they opened; a reference whose image was stored opened it when that was made."""
    then = {REFERENCE: staged.stored.record.engine_of(REFERENCE).opened} if staged.stored else {}
    return tuple(known.of(identity, ran.opened.get(role, then.get(role))) for role, identity in
                 staged.identities.items())


def _notes(staged: StagedCase, ran: EngineRuns, further: FurtherEvidence, progress: Progress) -> tuple[str, ...]:
    """What a reader of the verdict must know. Variables that were not passed are counted on the way; where an engine
    failed, its reasons name them."""
    others = [(known_as(entry.name), entry) for entry in further.subjects if entry.engine]
    runs = {**{run.role: run for run in ran.runs}, **{called: entry.run for called, entry in others}}
    opened = {**ran.opened, **{called: entry.engine.opened for called, entry in others
                               if entry.engine and entry.engine.opened}}
    left_out = not_passed_line(staged.surroundings, ran.runs)
    if left_out and not any(run.failure for run in ran.runs):
        progress.say(f"note: {left_out}")
    who = {role: replace(identity, opened=opened.get(role)) for role, identity in staged.all_identities.items()}
    found = (*notes_of(staged.case, staged.all_engines, who, runs, staged.surroundings),
             *filter(None, (seen.note(role) for role, seen in opened.items())))
    found += tuple(f"the image of the {name} is the reference's but for a few units in the last place of a few pixels; "
                   "it was seen to read neither the reference nor a file that could hold the image"
                   for name in further.computed)
    return (f"reference from bundle {staged.stored.name}, the very run that would be made; --fresh makes it", *found) \
        if staged.stored and staged.kept else found


def _beside(staged: StagedCase, ran: EngineRuns) -> list[str]:
    """What came of --side-by-side, where anything was run."""
    return [staged.beside.sentence] if staged.beside.sentence and ran.runs else []


def _taken_tests(tests: Mapping[str, TestsOutcome]) -> list[str]:
    return [f"the mapped tests were not run: they passed for the same content in bundle {outcome.taken_from}; --fresh "
            "runs them" for outcome in tests.values() if outcome.taken_from]


def _of_tests(tests: Mapping[str, TestsOutcome]) -> tuple[str, ...]:
    """What cannot be known of the mapped tests; told once, as they run alike on each device."""
    said = [outcome.opened.note("mapped tests") for outcome in tests.values() if outcome.opened]
    return tuple(dict.fromkeys(note for note in said if note))


def _content(staged: StagedCase, looks: GroupLooks | None) -> ContentSums:
    """The sums of everything that the result rests on, now."""
    sum_over = looks.content if looks else content_hash
    reference = staged.stored.record.content.reference if staged.stored else sum_over(REFERENCE_SOURCE)
    return ContentSums(sum_over(SIMULATOR), reference, sum_over(HARNESS), staged.case.sha256,
                       hash_inputs(staged.inputs))


def _environment(staged: StagedCase) -> dict[str, str]:
    facts = environment_facts(staged.case.environment, staged.identities[SUBJECT].version)
    held = protection_of(staged.engines)
    beside = staged.beside.together
    return {**facts, **_programs(staged), "images": protection(beside=beside), **({"sandbox": held} if held else {}),
            **({SIDE_BY_SIDE: staged.beside.sentence} if beside else {})}


def _programs(staged: StagedCase) -> dict[str, str]:
    """When the file of each program that runs was last written, and its permissions."""
    found: dict[str, str] = {}
    for role, engine in staged.engines.items():
        if engine.is_stored or not engine.program.is_file():
            continue
        said = engine.program.stat()
        when = datetime.datetime.fromtimestamp(int(said.st_mtime), datetime.UTC)
        found |= {f"{role}_program_mtime": f"{when:%Y-%m-%dT%H:%M:%SZ}",
                  f"{role}_program_mode": f"{stat.S_IMODE(said.st_mode):04o}"}
    return found


# --- the text files of a bundle ---------------------------------------------------------------------------


def _write_texts(bundle: Staging, record: Record, scale: Scale | None, case_file: Path | None) -> None:
    from nbcompare.bundle.text_files import summary_of, texts_of

    images = {role: bundle.size_of(image_name(role)) for role in PREFIX}
    sizes = {role: size for role, size in images.items() if size is not None}
    for name, text in texts_of(record, sizes).items():
        bundle.write(name, text)
    bundle.write_json(SUMMARY, summary_of(record, scale))
    if case_file:
        bundle.put(CASE_FILE, case_file.read_bytes())
