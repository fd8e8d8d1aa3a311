"""Renders: images of an engine for many command lines and edited input files, each made once and kept."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from nbcompare.case.command import declared_shape
from nbcompare.case.options import FLOAT_FILE, SUBJECT
from nbcompare.compare.image import read_float_image
from nbcompare.engine.batch import BatchEngine, open_batch
from nbcompare.engine.bundled_reference import CHECKOUT
from nbcompare.engine.engine import Run, run_engine
from nbcompare.engine.identity import content_hash, identify
from nbcompare.errors import NbCompareError
from nbcompare.explain.experiment import Experiment
from nbcompare.explain.renderer import Cache, key_of
from nbcompare.files import sha256_of


@dataclass(frozen=True)
class Rendered:
    """An engine's image, float32 [slow, fast], and what it printed; without an image, why there is none."""

    image: np.ndarray | None
    stdout: str = ""
    failure: str | None = None


class Renders:
    """Runs one engine of an experiment; each thread has a process of its own, where the engine knows ``-batch``."""

    def __init__(self, experiment: Experiment, role: str, cache: Cache) -> None:
        self.experiment, self.role, self.cache = experiment, role, cache
        self.engine = experiment.engines[role]
        self.own = threading.local()
        self.opened: list[BatchEngine] = []

    def close(self) -> None:
        """End the processes of all threads."""
        for batch in self.opened:
            batch.close()

    @cached_property
    def identity(self) -> str:
        """A hash of the engine and of what it is run on, whatever the arguments."""
        who = identify(self.engine)
        code = content_hash(CHECKOUT / "simulator" / "nanobrag_torch") if self.role == SUBJECT else ""
        inputs = sorted((path.name, sha256_of(path)) for path in self.experiment.inputs.iterdir() if path.is_file())
        return key_of((who.program_sha256, who.version, *who.started_as, code,
                       sorted(self.experiment.case.environment.items()), inputs))

    def render(self, argv: Sequence[str], files: Mapping[str, str] = {}) -> Rendered:  # noqa: B006 (never changed)
        """The image of a command, with other texts of input files. It must have the shape of the case."""
        key = key_of((self.identity, self.role, *argv, sorted(files.items())))
        kept = self.cache.answer(key)
        if kept and (kept["failure"] or (image := self.cache.image(key, self.experiment.case.shape)) is not None):
            return Rendered(None if kept["failure"] else image, kept["stdout"], kept["failure"])
        found = self._run(argv, files)
        if found.image is not None:
            self.cache.keep_image(key, found.image)
        self.cache.keep(key, {"stdout": found.stdout, "failure": found.failure})
        return found

    def _run(self, argv: Sequence[str], files: Mapping[str, str]) -> Rendered:
        case = self.experiment.case
        with tempfile.TemporaryDirectory(prefix="nb-compare-") as folder:
            work = Path(folder)
            inputs = self._inputs(files, work / "inputs")
            try:
                shape = declared_shape(argv, inputs)
            except NbCompareError as fault:
                return Rendered(None, failure=fault.message)
            if shape != case.shape:
                return Rendered(None, failure=f"the image would be {shape}")
            seconds = case.limits.subject_seconds if self.role == SUBJECT else case.limits.reference_seconds
            run = self._runner()(argv, shape, inputs=inputs, folder=work / "run", stdout=work / "out",
                                 stderr=work / "err", seconds=seconds)
            said = (work / "out").read_text(encoding="utf-8", errors="replace")
            if run.failure:
                return Rendered(None, said, f"the {self.role} {run.failure.sentence}")
            return Rendered(read_float_image(work / "run" / FLOAT_FILE, shape), said)

    def _inputs(self, files: Mapping[str, str], folder: Path) -> Path:
        """The folder of input files: the experiment's own, or a copy with other texts in it."""
        if not files:
            return self.experiment.inputs
        folder.mkdir()
        for path in self.experiment.inputs.iterdir():
            if path.name not in files:
                (folder / path.name).symlink_to(path.absolute())
        for name, text in files.items():
            (folder / name).write_text(text, encoding="latin-1", newline="")
        return folder

    def _runner(self) -> Callable[..., Run]:
        """How this thread runs the engine."""
        if not hasattr(self.own, "batch"):
            self.own.batch = open_batch(self.engine, self.experiment.case.environment)
            if self.own.batch:
                self.opened.append(self.own.batch)
        if self.own.batch:
            return self.own.batch.run
        environment = self.experiment.case.environment
        return lambda argv, shape, **more: run_engine(self.engine, argv, shape, environment=environment, **more)
