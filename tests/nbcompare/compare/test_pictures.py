"""Pictures show each pixel where it is, in the colour of its value, and cost little."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from nbcompare.compare import pictures
from nbcompare.compare.colours import colours_of
from nbcompare.compare.image import Roi, Shape
from nbcompare.compare.lettering import INK, ticks
from nbcompare.compare.picture_frame import BAR
from nbcompare.compare.pictures import percentile_of_positive, write_pictures
from nbcompare.compare.png_file import packed_beside, write_png


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), bright=st.sampled_from([0.0, 1e-4, 0.01, 0.5, 1.0]),
       percentile=st.sampled_from([0.0, 50.0, 90.0, 99.5, 99.99, 100.0]), negative=st.booleans())
def test_the_percentile_is_that_of_all_positive_pixels(seed, bright, percentile, negative):
    generator = np.random.default_rng(seed)
    images = [generator.lognormal(size=(70, 90)).astype(np.float32) * (generator.random((70, 90)) < bright)
              for _ in range(2)]
    if negative:
        images[0] -= 0.5
    positive = np.concatenate([image[image > 0] for image in images]).astype(np.float64)
    wanted = np.percentile(positive, percentile) if positive.size else 1.0
    assert percentile_of_positive(images, percentile) == pytest.approx(wanted, rel=1e-12)


def test_a_written_png_file_is_whole_and_holds_the_very_pixels(tmp_path):
    pixels = np.random.default_rng(1).integers(0, 256, (5, 7, 3), np.uint8)
    write_png(tmp_path / "some.png", pixels)
    with Image.open(tmp_path / "some.png") as image:
        image.verify()  # its sums
    with Image.open(tmp_path / "some.png") as image:
        assert (image.format, image.mode) == ("PNG", "RGB")
        assert np.array_equal(np.asarray(image), pixels)


def test_files_that_are_packed_beside_are_there_in_the_end_of_the_outer_block_or_it_is_told(tmp_path):
    pixels = np.zeros((900, 900, 3), np.uint8)
    with packed_beside():
        with packed_beside():
            write_png(tmp_path / "inner.png", pixels)
        write_png(tmp_path / "outer.png", pixels)
    assert [np.asarray(Image.open(tmp_path / name)).shape for name in ("inner.png", "outer.png")] == [pixels.shape] * 2
    reached = False
    with pytest.raises(FileNotFoundError), packed_beside():
        write_png(tmp_path / "missing" / "some.png", pixels)
        write_png(tmp_path / "other.png", pixels)
        reached = True
    assert reached and (tmp_path / "other.png").is_file()
    with pytest.raises(FileNotFoundError):
        write_png(tmp_path / "missing" / "some.png", pixels)  # at once, where no block waits for it


@pytest.fixture
def drawn(tmp_path):
    """The pictures of two images by name, as uint8 [height, width, 3]."""

    def draw(reference, subject, view, marked=(), keys=("c", "py", "diff")):
        files = {key: tmp_path / f"{key}.png" for key in keys}
        scale = write_pictures(reference, subject, view, marked, files)
        return {key: np.asarray(Image.open(path).convert("RGB")) for key, path in files.items()}, scale

    return draw


def coloured(picture, colour):
    """Where a colour (name, value from 0 to 1) is in a picture, as (rows, columns) from 0 to 1 of its axes."""
    name, value = colour
    wanted = colours_of(name)[round(255 * value)].astype(int)
    rows, columns = np.nonzero((abs(picture.astype(int) - wanted) <= 1).all(axis=2))
    return rows, columns


def test_each_image_has_its_own_pixels_and_the_frame_is_the_same(drawn):
    """One bright pixel in either image, at another place; in the difference it is blue in one and red in the other."""
    shape = Shape(200, 200)
    reference, subject = np.zeros((200, 200), np.float32), np.zeros((200, 200), np.float32)
    reference[40:60, 20:40], subject[140:160, 100:120] = 5.0, 5.0
    pictures, scale = drawn(reference, subject, Roi.full(shape))
    assert (scale.brightest, scale.difference) == (5.0, 5.0)
    whole, places = coloured(pictures["c"], ("inferno", 0.0)), {}
    top, left = whole[0].min(), whole[1].min()
    size = whole[0].max() + 1 - top
    for key, colour in (("c", ("inferno", 1.0)), ("py", ("inferno", 1.0)), ("diff", ("RdBu_r", 0.0))):
        rows, columns = coloured(pictures[key], colour)
        inside = columns < left + size
        places[key] = ((rows[inside].mean() - top) / size, (columns[inside].mean() - left) / size)
    assert places["c"] == pytest.approx((0.25, 0.15), abs=0.01)
    assert places["py"] == pytest.approx((0.75, 0.55), abs=0.01)
    assert places["diff"] == pytest.approx((0.25, 0.15), abs=0.01)  # what the subject lacks is blue
    below = slice(top + size + 3, None)
    assert (pictures["c"][below, : left + size] == pictures["py"][below, : left + size]).all()


@pytest.mark.parametrize(("times", "own"), [(4, False), (1000, True), (0.001, True)])
def test_an_image_far_brighter_than_the_other_has_a_scale_of_its_own_and_says_so(drawn, times, own):
    """Both then show the same spot in the brightest colour, and the title of the subject is longer."""
    reference = np.zeros((100, 100), np.float32)
    reference[40:60, 20:40] = 3.0
    pictures, scale = drawn(reference, reference * np.float32(times), Roi.full(Shape(100, 100)))
    assert (scale.brightest, scale.of_subject) == pytest.approx((3, 3 * times) if own else (3 * times, None))
    bright = {key: len(coloured(pictures[key][:, :735], ("inferno", 1.0))[0]) for key in ("c", "py")}
    assert bright["py"] > 1000 and (bright["c"] == bright["py"]) == own
    above = coloured(pictures["c"], ("inferno", 0.0))[0].min() - 8
    wide = {key: np.ptp(np.nonzero((pictures[key][:above] == INK).all(axis=2))[1]) for key in ("c", "py")}
    assert wide["c"] > 20 and (wide["py"] > 3 * wide["c"]) == own


def test_a_lone_pixel_of_a_large_image_is_seen(drawn):
    reference = np.zeros((2527, 2463), np.float32)
    reference[1234, 1001] = 3.0
    pictures, _ = drawn(reference, reference, Roi.full(Shape(2527, 2463)), keys=("c", "py"))
    rows, columns = coloured(pictures["c"], ("inferno", 1.0))
    assert len(rows[columns < 700]) >= 1


@pytest.mark.parametrize("shape", [(2527, 2463), (300, 40), (33, 700), (3, 3)])
def test_an_image_fills_its_frame(drawn, shape):
    """From the line on its left to that on its right: all in the colour of its value, and nothing outside."""
    ones = np.ones(shape, np.float32)
    pictures, _ = drawn(ones, ones, Roi.full(Shape(*shape)), keys=("c",))
    rows, columns = coloured(pictures["c"][:, :735], ("inferno", 1.0))
    height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
    assert len(rows) == height * width
    assert height / width == pytest.approx(shape[0] / shape[1], rel=0.1)


def test_pixels_that_are_no_numbers_are_drawn_as_nothing(drawn):
    broken = np.full((30, 30), np.nan, np.float32)
    broken[:, :10] = 1.0
    pictures, scale = drawn(np.ones((30, 30), np.float32), broken, Roi.full(Shape(30, 30)))
    assert scale.brightest == 1.0 and set(pictures) == {"c", "py", "diff"}


def test_infinite_pixels_leave_a_scale_of_numbers(drawn):
    endless = np.full((30, 30), np.inf, np.float32)
    _, scale = drawn(-endless, endless, Roi.full(Shape(30, 30)))
    assert np.isfinite([scale.brightest, scale.difference]).all()


def test_a_marked_region_is_framed(drawn):
    image = np.ones((100, 100), np.float32)
    full = Roi.full(Shape(100, 100))
    pictures, _ = drawn(image, image, full, [full, Roi("spot", 20, 40, 50, 80)])
    blue = (abs(pictures["c"].astype(int) - (0, 191, 255)) <= 60).all(axis=2)
    rows, columns = np.nonzero(blue)
    assert np.ptp(rows) > 1.2 * np.ptp(columns) > 0


@pytest.mark.parametrize("shape", [(1281, 1290), (1280, 641), (2000, 7), (30, 3001), (640, 5), (1, 1)])
def test_an_image_is_shrunk_to_the_largest_value_of_each_block(shape):
    image = np.random.default_rng(5).normal(size=shape).astype(np.float32)
    step = -(-max(shape) // 640)
    small = pictures._shrunk(image)
    assert small.shape == tuple(-(-size // step) for size in shape)
    for y, x in [(0, 0), (small.shape[0] - 1, small.shape[1] - 1), (small.shape[0] // 2, small.shape[1] // 3)]:
        block = image[y * step : (y + 1) * step, x * step : (x + 1) * step].reshape(-1)
        assert small[y, x] == block[abs(block).argmax()]


@pytest.mark.parametrize(("low", "high", "most", "found"), [
    (0, 2462, 6, [0, 500, 1000, 1500, 2000]), (100, 156, 6, [100, 110, 120, 130, 140, 150]), (0, 2, 6, [0, 1, 2]),
    (-0.03, 0.03, 6, [-0.03, -0.02, -0.01, 0, 0.01, 0.02, 0.03]), (0, 3.4e38, 6, [0, 1e38, 2e38, 3e38]), (5, 5, 6, [])])
def test_numbers_beside_an_axis_are_round_and_few(low, high, most, found):
    assert ticks(low, high, most, 1.0 if isinstance(low, int) and high < 1e9 else 0.0) == pytest.approx(found)


def test_the_values_beside_the_colours_are_theirs(drawn):
    """Of a scale from 0 to 4 each number stands beside its colour: at a quarter, half, three quarters and the ends."""
    image = np.full((50, 50), 4.0, np.float32)
    pictures, _ = drawn(image, image, Roi.full(Shape(50, 50)), keys=("c",))
    left, top, wide, high = BAR
    marks = np.nonzero((pictures["c"][: top + high, left + wide + 2] == INK).all(axis=1))[0]
    assert len(marks) in (5, 9)
    for at, value in zip(marks, np.linspace(1, 0, len(marks)), strict=True):
        wanted = colours_of("inferno")[round(255 * value)].astype(int)
        shown = pictures["c"][min(max(at, top), top + high - 1), left + wide // 2].astype(int)
        assert abs(shown - wanted).max() <= 6


def test_a_region_at_the_edge_has_its_name_within_the_image(drawn):
    image = np.zeros((60, 60), np.float32)
    full = Roi.full(Shape(60, 60))
    bare, _ = drawn(image, image, full, keys=("c",))
    named, _ = drawn(image, image, full, [Roi("a-name-of-some-length", 50, 59, 0, 5)], keys=("c",))
    rows, columns = np.nonzero((bare["c"] != named["c"]).any(axis=2))
    inside = coloured(bare["c"][:, :735], ("inferno", 0.0))
    assert len(rows) > 100
    assert inside[0].min() <= rows.min() and rows.max() <= inside[0].max()
    assert inside[1].min() <= columns.min() and columns.max() <= inside[1].max()
