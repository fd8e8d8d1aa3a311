"""A sweep of many cells on a Dask cluster of two local workers, one of which is killed, and then home itself.

    make bench-sweep [CELLS=10000]          python -m tests.bench.many_cells [--cells N] [--keep FOLDER] [--json FILE]

The cells are images of 64 x 64 pixels by the bundled engines, in sealed archives. One in a hundred is of a gaussian
crystal, which the subject is told to do as the original program does, and has to fail; all others have to pass.
--c-only: by the original program ($NB_C_BIN) and the bundled C reference, which differ in the same. A
worker is killed (SIGKILL) when three tenths of the cells are home, and another one joins when four tenths are; home is
killed when six tenths are, and the same command is given again. In the end each cell has to be in exactly one archive,
with the right verdict, and every bundle has to be intact; a last call must find nothing to run. What a start costs home
is measured by a sweep of two cells before all that; what is left of the calls' CPU is for the cells.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.harness import COMMAND, environment_of_harness
from tests.bench.page import harness_table
from tests.bench.programs import REFERENCE

CRYSTALS = 100
CELLS = 10_000
LOOK_SECONDS = 0.25
GOALS = {"home's CPU ms a cell": "<= 1 from thousands on"}
BUNDLED = ("--py-args", "-emulate gauss-tophat-width")
CASE = """\
name: cells
title: cells of a sweep
command: >-
  -mat A.mat -default_F 100 -lambda 1 -distance 100 -detpixels 64 -pixel 0.2 -oversample 1 -nonoise -nopgm
inputs: {{A.mat: {{file: A.mat}}}}
image: {{fast: 64, slow: 64}}
rois: {{full: full}}
thresholds:
  - {{metric: correlation, min: 0.99999, why: two programs of the same formulas}}
  - {{metric: max_abs_diff_of_peak, max: 1.0e-5, why: float32 sums}}
matrix:
  axes:
    -phi: [{angles}]
    crystal: {{{crystals}, gauss: -N 5 -gauss_xtal}}
