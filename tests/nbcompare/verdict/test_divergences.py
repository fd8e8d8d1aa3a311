"""Claims of known divergences: PROVEN only when every rule holds, and each way in which a claim can be wrong. Rules are
tried with runs in memory; the whole way, from case file to report and record, in test_claimed_cases.py."""

import datetime
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.claims import Claim
from nbcompare.case.threshold import Threshold
from nbcompare.compare.compare import compare_images
from nbcompare.compare.image import Roi, Shape
from nbcompare.engine.engine import Engine, Rendering, Run
from nbcompare.engine.failure import Failure
from nbcompare.engine.rendering.runs import Job
from nbcompare.errors import ExitCode
from nbcompare.verdict.divergence import emulating, factor, judge_claims, share, try_claims
from nbcompare.verdict.further_evidence import FurtherEvidence, as_asked_now
from nbcompare.verdict.proof import Proof
from nbcompare.verdict.verdict import Label, judge

TODAY = datetime.date(2026, 11, 25)
SHAPE = Shape(12, 15)
ROIS = (Roi.full(SHAPE), Roi("corner", 0, 4, 0, 4), Roi("middle", 5, 9, 4, 8))
STRICT = tuple(Threshold("sum_ratio", roi.name, 1 - 1e-6, 1 + 1e-6, "same physics") for roi in ROIS)
TRUTH = np.random.default_rng(3).exponential(size=(12, 15)).astype("f4") + 1
AT = {"middle": (6, 7), "corner": (2, 2)}


def with_defects(*places: str, size: float = 0.25, scale: float = 1.0) -> np.ndarray:
    """The true image, one pixel of each place ``size`` too bright, all of it times ``scale``."""
    image = TRUTH.copy()
    for place in places:
        image[AT[place]] *= 1 + size
    return image * np.float32(scale)


def claim(id: str = "phi-carryover", place: str = "middle", **changes) -> Claim:
    bounds = tuple(Threshold("sum_ratio", roi, 0.9, 1.1, "why") for roi in ("full", place))
    made = Claim(id, "a step is lost", REFERENCE, ("-emulate", id), bounds, "why", "docs/x.md", "me",
                 datetime.date(2027, 1, 1))
    return replace(made, **changes)


CONTROL = ("-phi", "1e-12")
"""What follows from the emulation of phi-carryover: no step at phi 0."""
CONTROL_OF_TWO = ("-x", "1", "-y", "1")


def tried(claims, reference, subject, answers, thresholds=STRICT, today=TODAY, per_role=None):
    """The verdict and the proof when a run with these arguments gives that image (or fails, for None); ``per_role`` are
    answers of one engine, by role and arguments."""
    calls = []
    answers = {CONTROL: TRUTH, CONTROL_OF_TWO: TRUTH, **answers}

    def rerun(job, name, environment):
        calls.append((name, job.engine.role, job.arguments))
        words = job.arguments[1:]
        image = per_role[job.engine.role, words] if (job.engine.role, words) in (per_role or {}) else answers[words]
        failure = None if image is not None else Failure("exit-code", "ended with exit code 3")
        digest = None if image is None else str(hash(image.tobytes()))
        return Rendering(Run(job.engine.role, job.arguments, SHAPE, 0, 0.1, failure, digest), image)

    jobs = {role: Job(Engine(role, role, (role,), "test"), ("plain",), SHAPE, 1.0, Path("inputs"))
            for role in (REFERENCE, SUBJECT)}
    images = {REFERENCE: reference, SUBJECT: subject}
    asked = {(bound.metric, bound.roi) for one in claims for bound in one.bounds}
    comparison = compare_images(reference, subject, ROIS, further=asked)
    proof = try_claims(claims, jobs, images, rerun, ROIS, thresholds, today)
    return judge_claims(judge(comparison, thresholds), comparison, proof, thresholds), proof, calls


EMULATED = ("-emulate", "phi-carryover")


