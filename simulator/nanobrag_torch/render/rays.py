"""Rays from the sample to the pixels of a tile, arranged so that the component along any vector is quick to get.

A flat detector is separable: a pixel is at P_slow + P_fast, one part for its row and one for its column, so that
v.d = (v.P_slow + v.P_fast)/R needs only short sums for each row and column and two operations for each pixel. A
curved one has no such parts. Both kinds also are what ``render.Subpixel`` is: an index, R and the unit vectors d.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch

from nanobrag_torch.physics.arithmetic import number
from nanobrag_torch.physics.vectors import dot
from nanobrag_torch.render.scene import Scene
from nanobrag_torch.render.tile import SubpixelIndex, Tile, locate

MOST_KEPT = 16 * 2**20
"""Bytes of components along the columns that are kept; those of a group of vectors take some 100 kB."""


class Rays:
    """What all rays of one sub-pixel have in common; ``culled`` (bool) marks those of which
    nothing is wanted."""

    def __init__(self, tile: Tile, index: SubpixelIndex):
        self.tile, self.index = tile, index
        self.culled: torch.Tensor | None = None


class FlatColumns:
    """The share that columns have in the rays to a flat detector: the same for all tiles of them, so that it is worked
    out once. P_fast [3][1, m] and its length along the fast axis in metres, and |P_fast|^2."""

    def __init__(self, scene: Scene, fast, sub_fast: int):
        n = scene.oversample
        size = number(scene.geometry.pixel_size) / n
        self.fast_m = size * (fast * n + sub_fast) + size / 2.0
        self.along = tuple(self.fast_m * number(x) for x in scene.geometry.fast)
        self.square = dot(self.along, self.along)
        self._kept: dict = {}
        self._room = MOST_KEPT

    def parts(self, vectors, name=None):
        """v.P_fast for vectors v [k, 3], as [k, 1, m]; kept for a few that have a name."""
        if name in self._kept:
            return self._kept[name]
        found = dot(_columns_of(vectors), self.along)
        if name is not None and found.nbytes <= self._room:
            self._kept[name] = found
            self._room -= found.nbytes
        return found


def square_root_(x):
    """The square root, in place: on the CPU by NumPy, in two thirds of the time of torch."""
    if x.device.type != "cpu":
        return x.sqrt_()
    np.sqrt(x.numpy(), out=x.numpy())
    return x


def _columns_of(vectors) -> tuple:
    """x, y and z of vectors [k, 3], each as [k, 1, 1]."""
    return tuple(vectors[:, axis, None, None] for axis in range(3))


class FlatRays(Rays):
    """Rays to a flat detector: P_slow [3][n, 1] and P_fast [3][1, m] in metres."""

    def __init__(self, scene: Scene, tile: Tile, index: SubpixelIndex, columns: FlatColumns):
        super().__init__(tile, index)
        layer, sub_slow, _ = index
        geometry, n = scene.geometry, scene.oversample
        size = number(geometry.pixel_size) / n
        slow_m = size * (tile.slow * n + sub_slow) + size / 2.0
        f, s, o, p = (tuple(map(number, v)) for v in (geometry.fast, geometry.slow, geometry.normal, geometry.pix0))
        depth = layer * number(geometry.layer_thickness)
        self.columns, self.along_fast = columns, columns.along
        self.along_slow = tuple(slow_m * s[i] + (depth * o[i] + p[i]) for i in range(3))
        self.twice_along = dot(self.along_slow, f) * 2.0, columns.fast_m
        self.typical = number(geometry.close_distance)
        self.rounded: tuple | None = None

    @cached_property
    def airpath(self):
        """R (m)."""
        along, fast_m = self.twice_along
        square = (along * fast_m).add_(dot(self.along_slow, self.along_slow))
        return square_root_(square.add_(self.columns.square))

    @cached_property
    def inverse(self):
        """1/R (1/m)."""
        return self.airpath.reciprocal()

    @cached_property
    def diffracted(self) -> tuple:
        """The unit vectors d."""
        return tuple((slow + fast).mul_(self.inverse) for slow, fast in zip(self.along_slow, self.along_fast,
                                                                           strict=True))

    def parts(self, vectors, name=None):
        """The rows' and the columns' share of v.P for vectors v [k, 3], as [k, n, 1] and [k, 1, m]."""
        return dot(_columns_of(vectors), self.along_slow), self.columns.parts(vectors, name)

    def at(self, vectors, rows, columns):
        """v.d of some pixels, [k, n]."""
        slow, fast = (part.flatten(1) for part in self.parts(vectors))
        inverse = self.inverse.view(-1).index_select(0, rows * self.tile.shape[1] + columns)
        return slow.index_select(1, rows).add_(fast.index_select(1, columns)).mul_(inverse)

    def components(self, parts, rows: slice, out):
        """v.d in some rows, to ``out`` [k, n, m]."""
        slow, fast = parts
        return torch.add(slow[:, rows], fast, out=out).mul_(self.inverse[rows])

    def parts_of_changes(self, vectors, incident, name, real):
        """As ``parts``, of v.(d - i) with the unit vector i, which is (v.P - v.i R0)/R + v.i (R0/R - 1) in ``real``.
        With a length R0 such as R is, both terms are as small as their sum, so that rounding them does no harm."""
        straight_on = dot(vectors.T, incident)[:, None, None]
        slow = dot(_columns_of(vectors), self.along_slow) - straight_on * self.typical
        fast = self.columns.parts(vectors, None if name is None else (name, "changes", real))
        return slow.to(real), fast.to(real), straight_on.to(real)

    def changes(self, parts, rows: slice, out):
        """v.(d - i) in some rows, to ``out`` [k, n, m]."""
        slow, fast, straight_on = parts
        if self.rounded is None or self.rounded[0].dtype != out.dtype:
            self.rounded = self.inverse.to(out.dtype), (self.inverse * self.typical).sub_(1.0).to(out.dtype)
        inverse, nearer = (x[rows] for x in self.rounded)
        return torch.add(slow[:, rows], fast, out=out).mul_(inverse).addcmul_(straight_on, nearer)


class CurvedRays(Rays):
    """Rays to a detector of any form, by their unit vectors."""

    def __init__(self, scene: Scene, tile: Tile, index: SubpixelIndex):
        super().__init__(tile, index)
        located = locate(scene, tile, *index)
        self.airpath, self.diffracted = located.airpath, located.diffracted
        self.of_source: tuple | None = None

    def parts(self, vectors, name=None):
        """The vectors themselves, as plain numbers."""
        return vectors.tolist()

    def at(self, vectors, rows, columns):
        """v.d of some pixels, [k, n]."""
        return vectors @ torch.stack([x[rows, columns] for x in self.diffracted])

    def components(self, parts, rows: slice, out):
        """v.d in some rows, to ``out`` [k, n, m]."""
        return _products(parts, [along[rows] for along in self.diffracted], out)

    def parts_of_changes(self, vectors, incident, name, real):
        """The vectors as plain numbers, and d - i of all pixels in ``real``."""
        if name is None or self.of_source is None or self.of_source[0] != name[0]:
            q = [(d - number(i)).to(real) for d, i in zip(self.diffracted, incident, strict=True)]
            self.of_source = name and name[0], q
        return vectors.tolist(), self.of_source[1]

    def changes(self, parts, rows: slice, out):
        """v.(d - i) in some rows, to ``out`` [k, n, m]."""
        vectors, q = parts
        return _products(vectors, [along[rows] for along in q], out)


def _products(vectors, along, out):
    """Scalar products of vectors with three components of pixels, to ``out`` [k, n, m]."""
    x, y, z = along
    for v, component in zip(vectors, out, strict=True):
        torch.mul(x, v[0], out=component).add_(y, alpha=v[1]).add_(z, alpha=v[2])
    return out
