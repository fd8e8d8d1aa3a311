"""The ends of a range of colours, what stands beside them, and the words for a factor."""

import math

import numpy as np
import pytest

from nbcompare.compare.colour_scales import (
    BRIGHTNESS,
    DIFFERENCE,
    GREY,
    ColourScale,
    both_ways,
    brightness,
    colours_of,
    factor_between,
    factors,
    ratio_of,
    times,
)
from nbcompare.compare.pictures import Scale


def test_brightness_reaches_from_the_first_percentile_to_the_brightest():
    """Of 101 values from 100 to 200 the first percentile is the second."""
    found = brightness([np.arange(100.0, 150.0), np.arange(150.0, 201.0)])
    assert found == ColourScale(101.0, 200.0, True, BRIGHTNESS)


def test_brightness_has_five_decades_at_most_one_for_one_value_and_none_for_nothing():
    assert brightness([np.geomspace(1e-9, 1e3, 400)]) == ColourScale(pytest.approx(1e-2), 1e3, True, BRIGHTNESS)
    assert brightness([np.full(9, 40.0)]) == ColourScale(4.0, 40.0, True, BRIGHTNESS)
    assert brightness([np.array([0.0, -3.0, np.nan, np.inf])]) == ColourScale(0.0, 1.0, False, BRIGHTNESS)


def test_a_difference_reaches_as_far_to_either_side_and_a_ratio_about_one():
    assert both_ways(np.array([-3.0, 2.0, np.nan])) == ColourScale(-3.0, 3.0, False, DIFFERENCE)
    assert both_ways(np.zeros(3)) == ColourScale(-1.0, 1.0, False, DIFFERENCE)
    found = factors(np.array([0.25, 2.0, np.nan, 0.0, -1.0]))
    assert (found.low, found.high) == pytest.approx((0.25, 4.0))
    assert factors(np.ones(3)).high == pytest.approx(1 + 1e-7, rel=1e-12)
    assert factors(np.array([1e300])).high == pytest.approx(math.exp(80.0))


def test_what_stands_at_the_ends_and_in_the_middle():
    assert ColourScale(1.0, 100.0, True, BRIGHTNESS).labels == ("1", "10", "100")
    assert ColourScale(-3.0, 5.0, False, DIFFERENCE).labels == ("-3", "1", "5")
    assert ColourScale(1 / 1.5, 1.5, True, DIFFERENCE).labels == ("0.6667", "1", "1.5")


def test_what_kind_of_scale_it_is_in_words():
    kinds = [(True, BRIGHTNESS), (False, BRIGHTNESS), (True, DIFFERENCE), (False, DIFFERENCE)]
    assert [ColourScale(1.0, 2.0, *kind).words for kind in kinds] == [
        "logarithmic scale", "linear scale", "logarithmic scale about 1", "linear scale about 0"]


@pytest.mark.parametrize("high", [1 + 1e-7, 1 + 2.5e-6, 1.0009, 1.002, 40.0])
def test_the_labels_of_a_factor_are_told_apart(high):
    """Those near 1 by their distance from it: all digits of 0.9999997 and 1.0000003 have to be counted."""
    low, middle, above = ColourScale(1 / high, high, True, DIFFERENCE).labels
    assert middle == "1" and len({low, middle, above}) == 3 and max(map(len, (low, above))) <= 12
    assert ("1 + " in above) == (high < 1.001)
    assert all(text.isascii() for text in (low, above))  # as the letters of the pictures are
    assert factors(np.array([1 + 3e-7, 1.0])).labels == ("1 - 3e-07", "1", "1 + 3e-07")


def test_the_labels_of_nearly_one_brightness_are_told_apart():
    assert ColourScale(1000.0, 1000.002, False, BRIGHTNESS).labels == ("1000", "1000.001", "1000.002")


def test_a_pixel_has_the_colour_of_its_place_between_the_ends():
    table = colours_of(BRIGHTNESS)
    shown = ColourScale(1.0, 100.0, True, BRIGHTNESS).pixels(np.array([[1.0, 10.0, 100.0, 1000.0, 0.0, np.nan]]))
    assert shown.tolist() == [[*(table[at].tolist() for at in (0, 127, 255, 255, 0)), list(GREY)]]
    straight = ColourScale(0.0, 4.0, False, BRIGHTNESS).pixels(np.array([[1.0, 3.0]]))
    assert straight.tolist() == [[table[63].tolist(), table[191].tolist()]]
    assert len(table) == 256


def test_a_ratio_is_shown_where_both_have_more_than_a_millionth_of_their_brightest():
    reference = np.array([2.0, 3e-6, 2.0, 1.0, np.nan])
    subject = np.array([8.0, 8.0, 9e-6, 1.6e-5, 1.0])
    assert ratio_of(reference, subject) == pytest.approx([4.0, 8 / 3e-6, 9e-6 / 2, 1.6e-5, np.nan], nan_ok=True)
    faint = ratio_of(np.array([2.0, 2e-6, 1.0]), np.array([8.0, 1.0, 8e-6]))
    assert faint == pytest.approx([4.0, np.nan, np.nan], nan_ok=True)


@pytest.mark.parametrize(("sums", "factor"), [((1, 5), None), ((1, 5.1), 5.1), ((5, 1), None), ((5.1, 1), 1 / 5.1),
                                              ((0, 7), None), ((7, 0), None), ((-1, 7), None), ((math.inf, 7), None),
                                              ((7, math.inf), None)])
def test_images_more_than_a_factor_of_five_apart_have_a_scale_each(sums, factor):
    assert factor_between(*sums) == (None if factor is None else pytest.approx(factor))


@pytest.mark.parametrize(("factor", "words"), [
    (999.5, "999.5 times the reference"), (1000, "1,000 times the reference"), (1, "1 times the reference"),
    (125932.4, "125,932 times the reference"), (1e9, "1e+09 times the reference"),
    (0.5, "1/2 of the reference"), (1e-4, "1/10,000 of the reference")])
def test_a_factor_in_words(factor, words):
    assert times(factor) == words


def test_the_subject_has_limits_of_its_own_where_it_has_a_scale_of_its_own():
    one, own = Scale("m", 99.0, 7.0, 2.0), Scale("m", 99.0, 7.0, 2.0, of_subject=3.0)
    assert [one.limits(key) for key in ("c", "py", "diff")] == [(0.0, 7.0), (0.0, 7.0), (-2.0, 2.0)]
    assert [own.limits(key) for key in ("c", "py", "diff")] == [(0.0, 7.0), (0.0, 3.0), (-2.0, 2.0)]
