"""-describe: everything that follows from a command line as one JSON document, and nothing is rendered.

The C reference prints the same keys and the same numbers (describe.c); docs/describe.md says what each of them is.
Names carry the unit; a vector is in the laboratory frame unless its name says otherwise.
"""

from __future__ import annotations

import json
import math
from typing import Any

from nanobrag_torch.command.load import LoadedCommand
from nanobrag_torch.config import Beam, Crystal, Detector, Sampling, Scan
from nanobrag_torch.errors import ArgumentError
from nanobrag_torch.physics.arithmetic import number
from nanobrag_torch.physics.detector import convention_frame, dials_origin_mm, pixel_position, solid_angle
from nanobrag_torch.physics.polarization import polarization_factor
from nanobrag_torch.physics.scattering import miller_indices, scattering_vector
from nanobrag_torch.physics.source import Source, Steps
from nanobrag_torch.physics.vectors import cross, dot, length, unit
from nanobrag_torch.render.build_scene import build_scene
from nanobrag_torch.render.scene import Scene
from nanobrag_torch.render.trace import check_traced
from nanobrag_torch.units import ANGSTROM_PER_METRE, DEGREES_PER_RADIAN, METRES_PER_ANGSTROM, PHOTON_EV_ANGSTROM
from nanobrag_torch.version import PROGRAM_NAME, VERSION

SCHEMA = "nanobragg-description/1"
FRAMES = {
    "laboratory": "right-handed x y z in which -beam_vector and its fellows are given; the sample is at the origin",
    "detector": "metres along the fast and slow axis from the outer corner of pixel 0,0",
    "pixel": "pixels along the fast and slow axis; 0 0 is the outer corner of the first pixel, 0.5 0.5 its middle",
    "option": "metres, as -Xbeam, -Ybeam, -Xclose and -Yclose have it in the convention in force",
    "xds": "pixels as -ORGX and -ORGY have it: 0.5 more than the pixel frame; directions along fast, slow and normal",
    "dials": "z, y and -x of the laboratory, millimetres",
}


def print_description(command: LoadedCommand, components: tuple[Beam, Crystal, Detector, Scan, Sampling]) -> None:
    """Print the description of a loaded command. Raises ArgumentError for what cannot be simulated, and for a pixel
    (of -trace_pixel, too) or phi step that is not there."""
    scene = build_scene(*components, emulate=command.emulate, device="cpu", warn=command.options.warn,
                        force=command.program.force)
    check_traced(command.outputs.trace_pixel, scene)
    print(json.dumps(description(command, components, scene), indent=1, allow_nan=False))


def description(command: LoadedCommand, components: tuple[Beam, Crystal, Detector, Scan, Sampling],
                scene: Scene) -> dict[str, Any]:
    """The document as a dictionary."""
    beam, crystal, detector, scan, _ = components
    step = command.outputs.describe_phistep
    if not 0 <= step < scene.spindle.steps:
        raise ArgumentError(f"-describe_phistep: there is no step {step} among {scene.spindle.steps} (the first is 0)")
    pixels = command.outputs.describe_pixel
    mode = f"emulating {command.emulate}" if command.emulate.names else "physics"
    return {"schema": SCHEMA, "program": PROGRAM_NAME, "version": VERSION, "mode": mode, "frames": FRAMES,
            "beam": _beam(beam, scene), "crystal": _crystal(crystal, scene), "structure_factors": _amplitudes(scene),
            "detector": _detector(detector, scene, convention_frame(beam, detector, scan, command.emulate).twotheta),
            "spindle": _spindle(scene), "sampling": _sampling(scene),
            "pixels": [_pixel(scene, fast, slow, step) for fast, slow in zip(pixels[::2], pixels[1::2], strict=True)]}


# --- numbers ------------------------------------------------------------------------------------------------


def _number(value: Any) -> float | None:
    """A plain number; None, which JSON writes as null, for what is infinite or none."""
    found = number(value)
    return found if math.isfinite(found) else None


def _numbers(values: Any) -> list[float | None]:
    return [_number(value) for value in values]


def _degrees(angle: Any) -> float | None:
    return _number(number(angle) * DEGREES_PER_RADIAN)


def _scaled(values: Any, factor: float) -> list[float | None]:
    return [_number(number(value) * factor) for value in values]


# --- beam ---------------------------------------------------------------------------------------------------


