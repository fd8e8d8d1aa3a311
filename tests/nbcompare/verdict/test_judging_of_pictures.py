"""What a verdict says where a picture shows nothing, thresholds see nothing, or nothing was judged: at the limits, and
word for word."""

import math

import numpy as np
import pytest

from nbcompare.case.threshold import Threshold
from nbcompare.compare.compare import compare_images
from nbcompare.compare.image import Roi, Shape
from nbcompare.engine.engine import Run
from nbcompare.engine.failure import ZERO_IMAGE, Failure
from nbcompare.errors import ExitCode
from nbcompare.verdict.blind import blind
from nbcompare.verdict.verdict import Check, Label, Verdict, failures_verdict, judge, uncompared, verdict
from tests.nbcompare.frozen import are_frozen

SHAPE = Shape(40, 40)
IMAGE = np.random.default_rng(3).exponential(size=(40, 40)).astype("f4") + np.float32(0.5)
IMAGE[20, 20] = 64.0
FULL = Roi.full(SHAPE)
LEFT, RIGHT = Roi("left", 0, 19, 0, 39), Roi("right", 20, 39, 0, 39)
SCALE = Threshold("sum_ratio", "full", 0.5, 1.875, "w")
"""Of an image twice as bright it does not hold."""


def compared(subject=IMAGE, *thresholds, rois=(FULL,), reference=IMAGE, **more):
    asked = {(threshold.metric, threshold.roi) for threshold in thresholds}
    return compare_images(reference, np.asarray(subject, "f4"), rois, further=asked, with_peaks=False, **more)


def at_most(metric, most, roi="full"):
    return Threshold(metric, roi, None, most, "w")


# --- nothing to judge by, or nothing left to judge --------------------------------------------------------


def test_without_a_threshold_nothing_was_judged():
    found = judge(compared(), [])
    assert (found.word, found.exit_code, found.checks) == (Label.BLOCKED, ExitCode.BLOCKED, ())
    assert found.reasons == ("no threshold was given: nothing was judged",)
    assert uncompared() == verdict(Label.BLOCKED, ["N2 pending: the images were left uncompared (--no-compare); "
                                                   "nb-compare check judges them"])


def test_regions_without_a_pixel_left_block_and_beside_one_that_is_off_fail():
    """Of the left half all is masked: no figure, and no difference either."""
    gone = np.zeros((40, 40), bool)
    gone[:, :20] = True
    left, right = Threshold("correlation", "left", 0.9, None, "w"), Threshold("sum_ratio", "right", 0.99, 1.01, "w")

    def judged(factor, *thresholds):
        comparison = compare_images(IMAGE, IMAGE * np.float32(factor), [LEFT, RIGHT], masks=(gone, gone))
        return judge(comparison, thresholds)

    assert judged(1, left).word is judged(1, left, right).word is Label.BLOCKED
    assert judged(2, left, right).word is Label.FAIL and judged(2, right).word is Label.FAIL
    assert judged(1, left, right).checks[0].undefined and not judged(1, left, right).checks[0].holds


def test_a_weak_region_is_told_with_its_size_and_its_share_of_the_peak():
    image = IMAGE.copy()
    image[:20, :20] = 0
    image[3, 3:7] = 64 * np.float32(1e-7)
    corner = Roi("corner", 0, 19, 0, 19)
    found = judge(compared(image, rois=(corner,), reference=image), [Threshold("sum_ratio", "corner", 0.9, 1.1, "w")])
    assert found.word is Label.BLOCKED
    assert found.reasons[0].startswith("region corner is too weak to judge: its pixels take 2 values")
    assert found.reasons[0].endswith(
        " (1e-07 of the frame's peak, 20 x 20 pixels); where that is meant, allow it with a reason (--allow-weak, weak "
        "in a case, Roi(weak_allowed=))")


def zero(role, kind=ZERO_IMAGE):
    return Run(role, ("-x",), SHAPE, 0, 0.1, Failure(kind, f"failed by {kind}"), None)


def test_two_images_of_zeros_block_and_one_is_a_failed_engine():
    nothing = ("every pixel of both images is zero: nothing was compared that could differ; look at the beam, the "
               "structure factors and the region rendered",)
    both = failures_verdict((zero("reference"), zero("subject")))
    assert (both.word, both.reasons) == (Label.BLOCKED, nothing)
    dark = np.zeros((8, 9), "f4")
    for subject, word in ((dark.copy(), Label.BLOCKED), (dark + 1, Label.FAIL), (IMAGE[:8, :9], Label.FAIL)):
        found = judge(compare_images(dark, subject, [Roi.full(Shape(8, 9))]), [SCALE])
        assert found.word is word and (found.reasons == nothing) is (word is Label.BLOCKED), "and so of two files"
    for runs in ((zero("subject"),), (zero("reference"), zero("subject", "signal"))):
        found = failures_verdict(runs)
        assert found.word is Label.ENGINE_FAILED and found.reasons[-1].startswith("subject failed by ")


