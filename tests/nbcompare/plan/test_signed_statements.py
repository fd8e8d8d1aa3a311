"""What a sign-off says and speaks of, how it is put in place, and when it no longer stands; without a run."""

import datetime
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace as Things

import pytest

from nbcompare import __version__
from nbcompare.bundle.lock import is_locked
from nbcompare.bundle.names import MANIFEST
from nbcompare.bundle.signoffs import SignOff
from nbcompare.case.phases import Phase, Phases, Requirements
from nbcompare.engine.sources.made_of import MadeOf, SourceFile
from nbcompare.errors import EvidenceError, ExitCode, FileError, UsageError
from nbcompare.files import sha256_of
from nbcompare.plan import earlier, signing
from nbcompare.plan.binding import fault_of, row_of_plan
from nbcompare.plan.requirements import Requirement
from nbcompare.verdict.verdict import Label, verdict
from tests.nbcompare.plan.evidence_in_memory import identity

A, B = "a" * 40, "b" * 40
MOMENT = datetime.datetime(2026, 11, 25, 12, 34, 56, 789, tzinfo=datetime.UTC)


@pytest.fixture
def plan(tmp_path):
    (tmp_path / "small.yaml").write_text("x")
    phase = Phase("N1", "it is there", (tmp_path / "small.yaml",), Requirements(("files_complete",), ("PASS",)))
    return Phases("a plan", (phase,), tmp_path / "phases.yaml", "f" * 64)


def entry_of(home, name="small/1", git=A, word=Label.PASS, programs=(), repositories=None):
    case = Things(name=name.partition("/")[0], path=home / f"{name.partition('/')[0]}.yaml", sha256="c" * 64)
    record = Things(git=Things(sha=git), repositories=repositories, programs=programs)
    folder = home / name
    return Things(case=case, name=name, manifest_sha256="e" * 64, verdict=word and verdict(word), folder=folder,
                  bundle=Things(record=record, folder=folder))


# --- what is said -----------------------------------------------------------------------------------------


def test_a_statement_says_who_signed_what_of_which_plan(plan, tmp_path):
    items = (Requirement("evidence", True, "", "small"), Requirement("verdict", True, "", "small"),
             Requirement("signed N0", True, ""), Requirement("verdict", True, "", "other"),
             Requirement("experiment", True, "", "other"))
    evidence = (entry_of(tmp_path), entry_of(tmp_path, "other/1", word=Label.PROVEN))
    found = signing.statement(Things(phase=plan.phases[0], phases=plan, evidence=evidence, items=items), "A. Person",
                              None, MOMENT)
    assert found == {
        "_type": "https://in-toto.io/Statement/v1", "predicateType": "https://in-toto.io/attestation/test-result/v0.1",
        "subject": [{"name": "small/1/manifest-sha256.txt", "digest": {"sha256": "e" * 64}},
                    {"name": "other/1/manifest-sha256.txt", "digest": {"sha256": "e" * 64}},
                    {"name": "git commit", "digest": {"gitCommit": A}}],
        "predicate": {
            "result": "WARNED",
            "configuration": [{"name": "phases.yaml", "digest": {"sha256": "f" * 64}},
                              {"name": "small.yaml", "digest": {"sha256": "c" * 64}},
                              {"name": "other.yaml", "digest": {"sha256": "c" * 64}}],
            "passedTests": ["small: evidence", "small: verdict", "signed N0", "other: experiment"],
            "warnedTests": ["other: verdict"], "failedTests": [], "phase": "N1",
            "plan": row_of_plan(plan, plan.phases[0]),
            "requires": plan.phases[0].requires.as_dict(), "signedBy": "A. Person",
            "signedOn": "2026-11-25T12:34:56+00:00", "note": None,
            "program": {"name": "nb-compare", "version": __version__}}}
    one = Things(phase=plan.phases[0], phases=plan, evidence=evidence[:1], items=items[:3])
    assert signing.statement(one, "A", "n", MOMENT)["predicate"]["result"] == "PASSED"
    assert signing.statement(one, "A", "n", MOMENT)["predicate"]["note"] == "n"
    for word in (None, Label.BLOCKED):
        other = Things(phase=plan.phases[0], phases=plan, evidence=(entry_of(tmp_path, word=word),), items=items[1:2])
        assert signing.statement(other, "A", "n", MOMENT)["predicate"]["warnedTests"] == ["small: verdict"]


