"""Defects of geometry: the detector stands elsewhere, or the beam comes from elsewhere, than the command says."""

from __future__ import annotations

import math

import numpy as np

from nbcompare.explain.audit.arguments import drop, number, pivot_of, pixel_mm, put, values, vector
from nbcompare.explain.audit.kind import Defect, NotApplicable, Target, either_way, kind, of_arguments

BEAM_CENTRE = ("beam-centre-value", "beam-centre-half-pixel", "beam-centre-one-pixel")


def _changed(target: Target, option: str, new: float) -> Defect:
    return of_arguments(target, f"{option} {new:.9g}", put(target.argv, option, new))


def _moved_centre(target: Target, pixels: float, both: bool) -> Defect:
    """The beam centre moved by a number of pixels, along x or along both axes."""
    argv, words = target.argv, []
    for option in ("-Xbeam", "-Ybeam") if both else ("-Xbeam",):
        new = number(argv, option) + pixels * pixel_mm(argv)
        argv = put(argv, option, new)
        words.append(f"{option} {new:.9g}")
    return of_arguments(target, " ".join(words), argv)


# --- settings that an echo shows ---------------------------------------------------------------------------------


@kind("beam-centre-mm", "echo", "the beam centre is off by more than a millimetre", full=1.3, unit="mm", echoed=True,
      named_by=(*BEAM_CENTRE, "echo-beam-centre", "echo-detector-origin"))
def beam_centre_mm(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return _changed(target, "-Ybeam", number(target.argv, "-Ybeam") + either_way(draw) * amount)


@kind("pivot-other", "echo", "the detector turns about the other point (pivot beam or sample)", echoed=True,
      named_by=("pivot-value", "pivot-ignored", "echo-pivot", "echo-detector-origin"))
def pivot_other(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    if values(target.argv, "-fdet_vector") is None:
        raise NotApplicable("-pivot counts only with detector vectors of one's own")
    other = "sample" if pivot_of(target.argv) == "beam" else "beam"
    argv = drop(target.argv, "-pivot") if values(target.argv, "-pivot") else target.argv
    return of_arguments(target, f"-pivot {other}", (*argv, "-pivot", other))


# --- beam centre -------------------------------------------------------------------------------------------------


@kind("beam-centre", "geometry", "the beam centre is off by a part of a pixel", named_by=BEAM_CENTRE, full=0.3,
      unit="pixel")
def beam_centre(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return _moved_centre(target, either_way(draw) * amount, draw.random() < 0.5)


@kind("beam-centre-half", "geometry", "the beam centre is off by half a pixel along both axes", named_by=BEAM_CENTRE)
def beam_centre_half(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return _moved_centre(target, 0.5 * either_way(draw), True)


@kind("beam-centre-one", "geometry", "the beam centre is off by one pixel", named_by=BEAM_CENTRE)
def beam_centre_one(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return _moved_centre(target, either_way(draw), False)


@kind("beam-centre-swapped", "geometry", "Xbeam and Ybeam are exchanged", named_by=("beam-centre-swapped",))
def beam_centre_swapped(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    x, y = number(target.argv, "-Xbeam"), number(target.argv, "-Ybeam")
    return of_arguments(target, f"-Xbeam {y:g} -Ybeam {x:g}", put(put(target.argv, "-Xbeam", y), "-Ybeam", x))


# --- distance, pixel size, tilt ----------------------------------------------------------------------------------


@kind("distance", "geometry", "the detector is at another distance", full=0.1, unit="% of the distance",
      named_by=("distance-value", "close-distance-value"))
def distance(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    option = "-distance" if values(target.argv, "-distance") else "-close_distance"
    return _changed(target, option, number(target.argv, option) * (1 + either_way(draw) * amount / 100))


@kind("pixel-size", "geometry", "the pixels are larger or smaller", full=0.05, unit="% of the pixel",
      named_by=("pixel-size-value",))
def pixel_size(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return _changed(target, "-pixel", pixel_mm(target.argv) * (1 + either_way(draw) * amount / 100))


@kind("detector-rotation", "geometry", "the detector is turned by a small angle", full=0.15, unit="deg",
      named_by=("detector-rotation-value", "twotheta-value"))
def detector_rotation(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    option = ("-detector_rotx", "-detector_roty", "-detector_rotz")[int(draw.integers(3))]
    return _changed(target, option, number(target.argv, option, 0.0) + either_way(draw) * amount)


@kind("two-theta", "geometry", "the detector swings by a small two-theta", full=0.1, unit="deg",
      named_by=("twotheta-value", "detector-rotation-value"))
def two_theta(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return _changed(target, "-twotheta", number(target.argv, "-twotheta", 0.0) + either_way(draw) * amount)


@kind("beam-direction", "geometry", "the beam comes from a direction that is off by a small angle", full=0.05,
      unit="deg", named_by=("beam-vector-value", "echo-beam-direction"))
def beam_direction(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    x, y, z = vector(target.argv, "-beam_vector")
    turn, around = math.radians(amount), draw.uniform(0, 2 * math.pi)
    new = (x + turn * math.cos(around), y + turn * math.sin(around), z)
    words = " ".join(f"{part:.9g}" for part in new)
    return of_arguments(target, f"-beam_vector {words}", put(target.argv, "-beam_vector", *new))


# --- axes --------------------------------------------------------------------------------------------------------


@kind("detector-vector", "geometry", "the fast or the slow vector of the detector is tilted", full=0.1, unit="deg",
      named_by=("fast-axis-value", "slow-axis-value"))
def detector_vector(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    option = ("-fdet_vector", "-sdet_vector")[int(draw.integers(2))]
    x, y, z = vector(target.argv, option)
    tilt = math.radians(amount) * either_way(draw)
    new = (x - tilt * y, y + tilt * x, z)
    words = " ".join(f"{part:.9g}" for part in new)
    return of_arguments(target, f"{option} {words}", put(target.argv, option, *new))


@kind("curved-detector", "geometry", "every pixel is put at the same distance", named_by=(
    "curved-detector-value", "curved-detector-ignored"))
def curved_detector(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return of_arguments(target, "-curved_det", put(target.argv, "-curved_det"))
