"""The tests that must be green before a comparison means anything: the pytest nodes a case names."""

from __future__ import annotations

import platform
import re
import shlex
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from nbcompare.bundle.record import TestsOutcome
from nbcompare.engine.process import Ended, recorded_environment, run_program

CUDA_MISSING = "cuda not available\n"
_PYTEST = (sys.executable, "-m", "pytest", "--verbosity=-1", "-p", "no:cacheprovider")
"""Quiet as with one -q, however quiet the project's own settings are; twice as quiet, pytest gives no summary."""

_CUDA_PROBE = "import torch; print('cuda', torch.cuda.is_available())"


def run_mapped_tests(nodes: Sequence[str], *, checkout: Path, log: Path, seconds: float,
                     extra: Sequence[str] = ()) -> TestsOutcome:
    """Run pytest on the nodes, in the checkout, its output kept in ``log`` (standard error first).

    A node that does not exist, a run in which nothing was collected, and one in which every test was
    skipped are failures: nothing was shown. After a failure two files are left beside the log: what pytest
    collects (LOG_collect.log), and the signature of the failure with its surroundings (LOG_failure.txt).
    """
    if not nodes:
        log.write_text("the case names no tests\n", encoding="utf-8")
        return TestsOutcome((), None, "the case names no tests", None)
    argv = [*_PYTEST, *extra, *nodes]
    ended, text = _run_logged(argv, checkout, log, seconds)
    summary = next((line.strip("= ") for line in reversed(text.splitlines()) if line.strip()), "no output")
    failure = _failure(ended, summary, text, seconds)
    error_line = _error_line(log.read_text(encoding="utf-8", errors="replace")) if failure else None
    outcome = TestsOutcome(tuple(nodes), ended.exit_code, summary, failure, error_line)
    if failure:
        _run_logged([*_PYTEST, "--collect-only", *nodes], checkout, _beside(log, "collect.log"), seconds)
        _beside(log, "failure.txt").write_text(_signature(outcome, argv), encoding="utf-8")
    return outcome


def _run_logged(argv: Sequence[str], folder: Path, log: Path, seconds: float) -> tuple[Ended, str]:
    """Run a program with both streams in one file; returns how it ended and what it wrote to standard output."""
    errors = log.with_suffix(".err")
    ended = run_program(argv, folder=folder, stdout=log, stderr=errors, seconds=seconds)
    said, text = (path.read_text(encoding="utf-8", errors="replace") for path in (errors, log))
    errors.unlink()
    log.write_text(said + text, encoding="utf-8")
    return ended, text


def _beside(log: Path, ending: str) -> Path:
    return log.with_name(f"{log.stem}_{ending}")


def _failure(ended: Ended, summary: str, text: str, seconds: float) -> str | None:
    if ended.timed_out:
        return f"the mapped tests were stopped after {seconds:g} s"
    if ended.exit_code == 0 and re.search(r"\b\d+ passed\b", summary):
        return None
    first = re.search(r"^(FAILED|ERROR)\s+(\S+)(.*)$", text, re.MULTILINE)
    if first:
        return f"first failing test: {first.group(2)}{first.group(3)}"
    return f"no mapped test passed (pytest exit code {ended.exit_code})"


def _error_line(text: str) -> str | None:
    """The first line that pytest marks as an error."""
    found = re.search(r"^(?:E {2,}(\S.*)|(ERROR: .*))$", text, re.MULTILINE)
    return (found.group(1) or found.group(2)).strip() if found else None


def _signature(outcome: TestsOutcome, argv: Sequence[str]) -> str:
    """What is needed to recognise this failure again, and what surrounded it."""
    surroundings = {"python": sys.version.split()[0], "pytest": metadata.version("pytest"),
                    "platform": platform.platform(), **{f"${k}": v for k, v in recorded_environment().items()}}
    return "".join(f"{name}: {value}\n" for name, value in {
        "failure": outcome.failure, "error line": outcome.error_line or "none",
        "pytest exit code": outcome.exit_code, "summary": outcome.summary, "command": shlex.join(argv),
        **surroundings}.items())


def cuda_is_available(folder: Path) -> bool:
    """Whether torch, asked in a process of its own, sees a CUDA device."""
    out, err = folder / ".cuda_probe", folder / ".cuda_probe_err"
    run_program([sys.executable, "-P", "-c", _CUDA_PROBE], folder=folder, stdout=out, stderr=err, seconds=120)
    answer = out.read_text(encoding="utf-8", errors="replace")
    out.unlink()
    err.unlink()
    return "cuda True" in answer
