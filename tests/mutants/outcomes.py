"""What came of each trial, written down as it comes, so that a sample that was stopped goes on where it was.

An outcome holds for the text of its module and of the files of its tests: a trial is made anew when one has changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from tests.mutants.bench import Outcome, Task
from tests.mutants.mutant import CHECKOUT, Mutant

KEPT = CHECKOUT / "build" / "mutants" / "outcomes.jsonl"


class Outcomes:
    """A journal of outcomes; a line that was cut short by a kill is not read."""

    def __init__(self, journal: Path = KEPT) -> None:
        self.journal = journal
        self.known: dict[str, Outcome] = {}
        lines = journal.read_text(encoding="utf-8").splitlines() if journal.is_file() else []
        for line in lines:
            try:
                key, by, seconds = json.loads(line)
            except ValueError:
                continue
            self.known[key] = Outcome(by, seconds)

    def of(self, mutant: Mutant, task: Task) -> Outcome | None:
        """What came of this trial before; None for one that was never made."""
        return self.known.get(_key(mutant, task.tests))

    def add(self, mutant: Mutant, task: Task, outcome: Outcome) -> None:
        """Write one down."""
        self.journal.parent.mkdir(parents=True, exist_ok=True)
        with open(self.journal, "a", encoding="utf-8") as stream:
            stream.write(json.dumps([_key(mutant, task.tests), outcome.by, outcome.seconds]) + "\n")


def _key(mutant: Mutant, tests: Sequence[str]) -> str:
    files = [mutant.path, *sorted({test.partition("::")[0] for test in tests})]
    named = json.dumps([mutant.key, list(tests), [_sum_of(name) for name in files]])
    return hashlib.sha256(named.encode()).hexdigest()


@cache
def _sum_of(name: str) -> str:
    return hashlib.sha256((CHECKOUT / name).read_bytes()).hexdigest()
