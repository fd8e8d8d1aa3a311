"""Quantiles, shares and windows of a region, against numpy and by counting."""

import math

import numpy as np
import pytest

from nbcompare.compare.metrics import METRICS, RegionPair, evaluate
from nbcompare.compare.metrics.similarity import _similarity


@pytest.mark.parametrize(("name", "share"), [("abs_diff_q50", 0.5), ("abs_diff_q90", 0.9), ("abs_diff_q99", 0.99),
                                             ("abs_diff_q999", 0.999), ("abs_diff_q9999", 0.9999)])
def test_a_quantile_is_the_next_larger_difference_over_the_peak(name, share):
    """Differences 0, 1 ... 15 004 in no order: at share p that of number ceil(15004 p), over a peak of 20 000."""
    differences = np.random.default_rng(8).permutation(15_005).reshape(5, 3001).astype(float)
    x = np.full((5, 3001), 1000.0)
    x[2, 7] = 20_000
    assert evaluate(name, RegionPair(x, x - differences, 2e4))[0] == pytest.approx(math.ceil(15_004 * share) / 2e4)
    assert METRICS[name].sentence.startswith(f"{100 * share:g} % of the pixels differ by no more than this share")


def test_shares_are_of_the_pixels_of_the_region():
    """Ten pixels, of which 8 and 9 lie outside: 0 and 8 are masked in the reference, 1, 2 and 9 in the subject."""
    x, y = np.arange(10.0)[None], np.arange(10.0)[None].copy()
    y[0, [3, 4, 9]], x[0, 5], y[0, 6] = 0.0, 0.0, np.nan
    ours, theirs, outside = (np.isin(np.arange(10), places)[None] for places in ((0, 8), (1, 2, 9), (8, 9)))
    pair = RegionPair(x, y, 9.0, masks=(ours, theirs), outside=outside)
    wanted = {"masked_fraction": 3 / 8, "mask_mismatch": 3 / 8, "zero_fraction": 2 / 5, "zero_mismatch": 3 / 5,
              "nan_fraction": 1 / 5, "nan_mismatch": 1 / 5, "inf_fraction": 0, "equal_pixels": 1 / 5, "identity": 0}
    assert {name: evaluate(name, pair)[0] for name in wanted} == pytest.approx(wanted)
    both = RegionPair(x, y, 9.0, masks=(ours, ours), outside=None)
    assert (evaluate("masked_fraction", both)[0], evaluate("mask_mismatch", both)[0]) == (0.2, 0.0)
    assert evaluate("masked_fraction", RegionPair(x, y, 9.0))[0] == 0.0
    gone = RegionPair(x, y, 9.0, masks=(ours | True, theirs))
    assert evaluate("zero_fraction", gone)[1] == "every pixel of the region is masked"


def test_values_and_bytes_that_are_the_same():
    x = np.array([[1.0, 2.0, 2.0, 0.0]], "f4")
    pair = RegionPair(x, np.array([[1.0, 1.0, 1.0, -0.0]], "f4"), 2.0)
    assert [evaluate(name, pair)[0] for name in ("distinct_values", "distinct_ratio", "equal_pixels", "identity")] == [
        2, pytest.approx(2 / 3), 0.5, 0]
    assert evaluate("identity", RegionPair(x, x.copy(), 2.0))[0] == 1
    assert evaluate("identity", RegionPair(x, x.astype("f8"), 2.0))[0] == 0, "of another type"
    assert evaluate("identity", RegionPair(np.array([[0.0, 1.0]]), np.array([[-0.0, 1.0]]), 1.0))[0] == 0


def test_logarithms_are_of_the_pixels_that_are_positive_in_both():
    """Over three bands of rows (32,768 pixels each), some of which hold none."""
    rng = np.random.default_rng(3)
    x, y = rng.lognormal(size=(2, 250, 400))
    x[:90], y[5, 5], x[120, :7] = -1.0, 0.0, 0.0
    both = (x > 0) & (y > 0)
    wanted = np.corrcoef(np.log(x[both]), np.log(y[both]))[0, 1]
    assert evaluate("log_correlation", RegionPair(x, y, 1e9))[0] == pytest.approx(wanted, rel=1e-10)
    few = RegionPair(np.array([[1.0, -1.0, 2.0]]), np.array([[1.0, 2.0, -1.0]]), 2.0)
    assert evaluate("log_correlation", few)[1] == "fewer than two pixels are positive in both images here"
    for a, b in (([1.0, 1.0, -1.0], [1.0, 2.0, 3.0]), ([1.0, 2.0, -1.0], [1.0, 1.0, 3.0])):
        assert evaluate("log_correlation", RegionPair(np.array([a]), np.array([b]), 2.0))[1] == (
            "the positive pixels of one image are constant here")


@pytest.mark.parametrize("shape", [(300, 30), (128, 20), (129, 20), (256, 20), (12, 40)])
def test_similarity_is_the_mean_over_windows_that_hold_no_masked_pixel(shape):
    """Windows reach five pixels each way; bands of 128 rows meet without a seam."""
    rng = np.random.default_rng(9)
    x, y = rng.exponential(size=(2, *shape)) - 0.1
    mask = np.zeros(shape, bool)
    mask[shape[0] // 2, 9] = mask[0, 19] = True
    near = np.zeros(shape, bool)
    for row, column in np.argwhere(mask):
        near[max(0, row - 5):row + 6, max(0, column - 5):column + 6] = True
    span = np.ptp(x[~mask])
    similar = _similarity(np.where(mask, 0, x) / span, np.where(mask, 0, y) / span)
    got = evaluate("ssim", RegionPair(x, y, 1e9, masks=(mask, mask)))[0]
    assert got == pytest.approx(similar[~near].mean(), rel=1e-12)
    assert evaluate("ssim", RegionPair(x, y, 1e9))[0] == pytest.approx(_similarity(x / np.ptp(x), y / np.ptp(x)).mean(),
                                                                       rel=1e-12)


def test_similarity_that_no_window_can_give_is_undefined():
    x = np.arange(1.0, 122.0).reshape(11, 11)
    mask = np.zeros((11, 11), bool)
    mask[5, 5] = True
    assert evaluate("ssim", RegionPair(x, x, 121.0, masks=(mask, mask)))[1] == (
        "no window of 11 x 11 pixels here is without a masked pixel")
    assert evaluate("ssim", RegionPair(np.ones((3, 3)), x[:3, :3], 121.0))[1] == "the reference is constant here"
