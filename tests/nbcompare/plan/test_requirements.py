"""Each requirement of a phase by itself, on evidence in memory: what it takes to hold, and what is said."""

import datetime
from dataclasses import replace
from types import SimpleNamespace as Things

import pytest

from nbcompare.case.phases import Requirements
from nbcompare.errors import ExitCode
from nbcompare.plan import requirements
from nbcompare.plan.ledger_entry import _next_state
from nbcompare.plan.requirements import items_of, protected_item
from nbcompare.verdict.verdict import Label, verdict

NOW = datetime.datetime(2026, 11, 25, 12, tzinfo=datetime.UTC)
NOTHING = Requirements()
FILES = ("test_t.py",)


def evidence_of(**changes):
    case = Things(name="small", tests=("t",), inputs=(), folder=None)
    record = Things(tests={}, verdict=verdict(Label.PASS), protected=Things(after={}))
    said = {"case": case, "folder": None, "faults": (), "record": record, "verdict": verdict(Label.PASS),
            "unjudged": None, "loosened": (), "traced": (), "made": NOW} | changes
    return Things(**said, bundle=Things(folder=said["folder"], record=said["record"]))


@pytest.fixture
def in_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(requirements, "lender_note", lambda folder, record: None)
    monkeypatch.setattr(requirements, "experiment_of_the_case", lambda evidence: (True, "as the case says"))
    return tmp_path


def told(evidence, requires=NOTHING):
    return {item.requirement: item for item in items_of(evidence, requires, NOW)}


def test_without_a_bundle_nothing_else_is_asked():
    found = told(evidence_of(), replace(NOTHING, verdict=("PASS",), max_age_hours=1))
    assert {(item.holds, item.why, item.exit_code) for item in found.values()} == {
        (False, "there is no bundle of this case", ExitCode.BLOCKED)}


def test_damage_ends_the_list_and_is_told_four_faults_long(in_folder):
    faults = tuple(f"fault {n}" for n in range(9))
    found = told(evidence_of(folder=in_folder, faults=faults), replace(NOTHING, verdict=("PASS",)))
    assert list(found) == ["evidence"] and not found["evidence"].holds
    assert found["evidence"].exit_code is ExitCode.EVIDENCE
    assert found["evidence"].why == "fault 0; fault 1; fault 2; fault 3; and 5 more"
    assert told(evidence_of(folder=in_folder, faults=faults[:4]))["evidence"].why.endswith("fault 3")


@pytest.mark.parametrize(("hours", "holds", "why"), [
    (2, True, "2.0 h old, at most 2 h are allowed"), (2.001, False, "2.0 h old, at most 2 h are allowed"),
    (0, True, "0.0 h old"), (-0.5, False, "the stamp lies 0.50 h in the future")])
def test_an_age_is_within_its_limit_and_never_negative(in_folder, hours, holds, why):
    evidence = evidence_of(folder=in_folder, made=NOW - datetime.timedelta(hours=hours))
    item = told(evidence, replace(NOTHING, max_age_hours=2))["max_age_hours"]
    assert item.holds is holds and item.why.startswith(why)


def test_a_verdict_holds_when_it_is_named_and_says_what_the_bundle_said(in_folder):
    def asked(label, *wanted, **more):
        evidence = evidence_of(folder=in_folder, verdict=label and verdict(label, ["why"]), **more)
        return told(evidence, replace(NOTHING, verdict=wanted))["verdict"]

    held = asked(Label.PASS, "PASS", "PROVEN", loosened=("min 0.9 was 0.99",))
    assert held.holds and held.why == ("PASS, judged again from the float images by the case as it is now; LOOSER than "
                                       "before: min 0.9 was 0.99")
    failed = asked(Label.FAIL, "PASS")
    assert (failed.holds, failed.why, failed.exit_code) == (False, "FAIL (the bundle said PASS): why", ExitCode.DIFFERS)
    proven = asked(Label.PROVEN, "PASS")
    assert not proven.holds and proven.exit_code is ExitCode.BLOCKED
    unjudged = asked(None, "PASS", unjudged="no image")
    assert (unjudged.holds, unjudged.why, unjudged.exit_code) == (False, "no image", ExitCode.BLOCKED)


SUMMARY = "=== 2 passed in 0.1s ==="


@pytest.mark.parametrize(("changes", "log", "holds", "why"), [
    ({}, SUMMARY, True, "cpu: 2 passed in 0.1s"),
    ({}, f"{SUMMARY}\n\n \n", True, "cpu: 2 passed in 0.1s"),
    ({}, "=== 2 passed, 1 skipped in 1s ===", False, "cpu: 1 skipped, and a test that did not run shows nothing"),
    ({}, "=== 2 passed, 3 deselected ===", False, "cpu: 3 deselected"),
    ({}, "=== 2 passed, 1 xfailed ===", False, "cpu: 2 passed, 1 xfailed"),
    ({}, "=== 2 passed, 1 xpassed ===", False, "cpu: 1 xpassed, and"),
    ({}, "=== 1 failed, 2 passed ===", False, "cpu: 1 failed, 2 passed"),
    ({}, "=== 2 passed, 1 error ===", False, "cpu: 2 passed, 1 error"),
    ({}, "=== no tests ran ===", False, "cpu: no tests ran"),
    ({}, "", False, "cpu: nothing"),
    ({"exit_code": 1}, SUMMARY, False, "cpu: 2 passed in 0.1s"),
    ({"failure": "2 of 4 ran"}, SUMMARY, False, "cpu: 2 of 4 ran"),
    ({"files": ()}, SUMMARY, False, "the record does not say what the tests were (cpu)"),
    ({"files": (*FILES, "x changed")}, SUMMARY, False,
     "cpu: the tests may be others than those that were run: x changed; run the case again"),
    ({"nodes": ("u",)}, SUMMARY, False, "other tests were run (cpu) than the case names now")])
