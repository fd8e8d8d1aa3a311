"""Tricubic interpolation of F in few passes over a tile: the fast side of structure_factor.tricubic_F.

Along each axis F is the Lagrange polynomial through its values at the whole numbers -1, 0, 1, 2 around
t = h - floor(h), whose weights are

    -t (t-1) (t-2)/6,   (t+1) (t-1) (t-2)/2,   -(t+1) t (t-2)/2,   (t+1) t (t-1)/6

The sums along k and l are worked out beforehand: in each cell of the grid they are a polynomial in t_k and t_l, whose
16 coefficients lie side by side. A pixel then takes four look-ups, in the planes of h around it, which
torch.embedding_bag finds and adds up with their weights in one pass; another pass adds up the powers of t_k, and a
polynomial in t_l is left. Where that table would be too large, it is of polynomials in l alone, and a pixel takes 16
look-ups, with weights of h and k.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch

from nanobrag_torch.physics.structure_factor import StructureFactors

LARGEST_TABLE = 2**27
"""Bytes of a table of polynomials in k and l."""

CHUNK = {"cpu": 13_664, "cuda": 4_000_000}
"""Pixels that are taken together, a multiple of 32: few enough for what is made of them to stay in a core's cache;
a third of a strip."""

MARGIN = 1e-6
"""Of a Miller index; two ways to work it out differ by less."""


class Edge(NamedTuple):
    """Pixels (bool [n, m]) whose neighbours are all ``known``, and those ``near`` where it ends, or beyond."""

    known: torch.Tensor
    near: torch.Tensor


class Interpolation:
    """F^2, times ``factor`` squared, at Miller indices that count from ``first`` [3], whole numbers; in ``real``.

    ``low`` and ``high`` [3] are the least and the largest floor(h) of cells with all their neighbours, counted from
    ``first``. ``rows`` are the coefficients of those cells, h slowest, the power of t_l fastest.
    """

    def __init__(self, F: StructureFactors, first, factor: float, real):
        device = F.bordered.device
        sizes = [high - low + 3 for low, high in zip(F.low, F.high, strict=True)]
        values = F.bordered.detach().view(sizes)[2:-2, 2:-2, 2:-2] * factor  # all that are a neighbour of some cell
        self.low = [low + 2.0 - float(start) for low, start in zip(F.low, first, strict=True)]
        self.high = [low + size - 8.0 for low, size in zip(self.low, sizes, strict=True)]
        self.real, self.chunk = real, CHUNK[device.type]
        self.any_cell = min(values.shape) >= 4
        if not self.any_cell:
            return
        self.planes = 4 if 16 * real.itemsize * values.numel() <= LARGEST_TABLE else 16
        columns = polynomials(values, 2)
        if self.planes == 4:
            columns = [column for power in zip(*(polynomials(x, 1) for x in columns), strict=True) for column in power]
        _, of_k, of_l = columns[0].shape
        self.rows = torch.empty((columns[0].numel(), len(columns)), dtype=real, device=device)
        for column, values in zip(self.rows.T, columns, strict=True):
            column.copy_(values.reshape(-1))
        self.strides = of_k * of_l, of_l, 1
        first = sum(int(low) * stride for low, stride in zip(self.low, self.strides, strict=True))
        self.steps = [(i * of_k + j) * of_l - first for i in range(4) for j in range(self.planes // 4)]
        self.numbers = torch.arange(self.planes * self.chunk, dtype=torch.int32, device=device)
        self.starts = {some: self.numbers[::some].contiguous() for some in (4, self.planes)}
        self.places = torch.empty((self.chunk, self.planes), dtype=torch.int32, device=device)
        self.of_h, self.of_k = (torch.ones((self.chunk, 4), dtype=real, device=device) for _ in range(2))

    def squares(self, hkl, F2) -> Edge | None:
        """Put F^2 into ``F2`` [n, m] of ``real``; ``hkl`` [3, n, m] is in float64.

        Returns where the values have a meaning; None where all have, and none is near the edge.
        """
        edge = self._edge(hkl)
        flat, found = hkl.flatten(1), F2.view(-1)
        for start in range(0, len(found) if self.any_cell else 0, self.chunk):
            self._squares(flat[:, start : start + self.chunk], found[start : start + self.chunk], edge is None)
        return edge

    def _edge(self, hkl) -> Edge | None:
        module = np if hkl.device.type == "cpu" else torch
        limits = list(zip(_arrays(hkl), self.low, self.high, strict=True))
        if all(low + MARGIN <= module.min(x) and module.max(x) <= high + 1.0 - MARGIN for x, low, high in limits):
            return None
        known, near = torch.ones_like(hkl[0], dtype=torch.bool), torch.zeros_like(hkl[0], dtype=torch.bool)
        for x, low, high in zip(hkl, self.low, self.high, strict=True):
            known &= (x >= low) & (x < high + 1.0)
            near |= ~((x >= low + MARGIN) & (x <= high + 1.0 - MARGIN))
        return Edge(known, near)

    def _squares(self, hkl, F2, all_known: bool) -> None:
        """As ``squares`` for [3, n] and [n], with n no more than ``chunk``. On the CPU by NumPy, in half the time of
        torch where every fourth number is written. What is known has no index below 0, where cutting is no floor."""
        module: Any = np if hkl.device.type == "cpu" else torch
        count = len(F2)
        t_h, t_k, t_l = _arrays(hkl.frac().to(self.real))
        cells = hkl.to(torch.int32)
        if not all_known:
            for x, low, high in zip(cells, self.low, self.high, strict=True):
                x.clamp_(int(low), int(high))
        h, k, l = cells
        (cell,) = _arrays(l.add_(k, alpha=self.strides[1]).add_(h, alpha=self.strides[0])[None])
        places, of_h, of_k = self.places[:count], self.of_h[:count], self.of_k[:count]
        for place, step in zip(_arrays(places.T), self.steps, strict=True):
            module.add(cell, step, out=place)
        lagrange_weights(module, t_h, _arrays(of_h.T))
        if self.planes == 4:
            _, first, second, third = _arrays(of_k.T)
            module.multiply(t_k, 1.0, out=first)
            module.multiply(t_k, t_k, out=second)
            module.multiply(second, t_k, out=third)
            of_k_and_l = self._bags(self.rows, places, of_h)
            of_l = self._bags(of_k_and_l.view(-1, 4), self.numbers[: 4 * count].view(-1, 4), of_k)
        else:
            lagrange_weights(module, t_k, _arrays(of_k.T))
            of_l = self._bags(self.rows, places, (of_h[:, :, None] * of_k[:, None]).view(count, 16))
        constant, first, second, third = _arrays(of_l.T)
        total = third * t_l
        for coefficient in (second, first, constant):
            total += coefficient
            if coefficient is not constant:
                total *= t_l
        (out,) = _arrays(F2[None])
        module.multiply(total, total, out=out)

    def _bags(self, rows, numbers, weights):
        """The sum of some rows for each pixel, times their weights: ``numbers`` and ``weights`` are [n, k]."""
        count, some = numbers.shape
        starts = self.starts[some][:count]
        return torch.embedding_bag(rows, numbers.view(-1), starts, False, 0, False, weights.view(-1))[0]


def _arrays(tensors) -> list:
    """Tensors that are stacked along the first axis; on the CPU as arrays of NumPy, which see the same memory."""
    return list(tensors.numpy() if tensors.device.type == "cpu" else tensors)


def lagrange_weights(module, t, out) -> None:
    """The weights of -1, 0, 1 and 2 for t [n] in [0, 1), to four arrays ``out`` of the ``module`` that t is of."""
    back, beyond, before = 1.0 - t, t - 2.0, -1.0 - t
    ends = t * back / 6.0
    middle = before * beyond / 2.0
    module.multiply(ends, beyond, out=out[0])
    module.multiply(middle, back, out=out[1])
    module.multiply(middle, t, out=out[2])
    module.multiply(ends, before, out=out[3])


def polynomials(values, axis: int) -> list:
    """The coefficients of 1, t, t^2 and t^3 in each interval along an axis that has all neighbours: three less than
    ``values`` are along it."""
    count = values.shape[axis] - 3
    before, here, after, beyond = (values.narrow(axis, start, count) for start in range(4))
    first = after.sub(before, alpha=1.0 / 3.0).sub_(here, alpha=0.5).sub_(beyond, alpha=1.0 / 6.0)
    second = before.add(after).mul_(0.5).sub_(here)
    third = beyond.sub(before).div_(6.0).add_(here, alpha=0.5).sub_(after, alpha=0.5)
    return [here, first, second, third]
