"""Physics causes that multiply every pixel by a smooth factor: polarization, solid angle, absorption, a cut in d.

The factor is computed from the detector that the command line describes, and the ratio of the two images must
follow it. Where the images are large, the proof is made on a sample of telling pixels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nbcompare.explain.description import Setting
from nbcompare.explain.diagnose import causes
from nbcompare.explain.diagnose.cause import GUESS_CONFIDENCE, Cause, carried_out, guess, guessed
from nbcompare.explain.diagnose.image_pair import CauseProof, ImagePair
from nbcompare.explain.diagnose.question import Question

_LEAST_KAHN = 0.01
"""A turned axis with a smaller Kahn factor changes next to nothing: two free numbers fit any small change as well."""

_LEAST_FALL = 0.02
"""A temperature factor that changes an image by less cannot be told from other smooth factors."""

_SELDOM = (causes.POLARIZATION_FORMULA, causes.SOLID_ANGLE_FORMULA, causes.TEMPERATURE_FACTOR)
"""Mistakes that are seldom made: they are proven where the image tells them from other factors of the angle."""

_WORTH_A_NUMBER = 0.5
"""A second free number has to leave less than this share of what one leaves; rounding alone gives it a little."""


@dataclass(frozen=True)
class Pixels:
    """Pixels that hold signal in both images, and what multiplies them."""

    rows: np.ndarray
    columns: np.ndarray
    x: np.ndarray
    y: np.ndarray
    polarization: np.ndarray
    solid_angle: np.ndarray
    cosine: np.ndarray
    cos_twotheta: np.ndarray
    cos_2psi: np.ndarray
    sin_2psi: np.ndarray

    @property
    def log_ratio(self) -> np.ndarray:
        ratio: np.ndarray = np.log(self.y / self.x)
        return ratio


def find_smooth_factor(question: Question) -> Iterator[Cause]:
    """One of the known factors, with or without a constant besides."""
    pair = question.pair
    if pair.agree or not pair.all_finite or pair.bright[0].size < 30:
        return
    pixels = _pixels(question)
    ratio = pixels.log_ratio
    if float(ratio.max() - ratio.min()) < 1e-6:
        return
    found = False
    for id, factor, sentence, prior in _factors(question, pixels):
        for cause in _proven(question, pixels, id, factor, sentence, prior):
            found = True
            yield cause
    if not found and _is_smooth(question, ratio):
        yield from _unnamed(pixels, ratio)


def _pixels(question: Question) -> Pixels:
    rows, columns = question.pair.bright
    detector, setting = question.detector, question.setting
    rays = detector.centres(columns, rows)
    rays = rays / np.linalg.norm(rays, axis=-1, keepdims=True)
    b_axis = np.cross(detector.polarization, detector.beam)
    b_axis = b_axis / (np.linalg.norm(b_axis) or 1.0)
    e_axis = np.cross(detector.beam, b_axis)
    psi = -np.arctan2(rays @ b_axis, rays @ e_axis)
    polarization = (detector.polarization_factor(columns, rows, setting.kahn) if setting.polarized
                    else np.ones(rows.size))
    return Pixels(rows, columns, question.pair.x[rows, columns], question.pair.y[rows, columns], polarization,
                  detector.solid_angle(columns, rows), detector.cos_obliquity(columns, rows),
                  detector.cos_twotheta(columns, rows), np.cos(2 * psi), np.sin(2 * psi))


def _is_smooth(question: Question, log_ratio: np.ndarray) -> bool:
    """Whether neighbouring pixels have nearly the same ratio: a factor does not care for the pattern below it."""
    rows, columns = question.pair.bright
    order = np.lexsort((columns, rows))
    beside = (np.diff(columns[order]) == 1) & (np.diff(rows[order]) == 0)
    if np.count_nonzero(beside) < 10:
        return True
    jumps = np.abs(np.diff(log_ratio[order]))[beside]
    return float(np.percentile(jumps, 90)) < 0.02 + 0.05 * float(log_ratio.std())


# --- the factors --------------------------------------------------------------------------------------------------


def _factors(question: Question, p: Pixels) -> Iterator[tuple[str, np.ndarray, str, float]]:
    """(id, factor per pixel, sentence, prior) of every smooth mistake."""
    s = question.setting
    half = 0.5 * (1 + p.cos_twotheta**2)
    if s.polarized:
        yield causes.POLARIZATION_MISSING, 1 / p.polarization, "the polarization factor is left out", 0.93
        yield causes.POLARIZATION_TWICE, p.polarization, "the polarization factor is applied twice", 0.7
        if s.kahn:
            yield causes.POLARIZATION_VALUE, half / p.polarization, f"polarization: K = 0 instead of {s.kahn:g}", 0.92
    else:
        yield causes.POLARIZATION_ADDED, half, "an unpolarized beam's factor is applied in spite of -nopolar", 0.93
    if s.point_pixel:
        yield causes.POINT_PIXEL, s.pixel_m**2 * p.cosine, "the solid angle of real pixels instead of 1/R²", 0.9
    else:
        yield causes.POINT_PIXEL, 1 / (s.pixel_m**2 * p.cosine), "the solid angle of a point pixel, 1/R²", 0.9
        yield causes.OBLIQUITY_MISSING, 1 / p.cosine, "the solid angle lacks the obliquity cosine", 0.88
        yield causes.OBLIQUITY_MISSING, p.cosine, "the solid angle has the obliquity cosine twice", 0.7
        yield causes.SOLID_ANGLE_MISSING, 1 / p.solid_angle, "the solid angle is left out", 0.88
        yield causes.SOLID_ANGLE_MISSING, p.solid_angle, "the solid angle is applied twice", 0.7
        middle = s.pixel_m**2 / question.detector.close_distance_m**2
        yield (causes.INVERSE_SQUARE_MISSING, middle / p.solid_angle,
               "all pixels have the solid angle of the nearest point", 0.85)
    yield (causes.LORENTZ_FACTOR, 1 / np.sqrt(np.maximum(1e-12, 1 - p.cos_twotheta**2)),
           "a Lorentz factor 1/sin 2θ is applied", 0.6)
    yield from _absorption(s, p)
    yield from _kahn(s, p, half)
    yield from _other_formulas(s, p)
    yield from _temperature(s, p)


def _other_formulas(s: Setting, p: Pixels) -> Iterator[tuple[str, np.ndarray, str, float]]:
    """Polarization and solid angle by formulas that look like the right ones. Constants are left out: ``_proven`` finds
    them."""
    c, kahn = p.cos_twotheta, s.kahn * p.cos_2psi
    if s.polarized:
        formulas = [("with cos 2θ in place of its square", 0.5 * (1 + c - kahn * (1 - c))),
                    ("with θ in place of 2θ", 0.25 * (3 + c - kahn * (1 - c))),
                    ("with 4θ in place of 2θ", 0.5 * (1 + (2 * c**2 - 1)**2 - kahn * (1 - (2 * c**2 - 1)**2))),
                    ("as an amplitude, by its square root", np.sqrt(np.maximum(p.polarization, 0))),
                    ("divided by in place of multiplied with", 1 / p.polarization)]
        if s.kahn:
            formulas.append(("without sin² 2θ beside K cos 2ψ", 0.5 * (1 + c**2 - kahn)))
        for words, factor in formulas:
            yield causes.POLARIZATION_FORMULA, factor / p.polarization, f"the polarization factor is taken {words}", 0.5
    if not s.point_pixel:
        for words, factor in (("has 1/R in place of 1/R²", 1 / p.cosine), ("has 1/R³ in place of 1/R²", p.cosine),
                              ("lacks 1/R², but has the obliquity cosine", 1 / p.cosine**2),
                              ("has the cosine to the beam in place of that to the detector's normal", c / p.cosine)):
            yield causes.SOLID_ANGLE_FORMULA, factor, f"the solid angle {words}", 0.45


def _temperature(s: Setting, p: Pixels) -> Iterator[tuple[str, np.ndarray, str, float]]:
    """exp(-2 B s^2) with s = sin θ / λ, where it changes enough over the image to be told from other slopes."""
    square = 0.5 * (1 - p.cos_twotheta) / s.wavelength_A**2
    away = square - square.mean()
    power = float(away @ away)
    b_factor = -0.5 * float(away @ p.log_ratio) / power if power > 0 else 0.0
    if abs(b_factor) * float(np.ptp(square)) > _LEAST_FALL:
        yield (causes.TEMPERATURE_FACTOR, np.exp(-2 * b_factor * square),
               f"a temperature factor exp(-2 B s²) with B = {b_factor:.5g} A² is applied", 0.55)


def _kahn(s: Setting, p: Pixels, half: np.ndarray) -> Iterator[tuple[str, np.ndarray, str, float]]:
    """K cos 2psi by least squares, which is another K; with K sin 2psi as well, another axis, where one number leaves
    much that two do not."""
    away = 0.5 * (1 - p.cos_twotheta**2)
    aim = half - p.y / p.x * p.polarization
    table = np.stack((away * p.cos_2psi, away * p.sin_2psi), axis=1)
    alone = float(table[:, 0] @ aim) / (float(table[:, 0] @ table[:, 0]) or 1.0)
    (a, b), *_ = np.linalg.lstsq(table, aim, rcond=None)
    size, turn = math.hypot(a, b), math.degrees(math.atan2(-b, a)) / 2
    left_by_one, left_by_two = (float(np.linalg.norm(aim - table @ kahn)) for kahn in ((alone, 0.0), (a, b)))
    if left_by_two > _WORTH_A_NUMBER * left_by_one and 1e-6 < abs(alone) < 2:
        id = causes.POLARIZATION_VALUE
        sentence = f"polarization: K = {alone:.6g} instead of {s.kahn if s.polarized else 'none'}"
        if s.kahn and abs(alone + s.kahn) < 1e-4:
            id = causes.POLARIZATION_ROTATED
            sentence = f"the polarization axis is turned by 90 degrees (K = {alone:.6g})"
        yield id, (half - alone * table[:, 0]) / p.polarization, sentence, 0.9
    elif _LEAST_KAHN < size < 2:
        sentence = f"the polarization axis is turned by {turn:.4g} degrees, K = {size:.6g}"
        yield causes.POLARIZATION_ROTATED, (half - table @ np.array([a, b])) / p.polarization, sentence, 0.85


def _absorption(s: Setting, p: Pixels) -> Iterator[tuple[str, np.ndarray, str, float]]:
    """Captured fraction 1 - exp(-mu T / cos) of one layer; mu T is fitted where it is not given."""
    given = np.ones_like(p.cosine)
    if s.thickness_m > 0:
        given = 1 - np.exp(-s.attenuation_per_m * s.thickness_m / p.cosine)
        yield causes.ABSORPTION_MISSING, 1 / given, "the sensor's absorption is left out", 0.85
    depth = _fitted_depth(p.y / p.x * given, p.cosine)
    if depth is not None:
        factor = (1 - np.exp(-depth / p.cosine)) / given
        yield causes.ABSORPTION_VALUE, factor, f"the sensor captures 1 - exp(-{depth:.5g}/cos) of the photons", 0.8


def _fitted_depth(captured: np.ndarray, cosine: np.ndarray) -> float | None:
    """mu T of a captured fraction; None where no depth gives it."""
    if captured.max() >= 1 or captured.min() <= 0:
        return None
    depths = -np.log1p(-captured) * cosine
    depth = float(np.median(depths))
    return depth if float(np.abs(depths - depth).max()) < 1e-3 * depth else None


def _proven(question: Question, p: Pixels, id: str, factor: np.ndarray, sentence: str,
            prior: float) -> Iterator[Cause]:
    pair = question.pair
    proof = pair.prove_at(p.rows, p.columns, p.x * factor)
    if proof.holds:
        if id in _SELDOM and _is_a_power_of_a_cosine(pair, p):
            yield guessed(id, sentence, ("no proof: over so few angles other causes give the same factor",),
                          residual=proof.residual, left=proof.left, confidence=GUESS_CONFIDENCE, prior=prior)
        else:
            yield _cause(id, sentence, proof, p, prior)
        return
    rest = p.log_ratio - np.log(factor)
    scale = math.exp(float(np.median(rest)))
    if float(np.abs(rest - math.log(scale)).max()) > 1e-3 or abs(scale - 1) < 1e-9 or _flat(p, factor):
        return
    proof = pair.prove_at(p.rows, p.columns, p.x * factor * scale)
    if proof.holds:
        yield _cause(id, f"{sentence}, and a factor of {scale:.8g}", proof, p, prior - 0.3)


def _is_a_power_of_a_cosine(pair: ImagePair, p: Pixels) -> bool:
    """Whether some power of an angle's cosine gives the subject as well: then a formula of the angle is one of many."""
    for cosine in (p.cosine, p.cos_twotheta):
        if (cosine <= 0).any():
            continue
        table = np.stack((np.ones_like(cosine), np.log(cosine)), axis=1)
        weights, *_ = np.linalg.lstsq(table, p.log_ratio, rcond=None)
        if pair.prove_at(p.rows, p.columns, p.x * np.exp(table @ weights)).holds:
            return True
    return False