def test_a_claim_is_proven_when_the_emulation_closes_the_gap():
    verdict, _, calls = tried([claim()], with_defects("middle"), TRUTH, {EMULATED: with_defects("middle")})
    assert (verdict.word, verdict.exit_code) == (Label.PROVEN, ExitCode.PASS)
    assert not verdict.passed and verdict.accepted
    assert all("explained by phi-carryover" in reason for reason in verdict.reasons) and verdict.reasons
    assert calls == [("divergences/phi-carryover/emulated", SUBJECT, ("plain", *EMULATED)),
                     ("divergences/phi-carryover/control", REFERENCE, ("plain", *CONTROL))]


def test_an_emulation_that_does_nothing_proves_nothing():
    verdict, _, _ = tried([claim()], with_defects("middle"), TRUTH, {EMULATED: TRUTH})
    assert (verdict.word, verdict.exit_code) == (Label.NOT_PROVEN, ExitCode.CLAIM)
    assert any("did not change the subject's image on full, middle" in reason for reason in verdict.reasons)
    assert verdict.reasons[0].startswith("phi-carryover explains none of the sum; a factor of 0.99")


def test_an_emulation_that_closes_the_sums_and_not_the_pixels_proves_nothing():
    """Two pixels of the corner are wrong by as much in opposite senses: no sum of a region shows it."""
    wrong = with_defects("middle")
    wrong[1, 1:3] += np.float32([0.25, -0.25])
    verdict, _, _ = tried([claim()], with_defects("middle"), TRUTH, {EMULATED: wrong})
    assert verdict.word is Label.NOT_PROVEN
    assert "emulated, the images do not agree everywhere: 2 of 180 pixels differ" in " ".join(verdict.reasons)


def test_a_claim_says_which_region_it_cannot_reach():
    """The emulation acts in the middle; what is wrong in the corner it leaves as it was."""
    both, answers = with_defects("middle", "corner"), {EMULATED: with_defects("middle")}
    only = [threshold for threshold in STRICT if threshold.roi != "full"]
    verdict, _, _ = tried([claim()], both, TRUTH, answers, thresholds=only)
    assert verdict.word is Label.NOT_PROVEN
    assert "cannot reach corner" in tried([claim()], both, TRUTH, answers)[0].reasons[1]
    assert verdict.reasons[0] == ("phi-carryover cannot reach corner: the emulation changes no pixel there, so that "
                                  "what differs there has another cause")


def test_an_emulation_that_closes_a_part_is_told_its_share():
    """Of an excess of 25 % in one pixel the emulation shows 15 %, which is 60 % of it."""
    partly = with_defects("middle", size=0.15)
    verdict, _, _ = tried([claim()], with_defects("middle"), TRUTH, {EMULATED: partly})
    assert verdict.word is Label.NOT_PROVEN
    assert any("closes 60 % of the gap of sum_ratio" in reason for reason in verdict.reasons), verdict.reasons


def test_a_claim_does_not_hide_a_factor():
    """The lost flux, claimed to be the phi-0 defect: the share explained and the factor that remains are named."""
    answers = {EMULATED: with_defects("middle", scale=125932)}
    verdict, _, _ = tried([claim()], with_defects("middle"), with_defects(scale=125932), answers)
    explained = share(with_defects("middle").sum() / TRUTH.sum() - 1)
    assert verdict.reasons[0].startswith("phi-carryover explains 0.") and verdict.reasons[0].endswith(
        f"{explained} of the sum; a factor of 125,932 remains".partition(" ")[2])
    assert any("outside the claim's bounds" in reason for reason in verdict.reasons)


def test_a_claim_that_expired_excuses_nothing():
    last = claim(expires=TODAY)
    answers = {EMULATED: with_defects("middle")}
    assert tried([last], with_defects("middle"), TRUTH, answers)[0].word is Label.PROVEN
    verdict, _, _ = tried([last], with_defects("middle"), TRUTH, answers, today=TODAY + datetime.timedelta(days=1))
    assert verdict.exit_code is ExitCode.CLAIM
    assert verdict.reasons == ("phi-carryover expired on 2026-11-25; me has to renew or remove it",)


