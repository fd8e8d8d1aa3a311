"""Blocks of pixels, and where their sub-pixels are: what every way of rendering begins with.

Rows are rendered in tiles, so that memory does not grow with the image.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from nanobrag_torch.physics.detector import pixel_position
from nanobrag_torch.physics.vectors import length
from nanobrag_torch.render.scene import Scene

TILE_PIXELS = 40_000
"""Pixels rendered together: large enough for tensors to pay, small enough to stay in the cache."""


# --- tiles ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tile:
    """A block of pixels: slow indices [n, 1] and fast indices [1, m] as float64, and which are rendered."""

    first_row: int
    first_column: int
    slow: Any
    fast: Any
    rendered: Any

    @property
    def shape(self) -> tuple[int, int]:
        return self.slow.shape[0], self.fast.shape[1]


def make_tile(scene: Scene, rows: range, columns: range) -> Tile:
    """The tile of some rows and columns of the image."""
    slow = torch.arange(rows.start, rows.stop, dtype=torch.float64, device=scene.device)[:, None]
    fast = torch.arange(columns.start, columns.stop, dtype=torch.float64, device=scene.device)[None, :]
    rendered = None
    if scene.mask is not None:
        rendered = scene.mask[rows.start : rows.stop, columns.start : columns.stop]
    return Tile(rows.start, columns.start, slow, fast, rendered)


def tile_rows(scene: Scene) -> int:
    """Rows of a tile."""
    x0, x1, _, _ = scene.roi
    return max(1, TILE_PIXELS // (x1 - x0 + 1))


# --- inside a tile --------------------------------------------------------------------------------------


class SubpixelIndex(NamedTuple):
    """The place of a sub-pixel in the loops over layers of the sensor, and over its rows and columns in a pixel."""

    layer: int
    slow: int
    fast: int

    @property
    def is_first(self) -> bool:
        """Whether it is the first of its layer."""
        return self.slow == self.fast == 0


@dataclass(frozen=True)
class Subpixel:
    """Where one sub-pixel of each pixel is: its place in the loops, R (m) and the unit vector towards it."""

    index: SubpixelIndex
    airpath: Any
    diffracted: Any


def locate(scene: Scene, tile: Tile, layer: int, sub_slow: int, sub_fast: int, trace=None) -> Subpixel:
    """Sub-pixel (sub_slow, sub_fast) of a layer, for every pixel of the tile."""
    n = scene.oversample
    size = scene.geometry.pixel_size / n
    fast_m = size * (tile.fast * n + sub_fast) + size / 2.0
    slow_m = size * (tile.slow * n + sub_slow) + size / 2.0
    position = pixel_position(scene.geometry, fast_m, slow_m, layer)
    airpath = length(position)
    diffracted = tuple(x / airpath for x in position)
    index = SubpixelIndex(layer, sub_slow, sub_fast)
    if trace:
        trace.record("position_m", index, *position)
        trace.record("airpath_m", index, airpath)
        trace.record("diffracted_direction", index, *diffracted)
    return Subpixel(index, airpath, diffracted)


def subpixels(scene: Scene, tile: Tile, trace=None) -> Iterator[Subpixel]:
    """Layers, then sub-pixels along slow, then along fast."""
    for layer in range(scene.geometry.layers):
        for sub_slow in range(scene.oversample):
            for sub_fast in range(scene.oversample):
                yield locate(scene, tile, layer, sub_slow, sub_fast, trace)


def cell_of(scene: Scene, phi: int, domain: int, unswept):
    """The cell vectors of a phi step and domain; those of the very first sweep where no turn has come before."""
    cell = scene.cells[phi][domain]
    if unswept is None or phi not in scene.first_cells:
        return cell
    first = scene.first_cells[phi][domain]
    return tuple(tuple(torch.where(unswept, _float64(x0), _float64(x)) for x0, x in zip(v0, v, strict=True))
                 for v0, v in zip(first, cell, strict=True))


def _float64(x):
    return torch.as_tensor(x, dtype=torch.float64)
