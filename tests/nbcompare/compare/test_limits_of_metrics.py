"""Which limits of a metric judge nothing, what a metric says of itself, and tolerances at their edges."""

import math

import numpy as np
import pytest

from nbcompare.compare.compare import compare_images
from nbcompare.compare.image import Roi
from nbcompare.compare.metrics import METRICS, RegionPair, evaluate
from nbcompare.compare.metrics.registry import FACTOR_OF_A_UNIT, FLOAT32_MAX, called

IDLE = {  # metric: (the largest min that judges nothing, the smallest max that judges nothing)
    "correlation": (0.1, None), "ssim": (0, None), "log_correlation": (0.1, None), "equal_pixels": (0, None),
    "identity": (0, None), "mse": (None, FLOAT32_MAX**2), "rmse": (None, FLOAT32_MAX),
    "max_abs_diff": (None, FLOAT32_MAX), "nrmse": (None, 1), "max_abs_diff_of_peak": (None, 1),
    "max_intensity_delta": (None, 1), "residual_after_scale": (None, 1), "abs_diff_q50": (None, 1),
    "abs_diff_q9999": (None, 1), "peak_ratio_deviation": (None, 1), "peak_distance": (None, 4),
    "peaks_unmatched": (None, 50), "shell_ratio_deviation": (None, 1), "shell_ratio_spread": (None, 1000),
    "share_outside": (None, 1), "max_ulps": (None, 83_886_080), "nan_mismatch": (None, 1),
    "zero_mismatch": (None, 1), "mask_mismatch": (None, 1),
}


@pytest.mark.parametrize("name", IDLE)
def test_a_limit_judges_from_just_inside_its_idle_end_on(name):
    for word, idle, inward in (("low", IDLE[name][0], math.inf), ("high", IDLE[name][1], -math.inf)):
        if idle is not None:
            limits = {"low": None, "high": None}
            at_end = METRICS[name].fault_in_limits(**limits | {word: idle})
            side = "min {:g} of {} judges nothing: {}" if word == "low" else "max {:g} of {} judges nothing: {}"
            assert at_end.startswith(side.format(idle, name, "an image that is empty"))
            assert at_end.endswith(f"give a number {'above' if word == 'low' else 'below'} {idle:g}")
            assert METRICS[name].fault_in_limits(**limits | {word: math.nextafter(idle, inward)}) is None


@pytest.mark.parametrize("name", ["sum_ratio", "scale_factor", "peak_ratio_median", "distinct_ratio"])
def test_a_ratio_is_judged_between_nothing_and_a_factor_of_a_unit(name):
    metric = METRICS[name]
    assert metric.fault_in_limits(0.9, 999) is None
    assert "max 1000" in metric.fault_in_limits(0.9, 1000)
    assert "min 0" in metric.fault_in_limits(0.0, 1.1)
    assert metric.fault_in_limits(math.nextafter(metric.idle_min, 1), 1.1) is None


