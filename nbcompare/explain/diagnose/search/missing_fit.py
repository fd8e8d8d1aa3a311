"""Reflections that the subject's list has not: which of them, read off the light of both images.

A missing reflection has the F of unlisted ones, no other; so each listed one is there or is not, and its light says
which. Where light of one shines into others, as between interpolated F, that is seen a few at a time: every render
shows more of them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nbcompare.explain.diagnose.causes import REFLECTION_MISSING
from nbcompare.explain.diagnose.hypotheses.candidate import Candidate
from nbcompare.explain.diagnose.hypotheses.file_table import list_edit
from nbcompare.explain.diagnose.reflection_table import ReflectionTable, reflection_table
from nbcompare.explain.diagnose.search import limits
from nbcompare.explain.diagnose.search.trials import CauseTrials, Reading

_FAINT = 3e-6
"""Share of the peak from which on a pixel tells of its reflection: less is no more than a proof allows."""

_RANGE = 0.01
"""Light that changes by more than this factor, or its inverse, is as good as gone, or as come up from nothing."""

_TELLING, _CHANGED = 0.05, 1e-5
"""An F that is no further from that of unlisted ones says nothing; light that changes by less has not changed."""

_PLAINLY, _AT_ALL = 0.5, 0.01
"""Share of the way from listed to unlisted light from which on a reflection is plainly missing; and from which on it
may be, where none is plainly."""

_REACH = 2
"""Indices apart that interpolated F reach."""

_WORTH_GOING_ON = 0.7
"""What the first render may leave of the difference."""


def missing_trials(trials: CauseTrials) -> Iterator[tuple[Candidate, Reading]]:
    """The list without the reflections that seem missing, more of them in each round that brings it nearer."""
    question, pair = trials.question, trials.question.pair
    table = reflection_table(question, _FAINT) if question.amplitudes and pair.all_finite else None
    if table is None or not question.command.has("-hkl"):
        return
    now, lost, barred, left = pair.x, np.zeros(len(table.hkl), bool), np.zeros(len(table.hkl), bool), np.inf
    for _ in range(limits.MISSING_ROUNDS):
        turned = _turned(trials, table, now, lost, barred)
        if turned.size == 0:
            return
        other = lost.copy()
        other[turned] = ~other[turned]
        candidate = _candidate(trials, table, other)
        parts = trials.images(candidate)
        reading = trials.reading(parts)
        yield candidate, reading
        if parts is None or reading.holds or left == np.inf and reading.left > _WORTH_GOING_ON:
            return
        if reading.left >= left:
            barred[turned] = True
            continue
        barred[:] = False
        lost, left, now = other, reading.left, pair.y.copy()  # what lies outside the regions stays as it is now known
        for region, part in zip(trials.regions, parts, strict=True):
            now[region.slices] = part


def _turned(trials: CauseTrials, table: ReflectionTable, now: np.ndarray, lost: np.ndarray,
            barred: np.ndarray) -> np.ndarray:
    """Places in the table of reflections that seem to be there in one of both alone: all that plainly are; of those
    that may be the one whose light differs most; at last one after another of those that shine into the light that
    still differs most, and of those that were taken for missing."""
    ours, theirs = table.sums(now), table.sums(trials.question.pair.y)
    with np.errstate(divide="ignore", invalid="ignore"):
        square = (trials.question.command.number("-default_F") / table.listed) ** 2
        wanted = np.log(np.clip(np.where(lost, 1 / square, square), _RANGE, 1 / _RANGE))
        seen = np.log(np.clip(theirs / ours, _RANGE, 1 / _RANGE))
        share = np.where(np.isfinite(wanted) & (np.abs(wanted) > _TELLING) & (np.abs(seen) > _CHANGED) & ~barred,
                         seen / wanted, 0.0)
    share = np.nan_to_num(share)
    plain = np.flatnonzero(share > _PLAINLY)
    if plain.size:
        return plain
    off = np.abs(theirs - ours)
    some = np.flatnonzero(share > _AT_ALL)
    if some.size:
        return some[np.argsort(-off[some], kind="stable")[:1]]
    away = np.abs(table.hkl - table.hkl[np.argmax(off)]).max(axis=1)
    near = np.flatnonzero((away <= _REACH) & np.isfinite(table.listed) & ~barred)
    near = near if near.size else np.flatnonzero(lost & ~barred)
    return near[np.argsort(away[near], kind="stable")[:1]]


def _candidate(trials: CauseTrials, table: ReflectionTable, lost: np.ndarray) -> Candidate:
    gone = set(map(tuple, table.hkl[lost].tolist()))
    named = ", ".join(f"({h},{k},{l})" for h, k, l in sorted(gone)[:6])
    words = f"{len(gone)} reflection{'s are' if len(gone) != 1 else ' is'} missing from the list: {named}" \
            f"{', ...' if len(gone) > 6 else ''}"

    def without(reflections: np.ndarray) -> np.ndarray:
        kept: np.ndarray = np.array([tuple(map(int, row[:3])) not in gone for row in reflections.tolist()], bool)
        rest: np.ndarray = reflections[kept]
        return rest

    return Candidate(REFLECTION_MISSING, words, trials.question.command, 0.6,
                     (list_edit(f"without {sorted(gone)}", without),), source="structure factors read off the spots")
