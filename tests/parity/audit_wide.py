#!/usr/bin/env python3
"""Audits of random command lines: how good the diagnosis is where its rules were not tried out.

    python tests/parity/audit_wide.py --commands 40 --seed 1 [--each 8] [--kinds data] [--write docs/audit-wide.md]

Command lines are drawn over the whole table of flags, 100 to 250 pixels wide. Into each, defects of the kinds of the
audit are seeded, of full strength and weak, and the diagnosis is asked of the sound image of the C reference and the
defective one of the torch simulator. A kind is seeded into as many commands as all others, as far as these can have it.
Commands whose images are too dark, or that the two engines do not agree on, are passed over and counted.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from nbcompare.engine.progress import Progress
from nbcompare.errors import NbCompareError
from nbcompare.explain.audit.audit import AuditBench, AuditOptions
from nbcompare.explain.audit.catalogue import chosen, kinds
from nbcompare.explain.audit.defect_result import SEEDED
from nbcompare.explain.audit.kind import Kind
from nbcompare.explain.diagnose.search.limits import BUDGET_S
from nbcompare.explain.experiment import Experiment, ExperimentSource, experiment
from nbcompare.explain.fuzz.drawn_command import DrawnCommand
from nbcompare.explain.fuzz.random_commands import random_command

SIDES = (100, 250)
MOST_STEPS = 24
FULL, WEAK = 1.0, 0.1
WEAK_CHANGE = 0.01
"""A defect is weak when it moves no pixel by more than this share of the peak, whatever its strength."""

AGREE = 1e-6
"""What moves no pixel by more than this share of the peak is no difference."""

FEWEST_BRIGHT = 30
"""So many pixels must hold more than a thousandth of the peak: else there is nothing to look at."""


@dataclass(frozen=True)
class Row:
    """One defect and what was said of it."""

    at: int
    kind: str
    strength: str
    caught: bool
    place: int | None
    proven: bool
    first: str
    words: str
    sentence: str
    seconds: float
    renders: int
    worked: float
    equal: bool = False
    """The right cause is not the first one, but one that was told as giving the same image, by an image of its own."""


# --- drawing -----------------------------------------------------------------------------------------------------


def argv_of(command: DrawnCommand, folder: Path) -> list[str]:
    """The command with its files where they lie."""
    for name, content in command.files.items():
        (folder / name).write_bytes(content)
    return [str(folder / word) if word in command.files else word for word in command.argv]


def benches(seed: int, count: int, options: AuditOptions, passed_over: Counter) -> Iterator[tuple[int, AuditBench]]:
    """So many commands with a bench to seed defects at; every command drawn has its number."""
    found = at = 0
    while found < count:
        command = random_command(seed, at, False, SIDES, MOST_STEPS)
        with tempfile.TemporaryDirectory(prefix="audit-wide-") as folder:
            try:
                with experiment(ExperimentSource(tuple(argv_of(command, Path(folder)))), Progress(quiet=True)) as asked:
                    reason = yield from _bench(at, asked, options)
            except NbCompareError as fault:
                reason = fault.message.split(":")[0]
        found += reason is None
        if reason:
            passed_over[reason] += 1
        at += 1


def _bench(at: int, asked: Experiment, options: AuditOptions) -> Generator[tuple[int, AuditBench], None, str | None]:
    """Give a bench out; why not, where there is nothing to see."""
    with AuditBench(asked, options, asked.case.thresholds) as bench:
        fault = bench.fault()
        if fault:
            return "the sound images do not pass" if "do not pass" in fault[0] else "an engine refuses it"
        image = bench.whole
        if np.count_nonzero(image > 1e-3 * image.max()) < FEWEST_BRIGHT:
            return "next to nothing is lit"
        yield at, bench
    return None


def shared_out(entries: Sequence[Kind], at: int, each: int, seed: int) -> list[Kind]:
    """The kinds in an order of this command's own; ``each`` of them are seeded, as far as they can be."""
    dice = random.Random(f"{seed}/{at}/kinds")
    return dice.sample(list(entries), len(entries)) if each else list(entries)


# --- looking -----------------------------------------------------------------------------------------------------


def rows_of(at: int, bench: AuditBench, entries: Sequence[Kind], each: int, seeded: Counter,
            until: float) -> Iterator[Row]:
    """The defects of one command; kinds seeded less often so far come first."""
    done = 0
    for entry in sorted(entries, key=lambda entry: seeded[entry.id]):
        strengths = (FULL, WEAK) if entry.full is not None else (FULL,)
        looked = [bench.look(entry, strength) for strength in strengths]
        there = [seen for seen in looked if seen.state == SEEDED and (seen.change is None or seen.change > AGREE)]
        for seen in there:
            weak = seen.change is not None and seen.change <= WEAK_CHANGE
            named = seen.named
            caught = seen.caught_by(bench.thresholds, False) is not None
            yield Row(at, entry.id, "weak" if weak else "full", caught, seen.place, named.proven,
                      named.ids[0] if named.ids else "", seen.words, named.sentence, named.seconds, named.renders,
                      named.processor_seconds, seen.place == 1 and named.ids[0] not in entry.named_by)
        seeded[entry.id] += bool(there)
        done += bool(there)
        if (each and done >= each) or time.monotonic() > until:
            return


# --- telling -----------------------------------------------------------------------------------------------------


def share(count: int, of: int) -> str:
    return f"{count} ({100 * count / of:.1f} %)" if of else "none"


