"""What a record says must agree with itself, and with the sums of its files: each rule broken alone, in memory."""

import datetime
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from nbcompare.bundle.check.agreement import agreement_faults
from nbcompare.bundle.fault import Fault
from nbcompare.bundle.layout import has_pictures, region_pictures, stray_files
from nbcompare.bundle.manifest import Inspection
from nbcompare.bundle.names import CASE_FILE, RECORD, image_name, mask_name
from nbcompare.bundle.record import Ancestor, ImageFacts, Record
from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.expected_trace import ExpectedFactor, ExpectedTrace
from nbcompare.case.further_subject import FurtherSubject
from nbcompare.case.inputs import StagedInput, hash_inputs
from nbcompare.compare.image import Shape
from nbcompare.compare.picture_settings import UNLESS_PASSED
from nbcompare.engine.failure import Failure
from nbcompare.engine.trace.asking import questions
from nbcompare.verdict.ablation import CHANGED, AblatedArgument, Ablation
from nbcompare.verdict.claimed_trace import ClaimTrace, TracedRun
from nbcompare.verdict.noise_floor import NoiseFloor, Repetition
from nbcompare.verdict.on_device import DeviceRun
from nbcompare.verdict.subjects import SubjectRun
from nbcompare.verdict.verdict import Label
from tests.nbcompare.bundle.test_archive_verify import edited, fix_sums

OLD = Record.from_dict(json.loads((Path(__file__).parents[1] / "records" / "version-1.json").read_text()))
OTHER, MASK, INPUT = "1" * 64, "2" * 64, hashlib.sha256(b"abc").hexdigest()
FLOAT = ("-floatfile", "float.bin")


def rich():
    """A record in which everything is that one can hold, and agrees."""
    reference, subject = OLD.engines
    plain, theirs = (OLD.run_of(role) for role in (REFERENCE, SUBJECT))
    words = ("-hkl", "x.hkl", "-phi", "2")
    command = (*OLD.case.command, *words)
    expected = ExpectedTrace((ExpectedFactor("polarization", 1, 0.1),), 1e-6, 3, 2)
    case = replace(OLD.case, file=None, command=command, subject_args=("-own",), repeat=1, threads=(2,),
                   required_args=("-flux",), divergences=(replace(OLD.case.divergences[0], trace=expected),),
                   subjects={"near": FurtherSubject(("-f", "2")), "old": FurtherSubject(("-fast",), "old")})

    def argv(engine, *more):
        return (*engine.started_as, *command, *more, *FLOAT)

    plain, theirs = replace(plain, argv=argv(reference)), replace(theirs, argv=argv(subject, "-own"), mask_sha256=MASK)
    noisy = replace(plain, image_sha256=OTHER, mask_sha256=MASK)
    noise = NoiseFloor((Repetition("repeat-1", {}, plain, True, None), Repetition("threads-2", {}, noisy, False, None)))
    old = replace(subject, started_as=("/engines/old",), name="old", program_sha256="3" * 64)
    there = replace(theirs, argv=argv(subject, "-own", "-device", "cuda"), image_sha256="4" * 64)
    device = DeviceRun(there, None, "cuda")
    subjects = (SubjectRun(replace(theirs, argv=argv(subject, "-own", "-f", "2")), None, "near", ("-f", "2")),
                SubjectRun(replace(theirs, argv=argv(old, "-fast"), mask_sha256=None), None, "old", ("-fast",), old))
    emulated, control = OLD.further.proof.trials
    trials = (replace(emulated, run=replace(emulated.run, argv=argv(subject, "-own", "-emulate", "defect"))),
              replace(control, run=replace(control.run, argv=(*reference.started_as, *OLD.case.command, "-hkl", "x.hkl",
                                                              "-phi", "2", "-phi", "1", *FLOAT))))
    asked = {role: questions((*command, *more), (3, 2), replace(OLD.case.rois[0]))[0]
             for role, more in ((REFERENCE, ()), (SUBJECT, ("-own",)))}
    trace = ClaimTrace("bright-peak", 3, 2, tuple(TracedRun(
        f"divergences/bright-peak/trace_{run.role}", replace(run, argv=(*engine.started_as, *asked[run.role], *FLOAT)),
        1.0) for run, engine in ((plain, reference), (theirs, subject))))
    proof = replace(OLD.further.proof, claims=case.divergences, trials=trials, traces=(trace,))
    further = replace(OLD.further, noise=noise, device=device, subjects=subjects, proof=proof, ablation=Ablation(
        (AblatedArgument(("-flux", "1e18"), CHANGED, CHANGED, True),)))
    inputs = (StagedInput("x.hkl", "case", INPUT, 3, None),)
    return replace(OLD, case=case, inputs=inputs, content=replace(OLD.content, inputs=hash_inputs(inputs)),
                   runs=(plain, theirs), further=further, pictures=UNLESS_PASSED,
                   verdict=replace(OLD.verdict, word=Label.PASS))


