"""When a relation that was read off two images, and not rendered, is a proof: the rule that every such finder obeys.

A cause is proven when it predicts every pixel to the rounding of float32, and nothing else does. The first is measured:
it is the share of the difference that the relation leaves. The second follows from how much the image says. Where each
value of a pixel occurs in many places, no change of geometry or physics is a function of the value alone, and a power
or a line that fits was really applied. In a smooth image place and value go together: there any small change is nearly
a line or a power, to more digits the smaller it is. So what ``neighbours`` of a relation would leave, factors that run
over the detector, is what it has to stay far below; else it is a guess, and what can be rendered is tried first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from nbcompare.engine.describe import DescriptionRefused
from nbcompare.explain.diagnose.cause import EXPLAINED, GUESS_CONFIDENCE, Cause, carried_out, guessed
from nbcompare.explain.diagnose.image_pair import CauseProof
from nbcompare.explain.diagnose.question import Question

FAR_BELOW = 1e-4
"""A relation of two fitted numbers may leave this share of what its neighbours would."""

SMOOTH = 0.1
"""An image in which a function of the value does so much of what a neighbour does says nothing about relations."""

LEVELS = 64
"""Values are told apart in so many steps of equal weight."""

ROUND, ROUND_TO = 3, 1e-6
"""A number of no more digits, to this share of it, is a round one."""

_LIT, _SAME_RING, _NO_COSINE = 1e-6, 1e-9, 1e-12
_MOST_PIXELS = 200_000
"""Of a larger image, as many pixels are looked at, spread over it."""


def proves(question: Question, proof: CauseProof, numbers: Sequence[float]) -> bool:
    """Whether a relation with these fitted numbers is proven by what it leaves, and by how much the image says."""
    floor = 3 * question.pair.rounding_floor
    if sum(not is_round(number) for number in numbers) < 2:
        return proof.left <= EXPLAINED + floor
    said = what_values_do_not_say(question)
    return said >= SMOOTH and proof.left <= FAR_BELOW * said


def read_off(question: Question, id: str, sentence: str, evidence: tuple[str, ...], proof: CauseProof, *,
             numbers: Sequence[float], what: str, confidence: float, prior: float) -> Cause:
    """The cause of a relation that gives the subject: proven, or a guess where another cause may give it as well."""
    if proves(question, proof, numbers):
        return carried_out(id, sentence, evidence, residual=proof.residual, left=proof.left, what=what,
                           confidence=confidence, prior=prior)
    told = (f"no proof: it leaves {proof.left:.1g} of the difference, and in an image as smooth as this one other "
            "causes are nearly the same relation")
    return guessed(id, sentence, (*evidence, told), residual=proof.residual, left=proof.left,
                   confidence=GUESS_CONFIDENCE, prior=prior)


def is_round(number: float) -> bool:
    """Whether a fitted number came out with so few digits that somebody wrote it: no accident of physics does that."""
    return abs(float(f"{number:.{ROUND - 1}e}") - number) <= ROUND_TO * abs(number)


def what_values_do_not_say(question: Question) -> float:
    """The least share, over some factors that run over the detector, of what the factor does to the reference that no
    function of the pixel's value does: near 1 for spots everywhere, near 0 for one smooth slope."""
    image = question.pair.x
    lit = np.flatnonzero(image > _LIT * question.pair.peak)
    lit = lit[::max(1, lit.size // _MOST_PIXELS)]
    if lit.size < 2 * LEVELS:
        return 0.0
    values = image.ravel()[lit]
    order = np.argsort(values, kind="stable")
    rows, columns = np.divmod(lit[order], question.pair.fast)
    weight = values[order] ** 2
    share = np.cumsum(weight)
    edges = np.searchsorted(share, np.linspace(0, share[-1], LEVELS + 1)[1:-1])
    starts = np.unique(np.concatenate(([0], edges[edges < weight.size])))
    return min(_within(factor, weight, starts) for factor in neighbours(question, rows, columns))


def neighbours(question: Question, rows: np.ndarray, columns: np.ndarray) -> Iterator[np.ndarray]:
    """Factors of small changes at some pixels [n]: along each axis, with the distance from the middle, and with the
    obliquity where the command says what that is."""
    across, along = rows - question.pair.slow / 2, columns - question.pair.fast / 2
    yield from (across, along, across**2 + along**2)
    try:
        cosine = question.detector.cos_obliquity(columns, rows)
    except DescriptionRefused:
        return
    yield np.log(np.maximum(np.abs(cosine), _NO_COSINE))


def told_by_place(question: Question, there: np.ndarray) -> bool:
    """Whether the lit pixels of a mask [slow, fast] are those beyond a ring about the beam: then its place says as well
    as a value which pixels they are."""
    try:
        detector = question.detector
    except DescriptionRefused:
        return False
    lit = np.flatnonzero(question.pair.x)
    rows, columns = np.divmod(lit[::max(1, lit.size // _MOST_PIXELS)], question.pair.fast)
    cosine, beyond = detector.cos_twotheta(columns, rows), there[rows, columns]
    return bool(beyond.any() and not beyond.all() and cosine[beyond].max() <= cosine[~beyond].min() + _SAME_RING)


def _within(factor: np.ndarray, weight: np.ndarray, starts: np.ndarray) -> float:
    """What of a factor's spread is left within the groups that begin at ``starts``, as a share of all of it."""
    factor = factor - np.vdot(weight, factor) / weight.sum()
    whole = float(np.vdot(weight, factor**2))
    if not whole > 0:
        return 1.0
    groups = np.add.reduceat(weight, starts)
    means = np.add.reduceat(weight * factor, starts) / np.where(groups > 0, groups, 1)
    return float(np.sqrt(max(0.0, 1 - float(np.vdot(groups, means**2)) / whole)))
