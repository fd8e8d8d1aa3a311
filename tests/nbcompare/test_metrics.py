"""Figures against their definitions, and the places where they have no value."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nbcompare.compare import compare_images
from nbcompare.errors import ShapeError
from nbcompare.image import Roi, Shape
from nbcompare.metrics import METRICS
from nbcompare.peaks import match_peaks

IMAGES = hnp.arrays("f4", (6, 7), elements=st.floats(0, 1e4, width=32))


def figures(reference, subject, roi=None):
    roi = roi or Roi.full(Shape(*reference.shape))
    region = compare_images(reference, subject, [roi]).regions[0]
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
    }
    for name, value in expected.items():
        assert got[name].value == pytest.approx(value, rel=1e-12), name
    assert set(got) == set(METRICS)


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
    assert all(figure.value is None and words in figure.undefined for figure in got.values())
    assert (region.worst.x, region.worst.y, region.worst.difference) == (5, 4, None)


def test_a_region_without_signal_is_undefined_and_says_so():
    """1.3e-7 of the frame's peak, as the corner that was once used as a gate."""
    image = np.full((20, 20), 6e-5, "f4") * np.linspace(0.5, 1, 400, dtype="f4").reshape(20, 20)
    image[15, 15] = 446
    got, _ = figures(image, image, Roi("corner", 0, 5, 0, 5))
    assert all(figure.value is None for figure in got.values())
    assert "no signal" in got["correlation"].undefined and "1e-06" in got["correlation"].undefined


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
    if got["sum_ratio"].value is not None and image.max() < 1e3:
        assert got["sum_ratio"].value == pytest.approx(factor, rel=1e-5)


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
