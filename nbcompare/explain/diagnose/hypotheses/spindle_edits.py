"""Run hypotheses about the rotation: fence posts, midpoints, one step off, backwards, not at all."""

from __future__ import annotations

import math
from collections.abc import Iterator

from nbcompare.case.command import Command
from nbcompare.explain.diagnose.causes import (
    PHI_END_INCLUDED,
    PHI_FENCE_POST,
    PHI_MIDPOINT,
    PHI_ONE_STEP_OFF,
    PHI_SINGLE_STEP,
    mistake_id,
)
from nbcompare.explain.diagnose.hypotheses.candidate import Candidate
from nbcompare.explain.diagnose.question import Question


def spindle_edits(question: Question) -> Iterator[Candidate]:
    """Fence posts, midpoints, one step off, reversed rotation, stills."""
    command, s = question.command, question.setting
    if s.phi_steps <= 1 and not command.has("-osc", "-phi"):
        return
    step, start, n = math.degrees(s.phi_step), math.degrees(s.phi), s.phi_steps
    bare = command.without("-phi", "-osc", "-phisteps", "-phistep")

    def scan(first: float, one: float, count: int) -> Command:
        return (bare.setting("-phistep", float(one)).setting("-phisteps", count).setting("-osc", float(one * count))
                .setting("-phi", float(first)))

    total = step * n
    if n > 1:
        yield Candidate(PHI_MIDPOINT, f"phi steps at their middle, from {start + step / 2:g}",
                        scan(start + step / 2, step, n), 0.8)
        yield Candidate(PHI_END_INCLUDED, f"phi steps of {total / (n - 1):g} that reach the end",
                        scan(start, total / (n - 1), n), 0.75)
        for move in (1, -1):
            late = "late" if move > 0 else "early"
            yield Candidate(PHI_ONE_STEP_OFF, f"phi starts at {start + move * step:g}, one step {late}",
                            scan(start + move * step, step, n), 0.72)
        yield Candidate(PHI_FENCE_POST, f"{n - 1} steps: the last one is missing", scan(start, step, n - 1), 0.75)
        yield Candidate(PHI_FENCE_POST, f"{n - 1} steps: the first one is missing", scan(start + step, step, n - 1),
                        0.72)
        yield Candidate(PHI_FENCE_POST, f"{n + 1} steps: one too many", scan(start, step, n + 1), 0.7)
        yield Candidate(mistake_id("phi-steps", "off-by-one"), f"{n + 1} phi steps over the same range",
                        scan(start, total / (n + 1), n + 1), 0.66)
        yield Candidate(mistake_id("phi-steps", "off-by-one"), f"{n - 1} phi steps over the same range",
                        scan(start, total / (n - 1), n - 1), 0.66)
        yield Candidate(PHI_SINGLE_STEP, f"a still at phi {start:g}", scan(start, 0.0, 1), 0.7)
        yield Candidate(PHI_SINGLE_STEP, f"a still in the middle of the range, at {start + total / 2:g}",
                        scan(start + total / 2, 0.0, 1), 0.6)
        yield Candidate(mistake_id("oscillation", "sign"), "the rotation runs backwards", scan(start, -step, n), 0.7)
        for move, words in ((1, "next"), (-1, "one before")):
            first = start + move * total
            yield Candidate(mistake_id("phi", "value"), f"phi starts at {first:g}: the frame is the {words}",
                            scan(first, step, n), 0.68)
    if start:
        yield Candidate(mistake_id("phi", "ignored"), f"phi starts at 0, not at {start:g}", scan(0.0, step, n), 0.75)
        yield Candidate(mistake_id("phi", "sign"), f"phi starts at {-start:g}", scan(-start, step, n), 0.6)
        yield Candidate(mistake_id("phi", "sign"), "phi and the rotation are reversed", scan(-start, -step, n), 0.62)
