"""Rotations of vectors."""

from __future__ import annotations

import math

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
