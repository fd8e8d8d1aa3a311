"""What is left out of a region, counted by hand."""

import numpy as np
import pytest

from nbcompare.compare.left_out import LeftOut, left_out
from nbcompare.compare.metrics import RegionPair


def pair(x, y=None, ours=(), theirs=(), outside=(), **more):
    """A region of two images of one row; the pixels that are masked in each, and those outside, by their numbers."""
    x = np.atleast_2d(x)
    flags = [np.isin(np.arange(x.size), list(places)).reshape(x.shape) for places in (ours, theirs, outside)]
    return RegionPair(x, x if y is None else np.atleast_2d(y), 1e9, masks=(flags[0], flags[1]),
                      outside=flags[2] if flags[2].any() else None, **more)


def test_pixels_that_the_subject_alone_leaves_out_are_counted():
    """Of ten pixels the reference masks 0 and 1, the subject 1, 2, 3 and 8, which is outside; it has no number in 3, 4,
    5 and 9, where the reference has none either. Two of the eight photons are judged."""
    x, y = np.ones(10), np.ones(10)
    x[9] = np.nan
    y[[3, 4, 5, 9]] = np.nan, np.inf, -np.inf, np.nan
    assert left_out(pair(x, y, (0, 1), (1, 2, 3, 8), (8,), skip_nonfinite=True)) == LeftOut(2, 2, 9, 75, 1, False)
    assert left_out(pair(x[:3], ours=(0,), theirs=(0,))) is None
    assert left_out(RegionPair(np.ones((2, 2)), np.ones((2, 2)), 1.0)) is None


@pytest.mark.parametrize(("lost", "judged", "percent"), [(50, 50, 50), (49.9, 50.1, 0), (2, 1, 66), (3, 0, 100),
                                                         (999, 1, 99)])
def test_signal_that_nobody_judges_is_told_from_half_on(lost, judged, percent):
    """A negative pixel is no signal, and neither is what lies outside the region."""
    found = left_out(pair([lost, judged, -1000.0, -1000.0, 7.0, 1e6], ours=(0, 3), theirs=(0, 3), outside=(4, 5)))
    assert (found.signal_percent if found else 0) == percent
    if found:
        assert found.sentences == (f"{percent} % of the reference's signal there are left out, as masked or no number",)
        assert found.as_dict() == {"masked": 0, "no_number": 0, "pixels": 4, "signal_percent": percent}
        assert LeftOut.from_dict(found.as_dict()) == found


@pytest.mark.parametrize(("value", "told"), [(2**16 - 18, True), (2**16 - 17, False), (2**16 - 1, False)])
def test_the_largest_numbers_of_a_type_are_marks_and_no_signal(value, told):
    assert (left_out(pair(np.array([value, 1, 2], "u2"), ours=(0,), theirs=(0,))) is not None) is told


@pytest.mark.parametrize(("alike", "others", "told"), [(8, 0, True), (9, 0, False), (9, 36, True), (9, 35, False),
                                                       (10, 40, True)])
def test_what_many_masked_pixels_share_is_a_mark_and_no_signal(alike, others, told):
    """More than eight, and more than a fifth of the masked pixels."""
    gone = alike + others
    x = [*[1000.0] * alike, *np.linspace(1, 2, others), 500.0]
    assert (left_out(pair(x, ours=range(gone), theirs=range(gone))) is not None) is told


@pytest.mark.parametrize(("beside", "usual", "in_signal"), [(10.1, 1.0, True), (10.0, 1.0, False), (1.0, -3.0, True),
                                                            (0.0, -3.0, False)])
def test_pixels_without_a_number_lie_in_the_signal_where_those_beside_are_ten_times_brighter(beside, usual, in_signal):
    """One NaN in the middle of 7 by 7 pixels: the eight around it are beside, at their corners too."""
    x = np.full((7, 7), usual)
    x[2:5, 2:5] = beside
    x[3, 3] = np.nan
    found = left_out(RegionPair(x, x, 1e9, skip_nonfinite=True))
    assert (found.reference_no_number, found.in_signal) == (1, in_signal)
    where = ", where its signal is" if in_signal else ""
    assert found.sentences == (f"1 of 49 pixels are NaN or infinite in the reference{where}; what belongs there was "
                               "not judged",)


def test_an_infinite_pixel_and_most_of_a_region_lie_in_the_signal():
    def found(*values):
        return left_out(RegionPair(np.array([values]), np.array([values]), 1e9, skip_nonfinite=True)).in_signal

    assert found(np.inf, 1.0, 1.0, 1.0, 1.0) and not found(-np.inf, 1.0, 1.0, 1.0, 1.0)
    assert found(np.nan, np.nan, 1.0, 1.0) and not found(np.nan, 1.0, 1.0)
    assert not found(np.nan, *[1.0] * 3) and found(*[np.nan] * 3)


def test_what_is_masked_is_neither_unknown_nor_beside():
    """The bright neighbours of the NaN are masked, and so is another NaN: nothing lies in the signal."""
    x = np.array([1.0, 1.0, 99.0, np.nan, 99.0, 1.0, np.nan, 1.0, 1.0])
    found = left_out(pair(x, ours=(2, 4, 6), theirs=(2, 4, 6), skip_nonfinite=True))
    assert (found.reference_no_number, found.in_signal, found.masked) == (1, False, 0)
    open_to_see = left_out(pair(x, ours=(6,), theirs=(6,), skip_nonfinite=True))
    assert open_to_see.in_signal
