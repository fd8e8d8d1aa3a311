"""What the lines of a checklist say, word for word, and in which order; on evidence in memory."""

import datetime
from dataclasses import replace
from types import SimpleNamespace as Things

import pytest

from nbcompare.bundle.names import PICTURES, image_name
from nbcompare.case.phases import SWITCHES, Requirements
from nbcompare.compare.picture_settings import UNLESS_PASSED
from nbcompare.errors import ExitCode
from nbcompare.plan import requirements
from nbcompare.plan.requirements import items_of, protected_item
from nbcompare.verdict.verdict import Label, verdict

NOW = datetime.datetime(2026, 11, 25, 12, tzinfo=datetime.UTC)
NOTHING = Requirements()


@pytest.fixture
def evidence(tmp_path, monkeypatch):
    """Evidence without a fault, whose experiment is that of the case; keys of case, record and itself may differ."""
    monkeypatch.setattr(requirements, "lender_note", lambda folder, record: None)
    monkeypatch.setattr(requirements, "experiment_of_the_case", lambda evidence: (True, "as the case says"))

    def call(case=None, record=None, **changes):
        case = Things(**{"name": "small", "tests": ("t",), "inputs": (), "folder": tmp_path, "expect": {},
                         "sha256": "c"} | (case or {}))
        record = Things(**{"tests": {}, "verdict": verdict(Label.PASS), "protected": Things(after={}), "inputs": (),
                           "uncompared": False, "pictures": "always", "inputs_as_pinned": True,
                           "content": Things(case="c", nbcompare="n")} | (record or {}))
        said = {"case": case, "folder": tmp_path, "faults": (), "record": record, "verdict": verdict(Label.PASS),
                "unjudged": None, "loosened": (), "traced": (), "made": NOW} | changes
        return Things(**said, bundle=Things(folder=said["folder"], record=said["record"]))

    return call


def asked(evidence, switch):
    every = items_of(evidence, replace(NOTHING, switches=(switch,)), NOW)
    item, = (item for item in every if item.requirement == switch)
    assert item.case == "small" and item.exit_code is ExitCode.BLOCKED
    return item.holds, item.why


def test_the_order_of_the_lines_is_that_in_which_a_person_goes_through_them(evidence, monkeypatch):
    monkeypatch.setattr(requirements, "_LOOKS", dict.fromkeys(requirements._LOOKS, lambda evidence: (False, "no")))
    monkeypatch.setattr(requirements, "_on_cuda", lambda evidence: (True, "there too"))
    every = replace(NOTHING, switches=tuple(reversed(SWITCHES)), verdict=("PASS",), max_age_hours=1)
    found = list(items_of(evidence(record={"tests": {"cuda": 1}}), every, NOW))
    assert [item.requirement for item in found] == ["evidence", "experiment", *SWITCHES, "cuda", "verdict",
                                                    "max_age_hours"]
    assert {item.case for item in found} == {"small"} and found[0].exit_code is ExitCode.EVIDENCE
    assert found[0].why == f"{found and evidence().folder.name} is whole, and its figures come out of its images again"
    assert [item.requirement for item in items_of(evidence(record={"tests": {"cuda": 1}}), NOTHING, NOW)] == [
        "evidence", "experiment"], "CUDA is asked with the tests alone"
    some = replace(NOTHING, switches=("clean_tree",))
    assert [item.requirement for item in items_of(evidence(), some, NOW)][2:] == ["clean_tree"]


@pytest.mark.parametrize(("imported", "lender", "accepted", "line"), [
    (True, None, False, "1 was made elsewhere and imported; run the case here (--fresh), or let the phase say "
     "imported: accepted"), (True, "of another", True, "1 was made elsewhere and imported"),
    (False, "its image is of another", False, "its image is of another; run the case here (--fresh), or let the phase "
     "say imported: accepted"), (False, "its image is of another", True, "its image is of another"),
    (False, None, True, None)])
