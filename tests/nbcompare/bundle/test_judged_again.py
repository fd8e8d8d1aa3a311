"""check and compare, rule by rule: what is judged again, by what, and what is said beside the verdict."""

import datetime
import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nbcompare.bundle.bundle import Bundle, load_bundle
from nbcompare.bundle.check import pairing, recheck, verify
from nbcompare.bundle.check.borrowed import lender_faults, lender_note, lender_of
from nbcompare.bundle.check.pairing import BundlePair, Pairing, compare_bundles
from nbcompare.bundle.check.recheck import check_bundle
from nbcompare.bundle.check.verify import verified, verify_bundle
from nbcompare.bundle.imported import mark
from nbcompare.bundle.names import further_names, image_name
from nbcompare.bundle.record import Ancestor
from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.case_file import load_case
from nbcompare.case.inputs import StagedInput
from nbcompare.case.refusal import Refusal
from nbcompare.engine.failure import Failure
from nbcompare.errors import EvidenceError, ExitCode, FileError, UsageError
from nbcompare.files import sha256_of
from nbcompare.verdict.proof import Proof
from nbcompare.verdict.subjects import SubjectRun
from nbcompare.verdict.verdict import Label, blocked, uncompared
from tests.nbcompare.bundle.test_record_agrees import OLD

COMPARE = b"compare".decode()
"""As it is read from a record: equal to the word of the program, and not that very object."""

FAILED = Failure("exit-code", "ended with exit code 7")


# --- compare -----------------------------------------------------------------------------------------------------


@pytest.fixture
def pair(store, monkeypatch):
    """Compare the bundle that passed with the one that failed, with what is other in the record of each."""
    records = [load_bundle(folder).record for folder in (store.passed, store.failed)]
    records[1] = replace(records[1], environment=records[0].environment)

    def call(a=None, b=None, roles=()):
        changed = {store.passed: replace(records[0], **(a or {})), store.failed: replace(records[1], **(b or {}))}
        monkeypatch.setattr(pairing, "verified", lambda folder: Bundle(folder, changed[folder]))
        return compare_bundles(store.passed, store.failed, roles)

    call.records = records
    return call


def subject_run(folder, record, name, factor=1.0, engine=None):
    """A further subject whose image is the reference's, times a factor, put into the bundle."""
    image = np.fromfile(folder / image_name(REFERENCE), "<f4") * np.float32(factor)
    path = folder / further_names(f"subjects/{name}")[0]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(image.tobytes())
    run = replace(record.runs[1], image_sha256=hashlib.sha256(image.tobytes()).hexdigest(), seconds=factor)
    return SubjectRun(run, None, name, ("-f",), engine)


def test_same_roles_are_held_against_each_other_by_the_thresholds_of_the_first(pair, store):
    found = pair()
    assert [(one.a.role, one.b.role, one.identical, one.verdict.word) for one in found.pairs] == [
        (REFERENCE, REFERENCE, True, Label.PASS), (SUBJECT, SUBJECT, False, Label.FAIL)]
    assert found.exit_code is ExitCode.DIFFERS and found.notes == ()
    said = found.as_dict()
    assert (said["kind"], said["exit_code"], said["notes"]) == ("nb-compare compare", 3, [])
    assert said["pairs"][1]["a"] == {"bundle": str(store.passed), "role": "subject"}
    one, other = found.pairs[1].a, found.pairs[1].b
    stamps = store.passed.name, store.failed.name
    assert one.name == f"subject of {stamps[0]} (twin.py, twin engine 1.0 dtype=float64 device=cpu threads=1)"
    assert other.name.startswith(f"subject of {stamps[1]} (bright.py, ")
    assert found.pairs[0].a.name.startswith(f"reference of {stamps[0]} (good.py, ")
    crossed = pair(roles=[(REFERENCE, SUBJECT)]).pairs
    assert [(one.a.role, one.b.role) for one in crossed] == [(REFERENCE, SUBJECT)] and crossed[0].comparison
    wide = tuple(replace(threshold, max=None) if threshold.metric == "sum_ratio" else threshold
                 for threshold in pair.records[0].case.thresholds)
    lax = {"case": replace(pair.records[0].case, thresholds=wide)}
    assert [pair(**{side: lax}).pairs[1].verdict.word is Label.FAIL for side in "ab"] == [False, True]


