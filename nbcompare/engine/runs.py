"""Running both engines on one command line, each in a folder of its own, and reading their images."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nbcompare.case.case import Case
from nbcompare.case.command import declared_shape
from nbcompare.case.options import FLOAT_FILE, REFERENCE, SUBJECT
from nbcompare.compare.image import Shape, read_float_image
from nbcompare.engine.batch import BatchEngine
from nbcompare.engine.engine import Engine, Run, run_engine
from nbcompare.engine.progress import Progress
from nbcompare.engine.row_bands import run_in_shards
from nbcompare.engine.self_comparison import copied_input


@dataclass(frozen=True)
class Job:
    """One engine with everything it is given. ``shape`` is what its own arguments declare; ``purpose`` says why it
    is run once more, and is empty for the comparison itself. ``batch`` is a process of the engine that takes many
    commands, where there is one; ``shards`` is the number of row bands to render."""

    engine: Engine
    arguments: tuple[str, ...]
    shape: Shape
    seconds: float
    purpose: str = ""
    batch: BatchEngine | None = None
    shards: int = 1


@dataclass(frozen=True)
class RunFiles:
    """Where a run leaves its files: image, stdout, stderr, and what else a failed one wrote."""

    image: Path
    stdout: Path
    stderr: Path
    rest: Path


def jobs_of(case: Case, engines: Mapping[str, Engine], inputs: Path) -> dict[str, Job]:
    """What each role is to run. Raises UsageError for arguments that declare no image."""
    own = {REFERENCE: (case.reference_args, case.limits.reference_seconds),
           SUBJECT: (case.subject_args, case.limits.subject_seconds)}
    jobs = {}
    for role, (extra, seconds) in own.items():
        arguments = (*case.command, *extra)
        jobs[role] = Job(engines[role], arguments, declared_shape(arguments, inputs), seconds)
    return jobs


def execute(job: Job, *, inputs: Path, scratch: Path, places: RunFiles, environment: Mapping[str, str],
            progress: Progress) -> Run:
    """Run one job; its image ends at places.image, and the scratch folder is removed.

    What a failed run wrote besides is moved to places.rest, so that nothing of it is lost.
    """
    progress.begin(f"{job.engine.role} ({job.engine.name}){job.purpose and ', ' + job.purpose}")
    try:
        run = _carry_out(job, inputs, scratch, places, environment, progress)
        if not run.failure:
            run = replace(run, failure=copied_input(scratch / FLOAT_FILE, inputs))
        progress.end(f"failed: {run.failure.sentence}" if run.failure else f"{run.seconds:.3f} s")
        if run.image_sha256:
            (scratch / FLOAT_FILE).replace(places.image)
        if run.failure:
            _keep_rest(scratch, inputs, places.rest)
        return run
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _carry_out(job: Job, inputs: Path, scratch: Path, places: RunFiles, environment: Mapping[str, str],
               progress: Progress) -> Run:
    """In row bands, in the engine's batch process where it was started with this environment, or by itself."""
    shared = {"inputs": inputs, "folder": scratch, "stdout": places.stdout, "stderr": places.stderr,
              "seconds": job.seconds}
    if job.shards > 1:
        return run_in_shards(job.engine, job.arguments, job.shape, job.shards, environment=environment,
                             on_progress=progress.tick, **shared)
    if job.batch and dict(job.batch.environment) == dict(environment):
        return job.batch.run(job.arguments, job.shape, **shared)
    return run_engine(job.engine, job.arguments, job.shape, environment=environment, on_progress=progress.tick,
                      **shared)


def _keep_rest(scratch: Path, inputs: Path, rest: Path) -> None:
    """Move the files that a failed engine added to its folder."""
    for path in sorted(scratch.rglob("*")):
        name = path.relative_to(scratch)
        if path.is_file() and not path.is_symlink() and not (inputs / name).exists():
            (rest / name).parent.mkdir(parents=True, exist_ok=True)
            path.replace(rest / name)


def read_images(jobs: Mapping[str, Job], places: Mapping[str, RunFiles]) -> dict[str, np.ndarray]:
    """Both images, float32 [slow, fast], read back from where they are kept."""
    return {role: read_float_image(places[role].image, jobs[role].shape) for role in (REFERENCE, SUBJECT)}


