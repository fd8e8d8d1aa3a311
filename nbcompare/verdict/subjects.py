"""Further subjects of a case: the subject with other arguments (another precision, a device, more threads), each held
against the one reference by the thresholds of the case.

    subjects: {float64: -precision double, cuda: -device cuda}

The case passes when all of them do. One that gives no image has failed as the subject itself would have.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nbcompare.case.threshold import Threshold
from nbcompare.engine.rendering.runs import Job
from nbcompare.verdict.held_run import Against, HeldRun, held_parts, run_held
from nbcompare.verdict.noise_floor import Rerun
from nbcompare.verdict.verdict import Label, Verdict, engine_failed, verdict

SUBJECTS_FOLDER = "subjects"
"""The folder of a bundle in which the files of such runs are kept."""


@dataclass(frozen=True)
class SubjectRun(HeldRun):
    """A further subject; ``words`` are its arguments beside those of the subject."""

    name: str
    words: tuple[str, ...]

    @property
    def files(self) -> str:
        """How the names of its files in the bundle begin."""
        return f"{SUBJECTS_FOLDER}/{self.name}"

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name, "words": list(self.words), **self._as_dict()}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> SubjectRun:
        return cls(*held_parts(stored), stored["name"], tuple(stored["words"]))


def run_subjects(subjects: Mapping[str, Sequence[str]], job: Job, rerun: Rerun,
                 against: Against) -> tuple[SubjectRun, ...]:
    """Run the subject's ``job`` with the words of each of the ``subjects``, in their order."""
    return tuple(SubjectRun(*run_held(replace(job, arguments=(*job.arguments, *words), purpose=name),
                                      f"{SUBJECTS_FOLDER}/{name}", rerun, against), name, tuple(words))
                 for name, words in subjects.items())


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
        yield f"{entry.name} ({' '.join(entry.words)}): {'; '.join(faults) if faults else 'every threshold holds'}"
