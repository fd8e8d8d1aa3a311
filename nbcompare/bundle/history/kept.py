"""All runs that a folder of bundles keeps."""

from __future__ import annotations

from pathlib import Path

from nbcompare.bundle.history.past_run import PastRun, past_run
from nbcompare.bundle.listing import list_bundles
from nbcompare.errors import EvidenceError, nearest


def runs_of(root: Path, case: str) -> list[PastRun]:
    """The runs of a case, oldest first. Raises EvidenceError where there is none."""
    entries = list_bundles(root, case)
    if not entries:
        known = sorted({path.parent.name for path in root.glob("*/*Z")})
        raise EvidenceError(f"{root / case}: there is no bundle of case {case}; {nearest(case, known)}",
                            hint="nb-compare list")
    return [past_run(entry) for entry in entries]
