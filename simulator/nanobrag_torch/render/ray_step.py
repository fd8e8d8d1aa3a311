"""What a pixel of a flat detector is multiplied with where a single ray reaches it, as a function of tensors alone.

The formulas are those of detector.solid_angle and
polarization.polarization_factor; with i, E and B at right angles, (1 - c^2) cos(2 psi) is (d.E)^2 - (d.B)^2, which
needs no angle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from nanobrag_torch.physics.arithmetic import number
from nanobrag_torch.physics.vectors import cross, dot, length, unit
from nanobrag_torch.render.large_pages import LargePages
from nanobrag_torch.render.rays import FlatRays, square_root_
from nanobrag_torch.render.scene import Scene
from nanobrag_torch.units import R_E_SQUARED_M2

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
    lit_beyond = scene.d_min > 0.0 and scene.water_like_spots
    if not single or per_term or lit_beyond or number(geometry.thickness) != 0.0:
        return False
    incident, axis = (tuple(map(number, v)) for v in (light.sources[0].incident, light.polarization_axis))
    plain = light.no_polarization or number(light.polarization) == 0.0
    return abs(length(incident) - 1.0) < SAME and (plain or length(cross(axis, incident)) > SAME)


@dataclass(frozen=True)
class RayFactors:
    """What of ``ray_factors`` is the same for all pixels, and the numbers, in float64, that its solid angle and its
    product are still to be multiplied with: ``area`` and r_e^2 fluence weight/steps times it."""

    directions: torch.Tensor
    solid: tuple[float, float]
    kahn: tuple[float, float, float]
    real: torch.dtype
    area: float
    scale: torch.Tensor

    def arguments(self, rays: FlatRays) -> tuple[Any, Any, tuple, tuple, torch.dtype]:
        """Those of ``ray_factors`` for the pixels of a tile, but for the memory."""
        along, fast_m = rays.twice_along
        rows, columns = rays.parts(self.directions, "directions")
        rows = torch.cat([dot(rays.along_slow, rays.along_slow)[None], along[None], rows])
        columns = torch.cat([rays.columns.square[None], fast_m[None], columns])
        return rows, columns, self.solid, self.kahn, self.real


def factors_of(scene: Scene, real) -> RayFactors:
    """The factors of a scene, polarization in ``real``."""
    light, geometry = scene.illumination, scene.geometry
    source, = light.sources
    incident, axis = (tuple(map(number, v)) for v in (source.incident, light.polarization_axis))
    powers, area = (0.0, 1.0), number(geometry.pixel_size) ** 2 * number(geometry.close_distance)
    if geometry.point_pixel:
        powers, area = (1.0, 0.0), 1.0
    kahn = 0.0 if light.no_polarization else number(light.polarization)
    parts = (1.0, 0.0, 0.0) if light.no_polarization else (0.5, 0.5, -0.5 * kahn)
    magnetic = unit(cross(axis, incident)) if kahn else (0.0, 0.0, 0.0)
    electric = unit(cross(incident, magnetic)) if kahn else (0.0, 0.0, 0.0)
    photons = R_E_SQUARED_M2 * number(light.fluence) * number(source.weight) / scene.steps
    directions = torch.tensor((incident, electric, magnetic), dtype=torch.float64, device=scene.device)
    return RayFactors(directions, powers, parts, real, area, torch.tensor([area * photons], dtype=torch.float64,
                                                                     device=scene.device))


def ray_factors(rows, columns, solid, kahn, real, memory: LargePages):
    """(1/R (1/m), solid angle over the area, both float64; that times the polarization, in ``real``) of
    every pixel, [n, m].

    A pixel is at s + f (m), one part for its row and one for its column, which lies along a unit vector F. ``rows``
    [5, n, 1] are |s|^2, 2 s.F, s.i, s.E and s.B, ``columns`` [5, 1, m] are |f|^2, f.F, f.i, f.E and f.B. With the unit
    vector d towards the pixel, the solid angle is (solid[0] + solid[1]/R)/R^2, one of both 0, and the polarization
    kahn[0] + kahn[1] (d.i)^2 + kahn[2] ((d.E)^2 - (d.B)^2). Everything lies in ``memory``.
    """
    def buffer(dtype=torch.float64):
        return memory.take((rows.shape[1], columns.shape[2]), dtype)

    inverse = torch.mul(rows[1], columns[1], out=buffer()).add_(rows[0]).add_(columns[0])
    square_root_(inverse).reciprocal_()
    omega = torch.mul(inverse, inverse, out=buffer())
    if not solid[0]:
        omega.mul_(inverse)
    near, factor, polar, part = (buffer(real) for _ in range(4))
    rows, columns = rows.to(real), columns.to(real)
    near.copy_(inverse)
    factor.copy_(omega)
    if not kahn[1]:
        return inverse, omega, factor
    torch.add(rows[2], columns[2], out=polar).mul_(near).square_().mul_(kahn[1]).add_(kahn[0])
    for i, sign in ((3, 1.0), (4, -1.0)) if kahn[2] else ():
        polar.add_(torch.add(rows[i], columns[i], out=part).mul_(near).square_(), alpha=sign * kahn[2])
    return inverse, omega, polar.mul_(factor)
