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

from dataclasses import replace

import numpy as np
import torch

from nanobrag_torch.arithmetic import number
from nanobrag_torch.lattice_sum import Workspace, furthest_from_nearest, look_up, reduce_indices, sum_steps
from nanobrag_torch.phi_groups import PhiGroup, groups_of_domains, phi_groups
from nanobrag_torch.ray_step import factors_of, ray_factors, reached_by_one_ray
from nanobrag_torch.rays import Rays, rays_of
from nanobrag_torch.render import PixelSums, Tile, finish, locate, make_tile, pixel_background, render_tile
from nanobrag_torch.scattering import beyond_resolution, miller_indices, nearest_indices, scattering_vector
from nanobrag_torch.scene import Scene
from nanobrag_torch.structure_factor import nearest_F_squared
from nanobrag_torch.tricubic import interpolate_squares
from nanobrag_torch.vectors import dot

COLUMNS = 32
"""Columns are padded to a multiple of this, the most numbers that a vector loop takes at once."""

TILE_PIXELS = {"cpu": 80_000, "cuda": 4_000_000}
"""Pixels of a tile in float32, half as many in float64: few enough to stay in a cache and small in memory, and enough
for an operation to take longer than the call to it."""

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
        tile_pixels = tile_pixels or TILE_PIXELS[torch.device(scene.device).type] * 4 // real.itemsize
        self.rows = max(1, tile_pixels // len(self.columns))
        self.table, self.low, self.high = _table(scene, real)
        self.everywhere = replace(scene, mask=None)
        self.ever_turned = replace(scene, first_cells={})
        self.ray_factors = ray_factors
        self.constants_of_rays = factors_of(scene) if reached_by_one_ray(scene) else None
        self._prepare()

    def _prepare(self) -> None:
        """What the sum over steps needs for all tiles."""
        self.groups = phi_groups(self.scene)
        self.workspaces: dict[int, Workspace] = {}

    def workspace(self, rows: int) -> Workspace:
        """The buffers of tiles of some rows; those of other tiles are let go."""
        if rows not in self.workspaces:
            self.workspaces = {rows: Workspace(self.scene, (rows, len(self.columns)), self.real)}
        return self.workspaces[rows]

    def render_rows(self, rows: range):
        """Values (photons) and solid angles (sr) of some rows, at most ``self.rows``, as float64 [rows, width]."""
        scene = self.scene
        tile = make_tile(self.everywhere, rows, self.columns)
        if self.constants_of_rays:
            return self._rows_of_one_ray(rows, tile)
        pixels = PixelSums(self.ever_turned, tile)
        for layer in range(scene.geometry.layers):
            for sub_slow in range(scene.oversample):
                for sub_fast in range(scene.oversample):
                    self._add_subpixel(pixels, rays_of(scene, tile, (layer, sub_slow, sub_fast)))
        background = pixel_background(scene, tile) if scene.has_water else 0.0
        values = finish(pixels, background)[:, : self.width]
        self._mend(values, rows)
        omega = (pixels.omega_sum + torch.zeros(tile.shape, dtype=torch.float64, device=scene.device))[:, : self.width]
        return self._masked(values, rows), self._masked(omega, rows)

    def _rows_of_one_ray(self, rows: range, tile: Tile):
        """As ``render_rows``, with all factors at once."""
        scene = self.scene
        source, = scene.illumination.sources
        rays = rays_of(scene, tile, (0, 0, 0))
        rays.inverse, omega, factor = self.ray_factors(torch.stack(rays.along_slow), torch.stack(rays.along_fast),
                                                       *self.constants_of_rays)
        values = self._sum_of_steps(rays, source).mul_(factor)
        if scene.has_water:
            values += pixel_background(scene, tile)
        values = values[:, : self.width]
        self._mend(values, rows)
        return self._masked(values, rows), self._masked(omega[:, : self.width], rows)

    def _masked(self, values, rows: range):
        if self.scene.mask is None:
            return values
        x0, x1, _, _ = self.scene.roi
        return values.masked_fill(~self.scene.mask[rows.start : rows.stop, x0 : x1 + 1], 0.0)

    def _add_subpixel(self, pixels: PixelSums, rays: Rays) -> None:
        pixels.enter(rays)
        for source in self.scene.illumination.sources:
            culled = None
            if self.scene.d_min > 0.0:
                culled = beyond_resolution(scattering_vector(rays.diffracted, source.incident, source.wavelength),
                                           self.scene.d_min)
            pixels.polarize(source, rays.diffracted, culled)
            pixels.add(self._sum_of_steps(rays, source), pixels.inside(source), culled, None)

    def _sum_of_steps(self, rays: Rays, source):
        """sum F_cell^2 F_latt^2 over phi steps and mosaic domains, float64."""
        scene, work = self.scene, self.workspace(len(rays.tile.slow))
        total = torch.zeros(work.shape, dtype=torch.float64, device=scene.device)
        for domain, group in groups_of_domains(scene, self.groups):
            self._project(rays, source, group, work)
            interpolated = work.hkl.clone() if scene.F.interpolate else None
            reduce_indices(work, len(group.planes) > 0)
            look_up(self.table, self.low, self.high, work)
            if interpolated is not None:
                interpolate_squares(scene.F, interpolated, work.F2)
            leaving, F2 = self._leaving(rays, source, group, domain, work)
            passed_by = sum_steps(scene, work, group.weights.tolist(), leaving, F2)
            if leaving is not None:
                work.sum.view(-1)[leaving] = 0.0
                total.view(-1).index_add_(0, leaving, passed_by)
            total.add_(work.sum.mul_(work.F2))
        return total

    def _project(self, rays: Rays, source, group: PhiGroup, work: Workspace) -> None:
        """h, k, l at the middle of a group, and the slope and bend of r along it, which are v.q of vectors v."""
        periods = np.array(self.scene.lattice.cells, dtype=float)[:, None] * (np.pi if work.square_shape else 1.0)
        vectors = [group.cell, *(plane * periods for plane in group.planes)]
        vectors = torch.as_tensor(np.concatenate(vectors) / number(source.wavelength), device=self.scene.device)
        parts, straight_on = rays.parts(vectors), dot(vectors.T, source.incident)[:, None, None]
        for plane, change in enumerate((work.hkl, work.slope, work.bend)[: 1 + len(group.planes)]):
            which = slice(3 * plane, 3 * plane + 3)
            projected = rays.components(parts, which, work.spare).sub_(straight_on[which])
            change.copy_(projected)

    def _leaving(self, rays: Rays, source, group: PhiGroup, domain: int, work: Workspace):
        """Flat numbers of the pixels whose nearest reflection may change within a group, with their F_cell^2 [steps,
        n] from h, k, l as the plain path has them; (None, None) for no such pixels."""
        scene = self.scene
        if not len(group.planes) or scene.F.count == 0:
            return None, None
        reach = float(abs(group.weights[:, 0]).max())
        leaving = torch.nonzero(furthest_from_nearest(work, reach).view(-1) > EDGE)[:, 0]
        if not len(leaving):
            return None, None
        tile, columns = rays.tile, len(self.columns)
        few = Tile(0, 0, tile.slow[leaving // columns, 0][None], tile.fast[0, leaving % columns][None], None)
        q = scattering_vector(locate(scene, few, *rays.index).diffracted, source.incident, source.wavelength)
        cells = np.array([scene.cells[step][domain] for step in group.steps])
        hkl = miller_indices(torch.as_tensor(cells, device=scene.device).permute(1, 2, 0)[..., None], q)
        return leaving, nearest_F_squared(scene.F, nearest_indices(hkl))

    def _mend(self, values, rows: range) -> None:
        """By the plain path: pixels that came out 0/0, and those that start a sweep unturned."""
        x0 = self.scene.roi[0]
        first = [(slow, fast) for slow, fast in self.scene.first_turned if slow in rows]
        if not first and not bool(values.sum().isnan()):
            return
        undefined = values.isnan()
        where = [*first, *((rows.start + slow, x0 + fast) for slow, fast in undefined.nonzero().tolist())]
        if len(where) > FEW:
            whole, _ = render_tile(self.scene, make_tile(self.everywhere, rows, range(x0, x0 + self.width)))
            values[undefined] = whole[undefined]
            where = first
        for slow, fast in where:
            pixel = make_tile(self.everywhere, range(slow, slow + 1), range(fast, fast + 1))
            values[slow - rows.start, fast - x0] = render_tile(self.scene, pixel)[0][0, 0]


def _table(scene: Scene, real):
    """F_cell^2 as ``real``, with the first and last index along each axis; a single value without reflections."""
    if scene.F.count == 0:
        square = torch.full((27,), number(scene.F.default_F) ** 2, dtype=real, device=scene.device)
        return square, (0, 0, 0), (0, 0, 0)
    return scene.F.squares.to(real), scene.F.low, scene.F.high
