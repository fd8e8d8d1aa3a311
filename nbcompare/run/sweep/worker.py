"""Running one cell where we are: the engines' identities are asked for once, and the bundled simulator is started
once for all cells of a worker.

State is kept by thread, because two cells that run at once cannot share a process that answers in turn.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from nbcompare.bundle.bundle import Bundle
from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.case import Case
from nbcompare.compare.picture_settings import UNLESS_PASSED
from nbcompare.engine.choose import engines_of
from nbcompare.engine.engine import Engine
from nbcompare.engine.identity import EngineIdentity, identify
from nbcompare.engine.progress import Progress
from nbcompare.engine.rendering.renderer import Batches, Renderer
from nbcompare.engine.repository.git import RepositoryState
from nbcompare.engine.sandbox import confine_all
from nbcompare.engine.sources.opened_again import OpenedAgain
from nbcompare.errors import NbCompareError
from nbcompare.run.group_looks import GroupLooks
from nbcompare.run.one_case import run_case
from nbcompare.run.options import HandedOver, RunOptions
from nbcompare.run.ready import in_order
from nbcompare.run.shown_engines import ShownEngines

SAID_SECONDS = 5.0
"""For so long what git said of the repositories stands for cells that come one after the other."""
_OF_THREAD = threading.local()


@dataclass(frozen=True)
class _Kept:
    """What a thread keeps from cell to cell."""

    engines: dict[tuple[Path | None, str | None, str | None, bool], Mapping[str, Engine]] = field(default_factory=dict)
    identities: dict[Engine, EngineIdentity] = field(default_factory=dict)
    renderers: dict[bool, Renderer] = field(default_factory=dict)
    opened: dict[str, OpenedAgain] = field(default_factory=dict)
    said: dict[float, dict[Hashable, object]] = field(default_factory=dict)
    shown: ShownEngines = field(default_factory=ShownEngines)


@dataclass(frozen=True)
class Order:
    """A cell to run, and how; ``in_batch`` allows the bundled simulator to be kept running between cells, and
    ``stamp`` was reserved where the bundle will lie.

    ``declared`` are the engines that a project file at home declares, by role, for a cell that is run elsewhere;
    ``project`` is the repository there. A bundle that goes ``in_archive`` is not forced to the disk by itself,
    and one that stays ``in_memory`` lies in no folder; ``answers`` are what programs said that were asked for the cells
    before it in its group, and ``looks`` is what is looked at once for that.
    """

    case: Case
    options: RunOptions
    in_batch: bool = True
    stamp: str | None = None
    declared: Mapping[str, Engine] = field(default_factory=dict)
    project: RepositoryState | None = None
    in_archive: bool = False
    in_memory: bool = False
    answers: dict[Hashable, object] | None = None
    looks: GroupLooks | None = None


def run_order(order: Order) -> tuple[Bundle, float]:
    """Run a cell and publish its bundle; the bundle and the seconds it took. Raises NbCompareError as run_case does."""
    begun = time.monotonic()
    engines = _engines(order)
    handed = HandedOver(engines, identities_of(engines), _renderer(order.in_batch), order.stamp, project=order.project,
                        in_archive=order.in_archive, in_memory=order.in_memory, opened=_kept().opened,
                        shown=_kept().shown, looks=order.looks,
                        answers=_just_said() if order.answers is None else order.answers)
    options = replace(order.options, pictures=UNLESS_PASSED)
    with in_order():
        return run_case(order.case, options, Progress(quiet=True), handed), time.monotonic() - begun


def _engines(order: Order) -> Mapping[str, Engine]:
    """The engines of a case file under these options, looked for once in this thread; they do not change during a
    sweep."""
    case, options = order.case, order.options
    if order.declared:
        others = [role for role in (REFERENCE, SUBJECT) if role not in order.declared]
        found = {**engines_of(case, options, Progress(quiet=True), others), **order.declared}
        return {role: found[role] for role in (REFERENCE, SUBJECT)}
    known, key = _kept().engines, (case.path, options.c_bin, options.py_bin, options.sandbox)
    if key not in known:
        found = engines_of(case, options, Progress(quiet=True))
        known[key] = confine_all(found) if options.sandbox else found
    return known[key]


def has_bundled_engines(order: Order) -> bool:
    """Whether all that a cell runs are the engines that ship here, as they are."""
    case = order.case
    if case.subjects or case.tests or case.environment or order.options.sandbox:
        return False
    try:
        return all(engine.chosen_by == "default" for engine in _engines(order).values())
    except NbCompareError:
        return False  # which is told when the cell is run


def identities_of(engines: Mapping[str, Engine]) -> dict[str, EngineIdentity]:
    """Who the engines are, asked once in this thread."""
    known = _kept().identities
    for engine in engines.values():
        if engine not in known:
            known[engine] = identify(engine)
    return {role: known[engine] for role, engine in engines.items()}


def _renderer(in_batch: bool) -> Renderer:
    """This thread's renderer, whose processes are kept from cell to cell."""
    kept = _kept().renderers
    if in_batch not in kept:
        kept[in_batch] = Renderer(batches=Batches.BUNDLED if in_batch else Batches.NONE)
    return kept[in_batch]


def looks_of_group() -> GroupLooks:
    """What is looked at once for the cells that this thread runs next."""
    return GroupLooks(_kept().opened)


def _just_said() -> dict[Hashable, object]:
    """What git said for the cells that this thread has just run, to be added to; asked anew after some seconds."""
    said, now = _kept().said, time.monotonic()
    begun = next(iter(said), -SAID_SECONDS)
    found = of_git(said.get(begun, {})) if now - begun < SAID_SECONDS else {}
    said.clear()
    return said.setdefault(begun if found else now, found)


def of_git(answers: Mapping[Hashable, object]) -> dict[Hashable, object]:
    """What git said of the repositories, which is asked once for a group of cells; whoever the engines are is looked at
    each time."""
    return {question: said for question, said in answers.items() if isinstance(question, tuple)
            and question[0] == "git"}


def look_again() -> None:
    """Forget what is known of engines: what was asked for an earlier sweep may have changed."""
    kept = _kept()
    kept.engines.clear()
    kept.identities.clear()
    kept.opened.clear()
    kept.said.clear()


def _kept() -> _Kept:
    """What this thread keeps."""
    found: _Kept = vars(_OF_THREAD).setdefault("kept", _Kept())
    return found


def end_batches() -> None:
    """End the processes kept for this thread."""
    kept = _kept().renderers
    while kept:
        kept.popitem()[1].close()
