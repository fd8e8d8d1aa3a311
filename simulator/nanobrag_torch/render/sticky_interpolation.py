"""Emulation sticky-interpolation: the first point out of range ends interpolation for the rest of the image.

Points are taken in the order of one thread: pixels in raster order, and within a pixel in the order of the
loops. A tile is gone through once beforehand to find that first point.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


def ends_somewhere(scene) -> bool:
    """Whether the first point out of range ends interpolation, so that pixels count in their order."""
    return bool(scene.F.interpolate and scene.F.sticky)


@dataclass(frozen=True)
class StickyTile:
    """Where interpolation has ended within a tile: after pixel ``pixel`` (raster order), and in that pixel from
    evaluation ``at`` on. ``pixel`` -1 is everywhere."""

    scene: Any
    raster: Any
    pixel: int
    at: int

    def mask(self, index):
        """Bool of the tile's shape, for the evaluation (layer, sub_slow, sub_fast, source, phi, domain)."""
        after = self.raster > self.pixel
        return after | (self.raster == self.pixel) if evaluation_number(self.scene, index) >= self.at else after


def evaluation_number(scene, index) -> int:
    """The position of an evaluation in the loops of a pixel."""
    layer, sub_slow, sub_fast, source, phi, domain = index
    n = scene.oversample
    sub = (layer * n + sub_slow) * n + sub_fast
    return ((sub * len(scene.illumination.sources) + source) * scene.spindle.steps + phi) * scene.domains + domain


class StickyInterpolation:
    """Whether interpolation has ended, from tile to tile in raster order."""

    def __init__(self, scene):
        self.scene = scene
        self.needed = ends_somewhere(scene)
        self.ended = False

    def prepare(self, tile) -> StickyTile | None:
        """What holds for a tile; to be called once for each, in order."""
        import torch

        if not self.needed:
            return None
        raster = torch.arange(tile.shape[0] * tile.shape[1], device=self.scene.device).reshape(tile.shape)
        if self.ended:
            return StickyTile(self.scene, raster, -1, 0)
        first = self._first_out_of_range(tile).reshape(-1)
        hits = (first < _NEVER).nonzero()
        if not len(hits):
            return None
        self.ended = True
        pixel = int(hits[0, 0])
        return StickyTile(self.scene, raster, pixel, int(first[pixel]))

    def _first_out_of_range(self, tile):
        """The first evaluation of each pixel that lies out of range, _NEVER where there is none.

        Only evaluations count that the C program reaches: rendered, not culled, F_latt not 0 (or with water).
        """
        import torch

        from nanobrag_torch.physics.scattering import (
            beyond_resolution,
            miller_indices,
            nearest_indices,
            scattering_vector,
        )
        from nanobrag_torch.physics.shape import lattice_factor
        from nanobrag_torch.physics.structure_factor import can_interpolate
        from nanobrag_torch.render.carryover import first_sweeps
        from nanobrag_torch.render.polarized import Polarization
        from nanobrag_torch.render.tile import cell_of, subpixels

        scene = self.scene
        first = torch.full(tile.shape, _NEVER, device=scene.device)
        unswept, polarization = first_sweeps(scene, tile), Polarization(scene, tile)
        for sub in subpixels(scene, tile):
            for number, source in enumerate(scene.illumination.sources):
                q = scattering_vector(sub.diffracted, source.incident, source.wavelength)
                culled = beyond_resolution(q, scene.d_min)
                if len(scene.illumination.sources) > 1:
                    sub = polarization.made_unit_again(sub, culled)
                    polarization.take(source, sub.diffracted, culled)
                for phi in range(scene.spindle.steps):
                    for domain in range(scene.domains):
                        hkl = miller_indices(cell_of(scene, phi, domain, unswept), q)
                        out = ~can_interpolate(scene.F, hkl)
                        if not scene.has_water:
                            out = out & (lattice_factor(scene.shape, hkl, nearest_indices(hkl), scene.lattice.cells,
                                                        scene.fudge, scene.lattice.reciprocal_per_A,
                                                        scene.emulate) != 0.0)
                        if culled is not None:
                            out = out & ~culled
                        at = evaluation_number(scene, (*sub.index, number, phi, domain))
                        first = torch.where(out & (first == _NEVER), at, first)
                if unswept is not None:
                    unswept = unswept & culled if culled is not None else None
        return first if tile.rendered is None else first.masked_fill(~tile.rendered, _NEVER)


_NEVER = 2**62


def sticky_interpolation_before(scene, slow: int, fast: int) -> StickyInterpolation:
    """Whether interpolation has ended when the pixel's turn comes, after all pixels rendered before it."""
    from nanobrag_torch.render.tile import make_tile

    sticky = StickyInterpolation(scene)
    x0, x1, y0, _ = scene.roi
    if not sticky.needed:
        return sticky
    for rows, columns in ((range(y0, slow), range(x0, x1 + 1)), (range(slow, slow + 1), range(x0, fast))):
        if len(rows) and len(columns):
            sticky.prepare(make_tile(scene, rows, columns))
    return sticky
