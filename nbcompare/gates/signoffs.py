"""Sign-offs: who said, when and of which evidence, that a phase is done.

A sign-off is an in-toto Statement (v1) with the test-result predicate (v0.1). Its subjects are the digests
of the bundles' manifests, the git commit and the programs of the engines; so whoever changes one byte of the
evidence afterwards has a sign-off that no longer speaks of it. It lies at
``BUNDLES/signoffs/PHASE/STAMP.json``, is written once, and may have an SSH signature beside it.
"""

from __future__ import annotations

import datetime
import os
import re
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nbcompare import __version__, strict_json
from nbcompare.archive.verify import verify_bundle
from nbcompare.bundle import MANIFEST, STAMP_FORMAT, dump_json, moment_of
from nbcompare.errors import EvidenceError, ExitCode, FileError, UsageError
from nbcompare.gates import ssh
from nbcompare.gates.evidence import Evidence
from nbcompare.gates.phases import Phase, Phases
from nbcompare.gates.requirements import Item
from nbcompare.inputs import sha256_of
from nbcompare.provenance import UNKNOWN
from nbcompare.verdict import Word

if TYPE_CHECKING:
    from nbcompare.gates.gate import Gate

FOLDER = "signoffs"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://in-toto.io/attestation/test-result/v0.1"
_BUNDLE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}/\d{8}T\d{6}Z")
RESULTS = ("PASSED", "WARNED")
"""WARNED when a case is accepted although its images differ (PROVEN)."""


@dataclass(frozen=True)
class SignOff:
    """A sign-off as it was written. ``bundles`` maps CASE/STAMP to the sha256 of the bundle's manifest."""

    path: Path
    phase: str
    by: str
    result: str
    requires: dict
    bundles: dict[str, str]

    @property
    def signature(self) -> Path:
        return ssh.signature_of(self.path)


# --- writing one ----------------------------------------------------------------------------------------


def sign(gate: Gate, bundles: Path, *, by: str, note: str | None = None, key: Path | None = None,
         signers: Path | None = None) -> SignOff:
    """Write the sign-off of a green gate, with a signature when a ``key`` is given.

    Raises UsageError for a name that is no name, for a gate that is red and for a missing key where the
    plan has allowed ``signers``; EvidenceError for a key that is none of theirs; FileError when nothing could
    be written or signed. Then nothing is left behind.
    """
    _check_words(by, note)
    signers = signers or gate.phases.signers
    if not gate.green:
        raise UsageError(f"the gate of {gate.phase.name} is red; only a green one can be signed")
    if signers and not key:
        raise UsageError(f"the plan asks for a signature of one of {signers.name}", hint="give --key SSHKEY")
    home = bundles / FOLDER / gate.phase.name
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".signing-", dir=home) as workshop:
            while True:
                moment = datetime.datetime.now(datetime.UTC)
                draft = Path(workshop, f"{moment.strftime(STAMP_FORMAT)}.json")
                draft.write_text(dump_json(statement(gate, by, note, moment)), encoding="utf-8")
                if key:
                    ssh.sign(draft, key)
                    ssh.verified(draft, signers)
                if _publish(draft, home):
                    return read(home / draft.name)
                time.sleep(0.2)
    except OSError as fault:
        raise FileError(f"{home}: cannot write the sign-off: {fault.strerror}") from None


def _check_words(by: str, note: str | None) -> None:
    for option, text in (("--by", by), ("--note", note)):
        if text is not None and not (text.strip() and text.isprintable()):
            raise UsageError(f"{option} {text!r} must be one line of text that can be seen")


def _publish(draft: Path, home: Path) -> bool:
    """Put draft and signature in place, the statement last; False when this second is taken."""
    signature = ssh.signature_of(draft)
    written = [path for path in (signature, draft) if path.exists()]
    if any((home / path.name).exists() for path in (draft, signature)):
        return False
    for path in written:
        path.chmod(0o444)
        with open(path, "rb") as stream:
            os.fsync(stream.fileno())
        try:
            os.link(path, home / path.name)
        except FileExistsError:
            return False
    return True


def statement(gate: Gate, by: str, note: str | None, moment: datetime.datetime) -> dict:
    """The in-toto Statement of a green gate, as plain values."""
    passed, warned = [], []
    for item in gate.items:
        case = next((entry for entry in gate.evidence if entry.case.name == item.case), None)
        proven = item.requirement == "verdict" and case.verdict.word is not Word.PASS
        (warned if proven else passed).append(": ".join(filter(None, (item.case, item.requirement))))
    return {
        "_type": STATEMENT_TYPE,
        "subject": list(_subjects(gate.evidence)),
        "predicateType": PREDICATE_TYPE,
        "predicate": {
            "result": "WARNED" if warned else "PASSED",
            "configuration": list(_configuration(gate)),
            "passedTests": passed,
            "warnedTests": warned,
            "failedTests": [],
            "phase": gate.phase.name,
            "requires": gate.phase.requires.as_dict(),
            "signedBy": by,
            "signedOn": moment.isoformat(timespec="seconds"),
            "note": note,
            "program": {"name": "nb-compare", "version": __version__},
        },
    }


