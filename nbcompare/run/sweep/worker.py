"""Running one cell where we are: the engines' identities are asked for once, and the bundled simulator is started
once for all cells of a worker.

State is kept by thread, because two cells that run at once cannot share a process that answers in turn.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from nbcompare.bundle.bundle import Bundle
from nbcompare.case.case import Case
from nbcompare.case.options import SUBJECT
from nbcompare.compare.pictures import UNLESS_PASSED
from nbcompare.engine.batch import BatchEngine, is_bundled_simulator
from nbcompare.engine.choose import choose_engines
from nbcompare.engine.engine import Engine
from nbcompare.engine.identity import EngineIdentity, identify
from nbcompare.engine.progress import Progress
from nbcompare.run.run_case import RunOptions, run_case

MOST_BATCHES = 2
_OF_THREAD = threading.local()


@dataclass(frozen=True)
class Order:
    """A cell to run, and how; ``in_batch`` allows the bundled simulator to be kept running between cells."""

    case: Case
    options: RunOptions
    in_batch: bool = True


def run_order(order: Order) -> tuple[Bundle, float]:
    """Run a cell and publish its bundle; the bundle and the seconds it took. Raises NbCompareError as run_case does."""
    begun = time.monotonic()
    engines = _engines(order.options)
    batches = {}
    if order.in_batch and is_bundled_simulator(engines[SUBJECT]):
        batches = {SUBJECT: _batch(engines[SUBJECT], order.case.environment)}
    options = replace(order.options, engines=engines, batches=batches, identities=identities_of(engines),
                      pictures=UNLESS_PASSED)
    return run_case(order.case, options, Progress(quiet=True)), time.monotonic() - begun


def _engines(options: RunOptions) -> Mapping[str, Engine]:
    """The engines of these options, looked for once in this thread; they do not change during a sweep."""
    known, key = _kept("engines"), (options.c_bin, options.py_bin)
    if key not in known:
        known[key] = choose_engines(options, Progress(quiet=True))
    return known[key]


def identities_of(engines: Mapping[str, Engine]) -> dict[str, EngineIdentity]:
    """Who the engines are, asked once in this thread."""
    known = _kept("identities")
    for engine in engines.values():
        if engine not in known:
            known[engine] = identify(engine)
    return {role: known[engine] for role, engine in engines.items()}


def _batch(engine: Engine, environment: Mapping[str, str]) -> BatchEngine:
    """The running process of this engine in this environment; the oldest is ended when there are too many."""
    kept = _kept("batches")
    key = (engine, tuple(sorted(environment.items())))
    if key not in kept:
        while len(kept) >= MOST_BATCHES:
            kept.pop(next(iter(kept))).close()
        kept[key] = BatchEngine(engine, environment)
    return kept[key]


def _kept(name: str) -> dict:
    if not hasattr(_OF_THREAD, name):
        setattr(_OF_THREAD, name, {})
    return getattr(_OF_THREAD, name)


def end_batches() -> None:
    """End the processes kept for this thread."""
    kept = _kept("batches")
    while kept:
        kept.popitem()[1].close()
