"""What the harness itself costs: start, comparison, pictures, check, batch engine, and the cells of a sweep.

Each figure is a median, in seconds of this machine or as a ratio between things measured in the same run; none of them
needs a C program.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.bench.programs import CASE, CHECKOUT, CORES, environment, timed
from tests.nbcompare.made_history import made_record, stamp_of, write_record

COMMAND = [sys.executable, "-m", "nbcompare"]
SMALL = ("-cell 100 100 100 90 90 90 -default_F 100 -N 5 -lambda 1 -distance 100 -detpixels 128 -pixel 0.1 -nonoise "
         "-nopgm")
CELLS = (8, 24, 48)
BATCHED = 60
INDEXED = 1000

COMPARE = r"""
import json, re, shutil, sys, tempfile, time
from pathlib import Path
import numpy, scipy.ndimage, PIL.Image, PIL.ImageDraw, PIL.ImageFont
from nbcompare.compare import Roi, Shape, compare_images, read_float_image, write_pictures
from nbcompare.files import sha256_of
def memory(): return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text()).group(1)) / 1024
shape = Shape(2527, 2463)
paths = [Path(word) for word in sys.argv[1:3]]
rois = [Roi.full(shape), Roi("strongest", 1000, 1200, 720, 1150)]
folder, keys = Path(tempfile.mkdtemp()), ("c", "py", "diff")
few, part = numpy.eye(64, dtype="f4"), [Roi("few", 0, 63, 0, 63)]
compare_images(few, few + 1, part)  # what is imported late, and fonts
write_pictures(few, few + 1, part[0], part, {key: folder / f"{key}.png" for key in keys})
before, started = memory(), (time.perf_counter(), time.process_time())
images = [read_float_image(path, shape) for path in paths]
sums = [sha256_of(path) for path in paths]
compare_images(*images, rois)
compared = (time.perf_counter(), time.process_time(), memory())
write_pictures(*images, rois[0], rois, {key: folder / f"{key}.png" for key in keys})
drawn = time.perf_counter()
shutil.rmtree(folder)
print(json.dumps({"compare": compared[0] - started[0], "cpu": compared[1] - started[1], "draw": drawn - compared[0],
                  "images": (compared[2] - before) / (shape.bytes / 2**20)}))
