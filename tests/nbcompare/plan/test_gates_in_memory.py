"""A gate put together, and the evidence it looks at: what is asked first, and what is said where there is none."""

import datetime
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace as Things

import pytest

from nbcompare.bundle.names import MANIFEST
from nbcompare.bundle.record import TestsOutcome
from nbcompare.case.phases import Phase, Phases, Requirements
from nbcompare.engine.failure import Failure
from nbcompare.errors import EvidenceError, ExitCode, UsageError
from nbcompare.files import sha256_of
from nbcompare.plan import evidence as evidence_module
from nbcompare.plan import gate as gate_module
from nbcompare.plan.evidence import Evidence, gather
from nbcompare.plan.gate import Gate, look_at
from nbcompare.plan.requirements import Requirement
from nbcompare.verdict.verdict import Label, verdict
from tests.nbcompare.frozen import are_frozen

# --- evidence ---------------------------------------------------------------------------------------------


@pytest.fixture
def gathered(tmp_path, monkeypatch):
    """The evidence of a case: its newest folder, what verifying and judging again found."""
    folder = tmp_path / "small" / "20261125T123456Z"
    folder.mkdir(parents=True)
    (folder / MANIFEST).write_text("m")
    asked = []

    def judging(folder, case, signers):
        asked.append((folder, case.name, signers))
        if isinstance(asked[0], EvidenceError):
            raise asked[0]
        return Things(verdict=verdict(Label.PASS), further=Things(proof="proof"), loosened=(Things(sentence="looser"),),
                      comparison=Things(notes=("weak: masked", "another note")))

    monkeypatch.setattr(evidence_module, "check_bundle", judging)
    monkeypatch.setattr(evidence_module, "traced_of", lambda proof: [f"traced {proof}"])

    def call(newest=folder, faults=(), record=True, error=None, signers=None, **changes):
        asked[:] = [error] if error else []
        kept = Things(**{"comparison": "c", "uncompared": False, "case": Things(expect={}), "runs": (), "tests": {},
                         "protected": Things(faults=()), "verdict": verdict(Label.PASS)} | changes) if record else None
        monkeypatch.setattr(evidence_module, "newest_in", lambda home: newest if home == tmp_path / "small" else None)
        monkeypatch.setattr(evidence_module, "verify_bundle", lambda folder: Things(faults=faults, record=kept))
        found = gather(Things(name="small"), tmp_path, signers)
        return found, kept, asked

    call.folder = folder
    return call


def test_evidence_is_the_newest_bundle_judged_again(gathered):
    found, record, asked = gathered(signers=Path("allowed"))
    digest = sha256_of(gathered.folder / MANIFEST)
    assert found == Evidence(found.case, gathered.folder, record, (), verdict(Label.PASS), None,
                             ("looser", "weak: masked"), digest, ("traced proof",))
    assert asked == [(gathered.folder, "small", Path("allowed"))]
    assert are_frozen(found)
    assert found.name == "small/20261125T123456Z" and found.bundle.record is record
    assert found.made == datetime.datetime(2026, 11, 25, 12, 34, 56, tzinfo=datetime.UTC)


def test_what_is_no_bundle_or_damaged_is_not_judged(gathered, tmp_path):
    assert gathered(newest=None)[0] == Evidence(Things(name="small"), None)
    link, file = tmp_path / "small" / "link", tmp_path / "small" / "file"
    link.symlink_to(gathered.folder)
    file.write_text("x")
    for path in (link, file):
        found, _, asked = gathered(newest=path)
        assert found.faults == ("no folder, but something else, stands where the bundle should be",) and asked == []
    for faults, record, told in (((1, 2), True, ("1", "2")), ((), False, ("the record cannot be read",)),
                                 ((1,), False, ("1",))):
        found, kept, asked = gathered(faults=faults, record=record)
        assert (found.faults, found.record, found.verdict, asked) == (told, kept, None, [])


def test_without_a_verdict_it_is_said_why(gathered):
    failed = Things(role="subject", failure=Failure("signal", "was killed", ("a", " last words\n")))
    silent = Things(role="reference", failure=Failure("signal", "was killed"))
    fine = Things(role="reference", failure=None)
    red = TestsOutcome(("t",), 1, "1 failed", "t failed", "E assert 0", ("more",))
    quiet = TestsOutcome(("t",), 1, "1 failed", "it hung")
    green = TestsOutcome(("t",), 0, "1 passed", None)
    blocked = verdict(Label.BLOCKED, ["reason 1", "reason 2"])

    def told(**changes):
        found, _, asked = gathered(comparison=None, **{"verdict": blocked} | changes)
        assert found.verdict is None and asked == [] and found.manifest_sha256
        return found.unjudged

    assert told() == "nothing was compared: BLOCKED; reason 1; reason 2"
    assert told(runs=(fine, failed), verdict=verdict(Label.ENGINE_FAILED)) == (
        "nothing was compared: ENGINE FAILED; subject was killed (last words)")
    assert told(runs=(silent, failed)) == (
        "nothing was compared: BLOCKED; reference was killed; subject was killed (last words)")
    assert told(tests={"cpu": green, "cuda": red, "x": quiet}) == (
        "nothing was compared: BLOCKED; the mapped tests failed: t failed (E assert 0); the mapped tests failed: it "
        "hung")
    assert told(runs=(failed,), protected=Things(faults=("x",))) == "nothing was compared: BLOCKED; reason 1; reason 2"
    assert told(case=Things(expect={"subject": 1})) == "nothing was compared: BLOCKED; reason 1; reason 2"
    found, *_ = gathered(error=EvidenceError("no image"))
    assert (found.unjudged, found.verdict) == ("no image", None)
    assert found.manifest_sha256 == sha256_of(gathered.folder / MANIFEST)


