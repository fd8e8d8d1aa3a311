"""Scale causes: when one factor turns the reference into the subject, which ratio of this command line is it?

Every candidate is computed from the arguments (fluence, steps, sizes, units) or is a power of two or ten; then
products of two. A match says how exact it is, and how likely it is that some candidate matches by accident.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nbcompare.case.arguments.command import number
from nbcompare.engine.describe import DescriptionRefused
from nbcompare.explain.description import Setting
from nbcompare.explain.diagnose import causes
from nbcompare.explain.diagnose.cause import Cause, carried_out
from nbcompare.explain.diagnose.hypotheses.file_table import source_rows
from nbcompare.explain.diagnose.question import Question

DEFAULT_FLUENCE = 125932015286227086360700780544.0
"""photons/m^2 that a program may use in place of what it was given; times r_e^2 it is 1."""

R_E_SQUARED = 7.94079248018965e-30
"""Square of the classical electron radius, m^2."""

_ELECTRON_RADIUS_FM = 2.8179403
_ROUNDED_RADII_FM = (2.8, 2.82, 2.818, 2.8179)

_LARGEST_FLOAT = float(np.finfo(np.float32).max)
_SINGLE_TOLERANCE = 3e-6
_POINT_PIXELS_ALIKE = 0.02
_FEWEST_LEFT = 20
_LIKELY_CHANCE = 0.02
"""Products are only believed when an accidental match is rarer than this."""


@dataclass(frozen=True)
class Ratio:
    """subject / reference that a mistake would give. ``prior``: how likely the mistake is, 0 to 1."""

    id: str
    factor: float
    words: str
    prior: float


@dataclass(frozen=True)
class Match:
    """A ratio that fits: how far off, and the expected number of accidental matches."""

    ratio: Ratio
    off: float
    chance: float


def find_scale(question: Question) -> Iterator[Cause]:
    """One factor for the whole image."""
    pair = question.pair
    if pair.agree:
        return
    if not pair.all_finite:
        yield from _overflowed(question)
        return
    factor, residual = pair.scale
    if factor <= 0 or residual > 1e-4:
        return
    proof = pair.prove_each(lambda x: factor * x)
    if not proof.holds:
        return
    setting = _setting(question)
    yield from named_factor(setting, factor, residual, proof.left, of_command=bool(question.argv))
    yield from _weights(question, factor, residual, proof.left)
    if setting and abs(factor * setting.pixel_m**2 - 1) < _POINT_PIXELS_ALIKE:
        yield from _point_pixels(question, residual)


def _weights(question: Question, factor: float, residual: float, left: float) -> Iterator[Cause]:
    """Weights of sources that are not divided by their mean; a source without one weighs 1."""
    file = question.files.get("-sourcefile")
    rows = source_rows(file.read_text(encoding="latin-1")) if file else []
    weights = [number(row[3]) if len(row) > 3 else 1.0 for row in rows]
    mean = sum(weights) / max(1, len(weights))
    if weights and abs(mean - 1) > 1e-9 and abs(factor / mean - 1) < max(_SINGLE_TOLERANCE, 3 * residual):
        yield carried_out(causes.SOURCES_WEIGHT, "the weights of the sources count as they are, not as shares of "
                          f"their mean, {mean:.6g}", (f"one factor {factor:.9g} fits the whole image",),
                          residual=residual, left=left, what=f"scaled by {mean:.9g}", confidence=0.98, prior=0.8)


def _point_pixels(question: Question, residual: float) -> Iterator[Cause]:
    """Where all pixels are seen under next to one angle, the solid angle of a point, 1/R^2, lacks but the area."""
    pair, command = question.pair, question.command
    if command.has("-point_pixel"):
        return
    rows, columns = (places.ravel() for places in np.indices(pair.x.shape))
    cosine = np.ones(1) if command.has("-curved_det") else question.detector.cos_obliquity(columns, rows)
    factor = 1 / (question.setting.pixel_m**2 * cosine)
    proof = pair.prove(pair.x * (factor.reshape(pair.x.shape) if factor.size > 1 else factor))
    if proof.holds:
        yield carried_out(causes.POINT_PIXEL, "the solid angle is that of a point pixel, 1/R²: over this image that "
                          "lacks the pixel area and nothing else", ("the edited reference is the subject",),
                          residual=residual, left=proof.left, what="divided by the solid angle, times 1/R²",
                          confidence=0.95, prior=0.5)


def _overflowed(question: Question) -> Iterator[Cause]:
    """One factor that takes the brightest pixels, and these alone, out of what a float32 can hold."""
    pair = question.pair
    lit = pair.finite & (pair.x > 0) & (pair.y > 0)
    if np.count_nonzero(lit) < _FEWEST_LEFT:
        return
    factor = float(np.median(pair.y[lit] / pair.x[lit]))
    residual = float(np.abs(pair.y[lit] / (factor * pair.x[lit]) - 1).max())
    beyond = factor * pair.x > _LARGEST_FLOAT
    if residual < 1e-5 and np.array_equal(beyond, ~pair.finite) and (pair.subject[beyond] == np.inf).all():
        yield from named_factor(_setting(question), factor, residual, None, of_command=bool(question.argv))


def _setting(question: Question) -> Setting | None:
    """What the command comes to; None where the simulator does not take it, and factors have no name of their own."""
    try:
        return question.setting
    except DescriptionRefused:
        return None


def named_factor(setting: Setting | None, factor: float, residual: float, left: float | None, *,
                 of_command: bool = True) -> Iterator[Cause]:
    """The causes that a factor between two images may have, likeliest first; one is always given. ``of_command`` is
    False of images of which no command line is known."""
    fitted = f"one factor {factor:.9g} fits the whole image; relative residual {residual:.1g}"
    matches = lookup(setting, factor, residual)
    for match in matches:
        ratio = match.ratio
        sentence = f"{ratio.words} (ratio {_shown(ratio.factor)}, residual {_below(residual)})"
        yield carried_out(ratio.id, sentence,
                          (fitted, f"off the ratio by {match.off:.1g}; {match.chance:.1g} accidental "
                           "matches expected"),
                          residual=residual, left=left, what=f"scaled by {ratio.factor:.9g}",
                          confidence=0.99 - min(0.3, match.chance), prior=ratio.prior)
    yield carried_out(causes.SCALE_FACTOR,
                      f"the subject is {factor:.9g} times the reference"
                      + ("; the factor is no ratio of this command line" if of_command and not matches else ""),
                      (fitted,), residual=residual, left=left, what=f"scaled by {factor:.9g}", confidence=0.9,
                      prior=0.15)


def lookup(setting: Setting | None, factor: float, residual: float) -> list[Match]:
    """The ratios of this command line that equal a factor, likeliest first; products only when nothing else does."""
    tolerance = max(_SINGLE_TOLERANCE, 3 * residual)
    singles = list(ratios(setting))
    found = _matches(singles, singles, factor, tolerance)
    if found:
        return found
    products = [Ratio(causes.SCALE_PRODUCT, a.factor * b.factor, f"{a.words}, and {b.words}",
                      0.2 + 0.1 * a.prior * b.prior)
                for a, b in itertools.combinations(singles, 2) if a.id != b.id]
    return [match for match in _matches(products, products, factor, tolerance) if match.chance < _LIKELY_CHANCE][:2]


def _matches(candidates: list[Ratio], crowd: list[Ratio], factor: float, tolerance: float) -> list[Match]:
    """Candidates within the tolerance; the chance comes from how many candidates lie within a factor of ten."""
    size = math.log(factor)
    near = [r for r in candidates if abs(math.log(r.factor) - size) <= tolerance]
    around = len({round(math.log(r.factor), 7) for r in crowd if abs(math.log(r.factor) - size) < math.log(10)})
    chance = around * 2 * tolerance / (2 * math.log(10))
    found = [Match(ratio, abs(ratio.factor / factor - 1), chance) for ratio in near]
    return sorted(found, key=lambda match: -match.ratio.prior)


def _shown(value: float) -> str:
    return f"{value:,.0f}" if 1000 <= value < 1e9 else f"{value:.6g}".replace("e+", "e")


def _below(residual: float) -> str:
    """"< 1e-5", or the next power of ten that is above the residual."""
    return f"< 1e{max(-5, math.ceil(math.log10(max(residual, 1e-30)) + 1e-9))}"


def amount(value: float) -> str:
    """A number as physicists write it: 1.2593e29, not 1.2593e+29."""
    return f"{value:.5g}".replace("e+", "e")


# --- the ratios of a command line -----------------------------------------------------------------------------


def ratios(s: Setting | None) -> Iterator[Ratio]:
    """Every ratio that a known mistake would give for this setting, none of them 1."""
    of_setting = (*_of_fluence(s), *_of_steps(s), *_of_geometry(s), *_of_crystal(s)) if s else ()
    for ratio in (*of_setting, *_of_numbers()):
        if ratio.factor > 0 and math.isfinite(ratio.factor) and abs(ratio.factor - 1) > 1e-9:
            yield ratio


def _of_fluence(s: Setting) -> Iterator[Ratio]:
    given = "flux·exposure/beamsize²" if s.fluence_from_flux else "-fluence"
    yield Ratio(causes.FLUENCE_DEFAULT, DEFAULT_FLUENCE / s.fluence,
                f"fluence: default {amount(DEFAULT_FLUENCE)} instead of {given} = {amount(s.fluence)}", 0.98)
    if s.given_fluence and s.fluence_from_flux:
        yield Ratio(causes.FLUENCE_NOT_FROM_FLUX, s.given_fluence / s.fluence,
                    f"fluence: -fluence {amount(s.given_fluence)} instead of {given} = {amount(s.fluence)}", 0.96)
    if s.fluence_from_flux:
        yield from _of_flux_terms(s)
    for factor, words in ((1 / R_E_SQUARED, "r_e² is missing"), (R_E_SQUARED, "r_e² is applied twice"),
                          (R_E_SQUARED**-0.5, "r_e is not squared"), (R_E_SQUARED * 1e30, "r_e² in fm²")):
        yield Ratio(causes.ELECTRON_RADIUS, factor, words, 0.7)
    for radius in _ROUNDED_RADII_FM:
        yield Ratio(causes.ELECTRON_RADIUS, (radius / _ELECTRON_RADIUS_FM) ** 2, f"r_e is rounded to {radius:g}e-15 m",
                    0.6)


def _of_flux_terms(s: Setting) -> Iterator[Ratio]:
    side, mm = s.beamsize_m, s.beamsize_m * 1e3
    yield Ratio(causes.EXPOSURE_IGNORED, 1 / s.exposure_s, f"exposure {s.exposure_s:g} s is ignored", 0.9)
    yield Ratio(causes.EXPOSURE_IGNORED, s.exposure_s, f"exposure {s.exposure_s:g} s is applied twice", 0.6)
    yield Ratio(causes.EXPOSURE_IGNORED, s.exposure_s**-2, f"the image is divided by the exposure {s.exposure_s:g} s",
                0.6)
    yield Ratio(causes.FLUX_TERM_LOST, 1 / s.flux, f"flux {s.flux:g} is not a factor of the fluence", 0.7)
    yield Ratio(causes.BEAMSIZE_DEFAULT, (mm / 0.1) ** 2, f"beam size: default 0.1 mm instead of {mm:g} mm", 0.88)
    for power, words in ((-6, "mm taken as m"), (6, "divided by 1000 once more"), (-2, "mm taken as cm"),
                         (2, "mm taken as 0.1 mm"), (12, "mm taken as um, twice"), (-12, "mm taken as km")):
        yield Ratio(causes.BEAMSIZE_UNIT, 10.0**power, f"beam size: {words}", 0.72 if abs(power) == 6 else 0.45)
    for factor, words in ((side, "is not squared"), (side**2, "is ignored"), (1 / side, "is cubed"),
                          (side**2 / mm, "is not squared, in mm"), (mm**2, "in mm is ignored")):
        yield Ratio(causes.BEAMSIZE_NOT_SQUARED, factor, f"beam size {mm:g} mm {words}", 0.65)
    for factor, words in ((4 / math.pi, "the beam's area is that of a circle of that diameter"),
                          (1 / math.pi, "the beam's area is that of a circle of that radius"),
                          (4.0, "the beam size is halved"), (0.25, "the beam size is doubled")):
        yield Ratio(causes.BEAM_AREA, factor, words, 0.5)


def _of_steps(s: Setting) -> Iterator[Ratio]:
    counts = ((causes.PHI_STEPS_NOT_DIVIDED, s.phi_steps, "phi steps", 0.86),
              (causes.MOSAIC_DOMAINS_NOT_DIVIDED, s.mosaic_domains, "mosaic domains", 0.86),
              (causes.SOURCES_NOT_DIVIDED, s.sources, "sources", 0.86),
              (causes.OVERSAMPLE_NOT_DIVIDED, s.oversample**2, "sub-pixels", 0.86))
    several = sum(count > 1 for _, count, _, _ in counts) > 1  # else "of all kinds" says the same thing again
    of_all = ((causes.STEPS_NOT_DIVIDED, s.steps, "steps of all kinds", 0.8),) if several else ()
    for id, count, words, prior in (*counts, *of_all):
        if count > 1:
            yield Ratio(id, float(count), f"the sum is not divided by the {count} {words}", prior)
            yield Ratio(id, 1 / count, f"the sum is divided twice by the {count} {words}", prior - 0.15)
    if s.stated_steps not in (1, s.steps, *(count for _, count, _, _ in counts)):
        for factor, how in ((s.stated_steps, "not divided"), (1 / s.stated_steps, "divided twice")):
            yield Ratio(causes.STEPS_NOT_DIVIDED, factor, f"the sum is {how} by the {s.stated_steps} steps that the "
                        "command states", 0.75)
    if s.oversample > 1:
        yield Ratio(causes.OVERSAMPLE_NOT_DIVIDED, float(s.oversample),
                    f"the sum is divided by oversample {s.oversample}, not its square", 0.75)
    if s.layers > 1:
        yield Ratio(causes.LAYERS_DIVIDED, 1 / s.layers, f"the sum is divided by the {s.layers} sensor layers", 0.8)
    for count, words in {s.stated_steps: "steps that the command states", s.steps: "steps of all kinds",
                         s.oversample**2: "sub-pixels", s.sources: "sources", s.mosaic_domains: "mosaic domains",
                         s.phi_steps: "phi steps"}.items():
        if count > 1:
            yield Ratio(causes.STEPS_OFF_BY_ONE, count / (count + 1), f"divided by {count + 1}, not {count} {words}",
                        0.6)
        if count > 2:  # divided by 1 is not divided
            yield Ratio(causes.STEPS_OFF_BY_ONE, count / (count - 1), f"divided by {count - 1}, not {count} {words}",
                        0.6)


def _of_geometry(s: Setting) -> Iterator[Ratio]:
    pixel = s.pixel_m
    for factor, words in ((pixel**-2, "the pixel area is missing"), (1 / pixel, "the pixel size is not squared"),
                          (pixel**2, "the pixel area is applied twice"), (1e6, "the pixel area is in mm²"),
                          ((1e3 * pixel) ** -2, "the pixel area in mm² is missing")):
        yield Ratio(causes.PIXEL_AREA, factor, words, 0.6)
    yield Ratio(causes.DISTANCE_SQUARED, 1e-6, "the distance is in mm", 0.5)
    told = dict.fromkeys(s.stated_distances_m, " that the command states") | {s.distance_m: ""}
    for distance, which in told.items():
        for factor, words in ((distance**2, "the squared distance{} is missing"),
                              (1 / distance**2, "the squared distance{} is applied twice"),
                              (distance, "the distance{} is not squared")):
            yield Ratio(causes.DISTANCE_SQUARED, abs(factor), words.format(which), 0.5)


def _of_crystal(s: Setting) -> Iterator[Ratio]:
    total = math.prod(s.cells)
    if total > 1:
        for power in (1, -1, 2, -2):
            yield Ratio(causes.CELLS_NORMALISED, float(total) ** power,
                        f"scaled by the number of cells, {total}^{power}", 0.5)
    if s.default_F and abs(s.default_F) != 1:
        for power, words in ((-1, "F is used for F²"), (2, "F² is squared again"), (1, "F³ for F²"), (-2, "F is lost")):
            yield Ratio(causes.AMPLITUDE_NOT_SQUARED, abs(s.default_F) ** power,
                        f"{words} (F = {s.default_F:g} everywhere)", 0.7)
    if abs(s.wavelength_A - 1) > 1e-9:
        for power in (1, 2, 3, -1, -2, -3):
            yield Ratio(causes.WAVELENGTH_POWER, s.wavelength_A**power,
                        f"wavelength {s.wavelength_A:g} A to the power {power} is "
                        "a factor too many", 0.45)


def _of_numbers() -> Iterator[Ratio]:
    for power in range(-30, 31):
        if power:
            yield Ratio(causes.POWER_OF_TEN, 10.0**power, f"a factor of 10^{power}", 0.4 if power % 3 else 0.42)
    for power in range(-32, 33):
        if power:
            yield Ratio(causes.POWER_OF_TWO, 2.0**power, f"a factor of 2^{power}",
                        0.4 if abs(power) < 9 or abs(power) == 16 else 0.3)
    for factor, words in ((math.pi, "pi"), (2 * math.pi, "2 pi"), (4 * math.pi, "4 pi")):
        yield Ratio(causes.CIRCLE_CONSTANT, factor, f"a factor of {words}", 0.35)
        yield Ratio(causes.CIRCLE_CONSTANT, 1 / factor, f"a factor of 1/({words})", 0.35)


FINDERS = (find_scale,)
