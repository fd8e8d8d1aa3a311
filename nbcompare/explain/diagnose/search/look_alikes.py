"""Options that give the same image as a factor over it: once such a factor is found in the images, these are rendered.

Over a small detector the solid angle of a curved one is that of the nearest point everywhere, and its pixels move by
less than anybody sees; only an image of it says so. One that is evenly lit is constant.
"""

from __future__ import annotations

from collections.abc import Sequence

from nbcompare.explain.diagnose.cause import Cause
from nbcompare.explain.diagnose.causes import (
    CONSTANT_IMAGE,
    INVERSE_SQUARE_MISSING,
    OBLIQUITY_MISSING,
    POINT_PIXEL,
    SOLID_ANGLE_MISSING,
    mistake_id,
)
from nbcompare.explain.diagnose.question import Question
from nbcompare.explain.diagnose.search.search import CauseSearch, SearchResult
from nbcompare.explain.diagnose.search.simulator import Simulator

FACTORS = frozenset((CONSTANT_IMAGE, INVERSE_SQUARE_MISSING, OBLIQUITY_MISSING, SOLID_ANGLE_MISSING))
OPTIONS = frozenset((mistake_id("curved-detector", "value"), mistake_id("oversample-omega", "value"), POINT_PIXEL))


def has_look_alikes(causes: Sequence[Cause]) -> bool:
    """Whether a factor is proven that an option may have made."""
    return any(cause.proven and cause.id in FACTORS for cause in causes)


def look_alikes(question: Question, quick: Sequence[Cause], budget_s: float, simulator: Simulator | None = None,
                waits: float = 1.0) -> SearchResult:
    """The options that give the subject's image as well, with a render or two for each."""
    if simulator is None:
        with Simulator() as own:
            return look_alikes(question, quick, budget_s, own, waits)
    search = CauseSearch(question, quick, budget_s, simulator, waits)
    if search.trials.ready:
        search.prepare()
        for _ in search.also_proven([candidate for candidate in search.waiting if candidate.id in OPTIONS]):
            pass
    return SearchResult(tuple(search.found), (), search.facts())
