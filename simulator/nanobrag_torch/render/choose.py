"""Which renderer makes an image, in which precision, and the image itself.

    plain     plain.py: the formulas as they stand, bit for bit those of the C simulator
    fast      fast.py: the same sum in fewer passes
    compiled  compiled.py: machine code, where that has been built

The choice depends on the command alone, never on the region of interest, the threads or the time it takes, so that
an image rendered in parts is the same image.
"""

from __future__ import annotations

import contextlib
import gc
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from nanobrag_torch.options import Program
from nanobrag_torch.physics.arithmetic import number
from nanobrag_torch.physics.vectors import cross, dot, length
from nanobrag_torch.render.phi_groups import largest_q, may_be_between_peaks
from nanobrag_torch.render.plain_rows import PlainRenderer
from nanobrag_torch.render.scene import Scene
from nanobrag_torch.render.sticky_interpolation import ends_somewhere
from nanobrag_torch.render.workers import MOST_PIECES, keep_freed_memory, large_array, share_out, shared_array

SMALL = 1_000_000
"""Terms of a whole image (pixels times steps) for which the plain path takes no noticeable time."""

IN_FLOAT32 = ("square", "round")
"""Shapes whose lattice factor, or the waves in it, are exact enough in float32. In that of gauss, errors grow with the
distance from the reflection, which counts where no pixel is near one, and tophat has an edge."""

LEAST_PERIODS = 3.0
"""Of the lattice transform along each axis, from corner to corner of the detector."""

TILES_OF_A_WORKER = 3
"""At least of what is left, so that a worker on a slow core can do fewer."""

WORTH_A_WORKER = 250_000
"""Terms that take about as long as starting another process does."""

SMALLEST_TILE = 6
"""Parts of the largest."""

AT_THE_SAMPLE = 1e-9
"""Metres from the sample to the plane of a detector, within which a pixel of it may have no direction."""

MOST_CELLS, MOST_INDEX = 2000, 2.0**18
"""Along an axis, with 32 bits behind the point of a Miller index: N h is then exact to 5e-7 periods."""

LEAST_SQUARE, LARGEST_TERM = 1e-24, 1e36
"""F^2 and F^2 N^2 that leave float32 room for what is weaker by 1e-14, and for sums of 100."""


@dataclass(frozen=True)
class RenderPath:
    """The renderer, the dtype of the lattice factor, and why it is not the one that was asked for."""

    name: str
    dtype: str
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.name}:{self.dtype}" + (f" ({self.reason})" if self.reason else "")


def choose_path(scene: Scene, program: Program) -> RenderPath:
    """The path for a scene: as asked by -render and -dtype, or plain for what only that one can do.

    With -dtype auto the plain path is in float64, the others in float32 where that is exact enough. Without machine
    code, or for what that cannot do, the fast path takes its place.
    """
    plain = RenderPath("plain", "float64" if program.dtype == "auto" else program.dtype)
    if program.render == "plain":
        return plain
    of_plain = only_plain(scene)
    if program.render == "auto" and terms(scene) <= SMALL:
        return RenderPath(plain.name, plain.dtype, of_plain)
    obstacle = "" if program.render == "fast" else not_compiled(scene)
    compiled = program.render != "fast" and not obstacle
    if of_plain and not compiled:
        return RenderPath(plain.name, plain.dtype, of_plain)
    asked = program.dtype != "float64"
    if compiled:
        in_float32 = asked and exact_in_float32(scene) and exact_in_32_bits(scene)
        return RenderPath("compiled", "float32" if in_float32 else "float64")
    in_float32 = asked and waves_exact_in_float32(scene)
    return RenderPath("fast", "float32" if in_float32 else "float64", obstacle if program.render == "compiled" else "")


def exact_in_float32(scene: Scene) -> bool:
    """Whether all of the lattice factor can be in float32: that of a square crystal, with F from a table."""
    return scene.shape == "square" and not scene.F.interpolate and waves_exact_in_float32(scene)


