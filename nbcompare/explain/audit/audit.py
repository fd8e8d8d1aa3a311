"""The audit of a case: every kind of defect at every strength, looked at one by one, as many at a time as asked for."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.threshold import Threshold
from nbcompare.compare.compare import Comparison, compare_images
from nbcompare.compare.metrics import METRICS
from nbcompare.engine.direct_beam import direct_beam_px
from nbcompare.engine.identity import content_hash
from nbcompare.engine.progress import Progress, time_left
from nbcompare.engine.rendering.render_cache import RenderCache, default_cache, key_of
from nbcompare.engine.taken_image import content_failure
from nbcompare.errors import ExitCode
from nbcompare.explain.audit.catalogue import chosen
from nbcompare.explain.audit.defect_result import (
    NO_EFFECT,
    NOT_HERE,
    REFUSED,
    SEEDED,
    DefectResult,
    change_of,
    same_bytes,
)
from nbcompare.explain.audit.kind import Defect, Images, Kind, NotApplicable, Target, changed, seeded
from nbcompare.explain.audit.naming import BUDGET_S, Diagnostician, NamedCause
from nbcompare.explain.audit.renders import Refused, Renders
from nbcompare.explain.experiment import Experiment
from nbcompare.verdict.verdict import Label, judge
from nbcompare.visible import counted

STRENGTHS = (1.0, 0.1, 0.01)
SEEN = 1e-6
"""A part of a defect shows when some pixel is changed by more than this share of the peak."""
ROOM = Path(__file__).resolve().parents[1]
"""Where the code of the audit and of the diagnosis lies, whose content is part of the cache's keys."""


@dataclass(frozen=True)
class AuditOptions:
    """What the user said. ``alone`` judges in place of the case's thresholds; ``budget_s`` is for one diagnosis."""

    kinds: tuple[str, ...] = ()
    strengths: tuple[float, ...] = STRENGTHS
    seed: int = 1
    alone: tuple[Threshold, ...] = ()
    diagnosis: bool = True
    budget_s: float = BUDGET_S
    jobs: int = 1
    cache: Path = field(default_factory=default_cache)


@dataclass(frozen=True)
class Audit:
    """What came of it. ``fault`` says why nothing could be audited; then ``exit_code`` is what that comes to."""

    named: str
    options: AuditOptions
    thresholds: tuple[Threshold, ...]
    results: tuple[DefectResult, ...] = ()
    fault: str | None = None
    exit_code: ExitCode = ExitCode.PASS

    def caught_by(self, result: DefectResult) -> str | None:
        """What catches a seeded defect, or None."""
        return result.caught_by(self.thresholds, bool(self.options.alone))


def audit(experiment: Experiment, options: AuditOptions, progress: Progress) -> Audit:
    """Audit an experiment. Raises UsageError for kinds that there are not."""
    entries = chosen(options.kinds)
    thresholds = options.alone or experiment.case.thresholds
    with AuditBench(experiment, options, thresholds) as bench:
        progress.begin("both engines without a defect")
        fault = bench.fault()
        progress.end(fault[0] if fault else "every threshold holds")
        if fault:
            return Audit(experiment.named, options, thresholds, fault=fault[0], exit_code=fault[1])
        plan = [(entry, strength) for entry in entries for strength in _strengths_of(entry, options.strengths)]
        results = _look_at_all(bench, plan, progress)
    return Audit(experiment.named, options, thresholds, results)


def _strengths_of(entry: Kind, strengths: Sequence[float]) -> Sequence[float]:
    """Strongest first; what has no amount is there at full strength or not at all."""
    return sorted(set(strengths), reverse=True) if entry.full is not None else [1.0]


def _look_at_all(bench: AuditBench, plan: Sequence[tuple[Kind, float]], progress: Progress) -> tuple[DefectResult, ...]:
    started, told = time.monotonic(), 0
    progress.begin(f"audit, {counted(len(plan), 'defect')}")
    with ThreadPoolExecutor(max_workers=bench.options.jobs) as pool:
        waiting = {pool.submit(bench.look, entry, strength): i for i, (entry, strength) in enumerate(plan)}
        try:
            for count, done in enumerate(as_completed(waiting), 1):
                done.result()
                percent, elapsed = 100 * count // len(plan), time.monotonic() - started
                progress.tick(elapsed, percent)
                if not progress.live and percent // 10 > told:
                    told = percent // 10
                    progress.say(f"audit: {percent} % after {elapsed:.0f} s{time_left(elapsed, percent)}")
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    progress.end(f"done in {time.monotonic() - started:.0f} s")
    return tuple(done.result() for done in sorted(waiting, key=lambda future: waiting[future]))


