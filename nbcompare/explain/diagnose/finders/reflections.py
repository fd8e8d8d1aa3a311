"""Physics causes in the list of reflections: missing, extra, scaled, exchanged or misread structure factors.

Bright pixels are given to the reflection nearest to them; the ratio of the images, reflection by reflection, is
held against what each mistake with the list would give.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nbcompare.explain.diagnose import causes
from nbcompare.explain.diagnose.cause import Cause, guess, guessed
from nbcompare.explain.diagnose.list_of_f import PERMUTATIONS, SIGNS, Amplitudes, signed_names
from nbcompare.explain.diagnose.question import Question
from nbcompare.explain.diagnose.reflection_table import ReflectionTable, reflection_table

_ENOUGH = 4
_SHAPE_KEPT = 0.3
"""What may be left of the difference when each reflection has a factor of its own, for its F to be another one."""


def find_reflections(question: Question) -> Iterator[Cause]:
    """Mistakes with the list of structure factors."""
    pair = question.pair
    if pair.agree or not pair.all_finite or question.lattice is None:
        return
    table = reflection_table(question)
    if table is None or len(table.hkl) < _ENOUGH or not _in_place(table):
        return
    yield from _single(question, table)
    if question.amplitudes is not None:
        yield from _list_edits(question.amplitudes, table)
        yield from _unlisted(table)


def _in_place(table: ReflectionTable) -> bool:
    """Whether the patterns lie on each other: most light of each image where the other has some."""
    both = (table.x > 0) & (table.y > 0)
    return bool(table.x[both].sum() > 0.2 * table.x.sum() or table.y[both].sum() > 0.2 * table.y.sum())


def _single(question: Question, table: ReflectionTable) -> Iterator[Cause]:
    """A few reflections differ, the others are the same."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(table.x > 0, table.y / table.x, np.inf)
    off = np.abs(ratio - 1) > 1e-4
    if table.left_by_ratios(question.pair.x, question.pair.y) > _SHAPE_KEPT:
        return  # the spots have another shape or place: that is no matter of F
    count = int(np.count_nonzero(off))
    if not 0 < count <= max(1, 0.4 * len(off)):
        return
    kinds = ((causes.REFLECTION_MISSING, off & (ratio < 0.02), "missing"), (causes.REFLECTION_EXTRA,
                                                                            off & (ratio > 50), "only in the subject"),
             (causes.REFLECTION_CHANGED, off & (ratio >= 0.02) & (ratio <= 50), "of another intensity"))
    for id, which, words in kinds:
        found = int(np.count_nonzero(which))
        if found and found >= 0.6 * count:
            named = ", ".join(f"({h},{k},{l})" for h, k, l in table.hkl[which][:6])
            some = f"ratio {float(np.median(ratio[which])):.4g}; " if id == causes.REFLECTION_CHANGED else ""
            yield guessed(id, f"{found} of {len(off)} reflections {'is' if found == 1 else 'are'} {words}: {named}",
                          (f"{some}{len(off) - count} reflections have the same intensity in both images",),
                          confidence=guess(0.75 if count <= 0.2 * len(off) else 0.5), prior=0.7)


# --- the whole list -----------------------------------------------------------------------------------------------

def _list_edits(amplitudes: Amplitudes, table: ReflectionTable) -> Iterator[Cause]:
    """Predict every reflection's ratio under each mistake and count the hits."""
    here = amplitudes(table.hkl)
    usable = (here > 0) & (table.x > 0)
    if np.count_nonzero(usable) < _ENOUGH:
        return
    ratio, here, hkl = table.y[usable] / table.x[usable], here[usable], table.hkl[usable]
    still = float(np.mean(np.abs(ratio - 1) < 0.01))
    for id, other, words in _other_lists(amplitudes, hkl):
        expected = (other / here) ** 2
        hits = float(np.mean(np.abs(ratio - expected) <= 0.02 * expected + 1e-4))
        idle = float(np.mean(np.abs(expected - 1) < 0.01))
        if hits > 0.6 and hits > still + 0.3 and idle < 0.6:
            yield guessed(id, words,
                          (f"predicts the ratio of {100 * hits:.0f} % of {ratio.size} reflections; "
                           f"{100 * still:.0f} % are the same in both images",),
                          confidence=guess(0.4 + 0.4 * hits), prior=0.75)
    yield from _power_of_f(ratio, here)


def _other_lists(f: Amplitudes, hkl: np.ndarray) -> Iterator[tuple[str, np.ndarray, str]]:
    """(id, the F of each reflection, words) under each mistake with the list."""
    yield causes.HKL_FRIEDEL, f(-hkl), "every reflection has the F of its Friedel mate (-h,-k,-l)"
    for signs in SIGNS:
        yield causes.HKL_SIGN, f(hkl * signs), f"every reflection has the F of ({signed_names(signs)})"
    for words, order in PERMUTATIONS.items():
        yield causes.HKL_ORDER, f(hkl[:, order]), f"the indices are read in the order {words}"
    for axis, name in enumerate("hkl"):
        for step in (1, -1):
            moved = hkl.copy()
            moved[:, axis] += step
            yield causes.HKL_OFF_BY_ONE, f(moved), f"every reflection has the F of {name}{step:+d}"


def _power_of_f(ratio: np.ndarray, here: np.ndarray) -> Iterator[Cause]:
    """ratio = c F^p: F read as F^2, or squared twice."""
    keep = ratio > 0
    x, y = np.log(here[keep]), np.log(ratio[keep])
    if x.size < _ENOUGH or x.std() < 0.05:
        return
    slope, intercept = np.polyfit(x, y, 1)
    if abs(slope) < 0.3 or float(np.std(y - slope * x - intercept)) > 0.05 * abs(slope) * float(x.std()) + 0.01:
        return
    yield guessed(causes.AMPLITUDE_NOT_SQUARED,
                  f"each reflection's intensity is multiplied by F^{slope:.3g}: the list is not used as "
                  "amplitudes",
                  (f"log-log line over {x.size} reflections",), confidence=guess(0.75), prior=0.7)


def _unlisted(table: ReflectionTable) -> Iterator[Cause]:
    """Listed reflections agree, those not listed do not."""
    known = np.isfinite(table.listed)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(table.x > 0, table.y / table.x, np.inf)
    same = np.abs(ratio - 1) < 1e-4
    if not known.any() or np.count_nonzero(~known) < 2 or not same[known].mean() > 0.95 or same[~known].mean() > 0.2:
        return
    yield guessed(causes.DEFAULT_F_VALUE, "reflections that are not in the list have another structure factor",
                  (f"{np.count_nonzero(known)} listed reflections agree; {np.count_nonzero(~known & ~same)} of "
                   f"{np.count_nonzero(~known)} others do not",),
                  confidence=guess(0.7), prior=0.7)


FINDERS = (find_reflections,)
