"""Defects of the factors over the image: polarization, solid angle, absorption; and of the beam's spread."""

from __future__ import annotations

import numpy as np

from nbcompare.explain.audit.arguments import number, pixel_mm, put, values
from nbcompare.explain.audit.kind import (
    Defect,
    Images,
    NotApplicable,
    Target,
    as_image,
    kind,
    of_arguments,
    with_change,
)


def _no_polarization(target: Target) -> tuple[str, ...]:
    if values(target.argv, "-nopolar") is not None:
        raise NotApplicable("the command asks for no polarization")
    return put(target.argv, "-nopolar")


def _ratio(images: Images) -> np.ndarray:
    """rendered / sound, 1 where the sound image is zero."""
    sound = images.sound.astype(np.float64)
    ratio: np.ndarray = np.divide(images.rendered, sound, out=np.ones_like(sound), where=sound != 0)
    return ratio


# --- polarization ------------------------------------------------------------------------------------------------


@kind("polarization-missing", "physics", "the polarization factor is left out", named_by=(
    "polarization-missing", "polarization-ignored"))
def polarization_missing(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return of_arguments(target, "-nopolar", _no_polarization(target))


@kind("polarization-twice", "physics", "the polarization factor is applied twice", named_by=("polarization-twice",))
def polarization_twice(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    defect = of_arguments(target, "the image of -nopolar tells the factor; applied once more", _no_polarization(target))
    return with_change(defect, lambda images: as_image(images.sound / _ratio(images), target.shape))


@kind("polarization-value", "physics", "another Kahn factor", named_by=("polarization-value",), full=0.1)
def polarization_value(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    _no_polarization(target)
    old = number(target.argv, "-polar", 0.0)
    new = old + amount if old + amount <= 1 else old - amount
    return of_arguments(target, f"-polar {new:.6g}", put(target.argv, "-polar", new))


# --- solid angle -------------------------------------------------------------------------------------------------


def _point_pixel(target: Target) -> tuple[str, ...]:
    if values(target.argv, "-point_pixel") is not None:
        raise NotApplicable("the command asks for point pixels")
    return put(target.argv, "-point_pixel")


@kind("point-pixel", "physics", "the solid angle is that of a point pixel", named_by=(
    "point-pixel", "point-pixel-value"))
def point_pixel(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return of_arguments(target, "-point_pixel", _point_pixel(target))


@kind("obliquity-missing", "physics", "the solid angle lacks the cosine of the obliquity", named_by=(
    "obliquity-missing",))
def obliquity_missing(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    """Without the cosine the solid angle is pixel^2 / R^2, which is pixel^2 times that of a point pixel."""
    area = (pixel_mm(target.argv) / 1000) ** 2
    defect = of_arguments(target, "the image of -point_pixel times the pixel's area", _point_pixel(target))
    return with_change(defect, lambda images: as_image(images.rendered.astype(np.float64) * area, target.shape))


@kind("solid-angle-constant", "physics", "all pixels have the solid angle of the nearest one", named_by=(
    "inverse-square-missing", "solid-angle-missing"))
def solid_angle_constant(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    """Of a flat detector, Omega / Omega of the nearest pixel is (D/R)^3, and R/D is pixel^2 times the ratio of the
    image with -point_pixel to that without."""
    area = (pixel_mm(target.argv) / 1000) ** 2
    defect = of_arguments(target, "every pixel over its solid angle, times that at the close point",
                          _point_pixel(target))
    return with_change(defect, lambda images: as_image(images.sound * (_ratio(images) * area) ** 3, target.shape))


@kind("absorption", "physics", "the attenuation in the sensor is calculated where it should not be, or differs",
      named_by=("absorption-value", "absorption-missing", "sensor-thickness-value"), full=450.0, unit="um of sensor")
def absorption(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    thick = number(target.argv, "-detector_thick", 0.0)
    depth = number(target.argv, "-detector_abs", 300.0)
    argv = put(put(target.argv, "-detector_abs", depth), "-detector_thick", thick + amount)
    return of_arguments(target, f"-detector_thick {thick + amount:.6g} -detector_abs {depth:g}", argv)


# --- sampling and spread -----------------------------------------------------------------------------------------


@kind("oversample-other", "echo", "one more sub-pixel along each axis", echoed=True, named_by=(
    "oversample-value", "oversample-off-by-one", "oversample-factor-two", "echo-oversample"))
def oversample_other(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    new = int(number(target.argv, "-oversample", 1)) + 1
    return of_arguments(target, f"-oversample {new}", put(target.argv, "-oversample", new))


@kind("divergence", "physics", "the beam diverges", named_by=("divergence-value",), full=0.4, unit="mrad")
def divergence(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return _spread(target, "-divergence", amount, "-divsteps", "the beam of this command diverges already")


@kind("dispersion", "physics", "the wavelength is spread", named_by=("dispersion-value",), full=0.1, unit="%")
def dispersion(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return _spread(target, "-dispersion", amount, "-dispsteps", "the wavelength of this command is spread already")


def _spread(target: Target, option: str, amount: float, steps: str, already: str) -> Defect:
    """Three steps over a range that the command does not have; ``already`` says that it has one."""
    if values(target.argv, option):
        raise NotApplicable(already)
    return of_arguments(target, f"{option} {amount:.6g} {steps} 3", put(put(target.argv, option, amount), steps, 3))


@kind("wavelength", "physics", "another wavelength", named_by=("wavelength-value",), full=0.05, unit="%")
def wavelength(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    if values(target.argv, "-mat"):
        raise NotApplicable("an orientation matrix is divided by the wavelength, which cancels it")
    if values(target.argv, "-energy"):
        raise NotApplicable("the wavelength of this command is given by an energy")
    new = number(target.argv, "-lambda", 1.0) * (1 + amount / 100)
    return of_arguments(target, f"-lambda {new:.9g}", put(target.argv, "-lambda", new))


@kind("water", "physics", "a water background is added", named_by=("background-offset", "water-value"), full=20.0,
      unit="um")
def water(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    new = number(target.argv, "-water", 0.0) + amount
    return of_arguments(target, f"-water {new:.6g}", put(target.argv, "-water", new))
