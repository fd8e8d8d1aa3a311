"""One image in row bands: each band is a run of its own with -roi, and the bands are stitched.

It works for every engine that knows -roi, and gives the same bytes where pixels do not depend on each other. In
nanoBragg C they do where a phi step is exactly 0: the first pixel of each band then starts without the vectors that the
pixel before it would have left (the defect that phi-carryover emulates).
"""

from __future__ import annotations

import hashlib
import itertools
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from nbcompare.case.arguments.command import rendered_region
from nbcompare.compare.image import Roi, Shape, dtype_code, stored_pixels
from nbcompare.engine.adapter import adapt
from nbcompare.engine.engine import Engine, Rendering
from nbcompare.engine.failure import ZERO_IMAGE, Failure
from nbcompare.engine.processes.file_uses import FileUses
from nbcompare.engine.run_engine import run_engine
from nbcompare.engine.taken_image import content_failure
from nbcompare.later import np


def bands_of(region: Roi, count: int) -> list[Roi]:
    """The region in ``count`` bands of rows, or in as many as it has rows."""
    rows = region.ymax - region.ymin + 1
    edges = [region.ymin + rows * i // count for i in range(count + 1)]
    return [Roi(f"rows {low}..{high - 1}", region.xmin, region.xmax, low, high - 1)
            for low, high in itertools.pairwise(edges) if high > low]


@dataclass(frozen=True)
class BandJob:
    """One band of a command; ``inputs`` is the folder of its files, ``seconds`` its time limit, and ``any_number`` lets
    pixels be NaN or infinite."""

    engine: Engine
    arguments: tuple[str, ...]
    shape: Shape
    band: Roi
    seconds: float
    inputs: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    any_number: bool = False


class RunBand(Protocol):
    """What renders a band: its pixels alone [slow, fast] are in the answer. ``how`` says where, for the record, and
    ``at_once`` how many there may be at a time. It leaves what was printed in the two files."""

    how: str
    at_once: int

    def __call__(self, job: BandJob, folder: Path, stdout: Path, stderr: Path) -> Rendering: ...


class Here:
    """Renders bands on this machine, one for each of its CPUs at once."""

    how = ""

    def __init__(self) -> None:
        self.at_once = os.cpu_count() or 1

    def __call__(self, job: BandJob, folder: Path, stdout: Path, stderr: Path) -> Rendering:
        """Run the command with the band's -roi in the new ``folder``."""
        found = run_engine(job.engine, (*job.arguments, "-roi", *map(str, job.band.bounds)), job.shape,
                           inputs=job.inputs, folder=folder, stdout=stdout, stderr=stderr, seconds=job.seconds,
                           environment=job.environment, any_number=job.any_number)
        return found if found.pixels is None else replace(found, pixels=found.pixels[job.band.slices].copy())


def run_in_shards(engine: Engine, arguments: Sequence[str], shape: Shape, count: int, *, inputs: Path, folder: Path,
                  stdout: Path, stderr: Path, seconds: float, environment: Mapping[str, str],
                  on_progress: Callable[[float, int | None], None] | None = None,
                  any_number: bool = False, run_band: RunBand | None = None) -> Rendering:
    """Run a command in row bands, several at once, and stitch them; as engine.run_engine does the whole.

    ``seconds`` is the time limit of each band, ``run_band`` what renders one: this machine, unless it is given. The
    run's argv is the command without bands.
    """
    bands = bands_of(rendered_region(arguments, shape), count)
    folder.mkdir()
    begun, done, run_band = time.monotonic(), [], run_band or Here()

    def render(band: Roi) -> Rendering:
        job = BandJob(engine, tuple(arguments), shape, band, seconds, inputs, environment, any_number)
        found = run_band(job, folder / f"band-{band.ymin}", folder / f"{band.ymin}.out", folder / f"{band.ymin}.err")
        done.append(band)
        if on_progress:
            on_progress(time.monotonic() - begun, 100 * len(done) // len(bands))
        return found

    with ThreadPoolExecutor(max_workers=min(len(bands), run_band.at_once)) as pool:
        found = list(pool.map(render, bands))
    for path, end in ((stdout, "out"), (stderr, "err")):
        _join([(band.name, folder / f"{band.ymin}.{end}") for band in bands], path)
    first, opened = found[0].run, FileUses()
    for part in found:
        opened.add(part.opened or FileUses())
    argv = (*engine.start, *adapt(engine.adapter, arguments).words)
    whole = replace(first, argv=argv, seconds=time.monotonic() - begun, image_sha256=None, failure=None,
                    how=f"{len(bands)} row bands{run_band.how}")
    for band, part in zip(bands, found, strict=True):
        if part.run.failure and part.run.failure.kind != ZERO_IMAGE:
            failure = Failure(part.run.failure.kind, f"({band.name}) {part.run.failure.sentence}")
            return Rendering(replace(whole, exit_code=part.run.exit_code, failure=failure), opened=opened)
    if any(part.masked is not None for part in found):
        failure = Failure("unreadable-image", "wrote images that state masks, which row bands cannot join")
        return Rendering(replace(whole, failure=failure, file_sha256=None, mask_sha256=None), opened=opened)
    image = _stitched(shape, bands, found)
    digest = hashlib.sha256(stored_pixels(image)).hexdigest()
    whole = replace(whole, failure=content_failure(image, any_number=any_number), image_sha256=digest,
                    dtype=dtype_code(image), file_sha256=None, mask_sha256=None)
    return Rendering(whole, image, opened=opened)


def _join(parts: Sequence[tuple[str, Path]], target: Path) -> None:
    """What all bands printed, one after the other, each under its name."""
    with open(target, "wb") as out:
        for name, path in parts:
            out.write(f"# {name}\n".encode())
            with open(path, "rb") as stream:
                shutil.copyfileobj(stream, out)


def _stitched(shape: Shape, bands: Sequence[Roi], parts: Sequence[Rendering]) -> np.ndarray:
    """The rows of each band from its own image, zero elsewhere; of the bands' own type [slow, fast]."""
    kinds = {part.pixels.dtype for part in parts if part.pixels is not None}
    image = np.zeros((shape.slow, shape.fast), dtype=np.result_type(*kinds))
    for band, part in zip(bands, parts, strict=True):
        assert part.pixels is not None, "a band that did not fail has pixels"
        image[band.slices] = part.pixels
    return image
