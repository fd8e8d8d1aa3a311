"""The detector: conventions, beam centres, where each pixel is, its solid angle and what it absorbs."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Any

from nanobrag_torch.config import Beam, Detector, Scan
from nanobrag_torch.errors import ArgumentError
from nanobrag_torch.limits import MOST_COUNT
from nanobrag_torch.physics.arithmetic import divided, exp, is_zero, number
from nanobrag_torch.physics.vectors import cross, dot, length, rotate_about, rotate_xyz, scaled, subtract, unit

X, Y, Z = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)


def _minus(v):
    return tuple(-x if x else 0.0 for x in v)


CONVENTIONS = {
    "mosflm": (X, Z, _minus(Y), X, _minus(Z), Z, Z),
    "denzo": (X, Z, _minus(Y), X, _minus(Z), Z, Z),
    "adxv": (Z, X, _minus(Y), Z, _minus(X), X, X),
    "xds": (Z, X, Y, Z, X, X, X),
    "dials": (Z, X, Y, Z, Y, Y, Y),
}
"""Beam, fast, slow, normal, two-theta axis, polarization axis and spindle of each named convention."""

_SAMPLE_PIVOTS = ("xds", "dials")


# --- frame ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Frame:
    """Unit vectors of the convention in force; the two-theta axis too, unless it is emulated raw."""

    beam: Any
    fast: Any
    slow: Any
    normal: Any
    twotheta: Any
    polarization: Any
    spindle: Any
    normal_generated: bool


def convention_frame(beam: Beam, detector: Detector, scan: Scan, emulate) -> Frame:
    """The vectors of the named convention, or those given for custom, made unit vectors.

    A normal that is not exactly of length 1 is replaced by unit(fast x slow). Raises UsageError for a vector
    without length.
    """
    if detector.convention == "custom":
        raw = (beam.direction, detector.fast_axis, detector.slow_axis, detector.normal_axis, detector.twotheta_axis,
               beam.polarization_axis, scan.spindle_axis)
    elif detector.convention in CONVENTIONS:
        raw = CONVENTIONS[detector.convention]
    else:
        raise ArgumentError(f"there is no convention {detector.convention!r}; known: {', '.join(CONVENTIONS)}, custom")
    direction, fast, slow = (_axis(v, option) for v, option in
                             zip(raw[:3], ("-beam_vector", "-fdet_vector", "-sdet_vector"), strict=True))
    normal, generated = raw[3], False
    if number(length(normal)) != 1.0:
        normal, generated = cross(fast, slow), True
        if number(length(normal)) == 0.0:
            raise ArgumentError("-fdet_vector and -sdet_vector: the axes are parallel")
    twotheta = tuple(raw[4]) if "twotheta-axis-raw" in emulate else _axis(raw[4], "-twotheta_axis")
    return Frame(direction, fast, slow, _axis(normal, "-odet_vector"), twotheta, _axis(raw[5], "-polar_vector"),
                 _axis(raw[6], "-spindle_axis"), generated)


def _axis(v, option: str):
    if number(length(v)) == 0.0:
        raise ArgumentError(f"{option}: the vector has no length")
    return unit(v)


# --- geometry -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Geometry:
    """Where the detector is. Lengths in metres; ``pix0`` leads from the sample to the outer corner of pixel 0,0;
    beam centre and nearest point are along the fast and slow axes as the geometry came out."""

    convention: str
    pivot: str
    fast_pixels: int
    slow_pixels: int
    pixel_size: Any
    fast_size: float
    slow_size: float
    x_beam: Any
    y_beam: Any
    x_close: Any
    y_close: Any
    fast: Any
    slow: Any
    normal: Any
    pix0: Any
    distance: Any
    close_distance: Any
    fast_beam: Any
    slow_beam: Any
    fast_close: Any
    slow_close: Any
    beam: Any
    curved: bool
    curved_by_lab: bool
    point_pixel: bool
    twotheta: Any
    thickness: Any
    attenuation: Any
    layers: int
    layer_thickness: Any


def build_geometry(detector: Detector, frame: Frame, emulate, warn) -> Geometry:
    """Work out where every pixel is. Raises UsageError for a detector that cannot be."""
    size = detector_size(detector)
    centres = _centres(detector, size)
    _warn_unused(detector, centres["pivot"], warn)
    placed = _placed(detector, frame, centres, emulate)
    if number(placed["distance"]) == 0.0 or number(placed["close_distance"]) == 0.0 \
            or not math.isfinite(number(placed["distance"])):
        raise ArgumentError(f"-distance: the detector goes through the sample (distance "
                            f"{number(placed['distance']) * 1000:g} mm)")
    if frame.normal_generated:
        warn("-odet_vector is not exactly of length 1: replaced by fast x slow")
    _warn_origin(detector, placed["pix0"], warn)
    by_lab = "curved-lab-axes" in emulate
    if detector.curved and not by_lab and any(number(length(cross(frame.beam, placed[axis]))) == 0.0
                                              for axis in ("fast", "slow")):
        raise ArgumentError("-curved_det: a detector axis is parallel to the beam")
    return Geometry(convention=detector.convention, pivot=centres["pivot"], **size, x_beam=centres["x"],
                    y_beam=centres["y"], x_close=centres["x_close"], y_close=centres["y_close"], **placed,
                    beam=frame.beam, curved=detector.curved, curved_by_lab=by_lab, point_pixel=detector.point_pixel,
                    twotheta=detector.twotheta_rad, **_sensor(detector, emulate, warn))


def detector_size(detector: Detector) -> dict:
    """Pixels and extent (m) along fast and slow, and the pixel size. Raises UsageError for no or too many pixels."""
    pixel = detector.pixel_size_m
    if not number(pixel) > 0:
        raise ArgumentError(f"-pixel: the pixel size must be positive, not {number(pixel) * 1000:g} mm")
    if detector.fast_pixels < 0 or detector.slow_pixels < 0:
        raise ArgumentError("-detpixels: the number of pixels cannot be negative "
                            f"({detector.fast_pixels} x {detector.slow_pixels})")
    fast_size = pixel * detector.fast_pixels if detector.fast_pixels else detector.fast_size_m
    slow_size = pixel * detector.slow_pixels if detector.slow_pixels else detector.slow_size_m
    across = [number(extent) / number(pixel) - 0.5 for extent in (fast_size, slow_size)]
    for count, axis in zip(across, ("fast", "slow"), strict=True):
        if not 0.0 < count <= MOST_COUNT - 1:
            raise ArgumentError(f"detector size along {axis}: {_whole(count):g} pixels")
    counts = [math.ceil(count) for count in across]
    return {"fast_pixels": counts[0], "slow_pixels": counts[1], "pixel_size": pixel, "fast_size": fast_size,
            "slow_size": slow_size}


def _whole(count: float) -> float:
    return float(math.ceil(count)) if math.isfinite(count) else count


def _or(value, otherwise):
    return otherwise if value is None else value


def _centres(detector: Detector, size: dict) -> dict:
    """Beam centre (fast, slow) and nearest point by convention; the named conventions fix the pivot as well."""
    px, fast_size, slow_size = size["pixel_size"], size["fast_size"], size["slow_size"]
    given_x, given_y = detector.beam_x_m, detector.beam_y_m
    fast_close, slow_close = fast_size / 2.0, slow_size / 2.0
    if detector.origin_x_pixels is not None:
        fast_close = (detector.origin_x_pixels - 0.5) * px
    if detector.origin_y_pixels is not None:
        slow_close = (detector.origin_y_pixels - 0.5) * px
    x_close, y_close = _or(detector.close_x_m, fast_close), _or(detector.close_y_m, slow_close)
    pivot = "beam"
    if detector.convention in ("mosflm", "denzo"):
        x, y = _or(given_x, (slow_size + px) / 2.0), _or(given_y, (fast_size + px) / 2.0)
        fast_beam, slow_beam = (y + 0.5 * px, x + 0.5 * px) if detector.convention == "mosflm" else (y, x)
    elif detector.convention == "adxv":
        x, y = _or(given_x, (fast_size + px) / 2.0), _or(given_y, (slow_size - px) / 2.0)
        fast_beam, slow_beam = x, slow_size - y
    else:
        fast_beam = x = _or(given_x, x_close)
        slow_beam = y = _or(given_y, y_close)
        pivot = "sample"
        if detector.convention == "custom":
            fast_close, slow_close, pivot = x, y, detector.pivot
    return {"x": x, "y": y, "x_close": x_close, "y_close": y_close, "fast_beam": fast_beam, "slow_beam": slow_beam,
            "fast_close": fast_close, "slow_close": slow_close, "pivot": pivot}


def forced_pivot(convention: str) -> str | None:
    """The pivot of a named convention, which -pivot cannot change; None for custom."""
    if convention == "custom":
        return None
    return "sample" if convention in _SAMPLE_PIVOTS else "beam"


def _warn_unused(detector: Detector, pivot: str, warn) -> None:
    """Say what was given but plays no part under the convention in force."""
    beam = detector.beam_x_m is not None or detector.beam_y_m is not None
    close = detector.close_x_m is not None or detector.close_y_m is not None
    origin = detector.origin_x_pixels is not None or detector.origin_y_pixels is not None
    if beam and detector.convention in _SAMPLE_PIVOTS:
        warn("-Xbeam and -Ybeam do not move the image in this convention; -ORGX and -ORGY do")
    if close and detector.convention != "custom":
        warn("-Xclose and -Yclose do not move the image in this convention")
    if origin and detector.convention in ("mosflm", "denzo", "adxv"):
        warn("-ORGX and -ORGY do not move the image in this convention; -Xbeam and -Ybeam do")


def _warn_origin(detector: Detector, pix0, warn) -> None:
    if detector.pix0_m is None:
        return
    found = [number(x) for x in pix0]
    if number(length(subtract(detector.pix0_m, found))) > 1e-6 * number(length(found)):
        warn("-pix0_vector has no effect: distance and beam centre put pixel 0,0 at {:g} {:g} {:g} m".format(*found))


def _not_zero(ratio):
    """Never exactly 0, because it divides."""
    return sys.float_info.min if is_zero(ratio) else ratio


def _placed(detector: Detector, frame: Frame, centres: dict, emulate) -> dict:
    """P0 = -Fclose f - Sclose s + close_distance o before turning (pivot sample), or
    P0 = -Fbeam f - Sbeam s + distance b with the turned axes (pivot beam); then the distances and centres that
    this P0 means, with ratio = b.o."""
    angles = detector.rotation_x_rad, detector.rotation_y_rad, detector.rotation_z_rad
    axis, swing = frame.twotheta, detector.twotheta_rad

    def turned(v):
        return rotate_about(rotate_xyz(v, angles), axis, swing)

    ratio = _not_zero(dot(frame.beam, rotate_xyz(frame.normal, angles)))
    close = detector.close_distance_m
    if close is None:
        close = abs(ratio * detector.distance_m)
    distance = close / ratio
    if centres["pivot"] == "sample":
        pix0 = turned(_corner(frame.fast, centres["fast_close"], frame.slow, centres["slow_close"], frame.normal,
                              close))
    fast, slow, normal = turned(frame.fast), turned(frame.slow), turned(frame.normal)
    if centres["pivot"] == "beam":
        pix0 = _corner(fast, centres["fast_beam"], slow, centres["slow_beam"], frame.beam, distance)
    close = dot(pix0, normal)
    if "twotheta-report" not in emulate:
        ratio = _not_zero(dot(frame.beam, normal))
    distance = close / ratio
    across = subtract(scaled(frame.beam, distance), pix0)
    return {"fast": fast, "slow": slow, "normal": normal, "pix0": pix0, "distance": distance, "close_distance": close,
            "fast_close": -dot(pix0, fast), "slow_close": -dot(pix0, slow), "fast_beam": dot(fast, across),
            "slow_beam": dot(slow, across)}


def _corner(fast, F, slow, S, ahead, distance):
    return tuple(-F * fast[i] - S * slow[i] + distance * ahead[i] for i in range(3))


def _sensor(detector: Detector, emulate, warn) -> dict:
    """Layers of thickness T/n. Without thickness, or without absorption, one layer that takes every photon."""
    if "last-layer-capture" in emulate:
        return _sensor_like_c(detector, warn)
    depth, thickness = detector.attenuation_depth_m, detector.thickness_m
    if number(thickness) < 0:
        raise ArgumentError(f"-detector_thick: the thickness cannot be negative ({number(thickness) * 1e6:g} um)")
    attenuation = -1.0 if depth is None else 0.0 if is_zero(depth) else 1.0 / depth
    if depth is not None and is_zero(depth):
        thickness = 0.0
    if is_zero(thickness):
        return {"thickness": 0.0, "attenuation": attenuation, "layers": 1, "layer_thickness": 0.0}
    layers = detector.layers if detector.layers and detector.layers > 0 else 2
    return {"thickness": thickness, "attenuation": _depth_or_thickness(attenuation, thickness, warn), "layers": layers,
            "layer_thickness": thickness / layers}


def _depth_or_thickness(attenuation, thickness, warn):
    if number(attenuation) >= 0:
        return attenuation
    warn(f"the attenuation depth of the detector is not given: using its thickness, {number(thickness) * 1e6:g} um")
    return 1.0 / thickness


def _sensor_like_c(detector: Detector, warn) -> dict:
    """Emulation last-layer-capture: T/2 without a count, T/(n-1) with one; 0.5 um for a negative thickness."""
    thickness, wanted = detector.thickness_m, detector.layers or -1
    depth = detector.attenuation_depth_m
    attenuation = -1.0 if depth is None else 0.0 if is_zero(depth) else 1.0 / depth
    if is_zero(thickness) or (thickness < 0 and wanted <= 0):
        layers, step, thickness = 1, 0.0, 0.0
    elif thickness < 0:
        thickness = 0.5e-6
        layers, step = wanted, thickness / wanted
    elif wanted <= 0:
        layers, step = 2, thickness / 2
    else:
        layers = max(wanted, 2)
        step = thickness / (layers - 1)
    if thickness > 0:
        attenuation = _depth_or_thickness(attenuation, thickness, warn)
    return {"thickness": thickness, "attenuation": attenuation, "layers": layers, "layer_thickness": step}


def dials_origin_mm(geometry: Geometry):
    """Pixel 0,0 as DIALS has it, in millimetres."""
    return tuple(1000.0 * dot(geometry.pix0, axis) for axis in (Z, Y, (-1.0, 0.0, 0.0)))


# --- per pixel ------------------------------------------------------------------------------------------


def pixel_position(geometry: Geometry, fast_m, slow_m, layer: int):
    """From the sample to a point of the sensor (m): F f + S s + O o + P0 with O = layer * dt.

    ``fast_m`` and ``slow_m`` broadcast to the image. On a curved detector, the beam turned by
    (F - Fbeam)/distance and (S - Sbeam)/distance, at |distance| + O.
    """
    depth = layer * geometry.layer_thickness
    if geometry.curved and not geometry.curved_by_lab:
        radius = abs(geometry.distance) + depth
        q = scaled(geometry.beam, -radius if number(geometry.distance) < 0 else radius)
        q = rotate_about(q, unit(cross(geometry.beam, geometry.fast)),
                         (fast_m - geometry.fast_beam) / geometry.distance)
        return rotate_about(q, unit(cross(geometry.beam, geometry.slow)),
                            (slow_m - geometry.slow_beam) / geometry.distance)
    f, s, o, p = geometry.fast, geometry.slow, geometry.normal, geometry.pix0
    if geometry.curved and all(is_zero(x) for x in (f[1], s[2])):  # each angle then is one for all of a row or column
        q = None, slow_m * s[1] + depth * o[1] + p[1], fast_m * f[2] + depth * o[2] + p[2]
        return _curved_like_c(geometry, q)
    q = tuple(fast_m * f[i] + slow_m * s[i] + depth * o[i] + p[i] for i in range(3))
    return _curved_like_c(geometry, q) if geometry.curved else q


def _curved_like_c(geometry: Geometry, q):
    """Emulation curved-lab-axes: the beam at the distance, turned about s by q_y and about f by q_z."""
    bent = rotate_about(scaled(geometry.beam, geometry.distance), geometry.slow, q[1] / geometry.distance)
    return rotate_about(bent, geometry.fast, q[2] / geometry.distance)


def solid_angle(geometry: Geometry, airpath_m):
    """Solid angle of a pixel (sr): px^2/R^2 * close_distance/R; px^2/R^2 where it faces the sample; 1/R^2 for a
    point pixel."""
    if geometry.point_pixel:
        return 1.0 / airpath_m / airpath_m
    facing = divided(geometry.pixel_size * geometry.pixel_size, airpath_m) / airpath_m
    if geometry.curved and not geometry.curved_by_lab:
        return facing
    return facing * geometry.close_distance / airpath_m


def capture_fraction(geometry: Geometry, diffracted, layer: int, *, quick=False):
    """Fraction of the photons that a layer absorbs: exp(-t dt mu/(d.o)) - exp(-(t+1) dt mu/(d.o)); a curved
    detector faces every ray. ``quick`` is for where last digits do not count."""
    dt, mu = geometry.layer_thickness, geometry.attenuation
    flat = not geometry.curved or geometry.curved_by_lab
    parallax = dot(diffracted, geometry.normal) if flat else 1.0 + 0.0 * diffracted[0]
    if quick and hasattr(parallax, "exp"):
        return (-layer * dt * mu / parallax).exp() - (-(layer + 1) * dt * mu / parallax).exp()
    return exp(divided(-layer * dt * mu, parallax)) - exp(divided(-(layer + 1) * dt * mu, parallax))
