"""Engines of further subjects: those that a case's ``subjects`` names beside its reference and subject."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nbcompare.case.case import Case
from nbcompare.case.further_subject import known_as
from nbcompare.engine.choose import other_subjects
from nbcompare.engine.drift import EngineDrift
from nbcompare.engine.engine import Engine, Run
from nbcompare.engine.failure import Failure
from nbcompare.engine.identity import EngineIdentity, identify
from nbcompare.engine.processes.process import allowed_environment
from nbcompare.engine.rendering.runs import Job, job_of
from nbcompare.engine.sandbox import confine_all
from nbcompare.engine.sources.account import opened_by
from nbcompare.engine.sources.kept_state import written_by_itself

if TYPE_CHECKING:
    from nbcompare.engine.processes.file_uses import FileUses
    from nbcompare.verdict.further_evidence import FurtherEvidence
    from nbcompare.verdict.subjects import SubjectRun

_MOST_NAMES = 5


@dataclass(frozen=True)
class OtherSubject:
    """An engine of a further subject, who it is, what it is to run, and the watch over its files."""

    engine: Engine
    identity: EngineIdentity
    job: Job
    watch: EngineDrift

    @property
    def described(self) -> tuple[Job, EngineIdentity]:
        """What is needed to run it and to say who it was."""
        return self.job, self.identity


def stage_others(case: Case, data: Path, *, confined: bool) -> dict[str, OtherSubject]:
    """By the name of the subject. Raises UsageError for an engine that is not declared or cannot be asked."""
    engines = other_subjects(case)
    found = {}
    for name, engine in (confine_all(engines) if confined else engines).items():
        identity = identify(engine, case.environment)
        job = job_of(case, engine, (*case.command, *case.subjects[name].arguments), data)
        found[name] = OtherSubject(engine, identity, replace(job, known_as=known_as(name)),
                                   EngineDrift(engine, identity))
    return found


def as_they_ended(further: FurtherEvidence, others: Mapping[str, OtherSubject],
                  opened: Mapping[str, FileUses]) -> FurtherEvidence:
    """The findings with what these engines opened; one that changed, or whose opened files did, has failed."""
    return replace(further, subjects=tuple(
        _as_it_ended(entry, others[entry.name], opened.get(known_as(entry.name))) if entry.name in others else entry
        for entry in further.subjects))


def _as_it_ended(entry: SubjectRun, other: OtherSubject, calls: FileUses | None) -> SubjectRun:
    identity, engine = other.identity, other.engine
    faults: list[str] = []
    if calls is not None:
        search = allowed_environment(engine.variables(other.job.environment)).get("PATH", "")
        opened, faults = opened_by(calls, identity.made_of, str(engine.program), search)
        identity = identity.having(opened)
    said = f"opened what was changed while it ran: {', '.join(faults[:_MOST_NAMES])}" if faults else None
    changed = other.watch.fault(written_by_itself(calls) if calls else ()) or said
    if changed is None:
        return replace(entry, engine=identity)
    return replace(entry, engine=identity, run=_failed(entry.run, changed), comparison=None)


def _failed(run: Run, changed: str) -> Run:
    return replace(run, failure=Failure("changed", changed))
