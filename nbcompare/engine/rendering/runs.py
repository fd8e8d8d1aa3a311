"""Jobs: an engine with everything it is given. What carries them out is the renderer (renderer.py)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nbcompare.case.arguments.command import declared_shape
from nbcompare.case.arguments.named_files import file_faults, files_of
from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.case import Case
from nbcompare.case.masking import COMPARE
from nbcompare.compare.image import Shape
from nbcompare.engine.adapter import AdaptedArguments, adapt
from nbcompare.engine.engine import Engine
from nbcompare.engine.processes.redact import secrets_among
from nbcompare.engine.safety.safe_start import importable, obeys
from nbcompare.errors import UsageError


@dataclass(frozen=True)
class Job:
    """One engine with everything it is given.

    ``shape`` is what its own arguments declare, ``seconds`` its time limit, ``inputs`` the folder of the files it
    reads (it gets copies), ``environment`` the variables set beside those that every engine gets. ``purpose`` says why
    it is run once more, and is empty for the comparison itself; ``shards`` is the number of row bands to render;
    ``any_number`` lets pixels be NaN or infinite, and ``own_options`` says that the words are not nanoBragg's.
    What is opened is told of the role, or of what the engine is ``known_as`` beside the two.
    """

    engine: Engine
    arguments: tuple[str, ...]
    shape: Shape
    seconds: float
    inputs: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    purpose: str = ""
    shards: int = 1
    any_number: bool = False
    own_options: bool = False
    known_as: str = ""

    @property
    def name(self) -> str:
        """What a waiting person is told about it."""
        return f"{self.engine.role} ({self.engine.name}){self.purpose and ', ' + self.purpose}"


@dataclass(frozen=True)
class RunFiles:
    """Where a run leaves its files: image, stdout, stderr, what else a failed one wrote, and the mask that its image
    states (None where that is not kept)."""

    image: Path
    stdout: Path
    stderr: Path
    rest: Path
    mask: Path | None = None


def job_of(case: Case, engine: Engine, arguments: tuple[str, ...], inputs: Path) -> Job:
    """An engine on a command line, with the limits and variables of a case.

    Raises UsageError for arguments that declare no image, read a file that is not among the inputs, or write one
    outside the run's folder; and for an input that the engine might take for its code.
    """
    module = importable([path.name for path in inputs.rglob("*")])
    if module and not obeys(engine.start, engine.program):
        raise UsageError(f"the input {module} has the name of a Python module, and the {engine.role} {engine.name} "
                         "might run it", hint="give the file another name")
    made = _adapted(engine, arguments)
    files = [path.relative_to(inputs).as_posix() for path in inputs.rglob("*")]
    settings = [f"{name}={value}" for name, value in case.environment.items()]
    words = (*engine.start, *arguments, *made.words, *settings, *files)
    for shown in secrets_among((*words, *(made.config or "").splitlines())):
        raise UsageError(f"{shown} is given to the {engine.role} and looks like a secret: evidence keeps every word of "
                         "a command, and what is not kept cannot be run again",
                         hint="let the engine read it from a file of yours or a variable that it is passed")
    for word in words:
        if not word.isprintable():
            raise UsageError(f"{word!a} is given to the {engine.role} and holds a character that cannot be seen")
    for fault in file_faults(arguments, files_of(inputs)) if not case.own_options else ():
        raise UsageError(fault)
    seconds = {REFERENCE: case.limits.reference_seconds, SUBJECT: case.limits.subject_seconds}[engine.role]
    shape = case.shape if case.own_options else declared_shape(arguments, inputs)
    return Job(engine, arguments, shape, seconds, inputs, case.environment, any_number=case.nan == COMPARE,
               own_options=case.own_options)


def _adapted(engine: Engine, arguments: tuple[str, ...]) -> AdaptedArguments:
    """What the engine is asked with. Raises UsageError, with its name, where that cannot be."""
    try:
        return adapt(engine.adapter, arguments)
    except UsageError as fault:
        raise UsageError(f"the {engine.role} {engine.name}: {fault.message}", hint=fault.hint) from None


def jobs_of(case: Case, engines: Mapping[str, Engine], inputs: Path) -> dict[str, Job]:
    """What each role is to run. Raises UsageError for arguments that declare no image."""
    own = {REFERENCE: case.reference_args, SUBJECT: case.subject_args}
    return {role: job_of(case, engines[role], (*case.command, *extra), inputs) for role, extra in own.items()}
