"""An earlier phase as a requirement of a later one: signed off, on evidence that stands."""

from __future__ import annotations

from pathlib import Path

from nbcompare.bundle import ssh_signature as ssh
from nbcompare.bundle.check.verify import verify_bundle
from nbcompare.bundle.names import MANIFEST
from nbcompare.bundle.signoffs import SignOff, newest, read
from nbcompare.case.phases import Phase
from nbcompare.errors import EvidenceError, ExitCode
from nbcompare.files import sha256_of
from nbcompare.plan.evidence import Evidence
from nbcompare.plan.requirements import Requirement


def earlier_item(earlier: Phase, evidence: tuple[Evidence, ...], bundles: Path,
                 signers: Path | None) -> Requirement:
    """Whether an earlier phase is signed off, on evidence that still stands, and on the evidence looked at now."""
    requirement = f"signed {earlier.name}"
    path = newest(bundles, earlier.name)
    if path is None:
        return Requirement(requirement, False, f"{earlier.name} is not signed off")
    try:
        signoff = read(path)
        fault = _damage(signoff, earlier, bundles, looked_at={entry.name for entry in evidence if entry.folder})
        if fault:
            return Requirement(requirement, False, f"{path.name}: {fault}", exit_code=ExitCode.EVIDENCE)
        fault = _outdated(signoff, earlier, evidence)
        if fault:
            return Requirement(requirement, False, f"{path.name}: {fault}")
        whose = ssh.verified(path, signers)
    except EvidenceError as fault:
        return Requirement(requirement, False, fault.message, exit_code=ExitCode.EVIDENCE)
    if signers and whose is None:
        return Requirement(requirement, False, f"{path.name} has no signature, and {signers.name} asks for one")
    said = f"by {signoff.by} in {path.name}" + (f", {whose}" if whose else ", no signature")
    return Requirement(requirement, True, said)


def _damage(signoff: SignOff, earlier: Phase, bundles: Path, looked_at: set[str]) -> str | None:
    """How the sign-off contradicts what lies there. Bundles ``looked_at`` are verified already."""
    if signoff.phase != earlier.name:
        return f"it is the sign-off of phase {signoff.phase}"
    for name, digest in signoff.bundles.items():
        manifest = bundles / name / MANIFEST
        if not manifest.is_file():
            return f"the bundle {name} that was signed is no longer there"
        if sha256_of(manifest) != digest:
            return f"the bundle {name} is not the one that was signed"
        if name not in looked_at and not verify_bundle(bundles / name).intact:
            return f"the bundle {name} is damaged"
    return None


def _outdated(signoff: SignOff, earlier: Phase, evidence: tuple[Evidence, ...]) -> str | None:
    """Why the sign-off does not speak of the phase or of the evidence as they are now."""
    if signoff.requires != earlier.requires.as_dict():
        return f"the requirements of {earlier.name} changed after it was signed"
    files = {path.resolve() for path in earlier.cases}
    for entry in evidence:
        if entry.folder is not None and entry.case.path.resolve() in files and entry.name not in signoff.bundles:
            return f"it speaks of another bundle than {entry.name}, the newest"
    return None
