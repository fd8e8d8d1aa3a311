"""Several benches at work, and what they found out about which test reaches what."""

from __future__ import annotations

import json
import os
import queue
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import Pipe, get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tests.mutants.bench import Outcome, Task, work
from tests.mutants.reach import CHECKOUT, KEPT, Reached, kept_and_missing


class Pool:
    """Benches that do tasks as they come, each one at a time."""

    def __init__(self, pipes: Sequence[Connection]) -> None:
        self.threads = ThreadPoolExecutor(len(pipes))
        self.free: queue.Queue[Connection] = queue.Queue()
        self.until: float | None = None
        for pipe in pipes:
            self.free.put(pipe)

    def _ask(self, what: Task | str) -> Any:
        """The answer of the next bench that is free; None when the time for it is over."""
        pipe = self.free.get()
        try:
            if self.until is not None and time.monotonic() > self.until:
                return None
            pipe.send(what)
            return pipe.recv()
        finally:
            self.free.put(pipe)

    def outcomes(self, tasks: Sequence[Task], minutes: float | None = None) -> Iterator[Outcome | None]:
        """In the order of the tasks; None for those that no bench has begun within so many minutes."""
        self.until = None if minutes is None else time.monotonic() + 60 * minutes
        yield from self.threads.map(self._ask, tasks)
        self.until = None

    def reached(self, files: Sequence[Path], minutes: float | None = None) -> list[Reached]:
        """What the tests reach, asked anew of the files that changed since it was written down; no file is begun after
        so many minutes, and its tests are left out then."""
        self.until = None if minutes is None else time.monotonic() + 60 * minutes
        kept, missing = kept_and_missing(files)
        KEPT.parent.mkdir(parents=True, exist_ok=True)
        answers = {self.threads.submit(self._ask, name): name for name in missing}
        for number, answer in enumerate(as_completed(answers), 1):
            name, tests = answers[answer], answer.result()
            if not isinstance(tests, list):  # not kept, so that it is asked again
                kept.pop(name, None)
                print(f"{number}/{len(missing)} {name}: {tests}", flush=True)
                continue
            kept[name] = {"sha256": missing[name], "tests": tests}
            print(f"{number}/{len(missing)} {name}: {len(tests)} tests, "
                  f"{sum(one['seconds'] for one in tests):.0f} s", flush=True)
            _write_down(kept)
        self.until = None
        return [Reached(one["test"], one["seconds"], tuple(one["lines"]))
                for path in files for one in kept.get(str(path.relative_to(CHECKOUT)), {"tests": ()})["tests"]]


def _write_down(kept: Mapping[str, Any]) -> None:
    """In one step, for a sample may be stopped at any time."""
    beside = KEPT.with_suffix(f".{os.getpid()}")  # two samples may run at once
    beside.write_text(json.dumps(kept), encoding="utf-8")
    beside.replace(KEPT)


@contextmanager
def benches(count: int, files: Sequence[Path]) -> Iterator[Pool]:
    """So many benches, each with all tests of these files."""
    names = [str(path.relative_to(CHECKOUT)) for path in files]
    context, pipes, workers = get_context("fork"), [], []
    for _ in range(count):
        ours, theirs = Pipe()
        workers.append(context.Process(target=work, args=(names, theirs)))
        workers[-1].start()
        theirs.close()
        pipes.append(ours)
    pool = Pool(pipes)
    try:
        yield pool
    finally:
        pool.threads.shutdown(cancel_futures=True)
        for pipe in pipes:
            pipe.send(None)
        for worker in workers:
            worker.join()
