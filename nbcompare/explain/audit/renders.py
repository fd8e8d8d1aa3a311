"""Renders of an audit: one engine of an experiment on many command lines and edited input files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from nbcompare.engine.engine import Rendering
from nbcompare.engine.rendering.render_cache import RenderCache, key_of
from nbcompare.engine.rendering.renderer import Batches, Renderer, edited_inputs
from nbcompare.engine.rendering.runs import Job, job_of
from nbcompare.errors import NbCompareError
from nbcompare.explain.experiment import Experiment


class Refused(Exception):
    """A command that cannot be compared with the case, so that it is not run."""


class Renders:
    """Runs one engine of an experiment, and keeps every answer."""

    def __init__(self, experiment: Experiment, role: str, cache: RenderCache) -> None:
        self.experiment, self.engine = experiment, experiment.engines[role]
        self.renderer = Renderer(batches=Batches.PROVEN, cache=cache)

    def close(self) -> None:
        """End the engine's processes."""
        self.renderer.close()

    @cached_property
    def identity(self) -> str:
        """A hash of the engine and of what it is run on, whatever the arguments."""
        case = self.experiment.case
        return key_of((self.engine.role, self.renderer.key(self._job(case.command, self.experiment.inputs))))

    def render(self, argv: Sequence[str], files: Mapping[str, str] = {}) -> Rendering:
        """The image of a command, with other texts of input files.

        Raises Refused for a command whose image has not the shape of the case.
        """
        with edited_inputs(self.experiment.inputs, files) as inputs:
            try:
                job = self._job(argv, inputs)
            except NbCompareError as fault:
                raise Refused(fault.message) from None
            if job.shape != self.experiment.case.shape:
                raise Refused(f"the image would be {job.shape}")
            return self.renderer.render(job)

    def _job(self, argv: Sequence[str], inputs: Path) -> Job:
        return job_of(self.experiment.case, self.engine, tuple(argv), inputs)