def _flat(p: Pixels, factor: np.ndarray) -> bool:
    """A factor that hardly changes over these pixels explains no more than a constant does."""
    return float(factor.max() / factor.min() - 1) < 1e-5


def _cause(id: str, sentence: str, proof: CauseProof, p: Pixels, prior: float) -> Cause:
    return carried_out(id, sentence,
                       (f"the ratio of the images follows the factor at all {p.x.size} bright pixels, to "
                        f"{proof.residual:.2g} of the peak",),
                       residual=proof.residual, left=proof.left, what=f"every pixel multiplied: {sentence}",
                       confidence=0.96, prior=prior)


def _unnamed(p: Pixels, ratio: np.ndarray) -> Iterator[Cause]:
    """A smooth ratio that no factor explains: say how it changes."""
    radial = np.stack((np.ones(ratio.size), 1 - p.cos_twotheta), axis=1)
    around = np.stack((np.ones(ratio.size), p.cos_2psi, p.sin_2psi), axis=1)
    total = float(((ratio - ratio.mean()) ** 2).sum())
    if total == 0 or float(ratio.std()) < 1e-4:
        return
    for id, table, words in ((causes.RADIAL_PATTERN, radial, "with the angle from the beam"),
                             (causes.AZIMUTHAL_PATTERN, around, "around the beam")):
        weights, *_ = np.linalg.lstsq(table, ratio, rcond=None)
        share = 1 - float(((ratio - table @ weights) ** 2).sum()) / total
        if share > 0.7:
            yield guessed(id,
                          f"the ratio of the images changes {words}, from {math.exp(ratio.min()):.5g} to "
                          f"{math.exp(ratio.max()):.5g}",
                          (f"{100 * share:.1f} % of its spread goes {words}",), confidence=guess(0.3 + 0.3 * share),
                          prior=0.3)