def test_mapped_tests_are_green_only_when_all_ran_and_passed(in_folder, monkeypatch, changes, log, holds, why):
    outcome = Things(**{"nodes": ("t",), "on_device": False, "exit_code": 0, "failure": None, "files": FILES,
                        "taken_from": None, "opened": None} | changes)
    monkeypatch.setattr(requirements, "changed_tests", lambda outcome, case: outcome.files[1:])
    monkeypatch.setattr(requirements, "read_kept", lambda path: log)
    evidence = evidence_of(folder=in_folder, record=Things(tests={"cpu": outcome}))
    item = told(evidence, replace(NOTHING, switches=("tests_green",)))["tests_green"]
    assert item.holds is holds and item.why.startswith(why)


def test_a_device_that_no_test_used_and_a_case_without_tests_show_nothing(in_folder, monkeypatch):
    monkeypatch.setattr(requirements, "read_kept", lambda path: SUMMARY)
    switch = replace(NOTHING, switches=("tests_green",))

    def green(tests, names=("t",), run=Things(faults=lambda thresholds: [], sentence=str)):  # noqa: B008 (frozen)
        record = Things(tests=tests, further=Things(device=run), case=Things(thresholds=()))
        evidence = evidence_of(folder=in_folder, record=record)
        evidence.case.tests = names
        return all(item.holds for item in told(evidence, switch).values() if item.requirement != "verdict")

    monkeypatch.setattr(requirements, "changed_tests", lambda outcome, case: outcome.files[1:])
    outcome = Things(nodes=("t",), on_device=True, exit_code=0, failure=None, files=FILES, opened=None,
                     taken_from=None)
    assert green({"cpu": outcome, "cuda": outcome})
    assert not green({"cpu": outcome, "cuda": Things(**vars(outcome) | {"on_device": False})})
    assert not green({"cpu": outcome, "cuda": outcome}, run=None)
    assert not green({"cpu": outcome, "cuda": outcome}, run=Things(faults=lambda thresholds: ["x"], sentence=str))
    assert not green({}) and not green({"cpu": outcome}, ())


def test_inputs_are_those_that_the_case_makes_or_holds(in_folder):
    kept = in_folder / requirements.DATA
    kept.mkdir(parents=True)
    (kept / "A.mat").write_text("1")
    (in_folder / "A.mat").write_text("1")
    switch = replace(NOTHING, switches=("inputs_regenerated",))

    def asked(*inputs):
        evidence = evidence_of(folder=in_folder)
        evidence.case.inputs, evidence.case.folder = inputs, in_folder
        item = told(evidence, switch)["inputs_regenerated"]
        return item.holds, item.why

    assert asked() == (True, "the case reads no files")
    own = Things(name="A.mat", made_by=None, file="A.mat", sha256=None)
    assert asked(own) == (True, "1 input file(s) made anew, byte for byte what the engines read")
    assert asked(Things(**vars(own) | {"sha256": "0" * 64})) == (False, "A.mat is not what the case pins")
    assert asked(Things(**vars(own) | {"file": "B.mat"})) == (False,
                                                              "A.mat cannot be made anew: No such file or directory")
    (in_folder / "A.mat").write_text("2")
    assert asked(own) == (False, "A.mat, made anew, is not what the engines read")


def test_a_protected_file_was_watched_and_is_as_it_was(tmp_path):
    path = tmp_path / "plan.md"
    path.write_text("x")
    evidence = evidence_of()
    assert protected_item(evidence, [("plan.md", path)]).why == "plan.md was not watched when the bundle was made"
    evidence.record.protected.after["plan.md"] = requirements.sha256_of(path)
    assert protected_item(evidence, [("plan.md", path)]).holds
    path.write_text("y")
    assert protected_item(evidence, [("plan.md", path)]).why == "plan.md changed since the run"
    path.unlink()
    assert not protected_item(evidence, [("plan.md", path)]).holds


@pytest.mark.parametrize(("now", "signed", "is_new", "then"), [
    (" ", False, True, "P"), (" ", False, False, "P"), ("P", False, False, "P"), ("D", False, False, "D"),
    ("D", False, True, "P"), ("P", True, False, "D"), (" ", True, True, "D")])
def test_what_an_attempt_makes_of_a_row(now, signed, is_new, then):
    assert _next_state(now, signed, is_new=is_new) == then
