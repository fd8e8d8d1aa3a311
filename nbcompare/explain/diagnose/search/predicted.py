"""Geometry causes predicted without a run: another detector catches the same rays at other pixels, and another beam
turns them all.

For every run hypothesis that leaves the diffracted rays alone, the reference's peaks are moved to where the
other detector would have them, and must lie on the subject's. The best are guesses for the quick layer; the
tested layer starts with them, and starts its fits from the values found here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np

from nbcompare.case.arguments.command import Command, unseeded_orientation
from nbcompare.explain.diagnose import causes
from nbcompare.explain.diagnose.cause import Cause, guess, guessed
from nbcompare.explain.diagnose.hypotheses.candidate import Candidate, RunKey
from nbcompare.explain.diagnose.hypotheses.fit_parameter import FitParameter
from nbcompare.explain.diagnose.hypotheses.fit_parameters import fit_parameters
from nbcompare.explain.diagnose.hypotheses.tables import run_candidates
from nbcompare.explain.diagnose.question import Question

_STILL = 1e-6
"""Pixels: a hypothesis that moves no peak further leaves the detector as it is."""

_MOVED = 0.9
"""Score of the unmoved peaks up to which fits are made of their places: by less, the images themselves say better."""

_HOPELESS = 3
"""After so many turns a fit must have brought the peaks nearer."""

_FAR = 2.0
"""Pixels at which a predicted peak counts as not found."""


def _of_topics(*topics: str) -> frozenset[str]:
    return frozenset(id for id, entry in causes.CATALOGUE.items() if entry.topic in topics)


ANOTHER_PATTERN = _of_topics("misset", "misset-seed", "wavelength", "beam-vector", "convention") | frozenset((
    "misset-radians", "hkl-ignored", "matrix-ignored", "cell-ignored", "cell-order", "cell-unit",
    causes.MATRIX_TRANSPOSED, causes.MATRIX_WAVELENGTH, causes.MATRIX_SIGN, causes.MATRIX_ORDER))
"""Mistakes that give another pattern altogether."""

MAY_MOVE_SPOTS = ANOTHER_PATTERN | frozenset(("argv", "phi-carryover", causes.ARGUMENTS_DIFFER)) | _of_topics(
    "curved-detector", "spindle-axis", "phi", "phi-step", "phi-steps", "oscillation")
"""Those, and others after which spots may lie elsewhere."""


@dataclass(frozen=True)
class Placing:
    """How well moved peaks lie on the subject's: share of peaks found, and their median distance in pixels."""

    found: float
    distance: float

    @property
    def score(self) -> float:
        """0 (nothing fits) to 1 (all peaks within a tenth of a pixel)."""
        return self.found / (1 + (self.distance / 0.5) ** 2)