def _beam(beam: Beam, scene: Scene) -> dict[str, Any]:
    light = scene.illumination
    wavelength_A = number(light.wavelength) * ANGSTROM_PER_METRE
    from_flux = number(beam.flux_per_s) != 0.0 and number(beam.exposure_s) > 0.0 and number(beam.beam_size_m) >= 0.0
    return {"wavelength_A": _number(wavelength_A), "energy_eV": _number(PHOTON_EV_ANGSTROM / wavelength_A),
            "fluence_per_m2": _number(light.fluence), "fluence_from_flux": from_flux,
            "stated_fluence_per_m2": _number(beam.fluence_per_m2), "flux_per_s": _number(beam.flux_per_s),
            "exposure_s": _number(beam.exposure_s), "size_m": _number(beam.beam_size_m),
            "direction": _numbers(light.direction), "polarization_axis": _numbers(light.polarization_axis),
            "polarized": not light.no_polarization, "polarization": _number(light.polarization),
            "horizontal_divergence": _steps(light.hdiv, "rad"), "vertical_divergence": _steps(light.vdiv, "rad"),
            "dispersion": _steps(light.dispersion, "fraction"),
            "directions": light.divergence_steps if light.divergence_steps >= 0 else None,
            "sources": [_source(source) for source in light.sources]}


def _steps(steps: Steps, unit_word: str) -> dict[str, Any]:
    return {"count": steps.count, f"range_{unit_word}": _number(steps.range), f"step_{unit_word}": _number(steps.step)}


def _source(source: Source) -> dict[str, Any]:
    return {"position_m": _numbers(source.position), "direction": _numbers(source.incident),
            "weight": _number(source.weight), "wavelength_A": _number(number(source.wavelength) * ANGSTROM_PER_METRE)}


# --- crystal ------------------------------------------------------------------------------------------------


def _crystal(crystal: Crystal, scene: Scene) -> dict[str, Any]:
    lattice = scene.lattice
    return {"cell_A": _numbers(lattice.cell[:3]), "cell_deg": _scaled(lattice.cell[3:], DEGREES_PER_RADIAN),
            "volume_A3": _number(lattice.volume_A3),
            "reciprocal_cell_per_A": _numbers(lattice.reciprocal_cell[:3]),
            "reciprocal_cell_deg": _scaled(lattice.reciprocal_cell[3:], DEGREES_PER_RADIAN),
            "reciprocal_volume_per_A3": _number(1.0 / number(lattice.volume_A3)),
            "real_A": [_scaled(v, ANGSTROM_PER_METRE) for v in lattice.real_m],
            "reciprocal_per_A": [_numbers(v) for v in lattice.reciprocal_per_A],
            "misset_deg": _scaled(lattice.misset, DEGREES_PER_RADIAN), "misset_drawn": lattice.misset_drawn,
            "cells": list(lattice.cells), "size_m": _numbers(lattice.size_m), "shape": scene.shape,
            "fudge": _number(scene.fudge), "water_size_m": _number(scene.water_size),
            "mosaic_spread_deg": _degrees(scene.mosaic_spread), "mosaic_seed": crystal.mosaic_seed,
            "mosaic_domains": scene.domains,
            "mosaic_rotations": [[_numbers(row) for row in rotation] for rotation in scene.rotations]}


def _amplitudes(scene: Scene) -> dict[str, Any]:
    F = scene.F
    ranges = ([list(pair) for pair in zip(F.low, F.high, strict=True)] if F.count else [None] * 3)
    return {"listed": F.count, "h": ranges[0], "k": ranges[1], "l": ranges[2], "default_F": _number(F.default_F),
            "interpolation": "tricubic" if F.interpolate else "nearest"}


# --- detector -----------------------------------------------------------------------------------------------


