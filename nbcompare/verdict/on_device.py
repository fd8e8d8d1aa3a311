"""The subject run once more on a device (``-device cuda``), where the mapped tests are run there too: its image is held
against the reference's, by the thresholds of the case.

An image outside of them is a FAIL, whatever the CPU gave. A subject that cannot run there has no image to be wrong
about: that is said, and no gate that asks for the tests on CUDA is green.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nbcompare.case.threshold import Threshold
from nbcompare.compare.compare import Comparison, compare_images
from nbcompare.compare.image import Roi
from nbcompare.engine.engine import Run
from nbcompare.engine.runs import Job
from nbcompare.errors import ShapeError
from nbcompare.verdict.noise_floor import Rerun
from nbcompare.verdict.verdict import Label, Verdict, judge, verdict

DEVICE_FOLDER = "device"
"""The folder of a bundle in which the files of such a run are kept."""


def device_words(device: str) -> tuple[str, ...]:
    """What is added to the subject's arguments."""
    return ("-device", device)


@dataclass(frozen=True)
class DeviceRun:
    """The run and the figures of its image against the reference's; ``comparison`` None when it gave none that can be
    compared."""

    device: str
    run: Run
    comparison: Comparison | None

    @property
    def files(self) -> str:
        """How the names of its files in the bundle begin."""
        return f"{DEVICE_FOLDER}/{self.device}"

    def faults(self, thresholds: Sequence[Threshold]) -> list[str]:
        """What its image is outside of, or why there is none to judge; empty where every threshold holds."""
        if self.run.failure:
            return [f"the subject {self.run.failure.sentence}"]
        if self.comparison is None:
            return ["the subject's image there has another shape"]
        found = judge(self.comparison, thresholds)
        return [] if found.word is Label.PASS else list(found.reasons)

    def sentence(self, thresholds: Sequence[Threshold]) -> str:
        """What a person wants to know of it."""
        faults = self.faults(thresholds)
        return f"on {self.device}: {'; '.join(faults) if faults else 'every threshold holds for the subject'}"

    def as_dict(self) -> dict[str, Any]:
        return {"device": self.device, "run": self.run.as_dict(),
                "comparison": self.comparison.as_dict() if self.comparison else None}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> DeviceRun:
        comparison = Comparison.from_dict(stored["comparison"]) if stored["comparison"] else None
        return cls(stored["device"], Run.from_dict(stored["run"]), comparison)


def run_on_device(device: str, job: Job, reference: np.ndarray, rerun: Rerun, rois: Sequence[Roi],
                  thresholds: Sequence[Threshold], *, resample: bool = False,
                  centre: tuple[float, float] | None = None, skip_nonfinite: bool = False) -> DeviceRun:
    """Run the subject's ``job`` on a device, its files kept, and compare its image with ``reference`` [slow, fast]."""
    there = replace(job, arguments=(*job.arguments, *device_words(device)), purpose=f"on {device}")
    found = rerun(there, f"{DEVICE_FOLDER}/{device}", {})
    further = [(threshold.metric, threshold.roi) for threshold in thresholds]
    comparison = None
    if found.image is not None:
        try:
            comparison = compare_images(reference, found.image, rois, resample=resample, further=further,
                                        centre=centre, with_peaks=False, skip_nonfinite=skip_nonfinite)
        except ShapeError:
            comparison = None
    return DeviceRun(device, found.run, comparison)


def with_device(plain: Verdict, found: DeviceRun | None, thresholds: Sequence[Threshold]) -> Verdict:
    """The verdict with that of the device: a pass on the CPU alone is none where the device's image is another."""
    if found is None or found.run.failure or plain.word is not Label.PASS:
        return plain
    faults = found.faults(thresholds)
    return verdict(Label.FAIL, [f"on {found.device}: {fault}" for fault in faults], plain.checks) if faults else plain
