"""Claims of known divergences that would prove anything."""

import datetime
from dataclasses import replace

import numpy as np
import pytest

from nbcompare.case.arguments.emulations import registered
from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.compare.compare import compare_images
from nbcompare.verdict.divergence import judge_claims
from nbcompare.verdict.proof import (
    CONTROL,
    CONTROL_SUBJECT,
    CONTROL_TRIED,
    EMULATED,
    OF_PEAK,
    PixelsApart,
    Proof,
    apart,
)
from nbcompare.verdict.verdict import Label, judge
from tests.nbcompare.conftest import SMALL_CASE
from tests.nbcompare.verdict.test_divergences import CONTROL as CONTROL_WORDS
from tests.nbcompare.verdict.test_divergences import EMULATED as EMULATED_WORDS
from tests.nbcompare.verdict.test_divergences import ROIS, STRICT, TRUTH, claim, tried, with_defects

CLAIM = """\
divergences:
  - {{id: a, title: t, engine: {engine}, {words}, bounds: {{full: {{sum_ratio: {{min: 0.5, max: 2}}}}}},
     why: w, reference: r, owner: o, expires: "2099-12-31"}}
"""


def case_error(nb, small_case, words, engine=REFERENCE):
    small_case.write_text(SMALL_CASE + CLAIM.format(words=words, engine=engine))
    said = nb("run", small_case)
    assert said.code == 1 and str(small_case) in said.err
    return said.err


DECLARED = ", switch: declared, changes: a thing"


@pytest.mark.parametrize("words", (
    'emulate: [-exposure, "0.6667"]', 'emulate: [-emulate, phi-carryover, -exposure, "0.6667"]', "emulate: [-legacy]",
    "emulate: [-emulate, all]", "emulate: [-emulate, all:threads=2]", "emulate: [-emulate, phi-carryover,all]",
    "emulate: [-emulate, nothing-known]", "emulate: [-emulate]", 'emulate: [-emulate, ""]',
    "emulate: [-emulate, 'phi-carryover,cell-triclinic']", "emulate: [-emulate, 'phi-carryover,phi-carryover']",
    "emulate: [-emulate, 'phi-carryover,phi-carryover:threads=2']",
    "emulate: [-emulate, phi-carryover, -emulate, cell-triclinic]", "emulate: [-emulate, phi-carryover, -emulate]",
    "emulate: [-emulate, phi-carryover:threads=0]", "emulate: [-emulate, cell-triclinic:threads=2]"))
def test_only_registered_emulations_of_one_defect_are_switched_on(nb, small_case, words):
    assert "emulat" in case_error(nb, small_case, f"{words}, control: [-phi, 1]")


@pytest.mark.parametrize("option", ("-exposure", "-flux", "-default_F", "-N", "-hkl", "-phi", "-scale", "-seed"))
@pytest.mark.parametrize("engine", (REFERENCE, SUBJECT))
def test_a_declared_switch_is_no_option_of_the_experiment(nb, small_case, option, engine):
    control = ", control: [-x]" if engine == REFERENCE else ""
    said = case_error(nb, small_case, f'emulate: [-mine, {option}, "2"]{DECLARED}{control}', engine)
    assert "option of the experiment" in said


@pytest.mark.parametrize(("words", "why"), (
    ("emulate: [-mine], switch: declared, control: [-x]", "needs changes"),
    ("emulate: [-mine], changes: a thing, control: [-x]", "switch: declared"),
    ("emulate: [-mine], switch: trust me, changes: a thing, control: [-x]", "kind of switch"),
    ("emulate: [-mine]" + DECLARED, "needs a control"),
    ("emulate: [-emulate, cell-triclinic]", "needs a control"),
    ("emulate: [-emulate, cell-triclinic], control: []", "needs a control"),
    ("emulate: [-emulate, cell-triclinic], control: [-x], control_of_both: [-y]", "either control or")))
def test_a_claim_on_the_reference_has_a_control_and_a_switch_says_what_it_changes(nb, small_case, words, why):
    assert why in case_error(nb, small_case, words)


@pytest.mark.parametrize("words", ("-mine, -ignored", "-mine, '2', --ignored", "mine, -ignored", "'2', -mine",
                                   "-emulate, 'a,b'", "-emulate, a, -emulate, b", "-mine, -emulate, a", "-mine, -mine"))