def test_what_somebody_else_made_is_a_line_of_its_own(evidence, tmp_path, monkeypatch, imported, lender, accepted,
                                                      line):
    monkeypatch.setattr(requirements, "is_imported", lambda folder: imported)
    monkeypatch.setattr(requirements, "lender_note", lambda folder, record: lender)
    found = [item for item in items_of(evidence(folder=tmp_path / "1"), replace(NOTHING, imported=accepted), NOW)
             if item.requirement == "imported"]
    assert [(item.holds, item.why, item.case) for item in found] == ([(accepted, line, "small")] if line else [])


def test_a_verdict_says_what_became_looser_what_is_weak_and_what_was_traced(evidence):
    def told(*wanted, **changes):
        item, = (item for item in items_of(evidence(**changes), replace(NOTHING, verdict=wanted), NOW)
                 if item.requirement == "verdict")
        assert item.case == "small"
        return item.holds, item.why, item.exit_code

    again = "PASS, judged again from the float images by the case as it is now"
    assert told("PASS")[:2] == (True, again)
    assert told("PASS", loosened=("a", "weak: b", "c"), traced=("t1", "t2"))[1] == (
        f"{again}; traced, t1; t2; LOOSER than before: a; c; WEAK: b")
    assert told("PASS", loosened=("weak: b", "weak: d"))[1] == f"{again}; WEAK: b; d"
    assert told("PASS", "PROVEN", verdict=verdict(Label.PROVEN))[0]
    assert told("PROVEN", "PASS", verdict=verdict(Label.NOT_PROVEN)) == (
        False, "NOT PROVEN (the bundle said PASS): this phase accepts PROVEN, PASS", ExitCode.CLAIM)
    assert told("PROVEN") == (False, "PASS: this phase accepts PROVEN", ExitCode.BLOCKED)
    assert told("PASS", verdict=None) == (False, "nothing was judged", ExitCode.BLOCKED)
    assert told("PASS", verdict=None, unjudged="x", record={"verdict": verdict(Label.ENGINE_FAILED)}) == (
        False, "x", ExitCode.ENGINE_FAILED)
    reasons = verdict(Label.FAIL, [f"r{n}" for n in range(9)])
    assert told("PASS", verdict=reasons, record={"verdict": verdict(Label.FAIL)}) == (
        False, "FAIL: r0; r1; r2; r3; and 5 more", ExitCode.DIFFERS)


def test_the_files_of_a_bundle_are_its_images_and_what_was_drawn(evidence, tmp_path):
    whole = "logs, records, both float images and the pictures are there"
    images = [image_name("reference"), image_name("subject")]
    for name in (*images, *PICTURES.values()):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    assert asked(evidence(), "files_complete") == (True, whole)
    first = next(iter(PICTURES.values()))
    (tmp_path / first).unlink()
    assert asked(evidence(), "files_complete") == (False, f"not there: {first}")
    undrawn = "logs, records and both float images are there; no pictures, as"
    assert asked(evidence(record={"pictures": UNLESS_PASSED}), "files_complete") == (
        True, f"{undrawn} a sweep draws none of a case that passes")
    assert not asked(evidence(record={"pictures": UNLESS_PASSED, "verdict": verdict(Label.FAIL)}), "files_complete")[0]
    assert asked(evidence(record={"uncompared": True}), "files_complete") == (
        True, f"{undrawn} they were left uncompared")
    for name in images:
        (tmp_path / name).unlink()
    assert asked(evidence(), "files_complete") == (False, f"not there: {', '.join((*images, first))}")
    both = evidence(case={"expect": {"reference": 1, "subject": 1}})
    assert asked(both, "files_complete") == (
        True, "logs and records are there; the reference and the subject had to refuse and left no image")
    assert asked(evidence(case={"expect": {"subject": 1}}), "files_complete") == (False, f"not there: {images[0]}")