# --- a limit in resolution ---------------------------------------------------------------------------------------


def find_resolution_limit(question: Question) -> Iterator[Cause]:
    """Pixels beyond a resolution are zero in one image only."""
    pair = question.pair
    if pair.agree or not pair.all_finite:
        return
    lost = (pair.subject == 0) & (pair.reference != 0)
    extra = (pair.reference == 0) & (pair.subject != 0)
    for part, other, words in ((lost, pair.subject != 0, "renders nothing beyond"),
                               (extra, pair.reference != 0, "also renders what lies beyond")):
        if np.count_nonzero(part) < 10 or np.count_nonzero(other) < 10 or not pair.same_but(part):
            continue
        rest = other & ~part
        outer = _spacing(question, *_some(part))
        inner = _spacing(question, *_some(rest))
        if outer.size == 0 or inner.size == 0 or float(np.mean(inner > outer.max())) < 0.995:
            continue
        limit = float(outer.max())
        yield carried_out(causes.DMIN_VALUE, f"the subject {words} {limit:.4g} A",
                          (f"all of {outer.size} such pixels lie beyond {limit:.4g} A, "
                           f"{100 * float(np.mean(inner > limit)):.1f} % of "
                           "the others within", "all other pixels are the same"),
                          residual=0.0, left=0.0, what=f"zero beyond {limit:.4g} A", confidence=0.96, prior=0.9)


def _some(mask: np.ndarray, count: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    flat = np.flatnonzero(mask)
    return np.divmod(flat[::max(1, flat.size // count)], mask.shape[1])


def _spacing(question: Question, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """d = lambda / (2 sin theta) of pixels, in A."""
    sine = np.sqrt(np.maximum(1e-30, 0.5 * (1 - question.detector.cos_twotheta(columns, rows))))
    return question.setting.wavelength_A / (2 * sine)


FINDERS = (find_smooth_factor, find_resolution_limit)