def _subjects(evidence: tuple[Evidence, ...]) -> Iterator[dict]:
    for entry in evidence:
        yield {"name": f"{entry.name}/{MANIFEST}", "digest": {"sha256": entry.manifest_sha256}}
    for sha in dict.fromkeys(entry.record.facts["git"]["sha"] for entry in evidence):
        if sha != UNKNOWN:
            yield {"name": "git commit", "digest": {"gitCommit": sha}}
    engines = {(engine.role, engine.program_sha256): engine for entry in evidence for engine in entry.record.engines}
    for engine in engines.values():
        yield {"name": f"{engine.role}: {engine.name}", "digest": {"sha256": engine.program_sha256},
               "annotations": {"version": engine.version}}


def _configuration(gate: Gate) -> Iterator[dict]:
    yield {"name": gate.phases.path.name, "digest": {"sha256": gate.phases.sha256}}
    for entry in gate.evidence:
        yield {"name": entry.case.path.name, "digest": {"sha256": entry.case.sha256}}


# --- reading one ----------------------------------------------------------------------------------------


def newest(bundles: Path, phase: str) -> Path | None:
    """The newest sign-off of a phase."""
    home = bundles / FOLDER / phase
    names = sorted(path.name for path in home.glob("*.json") if moment_of(path.stem)) if home.is_dir() else []
    return home / names[-1] if names else None


def read(path: Path) -> SignOff:
    """A sign-off. Raises EvidenceError for anything that is not one."""
    try:
        stored = strict_json.loads(path.read_text(encoding="utf-8"))
        predicate = stored["predicate"]
        if (stored["_type"], stored["predicateType"]) != (STATEMENT_TYPE, PREDICATE_TYPE):
            raise ValueError("no in-toto statement of a test result")
        if predicate["result"] not in RESULTS or predicate["failedTests"]:
            raise ValueError(f"its result is {predicate['result']!r}")
        bundles = {subject["name"].removesuffix(f"/{MANIFEST}"): subject["digest"]["sha256"]
                   for subject in stored["subject"] if subject["name"].endswith(f"/{MANIFEST}")}
        strange = [name for name in bundles if not _BUNDLE_NAME.fullmatch(name)]
        if strange or not bundles:
            raise ValueError(f"it names {strange[0]!r} as a bundle" if strange else "it names no bundle")
        return SignOff(path, predicate["phase"], predicate["signedBy"], predicate["result"], predicate["requires"],
                       bundles)
    except OSError as fault:
        raise EvidenceError(f"{path}: cannot read the sign-off: {fault.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise EvidenceError(f"{path}: no sign-off ({type(fault).__name__}: {fault})") from None


def names_bundle(signoff: SignOff, name: str, manifest_sha256: str) -> bool:
    """Whether a sign-off speaks of this very bundle."""
    return signoff.bundles.get(name) == manifest_sha256


# --- an earlier phase, as a requirement of a later one ------------------------------------------------------


def earlier_item(phases: Phases, earlier: Phase, evidence: tuple[Evidence, ...], bundles: Path,
                 signers: Path | None) -> Item:
    """Whether an earlier phase is signed off, on evidence that still stands, and on the evidence looked at now."""
    requirement = f"signed {earlier.name}"
    path = newest(bundles, earlier.name)
    if path is None:
        return Item(requirement, False, f"{earlier.name} is not signed off")
    try:
        signoff = read(path)
        fault = _damage(signoff, earlier, bundles, looked_at={entry.name for entry in evidence if entry.folder})
        if fault:
            return Item(requirement, False, f"{path.name}: {fault}", exit_code=ExitCode.EVIDENCE)
        fault = _outdated(signoff, earlier, evidence)
        if fault:
            return Item(requirement, False, f"{path.name}: {fault}")
        whose = ssh.verified(path, signers)
    except EvidenceError as fault:
        return Item(requirement, False, fault.message, exit_code=ExitCode.EVIDENCE)
    if signers and whose is None:
        return Item(requirement, False, f"{path.name} has no signature, and {signers.name} asks for one")
    return Item(requirement, True, f"by {signoff.by} in {path.name}" + (f", {whose}" if whose else ", no signature"))


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
