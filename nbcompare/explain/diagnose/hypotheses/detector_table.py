"""Mistakes with where the detector is, what its pixels do, and the factors over the image."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from nbcompare.case.arguments.command import Command, WrittenOption
from nbcompare.case.arguments.options import option_named
from nbcompare.explain.diagnose import causes
from nbcompare.explain.diagnose.causes import mistake_id
from nbcompare.explain.diagnose.hypotheses.beam_centre import beam_centre
from nbcompare.explain.diagnose.hypotheses.candidate import ImageFormula
from nbcompare.explain.diagnose.hypotheses.row import Row
from nbcompare.explain.diagnose.hypotheses.value_table import ORDERS, turned_in_order
from nbcompare.explain.diagnose.question import Question

RENAMED: tuple[tuple[str, str, tuple[tuple[str, str], ...], float], ...] = (
    (causes.BEAM_CENTRE_KIND, "the beam centre is taken as the near point",
     (("-Xbeam", "-Xclose"), ("-Ybeam", "-Yclose")), 0.5),
    (causes.DISTANCE_KIND, "-distance is taken as -close_distance", (("-distance", "-close_distance"),), 0.6),
    (causes.DISTANCE_KIND, "-close_distance is taken as -distance", (("-close_distance", "-distance"),), 0.6),
)
"""Options read as others: cause, words, (given, taken as), prior."""

EXCHANGED: tuple[tuple[str, str, tuple[str, ...], float], ...] = (
    (causes.DETECTOR_AXES_SWAPPED, "the fast and the slow vector", ("-fdet_vector", "-sdet_vector"), 0.7),
    (causes.DETECTOR_ROTATION_ORDER, "detector rotations", ("-detector_rotx", "-detector_roty", "-detector_rotz"), 0.6),
    (causes.DIVERGENCE_SWAPPED, "divergences", ("-hdivrange", "-vdivrange"), 0.6),
)
"""Options that have the values of one another, all of which may be left out but one."""

GROUPS: tuple[tuple[str, tuple[str, ...], float], ...] = (
    ("crystal-shape", ("-square_xtal", "-round_xtal", "-gauss_xtal", "-binary_spots"), 0.7),
    ("interpolation", ("-interpolate", "-nointerpolate"), 0.6),
    ("divergence-corners", ("-round_div", "-square_div"), 0.5),
)
"""Options without value of which the last one counts: topic, names, prior."""

UNASKED: tuple[tuple[str, str, tuple[str, ...], float], ...] = (
    ("-point_pixel", causes.POINT_PIXEL, (), 0.6),
    ("-oversample_omega", mistake_id("oversample-omega", "value"), (), 0.6),
    ("-oversample_polar", mistake_id("oversample-polar", "value"), (), 0.6),
    ("-oversample_thick", mistake_id("oversample-thick", "value"), (), 0.6),
    ("-curved_det", mistake_id("curved-detector", "value"), ("1",), 0.58),
)
"""Options that are applied without being asked for: name, cause, values, prior."""

CONVENTIONS = ("mosflm", "xds", "adxv", "denzo", "dials")
KAHN = (0.0, 1.0, 0.95, 0.99)
"""Kahn factors that a program may have in place of the one it was given."""


def rows(question: Question) -> Iterator[Row]:
    """Beam centre, convention and pivot; options renamed, exchanged, or applied unasked; groups; polarization; factors
    left out or applied twice."""
    for part in (_centre, _frame, _exchanged, _turned, _switches, _polarization, _twice, _solid_angle):
        yield from part(question)


def _centre(question: Question) -> Iterator[Row]:
    """Half a pixel, one pixel, exchanged, ignored."""
    centre, command = beam_centre(question), question.command
    for size, id, words in ((1.0, causes.BEAM_CENTRE_ONE_PIXEL, "one pixel"),
                            (0.5, causes.BEAM_CENTRE_HALF_PIXEL, "half a pixel")):
        for dx, dy in itertools.product((-size, 0, size), repeat=2):
            if dx or dy:
                yield Row(id, f"the beam centre lies {words} off ({dx:+g} fast, {dy:+g} slow)",
                          centre.moved(command, dx, dy), 0.62 if dx and dy else 0.6)
    x, y = (command.find(name) for name in centre.names)
    if x and y and x.values != y.values:
        yield Row(causes.BEAM_CENTRE_SWAPPED, f"{x} {y}: X and Y are exchanged",
                  command.setting(centre.names[0], *y.values).setting(centre.names[1], *x.values), 0.85)
    if command.has("-Xbeam", "-Ybeam"):
        yield Row(mistake_id("beam-centre", "ignored"), "the beam centre is ignored",
                  command.without("-Xbeam", "-Ybeam"), 0.82)


def _frame(question: Question) -> Iterator[Row]:
    command, now = question.command, question.detector
    bare = command.without(*(f"-{name}" for name in CONVENTIONS))
    for name in CONVENTIONS:
        if name != now.convention:
            yield Row(mistake_id("convention", "value"), f"convention {name} instead of {now.convention}",
                      bare.ending(f"-{name}"), 0.6)
    if now.convention == "custom":
        pivot = "beam" if now.pivot == "sample" else "sample"
        yield Row(mistake_id("pivot", "value"), f"pivot {pivot} instead of {now.pivot}",
                  command.ending("-pivot", pivot), 0.85)


def _exchanged(question: Question) -> Iterator[Row]:
    command = question.command
    for id, words, pairs, prior in RENAMED:
        ours, theirs = zip(*pairs, strict=True)
        if command.has(*ours) and not command.has(*theirs):
            yield Row(id, words, _renamed(command, dict(pairs)), prior)
    for id, words, names, prior in EXCHANGED:
        if command.has(*names):
            for new, changed in _permuted(command, names):
                yield Row(id, f"{words} exchanged: {new}", changed, prior)


def _renamed(command: Command, names: dict[str, str]) -> Command:
    return Command(tuple(WrittenOption(names[item.name], item.values, option_named(names[item.name]))
                         if item.name in names else item for item in command.items))


def _permuted(command: Command, names: Sequence[str]) -> Iterator[tuple[str, Command]]:
    """The values of the options in every other order, in words and as a command."""
    found = [command.find(name) for name in names]
    width = max(len(item.values) for item in found if item)
    values = [item.values if item else ("0",) * width for item in found]
    for order in itertools.permutations(values):
        if list(order) != values:
            changed = command
            for name, given in zip(names, order, strict=True):
                changed = changed.setting(name, *given)
            yield " ".join(f"{name} {' '.join(given)}" for name, given in zip(names, order, strict=True)), changed


def _switches(question: Question) -> Iterator[Row]:
    command = question.command
    for topic, names, prior in GROUPS:
        last = command.find(*names)
        for name in names:
            if not last or last.name != name:
                yield Row(mistake_id(topic, "value"), f"{name} instead of {last or 'the default'}",
                          command.without(*names).ending(name), prior)
    for name, id, values, prior in UNASKED:
        if not command.has(name):
            changed = command.starting(name, *values) if values else command.ending(name)
            yield Row(id, f"{name} is applied without being asked for", changed, prior)


_TURNS = ("-detector_rotx", "-detector_roty", "-detector_rotz")


def _turned(question: Question) -> Iterator[Row]:
    """The same angles about the same axes in another order, as the angles that do the same in the right one."""
    command = question.command
    given = tuple(command.number(name) for name in _TURNS)
    for order in ORDERS if sum(angle != 0 for angle in given) > 1 else ():
        edited = command
        for name, angle in zip(_TURNS, turned_in_order(given, order), strict=True):
            edited = edited.setting(name, angle)
        named = " ".join("xyz"[i] for i in order)
        yield Row(causes.DETECTOR_ROTATION_ORDER, f"detector rotations: turned about {named}, in this order",
                  edited, 0.5)


def _polarization(question: Question) -> Iterator[Row]:
    command, setting = question.command, question.setting
    if not setting.polarized:
        yield Row(causes.POLARIZATION_ADDED, "a polarization factor is applied in spite of -nopolar",
                  command.without("-nopolar"), 0.86)
        return
    yield Row(causes.POLARIZATION_MISSING, "the polarization factor is left out (-nopolar)",
              command.without("-polar").ending("-nopolar"), 0.85)
    for kahn in {*KAHN, -setting.kahn, 1 - setting.kahn} - {setting.kahn}:
        yield Row(causes.POLARIZATION_VALUE, f"polarization: K = {kahn:g} instead of {setting.kahn:g}",
                  command.setting("-polar", kahn), 0.6)


# --- factors that no option leaves out or applies twice --------------------------------------------------------------


def _over(image: np.ndarray, by: np.ndarray) -> np.ndarray:
    """image / by, 0 where nothing is lit."""
    divided: np.ndarray = np.divide(image, by, out=np.zeros_like(image), where=by != 0)
    return divided


def _twice(question: Question) -> Iterator[Row]:
    """The image with the factor over the one without it is the factor."""
    if question.setting.polarized:
        words = "the polarization factor is applied twice"
        yield Row(causes.POLARIZATION_TWICE, words, question.command.without("-polar").ending("-nopolar"), 0.7,
                  formula=ImageFormula(words, lambda image, bare: _over(image * image, bare)))


def _solid_angle(question: Question) -> Iterator[Row]:
    """The image of point pixels holds 1/R^2 in place of the solid angle: pixel^2 cos / R^2 of a flat detector, whose
    cosine is D / R, and pixel^2 / R^2 of a curved one."""
    setting, command = question.setting, question.command
    area, squared = setting.pixel_m**2, question.detector.close_distance_m**2
    if setting.point_pixel or squared == 0:  # of a plane through the crystal every cosine is 0
        return
    middle = area / squared
    power = 0 if command.has("-curved_det") else 3

    def cosine(image: np.ndarray, point: np.ndarray) -> np.ndarray:
        return np.where(point != 0, _over(image, area * point), 1.0)

    formulas: tuple[tuple[str, str, float, Callable[[np.ndarray, np.ndarray], np.ndarray]], ...] = (
        (causes.OBLIQUITY_MISSING, "the solid angle lacks the obliquity cosine", 0.68, lambda i, p: area * p),
        (causes.OBLIQUITY_MISSING, "the solid angle has the obliquity cosine twice", 0.5,
         lambda i, p: i * cosine(i, p)),
        (causes.SOLID_ANGLE_MISSING, "the solid angle is left out", 0.66,
         lambda i, p: _over(i, middle * cosine(i, p)**power)),
        (causes.SOLID_ANGLE_MISSING, "the solid angle is applied twice", 0.5,
         lambda i, p: i * middle * cosine(i, p)**power),
        (causes.INVERSE_SQUARE_MISSING, "all pixels have the solid angle of the nearest point", 0.66,
         lambda i, p: _over(i, cosine(i, p)**power)))
    for id, words, prior, make in formulas:
        yield Row(id, words, command.ending("-point_pixel"), prior, formula=ImageFormula(words, make))
