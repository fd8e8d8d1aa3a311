"""What a run needs in its end, made ready while it waits in its beginning: for engines, git and Python to say who and
what they are.

Nothing is decided here. Modules are imported, patterns compiled, and questions asked. A step that fails is silent: who
needs the thing does the same again, and that says what is wrong. What is made ready while engines run is in
account_ahead.py.
"""

from __future__ import annotations

import importlib
import os
import platform
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import ContextVar, copy_context
from functools import partial
from pathlib import Path
from typing import TypeVar

from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.case import Case
from nbcompare.case.project import declared_engines, project_above, refuse_code_variables
from nbcompare.engine.choose import bundled_engines, named_engine
from nbcompare.engine.identity import questions
from nbcompare.engine.installation import HARNESS, SIMULATOR
from nbcompare.engine.processes.asking import Answers, asked_once
from nbcompare.engine.processes.quick_switches import quick_switches
from nbcompare.engine.processes.redact import redacted
from nbcompare.engine.repository.git import Repositories, not_committed
from nbcompare.engine.sources.made_of import listed, look_at

Step = Callable[[], object]
_Answer = TypeVar("_Answer")
_MODULES = ("PIL.Image", "PIL.ImageDraw", "PIL.ImageFont", "nbcompare.compare.pictures")
"""Of pictures."""


@contextmanager
def made_ready(steps: Iterable[Step]) -> Iterator[None]:
    """Carry out the steps beside the block, each when it is asked for; where the block ends before, those that are left
    are left out."""
    over = threading.Event()

    def carry_out() -> None:
        with suppress(Exception):
            for step in steps:
                if over.is_set():
                    return
                _silently(step)

    if steps == ():
        yield
        return
    thread = threading.Thread(target=copy_context().run, args=(carry_out,), daemon=True, name="made-ready")
    with quick_switches():
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


_IN_ORDER = ContextVar("in order", default=False)


@contextmanager
def in_order() -> Iterator[None]:
    """Work beside a block is carried out before it: of cells that follow each other each would wait for a thread four
    times, and other cells have the other cores."""
    token = _IN_ORDER.set(True)
    try:
        yield
    finally:
        _IN_ORDER.reset(token)


@contextmanager
def beside(work: Callable[[], _Answer]) -> Iterator[Callable[[], _Answer]]:
    """Carry out work beside the block, which ends when both have; what is given returns the answer then, or raises what
    the work raised."""
    if _IN_ORDER.get():
        done: Future[_Answer] = Future()
        try:
            done.set_result(work())
        except Exception as fault:
            done.set_exception(fault)
        yield done.result
        return
    with quick_switches(), ThreadPoolExecutor(1) as pool:
        yield pool.submit(copy_context().run, work).result


@contextmanager
def all_beside(steps: Iterable[Step]) -> Iterator[None]:
    """Carry out all steps at once beside the block, which ends when all have; one that fails is silent, as above."""
    asked = tuple(steps)
    with quick_switches(), ThreadPoolExecutor(max(1, len(asked))) as pool:
        for step in asked:
            pool.submit(copy_context().run, _silently, step)
        yield


class Meanwhile:
    """Steps that are carried out one after the other beside all that follows, until they are waited for, at the latest
    at the end of the block; one that fails is silent, as above."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1)

    def __enter__(self) -> Meanwhile:
        return self

    def __exit__(self, *_: object) -> None:
        self.wait()

    def begin(self, step: Step) -> None:
        self._pool.submit(copy_context().run, _silently, step)

    def wait(self) -> None:
        """Wait until all is done; nothing can be begun from here on."""
        self._pool.shutdown()


def _silently(step: Step) -> None:
    with suppress(Exception):
        step()


def of_modules(*names: str) -> Iterator[Step]:
    """The steps that import modules."""
    return (partial(importlib.import_module, name) for name in names)


def of_a_record() -> Iterator[Step]:
    """The steps for pictures, and for the record: the names of variables are in each, and need most of the patterns."""
    yield from of_modules(*_MODULES)
    for name in os.environ:
        yield partial(redacted, name)


def ask_git_ahead(case: Case) -> None:
    """Ask git about the project, nb-compare and the bundled engines while engines say who they are; the answers are
    those of ``repositories_of``, a moment later (``asked_once``)."""
    known = Repositories()
    for folder in (case.folder, HARNESS, SIMULATOR):
        known.of(folder)


def asked_ahead(case: Case, c_bin: str | None, py_bin: str | None, answers: Answers) -> None:
    """Ask git, and the bundled engines where they will be run, what is asked in the beginning of a run. The answers are
    kept for the run that begins next (``asked_once``). Programs of the user's are asked nothing before all of the case
    was looked through."""
    with asked_once(answers):
        project = project_above(case.folder)
        decided = refuse_code_variables(case, project, trusted=True)
        declared = declared_engines(case, project)
        named = {REFERENCE: named_engine(REFERENCE, c_bin, os.environ, declared),
                 SUBJECT: named_engine(SUBJECT, py_bin, os.environ, declared)}
        bundled = [] if decided else [engine for engine in bundled_engines() if named[engine.role] is None]
        asked = [question for engine in bundled for question in questions(engine, case.environment)]
        own: list[Step] = [_ask_git_of_the_simulator] if any(engine.role == SUBJECT for engine in bundled) else []
        own += [partial(look_at, engine, case.environment) for engine in bundled if engine.role == REFERENCE]
        with all_beside((*asked, partial(ask_git_ahead, case), *own, platform.platform)):  # which asks a program, too
            pass


def _ask_git_of_the_simulator() -> None:
    """Ask whether its files are committed as they are, as is done when it is known that they are the subject's."""
    from nbcompare.run.provenance import written_by_people

    root = Repositories().of(SIMULATOR).root
    if root is not None:
        not_committed(Path(root), written_by_people(root, map(str, listed(SIMULATOR))))
