"""Thresholds that see nothing in these images, told by images that are wrong for certain."""

import numpy as np
import pytest

from nbcompare.case.threshold import Threshold
from nbcompare.compare.compare import Comparison, compare_images
from nbcompare.compare.image import Roi, Shape
from nbcompare.compare.metrics import METRICS
from nbcompare.verdict.verdict import Label, judge

SIZE = 60
FULL = Roi.full(Shape(SIZE, SIZE))
CORRELATION = Threshold("correlation", "full", 0.999, None, "same pattern")
SCALE = Threshold("sum_ratio", "full", 0.99, 1.01, "same scale")


def spots(background=0.0):
    """Nine sharp spots at odd places, which fill a hundredth of the pixels."""
    draw = np.random.default_rng(5)
    image = (background + 1e-4 * draw.random((SIZE, SIZE))).astype("f4")
    for slow, fast in draw.integers(2, SIZE - 4, (9, 2)):
        image[slow:slow + 2, fast:fast + 2] = 100 + 900 * draw.random((2, 2))
    return image


REFERENCE = spots()
PEAK = float(REFERENCE.max())


def judged(subject, *thresholds):
    further = {(threshold.metric, "full") for threshold in thresholds}
    comparison = compare_images(REFERENCE, subject.astype("f4"), [FULL], further=further)
    assert Comparison.from_dict(comparison.as_dict()) == comparison
    return judge(comparison, thresholds)


def at_most(metric, most):
    return Threshold(metric, "full", None, most, "w")


@pytest.mark.parametrize("threshold", [
    at_most(f"share_outside(near_zero={PEAK * 0.98!r})", 0.001), at_most(f"share_outside(atol={PEAK * 0.9!r})", 0.01),
    at_most("share_outside(atol=1)", 0.05), at_most("share_outside", 0.999),
    at_most("share_outside(atol=99, rtol=0.9)", 0.01)],
    ids=["near zero", "absolute", "a share above that of all spots", "nearly any share", "both"])
def test_a_tolerance_that_an_image_of_zeros_meets_is_no_pass_whatever_stands_beside_it(threshold):
    """Each passes zeros here; by their numbers alone none but the fourth is odd."""
    for beside in ((), (CORRELATION, SCALE)):
        found = judged(REFERENCE * np.float32(1 + 1e-7), threshold, *beside)
        assert found.word is Label.BLOCKED and "an image of zeros would pass" in found.reasons[0]


@pytest.mark.parametrize("name", ["share_outside(atol=1)", "share_outside(near_zero=50)"])
def test_a_tolerance_that_zeros_do_not_meet_is_judged(name):
    threshold = at_most(name, 0.001)
    assert judged(REFERENCE * np.float32(1 + 1e-7), threshold).word is Label.PASS
    assert judged(REFERENCE * 0, threshold, CORRELATION).word is Label.FAIL


@pytest.mark.parametrize("threshold", [at_most("abs_diff_q90", 0.01), Threshold("ssim", "full", 0.8, None, "w"),
                                       at_most("rmse", PEAK / 2)])
@pytest.mark.parametrize("subject", [REFERENCE * 1e-9, REFERENCE], ids=["nothing", "right"])
def test_a_region_whose_every_threshold_zeros_meet_is_no_pass(threshold, subject):
    found = judged(subject * np.float32(1 + 1e-7), threshold)
    assert found.word is Label.BLOCKED
    assert "the thresholds on full could not fail: an image of zeros would pass" in found.reasons[0]
    beside = judged(subject * np.float32(1 + 1e-7), threshold, CORRELATION, SCALE)
    assert beside.word is (Label.PASS if subject is REFERENCE else Label.FAIL)


def test_a_scale_that_no_threshold_would_see_is_no_pass():
    """The structure of an image twice as bright is nearly that of the image: its windows are nearly all background."""
    found = judged(REFERENCE * 2, Threshold("ssim", "full", 0.75, None, "w"), CORRELATION)
    assert found.word is Label.BLOCKED
    assert any("the sum ratio on full is 2, and no threshold here can see a scale" in said for said in found.reasons)


def test_a_pattern_that_no_threshold_would_see_is_no_pass():
    moved = np.roll(REFERENCE, (7, 11), (0, 1))
    found = judged(moved, at_most("abs_diff_q90", 0.01), SCALE)
    assert found.word is Label.BLOCKED and "no threshold here can see a pattern" in found.reasons[0]
    assert judged(moved, at_most("abs_diff_q9999", 0.01), SCALE).word is Label.FAIL
    assert judged(REFERENCE * 1.001, at_most("abs_diff_q90", 0.01), SCALE).word is Label.PASS


def test_whole_numbers_of_a_detector_are_doubled_within_their_type():
    counts = np.random.default_rng(2).integers(0, 200, (SIZE, SIZE)).astype("u1")
    comparison = compare_images(counts, counts // 2, [FULL])
    values = {image.name: image.values for image in comparison.regions[0].wrong_images}
    difference = np.minimum(counts.astype(int), 255 - counts)
    assert values["twice"]["max_abs_diff"] == difference.max()
    assert values["zeros"]["mse"] == pytest.approx((counts.astype(float) ** 2).mean())


def test_the_figures_of_wrong_images_are_those_that_such_images_have():
    """Those of zeros are derived from the sums of the reference; here they are taken of an image of zeros."""
    further = {(name, "full") for name in METRICS}
    known = compare_images(REFERENCE, REFERENCE[::-1] * 3, [FULL], further=further).regions[0]
    moved = np.roll(REFERENCE, (SIZE // 3, SIZE // 3), (0, 1))
    assert [image.name for image in known.wrong_images] == ["zeros", "twice", "moved"]
    for name, wrong in (("zeros", np.zeros_like(REFERENCE)), ("twice", REFERENCE * 2), ("moved", moved)):
        taken = compare_images(REFERENCE, wrong, [FULL], further=further).regions[0]
        for metric, entry in METRICS.items():
            value = taken.figure(metric).value
            if value is None or entry.refuses(value) or entry.refuses(value + 1e-9) or entry.refuses(value - 1e-9):
                value = None  # 1 but for rounding, which no threshold could admit
            found = known.of_wrong_image(name, metric)
            assert value is None or found == pytest.approx(value), (name, metric)
