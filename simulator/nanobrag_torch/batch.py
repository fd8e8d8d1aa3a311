"""-batch: many commands in one process, so that torch is imported once.

Each line of standard input is a JSON list of arguments, or an object {"argv": [...], "folder": "DIR"}. Each is
answered by one JSON line: {"exit_code", "folder", "stdout", "stderr", "seconds"}. A command runs in a scratch
folder of its own, where its outputs lie until the batch ends; relative names of inputs are those of the folder
the batch was started in. With "folder", inputs are read and outputs written there. A command that fails, or is
no JSON, is answered like any other and never ends the batch. Outputs are whole when a command is answered; to bring
them to the disk is left to the system.
"""

from __future__ import annotations

import functools
import gc
import io
import json
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TextIO

from nanobrag_torch.io.atomic import left_to_the_system

BAD_REQUEST = 2
DEFECT = 70
RunCommand = Callable[[Sequence[str], Path, Path], int]
"""Runs one command line: its arguments, the folder its inputs lie in, the folder its outputs go to."""


def run_batch(run: RunCommand, common: Sequence[str], requests: TextIO, answers: TextIO) -> int:
    """Answer every request by ``run``; ``common`` are arguments put before those of each."""
    guarded = functools.partial(_run_guarded, run)
    with tempfile.TemporaryDirectory(prefix="nanobrag_batch_") as home, left_to_the_system():
        for number, line in enumerate(requests):
            if not line.strip():
                continue
            answer = _answer(guarded, line, list(common), Path(home, str(number)))
            answers.write(json.dumps(answer) + "\n")
            answers.flush()
            if number == 0:
                gc.freeze()  # what is loaded by now stays: nobody need look for garbage in it
    return 0


def _answer(run: RunCommand, line: str, common: list[str], scratch: Path) -> dict[str, str | int | float | None]:
    started = time.perf_counter()
    try:
        argv, folder = _request(line)
    except ValueError as fault:
        return {"exit_code": BAD_REQUEST, "folder": None, "stdout": "", "seconds": 0.0,
                "stderr": f"nanobrag_torch: error: {fault}\n"}
    if folder is None:
        scratch.mkdir()
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run([*common, *argv], folder or Path(), folder or scratch)
    return {"exit_code": code, "folder": str((folder or scratch).absolute()), "stdout": out.getvalue(),
            "stderr": err.getvalue(), "seconds": time.perf_counter() - started}


def _request(line: str) -> tuple[list[str], Path | None]:
    try:
        found = json.loads(line)
    except ValueError as fault:
        raise ValueError(f"a request is one line of JSON: {fault}") from None
    argv, folder = (found.get("argv"), found.get("folder")) if isinstance(found, dict) else (found, None)
    if not isinstance(argv, list) or not all(isinstance(word, (str, int, float)) for word in argv):
        raise ValueError("a request is a list of arguments, or {\"argv\": [...], \"folder\": \"DIR\"}")
    if folder is not None and not (isinstance(folder, str) and Path(folder).is_dir()):
        raise ValueError(f"there is no folder {folder!r}")
    return [str(word) for word in argv], Path(folder) if folder else None


def _run_guarded(run: RunCommand, argv: Sequence[str], read_from: Path, write_to: Path) -> int:
    try:
        return run(argv, read_from, write_to)
    except Exception:
        traceback.print_exc()
        return DEFECT
