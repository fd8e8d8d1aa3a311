"""What a user waits for beside the engines: a small run, a cell of a sweep, and a verdict of which all is known but the
subject. Medians, in wall seconds of this machine.
"""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path

from tests.bench.harness import COMMAND, SMALL, environment_of_harness
from tests.bench.programs import CASE, CHECKOUT, Run, timed

REFERENCE = CHECKOUT / "simulator" / "reference" / "build" / "nanobragg_reference"
MEDIUM = f"{SMALL.replace('-detpixels 128', '-detpixels 256')} -osc 0.1 -phisteps 3"
CASE_TEXT = """name: {name}
title: a small case
command: {command}
image: {{fast: {side}, slow: {side}}}
rois: {{full: full}}
thresholds:
  - {{metric: correlation, min: 0.999, why: bench}}
"""
FEW, MANY = 8, 58
"""Cells of two sweeps: the difference is free of what a sweep costs once, as importing torch."""


def small_rows(folder: Path, rounds: int) -> list[dict]:
    """Name, value, unit and goal of each."""
    return [*_beyond_engines(folder, min(rounds, 3)),
            _row("a cell of 128 x 128 with its evidence in a sealed archive, one core", _cell(folder, "--archive"),
                 "<= 0.05"),
            _row("the same with a folder of evidence for each, forced to the disk file by file", _cell(folder), ""),
            *_known_verdict(folder)]


def _beyond_engines(folder: Path, rounds: int) -> list[dict]:
    """A run with bundle and pictures, and both engines by themselves, in turn. In a run engines take longer, as they
    are watched and the harness works beside them: beyond them there is a second way to count."""
    case = folder / "medium.yaml"
    case.write_text(CASE_TEXT.format(name="medium", command=MEDIUM, side=256))
    words = [*MEDIUM.split(), "-floatfile", "medium.bin"]
    run = ["run", str(case), "--bundles", str(folder / "medium"), "--fresh", "-q"]
    contestants = {"run": lambda: _harness(run, folder), "C": lambda: timed([REFERENCE, *words], folder),
                   "torch": lambda: timed([sys.executable, "-m", "nanobrag_torch", *words], folder)}
    taken: dict[str, list[float]] = {name: [] for name in (*contestants, "beside engines")}
    for number in range(rounds + 1):
        for name, contestant in contestants.items():
            seconds = contestant().seconds
            taken[name] += [seconds] if number else []  # the first is the warm-up
        if number:
            taken["beside engines"] += [taken["run"][-1] - _of_engines(folder / "medium" / "medium")]
    middle = {name: statistics.median(seconds) for name, seconds in taken.items()}
    name = "nb-compare run of 256 x 256 beyond its two engines"
    return [_row(f"{name}, by themselves and not watched", middle["run"] - middle["C"] - middle["torch"], "<= 0.5"),
            _row(f"{name}, as they ran in it", middle["beside engines"], "<= 0.5")]


def _of_engines(bundles: Path) -> float:
    """The seconds of both engines, as the newest bundle has them."""
    record = json.loads((max(bundles.iterdir()) / "record.json").read_text(encoding="utf-8"))
    return sum(run["seconds"] for run in record["runs"])


def _cell(folder: Path, *more: str) -> float:
    """What one cell more costs a sweep, with the subject kept running: the middle of three, as the difference of two
    sweeps is off by a tenth."""
    def sweep(count: int, number: int) -> float:
        name = "-".join((f"cells-of-{count}-{number}", *(word.strip("-") for word in more)))
        text = CASE_TEXT.format(name=name, command=f"{SMALL} -osc 0.1 -phisteps 3", side=128)
        angles = ", ".join(f"{0.01 * cell:.2f}" for cell in range(count))
        (folder / f"{name}.yaml").write_text(f"{text}matrix:\n  axes:\n    -phi: [{angles}]\n")
        words = ["sweep", f"{name}.yaml", "--jobs", "1", "--bundles", "small-cells", "-q", *more]
        return _harness(words, folder, {"OMP_NUM_THREADS": "1"}).seconds

    return statistics.median((sweep(MANY, number) - sweep(FEW, number)) / (MANY - FEW) for number in range(3))


def _known_verdict(folder: Path) -> list[dict]:
    """The supervisor case once more, its reference and its tests taken from the run before. In a checkout with changes
    no tests are taken, and there is no row."""
    run = ["run", str(CASE), "--bundles", str(folder / "known"), "-q"]
    _harness(run, CHECKOUT)
    seconds = [_harness(run, CHECKOUT).seconds for _ in range(2)]
    newest = max((folder / "known" / "supervisor").iterdir())
    record = json.loads((newest / "record.json").read_text(encoding="utf-8"))
    if not (record.get("reference_from") and record["tests"]["cpu"].get("taken_from")):
        print("the supervisor verdict with all but the subject known: this checkout has changes", flush=True)
        return []
    return [_row("supervisor verdict, its reference and its tests known", statistics.median(seconds), "<= 4")]


def _harness(words: list[str], folder: Path, more: dict[str, str] | None = None) -> Run:
    return timed([*COMMAND, *words], folder, {**environment_of_harness(), **(more or {})})


def _row(name: str, value: float, goal: str) -> dict:
    print(f"{name}: {value:.3g} s ({goal})", flush=True)
    return {"name": name, "value": value, "unit": "s", "goal": goal}
