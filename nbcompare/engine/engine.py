"""Engines and runs: a program that turns nanoBragg arguments into a float image, and one use of it.

An engine is data: a role, a name and the words that start it. ``run_engine`` gives it a folder of its
own with copies of the inputs, lets it run, and says in plain words what came out. A failed run is a
result like any other; nothing it wrote is lost.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nbcompare.case.command import parse_command
from nbcompare.case.declarations import EngineDeclaration
from nbcompare.case.options import FLOAT_FILE
from nbcompare.compare.image import Shape
from nbcompare.engine.process import Ended, declared_environment, run_program
from nbcompare.engine.safe_start import safe_variables, with_absolute_paths
from nbcompare.engine.sandbox import confining, with_own_places

_CLOCK_GRAIN_SECONDS = 2.0


@dataclass(frozen=True)
class Engine:
    """A program to run. ``start`` are the words before the arguments; ``chosen_by`` says who named it, and
    ``declaration`` how it was declared, where it was."""

    role: str
    name: str
    start: tuple[str, ...]
    chosen_by: str
    declaration: EngineDeclaration | None = None
    confined: bool = False
    """Whether it is held to its inputs, its code and its own folder (sandbox.py)."""
    reads: tuple[Path, ...] = ()
    """What else a confined one may read."""

    @property
    def program(self) -> Path:
        """The file whose bytes say which program this is: the script itself where one is run."""
        return Path(next((word for word in self.start[1:] if word.endswith(".py") and os.path.isabs(word)),
                         self.start[0]))

    @property
    def declared_variables(self) -> dict[str, str]:
        """The variables that its declaration hands on from the user's, and those it sets."""
        if self.declaration is None:
            return {}
        return {**declared_environment(self.declaration.pass_variables), **dict(self.declaration.set_variables)}

    def variables(self, extra: Mapping[str, str]) -> dict[str, str]:
        """What to set for it beside the variables that every child gets; ``extra`` goes before its declaration.

        One that is started in a folder of the user's finds its modules there; any other finds none where it works.
        """
        wanted = {**self.declared_variables, **extra}
        if self.declaration and self.declaration.cwd:
            return with_absolute_paths(wanted)
        return safe_variables(self.program, wanted)


@dataclass(frozen=True)
class Failure:
    """Why a run gave no usable image: a stable word for machines and a sentence for people.

    ``said`` are the last lines that the engine printed, ``hints`` what else may be the reason.
    """

    kind: str
    sentence: str
    said: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "sentence": self.sentence, "said": list(self.said), "hints": list(self.hints)}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Failure:
        return cls(stored["kind"], stored["sentence"], tuple(stored.get("said", ())), tuple(stored.get("hints", ())))


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

    def as_dict(self) -> dict[str, Any]:
        return {**vars(self), "argv": list(self.argv), "shape": vars(self.shape),
                "failure": self.failure.as_dict() if self.failure else None}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Run:
        failure = Failure.from_dict(stored["failure"]) if stored["failure"] else None
        return cls(**{**stored, "argv": tuple(stored["argv"]), "shape": Shape(**stored["shape"]), "failure": failure})


# --- one run ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rendering:
    """A run and what it gave. ``pixels`` are float32 [slow, fast], of the very bytes whose sum the run holds, read
    once; None where the file is not of the declared size. ``stdout`` is what was printed, where it was asked for."""

    run: Run
    pixels: np.ndarray | None = None
    stdout: str = ""

    @property
    def image(self) -> np.ndarray | None:
        """The pixels of a run that did not fail."""
        return None if self.run.failure else self.pixels

    @property
    def failure(self) -> str | None:
        """Why there is no image, with the role, in words."""
        return f"the {self.run.role} {self.run.failure.sentence}" if self.run.failure else None


def run_engine(engine: Engine, arguments: Sequence[str], shape: Shape, *, inputs: Path, folder: Path, stdout: Path,
               stderr: Path, seconds: float, environment: Mapping[str, str],
               on_progress: Callable[[float, int | None], None] | None = None) -> Rendering:
    """Run the engine in the new ``folder`` on copies of all files in ``inputs``.

    The float image is asked for with -floatfile and left at folder/float.bin. ``shape`` is what the
    arguments declare; the file must hold exactly that.
    """
    shutil.copytree(inputs, folder)
    words = (*arguments, "-floatfile", FLOAT_FILE)
    argv = (*engine.start, *words)
    cwd = engine.declaration.cwd if engine.declaration else None
    started = time.time()
    variables = engine.variables(environment)
    asked = (*engine.start, *files_in(folder, words)) if cwd else argv
    ended = run_program((*confining(engine, folder, variables), *asked), folder=cwd or folder, stdout=stdout,
                        stderr=stderr, seconds=seconds, on_progress=on_progress,
                        extra_environment=with_own_places(engine, folder, variables))
    return rendering(engine.role, argv, shape, ended, seconds, folder / FLOAT_FILE, started)


