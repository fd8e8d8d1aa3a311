"""Further subjects of a case: the subject with other arguments (another precision, a device, more threads), or another
engine, each held against the one reference by the thresholds of the case.

    subjects: {float64: -dtype float64, cuda: -device cuda, previous: {engine: release-1.3}}

The case passes when all of them do. One that gives no image has failed as the subject itself would have.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nbcompare.case.further_subject import FurtherSubject
from nbcompare.case.threshold import Threshold
from nbcompare.engine.engine import Run
from nbcompare.engine.identity import EngineIdentity
from nbcompare.engine.rendering.runs import Job
from nbcompare.engine.rendering.self_comparison import near_copy, same_program
from nbcompare.verdict.folders import SUBJECTS_FOLDER
from nbcompare.verdict.held_run import ComparisonTerms, HeldRun, held_parts, run_held
from nbcompare.verdict.noise_floor import Rerun
from nbcompare.verdict.verdict import Check, Label, Verdict, engine_failed, judge, verdict


@dataclass(frozen=True)
class SubjectRun(HeldRun):
    """A further subject; ``words`` are its arguments beside those of the subject, and ``engine`` is who it was, where
    that was another program (None for the subject itself)."""

    name: str
    words: tuple[str, ...]
    engine: EngineIdentity | None = None

    @property
    def files(self) -> str:
        """How the names of its files in the bundle begin."""
        return f"{SUBJECTS_FOLDER}/{self.name}"

    def as_dict(self) -> dict[str, Any]:
        more = {"engine": self.engine.as_dict()} if self.engine else {}
        return {"name": self.name, "words": list(self.words), **more, **self._as_dict()}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> SubjectRun:
        return cls(*held_parts(stored), stored["name"], tuple(stored["words"]),
                   EngineIdentity.from_dict(stored["engine"]) if "engine" in stored else None)

    @property
    def described(self) -> str:
        """The engine, where it is another one, and its words."""
        return " ".join((*([self.engine.name] if self.engine else []), *self.words))

    def checks(self, thresholds: Sequence[Threshold]) -> tuple[Check, ...]:
        """Every threshold with the value that it met; none where there is no image to judge."""
        return judge(self.comparison, thresholds).checks if self.comparison else ()

    def word(self, thresholds: Sequence[Threshold]) -> Label:
        """The verdict on this subject alone."""
        if self.run.failure:
            return Label.ENGINE_FAILED
        return judge(self.comparison, thresholds).word if self.comparison else Label.NOT_COMPARABLE


def run_subjects(subjects: Mapping[str, FurtherSubject], job: Job, others: Mapping[str, tuple[Job, EngineIdentity]],
                 rerun: Rerun, against: ComparisonTerms,
                 engines: Sequence[EngineIdentity]) -> Iterator[tuple[SubjectRun, str | None]]:
    """Run each of the ``subjects``, in their order: the subject's ``job`` with more words, or one of the ``others``.
    Each with why its image looks like a copy of the reference's, or None; ``engines`` are reference and subject."""
    for name, further in subjects.items():
        own, engine = others.get(name, (replace(job, arguments=(*job.arguments, *further.arguments)), None))
        run, comparison, image = run_held(replace(own, purpose=name), f"{SUBJECTS_FOLDER}/{name}", rerun, against)
        entry = SubjectRun(run, comparison, name, further.arguments, engine)
        yield entry, copied(entry, engines, against.reference, image)


def copied(entry: SubjectRun, engines: Sequence[EngineIdentity], reference: np.ndarray,
           image: np.ndarray | None) -> str | None:
    """Why the image of a further subject looks like a touched-up copy of the reference's, or None."""
    ours, theirs = engines[0], entry.engine or engines[1]
    if image is None or theirs.is_stored:
        return None
    near = near_copy([ours.program_sha256, theirs.program_sha256], reference, image, stored=ours.is_stored)
    return f"subject {entry.name}: {near}" if near else None


def same_as_reference(reference: EngineIdentity, run: Run, found: Sequence[SubjectRun]) -> list[str]:
    """Which subjects of another engine are the reference under another name, and so show nothing."""
    said = []
    for entry in found:
        own = entry.engine
        if own is None or (own.is_stored and own.started_as != reference.started_as):
            continue
        same = same_program([reference.started_as, own.started_as], [reference.program_sha256, own.program_sha256],
                            [run, entry.run])
        if same:
            said.append(f"subject {entry.name}: {same}")
    return said


def with_subjects(plain: Verdict, found: Sequence[SubjectRun], thresholds: Sequence[Threshold]) -> Verdict:
    """The verdict on all subjects: one that failed, or whose image is outside a threshold, is no pass of the case."""
    failed = [f"subject {entry.name}: {entry.run.failure.sentence}" for entry in found if entry.run.failure]
    if failed:
        return engine_failed(failed)
    faults = [f"subject {entry.name}: {fault}" for entry in found for fault in entry.faults(thresholds)]
    if not faults or plain.word not in (Label.PASS, Label.PROVEN):
        return plain
    return verdict(Label.FAIL, faults, plain.checks)


def subject_lines(found: Sequence[SubjectRun], thresholds: Sequence[Threshold]) -> Iterator[str]:
    """A line for each: its name and words, and what of it does not hold."""
    for entry in found:
        faults = entry.faults(thresholds)
        yield f"{entry.name} ({entry.described}): {'; '.join(faults) if faults else 'every threshold holds'}"
