"""make mutants: does a test notice when one operator, number or branch of the code is changed?

Of all mutants that cosmic-ray's operators make of compare, case, verdict, bundle, plan and the parsers, as many are
drawn from each as its share, with a seed. Each is tried, in a copy of the checkout, by the tests that reach the
function it stands in, quickest first. What survives is printed as a diff, and noted in docs/mutants.md with --write.

    python -m tests.mutants --count 60 --seed 1 [--room case] [--write docs/mutants.md]
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from tests.mutants import page
from tests.mutants.answering import Answering
from tests.mutants.bench import Outcome, Task
from tests.mutants.mutant import ROOMS, Mutant, mutants_of
from tests.mutants.outcomes import Outcomes
from tests.mutants.pool import Pool, benches
from tests.mutants.reach import test_files


def drawn(rooms: Sequence[str], count: int, seed: int) -> tuple[list[Mutant], dict[str, int]]:
    """(a sample in which each room has its share of all mutants, how many there are in each room). What is no Python
    is no mutant, and is not drawn."""
    everything = {room: list(mutants_of(room)) for room in rooms}
    total = sum(map(len, everything.values()))
    source = random.Random(seed)
    sample = []
    for of_room in everything.values():
        in_order = (mutant for mutant in source.sample(of_room, len(of_room)) if mutant.is_python)
        sample += islice(in_order, max(1, round(count * len(of_room) / total)))
    source.shuffle(sample)
    return sample, {room: len(of_room) for room, of_room in everything.items()}


def main() -> int:
    """Draw, try, count; the exit code is 1 when fewer than nine of ten were noticed."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=60, help="mutants to draw (60)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--room", choices=ROOMS, action="append", help="only this room; may be repeated")
    parser.add_argument("--only", help="only mutants whose key contains this")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--minutes", type=float, help="begin no trial after so many minutes; the order is by chance")
    parser.add_argument("--again", action="store_true", help="try nothing; tell the last result once more")
    parser.add_argument("--write", type=Path, help="write the table of rooms and survivors into this page")
    asked = parser.parse_args()
    os.nice(1)
    if asked.again:
        result = page.kept()
    else:
        mutants, of_all = drawn(asked.room or ROOMS, asked.count, asked.seed)
        chosen = [one for one in mutants if asked.only is None or asked.only in one.key]
        result = page.Result(len(chosen), asked.seed, of_all, _tried(chosen, asked.workers, asked.minutes))
        page.keep(result)
    print(page.summary(result))
    if asked.write:
        page.write(asked.write, result)
    return int(result.share < 0.9)


def _tried(mutants: Sequence[Mutant], workers: int, minutes: float | None) -> list[tuple[Mutant, Outcome]]:
    """Each mutant that was tried with what came of it, told as it comes."""
    files, started = test_files([room for room in ROOMS if any(one.room == room for one in mutants)]), time.monotonic()
    with benches(workers, files) as pool:
        answering, before = Answering(pool.reached(files)), Outcomes()
        tasks = {one: answering.task_of(one) for one in mutants}
        known = {one: outcome for one, task in tasks.items() if (outcome := before.of(one, task))}
        new = [one for one in mutants if one not in known]
        found = list(known.items())
        for one, outcome in zip(new, pool.outcomes([tasks[one] for one in new], minutes), strict=True):
            if outcome is not None:
                found.append((one, outcome))
                before.add(one, tasks[one], outcome)
                said = outcome.by.rpartition("/")[2] or f"({len(tasks[one].tests)} tests)\n{one.diff()}"
                print(f"{len(found):>4} {outcome.seconds:5.1f} s  {'noticed ' if outcome.by else 'SURVIVED'} {one.key} "
                      f"line {one.line}  {said}", flush=True)
        _check_the_tests(pool, [outcome for _, outcome in found], answering)
    print(f"{(time.monotonic() - started) / 60:.0f} minutes")
    return found


def _check_the_tests(pool: Pool, outcomes: Sequence[Outcome], answering: Answering) -> None:
    """The tests that noticed a mutant have to pass without one, one after another, else they noticed nothing."""
    told = Counter(outcome.by for outcome in outcomes if outcome.by in answering.seconds)
    if told:
        task = Task("nbcompare/__init__.py", "", True, tuple(told), sum(answering.seconds[test] for test in told))
        for outcome in pool.outcomes([task]):
            if outcome and outcome.by:
                raise SystemExit(f"{outcome.by} noticed {told[outcome.by]} mutants, and fails without one too")


if __name__ == "__main__":
    sys.exit(main())
