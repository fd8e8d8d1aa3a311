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
from dataclasses import replace

import numpy as np
import torch

from nanobrag_torch.physics.arithmetic import number
from nanobrag_torch.physics.background import water_background
from nanobrag_torch.physics.scattering import beyond_resolution, nearest_indices, scattering_vector
from nanobrag_torch.physics.structure_factor import nearest_F_squared
from nanobrag_torch.physics.tricubic import interpolate_squares
from nanobrag_torch.physics.vectors import dot
from nanobrag_torch.render.lattice_sum import (
    Workspace,
    furthest_from_nearest,
    look_up,
    reduce_indices,
    rounding_of_shares,
    sum_steps,
)
from nanobrag_torch.render.narrow_spots import NarrowSpots, has_width_like_c
from nanobrag_torch.render.phi_groups import MOST_STEPS, PhiGroup, cells_of, groups_of_domains, phi_groups
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

STRIP_PIXELS = {"cpu": 20_000, "cuda": 4_000_000}
"""Pixels of a strip of a tile, in which all phi steps of a group are summed: few enough to stay in the cache of a core,
and enough for an operation to take longer than the call to it."""

FEW = 64
"""Pixels up to which the plain path is quicker one by one than for the whole tile."""

EDGE = 0.5 - 1e-6


