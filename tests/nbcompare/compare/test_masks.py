"""Masked pixels take no part in any figure, whatever they hold; what is masked is counted."""

import numpy as np
import pytest

from nbcompare.compare.compare import compare_images, radial_profiles
from nbcompare.compare.image import Roi, Shape
from nbcompare.compare.masks import MaskRules, gaps_of, plain_images
from nbcompare.compare.metrics import METRICS
from nbcompare.errors import ShapeError

FULL = [Roi.full(Shape(60, 70))]
EVERYTHING = {(name, "full") for name in METRICS}


def spots(seed=1):
    rng = np.random.default_rng(seed)
    image = rng.exponential(1, (60, 70))
    image[rng.integers(5, 55, 20), rng.integers(5, 65, 20)] += 500
    return image.astype("f4")


def gap(width=5):
    mask = np.zeros((60, 70), bool)
    mask[:, 30:30 + width] = True
    return mask


def figures(reference, subject, masks, **more):
    comparison = compare_images(reference, subject, FULL, further=EVERYTHING, masks=masks, **more)
    return {figure.metric: figure for figure in comparison.regions[0].figures}, comparison


def test_what_lies_under_a_mask_changes_no_figure_but_those_about_masks():
    """The same pair, once with -1 in the gap of both and once with other rubbish in each."""
    x, y, mask = spots(), spots() * np.float32(1.001), gap()
    once, twice = ([x.copy(), y.copy()] for _ in range(2))
    for image in once:
        image[mask] = -1
    twice[0][mask], twice[1][mask] = 1e9, np.nan
    first, _ = figures(*once, (mask, mask))
    second, _ = figures(*twice, (mask, mask))
    assert {name: figure.value for name, figure in first.items()} == {name: figure.value
                                                                        for name, figure in second.items()}
    assert first["sum_ratio"].value == pytest.approx(1.001, rel=1e-6)
    assert first["masked_fraction"].value == pytest.approx(5 / 70)


def test_every_figure_of_a_masked_pair_is_that_of_the_pixels_that_are_left():
    """With the first columns masked, the figures are those of the region beside them, but for what looks at
    neighbours, and rings, which are those of the whole region."""
    x, y = spots(), spots(2)
    mask = np.zeros(x.shape, bool)
    mask[:, :20] = True
    masked, _ = figures(x, y, (mask, mask), centre=(0.0, 0.0))
    left = compare_images(x, y, [Roi("full", 20, 69, 0, 59)], further=EVERYTHING, centre=(0.0, 0.0)).regions[0]
    for figure in left.figures:
        if not figure.metric.startswith(("ssim", "peak", "shell", "masked", "mask_")):
            assert masked[figure.metric].value == pytest.approx(figure.value, rel=1e-12), figure.metric


def test_the_worst_pixel_is_found_among_those_that_are_left():
    x, y, mask = spots(), spots(), gap()
    y[7, 32] += 1e6
    y[8, 50] += 10
    _, comparison = figures(x, y, (mask, mask))
    worst = comparison.regions[0].worst
    assert (worst.x, worst.y) == (50, 8)


def test_masks_that_disagree_are_counted_and_both_hold():
    x = spots()
    ours, theirs = gap(5), gap(7)
    y = x.copy()
    y[:, 35:37] = -2
    found, _ = figures(x, y, (ours, theirs))
    assert found["mask_mismatch"].value == pytest.approx(2 / 70)
    assert found["max_abs_diff"].value == 0


def test_a_region_that_is_all_masked_is_no_evidence():
    x, mask = spots(), gap()
    whole = np.ones_like(mask)
    for kind in ("f4", "u2", "i4"):
        nothing = compare_images(x.astype(kind), x.astype(kind), FULL, masks=(whole, mask))
        assert nothing.vacuous == ("region full: no pixel is left to compare: all 4200 are masked or not finite",)
    comparison = compare_images(x, x, [*FULL, Roi("gap", 30, 34, 0, 59)], masks=(mask, mask))
    assert comparison.figure("correlation", "gap").value is None
    assert any("region gap: no pixel is left to compare: all 300 are masked" in said for said in comparison.vacuous)


def test_the_brightest_pixel_by_which_a_region_is_weak_is_no_masked_one():
    """A hot pixel of 1e9 under the mask would make every region a weak one."""
    x, mask = spots(), gap()
    x[3, 31] = 1e9
    part = [Roi("part", 0, 20, 0, 59)]
    assert compare_images(x, x, part, masks=(mask, mask)).regions[0].weak is None
    assert compare_images(x, x, part).regions[0].weak is not None


def test_a_mask_of_another_shape_is_refused():
    with pytest.raises(ShapeError, match="the mask of the subject is 69 x 60"):
        compare_images(spots(), spots(), FULL, masks=(gap(), gap()[:, 1:]))


def test_pixels_that_are_no_number_can_be_left_out_and_are_still_counted():
    x, y = spots(), spots()
    x[3, 4] = y[3, 4] = np.nan
    y[5, 6] = np.inf
    strict, _ = figures(x, y, None)
    assert strict["correlation"].value is None
    found, _ = figures(x, y, None, skip_nonfinite=True)
    assert found["correlation"].value == 1
    assert (found["nan_mismatch"].value, found["inf_mismatch"].value) == (0, pytest.approx(1 / 4200))


def test_rules_mask_by_value():
    image = np.array([[-2, -1, 0], [5, 7, 65535]])
    assert MaskRules(below=0).of(image).tolist() == [[True, True, False], [False] * 3]
    assert MaskRules(equals=(-2, 7)).of(image).tolist() == [[True, False, False], [False, True, False]]
    assert MaskRules(above=100).of(image).tolist() == [[False] * 3, [False, False, True]]
    floats = np.array([[np.nan, 1.0, -np.inf]])
    assert MaskRules(nan=True).of(floats).tolist() == [[True, False, False]]
    assert MaskRules(below=0).of(floats).tolist() == [[False, False, True]]


