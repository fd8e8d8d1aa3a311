"""Cells on this machine: one after the other, or in several processes at once."""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.util
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool

from nbcompare.engine.identity import SHARED_CPUS
from nbcompare.engine.processes.stopping import Stopped, obey_signals
from nbcompare.errors import ExitCode, NbCompareError
from nbcompare.run.sweep import groups
from nbcompare.run.sweep.archives import ArchivePlace, Archives
from nbcompare.run.sweep.groups import Group, Left
from nbcompare.run.sweep.result import RAN, CellResult, no_result, result_of
from nbcompare.run.sweep.worker import Order, end_batches, run_order


def cpus() -> int:
    """How many CPUs this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_locally(orders: Sequence[Order], jobs: int) -> Iterator[CellResult]:
    """Run the cells and give each result as it is there.

    A process that dies takes only what it was doing with it: the cells that are left are run in new processes, one
    cell each, so that the one that kills its process is known.
    """
    if jobs == 1 or len(orders) == 1:
        try:
            yield from map(_result, orders)
        finally:
            end_batches()
        return
    left = dict(enumerate(orders))
    with _pool(jobs, jobs) as pool:
        futures = {pool.submit(_in_pool, order): number for number, order in left.items()}
        with _ended_with_us(pool):
            for future in as_completed(futures):
                if not isinstance(future.exception(), BrokenProcessPool):
                    del left[futures[future]]
                    yield future.result()
    for order in left.values():
        yield _alone(order, jobs)


def run_archived(orders: Sequence[Order], jobs: int, archives: Archives) -> Iterator[CellResult]:
    """Run the cells in groups and give the results of each as its archive is there. Of a group whose process dies the
    cells are run again one by one, each in a process and an archive of its own."""
    cut = list(groups.groups_of(orders, groups.size_of_groups(len(orders), jobs, groups.MOST_IN_ARCHIVE)))
    if jobs == 1 or len(orders) == 1:
        try:
            for group in cut:
                place = archives.begin(group)
                yield from archives.take(group, place, _archive(group, place))
        finally:
            end_batches()
        return
    left = dict(enumerate(cut))
    with _pool(jobs, jobs) as pool:
        begun = {}
        for number, group in left.items():
            place = archives.begin(group)
            begun[pool.submit(_archive_in_pool, group, place)] = number, place
        with _ended_with_us(pool):
            for future in as_completed(begun):
                if not isinstance(future.exception(), BrokenProcessPool):
                    number, place = begun[future]
                    yield from archives.take(left.pop(number), place, future.result())
    for group in left.values():
        for order in group:
            yield from _archive_alone(order, jobs, archives)


def _archive(group: Group, place: ArchivePlace) -> Left:
    return groups.make_archive(group, place.stamp, place.made, place.work, verify=False)


def _archive_in_pool(group: Group, place: ArchivePlace) -> Left:
    """``_archive`` in a process of a pool, which ends when it is stopped, as in ``_in_pool``."""
    try:
        return _archive(group, place)
    except (Stopped, KeyboardInterrupt):
        end_batches()
        os._exit(1)


def _archive_alone(order: Order, jobs: int, archives: Archives) -> list[CellResult]:
    place = archives.begin((order,))
    with _pool(1, jobs) as pool:
        future = pool.submit(_archive_in_pool, (order,), place)
        try:
            with _ended_with_us(pool):
                return archives.take((order,), place, future.result())
        except BrokenProcessPool:
            return [no_result(order.case.name, order.case.cell, ExitCode.DEFECT,
                              "the process that ran this cell died, twice")]


def _pool(workers: int, jobs: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=_begin,
                               initargs=(jobs,))


@contextlib.contextmanager
def _ended_with_us(pool: ProcessPoolExecutor) -> Iterator[None]:
    """When we are stopped, so are the pool's processes, with the engines that they run."""
    try:
        yield
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in multiprocessing.active_children():
            child.terminate()
        raise


def _begin(jobs: int) -> None:
    """Called once in each process of a pool."""
    obey_signals()
    multiprocessing.util.Finalize(None, end_batches, exitpriority=0)
    _share_cpus(jobs)


def _share_cpus(jobs: int) -> None:
    """Programs with threads of their own take their share of the CPUs, unless the user says otherwise."""
    if "OMP_NUM_THREADS" not in os.environ:
        os.environ.update({"OMP_NUM_THREADS": str(max(1, cpus() // jobs)), SHARED_CPUS: "1"})


def _result(order: Order) -> CellResult:
    begun = time.monotonic()
    try:
        bundle, seconds = run_order(order)
        return result_of(bundle, RAN, seconds)
    except NbCompareError as fault:
        return no_result(order.case.name, order.case.cell, fault.exit_code, fault.in_a_line, time.monotonic() - begun)


def _in_pool(order: Order) -> CellResult:
    """``_result`` in a process of a pool. When that is stopped, what was being made is gone by now, and no other cell
    is to be begun."""
    try:
        return _result(order)
    except (Stopped, KeyboardInterrupt):
        end_batches()
        os._exit(1)


def _alone(order: Order, jobs: int) -> CellResult:
    """Run a cell in a process of its own."""
    with _pool(1, jobs) as pool:
        future: Future[CellResult] = pool.submit(_in_pool, order)
        try:
            with _ended_with_us(pool):
                return future.result()
        except BrokenProcessPool:
            return no_result(order.case.name, order.case.cell, ExitCode.DEFECT,
                             "the process that ran this cell died, twice")