def test_a_run_that_both_have_is_left_out_where_another_is_left(pair):
    reference = pair.records[0].runs[0]
    shared = {"runs": (reference, pair.records[1].runs[1])}
    found = pair(b=shared)
    assert [one.a.role for one in found.pairs] == [SUBJECT]
    assert found.notes == ("the reference is one run in both bundles, and is not compared with itself",)
    asked = pair(b=shared, roles=[(REFERENCE, REFERENCE)])
    assert asked.notes == () and asked.pairs[0].verdict.reasons == (
        "both are one run, taken over from one bundle to the other: compared with itself it could not fail",)
    assert asked.pairs[0].identical and asked.exit_code is ExitCode.BLOCKED
    both = pair(b={"runs": pair.records[0].runs})
    assert [one.verdict.word for one in both.pairs] == [Label.BLOCKED] * 2 and both.notes == ()


def test_further_subjects_are_held_by_name_and_those_of_one_bundle_are_told(pair, store):
    a, b = pair.records

    def findings(record, *entries):
        return {"further": replace(record.further, subjects=entries)}

    ours = [subject_run(store.passed, a, name, factor, a.engines[0] if name == "gpu" else None)
            for name, factor in (("near", 1), ("gpu", 2), ("mine", 3))]
    theirs = [subject_run(store.failed, b, name, factor)
              for name, factor in (("gpu", 2), ("near", 1.5), ("yours", 1))]
    found = pair(findings(a, *ours), findings(b, *theirs))
    assert [(one.a.role, one.identical) for one in found.pairs] == [
        (REFERENCE, True), (SUBJECT, False), ("near", False), ("gpu", True)]
    assert found.pairs[2].verdict.word is Label.FAIL
    assert found.notes == (f"subject mine is in {a.name} alone, and is not compared",
                           f"subject yours is in {b.name} alone, and is not compared")
    assert found.pairs[3].a.name == f"subject gpu of {a.stamp} (good.py -f)"
    assert found.pairs[2].b.name == f"subject near of {b.stamp} (-f)"
    asked = pair(findings(a, *ours), findings(b, *theirs), [("mine", "yours"), ("near", "near")])
    assert [(one.a.role, one.b.role) for one in asked.pairs] == [
        ("mine", "yours"), ("near", "near")] and not asked.notes
    known = f"--roles: bundle {b.name} has no 'mine'; it has reference, subject, gpu, near, yours"
    with pytest.raises(UsageError, match=known) as caught:
        pair(findings(a, *ours), findings(b, *theirs), [("mine", "mine")])
    assert caught.value.hint == "for example --roles subject, or --roles reference:subject"


def test_runs_without_images_or_of_other_shapes_cannot_be_compared(pair):
    b = pair.records[1]
    failed = {"runs": (b.runs[0], replace(b.runs[1], failure=FAILED))}
    found = pair(b=failed).pairs[1]
    assert found.verdict == blocked([f"the {found.b.name} gave no image"]) and not found.identical
    found = pair(a={"runs": ()}, b={"runs": ()}).pairs
    assert [len(one.verdict.reasons) for one in found] == [2, 2]
    turned = tuple(replace(run, shape=type(run.shape)(run.shape.fast, run.shape.slow)) for run in b.runs)
    assert [one.verdict.word for one in pair(b={"runs": turned}).pairs] == [Label.NOT_COMPARABLE] * 2
    lost = Pairing((BundlePair(found[0].a, found[0].b, False, None, blocked(["x"])),), ())
    assert lost.exit_code is ExitCode.BLOCKED and lost.as_dict()["pairs"][0]["comparison"] is None


def test_pixels_that_are_no_number_are_left_out_where_both_cases_say_so(pair, store):
    for folder in (store.passed, store.failed):
        path = folder / image_name(REFERENCE)
        image = np.fromfile(path, "<f4")
        image[3] = np.nan
        path.chmod(0o644)
        path.write_bytes(image.tobytes())
    changed = [{"case": replace(record.case, nan=COMPARE)} for record in pair.records]
    role = [(REFERENCE, REFERENCE)]
    assert pair(*changed, role).pairs[0].verdict.passed
    for a, b in ((changed[0], None), (None, changed[1]), (None, None)):
        assert not pair(a, b, role).pairs[0].verdict.passed


def test_one_bundle_or_two_cases_are_refused(pair, store):
    two = f"{store.passed} is of case small, {store.failed} of case other; only runs of one case can be compared"
    with pytest.raises(UsageError, match=two):
        pair(b={"case": replace(pair.records[1].case, name="other")})
    (store.failed / "manifest-sha256.txt").chmod(0o644)
    (store.failed / "manifest-sha256.txt").write_bytes((store.passed / "manifest-sha256.txt").read_bytes())
    with pytest.raises(UsageError, match="are one bundle; compared with itself it could not fail") as caught:
        pair()
    assert caught.value.hint == f"nb-compare check {store.passed} judges its two images again"