def test_figures_outside_the_bounds_of_the_claim_are_not_excused():
    narrow = claim(bounds=(Threshold("sum_ratio", "full", 0.9, 1.1, "w"),
                           Threshold("sum_ratio", "middle", 0.99, 1.1, "w")))
    verdict, _, _ = tried([narrow], with_defects("middle"), TRUTH, {EMULATED: with_defects("middle")})
    assert verdict.word is Label.NOT_PROVEN
    assert len(verdict.reasons) == 1 and "sum_ratio on middle is 0.9" in verdict.reasons[0]


def test_a_threshold_without_bounds_is_not_excused():
    """The claim speaks of the middle and the frame; the corner is off too, and closed by the emulation all the same."""
    both = with_defects("middle", "corner")
    verdict, _, _ = tried([claim()], both, TRUTH, {EMULATED: both})
    assert verdict.word is Label.NOT_PROVEN
    assert any("no claim gives bounds for what is outside: sum_ratio on corner" in r for r in verdict.reasons)


def test_a_region_that_the_claim_names_must_change():
    """The defect is in the middle; a claim that names the corner too says something that is not so."""
    bounds = tuple(Threshold("sum_ratio", roi, 0.9, 1.1, "w") for roi in ("full", "middle", "corner"))
    verdict, _, _ = tried([claim(bounds=bounds)], with_defects("middle"), TRUTH, {EMULATED: with_defects("middle")})
    assert verdict.reasons == ("phi-carryover: the emulation did not change the subject's image on corner",)


def test_a_failing_emulated_run_proves_nothing():
    verdict, _, _ = tried([claim()], with_defects("middle"), TRUTH, {EMULATED: None})
    assert verdict.word is Label.NOT_PROVEN
    assert "the subject ended with exit code 3" in verdict.reasons[0]


def test_a_control_that_agrees_is_part_of_the_proof():
    answers = {EMULATED: with_defects("middle"), CONTROL: TRUTH}
    verdict, proof, calls = tried([claim(control=CONTROL)], with_defects("middle"), TRUTH, answers)
    assert verdict.word is Label.PROVEN
    assert calls[-1] == ("divergences/phi-carryover/control", REFERENCE, ("plain", *CONTROL))
    assert proof.trial("control").comparison.figure("sum_ratio", "full").value == 1


@pytest.mark.parametrize(("image", "words"), [
    (with_defects("middle"), "against the control, sum_ratio on full"),
    (None, "there is no image with the control: the reference ended with exit code 3")])
def test_a_control_that_disagrees_refutes_the_claim(image, words):
    answers = {EMULATED: with_defects("middle"), CONTROL: image}
    verdict, _, _ = tried([claim(control=CONTROL)], with_defects("middle"), TRUTH, answers)
    assert verdict.exit_code is ExitCode.CLAIM
    assert words in verdict.reasons[0]


def test_a_claim_that_is_not_needed_is_an_error():
    verdict, _, _ = tried([claim()], TRUTH, TRUTH, {EMULATED: TRUTH})
    assert (verdict.word, verdict.exit_code) == (Label.NOT_NEEDED, ExitCode.CLAIM)
    assert "no longer needed" in verdict.reasons[0]


# --- several claims -----------------------------------------------------------------------------------------


ONE, OTHER = "cell-triclinic", "last-layer-capture"
TWO = [claim(ONE, "middle", control=("-x", "1")), claim(OTHER, "corner", control=("-y", "1"))]
BOTH_WORDS, ONE_WORDS, TWO_WORDS = (("-emulate", names) for names in (f"{ONE},{OTHER}", ONE, OTHER))


def test_two_claims_are_proven_together_when_neither_can_be_left_out():
    both = with_defects("middle", "corner")
    answers = {BOTH_WORDS: both, ONE_WORDS: with_defects("middle"), TWO_WORDS: with_defects("corner")}
    verdict, _, calls = tried(TWO, both, TRUTH, answers)
    assert verdict.word is Label.PROVEN
    assert all(reason.endswith(f"explained by {ONE} and {OTHER}") for reason in verdict.reasons)
    assert [name for name, _, _ in calls] == [f"divergences/together/{purpose}" for purpose in
                                              ("emulated", f"without-{ONE}", f"without-{OTHER}", "control")]


