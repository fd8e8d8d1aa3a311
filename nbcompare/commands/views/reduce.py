"""A reduction as a person reads it, ending in one line that can be pasted, and as a machine does."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

from nbcompare.case.arguments.command import parse_command
from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.project import project_above
from nbcompare.engine.engine import Engine
from nbcompare.explain.experiment import Experiment
from nbcompare.explain.reduce.reduce import Reduction
from nbcompare.visible import counted


def reduction_report(found: Reduction, asked: Experiment) -> str:
    """What is left, what it took, and the reproducer."""
    window = found.candidate.window
    lines = [
        f"reduced {counted(found.options_before, 'option')} to {len(found.needed)} that matter, in "
        f"{counted(found.tests, 'test')} ({counted(found.runs, 'engine run')}; "
        f"{counted(found.remembered, 'test')} remembered from earlier)",
        f"  fails by   {found.signature}",
        f"  whole      {found.whole}",
        f"  needed     {', '.join(found.needed) or 'none: it fails without any option but cell, amplitudes and size'}",
    ]
    if window:
        lines.append(f"  window     {' '.join(map(str, window.bounds))} (rendered with -roi)")
    if len(found.whole.thresholds) > 1:
        lines.append("  note       several thresholds fail, maybe for several causes; --metric NAME takes one alone")
    failing = {metric for metric, _ in found.signature.thresholds}
    if failing and not failing & set(_ONE_SHOT):
        lines.append(f"  note       a command line alone is judged by {', '.join(_ONE_SHOT)}; what fails needs a case "
                     f"({', '.join(sorted(failing))}): nb-compare init -- ARGS")
    if not found.complete:
        lines.append("  note       the limit of engine runs was reached; a smaller command may exist (--max-runs)")
    return "\n".join([*lines, f"  engines    {'; '.join(found.how) or 'not run: every answer was remembered'}",
                      f"  reproduce  {reproducer(found, asked)}"])


_ONE_SHOT = ("correlation", "sum_ratio", "max_intensity_delta")
"""Metrics of which the one-shot form takes a limit."""


def _named(engine: Engine) -> str:
    """The engine as an option takes it: the name that the project file here gives it, as its variables come with that;
    else its program, or all words that start it."""
    declared = engine.declaration
    if declared and project_above(Path.cwd()).engines.get(declared.name) == declared:
        return declared.name
    alone = engine.start in ((str(engine.program),), (sys.executable, str(engine.program)))
    return str(engine.program) if alone else shlex.join(engine.start)


def reproducer(found: Reduction, asked: Experiment) -> str:
    """One line that shows the failure again with the same engines and thresholds."""
    words = ["nb-compare"]
    for role, option in ((REFERENCE, "--c-bin"), (SUBJECT, "--py-bin")):
        if asked.engines[role].chosen_by != "default":
            words += [option, _named(asked.engines[role])]
    for option, extra in (("--c-args", asked.case.reference_args), ("--py-args", asked.case.subject_args)):
        if extra:
            words += [option, shlex.join(parse_command(extra).reading_from(asked.sources).argv)]
    limits = {threshold.metric: threshold for threshold in found.thresholds}
    if "correlation" in limits and limits["correlation"].min is not None:
        words += ["--threshold", repr(limits['correlation'].min)]
    ratio = limits.get("sum_ratio")
    if ratio and None not in (ratio.min, ratio.max):
        words += ["--sum-ratio", repr(ratio.min), repr(ratio.max)]
    delta = limits.get("max_intensity_delta")
    if delta and delta.max is not None:
        words += ["--max-intensity-delta", repr(delta.max)]
    if found.candidate.window:
        words += ["--roi", *map(str, found.candidate.window.bounds)]
    return shlex.join([*words, "--", *parse_command(found.candidate.argv).reading_from(asked.sources).argv])


def reduction_as_dict(found: Reduction, asked: Experiment) -> dict[str, Any]:
    window = found.candidate.window
    return {
        "of": asked.named, "fails": True, "complete": found.complete, "signature": found.signature.as_dict(),
        "whole": found.whole.as_dict(), "options_before": found.options_before, "needed": list(found.needed),
        "command": list(found.candidate.argv), "window": list(window.bounds) if window else None,
        "tests": found.tests, "engine_runs": found.runs, "remembered": found.remembered, "engines": list(found.how),
        "thresholds": [vars(threshold) for threshold in found.thresholds], "reproducer": reproducer(found, asked),
    }