def test_a_statement_speaks_of_every_commit_and_program_once(tmp_path):
    for name in ("reference", "subject"):
        (tmp_path / name).write_text(name)
    made_of = MadeOf("script", files=(SourceFile("a", "a", "1"),))
    own, other = identity(tmp_path, "reference"), identity(tmp_path, "subject", version="3", made_of=None)
    port = replace(other, made_of=made_of)
    repositories = {name: Things(sha=sha) for name, sha in (
        ("project", A), ("harness", A), ("reference", "unknown"), ("subject", B))}
    evidence = (entry_of(tmp_path, git="unknown", programs=((own, ()), (other, ())), repositories=repositories),
                entry_of(tmp_path, "o/1", git=B, programs=((own, ()), (port, ())), repositories=repositories),
                entry_of(tmp_path, "p/1", git=B, programs=()))

    def program(engine):
        return {"name": f"{engine.role}: {engine.name}", "digest": {"sha256": engine.program_sha256},
                "annotations": {"version": engine.version}}

    assert list(signing._subjects(evidence))[3:] == [
        {"name": "git commit", "digest": {"gitCommit": B}},
        {"name": "git commit of the subject", "digest": {"gitCommit": B}},
        {"name": "sources of the reference", "digest": {"sha256": own.source_sha256}}, program(own), program(other),
        {"name": "sources of the subject", "digest": {"sha256": port.source_sha256}}, program(port)]


# --- how it is put in place -------------------------------------------------------------------------------


@pytest.fixture
def signs(plan, tmp_path, monkeypatch):
    """Sign a gate of this plan; what was done, in order."""
    done, taken = [], []

    def publish(draft, home):
        done.append(("publish", draft.name, home))
        return not (taken and taken.pop())

    monkeypatch.setattr(signing, "_publish", publish)
    monkeypatch.setattr(signing, "_held", lambda evidence: os.scandir(tmp_path))
    monkeypatch.setattr(signing, "statement", lambda gate, by, note, moment: {"by": by})
    monkeypatch.setattr(signing, "read", lambda path: path)
    monkeypatch.setattr(signing.time, "sleep", lambda seconds: done.append(("sleep", seconds)))
    monkeypatch.setattr(signing.ssh, "sign", lambda path, key: done.append(("sign", key)))
    monkeypatch.setattr(signing.ssh, "verified", lambda path, signers, by: done.append(("verify", signers, by)))

    def call(*, by="A", green=True, key=None, signers=None, planned=None, busy=False):
        done.clear()
        taken[:] = [True] if busy else []
        gate = Things(phase=plan.phases[0], phases=replace(plan, signers=planned), evidence=(), items=(), green=green)
        return signing.sign(gate, tmp_path / "bundles", by=by, key=key, signers=signers), done

    return call


def test_a_sign_off_lies_below_its_phase_by_its_second(signs, tmp_path):
    path, done = signs()
    home = tmp_path / "bundles/signoffs/N1"
    assert path.parent == home and done == [("publish", path.name, home)] and list(home.iterdir()) == []
    path, done = signs(busy=True)
    assert [step[0] for step in done] == ["publish", "sleep", "publish"] and done[1][1] < 1
    key, given, planned = Path("key"), Path("given"), Path("planned")
    assert signs(key=key)[1][:2] == [("sign", key), ("verify", None, None)]
    assert signs(key=key, signers=given, planned=planned)[1][:2] == [("sign", key), ("verify", given, "A")]
    assert signs(key=key, planned=planned)[1][:2] == [("sign", key), ("verify", planned, "A")]


def test_what_cannot_be_signed_is_said_and_leaves_nothing(signs, tmp_path):
    with pytest.raises(UsageError, match="the gate of N1 is red; only a green one can be signed"):
        signs(green=False)
    with pytest.raises(UsageError, match="the plan asks for a signature of one of allowed") as told:
        signs(planned=Path("keys/allowed"))
    assert told.value.hint == "give --key SSHKEY" and not (tmp_path / "bundles").exists()
    (tmp_path / "bundles").write_text("no folder")
    with pytest.raises(FileError, match="N1: cannot write the sign-off: Not a directory"):
        signs()


@pytest.mark.parametrize(("by", "note", "why"), [
    ("", None, "--by '' must be one line of text that can be seen"), (" ", None, "--by ' ' must be one line"),
    ("a\nb", None, r"--by 'a\nb' must be one line"), ("A", "", "--note '' must be one line"),
    ("A", "token=ghp_" + "a1B2" * 9, "--note '.*' holds what looks like a secret, and a sign-off is kept")])