def test_a_declared_claim_has_one_switch(nb, small_case, words):
    """A second one that the engine overlooks would be proven with it."""
    assert "emulat" in case_error(nb, small_case, f"emulate: [{words}]{DECLARED}, control: [-x]")


def test_a_switch_of_the_subjects_own_is_declared(nb, small_case):
    assert "switch: declared" in case_error(nb, small_case, "emulate: [-emulate, phi-carryover]", SUBJECT)


def test_the_list_of_emulations_is_that_of_the_simulator():
    from nanobrag_torch.emulation import EMULATIONS

    assert registered() == {name: entry.condition for name, entry in EMULATIONS.items()}


# --- a second, smaller bug beside the claimed one -----------------------------------------------------------


LOOSE = tuple(replace(threshold, min=0.99, max=1.01) for threshold in STRICT)
SPOT = (9, 3)


def spot_wrong(image: np.ndarray, factor: float) -> np.ndarray:
    """One pixel times ``factor``; by the sum, and by any region's figures, that is far within LOOSE."""
    wrong = image.copy()
    wrong[SPOT] *= np.float32(factor)
    return wrong


@pytest.mark.parametrize("factor", (1.03, 0.97, 1.002, 0.0))
def test_a_subject_with_one_wrong_spot_is_not_proven_beside_the_claim(factor):
    reference = with_defects("middle", size=2)
    wide = claim(bounds=tuple(replace(bound, min=0.2, max=2) for bound in claim().bounds))
    plain, emulated = spot_wrong(TRUTH, factor), spot_wrong(reference, factor)
    assert judge(compare_images(reference, emulated, ROIS), LOOSE).passed, "the thresholds alone must not see it"
    verdict, _, _ = tried([wide], reference, plain, {EMULATED_WORDS: emulated, CONTROL_WORDS: TRUTH}, LOOSE)
    assert verdict.word is Label.NOT_PROVEN
    assert any(f"the worst at fast {SPOT[1]} slow {SPOT[0]}" in reason for reason in verdict.reasons)


def test_a_control_that_is_off_by_one_spot_refutes_the_claim():
    reference = with_defects("middle", size=2)
    wide = claim(bounds=tuple(replace(bound, min=0.2, max=2) for bound in claim().bounds))
    answers = {EMULATED_WORDS: reference, CONTROL_WORDS: spot_wrong(TRUTH, 1.03)}
    verdict, _, _ = tried([wide], reference, TRUTH, answers, LOOSE)
    assert verdict.word is Label.NOT_PROVEN and "against the control" in verdict.reasons[0]


BRIGHT = TRUTH * np.float32(1.5)
FLUX = ("-flux", "1.5e18")


@pytest.mark.parametrize(("control", "of_subject", "word"), (
    (FLUX, TRUTH * np.float32(2.25), Label.NOT_PROVEN), (("--flux", "1.5e18"), BRIGHT * 2, Label.NOT_PROVEN),
    (("-phi", "0", *FLUX), None, Label.NOT_PROVEN), (FLUX, BRIGHT, Label.PROVEN),
    (("-own", "1"), BRIGHT, Label.PROVEN)))
def test_a_control_that_makes_up_for_the_subjects_own_fault_is_refused(control, of_subject, word):
    """A subject 1.5 times too bright, with a switch of its own that mends it, "proven" to be the reference's defect by
    a control with 1.5 times the flux. What the control changes in the subject shows it; a switch of the reference's own
    is not tried."""
    fault = claim(emulate=("-mended",), changes="the scale", control=control,
                  bounds=tuple(replace(threshold, min=0.5, max=2) for threshold in STRICT))
    answers = {("-mended",): TRUTH, control: None}
    found, proof, calls = tried([fault], TRUTH, BRIGHT, answers, per_role={
        (REFERENCE, control): BRIGHT, (SUBJECT, control): of_subject})
    assert found.word is word
    refused = "another experiment" if of_subject is not None else "is not known"
    assert found.word is Label.PROVEN or (len(found.reasons) == 1 and refused in found.reasons[0])
    assert ((SUBJECT, control) in [(role, words[1:]) for _, role, words in calls]) is (control[0] != "-own")
    cut = replace(proof, trials=tuple(trial for trial in proof.trials if trial.purpose != CONTROL_TRIED))
    comparison = compare_images(TRUTH, BRIGHT, ROIS)
    again = judge_claims(judge(comparison, STRICT), comparison, cut, STRICT)
    assert again.word is (word if control[0] == "-own" else Label.NOT_PROVEN)


