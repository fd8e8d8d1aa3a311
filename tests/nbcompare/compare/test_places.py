"""Places that `init` proposes: boxes about the strongest spots, and a quiet corner that can be judged."""

import numpy as np
import pytest

from nbcompare.compare.image import Roi
from nbcompare.compare.places import LEAST_SIGNAL, quiet_corner, spot_places


def image_with(spots, shape=(64, 64)):
    """A ramp that is faint everywhere, and one bright pixel for each (x, y): value."""
    image = np.linspace(1, 2, shape[0] * shape[1]).reshape(shape).astype(np.float32)
    for (x, y), value in spots.items():
        image[y, x] = value
    return image


def test_spots_are_named_in_the_order_of_their_strength_and_their_boxes_are_about_them():
    """64 pixels have boxes of 4 to either side: a sixteenth of the side."""
    found = spot_places(image_with({(20, 30): 500.0, (50, 12): 900.0}), count=2)
    assert found == [Roi("spot-1", 46, 54, 8, 16), Roi("spot-2", 16, 24, 26, 34)]


def test_no_more_spots_are_named_than_were_asked_for():
    image = image_with({(10, 10): 900.0, (30, 30): 800.0, (50, 50): 700.0, (10, 50): 600.0, (50, 10): 500.0})
    assert [len(spot_places(image, count)) for count in (1, 2, 4)] == [1, 2, 4]
    assert len(spot_places(image)) == 3


@pytest.mark.parametrize(("second", "named"), [((28, 30), 1), ((29, 30), 2), ((20, 38), 1), ((20, 39), 2)])
def test_boxes_that_share_a_pixel_are_not_named_both(second, named):
    """Boxes of nine pixels meet where their spots are eight apart, along either axis."""
    found = spot_places(image_with({(20, 30): 900.0, second: 500.0}), count=2)
    assert found[0] == Roi("spot-1", 16, 24, 26, 34)
    assert sum(abs(roi.xmin + 4 - second[0]) <= 1 and abs(roi.ymin + 4 - second[1]) <= 1 for roi in found) == named - 1


def test_a_box_at_the_edge_is_cut_to_the_image():
    found = spot_places(image_with({(3, 61): 900.0}), count=1)
    assert found == [Roi("spot-1", 0, 7, 57, 63)]


@pytest.mark.parametrize(("side", "half"), [(40, 3), (80, 5), (640, 30)])
def test_boxes_are_a_sixteenth_of_the_side_within_3_and_30_pixels(side, half):
    at = side // 2
    found = spot_places(image_with({(at, at): 900.0}, (side, side)), count=1)
    assert (found[0].xmax - found[0].xmin, found[0].ymax - found[0].ymin) == (2 * half, 2 * half)


def test_the_shorter_side_counts():
    found = spot_places(image_with({(40, 20): 900.0}, (80, 160)), count=1)
    assert found == [Roi("spot-1", 35, 45, 15, 25)]


def test_an_image_of_which_a_box_is_more_than_a_quarter_has_no_places():
    """A box of 7 by 7 pixels is a quarter of 14 by 14."""
    for shape, found in (((13, 14), []), ((14, 14), [Roi("spot-1", 3, 9, 3, 9)])):
        image = np.zeros(shape, np.float32)
        image[6, 6] = 900.0
        assert spot_places(image) == found
    assert quiet_corner(image_with({}, (13, 14))) is None
    assert quiet_corner(image_with({}, (14, 14))) == Roi("corner", 0, 6, 0, 6)


@pytest.mark.parametrize(("corner", "bounds"), [((0, 0), (0, 8, 0, 8)), ((1, 0), (55, 63, 0, 8)),
                                                ((0, 1), (0, 8, 55, 63)), ((1, 1), (55, 63, 55, 63))])
def test_the_corner_with_the_least_in_it_is_taken(corner, bounds):
    image = image_with({})
    x, y = corner
    image[55 * y:55 * y + 9, 55 * x:55 * x + 9] *= 0.1
    assert quiet_corner(image) == Roi("corner", *bounds)


def test_a_corner_that_a_spot_has_taken_is_not():
    image = image_with({})
    assert quiet_corner(image, [Roi("spot-1", 8, 12, 8, 12)]) == Roi("corner", 55, 63, 0, 8)
    assert quiet_corner(image, [Roi("spot-1", 9, 12, 8, 12)]) == Roi("corner", 0, 8, 0, 8)


def test_a_corner_that_is_too_faint_or_has_one_value_only_is_none():
    image = image_with({(32, 32): 1.0 / LEAST_SIGNAL})
    image[:9, :9] = 0.5
    assert quiet_corner(image) == Roi("corner", 55, 63, 0, 8)  # the first is flat
    image[0, 0] = 0.99
    assert quiet_corner(image) == Roi("corner", 55, 63, 0, 8)  # below the least signal
    image[0, 0] = 1.5
    assert quiet_corner(image) == Roi("corner", 0, 8, 0, 8)
    assert quiet_corner(np.ones((64, 64), np.float32)) is None
