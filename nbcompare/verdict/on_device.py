"""The subject run once more on a device (``-device cuda``), where the mapped tests are run there too: its image is held
against the reference's, by the thresholds of the case.

An image outside of them is a FAIL, whatever the CPU gave. A subject that cannot run there has no image to be wrong
about: that is said, and no gate that asks for the tests on CUDA is green.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from nbcompare.case.threshold import Threshold
from nbcompare.engine.rendering.runs import Job
from nbcompare.verdict.folders import DEVICE_FOLDER
from nbcompare.verdict.held_run import ComparisonTerms, HeldRun, held_parts, run_held
from nbcompare.verdict.noise_floor import Rerun
from nbcompare.verdict.verdict import Label, Verdict, verdict


def device_words(device: str) -> tuple[str, ...]:
    """What is added to the subject's arguments."""
    return ("-device", device)


@dataclass(frozen=True)
class DeviceRun(HeldRun):
    """The subject on a device."""

    device: str

    @property
    def files(self) -> str:
        """How the names of its files in the bundle begin."""
        return f"{DEVICE_FOLDER}/{self.device}"

    def sentence(self, thresholds: Sequence[Threshold]) -> str:
        """What a person wants to know of it."""
        faults = self.faults(thresholds)
        return f"on {self.device}: {'; '.join(faults) if faults else 'every threshold holds for the subject'}"

    def as_dict(self) -> dict[str, Any]:
        return {"device": self.device, **self._as_dict()}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> DeviceRun:
        return cls(*held_parts(stored), stored["device"])


def run_on_device(device: str, job: Job, rerun: Rerun, against: ComparisonTerms) -> DeviceRun:
    """Run the subject's ``job`` on a device, its files kept, and hold its image ``against`` the reference's."""
    there = replace(job, arguments=(*job.arguments, *device_words(device)), purpose=f"on {device}")
    run, comparison, _ = run_held(there, f"{DEVICE_FOLDER}/{device}", rerun, against)
    return DeviceRun(run, comparison, device)


def with_device(plain: Verdict, found: DeviceRun | None, thresholds: Sequence[Threshold]) -> Verdict:
    """The verdict with that of the device: a pass on the CPU alone is none where the device's image is another."""
    if found is None or found.run.failure or plain.word is not Label.PASS:
        return plain
    faults = found.faults(thresholds)
    return verdict(Label.FAIL, [f"on {found.device}: {fault}" for fault in faults], plain.checks) if faults else plain
