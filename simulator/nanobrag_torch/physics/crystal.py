"""The crystal: unit cell, orientation, size in cells.

Lengths are A and 1/A until the real-space vectors are finished; then a, b, c are in metres and a*, b*, c*
stay in 1/A.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from nanobrag_torch.config import Crystal, Real
from nanobrag_torch.errors import ArgumentError
from nanobrag_torch.limits import MOST_COUNT
from nanobrag_torch.physics.arithmetic import atan2, cos, number, sin, sqrt
from nanobrag_torch.physics.random_stream import RandomStreams, cap_rotation, uniform_rotation
from nanobrag_torch.physics.vectors import cross, dot, length, rotate_xyz, rotation_angles, scaled
from nanobrag_torch.units import DEGREES_PER_RADIAN, METRES_PER_ANGSTROM

SMALLEST_SKEW = 1e-12
SMALLEST_SKEW_LIKE_C = 1e-24
SMALLEST_OBLIQUITY = 1e-9
"""What an angle (radians) that is not right differs from a right one by."""

SHORTEST_AXIS_A, LONGEST_AXIS_A = 1e-6, 1e9
SMALLEST_VOLUME = 1e-12
MISSET_CAP_LIKE_C = 90.0
"""The half angle of the cap in which the C program draws orientations: 90 degrees, used as radians."""


@dataclass(frozen=True)
class Lattice:
    """The oriented crystal: a, b, c in metres, a*, b*, c* in 1/A, cell and reciprocal cell as printed (A and
    1/A, angles in radians), cells along each axis and the size they give (m)."""

    real_m: tuple
    reciprocal_per_A: tuple
    cell: tuple
    reciprocal_cell: tuple
    volume_A3: Any
    misset: tuple
    misset_drawn: bool
    cells: tuple[int, int, int]
    size_m: tuple


# --- cell -----------------------------------------------------------------------------------------------


def cell_volume(lengths, angles, emulate=()):
    """V = 2 a b c sqrt(sin s sin(s-al) sin(s-be) sin(s-ga)), s = (al+be+ga)/2 (A^3)."""
    al, be, ga = angles
    s = (al + be + ga) / 2.0
    skew = sin(s) * sin(s - al) * sin(s - be) * sin(s - ga)
    least = SMALLEST_SKEW
    if "cell-triclinic" in emulate:
        skew, least = abs(skew), SMALLEST_SKEW_LIKE_C
    if not number(skew) >= least:
        degrees = " ".join(f"{number(angle) * DEGREES_PER_RADIAN:g}" for angle in angles)
        raise ArgumentError(f"-cell: no cell has the angles {degrees}")
    volume = 2.0 * lengths[0] * lengths[1] * lengths[2] * sqrt(skew)
    return volume if number(volume) > 0 else 2.2250738585072014e-308


def _clamped(cosine):
    if number(cosine) > 1.0:
        return 1.0
    return -1.0 if number(cosine) < -1.0 else cosine


def cell_reciprocal(lengths, angles, volume, emulate=()):
    """a*, b*, c* (1/A) in the default orientation: a* along x, b* in the xy plane (International Tables B 1.1),
    c*_z = 1/(V a* b* sin ga*), which is V c*/(a b c sin ga*) where no more than one angle is oblique
    (but has other derivatives).

    Products in the order of the C program: a crystal that is an exact multiple of the cell has as many cells as the
    last bit of the axis says."""
    (a, b, c), (al, be, ga) = lengths, angles
    star_volume = 1.0 / volume
    a_star = b * c * sin(al) * star_volume
    b_star = c * a * sin(be) * star_volume
    c_star = a * b * sin(ga) * star_volume
    sin_gamma = _clamped(c * star_volume / a_star / b_star)
    cos_alpha = _clamped((cos(be) * cos(ga) - cos(al)) / (sin(be) * sin(ga)))
    cos_beta = _clamped((cos(ga) * cos(al) - cos(be)) / (sin(ga) * sin(al)))
    cos_gamma = _clamped((cos(al) * cos(be) - cos(ga)) / (sin(al) * sin(be)))
    up = star_volume / (a_star * b_star * sin_gamma)
    if "cell-triclinic" in emulate or (isinstance(volume, float) and _oblique(angles) < 2):
        up = c_star * volume / (a * b * c * sin_gamma)
    return ((a_star, 0.0, 0.0),
            (b_star * cos_gamma, b_star * sin_gamma, 0.0),
            (c_star * cos_beta, c_star * (cos_alpha - cos_beta * cos_gamma) / sin_gamma, up))


def _oblique(angles) -> int:
    """How many angles (radians) are not right."""
    return sum(abs(number(angle) - math.pi / 2.0) > SMALLEST_OBLIQUITY for angle in angles)


def _complete(lengths) -> tuple:
    """Missing or non-positive lengths become the first."""
    filled = [*lengths, *([0.0] * (3 - len(lengths)))]
    for x in filled:
        if number(x) > 0 and not SHORTEST_AXIS_A <= number(x) <= LONGEST_AXIS_A:
            raise ArgumentError(f"-cell: an axis of {number(x):g} A is out of all range")
    return tuple(x if number(x) > 0 else filled[0] for x in filled)


def matrix_reciprocal(matrix, wavelength_m: Real):
    """a*, b*, c* (1/A) from nine numbers in rows, which hold wavelength (A) times the vectors as columns."""
    factor = METRES_PER_ANGSTROM / wavelength_m
    rows = [[x if hasattr(x, "detach") else float(x) for x in row] for row in matrix]
    return tuple(tuple(rows[axis][column] * factor for axis in range(3)) for column in range(3))


# --- orientation ----------------------------------------------------------------------------------------


def drawn_misset(crystal: Crystal, seed: int | None, streams: RandomStreams, emulate):
    """Angles of a random orientation: uniform over rotations, or as the C program draws them."""
    like_c = "misset-radians" in emulate
    chosen = crystal.misset_seed
    if chosen is None and not like_c:
        chosen = seed
    if chosen is None:
        raise ArgumentError("-misset random: needs -misset_seed" + ("" if like_c else " or -seed"))
    streams.seed("misset", -chosen)
    draws = [streams.uniform("misset") for _ in range(3)]
    rotation = cap_rotation(MISSET_CAP_LIKE_C, *draws) if like_c else uniform_rotation(*draws)
    return rotation_angles(tuple(tuple(float(x) for x in row) for row in rotation))


def inverted(star, lengths, volume):
    """a, b, c (A), a*, b*, c* (1/A) regenerated from them, and the volume (A^3).

    With a cell (``volume`` not None) its axis lengths hold, whatever the matrix says.
    """
    crosses = [cross(star[1], star[2]), cross(star[2], star[0]), cross(star[0], star[1])]
    star_volume = dot(star[0], crosses[0])
    sizes = [number(length(v)) for v in star]
    if not abs(number(star_volume)) > SMALLEST_VOLUME * sizes[0] * sizes[1] * sizes[2]:
        raise ArgumentError("orientation matrix: its columns do not span a cell (the matrix is singular)")
    if volume is not None:
        crosses = [scaled(v, extent / volume / length(v)) for v, extent in zip(crosses, lengths, strict=True)]
        star_volume = 1.0 / volume
    cell_volume_A3 = 1.0 / star_volume
    a, b, c = (scaled(v, cell_volume_A3) for v in crosses)
    regenerated = tuple(scaled(v, star_volume) for v in (cross(b, c), cross(c, a), cross(a, b)))
    return (a, b, c), regenerated, cell_volume_A3


def described(basis, volume) -> tuple:
    """Lengths, and angles from atan2(sin, cos), of three vectors; a negative volume makes negative angles."""
    sign = -1.0 if number(volume) < 0 else 1.0
    a, b, c = basis
    return (*(length(v) for v in basis), *(atan2(sign * length(cross(u, v)), dot(u, v))
                                           for u, v in ((b, c), (c, a), (a, b))))


# --- size -----------------------------------------------------------------------------------------------


def cell_count(given: int, sample_m: float, axis_m) -> int:
    """Cells along an axis: ceil(sample/axis) where a sample size is given, at least 1."""
    wanted = sample_m / number(axis_m) if sample_m > 0 else given
    count = math.ceil(wanted) if math.isfinite(wanted) else wanted
    if not count < MOST_COUNT:
        raise ArgumentError(f"-xtalsize: a crystal of {float(count):g} cells along one axis is too large")
    return int(max(1, count))


def build_lattice(crystal: Crystal, wavelength_m, sample_m, seed, streams: RandomStreams, emulate) -> Lattice:
    """The oriented crystal. Raises UsageError for an impossible cell, a singular matrix or none of both."""
    lengths = volume = star = None
    if crystal.cell_lengths_A is not None and number(crystal.cell_lengths_A[0]) > 0:
        lengths = _complete(crystal.cell_lengths_A)
        volume = cell_volume(lengths, crystal.cell_angles_rad, emulate)
        star = cell_reciprocal(lengths, crystal.cell_angles_rad, volume, emulate)
    if crystal.matrix is not None:
        star = matrix_reciprocal(crystal.matrix, wavelength_m)
    if star is None:
        raise ArgumentError("no unit cell: give -mat or -cell")
    misset = drawn_misset(crystal, seed, streams, emulate) if crystal.misset_random else tuple(crystal.misset_rad)
    star = tuple(rotate_xyz(v, misset) for v in star)
    real, star, volume = inverted(star, lengths, volume)
    cell, reciprocal_cell = described(real, volume), described(star, volume)
    real_m = tuple(scaled(v, METRES_PER_ANGSTROM) for v in real)
    axes = [length(v) for v in real_m]
    given = crystal.Na, crystal.Nb, crystal.Nc
    Na, Nb, Nc = (cell_count(*entry) for entry in zip(given, sample_m, axes, strict=True))
    cells = Na, Nb, Nc
    size = tuple(axis * count for axis, count in zip(axes, cells, strict=True))
    return Lattice(real_m, star, cell, reciprocal_cell, volume, misset, crystal.misset_random, cells, size)
