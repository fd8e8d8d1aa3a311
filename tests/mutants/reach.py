"""Which test reaches which line: written down once for each file of tests, so that a mutant is tried by few tests.

A line is written as its function and its distance from the function's head, so that what was written down holds while
other functions change. A file of tests is run again when its text changes. What tests do in processes that they start
is not seen.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import coverage
import pytest

CHECKOUT = Path(__file__).resolve().parent.parent.parent
KEPT = CHECKOUT / "build" / "mutants" / "reach.json"
ROOMS_ASKED = {"compare": ("compare", "case/test_regions.py", "verdict/test_left_out.py", "verdict/test_weak.py"),
               "case": ("case",), "verdict": ("verdict", "run/test_subjects.py"),
               "bundle": ("bundle", "commands/test_trend.py", "commands/test_index.py", "plan/test_gates_sign.py",
                          "run/test_subjects.py", "run/test_kept_reference.py", "verdict/test_claimed_trace.py"),
               "plan": ("plan",), "parsers": ("formats", "case", "bundle")}
"""The folders and files of tests that may answer for the mutants of a room: its own, those that try it through another
room, and of parsers those around them. A map of these few is made within minutes; what only tests of still higher
rooms notice counts as survived."""

FURTHER = ("nbcompare/test_limits.py",)
NOT_ASKED = ("test_gates_faults.py", "test_gates_flow.py", "test_gates_secrets.py", "test_gates_watch.py",
             "test_gates_mapped_tests.py")
"""Slow files that a mutant is tried by at its second look only."""

NEVER_ASKED = ("simulator/", "mutants/", "parity/", "nbcompare/run/test_on_cuda.py",
               "nbcompare/run/test_sweep_cluster.py",
               "nbcompare/commands/test_hostile_page.py", "nbcompare/commands/test_report_in_browser.py",
               "test_ci.py", "test_rooms.py", "test_wheel.py", "test_wheel_used.py")
"""Files of the suite that no mutant is tried by at all: those of the simulator and of this tool, which never reach the
harness, and those that need minutes, a browser, a cluster, a graphics card, or an installed copy of the harness."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Reached:
    """One test: its node id, how long it takes alone [CPU s], and the lines it reaches."""

    test: str
    seconds: float
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Place:
    """Where a function stands: its qualified name, and the lines of its head, of its body's begin and of its end."""

    name: str
    first: int
    body: int
    last: int


def functions_of(text: str) -> list[Place]:
    """Every function of a module, inner ones after those around them."""
    return list(_functions(ast.parse(text), ""))


def _functions(node: ast.AST, prefix: str) -> Iterator[Place]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function):
            yield Place(prefix + child.name, child.lineno, child.body[0].lineno, child.end_lineno or child.lineno)
        named = isinstance(child, Function | ast.ClassDef)
        yield from _functions(child, f"{prefix}{child.name}." if named else prefix)


def function_at(path: str, text: str, line: int) -> Place | None:
    """The innermost function around a line."""
    return next((one for one in reversed(_functions_of(path, text)) if one.first <= line <= one.last), None)


@cache
def _functions_of(path: str, text: str) -> list[Place]:
    return functions_of(text)


def place(path: str, text: str, line: int) -> str:
    """A line as ``path::function+distance``; outside of all functions the function is empty, and so is the distance."""
    found = function_at(path, text, line)
    return f"{path}::{found.name}+{line - found.first}" if found else f"{path}::+"


class Recorder:
    """A pytest plugin that notes the lines below nbcompare/ that each test reaches, fixtures of its file included."""

    def __init__(self, checkout: Path, forgetting: Sequence[Callable[[], None]]) -> None:
        self.checkout, self.forgetting = checkout, forgetting
        self.seconds: dict[str, float] = {}
        self.uses: dict[str, set[str]] = {}
        self.shared: dict[str, float] = {}
        self.failed: set[str] = set()
        self.now = "before"
        self.coverage = coverage.Coverage(data_file=None, source=[str(checkout / "nbcompare")], config_file=False,
                                          messages=False)
        self.coverage.start()

    def enter(self, context: str) -> None:
        self.now = context
        self.coverage.switch_context(context)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any, request: Any) -> Any:
        if fixturedef.scope == "function":
            return (yield)
        before, start = self.now, _cpu_seconds()
        self.enter(f"fixture {fixturedef.argname}")
        try:
            return (yield)
        finally:
            self.shared[fixturedef.argname] = _cpu_seconds() - start
            self.enter(before)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: Any, nextitem: Any) -> Any:
        earlier, start = set(self.shared), _cpu_seconds()
        for forget in self.forgetting:
            forget()
        self.enter(item.nodeid)
        try:
            return (yield)
        finally:
            self.enter("between")
            self.uses[item.nodeid] = self.shared.keys() & set(item.fixturenames)
            self.seconds[item.nodeid] = _cpu_seconds() - start + sum(
                self.shared[name] for name in self.uses[item.nodeid] if name in earlier)

    def pytest_runtest_logreport(self, report: Any) -> None:
        if not report.passed:
            self.failed.add(report.nodeid)

    def reached(self) -> Iterator[Reached]:
        """What was noted of each test that passed."""
        self.coverage.stop()
        lines: dict[str, set[str]] = defaultdict(set)
        data = self.coverage.get_data()
        for file in data.measured_files():
            if not file.endswith(".py"):
                continue  # a template of a page, which is measured as if it were code
            path, text = file.removeprefix(f"{self.checkout}/"), Path(file).read_text(encoding="utf-8")
            for line, contexts in data.contexts_by_lineno(file).items():
                for context in contexts:
                    lines[context].add(place(path, text, line))
        for test, seconds in self.seconds.items():
            if test not in self.failed:
                found = lines[test].union(*(lines[f"fixture {name}"] for name in self.uses[test]))
                yield Reached(test, round(seconds, 3), tuple(sorted(found)))


def _cpu_seconds() -> float:
    """Of this process and those it waited for: what else the machine does leaves them alone."""
    return sum(os.times()[:4])


def test_files(rooms: Sequence[str] = tuple(ROOMS_ASKED)) -> list[Path]:
    """The files of tests that may answer for a mutant of one of these rooms."""
    tests = CHECKOUT / "tests"
    asked = dict.fromkeys(tests / "nbcompare" / name for room in rooms for name in ROOMS_ASKED[room])
    of_rooms = [path for place in asked for path in ([place] if place.is_file() else sorted(place.glob("test_*.py")))]
    answering = dict.fromkeys(path for path in of_rooms if path.name not in NOT_ASKED)
    return [*answering, *(tests / name for name in FURTHER)]


def second_files(modules: Sequence[str]) -> list[Path]:
    """The files of the suite that survivors in these modules are tried by: those that name one of them first, and of
    these the ones of few words."""
    tests, names = CHECKOUT / "tests", [Path(module).stem for module in modules]

    def order(path: Path) -> tuple[bool, bool, int]:
        text = path.read_text(encoding="utf-8")
        return not any(name in text for name in names), path.name in NOT_ASKED, len(text)

    return sorted((path for path in tests.rglob("test_*.py")
                   if not str(path.relative_to(tests)).startswith(NEVER_ASKED)), key=order)


def kept_and_missing(files: Sequence[Path]) -> tuple[dict[str, Any], dict[str, str]]:
    """(what is written down by file of tests, the sums of those that are to be run)."""
    kept: dict[str, Any] = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.is_file() else {}
    sums = {str(path.relative_to(CHECKOUT)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    return kept, {name: text for name, text in sums.items() if kept.get(name, {}).get("sha256") != text}
