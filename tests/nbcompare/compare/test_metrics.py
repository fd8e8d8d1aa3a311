"""Figures against their definitions, and the places where they have no value."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nbcompare.compare.compare import compare_images, region_pair
from nbcompare.compare.image import Roi, Shape
from nbcompare.compare.metrics import METRICS, default_metrics
from nbcompare.compare.metrics.shells import radial_profile
from nbcompare.compare.metrics.similarity import _similarity
from nbcompare.compare.peaks import match_peaks
from nbcompare.errors import ShapeError

IMAGES = hnp.arrays("f4", (6, 7), elements=st.floats(0, 1e4, width=32))


def figures(reference, subject, roi=None):
    roi = roi or Roi.full(Shape(*reference.shape))
    everything = [(name, roi.name) for name in METRICS]
    region = compare_images(reference, subject, [roi], further=everything).regions[0]
    return {figure.metric: figure for figure in region.figures}, region


@pytest.fixture
def pair():
    rng = np.random.default_rng(1)
    reference = rng.exponential(size=(40, 50)).astype("f4")
    return reference, (reference + rng.normal(scale=0.05, size=reference.shape)).astype("f4")


def test_figures_are_what_their_definitions_say(pair):
    x, y = (image.astype("f8") for image in pair)
    got, _ = figures(*pair)
    expected = {
        "correlation": np.corrcoef(x.ravel(), y.ravel())[0, 1],
        "sum_ratio": y.sum() / x.sum(),
        "mse": ((y - x) ** 2).mean(),
        "rmse": math.sqrt(((y - x) ** 2).mean()),
        "max_abs_diff": abs(y - x).max(),
        "max_abs_diff_of_peak": abs(y - x).max() / x.max(),
        "max_intensity_delta": abs(y.max() - x.max()) / x.max(),
        "scale_factor": (x * y).sum() / (x * x).sum(),
        "residual_after_scale": math.sqrt(((y - (x * y).sum() / (x * x).sum() * x) ** 2).sum() / (y * y).sum()),
        "nrmse": np.linalg.norm(y - x) / np.linalg.norm(x),
        "abs_diff_q90": np.sort(abs(y - x).ravel())[math.ceil(0.9 * 1999)] / x.max(),
        "log_correlation": np.corrcoef(np.log(x[(x > 0) & (y > 0)]), np.log(y[(x > 0) & (y > 0)]))[0, 1],
        "distinct_values": len(set(y.ravel().tolist())),
        "distinct_ratio": len(set(y.ravel().tolist())) / len(set(x.ravel().tolist())),
        "equal_pixels": (x == y).mean(),
        "identity": 0,
    }
    for name, value in expected.items():
        assert got[name].value == pytest.approx(value, rel=1e-12), name


def test_the_figures_asked_for_by_nobody_are_the_default_ones(pair):
    region = compare_images(*pair, [Roi.full(Shape(40, 50))]).regions[0]
    assert tuple(figure.metric for figure in region.figures) == default_metrics()
    assert region.figure("ssim").undefined == "this figure was not taken"


def test_a_further_metric_is_taken_on_the_region_that_asks(pair):
    rois = [Roi.full(Shape(40, 50)), Roi("part", 3, 30, 4, 20)]
    comparison = compare_images(*pair, rois, further=[("ssim", "part")])
    assert comparison.figure("ssim", "part").value is not None
    assert comparison.figure("ssim", "full").value is None


def test_a_scale_factor_is_found_and_leaves_no_residual(pair):
    got, _ = figures(pair[0], (3.5 * pair[0]).astype("f4"))
    assert got["correlation"].value == pytest.approx(1, abs=1e-12)
    assert got["scale_factor"].value == pytest.approx(3.5, rel=1e-7)
    assert got["residual_after_scale"].value < 1e-7


def test_correlation_survives_a_large_offset(pair):
    """An offset of 1e4 on values near 1 costs float32 digits, but must not cost float64 ones."""
    x, y = (image + np.float32(1e4) for image in pair)
    got, _ = figures(x, y)
    assert got["correlation"].value == pytest.approx(np.corrcoef(x.ravel().astype("f8"), y.ravel().astype("f8"))[0, 1])


def test_equal_images_have_the_best_figures(pair):
    got, region = figures(pair[0], pair[0])
    for name, metric in METRICS.items():
        if metric.best is not None:
            assert got[name].value == pytest.approx(metric.best, abs=1e-12), name
    assert region.worst.difference == 0


def test_the_worst_pixel_is_named_in_image_coordinates(pair):
    reference, subject = pair[0], pair[0].copy()
    subject[23, 31] += 9
    _, region = figures(reference, subject, Roi("part", 20, 45, 10, 35))
    assert (region.worst.x, region.worst.y) == (31, 23)
    assert region.worst.reference == pytest.approx(float(reference[23, 31]))
    assert region.worst.difference == pytest.approx(9, rel=1e-6)


def test_a_region_is_inclusive_x_fast_y_slow(pair):
    reference = pair[0]
    _, region = figures(reference, reference, Roi("part", 3, 5, 10, 10))
    assert region.reference_sum == pytest.approx(reference[10, 3:6].astype("f8").sum())


@pytest.mark.parametrize(("value", "words"), [(np.nan, "not finite"), (np.inf, "not finite"), (-np.inf, "not finite")])
@pytest.mark.parametrize("side", [0, 1])
def test_one_bad_pixel_makes_every_figure_undefined(pair, value, words, side):
    images = [image.copy() for image in pair]
    images[side][4, 5] = value
    got, region = figures(*images)
    for name, figure in got.items():
        assert METRICS[name].any_pixels or (figure.value is None and words in figure.undefined)
    assert (region.worst.x, region.worst.y, region.worst.difference) == (5, 4, None)


def test_a_region_without_signal_is_undefined_and_says_so():
    image = np.zeros((20, 20), "f4")
    image[15, 15] = 446
    got, _ = figures(image, image, Roi("corner", 0, 5, 0, 5))
    assert all(figure.value is None for name, figure in got.items() if not METRICS[name].any_pixels)
    assert got["correlation"].undefined == "no signal: the brightest reference pixel here is 0"


def test_constant_images_have_no_correlation(pair):
    flat = np.full_like(pair[0], 2)
    assert "reference is constant" in figures(flat, pair[1])[0]["correlation"].undefined
    assert "subject is constant" in figures(pair[0], flat)[0]["correlation"].undefined


def test_shapes_that_differ_are_refused(pair):
    with pytest.raises(ShapeError, match="49 x 40"):
        compare_images(pair[0], pair[1][:, :-1], [Roi.full(Shape(40, 50))])


@given(IMAGES, IMAGES)
def test_no_figure_is_ever_nan_and_undefined_has_a_reason(reference, subject):
    got, _ = figures(reference, subject)
    for name, figure in got.items():
        if figure.value is None:
            assert figure.undefined
        else:
            assert METRICS[name].lowest <= figure.value <= METRICS[name].highest * (1 + 1e-9)


@given(IMAGES, st.floats(2**-20, 2**20))
def test_the_sum_ratio_is_linear_in_the_subject(image, factor):
    got, _ = figures(image, (image * np.float32(factor)).astype("f4"))
    if got["sum_ratio"].value is not None and 1e-30 < image.max() < 1e3:
        assert got["sum_ratio"].value == pytest.approx(factor, rel=1e-5)


# --- figures that a threshold must ask for ----------------------------------------------------------------


def test_a_sum_over_many_bands_is_that_over_the_whole():
    """300 x 400 pixels are four bands; the large offset would cost digits if bands were joined carelessly."""
    rng = np.random.default_rng(5)
    x = (rng.normal(size=(300, 400)) + 1000).astype("f4")
    y = (x + rng.normal(size=x.shape)).astype("f4")
    y[287, 311] += 50
    got, region = figures(x, y)
    assert got["correlation"].value == pytest.approx(np.corrcoef(x.ravel().astype("f8"), y.ravel())[0, 1], rel=1e-11)
    assert (region.worst.x, region.worst.y) == (311, 287)


def test_similarity_is_that_of_its_formula_on_one_window():
    """At the centre of an 11 x 11 image the window is the whole image; the weights are the Gaussian's."""
    rng = np.random.default_rng(9)
    x, y = rng.uniform(1, 2, (2, 11, 11)).astype("f4").astype("f8")
    weights = np.exp(-np.add.outer(np.arange(-5, 6) ** 2, np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    weights /= weights.sum()
    mx, my = (weights * x).sum(), (weights * y).sum()
    xx, yy, xy = ((weights * a * b).sum() - (weights * a).sum() * (weights * b).sum()
                  for a, b in ((x, x), (y, y), (x, y)))
    c1, c2 = (0.01 * np.ptp(x)) ** 2, (0.03 * np.ptp(x)) ** 2
    expected = (2 * mx * my + c1) * (2 * xy + c2) / ((mx**2 + my**2 + c1) * (xx + yy + c2))
    span = np.ptp(x)
    assert _similarity(x / span, y / span)[5, 5] == pytest.approx(expected, rel=1e-12)


def test_similarity_in_bands_is_that_of_the_whole_image():
    rng = np.random.default_rng(9)
    x, y = rng.exponential(size=(2, 300, 40)).astype("f4")
    got, _ = figures(x, y)
    span = np.ptp(x.astype("f8"))
    assert got["ssim"].value == pytest.approx(_similarity(x / span, y / span).mean(), rel=1e-6)


def test_weak_pixels_count_in_the_logarithms():
    """One bright pixel makes the plain correlation; the rest of the image is unlike."""
    rng = np.random.default_rng(2)
    x, y = rng.uniform(1, 2, (2, 30, 30)).astype("f4")
    x[3, 3] = y[3, 3] = 1e6
    got, _ = figures(x, y)
    assert got["correlation"].value > 0.999999
    assert got["log_correlation"].value < 0.9


def test_masks_are_shares_of_the_pixels(pair):
    x, y = (image.copy() for image in pair)
    y[0, :4], y[1, :2], x[2, 0], y[2, 0], y[2, 1] = np.nan, np.inf, 0, 0, 0
    got, _ = figures(x, y)
    shares = {name: round(2000 * got[name].value) for name in METRICS if name.endswith(("fraction", "mismatch"))}
    assert shares == {"nan_fraction": 4, "nan_mismatch": 4, "inf_fraction": 2, "inf_mismatch": 2, "zero_fraction": 2,
                      "zero_mismatch": 1, "masked_fraction": 0, "mask_mismatch": 0}


def test_rounding_shows_in_the_distinct_values(pair):
    got, _ = figures(pair[0], np.rint(pair[0]))
    assert got["distinct_values"].value == len(np.unique(np.rint(pair[0])))
    assert got["distinct_ratio"].value < 0.01


def test_a_ratio_that_falls_with_the_radius_shows_in_the_rings():
    """Ratio 1 + 0.1 r^2/R^2 about the beam: between the first and the last of 20 rings of equal area nearly 0.1."""
    y, x = np.mgrid[:101, :141]
    image = np.full((101, 141), 7.0)
    squared = (x - 70) ** 2 + (y - 50) ** 2
    got, _ = figures(image.astype("f4"), (image * (1 + 0.1 * squared / squared.max())).astype("f4"))
    assert got["shell_ratio_deviation"].value == pytest.approx(0.0975, abs=1e-3)
    assert got["shell_ratio_spread"].value == pytest.approx(0.095 / 1.05, abs=1e-3)


def test_rings_are_about_the_direct_beam_of_the_image(pair):
    """The region's own place in the image counts: ring sums of a region are those of its pixels in the frame."""
    x, y = pair
    part = region_pair(x, y, Roi("part", 10, 40, 5, 30), centre=(12.0, 7.0))
    rings = radial_profile(part, rings=4)
    rows, columns = np.mgrid[5:31, 10:41]
    inside = np.hypot(columns - 12.0, rows - 7.0) <= rings[0].to_px
    assert rings[0].pixels == inside.sum()
    assert rings[0].reference_sum == pytest.approx(x[5:31, 10:41][inside].astype("f8").sum())
    assert sum(ring.pixels for ring in rings) == 26 * 31


def test_peaks_give_ratios_distances_and_losses():
    image = spots(CENTRES, width=0.7)
    changed = spots([(20, 30, 150.0), (60.4, 15, 80.0), (70, 65, 60.0)], width=0.7)
    got, _ = figures(image, changed)
    assert got["peak_ratio_median"].value == pytest.approx(1, abs=0.01)
    assert got["peak_ratio_deviation"].value == pytest.approx(0.5, abs=0.01)
    assert got["peak_distance"].value == pytest.approx(0.4, abs=0.02)
    assert got["peaks_unmatched"].value == 1


# --- peaks ------------------------------------------------------------------------------------------


def spots(centres, shape=(80, 90), width=1.2):
    y, x = np.mgrid[: shape[0], : shape[1]]
    return sum(height * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * width**2))
               for cx, cy, height in centres).astype("f4")


