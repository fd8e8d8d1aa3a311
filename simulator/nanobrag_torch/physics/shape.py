"""The lattice factor F_latt: what the shape of the crystal makes of each spot."""

from __future__ import annotations

from nanobrag_torch.physics.arithmetic import cos, evenly, exp, has_zero, sin, sqrt
from nanobrag_torch.physics.vectors import dot
from nanobrag_torch.units import PI

ROUND_SCALE = 0.723601254558268
"""Makes the transform of the sphere match the volume of the block."""

GAUSS_WIDTH = 0.63
"""r^2 at which the gaussian spot is 1/e."""

TOPHAT_LIMIT = 0.3969


def sinc_grating(x, n: int, sine=sin):
    """sin(n x)/sin(x), and n where x is exactly 0 (the limit; its derivative there is 0)."""
    if not has_zero(x):
        return sine(x * n) / sine(x)
    zero = x == 0.0
    inside = x.masked_fill(zero, 1.0)
    return (sine(inside * n) / sine(inside)).masked_fill(zero, float(n))


def sinc_sphere(x):
    """3 (sin x/x - cos x)/x^2, the transform of a sphere; 1 where x is 0."""
    zero = x == 0.0
    inside = x.masked_fill(zero, 1.0)
    return (3.0 * (sin(inside) / inside - cos(inside)) / (inside * inside)).masked_fill(zero, 1.0)


def reduced_distance_squared(hkl, nearest, cells):
    """hr2 = sum (h - h0)^2 N^2, dimensionless."""
    na, nb, nc = (float(n) for n in cells)
    dh, dk, dl = (x - x0 for x, x0 in zip(hkl, nearest, strict=True))
    return dh * dh * na * na + dk * dk * nb * nb + dl * dl * nc * nc


def distance_squared_like_c(hkl, nearest, cells, reciprocal_per_A):
    """Emulation gauss-tophat-width: |(h-h0) a* + (k-k0) b* + (l-l0) c*|^2 Na^2 Nb^2 Nc^2, with 1/A."""
    dh, dk, dl = (x - x0 for x, x0 in zip(hkl, nearest, strict=True))
    a, b, c = reciprocal_per_A
    away = tuple(dh * a[i] + dk * b[i] + dl * c[i] for i in range(3))
    na, nb, nc = (float(n) for n in cells)
    return dot(away, away) * na * na * nb * nb * nc * nc


def lattice_factor(shape: str, hkl, nearest, cells, fudge, reciprocal_per_A, emulate):
    """Amplitude of the lattice relative to one cell, by shape; indices broadcast to the image."""
    if shape == "square":
        factor = None
        for x, n in zip(hkl, cells, strict=True):
            if n > 1:
                along = sinc_grating(PI * x, n)
                factor = along if factor is None else factor * along
        return evenly(1.0, hkl[0]) if factor is None else factor
    count = float(cells[0]) * cells[1] * cells[2]
    if shape == "round":
        x = PI * _safe_root(reduced_distance_squared(hkl, nearest, cells) * fudge)
        return count * ROUND_SCALE * sinc_sphere(x)
    if "gauss-tophat-width" in emulate:
        r2 = distance_squared_like_c(hkl, nearest, cells, reciprocal_per_A)
    else:
        r2 = reduced_distance_squared(hkl, nearest, cells)
    if shape == "gauss":
        return count * exp(-(r2 / GAUSS_WIDTH) * fudge)
    return (r2 * fudge < TOPHAT_LIMIT).to(r2.dtype) * count


def _safe_root(x):
    """Square root whose derivative at 0 is 0 instead of infinite (sinc_sphere is flat there)."""
    zero = x == 0.0
    return sqrt(x.masked_fill(zero, 1.0)).masked_fill(zero, 0.0)
