"""The project's own crystal: triclinic hen egg-white lysozyme, oriented and measured on paper.

It gives the supervisor case its inputs: an orientation matrix in nanoBragg's file form and a list of
structure factor amplitudes in plain ``h k l F`` text. Neither is measured data. The cell is a
rounded triclinic lysozyme cell; amplitudes follow the acentric Wilson distribution
(A. J. C. Wilson, Acta Cryst. 2 (1949) 318) with an overall temperature factor, and Friedel mates
differ by up to one percent, as they do with sulphur in the molecule, so that a swap of the mates can
be seen.

All arithmetic is decimal with a fixed precision: the same bytes come out on every platform. Amplitudes are taken in
floating point first, and in decimals only where the last digit written could depend on which.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from decimal import Context, Decimal, localcontext

CELL_A = tuple(map(Decimal, ("27.07", "31.25", "33.76")))
CELL_DEG = tuple(map(Decimal, ("87.98", "108.00", "112.11")))
WAVELENGTH_A = Decimal("0.976800")
ORIENTATION_DEG = tuple(map(Decimal, ("97", "58", "47")))
"""Rotations about the lab x, y, z axes that take the crystal from its standard setting to ours."""

D_MIN_A = Decimal("1.10")
D_COMPLETE_A = Decimal("1.30")
"""All reflections to D_COMPLETE_A are listed, and a share of those between it and D_MIN_A."""

OUTER_SHARE = Decimal("0.52")
F_AT_ORIGIN = Decimal(220)
B_A2 = Decimal(10)
FRIEDEL_DIFFERENCE = Decimal("0.01")
_CONTEXT = Context(prec=24)
Vector = tuple[Decimal, Decimal, Decimal]

_PI = Decimal("3.14159265358979323846264338")


def orientation_text() -> str:
    """A.mat: wavelength * A*, reciprocal vectors as columns, rows x y z, eight decimals."""
    with localcontext(_CONTEXT):
        vectors = [_rotated(v, ORIENTATION_DEG) for v in _reciprocal_vectors()]
        rows = [[WAVELENGTH_A * vector[axis] for vector in vectors] for axis in range(3)]
        return "".join(" ".join(f"{value:.8f}" for value in row) + "\n" for row in rows)


def amplitudes_text() -> str:
    """scaled.hkl: one ``h k l F`` a line, sorted by h, k, l."""
    with localcontext(_CONTEXT):
        found = {}
        for h, k, l, s2 in _half_sphere():
            if s2 * D_COMPLETE_A * D_COMPLETE_A > 1 and _uniform(h, k, l, salt=2) > OUTER_SHARE:
                continue
            drawn, apart = (_drawn(h, k, l, salt) for salt in (1, 3))
            found[h, k, l], found[-h, -k, -l] = _written_in_doubles(drawn, apart, s2) or _written(drawn, apart, s2)
        return "".join(f"{h:4d}{k:4d}{l:4d} {found[h, k, l]}\n" for h, k, l in sorted(found))


def _written(drawn: int, apart: int, s2: Decimal) -> tuple[str, str]:
    """F of a reflection and of its Friedel mate, to two decimals."""
    mean = F_AT_ORIGIN * F_AT_ORIGIN * (-B_A2 * s2 / 2).exp()
    amplitude = (mean * -_inside_one(drawn).ln()).sqrt()
    anomalous = FRIEDEL_DIFFERENCE * (2 * _inside_one(apart) - 1)
    return f"{amplitude * (1 + anomalous):9.2f}", f"{amplitude * (1 - anomalous):9.2f}"


def _written_in_doubles(drawn: int, apart: int, s2: Decimal) -> tuple[str, str] | None:
    """The same in a twentieth of the time. None where a value lies within 1e-8 of where rounding turns, or where the
    logarithm lies so near 0 that it loses digits: else these have an error of 1e-11 whatever the platform's library."""
    chance, difference = (drawn + 0.5) / (1 << 53), float(FRIEDEL_DIFFERENCE) * (2 * (apart + 0.5) / (1 << 53) - 1)
    if chance > 0.99:
        return None
    amplitude = float(F_AT_ORIGIN) * math.sqrt(math.exp(float(-B_A2 * s2 / 2)) * -math.log(chance))
    both = amplitude * (1 + difference), amplitude * (1 - difference)
    if any(abs(100 * value % 1 - 0.5) < 1e-6 for value in both):
        return None
    return f"{both[0]:9.2f}", f"{both[1]:9.2f}"


