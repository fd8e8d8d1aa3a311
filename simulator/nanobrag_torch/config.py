"""What is to be simulated, by component: frozen dataclasses in SI units and radians.

They hold what was asked for; what follows from it (the position of pixel 0,0, the list of sources, the cell
vectors) is worked out by ``scene.build_scene``. A number may be a float or a tensor of one element, and then
derivatives flow from the image to it. None means "not given", and the documented rule fills it in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nanobrag_torch.units import DEFAULT_FLUENCE_PER_M2, DEGREES_PER_RADIAN

Real = Any
"""A float, or a tensor of one element."""


@dataclass(frozen=True)
class Beam:
    """The incident X-rays.

    ``direction`` and ``polarization_axis`` count in the CUSTOM convention only; ``polarization`` is Kahn's
    factor. A ``flux_per_s`` other than 0 replaces ``fluence_per_m2``. Ranges and steps of divergence are in
    radians, the dispersion is a fraction. ``sources`` is a listed set (positions, weights, wavelengths).
    """

    wavelength_m: Real = 1e-10
    direction: Sequence[Real] = (1.0, 0.0, 0.0)
    polarization_axis: Sequence[Real] = (0.0, 0.0, 1.0)
    polarization: Real = 0.0
    no_polarization: bool = False
    fluence_per_m2: Real = DEFAULT_FLUENCE_PER_M2
    flux_per_s: Real = 0.0
    exposure_s: Real = 1.0
    beam_size_m: Real = 1e-4
    hdiv_range_rad: float | None = None
    vdiv_range_rad: float | None = None
    hdiv_step_rad: float | None = None
    vdiv_step_rad: float | None = None
    hdiv_steps: int | None = None
    vdiv_steps: int | None = None
    dispersion: float = 0.0
    dispersion_steps: int | None = None
    round_divergence: bool = True
    sources: Any = None


@dataclass(frozen=True)
class Crystal:
    """Cell, orientation, size, shape, mosaicity and structure factors.

    Give ``cell_lengths_A`` (1 to 3 lengths) with ``cell_angles_rad``, or ``matrix``: nine numbers in rows,
    wavelength (A) times a*, b*, c* (1/A) as columns. ``misset_rad`` turns about lab x, y, z; None with
    ``misset_random`` draws an orientation. ``reflections`` is an io.hkl.ReflectionGrid.
    """

    cell_lengths_A: Sequence[Real] | None = None
    cell_angles_rad: Sequence[Real] = (90.0 / DEGREES_PER_RADIAN,) * 3
    matrix: Any = None
    misset_rad: Sequence[Real] = (0.0, 0.0, 0.0)
    misset_random: bool = False
    misset_seed: int | None = None
    Na: int = 1
    Nb: int = 1
    Nc: int = 1
    sample_x_m: float = 0.0
    sample_y_m: float = 0.0
    sample_z_m: float = 0.0
    shape: str = "square"
    fudge: Real = 1.0
    mosaic_spread_rad: Real | None = None
    mosaic_domains: int | None = None
    mosaic_seed: int = 12345678
    water_size_m: Real = 0.0
    reflections: Any = None
    default_F: Real = 0.0
    interpolate: bool | None = None


@dataclass(frozen=True)
class Detector:
    """A flat (or curved) pixel array.

    ``convention`` is mosflm, denzo, adxv, xds, dials or custom; the axes given here count in custom only, and
    so does ``pivot`` (beam or sample). ``beam_x_m`` and its fellows are the beam centre in the sense of the
    convention; ``origin_x_pixels`` the point nearest to the sample (ORGX, ORGY).
    """

    convention: str = "mosflm"
    pivot: str = "beam"
    fast_axis: Sequence[Real] = (0.0, 0.0, 1.0)
    slow_axis: Sequence[Real] = (0.0, -1.0, 0.0)
    normal_axis: Sequence[Real] = (1.0, 0.0, 0.0)
    twotheta_axis: Sequence[Real] = (0.0, 1.0, 0.0)
    distance_m: Real = 0.1
    close_distance_m: Real | None = None
    beam_x_m: Real | None = None
    beam_y_m: Real | None = None
    close_x_m: Real | None = None
    close_y_m: Real | None = None
    origin_x_pixels: Real | None = None
    origin_y_pixels: Real | None = None
    pix0_m: Sequence[float] | None = None
    rotation_x_rad: Real = 0.0
    rotation_y_rad: Real = 0.0
    rotation_z_rad: Real = 0.0
    twotheta_rad: Real = 0.0
    pixel_size_m: Real = 1e-4
    fast_size_m: float = 0.1024
    slow_size_m: float = 0.1024
    fast_pixels: int = 0
    slow_pixels: int = 0
    curved: bool = False
    point_pixel: bool = False
    thickness_m: Real = 0.0
    attenuation_depth_m: Real | None = None
    layers: int | None = None


@dataclass(frozen=True)
class Scan:
    """Rotation of the crystal about the spindle axis, in steps that are rendered at their starts."""

    spindle_axis: Sequence[Real] = (0.0, 0.0, 1.0)
    phi_rad: Real = 0.0
    oscillation_rad: Real | None = None
    phi_step_rad: Real | None = None
    phi_steps: int | None = None


@dataclass(frozen=True)
class Sampling:
    """How finely, and where. ``roi`` is (xmin, xmax, ymin, ymax) in pixels, inclusive, x fast; a negative or
    missing bound means the edge. ``mask`` is bool [slow, fast], False where nothing is rendered."""

    oversample: int | None = None
    oversample_thick: bool = False
    oversample_polar: bool = False
    oversample_omega: bool = False
    d_min_m: float = 0.0
    roi: Sequence[int] = (-1, -1, -1, -1)
    mask: Any = None
    seed: int | None = None
