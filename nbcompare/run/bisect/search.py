"""Which commit to judge next, and when the first bad one is found.

The commits that may be it are those that lead to a bad one and to no good one. The one that halves them is judged,
until a single one is left; then that and its good parents are judged again. What was judged both ways depends
on chance: it says nothing, and every conclusion that was drawn from it is taken back.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nbcompare.engine.repository.revisions import Revisions
from nbcompare.run.bisect.journal import BAD, GOOD, SKIPPED, Journal, JudgedCommit

Judge = Callable[[str, str], JudgedCommit]
"""Judge a commit once more; the second word says how far the search is."""


@dataclass(frozen=True)
class FirstBadCommit:
    """``first`` is the first bad commit, ``before`` the last good one beside it. Where it cannot be told which of
    several commits it is, ``first`` is None and ``perhaps`` are those, oldest last judged."""

    first: str | None
    before: str | None
    perhaps: tuple[str, ...]
    flaky: tuple[str, ...]


class Search:
    """The search between a good and a bad commit, both judged; the journal knows all that was judged so far. A commit
    at the boundary gets ``tries``."""

    def __init__(self, revisions: Revisions, good: str, bad: str, judge: Judge,
                 journal: Journal, tries: int) -> None:
        self.revisions, self.judge, self.trials, self.tries = revisions, judge, journal.of, tries
        self.judged = list(dict.fromkeys((good, bad, *(trial.sha for trial in journal.trials))))
        self.good, self.bad = good, bad

    def outcome(self, sha: str) -> str:
        """GOOD or BAD where all trials agree, else SKIPPED."""
        found = {trial.outcome for trial in self.trials(sha)}
        return found.pop() if len(found) == 1 else SKIPPED

    @property
    def flaky(self) -> tuple[str, ...]:
        """Commits that were judged both ways."""
        return tuple(sha for sha in self.judged if {GOOD, BAD} <= {trial.outcome for trial in self.trials(sha)})

    def run(self) -> FirstBadCommit:
        """Search until one commit is left, or none that can be judged."""
        while True:
            goods, bad = self._bounds()
            left = self.revisions.between(goods, bad)
            skipped = {sha for sha in self.judged if self.outcome(sha) == SKIPPED}
            candidates = [sha for sha in left if sha != bad and sha not in skipped]
            if candidates:
                self._ask(_middle(candidates, left), len(candidates))
                continue
            before = [sha for sha in self.revisions.boundary(goods, bad) if sha in goods]
            again = next((sha for sha in (bad, *before) if len(self.trials(sha)) < self.tries), None)
            if again:
                self._ask(again, 0)
                self._require_bounds()
                continue
            if len(left) == 1:
                return FirstBadCommit(bad, before[0], (), self.flaky)
            return FirstBadCommit(None, before[0], tuple(left), self.flaky)

    def _ask(self, sha: str, left: int) -> None:
        if sha not in self.judged:
            self.judged.append(sha)
        steps = math.ceil(math.log2(left + 1)) if left else 0
        self.judge(sha, f"{left} left, about {steps} more" if left else "once more, as it is at the boundary")

    def _bounds(self) -> tuple[list[str], str]:
        """The commits known to be good, and of those known to be bad the one that the others come after."""
        bad = self.bad
        for sha in self.judged:
            if self.outcome(sha) == BAD and sha != bad and self.revisions.is_ancestor(sha, bad):
                bad = sha
        return [sha for sha in self.judged if self.outcome(sha) == GOOD], bad

    def _require_bounds(self) -> None:
        """Raises Undecided where an end was judged both ways: nothing can be concluded then."""
        for sha in (self.good, self.bad):
            if sha in self.flaky:
                raise Undecided(sha)


class Undecided(Exception):
    """An end of the range was judged both ways."""

    def __init__(self, sha: str) -> None:
        super().__init__(sha)
        self.sha = sha


def _middle(candidates: Sequence[str], left: Sequence[str]) -> str:
    """The commit that halves what is left best, of those that can be judged. Where the best were skipped one farther
    away is taken, as what cannot be built mostly lies together."""
    skipped = left.index(candidates[0])
    return candidates[min(len(candidates) - 1, (len(candidates) // 3) if skipped else 0)]
