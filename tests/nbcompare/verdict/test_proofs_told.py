"""Proofs of claims in memory, word for word: which trials are run with which words, and what each rule says."""

import datetime
import json
import math
from dataclasses import replace

import numpy as np

from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.threshold import Threshold
from nbcompare.compare.compare import compare_images
from nbcompare.verdict.claimed_trace import trace_sentences
from nbcompare.verdict.divergence import judge_claims, proof_rows, rules_of
from nbcompare.verdict.proof import Proof
from nbcompare.verdict.verdict import Label, judge, verdict
from tests.nbcompare.frozen import are_frozen
from tests.nbcompare.verdict.claims_in_memory import (
    CELL,
    CONTROLLED,
    CORNER,
    EMULATED,
    LAST,
    LINES,
    MIDDLE,
    PHI,
    RIGHT,
    ROIS,
    STRICT,
    TODAY,
    TRACED,
    TRUTH,
    claim,
    defect,
    printed,
    rendering,
    told,
    tried,
)

# --- which trials -----------------------------------------------------------------------------------------


def test_a_control_of_the_experiment_is_tried_on_the_subject_and_one_of_both_on_both():
    given = claim(control=("-phi", "1"), control_of_both=())
    answers = RIGHT | {(REFERENCE, "-phi 1"): TRUTH, (SUBJECT, "-phi 1"): TRUTH}
    *_, proof, asked = tried([given], defect(MIDDLE), TRUTH, answers)
    place = f"divergences/{PHI}"
    assert asked == [(f"{place}/emulated", SUBJECT, f"-emulate {PHI}", "emulated"),
                     (f"{place}/control", REFERENCE, "-phi 1", "control"),
                     (f"{place}/control-tried-on-the-subject", SUBJECT, "-phi 1", "control tried on the subject")]
    assert [trial.purpose for trial in proof.trials] == ["emulated", "control", "control tried on the subject"]
    assert [bool(trial.comparison) for trial in proof.trials] == [True, True, False]
    assert [bool(trial.change) for trial in proof.trials] == [True, False, False]
    assert [(trial.apart.pixels, trial.apart.of) for trial in proof.trials] == [(0, 180)] * 3
    assert proof.judged_on == TODAY
    both = claim(control_of_both=("-x", "1"))
    answers = RIGHT | {(REFERENCE, "-x 1"): TRUTH * 3, (SUBJECT, "-x 1"): TRUTH * 3}
    *_, proof, asked = tried([both], defect(MIDDLE), TRUTH, answers)
    assert [words[1:] for words in asked[1:]] == [(SUBJECT, "-x 1", "control of the subject"),
                                                  (REFERENCE, "-x 1", "control")]
    assert proof.trials[2].comparison.figure("sum_ratio", "full").value == 1 and proof.trials[1].apart is None
    assert proof.trials[2].apart.pixels == 0


def test_a_switch_of_the_references_own_and_a_derived_control_are_tried_on_no_subject():
    own = claim(control=("--no-defect",))
    asked = tried([own], defect(MIDDLE), TRUTH, RIGHT | {(REFERENCE, "--no-defect"): TRUTH})[3]
    assert [words[1:3] for words in asked[1:]] == [(REFERENCE, "--no-defect")]
    derived = claim(control=("-phi", "1e-12"))
    assert [words[1:3] for words in tried([derived], defect(MIDDLE), TRUTH, RIGHT)[3][1:]] == [CONTROLLED]
    subjects = claim(engine=SUBJECT)
    assert len(tried([subjects], defect(MIDDLE), TRUTH, RIGHT)[3]) == 1


def test_of_several_claims_every_one_is_left_out_once_and_all_controls_come_together():
    claims = [claim(CELL, control=("--a",)), claim(LAST, ("full", "corner"), control_of_both=("-y", "2")),
              claim("x", engine=SUBJECT)]
    both = defect(MIDDLE, CORNER)
    answers = {(SUBJECT, f"-emulate {CELL},{LAST},x"): both, (SUBJECT, f"-emulate {LAST},x"): defect(CORNER),
               (SUBJECT, f"-emulate {CELL},x"): defect(MIDDLE), (SUBJECT, f"-emulate {CELL},{LAST}"): both,
               (SUBJECT, "-y 2"): TRUTH, (REFERENCE, "--a -y 2"): TRUTH}
    plain, comparison, proof, asked = tried(claims, both, TRUTH, answers)
    assert [words[0].removeprefix("divergences/together/") for words in asked] == [
        "emulated", f"without-{CELL}", f"without-{LAST}", "without-x", "control-of-the-subject", "control"]
    assert [words[2] for words in asked[4:]] == ["-y 2", "--a -y 2"]
    assert proof.trial(f"without {CELL}").apart is None and proof.trial(f"without {CELL}").change is not None
    reasons = judge_claims(plain, comparison, proof, STRICT).reasons
    assert reasons == ("x is not needed: without it the other claims explain all",
                       "x: the emulation did not change the subject's image on full, middle")


