"""F_cell^2 F_latt^2 of a square crystal by torch's sines, where last digits do not count (see plain_rows.py).

Along an axis that a step does not turn, as the spindle's own, h and sin(N h)/sin(h) are those of the step before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from nanobrag_torch.physics.scattering import nearest_indices
from nanobrag_torch.physics.shape import sinc_grating
from nanobrag_torch.physics.structure_factor import nearest_F_squared, structure_factor
from nanobrag_torch.physics.vectors import dot
from nanobrag_torch.render.scene import Scene
from nanobrag_torch.units import PI


@dataclass(frozen=True)
class TermAxis:
    """What is known along an axis of the cell: its vector (m), q (1/m), h and sin(N pi h)/sin(pi h), None for 1."""

    vector: tuple
    q: tuple
    index: Any
    factor: Any


class QuickTerms:
    """The terms of a scene, one after the other."""

    def __init__(self, scene: Scene):
        self.scene = scene
        self.last: list[TermAxis | None] = [None, None, None]

    def term(self, cell, q):
        """F_cell^2 F_latt^2 of a cell (a, b, c in m) and scattering vectors q (1/m)."""
        axes = [self._along(number, vector, q) for number, vector in enumerate(cell)]
        factors = [axis.factor for axis in axes if axis.factor is not None]
        term = self._F_squared(axes)
        if not factors:
            return term + torch.zeros_like(axes[0].index)
        F_latt = factors[0]
        for factor in factors[1:]:
            F_latt = F_latt * factor
        return term * F_latt * F_latt

    def _along(self, number: int, vector, q) -> TermAxis:
        last, cells = self.last[number], self.scene.lattice.cells[number]
        if last is not None and last.q is q and _same(last.vector, vector):
            return last
        index = dot(vector, q)
        axis = TermAxis(vector, q, index, sinc_grating(PI * index, cells, torch.sin) if cells > 1 else None)
        self.last[number] = axis
        return axis

    def _F_squared(self, axes: list[TermAxis]):
        F, hkl = self.scene.F, tuple(axis.index for axis in axes)
        if F.count == 0:
            return F.default_F * F.default_F
        if not F.interpolate:
            return nearest_F_squared(F, nearest_indices(hkl))
        F_cell = structure_factor(F, hkl, nearest_indices(hkl))
        return F_cell * F_cell


def _same(vector, other) -> bool:
    """Whether two vectors are of equal numbers; those that differ from pixel to pixel never are."""
    return all(isinstance(x, float) for x in (*vector, *other)) and vector == other
