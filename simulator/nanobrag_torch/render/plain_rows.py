"""Rows of an image by the plain path, with torch's sines where they cannot change a bit of it.

NumPy's sines are those of the C library and take half of the time of a small image. Torch's take a third of that and
may be off in their last bits, which the float32 of an image nearly always rounds away. How far the sum of a pixel can
be off is known where all its terms have one sign: ``spread``. A tile in which a pixel lies so near to where float32
rounds up or down that this decides is summed again, by the sines of the C library.
"""

from __future__ import annotations

import torch

from nanobrag_torch.physics.arithmetic import number
from nanobrag_torch.render.plain import render_tile
from nanobrag_torch.render.quick_terms import QuickTerms
from nanobrag_torch.render.scene import Scene
from nanobrag_torch.render.sticky_interpolation import StickyInterpolation
from nanobrag_torch.render.tile import Tile, make_tile, tile_rows

SINE_ULPS = 4
"""Units in the last place by which a sine of torch and one of the C library differ at most; both state one."""

SINES = 12
"""In a term: two for each axis of the lattice factor, which is squared."""

ROUNDINGS = 40
"""Of a term, of what is done to the sum, and of the direction, which is not made unit again where little is made of
that; each of half a unit in either image."""

MOST_FLUENCE = 1e100
"""Photons per square metre: with more, sums would count that are too small for float64 to hold all of their digits."""

ULP = torch.finfo(torch.float64).eps


class PlainRenderer:
    """Rows of a scene by the plain path. Where interpolation ends somewhere, which sticky_interpolation.py keeps, they
    must come in order."""

    def __init__(self, scene: Scene):
        self.scene, self.sticky = scene, StickyInterpolation(scene)
        self.rows, self.in_order, self.spread = tile_rows(scene), self.sticky.needed, spread(scene)

    def render_rows(self, rows: range):
        """Values (photons) of some rows, as float64 [rows, width], and the sum of the solid angles (sr) of each. In
        float32 they are what the sines of the C library give, bit for bit."""
        x0, x1, _, _ = self.scene.roi
        tile = make_tile(self.scene, rows, range(x0, x1 + 1))
        values, omega = self._rendered(tile)
        if tile.rendered is not None:
            values, omega = values.masked_fill(~tile.rendered, 0.0), omega.masked_fill(~tile.rendered, 0.0)
        return values, omega.sum(dim=1)

    def _rendered(self, tile: Tile):
        if self.spread:
            found = render_tile(self.scene, tile, quick=QuickTerms(self.scene))
            if rounds_alike(found[0], self.spread):
                return found
        return render_tile(self.scene, tile, self.sticky)


def spread(scene: Scene) -> float:
    """By which part of itself a pixel can differ between the sines of torch and of the C library; 0 where that is not
    known, as terms could cancel each other or be too small for float64, or where nothing is gained."""
    light = scene.illumination
    alike = all(number(source.weight) >= 0.0 for source in light.sources)
    if (scene.shape != "square" or scene.dtype != torch.float64 or torch.device(scene.device).type != "cpu"
            or StickyInterpolation(scene).needed or scene.F.overflows or scene.has_water or not alike
            or scene.oversample_polar or scene.oversample_omega or scene.oversample_thick
            or number(scene.geometry.thickness) != 0.0 or not abs(number(light.fluence)) <= MOST_FLUENCE):
        return 0.0
    return ULP * (2 * SINES * SINE_ULPS + ROUNDINGS + scene.steps)


def rounds_alike(values, part: float) -> bool:
    """Whether all values would be the same float32 numbers if each were off by such a part of itself. What is no number
    never is."""
    return torch.equal((values * (1.0 - part)).float(), (values * (1.0 + part)).float())
