"""The sum over phi steps of F_latt^2, in few and simple passes over a tile: the fast side of shape.py.

What F_latt needs of the Miller index h along an axis of N cells is its distance to the nearest reflection h0, in
periods of the lattice transform. For the square shape, where F_latt = sin(pi N h)/sin(pi h), that is split as

    N (h - h0) = m + r   with m a whole number and |r| <= 1/2,
    |F_latt| = |sin(pi r) / sin(pi (m + r)/N)|

so that r and m survive rounding to float32: at a reflection m is 0 and both sines come from the same r, and far from
it, r is still exact to 3e-8 periods. The other shapes need r = N (h - h0) alone, or with the emulation
gauss-tophat-width what stands for it there (narrow_spots.py).

Phi steps then only add increments to r, of some two periods (phi_groups.py). In a group of several steps m is
therefore 0 up to 3 periods from h0, so that it is 0 wherever a reflection is reached. On a detector that may see
nothing but what lies just beside reflections it is 0 only where one really may be reached: near -1, r has fewer digits.

Everything is done in place in a ``Workspace``, for the three axes at once.
"""

from __future__ import annotations

import math

import numpy as np
import torch

from nanobrag_torch.physics.shape import GAUSS_WIDTH, ROUND_SCALE, TOPHAT_LIMIT
from nanobrag_torch.render.large_pages import LargePages
from nanobrag_torch.render.narrow_spots import combined, has_width_like_c, in_whole_vectors, upper_metric
from nanobrag_torch.render.rays import square_root_
from nanobrag_torch.render.scene import Scene
from nanobrag_torch.units import PI

NEAR_PERIODS = 3.0
"""Distance from h0 up to which m is 0 in a group of several steps."""

LEAST_NEAR = 0.9
"""The same in a group of steps that all are alike."""

TOGETHER = 8
"""Steps that are added to one another before they join the rest: adding 64 alike one by one rounds them all the same
way, to 1e-6 of their sum in float32."""

BORDER = 3
"""Rings of default_F around the reflections: one is the next reflection to a pixel beyond them, and the last one is
never reached, so that the nearest reflection may change by one without a look at where it is."""

NEAR_CENTRE = 2.0
"""Below this x, sin x/x and cos x are so nearly alike that their difference has too few digits in float32."""

NO_DIGITS = 1e-3
"""Below this, sin x/x - cos x in float64 has lost so many digits that only the plain formula gives the same ones."""


class Workspace:
    """The buffers of a tile, made once: float64 for indices, ``real`` for what is periodic in them.

    They lie in ``memory``, where others may have been before. Arrays are [3, n, m] where there is one for each axis,
    and [n, m] else. For the square shape r, m, slope and bend are in radians: r times pi and m times pi/N.
    """

    def __init__(self, scene: Scene, shape: tuple[int, int], real, waves, memory: LargePages):
        memory.clear()

        def buffer(*more: int, dtype=real):
            return memory.take((*more, *shape), dtype)

        self.shape, self.square_shape = shape, scene.shape == "square"
        self.hkl, self.nearest, self.spare = (buffer(3, dtype=torch.float64) for _ in range(3))
        self.r, self.m = (buffer(3) for _ in range(2))
        self.changes = buffer(6)
        self.slope, self.bend = self.changes[:3], self.changes[3:]
        self.angles = buffer(2, 3)
        of_numpy = self.angles.device.type == "cpu" and real == torch.float32
        self.angles_of_numpy = self.angles.numpy() if of_numpy else None
        self.squares, self.sum, self.partial, self.F2 = (buffer() for _ in range(4))
        self.waves = buffer(3, dtype=waves) if waves not in (None, real) else None
        self.offset = buffer(dtype=torch.int32)
        self.far = buffer(dtype=torch.bool)
        counts = torch.tensor(scene.lattice.cells, dtype=torch.float64, device=scene.device)[:, None, None]
        self.cells, self.periods = counts, (PI / counts).to(real)
        self.shares = (1.0 / counts).to(real)
        self.minus_cells = (-counts).to(real)
        self.metric = upper_metric(scene).tolist() if has_width_like_c(scene) else None

        self.above, self.below = self.angles
        self.above_axes, self.below_axes, self.nearest_axes = map(list, (self.above, self.below, self.nearest))


