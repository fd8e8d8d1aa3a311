"""The numbers that a command line comes to: fluence, steps of every kind, sizes. Each rule is the program's own.

Scale factors between two images are looked up among ratios of these numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nbcompare.case.command import Command
from nbcompare.explain.diagnose.setup.lattice import Lattice, read_lattice, wavelength_angstrom

DEFAULT_FLUENCE = 125932015286227086360700780544.0
"""photons/m^2; times r_e^2 it is 1."""

R_E_SQUARED = 7.94079248018965e-30
"""Square of the classical electron radius, m^2."""


@dataclass(frozen=True)
class Setting:
    """Effective parameters; lengths in metres, angles in radians, fluence in photons/m^2."""

    fluence: float
    flux: float
    exposure_s: float
    beamsize_m: float
    given_fluence: float | None
    pixel_m: float
    distance_m: float
    sources: int
    divergence_points: int
    wavelengths: int
    mosaic_spread: float
    mosaic_domains: int
    phi: float
    phi_step: float
    phi_steps: int
    oversample: int
    layers: int
    thickness_m: float
    attenuation_per_m: float
    cells: tuple[int, int, int]
    kahn: float
    polarized: bool
    point_pixel: bool
    wavelength_A: float
    default_F: float
    """F of every reflection where no list is given; 0 with a list."""

    @property
    def fluence_from_flux(self) -> bool:
        return self.flux != 0 and self.exposure_s > 0 and self.beamsize_m >= 0

    @property
    def steps(self) -> int:
        """What a pixel's sum is divided by: sources * phi steps * mosaic domains * oversample^2."""
        return self.sources * self.phi_steps * self.mosaic_domains * self.oversample**2

    @property
    def phis(self) -> np.ndarray:
        """The spindle angles that are rendered."""
        return self.phi + self.phi_step * np.arange(self.phi_steps)


def read_setting(command: Command, folder: Path) -> Setting:
    """The effective parameters of a command line; ``folder`` is where its input files lie."""
    flux = command.number("-flux")
    exposure, beamsize = command.number("-exposure", 1.0), command.number("-beamsize", 0.1) * 1e-3
    given = command.number("-fluence") if command.has("-fluence") else None
    fluence = DEFAULT_FLUENCE if given is None else given
    if flux != 0 and exposure > 0 and beamsize >= 0:
        fluence = flux * exposure / beamsize**2 if beamsize else math.inf
    points, wavelengths = _sources(command)
    listed = _listed_sources(command, folder)
    spread, domains = _mosaic(command)
    phi_step, phi_steps = _phi_steps(command)
    thickness, layers, attenuation = _layers(command)
    lattice = read_lattice(command, folder)
    cells = _cells(command, lattice, beamsize)
    return Setting(
        fluence=fluence, flux=flux, exposure_s=exposure, beamsize_m=beamsize, given_fluence=given,
        pixel_m=command.number("-pixel", 0.1) * 1e-3, distance_m=_distance(command),
        sources=listed or points * wavelengths, divergence_points=1 if listed else points,
        wavelengths=1 if listed else wavelengths, mosaic_spread=spread, mosaic_domains=domains,
        phi=math.radians(command.number("-phi")), phi_step=phi_step, phi_steps=phi_steps,
        oversample=_oversample(command, lattice, cells), layers=layers, thickness_m=thickness,
        attenuation_per_m=attenuation, cells=cells, kahn=command.number("-polar"), polarized=_polarized(command),
        point_pixel=command.has("-point_pixel"), wavelength_A=wavelength_angstrom(command),
        default_F=0.0 if command.has("-hkl", "-dump") else command.number("-default_F"))


def _distance(command: Command) -> float:
    item = command.find("-close_distance") or command.find("-distance")
    return (item.numbers[0] if item and item.values else 100.0) * 1e-3


def _polarized(command: Command) -> bool:
    last = command.find("-polar", "-nopolar")
    return not (last and last.option.name == "-nopolar")


def _phi_steps(command: Command) -> tuple[float, int]:
    """(step in radians, number of steps) by the program's table of what follows from what."""
    osc, step = (_degrees(command, name) for name in ("-osc", "-phistep"))
    item = command.find("-phisteps")
    steps = int(item.numbers[0]) if item and item.values and item.numbers[0] >= 0 else None
    osc = osc if osc is not None and osc >= 0 else None
    if steps is None:
        if osc is None:
            return (step, 2) if step else (0.0, 1)
        return (step, math.ceil(osc / step)) if step and step > 0 else (osc / 2, 2)
    steps = max(1, steps)
    if osc is None:
        return (step, 2) if step and step > 0 else (math.radians(1.0) / steps, steps)
    return (step if step is not None and step >= 0 else osc / steps), steps


def _degrees(command: Command, name: str) -> float | None:
    item = command.find(name)
    return math.radians(item.numbers[0]) if item and item.values else None


