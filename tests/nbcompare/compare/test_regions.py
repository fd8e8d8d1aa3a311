"""Which pixels belong to a region, and what of a weak one can be told apart."""

import json

import numpy as np
import pytest

from nbcompare.compare.compare import compare_images
from nbcompare.compare.image import Roi
from nbcompare.compare.metrics import METRICS
from nbcompare.compare.weak import LEVELS, WeakRegion

PLUS = np.array([[0, 0, 0, 0], [0, 0, 1, 0], [0, 1, 1, 1], [0, 0, 1, 0], [0, 0, 0, 0]], bool)


@pytest.mark.parametrize(("inner", "outer"), [(0, 2), (1, 3), (2, 4), (3, 4.5), (1.5, 2.5)])
def test_a_ring_holds_the_pixels_from_its_inner_radius_to_below_its_outer(inner, outer):
    outside = Roi("ring", 0, 10, 0, 8, ring=(5.0, 4.0, float(inner), float(outer))).outside()
    for y in range(9):
        for x in range(11):
            assert outside[y, x] == (not inner <= np.hypot(x - 5, y - 4) < outer), (x, y)


def test_a_region_of_any_pixels_is_its_box_and_its_runs():
    roi = Roi.of_mask("plus", PLUS)
    assert (roi.bounds, roi.mask) == ((1, 3, 1, 3), "1,1,1,3,1,1,1")
    assert (roi.outside() == ~PLUS[1:4, 1:4]).all()
    assert Roi.from_dict(json.loads(json.dumps(roi.as_dict()))) == roi


@pytest.mark.parametrize("change", [{"xmax": 4}, {"ymax": 4}, {"xmin": 0}, {"ymin": 0}, {"mask": "1,1,1,3,1,1,2"}])
def test_runs_of_another_box_are_refused(change):
    with pytest.raises(ValueError, match="the runs of region plus are not those of its box"):
        Roi.from_dict({**Roi.of_mask("plus", PLUS).as_dict(), **change})


def test_the_edges_of_a_region_lie_between_pixels_that_belong_to_it_and_others():
    """Of one pixel at (7, 3) the four sides; of a plus of five pixels twelve, none of them inside."""
    one = np.zeros((5, 9), bool)
    one[3, 7] = True
    assert set(Roi.of_mask("one", one).edges()) == {
        ((6.5, 2.5), (7.5, 2.5)), ((6.5, 3.5), (7.5, 3.5)), ((6.5, 2.5), (6.5, 3.5)), ((7.5, 2.5), (7.5, 3.5))}
    sides = Roi.of_mask("plus", PLUS).edges()
    assert len(sides) == len(set(sides)) == 12
    assert ((1.5, 1.5), (2.5, 1.5)) not in sides and ((1.5, 0.5), (2.5, 0.5)) in sides


@pytest.mark.parametrize(("levels", "spacing", "noise", "why"), [
    (LEVELS, 1e-4, None, None), (LEVELS - 1, 1e-4, None, "its pixels take 99 values"),
    (LEVELS, 1e-3, None, None), (LEVELS, 1.1e-3, None, "differ in the last digits only (0.0011 of the contrast)"),
    (LEVELS, 1e-4, 1e-3, None), (LEVELS, 1e-4, 2e-3, "the reference moves its pixels by 0.002 of the contrast")])
def test_a_weak_region_can_be_judged_where_a_thousandth_of_its_contrast_is_resolved(levels, spacing, noise, why):
    found = WeakRegion("10 x 10", 1e-8, 1.0, spacing, levels).unresolved(noise)
    assert found is None if why is None else why in found


def test_every_region_keeps_its_own_figures():
    """Regions are compared one by one, each with its own pixels."""
    reference = np.random.default_rng(1).exponential(size=(9, 11)) + 1
    subject = reference.copy()
    subject[:4] *= 2
    rois = [Roi("top", 0, 10, 0, 3), Roi("rest", 0, 10, 4, 8)]
    assert [region.figure("sum_ratio").value for region in compare_images(reference, subject, rois).regions] == [2, 1]


def test_every_figure_is_there():
    """Those that users' cases name: one that loses its entry would make their cases invalid."""
    shares = {f"{word}_{of}" for word in ("nan", "inf", "zero") for of in ("fraction", "mismatch")}
    assert {"correlation", "sum_ratio", "scale_factor", "residual_after_scale", "mse", "rmse", "nrmse", "max_abs_diff",
            "max_abs_diff_of_peak", "max_intensity_delta", "abs_diff_q50", "abs_diff_q90", "abs_diff_q99",
            "abs_diff_q999", "abs_diff_q9999", "log_correlation", "masked_fraction", "mask_mismatch", "share_outside",
            "distinct_values", "distinct_ratio", "equal_pixels", "identity", "max_ulps", "ssim", "peak_distance",
            "peak_ratio_median", "peak_ratio_deviation", "peaks_unmatched", "shell_ratio_spread",
            "shell_ratio_deviation"} | shares == set(METRICS)
