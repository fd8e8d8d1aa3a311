"""A sweep from beginning to end: plan, leave out what is done, run the rest, one result for every cell."""

from __future__ import annotations

import contextlib
import itertools
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nbcompare.bundle.bundle import Bundle
from nbcompare.bundle.record import Record
from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.case import Case
from nbcompare.case.project import declared_engines, project_above
from nbcompare.engine.choose import engines_of
from nbcompare.engine.engine import Engine
from nbcompare.engine.identity import EngineIdentity, content_hash
from nbcompare.engine.installation import SIMULATOR
from nbcompare.engine.progress import Progress
from nbcompare.engine.sandbox import confine_all
from nbcompare.engine.sources.opened import OpenedFiles
from nbcompare.errors import ExitCode, worst
from nbcompare.run.options import RunOptions
from nbcompare.run.other_copies import copies_elsewhere
from nbcompare.run.provenance import not_all_known
from nbcompare.run.sweep.archives import Archives, result_in
from nbcompare.run.sweep.bar import Bar
from nbcompare.run.sweep.groups import garbage_seldom
from nbcompare.run.sweep.local import run_archived, run_locally
from nbcompare.run.sweep.plan import Keys, Unchanged, cells_to_run, check_inputs, computes_as_here, done_before
from nbcompare.run.sweep.result import STORED, CellResult, result_of
from nbcompare.run.sweep.stored import Stored, StoredCell
from nbcompare.run.sweep.worker import Order, identities_of, look_again


@dataclass(frozen=True)
class SweepOptions:
    """What the user said: where cells run, whether finished ones are run again, and whether bundles go into sealed
    archives."""

    run: RunOptions
    overrides: tuple[str, ...] = ()
    jobs: int = 1
    cluster: str | None = None
    force: bool = False
    in_batch: bool = True
    archive: bool = False


EnginesOf = Callable[[Case], tuple[tuple[EngineIdentity, ...], str]]
RunOrders = Callable[[Sequence[Order]], Iterator[CellResult]]


@dataclass(frozen=True)
class Sweep:
    """The result of every cell, in the order of the plan."""

    results: tuple[CellResult, ...]

    @property
    def exit_code(self) -> ExitCode:
        return worst(result.exit_code for result in self.results)

    def count(self, how: str) -> int:
        return sum(result.how == how for result in self.results)


def run_sweep(paths: Sequence[Path], options: SweepOptions, progress: Progress,
              finished: Callable[[CellResult], None] = lambda result: None,
              planned: Callable[[Sequence[Case]], None] = lambda cells: None) -> Sweep:
    """Run every cell of the case files that is not done yet; ``planned`` is called once with all cells, ``finished``
    with each result as it is there.

    An archive may hold what is done whether or not this sweep writes any.

    Raises UsageError or CaseError before anything is run, and FileError when a cluster is lost; what is home by then
    is kept, and the same sweep goes on from there.
    """
    look_again()
    with contextlib.ExitStack() as waits:
        waits.enter_context(garbage_seldom())
        cells = cells_to_run(paths, options.overrides)
        planned([case for case, _ in cells])
        check_inputs(cells)
        archives = waits.enter_context(Archives(options.run.bundles, [case for case, _ in cells])) \
            if options.archive else None
        return _swept(cells, options, progress, finished, archives)


def _swept(cells: Sequence[tuple[Case, Mapping[str, Path]]], options: SweepOptions, progress: Progress,
           finished: Callable[[CellResult], None], archives: Archives | None) -> Sweep:
    """The cells that are checked and planned, swept."""
    stored = Stored(options.run.bundles, [case for case, _ in cells], progress)
    bar = Bar(len(cells), quiet=progress.quiet)

    def tell(case: Case, result: CellResult) -> CellResult:
        known = replace(result, file=str(case.path) if case.path else None)
        bar.finished(known)
        finished(known)
        return known

    if options.cluster:
        from nbcompare.run.sweep.cluster import Cluster

        declared = _declared(cells, options.run, progress)
        asked = tuple(role for role in (REFERENCE, SUBJECT) if any(role not in own for own in declared.values()))
        with Cluster(options.cluster, options.run, progress, asked) as cluster:
            found = _sweep(cells, options,
                           _saying(lambda case: _with_declared(declared[case.path], cluster.engines), progress), tell,
                           lambda orders: cluster.run(orders, archives, bar.out), _once_each(cluster.unchanged), stored,
                           lambda case: declared[case.path])
    else:
        held = confine_all if options.run.sandbox else dict
        engines = {path: held(engines_of(case, options.run, progress)) for path, case in
                   {case.path: case for case, _ in cells}.items()}
        batch = options.in_batch and not options.run.sandbox
        if batch and any(pair[SUBJECT].chosen_by == "default" for pair in engines.values()):
            progress.say("the subject is kept running between cells (-batch)")
        simulator = content_hash(SIMULATOR)
        same_files = _once_each(lambda engine: engine.is_as_it_was)
        known = {path: (tuple(identities_of(pair).values()), simulator) for path, pair in engines.items()}
        found = _sweep(cells, options, _saying(lambda case: known[case.path], progress), tell,
                       lambda orders: run_archived(orders, options.jobs, archives) if archives else
                       run_locally(orders, options.jobs),
                       lambda record: computes_as_here(record) and same_files(record), stored)
    return Sweep(found)