"""


@dataclass
class Watched:
    """What was seen of a process and of all that it started: its CPU seconds, and the most memory (MB) of itself."""

    process: subprocess.Popen
    cpu: float = 0.0
    most_mb: float = 0.0

    def look(self) -> None:
        """Look again; of one that has ended the system says what it took, with all that it waited for."""
        import psutil

        if self.over():
            return
        with contextlib.suppress(psutil.Error):
            own = psutil.Process(self.process.pid)
            self.most_mb = max(self.most_mb, own.memory_info().rss / 2**20)
            self.cpu = max(self.cpu, sum(sum(one.cpu_times()[:4]) for one in (own, *own.children(recursive=True))))

    def over(self) -> bool:
        """Whether it has ended."""
        if self.process.returncode is None:
            pid, status, used = os.wait4(self.process.pid, os.WNOHANG)
            if pid:
                self.process.returncode = os.waitstatus_to_exitcode(status)
                self.cpu = max(self.cpu, used.ru_utime + used.ru_stime)
                self.most_mb = max(self.most_mb, used.ru_maxrss / 2**10)
        return self.process.returncode is not None

    def end(self) -> None:
        """Wait for its end."""
        while not self.over():
            time.sleep(0.05)


@dataclass
class Machines:
    """A scheduler and its workers, each with one thread."""

    folder: Path
    running: contextlib.ExitStack
    watched: dict[str, Watched] = field(default_factory=dict)

    @property
    def told(self) -> Path:
        return self.folder / "scheduler.json"

    def start(self, name: str, module: str, *words: str) -> subprocess.Popen:
        """Start one of them; it ends with the stack."""
        log = self.running.enter_context(open(self.folder / f"{name}.log", "wb"))
        variables = {**environment_of_harness(), "OMP_NUM_THREADS": "1", "TMPDIR": str(self.folder),
                     "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "60s"}
        process = subprocess.Popen([sys.executable, "-m", f"distributed.cli.{module}", *words, "--no-dashboard"],
                                   cwd=self.folder, env=variables, stdout=log, stderr=log,
                                   start_new_session=True)
        self.running.callback(_ended, process)
        self.watched[name] = Watched(process)
        return process

    def scheduler(self) -> str:
        """Start the scheduler; its address."""
        self.start("scheduler", "dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file",
                   str(self.told))
        while not (self.told.exists() and self.told.read_text().endswith("}")):
            time.sleep(0.1)
        return str(json.loads(self.told.read_text())["address"])

    def worker(self, number: int) -> subprocess.Popen:
        return self.start(f"worker {number}", "dask_worker", "--scheduler-file", str(self.told), "--nthreads", "1",
                          "--no-nanny", "--memory-limit", "0")


def _ended(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def write_case(folder: Path, cells: int) -> None:
    """The case file of so many cells, a multiple of a hundred, one of two of these cells, and their orientation."""
    if not 0 < cells <= CELLS or cells % CRYSTALS:
        raise ValueError(f"{cells} cells: a multiple of {CRYSTALS}, and at most {CELLS}, the most of one matrix")
    angles = ", ".join(f"{0.01 * (at + 1):.2f}" for at in range(cells // CRYSTALS))
    crystals = ", ".join(f"n{size}: -N {size}" for size in range(5, 4 + CRYSTALS))
    (folder / "cells.yaml").write_text(CASE.format(angles=angles, crystals=crystals))
    few = CASE.replace("name: cells", "name: few").format(angles="0.01", crystals="n5: -N 5")
    (folder / "few.yaml").write_text(few)
    (folder / "A.mat").write_text("0.01 0 0\n0 0.01 0\n0 0 0.01\n")


class Swept:
    """One sweep in a folder, from its first call to its last."""

    def __init__(self, folder: Path, cells: int, engines: Sequence[str]):
        self.folder, self.cells, self.engines = folder, cells, engines
        self.homes: list[Watched] = []
        self.loads: list[float] = []
        self._sizes: dict[Path, int] = {}
        write_case(folder, cells)

    def call(self, address: str, case: str = "cells.yaml") -> Watched:
        """Give the command of the sweep."""
        words = ["sweep", case, "--archive", "--cluster", address, *self.engines, "-q", "--format", "json"]
        name = f"home-{len(self.homes)}"
        with open(self.folder / f"{name}.json", "wb") as out, open(self.folder / f"{name}.err", "wb") as told:
            process = subprocess.Popen([*COMMAND, *words], cwd=self.folder, env=environment_of_harness(), stdout=out,
                                       stderr=told)
        self.homes.append(Watched(process))
        return self.homes[-1]

    def said(self) -> dict:
        """What the newest call printed."""
        return json.loads((self.folder / f"home-{len(self.homes) - 1}.json").read_text())

    @property
    def archives(self) -> list[Path]:
        return sorted((self.folder / "bundles" / "cells").glob("*.zip"))

    def at_home(self) -> int:
        """How many cells lie in archives."""
        for path in self.archives:
            if path not in self._sizes:
                self._sizes[path] = len(indexed(path))
        return sum(self._sizes.values())

    def wait(self, machines: Machines, cells: int) -> None:
        """Look at all processes until so many cells are at home, or the call has ended."""
        while self.at_home() < cells and not self.homes[-1].over():
            for one in (*machines.watched.values(), *self.homes):
                one.look()
            self.loads.append(os.getloadavg()[0])
            time.sleep(LOOK_SECONDS)
        print(f"{self.at_home()} cells of {self.cells} are at home", flush=True)


def indexed(archive: Path) -> list[dict]:
    """The lines of an archive's index."""
    with zipfile.ZipFile(archive) as opened:
        return [json.loads(line) for line in opened.read("index.jsonl").splitlines()]