"""


def environment_of_harness() -> dict[str, str]:
    """That of the other programs, with the packages of this checkout, no engine but the bundled ones, and threads as
    the harness gives them out."""
    kept = {name: value for name, value in environment().items()
            if not name.startswith("NB_") and name != "OMP_NUM_THREADS"}
    return {**kept, "PYTHONPATH": f"{CHECKOUT}:{CHECKOUT / 'simulator'}"}


def harness_rows(folder: Path, rounds: int) -> list[dict]:
    """The figures of the harness: name, value, unit, and what it should be."""
    bundle = _bundle(folder)
    rows = [_row("nb-compare --help, CPU", _median(rounds, lambda: _run(["--help"]).cpu), "s", "<= 0.08")]
    images = sorted(str(path) for path in (bundle / "inputs").glob("*_float.bin"))
    compared = [_json([sys.executable, "-c", COMPARE, *images]) for _ in range(min(rounds, 3))]
    for key, name, unit, goal in (("compare", "two 2463 x 2527 images: metrics, peaks, sha256", "s", "<= 0.25"),
                                  ("draw", "their three pictures", "s", "<= 0.5"),
                                  ("images", "memory of that comparison, both images with it", "images", "<= 8")):
        rows.append(_row(name, statistics.median(entry[key] for entry in compared), unit, goal))
    check = _median(min(rounds, 3), lambda: _run(["check", str(bundle)]).seconds)
    rows.append(_row("nb-compare check of that bundle, whole process", check, "s", "<= 1"))
    alone = _median(min(rounds, 2), lambda: timed([sys.executable, "-m", "nanobrag_torch", *SMALL.split(), "-floatfile",
                                                   "small.bin"], folder).seconds)
    rows.append(_row("128 x 128 pixels, processes of their own", 1 / alone, "a second", ""))
    rows.append(_row("128 x 128 pixels in a batch engine, one core", _batched(folder), "a second", ">= 20"))
    return [*rows, *_index_rows(folder, bundle)]


def _index_rows(folder: Path, bundle: Path) -> list[dict]:
    """The index of many bundles, whole processes: with nothing kept, and once more."""
    record = json.loads((bundle / "record.json").read_text(encoding="utf-8"))
    many = folder / "many"
    for number in range(INDEXED):
        write_record(many, made_record(record, stamp_of(number), f"case-{number % 20:02d}",
                                       commit=f"{number // 50:040x}"))
    first, again = (_run(["index", str(many)]).seconds for _ in range(2))
    return [_row(f"nb-compare index of {INDEXED} bundles, whole process", first, "s", "< 5"),
            _row("the same with what is kept of them", again, "s", "")]


def sweep_rows(folder: Path) -> list[dict]:
    """Seconds of sweeps of more and more cells, with one worker and with all cores."""
    plans = [(count, jobs) for jobs in sorted({1, CORES}) for count in CELLS]
    return [{"cells": count, "workers": jobs, "seconds": _sweep(folder, count, jobs)} for count, jobs in plans]


def _sweep(folder: Path, count: int, jobs: int) -> float:
    name = f"cells-{count}-{jobs}"
    angles = ", ".join(f"{0.01 * i:.2f}" for i in range(count))
    (folder / f"{name}.yaml").write_text(
        f"name: {name}\ntitle: cells of a sweep\ncommand: {SMALL} -osc 0.1 -phisteps 3\n"
        "image: {fast: 128, slow: 128}\nrois: {full: full}\n"
        "thresholds:\n  - {metric: correlation, min: 0.999, why: bench}\n"
        f"matrix:\n  axes:\n    -phi: [{angles}]\n")
    return _run(["sweep", f"{name}.yaml", "--jobs", str(jobs), "--bundles", "bundles", "-q"], folder).seconds


def _bundle(folder: Path) -> Path:
    """The supervisor case, kept without the tests that it maps."""
    text = CASE.read_text(encoding="utf-8")
    before, _, after = text.partition("\ntests:")
    case = folder / "bench.yaml"
    case.write_text(before + "\n" + after.partition("\n\n")[2], encoding="utf-8")
    said = _json([*COMMAND, "run", str(case), "--bundles", str(folder / "bundles"), "-q", "--format", "json"])
    return Path(said["bundle"])


def _batched(folder: Path) -> float:
    """Commands a second of one batch process with one thread, after the first."""
    one = {**environment_of_harness(), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen([sys.executable, "-m", "nanobrag_torch", "-batch"], cwd=folder, env=one, text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        def ask(number: int) -> None:
            argv = [*SMALL.split(), "-phi", f"{0.01 * number:g}", "-floatfile", "small.bin"]
            print(json.dumps(argv), file=process.stdin, flush=True)
            if json.loads(process.stdout.readline())["exit_code"] != 0:
                raise RuntimeError("a command of the batch failed")

        ask(0)
        started = time.perf_counter()
        for number in range(1, BATCHED + 1):
            ask(number)
        taken = time.perf_counter() - started
        process.stdin.close()
    return BATCHED / taken


def _run(words: list[str], folder: Path = CHECKOUT):
    return timed([*COMMAND, *words], folder, environment_of_harness())


def _json(argv: list[str]) -> dict:
    done = subprocess.run(argv, cwd=CHECKOUT, env=environment_of_harness(), stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def _median(rounds: int, measure: Callable[[], float]) -> float:
    measure()
    return statistics.median(measure() for _ in range(rounds))


def _row(name: str, value: float, unit: str, goal: str) -> dict:
    row = {"name": name, "value": value, "unit": unit, "goal": goal}
    print(f"{name}: {value:.3g} {unit}{f' ({goal})' if goal else ''}", flush=True)
    return row
