"""The sum over phi steps of F_latt^2, in few and simple passes over a tile: the fast side of shape.py.

What F_latt needs of the Miller index h along an axis of N cells is its distance to the nearest reflection h0, in
periods of the lattice transform. For the square shape, where F_latt = sin(pi N h)/sin(pi h), that is split as

    N (h - h0) = m + r   with m a whole number and |r| <= 1/2,
    |F_latt| = |sin(pi r) / sin(pi (m + r)/N)|

so that r and m survive rounding to float32: near a reflection m is 0 and both sines come from the same r, and far
from it, r is still exact to 3e-8 periods. The other shapes need r = N (h - h0) alone. Phi steps then only add
increments to r (phi_groups.py). Everything is done in place in a ``Workspace``.
"""

from __future__ import annotations

import numpy as np
import torch

from nanobrag_torch.scene import Scene
from nanobrag_torch.shape import GAUSS_WIDTH, ROUND_SCALE, TOPHAT_LIMIT
from nanobrag_torch.units import PI

AXES = range(3)

NO_DIGITS = 1e-3
"""Below this, sin x/x - cos x in float64 has lost so many digits that only the plain formula gives the same ones."""


class Workspace:
    """The buffers of one tile shape, made once: float64 for indices, ``real`` for what is periodic in them."""

    def __init__(self, shape: tuple[int, int], real, device):
        def buffers(count: int, dtype):
            return [torch.empty(shape, dtype=dtype, device=device) for _ in range(count)]

        self.shape, self.real = shape, real
        self.nearest = buffers(3, torch.float64)
        self.index, self.spare = buffers(2, torch.float64)
        self.r, self.m, self.slope, self.bend = (buffers(3, real) for _ in range(4))
        self.turned, self.ratio, self.wave, self.sum, self.F2 = buffers(5, real)
        self.offset = torch.empty(shape[0] * shape[1], dtype=torch.int32, device=device)

    def first_rows(self, rows: int) -> Workspace:
        """The same buffers for a tile of fewer rows."""
        if rows == self.shape[0]:
            return self
        part = object.__new__(Workspace)
        part.shape, part.real = (rows, self.shape[1]), self.real
        for name, value in vars(self).items():
            if name == "offset":
                part.offset = value[: rows * self.shape[1]]
            elif isinstance(value, list):
                setattr(part, name, [entry[:rows] for entry in value])
            elif name not in ("shape", "real"):
                setattr(part, name, value[:rows])
        return part


def sine(x, out=None) -> None:
    """sin(x) to ``out``, or in place. In float32 on the CPU by NumPy, which has it in vector instructions on every
    processor."""
    out = x if out is None else out
    if x.dtype == torch.float32 and x.device.type == "cpu":
        np.sin(x.numpy(), out=out.numpy())
    else:
        torch.sin(x, out=out)


def reduce_index(scene: Scene, work: Workspace, axis: int) -> None:
    """From h in ``work.index`` to h0, r and m of an axis; r and m are times pi and pi/N for the square shape."""
    n = float(scene.lattice.cells[axis])
    h, spare, h0 = work.index, work.spare, work.nearest[axis]
    torch.sub(h, 0.5, out=h0).ceil_()
    if scene.shape != "square":
        work.r[axis].copy_(h.sub_(h0).mul_(n))
        return
    torch.round(h.mul_(n), out=spare)
    work.r[axis].copy_(h.sub_(spare)).mul_(PI)
    work.m[axis].copy_(spare.sub_(h0, alpha=n)).mul_(PI / n)


def look_up(table, low, high, work: Workspace) -> None:
    """F_cell^2 of the nearest reflections to ``work.F2``, from a bordered table (see structure_factor.py)."""
    sizes = [high[axis] - low[axis] + 3 for axis in AXES]
    h, k, l = (torch.clamp(work.nearest[axis], low[axis] - 1, high[axis] + 1, out=work.nearest[axis]) for axis in AXES)
    offset = torch.mul(h, float(sizes[1]), out=work.spare).add_(k).mul_(float(sizes[2])).add_(l)
    offset.sub_(float(((low[0] - 1) * sizes[1] + low[1] - 1) * sizes[2] + low[2] - 1))
    torch.index_select(table, 0, work.offset.copy_(offset.view(-1)), out=work.F2.view(-1))