@pytest.mark.parametrize("low", ["a", "z"])
def test_what_was_not_the_same_for_both_is_noted(pair, low):
    """In both directions of their order."""
    def case(**changes):
        return {"case": replace(pair.records[0].case, **changes)}

    for key, value in (("command", (low,)), ("reference_args", (low,)), ("subject_args", (low,)),
                       ("environment", {"A": low}), ("thresholds", pair.records[0].case.thresholds[:1]),
                       ("options", "own")):
        told = f"the case's {key} are not the same in both bundles"
        assert pair(a=case(**{key: value})).notes == (told,), key
        assert pair(b=case(**{key: value})).notes == (told,), key
    other = (StagedInput("x", "case", low * 64, 1, None),)
    assert pair(a={"inputs": other}).notes == pair(b={"inputs": other}).notes == (
        "the input files are not the same in both bundles",)
    machine = pair.records[0].environment
    for key in ("cpu", "platform", "numpy", "torch", "torch_threads", "torch_device", "torch_dtype"):
        assert pair(b={"environment": {**machine, key: low}}).notes == (f"{key}: {machine[key]}, then {low}",)
    lost = {key: value for key, value in machine.items() if key != "cpu"}
    assert pair(b={"environment": lost}).notes == (f"cpu: {machine['cpu']}, then None",)
    assert pair(b={"environment": {**machine, "python": low}}).notes == ()


# --- check -------------------------------------------------------------------------------------------------------


@pytest.fixture
def judged(store, monkeypatch):
    """Judge the bundle that passed again, with what is other in its record, by a case if one is given."""
    record = load_bundle(store.passed).record

    def call(by=None, **changes):
        monkeypatch.setattr(recheck, "_sound_record", lambda folder: replace(record, **changes))
        return check_bundle(store.passed, by)

    call.record = record
    return call


def test_without_a_case_the_bundle_is_judged_by_itself(judged, store):
    found = judged()
    assert found.verdict.passed and found.judged_by == "the bundle's own thresholds" and found.notes == ()
    assert found.comparison.centre == judged.record.comparison.centre and found.comparison.peaks.pairs == ()
    assert {figure.metric for region in found.comparison.regions for figure in region.figures} >= {
        "correlation", "sum_ratio"}
    said = found.as_dict()
    assert (said["kind"], said["case"], said["stamp"], said["loosened"]) == (
        "nb-compare check", "small", store.passed.name, [])
    assert said["verdict"] == found.verdict.as_dict() and said["verdict_of_record"]["word"] == "PASS"


def test_what_was_never_compared_keeps_its_verdict_or_is_told_what_failed(judged):
    record = judged.record
    stop = blocked(["a test failed"])
    assert judged(verdict=stop, comparison=None).verdict is stop and judged(runs=(), verdict=stop).verdict is stop
    assert judged(verdict=stop).verdict.passed, "it was compared, and is judged again"
    for word in set(Label) - {Label.BLOCKED}:
        assert judged(verdict=replace(stop, word=word), comparison=None).verdict.passed, word
    assert judged(verdict=uncompared(), comparison=None, uncompared=True).verdict.passed
    failed = judged(runs=(record.runs[0], replace(record.runs[1], failure=FAILED)))
    assert failed.verdict.word is Label.ENGINE_FAILED and failed.comparison is None
    turned = tuple(replace(run, shape=type(run.shape)(9, 7)) if run.role == SUBJECT else run for run in record.runs)
    assert judged(runs=turned).verdict.word is Label.NOT_COMPARABLE


def test_one_program_whose_images_were_left_uncompared_is_found_when_they_are(judged):
    record = judged.record
    twice = (record.engines[0], replace(record.engines[0], role=SUBJECT))
    runs = (record.runs[0], replace(record.runs[0], role=SUBJECT))
    found = judged(engines=twice, runs=runs, uncompared=True)
    assert found.verdict.word is Label.BLOCKED and "it was compared with itself" in found.verdict.reasons[0]
    assert judged(engines=twice, runs=runs).verdict.passed, "of what was compared the record has said it"


