"""Weak regions: far fainter than the frame. What can be told from them is judged, and what cannot is no pass."""

import json

import numpy as np
import pytest

from nbcompare.case.case_file import load_case
from nbcompare.case.regions import allow_weak
from nbcompare.case.threshold import default_targets
from nbcompare.compare.compare import Comparison, compare_images
from nbcompare.compare.image import Roi
from nbcompare.errors import CaseError, ExitCode
from nbcompare.verdict.further_evidence import FurtherEvidence, conclude
from nbcompare.verdict.proof import Proof
from nbcompare.verdict.verdict import Label, judge, verdict

CORNER = Roi("corner", 2, 21, 3, 22)
PEAK = 446.0
FAINT = np.random.default_rng(5).exponential(6e-6, (20, 20)).astype("f4")
"""As faint, against the frame, as the corner that a published plan judges: 1.3e-7 of its brightest pixel."""


def frame(corner):
    """An image whose corner holds these pixels; elsewhere it is lively."""
    image = np.random.default_rng(6).exponential(30, (40, 50)).astype("f4")
    image[30, 40] = PEAK
    image[CORNER.slices] = corner
    return image


def judged(corner, subject, *, allowed=None, noise=None):
    """The verdict on the corner alone, by the three default targets."""
    rois = allow_weak((CORNER,), allowed)
    comparison = compare_images(frame(corner), frame(subject), rois)
    return judge(comparison, default_targets("corner"), noise=noise), comparison


def test_a_faint_region_that_is_resolved_is_judged_and_said_to_be_weak():
    found, comparison = judged(FAINT, FAINT)
    assert found.word is Label.PASS
    (note,) = comparison.notes
    assert note.startswith("region corner is weak: its brightest pixel is ")
    assert "of the frame's, 20 x 20 pixels of 400 values, resolved to " in note


@pytest.mark.parametrize("wrong", [
    FAINT * 1.02, np.roll(FAINT, 1, 1), np.zeros_like(FAINT), FAINT.T, np.full_like(FAINT, FAINT.mean()),
    FAINT + np.random.default_rng(7).normal(0, 0.05 * FAINT.max(), FAINT.shape), np.rint(FAINT), FAINT + 1e-6,
], ids=["scale", "moved", "empty", "transposed", "flat", "noise", "whole photons", "background"])
def test_what_is_wrong_in_a_faint_region_fails_as_it_does_in_a_bright_one(wrong):
    assert judged(FAINT, wrong.astype("f4"))[0].word is Label.FAIL


SPOT = np.zeros_like(FAINT)
SPOT[9:12, 9:12] = FAINT[:3, :3]
COUNTS = np.random.default_rng(8).poisson(1.0, FAINT.shape).astype("f4") * np.float32(1e-5)
HIDES = {
    "single photons": (COUNTS, COUNTS, "its pixels take 5 values"),
    "a stray spot among zeros": (SPOT, SPOT, "its pixels take 10 values"),
    "rounding on an offset": (np.float32(40) + 4e-6 * np.arange(400, dtype="f4").reshape(20, 20),) * 2 +
                             ("its pixels differ in the last digits only",),
    "numbers without digits": ((FAINT * np.float32(1e-38),) * 2 + ("its pixels",)),
}


@pytest.mark.parametrize("name", HIDES)
def test_a_region_in_which_nothing_can_be_told_is_no_pass_until_it_is_allowed(name):
    corner, subject, words = HIDES[name]
    found, comparison = judged(corner, subject)
    assert found.exit_code is ExitCode.BLOCKED and f"region corner is too weak to judge: {words}" in found.reasons[0]
    allowed, comparison = judged(corner, subject, allowed="only its place is asked for")
    assert allowed.word is Label.PASS
    assert comparison.notes[0].endswith("; allowed: only its place is asked for")


def test_single_photons_would_hide_a_scale():
    """Why few values are not enough: 10 % more of everything, and not one pixel changes."""
    counts = COUNTS * np.float32(1e5)
    assert np.array_equal(np.rint(counts * 1.1), counts)


