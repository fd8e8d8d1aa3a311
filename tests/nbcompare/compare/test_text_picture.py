"""An image in characters: which block of pixels a character stands for, and how bright each character is."""

import math

import numpy as np
import pytest

from nbcompare.compare.text_picture import DECADES, RAMP, text_picture


@pytest.mark.parametrize("letter", range(1, len(RAMP)))
def test_characters_are_equal_steps_of_the_logarithm(letter):
    """Nine steps share four powers of ten; a value in the middle of the k-th, and one at its upper end, is the k-th."""
    for place in (letter - 0.5, letter - 1e-6):
        value = 5e3 * 10 ** (DECADES * (place / 9 - 1))
        assert text_picture(np.array([[value]]), 1, brightest=5e3) == [RAMP[letter]]
    assert (len(RAMP), DECADES) == (10, 4)


def test_what_is_below_the_ramp_is_nothing_and_what_is_above_is_the_brightest():
    values = np.array([[0.0, -1.0, 1e-4, 1.1e-4, 1.0, 1e9, np.nan, np.inf]])
    assert text_picture(values, 8, brightest=1.0) == ["   .@@??"]
    assert text_picture(values, 8, brightest=0.0) == ["      ??"]
    assert text_picture(values, 8, brightest=-1.0) == ["      ??"]


def test_the_ramp_ends_at_the_brightest_number_of_the_image():
    """A hundredth of it lies at half of four decades: the fifth of nine steps."""
    assert text_picture(np.array([[0.01, 1e-4, np.inf]]), 3) == ["@+?"]
    assert text_picture(np.array([[-3.0, -2.0]]), 2) == ["  "]


@pytest.mark.parametrize(("columns", "across"), [(20, 1), (10, 1), (9, 2), (5, 2), (4, 3), (2, 5), (1, 10)])
def test_a_character_stands_for_a_block_twice_as_high_as_wide(columns, across):
    """Of 10 pixels in a row: ceil(10 / columns) for each character, and twice as many rows."""
    down = 2 * across
    for y, x in ((0, 0), (6, 9), (3, 4), (across, 2 * across - 1), (down - 1, across - 1)):
        if y >= 7 or x >= 10:
            continue
        image = np.zeros((7, 10))
        image[y, x] = 1.0
        lines = text_picture(image, columns)
        assert [len(line) for line in lines] == [math.ceil(10 / across)] * math.ceil(7 / down)
        assert [(row, line.index("@")) for row, line in enumerate(lines) if "@" in line] == [(y // down, x // across)]
