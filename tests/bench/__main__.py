"""make bench, make bench-quick: the torch simulator against a C program, on equal cores.

    python -m tests.bench [--quick] [--only GROUP] [--no-page]

The C program is $NB_C_BIN, else the C reference built with -O3 -march=native. Writes build/bench/figures.json and the
tables of docs/performance.md (not with --quick or --no-page). --only measures one group anew and leaves the others.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench import commands, page
from tests.bench.goals import goals_of
from tests.bench.goals import told as told_goals
from tests.bench.harness import harness_rows, sweep_rows
from tests.bench.many_cells import cell_rows
from tests.bench.measure import BUSY, IMPORT, PROCESS, beside_others, interleaved, warm_up
from tests.bench.peer import peer_rows
from tests.bench.programs import (
    CHECKOUT,
    CORES,
    Renderer,
    accuracy,
    comparator,
    compiled_here,
    environment,
    timed,
    write_inputs,
)
from tests.bench.quoted import diagnosis_rows
from tests.bench.small_runs import small_rows

BUILD = CHECKOUT / "build" / "bench"
BOUND = 1e-6
ROUNDS, ROUNDS_OF_GROWTH = 3, 2
CELLS_OF_A_SWEEP = 400
PATHS = {"fast": ("-render", "fast"), "compiled": ("-render", "compiled"),
         "fast float64": ("-render", "fast", "-dtype", "float64")}
ALL_OF_THEM, NONE_OF_THEM = "all emulations", "no emulation"
LONGEST_C, LONGEST_FAST = 110e6, 450e6
"""Pixels times phi steps that C and the fast path render in the table of growth."""


class Bench:
    """One C program, one renderer, and a folder with the inputs."""

    def __init__(self, folder: Path, rounds: int, compiled: bool):
        self.folder, self.rounds, self.compiled = folder, rounds, compiled
        self.program, self.is_nanobragg = comparator(BUILD / "reference")
        self.renderer, self.warm = Renderer(), set()
        write_inputs(folder)

    def torch_argv(self, command, *more, emulate: str | None = None) -> list[str]:
        """The arguments for torch; against nanoBragg with the emulations that make it the same image, or as said."""
        wanted = command.emulate if emulate is None else emulate
        emulate = wanted.format(threads=CORES) if self.is_nanobragg else ""
        return [*command.argv, *(["-emulate", emulate] if emulate else []), *more]

    def emulating(self, command) -> dict[str, str]:
        """Beside the emulations that a row needs: all of them, and, where it needs any, none."""
        if not self.is_nanobragg:
            return {}
        return {ALL_OF_THEM: commands.ALL, **({NONE_OF_THEM: ""} if command.emulate else {})}

    def renders(self, command, paths: tuple[str, ...] = ("fast", "compiled"), more: dict | None = None, *,
                against_C: bool = True, emulations: dict[str, str] | None = None, most: int = ROUNDS) -> dict:
        """One row: C as a whole process against the render step of each path, also with other ``emulations`` by what
        they are called, and what ``more`` there is. In ``most`` rounds; without C, fewer are enough, and on the plain
        path one."""
        names = [name for name in paths if self.compiled or name != "compiled"]
        asked = {name: self.torch_argv(command, *PATHS[name]) for name in names}
        for called, emulate in (emulations or {}).items():
            asked |= {f"{name}, {called}": self.torch_argv(command, *PATHS[name], emulate=emulate) for name in names}
        taken = {}

        def render(name):
            run, taken[name] = self.renderer.render(asked[name], self.folder, self.folder / f"{name}.bin")
            return run

        contestants = {"C": lambda: self.c_run(command)} if against_C else {}
        contestants |= {name: lambda name=name: render(name) for name in asked}
        contestants |= more or {}
        warm_up(contestants, self.warm)
        self.warm.add("C")
        for name in [name for name in taken if name.startswith("compiled") and not taken[name].startswith("compiled")]:
            contestants.pop(name)  # it is another path once more
            taken.pop(name)
        slow = {name for name, path in taken.items() if path.startswith("plain")}
        figures = interleaved(contestants, min(self.rounds, most if against_C else 2), slow)
        errors = {name: accuracy(self.folder / f"{name}.bin", self.folder / "floatimage.bin")
                  for name in taken if against_C and not name.endswith(NONE_OF_THEM)}
        return self._row(command, figures, taken, errors)

    def c_run(self, command):
        return timed([self.program, *command.argv], self.folder)

    def process(self, command, path):
        """A whole process of the torch simulator."""
        return timed([sys.executable, "-m", "nanobrag_torch", *self.torch_argv(command), *PATHS[path], "-floatfile",
                      "process.bin"], self.folder)

    def processes(self, command, quick: bool) -> dict:
        """Whole processes, the import of torch alone, and (not quick) again beside others that use the processor."""
        found = {IMPORT: lambda: timed([sys.executable, "-c", "import torch"], self.folder)}
        found |= {f"{path}, {PROCESS}": lambda path=path: self.process(command, path)
                  for path in ("fast", "compiled")[: 1 + self.compiled]}
        alone = {"C": lambda: self.c_run(command), **found}
        if not quick:
            found |= {f"{name} {BUSY}": lambda name=name: beside_others(alone[name])
                      for name in alone if name != IMPORT}
        return found

    def _row(self, command, figures, taken, errors) -> dict:
        row = {"name": command.name, "figures": {name: entry.as_dict() for name, entry in figures.items()},
               "paths": taken, "errors": errors}
        print(page.line(row), flush=True)
        return row


def measured(bench: Bench, quick: bool, only: str | None) -> dict:
    """All groups of rows."""
    whole = commands.supervisor()
    few = commands.option_paths()
    groups = {
        "supervisor": lambda: [bench.renders(whole, tuple(PATHS), bench.processes(whole, quick))],
        "options": lambda: [bench.renders(command, emulations=None if quick else bench.emulating(command))
                            for command in (few[:1] + few[4:5] if quick else few)],
        "growth": lambda: list(_growth(bench, quick)),
    }
    if not quick:
        groups["memory"] = lambda: list(_memory(bench))
        groups["peer"] = lambda: peer_rows(bench)
    return {name: told(name, make) for name, make in groups.items() if only in (None, name)}


def _memory(bench: Bench) -> Iterator[dict]:
    """The largest resident size of whole processes, and of the import of torch alone."""
    imported = timed([sys.executable, "-c", "import torch"], bench.folder).peak_mb
    for command in commands.memory():
        sizes = {path: bench.process(command, path).peak_mb for path in ("fast", "compiled")[: 1 + bench.compiled]}
        row = {"name": command.name, "MB": {"import torch": imported, **sizes}}
        print(page.memory_line(row), flush=True)
        yield row


def _growth(bench: Bench, quick: bool) -> Iterator[dict]:
    """Phi steps by pixels. What would take C or the fast path minutes is left out."""
    for side in commands.SIDES[: 1 if quick else None]:
        for steps in commands.STEPS[: 2 if quick else None]:
            terms = steps * side * side
            paths = ("fast", "compiled") if terms <= LONGEST_FAST else ("compiled",)
            if terms <= LONGEST_C or bench.compiled or "fast" in paths:
                row = bench.renders(commands.growth(steps, side), paths, against_C=terms <= LONGEST_C,
                                    most=ROUNDS_OF_GROWTH)
                yield {**row, "steps": steps, "pixels": side * side}


def derivative_rows(folder: Path) -> list[dict]:
    """What the derivatives of a band of the supervisor image cost."""
    script = Path(__file__).with_name("derivatives.py")
    argv = [sys.executable, script, folder, *commands.supervisor().argv, "-roi", "0", "2462", "1200", "1263"]
    done = subprocess.run(list(map(str, argv)), env=environment(), capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    if not found["defined"]:
        raise RuntimeError("a derivative of the supervisor image is undefined")
    return [{"name": "64 rows of it by 6 cell and 3 misset parameters, CPU over that of their forward render",
             "value": found["times"], "unit": "times", "goal": "<= 5"},
            {"name": "memory beyond import torch", "value": found["more_mb"], "unit": "MB", "goal": "<= 1000"}]


def of_harness(folder: Path, rounds: int, asked) -> dict[str, list[dict]]:
    """What the harness costs; not with --quick."""
    makers = {"derivatives": lambda: derivative_rows(folder),
              "harness": lambda: [*harness_rows(folder, rounds), *small_rows(folder, rounds), *diagnosis_rows()],
              "sweep": lambda: sweep_rows(folder), "cells": lambda: cell_rows(folder / "cells", CELLS_OF_A_SWEEP)}
    return {name: told(name, make) for name, make in makers.items() if not asked.quick and asked.only in (None, name)}


def told(name: str, make: Callable[[], list[dict]]) -> list[dict]:
    """The rows of a group; how long they took is told."""
    begun = time.monotonic()
    rows = make()
    print(f"-- {name}: {time.monotonic() - begun:.0f} s", flush=True)
    return rows


def worst_errors(groups: dict) -> list[str]:
    """Rows whose image is not that of C within the bound. The peer's are told in its table, and are not ours."""
    return [f"{row['name']}, {name}: " + ("the image of C is dark, so that nothing is shown" if math.isnan(error) else
                                          f"{error:g} of the peak, sum {excess:+g}")
            for rows in groups.values() for row in rows for name, (error, excess) in row.get("errors", {}).items()
            if not (error <= BOUND and abs(excess) <= BOUND) and not name.startswith("peer")]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under a minute: fewer rows and runs, no page")
    parser.add_argument("--only", help=f"one group: {', '.join(page.TITLES)}")
    parser.add_argument("--no-page", action="store_true", help="leave docs/performance.md as it is")
    asked = parser.parse_args()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bench_") as name:
        folder = Path(name)
        bench = Bench(folder, 1 if asked.quick else ROUNDS, not asked.quick and compiled_here(BUILD / "cache", folder))
        machine = page.machine(bench.program)
        print(page.headline(machine), flush=True)
        groups = measured(bench, asked.quick, asked.only)
        bench.renderer.close()
        beside = of_harness(folder, bench.rounds, asked)
    BUILD.mkdir(parents=True, exist_ok=True)
    figures = BUILD / "figures.json"
    found = {**(page.read_groups(figures) if asked.only else {}), **groups, **beside}
    found = {name: found[name] for name in page.TITLES if name in found}
    if not asked.quick:
        page.write_figures(figures, machine, found, goals_of(found))
    if not (asked.quick or asked.no_page) and found.keys() >= page.TITLES.keys():
        page.write_page(machine, found)
    print(f"{time.monotonic() - begun:.0f} s in all", flush=True)
    print(f"\n{told_goals(goals_of(found))}\n", flush=True)
    wrong = worst_errors(groups)
    print("\n".join(wrong) or "every image is within 1e-6 of the peak and of the sum of the C image")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
