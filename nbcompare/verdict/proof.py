"""Claims of known divergences, the trials made of them, and the proof they add up to. Data only; what it means is
decided in divergence.py.
"""

from __future__ import annotations

import datetime
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from nbcompare.case.claims import Claim
from nbcompare.compare.compare import Comparison
from nbcompare.engine.engine import Run
from nbcompare.verdict.claimed_trace import ClaimTrace

EMULATED, CONTROL, CONTROL_SUBJECT = "emulated", "control", "control of the subject"
CONTROL_TRIED = "control tried on the subject"
"""The subject with what only the reference gets to avoid its defect: it has none, so its image must stay as it is."""

RTOL, OF_PEAK = 1e-3, 2e-6
"""What two images of one physics may differ by at a pixel, whatever a case allows: 0.1 % of the reference pixel, and
twice what the simulator promises of the peak. A spot that is 3 % too bright is apart, however weak."""


@dataclass(frozen=True)
class PixelsApart:
    """Pixels of the whole frame that are further apart than RTOL and OF_PEAK, and the worst of them, (fast, slow) from
    0."""

    pixels: int
    of: int
    fast: int
    slow: int

    @property
    def sentence(self) -> str:
        return (f"{self.pixels} of {self.of} pixels differ by more than {100 * RTOL:g} % and {OF_PEAK:g} of the peak, "
                f"the worst at fast {self.fast} slow {self.slow}")


def apart(reference: np.ndarray | None, subject: np.ndarray | None) -> PixelsApart | None:
    """How far two images of one shape are from being of one physics; None for other shapes, or where one is not
    there."""
    if reference is None or subject is None or reference.shape != subject.shape:
        return None
    peak = float(np.nanmax(np.abs(reference)))
    excess = np.abs(subject.astype(np.float64) - reference) - (RTOL * np.abs(reference) + OF_PEAK * peak)
    outside = ~(excess <= 0)  # NaN is outside
    at = int(np.argmax(np.where(np.isnan(excess), np.inf, excess)))
    slow, fast = divmod(at, reference.shape[1])
    return PixelsApart(int(np.count_nonzero(outside)), reference.size, fast, slow)


@dataclass(frozen=True)
class Trial:
    """One engine run again to test claims.

    ``purpose`` is emulated, control, or "without ID" (all emulations but that one). ``comparison`` holds the
    pair that the trial makes: emulated subject against the reference, or plain subject against the control.
    ``apart`` of CONTROL_TRIED is between the subject's image with the control and without.
    ``change`` holds the image with all emulations (y) against the same without one: against the plain subject
    in the trial "emulated", against the trial's own image in "without ID". None where a run failed. ``files`` is
    how the names of its files in the bundle begin. ``apart`` tells, of a trial that must close the gap, whether the
    pair agrees at every pixel of the frame.
    """

    purpose: str
    files: str
    run: Run
    comparison: Comparison | None
    change: Comparison | None
    apart: PixelsApart | None = None

    def as_dict(self) -> dict[str, Any]:
        return {"purpose": self.purpose, "files": self.files, "run": self.run.as_dict(),
                "comparison": self.comparison.as_dict() if self.comparison else None,
                "change": self.change.as_dict() if self.change else None,
                **({"apart": asdict(self.apart)} if self.apart else {})}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Trial:
        comparison, change = (Comparison.from_dict(stored[key]) if stored[key] else None
                              for key in ("comparison", "change"))
        found = stored.get("apart")
        return cls(stored["purpose"], stored["files"], Run.from_dict(stored["run"]), comparison, change,
                   PixelsApart(**found) if found else None)


@dataclass(frozen=True)
class Proof:
    """The claims of a case and the trials made of them; no trial when the plain comparison needed none.

    ``judged_on`` is the day by which expiry was judged; ``traces`` are of the claims that say what they must show.
    """

    claims: tuple[Claim, ...]
    trials: tuple[Trial, ...]
    judged_on: datetime.date
    traces: tuple[ClaimTrace, ...] = ()

    @property
    def without_figures(self) -> Proof:
        """The trials as runs alone, of images that are left uncompared."""
        return replace(self, trials=tuple(replace(trial, comparison=None, change=None, apart=None)
                                          for trial in self.trials))

    def trace(self, claim: str) -> ClaimTrace | None:
        """What was traced for a claim."""
        return next((trace for trace in self.traces if trace.claim == claim), None)

    def trial(self, purpose: str) -> Trial | None:
        return next((trial for trial in self.trials if trial.purpose == purpose), None)

    def as_dict(self) -> dict[str, Any]:
        return {"claims": [claim.as_dict() for claim in self.claims],
                "trials": [trial.as_dict() for trial in self.trials], "judged_on": self.judged_on.isoformat(),
                **({"traces": [trace.as_dict() for trace in self.traces]} if self.traces else {})}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Proof:
        return cls(tuple(map(Claim.from_dict, stored["claims"])), tuple(map(Trial.from_dict, stored["trials"])),
                   datetime.date.fromisoformat(stored["judged_on"]),
                   tuple(map(ClaimTrace.from_dict, stored.get("traces", ()))))