@pytest.mark.parametrize(("share", "word"), [(1e-6, Label.PASS), (0.002, Label.BLOCKED)])
def test_a_region_that_the_reference_itself_does_not_repeat_is_no_pass(share, word):
    """Its noise is within every threshold here, and is as large as what they are to tell apart."""
    contrast = float(FAINT.max() - FAINT.min())
    found, _ = judged(FAINT, FAINT, noise={("max_abs_diff", "corner"): share * contrast})
    assert found.word is word
    if word is Label.BLOCKED:
        assert "run again, the reference moves its pixels by 0.002 of the contrast" in found.reasons[0]


@pytest.mark.parametrize("corner", [np.zeros_like(FAINT), np.full_like(FAINT, 5e-6), np.full_like(FAINT, 5)],
                         ids=["zero", "faint and constant", "constant"])
def test_no_reason_makes_a_constant_region_evidence(corner):
    found, _ = judged(corner, corner, allowed="we like it")
    assert not found.accepted and any("region corner: " in reason for reason in found.reasons)


def test_a_proof_does_not_make_a_region_evidence_either(monkeypatch):
    """The plain comparison fails, so that what it shows nothing of was not looked at."""
    rois = (CORNER, Roi("whole", 0, 49, 0, 39))
    comparison = compare_images(frame(COUNTS), frame(COUNTS) * np.float32(1.5), rois)
    monkeypatch.setattr("nbcompare.verdict.further_evidence.judge_claims",
                        lambda plain, *rest: verdict(Label.PROVEN, ["explained"], plain.checks))
    found = conclude(comparison, default_targets("whole"), FurtherEvidence(proof=Proof((), (), None)))
    assert found.word is Label.BLOCKED and "too weak to judge" in found.reasons[0]


def test_what_is_said_of_a_weak_region_can_be_read_back():
    _, comparison = judged(COUNTS, COUNTS, allowed="why")
    assert Comparison.from_dict(comparison.as_dict()) == comparison


# --- where it is allowed ------------------------------------------------------------------------------------


def test_images_are_judged_with_a_reason_that_stays_on_the_record(nb):
    np.save("a.npy", frame(COUNTS))
    np.save("b.npy", frame(COUNTS * np.float32(1 + 1e-6)))
    region = ("--roi", *map(str, CORNER.bounds), "--threshold", "correlation=0.99..", "--format", "json", "-q")
    assert nb("images", "a.npy", "b.npy", *region).code == 8
    assert nb("images", "a.npy", "b.npy", *region, "--allow-weak", " ").code == 1
    said = nb("images", "a.npy", "b.npy", *region, "--allow-weak", "only the place is asked for")
    assert said.code == 0
    assert nb("verify", said.json["bundle"]).code == 0
    checked = nb("check", said.json["bundle"])
    assert checked.code == 0 and "allowed: only the place is asked for" in checked.out


def test_a_reason_on_the_command_line_leaves_an_intact_bundle(nb, run_small):
    """The regions of the record bear a reason then that those of the kept case do not."""
    said, bundle = run_small("good", "twin", "--allow-weak", "only the place is asked for")
    assert said.code == 0 and nb("verify", bundle).code == 0
    record = json.loads((bundle / "record.json").read_text())
    assert {roi["weak_allowed"] for roi in record["case"]["rois"]} == {"only the place is asked for"}


def test_a_case_allows_regions_by_name(small_case):
    plain = small_case.read_text()
    small_case.write_text(plain + "weak: {allowed: far from every spot, rois: [middle]}\n")
    assert [roi.weak_allowed for roi in load_case(small_case).rois] == [None, "far from every spot"]
    small_case.write_text(plain + "weak: {allowed: far from every spot}\n")
    assert {roi.weak_allowed for roi in load_case(small_case).rois} == {"far from every spot"}
    for wrong in ("{allowed: ''}", "{rois: [middle]}", "{allowed: why, rois: [midle]}", "true"):
        small_case.write_text(plain + f"weak: {wrong}\n")
        with pytest.raises(CaseError):
            load_case(small_case)


def test_a_case_that_allows_weak_regions_now_is_looser_than_before(store, nb, small_case):
    small_case.write_text(small_case.read_text() + "weak: {allowed: it was refused}\n")
    said = nb("check", store.passed, "--case", small_case)
    assert "judged only where it holds signal" in said.out and "it was refused" in said.out
