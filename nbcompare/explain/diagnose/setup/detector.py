"""Where the pixels are: the detector that a command line describes, as far as diagnosis needs it.

It gives positions and directions of pixels, and with them the smooth factors of a pixel (solid angle,
polarization, absorption) and the place where a given direction meets another detector. It follows the program's
rules for conventions, beam centres, pivots and rotations; it knows nothing about crystals, and does not bend
(a curved detector is treated as flat).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nbcompare.case.command import Command
from nbcompare.compare.image import Shape, read_smv_numbers
from nbcompare.errors import FileError

CUSTOM = "custom"
_AXES = ("beam", "fast", "slow", "normal", "twotheta", "polarization", "spindle")
_INITIAL = ((1, 0, 0), (0, 0, 1), (0, -1, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, 1))
_CONVENTIONS = {
    "mosflm": ((1, 0, 0), (0, 0, 1), (0, -1, 0), (1, 0, 0), (0, 0, -1), (0, 0, 1), (0, 0, 1)),
    "denzo": ((1, 0, 0), (0, 0, 1), (0, -1, 0), (1, 0, 0), (0, 0, -1), (0, 0, 1), (0, 0, 1)),
    "adxv": ((0, 0, 1), (1, 0, 0), (0, -1, 0), (0, 0, 1), (-1, 0, 0), (1, 0, 0), (1, 0, 0)),
    "xds": ((0, 0, 1), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 0, 0), (1, 0, 0), (1, 0, 0)),
    "dials": ((0, 0, 1), (1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 1, 0), (0, 1, 0), (0, 1, 0)),
}
_FORCED_PIVOT = {"mosflm": "beam", "denzo": "beam", "adxv": "beam", "xds": "sample", "dials": "sample"}
_VECTOR_OPTIONS = {"-beam_vector": "beam", "-fdet_vector": "fast", "-sdet_vector": "slow", "-odet_vector": "normal",
                   "-twotheta_axis": "twotheta", "-polar_vector": "polarization", "-spindle_axis": "spindle"}
_TO_BEAM = ("-Xbeam", "-Ybeam", "-distance", "-mosflm", "-adxv", "-denzo", "-dials")
_TO_SAMPLE = ("-Xclose", "-Yclose", "-ORGX", "-ORGY", "-close_distance", "-twotheta", "-xds")


@dataclass(frozen=True)
class Detector:
    """Unit vectors and lengths in metres. ``origin`` is the outer corner of the first pixel, from the sample."""

    shape: Shape
    pixel_m: float
    beam: np.ndarray
    fast: np.ndarray
    slow: np.ndarray
    normal: np.ndarray
    polarization: np.ndarray
    spindle: np.ndarray
    origin: np.ndarray
    close_distance_m: float
    convention: str
    pivot: str
    oversample: int = 1

    def positions(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Pixel coordinates (fast x, slow y; a pixel's own number is its first corner) to metres [n, 3]."""
        x, y = np.asarray(x, float)[..., None], np.asarray(y, float)[..., None]
        return self.origin + self.pixel_m * (x * self.fast + y * self.slow)

    def centres(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The middle of pixels (of their first sub-pixel, whose factors the program uses), in metres [n, 3]."""
        middle = 0.5 / self.oversample
        return self.positions(np.asarray(x) + middle, np.asarray(y) + middle)

    def meets(self, directions: np.ndarray) -> np.ndarray:
        """Where rays from the sample cross this detector: pixel coordinates [n, 2] (x, y), NaN where never."""
        along = directions @ self.normal
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = np.where(self.close_distance_m / along > 0, self.close_distance_m / along, np.nan)
        inside = directions * reach[:, None] - self.origin
        axes = np.stack((self.fast, self.slow), axis=1)
        along_axes = np.linalg.inv(axes.T @ axes) @ axes.T  # vectors of one's own need not be at right angles
        return inside @ along_axes.T / self.pixel_m

    @property
    def beam_pixel(self) -> tuple[float, float]:
        """Where the direct beam crosses the detector, in pixel coordinates (x, y); NaN when it does not."""
        x, y = self.meets(self.beam[None, :])[0]
        return float(x), float(y)

    # --- the smooth factors of a pixel -------------------------------------------------------------------

    def solid_angle(self, x, y) -> np.ndarray:
        """omega = p^2 D_close / R^3 of pixel middles, in sr."""
        reach = np.linalg.norm(self.centres(x, y), axis=-1)
        return self.pixel_m**2 * self.close_distance_m / reach**3

    def cos_obliquity(self, x, y) -> np.ndarray:
        """Cosine between the ray and the detector normal."""
        return self.close_distance_m / np.linalg.norm(self.centres(x, y), axis=-1)

    def cos_twotheta(self, x, y) -> np.ndarray:
        return _units(self.centres(x, y)) @ self.beam

    def polarization_factor(self, x, y, kahn: float, axis: np.ndarray | None = None) -> np.ndarray:
        """Kahn's factor (1 + cos^2 2theta - K cos 2psi sin^2 2theta)/2 of pixel middles."""
        rays = _units(self.centres(x, y))
        square = (rays @ self.beam) ** 2
        if kahn == 0:
            return 0.5 * (1 + square)
        b_axis = _unit(np.cross(self.polarization if axis is None else axis, self.beam))
        e_axis = _unit(np.cross(self.beam, b_axis))
        psi = -np.arctan2(rays @ b_axis, rays @ e_axis)
        return 0.5 * (1 + square - kahn * np.cos(2 * psi) * (1 - square))


def read_detector(command: Command, shape: Shape, folder: Path) -> Detector:
    """The detector that the arguments describe. Raises FileError for an image header that cannot be read."""
    header = _header_numbers(command, folder)
    convention, pivot, axes = _conventions(command)
    pixel_m = command.number("-pixel", header.get("PIXEL_SIZE", 0.1)) * 1e-3
    beam, fast, slow = (_unit(axes[name]) for name in ("beam", "fast", "slow"))
    normal = axes["normal"] if np.linalg.norm(axes["normal"]) == 1.0 else np.cross(fast, slow)
    normal = _unit(normal)
    rotation = rotation_xyz(*(math.radians(command.number(f"-detector_rot{axis}")) for axis in "xyz"))
    swing = rotation_about(axes["twotheta"], math.radians(command.number("-twotheta")))
    ratio = float(beam @ rotation @ normal) or np.finfo(float).tiny
    distance = command.number("-distance", header.get("DISTANCE", 100.0)) * 1e-3
    close = command.find("-close_distance")
    if close or "CLOSE_DISTANCE" in header:
        close_distance = (close.numbers[0] if close else header["CLOSE_DISTANCE"]) * 1e-3
    else:
        close_distance = abs(ratio * distance)
    distance = close_distance / ratio
    beam_fs, close_fs = _centres(command, header, convention, shape, pixel_m)
    turned = [swing @ rotation @ vector for vector in (fast, slow, normal)]
    if pivot == "sample":
        origin = swing @ rotation @ (-close_fs[0] * fast - close_fs[1] * slow + close_distance * normal)
    else:
        origin = -beam_fs[0] * turned[0] - beam_fs[1] * turned[1] + distance * beam
    return Detector(shape, pixel_m, beam, *turned, _unit(axes["polarization"]), _unit(axes["spindle"]), origin,
                    float(origin @ turned[2]), convention, pivot)


def _header_numbers(command: Command, folder: Path) -> dict[str, float]:
    found = {}
    for name in ("-mask", "-img"):
        item = command.find(name)
        if item and item.values:
            try:
                found.update(read_smv_numbers(folder / item.values[0]))
            except FileError:
                continue
    return found


def _conventions(command: Command) -> tuple[str, str, dict[str, np.ndarray]]:
    """Convention, pivot and raw axes: the last option that says something about each wins."""
    convention, pivot = "mosflm", "beam"
    given: dict[str, np.ndarray] = {}
    for item in command.items:
        name = item.option.name if item.option else ""
        if name.lstrip("-") in _CONVENTIONS:
            convention = name.lstrip("-")
        elif (name in _VECTOR_OPTIONS or name == "-pix0_vector") and len(item.values) == 3:
            convention = CUSTOM
            if name in _VECTOR_OPTIONS:
                given[_VECTOR_OPTIONS[name]] = np.array(item.numbers)
        if name in _TO_BEAM or (name == "-pivot" and "beam" in " ".join(item.values)):
            pivot = "beam"
        if name in _TO_SAMPLE or (name == "-pivot" and "sample" in " ".join(item.values)):
            pivot = "sample"
    named = _CONVENTIONS.get(convention, _INITIAL)
    axes = {axis: np.array(vector, float) for axis, vector in zip(_AXES, named, strict=True)}
    if convention == CUSTOM:
        axes.update(given)
    return convention, _FORCED_PIVOT.get(convention, pivot), axes


def _centres(command: Command, header: dict[str, Any], convention: str, shape: Shape, pixel: float):
    """((Fbeam, Sbeam), (Fclose, Sclose)) in metres."""
    size_f, size_s = shape.fast * pixel, shape.slow * pixel
    near_f, near_s = size_f / 2, size_s / 2
    if command.has("-ORGX") or "ORGX" in header:
        near_f = (command.number("-ORGX", header.get("ORGX", 0)) - 0.5) * pixel
    if command.has("-ORGY") or "ORGY" in header:
        near_s = (command.number("-ORGY", header.get("ORGY", 0)) - 0.5) * pixel
    x_close = command.number("-Xclose", near_f * 1e3) * 1e-3
    y_close = command.number("-Yclose", near_s * 1e3) * 1e-3
    default = {"mosflm": ((size_s + pixel) / 2, (size_f + pixel) / 2),
               "denzo": ((size_s + pixel) / 2, (size_f + pixel) / 2),
               "adxv": ((size_f + pixel) / 2, (size_s - pixel) / 2)}.get(convention, (x_close, y_close))
    x = command.number("-Xbeam", header.get("BEAM_CENTER_X", default[0] * 1e3)) * 1e-3
    y = command.number("-Ybeam", header.get("BEAM_CENTER_Y", default[1] * 1e3)) * 1e-3
    beam = {"mosflm": (y + pixel / 2, x + pixel / 2), "denzo": (y, x), "adxv": (x, size_s - y)}.get(convention, (x, y))
    return beam, ((x, y) if convention == CUSTOM else (near_f, near_s))


# --- rotations --------------------------------------------------------------------------------------------


def _unit(vector: np.ndarray) -> np.ndarray:
    length = float(np.linalg.norm(vector))
    return np.asarray(vector, float) / length if length > 0 else np.asarray(vector, float)


def _units(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def rotation_about(axis: np.ndarray, angle: float) -> np.ndarray:
    """Right-handed rotation (Rodrigues) about a vector, as a matrix."""
    if angle == 0 or not np.linalg.norm(axis) > 0:
        return np.eye(3)
    n = _unit(axis)
    cross = np.array([[0, -n[2], n[1]], [n[2], 0, -n[0]], [-n[1], n[0], 0]])
    return np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross


def rotation_xyz(x: float, y: float, z: float) -> np.ndarray:
    """About the lab x axis, then y, then z."""
    about = [rotation_about(np.eye(3)[i], angle) for i, angle in enumerate((x, y, z))]
    return about[2] @ about[1] @ about[0]