def waves_exact_in_float32(scene: Scene) -> bool:
    """Whether the waves in the lattice factor can be in float32: by its shape, F^2 N^2 within range, and a detector so
    wide that not all of it can lie where the transform is near 0, nor where F is interpolated between much larger
    ones."""
    wide = max(LEAST_PERIODS, *scene.lattice.cells) if scene.F.interpolate else LEAST_PERIODS
    if scene.shape not in IN_FLOAT32 or may_be_between_peaks(scene, wide):
        return False
    largest = number(scene.F.default_F) ** 2 if scene.F.count == 0 else float(scene.F.squares.max())
    return largest >= LEAST_SQUARE and largest * float(math.prod(scene.lattice.cells)) ** 2 <= LARGEST_TERM


def terms(scene: Scene) -> int:
    """Terms that a whole image adds up, the region of interest notwithstanding."""
    geometry = scene.geometry
    return geometry.slow_pixels * geometry.fast_pixels * scene.steps * geometry.layers


def only_plain(scene: Scene) -> str:
    """What of a scene the fast path cannot do; empty where it can."""
    if scene.running_product and scene.shape in ("gauss", "tophat") and not scene.has_water:
        return "emulation running-product"
    return no_sources(scene) or no_directions(scene)


def no_sources(scene: Scene) -> str:
    """What is wrong with the sources of a scene; empty where nothing is."""
    directions = [x for source in scene.illumination.sources for x in source.incident]
    if not all(math.isfinite(number(x)) for x in directions):
        return "a source without direction"
    if not all(number(source.wavelength) > 0.0 for source in scene.illumination.sources):
        return "a source without wavelength"
    return ""


def no_directions(scene: Scene) -> str:
    """What of a detector has no direction, as it may lie at the sample, or so far away that the square of that is no
    number; empty where nothing does. h there is no number, and nothing can be looked up by it."""
    geometry = scene.geometry
    distance = number(geometry.distance)
    sides = number(geometry.pixel_size) * (geometry.fast_pixels + geometry.slow_pixels)
    if not math.isfinite(number(dot(geometry.pix0, geometry.pix0)) + distance * distance + sides * sides):
        return "a detector beyond all numbers"
    fast, slow, sensor, first = (tuple(number(x) for x in vector) for vector in
                                 (geometry.fast, geometry.slow, geometry.normal, geometry.pix0))
    depths = np.arange(geometry.layers) * number(geometry.layer_thickness)
    if geometry.curved:
        away = np.abs(number(geometry.distance)) + depths
    else:
        across = cross(fast, slow)
        away = np.abs(dot(first, across) + depths * dot(sensor, across)) / max(number(length(across)), 1e-300)
    return "" if (away > AT_THE_SAMPLE).all() else "a detector through the sample"


def exact_in_32_bits(scene: Scene) -> bool:
    """Whether Miller indices with 32 bits behind the point are exact enough, and none is too large for what is left."""
    longest = max(number(length(v)) for v in scene.cells[0][0])
    return max(scene.lattice.cells) <= MOST_CELLS and longest * largest_q(scene) <= MOST_INDEX


def not_compiled(scene: Scene) -> str:
    """Why no machine code can render a scene; empty where it can."""
    if torch.device(scene.device).type != "cpu":
        return "compiled is for the CPU"
    why = no_sources(scene) or no_directions(scene)
    if why:
        return why
    from nanobrag_torch.render.compile_cache import obstacle

    return obstacle()


# --- the image ------------------------------------------------------------------------------------------


def renderer(scene: Scene, path: RenderPath):
    """What renders the rows of a scene."""
    if path.name == "plain":
        return PlainRenderer(scene)
    real = getattr(torch, path.dtype)
    making: Any = FastRows if path.name == "fast" and ends_somewhere(scene) else None
    if path.name == "compiled":
        from nanobrag_torch.render.compiled import CompiledRenderer as making
    elif making is None:
        from nanobrag_torch.render.fast import FastRenderer as making
    if not ends_somewhere(scene):
        return making(scene, real)
    from nanobrag_torch.render.sticky_renderer import StickyRenderer

    return StickyRenderer(scene, lambda part: making(part, real))


