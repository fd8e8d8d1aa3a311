"""Several defects of the C program at once: all are switched on or off together, and those that are not needed are
taken back one by one.

What is left is a minimal set: together they give the subject, and none of them can be left out.
"""

from __future__ import annotations

from collections.abc import Iterable

from nbcompare.explain.diagnose.hypotheses.candidate import Candidate
from nbcompare.explain.diagnose.hypotheses.emulation_table import LIKELY, SOURCE, shows, words_of
from nbcompare.explain.diagnose.search import limits
from nbcompare.explain.diagnose.search.trials import CauseTrials, Reading


def emulated_together(trials: CauseTrials) -> tuple[list[tuple[Candidate, Reading]], bool]:
    """One candidate for each defect of a minimal set that gives the subject, with the reading of them together, none
    where not even all together do; and whether all together change the image at all."""
    matter = False
    offered = frozenset(trials.offered)
    base = offered if "all" in trials.emulate else trials.emulate
    for end in (frozenset(), offered):
        changed = sorted(base ^ end, key=lambda name: shows(name, trials.question))
        if len(changed) < 2:
            continue
        reading = _read(trials, base, changed)
        if reading.holds:
            needed, reading = _needed(trials, base, changed, reading)
            return [(_candidate(trials, base, needed, name), reading) for name in needed], True
        matter |= abs(reading.left - 1) > limits.MATTERS
    return [], matter


def _needed(trials: CauseTrials, base: frozenset[str], changed: list[str],
            reading: Reading) -> tuple[list[str], Reading]:
    """Those of the changed ones that cannot be taken back; first all at once that this command cannot show."""
    shown = [name for name in changed if shows(name, trials.question)]
    if shown and (found := _read(trials, base, shown)).holds:
        changed, reading = shown, found
    for name in list(changed):
        fewer = [other for other in changed if other != name]
        if fewer and trials.within(limits.EMULATED_TOGETHER) and (found := _read(trials, base, fewer)).holds:
            changed, reading = fewer, found
    return changed, reading


def _read(trials: CauseTrials, base: frozenset[str], changed: Iterable[str]) -> Reading:
    return trials.try_one(_candidate(trials, base, changed, next(iter(changed))))


def _candidate(trials: CauseTrials, base: frozenset[str], changed: Iterable[str], name: str) -> Candidate:
    """The command with the emulations of the baseline, but for the changed ones; it speaks of one of these."""
    return Candidate(name, words_of(name, name in base), trials.question.command, LIKELY,
                     emulate=base ^ frozenset(changed), source=SOURCE)
