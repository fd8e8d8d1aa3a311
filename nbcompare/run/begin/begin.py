"""init: from a command line to a case file that is valid, beside whatever is there already."""

from __future__ import annotations

import os
import shlex
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.case_file import load_case
from nbcompare.case.parts import NAME
from nbcompare.case.project import project_above
from nbcompare.case.relocate import relocated
from nbcompare.engine.choose import choose_engines
from nbcompare.engine.progress import Progress
from nbcompare.errors import FileError, UsageError
from nbcompare.run.begin.first_case import case_text
from nbcompare.run.begin.limits import MARGIN, limits_of
from nbcompare.run.begin.measured import MeasuredCommand, measured


@dataclass(frozen=True)
class WrittenCase:
    """What was written: lines for a person, and what had to be changed about the command."""

    path: Path
    lines: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Programs:
    """As the commands that run engines are told (see choose.py)."""

    c_bin: str | None
    py_bin: str | None
    trust_case: bool = False


def begin_case(arguments: Sequence[str], roles: Mapping[str, str], out: Path, title: str | None = None,
               margin: float = MARGIN, progress: Progress | None = None) -> WrittenCase:
    """Write the case of a command line to the new file ``out``.

    Raises UsageError for a file that is there or arguments that cannot be used, ReferenceFailed where the reference
    gave no image, FileError for a place that cannot be written.
    """
    progress = progress or Progress(quiet=True)
    refuse_overwriting(out)
    if not NAME.fullmatch(out.stem) or out.suffix not in (".yaml", ".yml"):
        raise UsageError(f"--out {out}: a case file is called NAME.yaml, of letters, digits, '.', '_' and '-'")
    command = relocated(arguments)
    engine = choose_engines(_Programs(roles.get(REFERENCE), None), progress, project_above(out.parent).engines,
                            (REFERENCE,))[REFERENCE]
    found = measured(command, engine, progress)
    text = case_text(out.stem, title or _title(found), found, limits_of(found, margin), out.parent)
    write_new(out, text, load_case)
    return WrittenCase(out, tuple(_said(out, found, roles)), command.notes)


def _title(found: MeasuredCommand) -> str:
    return f"{found.shape.fast} x {found.shape.slow} pixels of {' '.join(found.command.command[:6])} ..."


def _said(out: Path, found: MeasuredCommand, roles: Mapping[str, str]) -> list[str]:
    words = ["nb-compare", "run", str(out)]
    for role, option in ((REFERENCE, "--c-bin"), (SUBJECT, "--py-bin")):
        words += [option, roles[role]] if role in roles else []
    return [f"wrote {out}: {found.shape}, regions {', '.join(roi.name for roi in found.rois)}",
            f"  noise  {found.noise.sentence}", f"  next   {shlex.join(words)}"]


def refuse_overwriting(path: Path, hint: str = "--out FILE names another file") -> None:
    """Raises UsageError where something is there already."""
    if os.path.lexists(path):
        raise UsageError(f"{path} is there already, and init overwrites nothing", hint=hint)


def write_new(path: Path, text: str, check: Callable[[Path], object]) -> None:
    """Write a file that was not there, once it is known to be valid: it appears whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".init-", suffix=".yaml", dir=path.parent)
        draft = Path(name)
        try:
            with open(handle, "w", encoding="utf-8") as stream:
                stream.write(text)
            draft.chmod(0o644)
            check(draft)
            os.link(draft, path)
        finally:
            with suppress(FileNotFoundError):
                draft.unlink()
    except FileExistsError:
        refuse_overwriting(path)
        raise
    except OSError as fault:
        raise FileError(f"{path}: cannot be written: {fault.strerror}") from None
