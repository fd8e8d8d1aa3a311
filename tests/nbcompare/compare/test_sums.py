"""The sums of a region, against their definitions: however many bands, whatever is masked, wherever the region lies."""

import math
from dataclasses import astuple

import numpy as np
import pytest

from nbcompare.compare.compare import brightest, compare_images, radial_profiles, region_pair
from nbcompare.compare.image import Roi, Shape
from nbcompare.compare.metrics import METRICS, RegionPair, evaluate
from nbcompare.compare.metrics.region import SIGNAL_FLOOR, Sums, sums_of
from nbcompare.compare.metrics.shells import radial_profile
from nbcompare.compare.weak import weak_region


def sums_by_definition(x, y):
    """In the order of the fields of Sums."""
    difference = y - x
    return (x.size, x.sum(), y.sum(), ((x - x.mean()) ** 2).sum(), ((y - y.mean()) ** 2).sum(),
            ((x - x.mean()) * (y - y.mean())).sum(), (difference**2).sum(), x.min(), x.max(), y.min(), y.max(),
            difference[abs(difference).argmax()].__abs__(), abs(difference).argmax())


@pytest.mark.parametrize("cut", [1, 7, 100, 199])
@pytest.mark.parametrize("worst", [3, 150])
def test_sums_of_two_parts_are_those_of_the_whole(cut, worst):
    x = np.random.default_rng(cut).normal(50, 1, 200)
    y = 1.5 * x + np.random.default_rng(worst).normal(0, 1, 200)
    y[worst] -= 300
    whole = sums_by_definition(x, y)
    joined = sums_of(x[:cut].copy(), y[:cut].copy()).joined(sums_of(x[cut:].copy(), y[cut:].copy()))
    assert astuple(joined) == pytest.approx(whole)
    assert (joined.x_mean, joined.y_mean) == pytest.approx((x.mean(), y.mean()))
    assert (joined.x_power, joined.y_power, joined.cross_power) == pytest.approx(((x * x).sum(), (y * y).sum(),
                                                                                  (x * y).sum()))


def test_the_first_of_two_worst_pixels_is_named_and_one_that_is_no_number_before_all():
    def part(difference):
        return sums_of(np.zeros(3), np.array([0.0, difference, 0.0]))

    assert part(5.0).joined(part(5.0)).worst_at == 1
    assert part(5.0).joined(part(6.0)).worst_at == 4
    assert part(math.nan).joined(part(6.0)).worst_at == 1
    assert part(5.0).joined(part(math.nan)).worst_at == 4
    assert part(math.nan).joined(part(math.nan)).worst_at == 1


@pytest.mark.parametrize("shape", [(300, 300), (70_000, 1), (2, 40_000)])
def test_bands_hold_every_pixel_once(shape):
    """More than one band, of which the last is shorter; and rows longer than a band."""
    x = np.arange(math.prod(shape), dtype="f4").reshape(shape)
    pair = RegionPair(x, -x, float(x.max()))
    bands = list(pair.bands())
    assert len(bands) > 1
    assert (np.concatenate([x for _, x, _ in bands]) == x.ravel()).all()
    assert (np.concatenate([y for _, _, y in bands]) == -x.ravel()).all()
    assert np.concatenate([x[rows].ravel() for rows, _, _ in bands]).size == x.size
    assert pair.sums.x_sum == x.astype("f8").sum()


# --- what takes part --------------------------------------------------------------------------------------


def masked_pair():
    """Reference, subject, and the masks of both: one pixel in each, and one that is infinite in the subject."""
    rng = np.random.default_rng(3)
    x, y = rng.uniform(1, 2, (2, 8, 9)).astype("f4")
    ours, theirs = np.zeros((2, 8, 9), bool)
    ours[2, 3] = theirs[4, 5] = True
    y[6, 7] = np.inf
    return x, y, (ours, theirs)