WIDER = ("-detpixels_x", "15")
AVOIDED = TRUTH * np.float32(3)
"""What both engines give where the defect is avoided by an option that changes the experiment of both."""


@pytest.mark.parametrize(("of_reference", "of_subject", "said"), (
    (AVOIDED, AVOIDED, None),
    (TRUTH, AVOIDED, "against the control, sum_ratio on full"),
    (AVOIDED, spot_wrong(AVOIDED, 1.03), "against the control"),
    (AVOIDED, None, "no image with the control: the subject ended with exit code 3")))
def test_a_control_of_both_is_held_against_the_subject_with_it(of_reference, of_subject, said):
    """Not against the plain subject, whose image is TRUTH: that one agrees with a reference that the control should
    have changed, and says nothing of what the subject does there."""
    reference = with_defects("middle")
    of_both = claim(control_of_both=WIDER)
    found, proof, calls = tried([of_both], reference, TRUTH, {EMULATED_WORDS: reference}, per_role={
        (REFERENCE, WIDER): of_reference, (SUBJECT, WIDER): of_subject})
    assert [(role, words[1:]) for _, role, words in calls] == [(SUBJECT, EMULATED_WORDS), (SUBJECT, WIDER),
                                                               (REFERENCE, WIDER)]
    assert found.word is (Label.NOT_PROVEN if said else Label.PROVEN), found.reasons
    assert not said or said in found.reasons[0]
    if of_subject is not None:
        assert proof.trial(CONTROL).comparison.figure("identity", "full").value == float(
            np.count_nonzero(of_reference == of_subject) == TRUTH.size)
    else:
        assert proof.trial(CONTROL_SUBJECT).run.failure and proof.trial(CONTROL).comparison is None


def test_a_spot_far_weaker_than_the_peak_is_seen():
    """A spot of 1e-4 of the peak, 3 % too bright, is off by 3e-6 of the peak."""
    image = np.full((4, 4), 1e-4, np.float32)
    image[0, 0] = 1
    wrong = image.copy()
    wrong[2, 1] *= np.float32(1.03)
    assert apart(image, wrong) == PixelsApart(1, 16, 1, 2)


def test_pixels_that_are_no_number_are_apart():
    wrong = TRUTH.copy()
    wrong[0, 1] = np.nan
    found = apart(TRUTH, wrong)
    assert found and (found.pixels, found.fast, found.slow) == (1, 1, 0)
    assert apart(TRUTH, TRUTH[1:]) is None and OF_PEAK < 1e-5


@pytest.mark.parametrize("left", (EMULATED, CONTROL, "both"))
def test_a_stored_proof_without_its_strict_comparison_proves_nothing(left):
    """As bundles of before, or a record from which it was cut."""
    reference = with_defects("middle")
    _, proof, _ = tried([claim()], reference, TRUTH, {EMULATED_WORDS: reference, CONTROL_WORDS: TRUTH})
    trials = tuple(replace(trial, apart=None) if left in (trial.purpose, "both") else trial for trial in proof.trials)
    comparison = compare_images(reference, TRUTH, ROIS)
    cut = Proof(proof.claims, trials, datetime.date(2026, 1, 1))
    assert judge_claims(judge(comparison, STRICT), comparison, cut, STRICT).word is Label.NOT_PROVEN


def test_a_stored_proof_without_its_control_proves_nothing():
    reference = with_defects("middle")
    _, proof, _ = tried([claim()], reference, TRUTH, {EMULATED_WORDS: reference, CONTROL_WORDS: TRUTH})
    comparison = compare_images(reference, TRUTH, ROIS)
    cut = replace(proof, trials=proof.trials[:1])
    found = judge_claims(judge(comparison, STRICT), comparison, cut, STRICT)
    assert found.word is Label.NOT_PROVEN and "no image with the control" in found.reasons[0]
