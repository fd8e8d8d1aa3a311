"""The rules of the verdict one by one: which reason wins, what a threshold admits, and how apart two images are."""

import math

import numpy as np
import pytest

from nbcompare.case.threshold import Threshold
from nbcompare.compare.compare import compare_images
from nbcompare.compare.image import Roi, Shape
from nbcompare.engine.engine import Failure, Run
from nbcompare.errors import ExitCode
from nbcompare.verdict.divergence import closing, factor, share
from nbcompare.verdict.noise_floor import NoiseFloor, Repetition, repetitions_asked
from nbcompare.verdict.proof import OF_PEAK, RTOL, PixelsApart, apart
from nbcompare.verdict.verdict import EXIT_OF, Check, Label, failures_verdict, judge

SHAPE = Shape(4, 5)
IMAGE = np.arange(1, 21, dtype=np.float32).reshape(4, 5)
ROIS = [Roi.full(SHAPE), Roi("corner", 0, 1, 0, 1)]


def judged(subject, *thresholds, **more):
    asked = {(threshold.metric, threshold.roi) for threshold in thresholds}
    return judge(compare_images(IMAGE, subject, ROIS, further=asked), thresholds, **more)


def ratio(low, high, roi="full"):
    return Threshold("sum_ratio", roi, low, high, "w")


def test_the_word_is_that_of_the_gravest_reason():
    """Too tight for the reference itself, then outside, then showing nothing, then PASS."""
    noise = {("sum_ratio", "full"): 1.1}
    assert judged(IMAGE, ratio(0.9, 1.2), noise=noise).word is Label.PASS
    assert judged(IMAGE, ratio(0.9, 1.2), noise=noise, vacuous=["empty"]).word is Label.BLOCKED
    assert judged(IMAGE, ratio(1.05, 1.2), noise=noise, vacuous=["empty"]).word is Label.FAIL
    found = judged(IMAGE, ratio(1.2, 1.3), noise=noise, vacuous=["empty"])
    assert found.word is Label.CASE_ERROR
    assert found.reasons == (
        "the threshold sum_ratio 1.2 .. 1.3 on full is below the reference's own noise: run again, the reference gives "
        "1.1 against itself", "sum_ratio on full: 1, allowed 1.2 .. 1.3", "empty")


def test_noise_of_another_region_or_metric_says_nothing():
    for key in (("sum_ratio", "corner"), ("rmse", "full")):
        found = judged(IMAGE, ratio(0.9, 1.2), noise={key: 5.0})
        assert found.word is Label.PASS and found.checks[0].noise is None


def test_every_threshold_has_its_own_check():
    found = judged(IMAGE, ratio(0.9, 1.1), ratio(1.5, 2, "corner"))
    assert [check.holds for check in found.checks] == [True, False]
    assert found.reasons == ("sum_ratio on corner: 1, allowed 1.5 .. 2",)


@pytest.mark.parametrize(("low", "high", "words"), [(None, 2, "<= 2"), (1, None, ">= 1"), (1, 2, "1 .. 2")])
def test_what_a_threshold_allows_in_words(low, high, words):
    assert ratio(low, high).allowed == words


def test_how_wide_a_threshold_is():
    assert ratio(0.9, 1.3).width(1.1) == pytest.approx(0.3)
    assert ratio(0.9, 1.3).width(1.0) == pytest.approx(0.1)
    assert ratio(None, 1.3).width(0.5) == pytest.approx(0.3)
    assert ratio(0.9, None).width(0.95) == pytest.approx(0.1)
    assert ratio(0.9, None).width(1.05) == math.inf
    assert Threshold("nan_fraction", "full", None, 0.1, "w").width(0.05) == math.inf


def test_the_noise_of_a_check_is_below_its_threshold_only_outside_it():
    assert not Check(ratio(0.9, 1.1), 1.0, True, None, 1.1).below_noise
    assert Check(ratio(0.9, 1.1), 1.0, True, None, math.nextafter(1.1, 2)).below_noise
    assert not Check(ratio(0.9, 1.1), 1.0, True).below_noise


def test_an_undefined_figure_is_said_with_its_reason():
    assert Check(ratio(0.9, 1.1), None, False, "no signal").sentence == (
        "sum_ratio on full: undefined (no signal), allowed 0.9 .. 1.1")


def test_only_pass_and_proven_end_a_process_with_success():
    assert set(EXIT_OF) == set(Label)
    assert [label for label in Label if EXIT_OF[label] is ExitCode.PASS] == [Label.PASS, Label.PROVEN]
    assert {label: EXIT_OF[label].value for label in Label if EXIT_OF[label].value > 1} == {
        Label.FAIL: 3, Label.NOT_PROVEN: 7, Label.NOT_NEEDED: 7, Label.ENGINE_FAILED: 2, Label.NOT_COMPARABLE: 4,
        Label.BLOCKED: 8}


def run_of(role, failure=None):
    return Run(role, ("-x",), SHAPE, 0, 0.1, failure, None)


