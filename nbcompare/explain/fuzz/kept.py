"""What fuzzing leaves: a line for each trial, and each failure as a case that can be run again."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

from nbcompare.bundle.beside import overlooked
from nbcompare.case.case_file import load_case
from nbcompare.case.threshold import Threshold
from nbcompare.compare.image import Shape
from nbcompare.errors import FileError
from nbcompare.files import append_line, others_could_write, sha256_of, write_whole

TRIALS, CASE = "trials.jsonl", "case.yaml"
FORMAT = 2
"""Of the lines of a trial, and of what failures are told apart by: trials of another are not gone on after."""


@dataclass(frozen=True)
class FuzzTrial:
    """Command number ``at``: a ``word`` for what came of it, its options, and how it failed; ``causes`` are the
    numbers of the causes that it was put down to."""

    at: int
    word: str
    options: tuple[str, ...] = ()
    how: str = ""
    causes: tuple[int, ...] = ()
    found: tuple[Mapping[str, Any], ...] = ()
    """The causes that it brought to light, as plain values."""
    seen: Mapping[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    """By the number of each of its causes, what was seen of factors up to here."""


class FuzzFolder:
    """The folder of one fuzzing. ``key`` stands for all that a trial depends on beside its number."""

    def __init__(self, folder: Path, key: str) -> None:
        self.folder, self.key = folder, key
        self.trials: dict[int, FuzzTrial] = {}

    def begin(self, *, fresh: bool) -> bool:
        """Read what is there of the same key; whether there is anything. What is of another key, or is not wanted, is
        taken away first. Raises FileError where the folder cannot be written."""
        path = self.folder / TRIALS
        try:
            if not self.folder.exists():  # what is found is made anew at any time, and is no change of the tree
                overlooked(self.folder)
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
            if fresh or not lines or self._of_others() or _parsed(lines[0]).get("key") != self.key:
                for name in ("failures", "causes"):
                    shutil.rmtree(self.folder / name, ignore_errors=True)
                write_whole(path, json.dumps({"key": self.key}) + "\n")
                return False
        except OSError as fault:
            raise FileError(f"{self.folder}: cannot keep anything there: {fault.strerror}") from None
        for line in lines[1:]:
            with contextlib.suppress(TypeError, KeyError, ValueError):
                said = _parsed(line)
                trial = FuzzTrial(**{**said, "options": tuple(said["options"]), "causes": tuple(said["causes"]),
                                     "found": tuple(said["found"])})
                self.trials[trial.at] = trial
        return bool(self.trials)

    def _of_others(self) -> bool:
        """Whether somebody else could have written the trials that are there: his would say what agrees."""
        return any(others_could_write(path) for path in (self.folder, self.folder / TRIALS))

    def add(self, trial: FuzzTrial) -> None:
        """Remember a trial, on the disk before the next one begins. Raises FileError where there is no room."""
        self.trials[trial.at] = trial
        append_line(self.folder / TRIALS, json.dumps(asdict(trial)))


def _parsed(line: str) -> dict[str, Any]:
    with contextlib.suppress(ValueError):
        said = json.loads(line)
        if isinstance(said, dict):
            return said
    return {}


def kept_command(folder: Path) -> tuple[tuple[str, ...], dict[str, bytes]]:
    """The command of a case that was kept in a folder, and its files. Raises CaseError or FileError for another one."""
    case = load_case(folder / CASE)
    return tuple(case.command), {entry.name: (folder / str(entry.file)).read_bytes() for entry in case.inputs}


def keep_case(folder: Path, name: str, title: str, argv: Sequence[str], files: Mapping[str, bytes], shape: Shape,
              thresholds: Sequence[Threshold]) -> Path:
    """A command as a case with its files, which ``nb-compare run`` takes. Raises FileError where there is no room."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, content in files.items():
            (folder / file).write_bytes(content)
    except OSError as fault:
        raise FileError(f"{folder}: cannot write: {fault.strerror}") from None
    said: dict[str, Any] = {"name": name, "title": title, "command": list(argv)}
    if files:
        said["inputs"] = {file: {"file": file, "sha256": sha256_of(folder / file)} for file in files}
    said |= {"image": {"fast": shape.fast, "slow": shape.slow}, "rois": {"full": "full"},
             "thresholds": [{key: value for key, value in vars(threshold).items() if value is not None
                             and key != "roi"} for threshold in thresholds]}
    path = folder / CASE
    write_whole(path, yaml.safe_dump(said, sort_keys=False, width=110))
    return path
