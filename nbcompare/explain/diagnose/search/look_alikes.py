"""Options that give the same image as an edit of it: once such an edit is found in the images, these are rendered.

Over a small detector the solid angle of a curved one is that of the nearest point everywhere, and its pixels move by
less than anybody sees; only an image of it says so. One that is evenly lit is constant. An image array that moved by
whole pixels, and a beam centre that did, are one image where its edge is dark.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nbcompare.explain.diagnose.cause import MOVED, Cause
from nbcompare.explain.diagnose.causes import (
    BEAM_CENTRE_VALUE,
    CONSTANT_IMAGE,
    INVERSE_SQUARE_MISSING,
    OBLIQUITY_MISSING,
    POINT_PIXEL,
    SOLID_ANGLE_MISSING,
    mistake_id,
)
from nbcompare.explain.diagnose.hypotheses.candidate import Candidate
from nbcompare.explain.diagnose.hypotheses.fit_parameters import fit_parameters
from nbcompare.explain.diagnose.question import Question
from nbcompare.explain.diagnose.search.search import CauseSearch
from nbcompare.explain.diagnose.search.search_result import SearchResult
from nbcompare.explain.diagnose.search.simulator import Simulator

FACTORS = frozenset((CONSTANT_IMAGE, INVERSE_SQUARE_MISSING, OBLIQUITY_MISSING, SOLID_ANGLE_MISSING))
OPTIONS = frozenset((mistake_id("curved-detector", "value"), mistake_id("oversample-omega", "value"), POINT_PIXEL))


def has_look_alikes(causes: Sequence[Cause]) -> bool:
    """Whether an edit of the image is proven that an option may have made."""
    return any(cause.proven and (cause.id in FACTORS or _move(cause)) for cause in causes)


def look_alikes(question: Question, quick: Sequence[Cause], budget_s: float, simulator: Simulator | None = None,
                waits: float = 1.0) -> SearchResult:
    """The options that give the subject's image as well, with a render or two for each."""
    if simulator is None:
        with Simulator() as own:
            return look_alikes(question, quick, budget_s, own, waits)
    search = CauseSearch(question, quick, budget_s, simulator, waits)
    if search.trials.ready:
        search.prepare()
        factor = any(cause.proven and cause.id in FACTORS for cause in quick)
        options = [candidate for candidate in search.waiting if factor and candidate.id in OPTIONS]
        for _ in search.also_proven([*options, *_moved_beams(question, quick)]):
            pass
    return SearchResult(tuple(search.found), (), search.facts())


def _move(cause: Cause) -> list[float]:
    """By how much a proven cause moved the image array, along fast and slow; nothing where it did not."""
    moved = (cause.edit or {}).get(MOVED)
    return [float(pixels) for pixels in moved] if cause.proven and isinstance(moved, list) else []


def _moved_beams(question: Question, quick: Sequence[Cause]) -> Iterator[Candidate]:
    """The beam centre moved by as much as the image."""
    for cause in quick:
        for parameter in fit_parameters(question) if _move(cause) else ():
            if parameter.id == BEAM_CENTRE_VALUE and len(parameter.start) == len(_move(cause)):
                yield parameter.candidate(question.command, _move(cause))
