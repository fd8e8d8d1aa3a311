"""One image in row bands: each band is a run of its own with -roi, and the bands are stitched.

It works for every engine that knows -roi, and gives the same bytes where pixels do not depend on each other. In
nanoBragg C they do where a phi step is exactly 0: the first pixel of each band then starts without the vectors that the
pixel before it would have left (the defect that phi-carryover emulates).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from nbcompare.case.command import rendered_region
from nbcompare.case.options import FLOAT_FILE
from nbcompare.compare.image import Roi, Shape, read_float_image
from nbcompare.engine.engine import Engine, Failure, Run, image_failure, run_engine
from nbcompare.files import sha256_of

DARK = "zero-image"
"""The failure of a band without signal, which is none: another band may have some."""




def bands_of(region: Roi, count: int) -> list[Roi]:
    """The region in ``count`` bands of rows, or in as many as it has rows."""
    rows = region.ymax - region.ymin + 1
    edges = [region.ymin + rows * i // count for i in range(count + 1)]
    return [Roi(f"rows {low}..{high - 1}", region.xmin, region.xmax, low, high - 1)
            for low, high in zip(edges, edges[1:], strict=False) if high > low]


def run_in_shards(engine: Engine, arguments: Sequence[str], shape: Shape, count: int, *, inputs: Path, folder: Path,
                  stdout: Path, stderr: Path, seconds: float, environment: Mapping[str, str],
                  on_progress: Callable[[float, int | None], None] | None = None) -> Run:
    """Run a command in row bands, several at once, and stitch them; as engine.run_engine does the whole.

    ``seconds`` is the time limit of each band. The run's argv is the command without bands.
    """
    bands = bands_of(rendered_region(arguments, shape), count)
    folder.mkdir()
    begun, started, done = time.monotonic(), time.time(), []

    def render(band: Roi) -> Run:
        place = folder / f"band-{band.ymin}"
        run = run_engine(engine, (*arguments, "-roi", *map(str, band.bounds)), shape, inputs=inputs, folder=place,
                         stdout=folder / f"{band.ymin}.out", stderr=folder / f"{band.ymin}.err", seconds=seconds,
                         environment=environment)
        done.append(band)
        if on_progress:
            on_progress(time.monotonic() - begun, 100 * len(done) // len(bands))
        return run

    with ThreadPoolExecutor(max_workers=min(len(bands), os.cpu_count() or 1)) as pool:
        runs = list(pool.map(render, bands))
    for path, end in ((stdout, "out"), (stderr, "err")):
        path.write_text("".join(f"# {band.name}\n{(folder / f'{band.ymin}.{end}').read_text(errors='replace')}"
                                for band in bands), encoding="utf-8")
    whole = replace(runs[0], argv=_unbanded(runs[0].argv), seconds=time.monotonic() - begun, image_sha256=None,
                    failure=None, how=f"{len(bands)} row bands")
    failed = next(((run, band) for run, band in zip(runs, bands, strict=True)
                   if run.failure and run.failure.kind != DARK), None)
    if failed:
        run, band = failed
        return replace(whole, exit_code=run.exit_code,
                       failure=Failure(run.failure.kind, f"({band.name}) {run.failure.sentence}"))
    image = _stitch(folder, bands, shape)
    return replace(whole, failure=image_failure(image, shape, started), image_sha256=sha256_of(image))


def _unbanded(argv: tuple[str, ...]) -> tuple[str, ...]:
    """The argv of a band's run without the -roi of the band."""
    return (*argv[:-7], *argv[-2:])


def _stitch(folder: Path, bands: Sequence[Roi], shape: Shape) -> Path:
    """Write folder/float.bin: the rows of each band from its own image, zero elsewhere."""
    image = np.zeros((shape.slow, shape.fast), dtype="<f4")
    for band in bands:
        image[band.slices] = read_float_image(folder / f"band-{band.ymin}" / FLOAT_FILE, shape)[band.slices]
    image.tofile(folder / FLOAT_FILE)
    return folder / FLOAT_FILE
