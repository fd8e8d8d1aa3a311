"""A case ready to be run: its engines chosen and identified, its inputs staged, what must not change looked at."""

from __future__ import annotations

import platform
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from nbcompare.bundle.bundle import Staging
from nbcompare.bundle.names import DATA
from nbcompare.bundle.record import PROJECT, Surroundings
from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.case import Case
from nbcompare.case.further_subject import known_as
from nbcompare.case.inputs import StagedInput, stage_inputs
from nbcompare.case.project import CODE_VARIABLES
from nbcompare.case.regions import allow_weak
from nbcompare.engine.choose import engines_of
from nbcompare.engine.drift import EngineDrift, faults_of
from nbcompare.engine.engine import Engine
from nbcompare.engine.identity import EngineIdentity, identify, questions
from nbcompare.engine.processes.redact import HIDDEN, redacted
from nbcompare.engine.progress import Progress
from nbcompare.engine.protected import Protected, protected_files, sums_of
from nbcompare.engine.rendering.runs import Job, job_of, jobs_of
from nbcompare.engine.repository.git import RepositoryState
from nbcompare.engine.sandbox import confine_all
from nbcompare.errors import CaseError, EvidenceError, UsageError
from nbcompare.run.options import HandedOver, RunOptions
from nbcompare.run.other_subjects import OtherSubject, stage_others
from nbcompare.run.provenance import repositories_of, require_pinned, surroundings_of
from nbcompare.run.ready import all_beside, ask_git_ahead, beside
from nbcompare.run.side_by_side import ALONE, SideBySide, refuse_in_reach
from nbcompare.run.stored_reference import StoredReference, require_same_experiment, stored_reference


@dataclass(frozen=True)
class StagedCase:
    """Everything that is settled before anything is run; engines, jobs, identities and watches by role.

    ``stored`` is the bundle whose image stands in for the reference; it is ``kept`` where nobody named it, but it holds
    the very run that would be made. ``beside`` says whether both run at once, ``protected`` are the sums of protected
    files before, and ``others`` the engines of further subjects that are other programs, by the name of the subject.
    """

    case: Case
    bundle: Staging
    stored: StoredReference | None
    engines: Mapping[str, Engine]
    inputs: tuple[StagedInput, ...]
    jobs: Mapping[str, Job]
    identities: Mapping[str, EngineIdentity]
    repositories: Mapping[str, RepositoryState]
    surroundings: Surroundings
    watches: Mapping[str, EngineDrift]
    protected: Mapping[str, str | None]
    kept: bool = False
    beside: SideBySide = ALONE
    others: Mapping[str, OtherSubject] = field(default_factory=dict)

    @property
    def all_engines(self) -> dict[str, Engine]:
        """Reference, subject, and the engines of further subjects, by what they are called."""
        return {**self.engines, **{known_as(name): other.engine for name, other in self.others.items()}}

    @property
    def all_identities(self) -> dict[str, EngineIdentity]:
        """Who all of them are."""
        return {**self.identities, **{known_as(name): other.identity for name, other in self.others.items()}}

    def changed_engines(self, own: Mapping[str, Collection[str]]) -> dict[str, str]:
        """By role, how an engine is not what it was when the run began; ``own`` are the files, as real paths, that each
        wrote itself."""
        return faults_of(self.watches, own)

    def protected_now(self) -> Protected:
        """The protected files before and now."""
        return Protected(self.protected, sums_of(protected_files(self.case)))


def with_arguments(case: Case, options: RunOptions) -> Case:
    """The case with what the command line adds for one side, and with its reason to judge weak regions."""
    return replace(case, rois=allow_weak(case.rois, options.allow_weak),
                   reference_args=(*case.reference_args, *options.c_args),
                   subject_args=(*case.subject_args, *options.py_args))


def chosen_engines(case: Case, options: RunOptions, handed: HandedOver, stored: StoredReference | None,
                   progress: Progress) -> dict[str, Engine]:
    """Reference and subject, confined where that was asked for. Raises UsageError for one that cannot be used."""
    found = _chosen(case, options, handed, stored, progress)
    return confine_all(found) if options.sandbox else found


def _chosen(case: Case, options: RunOptions, handed: HandedOver, stored: StoredReference | None,
            progress: Progress) -> dict[str, Engine]:
    if stored is None:
        return dict(handed.engines) or engines_of(case, options, progress)
    if options.c_bin:
        raise UsageError("--c-bin and --reference contradict each other; give one of them")
    subject = handed.engines.get(SUBJECT) or engines_of(case, options, progress, (SUBJECT,))[SUBJECT]
    return {REFERENCE: stored.engine, SUBJECT: subject}


def reference_stored(options: RunOptions) -> StoredReference | None:
    """The bundle that --reference names. Raises EvidenceError when it is damaged."""
    return stored_reference(options.reference) if options.reference else None