def test_a_pixel_takes_part_when_it_is_masked_in_neither_image_and_inside():
    x, y, masks = masked_pair()
    outside = np.zeros((8, 9), bool)
    outside[0] = True
    pair = RegionPair(x, y, 2.0, masks=masks, outside=outside, skip_nonfinite=True)
    left = ~(masks[0] | masks[1] | outside)
    assert (pair.measured == left).all() and pair.area == 63
    left[6, 7] = False
    assert (pair.taken == left).all()
    assert astuple(pair.sums) == pytest.approx(sums_by_definition(x[left].astype("f8"), y[left].astype("f8")))
    assert sorted(pair.differences) == pytest.approx(sorted(abs(y[left].astype("f8") - x[left])))
    assert (pair.filled(y) == np.where(left, y, 0)).all()
    assert pair.flat(x).size == left.sum() + 1
    assert evaluate("masked_fraction", pair)[0] == pytest.approx(2 / 63)
    assert evaluate("mask_mismatch", pair)[0] == pytest.approx(2 / 63)


def test_without_masks_every_pixel_takes_part():
    x, y, _ = masked_pair()
    y[6, 7] = 1
    pair = RegionPair(x, y, 2.0, skip_nonfinite=True)
    assert pair.measured is None and pair.taken is None and pair.area == 72
    assert sorted(pair.differences) == pytest.approx(sorted(abs(y.astype("f8") - x).ravel()))
    assert evaluate("masked_fraction", pair)[0] == evaluate("mask_mismatch", pair)[0] == 0


def test_the_worst_pixel_of_masked_images_is_told_by_its_row_and_column():
    x, y, masks = masked_pair()
    y[6, 7], y[5, 2], y[2, 3] = 1, 99, 999
    pair = RegionPair(x, y, 2.0, masks=masks)
    assert pair.worst_at == (5, 2)
    comparison = compare_images(x, y, [Roi("part", 1, 8, 1, 7)], masks=masks)
    assert (comparison.regions[0].worst.x, comparison.regions[0].worst.y) == (2, 5)


def test_the_middle_of_a_region_stands_for_a_beam_that_nobody_told():
    x = np.ones((5, 8), "f4")
    assert RegionPair(x, x, 1.0, origin=(10, 20)).centre == (13.5, 22.0)
    assert RegionPair(x, x, 1.0, centre=(1.0, 2.0)).centre == (1.0, 2.0)
    assert region_pair(x, x, Roi("part", 4, 7, 1, 3)).centre == (3.5, 2.0)
    assert radial_profiles(x, x, [Roi.full(Shape(5, 8))], None)["centre_px"] == [3.5, 2.0]


# --- why there is no figure -------------------------------------------------------------------------------


def reason(x, y, frame_max=1.0, **more):
    return RegionPair(np.atleast_2d(np.float32(x)), np.atleast_2d(np.float32(y)), frame_max, **more).fault


def test_what_is_wrong_with_a_region_is_said():
    assert reason([1, 2], [1, 2]) is None
    assert reason([1, np.nan, 5, np.inf], [1, 2, 3, 4]) == "2 pixels of the reference are not finite"
    assert reason([1, 2, 3, 4, 5], [1, np.nan, 2, 3, 4]) == "1 pixels of the subject are not finite"
    assert reason([0, -1], [1, 2], 0.0) == "the reference image has no positive pixel"
    everything = (np.ones((1, 2), bool),) * 2
    assert reason([1, 2], [1, 2], masks=everything) == (
        "no pixel is left to compare: all 2 are masked or not finite")


def test_sums_that_overflow_are_no_figures():
    huge = np.full((1, 2), 1e308)
    assert RegionPair(huge, huge, 1e308).fault == "the sum of the reference's pixels overflows"
    assert RegionPair(huge / 1e300, huge, 1e308).fault == "the sum of the subject's pixels overflows"


def test_a_region_is_weak_below_a_millionth_of_the_brightest_pixel():
    dim = np.array([[0.25, 1.0]])
    assert weak_region(RegionPair(dim, dim, 1 / SIGNAL_FLOOR)) is None
    weak = weak_region(RegionPair(dim, dim, 1.0001 / SIGNAL_FLOOR))
    assert weak.peak_share < SIGNAL_FLOOR and (weak.contrast, weak.levels) == (0.75, 2)


def test_the_brightest_pixel_is_a_finite_one():
    assert brightest(np.array([[1.0, np.inf], [3.0, np.nan]])) == 3
    assert brightest(np.array([[1, 7], [3, 2]])) == 7
    assert brightest(np.array([[np.nan]])) == -math.inf == brightest(np.empty((0, 2)))


