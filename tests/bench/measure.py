"""Interleaved measurements: every contestant once in each round, after a warm-up; medians and spread."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass

from tests.bench.programs import CORES, Run

BUSY, PROCESS, IMPORT = "beside others", "whole process", "import torch"
"""Words of which the names of contestants are made."""

BUSY_ROUNDS = 2


@dataclass(frozen=True)
class Figures:
    """What some runs of one contestant took: median, fastest and slowest wall seconds, median CPU seconds, memory."""

    runs: int
    seconds: float
    fastest: float
    slowest: float
    cpu: float
    peak_mb: float

    @classmethod
    def of(cls, runs: list[Run]) -> Figures:
        walls = [run.seconds for run in runs]
        return cls(len(runs), statistics.median(walls), min(walls), max(walls),
                   statistics.median(run.cpu for run in runs), max(run.peak_mb for run in runs))

    def as_dict(self) -> dict:
        return asdict(self)


def warm_up(contestants: dict[str, Callable[[], Run]], warm: set[str]) -> None:
    """Run those once that are not ``warm`` yet. A program that starts anew each time is warm once it has run, and so is
    one beside others."""
    for name, contestant in contestants.items():
        if name not in warm and not name.endswith(BUSY):
            contestant()


def interleaved(contestants: dict[str, Callable[[], Run]], rounds: int,
                once: Collection[str] = ()) -> dict[str, Figures]:
    """Run every contestant once a round, in turn; beside others in the first two rounds only, as it takes long, and
    those named in ``once`` in the first."""
    taken: dict[str, list[Run]] = {name: [] for name in contestants}
    for number in range(rounds):
        for name, contestant in contestants.items():
            if number < (1 if name in once else BUSY_ROUNDS if name.endswith(BUSY) else rounds):
                taken[name].append(contestant())
    return {name: Figures.of(runs) for name, runs in taken.items()}


def beside_others(contestant: Callable[[], Run]) -> Run:
    """One run while as many other processes as there are cores do nothing but use the processor."""
    busy = [subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"]) for _ in range(CORES)]
    try:
        time.sleep(0.2)
        return contestant()
    finally:
        for process in busy:
            process.kill()
            process.wait()
