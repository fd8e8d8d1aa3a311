"""The factors of a pixel: units, what each is calculated from, and the options that it depends on.

Names, and the loops they are inside (layer, sub_slow, sub_fast, source, phi, domain, as many as apply), are those
that the engines print. A factor that is not listed here is compared all the same.
"""

from __future__ import annotations

from dataclasses import dataclass

ONCE, PER_SUBPIXEL, PER_SOURCE, PER_PHI, PER_DOMAIN = 0, 3, 4, 5, 6
"""How many loop indices an entry carries."""


@dataclass(frozen=True)
class Factor:
    """One factor. ``depth``: the loops its entries are inside. ``made_of``: the factors before it that it is
    calculated from. ``options``: what on the command line acts on it directly. ``geometric`` factors are held to a
    tighter tolerance, since a small difference in them makes a large one in the lattice factor."""

    name: str
    unit: str
    depth: int
    made_of: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    geometric: bool = False


def _factor(name: str, unit: str, depth: int, made_of: str = "", options: str = "", *,
            geometric: bool = False) -> Factor:
    return Factor(name, unit, depth, tuple(made_of.split()), tuple(options.split()), geometric)


_DETECTOR = ("-distance -close_distance -Xbeam -Ybeam -Xclose -Yclose -ORGX -ORGY -pixel -detector_rotx -detector_roty "
             "-detector_rotz -twotheta -twotheta_axis -pivot -mosflm -adxv -denzo -xds -dials -pix0_vector "
             "-beam_vector -fdet_vector -sdet_vector -odet_vector")
_SOURCES = "-divergence -hdivrange -vdivrange -divsteps -hdivsteps -vdivsteps -sourcefile -beam_vector"
_CRYSTAL = "-mat -cell -misset -misset_seed -spindle_axis -mosaic -mosaic_dom -mosaic_seed"

FACTORS = {factor.name: factor for factor in (
    _factor("pix0_m", "m", ONCE, "", _DETECTOR, geometric=True),
    _factor("fast_axis", "", ONCE, "", _DETECTOR, geometric=True),
    _factor("slow_axis", "", ONCE, "", _DETECTOR, geometric=True),
    _factor("normal_axis", "", ONCE, "", _DETECTOR, geometric=True),
    _factor("close_distance_m", "m", ONCE, "pix0_m normal_axis", _DETECTOR, geometric=True),
    _factor("position_m", "m", PER_SUBPIXEL, "pix0_m fast_axis slow_axis normal_axis",
            "-pixel -oversample -detector_thick -thicksteps -curved_det", geometric=True),
    _factor("airpath_m", "m", PER_SUBPIXEL, "position_m", geometric=True),
    _factor("diffracted_direction", "", PER_SUBPIXEL, "position_m airpath_m", geometric=True),
    _factor("solid_angle_sr", "sr", PER_SUBPIXEL, "airpath_m close_distance_m",
            "-pixel -point_pixel -oversample_omega"),
    _factor("capture_fraction", "", PER_SUBPIXEL, "diffracted_direction normal_axis",
            "-detector_thick -detector_abs -thicksteps -oversample_thick"),
    _factor("source_direction", "", PER_SOURCE, "", _SOURCES, geometric=True),
    _factor("wavelength_m", "m", PER_SOURCE, "", "-lambda -energy -dispersion -dispsteps -sourcefile", geometric=True),
    _factor("scattering_vector_per_m", "1/m", PER_SOURCE, "diffracted_direction source_direction wavelength_m",
            geometric=True),
    _factor("polarization", "", PER_SOURCE, "diffracted_direction source_direction",
            "-polar -nopolar -polar_vector -oversample_polar"),
    _factor("phi_rad", "rad", PER_PHI, "", "-phi -osc -phistep -phisteps", geometric=True),
    _factor("cell_vectors_m", "m", PER_DOMAIN, "phi_rad", _CRYSTAL, geometric=True),
    _factor("hkl", "", PER_DOMAIN, "cell_vectors_m scattering_vector_per_m", geometric=True),
    _factor("hkl_nearest", "", PER_DOMAIN, "hkl"),
    _factor("F_latt", "", PER_DOMAIN, "hkl hkl_nearest",
            "-Na -Nb -Nc -N -xtalsize -square_xtal -round_xtal -gauss_xtal -binary_spots -fudge"),
    _factor("F_cell", "electrons", PER_DOMAIN, "hkl_nearest hkl", "-hkl -default_F -interpolate -nointerpolate -dump"),
    _factor("I_term", "", PER_DOMAIN, "F_cell F_latt"),
    _factor("I_background", "photons", ONCE, "fluence_per_m2", "-water"),
    _factor("steps", "", ONCE, "", "-phisteps -mosaic_dom -oversample -divsteps -dispsteps -sourcefile"),
    _factor("I_before_scaling", "", ONCE, "I_term capture_fraction polarization solid_angle_sr",
            "-oversample_thick -oversample_polar -oversample_omega -sourcefile"),
    _factor("r_e_squared_m2", "m^2", ONCE),
    _factor("fluence_per_m2", "1/m^2", ONCE, "", "-fluence -flux -exposure -beamsize"),
    _factor("intensity", "photons", ONCE, "I_before_scaling steps r_e_squared_m2 fluence_per_m2 polarization "
                                          "solid_angle_sr capture_fraction I_background"),
)}

OF_THE_VALUE = ("steps", "I_before_scaling", "r_e_squared_m2", "fluence_per_m2", "capture_fraction", "polarization",
                "solid_angle_sr", "intensity")
"""The final value, and the numbers of which it is the product (1 / steps among them)."""

SUMMED = ("F_latt", "I_term")
"""Factors whose entries are judged by the largest of them: what is nothing in the sum is nothing."""
