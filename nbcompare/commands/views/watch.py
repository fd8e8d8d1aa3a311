"""One line for each save."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import click

from nbcompare.commands.views.terminal import styled
from nbcompare.engine.rendering.last_words import shortened
from nbcompare.run.watching import Save
from nbcompare.verdict.verdict import Check, Label
from nbcompare.visible import some_of

_MOST_FILES = 2
_MOST_MARGINS = 3


def save_line(save: Save) -> str:
    """When, what was saved, the verdict's word, and the margin to each threshold or why there is none."""
    what = some_of(save.names, _MOST_FILES) or "as it is"
    if save.verdict is None:
        said = f"{click.style('NOT RUN', fg='red', bold=True)}  {shortened(save.why)}"
    elif save.verdict.word in (Label.PASS, Label.FAIL):
        said = f"{styled(save.verdict)}  {save.seconds:.2f} s  {_margins(save.verdict.checks)}"
    else:
        reasons = save.verdict.reasons
        said = f"{styled(save.verdict)}  {shortened(reasons[0]) if reasons else ''}"
    return f"{time.strftime('%H:%M:%S')}  {shortened(what)}: {said}"


def _margins(checks: Sequence[Check]) -> str:
    """All of them, in the order of the case, where they are few; else the smallest, what is outside first."""
    if len(checks) <= _MOST_MARGINS:
        return ", ".join(map(_margin, checks))
    first = sorted(checks, key=_urgency)[:_MOST_MARGINS]
    left = len(checks) - len(first)
    return f"{', '.join(map(_margin, first))}, +{left} more"


def _urgency(check: Check) -> tuple[bool, float]:
    times = check.threshold.margin(check.value)
    return check.holds, times if times is not None else math.inf if check.holds else -math.inf


def _margin(check: Check) -> str:
    """A threshold with how many times further its figure could be off."""
    name = f"{check.threshold.metric} {check.threshold.roi}"
    times = check.threshold.margin(check.value)
    if check.value is None:
        return f"{name} undefined"
    if times is None:
        return f"{name} {check.value:.6g} ({'ok' if check.holds else 'NO'})"
    return f"{name} {'exact' if math.isinf(times) else f'{times:.3g} x'}{'' if check.holds else ' NO'}"
