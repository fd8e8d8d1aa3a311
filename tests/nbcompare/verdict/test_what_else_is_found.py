"""What is found out beside the plain comparison, in memory: what is asked for, in which order, and what becomes of it
in the verdict and in a record."""

import datetime
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace as Things

import numpy as np
import pytest

from nbcompare.case.further_subject import FurtherSubject
from nbcompare.case.threshold import Threshold
from nbcompare.compare.compare import compare_images
from nbcompare.compare.image import Roi, Shape
from nbcompare.engine.engine import Engine, Run
from nbcompare.engine.failure import Failure
from nbcompare.engine.identity import EngineIdentity
from nbcompare.engine.rendering.runs import Job
from nbcompare.verdict import further_evidence, further_runs
from nbcompare.verdict.ablation import AblatedArgument, Ablation
from nbcompare.verdict.claimed_trace import ClaimTrace, TracedRun
from nbcompare.verdict.further_evidence import FurtherEvidence, as_asked_now, conclude, plain_verdict
from nbcompare.verdict.further_runs import FurtherRuns, run_further, run_uncompared
from nbcompare.verdict.noise_floor import NoiseFloor, Repetition
from nbcompare.verdict.on_device import DeviceRun
from nbcompare.verdict.proof import Proof, Trial
from nbcompare.verdict.subjects import SubjectRun
from nbcompare.verdict.verdict import Label, verdict
from tests.nbcompare.frozen import are_frozen

TODAY = datetime.date(2026, 11, 25)
SHAPE = Shape(10, 12)
ROIS = (Roi.full(SHAPE),)
IMAGE = np.random.default_rng(5).exponential(size=(10, 12)).astype("f4") + 1
NEAR = IMAGE.copy()
NEAR[3, 3] = np.nextafter(NEAR[3, 3], np.float32(9))
SCALE = (Threshold("sum_ratio", "full", 0.99, 1.01, "same"), Threshold("correlation", "full", 0.9, None, "same"))


def run_of(role, failure=None, sha256="0"):
    return Run(role, (role, "-x"), SHAPE, 0, 0.1, failure and Failure("exit-code", failure), sha256)


def compared(subject=IMAGE):
    return compare_images(IMAGE, subject, ROIS, with_peaks=False)


def repetition(name="repeat-1", failure=None, factor=1.0):
    found = None if failure else compared(IMAGE * np.float32(factor))
    return Repetition(name, {"A": name}, run_of("reference", failure), factor == 1, found)


# --- what was found, kept and told ------------------------------------------------------------------------

DEVICE = DeviceRun(run_of("subject"), compared(), "cuda")
OTHER = SubjectRun(run_of("subject"), compared(), "f64", ("-dtype",))
TRACE = ClaimTrace("phi", 1, 2, (TracedRun("f", run_of("reference"), None), TracedRun("f", run_of("subject"), 1.0)))
TRIALS = (Trial("emulated", "f", run_of("subject"), None, None), Trial("control", "f", run_of("reference"), None, None))
PROOF = Proof((), TRIALS, TODAY, (TRACE,))
ALL = FurtherEvidence(NoiseFloor((repetition(), repetition("threads-2"))), ("v",),
                      Ablation((AblatedArgument(("-x",), "same", "same", True),)), PROOF, "a cause", DEVICE, (OTHER,),
                      ("subject",))


def test_every_further_run_is_told_with_what_it_was_for():
    assert [(what, run.role, dict(variables)) for what, run, variables in ALL.further_runs] == [
        ("the reference once more (repeat-1)", "reference", {"A": "repeat-1"}),
        ("the reference once more (threads-2)", "reference", {"A": "threads-2"}),
        ("the subject once more (emulated)", "subject", {}), ("the reference once more (control)", "reference", {}),
        ("the reference once more (trace of phi)", "reference", {"OMP_NUM_THREADS": "1"}),
        ("the subject once more (trace of phi)", "subject", {"OMP_NUM_THREADS": "1"}),
        ("the subject once more (on cuda)", "subject", {}), ("the subject f64", "subject", {})]
    assert list(ALL.held) == [("f64", OTHER), ("cuda", DEVICE)]
    nothing = FurtherEvidence()
    assert list(nothing.further_runs) == list(nothing.held) == []


