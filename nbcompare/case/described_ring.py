"""The pixels between two Bragg spacings on a detector that stands in any way, as a program describes it.

The description is what our simulators print for -describe (docs/describe.md), or a file with the same keys by whoever
knows another detector; of it are read schema, mode, beam and detector.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbcompare.compare.image import Shape
from nbcompare.errors import FileError

if TYPE_CHECKING:
    import numpy as np

SCHEMA = "nanobragg-description/1"
_BENT_OTHERWISE = "curved-lab-axes"
"""The emulation of a curved detector that bends about other axes."""


def ring_of(path: Path, shape: Shape, dmax: float, dmin: float) -> np.ndarray:
    """True where the middle of a pixel [slow, fast] has a spacing d of dmin < d <= dmax (A); d = lambda / |k - k0|.

    Raises FileError for a file that is no description, or one of a detector of another shape or of unknown bend.
    """
    import numpy as np

    document = _read(path)
    try:
        detector, beam = document["detector"], document["beam"]
        stated = int(detector["slow_pixels"]), int(detector["fast_pixels"])
        onward = _vector(beam["direction"])
        wavelength = float(beam["wavelength_A"])
        directions = _directions(path, document, onward)
    except (KeyError, TypeError, ValueError) as fault:
        raise FileError(f"{path.name}: its description lacks what a ring needs ({_short(fault)})") from None
    if stated != (shape.slow, shape.fast):
        raise FileError(f"{path.name}: describes {Shape(*stated)}, the image is {shape}")
    change = np.sqrt(((directions - onward) ** 2).sum(axis=-1))
    inside: np.ndarray = (change * dmax >= wavelength) & (change * dmin < wavelength)
    return inside


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise FileError(f"{path.name}: cannot read: {fault.strerror}") from None
    except (ValueError, RecursionError):
        raise FileError(f"{path.name}: no JSON; it should hold what -describe prints") from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise FileError(f"{path.name}: no description ({SCHEMA}), which -describe prints")
    return document


def _directions(path: Path, document: Mapping[str, Any], onward: np.ndarray) -> np.ndarray:
    """Unit vectors from the sample to the middle of every pixel, [slow, fast, 3]."""
    import numpy as np

    detector = document["detector"]
    pixel, axes = float(detector["pixel_m"]), (_vector(detector["fast_axis"]), _vector(detector["slow_axis"]))
    fast = (np.arange(int(detector["fast_pixels"])) + 0.5)[None, :, None] * pixel
    slow = (np.arange(int(detector["slow_pixels"])) + 0.5)[:, None, None] * pixel
    if detector["curved"]:
        if _BENT_OTHERWISE in document["mode"]:
            raise FileError(f"{path.name}: a curved detector as {_BENT_OTHERWISE} bends it has no rings here")
        return _on_a_curve(detector, axes, fast, slow, onward)
    place = _vector(detector["pix0_m"]) + fast * axes[0] + slow * axes[1]
    directions: np.ndarray = place / np.sqrt((place ** 2).sum(axis=-1, keepdims=True))
    return directions


def _on_a_curve(detector: Mapping[str, Any], axes: tuple[np.ndarray, np.ndarray], fast: np.ndarray, slow: np.ndarray,
                onward: np.ndarray) -> np.ndarray:
    """Each pixel of a curved detector lies where the beam points, turned by the pixel's way from the direct beam over
    the distance, along the fast axis and then along the slow one."""
    import numpy as np

    distance = float(detector["distance_m"])
    centre = _vector(detector["beam_centre"]["detector_m"])
    turned = onward
    for axis, way, middle in zip(axes, (fast, slow), centre, strict=True):
        about = np.cross(onward, axis)
        turned = _turned(turned, about / np.sqrt((about ** 2).sum()), (way - middle) / distance)
    return turned


def _turned(vectors: np.ndarray, axis: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Vectors turned right-handed about a unit axis by angles in radian (Rodrigues' formula)."""
    import numpy as np

    cos, sin = np.cos(angle), np.sin(angle)
    along = (vectors * axis).sum(axis=-1, keepdims=True)
    found: np.ndarray = vectors * cos + np.cross(axis, vectors) * sin + axis * along * (1 - cos)
    return found


def _vector(numbers: Any) -> np.ndarray:
    """Two or three finite numbers."""
    import numpy as np

    found: np.ndarray = np.array([float(number) for number in numbers])
    if found.size not in (2, 3) or not np.isfinite(found).all():
        raise ValueError("numbers that are finite")
    return found


def _short(fault: Exception) -> str:
    return " ".join(str(fault).split())[:80]