UNDEFINED = {  # metric: reference, subject, words
    "sum_ratio": ([1, -1], [1, 2], "the reference sums to zero here"),
    "correlation": ([1, 1], [1, 2], "the reference is constant here"),
    "residual_after_scale": ([1, 2], [0, 0], "the subject is zero here"),
    "log_correlation": ([1, 2, 0], [1, 0, 2], "fewer than two pixels are positive in both images here"),
    "ssim": ([1, 1], [1, 2], "the reference is constant here"),
    "peaks_unmatched": ([1, 1, 1, 1, 1, 1], [1, 2, 1, 1, 1, 1], None),
    "peak_distance": ([0, 0, 0, 1, 0, 0], [0, 0, 0, 0, 0, 0], "no peak of the reference was found in the subject here"),
    "peak_ratio_median": ([0, 0, 0, 1], [0, 0, 0, 0], "no peak of the reference was found in the subject here"),
    "shell_ratio_spread": ([1, 2], [0, 0], "the median ratio of the rings is zero"),
}


@pytest.mark.parametrize("metric", UNDEFINED)
def test_a_figure_without_value_says_why(metric):
    x, y, words = UNDEFINED[metric]
    pair = RegionPair(np.array([x], "f4"), np.array([y], "f4"), 2.0)
    value, undefined, _ = evaluate(metric, pair)
    assert undefined == words and (value is None) == (words is not None)


def test_two_positive_pixels_have_a_correlation_of_logarithms_unless_one_image_is_constant():
    def found(x, y):
        return evaluate("log_correlation", RegionPair(np.array([x], "f4"), np.array([y], "f4"), 2.0))[:2]

    assert found([1, 2, 0], [1, 3, 2])[0] == pytest.approx(1)
    assert found([1, 2, 0], [3, 1, 2])[0] == pytest.approx(-1)
    for x, y in (([1, 1, 2], [1, 2, 0]), ([1, 2, 2], [1, 1, 0])):
        assert found(x, y) == (None, "the positive pixels of one image are constant here")


def test_a_figure_that_overflows_has_no_value():
    x = np.array([[1e-200, 2e-200]])
    assert evaluate("sum_ratio", RegionPair(x, np.array([[1e300, 1.0]]), 2e-200))[1] == "the figure overflows (inf)"


@pytest.mark.parametrize(("metric", "share"), [("abs_diff_q50", 0.5), ("abs_diff_q90", 0.9), ("abs_diff_q99", 0.99),
                                               ("abs_diff_q999", 0.999), ("abs_diff_q9999", 0.9999)])
def test_so_many_pixels_differ_by_no_more_than_a_quantile(metric, share):
    """Differences 1 .. 10,000 in disorder, at a brightest pixel of 2: the share of 10,000, halved."""
    x = np.full(10_000, 2.0)
    y = x + np.random.default_rng(1).permutation(np.arange(1, 10_001))
    found = evaluate(metric, RegionPair(x.reshape(100, 100), y.reshape(100, 100), 2.0))[0]
    assert found == pytest.approx(math.ceil(share * 9_999 + 1) / 2)


# --- rings ------------------------------------------------------------------------------------------------


def test_masked_pixels_are_in_no_ring_and_rings_have_equal_areas():
    x = np.random.default_rng(4).uniform(1, 2, (200, 200)).astype("f4")
    mask = np.zeros(x.shape, bool)
    mask[150:, 20:30] = True
    pair = region_pair(x, 2 * x, Roi("part", 20, 119, 50, 189), (20.0, 50.0), masks=(mask, mask))
    rings = radial_profile(pair, rings=4)
    assert rings[0].from_px == 0
    assert [ring.to_px**2 - ring.from_px**2 for ring in rings] == pytest.approx([(99**2 + 139**2) / 4] * 4)
    rows, columns = np.mgrid[50:190, 20:120]
    distance = np.hypot(columns - 20, rows - 50)
    for ring in rings:
        inside = ~mask[50:190, 20:120] & (distance >= ring.from_px)
        inside &= (distance < ring.to_px) | (ring is rings[-1])
        assert ring.pixels == inside.sum() and ring.ratio == pytest.approx(2)
        assert ring.subject_sum == pytest.approx(2 * ring.reference_sum)


