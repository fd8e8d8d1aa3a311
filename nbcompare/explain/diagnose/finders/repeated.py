"""Data cause: rows, or columns, hold once more what the one beside them holds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nbcompare.explain.diagnose import causes
from nbcompare.explain.diagnose.cause import Cause, carried_out
from nbcompare.explain.diagnose.question import Question


def find_repeated(question: Question) -> Iterator[Cause]:
    """Lines of the subject that are the line before or after them, bit for bit, where the reference's are not."""
    pair = question.pair
    if pair.agree or not pair.all_finite:
        return
    for axis, name in ((0, "row"), (1, "column")):
        ours, theirs, same = (image if axis == 0 else image.T for image in (pair.reference, pair.subject, pair.same))
        for step, words in ((1, "before"), (-1, "after")):
            gone = ~(pair.measured if axis == 0 else pair.measured.T)
            beside = _as_beside(theirs, gone, step) & ~_as_beside(ours, gone, step) & ~same.all(axis=1)
            again = np.flatnonzero(beside)
            if not (beside & theirs.any(axis=1)).any() or again.size > len(ours) // 2:
                continue  # dark lines beside dark ones say nothing where no other line is repeated
            edited = pair.x.copy() if axis == 0 else pair.x.T.copy()
            edited[again] = edited[again - step]
            seen = np.ones(edited.shape, bool)
            seen[again] = ~gone[again - step]
            seen[_of_unseen(gone, step) & ~same.all(axis=1)] = False
            proof = pair.prove(*((edited, seen) if axis == 0 else (edited.T, seen.T)))
            if proof.holds:
                lines = f"{name}{'s' if again.size > 1 else ''}"
                yield carried_out(causes.LINES_REPEATED, f"{again.size} {lines} of the subject, from {again[0]} on, "
                                  f"repeat{'s' if again.size == 1 else ''} the {name} {words}",
                                  ("bit for bit, and the reference's do not",), residual=proof.residual,
                                  left=proof.left, what=f"{lines} repeated", confidence=0.97, prior=0.8)
                return


def _as_beside(image: np.ndarray, gone: np.ndarray, step: int) -> np.ndarray:
    """Of each row, whether it is the one before (1) or after it (-1) at the pixels where neither is ``gone``, of which
    there have to be some."""
    same = np.zeros(len(image), dtype=bool)
    inner = slice(1, None) if step == 1 else slice(None, -1)
    other = slice(None, -1) if step == 1 else slice(1, None)
    unseen = gone[inner] | gone[other]
    same[inner] = ((image[inner] == image[other]) | unseen).all(axis=1) & ~unseen.all(axis=1)
    return same


def _of_unseen(gone: np.ndarray, step: int) -> np.ndarray:
    """Of each row, whether no measurement is left of the one before (1) or after it (-1): it may hold that once more,
    and nobody knows."""
    beside = np.roll(gone.all(axis=1), step)
    beside[0 if step == 1 else -1] = False
    return beside


FINDERS = (find_repeated,)
