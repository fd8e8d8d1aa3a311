"""Exit codes and the two kinds of error.

    NbCompareError            the user can mend it: one message, no trace
    |-- UsageError       (1)  a bad option or argument
    |-- CaseError        (1)  a case file that cannot be trusted; knows path, line and column
    |-- ShapeError       (4)  two images that cannot be laid over each other
    |-- FileError        (5)  something could not be read, parsed or written
    `-- EvidenceError    (6)  a bundle that is damaged or incomplete

Everything else that is raised is a defect of ours (exit 70, with its trace). A disagreement between
images, or an engine that failed, is no exception: it is a result, kept in the bundle.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from nbcompare.visible import visible

Result = TypeVar("Result")


class ExitCode(enum.IntEnum):
    """What the process returns. The meaning of each is printed by ``nb-compare --help``."""

    PASS = 0
    USAGE = 1
    ENGINE_FAILED = 2
    DIFFERS = 3
    SHAPE = 4
    IO = 5
    EVIDENCE = 6
    CLAIM = 7
    BLOCKED = 8
    DEFECT = 70


EXIT_MEANING = {
    ExitCode.PASS: "PASS: every threshold holds; or PROVEN: the images differ by a proven divergence",
    ExitCode.USAGE: "usage or case error",
    ExitCode.ENGINE_FAILED: "an engine failed",
    ExitCode.DIFFERS: "compared, and outside a threshold (an undefined figure is outside)",
    ExitCode.SHAPE: "image shapes differ (without --resample)",
    ExitCode.IO: "a file could not be read, parsed or written",
    ExitCode.EVIDENCE: "evidence damaged or incomplete",
    ExitCode.CLAIM: "a divergence claim is not proven, or no longer needed",
    ExitCode.BLOCKED: "blocked: a required test failed, or nothing was compared",
    ExitCode.DEFECT: "a defect of nb-compare itself (with a trace)",
}

_MILDEST_FIRST = (
    ExitCode.PASS,
    ExitCode.DIFFERS,
    ExitCode.CLAIM,
    ExitCode.BLOCKED,
    ExitCode.SHAPE,
    ExitCode.ENGINE_FAILED,
    ExitCode.USAGE,
    ExitCode.IO,
    ExitCode.EVIDENCE,
    ExitCode.DEFECT,
)


def worst(codes: Iterable[ExitCode]) -> ExitCode:
    """The exit code of several outcomes together: the worst one wins; of none at all, BLOCKED.

    An empty set means nothing was compared, and that is never a success.
    """
    found = list(codes)
    if not found:
        return ExitCode.BLOCKED
    return max(found, key=_MILDEST_FIRST.index)


class NbCompareError(Exception):
    """Something the user can mend. ``faults`` says what exactly, a line each, and ``hint`` what to do next."""

    exit_code = ExitCode.USAGE

    def __init__(self, message: str, *, faults: Iterable[str] = (), hint: str | None = None):
        super().__init__(message)
        self.message, self.faults, self.hint = message, tuple(faults), hint

    @property
    def in_a_line(self) -> str:
        """The first line of the message and what to do, for a place that has one line for it."""
        return "; ".join(filter(None, (self.message.partition("\n")[0], self.hint)))

    def __str__(self) -> str:
        """A line for the message, one for each fault, and one for what to do; nobody's file name adds to them."""
        more = (*(f"  {line}" for line in self.faults), *([f"  next: {self.hint}"] if self.hint else []))
        return "\n".join(map(visible, (self.message, *more)))


class UsageError(NbCompareError):
    """A bad option or argument."""


class CaseError(NbCompareError):
    """A case file that cannot be trusted. Line and column count from 1, as editors do."""

    def __init__(self, message: str, *, path: object = None, line: int | None = None, column: int | None = None,
                 hint: str | None = None):
        where = ":".join(str(part) for part in (path, line, column) if part is not None)
        super().__init__(f"{where}: {message}" if where else message, hint=hint)
        self.path, self.line, self.column = path, line, column


class ShapeError(NbCompareError):
    """Two images that cannot be laid over each other."""

    exit_code = ExitCode.SHAPE


class FileError(NbCompareError):
    """A file or folder that could not be read, parsed or written."""

    exit_code = ExitCode.IO


class EvidenceError(NbCompareError):
    """A bundle that is damaged or incomplete; with every fault that was found."""

    exit_code = ExitCode.EVIDENCE


def gathered(steps: Iterable[Callable[[], Result]]) -> list[Result]:
    """What each step gives. Raises what is wrong with all of them at once: the one error there is, or one that holds
    every one of several, of the kind that weighs most."""
    found: list[Result] = []
    faults: list[NbCompareError] = []
    for step in steps:
        try:
            found.append(step())
        except NbCompareError as fault:
            faults.append(fault)
    if len(faults) == 1:
        raise faults[0]
    if faults:
        code = worst(fault.exit_code for fault in faults)
        kind = next(kind for kind in (FileError, EvidenceError, ShapeError, UsageError) if kind.exit_code == code)
        raise kind(f"{len(faults)} errors", faults=[line for fault in faults for line in str(fault).splitlines()])
    return found


def to_type(*words: object) -> str:
    """A command that somebody is told to type, quoted as a shell needs it."""
    import shlex

    return shlex.join(map(str, words))


def nearest(word: str, known: Iterable[str], called: Mapping[str, Sequence[str]] = {}) -> str:
    """A phrase naming the nearest known word, or all of them when none is near."""
    known = sorted(known)
    close = nearest_of(word, known, called)
    if close:
        return f"did you mean {close[0]!r}?"
    return "known: " + ", ".join(known) if known else "none is known here"


def nearest_of(word: str, known: Iterable[str], called: Mapping[str, Sequence[str]] = {}) -> list[str]:
    """The known word that was meant, as a list of one: by another name that it is ``called`` by, or the nearest in
    letters; of none that is near, an empty list."""
    import difflib

    known = list(known)
    by_name = [ours for ours, others in called.items() if word.lower() in others and ours in known]
    return by_name[:1] or difflib.get_close_matches(word, known, n=1, cutoff=0.5)
