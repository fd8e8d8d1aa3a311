"""Engines and runs: a program that turns nanoBragg arguments into a float image, and one use of it.

An engine is data: a role, a name and the words that start it. ``run_engine`` gives it a folder of its
own with copies of the inputs, lets it run, and says in plain words what came out. A failed run is a
result like any other; nothing it wrote is lost.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nbcompare.case.options import FLOAT_FILE, REFERENCE, SUBJECT
from nbcompare.compare.image import Shape
from nbcompare.engine.process import Ended, run_program
from nbcompare.errors import UsageError
from nbcompare.files import sha256_of

_CLOCK_GRAIN_SECONDS = 2.0


@dataclass(frozen=True)
class Engine:
    """A program to run. ``start`` are the words before the arguments; ``chosen_by`` says who named it."""

    role: str
    name: str
    start: tuple[str, ...]
    chosen_by: str

    @property
    def program(self) -> Path:
        """The file whose bytes say which program this is: the script itself where one is run."""
        return Path(self.start[-1] if self.start[-1].endswith(".py") else self.start[0])


@dataclass(frozen=True)
class Failure:
    """Why a run gave no usable image: a stable word for machines and a sentence for people."""

    kind: str
    sentence: str


PROCESS = "process"


@dataclass(frozen=True)
class Run:
    """One engine on one command line, with what it left behind.

    ``how`` says how the command was carried out: by a process of its own, or otherwise (in words).
    """

    role: str
    argv: tuple[str, ...]
    shape: Shape
    exit_code: int | None
    seconds: float
    failure: Failure | None
    image_sha256: str | None
    how: str = PROCESS

    def as_dict(self) -> dict:
        return {**vars(self), "argv": list(self.argv), "shape": vars(self.shape),
                "failure": vars(self.failure) if self.failure else None}

    @classmethod
    def from_dict(cls, stored: dict) -> Run:
        failure = Failure(**stored["failure"]) if stored["failure"] else None
        return cls(**{**stored, "argv": tuple(stored["argv"]), "shape": Shape(**stored["shape"]), "failure": failure})


# --- which program ------------------------------------------------------------------------------------


def reference_engine(option: str | None, environment: Mapping[str, str], bundled: Callable[[], Path]) -> Engine:
    """--c-bin, else $NB_C_BIN, else the bundled C reference (``bundled`` builds it when needed).

    Raises UsageError when a program was named that is not there or cannot be executed.
    """
    named = _named_program(option, "--c-bin", environment, "NB_C_BIN")
    if named:
        path, chosen_by = named
        return Engine(REFERENCE, path.name, _start(path), chosen_by)
    return Engine(REFERENCE, "bundled C reference", (str(bundled()),), "default")


def subject_engine(option: str | None, environment: Mapping[str, str]) -> Engine:
    """--py-bin, else $NB_PY_BIN, else ``python -m nanobrag_torch`` of this interpreter."""
    named = _named_program(option, "--py-bin", environment, "NB_PY_BIN")
    if named:
        path, chosen_by = named
        return Engine(SUBJECT, path.name, _start(path), chosen_by)
    return Engine(SUBJECT, "nanobrag_torch", (sys.executable, "-m", "nanobrag_torch"), "default")


def _start(program: Path) -> tuple[str, ...]:
    """The words that start a program; a Python file is run by this interpreter."""
    return (sys.executable, str(program)) if program.suffix == ".py" else (str(program),)


def _named_program(option, option_name, environment, variable) -> tuple[Path, str] | None:
    named, chosen_by = (option, option_name) if option else (environment.get(variable), f"${variable}")
    if not named:
        return None
    found = named if os.sep in named else (shutil.which(named) or named)
    path = Path(found).absolute()
    if not path.is_file():
        raise UsageError(f"{chosen_by}: there is no program {named}")
    if path.suffix != ".py" and not os.access(path, os.X_OK):
        raise UsageError(f"{chosen_by}: {named} is not executable", hint=f"chmod +x {named}")
    return path, chosen_by


# --- one run ------------------------------------------------------------------------------------------


def run_engine(engine: Engine, arguments: Sequence[str], shape: Shape, *, inputs: Path, folder: Path, stdout: Path,
               stderr: Path, seconds: float, environment: Mapping[str, str],
               on_progress: Callable[[float, int | None], None] | None = None) -> Run:
    """Run the engine in the new ``folder`` on copies of all files in ``inputs``.

    The float image is asked for with -floatfile and left at folder/float.bin. ``shape`` is what the
    arguments declare; the file must hold exactly that.
    """
    shutil.copytree(inputs, folder)
    argv = (*engine.start, *arguments, "-floatfile", FLOAT_FILE)
    started = time.time()
    ended = run_program(argv, folder=folder, stdout=stdout, stderr=stderr, seconds=seconds,
                        extra_environment=environment, on_progress=on_progress)
    return run_record(engine.role, argv, shape, ended, seconds, folder / FLOAT_FILE, started)


def run_record(role: str, argv: Sequence[str], shape: Shape, ended: Ended, seconds: float, image: Path,
               started: float, how: str = PROCESS) -> Run:
    """What a command came to: how it ended, and whether the image it left can be used. ``seconds`` was its time
    limit, ``started`` the time.time() before it."""
    failure = _process_failure(ended, seconds) or _link_failure(image) or image_failure(image, shape, started)
    digest = sha256_of(image) if image.is_file() and not image.is_symlink() else None
    return Run(role, tuple(argv), shape, ended.exit_code, ended.seconds, failure, digest, how)


def _process_failure(ended: Ended, seconds: float) -> Failure | None:
    if ended.not_started:
        return Failure("not-started", f"could not be started ({ended.not_started})")
    if ended.timed_out:
        return Failure("timed-out", f"was stopped after {seconds:g} s, its time limit")
    if ended.signal_name:
        return Failure("crashed", f"crashed with {ended.signal_name} after {ended.seconds:.1f} s")
    if ended.exit_code:
        return Failure("exit-code", f"ended with exit code {ended.exit_code}")
    return None


def _link_failure(image: Path) -> Failure | None:
    """A file with two names was hardly made by this run, and whoever writes to the other changes the evidence."""
    if image.is_file() and image.lstat().st_nlink > 1:
        return Failure("not-a-file", "left a hard link to another file where its float image should be")
    return None


def image_failure(image: Path, shape: Shape, started: float) -> Failure | None:
    """What is wrong with the float image of a command begun at ``started``, or None."""
    try:
        found = image.lstat()
    except FileNotFoundError:
        return Failure("no-image", "ended with exit code 0 but wrote no float image")
    if not stat.S_ISREG(found.st_mode):
        return Failure("not-a-file", "left something that is no ordinary file where its float image should be")
    if found.st_mtime < started - _CLOCK_GRAIN_SECONDS:
        return Failure("stale-image", f"left a float image {started - found.st_mtime:.0f} s older than the run itself")
    if found.st_size != shape.bytes:
        kind, word = ("short-image", "short") if found.st_size < shape.bytes else ("long-image", "long")
        return Failure(kind, f"wrote a float image that is too {word}: {found.st_size} bytes, and {shape} "
                             f"need {shape.bytes}")
    return content_failure(np.fromfile(image, dtype="<f4"))


def content_failure(pixels: np.ndarray) -> Failure | None:
    """What is wrong with the pixels of a float image of the right size, or None."""
    bad = int(pixels.size - np.count_nonzero(np.isfinite(pixels)))
    if bad:
        return Failure("nan-image", f"wrote a float image with {bad} of {pixels.size} pixels NaN or infinite")
    if not pixels.any():
        return Failure("zero-image", "wrote a float image in which every pixel is zero")
    return None
