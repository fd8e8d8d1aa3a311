"""The compiled path: the fast one with its innermost formulas as machine code (compile_cache.py)."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import torch

from nanobrag_torch.physics.arithmetic import number
from nanobrag_torch.render import lattice_step
from nanobrag_torch.render.compile_cache import libraries
from nanobrag_torch.render.fast import COLUMNS, FastRenderer
from nanobrag_torch.render.phi_groups import PhiGroup, cells_of, groups_of_domains, phi_groups
from nanobrag_torch.render.rays import CurvedRays, FlatRays
from nanobrag_torch.render.scene import Scene

TILE_PIXELS = 200_000
TOGETHER = 32
"""Steps whose rows and columns are worked out together."""



@dataclass(frozen=True)
class Block:
    """Neighbouring steps of one mosaic domain: the vectors and weights of ``add_block``, and the cells of every
    step [STEPS, 3, 3] for pixels whose nearest reflection changes."""

    vectors: torch.Tensor
    weights: torch.Tensor
    reach: torch.Tensor
    cells: torch.Tensor


class CompiledRenderer(FastRenderer):
    """The fast renderer with its innermost formulas as machine code."""

    def __init__(self, scene: Scene, functions: SimpleNamespace | None = None):
        super().__init__(scene, torch.float32, TILE_PIXELS)
        self.run = functions or libraries()
        self.ray_factors, self.weighted = self.run.ray_factors, self.run.weighted

    def _prepare(self) -> None:
        """What the sum over steps needs for all tiles: single steps and blocks of steps."""
        sizes = [top - bottom + 3 for bottom, top in zip(self.low, self.high, strict=True)]
        strides = [float(sizes[1] * sizes[2]), float(sizes[2]), 1.0]
        first = [float(bottom - 1) for bottom in self.low]
        offset = -sum(stride * index for stride, index in zip(strides, first, strict=True))
        last = [float(top + 1) for top in self.high]
        limits = tuple(torch.tensor(x, dtype=torch.float64) for x in (first, last, [*strides, offset]))
        cells = torch.tensor(self.scene.lattice.cells, dtype=torch.float64)
        self.constants = (torch.stack([cells, 1.0 / cells]), self.table, *limits)
        self.zeros = torch.zeros(0, dtype=torch.float64)
        singles, self.blocks = [], []
        for domain, group in groups_of_domains(self.scene, phi_groups(self.scene, lattice_step.STEPS)):
            turned = cells_of(self.scene, group.steps, domain)
            if len(group.planes):
                self.blocks.append(_block(group, turned))
            else:
                singles += list(turned)
        self.singles = torch.tensor(np.array(singles).reshape(-1, 3, 3))

    def _sum_of_steps(self, rays: FlatRays | CurvedRays, source):
        """sum F_cell^2 F_latt^2 over phi steps and mosaic domains, float64; only flat detectors are compiled for."""
        assert isinstance(rays, FlatRays)
        incident = torch.tensor([number(x) for x in source.incident], dtype=torch.float64)
        wavelength = number(source.wavelength)
        total = self._zeros(rays.inverse.shape)
        for start in range(0, len(self.singles), TOGETHER):
            some = self.singles[start : start + TOGETHER] / wavelength
            slow, fast = (part.unflatten(0, (-1, 3)) for part in rays.parts(some.flatten(0, 1)))
            for rows, columns, on in zip(slow, fast, some @ incident, strict=True):
                total = self.run.add_step(total, rows, columns, rays.inverse, on, *self.constants)
        for place, block in enumerate(self.blocks):
            vectors = block.vectors / wavelength
            total = self.run.add_block(total, *rays.parts(vectors, (place, id(source))), rays.inverse,
                                       vectors @ incident, block.weights, block.reach, *self.constants)
            sums = total.numpy().reshape(-1)
            leaving = np.flatnonzero(np.signbit(sums))  # NumPy finds them five times as fast as torch
            if len(leaving):
                sums[leaving] = self._at(rays, leaving, -sums[leaving], block, wavelength, incident)
        return total

    def _zeros(self, shape):
        """The same ones for all tiles of a shape; nobody writes into them."""
        if self.zeros.shape != shape:
            self.zeros = torch.zeros(shape, dtype=torch.float64)
        return self.zeros

    def _at(self, rays: FlatRays, pixels: np.ndarray, sums: np.ndarray, block: Block, wavelength,
            incident) -> np.ndarray:
        """``sums`` of some pixels (flat numbers) with those of a block added, float64: every step with its own h0."""
        count = len(pixels)
        pixels, sums = (np.append(array, np.repeat(array[-1], -count % COLUMNS)) for array in (pixels, sums))
        row, column = np.divmod(pixels, rays.inverse.shape[1])
        slow, fast = (torch.stack(along).numpy().reshape(3, -1) for along in (rays.along_slow, rays.along_fast))
        places = slow.take(row, axis=1) + fast.take(column, axis=1)
        cells = block.cells / wavelength
        some = (torch.from_numpy(array) for array in (sums, places, rays.inverse.numpy().take(pixels)))
        return self.run.add_block_at(*some, block.weights, cells, cells @ incident, *self.constants)[:count].numpy()


def _block(group: PhiGroup, cells: np.ndarray) -> Block:
    """A group of up to STEPS steps; there are as many changes of the cell as it has planes, the rest are 0."""
    rank = len(group.planes)
    vectors, weights = np.zeros((3, 3, 3)), np.zeros((lattice_step.STEPS, 3))
    vectors[0], vectors[1 : 1 + rank] = group.cell, group.planes
    weights[: len(group.steps), :rank], weights[: len(group.steps), 2] = group.weights, 1.0
    cells = np.concatenate([cells, np.repeat(cells[-1:], lattice_step.STEPS - len(cells), axis=0)])
    return Block(torch.tensor(vectors.reshape(9, 3)), torch.tensor(weights, dtype=torch.float32),
                 torch.tensor(abs(weights[:, :2]).max(axis=0), dtype=torch.float32), torch.tensor(cells))