FROM_0, SHARE, FACTOR, ALL = (0, math.inf), (0, 1), (0.001, 1000), (-math.inf, math.inf)
NUMBERS = {  # metric: its range, its value for two equal images, and the ends of what judges nothing
    **dict.fromkeys(("sum_ratio", "scale_factor"), (ALL, 1, FACTOR)), "peak_ratio_median": (ALL, 1, (0, 1000)),
    **dict.fromkeys(("rmse", "max_abs_diff"), (FROM_0, 0, (0, 2.0**128 - 2.0**104))),
    "mse": (FROM_0, 0, (0, (2.0**128 - 2.0**104) ** 2)),
    **dict.fromkeys(("nrmse", "max_abs_diff_of_peak", "max_intensity_delta", "abs_diff_q50", "abs_diff_q90",
                     "abs_diff_q99", "abs_diff_q999", "abs_diff_q9999", "peak_ratio_deviation",
                     "shell_ratio_deviation"), (FROM_0, 0, SHARE)),
    **dict.fromkeys(("correlation", "log_correlation"), ((-1, 1), 1, (0.1, 1))), "ssim": ((-1, 1), 1, SHARE),
    **dict.fromkeys(("residual_after_scale", "share_outside", "nan_mismatch", "inf_mismatch", "zero_mismatch",
                     "mask_mismatch"), (SHARE, 0, SHARE)),
    **dict.fromkeys(("nan_fraction", "inf_fraction", "zero_fraction", "masked_fraction"), (SHARE, None, SHARE)),
    **dict.fromkeys(("equal_pixels", "identity"), (SHARE, 1, SHARE)),
    "distinct_values": ((1, math.inf), None, (1, 1e10)), "distinct_ratio": (FROM_0, 1, (0, 1000)),
    "peak_distance": (FROM_0, 0, (0, 4)), "peaks_unmatched": (FROM_0, 0, (0, 50)),
    "shell_ratio_spread": (FROM_0, 0, (0, 1000)), "max_ulps": (FROM_0, 0, (0, 83_886_080))}
UNITS = {"mse": "photons^2", "rmse": "photons", "max_abs_diff": "photons", "peak_distance": "px", "max_ulps": "ulp"}


def test_every_metric_has_the_range_that_its_definition_gives_it():
    """A share is 0 to 1, a correlation -1 to 1; float32 ends at 2^128 - 2^104."""
    assert {name: ((entry.lowest, entry.highest), entry.best, (entry.idle_min, entry.idle_max))
            for name, entry in METRICS.items()} == NUMBERS
    assert {name: entry.unit for name, entry in METRICS.items() if entry.unit} == UNITS
    assert {name for name, entry in METRICS.items() if entry.default} == {
        "correlation", "sum_ratio", "mse", "rmse", "nrmse", "max_abs_diff", "max_abs_diff_of_peak",
        "max_intensity_delta", "scale_factor", "residual_after_scale"}
    assert {name for name, entry in METRICS.items() if entry.any_pixels} == {
        name for name in METRICS if name.endswith(("fraction", "_mismatch"))} | {"equal_pixels", "identity"}


def test_a_known_factor_far_from_one_can_be_asked_for():
    """The idle end moves with the min, so that 125,932 is a factor that a range around it judges."""
    assert METRICS["sum_ratio"].fault_in_limits(125_000, 126_000) is None
    assert "max 1.25e+08 of sum_ratio judges nothing" in METRICS["sum_ratio"].fault_in_limits(125_000, 1.25e8)
    assert METRICS["sum_ratio"].fault_in_limits(125_000, 1.24e8) is None
    assert METRICS["sum_ratio"].fault_in_limits(1e-5, 1.1e-5) is None
    assert METRICS["sum_ratio"].fault_in_limits(1e-5, 1.1)
    assert METRICS["correlation"].fault_in_limits(0.5, 1) is None


def test_a_threshold_on_the_good_side_alone_judges_nothing():
    assert METRICS["correlation"].fault_in_limits(None, 0.5) == (
        "of correlation, higher is better: a threshold needs a min")
    assert METRICS["rmse"].fault_in_limits(0.5, None) == "of rmse, lower is better: a threshold needs a max"
    for limits in ((math.nan, 1), (0.5, math.inf), (-math.inf, None)):
        assert METRICS["sum_ratio"].fault_in_limits(*limits) == "a limit on sum_ratio must be a finite number"


def test_a_bound_on_a_known_divergence_may_be_wide_but_not_endless():
    correlation, rmse, share = (METRICS[name] for name in ("correlation", "nrmse", "share_outside"))
    assert correlation.fault_in_limits(-0.99, None, bound=True) is None
    assert correlation.fault_in_limits(-1.0, None, bound=True)
    assert rmse.fault_in_limits(None, FACTOR_OF_A_UNIT - 1, bound=True) is None
    assert rmse.fault_in_limits(None, FACTOR_OF_A_UNIT, bound=True)
    assert share.fault_in_limits(None, 0.999, bound=True) is None and share.fault_in_limits(None, 1, bound=True)
    assert METRICS["sum_ratio"].fault_in_limits(0.0, 2, bound=True)