def test_a_claim_beside_one_that_explains_all_is_not_needed():
    """The second emulation changes the corner and back nothing that was off: with the first alone all holds."""
    answers = {BOTH_WORDS: with_defects("middle"), ONE_WORDS: with_defects("middle"), TWO_WORDS: TRUTH}
    verdict, _, _ = tried(TWO, with_defects("middle"), TRUTH, answers)
    assert verdict.word is Label.NOT_PROVEN
    assert f"{OTHER} is not needed: without it the other claims explain all" in verdict.reasons
    assert f"{OTHER}: the emulation did not change the subject's image on full, corner" in verdict.reasons


def test_a_trial_of_several_that_fails_leaves_them_unproven():
    both = with_defects("middle", "corner")
    verdict, _, _ = tried(TWO, both, TRUTH, {BOTH_WORDS: both, ONE_WORDS: None, TWO_WORDS: with_defects("corner")})
    assert verdict.word is Label.NOT_PROVEN
    assert any(f"whether {OTHER} is needed is not known" in reason for reason in verdict.reasons)


@pytest.mark.parametrize(("arguments", "words", "whole"), [
    (("-N", "5"), ("-emulate", "a", "-emulate", "b,a"), ("-N", "5", "-emulate", "a,b")),
    (("-emulate", "a", "-N", "5"), ("-emulate", "b"), ("-N", "5", "-emulate", "a,b")),
    (("-emulate", "a", "-N", "5"), ("-legacy",), ("-emulate", "a", "-N", "5", "-legacy")),
    (("-N", "5"), ("-legacy", "-emulate", "phi-carryover:threads=2"),
     ("-N", "5", "-legacy", "-emulate", "phi-carryover:threads=2"))])
def test_emulations_are_handed_over_in_one_list_as_the_last_of_several_would_win(arguments, words, whole):
    assert emulating(arguments, words) == whole


# --- what is kept, and judging it later


def test_a_proof_can_be_read_back_equal():
    answers = {EMULATED: with_defects("middle"), CONTROL: TRUTH}
    _, proof, _ = tried([claim(control=CONTROL)], with_defects("middle"), TRUTH, answers)
    assert Proof.from_dict(json.loads(json.dumps(proof.as_dict()))) == proof


class CaseNow:
    """The part of a case that findings are held against."""

    repeat, threads, required_args = 0, (), ()

    def __init__(self, *claims):
        self.divergences = claims


@pytest.mark.parametrize(("now", "day", "word"), [
    ([claim()], TODAY, Label.PROVEN),
    ([claim()], datetime.date(2028, 1, 1), Label.NOT_PROVEN),
    ([claim(emulate=("-emulate", "other"))], TODAY, Label.NOT_PROVEN),
    ([claim(bounds=claim().bounds[:1])], TODAY, Label.NOT_PROVEN),
    ([], TODAY, Label.FAIL)])
def test_a_stored_proof_is_judged_by_the_claims_of_now(now, day, word):
    from nbcompare.verdict.further_evidence import conclude

    reference = with_defects("middle")
    _, proof, _ = tried([claim()], reference, TRUTH, {EMULATED: reference})
    findings = as_asked_now(FurtherEvidence(proof=proof), CaseNow(*now), day)
    assert conclude(compare_images(reference, TRUTH, ROIS), STRICT, findings).word is word


def test_shares_and_factors_are_never_rounded_to_none_or_all():
    assert [share(part) for part in (0, 0.004, 1e-9, 0.999, 0.99999)] == ["none", "0.4 %", "1e-07 %", "99.9 %",
                                                                          "99.999 %"]
    assert [factor(value) for value in (125931.97, 0.5, 1.25, 1.2e12)] == ["125,932", "0.5", "1.25", "1.2e+12"]