CENTRES = [(20, 30, 100.0), (60, 15, 80.0), (70, 65, 60.0), (12, 70, 40.0)]


def test_peaks_are_found_where_they_are():
    table = match_peaks(spots(CENTRES), spots(CENTRES))
    assert len(table.pairs) == 4 and table.unmatched == 0
    for pair, (cx, cy, _) in zip(table.pairs, CENTRES, strict=True):
        assert (pair.reference.x, pair.reference.y) == pytest.approx((cx, cy), abs=1e-3)
        assert pair.intensity_ratio == pytest.approx(1)


def test_a_shift_shows_as_peak_distance():
    """Spots well inside the 5 x 5 box, whose edge would pull the centroid of wider ones inward."""
    moved = [(x + 0.3, y, height) for x, y, height in CENTRES]
    table = match_peaks(spots(CENTRES, width=0.7), spots(moved, width=0.7))
    assert [pair.distance_px for pair in table.pairs] == pytest.approx([0.3] * 4, abs=0.01)


def test_two_peaks_never_share_a_partner():
    """Two reference spots, one subject spot between them: one pair, one peak unmatched."""
    table = match_peaks(spots([(20, 30, 100.0), (25, 30, 90.0)], width=0.8), spots([(22, 30, 100.0)], width=0.8))
    assert len(table.pairs) == 1 and table.unmatched == 1


