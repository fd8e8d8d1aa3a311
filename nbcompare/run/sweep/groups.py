"""Groups of cells: how a sweep is cut into what is handed out at once, and how a group becomes one sealed archive."""

from __future__ import annotations

import gc
import itertools
import os
import shutil
import sys
from collections.abc import Hashable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from nbcompare.bundle.archive.sealed import Sealing
from nbcompare.bundle.bundle import Bundle
from nbcompare.bundle.check.archived import cell_of
from nbcompare.bundle.check.verify import verified
from nbcompare.case.case import Case
from nbcompare.engine.sources.edited import scanned_once
from nbcompare.errors import ExitCode, NbCompareError
from nbcompare.run.group_looks import GroupLooks
from nbcompare.run.sweep.memory_folder import is_short, memory_folder
from nbcompare.run.sweep.worker import Order, has_bundled_engines, looks_of_group, of_git, run_order

MOST_IN_GROUP = 10
"""Cells that are handed out at once, where each bundle has a folder of its own that is held meanwhile."""
MOST_IN_ARCHIVE = 100
_MADE_BEFORE_A_LOOK = 20_000
_IMAGES, _COPIES, _MADE = 16, 4, 1 << 20
"""Images and copies of each input that a cell has in its folders at most, and bytes of an input that a generator of
ours makes."""
SHARE_OF_THREAD = 4
"""A sweep is cut into so many groups for each thread, so that none waits long for the last."""

Group = tuple[Order, ...]


@dataclass(frozen=True)
class Left:
    """What came of a group beside its archive: by cell the exit code and the words of what left no bundle; the archive
    itself, with its sum, where it has to travel."""

    faults: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    archive: bytes = b""
    sha256: str = ""


def groups_of(orders: Sequence[Order], most: int) -> Iterator[Group]:
    """The cells in order, cut into groups of one case file, none of more than ``most``."""
    for _, same in itertools.groupby(orders, key=lambda order: order.case.path):
        rest = tuple(same)
        for at in range(0, len(rest), most):
            yield rest[at:at + most]


def size_of_groups(cells: int, threads: int, most: int) -> int:
    """How many cells go together: as many as may where one thread does all."""
    return most if threads == 1 else max(1, min(most, cells // (threads * SHARE_OF_THREAD)))


def matrix_name(case: Case) -> str:
    """What the case is called whose matrix a cell is of."""
    return case.name.removesuffix("." + "-".join(case.cell.values())) if case.cell else case.name


def make_archive(orders: Group, stamp: str, target: Path, work: Path, *, verify: bool) -> Left:
    """Run cells one after another and seal their bundles, all of one stamp, in a new file ``target``; they are made
    below ``work``, or in memory where they are small and as long as there is some. Where no cell left a bundle there is
    no file. ``verify``: each is verified in full before it is taken in, where nobody will do so who publishes it. What
    the cells have in common is looked at once; where it was changed meanwhile all are run again, each with looks of its
    own."""
    looks = looks_of_group()
    most_bytes = _most_bytes(orders)
    with garbage_seldom(), memory_folder(most_bytes, work) as place:
        places = _Places(place, work, most_bytes)
        left = _sealed(orders, stamp, target, places, verify=verify, looks=looks)
        if looks.end():
            target.unlink(missing_ok=True)
            left = _sealed(orders, stamp, target, places, verify=verify, looks=None)
    return left


def _most_bytes(orders: Group) -> int:
    """What the folders of a cell may hold at a time: some images, and copies of its input files; more than there is
    room for where an engine that does not ship here may write anything."""
    if not all(map(has_bundled_engines, orders)):
        return sys.maxsize
    case, given = orders[0].case, orders[0].options.inputs
    files = [given.get(entry.name) or case.place_of(str(entry.file)) for entry in case.inputs if not entry.made_by]
    inputs = _MADE * len(case.inputs) + sum(os.path.getsize(path) for path in files if os.path.exists(path))
    return _IMAGES * max(order.case.shape.bytes for order in orders) + _COPIES * inputs


@contextmanager
def garbage_seldom() -> Iterator[None]:
    """Python looks for rings of garbage among all objects each time some hundreds more were made than let go: many
    times in each cell, among fifty thousand that stay. Here it does so seldom, and not among those."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_MADE_BEFORE_A_LOOK, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _remove(folder: Path, aside: Executor) -> None:
    """Take the folder of a cell away beside the next one: a disk in use lets each file wait for its journal."""
    aside.submit(shutil.rmtree, folder, ignore_errors=True)


@dataclass
class _Places:
    """Where the cells of a group are run; ``otherwise`` from the one on that fails while memory is short, as others may
    have taken it meanwhile."""

    place: Path
    otherwise: Path
    most_bytes: int

    def run(self, order: Order) -> tuple[Bundle, float]:
        """As ``run_order``."""
        try:
            found = self._run(order)
            if found[0].record.verdict.exit_code is not ExitCode.ENGINE_FAILED or not self._are_short():
                return found
        except NbCompareError:
            if not self._are_short():
                raise
        shutil.rmtree(self.place / order.case.name, ignore_errors=True)
        self.place = self.otherwise
        return self._run(order)

    def _run(self, order: Order) -> tuple[Bundle, float]:
        return run_order(replace(order, options=replace(order.options, bundles=self.place)))

    def _are_short(self) -> bool:
        return self.place != self.otherwise and is_short(self.place, self.most_bytes)


def _sealed(orders: Group, stamp: str, target: Path, places: _Places, *, verify: bool,
            looks: GroupLooks | None) -> Left:
    """One attempt: what engines are and opened is looked at by ``looks`` for all, or else for each cell."""
    faults: dict[str, tuple[int, str]] = {}
    answers: dict[Hashable, object] = {}
    with closing(Sealing(target)) as archive, scanned_once(), ThreadPoolExecutor(1) as aside:
        for order in orders:
            answers = of_git(answers)
            own = replace(order, stamp=stamp, in_archive=True, in_memory=not verify, answers=answers, looks=looks)
            try:
                bundle, seconds = places.run(own)
                found = verified(bundle.folder) if verify else bundle
                archive.add(bundle.contents, cell_of(found, seconds))
            except NbCompareError as fault:
                faults[order.case.name] = int(fault.exit_code), fault.in_a_line
            _remove(places.place / order.case.name, aside)
        if archive.cells:
            archive.seal()
    if not archive.cells:
        target.unlink()
    return Left(faults)