def test_what_was_found_is_kept_and_read_back_equal():
    stored = json.loads(json.dumps(ALL.as_dict()))
    assert list(stored) == ["noise", "vacuous", "probe", "proof", "cause", "device", "subjects", "computed"]
    assert FurtherEvidence.from_dict(stored) == ALL and are_frozen(ALL, ALL.ablation, ALL.ablation.arguments[0])
    assert FurtherEvidence().as_dict() == {"noise": None, "vacuous": [], "probe": None, "proof": None, "cause": None}
    assert FurtherEvidence.from_dict(FurtherEvidence().as_dict()) == FurtherEvidence()


def test_a_stored_finding_is_held_against_what_the_case_asks_now():
    def now(required=(), repeat=0, threads=(), **found):
        case = Things(repeat=repeat, threads=threads, required_args=required, divergences=())
        return as_asked_now(FurtherEvidence(**found), case, TODAY)

    noise = NoiseFloor((repetition(), repetition("threads-2")))
    assert now(repeat=1, threads=(2,), noise=noise).vacuous == ()
    more = now(("-x", "-y"), repeat=3, threads=(2, 4), noise=noise, vacuous=("before",), ablation=ALL.ablation)
    assert more.vacuous == (
        "before", "the case asks for the reference's noise (repeat-2, repeat-3, threads-4), which was not measured",
        "the case requires -y to matter, which was not probed")
    assert now(proof=PROOF).proof is None and now().ablation is None
    assert now(ablation=ALL.ablation).ablation.arguments[0].required is False


# --- the verdict on all of it -----------------------------------------------------------------------------


def test_a_reference_that_fails_when_repeated_is_a_failed_engine_whatever_else_is_so():
    broken = FurtherEvidence(noise=NoiseFloor((repetition(), repetition("threads-2", "ended with exit code 5"))))
    found = conclude(compared(IMAGE * 2), SCALE, broken)
    assert (found.word, found.reasons) == (
        Label.ENGINE_FAILED, ("the reference, run again (threads-2), ended with exit code 5",))


def test_the_plain_verdict_heeds_noise_signs_of_vacuity_and_what_was_probed():
    assert plain_verdict(compared(), SCALE, FurtherEvidence()).word is Label.PASS
    assert plain_verdict(compared(), SCALE, FurtherEvidence(vacuous=("v",))) == replace(
        plain_verdict(compared(), SCALE, FurtherEvidence()), word=Label.BLOCKED, exit_code=8, reasons=("v",))
    probed = plain_verdict(compared(), SCALE, FurtherEvidence(ablation=ALL.ablation, vacuous=("v",)))
    assert probed.reasons == ("v", "required: -x changes neither image")
    noisy = FurtherEvidence(noise=NoiseFloor((repetition(factor=1.5),)))
    assert plain_verdict(compared(), SCALE, noisy).word is Label.CASE_ERROR
    assert plain_verdict(compared(), SCALE, noisy).checks[0].noise == pytest.approx(1.5)
    assert conclude(compared(), SCALE, noisy).word is Label.CASE_ERROR


def test_all_that_was_found_has_a_say_in_the_end(monkeypatch):
    """A proof that stands is BLOCKED by images that are no evidence, and FAILs by a further subject."""
    off = replace(OTHER, comparison=compared(IMAGE * 2))
    device = replace(DEVICE, comparison=compared(IMAGE * 2))
    assert conclude(compared(), SCALE, FurtherEvidence(subjects=(OTHER,), device=DEVICE)).word is Label.PASS
    assert conclude(compared(), SCALE, FurtherEvidence(subjects=(off,))).reasons[0].startswith("subject f64: sum_ratio")
    assert conclude(compared(), SCALE, FurtherEvidence(device=device)).reasons[0].startswith("on cuda: sum_ratio")
    monkeypatch.setattr(further_evidence, "judge_claims", lambda plain, *more: verdict(Label.PROVEN, ["p"], ["c"]))
    proven = FurtherEvidence(proof=PROOF)
    assert conclude(compared(IMAGE * 2), SCALE, proven).word is Label.PROVEN
    found = conclude(compared(IMAGE * 2), SCALE, replace(proven, vacuous=("v",)))
    assert (found.word, found.reasons, found.checks) == (Label.BLOCKED, ("v",), ("c",))
    assert conclude(compared(IMAGE * 2), SCALE, replace(proven, subjects=(off,))).word is Label.FAIL


# --- what is run ------------------------------------------------------------------------------------------


def identity(role, **changes):
    return EngineIdentity(**{"role": role, "name": role, "chosen_by": "--x", "started_as": (role,), "version": "1",
                             "program_sha256": role.ljust(64, "0"), "program_bytes": 1, "libraries": ()} | changes)