def files_in(folder: Path, words: Sequence[str]) -> tuple[str, ...]:
    """Arguments with the folder before the names of files: what an engine gets that is started elsewhere."""
    command = parse_command(words)
    files = (*command.reading(), *command.writing())
    return tuple(token for item in command.items
                 for token in ((item.word, str(folder.absolute() / item.values[0])) if item in files else item.tokens))


def rendering(role: str, argv: Sequence[str], shape: Shape, ended: Ended, seconds: float, image: Path,
              started: float, how: str = PROCESS) -> Rendering:
    """What a command came to: how it ended, and whether the image it left can be used. ``seconds`` was its time
    limit, ``started`` the time.time() before it."""
    taken = _take(image, shape, started)
    failure = _process_failure(ended, seconds) or taken.failure
    run = Run(role, tuple(argv), shape, ended.exit_code, ended.seconds, failure, taken.sha256, how)
    return Rendering(run, taken.pixels)


def _process_failure(ended: Ended, seconds: float) -> Failure | None:
    if ended.not_started:
        return Failure("not-started", f"could not be started ({ended.not_started})")
    if ended.timed_out:
        return Failure("timed-out", f"was stopped after {seconds:g} s, its time limit")
    if ended.signal_name:
        return Failure("crashed", f"crashed with {ended.signal_name} after {ended.seconds:.1f} s")
    if ended.exit_code:
        return Failure("exit-code", f"ended with exit code {ended.exit_code}")
    if ended.left:
        return Failure("left-processes", f"left processes running when it had ended: {', '.join(ended.left[:5])}")
    return None


# --- the image, read once -----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Taken:
    """What stands where the float image should be: its sum, its pixels if it has the right size, what is wrong."""

    failure: Failure | None
    sha256: str | None = None
    pixels: np.ndarray | None = None


def _take(image: Path, shape: Shape, started: float) -> _Taken:
    """Open the file once; what is hashed, judged and given back are the same bytes. No link or pipe is followed."""
    try:
        handle = os.open(image, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return _Taken(Failure("no-image", "ended with exit code 0 but wrote no float image"))
    except OSError:
        return _Taken(_NO_FILE)
    with open(handle, "rb") as stream:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            return _Taken(_NO_FILE)
        if found.st_size != shape.bytes:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            return _Taken(_file_failure(found, shape, started), digest)
        content = stream.read(shape.bytes)
    digest = hashlib.sha256(content).hexdigest()
    pixels = np.frombuffer(content, dtype="<f4")
    if pixels.size * pixels.itemsize != shape.bytes:
        return _Taken(Failure("short-image", "shortened its float image while it was read"), digest)
    failure = _file_failure(found, shape, started) or content_failure(pixels)
    return _Taken(failure, digest, pixels.reshape(shape.slow, shape.fast))


ZERO_IMAGE = "zero-image"
"""The kind of failure of an image in which every pixel is zero."""

_NO_FILE = Failure("not-a-file", "left something that is no ordinary file where its float image should be")


def image_failure(image: Path, shape: Shape, started: float) -> Failure | None:
    """What is wrong with the float image of a command begun at ``started``, or None."""
    return _take(image, shape, started).failure


def _file_failure(found: os.stat_result, shape: Shape, started: float) -> Failure | None:
    """What is wrong with the file of an image. One with two names was hardly made by this run, and whoever writes to
    the other changes the evidence."""
    if found.st_nlink > 1:
        return Failure("not-a-file", "left a hard link to another file where its float image should be")
    if found.st_mtime < started - _CLOCK_GRAIN_SECONDS:
        return Failure("stale-image", f"left a float image {started - found.st_mtime:.0f} s older than the run itself")
    if found.st_size != shape.bytes:
        kind, word = ("short-image", "short") if found.st_size < shape.bytes else ("long-image", "long")
        return Failure(kind, f"wrote a float image that is too {word}: {found.st_size} bytes, and {shape} "
                             f"need {shape.bytes}")
    return None


def content_failure(pixels: np.ndarray) -> Failure | None:
    """What is wrong with the pixels of a float image of the right size, or None."""
    bad = int(pixels.size - np.count_nonzero(np.isfinite(pixels)))
    if bad:
        return Failure("nan-image", f"wrote a float image with {bad} of {pixels.size} pixels NaN or infinite")
    if not pixels.any():
        return Failure(ZERO_IMAGE, "wrote a float image in which every pixel is zero")
    return None
