"""Physical constants and unit conversions, each named once.

Everything inside the package is in metres, radians and photons; text that people type is converted here,
where it is read. Names that are not SI say so. Whether a unit divides or multiplies decides the last bit,
so it is part of the interface.
"""

from __future__ import annotations

import math

PI = math.pi
DEGREES_PER_RADIAN = 180.0 * (1.0 / PI)

R_E_SQUARED_M2 = 7.94079248018965e-30
"""Square of the classical electron radius, m^2."""

DEFAULT_FLUENCE_PER_M2 = 125932015286227086360700780544.0
"""1 / r_e^2, so that the Thomson cross section times the fluence is one."""

PHOTON_EV_ANGSTROM = 12398.42
"""h c: photon energy (eV) times wavelength (A)."""

AVOGADRO_PER_MOL = 6.02214179e23
WATER_F_ELECTRONS = 2.57
WATER_G_PER_MOL = 18.0
GRAMS_PER_M3_OF_WATER = 1e6
SOURCE_DISTANCE_M = 10.0
PROTEIN_G_PER_CM3 = 1.2
METRES_PER_ANGSTROM = 1e-10
ANGSTROM_PER_METRE = 1e10

_TO_SI = {
    "": lambda value: value,
    "mm": lambda value: value / 1000.0,
    "um": lambda value: value * 1e-6,
    "um of water": lambda value: value / 1e6,
    "deg": lambda value: value / DEGREES_PER_RADIAN,
    "mrad": lambda value: value / 1000.0,
    "%": lambda value: value / 100.0,
    "A": lambda value: value / 1e10,
    "A of d": lambda value: value * METRES_PER_ANGSTROM,
    "eV": lambda value: (PHOTON_EV_ANGSTROM / value) / 1e10,
}


def to_si(unit: str, value: float) -> float:
    """A value as typed, in the unit of its option, in SI units."""
    return _TO_SI[unit](value)


def unit_name(unit: str) -> str:
    """How a unit is shown to people."""
    return unit.partition(" ")[0]
