"""What a weak region holds, by numbers that can be counted: shares, levels, spacing of float32, and pixels left."""

import numpy as np
import pytest

from nbcompare.compare.metrics import RegionPair
from nbcompare.compare.weak import WeakRegion, weak_region


def region(values, frame_max, **more):
    return RegionPair(values, values, frame_max, **more)


def test_a_faint_region_is_told_in_shares_of_the_frame_and_of_its_own_contrast():
    """3 by 7 float32 from -1000 to 1: the numbers next to 1000 are 2**-14 apart (2**9 <= 1000 < 2**10, 23 bits)."""
    values = np.full((3, 7), -5.0, np.float32)
    values[0, 0], values[2, 6], values[1, 1] = -1000.0, 1.0, 0.5
    found = weak_region(region(values, 1e7), "it is meant to be faint")
    assert found == WeakRegion("7 x 3", 1e-7, 1001.0, 2.0**-14, 4, "it is meant to be faint")
    assert found.sentence == ("weak: its brightest pixel is 1e-07 of the frame's, 7 x 3 pixels of 4 values, resolved "
                              "to 6.1e-08 of its contrast; allowed: it is meant to be faint")
    upper = weak_region(region(-values + 1, 1e12))
    assert (upper.spacing, upper.peak_share) == (2.0**-14, pytest.approx(1.001e-9))
    whole = weak_region(region(np.array([[1, 3], [3, 7]]), 1e9))
    assert (whole.spacing, whole.contrast, whole.levels, whole.pixels) == (0.0, 6, 3, "2 x 2")
    assert "0 of its contrast" in whole.sentence and "allowed" not in whole.sentence


def test_a_region_is_weak_below_a_millionth_of_the_frame():
    values = np.array([[1.0, 2.0], [3.0, 4.0]])
    assert weak_region(region(values, 4e6)) is None
    assert weak_region(region(values, 4.01e6)).peak_share == pytest.approx(4 / 4.01e6)
    assert weak_region(region(values, 0.0)) is None  # there is no signal at all, which is told elsewhere


def test_a_region_is_weak_whose_contrast_is_less_than_a_thousand_spacings():
    """Float32 from 2**23 on are whole numbers: a contrast of 1000 is 1000 of them, one of 999 is too little."""
    base = np.full((2, 2), 2.0**23, np.float32)
    for contrast, weak in ((1000, False), (999, True)):
        values = base.copy()
        values[1, 1] += contrast
        assert (weak_region(region(values, 2.0**23)) is not None) is weak
    flat = weak_region(region(base, 2.0**23))
    assert flat.contrast == 0 and "resolved to all of its contrast" in flat.sentence


@pytest.mark.parametrize(("left", "pixels"), [(100, None), (99, "99 of 10000"), (1, "1 of 10000")])
def test_a_region_of_which_masks_leave_less_than_a_hundredth_is_weak(left, pixels):
    values = np.linspace(1, 2, 10_000).reshape(100, 100)
    mask = np.ones((100, 100), bool)
    mask.flat[:left] = False
    found = weak_region(region(values, 2.0, masks=(mask, mask)))
    assert (found and found.pixels) == pixels
    if found:
        assert found.levels == left


def test_a_masked_region_that_is_faint_is_told_by_the_pixels_left():
    values = np.linspace(1, 2, 12).reshape(3, 4)
    mask = np.zeros((3, 4), bool)
    mask[0] = True
    found = weak_region(region(values, 1e9, masks=(mask, mask)))
    assert (found.pixels, found.levels, found.contrast) == ("8", 8, pytest.approx(7 / 11))


def test_a_weak_region_is_read_back_equal():
    for one in (WeakRegion("2 x 2", 0.5, 1.0, 0.25, 3), WeakRegion("2", 0.5, 1.0, 0.25, 3, "why")):
        assert WeakRegion.from_dict(one.as_dict()) == one
    assert WeakRegion("2 x 2", 0.5, 1.0, 0.25, 3).as_dict() == {
        "pixels": "2 x 2", "peak_share": 0.5, "contrast": 1.0, "spacing": 0.25, "levels": 3}


@pytest.mark.filterwarnings("error")
def test_the_largest_number_has_a_spacing_that_a_record_can_hold():
    """Above it there is none; one that is infinite ended ``images`` in a traceback."""
    largest = np.finfo(np.float32).max
    found = weak_region(region(np.full((2, 2), largest), float(largest)))
    assert found is not None and found.spacing == 2.0**104
