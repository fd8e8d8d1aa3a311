"""Random commands through both engines; each new failure reduced, and put down to a cause.

A failure is first held against the causes that are known: where the command without a cause's options agrees, it is
of that cause. Where it still fails, what is left is reduced, and is of another.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from nbcompare.case.arguments.command import declared_shape, parse_command
from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.case import Case
from nbcompare.case.threshold import Threshold
from nbcompare.compare.image import Roi, Shape
from nbcompare.engine.engine import Engine, Run
from nbcompare.engine.failure import ZERO_IMAGE
from nbcompare.engine.progress import Progress
from nbcompare.engine.rendering.renderer import Batches, Renderer
from nbcompare.engine.rendering.runs import jobs_of
from nbcompare.errors import NbCompareError, UsageError
from nbcompare.explain.experiment import Experiment
from nbcompare.explain.fuzz.causes import FailureCause, Sighting, cause_of_factor, needed_options, sightings
from nbcompare.explain.fuzz.coverage import Coverage, coverage_of
from nbcompare.explain.fuzz.draw import Draw, around, drawn, pool_of
from nbcompare.explain.fuzz.failure_modes import FACTOR, FailureMode, same_factor, way_of
from nbcompare.explain.fuzz.kept import FuzzFolder, FuzzTrial, keep_case, kept_command
from nbcompare.explain.reduce.reduce import NothingFails, reduce_experiment, whole_signature
from nbcompare.explain.reduce.signature import Signature, signature_of_failed
from nbcompare.explain.reduce.trial import TRIAL_SECONDS

AGREE, FAILED, REFUSED, NOTHING, NOT_DRAWN = "agree", "failed", "refused by both", "nothing in it", "not drawn"
THRESHOLDS = (
    Threshold("max_abs_diff_of_peak", "full", None, 1e-6, "two programs of the same formulas agree to the rounding of "
              "float32 pixels (6e-8); 1e-6 is what the bundled simulator promises"),
    Threshold("sum_ratio", "full", 0.999999, 1.000001, "likewise; a factor of scale is seen here"),
)
"""What is asked of a command that is of no case."""

REDUCTION_RUNS = 200
"""Engine runs for one reduction."""

MOST_CAUSES = 6
"""To which one failure is put down."""


@dataclass(frozen=True)
class FuzzOptions:
    """``seconds`` or ``trials`` end it, whichever comes first; ``base`` is the case to vary, with its files in
    ``inputs``."""

    seed: int = 1
    seconds: float | None = 300.0
    trials: int | None = None
    base: Case | None = None
    inputs: Path | None = None


@dataclass
class Fuzzed:
    """What was found: a count of trials by their word, the causes, what was covered, and how many trials are new."""

    counts: dict[str, int]
    causes: list[FailureCause]
    coverage: Coverage
    new: int
    folder: Path


@dataclass
class Fuzzing:
    """One fuzzing of two engines; ``cache`` is where reductions keep their answers."""

    engines: Mapping[str, Engine]
    options: FuzzOptions
    kept: FuzzFolder
    cache: Path
    progress: Progress
    explain: Callable[[Sequence[str], Path, Mapping[str, np.ndarray]], str]
    causes: list[FailureCause] = field(default_factory=list)

    def run(self) -> Fuzzed:
        """Try commands until the budget is used up. What was tried before counts as trials, and takes no time."""
        self._take_up()
        pool, begun, at, new = pool_of(list(self.engines.values())), time.monotonic(), 0, 0
        with Renderer(batches=Batches.PROVEN) as renderer:
            while self._has_budget(at, begun):
                if at not in self.kept.trials:
                    trial = self._trial(at, pool, renderer)
                    self.kept.add(trial)
                    new += 1
                    self._tell(trial)
                at += 1
        done = [self.kept.trials[number] for number in range(at)]
        counts: dict[str, int] = {}
        for trial in done:
            counts[trial.word] = counts.get(trial.word, 0) + 1
        compared = [trial.options for trial in done if trial.word in (AGREE, FAILED)]
        found = [cause for cause in self.causes if any(number < at for number in cause.trials)]
        return Fuzzed(counts, found, coverage_of(pool, compared), new, self.kept.folder)

    def _has_budget(self, at: int, begun: float) -> bool:
        if self.options.trials is not None and at >= self.options.trials:
            return False
        return self.options.seconds is None or time.monotonic() - begun < self.options.seconds or \
            at in self.kept.trials

    def _take_up(self) -> None:
        """The causes that trials of before brought to light."""
        for number in sorted(self.kept.trials):
            trial = self.kept.trials[number]
            for stored in trial.found:
                with contextlib.suppress(TypeError, KeyError, ValueError):
                    self.causes.append(replace(FailureCause.from_dict(stored), trials=[]))
        by_number = {cause.number: cause for cause in self.causes}
        for number, trial in sorted(self.kept.trials.items()):
            for one in trial.causes:
                if one in by_number:
                    by_number[one].trials.append(number)
            for known, seen in trial.seen.items():
                with contextlib.suppress(TypeError, KeyError, ValueError):
                    by_number[int(known)].seen = sightings(seen)
        for cause in self.causes:
            if cause.split_from in by_number:
                cause.take_trials_from(by_number[cause.split_from])

    def _tell(self, trial: FuzzTrial) -> None:
        if trial.word == FAILED:
            said = ", ".join(f"cause {number}" for number in trial.causes)
            self.progress.say(f"trial {trial.at}: {trial.how} ({said}{', new' if trial.found else ''})")
        elif self.progress.live:
            self.progress.begin(f"trial {trial.at}: {trial.word}")
            self.progress.tick(0.0, None)

    # --- one trial ---------------------------------------------------------------------------------------------

    def _trial(self, at: int, pool: frozenset[str], renderer: Renderer) -> FuzzTrial:
        with tempfile.TemporaryDirectory(prefix="nb-compare-") as scratch:
            folder = Path(scratch)
            draw = self._draw(at, pool, folder)
            if draw is None:
                return FuzzTrial(at, NOT_DRAWN)
            options = tuple(sorted(draw.options))
            with _files(draw.files) as inputs:
                word, how, _ = self._rendered(draw.argv, inputs, renderer)
                if word != FAILED:
                    return FuzzTrial(at, word, options, str(how or ""))
                assert how is not None
                return self._put_down(at, draw, options, how, inputs, renderer)

    def _draw(self, at: int, pool: frozenset[str], folder: Path) -> Draw | None:
        base, engines = self.options.base, list(self.engines.values())
        if base is None:
            return drawn(self.options.seed, at, pool, engines, folder)
        for path in (self.options.inputs or folder).iterdir():
            if path.is_file():
                (folder / path.name).write_bytes(path.read_bytes())
        return around(base.command, self.options.seed, at, pool, engines, folder)

    def _case(self, argv: Sequence[str], inputs: Path) -> Case:
        """The command as a case: with the regions and thresholds of the case it was varied from."""
        shape = declared_shape(argv, inputs)
        base = self.options.base
        if base is not None and base.shape == shape:
            case = replace(base, command=tuple(argv))
        else:
            case = Case("fuzz", "a random command", tuple(argv), shape, (Roi.full(shape),), THRESHOLDS)
        seconds = {"reference_seconds": TRIAL_SECONDS, "subject_seconds": TRIAL_SECONDS}
        return replace(case, limits=replace(case.limits, **seconds))

    def _rendered(self, argv: Sequence[str], inputs: Path, renderer: Renderer
                  ) -> tuple[str, FailureMode | None, Mapping[str, np.ndarray]]:
        """What came of a command: a word, how it failed, and the images where both engines gave one."""
        try:
            case = self._case(argv, inputs)
            jobs = jobs_of(case, self.engines, inputs)
        except NbCompareError:
            return NOT_DRAWN, None, {}
        found = {role: renderer.render(job) for role, job in jobs.items()}
        runs = [found[role].run for role in (REFERENCE, SUBJECT)]
        failed = [run for run in runs if run.failure]
        if len(failed) == 2:
            return (NOTHING if _all_zero(runs) else REFUSED), None, {}
        if failed:
            return FAILED, way_of(signature_of_failed(failed[0]), {}), {}
        images = {role: rendering.image for role, rendering in found.items() if rendering.image is not None}
        how, _ = whole_signature(case.rois, case.thresholds, images)
        if all(metric == "images" for metric, _ in how.thresholds) and not how.engine:
            return (NOTHING if how.thresholds else AGREE), None, images
        return FAILED, way_of(how, images), images

    # --- what a failure is put down to -----------------------------------------------------------------------------

    def _put_down(self, at: int, draw: Draw, options: tuple[str, ...], how: FailureMode,
                  inputs: Path, renderer: Renderer) -> FuzzTrial:
        """The causes of a failure: known ones, as far as they explain it, and new ones for what is left."""
        case = self._case(draw.argv, inputs)
        self._keep(f"failures/{at}", f"fuzz-{at}", f"a random command, number {at} of seed {self.options.seed}",
                   draw.argv, draw.files, case.shape)
        before = {cause.number for cause in self.causes}
        left, found, still = self._known(at, draw.argv, draw.files, how, inputs, renderer)
        while still and len(found) < MOST_CAUSES:
            cause = self._reduced(at, left, draw.files, inputs, renderer)
            found.append(cause)
            without = cause.left_out_of(left)
            if without is None:
                break
            word, _, _ = self._rendered(without, inputs, renderer)
            left, still = without, word == FAILED
        found = list({cause.number: cause for cause in found}.values())
        for cause in found:
            cause.trials = sorted({*cause.trials, at})
        new = [cause.as_dict() for cause in self.causes if cause.number not in before]
        touched = {cause.number for cause in found} | {cause.split_from for cause in found}
        touched |= {cause.number for cause in self.causes if cause.split_from in touched}
        seen = {str(cause.number): cause.as_dict()["seen"] for cause in self.causes if cause.number in touched}
        return FuzzTrial(at, FAILED, options, str(how), tuple(cause.number for cause in found), tuple(new), seen)

    def _known(self, at: int, argv: tuple[str, ...], files: Mapping[str, bytes], how: FailureMode, inputs: Path,
               renderer: Renderer) -> tuple[tuple[str, ...], list[FailureCause], bool]:
        """The command without the options of the known causes that have a part in its failure, these causes, and
        whether it still fails."""
        found: list[FailureCause] = []
        for cause in list(self.causes):
            without = cause.left_out_of(argv)
            if without is None or how.signature.engine != cause.how.engine:
                continue  # an option at which the image is wrong, and one at which there is none, are two mistakes
            word, rest, _ = self._rendered(without, inputs, renderer)
            if word == FAILED and rest is not None and rest.is_same(how):
                continue  # leaving them out changes nothing
            if word != FAILED and not cause.fails_as(how):
                continue  # they explain all of it, by another mistake than the known one
            found.append(self._seen(at, argv, files, cause, how, rest, inputs, renderer))
            if word != FAILED or rest is None:
                return without, found, False
            argv, how = without, rest
        return argv, found, True

    def _seen(self, at: int, argv: tuple[str, ...], files: Mapping[str, bytes], cause: FailureCause, how: FailureMode,
              rest: FailureMode | None, inputs: Path, renderer: Renderer) -> FailureCause:
        """Which of the causes at the same options it is: by the factor of it alone, where nothing but scales is wrong
        with it and without it. A new one where that is found to be a mistake of its own."""
        without = rest.factor if rest else 1.0
        factor = how.factor / without if how.factor and without else None
        cause = cause_of_factor(self.causes, cause, factor)
        if cause.kind != FACTOR or factor is None:
            return cause
        cause.saw(at, factor, argv)
        apart = cause.apart()
        if apart is None:
            return cause
        split = self._split(cause, apart, at, argv, files, inputs, renderer)
        return split if same_factor(apart.factor, factor) else cause

    def _split(self, cause: FailureCause, apart: Sighting, at: int, argv: tuple[str, ...], files: Mapping[str, bytes],
               inputs: Path, renderer: Renderer) -> FailureCause:
        """A factor at the same options as a mistake of its own, with the smallest command for it."""
        with contextlib.ExitStack() as stack:
            if apart.at != at:
                argv, files = kept_command(self.kept.folder / f"failures/{apart.at}")
                inputs = stack.enter_context(_files(files))
            for other in self.causes:
                if other.needed != cause.needed and not set(other.needed) & set(cause.needed):
                    argv = other.left_out_of(argv) or argv
            split = self._reduced(apart.at, argv, files, inputs, renderer, split_from=cause)
        cause.hand_over(apart.factor, split)
        return split

    def _reduced(self, at: int, argv: tuple[str, ...], files: Mapping[str, bytes], inputs: Path,
                 renderer: Renderer, split_from: FailureCause | None = None) -> FailureCause:
        """The cause of a failing command: one that is known by its smallest command, or a new one; always a new one at
        the same options where it is ``split_from`` another."""
        case = self._case(argv, inputs)
        experiment = Experiment(f"trial {at}", case, self.engines, inputs)
        quiet = Progress(self.progress.stream, quiet=True)
        try:
            smallest = reduce_experiment(experiment, self.cache, REDUCTION_RUNS, quiet)
        except (UsageError, NothingFails) as fault:
            note = "it does not fail each time" if isinstance(fault, NothingFails) else fault.message
            made = FailureCause(0, split_from.needed if split_from else ("not reduced",), Signature(), argv, note=note,
                                kind=split_from.kind if split_from else "")
            return self._known_or_new(at, made, files, inputs, split_from=split_from)
        made = FailureCause(0, needed_options(smallest.needed), smallest.signature, smallest.candidate.argv,
                            note="" if smallest.complete else "the limit of runs was reached before it was smallest")
        made = self._single(made, inputs, renderer)
        if split_from:
            made = replace(made, needed=split_from.needed)
        return self._known_or_new(at, made, files, inputs, renderer, split_from)

    def _single(self, made: FailureCause, inputs: Path, renderer: Renderer) -> FailureCause:
        """A cause of what may be several together: without every option that can go while it fails in any way."""
        for name in made.needed:
            without = parse_command(made.argv).without(name).argv
            word, how, _ = self._rendered(without, inputs, renderer)
            if word == FAILED and how is not None:
                made = replace(made, needed=tuple(other for other in made.needed if other != name), argv=without,
                               how=how.signature)
        return made

    def _known_or_new(self, at: int, made: FailureCause, files: Mapping[str, bytes], inputs: Path,
                      renderer: Renderer | None = None, split_from: FailureCause | None = None) -> FailureCause:
        _, _, images = self._rendered(made.argv, inputs, renderer) if renderer else (None, None, {})
        way = way_of(made.how, images) if renderer else FailureMode(made.how, made.kind)
        if split_from is None:
            for cause in self.causes:
                if cause.is_like(made.needed, way):
                    return self._of_factor(at, made, way, cause)
        number = 1 + max((cause.number for cause in self.causes), default=0)
        read = {name: content for name, content in files.items() if name in made.argv}
        what = " ".join(made.needed) or "no option but cell and amplitudes"
        path = self._keep(f"causes/{number}", f"cause-{number}", f"the smallest command that fails by {what}",
                          made.argv, read, declared_shape(made.argv, inputs))
        seen = [Sighting(at, way.factor, made.values_in(made.argv))] if way.factor else []
        new = replace(made, number=number, case=str(path), kind=way.kind, seen=seen,
                      split_from=split_from.number if split_from else 0,
                      diagnosis=self.explain(made.argv, inputs, images) if len(images) == 2 else "")
        self.causes.append(new)
        return new

    def _of_factor(self, at: int, made: FailureCause, way: FailureMode, cause: FailureCause) -> FailureCause:
        """Of the causes at the same options that whose factor a smallest command has."""
        cause = cause_of_factor(self.causes, cause, way.factor)
        if way.factor:
            cause.saw(at, way.factor, made.argv)
        return cause

    def _keep(self, place: str, name: str, title: str, argv: Sequence[str], files: Mapping[str, bytes],
              shape: Shape) -> Path:
        full = [threshold for threshold in self.options.base.thresholds if threshold.roi == "full"] \
            if self.options.base else []
        return keep_case(self.kept.folder / place, name, title, argv, files, shape, full or THRESHOLDS)


def _all_zero(runs: Sequence[Run]) -> bool:
    return all(run.failure is not None and run.failure.kind == ZERO_IMAGE for run in runs)


@contextlib.contextmanager
def _files(files: Mapping[str, bytes]) -> Iterator[Path]:
    """A folder with the files of a command, and nothing else."""
    with tempfile.TemporaryDirectory(prefix="nb-compare-") as scratch:
        for name, content in files.items():
            (Path(scratch) / name).write_bytes(content)
        yield Path(scratch)


def likely(argv: Sequence[str], inputs: Path, images: Mapping[str, np.ndarray]) -> str:
    """What the diagnosis sees in two images at once, without a trial run."""
    from nbcompare.explain.diagnose import top_cause

    return top_cause(images[REFERENCE], images[SUBJECT], argv, inputs) or ""
