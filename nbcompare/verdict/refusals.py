"""The verdict on engines that had to refuse their command line (case/refusal.py)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from nbcompare.case.refusal import Refusal
from nbcompare.engine.engine import Run
from nbcompare.engine.processes.matching import a_line_matches
from nbcompare.verdict.verdict import Label, Verdict, failures_verdict, verdict

EXIT_CODE = "exit-code"
"""The kind of failure of a run that ended by itself and not with exit code 0: all that a refusal is."""


def refusals_verdict(expect: Mapping[str, Refusal], runs: Sequence[Run], stderr: Mapping[str, str]) -> Verdict:
    """PASS where every engine that is named refused as it had to and every other gave an image; ``stderr`` is what
    each printed, by role. A crash, a time limit or a program that did not start is no refusal."""
    by_accident = [run for run in runs if run.failure and (run.role not in expect or run.failure.kind != EXIT_CODE)]
    failed = failures_verdict(tuple(by_accident))
    if failed:
        return failed
    reasons = [reason for run in runs if run.role in expect
               for reason in _faults(run, expect[run.role], stderr.get(run.role, ""))]
    return verdict(Label.FAIL, reasons) if reasons else verdict(Label.PASS)


def _faults(run: Run, wanted: Refusal, said: str) -> Iterator[str]:
    if run.exit_code != wanted.exit_code:
        yield f"the {run.role} had to refuse with exit code {wanted.exit_code}, and ended with {run.exit_code}"
        return
    crash = _crash(said)
    if crash and crash not in wanted.stderr:
        yield (f"the {run.role} crashed ({crash}), which is no refusal; where it refuses so, let stderr of the case "
               f"name {crash}")
        return
    found = a_line_matches(wanted.stderr, said)
    if found is None:
        yield (f"whether the {run.role} said {wanted.stderr!r} could not be found out in time; the expression of the "
               "case takes too long")
    elif not found:
        last = next((line for line in reversed(said.splitlines()) if line.strip()), "nothing")
        yield f"the {run.role} refused, and no line that it said matches {wanted.stderr!r}; its last was: {last[:200]}"


_TRACE = "Traceback (most recent call last):"
_EXCEPTION = re.compile(r"((?:\w+\.)*[A-Z]\w*)(?::|$)")


def _crash(said: str) -> str | None:
    """The exception that ended a Python program, where it ended by one that nobody caught."""
    if not any(line.strip() == _TRACE for line in said.splitlines()):
        return None
    last = next((line for line in reversed(said.splitlines()) if line.strip()), "")
    found = _EXCEPTION.match(last)
    return found[1] if found else None


def refusal_notes(expect: Mapping[str, Refusal]) -> Iterator[str]:
    """What a reader of the verdict has to know: a pass of such a case says nothing of images."""
    for role, wanted in expect.items():
        yield (f"the case expects the {role} to refuse (exit code {wanted.exit_code}, {wanted.stderr!r}); no images "
               "were compared")