def table(rows: Sequence[Row]) -> list[str]:
    """One line of figures for each strength."""
    lines = ["| Strength | Seeded | Caught | Named first | of these as an equal | In three | Proven and wrong | "
             "Renders, median | 95 % within | Processor seconds, median | 95 % within | Seconds, median | "
             "95 % within |",
             "|---|---|---|---|---|---|---|---|---|---|---|---|---|"]
    for strength in ("full", "weak"):
        there = [row for row in rows if row.strength == strength]
        if not there:
            continue
        wrong = sum(row.proven and row.place is None for row in there)
        lines.append(
            f"| {strength} | {len(there)} | {share(sum(row.caught for row in there), len(there))} | "
            f"{share(sum(row.place == 1 for row in there), len(there))} | {sum(row.equal for row in there)} | "
            f"{share(sum(row.place is not None for row in there), len(there))} | {wrong} | "
            f"{spread([row.renders for row in there], 0)} | {spread([row.worked for row in there], 1)} | "
            f"{spread([row.seconds for row in there], 1)} |")
    return lines


def spread(values: Sequence[float], digits: int) -> str:
    """Median, and the value that 95 % do not exceed."""
    ordered = sorted(values)
    return (f"{statistics.median(ordered):.{digits}f} | "
            f"{ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]:.{digits}f}")


def missed(rows: Sequence[Row]) -> list[str]:
    """What was not named first, by kind, with what was said in its place."""
    lines = ["| Kind | Seeded | First | In three | Named in its place |", "|---|---|---|---|---|"]
    for entry in kinds():
        there = [row for row in rows if row.kind == entry.id]
        first = sum(row.place == 1 for row in there)
        if there and first < len(there):
            others = Counter(("" if row.proven else "perhaps ") + (row.first or "nothing") for row in there
                             if row.place != 1)
            lines.append(f"| `{entry.id}` | {len(there)} | {first} | {sum(row.place is not None for row in there)} | "
                         f"{', '.join(f'{id} ({n})' for id, n in others.most_common(4))} |")
    return lines


def page(asked: argparse.Namespace, rows: Sequence[Row], passed_over: Counter) -> str:
    ended = f", ended after {asked.minutes:g} minutes" if asked.minutes else ""
    busy = (f"The machine had {os.cpu_count()} processors and, with other work, a load of {os.getloadavg()[2]:.0f}: "
            "processor seconds and renders are what another machine would need as well, seconds are not.")
    over = "; ".join(f"{reason}: {count}" for reason, count in passed_over.most_common())
    commands = len({row.at for row in rows})
    return "\n".join((
        "# The audit of random command lines", "",
        f"Written by `make audit-wide` on {datetime.datetime.now(datetime.UTC).date()}: seed {asked.seed}, {commands} "
        f"command lines, {asked.each or 'all'} kinds of defect in each, {asked.budget:g} processor seconds for a "
        f"diagnosis{ended}. The seed is not one by which the rules of the diagnosis were tried out. {busy}", "",
        "Command lines are drawn over the whole table of flags, 100 to 250 pixels wide; every kind of defect of the "
        "audit is seeded into as many of them as the others, as far as a command can have it. A defect that moves no "
        "pixel by more than 1 % of the peak is weak, and one that moves none by more than a millionth is left out. "
        "Renders of one command are kept for all its defects. `Proven and wrong` counts diagnoses that called a cause "
        "proven, first, and had the right one nowhere among the first three. Causes that give the same image, each "
        "shown by rendering it, share the first place, as no image tells them apart; how often the right one was such "
        "an equal of another that stands before it, a column says.", "",
        f"Passed over: {over or 'none'}.", "", *table(rows), "", "## What was not named first", "", *missed(rows), ""))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commands", type=int, default=20, help="how many command lines")
    parser.add_argument("--each", type=int, default=0, help="kinds of defect in each command; 0: all that it can have")
    parser.add_argument("--kinds", action="append", default=[], help="kinds or classes of defect; all without")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--budget", type=float, default=BUDGET_S, help="seconds for one diagnosis")
    parser.add_argument("--minutes", type=float, default=0.0, help="begin no new kind of defect after so long")
    parser.add_argument("--write", type=Path, help="the page to write")
    parser.add_argument("--rows", type=Path, help="a file to which every row is added as JSON")
    asked = parser.parse_args()
    rows, passed_over, seeded = [], Counter(), Counter()
    until = time.monotonic() + (60 * asked.minutes or 1e9)
    with tempfile.TemporaryDirectory(prefix="audit-wide-") as cache:
        options = AuditOptions(seed=asked.seed, budget_s=asked.budget, cache=Path(cache))
        for at, bench in benches(asked.seed, asked.commands, options, passed_over):
            entries = shared_out(chosen(tuple(asked.kinds)), at, asked.each, asked.seed)
            if time.monotonic() > until:
                break
            for row in rows_of(at, bench, entries, asked.each, seeded, until):
                rows.append(row)
                if asked.rows:
                    with asked.rows.open("a") as stream:
                        stream.write(json.dumps(asdict(row)) + "\n")
                if row.place != 1:
                    print(f"{row.kind} ({row.strength}, place {row.place}) said {row.first} "
                          f"{'proven ' if row.proven else ''}{row.seconds:.0f} s: {row.words} | {row.sentence[:110]} "
                          f"# --seed {asked.seed} command {at}", flush=True)
    print("\n".join(table(rows)))
    if asked.write:
        asked.write.write_text(page(asked, rows, passed_over), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