def _declared(cells: Sequence[tuple[Case, Mapping[str, Path]]], options: RunOptions,
              progress: Progress) -> dict[Path | None, dict[str, Engine]]:
    """By case file the engines that a case or its project declares, and no option replaces. A worker must have the same
    under the same path, as on a shared file system."""
    named = {REFERENCE: options.c_bin, SUBJECT: options.py_bin}
    found = {}
    for path, case in {case.path: case for case, _ in cells}.items():
        known = declared_engines(case, project_above(case.folder))
        roles = [role for role, option in named.items() if role in known and not option]
        found[path] = engines_of(case, options, progress, roles)
    return found


def _with_declared(declared: Mapping[str, Engine],
                   found: tuple[tuple[EngineIdentity, ...], str]) -> tuple[tuple[EngineIdentity, ...], str]:
    """Who the engines are: as the workers say, and those that are declared as they are at home."""
    known = {**{identity.role: identity for identity in found[0]}, **identities_of(declared)}
    return tuple(known[role] for role in (REFERENCE, SUBJECT)), found[1]


def _saying(engines: EnginesOf, progress: Progress) -> EnginesOf:
    """``engines``, told about once where no cell of theirs is ever known to be done: a sweep that was stopped would
    begin anew without a word."""
    said = set()

    def known(case: Case) -> tuple[tuple[EngineIdentity, ...], str]:
        found = engines(case)
        for identity in found[0]:
            line = not_all_known(identity.role, identity, case.folder) if identity.unknown else ""
            if line and line not in said:
                said.add(line)
                progress.say(f"note: every sweep runs all cells anew, finished ones too: {line}")
        return found

    return known


def _sweep(cells: Sequence[tuple[Case, Mapping[str, Path]]], options: SweepOptions, engines: EnginesOf,
           tell: Callable[[Case, CellResult], CellResult], run: RunOrders, unchanged: Unchanged, stored: Stored,
           declared: Callable[[Case], Mapping[str, Engine]] = lambda case: {}) -> tuple[CellResult, ...]:
    """Results in the order of the cells; ``engines`` gives those of a case, with the hash of the bundled simulator's
    source, ``declared`` those that have to travel, and ``run`` takes orders and gives results as they come;
    ``unchanged`` says whether what the engines of a record opened is what it was."""
    by_cell: dict[str, CellResult] = {}
    by_name = {case.name: case for case, _ in cells}
    keys, orders = Keys(), []
    for _, of_file in itertools.groupby(cells, key=lambda cell: cell[0].path):
        same = list(of_file)
        own = replace(options.run, inputs=same[0][1])
        known = None if options.force else engines(same[0][0])
        travel = declared(same[0][0])
        for case, _ in same:
            done = _done(case, own, unchanged, stored, keys, *known) if known else None
            if done:
                by_cell[case.name] = tell(case, done)
            else:
                orders.append(Order(case, own, options.in_batch, declared=travel))
    for result in _in_turn(run, orders):
        by_cell[result.cell] = tell(by_name[result.cell], result)
    return tuple(by_cell[case.name] for case, _ in cells)


def _once_each(ask: Callable[[EngineIdentity], bool]) -> Unchanged:
    """What asks of each engine and its list of opened files once, as the cells of a sweep have the same."""
    known: dict[tuple[tuple[str, ...], OpenedFiles], bool] = {}

    def unchanged(record: Record) -> bool:
        engines = {(engine.started_as, engine.opened): engine for engine in record.engines if engine.opened}
        for key, engine in engines.items():
            if key not in known:
                known[key] = ask(engine)
        return all(known[key] for key in engines)

    return unchanged


def _done(case: Case, options: RunOptions, unchanged: Unchanged, stored: Stored, keys: Keys,
          identities: Sequence[EngineIdentity], simulator: str) -> CellResult | None:
    """The result of a cell that is done; none where not all is known that an engine is made of, as it may be another
    one behind the same words, nor where one ran from elsewhere than the project has it."""
    if any(identity.unknown for identity in identities):
        return None
    key = keys.of(case, options, identities, simulator)
    found = done_before(case, key, options.bundles, confined=options.sandbox, unchanged=unchanged, stored=stored)
    if isinstance(found, StoredCell) and found.cell:
        return result_in(found.archive, found.cell, STORED)
    if not isinstance(found, Bundle) or any(copies_elsewhere(engine, case.folder) for engine in found.record.engines):
        return None
    return result_of(found, STORED, 0.0)


def _in_turn(run: RunOrders, orders: Sequence[Order]) -> Iterator[CellResult]:
    return run(orders) if orders else iter(())


def invocation() -> tuple[str, ...]:
    """The words this program was called with, for the record."""
    return tuple(sys.argv[1:])
