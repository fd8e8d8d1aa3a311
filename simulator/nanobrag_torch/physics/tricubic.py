"""Tricubic interpolation of F in few passes over a tile: the fast side of structure_factor.tricubic_F.

Along each axis the four-point Lagrange polynomial through the whole numbers -1, 0, 1, 2 around t = h - floor(h) has
the weights

    -t (t-1) (t-2)/6,   (t+1) (t-1) (t-2)/2,   -(t+1) t (t-2)/2,   (t+1) t (t-1)/6

and F is the sum of the 4 x 4 x 4 reflections around h k l, each times its three weights.
"""

from __future__ import annotations

from typing import Any

import torch

from nanobrag_torch.physics.structure_factor import StructureFactors, can_interpolate

SMALLEST_SIZE = 7
"""Of a bordered axis: five reflections, so that one has two on either side."""


def lagrange_weights(t) -> list:
    """The weights of -1, 0, 1 and 2 for t in [0, 1)."""
    before, after, beyond = t + 1.0, t - 1.0, t - 2.0
    ends, middle = t * after, before * beyond
    return [ends * beyond / -6.0, middle * after / 2.0, middle * t / -2.0, ends * before / 6.0]


def interpolate_squares(F: StructureFactors, hkl, F2) -> None:
    """Put F^2 by interpolation into ``F2`` where the neighbours are all known, and leave it elsewhere."""
    sizes = [high - low + 3 for low, high in zip(F.low, F.high, strict=True)]
    if min(sizes) < SMALLEST_SIZE:
        return
    weights: list[Any] = []
    corner: Any = 0.0
    for x, low, high, size in zip(hkl, F.low, F.high, sizes, strict=True):
        floor = x.floor()
        weights.append(lagrange_weights(x - floor))
        corner = corner * size + floor.sub_(low).clamp_(0, max(0, high - low - 1))
    corner = corner.to(torch.int32).view(-1)
    known, plane, line, total = (torch.zeros_like(hkl[0]) for _ in range(4))
    for i in range(4):
        plane.zero_()
        for j in range(4):
            line.zero_()
            for m in range(4):
                torch.index_select(F.bordered[(i * sizes[1] + j) * sizes[2] + m :], 0, corner, out=known.view(-1))
                line.addcmul_(known, weights[2][m])
            plane.addcmul_(line, weights[1][j])
        total.addcmul_(plane, weights[0][i])
    torch.where(can_interpolate(F, hkl), total.square_(), F2, out=F2)
