"""The scattering vector, and the Miller indices it stands for."""

from __future__ import annotations

from nanobrag_torch.physics.vectors import dot, length


def scattering_vector(diffracted, incident, wavelength_m):
    """q = (d - i)/lambda (1/m), of the unit vectors d (diffracted) and i (incident)."""
    return tuple((diffracted[axis] - incident[axis]) / wavelength_m for axis in range(3))


def beyond_resolution(q, d_min_m: float):
    """Where the spacing 0.5/stol, stol = |q|/2, is finer than d_min (0 is no limit; then None)."""
    if not d_min_m > 0.0:
        return None
    stol = 0.5 * length(q)
    return (stol > 0.0) & (d_min_m > 0.5 / stol)


def miller_indices(cell_m, q):
    """h = a.q, k = b.q, l = c.q for cell vectors a, b, c in metres."""
    return tuple(dot(v, q) for v in cell_m)


def nearest_indices(hkl):
    """The nearest whole indices, ceil(h - 0.5), so that ties go down."""
    return tuple((x - 0.5).ceil() for x in hkl)