# --- what the rules say -----------------------------------------------------------------------------------


def test_a_proven_verdict_says_what_is_explained_and_every_rule_holds():
    plain, comparison, proof, _ = tried([claim()], defect(MIDDLE), TRUTH, RIGHT)
    found = judge_claims(plain, comparison, proof, STRICT)
    outside = [check.sentence for check in plain.checks if not check.holds]
    assert found.word is Label.PROVEN and found.checks == plain.checks and len(outside) == 2
    assert found.reasons == tuple(f"{sentence}; explained by {PHI}" for sentence in outside)
    rules = rules_of(found, comparison, proof, STRICT)
    assert [rule.against for rule in rules] == [()] * 5
    assert [rule.rule for rule in rules] == [
        "emulated, the subject meets every threshold and agrees with the reference at every pixel",
        "the emulation changes the subject's image in every region that the claim names",
        "every figure that does not hold lies within the claim's bounds", "the claim has not expired",
        "where the defect is avoided, the plain subject agrees with the reference in the same way"]
    assert proof_rows(plain, proof)[2] == {"metric": "sum_ratio", "roi": "middle", "allowed": STRICT[2].allowed,
                                           "plain": plain.checks[2].value, "emulated": 1.0, "control": 1.0}
    unknown = proof_rows(plain, proof.without_figures)[2]
    assert (unknown["emulated"], unknown["control"]) == (None, None)
    assert all(trial.change is trial.comparison is trial.apart is None for trial in proof.without_figures.trials)
    assert Proof.from_dict(json.loads(json.dumps(proof.as_dict()))) == proof
    assert are_frozen(proof, proof.trials[0], proof.trials[0].apart, rules[0])
    for word in Label:
        if word not in (Label.PASS, Label.FAIL):
            assert judge_claims(verdict(word, ["r"]), comparison, proof, STRICT) == verdict(word, ["r"])
    assert judge_claims(verdict(Label.PASS, (), plain.checks), comparison, proof, STRICT) == verdict(
        Label.NOT_NEEDED, [f"{PHI} is no longer needed: the plain comparison meets every threshold"], plain.checks)


def test_each_rule_tells_what_speaks_against_its_claim():
    late = claim(expires=TODAY - datetime.timedelta(days=1))
    plain, comparison, proof, _ = tried([late], defect(MIDDLE), TRUTH, {EMULATED: TRUTH, CONTROLLED: defect(MIDDLE)})
    against = [len(rule.against) for rule in rules_of(plain, comparison, proof, STRICT)]
    assert against == [3, 1, 0, 1, 2]
    assert judge_claims(plain, comparison, proof, STRICT).reasons[0] == (
        f"{PHI} expired on 2026-11-24; me has to renew or remove it")


def test_an_emulated_image_that_is_missing_or_of_another_shape_is_told():
    unknown = f"{PHI}: whether the emulation changed the subject's image is not known: "
    failed = "the subject ended with exit code 3"
    assert told([claim()], defect(MIDDLE), TRUTH, RIGHT | {EMULATED: None}) == [
        f"the subject gave no image to compare with the emulation: {failed}", unknown + failed]
    shape = "its image has another shape"
    assert told([claim()], defect(MIDDLE), TRUTH, RIGHT | {EMULATED: TRUTH[:5]}) == [
        f"the subject gave no image to compare with the emulation: {shape}", unknown + shape]
    plain, comparison, proof, _ = tried([claim()], defect(MIDDLE), TRUTH, RIGHT)
    nothing = judge_claims(plain, comparison, replace(proof, trials=proof.trials[1:]), STRICT)
    assert list(nothing.reasons) == ["the subject gave no image to compare with the emulation: it was not run",
                                     unknown + "it was not run"]