def stage_case(case: Case, engines: Mapping[str, Engine], stored: StoredReference | None, bundle: Staging,
               options: RunOptions, handed: HandedOver, progress: Progress) -> StagedCase:
    """Stage the inputs in the bundle and identify the engines.

    Raises UsageError or CaseError when something cannot be used, before anything is run.
    """
    refuse_secrets(case)
    data = bundle.folder / DATA
    data.mkdir(parents=True)
    inputs = stage_inputs(case, options.inputs, data)
    for entry in inputs:
        if not entry.as_pinned:
            progress.say(f"note: input {entry.name} is the user's own file, not the one the case pins")
    _require_capabilities(case, engines, options)
    jobs = {role: replace(job, shards=options.shards) for role, job in jobs_of(case, engines, data).items()}
    refuse_in_reach(jobs, options)
    others = stage_others(case, data, confined=options.sandbox)
    for name, further in case.subjects.items():
        if name not in others:
            job_of(case, engines[SUBJECT], (*jobs[SUBJECT].arguments, *further.arguments), data)
    if stored:
        if not bundle.rest_on(stored.folder):
            raise EvidenceError(f"{stored.folder}: is being removed, and cannot be the reference")
        require_same_experiment(stored, case, jobs[REFERENCE].shape, inputs)
    protected = sums_of(protected_files(case))
    with beside(partial(ask_git_ahead, case)):
        known = _identities(case, engines, stored, handed)
    require_pinned(case, known)
    watch = handed.looks.watch if handed.looks else EngineDrift
    watches = {role: watch(engine, known[role]) for role, engine in engines.items()
               if not (stored and role == REFERENCE)}
    staged = StagedCase(case, bundle, stored, engines, inputs, jobs, known, {}, surroundings_of({}, case),
                        watches, protected, others=others)
    repositories = _repositories(staged)
    if handed.project:
        repositories[PROJECT] = handed.project
    return replace(staged, repositories=repositories, surroundings=surroundings_of(staged.all_engines, case))


def _identities(case: Case, engines: Mapping[str, Engine], stored: StoredReference | None,
                handed: HandedOver) -> dict[str, EngineIdentity]:
    """Who the engines are, in the environment that the case gives them. What a sweep asked before is asked again where
    the case itself decides what code is run; and what that puts in the bundled one's place is not called so."""
    decides = any(CODE_VARIABLES.fullmatch(name) for name in case.environment)
    known = {} if decides else dict(handed.identities)
    if stored:
        known[REFERENCE] = stored.identity
    known |= _identified({role: engine for role, engine in engines.items() if role not in known}, case.environment)
    found = {}
    for role in engines:
        who, made_of = known[role], known[role].made_of
        if decides and who.chosen_by == "default" and made_of and made_of.origin and not made_of.bundled:
            who = replace(who, name=f"{who.name} in {Path(made_of.origin).parent}", chosen_by="Python's path")
        found[role] = who
    return found


def _identified(engines: Mapping[str, Engine], environment: Mapping[str, str]) -> dict[str, EngineIdentity]:
    """Who engines are, by role. All that is asked of programs is asked side by side, as most of it is waiting for their
    answers; each thread knows what was asked before (``asked_once``)."""
    if not engines:
        return {}
    asked = (question for engine in engines.values() for question in questions(engine, environment))
    with all_beside((*asked, platform.platform)):  # which asks a program too, and no engine runs yet
        return {role: identify(engine, environment) for role, engine in engines.items()}


def refuse_secrets(case: Case) -> None:
    """Raises CaseError for a case file with a secret in it: a bundle keeps the whole of it."""
    text = case.path.read_text(encoding="utf-8") if case.path else ""
    shown = redacted(text)
    if shown != text:
        before = shown.partition(HIDDEN)[0]
        raise CaseError("this looks like a secret, and a bundle keeps the case file", path=case.path,
                        line=before.count("\n") + 1, hint="take it out; an engine can read it from a file of yours or "
                        "from a variable that it is passed")


def _require_capabilities(case: Case, engines: Mapping[str, Engine], options: RunOptions) -> None:
    """Raises UsageError for what the case or the user asks of an engine that is declared to be unable to do it."""
    if options.shards > 1:
        if case.own_options:
            raise UsageError("--shards renders bands with -roi, and the options of this case are its engines' own")
        for engine in engines.values():
            engine.require("roi", "--shards")
    if case.threads or options.noise_floor:
        engines[REFERENCE].require("threads", "a noise floor over numbers of threads" if options.noise_floor else
                                   "threads of the case")
    if case.divergences:
        engines[SUBJECT].require("emulate", f"the claim {case.divergences[0].id}")


def _repositories(staged: StagedCase) -> dict[str, RepositoryState]:
    """Where everything lies; of a stored reference as its bundle says."""
    found = repositories_of(staged.case, staged.all_engines, staged.all_identities)
    if staged.stored:
        found[REFERENCE] = (staged.stored.record.repositories or {}).get(REFERENCE) or RepositoryState(None)
    return found