@pytest.mark.parametrize("value", ["0", "~"])
def test_images_of_another_experiment_are_not_judged_by_a_case(judged, small_case, value):
    case = load_case(small_case)
    said = judged.record.case
    for key, changed in (("command", (value,)), ("environment", {"A": value}), ("options", value),
                         ("reference_args", (*said.reference_args, value)), ("nan", value),
                         ("subject_args", (*said.subject_args, value))):
        now = replace(case, **{key: changed})
        found = judged(now)
        assert found.comparison is None and found.verdict.reasons[0].startswith(
            f"the stored images are not of this case: its {key} was "), key
    more = replace(said, subject_args=("-own", value))
    found = judged(case)
    assert found.verdict.passed and found.notes == () and found.judged_by == str(small_case)
    longer = judged(case, case=more)
    assert longer.verdict.passed and longer.notes[0] == f"the bundle was made with more subject_args: -own {value}"
    with pytest.raises(UsageError, match=r"is a bundle of case small, not of \S+"):
        judged(replace(case, name=value))


def test_inputs_of_another_sum_are_not_judged_unless_the_user_gave_them(judged, small_case):
    from nbcompare.case.case import CaseInput

    case = replace(load_case(small_case), inputs=(CaseInput("x.hkl", "x.hkl", None, "5" * 64),))
    lost = "the stored images are not of this case: it has no input x.hkl"
    assert judged(case).verdict.reasons == (lost,)
    for digest in ("4" * 64, "6" * 64):
        given = StagedInput("x.hkl", "case", digest, 3, None)
        assert judged(case, inputs=(given,)).verdict.reasons == (
            "the stored images are not of this case: its input x.hkl is not the one the case pins",)
        assert judged(case, inputs=(replace(given, origin="user"),)).verdict.passed
    assert judged(case, inputs=(StagedInput("x.hkl", "case", "5" * 64, 3, None),)).verdict.passed
    free = replace(case, inputs=(replace(case.inputs[0], sha256=None),))
    assert judged(free, inputs=(StagedInput("x.hkl", "case", "4" * 64, 3, None),)).verdict.passed


def test_notes_tell_what_the_case_was_and_whether_it_is_known(judged, small_case, store):
    assert judged(inputs_as_pinned=False).notes == ("the bundle was made with input files of the user's own",)
    small_case.write_text(small_case.read_text() + "# more\n")
    assert judged().notes == (f"the case changed since: {small_case} is not the file the bundle was made from",)
    small_case.unlink()
    assert judged().notes == (
        "whether the case changed since is not known: there is no case file of that name here",)


def test_claims_of_now_are_judged_on_this_day(judged, small_case, monkeypatch):
    """A proof of the record whose claim has expired since; without a case it stands as it was judged."""
    claim = replace(OLD.case.divergences[0], expires=datetime.date(2026, 1, 1))
    further = replace(judged.record.further, proof=Proof((claim,), (), datetime.date(2025, 1, 1)))
    case = replace(load_case(small_case), divergences=(claim,))
    assert judged(case, further=further).further.proof.judged_on == datetime.datetime.now(datetime.UTC).date()
    assert judged(further=further).further.proof.judged_on == datetime.date(2025, 1, 1)
    bounds = {(bound.metric, bound.roi) for bound in claim.bounds}
    assert recheck._figures_judged(replace(judged.record, further=further), ()) == bounds
    assert recheck._figures_judged(judged.record, judged.record.case.thresholds[:1]) == {("correlation", "full")}


def test_a_refusal_that_was_expected_is_judged_again_without_images(judged, monkeypatch):
    monkeypatch.setattr("nbcompare.verdict.refusals.a_line_matches", lambda pattern, text: pattern in text)
    record = judged.record
    expecting = replace(record.case, expect={SUBJECT: Refusal(0, "nothing")})
    found = judged(case=expecting)
    assert found.comparison is None and found.verdict.word is Label.FAIL


def test_a_damaged_bundle_is_not_judged_and_its_faults_are_told_in_order(store):
    (store.passed / "results/c.png").unlink()
    (store.passed / "inputs/env.txt").chmod(0o644)
    (store.passed / "inputs/env.txt").write_text("x")
    with pytest.raises(EvidenceError, match=f"{store.passed}: damaged, not judged") as caught:
        check_bundle(store.passed)
    assert list(caught.value.faults) == ["missing: results/c.png", "changed: inputs/env.txt"]
    assert caught.value.hint == f"nb-compare verify {store.passed}"
    with pytest.raises(EvidenceError, match=f"{store.passed}: 2 faults") as caught:
        verified(store.passed)
    assert list(caught.value.faults) == ["missing: results/c.png", "changed: inputs/env.txt"]
    assert caught.value.hint == "restore the bundle from a copy, or run its case again"