def test_a_name_and_a_note_are_one_line_without_secrets(by, note, why):
    with pytest.raises(UsageError, match=why.replace("\\n", r"\\n")) as told:
        signing._check_words(by, note)
    assert "a1B2a1B2" not in told.value.message
    assert signing._check_words("A. Person", None) is None and signing._check_words("A", "it is right") is None


@pytest.mark.parametrize("key", [False, True])
def test_the_signature_comes_before_the_statement_and_both_may_only_be_read(tmp_path, monkeypatch, key):
    home, order = tmp_path / "home", []
    home.mkdir()
    draft = tmp_path / "20261125T000000Z.json"
    draft.write_text("statement")
    if key:
        (tmp_path / f"{draft.name}.sig").write_text("signature")
    rename = os.rename
    monkeypatch.setattr(signing.os, "rename", lambda old, new: order.append(Path(new).name) or rename(old, new))
    (home / ".reserved-20261125T000000Z").mkdir()
    assert not signing._publish(draft, home), "somebody else is writing one of this second"
    (home / ".reserved-20261125T000000Z").rmdir()
    assert signing._publish(draft, home)
    assert order == ([f"{draft.name}.sig"] if key else []) + [draft.name]
    assert sorted(path.name for path in home.iterdir()) == sorted(order)
    assert {path.stat().st_mode & 0o777 for path in home.iterdir()} == {0o444}
    for name in (draft.name, f"{draft.name}.sig"):
        for path in home.iterdir():
            path.unlink()
        draft.write_text("again")
        (home / name).write_text("it is there")
        assert not signing._publish(draft, home) and [path.name for path in home.iterdir()] == [name]


def test_bundles_are_held_while_they_are_signed(tmp_path):
    entries = [entry_of(tmp_path, name) for name in ("a/1", "b/1")]
    for entry in entries:
        entry.folder.mkdir(parents=True)
        (entry.folder / MANIFEST).write_text("m")
        entry.manifest_sha256 = sha256_of(entry.folder / MANIFEST)
    with signing._held(entries):
        assert all(is_locked(entry.folder) for entry in entries)
    assert not any(is_locked(entry.folder) for entry in entries)
    gone = "b/1 was removed or replaced since the gate was looked at; nothing was signed"
    (entries[1].folder / MANIFEST).write_text("n")
    for _ in range(3):
        with pytest.raises(EvidenceError, match=gone), signing._held(entries):
            raise AssertionError("it was signed")
        assert not is_locked(entries[0].folder)
        if (entries[1].folder / MANIFEST).exists():
            (entries[1].folder / MANIFEST).unlink()
        elif entries[1].folder.exists():
            entries[1].folder.rmdir()


# --- when it stands ---------------------------------------------------------------------------------------


def test_the_row_of_a_plan_is_told_by_all_that_it_says(plan):
    """The sum is written here once: sign-offs of before must still speak of the same row."""
    phase = plan.phases[0]
    row = row_of_plan(plan, phase)
    assert (row["file"], row["title"]) == ("phases.yaml", "a plan")
    assert row["row_sha256"] == "f3d26f5f07a6ebffbde391916f8ad7b035d74b6763fe0f4a0ed6bf6d1a899082"
    others = [replace(phase, name="N2"), replace(phase, title="t"), replace(phase, cases=()),
              replace(phase, requires=Requirements(("files_complete",), ("PASS", "PROVEN")))]
    assert len({row["row_sha256"], *(row_of_plan(plan, other)["row_sha256"] for other in others)}) == 5


@pytest.fixture
def signed(plan, tmp_path):
    """A sign-off of the plan's row, and its evidence."""
    phase = plan.phases[0]
    entry = entry_of(tmp_path)
    made = SignOff(tmp_path / "s.json", "N1", "A", "PASSED", phase.requires.as_dict(), {"small/1": "e" * 64},
                   row_of_plan(plan, phase), {"small.yaml": sha256_of(tmp_path / "small.yaml")})
    return made, entry


@pytest.mark.parametrize(("changes", "why"), [
    ({}, None), ({"phase": "N2"}, "it is the sign-off of phase N2"),
    ({"requires": {}}, "the requirements of N1 changed after it was signed"),
    ({"plan": {}}, "it is of another plan than phases.yaml, or the row was changed after it was signed"),
    ({"cases": {}}, "the case small.yaml is not the one that was signed"),
    ({"cases": {"small.yaml": "0"}}, "the case small.yaml is not the one that was signed"),
    ({"bundles": {"small/0": "e" * 64}}, "it speaks of another bundle than small/1, the newest"),
    ({"bundles": {"small/1": "0"}}, "the bundle small/1 is not the one that was signed")])
