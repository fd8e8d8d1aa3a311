"""Physics causes that change the shape of spots or the whole pattern: only guesses, for the tested layer to prove.

From matched peaks: are they as bright, as high, as wide? And at last: is this an image of the same thing at all?
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nbcompare.explain.diagnose.cause import Cause, guess, guessed
from nbcompare.explain.diagnose.causes import SPOT_INTENSITIES, SPOTS_NARROWER, SPOTS_WIDER, UNRELATED_IMAGE
from nbcompare.explain.diagnose.image_pair import ImagePair
from nbcompare.explain.diagnose.question import Question

_HALF = 4


def find_spot_shapes(question: Question) -> Iterator[Cause]:
    """Compare widths and brightness of peaks that are found in both images."""
    pair = question.pair
    if pair.agree or not pair.all_finite or len(pair.peaks[0]) < 2:
        return
    matched = pair.matched
    if len(matched.pairs) < max(2, 0.5 * len(pair.peaks[0])):
        return
    widths, sums = _shapes(pair)
    if widths.size < 2:
        return
    wide, bright = float(np.median(widths)), float(np.std(np.log(np.maximum(sums, 1e-30))))
    evidence = (f"over {widths.size} matched peaks the width changes by {wide:.4g} (median), the intensities scatter "
                f"by {100 * bright:.2g} %",)
    if abs(wide - 1) > 0.01:
        id, words = (SPOTS_WIDER, "wider") if wide > 1 else (SPOTS_NARROWER, "narrower")
        yield guessed(id, f"the subject's spots are {words}, {wide:.4g} times", evidence, confidence=guess(0.35),
                      prior=0.3)
    elif bright > 0.02:
        yield guessed(SPOT_INTENSITIES, "the spots are in place, but their intensities differ", evidence,
                      confidence=guess(0.3), prior=0.25)


def _shapes(pair: ImagePair) -> tuple[np.ndarray, np.ndarray]:
    """(width ratio, intensity ratio) of each matched peak, from boxes around the reference's."""
    widths, sums = [], []
    for match in pair.matched.pairs:
        row, column = int(round(match.reference.y)), int(round(match.reference.x))
        box = (slice(max(0, row - _HALF), row + _HALF + 1), slice(max(0, column - _HALF), column + _HALF + 1))
        ours, theirs = pair.x[box], pair.y[box]
        if ours.sum() > 0 and theirs.sum() > 0 and ours.max() > 0 and theirs.max() > 0:
            sums.append(theirs.sum() / ours.sum())
            widths.append(np.sqrt(theirs.sum() / theirs.max() * ours.max() / ours.sum()))
    return np.array(widths), np.array(sums)


def find_unrelated(question: Question) -> Iterator[Cause]:
    """Nothing of the reference's pattern is found in the subject."""
    pair = question.pair
    if pair.agree or not pair.all_finite or pair.correlation > 0.3 or pair.y.max() == pair.y.min():
        return
    ours, shared = len(pair.peaks[0]), len(pair.matched.pairs)
    if ours and shared > 0.6 * ours and pair.correlation > 0.1:
        return
    yield guessed(UNRELATED_IMAGE,
                  "the subject's pattern is another one: a stale image, or another crystal, orientation or "
                  "geometry",
                  (f"correlation {pair.correlation:.3g}; {shared} of {ours} peaks have a partner nearby",),
                  confidence=guess(0.3), prior=0.2)


FINDERS = (find_spot_shapes, find_unrelated)