# --- verify and who lent the reference ---------------------------------------------------------------------------


def test_figures_are_not_taken_again_from_images_that_are_no_more(store, monkeypatch):
    asked = []
    monkeypatch.setattr(verify, "recomputation_faults", lambda *_: asked.append(1) or [])
    assert verify_bundle(store.passed).intact and asked == [1]
    (store.passed / "results/c.png").unlink()
    assert len(verify_bundle(store.passed).faults) == 1 and asked == [1, 1]
    (store.passed / image_name(SUBJECT)).unlink()
    assert f"missing: {image_name(SUBJECT)}" in map(str, verify_bundle(store.passed).faults) and asked == [1, 1]


def test_what_a_forged_word_leads_to_is_a_damaged_record_and_a_bad_disk_is_none(store, monkeypatch):
    for fault in (ValueError("v"), KeyError("k"), TypeError("t"), AttributeError("a"), IndexError("i"),
                  ZeroDivisionError("z")):
        def broken(*_, fault=fault):
            raise fault

        monkeypatch.setattr(verify, "agreement_faults", broken)
        (found,) = verify_bundle(store.passed).faults
        assert str(found) == f"schema: record.json (damaged record ({type(fault).__name__}: {fault}))"

    def unread(*_):
        raise FileError("the disk is gone")

    monkeypatch.setattr(verify, "agreement_faults", unread)
    with pytest.raises(FileError, match="the disk is gone"):
        verify_bundle(store.passed)
    (store.passed / "results/c.png").unlink()
    assert "damaged record (FileError: the disk is gone)" in str(verify_bundle(store.passed).faults)


def test_a_record_that_is_written_otherwise_or_is_gone_is_told(store):
    path = store.passed / "record.json"
    path.chmod(0o644)
    text = path.read_text()
    path.write_text(text + " ")
    found = verify_bundle(store.passed)
    assert [str(fault) for fault in found.faults] == ["changed: record.json", "malformed: record.json (not written as "
                                                      "nb-compare writes it)"] and found.record is not None
    path.write_bytes(b"\xff")
    assert [str(fault) for fault in verify_bundle(store.passed).faults] == [
        "unreadable: record.json (it is not UTF-8 text (byte 0))", "changed: record.json"]
    path.unlink()
    lost = verify_bundle(store.passed)
    assert [str(fault) for fault in lost.faults] == ["missing: record.json"] and lost.record is lost.note is None
    assert lost.as_dict() == {"bundle": str(store.passed), "intact": False, "note": None, "faults": [
        {"kind": "missing", "file": "record.json", "detail": ""}]}


def test_who_lent_the_reference_has_to_say_the_same_where_he_is_here(store):
    record, other = load_bundle(store.passed).record, load_bundle(store.failed).record
    lent = replace(record, reference_from=Ancestor("small", store.failed.name, sha256_of(
        store.failed / "manifest-sha256.txt")), runs=(other.runs[0], record.runs[1]))
    name = f"small/{store.failed.name}"

    def told(record):
        return [str(fault) for fault in lender_faults(store.passed, record)]

    assert told(record) == [] and lender_note(store.passed, record) is lender_of(store.passed, record) is None
    assert told(lent) == [] and lender_note(store.passed, lent) is None
    assert lender_of(store.passed, lent) == store.failed.absolute()
    away = replace(lent, reference_from=replace(lent.reference_from, stamp="20200101T000000Z"))
    assert told(away) == [] and lender_note(store.passed, away) == (
        "its reference image is that of bundle small/20200101T000000Z, which is not here")
    for digest in ("0" * 64, "f" * 64):
        assert told(replace(lent, reference_from=replace(lent.reference_from, manifest_sha256=digest))) == [
            f"disagrees: record.json (the bundle {name} here is not the one that its reference came from)"]
    assert told(replace(lent, runs=record.runs)) == [
        f"disagrees: record.json (the reference of bundle {name} is another run than is said here)"]
    mark(store.failed.parent, store.failed.name, Path("a.zip"), "a" * 64)
    assert lender_note(store.passed, lent) == f"its reference image is that of bundle {name}, which was imported"
    (store.failed / "record.json").unlink()
    (found,) = told(lent)
    assert found.startswith(f"disagrees: record.json (the bundle {name} that its reference came from: ")