def reduce_indices(work: Workspace, several_steps: bool, reach: tuple[float, float] | None = None) -> None:
    """From h, k, l in ``work.hkl`` (which is used up) to h0, r and m. With ``reach``, the largest weights of slope and
    bend, m is 0 no further from h0 than each pixel needs it."""
    Nh, h0, spare = work.hkl, work.nearest, work.spare
    torch.sub(Nh, 0.5, out=h0).ceil_()
    if work.metric is not None:
        away = Nh.sub_(h0)
        for row, r in zip(work.metric, work.r, strict=True):
            combined(row, away, r)
        return
    if not work.square_shape:
        work.r.copy_(Nh.sub_(h0).mul_(work.cells))
        return
    away = Nh.sub_(h0).mul_(work.cells)
    m = torch.round(away, out=spare)
    if several_steps and reach:
        near = torch.abs(work.slope, out=work.above).mul_(reach[0])
        if reach[1]:
            near.add_(torch.abs(work.bend, out=work.below), alpha=reach[1])
        m = m.masked_fill_(m.abs() <= near.div_(PI).add_(LEAST_NEAR), 0.0)
    elif several_steps:
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


def look_up(table, sizes, work: Workspace) -> None:
    """F_cell^2 of the nearest reflections to ``work.F2``, from a table of F_cell^2 with BORDER rings around it;
    ``work.nearest``, which is used up, counts from its first corner, and ``sizes`` are the lengths of its axes."""
    h, k, l = (x.clamp_(1, size - 2) for x, size in zip(work.nearest_axes, sizes, strict=True))
    work.offset.copy_(l.add_(k.add_(h, alpha=sizes[1]), alpha=sizes[2]))
    torch.index_select(table, 0, work.offset.view(-1), out=work.F2.view(-1))


def further_than(edge: float, work: Workspace, reach: float):
    """Flat numbers, in whole vectors, of the pixels whose h may come further than ``edge`` from h0 along some axis
    within a group; ``reach`` is the largest weight of slope."""
    if work.square_shape:
        away = torch.addcmul(work.m, work.r, work.shares, out=work.above).abs_()
    else:
        away = torch.mul(work.r, work.shares, out=work.above).abs_()
    away.addcmul_(torch.abs(work.slope, out=work.below), work.shares, value=reach)
    a, b, c = work.above_axes
    furthest = torch.maximum(torch.maximum(a, b, out=a), c, out=a)
    torch.gt(furthest, edge * PI if work.square_shape else edge, out=work.far)
    return in_whole_vectors(numbers_of(work.far))


def numbers_of(marked):
    """Flat numbers of the pixels that are marked; on the CPU by NumPy, in a fifth of the time of torch."""
    if marked.device.type != "cpu":
        return torch.nonzero(marked.view(-1))[:, 0]
    return torch.from_numpy(np.flatnonzero(marked.numpy()))


def sum_steps(scene: Scene, work: Workspace, weights, leaving):
    """The sum of F_latt^2 over the steps of a group to ``work.sum``; ``weights`` are those of slope and bend.

    Returns F_latt^2 of the pixels ``leaving`` (flat numbers) at each step, [steps, n].
    """
    squares_leaving = work.sum.new_empty((len(weights), len(leaving)))
    for number, (row, out) in enumerate(zip(weights, squares_leaving, strict=True)):
        squares = _SQUARES[scene.shape](scene, work, _turn(work, row, leaving))
        partial = work.sum if number < TOGETHER else work.partial
        partial = partial.add_(squares) if number % TOGETHER else partial.copy_(squares)
        if partial is work.partial and (number + 1 == len(weights) or (number + 1) % TOGETHER == 0):
            work.sum.add_(partial)
        if len(leaving):
            torch.index_select(squares.view(-1), 0, leaving, out=out)
    return squares_leaving


