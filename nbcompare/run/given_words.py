"""Paths, programs, command lines and seconds that scripts hand over, looked at before anything is done with them."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from numbers import Real
from pathlib import Path

from nbcompare.case.case import Case
from nbcompare.case.case_file import load_case
from nbcompare.case.cells import cells_of
from nbcompare.errors import NbCompareError, UsageError

_ARGUMENT_OF = {"--c-bin": "reference=", "--py-bin": "subject=", "--inputs": "inputs=", "--input": "inputs=",
                "--sandbox": "sandbox=True", "--side-by-side": "side_by_side="}
"""What an option of the command line is called in Python; longer options first."""


def checked_path(given: object, argument: str) -> Path:
    """Raises UsageError for what names no file and no folder; whether there is one is seen by who opens it."""
    if not isinstance(given, str | os.PathLike) or not isinstance(text := os.fspath(given), str):
        raise UsageError(f"{argument}= takes a path as text or Path, found {given!r}")
    if not text or "\0" in text:
        raise UsageError(f"{argument}= takes a path, found {text!r}")
    if max(map(len, os.fsencode(text).split(b"/"))) > 255:
        raise UsageError(f"{argument}= takes a path; a name in it is longer than 255 bytes")
    return Path(text)


def checked_program(given: object, argument: str) -> str | None:
    """A program or a command line, None where nobody names one. Raises UsageError; for an empty one, too: it is what a
    variable that is not set leaves, and stands for no program, least of all for the bundled one."""
    if given is None:
        return None
    if not isinstance(given, str | os.PathLike):
        raise UsageError(f"{argument}= takes a program or a command line as text or Path, found {given!r}")
    if not (text := str(os.fspath(given))).strip():
        raise UsageError(f"{argument}= is empty; give a program, or None for what is declared")
    return text


def checked_inputs(given: object) -> dict[str, str]:
    """Files by the name of the input that they replace. Raises UsageError."""
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise UsageError(f"inputs= takes a mapping of names of inputs to files, found {given!r}")
    return {name: str(checked_path(path, f"inputs[{name!r}]")) for name, path in given.items()}


def checked_arguments(given: object) -> tuple[str, ...]:
    """The words of a command line. Raises UsageError."""
    words = tuple(given) if isinstance(given, Iterable) and not isinstance(given, str | bytes | Mapping) else None
    if words is None or not all(isinstance(word, str) for word in words):
        raise UsageError(f"arguments= takes the words of a command line as a list of text, found {given!r}",
                         hint="shlex.split makes words of a line" if isinstance(given, str) else None)
    return words


def checked_seconds(given: object, argument: str) -> float:
    """A finite number from 0 up. Raises UsageError."""
    if isinstance(given, bool) or not isinstance(given, Real) or not 0 <= float(given) < math.inf:
        raise UsageError(f"{argument}= takes seconds, a number from 0 up, found {given!r}")
    return float(given)


def checked_switch(given: object, argument: str) -> bool:
    """Raises UsageError for anything but True and False: the text "no" is true."""
    if not isinstance(given, bool):
        raise UsageError(f"{argument}= takes True or False, found {given!r}")
    return given


def checked_case(given: object) -> Case:
    """The case of a file, or one that was read and is still what its file says: a bundle keeps the file as what was
    judged by. Raises UsageError for another, CaseError for a file that cannot be trusted."""
    if not isinstance(given, Case):
        return load_case(checked_path(given, "case"))
    if not isinstance(given.path, Path):
        raise UsageError("case= takes a file, or a Case that load_case has read")
    now = load_case(given.path)
    if given not in (now, *cells_of(now)):
        if given.sha256 != now.sha256:
            raise UsageError(f"{given.path} was changed after the case was read; read it again")
        other = [field.name for field in fields(Case) if getattr(given, field.name) != getattr(now, field.name)]
        raise UsageError(f"this Case is not what {given.path} says ({', '.join(other)}): a bundle keeps the file as "
                         "what was judged by", hint="write what is to be another into a case file")
    return given


@contextmanager
def in_words_of_python() -> Iterator[None]:
    """Errors speak of arguments in place of options of the command line, which nobody typed."""
    try:
        yield
    except NbCompareError as fault:
        for option, argument in _ARGUMENT_OF.items():
            fault.message = fault.message.replace(option, argument)
            fault.hint = fault.hint.replace(option, argument) if fault.hint else None
            fault.faults = tuple(line.replace(option, argument) for line in fault.faults)
        fault.args = (fault.message,)
        raise
