"""Spots that end: of gauss and tophat crystals most pixels get nothing, so that few are worked out, and those exactly.

In coordinates where the width of a spot is the same all around, u = W (h - h0), F_latt depends on |u|^2 fudge alone
(shape.py). Within a group of phi steps u moves by no more than some length, and a pixel whose |u| is larger than that
and the radius of a spot together stays out of it at every step. What is left is done by the formulas of the plain path.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import torch

from nanobrag_torch.physics.arithmetic import number
from nanobrag_torch.physics.scattering import nearest_indices
from nanobrag_torch.physics.shape import GAUSS_WIDTH, TOPHAT_LIMIT, lattice_factor
from nanobrag_torch.physics.structure_factor import nearest_F_squared, structure_factor
from nanobrag_torch.physics.vectors import dot
from nanobrag_torch.render.phi_groups import PhiGroup, cells_of, largest_q
from nanobrag_torch.render.rays import CurvedRays, FlatRays
from nanobrag_torch.render.scene import Scene

NOTHING = 400.0
"""F_latt^2 < N^2 exp(-400) is less than float32 holds, in whatever units."""

LARGEST_SHARE = 0.1
"""Share of all pixels that may be left, for this to be quicker than all of them in simpler passes."""

MARGIN = 1.0 + 1e-6
"""For the rounding of lengths."""

MULTIPLE = 32
"""Pixels are done in multiples of this, so that no vector loop ends in a scalar rest (see fast.py)."""


def spot_metric(scene: Scene) -> np.ndarray:
    """W [3, 3] with |W (h - h0)|^2 the hr2 of shape.py: the numbers of cells, or by the emulation gauss-tophat-width
    the reciprocal axes (1/A) times all cells."""
    if has_width_like_c(scene):
        axes = np.array([[number(x) for x in axis] for axis in scene.lattice.reciprocal_per_A])
        return axes.T * math.prod(float(count) for count in scene.lattice.cells)
    return np.diag([float(count) for count in scene.lattice.cells])


def upper_metric(scene: Scene) -> np.ndarray:
    """As ``spot_metric``, with |W (h - h0)| the same and nothing below the diagonal, which is all of a cell with right
    angles."""
    return np.linalg.qr(spot_metric(scene))[1]


def has_width_like_c(scene: Scene) -> bool:
    """Whether the emulation gauss-tophat-width changes the spots of a scene."""
    return "gauss-tophat-width" in scene.emulate and scene.shape in ("gauss", "tophat")


class NarrowSpots:
    """Where the spots of a scene are, seen from its pixels; ``groups`` are its phi groups."""

    def __init__(self, scene: Scene, groups: list[PhiGroup]):
        self.scene, self.metric = scene, spot_metric(scene)
        self.reaches = {group.steps: _reach(scene, group, self.metric) for group in groups}
        limit = TOPHAT_LIMIT if scene.shape == "tophat" else NOTHING * GAUSS_WIDTH / 2.0
        fudge = number(scene.fudge)
        self.radius = math.sqrt(limit / fudge) if fudge > 0.0 else math.inf

    @property
    def few(self) -> bool:
        """Whether they reach few pixels, and none that is nearer to another reflection."""
        radius = self.radius + max(self.reaches.values())
        volume = abs(np.linalg.det(self.metric))
        if not (math.isfinite(radius) and volume > 0.0):
            return False
        half_widths = radius * np.linalg.norm(np.linalg.inv(self.metric), axis=1)
        share = 4.0 / 3.0 * math.pi * radius**3 / volume
        return bool((half_widths < 0.5 / MARGIN).all()) and share < LARGEST_SHARE

    def add(self, rays: FlatRays | CurvedRays, source, groups: Iterable[tuple[int, PhiGroup]], total) -> None:
        """Add F_cell^2 F_latt^2 of some groups of mosaic domains to ``total``."""
        for domain, group in groups:
            numbers = self._reached(rays, source, group, total.shape)
            if len(numbers):
                squares = self._squares(rays, source, group, domain, in_whole_vectors(numbers))
                total.view(-1).index_add_(0, numbers, squares[: len(numbers)])

    def _reached(self, rays, source, group: PhiGroup, shape):
        """Flat numbers of the pixels that a spot may reach within a group."""
        vectors = torch.as_tensor(group.cell / number(source.wavelength), device=self.scene.device)
        straight_on = dot(vectors.T, source.incident)[:, None, None]
        everywhere = slice(0, shape[0])
        h = torch.empty((3, *shape), dtype=torch.float64, device=self.scene.device)
        rays.components(rays.parts(vectors), everywhere, h).sub_(straight_on)
        h.sub_((h - 0.5).ceil_())
        square, u = h.new_zeros(shape), h.new_empty(shape)
        for row in upper_metric(self.scene).tolist():
            square.addcmul_(combined(row, h, u), u)
        furthest = MARGIN * (self.radius + self.reaches[group.steps])
        return torch.nonzero(square.view(-1) < furthest * furthest)[:, 0]

    def _squares(self, rays, source, group: PhiGroup, domain: int, numbers):
        """The sum of F_cell^2 F_latt^2 over the steps of a group, [n], of some pixels (flat numbers)."""
        scene, columns = self.scene, rays.tile.shape[1]
        cells = cells_of(scene, group.steps, domain)
        vectors = torch.as_tensor(cells.reshape(-1, 3) / number(source.wavelength), device=scene.device)
        h = rays.at(vectors, numbers // columns, numbers % columns) - dot(vectors.T, source.incident)[:, None]
        hkl = h.unflatten(0, (-1, 3)).unbind(dim=1)
        nearest = nearest_indices(hkl)
        F_latt = lattice_factor(scene.shape, hkl, nearest, scene.lattice.cells, scene.fudge,
                                scene.lattice.reciprocal_per_A, scene.emulate)
        if scene.F.interpolate or scene.F.count == 0:
            F2 = structure_factor(scene.F, hkl, nearest) ** 2
        else:
            F2 = nearest_F_squared(scene.F, nearest)
        return (F2 * F_latt * F_latt).sum(dim=0)


def in_whole_vectors(numbers):
    """Flat numbers, the last one again and again up to a multiple of MULTIPLE."""
    return torch.cat([numbers, numbers[-1:].expand(-len(numbers) % MULTIPLE)])


def combined(row: list[float], h, out):
    """The sum of the three parts of h, each times its number, to ``out``."""
    a, b, c = row
    torch.mul(h[0], a, out=out) if a else out.zero_()
    for factor, part in ((b, h[1]), (c, h[2])):
        if factor:
            out.add_(part, alpha=factor)
    return out


def _reach(scene: Scene, group: PhiGroup, metric: np.ndarray) -> float:
    """How far u moves from the middle of a group at most: |W (cell_k - cell) q|."""
    changes = cells_of(scene, group.steps) - group.cell
    return float(max(np.linalg.norm(metric @ change, 2) for change in changes)) * largest_q(scene)
