"""Pictures of regions: pixels enlarged by whole numbers, in colours that show what differs."""

import numpy as np
import pytest

from nbcompare.compare.colour_scales import GREY, brightness, factor_between, factors, times
from nbcompare.compare.colours import colours_of
from nbcompare.compare.compare import compare_images
from nbcompare.compare.image import Roi
from nbcompare.compare.region_pictures import SIDE, region_picture

FULL = Roi("full", 0, 39, 0, 29)


@pytest.fixture
def reference():
    image = np.full((30, 40), 1.0, np.float32)
    image[5:8, 30:33] = 100.0
    return image


def picture_of(reference, subject, roi=FULL):
    (region,) = compare_images(reference, subject, [roi]).regions
    return region_picture(reference, subject, region)


def count(picture, colour):
    """How many pixels of a picture have a colour, (name, place from 0 to 1) or red, green and blue."""
    wanted = colour if len(colour) == 3 else colours_of(colour[0])[round(255 * colour[1])].astype(int)
    return int((abs(picture.astype(int) - wanted) <= 1).all(axis=2).sum())


BRIGHTEST, LOST, MORE = ("inferno", 1.0), ("RdBu_r", 0.0), ("RdBu_r", 1.0)


def test_each_pixel_is_a_square_of_a_whole_number(reference):
    """40 pixels have room for nine times their size; three by three of them are bright, in both images."""
    found = picture_of(reference, reference)[100:340].astype(int)
    bright = (abs(found - colours_of("inferno")[255].astype(int)) <= 1).all(axis=2)
    rows, _ = np.nonzero(bright)
    assert np.ptp(rows) + 1 == 3 * 9 and len(rows) == 2 * 27 * 27


def test_of_an_identical_pair_no_difference_is_drawn(reference):
    subject = reference.copy()
    same = picture_of(reference, subject)
    subject[20, 20] = np.nextafter(subject[20, 20], 2)
    almost = picture_of(reference, subject)
    assert count(same, MORE) == count(same, LOST) == 0
    assert count(almost, MORE) > 0 and almost.shape[0] > 1.5 * same.shape[0]


@pytest.mark.parametrize("factor", [1e-8, 125932.0])
def test_no_scale_of_one_image_makes_the_other_black(reference, factor):
    """Both show the same spot, each on a scale of its own; marks hide a little of it."""
    found = picture_of(reference, (reference * factor).astype(np.float32))
    assert count(found, BRIGHTEST) >= 2 * 9 * 40


def test_a_spot_that_moved_is_blue_where_it_was_and_red_where_it_is(reference):
    found = picture_of(reference, np.roll(reference, 4, axis=1))
    assert count(found, LOST) >= 2 * 9 * 81 and count(found, MORE) >= 2 * 9 * 81  # in the difference and in the ratio


def test_of_a_large_region_the_part_about_its_largest_difference_is_shown():
    """Four times as large, as for any region of SIDE pixels; the pixel that differs, at the corner, is in it."""
    reference = np.ones((300, 700), np.float32)
    subject = reference.copy()
    subject[299, 699] = 3.0
    found = picture_of(reference, subject, Roi("wide", 0, 699, 0, 299))
    assert count(found, MORE) >= 2 * 4 * 4 and found.shape[1] < 2 * (4 * SIDE + 120)


def test_what_is_no_number_masked_or_beside_the_region_is_grey(reference):
    broken = reference.copy()
    broken[0, :10] = np.nan
    masked = np.ma.MaskedArray(reference, np.zeros(reference.shape, bool))
    masked[:2] = np.ma.masked
    ring = Roi("ring", 0, 29, 0, 29, ring=(14.5, 14.5, 0.0, 14.0))
    assert count(picture_of(reference, broken), GREY) >= 3 * 9 * 81
    assert count(picture_of(masked, masked + 1), GREY) >= 4 * 78 * 81
    corner = 30 * 30 - np.pi * 14**2
    assert count(picture_of(reference, 2 * reference, ring), GREY) >= 4 * 0.9 * corner * 12**2
    nothing = np.full((30, 40), np.nan, np.float32)
    assert count(picture_of(reference, nothing), GREY) >= 3 * 1190 * 81


def test_scales_reach_what_is_there_and_survive_what_is_not():
    five_decades = brightness([np.array([*[1.0] * 200, 1e9])])
    assert (five_decades.low, five_decades.high) == (1e4, 1e9)
    assert brightness([np.zeros(3)]).labels == ("0", "0.5", "1")
    assert factors(np.array([np.nan])).labels == ("1 - 1e-07", "1", "1 + 1e-07")
    assert factors(np.array([0.99999, 1.0])).labels == ("1 - 1e-05", "1", "1 + 1e-05")
    assert factor_between(1.0, 4.9) is factor_between(1.0, 0.0) is factor_between(-1.0, 1.0) is None
    assert factor_between(1.0, float("inf")) is None and factor_between(2.0, 0.2) == 0.1
    assert (times(125932.4), times(1e-5)) == ("125,932 times the reference", "1/100,000 of the reference")


def test_of_a_region_of_some_pixels_those_are_coloured_and_no_others(reference):
    """Three of four pixels, each 64 times as large, of which one is masked; the first panel begins at (62, 102)."""
    roi = Roi.of_mask("some", np.array([[True, True], [True, False]]))
    image = np.ma.MaskedArray([[1.0, 2.0], [3.0, 4.0]], [[False, True], [False, False]])
    picture = picture_of(image, image * 2, roi)
    shown = [tuple(picture[102 + 64 * y + 32, 62 + 64 * x + 32].tolist()) for y, x in ((0, 0), (0, 1), (1, 0), (1, 1))]
    assert [colour == GREY for colour in shown] == [False, True, False, True]
