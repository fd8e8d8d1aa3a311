"""The fast renderer: the sum of plain.py over a tile, with the same factors, in fewer and simpler passes.

It differs from the plain path in three ways. Rays to a flat detector are separable (rays.py). Phi steps are taken in
groups, in each of which h, k, l and the nearest reflection are found once in float64 (phi_groups.py). What is
periodic in them, the lattice factor, is summed in buffers that are made once, in float32 where that is
exact enough (lattice_sum.py). Pixels whose nearest reflection changes within a group, or in which a sum came out
0/0, are done once more by the formulas of the plain path.

Every array has rows of a multiple of 32 columns, the last ones beyond the image. No vector loop then ends in a
scalar rest, whose last bit may be another, and neither tiles nor workers nor a region of interest change a bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from nanobrag_torch.physics.arithmetic import number
from nanobrag_torch.physics.background import water_background
from nanobrag_torch.physics.scattering import beyond_resolution, scattering_vector
from nanobrag_torch.physics.tricubic import Interpolation
from nanobrag_torch.physics.vectors import dot
from nanobrag_torch.render.large_pages import LargePages
from nanobrag_torch.render.lattice_sum import (
    BORDER,
    Workspace,
    further_than,
    look_up,
    reduce_indices,
    rounding_of_shares,
    sum_leaving,
    sum_steps,
)
from nanobrag_torch.render.narrow_spots import NarrowSpots, has_width_like_c
from nanobrag_torch.render.phi_groups import (
    MOST_CYCLES,
    MOST_INDEX,
    MOST_STEPS,
    WIDE,
    PhiGroup,
    groups_of_domains,
    largest_q,
    may_be_between_peaks,
    phi_groups,
    same_but_for_wavelength,
)
from nanobrag_torch.render.plain import PixelSums, finish, pixel_background, render_tile
from nanobrag_torch.render.ray_step import RayFactors, factors_of, ray_factors, reached_by_one_ray
from nanobrag_torch.render.rays import CurvedRays, FlatColumns, FlatRays
from nanobrag_torch.render.scene import Scene
from nanobrag_torch.render.sticky_interpolation import ends_somewhere
from nanobrag_torch.render.tile import SubpixelIndex, Tile, locate, make_tile

COLUMNS = 32
"""Columns are padded to a multiple of this, the most numbers that a vector loop takes at once."""

TILE_PIXELS = {"cpu": 80_000, "cuda": 4_000_000}
"""Pixels of a tile: few enough to be small in memory, and enough for the little that is done once for each to be
nothing."""

STRIP_PIXELS = {"cpu": 40_000, "cuda": 4_000_000}
"""Pixels of a strip of a tile, in which all phi steps of a group are summed: few enough to stay in the cache of a core,
and enough for an operation to take longer than the call to it."""

FEW = 64
"""Pixels up to which the plain path is quicker one by one than for the whole tile."""

MOST_BYTES = 320
"""More than a pixel takes in all buffers of a strip, or of a tile."""

EDGE = 0.5 - 1e-6

SURE = 1e-9
"""Of a cosine: more than its rounding, by far."""

AT_ONCE = 8
"""Groups that are added to a strip one after the other, while it is in the cache."""


@dataclass(frozen=True)
class SteppedCell:
    """A group of steps of a mosaic domain as one source sees it: ``vectors`` [3, 3] (1/m of path) whose v.q are h, k, l
    in its middle, ``straight_on`` [3, 1, 1] what they are straight ahead and at the first corner of the table of
    F_cell^2, ``changes`` [k, 3] those whose v.q are the slope and bend of r, ``incident`` the direction of the source,
    ``weights`` those of slope and bend at each step, ``planes`` [r, steps, 1] the same as a tensor, ``reach`` and
    ``bent`` the largest of them, and ``edge`` that of ``further_than``."""

    vectors: Any
    straight_on: Any
    changes: Any
    incident: Any
    weights: list
    planes: Any
    reach: float
    bent: float
    edge: float
    name: Any


class FastRenderer:
    """Renders rows of a scene. ``real`` is the dtype of what is periodic: float32 or float64. The phase of a round
    crystal is taken in float64 all the same, and only its sines in float32."""

    in_order = False

    def __init__(self, scene: Scene, real):
        self.scene, self.waves = scene, real
        self.near_edge = np.zeros(0, dtype=bool)  # rows of the last tile where interpolation may end
        real = torch.float64 if scene.shape == "round" else real
        self.real = real
        x0, x1, _, _ = scene.roi
        self.width = x1 - x0 + 1
        self.columns = range(x0, x0 + -(-self.width // COLUMNS) * COLUMNS)
        device = torch.device(scene.device).type
        self.rows = max(1, TILE_PIXELS[device] // len(self.columns))
        self.strip_rows = max(1, STRIP_PIXELS[device] // len(self.columns))
        self.made_up = rounding_of_shares(scene, real)
        self.table, first, self.sizes = _table(scene, self.made_up, real)
        self.first = torch.tensor(first, dtype=torch.float64, device=scene.device)[:, None, None]
        self.interpolation = Interpolation(scene.F, first, self.made_up**0.5, real) if scene.F.interpolate else None
        self.flat_columns: dict[int, FlatColumns] = {}
        self.everywhere = replace(scene, mask=None)
        self.ever_turned = replace(scene, first_cells={})
        self.sources = list(scene.illumination.sources)
        self.of_one_ray = factors_of(scene, real) if reached_by_one_ray(scene) else None
        light = scene.illumination
        self.water_beside = scene.has_water and not scene.water_like_spots
        self.water = number(water_background(scene.water_size, light.fluence)) if scene.water_like_spots else 0.0
        self._prepare()

    def _prepare(self) -> None:
        """What the sum over steps needs for all tiles."""
        in_turn = self.scene.running_product
        among_peaks = not may_be_between_peaks(self.scene, max(self.scene.lattice.cells))
        wide = among_peaks and self.scene.shape in ("square", "round")
        self.reach = WIDE if wide else (MOST_CYCLES, MOST_INDEX)
        self.groups = phi_groups(self.scene, 1 if in_turn else MOST_STEPS, reach=self.reach)
        together = same_but_for_wavelength(self.scene)
        self.sources = [source for source, _ in together]
        self.scales = {id(source): scales for source, scales in together}
        self.sweeps: dict[int, list[SteppedCell]] = {}
        self.q = largest_q(self.scene)
        spots = NarrowSpots(self.scene, self.groups) if self.scene.shape in ("gauss", "tophat") else None
        self.spots = spots if spots and spots.few and not ends_somewhere(self.scene) else None
        if has_width_like_c(self.scene) and not self.spots and not in_turn:
            self.groups = phi_groups(self.scene, 1)
        self.nowhere = torch.zeros(0, dtype=torch.int64, device=self.scene.device)
        self.workspaces: dict[int, Workspace] = {}
        width, device = len(self.columns), self.scene.device
        self.strip_memory = LargePages(self.strip_rows * width * MOST_BYTES, device)
        self.tile_memory = LargePages(self.rows * width * MOST_BYTES, device)

    def workspace(self, rows: int) -> Workspace:
        """The buffers of strips of some rows, all in the same memory; on other devices those of other strips are let
        go."""
        if rows not in self.workspaces:
            shape = rows, len(self.columns)
            if torch.device(self.scene.device).type != "cpu":
                self.workspaces.clear()
            self.workspaces[rows] = Workspace(self.scene, shape, self.real, self.waves, self.strip_memory)
        return self.workspaces[rows]

    def _rays(self, tile: Tile, index: SubpixelIndex) -> FlatRays | CurvedRays:
        """The rays to one sub-pixel of every pixel of a tile."""
        if self.scene.geometry.curved:
            return CurvedRays(self.scene, tile, index)
        return self._flat_rays(tile, index)

    def _flat_rays(self, tile: Tile, index: SubpixelIndex) -> FlatRays:
        if index.fast not in self.flat_columns:
            self.flat_columns[index.fast] = FlatColumns(self.scene, tile.fast, index.fast)
        return FlatRays(self.scene, tile, index, self.flat_columns[index.fast])

    def render_rows(self, rows: range):
        """Values (photons) of some rows, at most ``self.rows``, as float64 [rows, width], and the sum of the solid
        angles (sr) of each."""
        scene = self.scene
        tile = make_tile(self.everywhere, rows, self.columns)
        self.near_edge = np.zeros(len(rows), dtype=bool)
        if self.of_one_ray:
            return self._rows_of_one_ray(rows, tile, self.of_one_ray)
        pixels = PixelSums(self.ever_turned, tile, digits_off=True)
        pixels.total = pixels.total + self.water
        for layer in range(scene.geometry.layers):
            for sub_slow in range(scene.oversample):
                for sub_fast in range(scene.oversample):
                    self._add_subpixel(pixels, self._rays(tile, SubpixelIndex(layer, sub_slow, sub_fast)))
        values = finish(pixels, pixel_background(scene, tile) if self.water_beside else 0.0)
        self._mend(values, rows)
        values = values[:, : self.width]
        omega = (pixels.omega_sum + torch.zeros(tile.shape, dtype=torch.float64, device=scene.device))[:, : self.width]
        return self._masked(values, rows), self._masked(omega, rows).sum(dim=1)

    def _rows_of_one_ray(self, rows: range, tile: Tile, factors: RayFactors):
        """As ``render_rows``, with all factors at once; only a flat detector is reached by one ray."""
        scene = self.scene
        source, = scene.illumination.sources
        rays = self._flat_rays(tile, SubpixelIndex(0, 0, 0))
        self.tile_memory.clear()
        rays.inverse, omega, factor = ray_factors(*factors.arguments(rays), memory=self.tile_memory)
        rays.culled = self._culled(rays, source)
        total = self._sum_of_steps(rays, source)
        if rays.culled is not None:
            total = total.masked_fill(rays.culled, 0.0)
        if scene.water_like_spots:
            total = total + self.water / number(source.weight)
        values = _weighted(total, factor, factors.scale)
        if self.water_beside:
            values += pixel_background(scene, tile)
        self._mend(values, rows)
        values = values[:, : self.width]
        angles = self._masked(omega[:, : self.width], rows).sum(dim=1, dtype=torch.float64)
        return self._masked(values, rows), angles.mul_(factors.area)

    def _masked(self, values, rows: range):
        if self.scene.mask is None:
            return values
        x0, x1, _, _ = self.scene.roi
        return values.masked_fill(~self.scene.mask[rows.start : rows.stop, x0 : x1 + 1], 0.0)

    def _add_subpixel(self, pixels: PixelSums, rays: FlatRays | CurvedRays) -> None:
        pixels.enter(rays)
        for source in self.sources:
            rays.culled = culled = self._culled(rays, source)
            pixels.polarization.take(source, rays.diffracted, culled, quick=True)
            for term in self._terms(rays, source):
                pixels.add(term, pixels.inside(source), culled, None)

    def _culled(self, rays: FlatRays | CurvedRays, source):
        """Which pixels are beyond the resolution (bool); None without a limit.

        On a flat detector |q|^2 is (1 + i.i - 2 d.i)/l^2; where some pixel is so near the limit that rounding counts,
        the plain formula is asked, by the d of the plain path."""
        if not self.scene.d_min > 0.0:
            return None
        located: Any = rays
        if isinstance(rays, FlatRays):
            i = torch.tensor([[number(x) for x in source.incident]], dtype=torch.float64, device=self.scene.device)
            limit = (number(source.wavelength) / number(self.scene.d_min)) ** 2
            along = rays.components(rays.parts(i), slice(None), i.new_empty((1, *rays.tile.shape)))[0]
            inside = along.sub_(0.5 * (1.0 + float((i * i).sum()) - limit))
            culled = inside < 0.0
            if float(inside.abs_().amin()) > SURE:
                return culled
            located = locate(self.scene, rays.tile, *rays.index)
        return beyond_resolution(scattering_vector(located.diffracted, source.incident, source.wavelength),
                                 self.scene.d_min)

    def _strips(self, rays: FlatRays | CurvedRays) -> list[slice]:
        """The rows of a tile in strips, but for those that are all beyond the resolution of a single ray."""
        height = rays.tile.shape[0]
        count = -(-height // self.strip_rows)
        edges = [height * number // count for number in range(count + 1)]
        strips = [slice(start, stop) for start, stop in pairwise(edges)]
        if rays.culled is None:
            return strips
        lit = ~rays.culled.all(dim=1)
        return [rows for rows in strips if lit[rows].any()]

    def _terms(self, rays: FlatRays | CurvedRays, source) -> Iterator:
        """What one source adds: the sum over its steps, or where the order counts each in its turn, domains fastest."""
        self.tile_memory.clear()
        if not self.scene.running_product or self.scene.spindle.steps * self.scene.domains == 1:
            yield self._sum_of_steps(rays, source)
            return
        alone = {(group.steps, domain): group for domain, group in groups_of_domains(self.scene, self.groups)}
        for (_, domain), group in sorted(alone.items(), key=lambda entry: entry[0]):
            self.tile_memory.clear()
            yield self._sum_of_groups(rays, source, [(domain, group)])

    def _sum_of_steps(self, rays: FlatRays | CurvedRays, source):
        """sum F_cell^2 F_latt^2 over phi steps, mosaic domains, and wavelengths that are taken like them, float64."""
        if self.spots:
            return self._sum_of_groups(rays, source, groups_of_domains(self.scene, self.groups))
        if id(source) not in self.sweeps:
            scales = self.scales[id(source)]
            groups = phi_groups(self.scene, scales=scales, reach=self.reach) if len(scales) > 1 else self.groups
            self.sweeps[id(source)] = [self._sweep(source, *entry) for entry in groups_of_domains(self.scene, groups)]
        return self._sum_of_sweeps(rays, self.sweeps[id(source)])

    def _sum_of_groups(self, rays: FlatRays | CurvedRays, source, groups: Iterable[tuple[int, PhiGroup]]):
        """sum F_cell^2 F_latt^2 over some groups of mosaic domains, float64."""
        if not self.spots:
            return self._sum_of_sweeps(rays, [self._sweep(source, *entry) for entry in groups])
        total = torch.zeros(rays.tile.shape, dtype=torch.float64, device=self.scene.device)
        self.spots.add(rays, source, groups, total)
        return total

    def _sweep(self, source, domain: int, group: PhiGroup) -> SteppedCell:
        """A group of a mosaic domain as a source sees it."""
        paths = np.concatenate([group.cell, *(plane * self._periods() for plane in group.planes)])
        seen = torch.as_tensor(paths / number(source.wavelength), device=self.scene.device)
        vectors, changes = seen[:3], seen[3:]
        straight_on = dot(vectors.T, source.incident)[:, None, None] + self.first
        planes = torch.as_tensor(group.weights.T[:, :, None], device=self.scene.device).to(self.real)
        reach, bent = (float(abs(group.weights[:, i]).max()) if len(group.planes) > i else 0.0 for i in range(2))
        bend = bent * np.linalg.norm(group.planes[1], axis=1).max() * self.q if bent else 0.0
        return SteppedCell(vectors, straight_on, changes, source.incident, group.weights.tolist(), planes, reach,
                           bent, EDGE - float(bend), (id(source), domain, group.steps))

    def _periods(self) -> np.ndarray:
        """What makes r of h, k and l: [3, 1]."""
        periods = np.array(self.scene.lattice.cells, dtype=float)[:, None]
        return periods * (np.pi if self.scene.shape == "square" else 1.0)

    def _sum_of_sweeps(self, rays: FlatRays | CurvedRays, sweeps: list[SteppedCell]):
        """sum F_cell^2 F_latt^2 over all steps of some sweeps, float64."""
        total = self.tile_memory.take(rays.tile.shape, torch.float64).zero_()
        strips = self._strips(rays)
        for start in range(0, len(sweeps), AT_ONCE) if strips else ():
            some = [(sweep, self._parts(rays, sweep)) for sweep in sweeps[start : start + AT_ONCE]]
            for rows in strips:
                for sweep, parts in some:
                    self._add_strip(rays, rows, sweep, parts, total)
        return total

    def _parts(self, rays: FlatRays | CurvedRays, sweep: SteppedCell) -> tuple:
        """What rays make of the vectors of a sweep: that for h, k, l, and that for slope and bend, if any."""
        of_h = rays.parts(sweep.vectors, sweep.name)
        if not sweep.weights[0]:
            return of_h, None
        return of_h, rays.parts_of_changes(sweep.changes, sweep.incident, sweep.name, self.real)

    def _add_strip(self, rays: FlatRays | CurvedRays, rows: slice, sweep: SteppedCell, parts, total) -> None:
        """Add a sweep to some rows of ``total``, step by step for the pixels whose nearest reflection may change
        within it."""
        scene, work = self.scene, self.workspace(rows.stop - rows.start)
        self._project(rays, rows, sweep, parts, work)
        edge = self.interpolation.squares(work.hkl, work.F2) if self.interpolation else None
        moving = len(sweep.changes) > 0
        reduce_indices(work, moving, (sweep.reach, sweep.bent) if self.reach != WIDE else None)
        if edge is not None:
            work.partial.copy_(work.F2)
        if edge is not None or not self.interpolation:
            look_up(self.table, self.sizes, work)
        if edge is not None:
            torch.where(edge.known, work.partial, work.F2, out=work.F2)
            near = edge.near if rays.culled is None else edge.near & ~rays.culled[rows]
            self.near_edge[rows] |= near[:, : self.width].any(dim=1).cpu().numpy()
        leaving = self.nowhere
        if moving and (scene.F.count or not work.square_shape):
            leaving = further_than(sweep.edge, work, sweep.reach)
        squares = sum_steps(scene, work, sweep.weights, leaving)
        work.sum.mul_(work.F2)
        if len(leaving):
            found = sum_leaving(self.table, self.sizes, work, sweep.planes, leaving, squares)
            work.sum.view(-1).index_copy_(0, leaving, found)
        total[rows].add_(work.spare[0].copy_(work.sum))

    def _project(self, rays: FlatRays | CurvedRays, rows: slice, sweep: SteppedCell, parts, work: Workspace) -> None:
        """h, k, l, and slope and bend, of some rows."""
        of_h, of_changes = parts
        rays.components(of_h, rows, work.hkl).sub_(sweep.straight_on)
        if of_changes is not None:
            rays.changes(of_changes, rows, work.changes[: len(sweep.changes)])

    def _mend(self, values, rows: range) -> None:
        """By the plain path: pixels that came out 0/0, and those that start a sweep unturned."""
        x0 = self.scene.roi[0]
        first = [(slow, fast) for slow, fast in self.scene.first_turned if slow in rows]
        if not first and not bool(values.sum().isnan()):
            return
        values = values[:, : self.width]
        undefined = values.isnan()
        where = [*first, *((rows.start + slow, x0 + fast) for slow, fast in undefined.nonzero().tolist())]
        if len(where) > FEW:
            whole, _ = render_tile(self.scene, make_tile(self.everywhere, rows, range(x0, x0 + self.width)))
            values[undefined] = whole[undefined]
            where = first
        for slow, fast in where:
            pixel = make_tile(self.everywhere, range(slow, slow + 1), range(fast, fast + 1))
            values[slow - rows.start, fast - x0] = render_tile(self.scene, pixel)[0][0, 0]


def _weighted(total, factor, scale):
    return total.mul_(factor).mul_(scale)


def _table(scene: Scene, factor: float, real):
    """F_cell^2 times a factor as ``real``, flat, with BORDER rings of default_F around the reflections (of which the
    scene's has one), the indices of its first corner, and the lengths of its axes; of default_F alone without
    reflections."""
    F = scene.F
    default = number(F.default_F) ** 2 * factor
    inner = [high - low + 3 for low, high in zip(F.low, F.high, strict=True)]
    first, sizes = [low - BORDER for low in F.low], [size + 2 * (BORDER - 1) for size in inner]
    table = torch.full(sizes, default, dtype=real, device=scene.device)
    if F.count:
        part = table
        for axis, size in enumerate(inner):
            part = part.narrow(axis, BORDER - 1, size)
        part.copy_((F.squares * factor).view(inner))
    return table.view(-1), first, sizes
