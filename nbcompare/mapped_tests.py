"""The tests that must be green before a comparison means anything: the pytest nodes a case names."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nbcompare.process import Ended, run_program

CUDA_MISSING = "cuda not available\n"
_CUDA_PROBE = "import torch; print('cuda', torch.cuda.is_available())"


@dataclass(frozen=True)
class TestsOutcome:
    """How the mapped tests went. No nodes is an outcome of its own: nothing was required."""

    __test__ = False  # not a test class

    nodes: tuple[str, ...]
    exit_code: int | None
    summary: str
    failure: str | None

    def as_dict(self) -> dict:
        return {**vars(self), "nodes": list(self.nodes)}


def run_mapped_tests(nodes: Sequence[str], *, checkout: Path, log: Path, seconds: float,
                     extra: Sequence[str] = ()) -> TestsOutcome:
    """Run pytest on the nodes, in the checkout, its output kept in ``log``.

    A node that does not exist, a run in which nothing was collected, and one in which every test was
    skipped are failures: nothing was shown.
    """
    if not nodes:
        log.write_text("the case names no tests\n", encoding="utf-8")
        return TestsOutcome((), None, "the case names no tests", None)
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *extra, *nodes]
    errors = log.with_suffix(".err")
    ended = run_program(argv, folder=checkout, stdout=log, stderr=errors, seconds=seconds)
    said = errors.read_text(encoding="utf-8", errors="replace")
    errors.unlink()
    if said:
        with open(log, "a", encoding="utf-8") as stream:
            stream.write(said)
    text = log.read_text(encoding="utf-8", errors="replace")
    summary = next((line.strip("= ") for line in reversed(text.splitlines()) if line.strip()), "no output")
    return TestsOutcome(tuple(nodes), ended.exit_code, summary, _failure(ended, text, seconds))


def _failure(ended: Ended, text: str, seconds: float) -> str | None:
    if ended.timed_out:
        return f"the mapped tests were stopped after {seconds:g} s"
    if ended.exit_code == 0 and re.search(r"\b\d+ passed\b", text):
        return None
    first = re.search(r"^(FAILED|ERROR)\s+(\S+)(.*)$", text, re.MULTILINE)
    if first:
        return f"first failing test: {first.group(2)}{first.group(3)}"
    return f"no mapped test passed (pytest exit code {ended.exit_code})"


def cuda_is_available(folder: Path) -> bool:
    """Whether torch, asked in a process of its own, sees a CUDA device."""
    out, err = folder / ".cuda_probe", folder / ".cuda_probe_err"
    run_program([sys.executable, "-c", _CUDA_PROBE], folder=folder, stdout=out, stderr=err, seconds=120)
    answer = out.read_text(encoding="utf-8", errors="replace")
    out.unlink()
    err.unlink()
    return "cuda True" in answer
