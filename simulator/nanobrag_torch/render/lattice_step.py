"""Terms of the sum over phi steps, mosaic domains and sources, as functions of tensors alone.

They are what compiled.py has made into machine code: the square crystal with F of the nearest reflection. ``add_step``
takes one step, with h, k, l in float64, and the sines in float32 of what is periodic in them. ``add_block`` takes a
few neighbouring ones as the fast path takes its groups: h, k, l in float64 once, increments of r in float32 (see
lattice_sum.py for m and r).
"""

from __future__ import annotations

from typing import Any

import torch

from nanobrag_torch.physics.vectors import dot
from nanobrag_torch.render.lattice_sum import NEAR_PERIODS

STEPS = 10
"""Steps of a block. More would share more, and leave more pixels to be done one by one."""

EDGE = 0.5 - 1e-5
"""A pixel that comes so far from its nearest reflection within a block may come nearer to another."""

ASIDE = 1e-8
"""Periods that a block is put aside, which no pixel can tell: at a whole h, it keeps F_latt from being 0/0."""

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
    ``cells`` [2, 3] are the numbers of cells and 1 over them. ``table`` (flat, float32) has F^2 of the indices
    ``first`` to ``last`` [3] with those beyond on its border; ``strides`` [4] lead from indices into it, the last
    being the offset.
    """
    h = [(slow[axis] + fast[axis]) * inverse - straight_on[axis] for axis in range(3)]
    return total + _term(h, cells, table, first, last, strides).to(torch.float64)


def _term(hkl, cells, table, first, last, strides):
    """F_cell^2 F_latt^2, float32, of h, k, l."""
    numerator = denominator = 1.0
    place = strides[3]
    for axis, h in enumerate(hkl):
        n, share = cells[0, axis], cells[1, axis].to(torch.float32)
        h0 = torch.ceil(h - 0.5)
        Nh = h * n
        whole = torch.round(Nh)
        r, m = (Nh - whole).to(torch.float32), (whole - n * h0).to(torch.float32)
        x = (m + r) * share
        beside = m == 0.0
        numerator = numerator * (torch.where(beside, 1.0, r) * sine_over(r))
        denominator = denominator * (torch.where(beside, share, x) * sine_over(x))
        place = place + torch.minimum(torch.maximum(h0, first[axis]), last[axis]) * strides[axis]
    ratio = numerator / denominator
    return ratio * ratio * table[place.to(torch.int64)]


def add_block(total, slow, fast, inverse, straight_on, weights, reach, cells, table, first, last, strides):
    """total + the sum over STEPS steps of F_cell^2 F_latt^2, float64 [n, m]; or -total, if need be -0.0, where the
    nearest reflection may change. Machine code with a second result for these would take twice as long.

    The vectors behind ``slow`` [9, n, 1], ``fast`` [9, 1, m] and ``straight_on`` [9] are a cell and its two changes
    (phi_groups.py); a step is cell + w1 change1 + w2 change2. ``weights`` [STEPS, 3] (float32) are w1, w2 and 1, or 0
    for a step that is not there, and ``reach`` [2] the largest |w1| and |w2|. The rest is as in ``add_step``.
    """
    place = strides[3]
    furthest: Any = 0.0
    starts, changes, bends, periods, shares = [], [], [], [], []
    for axis in range(3):
        n, share = cells[0, axis], cells[1, axis]
        h, change, bend = ((slow[i] + fast[i]) * inverse - straight_on[i] for i in (axis, 3 + axis, 6 + axis))
        h0 = torch.ceil(h - 0.5)
        away = (h - h0) * n
        whole = torch.round(away)
        m = torch.where(torch.abs(whole) > NEAR_PERIODS, whole, 0.0)
        starts.append((away - m).to(torch.float32) + ASIDE)
        periods.append((m * share).to(torch.float32))
        changes.append((change * n).to(torch.float32))
        bends.append((bend * n).to(torch.float32))
        shares.append(share.to(torch.float32))
        away = reach[0] * torch.abs(changes[axis]) + reach[1] * torch.abs(bends[axis])
        away = torch.abs(periods[axis] + starts[axis] * shares[axis]) + away * shares[axis]
        furthest = torch.maximum(furthest, away) if axis else away
        place = place + torch.minimum(torch.maximum(h0, first[axis]), last[axis]) * strides[axis]
    squares = 0.0
    for step in range(STEPS):
        numerator = denominator = 1.0
        for axis, share in enumerate(shares):
            r = starts[axis] + weights[step, 0] * changes[axis] + weights[step, 1] * bends[axis]
            s, x = r - torch.round(r), periods[axis] + r * share
            numerator = numerator * (s * sine_over(s))
            denominator = denominator * (x * sine_over(x))
        ratio = numerator / denominator
        squares = squares + ratio * ratio * weights[step, 2]
    squares = squares * table[place.to(torch.int64)]
    return torch.where(furthest > EDGE, -total, total + squares.to(torch.float64))


def add_block_at(total, places, inverse, weights, vectors, straight_on, cells, table, first, last, strides):
    """total + the sum over the steps of a block, float64 [m], for pixels at ``places`` [3, m] (m): every step has
    its own h, k, l in float64, by its cell over the wavelength, ``vectors`` [STEPS, 3, 3], and ``straight_on``
    [STEPS, 3]. The rest is as in ``add_block``.
    """
    for step in range(STEPS):
        h = [dot(vectors[step, axis], places) * inverse - straight_on[step, axis] for axis in range(3)]
        term = _term(h, cells, table, first, last, strides) * weights[step, 2]
        total = total + term.to(torch.float64)
    return total


# --- arguments to try them on -----------------------------------------------------------------------------


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
    cells = torch.stack([cells, 1.0 / cells])
    table = uniform(int(side) ** 3).to(torch.float32)
    return (uniform(rows, columns), slow, fast, inverse, torch.tensor([7.0, 8.0, 9.5], dtype=torch.float64), cells,
            table, -edge, edge, strides)


def example_of_block(rows: int = 8, columns: int = 64, seed: int = 1) -> tuple:
    """Arguments of ``add_block``: those of ``add_step``, and changes of less than a period."""
    generator = torch.Generator().manual_seed(seed + 1000)

    def uniform(*shape):
        return torch.rand(shape, dtype=torch.float64, generator=generator) - 0.5

    total, slow, fast, inverse, straight_on, *rest = example(rows, columns, seed)
    weights = torch.cat((2.0 * uniform(STEPS, 2), torch.ones(STEPS, 1, dtype=torch.float64)), dim=1).to(torch.float32)
    return (total, torch.cat((slow, 1e-2 * uniform(6, rows, 1))), torch.cat((fast, 1e-2 * uniform(6, 1, columns))),
            inverse, torch.cat((straight_on, 1e-2 * uniform(6))), weights, weights[:, :2].abs().amax(dim=0), *rest)


def example_of_block_at(rows: int = 8, columns: int = 64, seed: int = 1) -> tuple:
    """Arguments of ``add_block_at``: as many pixels as there are columns, and cells that are nearly alike."""
    total, slow, fast, inverse, straight_on, weights, _, *rest = example_of_block(rows, columns, seed)
    places = torch.stack([slow[axis, 0] + fast[axis, 0] for axis in range(3)])
    vectors = torch.eye(3, dtype=torch.float64) + 1e-3 * weights.to(torch.float64)[:, :, None]
    return total[0], places, inverse[0], weights, vectors, straight_on[:3].expand(STEPS, 3).contiguous(), *rest
