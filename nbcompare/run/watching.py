"""Watching: the subject is run again whenever a file that it is made of is saved, and held against the reference.

Nothing is published: this is for the hours between two runs. The reference is run once, or taken from the cache.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.case import Case
from nbcompare.case.inputs import stage_inputs
from nbcompare.compare.compare import compare_images
from nbcompare.engine.choose import engines_of
from nbcompare.engine.engine import Engine, Rendering
from nbcompare.engine.identity import identify
from nbcompare.engine.progress import Progress
from nbcompare.engine.rendering.render_cache import RenderCache, default_cache
from nbcompare.engine.rendering.renderer import Renderer
from nbcompare.engine.rendering.runs import Job, jobs_of
from nbcompare.engine.sandbox import confine_all
from nbcompare.engine.sources.made_of import listed
from nbcompare.errors import NbCompareError, ShapeError, UsageError
from nbcompare.run.options import RunOptions
from nbcompare.verdict.verdict import Verdict, engine_failed, judge, not_comparable

LOOK_SECONDS = 0.25
"""How often the files are looked at; a save is over when nothing changed between two looks."""

Times = Mapping[str, int]
"""When each file was last written, replaced or renamed, in nanoseconds; 0 for one that is gone."""


@dataclass(frozen=True)
class Save:
    """One save: the ``names`` of the files that changed, what came of it, and how long the subject took. A verdict is
    None where the subject could not even be asked, for the reason that ``why`` gives."""

    names: tuple[str, ...]
    verdict: Verdict | None
    seconds: float = 0.0
    why: str = ""


def watch_subject(case: Case, options: RunOptions, progress: Progress) -> Iterator[Save]:
    """The subject as it is, and then once more after each save, for ever.

    Raises UsageError where the reference gives no image, or nothing is known that could be watched.
    """
    engines = engines_of(case, options, progress)
    engines = confine_all(engines) if options.sandbox else engines
    with tempfile.TemporaryDirectory(prefix="nb-compare-") as scratch:
        data = Path(scratch) / "data"
        data.mkdir()
        stage_inputs(case, options.inputs, data)
        jobs = jobs_of(case, engines, data)
        reference = _reference(case, jobs[REFERENCE], data, progress)
        subject = WatchedFiles(engines[SUBJECT], case)
        names: tuple[str, ...] = ()
        while True:
            subject.look()
            yield _tried(case, jobs[SUBJECT], reference, data, names)
            names = subject.wait()


def _reference(case: Case, job: Job, data: Path, progress: Progress) -> np.ndarray:
    with Renderer(cache=RenderCache(default_cache())) as renderer:
        progress.begin(job.name)
        found = renderer.render(job)
        progress.end(found.failure or f"{found.run.seconds:.3f} s, when it was run")
    if found.image is None:
        said = found.run.failure.said if found.run.failure else ()
        raise UsageError("; ".join((found.failure or "the reference gives no image", *said[-1:])),
                         hint="nb-compare run CASE tells more")
    return case.masking.applied(REFERENCE, found.image, found.masked, data)


def _tried(case: Case, job: Job, reference: np.ndarray, data: Path, names: tuple[str, ...]) -> Save:
    """Run the subject and hold its image against the reference's."""
    try:
        with Renderer() as renderer:
            found = renderer.render(job)
        return Save(names, _judged(case, found, reference, data), found.run.seconds)
    except NbCompareError as fault:
        return Save(names, None, why=fault.message)


def _judged(case: Case, found: Rendering, reference: np.ndarray, data: Path) -> Verdict:
    failure = found.run.failure
    if failure is not None or found.image is None:
        return engine_failed([*(failure.said[-1:] if failure else ()), found.failure or "it gave no image"])
    try:
        image = case.masking.applied(SUBJECT, found.image, found.masked, data)
        comparison = compare_images(reference, image, case.rois, further=case.figures_asked, with_peaks=False)
    except ShapeError as fault:
        return not_comparable(fault.message)
    return judge(comparison, case.thresholds)


class WatchedFiles:
    """The files of an engine. What it was once made of stays watched: where a save breaks an import, fewer are
    found."""

    def __init__(self, engine: Engine, case: Case) -> None:
        self.engine, self.environment = engine, case.environment
        self.files: set[str] = set()
        self.folders: set[str] = set()
        self.before: Times = {}

    def look(self) -> None:
        """Find out again what it is made of, and when each file was written. Raises UsageError where nothing is
        known that could be watched."""
        self.before = self._times()
        with contextlib.suppress(NbCompareError):
            made_of = identify(self.engine, self.environment).made_of
            if made_of:
                self.files |= {entry.path for entry in made_of.files}
                self.folders |= set(made_of.folders)
        self.files.add(str(self.engine.program))
        self.before = {**self._times(), **self.before}  # what was saved meanwhile is a save

    def wait(self) -> tuple[str, ...]:
        """Wait for a save and its end; the names of the files that changed."""
        while True:
            pause(LOOK_SECONDS)
            now = self._times()
            if now == self.before:
                continue
            while (later := self._settled(now)) != now:
                now = later
            changed = sorted(path for path in {*now, *self.before} if now.get(path) != self.before.get(path))
            if changed:
                return tuple(os.path.basename(path) for path in changed)

    def _settled(self, now: Times) -> Times:
        pause(LOOK_SECONDS)
        return self._times()

    def _times(self) -> Times:
        inside = {str(path) for folder in self.folders if os.path.isdir(folder) for path in listed(Path(folder))}
        return {path: _written(path) for path in self.files | inside}


def _written(path: str) -> int:
    try:
        return os.stat(path).st_ctime_ns
    except OSError:
        return 0


pause = time.sleep
"""What waits between two looks."""
