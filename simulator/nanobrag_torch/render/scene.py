"""What will be rendered: every component, and the sampling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nanobrag_torch.emulation import Emulations
from nanobrag_torch.physics.arithmetic import number
from nanobrag_torch.physics.crystal import Lattice
from nanobrag_torch.physics.detector import Geometry
from nanobrag_torch.physics.random_stream import RandomStreams
from nanobrag_torch.physics.source import Illumination
from nanobrag_torch.physics.spindle import Spindle, spindle_phi
from nanobrag_torch.physics.structure_factor import StructureFactors


@dataclass(frozen=True)
class Scene:
    """All that a renderer needs. ``cells`` holds the cell (a, b, c in m) of each phi step and mosaic domain,
    domains fastest; ``first_cells`` (emulation phi-carryover) those of the very first sweep where they differ,
    by phi step, and ``first_turned`` the (slow, fast) of the pixels whose first sweep may find the crystal unturned.
    ``roi`` is inclusive and inside the image."""

    illumination: Illumination
    lattice: Lattice
    geometry: Geometry
    spindle: Spindle
    mosaic_spread: Any
    rotations: tuple
    cells: tuple
    first_cells: dict
    F: StructureFactors
    interpolation_chosen: bool
    shape: str
    fudge: Any
    water_size: Any
    oversample: int
    oversample_chosen: bool
    oversample_thick: bool
    oversample_polar: bool
    oversample_omega: bool
    d_min: float
    roi: tuple[int, int, int, int]
    roi_printed: tuple[int, int, int, int]
    mask: Any
    streams: RandomStreams
    emulate: Emulations
    device: Any
    dtype: Any
    first_turned: tuple[tuple[int, int], ...] = ()

    @property
    def domains(self) -> int:
        return len(self.rotations)

    @property
    def has_water(self) -> bool:
        return number(self.water_size) > 0

    @property
    def water_like_spots(self) -> bool:
        """Whether the scattering of water is a first term of the sum, scaled as spots are (emulation water-scaling)."""
        return self.has_water and "water-scaling" in self.emulate

    @property
    def running_product(self) -> bool:
        """Whether the factors of the -oversample_ flags multiply the running sum (emulation running-product)."""
        flags = self.oversample_thick or self.oversample_polar or self.oversample_omega
        return flags and "running-product" in self.emulate

    def phi(self, step: int):
        """Start of a phi step (rad)."""
        return spindle_phi(self.spindle, step)

    @property
    def steps(self) -> int:
        """Terms by which a pixel is divided: sources * domains * phi steps * oversample^2."""
        return len(self.illumination.sources) * self.domains * self.spindle.steps * self.oversample**2