RICH = rich()
SUMS = {image_name(REFERENCE): RICH.runs[0].image_sha256, image_name(SUBJECT): RICH.runs[1].image_sha256,
        mask_name(SUBJECT): MASK, "inputs/data/x.hkl": INPUT, "noise/threads-2_float.bin": OTHER,
        "noise/threads-2_mask.bin": MASK, "device/cuda_float.bin": "4" * 64, "device/cuda_mask.bin": MASK,
        "subjects/near_mask.bin": MASK}


def with_case(**changes):
    return replace(RICH, case=replace(RICH.case, **changes))


def with_further(**changes):
    return replace(RICH, further=replace(RICH.further, **changes))


def with_run(at, **changes):
    return replace(RICH, runs=tuple(replace(run, **changes) if at == number else run
                                    for number, run in enumerate(RICH.runs)))


def with_proof(**changes):
    return with_further(proof=replace(RICH.further.proof, **changes))


def with_trial(at, **changes):
    return with_proof(trials=tuple(replace(trial, run=replace(trial.run, **changes)) if at == number else trial
                                   for number, trial in enumerate(RICH.further.proof.trials)))


def with_trace(at, **changes):
    trace = RICH.further.proof.traces[0]
    runs = tuple(replace(entry, run=replace(entry.run, **changes)) if at == number else entry
                 for number, entry in enumerate(trace.runs))
    return with_proof(traces=(replace(trace, runs=runs),))


@pytest.fixture
def faults(tmp_path):
    """The faults of a record, told as (file, words), beside files with these sums."""
    (tmp_path / "inputs/data").mkdir(parents=True)
    (tmp_path / "inputs/data/x.hkl").write_bytes(b"abc")

    def call(record, sums=SUMS):
        found = agreement_faults(tmp_path, record, Inspection(dict(sums), []))
        return [(fault.kind, fault.file, fault.detail) for fault in found]

    return call


def told(detail, file=RECORD, kind="disagrees"):
    return [(kind, file, detail)]


BAD = ("sh", "-c", "boo")
OWNED = "is said to have been run as 'sh -c boo', which does not follow from its engine and the case"


def test_a_record_that_agrees_has_no_fault(faults):
    assert faults(RICH) == []


