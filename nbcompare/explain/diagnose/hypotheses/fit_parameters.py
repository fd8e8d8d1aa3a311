"""Fit parameters of a command: what can be turned, and how far one step is.

A step is chosen so that it moves spots by a small part of a pixel, or a rocking curve by a small part of its
width; a fit starts with steps and ends where the image is the subject's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from nbcompare.case.arguments.command import Command, WrittenOption, written
from nbcompare.explain.diagnose import causes
from nbcompare.explain.diagnose.causes import mistake_id
from nbcompare.explain.diagnose.hypotheses.beam_centre import beam_centre
from nbcompare.explain.diagnose.hypotheses.candidate import FileEdit
from nbcompare.explain.diagnose.hypotheses.file_table import matrix_edit
from nbcompare.explain.diagnose.hypotheses.fit_parameter import FitParameter, Turn
from nbcompare.explain.diagnose.question import Question
from nbcompare.explain.rotation import rotation_about

MOSAIC_SPREAD = mistake_id("mosaic-spread", "value")
_STEP = 0.02
"""Pixels that a step moves spots by."""

_JUMPING = 20.0
"""So many times longer are steps where spots have sharp edges."""


def fit_parameters(question: Question) -> list[FitParameter]:
    """Everything that can be turned on this command line, likeliest first."""
    makers = (_detector_parameters, _sensor_parameters, _beam_parameters, _crystal_parameters, _spindle_parameters,
              _amount_parameters)
    found = [parameter for make in makers for parameter in make(question)]
    if question.command.has("-binary_spots"):  # pixels of such spots jump, or do not answer at all
        found = [replace(parameter, steps=tuple(_JUMPING * step for step in parameter.steps)) for parameter in found]
    return sorted(found, key=lambda parameter: -parameter.prior)


# --- sizes of steps ------------------------------------------------------------------------------------------------


def _reach_px(question: Question) -> float:
    """How far from the beam the image reaches, in pixels."""
    x, y = question.detector.beam_pixel
    if not math.isfinite(x) or not math.isfinite(y):
        return math.hypot(question.pair.fast, question.pair.slow)
    pair = question.pair
    return max(math.hypot(x - a, y - b) for a in (0, pair.fast) for b in (0, pair.slow))


def _rocking_width(question: Question) -> float:
    """The width of a rocking curve in radians, 1/(N h) of the largest index on the image."""
    if question.lattice is None:
        return 1e-3
    pair, detector = question.pair, question.detector
    corners = np.array([(x, y) for x in (0, pair.fast) for y in (0, pair.slow)], float)
    indices = np.abs(question.lattice.indices(detector, corners[:, 0], corners[:, 1])).max()
    return 1.0 / max(2.0, float(indices) * max(question.setting.cells))


def _simple(question: Question, name: str, step: float, *, id: str, title: str, prior: float, default: float,
            linear: bool = False, positive: bool = False, geometry: bool = False) -> FitParameter:
    start = question.command.number(name, default)

    def turn(command: Command, values: Sequence[float]) -> Command:
        return command.setting(name, float(values[0]))

    return FitParameter(id, title, (name,), (start,), (step,), turn, prior, linear=linear, positive=positive,
                        geometry=geometry)


# --- detector --------------------------------------------------------------------------------------------------------


def _detector_parameters(question: Question) -> Iterator[FitParameter]:
    centre, reach = beam_centre(question), _reach_px(question)
    command, detector = question.command, question.detector
    relative = _STEP / reach
    yield FitParameter(causes.BEAM_CENTRE_VALUE, "the beam centre", ("along fast", "along slow"), (0.0, 0.0),
                       (_STEP, _STEP), lambda c, v: centre.moved(c, v[0], v[1]), 0.6, geometry=True, units="pixels")
    name = "-close_distance" if command.has("-close_distance") else "-distance"
    distance = command.number(name, 100.0)
    yield _simple(question, name, relative * distance, default=100.0, title="the distance", prior=0.6,
                  id=causes.DISTANCE_VALUE, geometry=True, positive=True)
    pixel = command.number("-pixel", 0.1)
    yield _simple(question, "-pixel", relative * pixel, default=0.1, title="the pixel size", prior=0.55,
                  id=causes.PIXEL_SIZE_VALUE, geometry=True, positive=True)
    tilt = math.degrees(_STEP * detector.pixel_m / abs(detector.close_distance_m or 0.1))
    rotations = tuple(f"-detector_rot{axis}" for axis in "xyz")

    def turned(command: Command, values: Sequence[float]) -> Command:
        for option, value in zip(rotations, values, strict=True):
            command = command.setting(option, float(value))
        return command

    starts = tuple(command.number(option) for option in rotations)
    yield FitParameter(causes.DETECTOR_ROTATION_VALUE, "the detector's rotation", rotations, starts,
                       (tilt, tilt, tilt), turned, 0.5, geometry=True)
    swung = _simple(question, "-twotheta", tilt, default=0.0, title="two-theta",
                    prior=0.55 if command.has("-twotheta") else 0.35, id=mistake_id("twotheta", "value"), geometry=True)
    yield swung
    if not command.has("-twotheta") and detector.pivot == "beam":  # as the last word, it turns about the sample
        yield replace(swung, title="two-theta about the sample", turn=lambda c, v: c.ending("-twotheta", written(v[0])))
    for option, topic in (("-fdet_vector", "fast-axis"), ("-sdet_vector", "slow-axis")):
        item = command.find(option)
        if item and len(item.values) == 3:
            yield _tilt_parameter(item, topic, relative, 0.4, geometry=True)


# --- beam ------------------------------------------------------------------------------------------------------------


def _beam_parameters(question: Question) -> Iterator[FitParameter]:
    command, reach = question.command, _reach_px(question)
    wave = command.find("-lambda", "-energy")
    name = wave.name if wave else "-lambda"
    start = command.number(name, 1.0)
    yield _simple(question, name, start * _STEP / reach, default=1.0, title="the wavelength", prior=0.55,
                  id=mistake_id("wavelength", "value"), positive=True)
    if question.setting.polarized:
        yield _simple(question, "-polar", 0.01, default=0.0, title="the polarization", prior=0.5,
                      id=causes.POLARIZATION_VALUE, linear=True)
    width = _rocking_width(question)
    for option, topic, typical in (("-divergence", "divergence", _MRAD), ("-hdivrange", "divergence", _MRAD),
                                   ("-vdivrange", "divergence", _MRAD), ("-dispersion", "dispersion", _PERCENT)):
        given = command.number(option) > 0
        if given or not command.has("-sourcefile"):
            found = _simple(question, option, 0.005 * command.number(option) or typical * width, default=0.0,
                            title=f"the {topic}", prior=0.5 if given else 0.4, id=mistake_id(topic, "value"),
                            positive=True)
            found = replace(found, turn=_in_place_of(found.turn, _EACH_WAY.get(option, ())))
            yield found if given else _by_its_square(found)
    width = 0.2 * _STEP * width
    for option, topic, prior in (("-beam_vector", "beam-vector", 0.45), ("-spindle_axis", "spindle-axis", 0.4),
                                 ("-polar_vector", "polarization-axis", 0.3)):
        item = command.find(option)
        if item and len(item.values) == 3:
            beam = topic == "beam-vector"
            yield _tilt_parameter(item, topic, width if beam else 1e-3, prior, geometry=beam)


_MRAD, _PERCENT = 200.0, 20.0
"""A fifth of a rocking width as an angle, and of a wavelength."""


def _by_its_square(spread: FitParameter) -> FitParameter:
    """A spread that the command has not: an image changes by its square, and at 0 not at all by itself."""
    turn = spread.turn
    return replace(spread, steps=tuple(step**2 for step in spread.steps), shown=_root, fitted=_square,
                   turn=lambda command, values: turn(command, (_root(values[0]),)))


_EACH_WAY = {"-divergence": ("-hdivrange", "-vdivrange"), "-divsteps": ("-hdivsteps", "-vdivsteps")}
"""Options that set both ways at once, with those of each way, the last of which counts."""


def _in_place_of(turn: Turn, others: Sequence[str]) -> Turn:
    """The turn on a command without the options that would have the last word."""
    return lambda command, values: turn(command.without(*others), values)


def _tilt_parameter(item: WrittenOption, topic: str, step: float, prior: float, *,
                    geometry: bool = False) -> FitParameter:
    """A vector turned about the two directions across it."""
    vector = np.array(item.numbers)
    first = np.eye(3)[int(np.argmin(np.abs(vector)))]
    across = np.cross(vector, first)
    across = across / np.linalg.norm(across)
    other = np.cross(vector, across) / np.linalg.norm(vector)

    def turn(command: Command, values: Sequence[float]) -> Command:
        tilted = rotation_about(across, values[0]) @ rotation_about(other, values[1]) @ vector
        return command.setting(item.name, *(float(v) for v in tilted))

    return FitParameter(mistake_id(topic, "value"), f"{item.name} tilted", ("one way", "the other way"),
                        (0.0, 0.0), (step, step), turn, prior, geometry=geometry, units="radians")


# --- crystal ---------------------------------------------------------------------------------------------------------


def _crystal_parameters(question: Question) -> Iterator[FitParameter]:
    command, width = question.command, _rocking_width(question)
    angle = math.degrees(_STEP * 5 * width)
    misset = command.find("-misset")
    given = misset.numbers if misset and len(misset.values) == 3 else (0.0, 0.0, 0.0)
    if not (misset and len(misset.values) == 1):
        id = mistake_id("misset", "value") if misset or not command.has("-mat") else causes.MATRIX_VALUE
        yield FitParameter(id, "the crystal's orientation (misset)", ("x", "y", "z"), given, (angle, angle, angle),
                           lambda c, v: c.setting("-misset", *(float(value) for value in v)), 0.54 if misset else 0.5,
                           units="degrees")
    if "-mat" in question.files:
        yield FitParameter(causes.MATRIX_VALUE, "the orientation matrix times", ("factor",), (1.0,),
                           (_STEP * 5 * width,), lambda c, v: c, 0.5, positive=True,
                           edit=lambda v: _scaled_axes(v[0], v[0], v[0]))
        yield FitParameter(causes.MATRIX_VALUE, "axes of the orientation matrix times", ("a*", "b*", "c*"),
                           (1.0, 1.0, 1.0), (_STEP * 5 * width,) * 3, lambda c, v: c, 0.45, positive=True,
                           edit=lambda v: _scaled_axes(*v))
    cell = command.find("-cell")
    if cell and cell.values:
        yield from _cell_parameters(cell, _STEP * 5 * width)
    spread = command.number("-mosaic")
    yield _simple(question, "-mosaic", 0.01 * spread or 2 * angle, default=0.0, title="the mosaic spread",
                  prior=0.55 if spread else 0.45, id=MOSAIC_SPREAD, positive=True)
    if command.has("-round_xtal", "-gauss_xtal", "-binary_spots"):
        yield _simple(question, "-fudge", 0.01 * command.number("-fudge", 1.0), default=1.0, title="-fudge", prior=0.5,
                      id=mistake_id("fudge", "value"), positive=True)
    if not command.has("-samplesize", "-sample_thick", "-sample_width", "-sample_height"):
        yield FitParameter(mistake_id("cells", "value"), "the number of cells", ("Na", "Nb", "Nc"),
                           tuple(float(n) for n in question.setting.cells), (1.0, 1.0, 1.0), _with_cells, 0.5,
                           positive=True, whole=True)


def of_domains(parameter: FitParameter, count: int) -> FitParameter:
    """The mosaic spread, sampled by so many domains."""

    def turn(command: Command, values: Sequence[float]) -> Command:
        return parameter.turn(command, values).setting("-mosaic_dom", count)

    return replace(parameter, title=_sampled(parameter, f"{count} domains"), turn=turn, prior=parameter.prior - 0.02)


def _sampled(parameter: FitParameter, points: str) -> str:
    """The title with what samples the spread, in place of what was said of that before."""
    return f"{parameter.title.split(' (')[0]} ({points})"


def of_steps(parameter: FitParameter, option: str, count: int) -> FitParameter:
    """A spread of the beam, sampled by so many steps."""

    def turn(command: Command, values: Sequence[float]) -> Command:
        return parameter.turn(command, values).without(*_EACH_WAY.get(option, ())).setting(option, count)

    return replace(parameter, title=_sampled(parameter, f"{count} steps"), turn=turn, prior=parameter.prior - 0.02)


def _scaled_axes(*factors: float) -> tuple[FileEdit, ...]:
    """The matrix file with its columns, the reciprocal axes, made longer."""
    label = " ".join(repr(float(factor)) for factor in factors)
    return (matrix_edit(label, lambda matrix: matrix * np.array(factors)),)


def _with_cells(command: Command, values: Sequence[float]) -> Command:
    command = command.without("-N", "-Na", "-Nb", "-Nc")
    for name, value in zip(("-Na", "-Nb", "-Nc"), values, strict=True):
        command = command.setting(name, max(1, round(value)))
    return command


def _cell_parameters(cell: WrittenOption, relative: float) -> Iterator[FitParameter]:
    given = [*cell.numbers, *[0.0] * (6 - len(cell.numbers))]
    lengths = [given[i] if given[i] > 0 else given[0] for i in range(3)]
    angles = [given[i] if given[i] > 0 else 90.0 for i in range(3, 6)]
    yield FitParameter(mistake_id("cell", "value"), "the unit cell scaled", ("factor",), (1.0,), (relative,),
                       lambda c, v: c.setting("-cell", *(float(n * v[0]) for n in lengths), *angles), 0.52,
                       positive=True)
    turned = math.degrees(relative)
    yield FitParameter(mistake_id("cell", "value"), "the unit cell", ("a", "b", "c", "alpha", "beta", "gamma"),
                       (*lengths, *angles), (*(relative * n for n in lengths), turned, turned, turned),
                       lambda c, v: c.setting("-cell", *(float(n) for n in v)), 0.5)


# --- spindle ---------------------------------------------------------------------------------------------------------


def _spindle_parameters(question: Question) -> Iterator[FitParameter]:
    s = question.setting
    angle = math.degrees(_STEP * 5 * _rocking_width(question))
    yield _simple(question, "-phi", angle, default=0.0, title="phi", id=mistake_id("phi", "value"),
                  prior=0.55 if question.command.has("-phi") else 0.45)
    if s.phi_steps > 1:
        step, count = math.degrees(s.phi_step), s.phi_steps

        def turn(command: Command, values: Sequence[float]) -> Command:
            bare = command.without("-osc", "-phistep", "-phisteps")
            return (bare.setting("-phistep", float(values[0] / count)).setting("-phisteps", count)
                    .setting("-osc", float(abs(values[0]))))

        yield FitParameter(mistake_id("oscillation", "value"), "the oscillation range", ("-osc",), (step * count,),
                           (angle,), turn, 0.54)


def _root(square: float) -> float:
    return float(math.sqrt(max(0.0, square)))


def _square(root: float) -> float:
    return float(root * root)


def _cube(root: float) -> float:
    return float(root**3)


def _cube_root(cube: float) -> float:
    return float(max(0.0, cube) ** (1 / 3))


# --- amounts ---------------------------------------------------------------------------------------------------------


def _amount_parameters(question: Question) -> Iterator[FitParameter]:
    """What adds to the image in proportion: water by its volume, unlisted reflections by F^2."""
    command = question.command
    water = command.number("-water")
    yield FitParameter(mistake_id("water", "value"), "the water background", ("-water",), (water**3,),
                       (max(1.0, 0.1 * water**3),), lambda c, v: c.setting("-water", _cube_root(v[0])), 0.5,
                       linear=True, shown=_cube_root, fitted=_cube, units="um")
    listed = command.has("-hkl", "-dump")
    if listed:
        default = command.number("-default_F")
        yield FitParameter(causes.DEFAULT_F_VALUE, "unlisted reflections", ("-default_F",), (default**2,),
                           (max(1.0, 0.1 * default**2),), lambda c, v: c.setting("-default_F", _root(v[0])), 0.55,
                           linear=True, shown=_root, fitted=_square)


def _sensor_parameters(question: Question) -> Iterator[FitParameter]:
    """The sensor. Where there is none, how much it absorbs is fitted with its thickness, from a common one on."""
    command = question.command
    thickness, depth = command.number("-detector_thick"), command.number("-detector_abs")
    if thickness <= 0:
        yield FitParameter(causes.ABSORPTION_VALUE, "a sensor",
                           ("thickness in um", "thickness over attenuation depth"), (0.0, 1.0), (3.0, 0.01),
                           _with_sensor, 0.45, positive=True, begin=(400.0, 1.0))
        return
    yield _simple(question, "-detector_thick", 0.01 * thickness, default=0.0, title="the sensor's thickness",
                  prior=0.5, id=mistake_id("sensor-thickness", "value"), positive=True)
    yield _simple(question, "-detector_abs", 0.01 * (depth or thickness), default=thickness,
                  title="the attenuation depth", prior=0.5, id=causes.ABSORPTION_VALUE, positive=True)


def _with_sensor(command: Command, values: Sequence[float]) -> Command:
    thickness, depths = values
    if thickness <= 0:
        return command
    return command.setting("-detector_abs", thickness / depths).setting("-detector_thick", thickness)