def test_images_that_were_left_uncompared_and_refusals_are_judged_all_the_same(gathered):
    assert gathered(comparison=None, uncompared=True)[0].verdict is not None
    assert gathered(comparison=None, case=Things(expect={"subject": 1}), runs=("r",))[0].verdict is not None


# --- gates ------------------------------------------------------------------------------------------------


def item(holds, code=ExitCode.BLOCKED):
    return Requirement("x", holds, "", None, code)


@pytest.mark.parametrize(("items", "code"), [
    ((), 8), ((item(True),), 0), ((item(True, ExitCode.EVIDENCE), item(True)), 0), ((item(True), item(False)), 8),
    ((item(False, ExitCode.DIFFERS), item(False, ExitCode.EVIDENCE), item(True)), 6)])
def test_a_gate_is_green_only_when_every_line_holds_and_there_is_one(items, code):
    gate = Gate(None, None, (), items)
    assert are_frozen(gate, item(True))
    assert gate.exit_code == code and gate.green is (code == 0)


@pytest.fixture
def looked(tmp_path, monkeypatch):
    """The gate of a phase of three, on cases of one or two cells; and what was asked for it."""
    phases = tuple(Phase(name, "t", (tmp_path / f"{name}.yaml", tmp_path / "b.yaml"), Requirements(signed=signed))
                   for name, signed in (("N1", ()), ("N2", ("N1",)), ("N3", ("N2", "N1"))))
    asked = []

    def items_of(entry, requires, now):
        asked.append(("items", entry.case.name, requires, now))
        yield Requirement("evidence", True, "", entry.case.name)

    def earlier(phases, phase, evidence, bundles, signers):
        asked.append(("earlier", phase.name, evidence, bundles, signers))
        return Requirement(f"signed {phase.name}", True, "")

    monkeypatch.setattr(gate_module, "load_case", lambda path: path.stem)
    monkeypatch.setattr(gate_module, "cells_of", lambda name: [name, f"{name}-2"] if name == "b" else [name])
    monkeypatch.setattr(gate_module, "gather", lambda name, bundles, signers: asked.append(
        ("gather", name, bundles, signers)) or Things(case=Things(name=name), record="r", faults=()))
    monkeypatch.setattr(gate_module, "items_of", items_of)
    monkeypatch.setattr(gate_module, "earlier_item", earlier)
    monkeypatch.setattr(gate_module, "_protected", lambda phases, entry: [("f", Path("f"))] if entry.case.name == "b"
                        else [])
    monkeypatch.setattr(gate_module, "protected_item", lambda entry, files: Requirement("protected", True, files[0][0],
                                                                                        entry.case.name))

    def call(name, signers=None, planned=None, **more):
        asked.clear()
        plan = Phases("t", phases, tmp_path / "phases.yaml", "0", planned)
        return look_at(plan, name, tmp_path / "bundles", signers=signers, **more), asked

    return call


def test_a_gate_looks_at_every_cell_and_then_at_the_phases_before(looked, tmp_path):
    now = datetime.datetime(2026, 11, 25, tzinfo=datetime.UTC)
    found, asked = looked("N3", now=now, planned=Path("planned"))
    assert [(entry.requirement, entry.case) for entry in found.items] == [
        ("evidence", "N3"), ("evidence", "b"), ("protected", "b"), ("evidence", "b-2"), ("signed N2", None),
        ("signed N1", None)]
    assert [entry.case.name for entry in found.evidence] == ["N3", "b", "b-2"] and found.phase.name == "N3"
    bundles, planned = tmp_path / "bundles", Path("planned")
    assert asked[:3] == [("gather", name, bundles, planned) for name in ("N3", "b", "b-2")]
    assert asked[3:6] == [("items", name, found.phase.requires, now) for name in ("N3", "b", "b-2")]
    assert asked[6:] == [("earlier", name, found.evidence, bundles, planned) for name in ("N2", "N1")]
    assert {words[3] for words in looked("N1", signers=Path("given"), planned=planned)[1][:3]} == {Path("given")}
    before = datetime.datetime.now(datetime.UTC)
    _, asked = looked("N1")
    assert before <= asked[3][3] <= datetime.datetime.now(datetime.UTC)
    with pytest.raises(UsageError) as told:
        looked("N4")
    assert told.value.message == f"{tmp_path}/phases.yaml: there is no phase 'N4'; did you mean 'N3'?"


def test_protected_files_are_looked_at_where_a_record_can_be_read(looked, monkeypatch):
    for record, faults in ((None, ()), ("r", ("x",))):
        monkeypatch.setattr(gate_module, "gather", lambda name, bundles, signers, record=record, faults=faults: Things(
            case=Things(name=name), record=record, faults=faults))
        assert not [entry for entry in looked("N1")[0].items if entry.requirement == "protected"]


def test_a_file_that_both_protect_is_listed_once_by_its_first_name(tmp_path):
    (tmp_path / "cases").mkdir()
    plan = Phases("t", (), tmp_path / "phases.yaml", "0", None, ("a.md", "cases/b.md"))
    case = Things(folder=tmp_path / "cases", protected=("b.md", "../a.md", "c.md"))
    assert gate_module._protected(plan, Things(case=case)) == [
        ("a.md", tmp_path / "a.md"), ("cases/b.md", tmp_path / "cases/b.md"), ("c.md", tmp_path / "cases/c.md")]
    first, *_ = gate_module._protected(replace(plan, protected=()), Things(case=case))
    assert first == ("b.md", tmp_path / "cases/b.md")
