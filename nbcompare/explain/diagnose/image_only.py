"""The quick layer: every finder looks at the question and gives the causes it sees; nothing is run.

To add a finder, write a function ``Question -> Iterator[Cause]`` and put it into its module's FINDERS. A finder
whose arithmetic fails on odd images gives no cause; one that fails in another way is named in a note. Neither stops
the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from nbcompare.engine.describe import DescriptionRefused
from nbcompare.explain.diagnose.cause import EXPLAINED, Cause, failed, not_described
from nbcompare.explain.diagnose.finders import (
    displacement,
    echo,
    layout,
    lost_parts,
    noise,
    panels,
    pattern,
    placement,
    profiles,
    reflections,
    repeated,
    rounding,
    scale,
    smoothed,
    values,
)
from nbcompare.explain.diagnose.question import Question
from nbcompare.explain.diagnose.search import list_cut, predicted, seeds
from nbcompare.explain.diagnose.standing import UNRESOLVED

Finder = Callable[[Question], Iterator[Cause]]

SURE = 0.94
"""A proven cause of this confidence settles the question."""

STAGES = ((values, rounding), (noise, lost_parts, layout), (scale, panels, repeated), (placement, smoothed), (pattern,),
          (displacement, reflections, list_cut, echo, predicted, profiles, seeds))
"""Modules with finders. A sure cause ends the search after its stage: later ones look for patterns it explains."""


def image_only_causes(question: Question) -> tuple[list[Cause], list[str]]:
    """All causes the finders see, in no order, and a note for each finder that failed."""
    found: list[Cause] = []
    notes: list[str] = []
    with np.errstate(all="ignore"):
        for stage in STAGES:
            for module in stage:
                for finder in module.FINDERS:
                    found += _looked(finder, question, notes)
            if settled(found, question.pair.rounding_floor):
                break
    return found, notes


def settled(causes: Sequence[Cause], floor: float = 0.0) -> bool:
    """Whether an edit of the image already is the subject's, or none can be: nothing is left to look or run for.

    A proof that leaves more of the difference than rounding does (``floor``, a share of it) settles nothing: another
    cause may explain that as well."""
    enough = EXPLAINED + min(3 * floor, UNRESOLVED)
    return any(cause.proven and cause.confidence >= SURE and (cause.left or 0.0) <= enough
               or cause.id in noise.CANNOT_BE_CARRIED_OUT for cause in causes)


def _looked(finder: Finder, question: Question, notes: list[str]) -> list[Cause]:
    """What a finder sees; nothing where its arithmetic has no answer on these images, or where it fails."""
    try:
        return list(finder(question))
    except (ArithmeticError, np.linalg.LinAlgError):
        return []
    except DescriptionRefused as fault:
        if not_described(fault) not in notes:
            notes.append(not_described(fault))
        return []
    except Exception as fault:
        notes.append(failed(finder.__name__, fault))
        return []
