"""The spindle: the rotation scan and the cell at each of its steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nanobrag_torch.config import Scan
from nanobrag_torch.limits import check_count
from nanobrag_torch.physics.arithmetic import is_zero, number
from nanobrag_torch.physics.vectors import rotate_about
from nanobrag_torch.units import DEGREES_PER_RADIAN

OSCILLATION_OF_COUNT_ALONE = 1.0 / DEGREES_PER_RADIAN


@dataclass(frozen=True)
class Spindle:
    """Unit axis, and the scan: start, step and range in radians, number of steps."""

    axis: Any
    start: Any
    step: Any
    oscillation: Any
    steps: int


def build_spindle(scan: Scan, axis) -> Spindle:
    """Complete a scan of which only some of steps, oscillation and step are given (negative is not given; a
    count of 0 is 1 step)."""
    asked = 1 if scan.phi_steps == 0 else scan.phi_steps
    has_steps = asked is not None and asked > 0
    has_range = scan.oscillation_rad is not None and number(scan.oscillation_rad) >= 0
    step_given = scan.phi_step_rad is not None and number(scan.phi_step_rad) >= 0
    has_step = step_given and number(scan.phi_step_rad) > 0
    steps = asked if asked and has_steps else 1
    oscillation: Any = scan.oscillation_rad if has_range else 0.0
    step: Any = scan.phi_step_rad if has_step else 0.0
    if has_step and not has_range:
        oscillation, steps = scan.phi_step_rad, 2
    elif has_step and not has_steps:
        steps = check_count(number(oscillation) / number(step), "-phistep")
    elif has_range and not has_steps:
        steps, step = 2, oscillation / 2.0
    elif has_steps and not has_range:
        oscillation = OSCILLATION_OF_COUNT_ALONE
        step = oscillation / steps
    elif has_range and not step_given:
        step = oscillation / steps
    return Spindle(axis, scan.phi_rad, step, oscillation, max(1, steps))


def spindle_phi(spindle: Spindle, step: int):
    """Start of a step: phi_start + phi_step * i (rad)."""
    return spindle.start + spindle.step * step


def turned_cell(spindle: Spindle, cell, phi):
    """The cell vectors (a, b, c) turned about the spindle axis; phi 0 leaves every bit as it is."""
    if is_zero(phi):
        return cell
    return tuple(rotate_about(v, spindle.axis, phi) for v in cell)


def cells_along_scan(spindle: Spindle, cell) -> list:
    """The cell at every phi step."""
    return [turned_cell(spindle, cell, spindle_phi(spindle, i)) for i in range(spindle.steps)]


def cells_with_carryover(spindle: Spindle, cell) -> tuple[list, dict]:
    """Emulation phi-carryover: the cells of a sweep when a step at phi exactly 0 keeps the last turned cell.

    Returns the cells of every sweep but the very first, and for the steps in which the very first one
    differs (no turn has come before) the cell they have then.
    """
    phis = [spindle_phi(spindle, i) for i in range(spindle.steps)]
    last_turned = next((turned_cell(spindle, cell, phi) for phi in reversed(phis) if not is_zero(phi)), cell)
    cells, state, first = [], last_turned, {}
    for i, phi in enumerate(phis):
        if not is_zero(phi):
            state = turned_cell(spindle, cell, phi)
        elif all(is_zero(before) for before in phis[:i]):
            first[i] = cell
        cells.append(state)
    return cells, first
