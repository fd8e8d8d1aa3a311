"""What a bisection found, explained: the figures before and after the commit, and why the image changed with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nbcompare.bundle.bundle import Bundle
from nbcompare.bundle.check.recompute import read_stored_images
from nbcompare.bundle.names import DATA, output_name
from nbcompare.compare.masks import gaps_of, plain_images
from nbcompare.engine.processes.kept_stream import read_kept
from nbcompare.errors import NbCompareError
from nbcompare.explain.diagnose.cause import Diagnosis
from nbcompare.explain.diagnose.diagnose import DiagnosisOptions, diagnose
from nbcompare.explain.diagnose.question import Question
from nbcompare.run.bisect.bisect import Bisection


@dataclass(frozen=True)
class StepFigure:
    """One threshold before and after the commit: its figure, None where it has none, and whether it held."""

    region: str
    metric: str
    allowed: str
    before: float | None
    after: float | None
    held: bool
    holds: bool


def figures_of_step(found: Bisection) -> list[StepFigure]:
    """Every threshold that has a figure on either side of the commit."""
    before, after = (bundle.verdict.checks if bundle else () for bundle in _sides(found))
    at = {(check.threshold.metric, check.threshold.roi): check for check in before}
    then = {(check.threshold.metric, check.threshold.roi): check for check in after}
    return [StepFigure(roi, metric, (at.get(key) or then[key]).threshold.allowed,
                       at[key].value if key in at else None, then[key].value if key in then else None,
                       key in at and at[key].holds, key in then and then[key].holds)
            for key in dict.fromkeys((*at, *then)) for metric, roi in [key]]


def diagnosis_of_step(found: Bisection, budget_s: float) -> Diagnosis | str:
    """Why the engine's image changed with the commit: its image of before is the reference, that of after the subject,
    so that what the two engines differed in before has no part in it. A sentence where there is nothing to diagnose."""
    before, after = _sides(found)
    if before is None or after is None:
        return "one of the two has no bundle"
    failure = next((run.failure for run in after.record.runs if run.failure), None)
    if failure:
        return "; ".join((f"the {found.side} {failure.sentence}", *failure.said[-2:]))
    try:
        one, other = (read_stored_images(bundle.folder, bundle.record).get(found.side) for bundle in (before, after))
    except NbCompareError as fault:
        return fault.message
    if one is None or other is None:
        return next(iter(after.verdict.reasons), "no image was made")
    if one.shape != other.shape:
        return f"the image had {one.shape[1]} x {one.shape[0]} pixels, and has {other.shape[1]} x {other.shape[0]}"
    plain = plain_images(one, other)
    if not np.isfinite(plain[0]).all():
        return "the image of before holds pixels that are no numbers"
    asked = _question(plain, gaps_of(one, other), before, after, found.side)
    return diagnose(asked, DiagnosisOptions(budget_s <= 0, budget_s))


def _question(images: tuple[np.ndarray, np.ndarray], gaps: np.ndarray | None, before: Bundle, after: Bundle,
              side: str) -> Question:
    case = after.record.case
    words = () if case.own_options else case.arguments(side)
    echoes = tuple(read_kept(bundle.folder / output_name(side, "stdout")) for bundle in (before, after))
    return Question(*images, words, after.folder / DATA, subject_argv=words, echoes=(echoes[0], echoes[1]),
                    gaps=gaps)


def _sides(found: Bisection) -> Iterator[Bundle | None]:
    """The bundles of before and after."""
    yield found.bundles.get(found.before.sha)
    yield found.bundles.get(found.first.sha) if found.first else None