def test_rings_begin_at_the_nearest_pixel_where_the_beam_is_outside():
    """The beam 3 pixels left of and 4 above a region of 2 x 2: from 5 pixels to the root of 16 + 25."""
    x = np.ones((2, 2), "f4")
    rings = radial_profile(RegionPair(x, x, 1.0, origin=(3, 4), centre=(0.0, 0.0)), rings=2)
    assert [(ring.from_px, ring.to_px, ring.pixels) for ring in rings] == [
        (5, pytest.approx(math.sqrt(33)), 2), (pytest.approx(math.sqrt(33)), pytest.approx(math.sqrt(41)), 2)]


def test_a_ring_without_signal_has_no_ratio_and_one_without_pixels_is_left_out():
    """A row of ten pixels from the beam on: the squares of their distances are 0 to 81, in four rings of 20.25."""
    x = np.full((1, 10), 1e-7, "f4")
    x[0, :5] = 1.0
    rings = radial_profile(RegionPair(x, 2 * x, 1.0, centre=(0.0, 0.0)), rings=4)
    assert [ring.pixels for ring in rings] == [5, 2, 1, 2]
    assert [ring.ratio for ring in rings] == [2.0, None, None, None]
    far = radial_profile(RegionPair(x, 2 * x, 1.0, centre=(0.0, 0.0)), rings=100)
    assert len(far) == 10 == sum(ring.pixels for ring in far)
    alone = np.ones((1, 1), "f4")
    assert [ring.pixels for ring in radial_profile(RegionPair(alone, alone, 1.0))] == [1]


def test_the_spread_of_rings_is_between_the_largest_and_the_smallest_ratio():
    """Ratios 1, 2, 4 in three rings: (4 - 1) / 2, and 4 is off by 3."""
    x = np.ones((1, 3), "f4")
    y = np.array([[1, 2, 4]], "f4")
    pair = RegionPair(x, y, 1.0, centre=(0.0, 0.0))
    assert evaluate("shell_ratio_spread", pair)[0] == pytest.approx(1.5)
    assert evaluate("shell_ratio_deviation", pair)[0] == pytest.approx(3)


def test_windows_that_hold_a_masked_pixel_are_not_similar_or_unlike():
    """What differs lies under windows that a masked pixel spoils; 5 pixels beside it they are whole again."""
    rng = np.random.default_rng(8)
    x = rng.uniform(1, 2, (40, 200)).astype("f4")
    y, mask = x.copy(), np.zeros(x.shape, bool)
    mask[:, 100] = True
    y[:, 100] = 77
    pair = RegionPair(x, y, 2.0, masks=(mask, mask))
    assert evaluate("ssim", pair)[0] == pytest.approx(1)
    y[20, 111] = 77
    assert evaluate("ssim", RegionPair(x, y, 2.0, masks=(mask, mask)))[0] < 0.999
    spoilt = np.zeros((9, 9), bool)
    spoilt[4, 4] = True
    said = evaluate("ssim", RegionPair(x[:9, :9], y[:9, :9], 2.0, masks=(spoilt, spoilt)))[1]
    assert said == "no window of 11 x 11 pixels here is without a masked pixel"


def test_every_default_metric_is_taken_on_an_image_of_one_pixel():
    one = np.ones((1, 1), "f4")
    for name in METRICS:
        value, undefined, _ = evaluate(name, RegionPair(one, one, 1.0))
        assert (value is None) != (undefined is None), name


def test_sums_are_made_of_numbers_only():
    assert all(isinstance(value, int | float) for value in astuple(Sums(*range(13))))


def test_a_region_of_which_no_place_is_told_begins_at_the_first_pixel_and_has_its_beam_in_the_middle():
    """Three rings about the middle of 3 x 3 pixels: itself, the four beside it, and the four corners."""
    x = np.ones((3, 3), "f4")
    pair = RegionPair(x, x, 1.0)
    assert (pair.origin, pair.centre) == ((0, 0), (1.0, 1.0))
    rings = radial_profile(pair, rings=3)
    assert [ring.pixels for ring in rings] == [1, 4, 4]
    assert [edge**2 for ring in rings for edge in (ring.from_px, ring.to_px)] == pytest.approx(
        [0, 2 / 3, 2 / 3, 4 / 3, 4 / 3, 2])