def _detector(detector: Detector, scene: Scene, twotheta_axis: Any) -> dict[str, Any]:
    d, direction = scene.geometry, scene.illumination.direction
    px = number(d.pixel_size)
    near = [number(d.fast_close) / px, number(d.slow_close) / px]
    rotation = (detector.rotation_x_rad, detector.rotation_y_rad, detector.rotation_z_rad)
    return {"convention": d.convention, "pivot": d.pivot, "fast_pixels": d.fast_pixels, "slow_pixels": d.slow_pixels,
            "pixel_m": px, "fast_size_m": _number(d.fast_size), "slow_size_m": _number(d.slow_size),
            "distance_m": _number(d.distance), "close_distance_m": _number(d.close_distance),
            "beam_centre": {"option_m": _numbers((d.x_beam, d.y_beam)),
                            "detector_m": _numbers((d.fast_beam, d.slow_beam)),
                            "pixel": _numbers((number(d.fast_beam) / px, number(d.slow_beam) / px))},
            "nearest_point": {"option_m": _numbers((d.x_close, d.y_close)),
                              "detector_m": _numbers((d.fast_close, d.slow_close)), "pixel": _numbers(near),
                              "xds": _numbers((near[0] + 0.5, near[1] + 0.5))},
            "xds_beam": _numbers((dot(direction, d.fast), dot(direction, d.slow), dot(direction, d.normal))),
            "dials_origin_mm": _numbers(dials_origin_mm(d)),
            "fast_axis": _numbers(d.fast), "slow_axis": _numbers(d.slow), "normal_axis": _numbers(d.normal),
            "pix0_m": _numbers(d.pix0), "rotation_deg": _scaled(rotation, DEGREES_PER_RADIAN),
            "twotheta_deg": _degrees(d.twotheta), "twotheta_axis": _numbers(twotheta_axis), "curved": d.curved,
            "point_pixel": d.point_pixel, "thickness_m": _number(d.thickness), "layers": d.layers,
            "layer_thickness_m": _number(d.layer_thickness), "attenuation_per_m": _attenuation(d.attenuation)}


def _attenuation(per_m: Any) -> float | None:
    """None where no attenuation depth was given or follows."""
    return _number(per_m) if number(per_m) >= 0.0 else None


# --- spindle and sampling -----------------------------------------------------------------------------------


def _spindle(scene: Scene) -> dict[str, Any]:
    s = scene.spindle
    return {"axis": _numbers(s.axis), "phi0_deg": _degrees(s.start), "oscillation_deg": _degrees(s.oscillation),
            "step_deg": _degrees(s.step), "steps": s.steps,
            "phi_deg": [_degrees(scene.phi(step)) for step in range(s.steps)]}


def _sampling(scene: Scene) -> dict[str, Any]:
    return {"oversample": scene.oversample, "oversample_thick": scene.oversample_thick,
            "oversample_polar": scene.oversample_polar, "oversample_omega": scene.oversample_omega,
            "d_min_A": _number(scene.d_min * ANGSTROM_PER_METRE), "roi": list(scene.roi),
            "mask": scene.mask is not None, "steps": scene.steps}


# --- pixels -------------------------------------------------------------------------------------------------


def _pixel(scene: Scene, fast: int, slow: int, step: int) -> dict[str, Any]:
    """The middle of a pixel's front face: where it is, and what the central beam and wavelength make of it at the
    start of a phi step, in the first mosaic domain."""
    d, light = scene.geometry, scene.illumination
    if not (0 <= fast < d.fast_pixels and 0 <= slow < d.slow_pixels):
        raise ArgumentError(f"-describe_pixel: {fast} {slow} is not on a detector of {d.fast_pixels} x "
                            f"{d.slow_pixels} pixels (fast x slow)")
    px = number(d.pixel_size)
    position = tuple(number(x) for x in pixel_position(d, px * (fast + 0.5), px * (slow + 0.5), 0))
    airpath, direction = length(position), unit(position)
    q = scattering_vector(direction, light.direction, light.wavelength)
    hkl = miller_indices(scene.cells[step][0], q)
    size = length(q)
    twotheta = math.atan2(length(cross(light.direction, direction)), dot(light.direction, direction))
    polar = 1.0 if light.no_polarization else polarization_factor(light.polarization, light.direction, direction,
                                                                  light.polarization_axis)
    x0, x1, y0, y1 = scene.roi
    masked = scene.mask is not None and not bool(scene.mask[slow, fast])
    return {"fast": fast, "slow": slow, "rendered": x0 <= fast <= x1 and y0 <= slow <= y1 and not masked,
            "position_m": _numbers(position), "airpath_m": _number(airpath), "direction": _numbers(direction),
            "twotheta_deg": _degrees(twotheta),
            "resolution_A": _number(1.0 / size * ANGSTROM_PER_METRE) if size > 0.0 else None,
            "scattering_vector_per_A": _scaled(q, METRES_PER_ANGSTROM), "phi_step": step,
            "phi_deg": _degrees(scene.phi(step)), "hkl": _numbers(hkl),
            "hkl_nearest": [math.ceil(x - 0.5) if math.isfinite(x) else None for x in map(number, hkl)],
            "solid_angle_sr": _number(solid_angle(d, airpath)), "polarization": _number(polar)}
