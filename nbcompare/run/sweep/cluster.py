"""Cells on a Dask cluster that is already there: handed out in groups, brought home, verified, published.

The stamp of each bundle is reserved at home before its cell is handed out, and only home publishes, once; so however
often a cell is begun somewhere, it ends in one bundle or in none. The scheduler gives the group of a worker that died
to another one; a group that every worker died of is handed out again, cell by cell, so that the one is known.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbcompare.bundle.bundle import Bundle, Staging, load_bundle, publish_folder, staging
from nbcompare.bundle.check.verify import verified
from nbcompare.bundle.unpack import UnpackLimits, unpack
from nbcompare.engine.identity import EngineIdentity
from nbcompare.engine.progress import Progress
from nbcompare.errors import EvidenceError, ExitCode, FileError, NbCompareError, UsageError
from nbcompare.run.options import RunOptions
from nbcompare.run.sweep import groups
from nbcompare.run.sweep.archives import ArchivePlace, Archives
from nbcompare.run.sweep.connection import connected
from nbcompare.run.sweep.groups import Group
from nbcompare.run.sweep.remote import (
    CellAnswer,
    Engines,
    as_it_is,
    engines_here,
    opened_here,
    parcel_of,
    run_parcel,
    run_sealed,
)
from nbcompare.run.sweep.result import RAN, CellResult, no_result, result_of
from nbcompare.run.sweep.worker import Order
from nbcompare.visible import counted

IN_FLIGHT_PER_THREAD = 2
LEAST_IN_FLIGHT = 8
SHORTEST_PAUSE = 0.02
RETRIES = 2
"""How often a group is tried again whose worker raised something unexpected; a worker that dies is the scheduler's."""


@dataclass(frozen=True)
class Sent:
    """Cells that are under way together, and the folders at home that wait for their bundles, or the place of their
    archive."""

    orders: Group
    places: tuple[Staging, ...]
    waits: contextlib.ExitStack
    archive: ArchivePlace | None = None


class Cluster:
    """A connection to a scheduler; its workers are asked for the engines of ``roles``.

    Raises UsageError without dask.distributed, FileError when nobody answers.
    """

    def __init__(self, address: str, options: RunOptions, progress: Progress, roles: tuple[str, ...]):
        self.distributed: Any = None
        self.address, self.options, self.progress, self.roles = address, options, progress, roles
        self.contents: dict[str, Any] = {}
        self.archives: Archives | None = None

    def __enter__(self) -> Cluster:
        self.distributed, self.client = connected(self.address, self.progress)
        try:
            self.engines = self._engines()
        except BaseException:
            self.client.close()
            raise
        threads = self._threads()
        self.progress.end(f"{counted(len(threads), 'worker')}, {counted(sum(threads.values()), 'cell')} at once")
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def _threads(self) -> dict[str, int]:
        return dict(self.client.nthreads())

    def _engines(self) -> tuple[tuple[EngineIdentity, ...], str]:
        """The identities of the engines, and the hash of the simulator's source, as a worker finds them."""
        found: Engines = self.client.submit(engines_here, self.options.c_bin, self.options.py_bin, self.roles,
                                            pure=False).result()
        if found.fault:
            raise UsageError(f"a worker of {self.address} has no engines: {found.fault}")
        return found.known()

    def unchanged(self, engine: EngineIdentity) -> bool:
        """Whether the files that an engine opened are what they were, where the workers are."""
        return bool(self.client.submit(opened_here, engine.as_dict(), pure=False).result())

    def run(self, orders: Sequence[Order], archives: Archives | None = None,
            out: Callable[[int], None] = lambda cells: None) -> Iterator[CellResult]:
        """Hand out the cells in groups and give each result as its bundle comes home, or its group's archive does;
        ``out`` is told again and again how many cells are away.

        Raises FileError when the scheduler is lost. Cells that were under way then leave nothing.
        """
        self.archives = archives
        threads = max(1, sum(self._threads().values()))
        most = groups.MOST_IN_ARCHIVE if archives else groups.MOST_IN_GROUP
        left = deque(groups.groups_of(orders, groups.size_of_groups(len(orders), threads, most)))
        under_way: dict[str, Sent] = {}
        finished = self.distributed.as_completed(loop=self.client.loop)
        with contextlib.ExitStack() as waits:
            waits.callback(_close_all, under_way)
            self._send_some(left, under_way, finished)
            while under_way:
                _wait_for(finished, lambda: out(sum(len(sent.orders) for sent in under_way.values())))
                future = next(finished)
                sent = under_way.pop(future.key)
                with sent.waits:
                    results = self._home(future, sent)
                future.release()
                if results is None:
                    left.extendleft((order,) for order in reversed(sent.orders))
                else:
                    yield from results
                self._send_some(left, under_way, finished)
        out(0)

    def _send_some(self, left: deque[Group], under_way: dict[str, Sent], finished: Any) -> None:
        """As many groups as may be handed out now."""
        most = max(LEAST_IN_FLIGHT, IN_FLIGHT_PER_THREAD * sum(self._threads().values()))
        while left and len(under_way) < most:
            self._send(left.popleft(), under_way, finished)

    def _send(self, orders: Group, under_way: dict[str, Sent], finished: Any) -> None:
        waits = contextlib.ExitStack()
        try:
            archive = self.archives.begin(orders) if self.archives else None
            places = tuple(waits.enter_context(staging(order.options.bundles, order.case.name))
                           for order in (() if archive else orders))
            stamps = [archive.stamp] * len(orders) if archive else [place.stamp for place in places]
            parcel, contents = parcel_of(orders, stamps)
            future = self.client.submit(run_sealed if archive else run_parcel, parcel, [
                self._kept(digest, contents[digest]) for digest in parcel.sums], retries=RETRIES, pure=False,
                key=f"{orders[0].case.name}-{stamps[0]}-{len(orders)}")
        except BaseException:
            waits.close()
            raise
        under_way[future.key] = Sent(orders, places, waits, archive)
        finished.add(future)

    def _kept(self, digest: str, path: Path) -> Any:
        """The future of a file's bytes, sent once and called by its sum: workers keep it, hand it to each other, and
        the scheduler has it made anew where it was lost. Raises FileError for a file that has another sum by now."""
        if digest not in self.contents:
            content = path.read_bytes()
            if hashlib.sha256(content).hexdigest() != digest:
                raise FileError(f"{path}: it was changed while it was sent to the cluster",
                                hint="give the same command again: it goes on from what is finished")
            self.contents[digest] = self.client.submit(as_it_is, content, key=f"nb-compare-file-{digest}")
        return self.contents[digest]

    def _home(self, future: Any, sent: Sent) -> list[CellResult] | None:
        """The results of a finished future, with the bundles published; None where it is to be handed out again, cell
        by cell."""
        if future.status == "lost" or self.client.status != "running":
            raise FileError(f"{self.address}: the scheduler is lost; what came home is kept",
                            hint="give the same command again: it goes on from here")
        fault = future.exception()
        if fault is not None:
            if len(sent.orders) > 1:
                return None
            return [no_result(order.case.name, order.case.cell, ExitCode.ENGINE_FAILED, _in_words(fault))
                    for order in sent.orders]
        if self.archives and sent.archive:
            return self.archives.take(sent.orders, sent.archive, future.result())
        answers: tuple[CellAnswer, ...] = future.result()
        return [_result(order, place, answer)
                for order, place, answer in zip(sent.orders, sent.places, answers, strict=True)]


