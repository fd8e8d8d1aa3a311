"""One term of the sum over phi steps, mosaic domains and sources, as a function of tensors alone.

It is what compiled.py has made into machine code: the square crystal with F of the nearest reflection. h, k, l are in
float64 at every step, the sines in float32 of what is periodic in them (see lattice_sum.py for m and r).
"""

from __future__ import annotations

import torch

SINE = (3.1415926400772, -5.167710076668165, 2.550077386526186, -0.5982904112667203, 0.07765591224331467)
"""sin(pi r)/r = sum SINE[i] r^(2 i) for |r| <= 1/2, to 7e-9 (interpolated at the Chebyshev nodes of r^2)."""


def sine_over(r):
    """sin(pi r)/r."""
    s = r * r
    return (((SINE[4] * s + SINE[3]) * s + SINE[2]) * s + SINE[1]) * s + SINE[0]


def add_step(total, slow, fast, inverse, straight_on, cells, table, first, last, strides):
    """total + F_cell^2 F_latt^2 of one cell (a, b, c) and source, float64 [n, m].

    h = (slow + fast) inverse - straight_on along each axis: ``slow`` [3, n, 1] and ``fast`` [3, 1, m] are cell.P/lambda
    of rows and columns (see rays.py), ``inverse`` [n, m] is 1/R and ``straight_on`` [3] cell.incident/lambda.
    ``cells`` [3] are the numbers of cells. ``table`` (flat, float32) has F^2 of the indices ``first`` to ``last`` [3]
    with those beyond on its border; ``strides`` [4] lead from indices into it, the last being the offset.
    """
    numerator = denominator = 1.0
    place = strides[3]
    for axis in range(3):
        n = cells[axis]
        h = (slow[axis] + fast[axis]) * inverse - straight_on[axis]
        h0 = torch.ceil(h - 0.5)
        Nh = h * n
        whole = torch.round(Nh)
        r, m = (Nh - whole).to(torch.float32), (whole - n * h0).to(torch.float32)
        share = (1.0 / n).to(torch.float32)
        x = (m + r) * share
        beside = m == 0.0
        numerator = numerator * (torch.where(beside, 1.0, r) * sine_over(r))
        denominator = denominator * (torch.where(beside, share, x) * sine_over(x))
        place = place + torch.minimum(torch.maximum(h0, first[axis]), last[axis]) * strides[axis]
    ratio = numerator / denominator
    return total + (ratio * ratio * table[place.to(torch.int64)]).to(torch.float64)


class AddStep(torch.nn.Module):
    """``add_step`` as a module, which is what can be exported."""

    def forward(self, total, slow, fast, inverse, straight_on, cells, table, first, last, strides):
        return add_step(total, slow, fast, inverse, straight_on, cells, table, first, last, strides)


def example(rows: int = 8, columns: int = 64, seed: int = 1) -> tuple:
    """Arguments of ``add_step`` with indices from -20 to 20, of which some are whole."""
    generator = torch.Generator().manual_seed(seed)

    def uniform(*shape):
        return torch.rand(shape, dtype=torch.float64, generator=generator)

    slow, fast = 20.0 * uniform(3, rows, 1), 20.0 * uniform(3, 1, columns)
    slow[:, 0], fast[:, :, 0] = 3.0, 4.0
    inverse = 0.9 + 0.2 * uniform(rows, columns)
    inverse[0, 0] = 1.0
    side = 43.0
    strides = torch.tensor([side * side, side, 1.0, 21.0 * (side * side + side + 1.0)], dtype=torch.float64)
    cells, edge = torch.tensor([36.0, 47.0, 1.0], dtype=torch.float64), torch.full((3,), 21.0, dtype=torch.float64)
    table = uniform(int(side) ** 3).to(torch.float32)
    return (uniform(rows, columns), slow, fast, inverse, torch.tensor([7.0, 8.0, 9.5], dtype=torch.float64), cells,
            table, -edge, edge, strides)
