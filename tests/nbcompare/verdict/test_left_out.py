"""What was left out of a region is no evidence until somebody says so, and each way of saying so answers its own."""

from dataclasses import replace

import numpy as np
import pytest

from nbcompare.case.threshold import Threshold, default_targets
from nbcompare.compare.compare import compare_images
from nbcompare.compare.image import Roi, Shape
from nbcompare.verdict.verdict import judge

FULL = Roi.full(Shape(40, 40))


def spots():
    image = 1 + 0.3 * np.random.default_rng(3).random((40, 40))
    image[8:10, 8:10] = image[30:32, 20:22] = 1e5
    return image.astype("f4")


def judged(how, metrics=(), roi=FULL):
    """The verdict on two images of which spots are ``how``: masked in both, or no number in both."""
    image = spots()
    bright = image > 1e4
    further = {(metric, roi.name) for metric in metrics}
    if how == "masked":
        comparison = compare_images(image, image * np.float32(1 + 1e-6), [roi], masks=(bright, bright), further=further)
    else:
        image[bright] = np.inf
        comparison = compare_images(image, image * np.float32(1 + 1e-6), [roi], skip_nonfinite=True, further=further)
    allowed = [Threshold(metric, roi.name, None, 0.5, "meant so") for metric in metrics]
    return judge(comparison, (*default_targets(roi.name), *allowed))


@pytest.mark.parametrize("how", ["masked", "no number"])
def test_signal_that_both_images_leave_out_blocks_until_it_is_answered(how):
    said = {"masked": "99 % of the reference's signal there are left out", "no number": "8 of 1600 pixels are NaN or "
            "infinite in the reference, where its signal is"}[how]
    found = judged(how)
    assert str(found.word) == "BLOCKED" and found.reasons[0].startswith(f"region full: {said}")
    for metric in ("mask_mismatch", "masked_fraction", "nan_mismatch", "nan_fraction", "inf_mismatch", "inf_fraction"):
        assert str(judged(how, [metric]).word) == "PASS", metric
    assert str(judged(how, ["zero_mismatch"]).word) == "BLOCKED"
    assert str(judged(how, roi=replace(FULL, weak_allowed="the spots are burnt in")).word) == "PASS"


@pytest.mark.parametrize("how", ["masked", "no number"])
@pytest.mark.parametrize("weak", [None, "few pixels, and they are enough"])
def test_pixels_that_the_subject_alone_leaves_out_are_answered_by_a_threshold_on_them_alone(how, weak):
    """A region that may be weak does not let the subject choose its pixels."""
    reference, subject = spots(), spots()
    roi = replace(FULL, weak_allowed=weak)
    gone = np.zeros((40, 40), bool)
    gone[0, :3] = True
    own, other = ("mask_mismatch", "nan_mismatch") if how == "masked" else ("nan_mismatch", "mask_mismatch")
    if how == "masked":
        asked = {"masks": (np.zeros_like(gone), gone)}
    else:
        subject[gone] = np.nan
        asked = {"skip_nonfinite": True}

    def verdict(*metrics):
        comparison = compare_images(reference, subject, [roi], further={(metric, "full") for metric in metrics},
                                    **asked)
        return judge(comparison, (*default_targets("full"), *(Threshold(metric, "full", None, 0.5, "meant so")
                                                              for metric in metrics)))

    for metrics in ((), (other,)):
        found = verdict(*metrics)
        assert str(found.word) == "BLOCKED" and "3 of 1600 pixels are" in found.reasons[0]
    assert str(verdict(own).word) == "PASS"


@pytest.mark.parametrize(("share", "word"), [(0.49, "PASS"), (0.5, "BLOCKED")])
def test_half_of_the_signal_is_more_than_may_be_left_out_unsaid(share, word):
    """One pixel in a hundred of equal brightness is 1 % of it; of the dark rest nothing is."""
    image = np.zeros((20, 20), "f4")
    image[:5] = 100 + np.arange(100).reshape(5, 20) / 1e4
    order = np.argsort(image[:5], axis=None, kind="stable")
    gone = np.zeros((20, 20), bool)
    gone.ravel()[order[-round(100 * share):]] = True
    if word == "PASS":
        gone.ravel()[order[0]] = False
    comparison = compare_images(image, image, [Roi.full(Shape(20, 20))], masks=(gone, gone))
    lost = comparison.regions[0].left_out
    assert (lost.signal_percent if lost else 0) == (50 if word == "BLOCKED" else 0)


def test_what_answers_one_region_answers_no_other():
    image = spots()
    bright = image > 1e4
    rois = [Roi("left", 0, 19, 0, 39), Roi("right", 20, 39, 0, 39)]

    def regions(*answered):
        targets = [target for roi in rois for target in default_targets(roi.name)]
        targets += [Threshold("masked_fraction", name, None, 0.5, "meant so") for name in answered]
        found = judge(compare_images(image, image * np.float32(1 + 1e-6), rois, masks=(bright, bright),
                                     further={("masked_fraction", name) for name in answered}), targets)
        return [reason.split()[1] for reason in found.reasons if "signal there" in reason]

    assert regions() == ["left:", "right:"]
    assert regions("left") == ["right:"] and regions("right") == ["left:"] and regions("left", "right") == []
