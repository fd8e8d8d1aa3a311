"""Defects of scale: one factor over the whole image, of physics, of bookkeeping, or of no origin at all."""

from __future__ import annotations

import math

import numpy as np

from nbcompare.explain.audit.arguments import drop, number, pixel_mm, put
from nbcompare.explain.audit.kind import Defect, NotApplicable, Target, either_way, kind, of_arguments, of_image

ELECTRON_RADIUS_M = 2.8179403e-15
FLUENCE_BY_DEFAULT = 125932015286227086360700780544.0
"""Photons/m^2 that nanoBragg takes when it is told nothing."""


def _times(target: Target, factor: float, words: str) -> Defect:
    if factor == 1:
        raise NotApplicable("the factor is 1 for this command")
    return of_image(target, f"{words}: times {factor:.9g}", lambda image: image.astype(np.float64) * factor)


def _steps(target: Target) -> dict[str, int]:
    """What a sum is divided by, as far as the command says it."""
    counts = {"phi steps": int(number(target.argv, "-phisteps", 1)),
              "mosaic domains": int(number(target.argv, "-mosaic_dom", 1)),
              "sub-pixels": int(number(target.argv, "-oversample", 1)) ** 2}
    return {name: count for name, count in counts.items() if count > 1}


# --- a setting that was lost ------------------------------------------------------------------------------------


@kind("flux-lost", "echo", "the flux is not read, so the default fluence stays", echoed=True,
      named_by=("fluence-default", "echo-fluence"))
def flux_lost(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return of_arguments(target, "no -flux", drop(target.argv, "-flux"))


@kind("beam-size-unit", "echo", "the beam size is taken in micrometres for millimetres", echoed=True,
      named_by=("beamsize-unit", "echo-fluence"))
def beam_size_unit(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    number(target.argv, "-flux")
    size = number(target.argv, "-beamsize") * 1000
    return of_arguments(target, f"-beamsize {size:g}", put(target.argv, "-beamsize", size))


@kind("exposure-other", "echo", "another exposure time", full=0.7, unit="of the exposure", echoed=True,
      named_by=("echo-fluence", "scale-factor"))
def exposure_other(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    number(target.argv, "-flux")
    time = number(target.argv, "-exposure", 1.0) * (1 + amount)
    return of_arguments(target, f"-exposure {time:g}", put(target.argv, "-exposure", time))


# --- factors -----------------------------------------------------------------------------------------------------


@kind("gain", "scale", "every pixel times a factor", named_by=("scale-factor",), full=0.02, unit="of the value")
def gain(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return _times(target, 1 + either_way(draw) * amount, "gain")


@kind("default-fluence", "scale", "the image has the scale of the default fluence",
      named_by=("fluence-default", "echo-fluence"))
def default_fluence(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    flux, size = number(target.argv, "-flux"), number(target.argv, "-beamsize", 0.1) / 1000
    given = flux * number(target.argv, "-exposure", 1.0) / size**2
    return _times(target, FLUENCE_BY_DEFAULT / given, "default over given fluence")


@kind("steps-summed", "scale", "the sum over steps is not divided by their number",
      named_by=("steps-not-divided", "phi-steps-not-divided", "mosaic-domains-not-divided", "oversample-not-divided"))
def steps_summed(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return _times(target, math.prod(_steps(target).values()), "number of steps")


@kind("steps-one-more", "scale", "the sum is divided by one step too many", named_by=("steps-off-by-one",))
def steps_one_more(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    count = math.prod(_steps(target).values())
    if count == 1:
        raise NotApplicable("there is one step")
    return _times(target, count / (count + 1), "steps over steps + 1")


@kind("electron-radius-missing", "scale", "the classical electron radius squared is left out",
      named_by=("electron-radius",))
def electron_radius_missing(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return _times(target, ELECTRON_RADIUS_M**-2, "no r_e^2")


@kind("electron-radius-once", "scale", "the classical electron radius is not squared", named_by=("electron-radius",))
def electron_radius_once(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return _times(target, 1 / ELECTRON_RADIUS_M, "r_e for r_e^2")


@kind("pixel-area-missing", "scale", "the pixel's area is left out of the solid angle", named_by=("pixel-area",))
def pixel_area_missing(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return _times(target, (pixel_mm(target.argv) / 1000) ** -2, "no pixel area")


@kind("distance-missing", "scale", "the squared distance is left out of the solid angle", named_by=(
    "distance-squared",))
def distance_missing(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return _times(target, (number(target.argv, "-distance") / 1000) ** 2, "no 1/distance^2")


@kind("beam-round", "scale", "the beam's area is taken as that of a circle", named_by=("beam-area",))
def beam_round(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    number(target.argv, "-flux")
    return _times(target, 4 / math.pi, "square over circle")


@kind("doubled", "scale", "every pixel is doubled or halved", named_by=("power-of-two",))
def doubled(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return _times(target, 2.0 ** either_way(draw), "two")


@kind("power-of-ten", "scale", "a unit is off by three powers of ten", named_by=(
    "power-of-ten", "beamsize-not-squared"))
def power_of_ten(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return _times(target, 10.0 ** (3 * either_way(draw)), "unit")


@kind("cells-normalised", "scale", "the image is divided by the number of unit cells", named_by=("cells-normalised",))
def cells_normalised(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    count = math.prod(number(target.argv, option) for option in ("-Na", "-Nb", "-Nc"))
    return _times(target, 1 / count, "1 over the cells")


@kind("two-factors", "scale", "the electron radius squared is left out and the steps are not divided",
      named_by=("scale-product",))
def two_factors(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    count = math.prod(_steps(target).values())
    if count == 1:
        raise NotApplicable("there is one step")
    return _times(target, count / ELECTRON_RADIUS_M**2, "no r_e^2, steps not divided")


@kind("electron-radius-rounded", "scale", "the classical electron radius is rounded to 2.818e-15 m", named_by=(
    "electron-radius",))
def electron_radius_rounded(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return _times(target, (2.818e-15 / ELECTRON_RADIUS_M) ** 2, "r_e of four digits")


@kind("exposure-lost", "scale", "the exposure time is not a factor of the fluence", named_by=(
    "exposure-ignored", "echo-fluence"))
def exposure_lost(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    number(target.argv, "-flux")
    return _times(target, 1 / number(target.argv, "-exposure"), "exposure ignored")
