"""Every stroke of a picture at the place that follows from its layout, worked out by hand: a picture is 900 x 820 with
room for an image of 648 x 722 from (82, 42) on, and a scale of 26 x 578 at (750, 114); a panel of a region begins 46
right of its column, 26 below its title."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from nbcompare.compare.compare import compare_images
from nbcompare.compare.image import Roi
from nbcompare.compare.lettering import DIM, INK, MARK, font
from nbcompare.compare.picture_frame import PictureFrame
from nbcompare.compare.region_pictures import region_picture


@pytest.fixture
def strokes(monkeypatch):
    """What is drawn from now on, in order: texts as (said, place, anchor, size, colour), lines and ellipses as (places,
    colour, width), boxes as (places, colour, width), and images put in as (place, size)."""
    found = SimpleNamespace(texts=[], lines=[], boxes=[], rings=[], pasted=[])
    own = {name: getattr(ImageDraw.ImageDraw, name) for name in ("text", "line", "rectangle", "ellipse")}
    paste = Image.Image.paste

    def text(self, place, said, **more):
        found.texts.append((said, tuple(place), more.get("anchor"), more["font"].size, more["fill"]))
        own["text"](self, place, said, **more)

    def line(self, places, **more):
        found.lines.append((tuple(places), more["fill"], more.get("width", 0)))
        own["line"](self, places, **more)

    def rectangle(self, places, **more):
        found.boxes.append((tuple(places), more["outline"], more.get("width", 1)))
        own["rectangle"](self, places, **more)

    def ellipse(self, places, **more):
        found.rings.append((tuple(places), more["outline"], more.get("width", 1)))
        own["ellipse"](self, places, **more)

    def put(self, image, place):
        found.pasted.append((tuple(place), image.size))
        paste(self, image, place)

    for name, stroke in (("text", text), ("line", line), ("rectangle", rectangle), ("ellipse", ellipse)):
        monkeypatch.setattr(ImageDraw.ImageDraw, name, stroke)
    monkeypatch.setattr(Image.Image, "paste", put)
    return found


def near(*numbers):
    return pytest.approx(numbers, abs=1e-9)


def test_a_frame_of_100_by_50_pixels(strokes):
    """648 / 100 = 6.48 for each pixel: 648 x 324 at (82, 42 + (722 - 324) / 2 = 241), the right edge at 730, the lower
    one at 565. Its numbers are 20, 40 ... and 30, 40 ..., those of the scale 0 to 5."""
    PictureFrame(Roi("r", 10, 109, 30, 79), []).picture(np.array([[-7.0, 9.5]]), "a title", "inferno", (0.0, 5.0))
    assert strokes.boxes == [((81, 240, 730, 565), INK, 1), ((749, 113, 776, 692), DIM, 1)]
    across = [(82 + (x - 10 + 0.5) * 6.48, str(x)) for x in (20, 40, 60, 80, 100)]
    upright = [(241 + (y - 30 + 0.5) * 6.48, str(y)) for y in (30, 40, 50, 60, 70)]
    scale = [(114 + 577 * (5 - value) / 5, str(value)) for value in range(6)]
    assert strokes.lines == [*((near(at, 566, at, 570), INK, 0) for at, _ in across),
                             *((near(76, at, 80, at), INK, 0) for at, _ in upright),
                             *((near(777, at, 781, at), INK, 0) for at, _ in scale)]
    left, top, right, bottom = font(15).getbbox("slow pixel (y)")
    assert strokes.texts == [
        *((said, near(at, 574), "mt", 14, INK) for at, said in across),
        *((said, near(72, at), "rm", 14, INK) for at, said in upright),
        ("fast pixel (x)", near(406, 597), "mt", 15, INK), ("slow pixel (y)", near(1 - left, 1 - top), None, 15, INK),
        ("a title", near(406, 229), "ms", 17, INK),
        *((said, near(785, at), "lm", 14, INK) for at, said in scale), ("photons", (750, 702), "lt", 15, INK),
        ("down to -7", (750, 724), "lt", 14, DIM), ("up to 9.5", (750, 742), "lt", 14, DIM)]
    high, long = int(bottom - top) + 2, int(right - left) + 2
    assert strokes.pasted == [((round(20 - high / 2), round(403 - long / 2)), (high, long)), ((82, 241), (648, 324)),
                              ((750, 114), (26, 578))]


@pytest.mark.parametrize(("view", "place"), [
    (Roi("r", 0, 0, 0, 0), ((82, 79), (648, 648))), (Roi("r", 0, 9, 0, 299), ((394, 42), (24, 722))),
    (Roi("r", 0, 2999, 0, 0), ((82, 402), (648, 1))), (Roi("r", 0, 0, 0, 2999), ((405, 42), (1, 722)))])
def test_an_image_lies_in_the_middle_of_its_room(strokes, view, place):
    """722 / 300 = 2.407 for each pixel: ten are 24, and 82 + (648 - 24) / 2 = 394. No image is thinner than a pixel."""
    PictureFrame(view, []).picture(np.ones((2, 2)), "t", "inferno", None)
    assert strokes.pasted[1:] == [place]


@pytest.mark.parametrize(("view", "across", "upright"), [
    (Roi("r", 0, 9, 0, 299), ["0"], ["0", "50", "100", "150", "200", "250"]),
    (Roi("r", 0, 299, 0, 9), ["0", "50", "100", "150", "200", "250"], ["0"]),
    (Roi("r", 0, 99, 0, 599), ["0", "50"], ["0", "100", "200", "300", "400", "500"])])
def test_numbers_stand_60_apart_across_and_30_down(strokes, view, across, upright):
    """Ten pixels of 300 are drawn 24 wide, or 22 high, and have room for one step; 100 of 600 are 120 wide: for two."""
    PictureFrame(view, []).picture(np.ones((2, 2)), "t", "inferno", None)
    for anchor, numbers in (("mt", across), ("rm", upright)):
        assert [text[0] for text in strokes.texts if text[2:4] == (anchor, 14)] == numbers


@pytest.mark.parametrize(("ymin", "name_at"), [(4, 21), (3, 36), (0, 18), (107, 639)])
def test_a_region_has_a_box_of_two_pixels_and_its_name_three_above_or_a_line_below(strokes, ymin, name_at):
    """108 pixels of 6 each: from 24 down there is room above for a line of 14; from 18 up there is not."""
    roi = Roi("name", 5, 9, ymin, 107)
    PictureFrame(Roi("all", 0, 107, 0, 107), [roi]).picture(np.ones((2, 2)), "t", "inferno", None)
    assert strokes.boxes[-1] == (near(30, 6 * ymin, 60, 648), MARK, 2)
    (text,) = [text for text in strokes.texts if text[0] == "name"]
    assert text == ("name", near(30, name_at), "ls", 14, MARK)


@pytest.mark.parametrize(("xmin", "left"), [(0, 2), (100, None)])
def test_a_name_stays_two_pixels_within_the_image(strokes, xmin, left):
    PictureFrame(Roi("all", 0, 107, 0, 107), [Roi("a long name", xmin, 107, 50, 60)]).picture(
        np.ones((2, 2)), "t", "inferno", None)
    (text,) = [text for text in strokes.texts if text[0] == "a long name"]
    assert text[1] == near(646 - font(14).getlength("a long name") if left is None else left, 297)


def test_rings_polygons_and_masks_are_outlined_where_they_are(strokes):
    """Pixels of 6, whose middles lie at 6 x + 3; a ring about (50, 40) of radii 10 and 20."""
    ring = Roi("ring", 30, 70, 20, 60, ring=(50.0, 40.0, 10.0, 20.0))
    three = Roi("three", 1, 9, 2, 8, polygon=((1.0, 2.0), (9.0, 2.0), (1.0, 8.0)))
    inside = np.zeros((108, 108), bool)
    inside[5, 7] = True
    PictureFrame(Roi("all", 0, 107, 0, 107), [ring, three, Roi.of_mask("one", inside)]).picture(
        np.ones((2, 2)), "t", "inferno", None)
    assert strokes.rings == [(near(243, 183, 363, 303), MARK, 2), (near(183, 123, 423, 363), MARK, 2)]
    drawn = [stroke for stroke in strokes.lines if stroke[1] == MARK]
    assert drawn[0] == (((9, 15), (57, 15), (9, 51), (9, 15)), MARK, 2)
    assert {(frozenset(places), colour, width) for places, colour, width in drawn[1:]} == {
        (frozenset(places), MARK, 1) for places in (((42, 30), (48, 30)), ((42, 36), (48, 36)), ((42, 30), (42, 36)),
                                                    ((48, 30), (48, 36)))}


# --- a region, four panels


def region(strokes, shape, worst, roi=None):
    image = np.random.default_rng(4).exponential(size=shape).astype(np.float32) + 1
    subject = image * np.float32(1.001)
    subject[worst] *= 1.5
    (compared,) = compare_images(image, subject, [roi or Roi("spot", 0, shape[1] - 1, 0, shape[0] - 1)]).regions
    for seen in vars(strokes).values():
        seen.clear()
    return region_picture(image, subject, compared)


def test_the_four_panels_of_60_by_40_pixels(strokes):
    """384 // 60 = 6 for each pixel: panels of 360 x 240, whose columns are as wide as the longest note asks for. The
    largest difference is at (50, 10)."""
    picture = region(strokes, (40, 60), (10, 50))
    notes = strokes.texts[10::9]
    assert len(notes) == 4
    cell = 46 + max(360, 240, *(round(font(14).getlength(note[0])) for note in notes))
    widest = max(2 * cell + 28, *(round(font(size).getlength(said)) for said, _, _, size, _ in strokes.texts[:2]))
    assert picture.shape == (76 + 2 * (18 + 6 + 240 + 100 + 8) + 16, widest + 32, 3)
    assert [text[1:] for text in strokes.texts[:2]] == [((16, 16), None, 18, INK), ((16, 42), None, 14, INK)]
    titles = ["reference", "subject", "subject - reference", "subject / reference"]
    for number, title in enumerate(titles):
        x, y = 62 + (number % 2) * (cell + 28), 102 + (number // 2) * 372
        own = strokes.texts[2 + 9 * number:11 + 9 * number]
        assert own[:5] == [
            (title, (x, y - 26), None, 16, INK),
            ("0", (x, y + 244), None, 14, DIM), ("59", (x + 360, y + 244), "ra", 14, DIM),
            ("0", (x - 6, y - 2), "ra", 14, DIM), ("39", (x - 6, y + 225), "ra", 14, DIM)]
        assert [text[1:] for text in own[5:8]] == [
            ((x + at, y + 281), anchor, 14, INK) for at, anchor in ((0, "la"), (180, "ma"), (360, "ra"))]
        assert own[8] == (notes[number][0], (x, y + 300), None, 14, DIM)
        assert strokes.pasted[2 * number:2 * number + 2] == [((x, y), (360, 240)), ((x, y + 266), (360, 12))]
        assert ((x - 1, y - 1, x + 360, y + 240), DIM, 1) in strokes.boxes
        marks = [(x + 300 - grow, y + 60 - grow, x + 305 + grow, y + 65 + grow) for grow in (2, 3, 4)]
        found = [next((colour for box, colour, _ in strokes.boxes if box == mark), None) for mark in marks]
        assert found == ([MARK, MARK, (255, 255, 255)] if number < 2 else [None] * 3)


@pytest.mark.parametrize(("shape", "zoom", "last_x", "last_y"), [
    ((96, 25), 4, False, True), ((96, 26), 4, True, True), ((10, 96), 4, True, False), ((11, 96), 4, True, True),
    ((6, 3), 64, True, True), ((2, 2), 64, True, True), ((1, 3), 64, True, True), ((4, 97), 4, True, False),
    ((10, 53), 7, True, True)])
def test_the_number_of_the_last_pixel_stands_where_there_is_room_for_it(strokes, shape, zoom, last_x, last_y):
    """Beyond 100 across and beyond 40 down; a pixel is drawn 64 times as large at most, and 96 of them at most."""
    region(strokes, shape, (0, 0))
    high, wide = min(shape[0], 96) * zoom, min(shape[1], 96) * zoom
    (x, y), size = strokes.pasted[0]
    assert size == (wide, high)
    places = [text[1] for text in strokes.texts]
    assert ((x + wide, y + high + 4) in places) is last_x
    assert ((x - 6, y + high - 15) in places) is last_y
    assert strokes.pasted[1][1] == (max(wide, 240), 12)
    assert (x + max(wide, 240) // 2, y + high + 41) in places
