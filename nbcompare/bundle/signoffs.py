"""Sign-offs: who said, when and of which evidence, that a phase is done.

A sign-off is an in-toto Statement (v1) with the test-result predicate (v0.1). Its subjects are the digests
of the bundles' manifests, the git commit and the programs of the engines; so whoever changes one byte of the
evidence afterwards has a sign-off that no longer speaks of it. It lies at
``BUNDLES/signoffs/PHASE/STAMP.json``, is written once, and may have an SSH signature beside it.
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbcompare.bundle import ssh_signature as ssh
from nbcompare.bundle import strict_json
from nbcompare.bundle.names import MANIFEST, SIGNOFFS, STAMP_FORMAT, STAMP_PATTERN, moment_of
from nbcompare.errors import EvidenceError

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://in-toto.io/attestation/test-result/v0.1"
RESULTS = ("PASSED", "WARNED")
"""WARNED when a case is accepted although its images differ (PROVEN)."""

_BUNDLE_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,250}}/{STAMP_PATTERN}")


@dataclass(frozen=True)
class SignOff:
    """A sign-off as it was written. ``bundles`` maps CASE/STAMP to the sha256 of the bundle's manifest, ``cases`` the
    file name of each case to its sum; ``plan`` says which row of which plan was signed (see plan.signing)."""

    path: Path
    phase: str
    by: str
    result: str
    requires: dict[str, Any]
    bundles: dict[str, str]
    plan: dict[str, str]
    cases: dict[str, str]

    @property
    def signature(self) -> Path:
        return ssh.signature_of(self.path)


def newest(bundles: Path, phase: str) -> Path | None:
    """The newest sign-off of a phase."""
    home = bundles / SIGNOFFS / phase
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
        signed_on = datetime.datetime.fromisoformat(predicate["signedOn"]).strftime(STAMP_FORMAT)
        if (path.stem, path.parent.name) != (signed_on, predicate["phase"]):
            raise ValueError(f"it was written as {predicate['phase']}/{signed_on}.json")
        cases = {entry["name"]: entry["digest"]["sha256"] for entry in predicate["configuration"][1:]}
        return SignOff(path, predicate["phase"], predicate["signedBy"], predicate["result"], predicate["requires"],
                       bundles, predicate.get("plan", {}), cases)
    except OSError as fault:
        raise EvidenceError(f"{path}: cannot read the sign-off: {fault.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise EvidenceError(f"{path}: no sign-off ({type(fault).__name__}: {fault})") from None


def names_bundle(signoff: SignOff, name: str, manifest_sha256: str) -> bool:
    """Whether a sign-off speaks of this very bundle."""
    return signoff.bundles.get(name) == manifest_sha256
