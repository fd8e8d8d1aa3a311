"""The programs that are compared: a C program, the torch simulator as a process, and its renderer alone."""

from __future__ import annotations

import functools
import json
import math
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
CASE = CHECKOUT / "cases" / "supervisor.yaml"
REFERENCE = CHECKOUT / "simulator" / "reference"
LEAST_LIT = 100
"""Pixels that are not zero in an image that is held against another: zeros agree with zeros."""
CORES = len(os.sched_getaffinity(0))


@dataclass(frozen=True)
class Run:
    """One run: wall and CPU seconds, and the most memory (MB) that one process of it held."""

    seconds: float
    cpu: float
    peak_mb: float


def environment() -> dict[str, str]:
    """Equal cores for all: as many OpenMP threads as there are cores; the packages of this checkout. What Python
    compiles is kept, as it is of what pip installed, also where the caller's own Python keeps nothing."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "OMP_NUM_THREADS": str(CORES), "PYTHONPATH": str(CHECKOUT / "simulator")}


class Launcher:
    """A small process that starts the others and measures them."""

    def __init__(self):
        self._process = subprocess.Popen([sys.executable, "-S", str(Path(__file__).with_name("launcher.py"))],
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, argv: list[str], folder: Path, variables: dict[str, str]) -> dict:
        """What a process took, how it ended and what it said on stderr."""
        request = {"argv": argv, "folder": str(folder), "environment": variables}
        print(json.dumps(request), file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline())


@functools.cache
def launcher() -> Launcher:
    """The one of this process; it ends with it."""
    return Launcher()


def timed(argv, folder: Path, variables: dict[str, str] | None = None) -> Run:
    """Run a process to its end and measure it, with what it waited for. Raises RuntimeError when it fails."""
    words = [str(word) for word in argv]
    took = launcher().run(words, folder, variables or environment())
    if took["status"] != 0:
        raise RuntimeError(f"{' '.join(words)}: exit status {took['status']}\n{took['stderr']}")
    return Run(took["seconds"], took["cpu"], took["peak_mb"])


def comparator(build: Path) -> tuple[Path, bool]:
    """The C program to compare with, and whether it is nanoBragg: $NB_C_BIN, or the reference built with -O3."""
    given = os.environ.get("NB_C_BIN")
    if given:
        return Path(given).resolve(), True
    subprocess.run(["make", "-s", "-C", str(REFERENCE), f"BUILD={build}", "OPTIMIZE=-O3 -march=native"], check=True)
    return build / "nanobragg_reference", False


def case_command() -> list[str]:
    """The arguments of the supervisor case."""
    return yaml.safe_load(CASE.read_text())["command"].split()


def write_inputs(folder: Path) -> None:
    """The orientation and the amplitudes of the supervisor case."""
    from nbcompare.case.inputs import GENERATORS

    for name, entry in yaml.safe_load(CASE.read_text())["inputs"].items():
        (folder / name).write_text(GENERATORS[entry["made_by"]]())


class Renderer:
    """A torch process that renders a command again and again, so that its import is not counted."""

    def __init__(self):
        self._process = subprocess.Popen([sys.executable, str(Path(__file__).with_name("render_server.py"))],
                                         env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def render(self, argv, folder: Path, image: Path | None = None) -> tuple[Run, str]:
        """Render once: (run, path taken). ``image`` receives the float32 image."""
        request = {"argv": list(argv), "folder": str(folder), "workers": CORES, "image": str(image) if image else None}
        print(json.dumps(request), file=self._process.stdin, flush=True)
        answer = json.loads(self._process.stdout.readline())
        return Run(answer["seconds"], answer["cpu"], answer["peak_mb"]), answer["path"]

    def close(self) -> None:
        """End the process by ending its input."""
        self._process.stdin.close()
        self._process.wait(timeout=60)


def accuracy(obtained: Path, expected: Path) -> tuple[float, float]:
    """(largest difference over the peak, sum ratio - 1) of two float images; no numbers where the expected one is too
    dark for them to say anything."""
    a, b = (np.fromfile(path, dtype="<f4").astype(np.float64) for path in (obtained, expected))
    if np.count_nonzero(b) < LEAST_LIT:
        return math.nan, math.nan
    return float(abs(a - b).max() / b.max()), float(a.sum() / b.sum() - 1.0)


def compiled_here(cache: Path, folder: Path) -> bool:
    """Build the compiled step into a cache of the bench's own, unless it is there; whether that worked."""
    os.environ["XDG_CACHE_HOME"] = str(cache)
    asked = "import sys; from nanobrag_torch.render.compile_cache import obstacle; sys.exit(bool(obstacle()))"
    if subprocess.run([sys.executable, "-c", asked], env=environment()).returncode == 0:
        return True
    done = subprocess.run([sys.executable, "-W", "ignore", "-m", "nanobrag_torch", "-compile"], cwd=folder,
                          env=environment(), capture_output=True, text=True)
    print(done.stdout.strip() or done.stderr.strip().splitlines()[-1], flush=True)
    return done.returncode == 0