@pytest.mark.parametrize(("record", "words"), [
    (replace(RICH, resample=True, inputs_as_pinned=False), "inputs_as_pinned does not follow from the inputs it lists"),
    (replace(RICH, content=replace(RICH.content, inputs="0" * 64)),
     "content.inputs is not the sum over the inputs it lists"),
    (replace(RICH, content=replace(RICH.content, case="0" * 64)), "content.case is not the sum of the case"),
    (replace(RICH, content=replace(RICH.content, case="f" * 64)), "content.case is not the sum of the case"),
    (with_run(0, exit_code=1), "the reference is said to have worked, with exit code 1 and an image"),
    (with_run(0, exit_code=-1), "the reference is said to have worked, with exit code -1 and an image"),
    (with_run(1, argv=BAD), f"the subject {OWNED}"), (with_run(0, argv=BAD), f"the reference {OWNED}"),
    (with_trial(0, argv=BAD), f"the subject {OWNED}"), (with_trial(1, argv=BAD), f"the reference {OWNED}"),
    (with_trial(0, argv=RICH.runs[1].argv), "the subject is said to have been run as "),
    (with_trace(0, argv=BAD), f"the reference {OWNED}"), (with_trace(1, argv=BAD), f"the subject {OWNED}"),
    (with_further(device=replace(RICH.further.device, run=replace(RICH.further.device.run, argv=RICH.runs[1].argv))),
     "the subject is said to have been run as "),
    (with_further(noise=NoiseFloor((replace(RICH.further.noise.repetitions[0], run=replace(
        RICH.runs[0], argv=BAD)), RICH.further.noise.repetitions[1]))), f"the reference {OWNED}"),
    (with_further(subjects=(replace(RICH.further.subjects[0], run=replace(RICH.runs[1], argv=BAD)),
                            RICH.further.subjects[1])), f"the subject {OWNED}"),
    (with_further(subjects=(RICH.further.subjects[0], replace(RICH.further.subjects[1], run=replace(
        RICH.further.subjects[1].run, argv=BAD)))), f"the subject {OWNED}"),
    (with_further(subjects=RICH.further.subjects[::-1]), "the subjects that were run are not those of the case"),
    (with_further(subjects=(RICH.further.subjects[0], replace(RICH.further.subjects[1], engine=None, run=replace(
        RICH.runs[1], argv=(*RICH.engines[1].started_as, *RICH.case.command, "-fast", *FLOAT), mask_sha256=None)))),
     "subject old was not run by the engine that the case names"),
    (with_proof(judged_on=datetime.date(2026, 11, 27)),
     "its claims were judged on 2026-11-27, the stamp says 20261128T150000Z"),
    (with_proof(judged_on=datetime.date(2026, 11, 29)),
     "its claims were judged on 2026-11-29, the stamp says 20261128T150000Z"),
    (with_proof(traces=()), "the pixels that were traced are not those that the claims speak of"),
    (with_case(divergences=(replace(RICH.case.divergences[0], owner="me"),)),
     "the claims that were tried are not those of the case"),
    (with_further(vacuous=("a sign",)), "what it says of engines compared with themselves does not follow from them"),
    (with_case(repeat=2), "the case asks to run the reference again (repeat-2), and it was not"),
    (with_case(threads=(2, 3)), "the case asks to run the reference again (threads-3), and it was not"),
    (with_case(required_args=("-flux", "-hkl")), "the case requires -hkl to matter, and it was not probed"),
    (with_further(ablation=None), "the case requires -flux to matter, and it was not probed"),
    (with_further(ablation=Ablation((AblatedArgument(("-flux", "1e18"), CHANGED, CHANGED, False),))),
     "the case requires -flux to matter, and it was not probed")])
def test_each_rule_that_a_record_breaks_is_told(faults, record, words):
    found = faults(record)
    assert len(found) == 1 and found[0][:2] == ("disagrees", RECORD) and found[0][2].startswith(words), found


@pytest.mark.parametrize(("record", "words"), [
    (replace(RICH, engines=RICH.engines[::-1]), "it must name one reference and one subject, in this order"),
    (replace(RICH, engines=RICH.engines[:1]), "it must name one reference and one subject, in this order"),
    *((replace(RICH, runs=runs), "it must hold a run of the reference and one of the subject, or none")
      for runs in (RICH.runs[::-1], RICH.runs[:1], RICH.runs[1:], (*RICH.runs, RICH.runs[1]))),
    (replace(RICH, runs=()), "it speaks of images, and holds no run"),
    (replace(RICH, runs=(), comparison=None, uncompared=True), "it speaks of images, and holds no run")])
def test_of_a_record_without_its_engines_or_runs_nothing_else_is_asked(faults, record, words):
    assert faults(replace(record, content=replace(RICH.content, case="0" * 64))) == told(words)


def test_check_and_verify_tell_a_record_that_lost_a_run(store, nb):
    """With all sums put right; it was a trace of ours."""
    edited(store.passed, (("runs",), lambda runs: runs[:1]))
    fix_sums(store.passed)
    words = "disagrees: record.json (it must hold a run of the reference and one of the subject, or none)"
    for command in ("verify", "check"):
        said = nb(command, store.passed)
        assert said.code == 6 and words in said.out + said.err