class FastRenderer:
    """Renders rows of a scene. ``real`` is the dtype of what is periodic: float32 or float64."""

    in_order = False

    def __init__(self, scene: Scene, real, tile_pixels: int | None = None):
        self.scene, self.real = scene, real
        x0, x1, _, _ = scene.roi
        self.width = x1 - x0 + 1
        self.columns = range(x0, x0 + -(-self.width // COLUMNS) * COLUMNS)
        device, size = torch.device(scene.device).type, real.itemsize // 4
        self.rows = max(1, (tile_pixels or TILE_PIXELS[device] // size) // len(self.columns))
        self.strip_rows = max(1, STRIP_PIXELS[device] // size // len(self.columns))
        self.made_up = rounding_of_shares(scene, real)
        self.table, self.low, self.high = _table(scene, self.made_up, real)
        self.flat_columns: dict[int, FlatColumns] = {}
        self.everywhere = replace(scene, mask=None)
        self.ever_turned = replace(scene, first_cells={})
        self.ray_factors, self.weighted = ray_factors, _weighted
        self.of_one_ray = factors_of(scene, real) if reached_by_one_ray(scene) else None
        light = scene.illumination
        self.water_beside = scene.has_water and not scene.water_like_spots
        self.water = number(water_background(scene.water_size, light.fluence)) if scene.water_like_spots else 0.0
        self._prepare()

    def _prepare(self) -> None:
        """What the sum over steps needs for all tiles."""
        in_turn = self.scene.running_product
        self.groups = phi_groups(self.scene, 1 if in_turn else MOST_STEPS)
        spots = NarrowSpots(self.scene, self.groups) if self.scene.shape in ("gauss", "tophat") else None
        self.spots = spots if spots and spots.few else None
        if has_width_like_c(self.scene) and not self.spots and not in_turn:
            self.groups = phi_groups(self.scene, 1)
        self.nowhere = torch.zeros(0, dtype=torch.int64, device=self.scene.device)
        self.workspaces: dict[int, Workspace] = {}

    def workspace(self, rows: int) -> Workspace:
        """The buffers of strips of some rows; those of other strips are let go."""
        if rows not in self.workspaces:
            self.workspaces = {rows: Workspace(self.scene, (rows, len(self.columns)), self.real)}
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
        rays.inverse, omega, factor = self.ray_factors(*factors.arguments(rays))
        rays.culled = self._culled(rays, source)
        total = self._sum_of_steps(rays, source)
        if rays.culled is not None:
            total = total.masked_fill(rays.culled, 0.0)
        if scene.water_like_spots:
            total = total + self.water / number(source.weight)
        values = self.weighted(total, factor, factors.scale)
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
        for source in self.scene.illumination.sources:
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
        """sum F_cell^2 F_latt^2 over phi steps and mosaic domains, float64."""
        return self._sum_of_groups(rays, source, groups_of_domains(self.scene, self.groups))

    def _sum_of_groups(self, rays: FlatRays | CurvedRays, source, groups: Iterable[tuple[int, PhiGroup]]):
        """sum F_cell^2 F_latt^2 over some groups of mosaic domains, float64."""
        total = torch.zeros(rays.tile.shape, dtype=torch.float64, device=self.scene.device)
        if self.spots:
            self.spots.add(rays, source, groups, total)
            return total
        strips = self._strips(rays)
        for domain, group in groups if strips else ():
            vectors, weights = self._vectors(group, source), group.weights.tolist()
            projections = rays.parts(vectors), dot(vectors.T, source.incident)[:, None, None]
            leaving, squares = [], []
            for rows in strips:
                numbers, leaving_squares = self._add_strip(rays, rows, group, projections, weights, total)
                leaving.append(numbers + rows.start * total.shape[1])
                squares.append(leaving_squares)
            numbers = torch.cat(leaving)
            if len(numbers):
                F2 = self._squares_at_each_step(rays, source, group, domain, numbers) * self.made_up
                total.view(-1).index_add_(0, numbers, torch.cat(squares, dim=1).double().mul_(F2).sum(dim=0))
        return total

    def _add_strip(self, rays: FlatRays | CurvedRays, rows: slice, group: PhiGroup, projections, weights, total):
        """Add a group to some rows of ``total``, but for the pixels whose nearest reflection may change within it:
        returns their flat numbers, and their F_latt^2 [steps, n]."""
        scene, work = self.scene, self.workspace(rows.stop - rows.start)
        self._project(rays, rows, group, projections, work)
        interpolated = work.hkl.clone() if scene.F.interpolate else None
        reduce_indices(work, len(group.planes) > 0)
        look_up(self.table, self.low, self.high, work)
        if interpolated is not None:
            interpolate_squares(scene.F, interpolated, work.F2)
        leaving = self._leaving(group, work)
        squares = sum_steps(scene, work, weights, leaving)
        work.sum.view(-1).index_fill_(0, leaving, 0.0)
        total[rows].add_(work.sum.mul_(work.F2))
        return leaving, squares

    def _vectors(self, group: PhiGroup, source):
        """The vectors v [k, 3] (1/m of path) whose v.q are h, k, l in the middle of a group, and the slope and bend
        of r along it."""
        periods = np.array(self.scene.lattice.cells, dtype=float)[:, None]
        periods = periods * (np.pi if self.scene.shape == "square" else 1.0)
        vectors = [group.cell, *(plane * periods for plane in group.planes)]
        return torch.as_tensor(np.concatenate(vectors) / number(source.wavelength), device=self.scene.device)

    def _project(self, rays: FlatRays | CurvedRays, rows: slice, group: PhiGroup, projections, work: Workspace) -> None:
        """h, k, l, and slope and bend, of some rows."""
        parts, straight_on = projections
        for plane, change in enumerate((work.hkl, work.slope, work.bend)[: 1 + len(group.planes)]):
            which = slice(3 * plane, 3 * plane + 3)
            exact = change if change.dtype == torch.float64 else work.spare
            rays.components(parts, which, rows, exact).sub_(straight_on[which])
            if exact is not change:
                change.copy_(exact)

    def _leaving(self, group: PhiGroup, work: Workspace):
        """Flat numbers of the pixels whose nearest reflection may change within a group."""
        if not len(group.planes) or self.scene.F.count == 0:
            return self.nowhere
        reach = float(abs(group.weights[:, 0]).max())
        return torch.nonzero(furthest_from_nearest(work, reach).view(-1) > EDGE)[:, 0]

    def _squares_at_each_step(self, rays: FlatRays | CurvedRays, source, group: PhiGroup, domain: int, numbers):
        """F_cell^2 [steps, n] of some pixels (flat numbers), from h, k, l at each step."""
        cells = cells_of(self.scene, group.steps, domain)
        vectors = torch.as_tensor(cells.reshape(-1, 3) / number(source.wavelength), device=self.scene.device)
        hkl = rays.at(vectors, numbers // len(self.columns), numbers % len(self.columns))
        hkl -= dot(vectors.T, source.incident)[:, None]
        return nearest_F_squared(self.scene.F, nearest_indices(hkl.unflatten(0, (-1, 3)).unbind(dim=1)))

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