def test_a_verdict_is_kept_with_its_figures_and_its_noise():
    check = Check(SCALE, 1.25, True, None, 1.125)
    found = verdict(Label.PROVEN, ["r"], [check, Check(SCALE, None, False, "no signal")])
    assert found.as_dict() == {
        "word": "PROVEN", "exit_code": 0, "reasons": ["r"],
        "checks": [{"threshold": vars(SCALE), "value": 1.25, "holds": True, "undefined": None, "noise": 1.125},
                   {"threshold": vars(SCALE), "value": None, "holds": False, "undefined": "no signal",
                    "noise": None}]}
    assert are_frozen(found, check)
    assert Verdict.from_dict(found.as_dict()) == found and found.accepted and not found.passed
    assert check.margin == 7 and not verdict(Label.FAIL).accepted and verdict(Label.PASS).passed


# --- thresholds that see nothing --------------------------------------------------------------------------


@pytest.mark.parametrize(("metric", "power"), [("max_abs_diff", 1), ("rmse", 1), ("mse", 2)])
def test_a_threshold_as_wide_as_the_brightest_pixel_could_not_fail(metric, power):
    limit = 64.0 ** power
    pattern = Threshold("correlation", "full", 0.5, None, "w")
    for most, blocked in ((limit, True), (math.nextafter(limit, 0), False), (limit * 2, True)):
        found = blind(compared(IMAGE, at_most(metric, most), pattern), [at_most(metric, most), pattern, SCALE])
        assert found == ([f"the threshold {metric} <= {most:.10g} on full could not fail: the brightest reference "
                          "pixel there is 64, so an image of zeros would pass"] if blocked else [])
    least = Threshold(metric, "full", limit, None, "w")
    assert blind(compared(IMAGE, least), [least, pattern, SCALE]) == []


def test_what_zeros_would_give_is_told_beside_the_threshold_that_admits_it():
    most = at_most("share_outside(atol=63)", 0.5)
    sentence, = blind(compared(IMAGE, most), [most, SCALE])
    share = np.count_nonzero(IMAGE > 63 + 1e-3) / IMAGE.size
    assert sentence == (f"the threshold share_outside(atol=63) <= 0.5 on full could not fail: the brightest reference "
                        f"pixel there is 64, so an image of zeros would pass ({share:.6g})")


def test_thresholds_that_zeros_meet_together_are_told_with_every_value():
    """Each region by its own thresholds; one of the pattern must be among them, as a weak case is told elsewhere."""
    image = np.zeros((40, 40), "f4")
    image[5, 5] = image[5, 35] = 64
    image[6, 6] = image[6, 36] = 32
    quantile = [at_most("abs_diff_q90", 0.01, name) for name in ("left", "right")]
    second = at_most("equal_pixels", 1.0, "left")
    right = Threshold("correlation", "right", 0.9, None, "w")
    comparison = compared(image, *quantile, second, rois=(LEFT, RIGHT), reference=image)
    equal = 798 / 800
    told, = blind(comparison, [*quantile, second, right])
    assert told == ("the thresholds on left could not fail: an image of zeros would pass (abs_diff_q90 0, allowed <= "
                    f"0.01, equal_pixels {equal:.6g}, allowed <= 1); add one on correlation or sum_ratio")
    both = [f"the thresholds on {name} could not fail: an image of zeros would pass (abs_diff_q90 0, allowed <= 0.01); "
            "add one on correlation or sum_ratio" for name in ("left", "right")]
    assert blind(comparison, quantile) == both
    unpatterned = at_most("nan_fraction", 0.5, "left")
    assert blind(compared(image, unpatterned, rois=(LEFT,), reference=image), [unpatterned]) == []


