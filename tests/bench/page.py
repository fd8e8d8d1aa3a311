"""Tables and plots of the measured rows: on the terminal, as JSON, and in docs/performance.md."""

from __future__ import annotations

import contextlib
import datetime
import json
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.bench.goals import Goal, goals_of, ratio
from tests.bench.goals import table as goal_table
from tests.bench.measure import BUSY, IMPORT, PROCESS
from tests.bench.peer import NOT_GIVEN
from tests.bench.programs import CHECKOUT, CORES

PAGE = CHECKOUT / "docs" / "performance.md"
PLOTS = CHECKOUT / "docs" / "img"
BEGIN, END = "<!-- figures made by make bench -->", "<!-- end of figures -->"
TITLES = {
    "supervisor": "The supervisor command: rendering alone, and whole processes",
    "options": "Every path, one megapixel: rendering alone",
    "growth": "Growth with phi steps and pixels: rendering alone",
    "memory": "Memory of whole processes (largest resident size, MB)",
    "peer": "The other PyTorch port (github:hoidn/nanoBragg, $NB_PEER): whole processes, once each",
    "derivatives": "Derivatives of the sum of the supervisor image, on the plain path",
    "harness": "The harness",
    "sweep": "Growth with the cells of a sweep, and with its workers",
    "cells": "A sweep on a Dask cluster in which a worker is killed, and then home (make bench-sweep CELLS=N)",
}


def machine(program: Path) -> dict[str, str]:
    """What the figures hold for."""
    names = [line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
             if line.startswith("model name")]
    asked = "import torch; print(torch.__version__, torch.backends.cpu.get_cpu_capability())"
    torch = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True).stdout.split()
    compiler = subprocess.run(["gcc", "--version"], capture_output=True, text=True).stdout.splitlines()
    return {"date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
            "processor": names[0] if names else platform.machine(), "cores": str(CORES),
            "torch": torch[0], "instructions": torch[1], "gcc": compiler[0] if compiler else "none",
            "C program": program.name}


def headline(facts: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in facts.items())


def line(row: dict) -> str:
    """One row for the terminal."""
    parts = [f"{row['name']}:"]
    for name, entry in row["figures"].items():
        against = ""
        if not name.startswith("C") and "C" in row["figures"]:
            times = ratio(row, name)
            against = f" = C/{1 / times:.2g}" if times < 1 else f" = C x {times:.1f}"
        parts.append(f"{name} {entry['seconds']:.3f} s{against} (cpu {entry['cpu']:.2f}, {entry['peak_mb']:.0f} MB);")
    parts += [f"{name} {error:.1g} of the peak;" for name, (error, _) in row["errors"].items()]
    return " ".join(parts).rstrip(";")


def table(rows: list[dict]) -> str:
    """The rows of one group in markdown: wall seconds (fastest to slowest), CPU, memory, ratio, error."""
    lines = ["| | | wall s | (spread) | CPU s | MB | times as fast as C | error/peak | sum - 1 | path |",
             "|---|---|---|---|---|---|---|---|---|---|"]
    for row in rows:
        for number, (name, entry) in enumerate(row["figures"].items()):
            error, excess = row["errors"].get(name, (None, None))
            times = "" if name.startswith("C") else f"**{ratio(row, name):.2f}**"
            cells = [row["name"] if number == 0 else "", name, f"{entry['seconds']:.3f}",
                     f"{entry['fastest']:.3f}-{entry['slowest']:.3f}", f"{entry['cpu']:.2f}", f"{entry['peak_mb']:.0f}",
                     times, "" if error is None else f"{error:.1e}",
                     "" if excess is None else f"{excess:+.0e}", row["paths"].get(name, "")]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def supervisor_lines(row: dict) -> str:
    """What whole processes take against the import of torch, and beside others that use the processor."""
    seconds = {name: entry["seconds"] for name, entry in row["figures"].items()}
    whole = [name for name in seconds if name.endswith(PROCESS)]
    imports = [f"{name} {seconds[name] / seconds[IMPORT]:.2f}" for name in whole]
    slowed = [f"{name} {seconds[f'{name} {BUSY}'] / seconds[name]:.2f}" for name in ("C", *whole)]
    return (f"Times as long as `import torch`: {', '.join(imports)}. Times as long beside {CORES} other processes that "
            f"use the processor, in the same run: {', '.join(slowed)}.")


def growth_table(rows: list[dict]) -> str:
    """Wall seconds of every contestant, and how many times as fast as C it is, for phi steps by pixels."""
    sizes = sorted({row["pixels"] for row in rows})
    lines = ["| phi steps | | " + " | ".join(f"{size / 2**20:g} Mpixel" for size in sizes) + " |",
             "|---|---|" + "---|" * len(sizes)]
    for steps in sorted({row["steps"] for row in rows}):
        of_size = {row["pixels"]: row for row in rows if row["steps"] == steps}
        for number, name in enumerate(CONTESTANTS):
            cells = [_growth_cell(of_size.get(size), name) for size in sizes]
            if any(cells):
                lines.append("| " + " | ".join([str(steps) if number == 0 else "", name, *cells]) + " |")
    return "\n".join(lines)


def _growth_cell(row: dict | None, name: str) -> str:
    if row is None or name not in row["figures"]:
        return ""
    seconds = f"{row['figures'][name]['seconds']:.3f} s"
    against = "C" in row["figures"] and name != "C"
    return f"{seconds} (**{ratio(row, name):.1f}**)" if against else seconds


