"""What a comparison says of itself: as plain values and back, in notes, and in the words of a picture."""

import json
import math

import numpy as np
import pytest
from PIL import ImageDraw

from nbcompare.compare.compare import (
    Comparison,
    Figure,
    WorstPixel,
    brightest,
    compare_images,
    finite_or_none,
    radial_profiles,
)
from nbcompare.compare.image import Roi, Shape
from nbcompare.compare.lettering import ticks
from nbcompare.compare.region_pictures import region_picture
from nbcompare.errors import ShapeError


def spots():
    image = np.random.default_rng(2).exponential(size=(12, 15)) + 1
    image[3, 4], image[8, 10] = 900.0, 700.0
    return image


def test_a_comparison_with_all_that_can_be_told_is_read_back_equal():
    """A faint region that may be weak, pixels that the subject alone masks, wrong images, notes and the beam."""
    x = spots()
    x[0] *= 1e-9
    gone = np.zeros(x.shape, bool)
    gone[5, 5] = True
    rois = [Roi.full(Shape(12, 15)), Roi("faint", 0, 14, 0, 0, weak_allowed="so it is"), Roi("flat", 5, 5, 5, 5)]
    found = compare_images(x, np.roll(x, 3, axis=1), rois, centre=(7.5, 6.0), masks=(np.zeros_like(gone), gone),
                           further=[("ssim", "faint"), ("share_outside(atol=1, rtol=0)", "full")])
    stored = json.loads(json.dumps(found.as_dict()))
    assert Comparison.from_dict(stored) == found
    full, faint, flat = found.regions
    assert full.left_out and full.wrong_images and faint.weak.allowed == "so it is" and flat.reference_sum is None
    assert (stored["centre"], stored["shape"]) == ([7.5, 6.0], {"slow": 12, "fast": 15})
    assert found.notes == (f"region faint is {faint.weak.sentence}",)
    assert found.vacuous == ("region flat: no pixel is left to compare: all 1 are masked or not finite",)
    assert full.figure("share_outside(atol=1, rtol=0)").detail and "detail" not in full.figure("rmse").as_dict()
    assert (faint.figure("ssim").metric, full.figure("ssim")) == (
        "ssim", Figure("ssim", None, "this figure was not taken"))
    assert found.figure("rmse", "none") == Figure("rmse", None, "the region none was not compared")
    plain = compare_images(x, x, rois[:1])
    assert Comparison.from_dict(json.loads(json.dumps(plain.as_dict()))) == plain and plain.centre is None
    assert not plain.as_dict()["regions"][0].keys() & {"left_out", "weak"}


def test_what_is_told_of_a_region():
    x, y = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 2.0], [5.5, 4.0]])
    found = compare_images(x, y, [Roi("r", 0, 1, 0, 1)])
    stored = found.as_dict()["regions"][0]
    assert stored["worst"] == {"x": 0, "y": 1, "reference": 3.0, "subject": 5.5, "difference": 2.5}
    assert [stored[key] for key in ("reference_sum", "subject_sum", "reference_max", "subject_max")] == [
        10.0, 12.5, 4.0, 5.5]
    assert found.regions[0].worst == WorstPixel(0, 1, 3.0, 5.5, 2.5)
    lost = x.copy()
    lost[0, 1] = np.inf
    said = compare_images(lost, lost, [Roi("r", 0, 1, 0, 1)], skip_nonfinite=True)
    assert said.notes == ("weak: region r: 1 of 4 pixels are NaN or infinite in the reference, where its signal is; "
                          "what belongs there was not judged",)


def test_images_of_two_shapes_are_refused_with_what_to_do():
    with pytest.raises(ShapeError) as caught:
        compare_images(np.ones((3, 4)), np.ones((4, 3)), [Roi("r", 0, 1, 0, 1)])
    assert caught.value.message == "the reference is 4 x 3 pixels (fast x slow), the subject 3 x 4 pixels (fast x slow)"
    assert caught.value.hint == "make both commands declare one image size, or allow --resample"


def test_profiles_are_about_the_beam_where_it_is_known():
    x = spots()
    rois = [Roi("a", 2, 9, 1, 6), Roi("b", 0, 14, 0, 11)]
    known, unknown = radial_profiles(x, 2 * x, rois, (3.0, 4.0)), radial_profiles(x, 2 * x, rois, None)
    assert (known["centre_px"], known["centre_from"]) == ([3.0, 4.0], "the reference's output")
    assert (unknown["centre_px"], unknown["centre_from"]) == ([7.0, 5.5], "the middle of the image")
    for name, pixels in (("a", 48), ("b", 180)):
        assert sum(ring["pixels"] for ring in known["regions"][name]) == pixels
        assert {ring["ratio"] for ring in unknown["regions"][name]} == {2.0}
    mask = np.ma.MaskedArray(x, x > 600)
    assert sum(ring["pixels"] for ring in radial_profiles(mask, x, rois, None)["regions"]["b"]) == 178


