"""Defects of settings that are not read, or are read as another number: the beam's spread, its sources, the sensor, the
detector's rotation, the mosaic domains, the cell's angles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from nbcompare.explain.audit.arguments import drop, name_of_file, number, pixel_mm, put, values, vector
from nbcompare.explain.audit.kind import (
    Defect,
    Kind,
    NotApplicable,
    Target,
    either_way,
    kind,
    of_arguments,
    of_file,
    of_image,
)

OF_SPREAD = ("divergence-ignored", "divergence-value")
OF_SOURCES = ("sources-lost", "source-file-lines")


def _not_read(target: Target, *options: str) -> Defect:
    """The command without the first option that it has, of several that say the same. Raises NotApplicable without
    any."""
    given = next((option for option in options if values(target.argv, option) is not None), None)
    if given is None:
        raise NotApplicable(f"the command has no {options[0]}")
    return of_arguments(target, f"no {given}", drop(target.argv, given))


def _times(target: Target, option: str, factor: float) -> Defect:
    old = number(target.argv, option)
    if not old:
        raise NotApplicable(f"{option} is 0")
    return of_arguments(target, f"{option} {old * factor:.9g}", put(target.argv, option, old * factor))


# --- the beam's spread -------------------------------------------------------------------------------------------

_SOURCES_M = 10
"""How far before the crystal sources are put; only the direction counts."""


@kind("divergence-lost", "physics", "the divergence is not read", named_by=OF_SPREAD)
def divergence_lost(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return _not_read(target, "-divergence", "-hdivrange", "-vdivrange")


@kind("divergence-halved", "physics", "half the divergence (a half width for a full one)", named_by=(
    "divergence-factor-two", "divergence-value"))
def divergence_halved(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    option = next((o for o in ("-divergence", "-hdivrange", "-vdivrange") if values(target.argv, o)), "-divergence")
    return _times(target, option, 0.5)


@kind("divergence-swapped", "physics", "the horizontal and the vertical divergence are exchanged", named_by=(
    "divergence-swapped",))
def divergence_swapped(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    across, along = number(target.argv, "-hdivrange"), number(target.argv, "-vdivrange")
    argv = put(put(target.argv, "-hdivrange", along), "-vdivrange", across)
    steps = [values(target.argv, option) for option in ("-hdivsteps", "-vdivsteps")]
    if all(steps):
        argv = put(put(argv, "-hdivsteps", *(steps[1] or ())), "-vdivsteps", *(steps[0] or ()))
    return of_arguments(target, f"-hdivrange {along:g} -vdivrange {across:g}", argv)


@kind("dispersion-lost", "physics", "the dispersion is not read", named_by=("dispersion-ignored", "dispersion-value"))
def dispersion_lost(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return _not_read(target, "-dispersion")


@kind("dispersion-other", "physics", "another dispersion", full=0.3, unit="of it", named_by=("dispersion-value",))
def dispersion_other(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return _times(target, "-dispersion", 1 + either_way(draw) * amount)


# --- sources -----------------------------------------------------------------------------------------------------


def _source_lines(target: Target) -> tuple[str, list[str]]:
    """The name of the list of sources, and its lines of three to five numbers."""
    name = name_of_file(target.argv, "-sourcefile")
    lines = [line for line in target.files[name].splitlines() if line.split()]
    if len(lines) < 2:
        raise NotApplicable("there is one source")
    return name, lines


@kind("source-missing", "physics", "the last source of the list is not read", named_by=OF_SOURCES)
def source_missing(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    name, lines = _source_lines(target)
    return of_file(target, f"{len(lines) - 1} of {len(lines)} sources", name, "\n".join(lines[:-1]) + "\n")


def _source_words(target: Target) -> tuple[str, list[list[str]]]:
    """The same with the words of each line: x, y, z, weight and wavelength, which blanks or , ; : stand between."""
    name, lines = _source_lines(target)
    table = str.maketrans(",;:", "   ")
    return name, [line.translate(table).split() for line in lines]


def _other_sources(target: Target, words: str, change: Callable[[list[str]], list[str]]) -> Defect:
    name, rows = _source_words(target)
    return of_file(target, words, name, "".join(" ".join(change(row)) + "\n" for row in rows))


@kind("sources-in-line", "physics", "all sources stand where the beam comes from", named_by=("sources-direction",))
def sources_in_line(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    if values(target.argv, "-fdet_vector") or values(target.argv, "-beam_vector"):
        raise NotApplicable("the beam is the command's own")
    along_z, along_x = ("-xds", "-dials", "-adxv"), ("-mosflm", "-denzo")
    last = next((word for word in reversed(target.argv) if word in (*along_z, *along_x)), "")
    upstream = str(-_SOURCES_M)
    place = ["0", "0", upstream] if last in along_z else [upstream, "0", "0"]
    return _other_sources(target, f"all at {' '.join(place)}", lambda row: [*place, *row[3:]])


@kind("source-weights-lost", "physics", "the weights of the sources are not used", named_by=("source-weights",))
def source_weights_lost(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return _other_sources(target, "every weight 1", lambda row: [*row[:3], *(["1"] if row[3:] else []), *row[4:]])


@kind("source-weights-whole", "scale", "the weights of the sources are not divided by their mean", named_by=(
    "sources-weight",))
def source_weights_whole(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    rows = _source_words(target)[1]
    mean = sum(float(row[3]) if row[3:] else 1.0 for row in rows) / len(rows)
    if abs(mean - 1) < 1e-6:
        raise NotApplicable("the weights have a mean of 1")
    return of_image(target, f"times {mean:.9g}", lambda image: image.astype(np.float64) * mean)


@kind("sources-not-read", "physics", "the list of sources is not read", named_by=("sources-ignored",))
def sources_not_read(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return _not_read(target, "-sourcefile")


# --- the sensor and the detector ---------------------------------------------------------------------------------


@kind("absorption-depth", "physics", "another attenuation depth of the sensor", full=0.3, unit="of the depth",
      named_by=("absorption-value", "sensor-thickness-value"))
def absorption_depth(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return _times(target, "-detector_abs", 1 + either_way(draw) * amount)


@kind("thickness-other", "physics", "a sensor of another thickness", full=0.3, unit="of the thickness", named_by=(
    "sensor-thickness-value", "absorption-value"))
def thickness_other(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return _times(target, "-detector_thick", 1 + either_way(draw) * amount)


@kind("rotation-lost", "geometry", "a rotation of the detector is left out", named_by=(
    "detector-rotation-ignored", "detector-rotation-value"))
def rotation_lost(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return _not_read(target, "-detector_rotx", "-detector_roty", "-detector_rotz")


@kind("two-theta-lost", "geometry", "two-theta is left out", named_by=("twotheta-ignored", "twotheta-value"))
def two_theta_lost(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return _times(target, "-twotheta", 0.0)


@kind("vectors-swapped", "geometry", "the fast and the slow vector of the detector are exchanged", named_by=(
    "detector-axes-swapped", "transposed"))
def vectors_swapped(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    fast, slow = vector(target.argv, "-fdet_vector"), vector(target.argv, "-sdet_vector")
    return of_arguments(target, "fast for slow", put(put(target.argv, "-fdet_vector", *slow), "-sdet_vector", *fast))


@kind("beam-centre-one-slow", "geometry", "the beam centre is off by one pixel along the other axis", named_by=(
    "beam-centre-value", "beam-centre-half-pixel", "beam-centre-one-pixel"))
def beam_centre_one_slow(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    new = number(target.argv, "-Ybeam") + either_way(draw) * pixel_mm(target.argv)
    return of_arguments(target, f"-Ybeam {new:.9g}", put(target.argv, "-Ybeam", new))


@kind("beam-centre-lost", "geometry", "the options of the beam centre are not read", named_by=(
    "beam-centre-ignored", "beam-centre-value"))
def beam_centre_lost(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return of_arguments(target, "no -Xbeam -Ybeam", drop(drop(target.argv, "-Xbeam"), "-Ybeam"))


# --- the crystal -------------------------------------------------------------------------------------------------


@kind("domains-fewer", "physics", "one mosaic domain fewer", named_by=(
    "mosaic-domains-off-by-one", "mosaic-domains-value"))
def domains_fewer(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    count = int(number(target.argv, "-mosaic_dom"))
    if count < 2 or not number(target.argv, "-mosaic", 0.0):
        raise NotApplicable("there is one mosaic domain, or no spread")
    return of_arguments(target, f"-mosaic_dom {count - 1}", put(target.argv, "-mosaic_dom", count - 1))


@kind("cell-angles-lost", "physics", "the angles of the cell count as 90 degrees", named_by=("cell-value",))
def cell_angles_lost(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    given = values(target.argv, "-cell") or ()
    if len(given) < 6:
        raise NotApplicable("the command gives no angles of a cell")
    return of_arguments(target, "-cell with three angles of 90", put(target.argv, "-cell", *given[:3], 90, 90, 90))


@kind("spread-and-shift", "physics", "another mosaic spread, and the beam centre off by a part of a pixel", named_by=(
    "mosaic-spread-value", "mosaic-spread-factor-two"))
def spread_and_shift(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    spread = number(target.argv, "-mosaic")
    if not spread or not values(target.argv, "-mosaic_dom"):
        raise NotApplicable("the crystal has no mosaic spread")
    centre = number(target.argv, "-Xbeam") + 0.3 * pixel_mm(target.argv)
    spread_alone, shifted_alone = put(target.argv, "-mosaic", spread * 1.3), put(target.argv, "-Xbeam", centre)
    both = of_arguments(target, f"-mosaic {spread * 1.3:.6g} -Xbeam {centre:.6g}", put(spread_alone, "-Xbeam", centre))
    return replace(both, parts=(spread_alone, shifted_alone))


# --- how a pixel is sampled --------------------------------------------------------------------------------------


def _flag_lost(id: str, option: str, title: str, named_by: tuple[str, ...]) -> Kind:
    @kind(id, "physics", title, named_by=named_by)
    def seed(target: Target, amount: float, draw: np.random.Generator) -> Defect:
        return _not_read(target, option)

    return seed


oversample_omega_lost = _flag_lost("oversample-omega-lost", "-oversample_omega", "-oversample_omega is not read",
                                   ("oversample-omega-ignored",))
oversample_polar_lost = _flag_lost("oversample-polar-lost", "-oversample_polar", "-oversample_polar is not read",
                                   ("oversample-polar-ignored",))
oversample_thick_lost = _flag_lost("oversample-thick-lost", "-oversample_thick", "-oversample_thick is not read",
                                   ("oversample-thick-ignored",))
interpolation_lost = _flag_lost("interpolation-lost", "-interpolate", "-interpolate is not read",
                                ("interpolation-ignored", "interpolation-value"))