def write_figures(path: Path, facts: dict, groups: dict, goals: list[Goal]) -> None:
    """Everything as JSON, the goals first."""
    path.write_text(json.dumps({"machine": facts, "goals": [goal.as_dict() for goal in goals], "groups": groups},
                               indent=1) + "\n")


def memory_line(row: dict) -> str:
    """One row for the terminal."""
    return f"{row['name']}: " + ", ".join(f"{name} {size:.0f} MB" for name, size in row["MB"].items())


def memory_table(rows: list[dict]) -> str:
    """Memory of every contestant, and how much that is over the import of torch."""
    names = [name for name in rows[0]["MB"] if name != IMPORT]
    lines = [f"| | {IMPORT} | {' | '.join(names)} |", "|---|---|" + "---|" * len(names)]
    for row in rows:
        imported = row["MB"][IMPORT]
        sizes = [f"{row['MB'][name]:.0f} (+{row['MB'][name] - imported:.0f})" for name in names]
        lines.append(f"| {row['name']} | {imported:.0f} | {' | '.join(sizes)} |")
    return "\n".join(lines)


def harness_table(rows: list[dict]) -> str:
    """What the harness costs, and what it may."""
    cells = [f"| {row['name']} | {_short(row['value'])} {row['unit']} | {row['goal']} |" for row in rows]
    return "\n".join(("| | | goal |", "|---|---|---|", *cells))


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def sweep_table(rows: list[dict]) -> str:
    """Sweeps of cells of 128 x 128 pixels, each with a bundle."""
    cells = [f"| {row['cells']} | {row['workers']} | {row['seconds']:.2f} | {row['seconds'] / row['cells']:.2f} |"
             for row in rows]
    return "\n".join(("| cells | workers | wall s | a cell |", "|---|---|---|---|", *cells))


def peer_table(rows: list[dict]) -> str:
    """Times and errors of the peer, or that it was not given; and what it could not do."""
    told = [f"{row['name']}: the peer failed: {row['failed']}" for row in rows if row["failed"]]
    return "\n\n".join([table(rows), *told]) if rows else f"{NOT_GIVEN}."


TABLES = {"growth": growth_table, "memory": memory_table, "peer": peer_table, "derivatives": harness_table,
          "harness": harness_table, "sweep": sweep_table, "cells": harness_table}
CONTESTANTS = ("C", "fast", "compiled")


def read_groups(path: Path) -> dict:
    """The groups of an earlier bench, none where there was none."""
    return json.loads(path.read_text())["groups"] if path.is_file() else {}


def write_page(facts: dict, found: dict) -> None:
    """The tables between the marks of docs/performance.md, and the plots beside it."""
    parts = [f"Measured {headline(facts)}; medians of 3 interleaved runs after a warm-up (2 in the "
             "table of growth and of those beside others, 1 on the plain path).",
             "### Goals", goal_table(goals_of(found))]
    for name, rows in found.items():
        if rows and name not in TABLES:
            parts += [f"### {TITLES[name]}", table(rows)]
        if name == "supervisor":
            parts.append(supervisor_lines(rows[0]))
    for name, make in TABLES.items():
        parts += [f"### {TITLES[name]}", make(found[name])]
        if name == "growth":
            parts += ["Times as fast as C in brackets; what takes C minutes is left out.",
                      "![Seconds against phi steps](img/phi.png) ![Seconds against pixels](img/pixels.png)"]
    parts.append(f"![{TITLES['sweep']}](img/sweep.png)")
    _plot_growth("phi", found["growth"], "steps", "phi steps", "pixels", lambda size: f"{size / 2**20:g} Mpixel")
    _plot_growth("pixels", found["growth"], "pixels", "pixels", "steps", lambda steps: f"{steps} steps")
    _plot_sweep(found["sweep"])
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n" + "\n\n".join(parts) + f"\n\n{END}{after}", encoding="utf-8")


def _plot_growth(name: str, rows: list[dict], along: str, label: str, apart: str, words: Callable) -> None:
    """Seconds against one of phi steps and pixels, a line for each contestant and each of the other."""
    with _axes(name, label) as axes:
        for colour, contestant in zip(("tab:gray", "tab:blue", "tab:orange"), CONTESTANTS, strict=True):
            for style, other in zip(("o-", "s--", "^:"), sorted({row[apart] for row in rows}), strict=False):
                points = sorted((row[along], row["figures"][contestant]["seconds"]) for row in rows
                                if row[apart] == other and contestant in row["figures"])
                if len(points) > 1:
                    axes.loglog(*zip(*points, strict=True), style, color=colour, label=f"{contestant}, {words(other)}")


def _plot_sweep(rows: list[dict]) -> None:
    """Seconds against cells, one line for each number of workers."""
    with _axes("sweep", "cells") as axes:
        for workers in sorted({row["workers"] for row in rows}):
            own = [row for row in rows if row["workers"] == workers]
            axes.plot([row["cells"] for row in own], [row["seconds"] for row in own], "o-",
                      label=f"{workers} worker{'s' if workers > 1 else ''}")
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)


@contextlib.contextmanager
def _axes(name: str, along: str):
    """Axes of a plot that is saved under docs/img when the block ends."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    PLOTS.mkdir(exist_ok=True)
    figure, axes = pyplot.subplots(figsize=(6.0, 3.6), dpi=80)
    yield axes
    axes.set_xlabel(along)
    axes.set_ylabel("wall seconds")
    axes.grid(True, alpha=0.3)
    axes.legend(fontsize=7, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    figure.tight_layout()
    figure.savefig(PLOTS / f"{name}.png")
    pyplot.close(figure)