@pytest.mark.parametrize(("factor", "told"), [(1.01, False), (1.0101, True), (0.99, False), (0.9899, True)])
def test_another_scale_is_told_from_one_percent_on_where_no_threshold_sees_it(factor, told):
    rows = np.full((40, 40), 10_000.0)
    rows[::2] = 30_000
    thresholds = [Threshold("correlation", name, 0.9, None, "w") for name in ("full", "left")]
    comparison = compare_images(rows, np.rint(rows * factor), [FULL, LEFT])
    found = blind(comparison, thresholds)
    assert found == ([f"the sum ratio on {name} is {factor:.6g}, and no threshold here can see a scale: add one on "
                      "sum_ratio (min: 0.99, max: 1.01, or whatever is right, with its why)" for name in
                      ("full", "left")] if told else [])
    after = Threshold("residual_after_scale", "full", None, 0.5, "any scale will do")
    assert blind(comparison, [*thresholds, after]) == blind(comparison, [*thresholds, SCALE]) == []


def test_a_region_that_was_not_compared_hides_no_scale():
    lost = Threshold("sum_ratio", "elsewhere", 0.9, 1.1, "w")
    like = Threshold("correlation", "full", 0.9, None, "w")
    comparison = compared(IMAGE * np.float32(3), like)
    assert len(blind(comparison, [like])) == 1 and blind(comparison, [like, lost]) == []


def test_another_pattern_is_told_where_everything_moved_would_pass():
    moved = np.roll(IMAGE, (5, 7), (0, 1))
    width = at_most("max_abs_diff_of_peak", 2.0)
    comparison = compared(moved, width)
    likeness = comparison.figure("correlation", "full").value
    told = (f"the correlation on full is {likeness:.6g}, and no threshold here can see a pattern: with all of it in "
            "another place they would pass; add one on correlation (min: whatever is right, with its why)")
    assert blind(comparison, [width, SCALE])[-1] == told
    tight = at_most("max_abs_diff_of_peak", 0.5)
    assert told not in blind(compared(moved, tight), [width, tight, SCALE])
    assert told not in blind(comparison, [SCALE]), "a case without a pattern is told as weak already"
    same = compared(IMAGE, width)
    assert not any("pattern" in said for said in blind(same, [width, SCALE]))


@pytest.mark.parametrize(("noise", "asked"), [(0.9, True), (0.1, False)])
def test_a_likeness_of_nine_tenths_is_one_pattern(noise, asked):
    """Just below it is asked for, just above it is not: noise of twice the image's own spread, and a fifth."""
    draw = np.random.default_rng(11)
    image = draw.normal(10, 1, (40, 40)).astype("f4")
    subject = image + noise * draw.normal(0, 1, image.shape).astype("f4")
    width = at_most("max_abs_diff_of_peak", 2.0)
    comparison = compared(subject, width, reference=image)
    likeness = comparison.figure("correlation", "full").value
    assert (likeness < 0.9) is asked
    assert any("pattern" in said for said in blind(comparison, [width, SCALE])) is asked


# --- left out ---------------------------------------------------------------------------------------------


def test_what_was_left_out_is_told_word_for_word():
    image = IMAGE.copy()
    image[0, 0] = 1e6
    bright = image == 1e6
    alone = np.zeros_like(bright)
    alone[1, :3] = True
    scale = Threshold("sum_ratio", "full", 0.5, 2, "w"), Threshold("correlation", "full", 0.5, None, "w")
    lost = compare_images(image, image, [FULL], masks=(bright, bright | alone))
    assert judge(lost, scale).reasons == (
        "region full: 3 of 1600 pixels are masked in the subject alone, so they were not judged; a threshold on "
        "mask_mismatch (max: the share that may be) says how many are allowed",
        "region full: 99 % of the reference's signal there are left out, as masked or no number, so the rest was "
        "judged alone; where that is meant, allow it with a reason (--allow-weak, or weak in a case), or by a "
        "threshold on masked_fraction")
    half = image.copy()
    half[5:, 5:] = np.inf
    both = judge(compare_images(half, half, [FULL], masks=(bright, bright), skip_nonfinite=True), scale).reasons
    assert [reason.split(",")[0] for reason in both] == [
        "region full: 99 % of the reference's signal there are left out", "region full: 1225 of 1600 pixels are NaN or "
        "infinite in the reference"]
    subject = np.where(alone, np.nan, image)
    reference = np.where(bright, np.inf, image)
    none = compare_images(reference, subject, [FULL], skip_nonfinite=True)
    assert judge(none, scale).reasons == (
        "region full: 3 of 1600 pixels are NaN or infinite in the subject alone, so they were not judged; a threshold "
        "on nan_mismatch (max: the share that may be) says how many are allowed",
        "region full: 1 of 1600 pixels are NaN or infinite in the reference, where its signal is; what belongs there "
        "was not judged; where that is meant, allow it with a reason (--allow-weak, or weak in a case), or by a "
        "threshold on nan_fraction")
