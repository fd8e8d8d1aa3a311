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
    return [(ends * beyond).mul_(-1.0 / 6.0), (middle * after).mul_(0.5), (middle * t).mul_(-0.5),
            (ends * before).mul_(1.0 / 6.0)]


def pairs_of_neighbours(F: StructureFactors, factor: float, real):
    """Every F of the bordered grid, times a factor, with the one after it along l, as the parts of complex numbers: one
    look-up then finds both. ``real`` is the dtype of each."""
    flat = (F.bordered * factor).to(real)
    return torch.view_as_complex(torch.stack([flat[:-1], flat[1:]], dim=1))


def interpolate_squares(F: StructureFactors, pairs, hkl, F2) -> None:
    """Put F^2 by interpolation into ``F2`` (of the dtype of ``pairs``) where the neighbours are all known, and leave it
    elsewhere. ``hkl`` [3, n, m] is in float64."""
    sizes = [high - low + 3 for low, high in zip(F.low, F.high, strict=True)]
    if min(sizes) < SMALLEST_SIZE:
        return
    floor = hkl.floor()
    along = (hkl - floor).to(F2.dtype).flatten(1)
    corner: Any = 0.0
    for x, low, high, size in zip(floor, F.low, F.high, sizes, strict=True):
        corner = x.sub_(low).clamp_(0, max(0, high - low - 1)).add_(corner * size)
    corner = corner.to(torch.int32).view(-1)
    twice = along[:2].unsqueeze(-1).expand(-1, -1, 2).contiguous()
    of_h, of_k, of_l = lagrange_weights(twice[0]), lagrange_weights(twice[1]), lagrange_weights(along[2])
    known = pairs.new_empty(corner.shape)
    both = torch.view_as_real(known)
    line, plane = torch.empty_like(both), torch.empty_like(both)
    total: Any = None
    for m in (0, 2):
        for i in range(4):
            for j in range(4):
                torch.index_select(pairs[(i * sizes[1] + j) * sizes[2] + m :], 0, corner, out=known)
                _add(line, both, of_k[j], j)
            _add(plane, line, of_h[i], i)
        here = (plane[:, 0] * of_l[m]).addcmul_(plane[:, 1], of_l[m + 1])
        total = here if total is None else total.add_(here)
    torch.where(can_interpolate(F, hkl), total.square_().view(F2.shape), F2, out=F2)


def _add(total, part, weight, number: int) -> None:
    """Add a weighted part, the first of which begins anew."""
    if number:
        total.addcmul_(part, weight)
    else:
        torch.mul(part, weight, out=total)
