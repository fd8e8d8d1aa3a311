"""The polarization factor (Kahn et al. 1982, J. Appl. Cryst. 15, 330)."""

from __future__ import annotations

from nanobrag_torch.physics.arithmetic import atan2, cos, number
from nanobrag_torch.physics.vectors import cross, dot, unit


def polarization_factor(kahn, incident, diffracted, axis):
    """0.5 (1 + c^2 - K cos(2 psi)(1 - c^2)) with c = i.d and psi = -atan2(d.B, d.E), where B = unit(p x i) and
    E = unit(i x B), of unit vectors i (incident), d (diffracted) and p (polarization axis)."""
    c = dot(incident, diffracted)
    c2 = c * c
    if number(kahn) == 0.0 and not hasattr(kahn, "detach"):
        return 0.5 * (1.0 + c2)
    magnetic = unit(cross(axis, incident))
    electric = unit(cross(incident, magnetic))
    psi = -atan2(dot(diffracted, magnetic), dot(diffracted, electric))
    return 0.5 * (1.0 + c2 - kahn * cos(2.0 * psi) * (1.0 - c2))
