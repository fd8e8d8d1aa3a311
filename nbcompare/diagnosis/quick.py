"""The quick layer: every finder looks at the question and gives the causes it sees; nothing is run.

To add a finder, write a function ``Question -> Iterator[Cause]`` and put it into its module's FINDERS. A finder
whose arithmetic fails on odd images gives no cause; it never stops the others.
"""

from __future__ import annotations

import numpy as np

from nbcompare.diagnosis import echo, layout, pattern, placement, predicted, profiles, reflections, scale, values
from nbcompare.diagnosis.cause import Cause
from nbcompare.diagnosis.question import Question

FINDERS = tuple(finder for module in (values, layout, scale, placement, pattern, reflections, echo, predicted, profiles)
                for finder in module.FINDERS)


def quick_causes(question: Question) -> list[Cause]:
    """All causes the finders see, in no order. A proven whole-image cause spares the slower finders."""
    found: list[Cause] = []
    with np.errstate(all="ignore"):
        for finder in FINDERS:
            found += _looked(finder, question)
            if any(cause.proven and cause.confidence > 0.94 for cause in found) and finder in _DECISIVE:
                break
    return found


_DECISIVE = (*values.FINDERS[-1:], *layout.FINDERS[-1:], *scale.FINDERS[-1:], *placement.FINDERS[:1],
             *placement.FINDERS[1:2], *pattern.FINDERS)
"""After these a proven cause ends the search: what follows looks for patterns the proof has explained."""


def _looked(finder, question: Question) -> list[Cause]:
    """What a finder sees; nothing where its arithmetic has no answer on these images."""
    try:
        return list(finder(question))
    except (ArithmeticError, np.linalg.LinAlgError):
        return []