def test_a_flat_top_is_one_peak():
    image = np.zeros((20, 20), "f4")
    image[9:11, 9:12] = 5
    assert len(match_peaks(image, image).pairs) == 1


# --- what is printed and kept ------------------------------------------------------------------------------


def test_every_metric_is_listed_with_its_sentence(nb):
    table, listed = nb("metrics").out, nb("metrics", "--format", "json").json["metrics"]
    assert [entry["name"] for entry in listed] == list(METRICS)
    for entry in listed:
        assert entry["name"] in table and entry["sentence"].endswith(".") and entry["direction"]


def test_a_bundle_keeps_the_rings_of_every_region(run_small):
    _, folder = run_small("good", "bright")
    profile = json.loads((folder / "results/radial_profile.json").read_text())
    assert (profile["centre_px"], profile["centre_from"]) == ([4, 3], "the middle of the image")
    assert sum(ring["pixels"] for ring in profile["regions"]["full"]) == 63
    assert all(ring["ratio"] == pytest.approx(125932) for ring in profile["regions"]["middle"])


def test_all_metrics_are_taken_when_asked_for(run_small):
    said, _ = run_small("good", "twin", "--all-metrics")
    for region in said.json["comparison"]["regions"]:
        assert {figure["metric"] for figure in region["figures"]} == set(METRICS)
