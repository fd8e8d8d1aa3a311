"""make mutants: does a test notice when one operator, number or branch of the code is changed?

Of all mutants that cosmic-ray's operators make of compare, case, verdict, bundle, plan and the parsers, as many are
drawn from each as its share, with a seed. Each is tried, in a copy of the checkout, by the tests that reach the
statement it stands in, quickest first; a survivor once more by those of the whole suite. What survives then is printed
as a diff, and noted in docs/mutants.md with --write.

    python -m tests.mutants --count 60 --seed 1 [--room case] [--write docs/mutants.md]
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from tests.mutants import page
from tests.mutants.answering import SECOND_SECONDS, Answering
from tests.mutants.bench import Outcome, Task
from tests.mutants.mutant import ROOMS, Mutant, mutants_of
from tests.mutants.outcomes import Outcomes
from tests.mutants.pool import Pool, benches
from tests.mutants.reach import kept_and_missing, second_files, test_files


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
    parser.add_argument("--second", type=float, default=SECOND_SECONDS, metavar="SECONDS",
                        help=f"try survivors again, by so long of the suite's tests ({SECOND_SECONDS:g}); 0: not")
    parser.add_argument("--second-minutes", type=float, help="begin no file and no trial after so many minutes of that")
    parser.add_argument("--again", action="store_true", help="try nothing; tell the last result once more")
    parser.add_argument("--write", type=Path, help="write the table of rooms and survivors into this page")
    asked = parser.parse_args()
    os.nice(1)
    if asked.again:
        result = page.kept()
    else:
        mutants, of_all = drawn(asked.room or ROOMS, asked.count, asked.seed)
        chosen = [one for one in mutants if asked.only is None or asked.only in one.key]
        tried, before = _tried(chosen, asked.workers, asked.minutes)
        second = SecondLook({}, [], [])
        if asked.second and any(not outcome.by for outcome in tried.values()):
            second = _tried_again(tried, before, asked)
        result = page.Result(len(chosen), asked.seed, of_all, list((tried | second.tried).items()), asked.second,
                             second.not_reached, second.not_tried)
        page.keep(result)
    print(page.summary(result))
    if asked.write:
        page.write(asked.write, result)
    return int(result.share < 0.9)


@dataclass(frozen=True)
class SecondLook:
    """What came of the survivors, the files of tests that were not asked, and the mutants that were not tried, for
    there was no time."""

    tried: dict[Mutant, Outcome]
    not_reached: list[str]
    not_tried: list[str]


def _tried(mutants: Sequence[Mutant], workers: int,
           minutes: float | None) -> tuple[dict[Mutant, Outcome], dict[Mutant, Task]]:
    """(what came of each mutant that was tried, told as it comes; the tests that each was tried by)."""
    files, started = test_files([room for room in ROOMS if any(one.room == room for one in mutants)]), time.monotonic()
    with benches(workers, files) as pool:
        answering = Answering(pool.reached(files))
        tasks = {one: answering.task_of(one) for one in mutants}
        found = dict(_outcomes(pool, tasks, minutes))
        _check_the_tests(pool, list(found.values()), answering)
    print(f"{(time.monotonic() - started) / 60:.0f} minutes")
    return found, tasks


def _tried_again(found: Mapping[Mutant, Outcome], before: Mapping[Mutant, Task],
                 asked: argparse.Namespace) -> SecondLook:
    """The survivors once more, by the other tests of the suite that reach them."""
    started, survivors = time.monotonic(), [one for one, outcome in found.items() if not outcome.by]
    files = second_files([one.path for one in survivors])
    print(f"{len(survivors)} of {len(found)} survived; a second look at them", flush=True)
    with benches(asked.workers, files) as pool:
        answering = Answering(pool.reached(files, asked.second_minutes))
        tasks = {one: answering.second_task_of(one, before[one], asked.second) for one in survivors}
        left = asked.second_minutes and asked.second_minutes - (time.monotonic() - started) / 60
        again = {one: replace(outcome, second=True) for one, outcome in _outcomes(pool, tasks, left)}
        _check_the_tests(pool, list(again.values()), answering)
    print(f"{(time.monotonic() - started) / 60:.0f} minutes")
    return SecondLook(again, sorted(kept_and_missing(files)[1]), [one.key for one in survivors if one not in again])


def _outcomes(pool: Pool, tasks: Mapping[Mutant, Task], minutes: float | None) -> Iterator[tuple[Mutant, Outcome]]:
    """Each mutant that was tried with what came of it, told as it comes; first those that were tried before."""
    before = Outcomes()
    known = {one: outcome for one, task in tasks.items() if (outcome := before.of(one, task))}
    new = [one for one in tasks if one not in known]
    yield from known.items()
    for number, (one, outcome) in enumerate(zip(new, pool.outcomes([tasks[one] for one in new], minutes), strict=True),
                                            len(known) + 1):
        if outcome is not None:
            before.add(one, tasks[one], outcome)
            said = outcome.by.rpartition("/")[2] or f"({len(tasks[one].tests)} tests)\n{one.diff()}"
            print(f"{number:>4} {outcome.seconds:5.1f} s  {'noticed ' if outcome.by else 'SURVIVED'} {one.key} "
                  f"line {one.line}  {said}", flush=True)
            yield one, outcome


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
