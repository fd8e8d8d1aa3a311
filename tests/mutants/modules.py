"""make mutants-modules: does a test notice when a module stops working?

In each module of nbcompare every public function, and every public method, is made to return None at once; then the
tests that reach one of them are run, quickest first. A module that nobody misses is printed, and the exit code is 1.
With --functions each function is tried alone.

    python -m tests.mutants.modules [--functions] [--under nbcompare/plan] [--also tests/nbcompare/run]
"""

from __future__ import annotations

import argparse
import ast
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.answering import Answering
from tests.mutants.pool import benches
from tests.mutants.reach import CHECKOUT, test_files

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Broken:
    """A module of which some functions return None at once."""

    path: str
    functions: tuple[str, ...]
    text: str


def broken_modules(under: str, one_by_one: bool) -> Iterator[Broken]:
    """Each module below a folder that has public functions, broken as a whole or function by function."""
    home = CHECKOUT / under
    for path in sorted(home.rglob("*.py")) if home.is_dir() else [home]:
        text = path.read_text(encoding="utf-8")
        found = list(_public_functions(ast.parse(text), ""))
        parts = [[one] for one in found] if one_by_one else [found] if found else []
        for part in parts:
            yield Broken(str(path.relative_to(CHECKOUT)), tuple(name for name, _ in part),
                         _without_bodies(text, [function for _, function in part]))


def _public_functions(node: ast.AST, prefix: str) -> Iterator[tuple[str, Function]]:
    """(qualified name, function) of what others may call: no name on the way begins with an underscore."""
    for child in getattr(node, "body", []):
        name = getattr(child, "name", "_")
        if name.startswith("_") or _only_types(child):
            continue
        if isinstance(child, ast.ClassDef):
            yield from _public_functions(child, f"{prefix}{name}.")
        elif isinstance(child, Function):
            yield prefix + name, child


def _only_types(node: ast.AST) -> bool:
    """A function without a body, as a Protocol has."""
    body = [one for one in getattr(node, "body", []) if not isinstance(one, ast.Expr)]
    return isinstance(node, Function) and not body


def _without_bodies(text: str, functions: Sequence[Function]) -> str:
    """The module with ``return None`` before the first statement of each function (``yield`` stays behind it)."""
    lines = text.splitlines(keepends=True)
    for function in sorted(functions, key=lambda one: one.body[0].lineno, reverse=True):
        first = next((one for one in function.body if not (isinstance(one, ast.Expr) and isinstance(
            one.value, ast.Constant))), function.body[0])
        line = first.lineno - 1
        if isinstance(first, Function | ast.ClassDef) and first.decorator_list:
            line = first.decorator_list[0].lineno - 1
        if function.lineno == first.lineno:  # the body stands on the line of the head
            head = lines[line]
            lines[line] = head[:first.col_offset] + "return None; " + head[first.col_offset:]
        else:
            lines.insert(line, " " * first.col_offset + "return None\n")
    return "".join(lines)


def main() -> int:
    """Break, ask, tell; the exit code is 1 when a module is missed by no test."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants.modules", description=__doc__.partition("\n")[0])
    parser.add_argument("--functions", action="store_true", help="each public function alone")
    parser.add_argument("--under", action="append", help="only modules below this folder, or this one")
    parser.add_argument("--also", action="append", default=[], help="a folder or file of tests to ask besides")
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    os.nice(5)
    broken = [one for under in asked.under or ["nbcompare"] for one in broken_modules(under, asked.functions)]
    files = list(dict.fromkeys([*test_files(), *(path for name in asked.also for path in _test_files_of(name))]))
    unnoticed = 0
    with benches(asked.workers, files) as pool:
        answering = Answering(pool.reached(files))
        tasks = [answering.task_of_functions(one.path, one.text, one.functions) for one in broken]
        for one, task, outcome in zip(broken, tasks, pool.outcomes(tasks), strict=True):
            unnoticed += not outcome.by
            names = ", ".join(one.functions) if asked.functions or not outcome.by else f"{len(one.functions)} functions"
            said = outcome.by.rpartition("/")[2] or f"UNNOTICED by {len(task.tests)} tests"
            print(f"{outcome.seconds:5.1f} s  {one.path}: {names}: {said}", flush=True)
    print(f"{len(broken) - unnoticed} of {len(broken)} noticed")
    return int(unnoticed > 0)


def _test_files_of(name: str) -> list[Path]:
    path = CHECKOUT / name
    return sorted(path.rglob("test_*.py")) if path.is_dir() else [path]


if __name__ == "__main__":
    sys.exit(main())