def _tiles(rows: range, height: int, workers: int) -> Iterator[range]:
    """Tiles of ``height`` rows at most, and smaller ones at the end, so that all workers are done at the same time. One
    worker has nobody to wait for: each tile more takes a small image a tenth of its time."""
    start, least = rows.start, max(1, height // SMALLEST_TILE)
    while start < rows.stop:
        share = -(-(rows.stop - start) // (TILES_OF_A_WORKER * workers)) if workers > 1 else height
        stop = min(start + max(least, min(height, share)), rows.stop)
        yield range(start, stop)
        start = stop


def render_image(scene: Scene, path: RenderPath, workers: int = 1,
                 progress: Callable[[int], None] = lambda rows: None, image=None) -> tuple[Any, float]:
    """The image as float32 [slow, fast], 0 where nothing is rendered, and the sum of the solid angles (sr).

    ``image`` is where it shall be rendered to: an array of zeros that forked processes share, or a FloatImage. The
    workers of the compiled path are threads, all others processes.
    ``progress`` is told now and then, and in the end, how many rows are done. Neither workers nor tiles change a bit.
    """
    _, _, y0, y1 = scene.roi
    if image is None:
        zeros = large_array if path.name == "compiled" else shared_array
        image = zeros((scene.geometry.slow_pixels, scene.geometry.fast_pixels), np.float32)
    if path.name != "compiled":
        keep_freed_memory()
    with one_thread():
        making = renderer(scene, path)
        if hasattr(making, "render_to"):
            return image, math.fsum(making.render_to(image, workers, progress))
        return image, math.fsum(render_tiles(scene, making, range(y0, y1 + 1), image, workers, progress))


def render_tiles(scene: Scene, making, rows: range, image, workers: int, progress: Callable[[int], None],
                 after: Callable[[range], None] = lambda rows: None) -> np.ndarray:
    """Some rows to ``image`` by a renderer of tiles, in processes; the solid angles (sr) of each row.

    ``after`` is called with the rows of each tile in the process that has rendered it.
    """
    x0, x1, _, _ = scene.roi
    omega = shared_array((len(rows),), np.float64)
    alone = torch.device(scene.device).type != "cpu" or making.in_order
    rendered = (x1 + 1 - x0) * len(rows) * scene.steps * scene.geometry.layers
    worth = 1 + rendered // WORTH_A_WORKER
    workers = 1 if alone else min(workers, worth)
    tiles = list(_tiles(rows, making.rows, workers))
    pieces = np.array_split(np.arange(len(tiles)), min(len(tiles), MOST_PIECES))

    def render_piece(piece: int) -> None:
        for some in (tiles[tile] for tile in pieces[piece]):
            values, angles = making.render_rows(some)
            image[some.start : some.stop, x0 : x1 + 1] = values.cpu().numpy()
            omega[some.start - rows.start : some.stop - rows.start] = angles.cpu().numpy()
            after(some)

    share_out(len(pieces), workers, render_piece, lambda piece: progress(tiles[pieces[piece][-1]].stop - rows.start))
    progress(len(rows))
    return omega


class FastRows:
    """The fast path as sticky_renderer.py asks for rows."""

    def __init__(self, scene: Scene, real):
        from nanobrag_torch.render.fast import FastRenderer

        x0, x1, y0, y1 = scene.roi
        self.scene, self.making = scene, FastRenderer(scene, real)
        self.columns, self.rows = range(x0, x1 + 1), range(y0, y1 + 1)

    def render_rows(self, image, rows: range, workers: int, progress) -> tuple[np.ndarray, np.ndarray]:
        """As ``RowRenderer.render_rows``."""
        marks = shared_array((len(rows),), np.int64)

        def keep_marks(some: range) -> None:
            marks[some.start - rows.start : some.stop - rows.start] = self.making.near_edge

        return render_tiles(self.scene, self.making, rows, image, workers, progress, keep_marks), marks

    def mend(self, image, rows: range, undefined: np.ndarray) -> None:
        """Nothing: every tile has been mended."""


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """torch with a single thread, and no gradients or warnings of what is no number: it is a worker among others. No
    garbage is looked for, as that writes to every object, which then is copied for each worker."""
    threads, collecting = torch.get_num_threads(), gc.isenabled()
    torch.set_num_threads(1)
    gc.disable()
    try:
        with torch.no_grad(), np.errstate(over="ignore", invalid="ignore"):
            yield
    finally:
        torch.set_num_threads(threads)
        if collecting:
            gc.enable()
