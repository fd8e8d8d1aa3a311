"""Both engines of a run at the same time, each confined to a private folder that the other cannot read.

While one works its image lies in a file. So both run under --sandbox (Landlock and seccomp): neither reads or writes
the folder of the other, by its path or through /proc, nor the other's memory; and their logs lie there too until both
have ended. Nothing is started where a folder that one may read would hold that of the other.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import copy_context
from pathlib import Path

from nbcompare.engine.engine import Rendering
from nbcompare.engine.progress import Progress
from nbcompare.engine.rendering.renderer import Renderer
from nbcompare.engine.rendering.runs import Job
from nbcompare.engine.sandbox import read_through
from nbcompare.errors import UsageError

FOLDER, STDOUT, STDERR = "run", "stdout", "stderr"
"""What lies in the private folder of an engine: the folder that it works in, and its logs."""


def unconfined() -> UsageError:
    """What is said where nothing would keep one engine from the other's image."""
    return UsageError("--side-by-side: an engine could read the other one's image while that is written",
                      hint="give --sandbox too, which keeps engines from each other's files")


def require_apart(jobs: Mapping[str, Job]) -> None:
    """Raises UsageError where an engine is not confined, or may read the place where the other's files would lie."""
    place = Path(tempfile.gettempdir())
    for role, job in jobs.items():
        if not job.engine.confined:
            raise unconfined()
        through = read_through(job.engine, job.engine.variables(job.environment), place)
        if through:
            raise UsageError(f"--side-by-side: the {role} may read {through}, and the other engine's files would lie "
                             f"in {place}, which can be read there",
                             hint="set TMPDIR to a folder of yours outside of it")


@contextmanager
def private_folders(jobs: Mapping[str, Job]) -> Iterator[dict[str, Path]]:
    """A new folder for each engine, which nobody else may enter and the other engine cannot; they are gone afterwards.
    Raises UsageError as ``require_apart`` does."""
    require_apart(jobs)
    made: dict[str, Path] = {}
    try:
        for role in jobs:
            made[role] = Path(tempfile.mkdtemp(prefix="nb-compare-"))
        yield made
    finally:
        for folder in made.values():
            shutil.rmtree(folder, ignore_errors=True)


class _Ended(BaseException):
    """The other engine could not be run at all, so that this one is not waited for."""


class _Told:
    """How far both are, on the one line that there is for a running step."""

    def __init__(self, progress: Progress, jobs: Mapping[str, Job]) -> None:
        self.progress = progress
        self.over = False
        self._percent: dict[str, int | None] = dict.fromkeys(jobs)
        self._lock = threading.Lock()
        progress.begin(f"{' and '.join(job.name for job in jobs.values())}, side by side")

    def of(self, role: str) -> Callable[[float, int | None], None]:
        """What is called while the engine of a role runs."""
        def tick(elapsed: float, percent: int | None) -> None:
            if self.over:
                raise _Ended
            with self._lock:
                self._percent[role] = percent
                self.progress.step = ", ".join(name if share is None else f"{name} {share} %"
                                               for name, share in self._percent.items())
                self.progress.tick(elapsed, None)

        return tick

    def ended(self, role: str) -> None:
        """The engine of a role is not spoken of any more."""
        with self._lock:
            self._percent.pop(role, None)


def run_side_by_side(jobs: Mapping[str, Job], folders: Mapping[str, Path], renderer: Renderer,
                     progress: Progress) -> dict[str, Rendering]:
    """Run every job in its private folder, all at once; what they printed is left there. One that fails leaves the
    other to its own end; where one cannot be run at all, or nb-compare is told to stop, both are ended."""
    told = _Told(progress, jobs)

    def one(role: str) -> Rendering:
        place = folders[role]
        try:
            return renderer.run(jobs[role], folder=place / FOLDER, stdout=place / STDOUT, stderr=place / STDERR,
                                on_progress=told.of(role))
        finally:
            told.ended(role)

    with ThreadPoolExecutor(len(jobs)) as pool:
        running = {role: pool.submit(copy_context().run, one, role) for role in jobs}
        try:
            done, _ = wait(running.values(), return_when=FIRST_EXCEPTION)
            faults = [answer.exception() for answer in done]
            for fault in faults:
                if fault:
                    raise fault
        finally:
            told.over = True
            progress.clear()
    return {role: answer.result() for role, answer in running.items()}
