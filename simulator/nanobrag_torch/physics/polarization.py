"""The polarization factor (Kahn et al. 1982, J. Appl. Cryst. 15, 330)."""

from __future__ import annotations

from nanobrag_torch.physics.arithmetic import atan2, cos, number
from nanobrag_torch.physics.vectors import cross, dot, unit

MOST_TURNS = 16
"""After which a vector that is made unit again and again, and has not settled, goes round between two or more."""


def polarization_factor(kahn, incident, diffracted, axis, *, quick=False):
    """0.5 (1 + c^2 - K cos(2 psi)(1 - c^2)) with c = i.d and psi = -atan2(d.B, d.E), where B = unit(p x i) and
    E = unit(i x B), of unit vectors i (incident), d (diffracted) and p (polarization axis). i and p are made unit
    vectors once more, as the C program does; it does so with d, too, which is left to the caller.

    ``quick`` is for where last digits do not count: cos(2 psi)(1 - c^2) is (d.E)^2 - (d.B)^2, if there is an E."""
    incident = unit(incident)
    c = dot(incident, diffracted)
    c2 = c * c
    if number(kahn) == 0.0 and not hasattr(kahn, "detach"):
        return 0.5 * (1.0 + c2)
    magnetic = unit(cross(settled(axis), incident))
    electric = unit(cross(incident, magnetic))
    along_B, along_E = dot(diffracted, magnetic), dot(diffracted, electric)
    if quick and any(number(x) != 0.0 for x in magnetic):
        return 0.5 * (1.0 + c2 - kahn * (along_E * along_E - along_B * along_B))
    psi = -atan2(along_B, along_E)
    return 0.5 * (1.0 + c2 - kahn * cos(2.0 * psi) * (1.0 - c2))


def settled(axis):
    """A unit vector made one again until that changes no bit of it. The C program does so once for each pixel, in
    place, and so has this one after the first few pixels. One in 180 never settles, and pixels there take turns."""
    for _ in range(MOST_TURNS):
        again = unit(axis)
        if all(number(new) == number(old) for new, old in zip(again, axis, strict=True)):
            break
        axis = again
    return axis
