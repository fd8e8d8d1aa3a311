"""A further run of the subject whose image is held against the reference's, by the thresholds of the case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbcompare.case.threshold import Threshold
from nbcompare.compare.compare import Comparison, compare_images
from nbcompare.compare.image import Roi
from nbcompare.engine.engine import Run
from nbcompare.engine.rendering.runs import Job
from nbcompare.errors import ShapeError
from nbcompare.verdict.noise_floor import Rerun
from nbcompare.verdict.verdict import Label, judge


@dataclass(frozen=True)
class HeldRun:
    """The run and the figures of its image against the reference's; ``comparison`` None when it gave none that can be
    compared."""

    run: Run
    comparison: Comparison | None

    def faults(self, thresholds: Sequence[Threshold]) -> list[str]:
        """What its image is outside of, or why there is none to judge; empty where every threshold holds."""
        if self.run.failure:
            return [f"the subject {self.run.failure.sentence}"]
        if self.comparison is None:
            return ["the subject's image there has another shape"]
        found = judge(self.comparison, thresholds)
        return [] if found.word is Label.PASS else list(found.reasons)

    def _as_dict(self) -> dict[str, Any]:
        return {"run": self.run.as_dict(), "comparison": self.comparison.as_dict() if self.comparison else None}


def held_parts(stored: dict[str, Any]) -> tuple[Run, Comparison | None]:
    """Run and comparison of what ``_as_dict`` gave."""
    return Run.from_dict(stored["run"]), Comparison.from_dict(stored["comparison"]) if stored["comparison"] else None


@dataclass(frozen=True)
class ComparisonTerms:
    """What images are held against: the reference's [slow, fast], the case's regions and thresholds, and how."""

    reference: np.ndarray
    rois: Sequence[Roi]
    thresholds: Sequence[Threshold]
    centre: tuple[float, float] | None = None
    resample: bool = False
    skip_nonfinite: bool = False


def run_held(job: Job, files: str, rerun: Rerun,
             against: ComparisonTerms) -> tuple[Run, Comparison | None, np.ndarray | None]:
    """Run a ``job`` of the subject, its files kept under a name that begins with ``files``, and compare its image. The
    image comes last."""
    found = rerun(job, files, {})
    if found.image is None:
        return found.run, None, None
    further = [(threshold.metric, threshold.roi) for threshold in against.thresholds]
    try:
        comparison = compare_images(against.reference, found.image, against.rois, resample=against.resample,
                                    further=further, centre=against.centre, with_peaks=False,
                                    skip_nonfinite=against.skip_nonfinite)
    except ShapeError:
        comparison = None
    return found.run, comparison, found.image
