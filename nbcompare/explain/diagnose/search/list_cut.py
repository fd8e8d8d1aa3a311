"""A list of structure factors that is read in part: reflections listed before some line are there, later ones are not.

The spots say between which lines the cut lies, the last reflection that is there and the first that is gone; the
pixels of a trial that went wrong say on which side of it to go on. Reflections missing here and there, in no order
of the list, are in ``reflections.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nbcompare.explain.diagnose.cause import STRICT, Cause, guess, guessed
from nbcompare.explain.diagnose.causes import HKL_TRUNCATED
from nbcompare.explain.diagnose.hypotheses.candidate import Candidate
from nbcompare.explain.diagnose.hypotheses.file_table import list_edit
from nbcompare.explain.diagnose.list_of_f import read_list
from nbcompare.explain.diagnose.question import Question
from nbcompare.explain.diagnose.reflection_table import reflection_table
from nbcompare.explain.diagnose.search.trials import CauseTrials, Reading

_FEWEST = 4
"""So many reflections must be there, and so many be gone: in the list's order by chance once in 70 times at most."""

_MISPLACED = 0.02
"""Share of the fewer ones that may stand on the wrong side: bright neighbours shine into their pixels."""

_TELLING = 0.1
"""A reflection tells whether it is read when its intensity changes by more than this share."""

_MOST_TRIALS = 20
_PARTS = (2, 3, 4, 8)
"""A half of the list, a third and so on are tried where the whole of it may be unread."""


@dataclass(frozen=True)
class ListCut:
    """Records of the list that are read: the first ``n`` or, with ``from_end``, those from record ``n`` on, where ``n``
    lies in low <= n <= high. ``place`` gives the record of any reflection, ``total`` their number."""

    low: int
    high: int
    from_end: bool
    total: int
    place: ListPlaces
    here: int
    gone: int

    def words(self, count: int) -> str:
        what = "the first {} of {} records are lost" if self.from_end else "only the first {} of {} records are read"
        return f"list of F: {what.format(count, self.total)} (the spots allow {self.low} to {self.high})"

    def candidate(self, question: Question, count: int) -> Candidate:
        return _cut_candidate(question, self.words(count), count, self.from_end)


class ListPlaces:
    """At which record of a list each reflection stands; the last one counts where it is listed twice."""

    def __init__(self, hkl: np.ndarray) -> None:
        self.low, self.size = hkl.min(axis=0), hkl.max(axis=0) - hkl.min(axis=0) + 1
        keys, first_from_end = np.unique(self._keys(hkl)[::-1], return_index=True)
        self.keys, self.records = keys, len(hkl) - 1 - first_from_end

    def __call__(self, hkl: np.ndarray) -> np.ndarray:
        """The record of each reflection [n, 3]; -1 where it is not listed."""
        inside = ((hkl >= self.low) & (hkl < self.low + self.size)).all(axis=1)
        keys = np.where(inside, self._keys(hkl), -1)
        at = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[at] == keys, self.records[at], -1)

    def _keys(self, hkl: np.ndarray) -> np.ndarray:
        keys: np.ndarray = np.ravel_multi_index(tuple((hkl - self.low).T), tuple(self.size), mode="wrap")
        return keys


# --- what the spots say ----------------------------------------------------------------------------------------------


def bracket(question: Question) -> ListCut | None:
    """Between which records the list is cut, or None where the reflections do not go out in its order."""
    item, lattice = question.command.find("-hkl"), question.lattice
    read = read_list(question.folder / item.values[0]) if item and item.values and lattice else None
    table = reflection_table(question) if read is not None and question.pair.all_finite else None
    if table is None or read is None:
        return None
    hkl, amplitudes = read
    place = ListPlaces(hkl)
    records = place(table.hkl)
    listed = (records >= 0) & (table.x > 0)
    records, ratio = records[listed], table.y[listed] / table.x[listed]
    default = question.command.number("-default_F")
    with np.errstate(divide="ignore", over="ignore"):
        unread = (default / amplitudes[records]) ** 2
    telling = np.abs(unread - 1) > _TELLING
    here = telling & (np.abs(ratio - 1) < 0.1 * _TELLING)
    gone = telling & (np.abs(ratio - unread) < 0.1 * _TELLING * np.maximum(1, unread)) & ~here
    if min(here.sum(), gone.sum()) < _FEWEST or (here | gone).sum() < 0.8 * telling.sum():
        return None
    return _between(records[here], records[gone], len(hkl), place)


