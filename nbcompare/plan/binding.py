"""What a sign-off is bound to: the row of a plan, the cases by their sums, the bundles by their manifests, and the name
that the allowed signers give its key. All of it is compared whenever a sign-off is read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from nbcompare.bundle.signoffs import SignOff
from nbcompare.case.phases import Phase, Phases
from nbcompare.files import dump_json, sha256_of
from nbcompare.plan.evidence import Evidence


def row_of_plan(phases: Phases, phase: Phase) -> dict[str, str]:
    """Which row of which plan: the file's name, its title, and the sum of all that the row says."""
    said = {"name": phase.name, "title": phase.title, "cases": [path.name for path in phase.cases],
            "requires": phase.requires.as_dict()}
    return {"file": phases.path.name, "title": phases.title,
            "row_sha256": hashlib.sha256(dump_json(said).encode()).hexdigest()}


def fault_of(signoff: SignOff, phases: Phases, phase: Phase, evidence: Sequence[Evidence]) -> str | None:
    """Why a sign-off does not speak of this row, of these cases as they are now, or of this evidence; None when it
    does. Evidence of other cases than the row's is not looked at."""
    if signoff.phase != phase.name:
        return f"it is the sign-off of phase {signoff.phase}"
    if signoff.requires != phase.requires.as_dict():
        return f"the requirements of {phase.name} changed after it was signed"
    if signoff.plan != row_of_plan(phases, phase):
        return f"it is of another plan than {phases.path.name}, or the row was changed after it was signed"
    for path in phase.cases:
        if not path.is_file() or signoff.cases.get(path.name) != sha256_of(path):
            return f"the case {path.name} is not the one that was signed"
    files = {path.resolve() for path in phase.cases}
    for entry in evidence:
        if entry.folder is None or entry.case.path is None or entry.case.path.resolve() not in files:
            continue
        if entry.name not in signoff.bundles:
            return f"it speaks of another bundle than {entry.name}, the newest"
        if entry.manifest_sha256 and signoff.bundles[entry.name] != entry.manifest_sha256:
            return f"the bundle {entry.name} is not the one that was signed"
    return None
