"""One engine's new image against its old one: how near a run came to a run."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbcompare.bundle.record import Record
from nbcompare.compare.compare import Comparison, compare_images
from nbcompare.compare.metrics import METRICS
from nbcompare.engine.engine import Run
from nbcompare.errors import ExitCode

_MOST_FIGURES = 4


class Grade(enum.StrEnum):
    """How near a run came to an older run of the same engine."""

    IDENTICAL = "bit-identical"
    WITHIN = "within noise floor"
    REFUSED = "refused as expected"
    FAILED_AS_BEFORE = "failed as before"
    DIFFERENT = "different"
    CANNOT_RUN = "cannot run"


EXIT_OF = {
    Grade.IDENTICAL: ExitCode.PASS,
    Grade.WITHIN: ExitCode.PASS,
    Grade.REFUSED: ExitCode.PASS,
    Grade.FAILED_AS_BEFORE: ExitCode.ENGINE_FAILED,
    Grade.DIFFERENT: ExitCode.DIFFERS,
    Grade.CANNOT_RUN: ExitCode.BLOCKED,
}


@dataclass(frozen=True)
class GradedEngine:
    """The grade of one engine, and in a sentence why."""

    role: str
    grade: Grade
    why: str
    comparison: Comparison | None = None

    @property
    def exit_code(self) -> ExitCode:
        return EXIT_OF[self.grade]

    def as_dict(self) -> dict[str, Any]:
        return {"role": self.role, "grade": str(self.grade), "why": self.why,
                "comparison": self.comparison.as_dict() if self.comparison else None}


Floor = Mapping[tuple[str, str], float]
"""By (metric, region): the value that the reference, run again, reached against itself."""


def grade_runs(old: Run, new: Run, images: Sequence[np.ndarray | None], record: Record,
               floor: Floor | None, *, as_expected: bool = False) -> GradedEngine:
    """Grade the new run of an engine against the old one. ``images`` are of both, None of one that failed; ``record``
    names regions and thresholds; ``floor`` is None where no noise floor was measured; ``as_expected`` says that the
    new run was held to what the case expects of a refusal, and is that."""
    role = new.role
    if old.failure or new.failure:
        found = _grade_failures(old, new)
        again = as_expected and found.grade is Grade.FAILED_AS_BEFORE and role in record.case.expect
        return GradedEngine(role, Grade.REFUSED, f"{found.why}, as the case expects") if again else found
    if old.image_sha256 == new.image_sha256:
        return GradedEngine(role, Grade.IDENTICAL, "every bit of the image came out again")
    if old.shape != new.shape:
        return GradedEngine(role, Grade.DIFFERENT, f"the image is {new.shape}, and was {old.shape}")
    asked = {(threshold.metric, threshold.roi) for threshold in record.case.thresholds}
    reference, subject = images
    assert reference is not None and subject is not None, "a run that did not fail has an image"
    comparison = compare_images(reference, subject, record.case.rois, further=asked)
    beyond = _beyond(comparison, floor or {})
    if not beyond and floor:
        within = "no figure is further off than the reference is from itself"
        return GradedEngine(role, Grade.WITHIN, within, comparison)
    if not beyond:
        beyond = ["no figure shows it; single pixels differ by less than rounding"]
    more = f" and {len(beyond) - _MOST_FIGURES} more figures" if len(beyond) > _MOST_FIGURES else ""
    known = "" if floor else "; no noise floor was measured"
    return GradedEngine(role, Grade.DIFFERENT, ", ".join(beyond[:_MOST_FIGURES]) + more + known, comparison)


def _grade_failures(old: Run, new: Run) -> GradedEngine:
    same_code = old.exit_code == new.exit_code
    if old.failure and new.failure and old.failure.kind == new.failure.kind and same_code:
        return GradedEngine(new.role, Grade.FAILED_AS_BEFORE, new.failure.sentence)
    said = [run.failure.sentence if run.failure else "gave an image" for run in (old, new)]
    return GradedEngine(new.role, Grade.DIFFERENT, f"it {said[1]}; before, it {said[0]}")


def _beyond(comparison: Comparison, floor: Floor) -> list[str]:
    """The figures that are further from those of equal images than the floor lets them be, worst metrics first."""
    found = []
    for region in comparison.regions:
        for figure in region.figures:
            metric = METRICS[figure.metric]
            if figure.value is None or metric.best is None:
                continue
            allowed = floor.get((figure.metric, region.roi.name))
            if metric.distance(figure.value) > (metric.distance(allowed) if allowed is not None else 0.0):
                found.append(f"{figure.metric} on {region.roi.name} is {figure.value:.10g}, of equal images "
                             f"{metric.best:g}")
    return found