class PeakPlaces:
    """Rays of the reference's peaks and places of the subject's."""

    def __init__(self, question: Question) -> None:
        ours, theirs = question.pair.peaks
        self.question = question
        self.x = np.array([[p.x + 0.5, p.y + 0.5] for p in ours]).reshape(-1, 2)
        self.y = np.array([[p.x + 0.5, p.y + 0.5] for p in theirs]).reshape(-1, 2)
        places = question.detector.positions(self.x[:, 0], self.x[:, 1])
        self.rays = places / np.linalg.norm(places, axis=-1, keepdims=True)
        self.still = self.placing(self.x)

    @property
    def enough(self) -> bool:
        return len(self.x) >= 4 and len(self.y) >= 4

    def moved(self, command: Command) -> np.ndarray:
        """Where the detector of another command catches the rays, in pixel coordinates. Under another beam they leave
        in the direction nearest to the same scattering vector."""
        other = self.question.detector_of(command)
        if other is None:
            return np.full_like(self.x, np.nan)
        if np.array_equal(other.beam, self.question.detector.beam):
            return other.meets(self.rays)
        rays = self.rays - self.question.detector.beam + other.beam
        return other.meets(rays / np.linalg.norm(rays, axis=-1, keepdims=True))

    def placing(self, places: np.ndarray) -> Placing:
        """Hold moved peaks against the subject's, those that still fall on the image."""
        last = (self.question.pair.fast - 1, self.question.pair.slow - 1)
        on = ((places > 1) & (places < last)).all(axis=1)
        if np.count_nonzero(on) < 4 or len(self.y) < 4:
            return Placing(0.0, _FAR)
        gaps = np.hypot(*(places[on][:, None, :] - self.y[None, :, :]).transpose(2, 0, 1))
        nearest = gaps.min(axis=1)
        partners = np.unique(np.argmin(gaps, axis=1)[nearest < 1.0]).size
        expected = max(int(np.count_nonzero(on)), min(len(self.x), len(self.y)) // 2)
        return Placing(partners / expected, float(np.median(np.minimum(nearest, _FAR))))

    def fit(self, parameter: FitParameter) -> tuple[tuple[float, ...], Placing]:
        """Turn a parameter until moved peaks lie nearest to the subject's (Gauss-Newton on nearest partners)."""
        command = self.question.command
        at, steps = np.array(parameter.start, float), np.array(parameter.steps)
        best: tuple[tuple[float, ...], Placing] = (parameter.start, self.still)
        for turn, reach in enumerate((12.0, 6.0, 3.0, 1.5, 1.0, 1.0)):
            if turn >= _HOPELESS and best[1] is self.still:
                break  # each turn asks the simulator once for every number
            now = self.moved(parameter.turn(command, tuple(at)))
            slopes = np.stack([self.moved(parameter.turn(command, tuple(at + step))) - now for step in np.diag(steps)],
                              axis=-1)
            usable = np.isfinite(now).all(axis=1) & np.isfinite(slopes).all(axis=(1, 2))
            if np.count_nonzero(usable) < 4:
                break
            now, slopes = now[usable], slopes[usable]
            offsets = self.y[None, :, :] - now[:, None, :]
            partner = np.argmin(np.hypot(*offsets.transpose(2, 0, 1)), axis=1)
            rest = offsets[np.arange(len(now)), partner]
            near = np.hypot(*rest.T) < reach
            if np.count_nonzero(near) < 3:
                break
            change, *_ = np.linalg.lstsq(slopes[near].reshape(-1, len(steps)), rest[near].ravel(), rcond=1e-8)
            at = at + change * steps
            if parameter.positive and (at * np.array(parameter.start) <= 0).any():
                break
            placing = self.placing(self.moved(parameter.turn(command, tuple(at))))
            if placing.score > best[1].score:
                best = (tuple(float(v) for v in at), placing)
        return best


@dataclass(frozen=True)
class PlacedHypothesis:
    """A hypothesis with the placing it gives; ``parameter`` and ``values`` where it was fitted."""

    candidate: Candidate
    placing: Placing
    parameter: FitParameter | None = None
    values: tuple[float, ...] = ()


@dataclass(frozen=True)
class PredictedGeometry:
    """Where the peaks lie unmoved, and every geometry hypothesis with the placing it gives, best first.

    ``still`` is None where there are too few peaks to say anything; ``idle`` are the keys of hypotheses that move none.
    """

    still: Placing | None
    placed: tuple[PlacedHypothesis, ...] = ()
    idle: frozenset[RunKey] = frozenset()

    @property
    def better(self) -> list[PlacedHypothesis]:
        """Those that place the peaks better than they lie."""
        if self.still is None:
            return []
        return [placed for placed in self.placed if placed.placing.score > self.still.score + 0.02]


_PLACED: WeakKeyDictionary[Question, PredictedGeometry] = WeakKeyDictionary()


def geometry_of(question: Question) -> PredictedGeometry:
    """What ``place_peaks`` says of a question, found out once: the quick layer and the search both ask."""
    if question not in _PLACED:
        _PLACED[question] = place_peaks(question)
    return _PLACED[question]


def place_peaks(question: Question) -> PredictedGeometry:
    """Every geometry hypothesis, discrete and fitted, held against the places of the subject's peaks."""
    places = PeakPlaces(question)
    if not places.enough:
        return PredictedGeometry(None)
    found, idle = [], []
    for candidate in run_candidates(question):
        if candidate.geometry:
            moved = places.moved(candidate.command)
            if np.allclose(moved, places.x, rtol=0, atol=_STILL):
                idle.append(candidate.key)
            else:
                found.append(PlacedHypothesis(candidate, places.placing(moved)))
    for parameter in fit_parameters(question):
        if parameter.geometry and places.still.score <= _MOVED:
            values, placing = places.fit(parameter)
            fitted = parameter.candidate(question.command, values)
            fitted = replace(fitted, prior=parameter.prior - 0.05 * (len(parameter.start) - 1))
            found.append(PlacedHypothesis(fitted, placing, parameter, tuple(values)))
    ordered = sorted(found, key=lambda placed: -(placed.placing.score + 0.1 * placed.candidate.prior))
    return PredictedGeometry(places.still, tuple(ordered), frozenset(idle))


def find_predicted(question: Question) -> Iterator[Cause]:
    """The geometry hypotheses that put the peaks where the subject has them."""
    pair = question.pair
    if pair.agree or not pair.all_finite or unseeded_orientation(question.argv):
        return  # peaks of an orientation that each program draws for itself are not the same ones
    geometry = geometry_of(question)
    still = geometry.still
    if still is None:
        return
    for placed in geometry.better[:6]:
        candidate, placing = placed.candidate, placed.placing
        if placing.found < 0.5:
            continue
        yield guessed(candidate.id, candidate.words,
                      (f"{100 * placing.found:.0f} % of the peaks would lie within a pixel of the subject's (unmoved: "
                       f"{100 * still.found:.0f} %), median distance {placing.distance:.3g} pixels",),
                      edit={"kind": "argv", "argv": list(candidate.command.argv)},
                      confidence=guess(0.35 + 0.4 * placing.score), prior=candidate.prior)


FINDERS = (find_predicted,)