def test_which_way_is_better_and_how_far_a_value_is_from_it():
    said = {name: METRICS[name].direction for name in ("rmse", "correlation", "sum_ratio", "nan_fraction")}
    assert said == {"rmse": "lower is better", "correlation": "higher is better", "sum_ratio": "nearest to 1 is best",
                    "nan_fraction": "depends on the image"}
    assert METRICS["correlation"].distance(0.75) == 0.25 == METRICS["sum_ratio"].distance(1.25)
    assert METRICS["nan_fraction"].distance(0.0) == math.inf


def test_ranges_and_idle_limits_in_words():
    said = {name: (METRICS[name].range, METRICS[name].idle_limits)
            for name in ("correlation", "sum_ratio", "rmse", "identity", "distinct_values")}
    assert said == {"correlation": ("-1 .. 1", "min <= 0.1"), "sum_ratio": ("any", "min <= 0.001, max >= 1000"),
                    "rmse": ("0 ..", f"max >= {FLOAT32_MAX:g}"), "identity": ("0 .. 1", "min <= 0"),
                    "distinct_values": ("1 ..", "min <= 1, max >= 1e+10")}


@pytest.mark.parametrize(("name", "value", "refused"), [
    ("correlation", 0.1, True), ("correlation", 0.11, False), ("nrmse", 1.0, True), ("nrmse", 0.99, False),
    ("sum_ratio", 0.001, True), ("sum_ratio", 0.002, False), ("max_abs_diff", 4.0, False),
    ("zero_fraction", 1.0, False), ("share_outside(atol=2)", 0.5, False), ("share_outside(atol=2)", 1.0, True)])
def test_a_value_that_no_threshold_could_admit_is_known(name, value, refused):
    assert METRICS[name].refuses(value) is refused


def test_a_metric_with_numbers_chosen_is_known_by_its_shortest_name_and_by_that_of_older_bundles():
    name = called("share_outside", {"rtol": 0.0, "atol": 1e-6})
    assert name == "share_outside(atol=1e-06, rtol=0)" and name in METRICS
    assert "share_outside(atol=9.9999999999999995e-07, rtol=0)" in METRICS
    assert "share_outside(rtol=0, atol=1e-06)" not in METRICS and "share_outside(atol=1.0e-06)" not in METRICS
    assert METRICS[name].parameters == {"atol": 1e-6, "rtol": 0, "near_zero": 0}
    for nothing in ("nan", "inf", "-1"):
        assert f"share_outside(atol={nothing})" not in METRICS, "a tolerance of NaN would let everything pass"
    assert called("share_outside", {}) == "share_outside"
    assert 3 not in METRICS and "share_outside(atol=1)x" not in METRICS
    with pytest.raises(KeyError, match="nonsense"):
        METRICS["nonsense"]


# --- tolerances -------------------------------------------------------------------------------------------


def pair(x, y, **more):
    return RegionPair(np.array([x], "f8"), np.array([y], "f8"), 10.0, **more)


def test_a_pixel_exactly_at_its_tolerance_is_inside():
    """|y - x| against 0.25 + 0.5 |x|, all of them exact in binary."""
    name = called("share_outside", {"atol": 0.25, "rtol": 0.5})
    assert evaluate(name, pair([2, 2], [3.25, 0.75]))[0] == 0
    assert evaluate(name, pair([2, 2], [3.25, 0.75 - 2**-50]))[0] == 0.5
    assert evaluate(name, pair([2, -2], [2, -3.25 - 2**-50]))[0] == 0.5