def _mosaic(command: Command) -> tuple[float, int]:
    spread = max(0.0, command.number("-mosaic"))
    domains = int(command.number("-mosaic_dom"))
    if spread == 0:
        return 0.0, 1
    return math.radians(spread), domains if domains > 0 else 10


def _sources(command: Command) -> tuple[int, int]:
    """(directions, wavelengths) of generated sources."""
    both, steps = command.number("-divergence", -1), command.number("-divsteps")
    axes = [_points(command.number(f"-{axis}divsteps", steps), command.number(f"-{axis}divrange", both),
                    command.number(f"-{axis}divstep", -1)) for axis in "hv"]
    wavelengths = _points(command.number("-dispsteps"), command.number("-dispersion") / 100, -1)[0]
    corners = command.find("-round_div", "-square_div")
    rounded = not (corners and corners.option.name == "-square_div")
    return _kept_directions(axes, rounded), wavelengths


def _points(count: float, extent: float, step: float) -> tuple[int, float, float]:
    """(points, range, step) of one kind of spread."""
    count = int(count)
    if count <= 0 and extent < 0 and step <= 0:
        return 1, 0.0, 0.0
    if count <= 0:
        extent, step, count = ((step, step, 2) if extent < 0 else (extent, extent, 2) if step <= 0
                               else (extent, step, math.ceil(extent / step)))
    elif extent < 0:
        extent, step, count = (1.0, 1.0 / count, count) if step <= 0 else (step, step, 2)
    elif step <= 0:
        count = max(2, count)
        step = extent / (count - 1)
    return (count, extent, step) if extent > 0 and step > 0 and count > 0 else (1, 0.0, 0.0)


def _kept_directions(axes, rounded: bool) -> int:
    """How many points of the divergence grid are left when its corners are cut."""
    (nh, range_h, step_h), (nv, range_v, step_v) = axes
    if not rounded or range_h == 0 or range_v == 0:
        return nh * nv
    h = (step_h * np.arange(nh) - range_h / 2)[:, None]
    v = (step_v * np.arange(nv) - range_v / 2)[None, :]
    t = ((h**2 - step_h**2 / 4 * (1 - nh % 2)) / range_h**2 + (v**2 - step_v**2 / 4 * (1 - nv % 2)) / range_v**2)
    return int(np.count_nonzero(4 * t <= 1.1))


def _listed_sources(command: Command, folder: Path) -> int:
    item = command.find("-sourcefile")
    if not item or not item.values:
        return 0
    try:
        return sum(1 for line in (folder / item.values[0]).read_text(errors="replace").splitlines() if line.strip())
    except OSError:
        return 0


def _layers(command: Command) -> tuple[float, int, float]:
    """(thickness in m, layers, attenuation in 1/m) of the sensor."""
    thickness = command.number("-detector_thick") * 1e-6
    count = int(command.number("-detector_thicksteps"))
    depth = command.find("-detector_abs")
    if depth and depth.values and ("inf" in depth.values[0] or depth.numbers[0] == 0):
        return 0.0, 1, 0.0
    if thickness <= 0:
        return 0.0, 1, 0.0
    attenuation = 1 / (depth.numbers[0] * 1e-6) if depth and depth.values else 1 / thickness
    return thickness, max(2, count), attenuation


def _cells(command: Command, lattice: Lattice | None, beamsize_m: float) -> tuple[int, int, int]:
    counts = {}
    for item in command.items:
        name = item.option.name if item.option else ""
        if name in ("-Na", "-Nb", "-Nc", "-N") and item.values:
            for axis in (name[2:] or "abc"):
                counts[axis] = int(item.numbers[0])
    sizes = _sample_sizes(command, beamsize_m)
    if lattice is not None:
        for i, axis in enumerate("abc"):
            if sizes[i] > 0:
                counts[axis] = math.ceil(sizes[i] / float(np.linalg.norm(lattice.real[i])))
    return tuple(max(1, counts.get(axis, 1)) for axis in "abc")


def _sample_sizes(command: Command, beamsize_m: float) -> list[float]:
    """Sample size along x, y, z in metres; y and z are clipped by the beam."""
    sizes = [0.0, 0.0, 0.0]
    for item in command.items:
        name = item.option.name if item.option else ""
        for axis in {"-samplesize": (0, 1, 2), "-sample_thick": (0,), "-sample_width": (1,),
                     "-sample_height": (2,)}.get(name, ()):
            sizes[axis] = item.numbers[0] * 1e-3 if item.values else 0.0
    return [sizes[0], *(min(size, beamsize_m) for size in sizes[1:])] if beamsize_m >= 0 else sizes


def _oversample(command: Command, lattice: Lattice | None, cells: tuple[int, int, int]) -> int:
    given = int(command.number("-oversample"))
    if given > 0 or lattice is None:
        return max(1, given)
    largest = max(float(np.linalg.norm(lattice.real[i])) * cells[i] for i in range(3))
    pixel = wavelength_angstrom(command) * 1e-10 * _distance(command) / (command.number("-pixel", 0.1) * 1e-3)
    return max(1, math.ceil(3 * largest / pixel))
