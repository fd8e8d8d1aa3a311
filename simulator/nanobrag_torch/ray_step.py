"""What a pixel of a flat detector is multiplied with, as a function of tensors alone.

It is what compiled.py has made into machine code, for pixels that one ray reaches. The formulas are those of
detector.solid_angle and polarization.polarization_factor; with i, E and B at right angles, (1 - c^2) cos(2 psi) is
(d.E)^2 - (d.B)^2, which needs no angle.
"""

from __future__ import annotations

import torch


def ray_factors(slow, fast, directions, solid, kahn):
    """(1/R (1/m), solid angle (sr), factor) of every pixel, float64 [n, m].

    A pixel is at ``slow`` [3, n, 1] + ``fast`` [3, 1, m] (m), and d is the unit vector towards it. ``directions``
    [3, 3] are i, E and B. The solid angle is (solid[0] + solid[1]/R)/R^2, and the factor
    (kahn[0] + kahn[1] (d.i)^2 + kahn[2] ((d.E)^2 - (d.B)^2)) times it.
    """
    P = [slow[axis] + fast[axis] for axis in range(3)]
    inverse = 1.0 / torch.sqrt(P[0] * P[0] + P[1] * P[1] + P[2] * P[2])
    along, electric, magnetic = ((P[0] * v[0] + P[1] * v[1] + P[2] * v[2]) * inverse for v in directions)
    omega = inverse * inverse * (solid[0] + solid[1] * inverse)
    polar = kahn[0] + kahn[1] * (along * along) + kahn[2] * (electric * electric - magnetic * magnetic)
    return inverse, omega, polar * omega


def example(rows: int = 8, columns: int = 64, seed: int = 1) -> tuple:
    """Arguments of ``ray_factors``: a detector of some centimetres at 0.1 m, looked at along z."""
    generator = torch.Generator().manual_seed(seed)

    def uniform(*shape):
        return torch.rand(shape, dtype=torch.float64, generator=generator) - 0.5

    slow, fast = 0.05 * uniform(3, rows, 1), 0.05 * uniform(3, 1, columns)
    slow[2] += 0.1
    directions = torch.tensor([[0, 0, 1], [1, 0, 0], [0, 1, 0]], dtype=torch.float64)
    return (slow, fast, directions, torch.tensor([0.0, 1e-9], dtype=torch.float64),
            torch.tensor([0.5, 0.5, -0.4], dtype=torch.float64))
