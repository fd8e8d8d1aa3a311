"""A frame that is reduced for a page loses no spot and no sum, and what is packed is what a browser unpacks."""

import base64
import io
import zlib

import numpy as np
import pytest
from PIL import Image

from nbcompare.case.threshold import Threshold
from nbcompare.commands.views.page import distributions
from nbcompare.commands.views.page.bars import bar_of
from nbcompare.commands.views.page.crops import crops
from nbcompare.commands.views.page.first_screen import more_words
from nbcompare.commands.views.page.frames import carried
from nbcompare.commands.views.page.pair import ShownPair
from nbcompare.compare.image import Roi
from nbcompare.verdict.verdict import Check


def unpacked(tile, name):
    bits = _bits(tile, name)
    if name.startswith("subject"):  # of which only what is not as in the reference is sent
        bits = bits ^ _bits(tile, name.replace("subject", "reference"))
    return bits.view("<f4").reshape(tile["rows"], tile["columns"])


def _bits(tile, name):
    planes = np.frombuffer(zlib.decompress(base64.b64decode(tile["arrays"][name])), np.uint8).reshape(4, -1)
    return np.ascontiguousarray(planes.T).view("<u4")


@pytest.fixture
def pair():
    """900 x 850 pixels, which are no multiple of the block of 3 pixels; one spot, and one pixel that differs."""
    reference = np.ones((850, 900), np.float32)
    reference[849, 899] = 500  # in a block that is cut by the edge
    subject = reference.copy()
    subject[100, 200] -= 0.25
    return ShownPair(reference, subject)


def test_a_reduced_frame_keeps_spots_sums_and_differences(pair):
    frame = carried(pair, [])["tiles"][0]
    assert (frame["step"], frame["rows"], frame["columns"]) == (3, 284, 300)
    assert unpacked(frame, "reference")[-1, -1] == 500
    assert unpacked(frame, "reference_mean")[-1, -1] == pytest.approx((500 + 2) / 3)
    difference = unpacked(frame, "difference")
    assert difference[33, 66] == -0.25 and np.count_nonzero(difference) == 1


def test_the_worst_places_are_the_largest_differences_one_of_each_neighbourhood(pair):
    """Whichever its sign; of two pixels that lie together the larger one."""
    for x, y, difference in ((500, 400, 3.0), (501, 400, 2.0), (10, 800, -4.0), (700, 20, 1.0)):
        pair.subject[y, x] += difference
    assert ShownPair(pair.reference, pair.subject).worst == [(10, 800), (500, 400), (700, 20), (200, 100)]


def test_a_scale_is_told_from_ratios_that_are_spread():
    x = np.linspace(1, 2, 200, dtype=np.float32).reshape(10, 20)
    readings = [distributions.ratios(distributions.bright_pixels(ShownPair(x, x * factor)))[2]
                for factor in (np.float32(1.5), np.linspace(1.0, 1.2, 20, dtype=np.float32))]
    assert readings[0] == "The middle ratio is 1.5; no width: a pure scale."
    assert "The middle ratio is 1.1; 98 of 100 pixels lie between 1 and 1.2" in readings[1]


def test_masked_pixels_take_no_part_in_a_reduced_frame(pair):
    masked = np.zeros(pair.reference.shape, bool)
    masked[:3, :3] = masked[0, 3] = True
    reference = np.ma.MaskedArray(pair.reference, masked)
    frame = carried(ShownPair(reference, pair.subject), [])["tiles"][0]
    assert np.isnan(unpacked(frame, "reference_mean")[0, 0]) and np.isnan(unpacked(frame, "reference")[0, 0])
    assert unpacked(frame, "reference_mean")[0, 1] == 1


def test_a_masked_pixel_at_full_resolution_keeps_its_value_beside_its_mask():
    """So that masks can be shown and hidden; where nothing is masked, no mask is sent."""
    image = np.arange(12, dtype=np.float32).reshape(3, 4)
    masked = np.zeros((3, 4), bool)
    masked[1, 2] = True
    frame = carried(ShownPair(np.ma.MaskedArray(image, masked), image), [])["tiles"][0]
    assert unpacked(frame, "reference")[1, 2] == 6
    mask = unpacked(frame, "mask")
    assert mask[1, 2] == 1 and np.count_nonzero(mask) == 1
    assert "mask" not in carried(ShownPair(image, image), [])["tiles"][0]["arrays"]


def test_regions_and_worst_places_lie_over_the_frame_at_full_resolution(pair):
    data = carried(pair, [Roi.full(pair.shape), Roi("part", 195, 204, 90, 109)])
    _, part, place = data["tiles"]
    assert (part["name"], part["step"], part["x"], part["y"], part["rows"], part["columns"]) == ("part", 1, 195, 90, 20,
                                                                                              10)
    assert unpacked(part, "subject")[10, 5] == 0.75
    assert place["name"] == "worst place 1" and data["worst"] == [[200, 100, 1.0, 0.75]]