def _result(order: Order, place: Staging, answer: CellAnswer) -> CellResult:
    """The result of a cell, with its bundle published."""
    case = order.case
    if answer.fault:
        return no_result(case.name, case.cell, ExitCode(answer.exit_code), answer.fault)
    try:
        return result_of(bring_home(answer, place, case.name), RAN, answer.seconds)
    except NbCompareError as damaged:
        return no_result(case.name, case.cell, damaged.exit_code, damaged.message)


def _wait_for(finished: Any, meanwhile: Callable[[], None]) -> None:
    """Until a group is home. Dask looks ten times a second, which in twenty minutes is as much work as to take a
    thousand cells in; here it is done less and less often, and once a second at last."""
    pause = SHORTEST_PAUSE
    meanwhile()
    while not finished.has_ready():
        time.sleep(pause)
        pause = min(1.0, 2 * pause)
        meanwhile()


def _close_all(under_way: Mapping[str, Sent]) -> None:
    """Let go of the folders that wait for cells under way."""
    for sent in under_way.values():
        sent.waits.close()


def _in_words(fault: BaseException) -> str:
    if type(fault).__name__ == "KilledWorker":
        return "every worker that ran this cell died"
    return f"the worker failed: {type(fault).__name__}: {fault}"


def bring_home(answer: CellAnswer, place: Staging, case_name: str) -> Bundle:
    """Unpack a bundle into the folder that waits for it, verify it there, and publish it.

    Raises EvidenceError when what came is not what was sent, or is not the bundle of this cell and stamp.
    """
    if hashlib.sha256(answer.bundle).hexdigest() != answer.sha256:
        raise EvidenceError(f"the bundle of {case_name} was damaged on its way home")
    with tempfile.TemporaryDirectory(prefix=".home-", dir=place.folder) as scratch:
        packed, folder = Path(scratch, "bundle.zip"), Path(scratch, place.stamp)
        packed.write_bytes(answer.bundle)
        folder.mkdir()
        unpack(packed, folder, UnpackLimits())
        record = verified(folder).record
        found = record.case.name, record.stamp
        if found != (case_name, place.stamp):
            raise EvidenceError(f"the bundle of {'/'.join(found)} came home in place of {case_name}/{place.stamp}")
        for path in folder.iterdir():
            os.rename(path, place.folder / path.name)
    place.published = publish_folder(place.folder, place.stamp)
    return load_bundle(place.published)