def test_a_run_without_an_image_has_not_worked(faults):
    assert told("the subject is said to have worked, with exit code 0 and no image")[0] in faults(
        with_run(1, image_sha256=None))
    crashed = with_run(1, failure=Failure("exit-code", "ended"), exit_code=3)
    assert faults(crashed) == []


def test_of_an_image_that_was_taken_over_nothing_is_asked_that_the_reference_did(faults):
    """Its repetitions stand in the bundle that it is of, and what it says of engines there may follow what is here."""
    lent = Ancestor("small", "20261101T000000Z", "a" * 64)
    bad = NoiseFloor((replace(RICH.further.noise.repetitions[0], run=replace(RICH.runs[0], argv=BAD)),))
    record = replace(with_further(noise=bad), reference_from=lent)
    assert faults(record, {name: entry for name, entry in SUMS.items() if not name.startswith("noise")}) == []
    said = ("told there",)
    assert faults(replace(with_further(vacuous=said), reference_from=lent)) == []
    assert faults(replace(with_further(vacuous=said), reference_from=None)) != []


def test_one_program_asked_twice_has_to_say_so(faults):
    twice = replace(RICH, engines=(RICH.engines[0], replace(RICH.engines[0], role=SUBJECT)),
                    case=replace(RICH.case, subject_args=()))
    found = "what it says of engines compared with themselves does not follow from them"
    runs = tuple(replace(run, argv=RICH.runs[0].argv) for run in RICH.runs)
    assert found in [words for *_, words in faults(replace(twice, runs=runs))]
    images = {role: ImageFacts(f"{role}.cbf", "fabio", "int32", {}) for role in (REFERENCE, SUBJECT)}
    assert found not in [words for *_, words in faults(replace(twice, runs=runs, images=images))]
    assert found not in [words for *_, words in faults(replace(twice, runs=runs, uncompared=True))]


def test_what_was_not_compared_needs_no_findings_but_what_was_left_uncompared_does(faults):
    lost = replace(with_further(noise=None, subjects=()), comparison=None)
    sums = {name: entry for name, entry in SUMS.items() if not name.startswith(("noise", "subjects"))}
    assert faults(lost, sums) == []
    assert [words for *_, words in faults(replace(lost, uncompared=True), sums)] == [
        "the subjects that were run are not those of the case",
        "the case asks to run the reference again (repeat-1), and it was not",
        "the case asks to run the reference again (threads-2), and it was not"]


# --- sums --------------------------------------------------------------------------------------------------------


WANTED = {name: f"the record says its sha256 is {digest}" for name, digest in SUMS.items()}


@pytest.mark.parametrize(("name", "gone", "other"), [
    (image_name(REFERENCE), "the record knows the image of the reference", WANTED[image_name(REFERENCE)]),
    (image_name(SUBJECT), "the record knows the image of the subject", WANTED[image_name(SUBJECT)]),
    (mask_name(SUBJECT), "the record knows a mask of the subject's image", WANTED[mask_name(SUBJECT)]),
    ("inputs/data/x.hkl", "the record lists it as an input", f"the record says 3 bytes, sha256 {INPUT}"),
    ("noise/threads-2_float.bin", "the record says that this run gave an image", WANTED["noise/threads-2_float.bin"]),
    ("device/cuda_float.bin", "the record says that this run gave an image", WANTED["device/cuda_float.bin"]),
    ("noise/threads-2_mask.bin", *["the record knows another mask of this run"] * 2),
    ("device/cuda_mask.bin", *["the record knows another mask of this run"] * 2),
    ("subjects/near_mask.bin", *["the record knows another mask of this run"] * 2)])
def test_a_file_that_is_gone_is_missing_and_one_that_is_another_disagrees(faults, name, gone, other):
    assert faults(RICH, {key: entry for key, entry in SUMS.items() if key != name}) == told(gone, name, "missing")
    for digest in ("0" * 64, "f" * 64):
        assert faults(RICH, {**SUMS, name: digest}) == told(other, name)


