"""Figures of images that are wrong for certain are those of such images, made here by hand."""

import numpy as np
import pytest

from nbcompare.compare.metrics import METRICS, RegionPair, evaluate
from nbcompare.compare.wrong_images import MOVED, TWICE, ZEROS, wrong_images

OFF = {"sum_ratio": 2.0, "correlation": 0.0}
"""Figures that let all three be tried."""


def reference(shape=(14, 17), dtype=np.float64):
    image = np.random.default_rng(11).exponential(100, shape)
    image[3, 4] = image[9, 12] = 5000
    return image.astype(dtype)


def of_figures(x, wrong, **more):
    """What a wrong image is worth: its figures, but those that no threshold could admit."""
    pair = RegionPair(x, wrong, float(x.max()), **more)
    taken = {name: evaluate(name, pair)[0] for name in METRICS}
    return {name: value for name, value in taken.items() if value is not None and not METRICS[name].refuses(value)}


def found_for(x, subject=None, figures=OFF, **more):
    pair = RegionPair(x, x if subject is None else subject, float(x.max()), **more)
    return {image.name: image.values for image in wrong_images(pair, list(METRICS), figures)}


@pytest.mark.parametrize("masked", [False, True])
def test_the_three_wrong_images_are_zeros_twice_as_much_and_a_third_further(masked):
    """14 by 17 pixels: everything 4 pixels down and 5 across, round the edges."""
    x = reference()
    mask = np.zeros(x.shape, bool)
    mask[:2] = masked
    more = {"masks": (mask, mask), "centre": (3.0, 2.0), "origin": (1, 2)} if masked else {}
    found = found_for(x, **more)
    filled = np.where(mask, 0, x)
    for name, wrong in ((ZEROS, 0 * x), (TWICE, 2 * x), (MOVED, np.roll(filled, (4, 5), (0, 1)))):
        assert found[name] == pytest.approx(of_figures(x, wrong, **more)), name
    assert found[ZEROS]["max_abs_diff"] == x[~mask].max() and "correlation" not in found[ZEROS]
    assert found[ZEROS]["rmse"] == pytest.approx(np.sqrt((x[~mask] ** 2).mean()))


def test_zeros_of_a_region_that_is_mostly_negative_differ_by_its_lowest():
    x = np.array([[-9.0, 1.0], [2.0, 3.0]])
    assert found_for(x)[ZEROS]["max_abs_diff"] == 9


@pytest.mark.parametrize(("figures", "names"), [
    ({"sum_ratio": 0.99, "correlation": 0.9}, [ZEROS]), ({"sum_ratio": 1.01, "correlation": 1.0}, [ZEROS]),
    ({"sum_ratio": 0.9899}, [ZEROS, TWICE]), ({"sum_ratio": 1.0101}, [ZEROS, TWICE]),
    ({"correlation": 0.8999}, [ZEROS, MOVED]), ({}, [ZEROS]), ({"sum_ratio": None, "correlation": None}, [ZEROS]),
    (OFF, [ZEROS, TWICE, MOVED])])
def test_only_what_differs_is_asked_about(figures, names):
    assert list(found_for(reference(), figures=figures)) == names


def test_whole_numbers_twice_as_large_end_at_the_largest_of_their_type():
    """Of int16 32766 is twice 16383; all above are 32767, all below -16384 are -32768."""
    x = np.array([[16383, 16384, 30000, -16383, -16384, -30000, 5]], np.int16)
    wrong = np.array([[32766, 32767, 32767, -32766, -32768, -32768, 10]], np.int16)
    assert found_for(x, figures={"sum_ratio": 2.0})[TWICE] == pytest.approx(of_figures(x, wrong))


def test_a_wrong_image_leaves_out_what_the_subject_leaves_out():
    x = reference()
    subject = x.copy()
    subject[0, :3] = np.nan
    found = found_for(x, subject, skip_nonfinite=True)
    for name, wrong in ((TWICE, 2 * x), (MOVED, None)):
        if wrong is None:
            wrong = np.roll(np.where(np.isnan(subject), 0, x), (4, 5), (0, 1))
        wrong[0, :3] = np.nan
        assert found[name] == pytest.approx(of_figures(x, wrong, skip_nonfinite=True)), name


def test_a_region_without_signal_has_no_wrong_images():
    assert found_for(np.zeros((3, 3))) == {}