def test_a_sign_off_speaks_of_one_row_its_cases_and_their_bundles(plan, signed, changes, why):
    assert fault_of(replace(signed[0], **changes), plan, plan.phases[0], [signed[1]]) == why


def test_a_sign_off_is_held_against_evidence_of_its_own_cases_alone(plan, signed, tmp_path):
    made, entry = signed
    other = entry_of(tmp_path, "other/9")
    nothing = entry_of(tmp_path, "small/2")
    nothing.folder = None
    unnamed = entry_of(tmp_path, "other/7")
    unnamed.case.path = None
    assert fault_of(made, plan, plan.phases[0], [other, nothing, unnamed, entry]) is None
    late = entry_of(tmp_path, "small/2")
    assert fault_of(made, plan, plan.phases[0], [other, late]).startswith("it speaks of another bundle than small/2")
    unread = entry_of(tmp_path)
    unread.manifest_sha256 = None
    assert fault_of(replace(made, bundles={"small/1": "0"}), plan, plan.phases[0], [unread]) is None
    (tmp_path / "small.yaml").unlink()
    assert fault_of(made, plan, plan.phases[0], [entry]) == "the case small.yaml is not the one that was signed"


@pytest.fixture
def item(plan, signed, tmp_path, monkeypatch):
    """The line about phase N1, signed so, of a later phase; what was asked of its signature."""
    folder = tmp_path / "bundles" / "small" / "1"
    folder.mkdir(parents=True)
    (folder / MANIFEST).write_text("m")
    made = replace(signed[0], bundles={"small/1": sha256_of(folder / MANIFEST)})

    def call(*, path=tmp_path / "s.json", intact=True, fault=None, whose="signed by A", signers=None, looked_at=(),
             **changes):
        asked = []

        def verifying(path, signers, by):
            asked.append((signers, by))
            return whose

        monkeypatch.setattr(earlier, "newest", lambda bundles, phase: path)
        monkeypatch.setattr(earlier, "read", lambda path: replace(made, **changes))
        monkeypatch.setattr(earlier, "verify_bundle", lambda folder: Things(intact=intact))
        monkeypatch.setattr(earlier, "fault_of", lambda *words: fault)
        monkeypatch.setattr(earlier.ssh, "verified", verifying)
        found = earlier.earlier_item(plan, plan.phases[0], tuple(looked_at), tmp_path / "bundles", signers)
        assert found.requirement == "signed N1" and found.case is None
        return found.holds, found.why, found.exit_code, asked

    return call


def test_an_earlier_phase_is_signed_by_somebody_on_evidence_that_stands(item, tmp_path):
    """Of bundles that were looked at just now, the gate tells itself whether they are intact."""
    red, allowed = ExitCode.BLOCKED, Path("keys/allowed")
    assert item() == (True, "by A in s.json, signed by A", red, [(None, None)])
    assert item(whose=None) == (True, "by A in s.json, no signature", red, [(None, None)])
    assert item(signers=allowed) == (True, "by A in s.json, signed by A", red, [(allowed, "A")])
    assert item(signers=allowed, whose=None)[:3] == (False, "s.json has no signature, and allowed asks for one", red)
    assert item(path=None) == (False, "N1 is not signed off", red, [])
    assert item(fault="it is another") == (False, "s.json: it is another", red, [])
    damage = ExitCode.EVIDENCE
    assert item(intact=False)[:3] == (False, "s.json: the bundle small/1 is damaged", damage)
    here, nowhere = entry_of(tmp_path), entry_of(tmp_path)
    nowhere.folder = None
    assert item(intact=False, looked_at=[here])[0] and not item(intact=False, looked_at=[nowhere])[0]
    assert item(bundles={"small/1": "0"})[:3] == (
        False, "s.json: the bundle small/1 is not the one that was signed", damage)
    assert item(bundles={"small/2": "0"})[:3] == (
        False, "s.json: the bundle small/2 that was signed is no longer there", damage)


def test_a_sign_off_that_cannot_be_read_is_damage(item, monkeypatch):
    def refusing(path):
        raise EvidenceError("s.json: no sign-off")

    original = earlier.earlier_item

    def asked(*words):
        monkeypatch.setattr(earlier, "read", refusing)
        return original(*words)

    monkeypatch.setattr(earlier, "earlier_item", asked)
    assert item()[:3] == (False, "s.json: no sign-off", ExitCode.EVIDENCE)
