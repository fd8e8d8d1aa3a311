"""Claims of known divergences, the trials made of them, and the proof they add up to. Data only; what it means is
decided in divergence.py.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

from nbcompare.case.claims import Claim
from nbcompare.compare.compare import Comparison
from nbcompare.engine.engine import Run

EMULATED, CONTROL = "emulated", "control"




@dataclass(frozen=True)
class Trial:
    """One engine run again to test claims.

    ``purpose`` is emulated, control, or "without ID" (all emulations but that one). ``comparison`` holds the
    pair that the trial makes: emulated subject against the reference, or plain subject against the control.
    ``change`` holds the image with all emulations (y) against the same without one: against the plain subject
    in the trial "emulated", against the trial's own image in "without ID". None where a run failed. ``files`` is
    how the names of its files in the bundle begin.
    """

    purpose: str
    files: str
    run: Run
    comparison: Comparison | None
    change: Comparison | None

    def as_dict(self) -> dict[str, Any]:
        return {"purpose": self.purpose, "files": self.files, "run": self.run.as_dict(),
                "comparison": self.comparison.as_dict() if self.comparison else None,
                "change": self.change.as_dict() if self.change else None}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Trial:
        pairs = (Comparison.from_dict(stored[key]) if stored[key] else None for key in ("comparison", "change"))
        return cls(stored["purpose"], stored["files"], Run.from_dict(stored["run"]), *pairs)


@dataclass(frozen=True)
class Proof:
    """The claims of a case and the trials made of them; no trial when the plain comparison needed none.

    ``judged_on`` is the day by which expiry was judged.
    """

    claims: tuple[Claim, ...]
    trials: tuple[Trial, ...]
    judged_on: datetime.date

    def trial(self, purpose: str) -> Trial | None:
        return next((trial for trial in self.trials if trial.purpose == purpose), None)

    def as_dict(self) -> dict[str, Any]:
        return {"claims": [claim.as_dict() for claim in self.claims],
                "trials": [trial.as_dict() for trial in self.trials], "judged_on": self.judged_on.isoformat()}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Proof:
        return cls(tuple(map(Claim.from_dict, stored["claims"])), tuple(map(Trial.from_dict, stored["trials"])),
                   datetime.date.fromisoformat(stored["judged_on"]))
