"""The quick layer: every finder looks at the question and gives the causes it sees; nothing is run.

To add a finder, write a function ``Question -> Iterator[Cause]`` and put it into its module's FINDERS. A finder
whose arithmetic fails on odd images gives no cause; it never stops the others.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nbcompare.explain.diagnose.causes import Cause
from nbcompare.explain.diagnose.finders import (
    displacement,
    echo,
    layout,
    noise,
    pattern,
    placement,
    profiles,
    reflections,
    rounding,
    scale,
    values,
)
from nbcompare.explain.diagnose.question import Question
from nbcompare.explain.diagnose.search import list_cut, predicted

SURE = 0.94
"""A proven cause of this confidence settles the question."""

STAGES = ((values, rounding), (noise, layout), (scale,), (placement,), (pattern,),
          (displacement, reflections, list_cut, echo, predicted, profiles))
"""Modules with finders. A sure cause ends the search after its stage: later ones look for patterns it explains."""


def image_only_causes(question: Question) -> list[Cause]:
    """All causes the finders see, in no order."""
    found: list[Cause] = []
    with np.errstate(all="ignore"):
        for stage in STAGES:
            for module in stage:
                for finder in module.FINDERS:
                    found += _looked(finder, question)
            if settled(found):
                break
    return found


def settled(causes: Sequence[Cause]) -> bool:
    """Whether an edit of the image already is the subject's, or none can be: nothing is left to look or run for."""
    return any(cause.proven and cause.confidence >= SURE or cause.id in noise.CANNOT_BE_CARRIED_OUT
               for cause in causes)


def _looked(finder, question: Question) -> list[Cause]:
    """What a finder sees; nothing where its arithmetic has no answer on these images."""
    try:
        return list(finder(question))
    except (ArithmeticError, np.linalg.LinAlgError):
        return []
