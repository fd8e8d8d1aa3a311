"""Per-pixel tolerances and units in the last place."""

import numpy as np
import pytest

from nbcompare.case.case_file import load_case
from nbcompare.compare.compare import compare_images
from nbcompare.compare.image import Roi, Shape
from nbcompare.compare.metrics import METRICS, called
from nbcompare.errors import CaseError

FULL = [Roi.full(Shape(3, 4))]


def figure(x, y, name, masks=None):
    return compare_images(x, y, FULL, further={(name, "full")}, masks=masks).regions[0].figure(name)


def pair():
    x = np.arange(1, 13, dtype="f4").reshape(3, 4)
    return x, x.copy()


def test_a_pixel_is_outside_when_it_differs_by_more_than_atol_plus_rtol_times_the_reference():
    """As numpy.isclose, with the reference as its second argument."""
    x, y = pair()
    y[0, 0] += 0.02   # 1:  allowed 0.01 + 0.001
    y[2, 3] += 0.02   # 12: allowed 0.01 + 0.012
    name = called("share_outside", {"atol": 0.01, "rtol": 0.001})
    got = figure(x, y, name)
    assert got.value == pytest.approx(1 / 12)
    assert got.value == np.mean(~np.isclose(y.astype("f8"), x.astype("f8"), atol=0.01, rtol=0.001))
    assert "1 of 12 pixels, the worst at fast 0 slow 0" in got.detail
    assert "atol 0.019 or rtol 0.01 would pass" in got.detail


def test_the_tolerance_that_is_said_to_pass_does():
    rng = np.random.default_rng(5)
    x = rng.uniform(1, 2, (3, 4))
    y = x + rng.normal(0, 1e-3, x.shape)
    detail = figure(x, y, "share_outside").detail
    wider = float(detail.split("; atol ")[1].split()[0])
    assert figure(x, y, called("share_outside", {"atol": wider * 1.01, "rtol": 1.3e-6})).value == 0


def test_pixels_near_zero_in_both_images_are_equal():
    x, y = pair()
    x[1, 1], y[1, 1] = 1e-9, 3e-9
    x[1, 2], y[1, 2] = 1e-9, 1.0
    name = called("share_outside", {"atol": 0.0, "rtol": 1e-6, "near_zero": 1e-6})
    assert figure(x, y, name).value == pytest.approx(1 / 12)


def test_units_in_the_last_place_count_representable_floats():
    x, y = pair()
    y[1, 1] = np.nextafter(np.nextafter(x[1, 1], np.float32(99)), np.float32(99))
    got = figure(x, y, "max_ulps")
    assert (got.value, "1 of 12 pixels differ, the worst at fast 1 slow 1" in got.detail) == (2, True)


def test_units_in_the_last_place_go_on_through_zero():
    x, y = pair()
    x[0, 0], y[0, 0] = np.float32(1e-45), np.float32(-1e-45)
    assert figure(x, y, "max_ulps").value == 2
    x[0, 0], y[0, 0] = 0.0, -0.0
    assert figure(x, y, "max_ulps").value == 0


def test_float64_is_compared_as_it_is():
    x = np.arange(1, 13, dtype="f8").reshape(3, 4)
    y = x.copy()
    y[2, 2] = np.nextafter(x[2, 2], 99)
    assert figure(x, y, "max_ulps").value == 1
    assert figure(x, y, "max_abs_diff").value == pytest.approx(1.8e-15, rel=0.1)


def test_integers_have_no_units_in_the_last_place():
    x = np.arange(1, 13).reshape(3, 4)
    assert "int64" in figure(x, x + 1, "max_ulps").undefined


@pytest.mark.parametrize("name", ["share_outside(", "share_outside(atol=x)", "share_outside(speed=1)",
                                  "correlation(atol=1)", "share_outside(rtol=1, atol=1)", "share_outside(atol=1.0)"])
def test_only_the_written_form_of_a_chosen_metric_is_known(name):
    assert name not in METRICS


CASE = """
name: c
title: t
command: -mat A.mat -default_F 100 -lambda 1 -N 5 -detpixels 64 -nonoise
inputs: {{A.mat: {{file: A.mat}}}}
image: {{fast: 64, slow: 64}}
rois: {{full: full}}
thresholds:
  - {{metric: {metric}, {keys}, max: 0, why: w}}
"""


def case_with(tmp_path, metric, keys):
    (tmp_path / "A.mat").write_text("1 0 0\n0 1 0\n0 0 1\n")
    path = tmp_path / "c.yaml"
    path.write_text(CASE.format(metric=metric, keys=keys))
    return load_case(path)


def test_a_case_chooses_its_tolerance(tmp_path):
    case = case_with(tmp_path, "share_outside", "atol: 1.0e-6, rtol: 0")
    assert case.thresholds[0].metric == called("share_outside", {"atol": 1e-6, "rtol": 0.0})


def test_a_tolerance_for_a_metric_that_has_none_is_an_error(tmp_path):
    with pytest.raises(CaseError, match="rmse takes no atol"):
        case_with(tmp_path, "rmse", "atol: 1.0e-6")
    with pytest.raises(CaseError, match="atol must be a number from 0 up"):
        case_with(tmp_path, "share_outside", "atol: -1")


def test_whole_numbers_that_are_one_double_are_told_apart():
    """2^60 and 2^60 + 1; and a subject that is unsigned."""
    x = np.full((3, 4), 2**60)
    y = x.copy()
    y[1, 2] += 1
    name = called("share_outside", {"atol": 0.0, "rtol": 0.0})
    for subject in (y, y.astype("u8")):
        got = figure(x, subject, name)
        assert got.value == pytest.approx(1 / 12) and "at fast 2 slow 1" in got.detail and "atol 1 or" in got.detail
        assert [figure(x, subject, metric).value for metric in ("max_abs_diff", "mse", "max_abs_diff_of_peak")] == [
            1, 1 / 12, 1 / 2**60]
    y[1, 2] += 1499
    assert figure(x, y, "max_abs_diff").value == figure(y, x.astype("u8"), "max_abs_diff").value == 1500
    assert figure(x, y, "share_outside").value == 0, "within rtol"