def test_failed_engines_are_told_with_their_last_words_and_each_hint_once():
    one = Failure("exit-code", "ended with exit code 3", said=("no file",), hints=("look there",))
    other = Failure("signal", "was killed", said=("boom",), hints=("look there",))
    found = failures_verdict((run_of("reference", one), run_of("subject", other)))
    assert found.word is Label.ENGINE_FAILED
    assert found.reasons == ("reference ended with exit code 3", "subject was killed", "reference said: no file",
                             "subject said: boom", "look there")
    assert failures_verdict((run_of("reference"), run_of("subject"))) is None


# --- one physics ------------------------------------------------------------------------------------------


def test_pixels_are_apart_beyond_a_thousandth_and_two_millionths_of_the_peak():
    """0.1 % of the pixel and 2e-6 of a peak of 20 together: 0.001 * 10 + 0.00004 at a pixel of 10."""
    reference = IMAGE.astype("f8")
    allowed = RTOL * 10 + OF_PEAK * 20
    for sign in (1, -1):
        subject = reference.copy()
        subject[1, 4] += sign * (allowed * 0.999999)
        assert apart(reference, subject).pixels == 0
        subject[1, 4] = 10 + sign * allowed * 1.000001
        assert apart(reference, subject) == PixelsApart(1, 20, 4, 1)
    assert (RTOL, OF_PEAK) == (1e-3, 2e-6)


def test_the_worst_of_the_pixels_apart_is_named_and_no_number_is_worst():
    subject = IMAGE.copy()
    subject[0, 1], subject[3, 2] = 50, 99
    assert apart(IMAGE, subject) == PixelsApart(2, 20, 2, 3)
    subject[2, 3] = np.nan
    found = apart(IMAGE, subject)
    assert found == PixelsApart(3, 20, 3, 2)
    assert found.sentence == ("3 of 20 pixels differ by more than 0.1 % and 2e-06 of the peak, the worst at fast 3 "
                              "slow 2")
    assert apart(IMAGE, IMAGE[:, 1:]) is None
    assert apart(-IMAGE, -IMAGE).pixels == 0


# --- in words ---------------------------------------------------------------------------------------------


def test_the_share_of_a_gap_that_is_closed_is_between_none_and_all():
    def check(value):
        return Check(ratio(0.999, 1.001), value, False)

    assert closing(check(1.5), check(1.2)) == pytest.approx(0.6)
    assert closing(check(0.5), check(1.2)) == pytest.approx(0.6)
    assert closing(check(1.5), check(1.9)) == 0 and closing(check(1.5), check(1.0)) == 1
    assert closing(check(1.0), check(1.2)) is None
    assert closing(check(None), check(1.2)) is None and closing(check(1.5), check(None)) is None
    unjudged = Check(Threshold("nan_fraction", "full", None, 0.1, "w"), 0.5, False)
    assert closing(unjudged, unjudged) is None


def test_shares_and_factors_change_their_form_at_their_limits():
    assert [share(part) for part in (0, 0.004, 0.5, 0.9899, 0.99, 0.99999)] == [
        "none", "0.4 %", "50 %", "99 %", "99 %", "99.999 %"]
    assert [factor(value) for value in (999, 999.94, 1000, 125932.4, 999_999_999, 1e9)] == [
        "999", "999.94", "1,000", "125,932", "999,999,999", "1e+09"]


# --- the reference against itself -------------------------------------------------------------------------


def repetition(name, subject, same=False):
    comparison = None if subject is None else compare_images(IMAGE, subject, ROIS)
    failure = Failure("exit-code", "ended with exit code 3") if subject is None else None
    return Repetition(name, {}, run_of("reference", failure), same, comparison)


def test_the_noise_is_the_figure_furthest_from_that_of_equal_images():
    found = NoiseFloor((repetition("repeat-1", IMAGE * np.float32(1.25)), repetition("repeat-2", IMAGE, True),
                        repetition("threads-1", IMAGE * np.float32(0.5)), repetition("threads-2", None)))
    assert found.values()["sum_ratio", "full"] == 0.5
    assert found.values()["correlation", "corner"] == pytest.approx(1)
    assert not found.deterministic
    assert found.sentence == "the reference differs from itself (repeat-1, threads-1, threads-2)"
    assert found.failures == ["the reference, run again (threads-2), ended with exit code 3"]
    noise = {(row["metric"], row["roi"]): row["from_best"] for row in found.as_dict()["noise"]}
    assert noise["sum_ratio", "full"] == 0.5
    assert NoiseFloor.from_dict(found.as_dict()) == found


def test_a_reference_that_repeats_itself_is_deterministic():
    found = NoiseFloor((repetition("repeat-1", IMAGE, True), repetition("repeat-2", IMAGE, True)))
    assert found.deterministic and found.failures == []
    assert found.sentence == "the reference is deterministic: bit-identical in 2 more runs (repeat-1, repeat-2)"


def test_each_repetition_has_a_name_and_its_threads():
    assert repetitions_asked(2, (1, 4)) == {"repeat-1": {}, "repeat-2": {}, "threads-1": {"OMP_NUM_THREADS": "1"},
                                            "threads-4": {"OMP_NUM_THREADS": "4"}}
    assert repetitions_asked(0, ()) == {}


