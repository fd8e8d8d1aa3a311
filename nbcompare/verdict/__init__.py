"""Do the figures hold, and does an excuse."""

from typing import TYPE_CHECKING

from nbcompare import door

if TYPE_CHECKING:
    from nbcompare.verdict.further_evidence import FurtherEvidence, conclude
    from nbcompare.verdict.further_runs import FurtherRuns, run_further
    from nbcompare.verdict.proof import Proof
    from nbcompare.verdict.verdict import Label, Verdict, judge
else:
    __getattr__ = door(__name__, {"further_evidence": "FurtherEvidence conclude",
                                  "further_runs": "FurtherRuns run_further", "proof": "Proof",
                                  "verdict": "Label Verdict judge"})

__all__ = ["FurtherEvidence", "FurtherRuns", "Label", "Proof", "Verdict", "conclude", "judge", "run_further"]