def test_an_image_that_nobody_made_disagrees_and_an_input_of_another_length(faults, tmp_path):
    record = with_run(1, image_sha256=None, failure=Failure("exit-code", "ended"))
    assert faults(record)[0] == ("disagrees", image_name(SUBJECT), "the record knows of no image of the subject")
    assert ("missing", "divergences/bright-peak/control_float.bin", "the record says that this run gave an image"
            ) in faults(record), "it was the subject's, and is nobody's now"
    for content in (b"ab", b"abcd"):
        (tmp_path / "inputs/data/x.hkl").write_bytes(content)
        assert faults(RICH) == told(f"the record says 3 bytes, sha256 {INPUT}", "inputs/data/x.hkl")


def test_a_failed_further_run_needs_no_image_and_a_doubtful_file_is_told_once(tmp_path, faults):
    failed = replace(RICH.further.device.run, failure=Failure("exit-code", "ended"), mask_sha256=None)
    sums = {name: entry for name, entry in SUMS.items() if not name.startswith("device")}
    assert faults(with_further(device=replace(RICH.further.device, run=failed)), sums) == []
    known = Inspection({}, [Fault("missing", name) for name in SUMS])
    assert agreement_faults(tmp_path, RICH, known) == []


def test_the_case_file_that_is_said_to_be_there_has_to_be(faults, tmp_path):
    said = with_case(file="small.yaml")
    assert faults(said) == told("the record says it was small.yaml", CASE_FILE, "missing")
    assert faults(said, {**SUMS, CASE_FILE: "0" * 64}) == told(
        f"the record says its sha256 is {RICH.case.sha256}", CASE_FILE)
    (tmp_path / CASE_FILE).write_text("name: [\n")
    found = faults(said, {**SUMS, CASE_FILE: RICH.case.sha256})
    assert found[0][:2] == ("disagrees", CASE_FILE) and found[0][2].startswith("it cannot be read as a case: ")


# --- which files there may be ------------------------------------------------------------------------------------


LEFT = {"device/cuda_stdout.txt", "noise/repeat-1_float.bin", "noise/repeat-1_stderr.txt", "subjects/old_stdout.txt",
        "divergences/bright-peak/control_float.bin", "divergences/bright-peak/emulated_stderr.txt",
        "divergences/bright-peak/trace_reference_stdout.txt", "divergences/bright-peak/trace_subject_stderr.txt",
        "results/radial_profile.json", "results/c.png", CASE_FILE, "tests/pytest_cpu_collect.log", "record.json"}


def test_files_that_runs_of_the_record_leave_may_be_there_and_no_others():
    assert stray_files(RICH, {*SUMS, *LEFT}) == []
    strange = {"divergences/bright-peak/trace_subject_float.bin", "noise/repeat-1_mask.bin", "inputs/c_mask.bin",
               "results/region_1_full.png", "failed/py/core", "tests/pytest_cuda_collect.log", "subjects/old_mask.bin",
               "noise/more.txt"}
    assert stray_files(RICH, {*SUMS, *LEFT, *strange}) == sorted(strange)


def test_what_failed_or_was_taken_back_leaves_folders_whole():
    ended = Failure("exit-code", "ended")
    core = {"failed/py/core", "noise/more.txt"}
    for record in (with_run(1, failure=ended), with_trace(1, failure=ended), with_further(device=replace(
            RICH.further.device, run=replace(RICH.further.device.run, failure=ended)))):
        assert stray_files(record, core) == ["noise/more.txt"]
    back = replace(RICH, comparison=None)
    more = {"noise/x", "divergences/x", "device/x", "subjects/x", "results/region_2_middle.png"}
    assert stray_files(back, {*more, "failed/x", "results/region_3_middle.png"}) == ["failed/x",
                                                                                     "results/region_3_middle.png"]
    assert stray_files(replace(back, runs=()), more) == sorted(more)


def test_pictures_are_of_what_was_compared_on_one_grid_and_wanted():
    assert not has_pictures(RICH) and region_pictures(RICH) == []
    drawn = replace(RICH, pictures="always")
    assert has_pictures(drawn) and region_pictures(drawn) == ["results/region_1_full.png",
                                                              "results/region_2_middle.png"]
    proven = replace(RICH, verdict=replace(RICH.verdict, word=Label.PROVEN))
    assert has_pictures(proven) and not has_pictures(replace(drawn, comparison=None))
    other = (RICH.runs[0], replace(RICH.runs[1], shape=Shape(8, 9)))
    assert not has_pictures(replace(drawn, runs=other))
