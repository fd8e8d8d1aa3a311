"""nb-compare started as nobody should start it: little memory, no room to print, no folder, no home, an old locale."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.laboratory import FAKES, Laboratory, Row

SECONDS = 120
ALLOWED = (0, 1, 2, 3, 5, 6, 7, 8)
CALLS: tuple[tuple[str, ...], ...] = (
    ("--help",), ("metrics",), ("list",), ("run", "--help"),
    ("run", "small.yaml", "--c-bin", str(FAKES / "good.py"), "--py-bin", str(FAKES / "twin.py"), "-q"))
CHEAP = CALLS[:3]


@dataclass(frozen=True)
class Surrounding:
    """What is odd: what is done in the process before it becomes nb-compare, variables (None takes one away), streams,
    and which exit codes may come of it."""

    what: str
    before: Callable[[], None] = lambda: None
    variables: dict[str, str | None] = field(default_factory=dict)
    stdout: str = ""
    calls: tuple[tuple[str, ...], ...] = CALLS
    allowed: tuple[int, ...] = ALLOWED


def _memory(mib: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_AS, (mib << 20, mib << 20))


def _closed(*streams: int) -> Callable[[], None]:
    return lambda: [os.close(stream) for stream in streams] and None


def _gone() -> None:
    os.mkdir("gone")
    os.chdir("gone")
    os.rmdir("../gone")


SURROUNDINGS = (
    *(Surrounding(f"no more than {mib} MiB of memory (ulimit -v)", _memory(mib)) for mib in (40, 90, 150, 300, 600)),
    Surrounding("standard output on a full device", stdout="/dev/full", allowed=(5,), calls=CALLS),
    Surrounding("standard input closed", _closed(0)),
    Surrounding("standard output closed", _closed(1)),
    Surrounding("standard error closed", _closed(2)),
    Surrounding("all three closed", _closed(0, 1, 2), calls=CALLS),
    Surrounding("a working folder that was removed", _gone),
    Surrounding("no HOME", variables={"HOME": None}),
    Surrounding("a HOME that cannot be written", variables={"HOME": "/proc"}),
    Surrounding("a HOME that is not there", variables={"HOME": "/nowhere/at/all"}),
    Surrounding("no language but ASCII", variables={"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
    Surrounding("TMPDIR not there", variables={"TMPDIR": "/nowhere/at/all"}),
    Surrounding("TMPDIR a file", variables={"TMPDIR": "small.yaml"}),
    Surrounding("TMPDIR relative", variables={"TMPDIR": "."}),
    Surrounding("TMPDIR with a line end", variables={"TMPDIR": "/tmp/a\nb"}),
    Surrounding("no PATH", variables={"PATH": None}),
    Surrounding("a terminal of no width", variables={"COLUMNS": "0", "LINES": "0"}),
)


def rows(lab: Laboratory, *, short: bool) -> Iterator[Row]:
    """Every row of this group; in short those that break easiest, with one command that reads and prints."""
    for odd in SURROUNDINGS:
        if short and not odd.what.startswith(("standard output on", "a working", "no more than 90")):
            continue
        yield _row(lab, odd, odd.calls[1:2] if short else odd.calls)


def _row(lab: Laboratory, odd: Surrounding, calls: tuple[tuple[str, ...], ...]) -> Row:
    codes: list[int | None] = []
    held = 0
    for words in calls:
        place = lab.folder / "odd"
        shutil.rmtree(place, ignore_errors=True)
        Laboratory(place, quick=True)
        done = _called(odd, words, place)
        codes.append(done.returncode if done else None)
        held += done is not None and done.returncode in odd.allowed and _clear(done)
    return Row(odd.what, len(calls), "it works, or one clear line", held == len(calls), tuple(codes), held)


def _called(odd: Surrounding, words: tuple[str, ...], place: Path) -> subprocess.CompletedProcess[str] | None:
    variables = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    variables.pop("PYTHONPATH", None)
    for name, value in odd.variables.items():
        variables.pop(name, None)
        if value is not None:
            variables[name] = value
    with open(odd.stdout or os.devnull, "w") as out:
        try:
            return subprocess.run([sys.executable, "-m", "nbcompare", *words], cwd=place, env=variables, stdout=out,
                                  stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, errors="replace",
                                  timeout=SECONDS, preexec_fn=odd.before, check=False)
        except subprocess.TimeoutExpired:
            return None


def _clear(done: subprocess.CompletedProcess[str]) -> bool:
    """No trace; and where it failed, something said, unless there is nowhere to say it."""
    return "Traceback" not in done.stderr