def _half_sphere() -> Iterator[tuple[int, int, int, Decimal]]:
    """Miller indices of one of each Friedel pair inside D_MIN_A, with |h a* + k b* + l c*|^2 in A^-2."""
    a, b, c = _reciprocal_vectors()
    aa, bb, cc = _dot(a, a), _dot(b, b), _dot(c, c)
    ab, ac, bc = 2 * _dot(a, b), 2 * _dot(a, c), 2 * _dot(b, c)
    limit = 1 / (D_MIN_A * D_MIN_A)
    h_max, k_max, l_max = (int(length / D_MIN_A) for length in CELL_A)  # h = a s <= |a| |s|
    for h in range(h_max + 1):
        for k in range(-k_max if h else 0, k_max + 1):
            in_plane = h * h * aa + k * k * bb + h * k * ab
            slope = h * ac + k * bc
            for l in range(-l_max if h or k else 1, l_max + 1):
                s2 = in_plane + l * (slope + l * cc)
                if s2 <= limit:
                    yield h, k, l, s2


def _uniform(h: int, k: int, l: int, salt: int) -> Decimal:
    """A number inside (0, 1) that depends on the indices alone."""
    return _inside_one(_drawn(h, k, l, salt))


def _inside_one(drawn: int) -> Decimal:
    return (Decimal(drawn) + Decimal("0.5")) / (1 << 53)


def _drawn(h: int, k: int, l: int, salt: int) -> int:
    """53 bits that depend on the indices alone: the SplitMix64 finalizer over them (Steele, Lea & Flood, OOPSLA
    2014)."""
    mask = (1 << 64) - 1
    z = (((h & 0xFFFF) << 48) ^ ((k & 0xFFFF) << 32) ^ ((l & 0xFFFF) << 16) ^ salt) & mask
    for _ in range(2):
        z = (z + 0x9E3779B97F4A7C15) & mask
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        z ^= z >> 31
    return z >> 11


# --- decimal geometry -------------------------------------------------------------------------------


def _reciprocal_vectors() -> list[Vector]:
    """a*, b*, c* in A^-1 from the cell: direct vectors with a along x and b in the xy plane, then
    a* = b x c / V and so on (International Tables B, 1.1)."""
    a, b, c = CELL_A
    (_sa, ca), (_sb, cb), (sg, cg) = map(_sin_cos, CELL_DEG)
    cy = (ca - cb * cg) / sg
    va = (a, Decimal(0), Decimal(0))
    vb = (b * cg, b * sg, Decimal(0))
    vc = (c * cb, c * cy, c * (1 - cb * cb - cy * cy).sqrt())
    volume = _dot(va, _cross(vb, vc))
    return [(x / volume, y / volume, z / volume)
            for x, y, z in (_cross(*pair) for pair in ((vb, vc), (vc, va), (va, vb)))]


def _rotated(vector: Vector, angles_deg: Sequence[Decimal]) -> Vector:
    """Right-handed rotations about x, then y, then z."""
    for axis, angle in enumerate(angles_deg):
        sine, cosine = _sin_cos(angle)
        i, j = ((1, 2), (2, 0), (0, 1))[axis]
        turned = list(vector)
        turned[i] = vector[i] * cosine - vector[j] * sine
        turned[j] = vector[i] * sine + vector[j] * cosine
        vector = (turned[0], turned[1], turned[2])
    return vector


def _sin_cos(degrees: Decimal) -> tuple[Decimal, Decimal]:
    """Sine and cosine by their power series; angles here are below 180 degrees."""
    x = degrees * _PI / 180
    sums, term = [Decimal(0), Decimal(0)], Decimal(1)
    for n in range(60):
        sums[n % 2] += term if n % 4 < 2 else -term
        term = term * x / (n + 1)
    return sums[1], sums[0]


def _dot(u: Vector, v: Vector) -> Decimal:
    return u[0] * v[0] + u[1] * v[1] + u[2] * v[2]


def _cross(u: Vector, v: Vector) -> Vector:
    return (u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0])
