"""Defects of the rotation: where phi starts, how far it goes, in how many steps, and about what."""

from __future__ import annotations

import math

import numpy as np

from nbcompare.explain.audit.arguments import number, put, vector
from nbcompare.explain.audit.kind import Defect, NotApplicable, Target, either_way, kind, of_arguments

PHI = ("phi-value", "phi-midpoint", "phi-one-step-off")
OSCILLATION = ("oscillation-value", "phi-step-value")
REVERSED = ("oscillation-sign", "spindle-axis-sign", "phi-step-sign")


def _rotation(target: Target) -> tuple[float, float, int]:
    """(phi, oscillation range, steps); raises NotApplicable for a still."""
    argv = target.argv
    phi, osc, steps = number(argv, "-phi", 0.0), number(argv, "-osc"), int(number(argv, "-phisteps"))
    if osc <= 0 or steps < 2:  # a negative range is none
        raise NotApplicable("the crystal is not rotated")
    return phi, osc, steps


def _with_phi(target: Target, phi: float) -> Defect:
    return of_arguments(target, f"-phi {phi:.9g}", put(target.argv, "-phi", phi))


# --- settings that an echo shows ---------------------------------------------------------------------------------


@kind("phi-steps-fewer", "echo", "one phi step less over the same range", echoed=True,
      named_by=("phi-steps-off-by-one", "phi-steps-value", "echo-phi"))
def phi_steps_fewer(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    steps = _rotation(target)[2]
    return of_arguments(target, f"-phisteps {steps - 1}", put(target.argv, "-phisteps", steps - 1))


@kind("spindle-other", "echo", "the spindle axis is another axis of the laboratory", echoed=True,
      named_by=("spindle-axis-order", "spindle-axis-value", "spindle-axis-ignored", "echo-spindle"))
def spindle_other(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    _rotation(target)
    x, y, z = vector(target.argv, "-spindle_axis")
    return of_arguments(target, f"-spindle_axis {y:g} {z:g} {x:g}", put(target.argv, "-spindle_axis", y, z, x))


# --- phi ---------------------------------------------------------------------------------------------------------


@kind("phi-start", "physics", "the rotation starts at another angle", named_by=PHI, full=0.02, unit="deg")
def phi_start(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return _with_phi(target, _rotation(target)[0] + either_way(draw) * amount)


@kind("phi-middle", "physics", "phi is taken in the middle of each step, not at its start", named_by=PHI)
def phi_middle(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    phi, osc, steps = _rotation(target)
    return _with_phi(target, phi + osc / steps / 2)


@kind("phi-late", "physics", "phi starts one step late", named_by=PHI)
def phi_late(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    phi, osc, steps = _rotation(target)
    return _with_phi(target, phi + osc / steps)


@kind("next-frame", "physics", "the image is the next one of the sweep", named_by=PHI)
def next_frame(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    phi, osc, _ = _rotation(target)
    return _with_phi(target, phi + osc)


# --- range and steps ---------------------------------------------------------------------------------------------


@kind("oscillation-wider", "physics", "the oscillation range is wider", named_by=OSCILLATION, full=0.05,
      unit="of the range")
def oscillation_wider(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    new = _rotation(target)[1] * (1 + amount)
    return of_arguments(target, f"-osc {new:.9g}", put(target.argv, "-osc", new))


@kind("oscillation-doubled", "physics", "the oscillation range is doubled", named_by=(
    "oscillation-factor-two", "phi-step-factor-two", *OSCILLATION))
def oscillation_doubled(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    new = 2 * _rotation(target)[1]
    return of_arguments(target, f"-osc {new:.9g}", put(target.argv, "-osc", new))


@kind("rotation-reversed", "physics", "the crystal turns the other way", named_by=REVERSED)
def rotation_reversed(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    """By the axis: a negative -osc is no range at all, and is left out."""
    _rotation(target)
    new = tuple(-part for part in vector(target.argv, "-spindle_axis"))
    return of_arguments(target, "-spindle_axis reversed", put(target.argv, "-spindle_axis", *new))


@kind("last-step-missing", "physics", "the last phi step is left out", named_by=("phi-fence-post",))
def last_step_missing(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    _, osc, steps = _rotation(target)
    argv = put(put(target.argv, "-osc", osc * (steps - 1) / steps), "-phisteps", steps - 1)
    return of_arguments(target, f"{steps - 1} steps of the same width", argv)


@kind("phi-end-included", "physics", "the steps reach the end of the range (range over steps - 1)", named_by=(
    "phi-end-included", *OSCILLATION))
def phi_end_included(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    _, osc, steps = _rotation(target)
    new = osc * steps / (steps - 1)
    return of_arguments(target, f"-osc {new:.9g}", put(target.argv, "-osc", new))


@kind("still", "physics", "the rotation is left out", named_by=(
    "phi-single-step", "oscillation-ignored", "phi-step-ignored", "phi-steps-ignored", "oscillation-value"))
def still(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    _rotation(target)
    return of_arguments(target, "-osc 0 -phisteps 1", put(put(target.argv, "-osc", 0), "-phisteps", 1))


@kind("spindle-tilted", "physics", "the spindle axis is tilted", named_by=("spindle-axis-value",), full=1.0,
      unit="deg")
def spindle_tilted(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    _rotation(target)
    x, y, z = vector(target.argv, "-spindle_axis")
    tilt = math.tan(math.radians(amount)) * math.hypot(x, y, z)
    new = (x, y + tilt, z) if abs(y) < abs(x) or abs(y) < abs(z) else (x + tilt, y, z)
    words = " ".join(f"{part:.9g}" for part in new)
    return of_arguments(target, f"-spindle_axis {words}", put(target.argv, "-spindle_axis", *new))


@kind("phi-carryover", "physics", "the subject reuses the rotated cell of the pixel before at phi 0", named_by=(
    "phi-carryover",))
def phi_carryover(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    if _rotation(target)[0] != 0:
        raise NotApplicable("phi does not start at 0")
    return of_arguments(target, "-emulate phi-carryover", put(target.argv, "-emulate", "phi-carryover"))