def nearest_edge(scene: Scene, work: Workspace, reach) -> torch.Tensor:
    """How far from h0, at most along any axis, h comes within a group of steps: to ``work.sum``.

    ``reach`` is the largest weight of the slope.
    """
    furthest, away, step = work.sum, work.ratio, work.wave
    for axis in AXES:
        n = float(scene.lattice.cells[axis])
        torch.abs(_distance(scene, work, axis, n, away), out=away)
        away.add_(torch.abs(work.slope[axis], out=step), alpha=reach / n)
        torch.maximum(furthest, away, out=furthest) if axis else furthest.copy_(away)
    return furthest.mul_(1.0 / PI) if scene.shape == "square" else furthest


def _distance(scene: Scene, work: Workspace, axis: int, n: float, out):
    """h - h0, times pi for the square shape."""
    if scene.shape != "square":
        return torch.mul(work.r[axis], 1.0 / n, out=out)
    return torch.add(work.m[axis], work.r[axis], alpha=1.0 / n, out=out)


def sum_steps(scene: Scene, work: Workspace, weights) -> None:
    """The sum of F_latt^2 over steps to ``work.sum``; ``weights`` are those of slope and bend for each."""
    work.sum.zero_()
    add_step = _ADD_STEP[scene.shape]
    for row in weights:
        add_step(scene, work, row)


def _turn(work: Workspace, axis: int, row):
    """r of an axis at a step: r + w1 slope + w2 bend."""
    r = work.r[axis]
    for weight, change in zip(row, (work.slope[axis], work.bend[axis]), strict=False):
        r = torch.add(r, change, alpha=weight, out=work.turned)
    return r


def _add_square(scene: Scene, work: Workspace, row) -> None:
    """F_latt^2 = prod sin^2(pi r) / sin^2(pi (m + r)/N). 0/0, at a whole h, is left as NaN."""
    ratio, wave, product = work.ratio, work.wave, None
    for axis in (axis for axis in AXES if scene.lattice.cells[axis] > 1):
        r = _turn(work, axis, row)
        torch.add(work.m[axis], r, alpha=1.0 / scene.lattice.cells[axis], out=wave)
        sine(wave)
        sine(r, out=work.turned)
        product = torch.div(work.turned, wave, out=ratio) if product is None else ratio.mul_(work.turned.div_(wave))
    if product is None:
        work.sum.add_(1.0)
    else:
        work.sum.addcmul_(product, product)


def _distance_squared(work: Workspace, row):
    """hr2 = sum r^2, to ``work.ratio``."""
    total = work.ratio.zero_()
    for axis in AXES:
        r = _turn(work, axis, row)
        total.addcmul_(r, r)
    return total


def _add_gauss(scene: Scene, work: Workspace, row) -> None:
    """F_latt^2 = N^2 exp(-2 fudge hr2 / 0.63)."""
    decay = _distance_squared(work, row).mul_(-2.0 * scene.fudge / GAUSS_WIDTH).exp_()
    work.sum.add_(decay, alpha=_count(scene) ** 2)


def _add_tophat(scene: Scene, work: Workspace, row) -> None:
    """F_latt^2 = N^2 where hr2 fudge < 0.3969."""
    inside = torch.lt(_distance_squared(work, row).mul_(scene.fudge), TOPHAT_LIMIT, out=work.ratio)
    work.sum.add_(inside, alpha=_count(scene) ** 2)


def _add_round(scene: Scene, work: Workspace, row) -> None:
    """F_latt = N 0.7236 3 (sin x/x - cos x)/x^2 with x = pi sqrt(hr2 fudge). Very near a reflection it is NaN."""
    x = _distance_squared(work, row).mul_(scene.fudge).sqrt_().mul_(PI)
    wave, cosine = work.wave, work.turned
    if x.amin() < NO_DIGITS:
        x.masked_fill_(x < NO_DIGITS, 0.0)
    torch.sin(x, out=wave).div_(x).sub_(torch.cos(x, out=cosine))
    factor = wave.div_(x.square_()).mul_(3.0 * ROUND_SCALE * _count(scene))
    work.sum.addcmul_(factor, factor)


def _count(scene: Scene) -> float:
    na, nb, nc = scene.lattice.cells
    return float(na) * nb * nc


_ADD_STEP = {"square": _add_square, "gauss": _add_gauss, "tophat": _add_tophat, "round": _add_round}
