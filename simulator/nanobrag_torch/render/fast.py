"""The fast renderer: the sum of render.py over a tile, with the same factors, in fewer and simpler passes.

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
from typing import Any

import numpy as np
import torch

from nanobrag_torch.physics.arithmetic import number
from nanobrag_torch.physics.background import water_background
from nanobrag_torch.physics.scattering import beyond_resolution, scattering_vector
from nanobrag_torch.physics.tricubic import interpolate_squares, pairs_of_neighbours
from nanobrag_torch.physics.vectors import dot
from nanobrag_torch.render.lattice_sum import (
    Workspace,
    further_than,
    look_up,
    offsets_into,
    reduce_indices,
    rounding_of_shares,
    sum_steps,
)
from nanobrag_torch.render.narrow_spots import NarrowSpots, has_width_like_c
from nanobrag_torch.render.phi_groups import (
    MOST_STEPS,
    PhiGroup,
    groups_of_domains,
    largest_q,
    phi_groups,
    same_but_for_wavelength,
)
from nanobrag_torch.render.plain import PixelSums, finish, pixel_background, render_tile
from nanobrag_torch.render.ray_step import RayFactors, factors_of, ray_factors, reached_by_one_ray
from nanobrag_torch.render.rays import CurvedRays, FlatColumns, FlatRays
from nanobrag_torch.render.scene import Scene
from nanobrag_torch.render.tile import Tile, make_tile

COLUMNS = 32
"""Columns are padded to a multiple of this, the most numbers that a vector loop takes at once."""

TILE_PIXELS = {"cpu": 80_000, "cuda": 4_000_000}
"""Pixels of a tile in float32, half as many in float64: few enough to be small in memory, and enough for the little
that is done once for each to be nothing."""

STRIP_PIXELS = {"cpu": 40_000, "cuda": 4_000_000}
"""Pixels of a strip of a tile, in which all phi steps of a group are summed: few enough to stay in the cache of a core,
and enough for an operation to take longer than the call to it."""

FEW = 64
"""Pixels up to which the plain path is quicker one by one than for the whole tile."""

EDGE = 0.5 - 1e-6

AT_ONCE = 8
"""Groups that are added to a strip one after the other, while it is in the cache."""


@dataclass(frozen=True)
class SteppedCell:
    """A group of steps of a mosaic domain as one source sees it: ``vectors`` [k, 3] (1/m of path) whose v.q are h, k, l
    in its middle, and the slope and bend of r along it, ``straight_on`` [k, 1, 1] what they are straight ahead,
    ``weights`` those of slope and bend at each step, and ``reach`` and ``edge`` those of ``further_than``."""

    vectors: Any
    straight_on: Any
    weights: list
    reach: float
    edge: float
    name: Any


class FastRenderer:
    """Renders rows of a scene. ``real`` is the dtype of what is periodic: float32 or float64. The phase of a round
    crystal is taken in float64 all the same, and only its sines in float32."""

    in_order = False

    def __init__(self, scene: Scene, real):
        self.scene, self.waves = scene, real
        real = torch.float64 if scene.shape == "round" else real
        self.real = real
        x0, x1, _, _ = scene.roi
        self.width = x1 - x0 + 1
        self.columns = range(x0, x0 + -(-self.width // COLUMNS) * COLUMNS)
        device, size = torch.device(scene.device).type, real.itemsize // 4
        self.rows = max(1, TILE_PIXELS[device] // size // len(self.columns))
        self.strip_rows = max(1, STRIP_PIXELS[device] // size // len(self.columns))
        self.made_up = rounding_of_shares(scene, real)
        self.table, self.low, self.high = _table(scene, self.made_up, real)
        self.pairs = pairs_of_neighbours(scene.F, self.made_up**0.5, real) if scene.F.interpolate else None
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
        self.groups = phi_groups(self.scene, 1 if in_turn else MOST_STEPS)
        together = same_but_for_wavelength(self.scene)
        self.sources = [source for source, _ in together]
        self.scales = {id(source): scales for source, scales in together}
        self.sweeps: dict[int, list[SteppedCell]] = {}
        self.q = largest_q(self.scene)
        spots = NarrowSpots(self.scene, self.groups) if self.scene.shape in ("gauss", "tophat") else None
        self.spots = spots if spots and spots.few else None
        if has_width_like_c(self.scene) and not self.spots and not in_turn:
            self.groups = phi_groups(self.scene, 1)
        self.nowhere = torch.zeros(0, dtype=torch.int64, device=self.scene.device)
        self.workspaces: dict[int, Workspace] = {}

    def workspace(self, rows: int) -> Workspace:
        """The buffers of strips of some rows; those of other strips are let go."""
        if rows not in self.workspaces:
            self.workspaces = {rows: Workspace(self.scene, (rows, len(self.columns)), self.real, self.waves)}
        return self.workspaces[rows]

    def _rays(self, tile: Tile, index: tuple[int, int, int]) -> FlatRays | CurvedRays:
        """The rays to one sub-pixel of every pixel of a tile."""
        if self.scene.geometry.curved:
            return CurvedRays(self.scene, tile, index)
        return self._flat_rays(tile, index)

    def _flat_rays(self, tile: Tile, index: tuple[int, int, int]) -> FlatRays:
        if index[2] not in self.flat_columns:
            self.flat_columns[index[2]] = FlatColumns(self.scene, tile.fast, index[2])
        return FlatRays(self.scene, tile, index, self.flat_columns[index[2]])

    def render_rows(self, rows: range):
        """Values (photons) of some rows, at most ``self.rows``, as float64 [rows, width], and the sum of the solid
        angles (sr) of each."""
        scene = self.scene
        tile = make_tile(self.everywhere, rows, self.columns)
        if self.of_one_ray:
            return self._rows_of_one_ray(rows, tile, self.of_one_ray)
        pixels = PixelSums(self.ever_turned, tile)
        pixels.total = pixels.total + self.water
        for layer in range(scene.geometry.layers):
            for sub_slow in range(scene.oversample):
                for sub_fast in range(scene.oversample):
                    self._add_subpixel(pixels, self._rays(tile, (layer, sub_slow, sub_fast)))
        values = finish(pixels, pixel_background(scene, tile) if self.water_beside else 0.0)
        self._mend(values, rows)
        values = values[:, : self.width]
        omega = (pixels.omega_sum + torch.zeros(tile.shape, dtype=torch.float64, device=scene.device))[:, : self.width]
        return self._masked(values, rows), self._masked(omega, rows).sum(dim=1)

    def _rows_of_one_ray(self, rows: range, tile: Tile, factors: RayFactors):
        """As ``render_rows``, with all factors at once; only a flat detector is reached by one ray."""
        scene = self.scene
        source, = scene.illumination.sources
        rays = self._flat_rays(tile, (0, 0, 0))
        rays.inverse, omega, factor = ray_factors(*factors.arguments(rays))
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
            culled = self._culled(rays, source)
            pixels.polarize(source, rays.diffracted, culled)
            for term in self._terms(rays, source):
                pixels.add(term, pixels.inside(source), culled, None)

    def _culled(self, rays: FlatRays | CurvedRays, source):
        """Which pixels are beyond the resolution (bool); None without a limit."""
        if not self.scene.d_min > 0.0:
            return None
        return beyond_resolution(scattering_vector(rays.diffracted, source.incident, source.wavelength),
                                 self.scene.d_min)

    def _strips(self, rays: FlatRays | CurvedRays) -> list[slice]:
        """The rows of a tile in strips, but for those that are all beyond the resolution of a single ray."""
        height = rays.tile.shape[0]
        strips = [slice(start, min(start + self.strip_rows, height)) for start in range(0, height, self.strip_rows)]
        if rays.culled is None:
            return strips
        lit = ~rays.culled.all(dim=1)
        return [rows for rows in strips if lit[rows].any()]

    def _terms(self, rays: FlatRays | CurvedRays, source) -> Iterator:
        """What one source adds: the sum over its steps, or where the order counts each in its turn, domains fastest."""
        if not self.scene.running_product or self.scene.spindle.steps * self.scene.domains == 1:
            yield self._sum_of_steps(rays, source)
            return
        alone = {(group.steps, domain): group for domain, group in groups_of_domains(self.scene, self.groups)}
        for (_, domain), group in sorted(alone.items(), key=lambda entry: entry[0]):
            yield self._sum_of_groups(rays, source, [(domain, group)])

    def _sum_of_steps(self, rays: FlatRays | CurvedRays, source):
        """sum F_cell^2 F_latt^2 over phi steps, mosaic domains, and wavelengths that are taken like them, float64."""
        if self.spots:
            return self._sum_of_groups(rays, source, groups_of_domains(self.scene, self.groups))
        if id(source) not in self.sweeps:
            scales = self.scales[id(source)]
            groups = phi_groups(self.scene, scales=scales) if len(scales) > 1 else self.groups
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
        vectors = torch.as_tensor(paths / number(source.wavelength), device=self.scene.device)
        reach, bent = (float(abs(group.weights[:, i]).max()) if len(group.planes) > i else 0.0 for i in range(2))
        bend = bent * np.linalg.norm(group.planes[1], axis=1).max() * self.q if bent else 0.0
        return SteppedCell(vectors, dot(vectors.T, source.incident)[:, None, None], group.weights.tolist(), reach,
                     EDGE - float(bend), (id(source), domain, group.steps))

    def _periods(self) -> np.ndarray:
        """What makes r of h, k and l: [3, 1]."""
        periods = np.array(self.scene.lattice.cells, dtype=float)[:, None]
        return periods * (np.pi if self.scene.shape == "square" else 1.0)

    def _sum_of_sweeps(self, rays: FlatRays | CurvedRays, sweeps: list[SteppedCell]):
        """sum F_cell^2 F_latt^2 over all steps of some sweeps, float64."""
        total = torch.zeros(rays.tile.shape, dtype=torch.float64, device=self.scene.device)
        strips = self._strips(rays)
        for start in range(0, len(sweeps), AT_ONCE) if strips else ():
            some: list[tuple[SteppedCell, Any, list]] = [
                (sweep, rays.parts(sweep.vectors, sweep.name), []) for sweep in sweeps[start : start + AT_ONCE]]
            for rows in strips:
                for sweep, parts, found in some:
                    numbers, squares = self._add_strip(rays, rows, sweep, parts, total)
                    if len(numbers):
                        found.append((numbers + rows.start * total.shape[1], squares))
            for sweep, _, found in some:
                self._add_leaving(rays, sweep, found, total)
        return total

    def _add_strip(self, rays: FlatRays | CurvedRays, rows: slice, sweep: SteppedCell, parts, total):
        """Add a sweep to some rows of ``total``, but for the pixels whose nearest reflection may change within it:
        returns their flat numbers, and their F_latt^2 [steps, n]."""
        scene, work = self.scene, self.workspace(rows.stop - rows.start)
        self._project(rays, rows, sweep, parts, work)
        interpolated = work.hkl.clone() if scene.F.interpolate else None
        moving = len(sweep.vectors) > 3
        reduce_indices(work, moving)
        look_up(self.table, self.low, self.high, work)
        if interpolated is not None:
            interpolate_squares(scene.F, self.pairs, interpolated, work.F2)
        leaving = self.nowhere
        if moving and scene.F.count:
            leaving = further_than(sweep.edge, work, sweep.reach)
        squares = sum_steps(scene, work, sweep.weights, leaving)
        if len(leaving):
            work.sum.view(-1).index_fill_(0, leaving, 0.0)
        total[rows].add_(work.spare[0].copy_(work.sum.mul_(work.F2)))
        return leaving, squares

    def _project(self, rays: FlatRays | CurvedRays, rows: slice, sweep: SteppedCell, parts, work: Workspace) -> None:
        """h, k, l, and slope and bend, of some rows."""
        for plane, change in enumerate((work.hkl, work.slope, work.bend)[: len(sweep.vectors) // 3]):
            which = slice(3 * plane, 3 * plane + 3)
            exact = change if change.dtype == torch.float64 else work.spare
            rays.components(parts, which, rows, exact).sub_(sweep.straight_on[which])
            if exact is not change:
                change.copy_(exact)

    def _add_leaving(self, rays: FlatRays | CurvedRays, sweep: SteppedCell, found: list, total) -> None:
        """Add the pixels whose nearest reflection may change within a sweep, with F_cell^2 of each step."""
        if not found:
            return
        numbers, squares = (torch.cat(parts, dim=-1) for parts in zip(*found, strict=True))
        parts = rays.at(sweep.vectors, numbers // len(self.columns), numbers % len(self.columns))
        h, *changes = parts.sub_(sweep.straight_on[:, :, 0]).unflatten(0, (-1, 3))
        periods = torch.as_tensor(self._periods(), device=self.scene.device)
        changes = [change / periods for change in changes]
        at_steps = torch.empty((3, len(sweep.weights), len(numbers)), dtype=torch.float64, device=self.scene.device)
        for step, weights in enumerate(sweep.weights):
            out = torch.sub(h, 0.5, out=at_steps[:, step])
            for change, weight in zip(changes, weights, strict=True):
                out.add_(change, alpha=weight)
        places = offsets_into(at_steps.ceil_(), self.low, self.high).to(torch.int32)
        F2 = torch.index_select(self.table, 0, places.view(-1)).view(places.shape)
        total.view(-1).index_add_(0, numbers, squares.mul_(F2).sum(dim=0, dtype=torch.float64))

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
    """F_cell^2 times a factor as ``real``, with the first and last index along each axis; a single value without
    reflections."""
    if scene.F.count == 0:
        square = torch.full((27,), number(scene.F.default_F) ** 2 * factor, dtype=real, device=scene.device)
        return square, (0, 0, 0), (0, 0, 0)
    return (scene.F.squares * factor).to(real), scene.F.low, scene.F.high
