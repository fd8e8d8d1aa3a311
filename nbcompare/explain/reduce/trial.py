"""One candidate put to both engines: does it fail, and how? Every answer is kept on disk under what it depends on."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nbcompare import __version__
from nbcompare.case.command import declared_shape
from nbcompare.case.options import FILE_OPTIONS, FLOAT_FILE, REFERENCE, SUBJECT
from nbcompare.case.threshold import Threshold
from nbcompare.compare.image import Roi, Shape, read_float_image
from nbcompare.engine.batch import BatchEngine, batch_engine, does_the_same, is_bundled_simulator
from nbcompare.engine.bundled_reference import CHECKOUT
from nbcompare.engine.engine import Engine, Run, run_engine
from nbcompare.engine.identity import content_hash, identify
from nbcompare.errors import NbCompareError
from nbcompare.explain.experiment import Experiment
from nbcompare.explain.reduce.signature import Signature, signature_of, signature_of_failed
from nbcompare.files import sha256_of

TRIAL_SECONDS = 120.0


def default_cache() -> Path:
    """The user's cache folder for trials."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "nb-compare" / "trials"


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
    """Puts candidates to the engines; counts engine runs, and answers that were on disk."""

    experiment: Experiment
    thresholds: Sequence[Threshold]
    cache: Path
    identity: str
    batches: dict[str, BatchEngine | None]
    unproven: set[str]
    tests: int = 0
    runs: int = 0
    remembered: int = 0
    how: set[str] = field(default_factory=set)

    def answer(self, candidate: ReductionCandidate) -> Signature:
        """How the candidate fails. One that cannot be run at all fails as its engine does."""
        self.tests += 1
        stored = self.cache / f"{self._key(candidate)}.json"
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            found = Signature.from_dict(json.loads(stored.read_text(encoding="utf-8")))
            self.remembered += 1
            return found
        found = self._ask(candidate)
        self._keep(stored, found)
        return found

    def _ask(self, candidate: ReductionCandidate) -> Signature:
        images = {}
        with tempfile.TemporaryDirectory(prefix="nb-compare-") as folder:
            for role in (REFERENCE, SUBJECT):
                run, image = self._run(role, candidate, Path(folder, role))
                if run.failure:
                    return signature_of_failed(run)
                images[role] = read_float_image(image, run.shape)
        return signature_of(images[REFERENCE], images[SUBJECT], candidate.window or Roi.full(run.shape),
                            self.thresholds)

    def _run(self, role: str, candidate: ReductionCandidate, work: Path) -> tuple[Run, Path]:
        work.mkdir()
        own = {REFERENCE: self.experiment.case.reference_args, SUBJECT: self.experiment.case.subject_args}[role]
        arguments = (*candidate.argv, *own)
        shape = declared_shape(arguments, self.experiment.inputs)
        batch = self._proven_batch(role, arguments, shape)
        self.runs += 1
        more = {} if batch else {"environment": self.experiment.case.environment}
        started = batch.run if batch else _with(self.experiment.engines[role])
        run = started(arguments, shape, inputs=self.experiment.inputs, folder=work / "run", stdout=work / "out",
                      stderr=work / "err", seconds=TRIAL_SECONDS, **more)
        self.how.add(f"{role}: {run.how}")
        return run, work / "run" / FLOAT_FILE

    def _proven_batch(self, role: str, arguments: Sequence[str], shape: Shape) -> BatchEngine | None:
        """The role's batch process, if it does with its first command what a process of its own does."""
        if role in self.unproven:
            self.unproven.discard(role)
            self.runs += 2
            if not does_the_same(self.batches[role], arguments, shape, inputs=self.experiment.inputs,
                                 seconds=TRIAL_SECONDS):
                self.batches[role].close()
                self.batches[role] = None
        return self.batches[role]

    def _key(self, candidate: ReductionCandidate) -> str:
        """A hash of all that an answer depends on."""
        parts = [self.identity, *candidate.argv, "|", *(f"{t.metric} {t.min} {t.max}" for t in self.thresholds), "|",
                 *_sums_of_files(candidate.command, self.experiment.inputs)]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def _keep(self, stored: Path, found: Signature) -> None:
        """Write the answer in one go; a cache that cannot be written is none."""
        with contextlib.suppress(OSError):
            self.cache.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self.cache, suffix=".part")
            with open(handle, "w", encoding="utf-8") as stream:
                json.dump(found.as_dict(), stream)
            os.replace(name, stored)


def _with(engine: Engine):
    return lambda arguments, shape, **more: run_engine(engine, arguments, shape, **more)


def _sums_of_files(command: Sequence[str], folder: Path) -> list[str]:
    """The sums of the files that a command names."""
    named = [folder / value for word, value in zip(command, command[1:], strict=False) if word in FILE_OPTIONS]
    return [sha256_of(path) for path in named if path.is_file()]


@contextlib.contextmanager
def trials(experiment: Experiment, thresholds: Sequence[Threshold], cache: Path) -> Iterator[ReductionTrials]:
    """Trials of an experiment's engines, in one process each where they know ``-batch``."""
    case = experiment.case
    facts = [__version__, content_hash(CHECKOUT / "simulator" / "nanobrag_torch"), *map(repr, (
        case.reference_args, case.subject_args, sorted(case.environment.items())))]
    for role in (REFERENCE, SUBJECT):
        identity = identify(experiment.engines[role])
        facts += [identity.program_sha256, identity.version, *identity.started_as]
    with contextlib.ExitStack() as stack:
        batches = {role: stack.enter_context(batch_engine(experiment.engines[role], case.environment))
                   for role in (REFERENCE, SUBJECT)}
        unproven = {role for role, batch in batches.items() if batch and not is_bundled_simulator(batch.engine)}
        yield ReductionTrials(experiment, thresholds, cache, "\0".join(facts), batches, unproven)


def is_possible(candidate: ReductionCandidate, folder: Path) -> bool:
    """Whether the command declares an image that holds the window."""
    try:
        shape = declared_shape(candidate.command, folder)
    except NbCompareError:
        return False
    return candidate.window is None or candidate.window.fault_in(shape) is None
