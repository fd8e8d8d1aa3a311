"""Engines and runs: a program that turns nanoBragg arguments into a float image, and one use of it.

An engine is data: a role, a name and the words that start it; a run is what one use of it left. run_engine.py makes the
one of the other.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbcompare.case.declared.adapter import Adapter
from nbcompare.case.declared.declarations import EngineDeclaration
from nbcompare.compare.image import FLOAT_DTYPE, Shape
from nbcompare.engine.failure import Failure
from nbcompare.engine.processes.file_uses import NOT_ASKED, FileUses
from nbcompare.engine.processes.open_calls import OpenCalls
from nbcompare.engine.processes.process import declared_environment
from nbcompare.engine.safety.safe_start import safe_variables, with_absolute_paths
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
    searched: bool = False
    """Whether its program was looked for on PATH, and not named by its path."""
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
    opened: FileUses | None = None

    @property
    def image(self) -> np.ndarray | None:
        """The pixels of a run that did not fail."""
        return None if self.run.failure else self.pixels

    @property
    def failure(self) -> str | None:
        """Why there is no image, with the role, in words."""
        return f"the {self.run.role} {self.run.failure.sentence}" if self.run.failure else None