class AuditBench:
    """The sound images, and the means to seed a defect, measure it and have it named. Use as a context."""

    def __init__(self, experiment: Experiment, options: AuditOptions, thresholds: Sequence[Threshold]) -> None:
        self.experiment, self.options, self.thresholds = experiment, options, thresholds
        self.cache = RenderCache(options.cache)
        self.reference = Renders(experiment, REFERENCE, self.cache)
        self.subject = Renders(experiment, SUBJECT, self.cache)
        self.argv = experiment.arguments(SUBJECT)
        self.diagnostician = Diagnostician(self.argv, experiment.inputs, options.budget_s)
        self.identity, self.rules = self._identity(), content_hash(ROOM / "diagnose")
        self.target = Target(self.argv, _texts(experiment.inputs), experiment.case.shape, experiment.case.rois)

    def __enter__(self) -> AuditBench:
        self.open = ExitStack()
        for part in (self.reference, self.subject, self.diagnostician):
            self.open.enter_context(closing(part))
        return self

    def __exit__(self, *_: object) -> None:
        self.open.close()

    # --- without a defect --------------------------------------------------------------------------------------

    def fault(self) -> tuple[str, ExitCode] | None:
        """Why no defect can be judged: an engine that fails, or images that do not pass as they are."""
        try:
            whole = self.reference.render(self.experiment.arguments(REFERENCE))
            sound = self.subject.render(self.argv)
        except Refused as reason:
            return str(reason), ExitCode.ENGINE_FAILED
        for rendered in (whole, sound):
            if rendered.failure:
                return rendered.failure, ExitCode.ENGINE_FAILED
        assert whole.image is not None and sound.image is not None, "a run that did not fail has an image"
        self.whole, self.sound, self.printed = whole.image, sound.image, (whole.stdout, sound.stdout)
        self.centre = direct_beam_px(whole.stdout)
        found = judge(self._compare(self.sound), self.thresholds)
        if found.word is Label.PASS:
            return None
        return f"without any defect the images do not pass: {found.reasons[0]}", ExitCode.BLOCKED

    def _compare(self, subject: np.ndarray) -> Comparison:
        return compare_images(self.whole, subject, self.experiment.case.rois, further=self._further,
                              centre=self.centre, with_peaks=False)

    @cached_property
    def _further(self) -> set[tuple[str, str]]:
        """(metric, region) beside those that every comparison has."""
        asked = self.experiment.case.figures_asked | {(t.metric, t.roi) for t in self.thresholds}
        return {pair for pair in asked if not METRICS[pair[0]].default}

    # --- one defect --------------------------------------------------------------------------------------------

    def look(self, entry: Kind, strength: float) -> DefectResult:
        """Seed one defect, measure it, and have it named; what was kept of an earlier audit is not done again."""
        key = key_of((self.identity, sorted(self._further), entry.id, strength, self.options.seed))
        kept = self.cache.answer(key)
        result = DefectResult.from_dict(kept) if kept else self._measured(entry, strength)
        if not kept:
            self.cache.keep(key, result.as_dict())
        if result.state == SEEDED and self.options.diagnosis:
            result = replace(result, named=self._named(entry, strength))
        return result

    def _measured(self, entry: Kind, strength: float) -> DefectResult:
        try:
            amount, defect = seeded(entry, self.target, strength, self.options.seed)
            image, _, refusal = self._image(defect)
        except NotApplicable as reason:
            return DefectResult(entry.id, strength, 0.0, NOT_HERE, str(reason))
        if image is None:
            return DefectResult(entry.id, strength, amount, REFUSED, f"{defect.words}: {refusal}")
        if same_bytes(self.sound, image):
            return DefectResult(entry.id, strength, amount, NO_EFFECT, defect.words)
        if idle := self._idle_part(defect, image):
            return DefectResult(entry.id, strength, amount, NOT_HERE, f"{defect.words}: {idle}")
        failure = content_failure(image)
        return DefectResult(entry.id, strength, amount, SEEDED, defect.words, failure.sentence if failure else None,
                            change_of(self.sound, image), self._compare(image))

    def _idle_part(self, defect: Defect, image: np.ndarray) -> str | None:
        """Which part of a defect of several gives the image alone, or so nearly that nobody sees the others; None where
        all of them show."""
        for argv in defect.parts:
            alone, _, _ = self._image(replace(defect, argv=argv))
            change = None if alone is None else change_of(image, alone)
            if change is not None and change <= SEEN:
                return f"{' '.join(word for word in argv if word not in self.argv)} alone gives the same image"
        return None

    def _image(self, defect: Defect) -> tuple[np.ndarray | None, str, str | None]:
        """(image, what the subject printed, why there is no image) with the defect in it."""
        if defect.argv == self.argv and not defect.files:
            return changed(defect, Images(self.sound, self.sound)), self.printed[1], None
        try:
            rendered = self.subject.render(defect.argv, defect.files)
        except Refused as reason:
            return None, "", str(reason)
        if rendered.image is None:
            return None, rendered.stdout, rendered.failure
        return changed(defect, Images(self.sound, rendered.image)), rendered.stdout, None

    def _named(self, entry: Kind, strength: float) -> NamedCause:
        key = key_of((self.identity, self.rules, self.options.budget_s, entry.id, strength, self.options.seed))
        kept = self.cache.answer(key)
        if kept:
            return NamedCause.from_dict(kept)
        _, defect = seeded(entry, self.target, strength, self.options.seed)
        image, printed, _ = self._image(defect)
        assert image is not None, "what was seeded has an image"
        echoes = (self.printed[0], printed) if entry.echoed else None
        named = self.diagnostician.name(self.whole, image, echoes)
        self.cache.keep(key, named.as_dict())
        return named

    def _identity(self) -> str:
        """A hash of all that a measurement depends on beside the defect, taken when the audit begins: code that
        changes meanwhile is not what was run."""
        case = self.experiment.case
        code = [content_hash(folder) for folder in (ROOM / "audit", ROOM.parent / "compare")]
        return key_of((self.reference.identity, self.subject.identity, self.experiment.arguments(REFERENCE),
                       self.argv, case.shape, case.rois, *code))


def _texts(folder: Path) -> dict[str, str]:
    """The input files by name, as text whatever is in them."""
    return {path.name: path.read_bytes().decode("latin-1") for path in sorted(folder.iterdir()) if path.is_file()}

