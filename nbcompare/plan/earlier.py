"""An earlier phase as a requirement of a later one: signed off, on evidence that stands."""

from __future__ import annotations

from pathlib import Path

from nbcompare.bundle import ssh_signature as ssh
from nbcompare.bundle.check.verify import verify_bundle
from nbcompare.bundle.names import MANIFEST
from nbcompare.bundle.signoffs import SignOff, newest, read
from nbcompare.case.phases import Phase, Phases
from nbcompare.errors import EvidenceError, ExitCode
from nbcompare.files import sha256_of
from nbcompare.plan.binding import fault_of
from nbcompare.plan.evidence import Evidence
from nbcompare.plan.requirements import Requirement


def earlier_item(phases: Phases, earlier: Phase, evidence: tuple[Evidence, ...], bundles: Path,
                 signers: Path | None) -> Requirement:
    """Whether an earlier phase is signed off, on evidence that still stands, and on the evidence looked at now."""
    requirement = f"signed {earlier.name}"
    path = newest(bundles, earlier.name)
    if path is None:
        return Requirement(requirement, False, f"{earlier.name} is not signed off")
    try:
        signoff = read(path)
        fault = _damage(signoff, bundles, looked_at={entry.name for entry in evidence if entry.folder})
        if fault:
            return Requirement(requirement, False, f"{path.name}: {fault}", exit_code=ExitCode.EVIDENCE)
        fault = fault_of(signoff, phases, earlier, evidence)
        if fault:
            return Requirement(requirement, False, f"{path.name}: {fault}")
        whose = ssh.verified(path, signers, signoff.by if signers else None)
    except EvidenceError as fault:
        return Requirement(requirement, False, fault.message, exit_code=ExitCode.EVIDENCE)
    if signers and whose is None:
        return Requirement(requirement, False, f"{path.name} has no signature, and {signers.name} asks for one")
    said = f"by {signoff.by} in {path.name}" + (f", {whose}" if whose else ", no signature")
    return Requirement(requirement, True, said)


def _damage(signoff: SignOff, bundles: Path, looked_at: set[str]) -> str | None:
    """How the sign-off contradicts what lies there. Bundles ``looked_at`` are verified already."""
    for name, digest in signoff.bundles.items():
        manifest = bundles / name / MANIFEST
        if not manifest.is_file():
            return f"the bundle {name} that was signed is no longer there"
        if sha256_of(manifest) != digest:
            return f"the bundle {name} is not the one that was signed"
        if name not in looked_at and not verify_bundle(bundles / name).intact:
            return f"the bundle {name} is damaged"
    return None
