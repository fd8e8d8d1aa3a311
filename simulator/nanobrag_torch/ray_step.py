"""What a pixel of a flat detector is multiplied with where a single ray reaches it, as a function of tensors alone.

The fast path uses it as it is, compiled.py as machine code. The formulas are those of detector.solid_angle and
polarization.polarization_factor; with i, E and B at right angles, (1 - c^2) cos(2 psi) is (d.E)^2 - (d.B)^2, which
needs no angle.
"""

from __future__ import annotations

import torch

from nanobrag_torch.arithmetic import number
from nanobrag_torch.scene import Scene
from nanobrag_torch.units import R_E_SQUARED_M2
from nanobrag_torch.vectors import cross, dot, length, unit

SAME = 1e-9
"""Lengths nearer than this are the same."""


def reached_by_one_ray(scene: Scene) -> bool:
    """Whether every pixel is a single ray of a single source, with nothing but its own factors inside the sum, and
    the polarization has an axis."""
    geometry, light = scene.geometry, scene.illumination
    if geometry.curved:
        return False
    single = geometry.layers == scene.oversample == len(light.sources) == 1
    per_term = scene.oversample_thick or scene.oversample_polar or scene.oversample_omega
    if not single or per_term or scene.d_min > 0.0 or number(geometry.thickness) != 0.0:
        return False
    incident, axis = (tuple(map(number, v)) for v in (light.sources[0].incident, light.polarization_axis))
    plain = light.no_polarization or number(light.polarization) == 0.0
    return abs(length(incident) - 1.0) < SAME and (plain or length(cross(axis, incident)) > SAME)


def factors_of(scene: Scene) -> tuple[torch.Tensor, ...]:
    """``directions``, ``solid`` and ``kahn`` of ``ray_factors``, the latter with all that is the same everywhere."""
    light, geometry = scene.illumination, scene.geometry
    source, = light.sources
    incident, axis = (tuple(map(number, v)) for v in (source.incident, light.polarization_axis))
    area = number(geometry.pixel_size) ** 2
    solid = (1.0, 0.0) if geometry.point_pixel else (0.0, area * number(geometry.close_distance))
    scale = R_E_SQUARED_M2 * number(light.fluence) * number(source.weight) / scene.steps
    kahn = 0.0 if light.no_polarization else number(light.polarization)
    terms = (1.0, 0.0, 0.0) if light.no_polarization else (0.5, 0.5, -0.5 * kahn)
    magnetic = unit(cross(axis, incident)) if kahn else (0.0, 0.0, 0.0)
    electric = unit(cross(incident, magnetic)) if kahn else (0.0, 0.0, 0.0)
    constants = (incident, electric, magnetic), solid, [scale * term for term in terms]
    return tuple(torch.tensor(x, dtype=torch.float64, device=scene.device) for x in constants)


def ray_factors(slow, fast, directions, solid, kahn):
    """(1/R (1/m), solid angle (sr), factor) of every pixel, float64 [n, m].

    A pixel is at ``slow`` [3, n, 1] + ``fast`` [3, 1, m] (m), and d is the unit vector towards it. ``directions``
    [3, 3] are i, E and B. The solid angle is (solid[0] + solid[1]/R)/R^2, and the factor
    (kahn[0] + kahn[1] (d.i)^2 + kahn[2] ((d.E)^2 - (d.B)^2)) times it.
    """
    P = [slow[axis] + fast[axis] for axis in range(3)]
    inverse = 1.0 / torch.sqrt(P[0] * P[0] + P[1] * P[1] + P[2] * P[2])
    along, electric, magnetic = ((dot(v, slow) + dot(v, fast)) * inverse for v in directions)
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