def test_pixels_that_no_sum_shows_are_told_on_both_sides():
    wrong = defect(MIDDLE)
    wrong[1, 1:3] += np.float32([0.25, -0.25])
    right = TRUTH.copy()
    right[3, 3:5] += np.float32([0.5, -0.5])
    pixels = "2 of 180 pixels differ by more than 0.1 % and 2e-06 of the peak, the worst at"
    assert told([claim()], defect(MIDDLE), TRUTH, {EMULATED: wrong, CONTROLLED: TRUTH})[0].startswith(
        f"emulated, the images do not agree everywhere: {pixels}")
    found, = told([claim()], defect(MIDDLE), TRUTH, {EMULATED: defect(MIDDLE), CONTROLLED: right})
    assert found.startswith(f"against the control, the images do not agree everywhere: {pixels}")


def test_a_control_that_is_another_experiment_or_was_not_tried_excuses_nothing():
    given = claim(control=("-phi", "1"))
    answers = RIGHT | {(REFERENCE, "-phi 1"): TRUTH, (SUBJECT, "-phi 1"): defect(CORNER)}
    found, = told([given], defect(MIDDLE), TRUTH, answers)
    assert found.startswith(
        "the control is another experiment: with it the subject's own image changes (1 of 180 pixels differ")
    for image, why in ((None, "the subject ended with exit code 3"), (TRUTH[:5], "its image has another shape")):
        assert told([given], defect(MIDDLE), TRUTH, answers | {(SUBJECT, "-phi 1"): image}) == [
            f"whether the control is the same experiment is not known: {why}"]
    plain, comparison, proof, _ = tried([given], defect(MIDDLE), TRUTH, answers)
    before = judge_claims(plain, comparison, replace(proof, trials=proof.trials[:2]), STRICT)
    assert list(before.reasons) == ["whether the control is the same experiment is not known: it was not tried on the "
                                    "subject"]


def test_a_control_that_gave_no_image_is_told_with_the_engine_that_failed():
    failed = "there is no image with the control: the {} ended with exit code 3"
    assert told([claim()], defect(MIDDLE), TRUTH, RIGHT | {CONTROLLED: None}) == [failed.format("reference")]
    both = claim(control_of_both=("-x", "1"))
    answers = RIGHT | {(REFERENCE, "-x 1"): TRUTH, (SUBJECT, "-x 1"): None}
    assert told([both], defect(MIDDLE), TRUTH, answers) == [failed.format("subject")]
    assert told([claim()], defect(MIDDLE), TRUTH, RIGHT | {CONTROLLED: TRUTH[:4]}) == [
        "there is no image with the control: its image has another shape"]
    plain, comparison, proof, _ = tried([claim()], defect(MIDDLE), TRUTH, RIGHT)
    alone = judge_claims(plain, comparison, replace(proof, trials=proof.trials[:1]), STRICT)
    assert list(alone.reasons) == ["there is no image with the control: it was not run"]


def test_a_trial_without_a_claim_that_failed_leaves_it_open():
    claims = [claim(CELL, control=("--a",)), claim(LAST, ("full", "corner"), control=("--b",))]
    both = defect(MIDDLE, CORNER)
    answers = {(SUBJECT, f"-emulate {CELL},{LAST}"): both, (SUBJECT, f"-emulate {LAST}"): None,
               (SUBJECT, f"-emulate {CELL}"): defect(MIDDLE), (REFERENCE, "--a --b"): TRUTH}
    assert told(claims, both, TRUTH, answers) == [
        f"whether {CELL} is needed is not known: the subject ended with exit code 3",
        f"{CELL}: whether the emulation changed the subject's image is not known: the subject ended with exit code 3"]


def test_figures_outside_the_bounds_are_told_with_their_value_or_why_there_is_none():
    narrow = claim(bounds=(Threshold("sum_ratio", "full", 0.9, 1.1, "w"), Threshold("sum_ratio", "middle", 2, 3, "w"),
                           Threshold("sum_ratio", "elsewhere", 0.5, 2, "w")))
    found = [reason for reason in told([narrow], defect(MIDDLE), TRUTH, RIGHT) if "bounds" in reason]
    value = compare_images(defect(MIDDLE), TRUTH, ROIS).figure("sum_ratio", "middle").value
    assert found[0] == f"{PHI}: sum_ratio on middle is {value:.10g}, outside the claim's bounds 2 .. 3"
    assert found[1].startswith(f"{PHI}: sum_ratio on elsewhere is undefined (") and found[1].endswith(
        "), outside the claim's bounds 0.5 .. 2")
    uncovered = claim(rois=("full",))
    middle = judge(compare_images(defect(MIDDLE), TRUTH, ROIS), STRICT).checks[2].sentence
    assert told([uncovered], defect(MIDDLE), TRUTH, RIGHT) == [
        f"no claim gives bounds for what is outside: {middle}"]


