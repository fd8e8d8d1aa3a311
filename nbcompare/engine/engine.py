"""Engines and runs: a program that turns nanoBragg arguments into a float image, and one use of it.

An engine is data: a role, a name and the words that start it. ``run_engine`` gives it a folder of its
own with copies of the inputs, lets it run, and says in plain words what came out. A failed run is a
result like any other; nothing it wrote is lost.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbcompare.case.arguments.command import parse_command
from nbcompare.case.declared.adapter import Adapter, Output
from nbcompare.case.declared.declarations import EngineDeclaration
from nbcompare.compare.image import FLOAT_DTYPE, Shape
from nbcompare.engine.adapter import adapt, image_file
from nbcompare.engine.failure import Failure
from nbcompare.engine.processes.open_calls import OpenCalls
from nbcompare.engine.processes.process import Ended, declared_environment, run_program
from nbcompare.engine.processes.seen_calls import NOT_ASKED, Calls
from nbcompare.engine.safety.safe_start import safe_variables, with_absolute_paths
from nbcompare.engine.safety.sandbox import confining, with_own_places
from nbcompare.engine.taken_image import take_declared, take_float_image
from nbcompare.errors import UsageError

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Engine:
    """A program to run. ``start`` are the words before the arguments; ``chosen_by`` says who named it, and
    ``declaration`` how it was declared, where it was. ``recorded`` is the adapter of a record, for a program that the
    user names anew."""

    role: str
    name: str
    start: tuple[str, ...]
    chosen_by: str
    declaration: EngineDeclaration | None = None
    confined: bool = False
    """Whether it is held to its inputs, its code and its own folder (sandbox.py)."""
    reads: tuple[Path, ...] = ()
    """What else a confined one may read."""
    recorded: Adapter | None = None
    trial: bool = False
    """Whether it is a bundled simulator that tries an idea: of such a run only pixels are taken and nothing is kept as
    evidence, so what it opens is not looked at."""

    @property
    def program(self) -> Path:
        """The file whose bytes say which program this is: the script itself where one is run."""
        return Path(next((word for word in self.start[1:] if word.endswith(".py") and os.path.isabs(word)),
                         self.start[0]))

    @property
    def adapter(self) -> Adapter | None:
        """What stands between it and the arguments of a case, as it is declared."""
        return self.declaration.adapter if self.declaration else self.recorded

    @property
    def is_stored(self) -> bool:
        """Whether it is an image that is there already."""
        return bool(self.adapter and self.adapter.stored)

    @property
    def capabilities(self) -> dict[str, bool]:
        """What it is declared to be able, or not to be able, to do."""
        return dict(self.declaration.capabilities) if self.declaration else {}

    def require(self, capability: str, what: str) -> None:
        """Raises UsageError that says ``what`` needs a capability which the engine is declared not to have."""
        if self.capabilities.get(capability) is False and self.declaration:
            raise UsageError(f"{what} needs an engine that knows {capability}; {self.declaration.file.name} says that "
                             f"the {self.role} {self.name} does not")

    def watch(self) -> OpenCalls:
        """The watch over one start of it, which sees nothing where its declaration does not want it, nor of a trial."""
        if self.trial:
            return OpenCalls("it tries an idea")
        wanted = self.declaration is None or self.declaration.watched
        return OpenCalls(None if wanted else NOT_ASKED)

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


PROCESS = "process"
_SELDOM = ("dtype", "file_sha256", "mask_sha256")


@dataclass(frozen=True)
class Run:
    """One engine on one command line, with what it left behind.

    ``how`` says how the command was carried out: by a process of its own, or otherwise (in words). ``image_sha256``
    is of the pixels as a bundle keeps them: raw, little-endian, of the numpy code ``dtype``. ``file_sha256`` is of the
    file that the engine wrote, where that is another one, and ``mask_sha256`` of the mask that the file states.
    """

    role: str
    argv: tuple[str, ...]
    shape: Shape
    exit_code: int | None
    seconds: float
    failure: Failure | None
    image_sha256: str | None
    how: str = PROCESS
    dtype: str = FLOAT_DTYPE
    file_sha256: str | None = None
    mask_sha256: str | None = None

    def as_dict(self) -> dict[str, Any]:
        more = {key: value for key, value in (("dtype", self.dtype), ("file_sha256", self.file_sha256),
                                              ("mask_sha256", self.mask_sha256)) if value not in (None, FLOAT_DTYPE)}
        plain = {key: value for key, value in vars(self).items() if key not in _SELDOM}
        return {**plain, "argv": list(self.argv), "shape": vars(self.shape),
                "failure": self.failure.as_dict() if self.failure else None, **more}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Run:
        failure = Failure.from_dict(stored["failure"]) if stored["failure"] else None
        return cls(**{**stored, "argv": tuple(stored["argv"]), "shape": Shape(**stored["shape"]), "failure": failure})


# --- one run ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rendering:
    """A run and what it gave.

    ``pixels`` [slow, fast] are of the very bytes whose sum the run holds, read once: float32, or of the run's own
    dtype; None where the file is not of the declared size. ``stdout`` is what was printed, where it was asked for.
    ``masked`` is True where the image file itself says that a pixel is no measurement; ``opened`` is what its processes
    opened outside of the run's own folder.
    """

    run: Run
    pixels: np.ndarray | None = None
    stdout: str = ""
    masked: np.ndarray | None = None
    opened: Calls | None = None

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
               on_progress: Callable[[float, int | None], None] | None = None,
               any_number: bool = False) -> Rendering:
    """Run the engine in the new ``folder`` on copies of all files in ``inputs``.

    The float image is asked for with -floatfile and left at folder/float.bin, or as the engine's adapter says.
    ``shape`` is what the arguments declare; the file must hold exactly that, of finite numbers unless ``any_number``.
    """
    shutil.copytree(inputs, folder)
    try:
        argv = (*engine.start, *adapt(engine.adapter, arguments).words)
    except UsageError as fault:
        for log in (stdout, stderr):
            log.touch()
        failure = Failure("not-started", f"could not be asked: {fault.message}")
        return Rendering(Run(engine.role, (*engine.start, *arguments), shape, None, 0.0, failure, None))
    cwd = engine.declaration.cwd if engine.declaration else None
    given = adapted_in(folder, engine.adapter, arguments, absolute=cwd is not None)
    image = folder / image_file(engine.adapter)
    if os.path.lexists(image):
        raise UsageError(f"the {engine.role} writes its image to {image.name}, and an input has that name",
                         hint="give the input another name")
    started = time.time()
    variables = engine.variables(environment)
    with engine.watch() as watch:
        ended = run_program((*confining(engine, folder, variables), *engine.start, *given), folder=cwd or folder,
                            stdout=stdout, stderr=stderr, seconds=seconds, on_progress=on_progress,
                            extra_environment=with_own_places(engine, folder, variables), watch=watch)
    output = engine.adapter.output if engine.adapter else None
    found = rendering(engine.role, argv, shape, ended, seconds, image, started, output=output, any_number=any_number)
    return replace(found, opened=watch.calls.outside(folder))


def adapted_in(folder: Path, adapter: Adapter | None, arguments: Sequence[str], *, absolute: bool) -> tuple[str, ...]:
    """The words for an engine whose files lie in ``folder``, where its config file is written; with absolute names of
    files for one that is started elsewhere."""
    if not absolute:
        made = adapt(adapter, arguments)
    elif adapter is None:
        return files_in(folder, adapt(None, arguments).words)
    else:
        here = str(folder.absolute())
        config = replace(adapter.config, file=f"{here}/{adapter.config.file}") if adapter.config else None
        output = replace(adapter.output, file=f"{here}/{adapter.output.file}") if adapter.output else None
        made = adapt(replace(adapter, config=config, output=output), files_in(folder, arguments))
    if made.config is not None and adapter and adapter.config:
        place = folder / adapter.config.file
        if os.path.lexists(place):
            raise UsageError(f"the config file {adapter.config.file} would replace an input of that name",
                             hint="give the input another name")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(made.config, encoding="utf-8", newline="")
    return made.words


def files_in(folder: Path, words: Sequence[str]) -> tuple[str, ...]:
    """Arguments with the folder before the names of files: what an engine gets that is started elsewhere."""
    command = parse_command(words)
    files = (*command.reading(), *command.writing())
    return tuple(token for item in command.items
                 for token in ((item.word, str(folder.absolute() / item.values[0])) if item in files else item.tokens))


def rendering(role: str, argv: Sequence[str], shape: Shape, ended: Ended, seconds: float, image: Path,
              started: float, how: str = PROCESS, output: Output | None = None, *,
              any_number: bool = False) -> Rendering:
    """What a command came to: how it ended, and whether the image it left can be used. ``seconds`` was its time
    limit, ``started`` the time.time() before it, ``output`` how its image is read where that is declared;
    ``any_number`` lets pixels be NaN or infinite."""
    taken = take_float_image(image, shape, started, any_number=any_number) if output is None else \
        take_declared(image, output, shape, started, any_number=any_number)
    failure = _process_failure(ended, seconds) or taken.failure
    run = Run(role, tuple(argv), shape, ended.exit_code, ended.seconds, failure, taken.sha256, how, taken.dtype,
              taken.file_sha256, taken.mask_sha256)
    return Rendering(run, taken.pixels, masked=taken.masked)


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
