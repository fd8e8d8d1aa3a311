"""Structure factors F_cell: a grid of reflections on the device, and the two ways to read it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from nanobrag_torch.physics.arithmetic import evenly, number

FEW_CELLS = 2
"""So few cells that spots are as broad as the spacing of reflections: F must be interpolated."""


@dataclass(frozen=True)
class StructureFactors:
    """Amplitudes on a grid of Miller indices with one ring of ``default_F`` around it.

    ``bordered`` and ``squares`` are flat tensors, h slowest; ``low`` and ``high`` the first and last index of
    each axis. No reflections at all (``count`` 0) means default_F everywhere. ``overflows``: the square of some F is
    beyond float64.
    """

    count: int
    default_F: Any
    low: tuple[int, int, int]
    high: tuple[int, int, int]
    bordered: Any
    squares: Any
    interpolate: bool
    sticky: bool
    overflows: bool = False


def build_structure_factors(reflections, default_F, interpolate: bool | None, cells, *, device, dtype,
                            emulate) -> StructureFactors:
    """Put a ReflectionGrid (numpy, or a tensor with derivatives in its F) where it can be looked up.

    ``cells`` decide about interpolation when it is not chosen.
    """
    import torch

    if reflections is None:
        return StructureFactors(0, default_F, (0, 0, 0), (0, 0, 0), None, None, False, False,
                                math.isinf(number(default_F) * number(default_F)))
    values = torch.as_tensor(reflections.F, dtype=torch.float64, device=device)
    shape = [size + 2 for size in values.shape]
    bordered = torch.zeros(shape, dtype=torch.float64, device=device) + default_F
    inner = torch.zeros(shape, dtype=torch.bool, device=device)
    inner[1:-1, 1:-1, 1:-1] = True
    bordered = bordered.masked_scatter(inner, values)
    low = reflections.h_min, reflections.k_min, reflections.l_min
    high = reflections.h_max, reflections.k_max, reflections.l_max
    if interpolate is None:
        interpolate = any(count <= FEW_CELLS for count in cells)
    flat = bordered.reshape(-1)
    squares = flat * flat
    return StructureFactors(reflections.count, default_F, low, high, flat, squares.to(dtype), interpolate,
                            "sticky-interpolation" in emulate, bool(squares.isinf().any()))


def grid_offsets(F: StructureFactors, nearest):
    """Where the nearest reflections are in the bordered grid (int64); outside it, on its border. An index that is no
    number, as a null source makes it, leads to the first corner."""
    sizes = [high - low + 3 for low, high in zip(F.low, F.high, strict=True)]
    along = [(x - (low - 1)).clamp(0, size - 1) for x, low, size in zip(nearest, F.low, sizes, strict=True)]
    return ((along[0] * sizes[1] + along[1]) * sizes[2] + along[2]).long().clamp_(min=0)


def nearest_F(F: StructureFactors, nearest):
    """F_cell of the nearest reflection, default_F beyond the grid."""
    return F.bordered[grid_offsets(F, nearest)]


def nearest_F_squared(F: StructureFactors, nearest):
    """F_cell^2 of the nearest reflection, looked up in a table of squares."""
    return F.squares[grid_offsets(F, nearest)]


def can_interpolate(F: StructureFactors, hkl):
    """Where the four points around h, k and l are all on the grid: min + 2 <= h <= max - 2."""
    found = None
    for x, low, high in zip(hkl, F.low, F.high, strict=True):
        here = (x - 2.0 >= low) & (x - low + 3.0 <= high - low + 1.0)
        found = here if found is None else found & here
    return found


def _lagrange(y, first, x):
    """Four-point Lagrange polynomial through y at the whole numbers first .. first + 3."""
    d0, d1, d2, d3 = x - first, x - (first + 1.0), x - (first + 2.0), x - (first + 3.0)
    return (d1 * d2 * d3 * y[0] / -6.0 + d0 * d2 * d3 * y[1] / 2.0
            + d0 * d1 * d3 * y[2] / -2.0 + d0 * d1 * d2 * y[3] / 6.0)


def tricubic_F(F: StructureFactors, hkl):
    """F_cell by tricubic interpolation between the 4 x 4 x 4 reflections around h k l: along l, then k, then h.

    Points beyond ``can_interpolate`` get a value of no meaning.
    """
    h, k, l = (x.floor() - 1.0 for x in hkl)

    def at(i, j, m):
        return F.bordered[grid_offsets(F, (h + i, k + j, l + m))]

    along_h = [_lagrange([_lagrange([at(i, j, m) for m in range(4)], l, hkl[2]) for j in range(4)], k, hkl[1])
               for i in range(4)]
    return _lagrange(along_h, h, hkl[0])


def structure_factor(F: StructureFactors, hkl, nearest, ended=None):
    """F_cell (electrons): tricubic where the neighbours are all known, else that of the nearest reflection, else
    the default. ``ended`` (bool, emulation sticky-interpolation) marks where interpolation has ended."""
    import torch

    if F.count == 0:
        return evenly(F.default_F, hkl[0])
    if not F.interpolate:
        return nearest_F(F, nearest)
    allowed = can_interpolate(F, hkl)
    if ended is not None:
        allowed = allowed & ~ended
    if not bool(allowed.any()):
        return nearest_F(F, nearest)
    return torch.where(allowed, tricubic_F(F, hkl), nearest_F(F, nearest))