def test_how_much_a_claim_explains_is_told_by_the_figure_that_it_closes_least():
    """The pixel of the middle is off by 25 %, of which the emulation shows 15: the same share of the frame."""
    part = defect(MIDDLE, size=0.15)
    found = told([claim()], defect(MIDDLE), TRUTH, RIGHT | {EMULATED: part})
    assert found[0] in (f"{PHI} closes 60 % of the gap of sum_ratio on {roi}" for roi in ("full", "middle"))
    assert found[1:] == [f"emulated, {check.sentence}" for check in
                         judge(compare_images(defect(MIDDLE), part, ROIS), STRICT).checks if not check.holds]
    pattern = (Threshold("correlation", "full", 1 - 1e-9, None, "w"), *STRICT[:1])
    least = told([claim()], defect(MIDDLE), TRUTH, RIGHT | {EMULATED: part}, pattern)
    assert least[0] == f"{PHI} closes 60 % of the gap of sum_ratio on full", "of the correlation it is 84 %"
    lost = told([claim()], defect(MIDDLE), TRUTH, RIGHT | {EMULATED: np.full_like(TRUTH, np.nan)})
    assert lost[0] == f"{PHI} explains nothing that could be put in a number"


def test_a_factor_that_remains_is_named_where_more_is_left_than_explained():
    found = told([claim()], defect(MIDDLE), TRUTH * 2, RIGHT | {EMULATED: defect(MIDDLE, scale=2)})
    explained = TRUTH.astype("f8").sum() / defect(MIDDLE).astype("f8").sum()
    assert found[0] == f"{PHI} explains {100 * (1 - explained):.2g} % of the sum; a factor of 2 remains"


def test_regions_that_an_emulation_leaves_as_they_were_are_told_unless_it_does_nothing():
    """Both regions are off, and only one is reached; of an emulation that changes nothing that is said otherwise."""
    both = defect(MIDDLE, CORNER)
    reach = (f"{PHI} cannot reach corner: the emulation changes no pixel there, so that what differs there has another "
             "cause")
    found = told([claim()], both, TRUTH, RIGHT)
    assert found[1] == reach and found[0].startswith(f"{PHI} explains ")
    assert not any("cannot reach" in said for said in told([claim()], both, TRUTH, RIGHT | {EMULATED: TRUTH}))


def test_a_proof_with_a_trace_says_it_and_has_a_rule_more():
    both = replace(TRACED, id=PHI), claim(LAST, ("full", "corner"), control=("--b",))
    asked = []

    def listen(job, name):
        asked.append((job.engine.role, job.arguments[1:3], job.purpose, name))
        return rendering(job, printed(I_before_scaling=150.0 if job.engine.role == SUBJECT else 100.0))

    image = np.full((12, 15), math.prod(LINES[name] for name in LINES if name != "steps") / 2, "f4")
    answers = {(SUBJECT, f"-emulate {PHI},{LAST}"): image, (SUBJECT, f"-emulate {LAST}"): image,
               (SUBJECT, f"-emulate {PHI}"): image, (REFERENCE, "-phi 1e-12 --b"): image}
    plain, comparison, proof, _ = tried(both, image, image, answers, listen=listen)
    assert asked[0][2:] == (f"trace of {PHI}", f"divergences/{PHI}/trace_reference")
    assert asked[1][1] == ("-emulate", LAST) and len(proof.traces) == 1 and proof.traces[0].runs[1].image is None
    rule = rules_of(plain, comparison, proof, STRICT)[5]
    said, = trace_sentences(both, proof.traces)
    assert rule.rule == f"traced, the factors of a pixel are what the claim says: {said}"
    assert rule.against == () and proof.trace(PHI) is proof.traces[0] and proof.trace(LAST) is None
    kept = Proof.from_dict(json.loads(json.dumps(proof.as_dict())))
    assert kept == proof and kept.trace(PHI) and kept.trial(f"without {LAST}")
    alone = tried([TRACED], image, image, {EMULATED: image, CONTROLLED: image}, listen=listen)[2]
    assert alone.traces[0].runs[1].image is not None and tried([TRACED], image, image, {
        EMULATED: image, CONTROLLED: image})[2].traces == ()
