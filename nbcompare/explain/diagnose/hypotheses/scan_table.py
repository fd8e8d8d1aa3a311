"""Mistakes with the rotation: fence posts, midpoints, one step off, backwards, not at all."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from nbcompare.explain.diagnose import causes
from nbcompare.explain.diagnose.causes import mistake_id
from nbcompare.explain.diagnose.hypotheses.row import Row
from nbcompare.explain.diagnose.question import Question

Scan = tuple[float, float, int]
"""Where phi starts and how wide a step is, in degrees, and how many there are."""

STEPS_OVER = mistake_id("phi-steps", "off-by-one")

TABLE: tuple[tuple[str, str, Callable[[float, float, int], Scan], float], ...] = (
    (causes.PHI_MIDPOINT, "phi steps at their middle, from {:g}", lambda a, s, n: (a + s / 2, s, n), 0.8),
    (causes.PHI_END_INCLUDED, "phi steps that reach the end", lambda a, s, n: (a, s * n / (n - 1), n), 0.75),
    (causes.PHI_ONE_STEP_OFF, "phi starts at {:g}, one step late", lambda a, s, n: (a + s, s, n), 0.72),
    (causes.PHI_ONE_STEP_OFF, "phi starts at {:g}, one step early", lambda a, s, n: (a - s, s, n), 0.72),
    (causes.PHI_FENCE_POST, "{2} steps: the last one is missing", lambda a, s, n: (a, s, n - 1), 0.75),
    (causes.PHI_FENCE_POST, "{2} steps: the first one is missing", lambda a, s, n: (a + s, s, n - 1), 0.72),
    (causes.PHI_FENCE_POST, "{2} steps: one too many", lambda a, s, n: (a, s, n + 1), 0.7),
    (STEPS_OVER, "{2} phi steps over the same range", lambda a, s, n: (a, s * n / (n + 1), n + 1), 0.66),
    (STEPS_OVER, "{2} phi steps over the same range", lambda a, s, n: (a, s * n / (n - 1), n - 1), 0.66),
    (causes.PHI_SINGLE_STEP, "a still at phi {:g}", lambda a, s, n: (a, 0.0, 1), 0.7),
    (causes.PHI_SINGLE_STEP, "a still in the middle of the range, at {:g}",
     lambda a, s, n: (a + s * n / 2, 0.0, 1), 0.6),
    (mistake_id("oscillation", "sign"), "the rotation runs backwards", lambda a, s, n: (a, -s, n), 0.7),
    (mistake_id("oscillation", "sign"), "the rotation runs backwards from its end",
     lambda a, s, n: (a + s * n, -s, n), 0.55),
    (mistake_id("phi", "value"), "phi starts at {:g}: the frame is the next", lambda a, s, n: (a + s * n, s, n), 0.68),
    (mistake_id("phi", "value"), "phi starts at {:g}: the frame is the one before",
     lambda a, s, n: (a - s * n, s, n), 0.68),
)
"""Mistakes with a rotation of several steps: what start, step and count become. The words may name all three."""

OF_START: tuple[tuple[str, str, Callable[[float, float, int], Scan], float], ...] = (
    (mistake_id("phi", "ignored"), "phi starts at 0", lambda a, s, n: (0.0, s, n), 0.75),
    (mistake_id("phi", "sign"), "phi starts at {:g}", lambda a, s, n: (-a, s, n), 0.6),
    (mistake_id("phi", "sign"), "phi and the rotation are reversed", lambda a, s, n: (-a, -s, n), 0.62),
)
"""Mistakes with a start that is not 0, of stills too."""


def rows(question: Question) -> Iterator[Row]:
    """Each mistake as a rotation from a start, with a step, in so many steps."""
    command, setting = question.command, question.setting
    step, start, count = math.degrees(setting.phi_step), math.degrees(setting.phi), setting.phi_steps
    bare = command.without("-phi", "-osc", "-phisteps", "-phistep")
    for id, words, change, prior in (*(TABLE if count > 1 else ()), *(OF_START if start else ())):
        first, one, steps = change(start, step, count)
        scan = (bare.setting("-phistep", float(one)).setting("-phisteps", steps).setting("-osc", float(one * steps))
                .setting("-phi", float(first)))
        yield Row(id, words.format(first, one, steps) if "{2}" not in words else words.replace("{2}", str(steps)), scan,
                  prior)