def test_differences_are_red_where_the_subject_is_brighter():
    """And blue where it is dimmer, in the difference and in the ratio."""
    reference = np.full((5, 5), 10, np.float32)
    subject = reference.copy()
    subject[2, 1], subject[2, 3] = 15, 5
    _, _, *apart = crops(ShownPair(reference, subject), Roi("all", 0, 4, 0, 4))
    for image in apart:
        held = io.BytesIO(base64.b64decode(image.address.partition(",")[2]))
        red, _, blue = np.moveaxis(np.asarray(Image.open(held).convert("RGB"), int), 2, 0)
        assert red[2, 1] > blue[2, 1] and blue[2, 3] > red[2, 3] and abs(red[0, 0] - blue[0, 0]) < 5, image.title


def test_readings_say_what_a_scale_and_a_single_pixel_are():
    reference = np.linspace(1, 2, 400, dtype=np.float32).reshape(20, 20)
    bright = distributions.bright_pixels(ShownPair(reference, 2 * reference))
    assert "The middle ratio is 2; no width: a pure scale" in distributions.ratios(bright)[2]
    assert distributions.sectors(bright, 20, (9.5, 9.5))[1].count(None) == 0
    one = reference.copy()
    one[3, 4] += 1
    said = distributions.quantiles(ShownPair(reference, one))[2]
    assert said.startswith("99.75 % of the pixels do not differ at all") and "the worst by 0.5." in said


@pytest.mark.parametrize(("holds", "words"), [
    ([False, True, True], "1 more that do not hold and 2 more that hold, with margins no smaller"),
    ([True], "1 more that hold, with margins no smaller"), ([False, False], "2 more that do not hold"), ([], "")])
def test_bars_that_are_folded_away_are_counted(holds, words):
    threshold = Threshold("sum_ratio", "full", 0.9, 1.1, "same scale")
    assert more_words([bar_of(Check(threshold, 1.0 if hold else 2.0, hold)) for hold in holds]) == words


def test_identical_are_images_of_the_same_numbers_types_and_masks():
    image = np.arange(12, dtype=np.float32).reshape(3, 4)
    masked = np.ma.MaskedArray(image, image == 5)
    assert ShownPair(image, image.copy()).identical and ShownPair(masked, masked.copy()).identical
    for other in (image.astype(np.float64), masked, image + (image == 5)):
        assert not ShownPair(image, other).identical
    nothing = np.where(image == 5, np.nan, image)
    assert ShownPair(nothing, nothing.copy()).identical  # NaN in both is the same number
    assert not ShownPair(masked, np.ma.MaskedArray(image, image == 6)).identical


def test_dim_pixels_are_counted_apart_and_a_difference_is_held_against_counting_noise():
    """Of 100 photons the noise is 10; one pixel of 36 is below a millionth of the peak."""
    reference = np.full((6, 6), 100, np.float32)
    reference[0, 0] = 1e-5
    subject = reference + 5
    subject[5] = 115
    bright = distributions.bright_pixels(ShownPair(reference, subject))
    assert (len(bright.reference), bright.others) == (35, 1)
    said = distributions.against_noise(bright)[2]
    assert "The largest difference is 1.5 of the noise" in said and "17.14 % of the bright pixels" in said


def test_a_sector_is_where_it_lies_about_the_beam():
    """10.5 pixels along fast from a beam at (4.5, 14.5), and half a pixel before it: just below 0 degrees."""
    reference = np.ones((20, 20), np.float32)
    subject = reference.copy()
    subject[14, 15] = 2
    bright = distributions.bright_pixels(ShownPair(reference, subject))
    angles, ratios, _ = distributions.sectors(bright, 20, (4.5, 14.5))
    assert [angle for angle, ratio in zip(angles, ratios, strict=True) if ratio and ratio > 1] == [-5]


def test_half_of_the_pixels_differ_by_no_more_than_the_quantile_of_a_half():
    reference = np.full((10, 10), 100, np.float32)
    shares, sizes, _ = distributions.quantiles(ShownPair(reference, reference + np.arange(100).reshape(10, 10)))
    assert (shares[0], sizes[0], dict(zip(shares, sizes, strict=True))[0.5], sizes[-1]) == (0.01, 0, 0.49, 0.99)


def test_images_of_two_scales_have_a_scale_each():
    image = np.arange(1, 26, dtype=np.float32).reshape(5, 5)
    region = Roi("all", 0, 4, 0, 4)
    for times, alike in ((1000, False), (1.01, True)):
        reference, subject, *_ = crops(ShownPair(image, times * image), region)
        assert (reference.shade.high == subject.shade.high) == alike
        assert ("on its own scale" in subject.note) != alike
