"""The sum over layers, sub-pixels, sources, phi steps and mosaic domains that makes each pixel:

    value = r_e^2 fluence * sum[ w F_cell^2 F_latt^2 * capture * polar * omega ] / steps + background

with w the relative weight of a source and steps = sources * phi steps * domains * oversample^2. Without the
-oversample_ flags, omega and polar are those of the pixel's first sub-pixel and capture that of the first
sub-pixel of each layer. The quantities themselves are in the modules named after them; this one only sums.

Rows are rendered in tiles (tile.py). Nothing couples two pixels, and so neither tiles nor threads change a bit; what
couples them in the C program is in carryover.py and sticky_interpolation.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from nanobrag_torch.config import Beam, Crystal, Detector, Sampling, Scan
from nanobrag_torch.emulation import parse_emulations
from nanobrag_torch.physics.background import water_background
from nanobrag_torch.physics.detector import capture_fraction, solid_angle
from nanobrag_torch.physics.scattering import beyond_resolution, miller_indices, nearest_indices, scattering_vector
from nanobrag_torch.physics.shape import lattice_factor
from nanobrag_torch.physics.structure_factor import nearest_F_squared, structure_factor
from nanobrag_torch.render.build_scene import build_scene
from nanobrag_torch.render.carryover import first_sweeps
from nanobrag_torch.render.polarized import Polarization, source_polarization
from nanobrag_torch.render.scene import Scene
from nanobrag_torch.render.sticky_interpolation import StickyInterpolation
from nanobrag_torch.render.tile import Subpixel, SubpixelIndex, Tile, cell_of, locate, make_tile, subpixels, tile_rows
from nanobrag_torch.units import R_E_SQUARED_M2


def simulate(beam: Beam, crystal: Crystal, detector: Detector, scan: Scan | None = None,
             sampling: Sampling | None = None, *, device="cpu", dtype=torch.float64, emulate: str | None = None,
             force: bool = False):
    """The image, photons per pixel, as a float64 tensor [slow, fast] on ``device``.

    Derivatives flow to every number of the components that is a tensor. ``dtype`` is that of the lattice
    arithmetic. Raises UsageError for what cannot be simulated, and for more than the limits of limits.py without
    ``force``.
    """
    scene = _scene(beam, crystal, detector, scan, sampling, device, dtype, emulate, force)
    bands = [band.values for band in render(scene)]
    x0, x1, y0, y1 = scene.roi
    image = torch.nn.functional.pad(torch.cat(bands), (x0, scene.geometry.fast_pixels - 1 - x1,
                                                       y0, scene.geometry.slow_pixels - 1 - y1))
    return image


def simulate_bands(beam: Beam, crystal: Crystal, detector: Detector, scan: Scan | None = None,
                   sampling: Sampling | None = None, *, device="cpu", dtype=torch.float64, emulate: str | None = None,
                   force: bool = False) -> Iterator[Band]:
    """The rows of ``simulate`` within the region of interest, some at a time: each ``Band`` has ``first_row`` and
    ``values`` (photons per pixel) as a float64 tensor [rows, columns].

    What holds derivatives is kept for one band at a time, so that large images have them in little memory: go back from
    each band by ``backward(retain_graph=True)``, and its leaves add up. Raises UsageError as ``simulate`` does.
    """
    return render(_scene(beam, crystal, detector, scan, sampling, device, dtype, emulate, force))


def _scene(beam, crystal, detector, scan, sampling, device, dtype, emulate, force) -> Scene:
    return build_scene(beam, crystal, detector, scan or Scan(), sampling or Sampling(), device=device, dtype=dtype,
                       emulate=parse_emulations(emulate), force=force)


# --- bands ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Band:
    """Rendered rows: values (photons) and the sum of solid angles (sr)."""

    first_row: int
    values: Any
    omega_sum: float


def render(scene: Scene) -> Iterator[Band]:
    """The rows of the region of interest, in order, a tile at a time."""
    x0, x1, y0, y1 = scene.roi
    height = tile_rows(scene)
    sticky = StickyInterpolation(scene)
    for start in range(y0, y1 + 1, height):
        tile = make_tile(scene, range(start, min(start + height, y1 + 1)), range(x0, x1 + 1))
        values, omega_sum = render_tile(scene, tile, sticky)
        if tile.rendered is not None:
            values = values.masked_fill(~tile.rendered, 0.0)
            omega_sum = omega_sum.masked_fill(~tile.rendered, 0.0)
        yield Band(start, values, float(omega_sum.detach().sum()))


# --- one tile -------------------------------------------------------------------------------------------


class AnySubpixel(Protocol):
    """A sub-pixel of each pixel, however its rays are worked out: ``Subpixel``, or the rays of rays.py."""

    @property
    def index(self) -> SubpixelIndex: ...
    @property
    def airpath(self) -> Any: ...
    @property
    def diffracted(self) -> Any: ...


class TermsWithDigitsOff(Protocol):
    """F_cell^2 F_latt^2 with digits that are off at the end: ``quick_terms.py``."""

    def term(self, cell, q) -> Any: ...


class PixelSums:
    """What is known of each pixel while it is summed: the factors in force and the sum so far. The fast path may have
    ``digits_off`` at the end of its factors."""

    def __init__(self, scene: Scene, tile: Tile, trace=None, quick: TermsWithDigitsOff | None = None, *,
                 digits_off: bool = False):
        self.scene, self.tile, self.trace, self.quick, self.digits_off = scene, tile, trace, quick, digits_off
        self.omega: Any = None
        self.polarization = Polarization(scene, tile)
        self.capture: Any = None
        self.omega_sum: Any = 0.0
        self.total = torch.zeros(tile.shape, dtype=scene.dtype, device=scene.device)
        self.unswept = first_sweeps(scene, tile)

    def enter(self, sub: AnySubpixel) -> None:
        """Bring the factors of a sub-pixel into force."""
        scene, geometry = self.scene, self.scene.geometry
        if self.omega is None or scene.oversample_omega:
            self.omega = solid_angle(geometry, sub.airpath)
        self.omega_sum = self.omega_sum + self.omega
        if sub.index.is_first or scene.oversample_thick:
            self.capture = self._capture(sub)
        if self.trace:
            self.trace.record("solid_angle_sr", sub.index, self.omega)
            self.trace.record("capture_fraction", sub.index, self.capture)

    def _capture(self, sub: AnySubpixel):
        """1 without a sensor to be absorbed in; the C program then still recomputes it for -oversample_thick."""
        recomputed = self.scene.oversample_thick and "last-layer-capture" in self.scene.emulate
        if isinstance(self.scene.geometry.thickness, float) and self.scene.geometry.thickness == 0.0 and not recomputed:
            return 1.0
        return capture_fraction(self.scene.geometry, sub.diffracted, sub.index.layer, quick=self.digits_off)

    def inside(self, source) -> list:
        """The factors of each term of a source, in order: weight and capture, and those whose flag is on."""
        scene = self.scene
        whole_sensor = "last-layer-capture" in scene.emulate and not scene.oversample_thick
        factors = [source.weight, 1.0 if whole_sensor else self.capture]
        if scene.oversample_polar:
            factors.append(self.polarization.factor)
        if scene.oversample_omega:
            factors.append(self.omega)
        return factors

    def add(self, term, factors: list, culled, dark) -> None:
        """One term. ``dark`` marks pixels whose F_latt is 0, which the C program passes over."""
        if self.scene.running_product:
            updated = self.total + term
            for factor in factors[1:]:
                updated = updated * factor
            skipped = dark if culled is None else culled if dark is None else dark | culled
            self.total = updated if skipped is None else torch.where(skipped, self.total, updated)
            return
        weighted = _product(factors)
        if weighted is not None:
            term = term * weighted
        if dark is not None:  # F_cell^2 beyond float64: inf * 0 is no number
            term = term.masked_fill(dark, 0.0)
        self.total = self.total + (term if culled is None else term.masked_fill(culled, 0.0))


def _product(factors: list):
    """The factors multiplied from left to right; None for exactly 1."""
    result = factors[0]
    for factor in factors[1:]:
        result = result * factor
    return None if isinstance(result, float) and result == 1.0 else result


def render_tile(scene: Scene, tile: Tile, sticky: StickyInterpolation | None = None, trace=None,
                quick: TermsWithDigitsOff | None = None):
    """Values (photons, float64) and sums of solid angles (sr) of the pixels of a tile; ``quick`` says by what terms are
    worked out where their last digits do not count."""
    pixels = PixelSums(scene, tile, trace, quick)
    if scene.water_like_spots:
        pixels.total = pixels.total + water_background(scene.water_size, scene.illumination.fluence)
    ended = sticky.prepare(tile) if sticky else None
    for sub in subpixels(scene, tile, trace):
        pixels.enter(sub)
        for number, source in enumerate(scene.illumination.sources):
            sub = add_source(pixels, sub, number, source, ended)
    background = 0.0
    if scene.has_water and not scene.water_like_spots:
        background = pixel_background(scene, tile)
    return finish(pixels, background), pixels.omega_sum + torch.zeros(tile.shape, device=scene.device)


def add_source(pixels: PixelSums, sub: Subpixel, number: int, source, ended) -> Subpixel:
    """One source at one sub-pixel: all phi steps and mosaic domains, except where it is beyond the resolution. The
    sub-pixel as the next source sees it."""
    scene, trace = pixels.scene, pixels.trace
    q = scattering_vector(sub.diffracted, source.incident, source.wavelength)
    culled = beyond_resolution(q, scene.d_min)
    index = (*sub.index, number)
    if trace:
        trace.record("source_direction", index, *source.incident)
        trace.record("wavelength_m", index, source.wavelength)
        trace.record("scattering_vector_per_m", index, *q)
        if culled is not None and bool(culled.all()):
            return sub
    sub = pixels.polarization.made_unit_again(sub, culled, quick=pixels.quick is not None)
    pixels.polarization.take(source, sub.diffracted, culled)
    if trace:
        trace.record("polarization", index, pixels.polarization.factor)
    factors = pixels.inside(source)
    for phi in range(scene.spindle.steps):
        if trace:
            trace.record("phi_rad", (*index, phi), scene.phi(phi))
        for domain in range(scene.domains):
            cell = cell_of(scene, phi, domain, pixels.unswept)
            add_term(pixels, q, cell, factors, culled, ended, (*index, phi, domain))
    if pixels.unswept is not None:
        pixels.unswept = pixels.unswept & culled if culled is not None else None
    return sub


def add_term(pixels: PixelSums, q, cell, factors: list, culled, ended, index) -> None:
    """F_cell^2 F_latt^2 of one phi step and domain, with the factors inside the sum."""
    scene, trace = pixels.scene, pixels.trace
    if pixels.quick is not None:
        pixels.add(pixels.quick.term(cell, q), factors, culled, None)
        return
    hkl = miller_indices(cell, q)
    nearest = nearest_indices(hkl)
    along, whole = _reduced(scene, hkl, nearest)
    F_latt = lattice_factor(scene.shape, along, whole, scene.lattice.cells, scene.fudge,
                            scene.lattice.reciprocal_per_A, scene.emulate)
    late = ended.mask(index) if ended else None
    if scene.F.interpolate or scene.F.count == 0 or trace or scene.F.bordered.requires_grad:
        F_cell = structure_factor(scene.F, hkl, nearest, late).to(scene.dtype)
        term = F_cell * F_cell * F_latt * F_latt
    else:
        term = nearest_F_squared(scene.F, nearest) * F_latt * F_latt
    passed_over = not scene.has_water and (scene.running_product or scene.F.overflows)
    dark = F_latt == 0.0 if passed_over else None
    pixels.add(term, factors, culled, dark)
    if trace:
        trace.record("cell_vectors_m", index, *(x for v in cell for x in v))
        trace.record("hkl", index, *hkl)
        trace.record("hkl_nearest", index, *nearest)
        trace.record("F_cell", index, F_cell)
        trace.record("F_latt", index, F_latt)
        trace.record("I_term", index, term)


def _reduced(scene: Scene, hkl, nearest):
    """Indices for the lattice factor. In float32 only their fractions: F_latt^2 has the period of the lattice,
    and the subtraction is exact in float64."""
    if scene.dtype == torch.float64:
        return hkl, nearest
    fractions = tuple((x - x0).to(scene.dtype) for x, x0 in zip(hkl, nearest, strict=True))
    return fractions, tuple(torch.zeros_like(x) for x in fractions)


def pixel_background(scene: Scene, tile: Tile):
    """Photons of water: I_bg * sum over sub-pixels of [ (sum over layers of capture * omega) * polar ] / oversample^2.

    It takes the polarization of the first source, whatever its resolution, and depends neither on the number
    of steps nor on d_min.
    """
    n, layers = scene.oversample, scene.geometry.layers
    pixels = PixelSums(scene, tile)
    total: Any = 0.0
    polar: Any = None
    captures: list[Any] = [None] * layers
    for sub_slow in range(n):
        for sub_fast in range(n):
            through_layers: Any = 0.0
            for layer in range(layers):
                sub = locate(scene, tile, layer, sub_slow, sub_fast)
                pixels.capture = captures[layer]
                pixels.enter(sub)
                captures[layer] = pixels.capture
                if layer == 0 and (polar is None or scene.oversample_polar):
                    polar = source_polarization(scene, scene.illumination.sources[0], sub.diffracted)
                through_layers = through_layers + captures[layer] * pixels.omega
            total = total + through_layers * polar
    return water_background(scene.water_size, scene.illumination.fluence) * total / (float(n) * n)


def finish(pixels: PixelSums, background):
    """The sum scaled to photons, with the factors that are not inside it."""
    scene, trace = pixels.scene, pixels.trace
    unpolarized = 1.0 if scene.illumination.no_polarization else 0.0
    polar = pixels.polarization.factor
    polar = 1.0 if scene.oversample_polar else unpolarized if polar is None else polar
    omega = 1.0 if scene.oversample_omega else pixels.omega
    shared = "last-layer-capture" in scene.emulate and not scene.oversample_thick
    capture = pixels.capture if shared else 1.0
    value = R_E_SQUARED_M2 * scene.illumination.fluence * pixels.total.to(torch.float64) / float(scene.steps)
    for factor in (capture, polar, omega):
        value = value * factor
    if not (isinstance(background, float) and background == 0.0):
        value = value + background
    if trace:
        for name, entry in (("I_background", background), ("steps", scene.steps), ("I_before_scaling", pixels.total),
                            ("r_e_squared_m2", R_E_SQUARED_M2), ("fluence_per_m2", scene.illumination.fluence),
                            ("polarization", polar), ("solid_angle_sr", omega), ("capture_fraction", capture),
                            ("intensity", value)):
            trace.record(name, (), entry)
    return value


def true_solid_angle(scene: Scene, omega_sum: float) -> float:
    """The solid angle of what was rendered (sr), or as the C program prints it (emulation printed-solid-angle)."""
    if "printed-solid-angle" in scene.emulate:
        return omega_sum / scene.steps
    return omega_sum / (float(scene.oversample) ** 2 * scene.geometry.layers)


def whole_percent(done: int, total: int) -> int:
    """Progress in whole percent."""
    return math.floor(100 * done / total)
