"""The sum over phi steps of F_latt^2, in few and simple passes over a tile: the fast side of shape.py.

What F_latt needs of the Miller index h along an axis of N cells is its distance to the nearest reflection h0, in
periods of the lattice transform. For the square shape, where F_latt = sin(pi N h)/sin(pi h), that is split as

    N (h - h0) = m + r   with m a whole number and |r| <= 1/2,
    |F_latt| = |sin(pi r) / sin(pi (m + r)/N)|

so that r and m survive rounding to float32: at a reflection m is 0 and both sines come from the same r, and far from
it, r is still exact to 3e-8 periods. The other shapes need r = N (h - h0) alone, or with the emulation
gauss-tophat-width what stands for it there (narrow_spots.py).

Phi steps then only add increments to r, of less than 2 periods (phi_groups.py). In a group of several steps m is
therefore 0 up to 2 periods from h0, so that it is 0 wherever a reflection is reached.

Everything is done in place in a ``Workspace``, for the three axes at once.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from nanobrag_torch.physics.shape import GAUSS_WIDTH, ROUND_SCALE, TOPHAT_LIMIT
from nanobrag_torch.render.narrow_spots import MULTIPLE, combined, has_width_like_c, spot_metric
from nanobrag_torch.render.scene import Scene
from nanobrag_torch.units import PI

NEAR_PERIODS = 2.0
"""Distance from h0 up to which m is 0 in a group of several steps."""

TOGETHER = 8
"""Steps that are added to one another before they join the rest: adding 64 alike one by one rounds them all the same
way, to 1e-6 of their sum in float32."""

NEAR_CENTRE = 2.0
"""Below this x, sin x/x and cos x are so nearly alike that their difference has too few digits in float32."""

NO_DIGITS = 1e-3
"""Below this, sin x/x - cos x in float64 has lost so many digits that only the plain formula gives the same ones."""


class Workspace:
    """The buffers of a tile, made once: float64 for indices, ``real`` for what is periodic in them.

    Arrays are [3, n, m] where there is one for each axis, and [n, m] else. For the square shape r, m, slope and bend
    are in radians: r times pi and m times pi/N.
    """

    def __init__(self, scene: Scene, shape: tuple[int, int], real, waves=None):
        def buffer(*more: int, dtype=real):
            return torch.empty((*more, *shape), dtype=dtype, device=scene.device)

        self.shape, self.square_shape = shape, scene.shape == "square"
        self.hkl, self.nearest, self.spare = (buffer(3, dtype=torch.float64) for _ in range(3))
        self.r, self.m, self.slope, self.bend = (buffer(3) for _ in range(4))
        self.angles = buffer(2, 3)
        of_numpy = self.angles.device.type == "cpu" and real == torch.float32
        self.angles_of_numpy = self.angles.numpy() if of_numpy else None
        self.squares, self.sum, self.partial, self.F2 = (buffer() for _ in range(4))
        self.waves = buffer(3, dtype=waves) if waves not in (None, real) else None
        self.offset = buffer(dtype=torch.int32)
        self.far = buffer(dtype=torch.bool)
        self.far_of_numpy = self.far.numpy() if self.far.device.type == "cpu" else None
        counts = torch.tensor(scene.lattice.cells, dtype=torch.float64, device=scene.device)[:, None, None]
        self.cells, self.periods = counts, (PI / counts).to(real)
        self.shares = (1.0 / counts).to(real)
        self.minus_cells = (-counts).to(real)
        self.metric = spot_metric(scene).tolist() if has_width_like_c(scene) else None

        self.above, self.below = self.angles
        self.above_axes, self.below_axes, self.nearest_axes = map(list, (self.above, self.below, self.nearest))


def reduce_indices(work: Workspace, several_steps: bool) -> None:
    """From h, k, l in ``work.hkl`` (which is used up) to h0, r and m."""
    Nh, h0, spare = work.hkl, work.nearest, work.spare
    torch.sub(Nh, 0.5, out=h0).ceil_()
    if work.metric is not None:
        away = Nh.sub_(h0)
        for row, r in zip(work.metric, work.r, strict=True):
            r.copy_(combined(row, away))
        return
    if not work.square_shape:
        work.r.copy_(Nh.sub_(h0).mul_(work.cells))
        return
    away = Nh.sub_(h0).mul_(work.cells)
    m = torch.round(away, out=spare)
    if several_steps:
        m = torch.hardshrink(m, NEAR_PERIODS)
    work.r.copy_(away.sub_(m).mul_(PI))
    work.m.copy_(m).mul_(work.periods)


def rounding_of_shares(scene: Scene, real) -> float:
    """What the lattice factors, squared, are to be multiplied with because 1/N is not quite that in ``real``: near a
    reflection, where all the intensity is, sin(pi r/N) is too large or small by as much as 1/N is."""
    if scene.shape != "square":
        return 1.0
    counts = scene.lattice.cells
    shares = torch.tensor([1.0 / count for count in counts], dtype=torch.float64, device="cpu").to(real).tolist()
    return math.prod(share * count for share, count in zip(shares, counts, strict=True)) ** 2


def look_up(table, low, high, work: Workspace) -> None:
    """F_cell^2 of the nearest reflections to ``work.F2``, from a bordered table (see structure_factor.py)."""
    work.offset.copy_(offsets_into(work.nearest_axes, low, high))
    torch.index_select(table, 0, work.offset.view(-1), out=work.F2.view(-1))


def offsets_into(nearest, low, high):
    """Where whole h, k, l, which are used up, are in a bordered table, as float64."""
    _, width, depth = (float(top - bottom + 3) for bottom, top in zip(low, high, strict=True))
    h, k, l = (x.clamp_(bottom - 1, top + 1) for x, bottom, top in zip(nearest, low, high, strict=True))
    offset = h.mul_(width).add_(k).mul_(depth).add_(l)
    return offset.sub_(((low[0] - 1) * width + low[1] - 1) * depth + low[2] - 1)


def further_than(edge: float, work: Workspace, reach: float):
    """Flat numbers of the pixels whose h may come further than ``edge`` from h0 along some axis within a group;
    ``reach`` is the largest weight of slope."""
    away = _index_distance(work, out=work.above).abs_()
    away.addcmul_(torch.abs(work.slope, out=work.below), work.shares, value=reach)
    a, b, c = work.above_axes
    furthest = torch.maximum(torch.maximum(a, b, out=a), c, out=a)
    torch.gt(furthest, edge * PI if work.square_shape else edge, out=work.far)
    if work.far_of_numpy is None:
        return torch.nonzero(work.far.view(-1))[:, 0]
    return torch.from_numpy(np.flatnonzero(work.far_of_numpy))  # in a fifth of the time


def _index_distance(work: Workspace, out):
    """h - h0, times pi for the square shape."""
    if work.square_shape:
        return torch.addcmul(work.m, work.r, work.shares, out=out)
    return torch.mul(work.r, work.shares, out=out)


def sum_steps(scene: Scene, work: Workspace, weights, leaving):
    """The sum of F_latt^2 over the steps of a group to ``work.sum``; ``weights`` are those of slope and bend.

    Returns F_latt^2 of the pixels ``leaving`` (flat numbers) at each step, [steps, n].
    """
    squares_leaving = work.sum.new_empty((len(weights), len(leaving)))
    for number, (row, out) in enumerate(zip(weights, squares_leaving, strict=True)):
        squares = _SQUARES[scene.shape](scene, work, _turn(work, row))
        partial = work.sum if number < TOGETHER else work.partial
        partial = partial.add_(squares) if number % TOGETHER else partial.copy_(squares)
        if partial is work.partial and (number + 1 == len(weights) or (number + 1) % TOGETHER == 0):
            work.sum.add_(partial)
        if len(leaving):
            torch.index_select(squares.view(-1), 0, leaving, out=out)
    return squares_leaving


def _turn(work: Workspace, row):
    """r at a step, r + w1 slope + w2 bend; for shapes that are not periodic in r, less whole indices."""
    if not row:
        return work.above.copy_(work.r)
    r = torch.add(work.r, work.slope, alpha=row[0], out=work.above)
    if len(row) > 1:
        r.add_(work.bend, alpha=row[1])
    if not work.square_shape:
        r.addcmul_(torch.mul(r, work.shares, out=work.below).round_(), work.minus_cells)
    return r


def _square(scene: Scene, work: Workspace, r):
    """F_latt^2 = prod sin^2(pi r) / sin^2(pi (m + r)/N). 0/0, at a whole h, is left as NaN."""
    torch.addcmul(work.m, r, work.shares, out=work.below)
    _sines(work)
    torch.div(work.above, work.below, out=work.above)
    a, b, c = work.above_axes
    return torch.mul(a, b, out=work.squares).mul_(c).square_()


def _sines(work: Workspace) -> None:
    """The sines of ``work.angles``, in place. In float32 on the CPU by NumPy, in less than half the time of torch."""
    if work.angles_of_numpy is None:
        work.angles.sin_()
    else:
        np.sin(work.angles_of_numpy, out=work.angles_of_numpy)


def _distance_squared(work: Workspace, r):
    """hr2 = sum r^2."""
    r.square_()
    a, b, c = work.above_axes
    return torch.add(a, b, out=work.squares).add_(c)


def _gauss(scene: Scene, work: Workspace, r):
    """F_latt^2 = N^2 exp(-2 fudge hr2 / 0.63)."""
    return _distance_squared(work, r).mul_(-2.0 * scene.fudge / GAUSS_WIDTH).exp_().mul_(_count(scene) ** 2)


def _tophat(scene: Scene, work: Workspace, r):
    """F_latt^2 = N^2 where hr2 fudge < 0.3969."""
    reached = _distance_squared(work, r).mul_(scene.fudge)
    return torch.lt(reached, TOPHAT_LIMIT, out=work.squares).mul_(_count(scene) ** 2)


def _round(scene: Scene, work: Workspace, r):
    """F_latt = N 0.7236 3 (sin x/x - cos x)/x^2 with x = pi sqrt(hr2 fudge). Very near a reflection it is NaN."""
    x = _distance_squared(work, r).mul_(scene.fudge).sqrt_().mul_(PI)
    least = float(x.amin())
    if work.waves is None:
        wave, cosine, _ = work.below_axes
        return _sphere(scene, x, least, wave, cosine, work.squares)
    turns = torch.mul(x, 0.5 / PI, out=work.spare[0]).round_()
    sine, cosine, far = work.waves
    cosine.copy_(sine.copy_(turns.mul_(-2.0 * PI).add_(x)))
    far.copy_(x)
    if sine.device.type == "cpu":
        np.sin(sine.numpy(), out=sine.numpy())
        np.cos(cosine.numpy(), out=cosine.numpy())
    else:
        sine.sin_()
        cosine.cos_()
    sine.div_(far).sub_(cosine).div_(far.square_()).mul_(3.0 * ROUND_SCALE * _count(scene)).square_()
    if not least < NEAR_CENTRE:
        return x.copy_(sine)
    near = torch.nonzero(x.view(-1) < NEAR_CENTRE)[:, 0]
    padded = torch.cat([near, near[-1:].expand(-len(near) % MULTIPLE)])
    inner = x.view(-1).index_select(0, padded)
    inner = _sphere(scene, inner, least, torch.empty_like(inner), torch.empty_like(inner), inner)
    x.copy_(sine).view(-1).index_copy_(0, near, inner[: len(near)])
    return x


def _sphere(scene: Scene, x, least: float, wave, cosine, out):
    """F_latt^2 of some x, which are used up; ``wave`` and ``cosine`` are for what is between."""
    if least < NO_DIGITS:
        x.masked_fill_(x < NO_DIGITS, 0.0)
    torch.sin(x, out=wave).div_(x).sub_(torch.cos(x, out=cosine))
    return torch.div(wave, x.square_(), out=out).mul_(3.0 * ROUND_SCALE * _count(scene)).square_()


def _count(scene: Scene) -> float:
    na, nb, nc = scene.lattice.cells
    return float(na) * nb * nc


_SQUARES = {"square": _square, "gauss": _gauss, "tophat": _tophat, "round": _round}