def test_tests_are_told_with_where_they_were_taken_from_and_what_would_mend_them(evidence, monkeypatch):
    monkeypatch.setattr(requirements, "read_kept", lambda path: f"\n=== 2 passed in {path.name} ===\n")
    others = []
    monkeypatch.setattr(requirements, "changed_tests", lambda outcome, case: others)
    outcome = Things(nodes=("t",), exit_code=0, failure=None, files=("f",), taken_from="small/1", opened=None,
                     on_device=2)

    def told(*devices, **changes):
        tests = dict.fromkeys(devices, Things(**vars(outcome) | changes))
        record = {"tests": tests, "further": Things(device=Things(faults=lambda thresholds: [])),
                  "case": Things(thresholds=())}
        return asked(evidence(record=record), "tests_green")

    log = "2 passed in pytest_{}.log, in small/1 for the same content"
    assert told("cpu") == (True, f"cpu: {log.format('cpu')}")
    assert told("cpu", "cuda") == (True, f"cpu: {log.format('cpu')}; cuda: {log.format('cuda')}")
    assert told("cpu", files=()) == (False, "the record does not say what the tests were (cpu); run the case again")
    assert told("cpu", nodes=("t", "u")) == (False, "other tests were run (cpu) than the case names now")
    assert told("cpu", exit_code=-9) == (False, "cpu: 2 passed in pytest_cpu.log")
    others += ["a", "b"]
    changed = "cpu: the tests may be others than those that were run: a; b; "
    assert told("cpu") == (False, f"{changed}run the case again")
    assert told("cpu", opened=Things(unseen=("a",))) == (False, f"{changed}run the case again")
    assert told("cpu", opened=Things(unseen=("a", "b", "c"))) == (
        False, f"{changed}map tests of which all can be known")
    assert told() == (False, "")


def test_a_line_of_the_log_that_counts_what_did_not_run_is_told_whole(evidence, monkeypatch):
    outcome = Things(nodes=("t",), exit_code=0, failure=None, files=("f",), taken_from=None, opened=None)
    monkeypatch.setattr(requirements, "changed_tests", lambda outcome, case: [])
    monkeypatch.setattr(requirements, "read_kept", lambda path: "== 12 passed, 34 skipped in 1s ==")
    assert asked(evidence(record={"tests": {"cpu": outcome}}), "tests_green") == (
        False, "cpu: 34 skipped, and a test that did not run shows nothing (12 passed, 34 skipped in 1s)")


@pytest.mark.parametrize(("failure", "used", "device", "holds", "why"), [
    ("no CUDA here", 3, None, False, "no CUDA here"), (None, 0, None, False, requirements.NO_TEST_USES_DEVICE),
    (None, 3, None, False, "the subject was not run there"),
    (None, 3, Things(faults=lambda asked: [asked], sentence=lambda asked: f"outside {asked}"), False, "outside then"),
    (None, 3, Things(faults=lambda asked: []), True, "3 mapped tests used the device; every threshold holds for the "
     "subject's image there")])
def test_a_device_is_green_when_tests_used_it_and_its_image_is_within_the_thresholds_of_the_run(
        evidence, monkeypatch, failure, used, device, holds, why):
    tests = {"cuda": Things(failure=failure, on_device=used, nodes=("t",))}
    found = evidence(record={"tests": tests, "further": Things(device=device), "case": Things(thresholds="then")})
    monkeypatch.setattr(requirements, "_LOOKS", {"tests_green": lambda evidence: (True, "")})
    item, = (item for item in items_of(found, replace(NOTHING, switches=("tests_green",)), NOW)
             if item.requirement == "cuda")
    assert (item.holds, item.why, item.case) == (holds, why, "small")


