"""What a test asked the pytest plugin to judge, and what came of it: remembered, so that no test swallows a failure.

A failure is raised like any other; one that the test caught, skipped over or left in a thread fails it all the same,
and one that came when its test had been reported fails the session.
"""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import ParamSpec, Protocol, TypeVar, cast

import pytest

from nbcompare.commands.pytest_limits import is_ours

P = ParamSpec("P")
R = TypeVar("R")


@dataclass
class Judging:
    """What one test (``node``) asked for: comparisons begun, those that agreed, and why others did not; of the latter
    the first ``told`` stand in a report."""

    node: str
    begun: int = 0
    judged: int = 0
    failed: list[str] = field(default_factory=list)
    told: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def untold(self) -> list[str]:
        return self.failed[self.told:]


class _Asks(Protocol):
    @property
    def asked(self) -> Judging: ...


ASKED = pytest.StashKey[Judging]()
_ALL = pytest.StashKey[list[Judging]]()
_BEGUN = pytest.StashKey[float]()
_OF_WORKERS = pytest.StashKey[list[str]]()


def begin(item: pytest.Item) -> Judging:
    """The record of a test that takes the fixture; it fails where the test failed before in this session."""
    known = item.config.stash.setdefault(_ALL, [])
    again = any(entry.failed for entry in known if entry.node == item.nodeid)
    asked = item.stash[ASKED] = Judging(item.nodeid)
    known.append(asked)
    if again:
        asked.failed.append("this test failed already in this session, and is run again: engines that agree at times "
                            "do not agree; leave parity tests out of what is rerun")
        pytest.fail(asked.failed[0], pytrace=False)
    return asked


def remembered(method: Callable[P, R]) -> Callable[P, R]:
    """A method that judges: whatever ends it but its return fails the test, also where the test catches it."""

    @functools.wraps(method)
    def judged(*given: P.args, **more: P.kwargs) -> R:
        asked = cast(_Asks, given[0]).asked
        with asked.lock:
            asked.begun += 1
        try:
            found = method(*given, **more)
        except (pytest.skip.Exception, pytest.xfail.Exception):
            raise
        except BaseException as fault:
            said = str(fault) if isinstance(fault, pytest.fail.Exception) else f"{type(fault).__name__}: {fault}"
            if said not in asked.failed:  # one judges by means of another
                asked.failed.append(said)
            raise
        with asked.lock:
            asked.judged += 1
        return found

    return judged


def unjudged(item: pytest.Item) -> str | None:
    """Why a test that ended well shows nothing of what it asked this plugin for, or None."""
    asked = item.stash.get(ASKED, None)
    if asked is None:
        if any(is_ours(marker) for marker in item.iter_markers("parity")):
            return "this test is marked parity and takes neither parity nor parity_images: nothing was judged"
        return None
    if asked.untold:
        return swallowed(asked)
    if not asked.begun:
        return "this test takes parity and judged nothing; one that has nothing to judge skips"
    if asked.begun > asked.judged:
        return "a comparison was begun, and skipped or still under way when this test ended: nothing was judged by it"
    return None


def swallowed(asked: Judging) -> str:
    return "\n".join(["a comparison failed, and the test caught that, or it was in another thread, where it failed no "
                      "test (a difference that is expected is marked xfail(strict=True)):", *asked.untold])


def report(item: pytest.Item, made: pytest.TestReport) -> None:
    """Note what a report tells; one of a test that skipped after a comparison failed becomes that failure."""
    asked = item.stash.get(ASKED, None)
    if asked is None or not asked.untold:
        return
    if made.skipped and not hasattr(made, "wasxfail"):
        made.outcome, made.longrepr = "failed", swallowed(asked)
    if made.failed or hasattr(made, "wasxfail"):
        asked.told = len(asked.failed)


def session_begins(config: pytest.Config) -> None:
    """Note the time; a process of pytest-xdist is told that of the one that started it."""
    config.stash[_BEGUN] = getattr(config, "workerinput", {}).get("nb_compare_begun", time.time())


def begun(config: pytest.Config) -> float:
    """When this session began, by the system's clock."""
    return config.stash[_BEGUN]


# --- what came when its test had been reported ------------------------------------------------------------


def untold(config: pytest.Config) -> list[str]:
    """The tests of this session, also those of the processes of pytest-xdist, whose failures stand in no report."""
    here = [f"{entry.node}: {said}" for entry in config.stash.get(_ALL, []) for said in entry.untold]
    return here + config.stash.get(_OF_WORKERS, [])


def take_from_worker(config: pytest.Config, said: Iterable[str]) -> None:
    config.stash.setdefault(_OF_WORKERS, []).extend(said)
