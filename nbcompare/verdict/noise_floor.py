"""Noise floor: how far the reference is from itself when it is run again, also with other numbers of threads.

A threshold that the reference does not meet against itself cannot judge anybody else; the verdict then is an error
of the case, never a pass. A reference whose images are equal to the last bit is called deterministic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nbcompare.case.threshold import Threshold
from nbcompare.compare.compare import Comparison, compare_images
from nbcompare.compare.image import Roi
from nbcompare.compare.metrics import METRICS
from nbcompare.engine.cores import THREADS_VARIABLE
from nbcompare.engine.engine import Rendering, Run
from nbcompare.engine.rendering.runs import Job
from nbcompare.verdict.folders import NOISE_FOLDER

Rerun = Callable[[Job, str, Mapping[str, str]], Rendering]
"""Runs a job once more, with variables to set, and keeps its files in the bundle under names that begin with the
given one."""


@dataclass(frozen=True)
class Repetition:
    """The reference run once more. ``comparison`` holds it against the first run, None when it failed."""

    name: str
    environment: Mapping[str, str]
    run: Run
    same_bytes: bool
    comparison: Comparison | None

    @property
    def files(self) -> str:
        """How the names of its files in the bundle begin."""
        return _files_of(self.name)

    def as_dict(self) -> dict[str, Any]:
        return {"name": self.name, "environment": dict(self.environment), "run": self.run.as_dict(),
                "same_bytes": self.same_bytes, "comparison": self.comparison.as_dict() if self.comparison else None}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Repetition:
        comparison = Comparison.from_dict(stored["comparison"]) if stored["comparison"] else None
        return cls(stored["name"], stored["environment"], Run.from_dict(stored["run"]), stored["same_bytes"],
                   comparison)


@dataclass(frozen=True)
class NoiseFloor:
    """Every repetition of the reference."""

    repetitions: tuple[Repetition, ...]

    @property
    def deterministic(self) -> bool:
        return all(repetition.same_bytes for repetition in self.repetitions)

    @property
    def failures(self) -> list[str]:
        return [f"the reference, run again ({repetition.name}), {repetition.run.failure.sentence}"
                for repetition in self.repetitions if repetition.run.failure]

    @property
    def without_figures(self) -> NoiseFloor:
        """The runs alone, of images that are left uncompared."""
        return NoiseFloor(tuple(replace(repetition, comparison=None) for repetition in self.repetitions))

    @property
    def sentence(self) -> str:
        """What a person wants to know of it."""
        names = ", ".join(repetition.name for repetition in self.repetitions)
        if self.deterministic:
            return f"the reference is deterministic: bit-identical in {len(self.repetitions)} more runs ({names})"
        changed = [repetition.name for repetition in self.repetitions if not repetition.same_bytes]
        return f"the reference differs from itself ({', '.join(changed)})"

    def values(self) -> dict[tuple[str, str], float]:
        """By (metric, region): of the reference against itself, the figure furthest from that of equal images."""
        found: dict[tuple[str, str], float] = {}
        for metric, roi, value in self._figures():
            distance = METRICS[metric].distance
            if (metric, roi) not in found or distance(value) > distance(found[metric, roi]):
                found[metric, roi] = value
        return found

    def _figures(self) -> Iterable[tuple[str, str, float]]:
        for repetition in self.repetitions:
            for region in repetition.comparison.regions if repetition.comparison else ():
                for figure in region.figures:
                    if figure.value is not None and METRICS[figure.metric].best is not None:
                        yield figure.metric, region.roi.name, figure.value

    def as_dict(self) -> dict[str, Any]:
        return {"deterministic": self.deterministic, "sentence": self.sentence,
                "noise": [{"metric": metric, "roi": roi, "value": value,
                           "from_best": METRICS[metric].distance(value)} for (metric, roi), value in
                          self.values().items()],
                "repetitions": [repetition.as_dict() for repetition in self.repetitions]}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> NoiseFloor:
        return cls(tuple(map(Repetition.from_dict, stored["repetitions"])))


def repetitions_asked(repeat: int, threads: Sequence[int]) -> dict[str, dict[str, str]]:
    """The name of every repetition and the variables to set for it."""
    return {f"repeat-{i}": {} for i in range(1, repeat + 1)} | {
        f"threads-{count}": {THREADS_VARIABLE: str(count)} for count in threads}


def measure(reference: np.ndarray, first: Run, job: Job, rerun: Rerun, rois: Sequence[Roi],
            thresholds: Sequence[Threshold], *, repeat: int, threads: Sequence[int],
            centre: tuple[float, float] | None = None, skip_nonfinite: bool) -> NoiseFloor:
    """Run the reference ``repeat`` more times as it is, and once with each number of OpenMP threads.

    ``first`` is the run that made ``reference``, the image all others are held against.
    """
    further = [(threshold.metric, threshold.roi) for threshold in thresholds]
    found = []
    for name, environment in repetitions_asked(repeat, threads).items():
        rendered = rerun(replace(job, purpose=name), _files_of(name), environment)
        run, image = rendered.run, rendered.image
        same = run.image_sha256 == first.image_sha256
        comparison = None
        if image is not None:
            comparison = compare_images(reference, reference if same else image, rois, further=further, centre=centre,
                                        with_peaks=False, skip_nonfinite=skip_nonfinite)
        found.append(Repetition(name, environment, run, same, comparison))
    return NoiseFloor(tuple(found))


def _files_of(name: str) -> str:
    """How the names of a repetition's files in the bundle begin."""
    return f"{NOISE_FOLDER}/{name}"