def test_inputs_are_pinned_each_by_a_sum_that_the_case_gives_now(evidence, tmp_path):
    kept = tmp_path / requirements.DATA
    kept.mkdir(parents=True)
    for name in ("A.mat", "B.mat"):
        (kept / name).write_text(name)
    sums = {name: requirements.sha256_of(kept / name) for name in ("A.mat", "B.mat")}

    def told(**own):
        inputs = [Things(name=name, sha256=own.get(name[0], (sums[name],))[0], sums=own.get(name[0], (sums[name],)))
                  for name in ("A.mat", "B.mat")]
        return asked(evidence(case={"inputs": inputs}), "inputs_pinned")

    count = "2 input file(s) of sums that the case pins, {} of them brought by the user"
    assert told() == (True, count.format(0))
    assert told(B=("0" * 64, sums["B.mat"])) == (True, count.format(1))
    assert told(A=("0" * 64, sums["A.mat"]), B=("0" * 64, sums["B.mat"])) == (True, count.format(2))
    assert told(B=("0" * 64,)) == (False, f"B.mat has sha256 {sums['B.mat'][:12]}, which the case does not pin")
    unpinned = [Things(name="A.mat", sha256=None, sums=())]
    assert asked(evidence(case={"inputs": unpinned}), "inputs_pinned") == (
        False, "the case does not pin A.mat: give its sha256")
    (kept / "A.mat").unlink()
    assert told() == (False, "A.mat, which the case names now, is not in the bundle; run the case again")


def test_inputs_are_unchanged_with_the_case_and_by_the_way_they_came(evidence, monkeypatch):
    monkeypatch.setattr(requirements, "_inputs_pinned", lambda evidence: (False, "not pinned"))
    monkeypatch.setattr(requirements, "_inputs_regenerated", lambda evidence: (True, "made anew"))

    def told(**record):
        return asked(evidence(record=record), "inputs_unchanged")

    assert told() == (True, "case and input files have the bytes they had")
    assert told(content=Things(case="d")) == (False, "the case file is not what it was")
    assert told(inputs_as_pinned=False) == (False, "the engines read files of the user's own")
    assert told(inputs=(Things(origin="case"), Things(origin="the user"[4:]))) == (False, "not pinned")
    assert told(inputs=(Things(origin="generated"),))[0]


@pytest.mark.parametrize(("then", "now", "holds"), [("n", "n", True), ("n", "m", False), ("m", "n", False), ("unknown",
    "unknown", False)])
def test_the_harness_has_the_sum_it_had_where_that_is_known(evidence, monkeypatch, then, now, holds):
    monkeypatch.setattr(requirements, "content_hash", lambda folder: now)
    found = asked(evidence(record={"content": Things(nbcompare=then)}), "harness_unchanged")
    assert found == (holds, "nb-compare has the sum it had" if holds else "nb-compare is not what it was")


def test_generated_inputs_are_made_anew_and_pinned(evidence, tmp_path, monkeypatch):
    (tmp_path / requirements.DATA).mkdir(parents=True)
    kept = tmp_path / requirements.DATA / "A.mat"
    kept.write_text("made")
    monkeypatch.setattr(requirements, "GENERATORS", {"maker": lambda: "made"})
    entry = Things(name="A.mat", made_by="maker", file=None, sha256=requirements.sha256_of(kept))
    found = evidence(case={"inputs": [entry]})
    assert asked(found, "inputs_regenerated") == (
        True, "1 input file(s) made anew, byte for byte what the engines read")
    kept.write_text("other")
    assert asked(found, "inputs_regenerated") == (False, "A.mat, made anew, is not what the engines read")
    kept.unlink()
    assert asked(found, "inputs_regenerated") == (
        False, "A.mat, which the case names now, is not in the bundle; run the case again")


def test_protected_files_are_told_by_their_names(evidence, tmp_path):
    paths = [(name, tmp_path / name) for name in ("a.md", "b.md")]
    for name, path in paths:
        path.write_text(name)
    found = evidence(record={"protected": Things(after={name: requirements.sha256_of(path) for name, path in paths})})
    item = protected_item(found, paths)
    assert (item.requirement, item.holds, item.why, item.case, item.exit_code) == (
        "protected", True, "a.md, b.md stayed as they were", "small", ExitCode.BLOCKED)
    paths[1][1].write_text("x")
    item = protected_item(found, paths)
    assert (item.requirement, item.holds, item.why, item.case) == (
        "protected", False, "b.md changed since the run", "small")
    found.bundle.record.protected.after.pop("b.md")
    item = protected_item(found, paths)
    assert (item.requirement, item.holds, item.why, item.case) == (
        "protected", False, "b.md was not watched when the bundle was made", "small")
