"""Structure factors of the list, read off the subject: every reflection gets the F that its spot shows.

The light of a spot says F up to what its neighbours shine into it, so that a few rounds are needed. A list whose spots
have other shapes or places has no such answer, and is not tried.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from nbcompare.explain.diagnose.causes import REFLECTION_CHANGED, REFLECTION_MISSING, mistake_id
from nbcompare.explain.diagnose.hypotheses.candidate import Candidate
from nbcompare.explain.diagnose.hypotheses.file_table import list_edit
from nbcompare.explain.diagnose.question import Question
from nbcompare.explain.diagnose.reflection_table import ReflectionTable, reflection_table
from nbcompare.explain.diagnose.search import limits
from nbcompare.explain.diagnose.search.trials import CauseTrials, Reading

HKL_IGNORED = mistake_id("hkl", "ignored")

_CHANGED = 1e-4
"""A reflection is another one when its light changes by more than this share."""

_BY_A_RULE = 0.9
"""A mistake with the whole list fits where it says the F of so many lit reflections, to a thousandth."""

_ALIKE = 0.01
"""Changes that differ by less than this share of the largest are one."""


def reflection_trials(trials: CauseTrials) -> Iterator[tuple[Candidate, Reading]]:
    """The list with the F that the subject shows, round by round."""
    question, pair = trials.question, trials.question.pair
    table = reflection_table(question) if question.amplitudes and pair.all_finite else None
    if table is None or table.left_by_ratios(pair.x, pair.y) > limits.SPOTS_KEEP_SHAPE:
        return
    squares, now = np.ones(len(table.hkl)), pair.x
    for _ in range(limits.REFLECTION_ROUNDS):
        ratio = _ratio(table.sums(now), table.sums(pair.y))
        squares = np.where(np.isfinite(ratio), squares * ratio, squares)
        if not np.isfinite(table.listed[np.abs(squares - 1) > _CHANGED]).any() or _one_factor(squares):
            return
        candidate = _candidate(trials, table, squares)
        parts = trials.images(candidate)
        reading = trials.reading(parts)
        yield candidate, reading
        if parts is None or reading.holds or reading.left > limits.SPOTS_KEEP_SHAPE:
            return
        now = pair.y.copy()  # what lies outside the regions stays as it is now known
        for region, part in zip(trials.regions, parts, strict=True):
            now[region.slices] = part


def _one_factor(squares: np.ndarray) -> bool:
    """Whether the light of all that is lit changes alike, as that of a single reflection does: that is a factor of the
    image, which nobody can tell from another F of all of them."""
    changes = squares - 1
    return float(np.ptp(changes)) <= _ALIKE * float(np.abs(changes).max(initial=0.0))


def _ratio(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    ratio: np.ndarray = np.divide(y, x, out=np.full(len(x), np.nan), where=x > 0)
    return ratio


def _candidate(trials: CauseTrials, table: ReflectionTable, squares: np.ndarray) -> Candidate:
    other = (np.abs(squares - 1) > _CHANGED) & np.isfinite(table.listed)
    unlisted = (trials.question.command.number("-default_F") / table.listed[other]) ** 2
    missing = bool((np.abs(squares[other] - unlisted) < 0.01 * np.maximum(1, unlisted)).all())
    factors = dict(zip(map(tuple, table.hkl[other].tolist()), np.sqrt(squares[other]), strict=True))
    named = ", ".join(f"({h},{k},{l})" for h, k, l in list(factors)[:6])
    count = f"F of {len(factors)} reflection{'s' if len(factors) > 1 else ''}"
    words = f"{count} {'is that of unlisted ones' if missing else 'is another'}: {named}"

    def change(t: np.ndarray) -> np.ndarray:
        return np.array([(h, k, l, f * factors.get((int(h), int(k), int(l)), 1.0)) for h, k, l, f in t.tolist()])

    edit = list_edit(f"{words} {hash(tuple(factors.values()))}", change)
    id = REFLECTION_MISSING if missing else REFLECTION_CHANGED
    return Candidate(id, words, trials.question.command, 0.5, (edit,), source="structure factors read off the spots")


def rules_that_fit(question: Question, fitted: Candidate, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Of other hypotheses those by which the whole list is used otherwise, and the F that were read off the spots come
    about: such a mistake has no number to fit, and where it gives the image too, is what happened."""
    table, path = reflection_table(question), question.files.get("-hkl")
    if table is None or path is None:
        return []
    text = path.read_text(encoding="latin-1")
    lit = [hkl for hkl, listed in zip(map(tuple, table.hkl.tolist()), np.isfinite(table.listed), strict=True) if listed]
    default, now = question.command.number("-default_F"), _by_indices(fitted.files[0].make(text))

    def says(candidate: Candidate) -> bool:
        other = _by_indices(candidate.files[0].make(text)) if candidate.files else {}
        hits = [abs(other.get(hkl, default) - now[hkl]) <= 1e-3 * abs(now[hkl]) for hkl in lit if hkl in now]
        return bool(hits) and float(np.mean(hits)) >= _BY_A_RULE

    of_the_list = [candidate for candidate in candidates if candidate.id == HKL_IGNORED
                   or any(edit.option == "-hkl" for edit in candidate.files)]
    return [candidate for candidate in of_the_list if says(candidate)]


def _by_indices(text: str) -> dict[tuple[int, ...], float]:
    values = np.array(text.split(), float)
    records = values[:values.size // 4 * 4].reshape(-1, 4).tolist()
    return {(int(h), int(k), int(l)): f for h, k, l, f in records}
