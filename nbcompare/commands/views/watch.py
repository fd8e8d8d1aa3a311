"""One line for each save."""

from __future__ import annotations

import math
import time

import click

from nbcompare.commands.views.terminal import styled
from nbcompare.engine.rendering.last_words import shortened
from nbcompare.run.watching import Save
from nbcompare.verdict.verdict import Check, Label

_MOST_FILES = 2


def save_line(save: Save) -> str:
    """When, what was saved, the verdict's word, and the margin to each threshold or why there is none."""
    more = f" and {len(save.names) - _MOST_FILES} more" if len(save.names) > _MOST_FILES else ""
    what = (", ".join(save.names[:_MOST_FILES]) + more) or "as it is"
    if save.verdict is None:
        said = f"{click.style('NOT RUN', fg='red', bold=True)}  {shortened(save.why)}"
    elif save.verdict.word in (Label.PASS, Label.FAIL):
        said = f"{styled(save.verdict)}  {save.seconds:.2f} s  {', '.join(map(_margin, save.verdict.checks))}"
    else:
        reasons = save.verdict.reasons
        said = f"{styled(save.verdict)}  {shortened(reasons[0]) if reasons else ''}"
    return f"{time.strftime('%H:%M:%S')}  {shortened(what)}: {said}"


def _margin(check: Check) -> str:
    """A threshold with how many times further its figure could be off."""
    name = f"{check.threshold.metric} {check.threshold.roi}"
    times = check.threshold.margin(check.value)
    if check.value is None:
        return f"{name} undefined"
    if times is None:
        return f"{name} {check.value:.6g} ({'ok' if check.holds else 'NO'})"
    return f"{name} {'exact' if math.isinf(times) else f'{times:.3g} x'}{'' if check.holds else ' NO'}"
