"""From what was asked for to what will be rendered: every component in its turn, then the sampling."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from nanobrag_torch.config import Beam, Crystal, Detector, Sampling, Scan
from nanobrag_torch.emulation import NO_EMULATION, Emulations
from nanobrag_torch.errors import ArgumentError
from nanobrag_torch.limits import MOST_COUNT, Size, check_size
from nanobrag_torch.physics.arithmetic import number
from nanobrag_torch.physics.crystal import Lattice, build_lattice
from nanobrag_torch.physics.detector import Geometry, build_geometry, convention_frame
from nanobrag_torch.physics.mosaic import domain_cell, domain_count, domain_rotations
from nanobrag_torch.physics.random_stream import RandomStreams
from nanobrag_torch.physics.source import build_illumination, clipped_sample, source_count
from nanobrag_torch.physics.spindle import Spindle, build_spindle, cells_along_scan, cells_with_carryover
from nanobrag_torch.physics.structure_factor import build_structure_factors
from nanobrag_torch.render.scene import Scene

SUBPIXELS_PER_SPOT = 3.0


def build_scene(beam: Beam, crystal: Crystal, detector: Detector, scan: Scan, sampling: Sampling, *,
                emulate: Emulations = NO_EMULATION, device="cpu", dtype=None,
                warn: Callable[[str], None] = lambda message: None, force: bool = False) -> Scene:
    """Check everything and work out what follows from it, before anything is rendered.

    The random numbers are drawn in a fixed order: orientation, then mosaic domains (then, later, noise).
    Raises ArgumentError for what cannot be simulated and, unless by ``force``, for what is larger than the limits of
    limits.py, before anything of its size is made.
    """
    import torch

    streams = RandomStreams()
    frame = convention_frame(beam, detector, scan, emulate)
    sample = clipped_sample(beam, (crystal.sample_x_m, crystal.sample_y_m, crystal.sample_z_m), warn)
    spindle = build_spindle(scan, frame.spindle)
    geometry = build_geometry(detector, frame, emulate, warn)
    sources = source_count(beam)
    lattice = build_lattice(crystal, beam.wavelength_m, sample, sampling.seed, streams, emulate)
    spread, domains = domain_count(crystal, warn)
    oversample = _oversample(sampling, lattice, beam, geometry, warn)
    roi, roi_printed = _region(sampling.roi, geometry, warn)
    if not force:
        check_size(_size(geometry, roi, sources, spindle.steps, domains, oversample))
    illumination = build_illumination(beam, frame.beam, frame.polarization, emulate)
    rotations = domain_rotations(spread, domains, crystal.mosaic_seed, streams)
    if number(crystal.water_size_m) < 0:
        raise ArgumentError(f"-water: the size cannot be negative ({number(crystal.water_size_m) * 1e6:g} um)")
    if crystal.reflections is None and number(crystal.default_F) == 0.0:
        raise ArgumentError("no structure factors: give -hkl, -dump or -default_F")
    before_size = "interpolation-before-size" in emulate
    deciding = (crystal.Na, crystal.Nb, crystal.Nc) if before_size else lattice.cells
    dtype = dtype or torch.float64
    F = build_structure_factors(crystal.reflections, crystal.default_F, crystal.interpolate, deciding, device=device,
                                dtype=dtype, emulate=emulate)
    cells, first_cells = _cells(spindle, lattice, rotations, emulate)
    scene = Scene(illumination=illumination, lattice=lattice, geometry=geometry, spindle=spindle, mosaic_spread=spread,
                  rotations=rotations, cells=cells, first_cells=first_cells, F=F,
                  interpolation_chosen=crystal.interpolate is not None, shape=crystal.shape, fudge=crystal.fudge,
                  water_size=crystal.water_size_m, oversample=oversample,
                  oversample_chosen=(sampling.oversample or 0) > 0, oversample_thick=sampling.oversample_thick,
                  oversample_polar=sampling.oversample_polar, oversample_omega=sampling.oversample_omega,
                  d_min=sampling.d_min_m, roi=roi, roi_printed=roi_printed,
                  mask=_mask(sampling.mask, geometry, device), streams=streams, emulate=emulate, device=device,
                  dtype=dtype)
    if not first_cells:
        return scene
    from nanobrag_torch.render.carryover import first_pixels

    return replace(scene, first_turned=tuple(first_pixels(scene)))


def _size(geometry: Geometry, roi: tuple[int, int, int, int], sources: float, phi_steps: int, domains: int,
          oversample: int) -> Size:
    x0, x1, y0, y1 = (float(edge) for edge in roi)
    return Size(float(geometry.fast_pixels) * geometry.slow_pixels, y1 - y0 + 1, (x1 - x0 + 1) * (y1 - y0 + 1),
                float(sources), float(phi_steps), float(domains), float(oversample), float(geometry.layers))


def _oversample(sampling: Sampling, lattice: Lattice, beam: Beam, geometry: Geometry, warn) -> int:
    """Sub-pixels per axis: as asked, or as many as the largest dimension of the crystal needs, given that a
    pixel spans lambda * distance / pixel in real space."""
    span = number(beam.wavelength_m) * number(geometry.distance) / number(geometry.pixel_size)
    recommended = SUBPIXELS_PER_SPOT * max(number(size) for size in lattice.size_m) / span if span else math.inf
    recommended = 1 if math.isnan(recommended) else max(1, _rounded_up(recommended))
    asked = sampling.oversample or 0
    if asked > 0:
        if asked < recommended:
            warn(f"-oversample {asked} is coarse for this crystal: {recommended:g} would be enough")
        return asked
    if not recommended <= MOST_COUNT:
        raise ArgumentError(f"-oversample: this crystal would need {recommended:g} sub-pixels; give a number")
    return int(recommended)


def _rounded_up(value: float) -> float:
    return math.ceil(value) if math.isfinite(value) else value


def _region(given, geometry: Geometry, warn):
    """The pixels to render, clipped to the image, and as printed (whole: one past the end)."""
    roi, printed = [], []
    for axis, low, high, pixels in (("x", *given[:2], geometry.fast_pixels), ("y", *given[2:], geometry.slow_pixels)):
        low, high = max(0, low), pixels if high < 0 else high
        if high < low or low >= pixels:
            raise ArgumentError(f"-roi: nothing between {axis} = {low} and {high} on a detector of {pixels} pixels")
        if high > pixels:
            warn(f"-roi: {axis} = {high} is past the edge of the detector; clipped to {pixels - 1}")
        printed += [low, high]
        roi += [low, min(high, pixels - 1)]
    return tuple(roi), tuple(printed)


def _mask(mask, geometry: Geometry, device):
    import torch

    if mask is None:
        return None
    if mask.shape[0] < geometry.slow_pixels or mask.shape[1] < geometry.fast_pixels:
        raise ArgumentError(f"-mask: {mask.shape[1]} x {mask.shape[0]} pixels for a detector of "
                            f"{geometry.fast_pixels} x {geometry.slow_pixels}")
    return torch.as_tensor(mask, device=device)[: geometry.slow_pixels, : geometry.fast_pixels] != 0


def _cells(spindle: Spindle, lattice: Lattice, rotations: tuple, emulate: Emulations):
    if "phi-carryover" in emulate:
        turned, first = cells_with_carryover(spindle, lattice.real_m)
    else:
        turned, first = cells_along_scan(spindle, lattice.real_m), {}

    def every_domain(cell):
        return tuple(domain_cell(rotations, domain, cell) for domain in range(len(rotations)))

    return tuple(map(every_domain, turned)), {phi: every_domain(cell) for phi, cell in first.items()}
