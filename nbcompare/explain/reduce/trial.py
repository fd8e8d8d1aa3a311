"""One candidate put to both engines: does it fail, and how? Every answer is kept on disk under what it depends on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from nbcompare.case.arguments.command import declared_shape
from nbcompare.case.arguments.named_files import file_faults, files_of
from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.threshold import Threshold
from nbcompare.compare.image import Roi
from nbcompare.engine.adapter import adapt
from nbcompare.engine.rendering.render_cache import RenderCache, key_of
from nbcompare.engine.rendering.renderer import Batches, Renderer
from nbcompare.engine.rendering.runs import Job, job_of
from nbcompare.errors import NbCompareError, UsageError
from nbcompare.explain.experiment import Experiment
from nbcompare.explain.reduce.signature import Signature, signature_of, signature_of_failed

TRIAL_SECONDS = 120.0
"""How long an engine may run on one candidate, or on one command of a fuzzing."""


@dataclass(frozen=True)
class ReductionCandidate:
    """A command line for both engines, and the region that is rendered and judged (None: the whole image)."""

    command: tuple[str, ...]
    window: Roi | None = None

    @property
    def argv(self) -> tuple[str, ...]:
        return (*self.command, "-roi", *map(str, self.window.bounds)) if self.window else self.command


@dataclass
class ReductionTrials:
    """Puts candidates to the engines; counts engine runs, and answers that were kept."""

    experiment: Experiment
    thresholds: Sequence[Threshold]
    cache: RenderCache
    renderer: Renderer
    tests: int = 0
    runs: int = 0
    remembered: int = 0
    how: set[str] = field(default_factory=set)

    def have_words_for(self, arguments: Sequence[str]) -> bool:
        """Whether each engine's declaration says what becomes of all arguments: one that does not is never asked."""
        try:
            for role, engine in self.experiment.engines.items():
                adapt(engine.adapter, (*arguments, *self._own(role)))
        except UsageError:
            return False
        return True

    def _own(self, role: str) -> tuple[str, ...]:
        return {REFERENCE: self.experiment.case.reference_args, SUBJECT: self.experiment.case.subject_args}[role]

    def answer(self, candidate: ReductionCandidate) -> Signature:
        """How the candidate fails. One that cannot be run at all fails as its engine does."""
        self.tests += 1
        jobs = {role: self._job(role, candidate) for role in (REFERENCE, SUBJECT)}
        key = self._key(candidate, jobs)
        with contextlib.suppress(KeyError, TypeError, ValueError):
            kept = Signature.from_dict(self.cache.answer(key) or {})
            self.remembered += 1
            return kept
        found = self._ask(candidate, jobs)
        self.cache.keep(key, found.as_dict())
        return found

    def _job(self, role: str, candidate: ReductionCandidate) -> Job:
        arguments = (*candidate.argv, *self._own(role))
        return replace(job_of(self.experiment.case, self.experiment.engines[role], arguments, self.experiment.inputs),
                       seconds=TRIAL_SECONDS)

    def _ask(self, candidate: ReductionCandidate, jobs: Mapping[str, Job]) -> Signature:
        images = {}
        for role, job in jobs.items():
            self.runs += 1
            found = self.renderer.render(job)
            self.how.add(f"{role}: {found.run.how}")
            if found.image is None:
                return signature_of_failed(found.run)
            images[role] = found.image
        return signature_of(images[REFERENCE], images[SUBJECT], candidate.window or Roi.full(job.shape),
                            self.thresholds)

    def _key(self, candidate: ReductionCandidate, jobs: Mapping[str, Job]) -> str:
        """A hash of all that an answer depends on."""
        return key_of(("signature", candidate.window, *map(self.renderer.key, jobs.values()),
                       *(f"{t.metric} {t.roi} {t.min} {t.max}" for t in self.thresholds)))


@contextlib.contextmanager
def trials(experiment: Experiment, thresholds: Sequence[Threshold], cache: Path) -> Iterator[ReductionTrials]:
    """Trials of an experiment's engines, in one process each where they know ``-batch``."""
    with Renderer(batches=Batches.PROVEN) as renderer:
        yield ReductionTrials(experiment, thresholds, RenderCache(cache), renderer)


def is_possible(candidate: ReductionCandidate, folder: Path) -> bool:
    """Whether the command declares an image that holds the window, and still finds the files it names."""
    try:
        shape = declared_shape(candidate.command, folder)
    except NbCompareError:
        return False
    if any(file_faults(candidate.command, files_of(folder))):
        return False
    return candidate.window is None or candidate.window.fault_in(shape) is None