def test_a_pixel_exactly_near_zero_is_near_zero_only_in_both_images():
    name = called("share_outside", {"atol": 0.0, "rtol": 0.0, "near_zero": 0.5})
    assert evaluate(name, pair([2, 0.5, -0.5], [2, -0.5, 0.25]))[0] == 0
    assert evaluate(name, pair([2, 0.5, 0.5], [2, 0.75, 0.5]))[0] == pytest.approx(1 / 3)
    assert evaluate(name, pair([2, 0.75, 0.5], [2, 0.5, 0.5]))[0] == pytest.approx(1 / 3)


def test_the_worst_pixel_is_told_in_pixels_of_the_image():
    x, y = np.full((3, 4), 2.0), np.full((3, 4), 2.0)
    y[1, 2], y[2, 3], y[0, 1] = 3, 2.5, 99
    mask = np.zeros((3, 4), bool)
    mask[0, 1] = True
    region = RegionPair(x, y, 10.0, origin=(10, 20), masks=(mask, mask))
    said = evaluate("share_outside", region)[2]
    assert said == ("2 of 11 pixels, the worst at fast 12 slow 21 (2 against 3); atol 1 or rtol 0.5 would pass")
    assert evaluate("max_ulps", region)[2] == (
        f"2 of 11 pixels differ, the worst at fast 12 slow 21; max {2**51} would pass")  # half of an octave
    whole = RegionPair(x, y, 10.0, origin=(10, 20))
    assert "the worst at fast 11 slow 20 (2 against 99)" in evaluate("share_outside", whole)[2]
    assert evaluate("max_ulps", whole)[2] == (
        f"3 of 12 pixels differ, the worst at fast 11 slow 20; max {int(5.546875 * 2**52)} would pass")
    assert evaluate("share_outside", RegionPair(x, x, 10.0))[2] == "none of 12 pixels"


def test_a_zero_of_the_reference_has_no_rtol_that_would_pass():
    assert evaluate("share_outside", pair([0, 2], [1, 2]))[2].endswith("; atol 1 would pass")
    said = evaluate(called("share_outside", {"atol": 0.5, "rtol": 0.25}), pair([2, 4], [4, 4]))[2]
    assert said.endswith("(2 against 4); atol 1.5 or rtol 0.75 would pass")


def test_images_of_two_kinds_have_no_units_in_the_last_place():
    wide, narrow = np.ones((1, 2)), np.ones((1, 2), "f4")
    assert "float64 and float32" in evaluate("max_ulps", RegionPair(wide, narrow, 1.0))[1]
    assert evaluate("max_ulps", RegionPair(-narrow, -np.nextafter(narrow, np.float32(2)), 1.0))[0] is None
    both = np.array([[1, -1]], "f4")
    assert evaluate("max_ulps", RegionPair(both, np.array([[1, -np.nextafter(np.float32(1), 2)]], "f4"), 1.0))[0] == 1


def test_each_metric_says_whether_it_can_see_a_scale():
    """Asked of each: the same image, and that image 1.5 times as bright."""
    generator = np.random.default_rng(7)
    y, x = np.mgrid[:120, :130]
    image = np.full((120, 130), 0.2, np.float32)
    for height, fast, slow in zip(generator.lognormal(3, 1, 30), generator.uniform(5, 125, 30),
                                  generator.uniform(5, 115, 30), strict=True):
        image += (height * np.exp(-((x - fast) ** 2 + (y - slow) ** 2) / 6)).astype(np.float32)
    full = Roi("full", 0, 129, 0, 119)
    asked = {(name, "full") for name in METRICS}
    same, brighter = (compare_images(image, image * np.float32(factor), [full], further=asked) for factor in (1, 1.5))
    for name, entry in METRICS.items():
        values = [comparison.figure(name, "full").value for comparison in (same, brighter)]
        assert None not in values, name
        moved = abs(values[1] - values[0]) > 1e-4 * (1 + abs(values[0]))
        assert moved == entry.sees_scale or name in ("distinct_values", "distinct_ratio"), (name, values)
