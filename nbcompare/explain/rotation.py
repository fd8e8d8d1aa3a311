"""Rotations of vectors."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def rotation_about(axis: np.ndarray, angle: float) -> np.ndarray:
    """Right-handed rotation (Rodrigues) about a vector by an angle in radians, as a matrix [3, 3]."""
    length = float(np.linalg.norm(axis))
    if angle == 0 or not length > 0:
        return np.eye(3)
    n = np.asarray(axis, float) / length
    cross = np.array([[0, -n[2], n[1]], [n[2], 0, -n[0]], [-n[1], n[0], 0]])
    turned: np.ndarray = np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross
    return turned


def about_axes(angles_rad: Sequence[float], order: Sequence[int] = (0, 1, 2)) -> np.ndarray:
    """Rotation [3, 3] about lab x, y and z by an angle each (radians), about the axis ``order[0]`` first."""
    turned = np.eye(3)
    for axis in order:
        turned = rotation_about(np.eye(3)[axis], angles_rad[axis]) @ turned
    return turned


def angles_about_axes(rotation: np.ndarray) -> tuple[float, float, float]:
    """The angles about lab x, then y, then z (radians) that make a rotation [3, 3]."""
    across = -math.asin(max(-1.0, min(1.0, float(rotation[2, 0]))))
    return (math.atan2(rotation[2, 1], rotation[2, 2]), across, math.atan2(rotation[1, 0], rotation[0, 0]))