def sweep(folder: Path, cells: int, engines: Sequence[str] = BUNDLED) -> dict[str, float]:
    """Sweep, kill, go on; the figures. Raises RuntimeError where a cell is lost, counted twice or judged wrongly."""
    swept = Swept(folder, cells, engines)
    with contextlib.ExitStack() as running:
        machines = Machines(folder, running)
        address = machines.scheduler()
        workers = [machines.worker(number) for number in (1, 2)]
        wait_for_workers(address, len(workers))
        few = []
        for _ in range(2):  # so that the workers know the engines, and Python has compiled what it loads
            few.append(swept.call(address, "few.yaml"))
            few[-1].end()
        start = min(one.cpu for one in few)
        scheduler = machines.watched["scheduler"]
        scheduler.look()
        before, begun = scheduler.most_mb, time.monotonic()
        first = swept.call(address)
        swept.wait(machines, cells * 3 // 10)
        with_two, of_two = time.monotonic() - begun, swept.at_home()
        workers[0].send_signal(signal.SIGKILL)
        swept.wait(machines, cells * 4 // 10)
        machines.worker(3)
        swept.wait(machines, cells * 6 // 10)
        first.process.send_signal(signal.SIGKILL)
        first.end()
        kept = swept.at_home()
        second = swept.call(address)
        swept.wait(machines, cells + 1)
        taken = time.monotonic() - begun
        said = swept.said() if second.process.returncode == 3 else {}
        again = time.monotonic()
        third = swept.call(address)
        third.end()
        again = time.monotonic() - again
        left = swept.said()
        for one in machines.watched.values():
            one.look()
    require(workers[0].returncode == first.process.returncode == -signal.SIGKILL, "something was not killed")
    require(bool(said) and said["stored"] >= kept, f"the second call ended with {second.process.returncode}")
    require((left["run"], left["stored"]) == (0, cells), f"asked again, {left['run']} cells were run")
    check_all(swept, said)
    sizes = [path.stat().st_size for path in swept.archives]
    cpu = sum(one.cpu for name, one in machines.watched.items() if name.startswith("worker"))
    home = first.cpu + second.cpu
    return {"cells": cells, "archives": len(sizes), "seconds": taken, "cells a second": cells / taken,
            "cells a second by two workers": of_two / with_two, "bytes a cell": sum(sizes) / cells,
            "bytes of the largest archive": max(sizes),
            "bytes of the index file a cell": (folder / "bundles" / ".sweep-index.jsonl").stat().st_size / cells,
            "at home when home was killed": kept, "run by the second call": said["run"],
            "seconds to find that all is done": again, "scheduler's MB before": before,
            "scheduler's MB at most": scheduler.most_mb, "scheduler's CPU ms a cell": 1000 * scheduler.cpu / cells,
            "home's MB at most": max(one.most_mb for one in swept.homes),
            "home's CPU s for a start": start, "home's CPU s, both calls": home,
            "home's CPU ms a cell beside its starts": 1000 * (home - 2 * start) / cells,
            "home's CPU ms a cell": 1000 * home / cells,
            "home's CPU ms a cell to find that it is done": 1000 * (third.cpu - start) / cells,
            "workers' CPU ms a cell": 1000 * cpu / cells, "load": statistics.mean(swept.loads)}


def wait_for_workers(address: str, count: int) -> None:
    """Until so many workers have said who they are to the scheduler: a sweep goes by those that are there."""
    import distributed

    with distributed.Client(address, timeout=60, set_as_default=False) as client:
        client.wait_for_workers(count, timeout=60)


def cell_rows(folder: Path, cells: int) -> list[dict]:
    """The figures of a small sweep as rows of the table: name, value, unit, goal."""
    folder.mkdir()
    return rows_of(sweep(folder.resolve(), cells))


def rows_of(found: dict[str, float]) -> list[dict]:
    """The figures of a sweep as rows of a table."""
    return [{"name": name, "value": value, "unit": "", "goal": GOALS.get(name, "")} for name, value in found.items()]


def check_all(swept: Swept, said: dict) -> None:
    """Every cell lies in one archive, and only in one; its verdict is the right one there and in what was printed; and
    every bundle is intact."""
    lines = [line for archive in swept.archives for line in indexed(archive)]
    times = Counter(line["cell"] for line in lines)
    require(len(times) == swept.cells and set(times.values()) == {1},
            f"{len(times)} cells of {swept.cells} have a bundle, {sum(n > 1 for n in times.values())} more than one")
    for found in (lines, said["results"]):
        wrong = [line["cell"] for line in found if (line["word"] == "FAIL") != line["cell"].endswith("-gauss")
                 or line["word"] not in ("PASS", "FAIL")]
        require(len(found) == swept.cells and not wrong, f"{len(wrong)} cells are judged wrongly: {wrong[:3]}")
    halves = [subprocess.Popen([*COMMAND, "verify", "-q", *swept.archives[at::2]], cwd=swept.folder, text=True,
                               env=environment_of_harness(), stdout=subprocess.PIPE) for at in (0, 1)]
    for half in halves:
        text = half.communicate()[0]
        require(half.returncode == 0, f"not every bundle is intact: {text[:500]}")


def require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise RuntimeError(otherwise)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.many_cells", description=__doc__)
    parser.add_argument("--cells", type=int, default=CELLS, help="a multiple of 100 (default: %(default)s)")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="a new folder that stays")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON, too")
    parser.add_argument("--c-only", action="store_true", help="$NB_C_BIN against the bundled C reference")
    asked = parser.parse_args()
    own = str(REFERENCE / "build" / "nanobragg_reference")
    engines = ("--c-bin", os.environ["NB_C_BIN"], "--py-bin", own) if asked.c_only else BUNDLED
    with contextlib.ExitStack() as waits:
        if asked.keep:
            asked.keep.mkdir()
        folder = asked.keep or Path(waits.enter_context(tempfile.TemporaryDirectory(prefix="cells_")))
        found = sweep(folder.resolve(), asked.cells, engines)
    print(f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC, {' '.join(engines)}\n\n"
          f"{harness_table(rows_of(found))}")
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
