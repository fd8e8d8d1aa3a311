"""3-vectors and rotations, of numbers or of whole images.

A vector is a tuple (x, y, z) whose components are floats or tensors that broadcast; a rotation matrix is a
tuple of three rows. The order of the floating point operations is part of the contract: the C simulator
does the same steps in the same order, so that images agree to the last bit of float32.
"""

from __future__ import annotations

from nanobrag_torch.physics.arithmetic import atan2, cos, is_zero, number, sin, sqrt
from nanobrag_torch.units import PI


def add(u, v):
    return u[0] + v[0], u[1] + v[1], u[2] + v[2]


def subtract(u, v):
    return u[0] - v[0], u[1] - v[1], u[2] - v[2]


def scaled(v, factor):
    return factor * v[0], factor * v[1], factor * v[2]


def dot(u, v):
    """u.v, summed from x to z."""
    return u[0] * v[0] + u[1] * v[1] + u[2] * v[2]


def cross(u, v):
    return (u[1] * v[2] - u[2] * v[1],
            u[2] * v[0] - u[0] * v[2],
            u[0] * v[1] - u[1] * v[0])


def length(v):
    return sqrt(dot(v, v))


def unit(v):
    """v/|v|; the null vector stays null."""
    size = length(v)
    if is_zero(size):
        return 0.0, 0.0, 0.0
    return v[0] / size, v[1] / size, v[2] / size


def rotate_xyz(v, angles_rad):
    """Right-handed rotation about lab x, then lab y, then lab z, each skipped when its angle is 0."""
    x, y, z = angles_rad
    if not is_zero(x):
        c, s = cos(x), sin(x)
        v = v[0], v[1] * c - v[2] * s, v[1] * s + v[2] * c
    if not is_zero(y):
        c, s = cos(y), sin(y)
        v = v[0] * c + v[2] * s, v[1], -v[0] * s + v[2] * c
    if not is_zero(z):
        c, s = cos(z), sin(z)
        v = v[0] * c - v[1] * s, v[0] * s + v[1] * c, v[2]
    return v


def rotate_about(v, axis, angle_rad):
    """Rodrigues' rotation, right-handed: v' = n (n.v)(1 - cos) + v cos + (n x v) sin, with n as given."""
    c, s = cos(angle_rad), sin(angle_rad)
    along = dot(axis, v) * (1.0 - c)
    across = cross(axis, v)
    return (axis[0] * along + v[0] * c + across[0] * s,
            axis[1] * along + v[1] * c + across[1] * s,
            axis[2] * along + v[2] * c + across[2] * s)


def transform(matrix, v):
    """The matrix (three rows) times a column vector."""
    return dot(matrix[0], v), dot(matrix[1], v), dot(matrix[2], v)


def axis_rotation(n, angle_rad):
    """Right-handed rotation about a unit axis: cos I + (1 - cos) n n^T + sin [n]x, as three rows."""
    c, s = cos(angle_rad), sin(angle_rad)
    t = 1.0 - c
    return ((c + n[0] * n[0] * t, t * n[0] * n[1] - n[2] * s, t * n[0] * n[2] + n[1] * s),
            (t * n[0] * n[1] + n[2] * s, c + n[1] * n[1] * t, t * n[1] * n[2] - n[0] * s),
            (t * n[0] * n[2] - n[1] * s, t * n[1] * n[2] + n[0] * s, c + n[2] * n[2] * t))


def rotation_angles(u):
    """The angles (rad) that make rotate_xyz do the same as a rotation matrix. Its rows are made unit vectors twice, as
    in the C program."""
    u = [unit(unit(row)) for row in u]
    if number(u[2][0]) ** 2 >= 1.0:
        return PI, PI / 2.0, atan2(u[0][1], -u[1][1])
    return (atan2(u[2][1], u[2][2]),
            atan2(-u[2][0], sqrt(u[2][1] * u[2][1] + u[2][2] * u[2][2])),
            atan2(u[1][0], u[0][0]))