def test_no_mask_at_all_is_the_same_as_an_empty_one():
    x, y = spots(), spots(2)
    empty = np.zeros(x.shape, bool)
    plain, masked = figures(x, y, None)[0], figures(x, y, (empty, empty))[0]
    assert {name: figure.value for name, figure in plain.items()} == {name: figure.value
                                                                        for name, figure in masked.items()}
    assert radial_profiles(x, y, FULL, None)["regions"]["full"]


def test_what_float32_cannot_hold_is_zero_for_the_diagnosis_and_warns_of_nothing(recwarn):
    from nbcompare.compare.masks import plain_images

    image = np.array([[1.0, 1e300], [2.0, 3.0]])
    reference, subject = plain_images(image, image + 1)
    assert reference.tolist() == [[1, 0], [2, 3]] and subject.tolist() == [[2, 0], [3, 4]]
    assert not [entry for entry in recwarn if entry.category is RuntimeWarning]


def test_a_value_that_is_a_limit_itself_is_measured():
    image = np.array([[1.0, 2.0, 3.0]])
    assert MaskRules(above=2.0).of(image).tolist() == [[False, False, True]]
    assert MaskRules(below=2.0).of(image).tolist() == [[True, False, False]]


def test_what_one_image_masks_is_shown_in_neither():
    """A pixel that the reference alone lacks would else be a difference that the diagnosis explains."""
    reference = np.ma.masked_equal(np.array([[1.0, 7.0, 3.0]]), 7.0)
    shown = plain_images(reference, np.array([[1.0, 8.0, 3.0]]))
    assert [image.tolist() for image in shown] == [[[1.0, 0.0, 3.0]]] * 2


def test_what_the_subject_alone_masks_is_shown_in_neither_and_shapes_that_differ_are_kept():
    subject = np.ma.masked_equal(np.array([[1.0, 8.0, 3.0]]), 8.0)
    assert [image.tolist() for image in plain_images(np.array([[1.0, 7.0, 3.0]]), subject)] == [[[1.0, 0.0, 3.0]]] * 2
    other = plain_images(np.array([[1.0, 7.0]]), subject)
    assert [image.tolist() for image in other] == [[[1.0, 7.0]], [[1.0, 0.0, 3.0]]]
    assert {image.dtype.str for image in other} == {"<f4"}
    plain = np.ones((2, 2), "<f4")
    assert plain_images(plain, plain) == (plain, plain)


def test_rules_are_read_back_equal_and_hold_together():
    rules = MaskRules(below=0.0, above=9.0, equals=(5.0, 7.0), nan=True)
    assert rules.as_dict() == {"below": 0.0, "above": 9.0, "equals": [5.0, 7.0], "nan": True}
    assert MaskRules.from_dict(rules.as_dict()) == rules
    assert rules.of(np.array([[-1.0, 0.0, 5.0, 6.0, 7.0, 9.0, 10.0, np.nan]])).tolist() == [
        [True, False, True, False, True, False, True, True]]
    assert not MaskRules().of(np.array([[-1.0, np.nan]])).any()


def test_masks_that_images_bring_along_and_those_that_are_given_hold_together():
    """Pixel 1 is masked in the image and given too, 2 is masked in the image, 3 is given: 4 of 8 are left."""
    x = np.arange(1.0, 9.0).reshape(2, 4)
    own = np.ma.MaskedArray(x, [[0, 1, 1, 0], [0] * 4])
    given = np.array([[0, 1, 0, 1], [0] * 4], bool)
    none = np.zeros((2, 4), bool)
    for images, masks in (((own, x), (given, none)), ((x, own), (none, given)), ((own, x), (none, given))):
        region = compare_images(*images, [Roi.full(Shape(2, 4))], masks=masks).regions[0]
        assert region.figure("masked_fraction").value == 3 / 8
        assert region.reference_sum == 1 + 5 + 6 + 7 + 8


def test_masks_are_put_on_the_grid_of_the_reference_with_their_image():
    """The subject is half as fine; its masked pixel covers four of the reference's."""
    x = np.arange(1.0, 17.0).reshape(4, 4)
    mask = np.array([[False, True], [False, False]])
    found = compare_images(x, x[::2, ::2], [Roi.full(Shape(4, 4))], masks=(np.zeros((4, 4), bool), mask), resample=True)
    assert found.regions[0].figure("masked_fraction").value == 4 / 16
    assert found.regions[0].reference_sum == x.sum() - (3 + 4 + 7 + 8)
    assert found.notes[0] == ("the subject was resampled from 2 x 2 pixels (fast x slow) to 4 x 4 pixels (fast x slow) "
                              "(nearest neighbour)")


def test_gaps_are_where_either_image_is_masked_or_no_number_for_float32():
    """Plain float32 images have none: there NaN is a result."""
    plain = np.array([[np.nan, 1.0]], "<f4")
    assert gaps_of(plain, plain) is None
    whole = np.array([[3, 4, 5]])
    assert gaps_of(whole, whole) is None and gaps_of(whole, whole.T) is None
    wide = np.array([[1e300, 2.0, 3.0]])
    masked = np.ma.MaskedArray(whole, [[False, False, True]])
    assert gaps_of(wide, whole).tolist() == [[True, False, False]] == gaps_of(whole, wide).tolist()
    assert gaps_of(wide, masked).tolist() == [[True, False, True]] == gaps_of(masked, wide).tolist()
    assert gaps_of(np.ma.MaskedArray(plain, [[False, True]]), plain).tolist() == [[True, True]]
