"""Signing off: the in-toto Statement of a green gate, written once and, with a key, signed."""

from __future__ import annotations

import contextlib
import datetime
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from nbcompare import __version__
from nbcompare.bundle import ssh_signature as ssh
from nbcompare.bundle.lock import share
from nbcompare.bundle.names import MANIFEST, SIGNOFFS, STAMP_FORMAT
from nbcompare.bundle.record import HARNESS_ROLE, PROJECT
from nbcompare.bundle.signoffs import PREDICATE_TYPE, STATEMENT_TYPE, SignOff, read
from nbcompare.engine.identity import UNKNOWN
from nbcompare.engine.processes.redact import redacted
from nbcompare.errors import EvidenceError, FileError, UsageError
from nbcompare.files import dump_json, sha256_of
from nbcompare.plan.binding import row_of_plan
from nbcompare.plan.evidence import Evidence
from nbcompare.plan.gate import Gate
from nbcompare.verdict.verdict import Label


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
    home = bundles / SIGNOFFS / gate.phase.name
    try:
        home.mkdir(parents=True, exist_ok=True)
        with _held(gate.evidence), tempfile.TemporaryDirectory(prefix=".signing-", dir=home) as workshop:
            while True:
                moment = datetime.datetime.now(datetime.UTC)
                draft = Path(workshop, f"{moment.strftime(STAMP_FORMAT)}.json")
                draft.write_text(dump_json(statement(gate, by, note, moment)), encoding="utf-8")
                if key:
                    ssh.sign(draft, key)
                    ssh.verified(draft, signers, by if signers else None)
                if _publish(draft, home):
                    return read(home / draft.name)
                time.sleep(0.2)
    except OSError as fault:
        raise FileError(f"{home}: cannot write the sign-off: {fault.strerror}") from None


@contextlib.contextmanager
def _held(evidence: Sequence[Evidence]) -> Iterator[None]:
    """Hold the bundles, so that none is removed while it is signed. Raises EvidenceError for one that is gone, or is
    not the one that was looked at."""
    with contextlib.ExitStack() as held:
        for entry in evidence:
            handle = share(entry.bundle.folder)
            if handle is not None:
                held.callback(os.close, handle)
            manifest = entry.bundle.folder / MANIFEST
            if handle is None or not manifest.is_file() or sha256_of(manifest) != entry.manifest_sha256:
                raise EvidenceError(f"{entry.name} was removed or replaced since the gate was looked at; nothing was "
                                    "signed")
        yield


def _check_words(by: str, note: str | None) -> None:
    for option, text in (("--by", by), ("--note", note)):
        if text is not None and not (text.strip() and text.isprintable()):
            raise UsageError(f"{option} {text!r} must be one line of text that can be seen")
        if text is not None and redacted(text) != text:
            raise UsageError(f"{option} {redacted(text)!r} holds what looks like a secret, and a sign-off is kept")


def _publish(draft: Path, home: Path) -> bool:
    """Put draft and signature in place, the statement last; False when this second is taken.

    The second is reserved by a folder, which nobody else can make meanwhile: hard links, that would do the same, are
    not to be had everywhere.
    """
    signature = ssh.signature_of(draft)
    reserved = home / f".reserved-{draft.stem}"
    try:
        reserved.mkdir()
    except FileExistsError:
        return False
    try:
        if any((home / path.name).exists() for path in (draft, signature)):
            return False
        for path in (path for path in (signature, draft) if path.exists()):
            path.chmod(0o444)
            with open(path, "rb") as stream:
                os.fsync(stream.fileno())
            os.rename(path, home / path.name)
    finally:
        reserved.rmdir()
    return True


def statement(gate: Gate, by: str, note: str | None, moment: datetime.datetime) -> dict[str, Any]:
    """The in-toto Statement of a green gate, as plain values."""
    passed: list[str] = []
    warned: list[str] = []
    verdicts = {entry.case.name: entry.verdict for entry in gate.evidence}
    for item in gate.items:
        verdict = verdicts.get(item.case) if item.case else None
        proven = item.requirement == "verdict" and (verdict is None or verdict.word is not Label.PASS)
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
            "plan": row_of_plan(gate.phases, gate.phase),
            "requires": gate.phase.requires.as_dict(),
            "signedBy": by,
            "signedOn": moment.isoformat(timespec="seconds"),
            "note": note,
            "program": {"name": "nb-compare", "version": __version__},
        },
    }


def _subjects(evidence: tuple[Evidence, ...]) -> Iterator[dict[str, Any]]:
    for entry in evidence:
        yield {"name": f"{entry.name}/{MANIFEST}", "digest": {"sha256": entry.manifest_sha256}}
    for sha in dict.fromkeys(entry.bundle.record.git.sha for entry in evidence):
        if sha != UNKNOWN:
            yield {"name": "git commit", "digest": {"gitCommit": sha}}
    commits = [(role, state.sha) for entry in evidence
               for role, state in (entry.bundle.record.repositories or {}).items()
               if role not in (PROJECT, HARNESS_ROLE) and state.sha != UNKNOWN]
    for role, sha in dict.fromkeys(commits):
        yield {"name": f"git commit of the {role}", "digest": {"gitCommit": sha}}
    engines = {(engine.role, engine.program_sha256, engine.source_sha256): engine
               for entry in evidence for engine, _ in entry.bundle.record.programs}
    for engine in engines.values():
        if engine.made_of:
            yield {"name": f"sources of the {engine.role}", "digest": {"sha256": engine.source_sha256}}
        yield {"name": f"{engine.role}: {engine.name}", "digest": {"sha256": engine.program_sha256},
               "annotations": {"version": engine.version}}


def _configuration(gate: Gate) -> Iterator[dict[str, Any]]:
    yield {"name": gate.phases.path.name, "digest": {"sha256": gate.phases.sha256}}
    for entry in gate.evidence:
        assert entry.case.path is not None, "the cases of a phase are files"
        yield {"name": entry.case.path.name, "digest": {"sha256": entry.case.sha256}}