@pytest.fixture
def bench(monkeypatch):
    """Two runs of a case, and what else was asked for: each kind of further run is noted with how it was asked."""
    asked = []

    def noting(name, result):
        def call(*words, **named):
            asked.append((name, words, named))
            return result(*words) if callable(result) else result
        monkeypatch.setattr(further_runs, name, call)

    floor = NoiseFloor((repetition(),))
    noting("measure", floor)
    noting("ablate", ALL.ablation)
    noting("try_claims", PROOF)
    noting("run_on_device", DEVICE)

    def call(subject=IMAGE, own=None, entries=(), why=None, stored=None, resample=False, **keys):
        case = Things(**{"repeat": 0, "threads": (), "required_args": (), "divergences": (), "rois": ROIS,
                         "nan": "fail", "thresholds": SCALE, "command": ("-x",), "subjects": {}} | keys)
        identities = own or (identity("reference"), identity("subject"))
        noting("run_subjects", list(entries))
        jobs = {role: Job(Engine(role, role, (role,), "t"), ("-x",), SHAPE, 1.0, Path("in")) for role in (
            "reference", "subject")}
        asked.clear()
        return FurtherRuns(case, jobs, identities, (run_of("reference"), run_of("subject", None, "1")),
                           {"reference": IMAGE, "subject": subject}, "rerun", "quietly", "listen", Path("in"), TODAY,
                           stored, resample, why_copied=why or (lambda name: f"nobody saw what {name} opened"))

    call.asked, call.floor = asked, floor
    return call


def further(bench, **flags):
    comparison = compare_images(IMAGE, bench.images["subject"], ROIS, with_peaks=False, centre=(1.0, 2.0))
    return run_further(bench, comparison, **{"noise_floor": False, "probe_args": False} | flags)


def test_what_nobody_asks_for_is_not_run(bench):
    assert are_frozen(bench())
    assert further(bench()) == FurtherEvidence() and [words[0] for words in bench.asked] == ["run_subjects"]


@pytest.mark.parametrize(("keys", "asked", "repeat", "threads"), [
    ({"repeat": 2}, False, 2, ()), ({"threads": (4,)}, False, 0, (4,)), ({}, True, 1, (1, 2)),
    ({"repeat": 3}, True, 3, (1, 2)), ({"threads": (4,)}, True, 1, (4,))])
def test_the_noise_is_measured_as_the_case_or_the_user_asks(bench, keys, asked, repeat, threads):
    made = bench(**keys)
    assert further(made, noise_floor=asked).noise is bench.floor
    _, words, named = bench.asked[0]
    assert words[0] is IMAGE and words[1:] == (made.runs[0], made.jobs["reference"], "rerun", ROIS, SCALE)
    assert named == {"repeat": repeat, "threads": threads, "centre": (1.0, 2.0), "skip_nonfinite": False}
    assert further(bench(nan="compare", **keys), noise_floor=asked) and bench.asked[0][2]["skip_nonfinite"] is True


def test_options_are_probed_as_the_case_or_the_user_asks(bench):
    for required, asked, only in ((("-x",), False, True), ((), True, False), (("-x",), True, False)):
        made = bench(required_args=required)
        assert further(made, probe_args=asked).ablation is ALL.ablation
        _, words, named = bench.asked[0]
        assert words[:2] == (("-x",), made.jobs) and words[2] is IMAGE and words[3:] == ("quietly", Path("in"))
        assert named == {"required": required, "only_required": only, "known": None,
                         "may_run": ("reference", "subject")}


def test_a_stored_reference_is_not_run_again_and_brings_what_is_known(bench):
    known = FurtherEvidence(noise=ALL.noise, ablation=ALL.ablation)
    found = further(bench(stored=known, repeat=1, required_args=("-x",)))
    assert found.noise is ALL.noise and bench.asked[0][0] == "ablate"
    assert (bench.asked[0][2]["known"], bench.asked[0][2]["may_run"]) == (ALL.ablation, ("subject",))
    lacking = further(bench(stored=FurtherEvidence(), repeat=1))
    assert lacking.noise is None and lacking.vacuous == (
        "the case asks for the reference's noise (repeat-1), which was not measured",)


