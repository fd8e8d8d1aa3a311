"""Diffuse scattering of water in the beam."""

from __future__ import annotations

from nanobrag_torch.units import (
    AVOGADRO_PER_MOL,
    GRAMS_PER_M3_OF_WATER,
    R_E_SQUARED_M2,
    WATER_F_ELECTRONS,
    WATER_G_PER_MOL,
)


def water_background(size_m, fluence_per_m2):
    """Photons/sr of a cube of water of that size: F^2 r_e^2 fluence * (molecules in size^3)."""
    return (WATER_F_ELECTRONS * WATER_F_ELECTRONS * R_E_SQUARED_M2 * fluence_per_m2 * size_m * size_m * size_m
            * GRAMS_PER_M3_OF_WATER * AVOGADRO_PER_MOL / WATER_G_PER_MOL)
