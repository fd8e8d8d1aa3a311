"""Which tests answer for a change: those that reach it, quickest first.

A survivor gets a second look: by the tests of the whole suite that reach it, with a limit that is larger.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tests.mutants.bench import Task
from tests.mutants.mutant import CHECKOUT, Mutant, statement_at
from tests.mutants.reach import Reached, function_at, place

MOST_TESTS, MOST_SECONDS = 250, 20.0
"""At first a mutant is tried by so many tests, or tests that take so long."""

SECOND_SECONDS = 300.0
"""At the second look, by tests that take so long; one that they have not noticed has survived."""


class Answering:
    """Which tests answer for a mutant."""

    def __init__(self, tests: Sequence[Reached]) -> None:
        self.seconds = {one.test: one.seconds for one in tests}
        self.by_line: dict[str, set[str]] = defaultdict(set)
        self.by_function: dict[str, set[str]] = defaultdict(set)
        self.by_module: dict[str, set[str]] = defaultdict(set)
        for one in tests:
            for line in one.lines:
                function, _, distance = line.rpartition("+")
                self.by_line[line].add(one.test)
                if distance not in ("", "0"):  # the head of a function is reached when its module is imported
                    self.by_function[function].add(one.test)
                    self.by_module[function.partition("::")[0]].add(one.test)

    def task_of(self, mutant: Mutant) -> Task:
        """The trial of a mutant by the tests that reach its statement; of one outside of functions, by those that reach
        its module, and then by all of its room, which may look at what it makes."""
        inside, found = self._reaching(mutant)
        tests = self._ordered(found, mutant.path, () if inside else self.seconds)
        return Task(mutant.path, mutant, inside, tuple(tests), sum(self.seconds[test] for test in tests))

    def _reaching(self, mutant: Mutant) -> tuple[bool, set[str]]:
        """(whether the mutant stands in the body of a function, the tests that reach it)."""
        text = (CHECKOUT / mutant.path).read_text(encoding="utf-8")
        function = function_at(mutant.path, text, mutant.line)
        inside = function is not None and mutant.line >= function.body
        if inside:
            places = (place(mutant.path, text, line) for line in statement_at(text, mutant.line))
            found = set().union(*(self.by_line.get(one, set()) for one in places))
            if function and not found:  # also where the function has changed since its lines were written down
                found = self.by_function.get(f"{mutant.path}::{function.name}", set())
        else:
            name = f"{mutant.path}::{function.name}" if function else ""
            found = self.by_function.get(name) or self.by_module.get(mutant.path) or set(self.seconds)
        return inside, found

    def second_task_of(self, mutant: Mutant, before: Task, most_seconds: float) -> Task:
        """The trial of a survivor by all tests that reach its statement and were not asked before, or, where that is
        outside of functions, by all there are; one of each parametrized test first, and one of each file, so that what
        the limit leaves out is like what was asked."""
        inside, found = self._reaching(mutant)
        left = sorted((found if inside else set(self.seconds)) - set(before.tests),
                      key=lambda test: (test not in found, self.seconds[test], test))
        of_file, of_test = Counter[str](), Counter[str]()
        order = {}
        for test in left:
            name, file = test.partition("[")[0], test.partition("::")[0]
            order[test] = (test not in found, of_test[name], of_file[file], self.seconds[test])
            of_test[name] += 1
            of_file[file] += of_test[name] == 1
        tests = tuple(_within_limits(sorted(left, key=order.__getitem__), self.seconds, len(left), most_seconds))
        return replace(before, tests=tests, expected_seconds=sum(self.seconds[test] for test in tests))

    def task_of_functions(self, path: str, text: str, functions: Sequence[str]) -> Task:
        """The trial of a module's text by the tests that reach one of some functions of it."""
        found = set().union(*(self.by_function.get(f"{path}::{name}", set()) for name in functions))
        tests = self._ordered(found, path)
        return Task(path, text, True, tuple(tests), sum(self.seconds[test] for test in tests))

    def _ordered(self, tests: set[str], path: str, others: Iterable[str] = ()) -> list[str]:
        """One of each parametrized test, quickest first, the module's own room before others; then the further ones,
        then those of ``others`` that are of the module's room; and no more than the limits."""
        own = f"tests/nbcompare/{Path(path).parts[1]}/"
        beside = {test for test in others if test.startswith(own)} - tests
        quickest = sorted(tests | beside, key=lambda test: (
            test in beside, self.seconds[test] * (1 if test.startswith(own) else 2), test))
        of_test = Counter[str]()
        order = {}
        for test in quickest:
            name = test.partition("[")[0]
            order[test] = (test in beside, of_test[name])
            of_test[name] += 1
        return list(_within_limits(sorted(quickest, key=order.__getitem__), self.seconds, MOST_TESTS, MOST_SECONDS))


def _within_limits(tests: Sequence[str], seconds: Mapping[str, float], most: int, most_seconds: float) -> Iterator[str]:
    """The first of them; one that would be too long is passed over, for those behind it may be short."""
    spent = 0.0
    for test in tests[:most]:
        if spent + seconds[test] <= most_seconds:
            spent += seconds[test]
            yield test
