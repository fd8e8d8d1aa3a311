"""make bench, make bench-quick: the torch simulator against a C program, on equal cores.

    python -m tests.bench [--quick] [--only GROUP] [--no-page]

The C program is $NB_C_BIN, else the C reference built with -O3 -march=native. Writes build/bench/figures.json and the
tables of docs/performance.md (not with --quick or --no-page). --only measures one group anew and leaves the others.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.bench import commands, page
from tests.bench.harness import harness_rows, sweep_rows
from tests.bench.measure import competitors, interleaved
from tests.bench.programs import (
    CHECKOUT,
    CORES,
    Renderer,
    accuracy,
    comparator,
    compiled_here,
    timed,
    write_inputs,
)

BUILD = CHECKOUT / "build" / "bench"
BOUND = 1e-6


class Bench:
    """One C program, one renderer, and a folder with the inputs."""

    def __init__(self, folder: Path, rounds: int, compiled: bool):
        self.folder, self.rounds, self.compiled = folder, rounds, compiled
        self.program, self.is_nanobragg = comparator(BUILD / "reference")
        self.renderer = Renderer()
        write_inputs(folder)

    def torch_argv(self, command, *more) -> list[str]:
        """The arguments for torch; against nanoBragg with the emulations that make it the same image."""
        emulate = command.emulate.format(threads=CORES) if self.is_nanobragg else ""
        return [*command.argv, *(["-emulate", emulate] if emulate else []), *more]

    def renders(self, command, *dtypes: str) -> dict:
        """One row: C as a whole process against the render step of each path."""
        paths = {"fast": ("-render", "fast")}
        if self.compiled:
            paths["compiled"] = ("-render", "compiled")
        if "float64" in dtypes:
            paths["fast float64"] = ("-render", "fast", "-dtype", "float64")
        taken = {}

        def render(name):
            image = self.folder / f"{name}.bin"
            run, taken[name] = self.renderer.render(self.torch_argv(command, *paths[name]), self.folder, image)
            return run

        contestants = {"C": lambda: timed([self.program, *command.argv], self.folder)}
        contestants |= {name: lambda name=name: render(name) for name in paths}
        figures = interleaved(contestants, self.rounds)
        errors = {name: accuracy(self.folder / f"{name}.bin", self.folder / "floatimage.bin") for name in paths}
        return self._row(command, figures, taken, errors)

    def processes(self, command) -> dict:
        """One row: whole processes, and the import of torch alone."""
        python = [sys.executable, "-m", "nanobrag_torch", *self.torch_argv(command)]
        contestants = {
            "C": lambda: timed([self.program, *command.argv], self.folder),
            "import torch": lambda: timed([sys.executable, "-c", "import torch"], self.folder),
            "fast": lambda: timed([*python, "-render", "fast", "-floatfile", "fast.bin"], self.folder),
        }
        if self.compiled:
            contestants["compiled"] = lambda: timed([*python, "-render", "compiled", "-floatfile", "compiled.bin"],
                                                    self.folder)
        return self._row(command, interleaved(contestants, self.rounds), {}, {})

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
        "render": lambda: [bench.renders(whole, "float64")],
        "process": lambda: [bench.processes(whole)],
        "options": lambda: [bench.renders(command) for command in (few[:1] + few[3:4] if quick else few)],
        "phi": lambda: [bench.renders(command) for command in commands.phi_growth((1, 10) if quick else (1, 10, 100))],
        "pixels": lambda: [] if quick else [bench.renders(command) for command in commands.pixel_growth()],
        "competing": lambda: [] if quick else _competing(bench, whole),
    }
    return {name: make() for name, make in groups.items() if only in (None, name)}


def _competing(bench: Bench, command) -> list[dict]:
    with competitors(CORES):
        return [bench.renders(command)]


def of_harness(folder: Path, rounds: int, asked) -> dict[str, list[dict]]:
    """What the harness costs; not with --quick."""
    makers = {"harness": lambda: harness_rows(folder, rounds), "sweep": lambda: sweep_rows(folder)}
    return {name: make() for name, make in makers.items() if not asked.quick and asked.only in (None, name)}


def worst_errors(groups: dict) -> list[str]:
    """Rows whose image is not that of C within the bound."""
    return [f"{row['name']}, {name}: {error:g} of the peak, sum {excess:+g}"
            for rows in groups.values() for row in rows for name, (error, excess) in row["errors"].items()
            if not (error <= BOUND and abs(excess) <= BOUND)]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under a minute: fewer rows and runs, no page")
    parser.add_argument("--only", help="one group: render, process, options, phi, pixels, competing, "
                        "harness or sweep")
    parser.add_argument("--no-page", action="store_true", help="leave docs/performance.md as it is")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench_") as name:
        folder = Path(name)
        bench = Bench(folder, 1 if asked.quick else 5, not asked.quick and compiled_here(BUILD / "cache", folder))
        machine = page.machine(bench.program)
        print(page.headline(machine), flush=True)
        groups = measured(bench, asked.quick, asked.only)
        bench.renderer.close()
        beside = of_harness(folder, bench.rounds, asked)
    BUILD.mkdir(parents=True, exist_ok=True)
    figures = BUILD / "figures.json"
    found = {**(page.read_groups(figures) if asked.only else {}), **groups, **beside}
    if not asked.quick:
        page.write_figures(figures, machine, found)
    if not (asked.quick or asked.no_page) and found.keys() >= page.TITLES.keys():
        page.write_page(machine, found)
    wrong = worst_errors(groups)
    print("\n".join(wrong) or "every image is within 1e-6 of the peak and of the sum of the C image")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