def sum_leaving(table, sizes, work: Workspace, planes, leaving, squares):
    """The sum of F_cell^2 F_latt^2 of the pixels ``leaving``, [n], whose nearest reflection may be another at
    some steps; ``squares`` [steps, n], which are used up, are their F_latt^2, ``planes`` [r, steps, 1] the weights
    of slope and bend.

    How far h is from the first one is known to 1e-7, so that a step may count for the neighbour where both are as near.
    """
    parts = (work.r, work.slope, work.bend)[: 1 + len(planes)]
    h, *changes = (part.flatten(1).index_select(1, leaving).mul_(work.shares[:, :, 0]) for part in parts)
    per_index = 1.0
    if work.square_shape:
        h.add_(work.m.flatten(1).index_select(1, leaving))
        per_index = 1.0 / PI
    h = h.mul_(per_index)[:, None]
    for plane, change in zip(planes, changes, strict=True):
        h = torch.addcmul(h, plane, change[:, None], value=per_index)
    along_h, along_k, along_l = h.round_().to(torch.int32)
    places = along_l.add_(along_k.add_(along_h, alpha=sizes[1]), alpha=sizes[2])
    places.add_(work.offset.view(-1).index_select(0, leaving))
    squares.mul_(torch.index_select(table, 0, places.view(-1)).view(places.shape))
    while len(squares) > 1:  # in pairs, so that those alike are not rounded alike
        half = len(squares) // 2
        squares[:half].add_(squares[-half:])
        squares = squares[: len(squares) - half]
    return squares[0]


def _turn(work: Workspace, row, leaving):
    """r at a step, r + w1 slope + w2 bend; for shapes that are not periodic in r, less whole indices, which only those
    ``leaving`` can have."""
    if not row:
        return work.above.copy_(work.r) if work.square_shape else work.r
    r = torch.add(work.r, work.slope, alpha=row[0], out=work.above)
    if len(row) > 1:
        r.add_(work.bend, alpha=row[1])
    if len(leaving) and not work.square_shape:
        flat = r.view(3, -1)
        part = flat.index_select(1, leaving)
        whole = part.mul(work.shares[:, :, 0]).round_()
        flat.index_copy_(1, leaving, part.addcmul_(whole, work.minus_cells[:, :, 0]))
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
    """hr2 = sum r^2; r stays, as the next step may have the same."""
    torch.mul(r, r, out=work.above)
    a, b, c = work.above_axes
    return torch.add(a, b, out=work.squares).add_(c)


def _gauss(scene: Scene, work: Workspace, r):
    """F_latt^2 = N^2 exp(-2 fudge hr2 / 0.63). On the CPU by NumPy, in less than half the time of torch."""
    exponent = _distance_squared(work, r).mul_(-2.0 * scene.fudge / GAUSS_WIDTH)
    if exponent.device.type == "cpu":
        np.exp(exponent.numpy(), out=exponent.numpy())
    else:
        exponent.exp_()
    return exponent.mul_(_count(scene) ** 2)


def _tophat(scene: Scene, work: Workspace, r):
    """F_latt^2 = N^2 where hr2 fudge < 0.3969."""
    reached = _distance_squared(work, r).mul_(scene.fudge)
    return torch.lt(reached, TOPHAT_LIMIT, out=work.squares).mul_(_count(scene) ** 2)


def _round(scene: Scene, work: Workspace, r):
    """F_latt = N 0.7236 3 (sin x/x - cos x)/x^2 with x = pi sqrt(hr2 fudge). Very near a reflection it is NaN."""
    x = square_root_(_distance_squared(work, r).mul_(scene.fudge * PI * PI))
    least = float(x.amin())
    if work.waves is None:
        wave, cosine, _ = work.below_axes
        return _sphere(scene, x, least, wave, cosine, work.squares)
    turns = torch.mul(x, 0.5 / PI, out=work.spare[0]).round_()
    sine, cosine, far = work.waves
    cosine.copy_(sine.copy_(torch.add(x, turns, alpha=-2.0 * PI, out=turns)))
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
    near = numbers_of(torch.lt(x, NEAR_CENTRE, out=work.far))
    padded = in_whole_vectors(near)
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
