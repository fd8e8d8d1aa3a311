"""The beam: fluence, divergence, dispersion, and the list of point sources they make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nanobrag_torch.config import Beam
from nanobrag_torch.errors import ArgumentError
from nanobrag_torch.limits import MOST_COUNT, check_count
from nanobrag_torch.physics.arithmetic import number
from nanobrag_torch.physics.vectors import cross, length, rotate_about, scaled, unit
from nanobrag_torch.units import SOURCE_DISTANCE_M

LARGEST_ROUND_DIVERGENCE = 1.1
"""Of 4 t, where 1 is the ellipse through the edge points."""

RANGE_OF_COUNT_ALONE = 1.0


@dataclass(frozen=True)
class Steps:
    """An evenly stepped scan: ``count`` points, ``step`` apart, over ``range``."""

    count: int
    range: float
    step: float


@dataclass(frozen=True)
class Source:
    """A point source of one wavelength. ``incident`` is the unit direction in which its photons travel;
    ``weight`` is relative, 1 being an equal share of the fluence."""

    position: Any
    incident: Any
    wavelength: Any
    weight: Any
    printed_weight: float
    hdiv: float = 0.0
    vdiv: float = 0.0


@dataclass(frozen=True)
class Illumination:
    """What reaches the crystal: unit axes, central wavelength (m), fluence (photons/m^2) and sources."""

    direction: Any
    polarization_axis: Any
    wavelength: Any
    fluence: Any
    polarization: Any
    no_polarization: bool
    hdiv: Steps
    vdiv: Steps
    dispersion: Steps
    divergence_steps: int
    sources: tuple[Source, ...]


def fluence(beam: Beam):
    """Photons/m^2: flux * exposure / beamsize^2 where a flux is given, else the fluence as given."""
    given = number(beam.flux_per_s) != 0.0 and number(beam.exposure_s) > 0.0 and number(beam.beam_size_m) >= 0.0
    if not given:
        return beam.fluence_per_m2
    if number(beam.beam_size_m) == 0.0:
        raise ArgumentError("-beamsize: a flux through a beam of size 0 mm has no fluence")
    return beam.flux_per_s * beam.exposure_s / beam.beam_size_m / beam.beam_size_m


def clipped_sample(beam: Beam, size_m: tuple[float, float, float], warn) -> tuple[float, float, float]:
    """The sample reduced along y and z to what the beam illuminates."""
    limit = number(beam.beam_size_m)
    deep, *clipped = size_m
    for i, word in enumerate(("high", "wide")):
        if limit >= 0.0 and clipped[i] > limit:
            warn(f"clipping sample ({clipped[i]:g} m {word}) with beam ({limit:g} m)")
            clipped[i] = limit
    return deep, clipped[0], clipped[1]


def select_steps(count: int | None, range_: float | None, step: float | None, what: str) -> Steps:
    """Complete a scan of which only some of count, range and step are given (count and step must be above 0
    to count as given, a range at least 0)."""
    has_count, has_range, has_step = (count or 0) > 0, range_ is not None and range_ >= 0, (step or 0) > 0
    points, across, apart = count or 0, range_ if range_ is not None and has_range else 0.0, step or 0.0
    if has_step and not has_range:
        across, points = apart, 2
    elif has_count and not has_range:
        across = RANGE_OF_COUNT_ALONE
        apart = across / points
    elif has_range and not has_step:
        points = max(2, points)
        apart = across / (points - 1)
    elif has_range and not has_count:
        points = check_count(across / apart, what)
    if not (across > 0 and apart > 0 and points > 0):
        return Steps(1, 0.0, 0.0)
    return Steps(points, across, apart)


def beam_steps(beam: Beam) -> tuple[Steps, Steps, Steps]:
    """Horizontal and vertical divergence, and dispersion. Raises ArgumentError for what makes no source."""
    hdiv = select_steps(beam.hdiv_steps, beam.hdiv_range_rad, beam.hdiv_step_rad, "-hdivstep")
    vdiv = select_steps(beam.vdiv_steps, beam.vdiv_range_rad, beam.vdiv_step_rad, "-vdivstep")
    dispersion = select_steps(beam.dispersion_steps, beam.dispersion, None, "-dispersion")
    if not number(beam.wavelength_m) > 0:
        raise ArgumentError(f"-lambda: the wavelength must be positive, not {number(beam.wavelength_m) * 1e10:g} A")
    return hdiv, vdiv, dispersion


def source_count(beam: Beam) -> float:
    """Sources that a beam will have, the corners that rounding leaves out among them."""
    if beam.sources is not None:
        return len(beam.sources.weights)
    hdiv, vdiv, dispersion = beam_steps(beam)
    return float(hdiv.count) * vdiv.count * dispersion.count


def build_illumination(beam: Beam, direction, polarization_axis, emulate) -> Illumination:
    """The sources of a beam, generated from divergence and dispersion or taken from the listed ones."""
    hdiv, vdiv, dispersion = beam_steps(beam)
    if beam.sources is not None:
        sources, directions = _listed(beam.sources, emulate), -1
    else:
        sources, directions = _generated(beam, direction, polarization_axis, hdiv, vdiv, dispersion)
    option = "-dispersion" if beam.sources is None else "-sourcefile"
    for source in sources:
        if not number(source.wavelength) > 0 and not (option == "-sourcefile" and "source-file-lines" in emulate):
            raise ArgumentError(f"{option}: a wavelength of {number(source.wavelength):g} m")
    return Illumination(direction, polarization_axis, beam.wavelength_m, fluence(beam), beam.polarization,
                        beam.no_polarization, hdiv, vdiv, dispersion, directions, tuple(sources))


def cut_off(h: Steps, v: Steps, hdiv: float, vdiv: float) -> bool:
    """Whether rounding the divergence leaves a direction out: 4 t > 1.1, where t is the sum over both of
    (div^2 - step^2/4 (1 - count mod 2)) / range^2. A one-dimensional scan keeps all."""
    if h.range == 0.0 or v.range == 0.0:
        return False
    t = ((hdiv * hdiv - h.step * h.step / 4.0 * (1 - h.count % 2)) / h.range / h.range
         + (vdiv * vdiv - v.step * v.step / 4.0 * (1 - v.count % 2)) / v.range / v.range)
    return t * 4.0 > LARGEST_ROUND_DIVERGENCE


def _generated(beam: Beam, direction, polarization_axis, h: Steps, v: Steps, d: Steps):
    """Every direction of the divergence with every wavelength: hdiv slowest, wavelength fastest.

    A source stands at -10 b (m), turned about the polarization axis by vdiv, then about b x p by hdiv.
    """
    most = float(h.count) * v.count * d.count
    if most > MOST_COUNT:
        raise ArgumentError(f"divergence and dispersion: {most:g} sources are too many")
    vertical = unit(cross(direction, polarization_axis))
    found, directions = [], 0
    for i in range(h.count):
        for j in range(v.count):
            hdiv, vdiv = h.step * i - h.range / 2.0, v.step * j - v.range / 2.0
            if beam.round_divergence and cut_off(h, v, hdiv, vdiv):
                continue
            directions += 1
            position = rotate_about(scaled(direction, -SOURCE_DISTANCE_M), polarization_axis, vdiv)
            position = rotate_about(position, vertical, hdiv)
            incident = scaled(unit(position), -1.0)
            for k in range(d.count):
                wavelength = beam.wavelength_m * (1.0 + d.step * k - d.range / 2.0)
                found.append((position, incident, wavelength, hdiv, vdiv))
    if not found:
        raise ArgumentError("-divergence: rounding leaves no source; use -square_div")
    return [Source(position, incident, wavelength, 1.0, 1.0 / len(found), hdiv, vdiv)
            for position, incident, wavelength, hdiv, vdiv in found], directions


def _listed(table, emulate) -> list[Source]:
    """Sources of a table (positions, weights, wavelengths); their weights become shares of the average."""
    weights = [float(weight) for weight in table.weights]
    total = sum(weights)
    equal = "source-weights" in emulate
    if not equal and not total > 0:
        raise ArgumentError(f"-sourcefile: the weights of the sources add up to {total:g}")
    sources = []
    for position, weight, wavelength in zip(table.positions, weights, table.wavelengths_m, strict=True):
        place = tuple(x if hasattr(x, "detach") else float(x) for x in position)
        if number(length(place)) == 0.0 and "source-file-lines" not in emulate:
            raise ArgumentError("-sourcefile: a source at the sample has no direction")
        share = 1.0 if equal else weight * len(weights) / total
        lam = wavelength if hasattr(wavelength, "detach") else float(wavelength)
        sources.append(Source(place, scaled(unit(place), -1.0), lam, share, weight))
    return sources