def test_claims_are_tried_only_where_the_images_differ(bench):
    same = further(bench(divergences=("claim",)))
    assert same.proof == Proof(("claim",), (), TODAY) and "try_claims" not in [words[0] for words in bench.asked]
    made = bench(IMAGE * 2, divergences=("claim",), nan="compare")
    assert further(made).proof is PROOF
    (_, words, named), = (entry for entry in bench.asked if entry[0] == "try_claims")
    assert words == (("claim",), made.jobs, made.images, "rerun", ROIS, SCALE, TODAY, (1.0, 2.0))
    assert named == {"skip_nonfinite": True, "listen": "listen"} and further(bench(IMAGE * 2)).proof is None


def test_the_subject_on_a_device_and_others_are_held_against_the_reference(bench):
    made = bench(resample=True, nan="compare", subjects={"f64": FurtherSubject(("-d",))}, entries=[(OTHER, None)])
    found = further(made, device="cuda")
    assert found.subjects == (OTHER,) and found.device is DEVICE and found.computed == found.vacuous == ()
    (_, words, _), (_, on, _) = bench.asked
    assert words[:3] == (made.case.subjects, made.jobs["subject"], made.others) and words[3] == "rerun"
    against = words[4]
    assert words[5] == made.identities and on == ("cuda", made.jobs["subject"], "rerun", against)
    assert against.reference is IMAGE
    assert (against.rois, against.thresholds, against.centre) == (ROIS, SCALE, (1.0, 2.0))
    assert against.resample is against.skip_nonfinite is True
    further(bench())
    assert bench.asked[0][1][4].resample is bench.asked[0][1][4].skip_nonfinite is False


def test_a_program_compared_with_itself_is_told_and_other_subjects_with_it(bench):
    own = identity("reference"), identity("subject", program_sha256=identity("reference").program_sha256)
    other = replace(OTHER, engine=own[1], run=replace(run_of("subject"), argv=("subject", "-x")))
    told = ("reference and subject are the same program (sha256 reference000) with the same arguments: it was compared "
            "with itself")
    assert further(bench(own=own, entries=[(other, None)])).vacuous == (told, f"subject f64: {told}")


def test_a_near_copy_is_a_reason_unless_it_was_seen_to_be_computed(bench):
    near = ("the images of two programs are bit-identical but for 1 of 120 pixels, which are at most 1 units in the "
            "last place apart: so looks a copy that was touched up")
    unseen = "nobody saw what {} opened"
    assert further(bench(NEAR)).vacuous == (f"{near}, and {unseen.format('subject')}",)
    seen = further(bench(NEAR, why=lambda name: None))
    assert (seen.vacuous, seen.computed) == ((), ("subject",))
    other = replace(OTHER, engine=identity("older"))
    entries = [(OTHER, "it looks so"), (other, "and it"), (replace(OTHER, name="g"), None)]
    assert further(bench(entries=entries)).vacuous == (f"it looks so, and {unseen.format('subject')}",
                                                       f"and it, and {unseen.format('subject f64')}")
    part = further(bench(entries=entries, why=lambda name: None if name == "subject" else "why"))
    assert (part.vacuous, part.computed) == (("and it, and why",), ("subject",))
    stored = identity("reference", adapter=Things(stored="an image")), identity("subject")
    assert further(bench(NEAR, own=stored)).vacuous == ()


def test_of_images_that_are_left_uncompared_no_figure_is_taken(bench):
    def found(subject=IMAGE, *, stored=None, device=None, noise_floor=False, **keys):
        return run_uncompared(bench(subject, stored=stored, **keys), (1.0, 2.0), noise_floor=noise_floor, device=device)

    assert found() == FurtherEvidence() and bench.asked == []
    noisy = found(repeat=1, device="cuda", divergences=("claim",))
    assert noisy.noise == bench.floor.without_figures and noisy.noise.repetitions[0].comparison is None
    assert noisy.proof == PROOF.without_figures and noisy.device == replace(DEVICE, comparison=None)
    assert [words[0] for words in bench.asked] == ["measure", "try_claims", "run_on_device"]
    assert bench.asked[0][2]["centre"] == bench.asked[1][1][7] == bench.asked[2][1][3].centre == (1.0, 2.0)
    assert bench.asked[2][1][3].skip_nonfinite is False and found(noise_floor=True).noise is not None
    found(nan="compare", resample=True, device="cuda")
    assert bench.asked[0][1][3].skip_nonfinite is bench.asked[0][1][3].resample is True
    assert found(IMAGE[:5], divergences=("claim",)).proof == Proof(("claim",), (), TODAY) and bench.asked == []
    known = found(stored=FurtherEvidence(), repeat=1)
    assert len(known.vacuous) == 1 and "which was not measured" in known.vacuous[0]