@pytest.mark.parametrize(("values", "largest"), [
    ([1.0, 7.0], 7.0), ([1.0, np.inf], 1.0), ([np.nan, -2.0, -np.inf], -2.0), ([np.nan], -math.inf), ([], -math.inf)])
def test_the_brightest_pixel_is_a_number(values, largest):
    assert brightest(np.array(values)) == largest
    assert brightest(np.array([3, 2**40])) == 2**40 and brightest(np.zeros((0, 3), "u2")) == -math.inf
    assert [finite_or_none(value) for value in (1.5, math.inf, math.nan)] == [1.5, None, None]


@pytest.mark.parametrize(("low", "high", "most", "least", "found"), [
    (0, 10, 5, 0, [0, 2, 4, 6, 8, 10]), (0, 10, 4, 0, [0, 5, 10]), (0, 10, 10, 0, range(11)), (0, 10, 1, 0, [0, 10]),
    (-7, 12, 5, 0, [-5, 0, 5, 10]), (0.1, 0.3, 2, 0, [0.1, 0.2, 0.3]), (0, 3, 6, 1.0, [0, 1, 2, 3]),
    (0, 3, 6, 0, [0, 0.5, 1, 1.5, 2, 2.5, 3]), (1e-8, 5e-8, 4, 0, [1e-8, 2e-8, 3e-8, 4e-8, 5e-8]), (0, 1, 6, 2.0, [0]),
    (5, 5, 6, 0, []), (6, 5, 6, 0, []), (0, math.inf, 6, 0, []), (math.nan, 1, 6, 0, []), (-1, 1.9999999999, 3, 0,
                                                                                        [-1, 0, 1, 2])])
def test_round_numbers_between_two_limits(low, high, most, least, found):
    assert ticks(low, high, most, least) == pytest.approx(list(found))


# --- words in the picture of a region -----------------------------------------------------------------------


@pytest.fixture
def words(monkeypatch):
    """The texts of the picture of a region of two images."""
    found = []
    text = ImageDraw.ImageDraw.text
    monkeypatch.setattr(ImageDraw.ImageDraw, "text", lambda self, place, said, **more: found.append(said) or text(
        self, place, said, **more))

    def draw(reference, subject, roi=None):
        found.clear()
        slow, fast = reference.shape
        region_picture(reference, subject, compare_images(
            reference, subject, [roi or Roi("r", 0, fast - 1, 0, slow - 1)]).regions[0])
        return list(found)

    return draw


def test_the_headline_the_largest_difference_and_what_panels_show(words):
    x = np.full((4, 5), 2.0)
    y = x.copy()
    y[1, 3] = 6.0
    said = words(x, y)
    assert said[:2] == ["region r: x 0 .. 4, y 0 .. 3", "largest difference 4 at x = 3, y = 1: reference 2, subject 6"]
    assert "1 to 3; grey: next to no photons" in said and said.count("photons") == 3
    said = words(x, y, Roi("part", 2, 4, 1, 3))
    assert said[0] == "region part: x 2 .. 4, y 1 .. 3" and "at x = 3, y = 1" in said[1]
    y[2, 2] = np.nan
    assert words(x, y)[1] == "at x = 2, y = 2 one image holds no number"


def test_an_identical_pair_and_images_of_other_scales_are_told(words):
    x = np.arange(1.0, 21.0).reshape(4, 5)
    said = words(x, x)
    assert said[1] == "IDENTICAL: no pixel of the region differs"
    assert [word for word in said if word.startswith(("reference", "subject"))] == ["reference", "subject"]
    said = words(x, x / 8)
    assert said.count("photons, on its own scale") == 1
    assert "photons, on its own scale: 1/8 of the reference" in said
    assert "0.125 to 0.125; grey: next to no photons" in said
    apart = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert "no pixel has photons in both images" in words(apart, apart[::-1])
    masked = np.ma.MaskedArray(x, x == 3)
    assert words(masked, x)[1] != "IDENTICAL: no pixel of the region differs"


@pytest.mark.parametrize(("size", "at", "shown"), [(96, 90, "0 .. 95"), (97, 0, "0 .. 95"), (97, 48, "0 .. 95"),
                                                   (97, 49, "1 .. 96"), (97, 96, "1 .. 96"), (500, 200, "152 .. 247"),
                                                   (500, 499, "404 .. 499")])
def test_of_more_than_96_pixels_those_about_the_largest_difference_are_shown(words, size, at, shown):
    """From 48 before it on, within the region."""
    for turned in (False, True):
        x = np.ones((2, size))
        y = x.copy()
        y[0, at] = 2.0
        said = words(*((x.T, y.T) if turned else (x, y)))[0]
        part = "" if size == 96 else "part of it, "
        assert said == f"region r: {part}" + (f"x 0 .. 1, y {shown}" if turned else f"x {shown}, y 0 .. 1")


def test_of_an_identical_pair_the_part_about_the_brightest_pixel_is_shown(words):
    x = np.ones((2, 300))
    x[1, 200] = 5.0
    assert words(x, x)[0] == "region r: part of it, x 152 .. 247, y 0 .. 1"
