"""Geometry cause: the subject is the reference smoothed by a Gaussian, of one width along each axis.

Of a smooth image any small kernel does as well as any other, and a free fit finds one that moves it as well. A Gaussian
has two numbers alone, which an image that has anything in it tells.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from nbcompare.explain.diagnose import causes
from nbcompare.explain.diagnose.cause import Cause, carried_out
from nbcompare.explain.diagnose.image_pair import CauseProof, ImagePair
from nbcompare.explain.diagnose.question import Question

_FIRST_WIDTHS = (0.25, 0.35, 0.5, 0.7, 1.0, 1.5, 2.2)
_WIDEST = 3.0
_CUT = 4.0
"""A Gaussian is cut off at so many times its width, as is usual."""

_MOST_ROUNDS, _PARTS = 16, (1.0, 0.4, 0.1)
"""Steps of a fit, each as long as it is found, or a part of that where it goes too far."""

_ROUNDED, _OF_THE_CHANGE, _AT_MOST = 1.5e-7, 1e-4, 2e-3
"""A blur leaves so much of the image, which is what rounding to float32 leaves, or of what it changes; and never more
than the last share of that: what smooths a smooth image in another way is nearly a Gaussian as well."""

_SQUARE, _BORDER, _OF_THE_SIDE = 160, 12, 5
"""Pixels along a side of what a width is fitted on, and from its edges, of a small image this part of its side."""


def find_smoothed(question: Question) -> Iterator[Cause]:
    """A Gaussian of one width along each axis."""
    pair = question.pair
    if pair.agree or not pair.all_finite or min(pair.x.shape) < 16 or abs(pair.scale[0] - 1) > 0.5:
        return
    widths = _fitted(*_square(pair))
    if widths is None:
        return
    edge = math.ceil(_CUT * max(widths)) + 1
    if min(pair.x.shape) <= 3 * edge:
        return
    away = _inside(pair, edge)
    proof = pair.prove(_smoothed(pair.x, *widths), away)
    changed = float(np.linalg.norm(np.where(away, pair.difference, 0)))
    if proof.holds and _leaves_rounding(pair, proof, changed):
        along = f"{widths[1]:.4g} pixels" if math.isclose(*widths, rel_tol=1e-3) else \
            f"{widths[1]:.4g} pixels along fast and {widths[0]:.4g} along slow"
        yield carried_out(causes.BLURRED, f"the subject is the reference smoothed by a Gaussian of width {along}",
                          (f"away from the edges the smoothed reference is the subject to {proof.residual:.2g} of the "
                           "peak",), residual=proof.residual, left=proof.left, what=f"Gaussian of width {along}",
                          confidence=0.95, prior=0.75)


def _leaves_rounding(pair: ImagePair, proof: CauseProof, changed: float) -> bool:
    enough = max(_ROUNDED * float(np.linalg.norm(pair.y)), _OF_THE_CHANGE * changed)
    return proof.left * pair.power <= min(enough, _AT_MOST * changed)


def _inside(pair: ImagePair, edge: int) -> np.ndarray:
    """Where neither an edge of the image nor a gap is near."""
    away = np.zeros(pair.x.shape, bool)
    away[edge:-edge, edge:-edge] = True
    if pair.gaps is not None:
        from scipy import ndimage

        away &= ~ndimage.maximum_filter(pair.gaps, 2 * edge + 1)
    return away


def _square(pair: ImagePair) -> tuple[np.ndarray, np.ndarray]:
    """Both images about the pixel that differs most."""
    row, column = divmod(int(np.argmax(np.abs(pair.difference))), pair.fast)
    starts = (max(0, min(at - _SQUARE // 2, size - _SQUARE)) for at, size in ((row, pair.slow), (column, pair.fast)))
    rows, columns = (slice(start, start + _SQUARE) for start in starts)
    return pair.x[rows, columns], pair.y[rows, columns]


def _fitted(x: np.ndarray, y: np.ndarray) -> tuple[float, float] | None:
    """The widths (slow, fast) that bring x nearest to y, by their squares, in which a narrow Gaussian is linear; None
    where no width leaves next to nothing of what it changes."""
    border = min(_BORDER, min(x.shape) // _OF_THE_SIDE)
    inner = np.s_[border:-border, border:-border]
    aim, before = y[inner].ravel(), float(np.linalg.norm((y - x)[inner]))
    if before == 0:
        return None

    def off(slow: float, fast: float) -> float:
        return float(np.linalg.norm(_smoothed(x, slow, fast)[inner].ravel() - aim))

    first = min(_FIRST_WIDTHS, key=lambda width: off(width, width))
    if off(first, first) >= before:
        return None
    at, error = np.full(2, first**2), off(first, first)
    for _ in range(_MOST_ROUNDS):
        now = _smoothed(x, *np.sqrt(at))[inner].ravel()
        slopes = [(_smoothed(x, *np.sqrt(at + step))[inner].ravel() - now) / step.max() for step in
                  np.diag(1e-4 * at)]
        change, *_ = np.linalg.lstsq(np.stack(slopes, axis=1), aim - now, rcond=None)
        trials = [np.clip(at + part * change, at / 4, np.minimum(4 * at, _WIDEST**2)) for part in _PARTS]
        trial, moved = next(((trial, to) for to in trials if (trial := off(*np.sqrt(to))) < error), (error, at))
        gain, at, error = trial / error, moved, trial
        if gain > 0.999 or error == 0:
            break
    return (float(math.sqrt(at[0])), float(math.sqrt(at[1]))) if error < 0.05 * before else None


def _smoothed(image: np.ndarray, slow: float, fast: float) -> np.ndarray:
    from scipy import ndimage

    smoothed: np.ndarray = ndimage.gaussian_filter(image, (slow, fast), truncate=_CUT)
    return smoothed


FINDERS = (find_smoothed,)
