"""What a bisection judged so far, a line for each trial, so that one that was stopped goes on where it was."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from nbcompare.bundle.bundle import load_bundle
from nbcompare.bundle.check.verify import verify_bundle
from nbcompare.bundle.lock import lock
from nbcompare.bundle.record import Record
from nbcompare.engine.repository.work_tree import TREE
from nbcompare.engine.sources.opened import doubts
from nbcompare.errors import ExitCode, FileError, NbCompareError, UsageError
from nbcompare.files import append_line, others_could_write
from nbcompare.run.sweep.plan import computes_as_here

GOOD, BAD, SKIPPED = "good", "bad", "skipped"
STEPS = "steps.jsonl"


@dataclass(frozen=True)
class JudgedCommit:
    """One commit judged once. ``bundle`` is the folder of its evidence, None where there was nothing to run; ``word``
    is its verdict, and ``why`` the first reason against a pass. ``stored`` says that the bundle was there before."""

    sha: str
    outcome: str
    word: str
    why: str = ""
    bundle: str | None = None
    stored: bool = False


class Journal:
    """The trials of one bisection, in a folder of its own that no other process uses meanwhile."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.trials: list[JudgedCommit] = list(_read(folder / STEPS, folder.resolve() / TREE))

    def of(self, sha: str) -> list[JudgedCommit]:
        """The trials of a commit, the first one first."""
        return [trial for trial in self.trials if trial.sha == sha]

    def add(self, trial: JudgedCommit) -> None:
        """Remember a trial, on the disk before anything else is done. Raises FileError where that cannot be."""
        self.trials.append(trial)
        (self.folder / STEPS).touch(mode=0o600)
        append_line(self.folder / STEPS, json.dumps(asdict(trial)))

    def forget(self) -> None:
        """Begin anew."""
        self.trials.clear()
        with contextlib.suppress(FileNotFoundError):
            (self.folder / STEPS).unlink()


def _read(path: Path, tree: Path) -> Iterator[JudgedCommit]:
    """The lines that can be read and that their bundles bear out; the last may be half of one. ``tree`` is where
    commits are checked out."""
    with contextlib.suppress(FileNotFoundError), open(path, encoding="utf-8", errors="replace") as stream:
        for line in stream:
            with contextlib.suppress(ValueError, TypeError):
                trial = JudgedCommit(**json.loads(line))
                if trial.outcome in (GOOD, BAD, SKIPPED) and _is_borne_out(trial, tree):
                    yield trial


def _is_borne_out(trial: JudgedCommit, tree: Path) -> bool:
    """Whether an intact bundle gave the verdict that a line tells, and would give it again as far as can be seen;
    without a bundle nothing was judged."""
    if trial.bundle is None:
        return trial.outcome == SKIPPED
    with contextlib.suppress(NbCompareError):
        if verify_bundle(Path(trial.bundle)).intact:
            bundle = load_bundle(Path(trial.bundle))
            passed = bundle.verdict.exit_code is ExitCode.PASS
            as_told = str(bundle.verdict.word) == trial.word and (trial.outcome == GOOD) is passed
            return as_told and _stands(bundle.record, tree)
    return False


def _stands(record: Record, tree: Path) -> bool:
    """Whether a run of then stands for one of now: variables are as they were, all is known that the engines are made
    of, and what they opened is as it was. Of files in the tree the commit decides."""
    return computes_as_here(record) and not any(
        engine.unknown or (engine.opened and doubts(engine.opened.outside(str(tree)))) for engine in record.engines)


def _require_own(folder: Path) -> None:
    """Raises UsageError for a folder, or a file of steps, that somebody else could have written: his steps would say
    which commits were good, and commits are built and run in there."""
    for path in (folder.parent, folder, folder / STEPS):
        with contextlib.suppress(FileNotFoundError):
            if doubt := others_could_write(path):
                raise UsageError(f"{path} {doubt}; no bisection is made there",
                                 hint="remove it, or set XDG_CACHE_HOME to a folder of your own")


@contextlib.contextmanager
def journal_in(folder: Path, what: str) -> Iterator[Journal]:
    """The journal of a bisection while it runs. Raises UsageError where another process has it or somebody
    else could have written it, and FileError where the folder cannot be made."""
    try:
        for made in (folder.parent, folder):
            made.mkdir(parents=True, exist_ok=True, mode=0o700)
        _require_own(folder)
        handle = lock(folder)
    except OSError as fault:
        raise FileError(f"{folder}: cannot keep the steps there: {fault.strerror}") from None
    if handle is None:
        raise UsageError(f"another bisection of {what} is running",
                         hint="wait for it; what it has judged by then is not judged again")
    try:
        yield Journal(folder)
    finally:
        os.close(handle)