def _between(here: np.ndarray, gone: np.ndarray, total: int, place: ListPlaces) -> ListCut | None:
    """The cut that has fewest reflections on its wrong side, if these are few."""
    for from_end in (False, True):
        first, last = (gone, here) if from_end else (here, gone)
        records = np.concatenate((first, last))
        order = np.argsort(records, kind="stable")
        early = (np.arange(len(records)) < len(first))[order]
        wrong = np.concatenate(([0], np.cumsum(~early))) + np.concatenate((np.cumsum(early[::-1])[::-1], [0]))
        best = int(np.argmin(wrong))
        if wrong[best] <= _MISPLACED * min(len(here), len(gone)):
            ordered = records[order]
            return ListCut(int(ordered[best - 1]) + 1, int(ordered[best]), from_end, total, place, len(here), len(gone))
    return None


def find_list_cut(question: Question) -> Iterator[Cause]:
    """The list is read up to a line, or from a line on."""
    found = None if question.pair.agree else bracket(question)
    if found is not None:
        where = f"between records {found.low} and {found.high} of {found.total}"
        some = "those before are not read" if found.from_end else "those after are not read"
        yield guessed(HKL_TRUNCATED, f"the list of structure factors is cut {where}: {some}",
                      (f"{found.here} reflections are as before and {found.gone} are gone, in the order of the list",),
                      confidence=guess(0.8), prior=0.75)


# --- trials ----------------------------------------------------------------------------------------------------------


def cut_trials(trials: CauseTrials) -> Iterator[tuple[Candidate, Reading]]:
    """Render lists cut within the bracket until one holds, each on the side that the pixels of the last one name."""
    question = trials.question
    cut = bracket(question)
    if cut is None:
        return
    low, high = cut.low, cut.high
    records = _records_of_pixels(trials, cut.place)
    for _ in range(_MOST_TRIALS):
        count = (low + high) // 2
        candidate = cut.candidate(question, count)
        parts = trials.images(candidate)
        reading = trials.reading(parts)
        yield candidate, reading
        if parts is None or reading.holds or low >= high:
            return
        wrong = _wrong_records(trials, parts, records, low, high)
        below, above = wrong[wrong < count], wrong[wrong >= count]
        if len(below) >= len(above) and len(below):
            high = int(below.min())
        elif len(above):
            low = int(above.max()) + 1
        else:
            return


def unseen_cuts(question: Question) -> list[Candidate]:
    """The list of F cut to some of its first records, which gives the image of no list at all where none of those
    lights a pixel; longest first."""
    item = question.command.find("-hkl")
    read = read_list(question.folder / item.values[0]) if item and item.values else None
    total = 0 if read is None else len(read[0])
    counts = [count for count in dict.fromkeys(total // part for part in _PARTS) if count]
    return [_cut_candidate(question, f"list of F: only the first {count} of {total} records are read", count)
            for count in counts]


def _cut_candidate(question: Question, words: str, count: int, from_end: bool = False) -> Candidate:
    edit = list_edit(words, lambda t: t[count:] if from_end else t[:count])
    return Candidate(HKL_TRUNCATED, words, question.command, 0.75, (edit,), source="the order of the list")


def _records_of_pixels(trials: CauseTrials, place: ListPlaces) -> list[np.ndarray]:
    """The record of the reflection that each pixel of the regions belongs to."""
    question, out = trials.question, []
    assert question.lattice is not None, "reflections were indexed by it"
    middle = float(np.median(question.setting.phis))
    for region in trials.regions:
        rows, columns = np.mgrid[region.slices]
        indices = question.lattice.indices(question.detector, columns.ravel(), rows.ravel(), middle)
        out.append(place(np.ceil(indices - 0.5).astype(int)).reshape(rows.shape))
    return out


def _wrong_records(trials: CauseTrials, parts: list[np.ndarray], records: list[np.ndarray], low: int,
                   high: int) -> np.ndarray:
    """Records within the bracket whose pixels are not the subject's."""
    limit = STRICT * trials.question.pair.yardstick
    wrong = np.concatenate([record[np.abs(part - aim) > limit]
                            for part, aim, record in zip(parts, trials.subject, records, strict=False)])
    return np.unique(wrong[(wrong >= low) & (wrong < high)])


FINDERS = (find_list_cut,)
