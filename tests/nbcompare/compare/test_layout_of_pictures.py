"""Where things stand in a picture: nothing is cut, nothing covers another, and lines and numbers stand at the pixels
they mean. What is drawn is noted while Pillow draws it."""

from itertools import combinations
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from nbcompare.compare.compare import compare_images
from nbcompare.compare.image import Roi
from nbcompare.compare.picture_frame import SIZE, PictureFrame
from nbcompare.compare.pictures import write_pictures
from nbcompare.compare.region_pictures import region_picture

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


@pytest.fixture
def noted(monkeypatch):
    """What is drawn from now on: ``texts`` with their boxes, ``lines`` and ``boxes`` with their places, and the places
    where images are put, ``pasted``, all in the order of drawing."""
    found = SimpleNamespace(texts=[], lines=[], boxes=[], pasted=[])
    text, line, box, paste = (ImageDraw.ImageDraw.text, ImageDraw.ImageDraw.line, ImageDraw.ImageDraw.rectangle,
                              Image.Image.paste)

    def note_text(self, place, said, **more):
        found.texts.append((said, self.textbbox(place, said, font=more["font"], anchor=more.get("anchor"))))
        text(self, place, said, **more)

    def note_line(self, places, **more):
        found.lines.append(tuple(places))
        line(self, places, **more)

    def note_box(self, places, **more):
        found.boxes.append(tuple(places))
        box(self, places, **more)

    def note_paste(self, image, place):
        found.pasted.append((*place, place[0] + image.width, place[1] + image.height))
        paste(self, image, place)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", note_text)
    monkeypatch.setattr(ImageDraw.ImageDraw, "line", note_line)
    monkeypatch.setattr(ImageDraw.ImageDraw, "rectangle", note_box)
    monkeypatch.setattr(Image.Image, "paste", note_paste)
    return found


def cover(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def within(box: Box, width: float, height: float, edge: float = 0) -> bool:
    return edge <= box[0] and edge <= box[1] and box[2] <= width - edge and box[3] <= height - edge


# --- the picture of one image in its frame


@pytest.mark.parametrize("view", [Roi("r", 0, 2462, 0, 2526), Roi("r", 100, 156, 100, 156), Roi("r", 0, 9, 0, 299),
                                  Roi("r", 5, 704, 3, 12)])
def test_of_a_frame_nothing_is_cut_and_nothing_covers_another(noted, view):
    PictureFrame(view, []).picture(np.linspace(-1e-7, 9.87e11, 16).reshape(4, 4), "a title", "inferno", (0.0, 5.0))
    upright, image, bar = noted.pasted
    pieces = [*(box for said, box in noted.texts if said != "slow pixel (y)"), upright, image, bar]
    assert len(pieces) > 8 and all(within(piece, *SIZE) for piece in pieces)
    assert [pair for pair in combinations(pieces, 2) if cover(*pair)] == []


def test_a_line_stands_one_pixel_around_the_image_and_around_the_scale(noted):
    PictureFrame(Roi("r", 0, 99, 0, 49), []).picture(np.ones((4, 4)), "t", "inferno", (0.0, 1.0))
    _, image, bar = noted.pasted
    assert [noted.boxes[0], noted.boxes[-1]] == [
        (left - 1, top - 1, right, bottom) for left, top, right, bottom in (image, bar)]


@pytest.mark.parametrize(("values", "said"), [
    ((-1.0, 1.0), []), ((-88.7286, 1.0), ["down to -88.73"]), ((-2.0, 103.05), ["down to -2", "up to 103"]),
    ((0.0, 1.00001), []), ((np.nan, 0.0), [])])
def test_how_far_values_reach_beyond_the_scale_is_said(noted, values, said):
    PictureFrame(Roi("r", 0, 1, 0, 0), []).picture(np.array([values]), "t", "inferno", (-1.0, 1.0))
    assert [text for text, _ in noted.texts if " to " in text] == said


def test_ticks_touch_the_frame_at_the_middle_of_their_pixels_with_the_numbers_beyond(noted):
    PictureFrame(Roi("r", 10, 109, 30, 79), []).picture(np.ones((4, 4)), "t", "inferno", None)
    left, top, right, bottom = noted.pasted[-1]
    middle = {said: ((box[0] + box[2]) / 2, (box[1] + box[3]) / 2) for said, box in noted.texts}
    across = [places for places in noted.lines if places[0] == places[2]]
    upright = [places for places in noted.lines if places[1] == places[3]]
    assert len(across) == 5 and len(upright) >= 5
    for at, value in zip(across, (20, 40, 60, 80, 100), strict=True):
        assert at[0] == pytest.approx(left + (value - 10 + 0.5) * (right - left) / 100)
        assert (at[1], at[3]) == (bottom + 1, bottom + 5)
    for at, value in zip(upright, range(30, 80, 10), strict=True):
        assert at[1] == pytest.approx(top + (value - 30 + 0.5) * (bottom - top) / 50)
        assert (at[0], at[2]) == (left - 6, left - 2)
    assert middle["20"][0] == pytest.approx(across[0][0], abs=1) and middle["20"][1] > bottom + 5
    assert middle["30"][1] == pytest.approx(upright[0][1], abs=1) and middle["30"][0] < left - 6
    assert [middle[said][0] for said in ("t", "fast pixel (x)")] == pytest.approx([(left + right) / 2] * 2, abs=1.5)


@pytest.mark.parametrize(("roi", "above"), [
    (Roi("name", 50, 69, 50, 59), True), (Roi("name", 50, 69, 0, 9), False), (Roi("name", 95, 99, 50, 59), True),
    (Roi("name", 0, 9, 95, 99), True), (Roi("name", 0, 99, 0, 99), False)])
def test_a_region_is_outlined_at_its_edges_and_named_beside_its_corner(noted, roi, above):
    frame = PictureFrame(Roi("full", 0, 99, 0, 99), [roi])
    frame.picture(np.ones((4, 4)), "t", "inferno", None)
    per, name = frame.width / 100, dict(noted.texts)["name"]
    outline = noted.boxes[-1]
    assert outline == pytest.approx((roi.xmin * per, roi.ymin * per, (roi.xmax + 1) * per, (roi.ymax + 1) * per))
    assert within(name, frame.width, frame.height)
    assert (name[3] <= outline[1]) is above
    assert abs((name[3] if above else name[1]) - outline[1]) <= 10


@pytest.mark.parametrize(("more", "said"), [(0, ": identical, no pixel differs"), (1, "")])
def test_the_picture_of_the_difference_says_so_where_there_is_none(noted, tmp_path, more, said):
    image = np.ones((8, 9), np.float32)
    write_pictures(image, image + np.float32(more), Roi("full", 0, 8, 0, 7), [], {"diff": tmp_path / "diff.png"})
    assert f"subject - reference{said}" in [text for text, _ in noted.texts]


def test_the_outline_of_any_pixels_is_every_edge_of_theirs_and_its_name(noted):
    """Of one pixel, the second of ten across and down, four lines a tenth of the picture long around it."""
    inside = np.zeros((10, 10), bool)
    inside[1, 1] = True
    frame = PictureFrame(Roi("all", 0, 9, 0, 9), [Roi.of_mask("sensor", inside)])
    noted.lines.clear()
    frame.picture(np.ones((10, 10)), "", "viridis", None)
    x, y = frame.width / 10, frame.height / 10
    drawn = {frozenset(line) for line in noted.lines}
    assert drawn >= {frozenset(pair) for pair in (((x, y), (2 * x, y)), ((x, 2 * y), (2 * x, 2 * y)),
                                                  ((x, y), (x, 2 * y)), ((2 * x, y), (2 * x, 2 * y)))}
    assert len(drawn) == 4 and "sensor" in [said for said, _ in noted.texts]


def test_the_outline_of_a_polygon_is_closed(noted):
    roi = Roi("three", 10, 30, 10, 30, polygon=((10.0, 10.0), (30.0, 10.0), (10.0, 30.0)))
    PictureFrame(Roi("full", 0, 99, 0, 99), [roi]).picture(np.ones((4, 4)), "t", "inferno", None)
    (corners,) = [places for places in noted.lines if len(places) == 4 and isinstance(places[0], tuple)]
    assert corners[0] == corners[-1] and len(set(corners)) == 3


# --- the picture of a region


def drawn(noted, shape, roi, worst) -> np.ndarray:
    """The picture of a region of an image [slow, fast] that differs most at ``worst`` (slow, fast)."""
    image = np.random.default_rng(4).exponential(size=shape).astype(np.float32) + 1
    subject = image * np.float32(1.001)
    subject[worst] *= 1.5
    (compared,) = compare_images(image, subject, [roi]).regions
    return region_picture(image, subject, compared)


REGIONS = [((40, 60), Roi("spot", 0, 59, 0, 39), (10, 50)), ((300, 700), Roi("wide", 100, 699, 50, 299), (299, 690)),
           ((9, 5), Roi("tiny", 1, 3, 2, 7), (4, 2)), ((300, 700), Roi("middle", 0, 699, 0, 299), (150, 350))]


@pytest.mark.parametrize("region", REGIONS, ids=lambda region: region[1].name)
def test_of_a_region_nothing_is_cut_and_nothing_covers_another(noted, region):
    picture = drawn(noted, *region)
    panels, bars = noted.pasted[::2], noted.pasted[1::2]
    pieces = [*(box for _, box in noted.texts), *panels, *bars]
    assert len(panels) == 4 and all(within(piece, picture.shape[1], picture.shape[0], 14) for piece in pieces)
    assert [pair for pair in combinations(pieces, 2) if cover(*pair)] == []
    right, bottom = (max(piece[at] for piece in pieces) for at in (2, 3))
    assert picture.shape[1] - right <= 20 and picture.shape[0] - bottom <= 48


@pytest.mark.parametrize(("region", "said"), list(zip(REGIONS, [
    "region spot: x 0 .. 59, y 0 .. 39", "region wide: part of it, x 604 .. 699, y 204 .. 299",
    "region tiny: x 1 .. 3, y 2 .. 7", "region middle: part of it, x 302 .. 397, y 102 .. 197"], strict=True)))
def test_the_headline_says_which_pixels_are_shown(noted, region, said):
    drawn(noted, *region)
    assert noted.texts[0][0] == said
    assert f"at x = {region[2][1]}, y = {region[2][0]}: reference" in noted.texts[1][0]


def test_each_panel_has_a_title_a_line_around_it_and_the_numbers_of_its_ends(noted):
    shape, roi, worst = REGIONS[1]
    drawn(noted, shape, roi, worst)
    own = noted.texts[2:]
    assert len(own) % 4 == 0
    each = len(own) // 4
    for panel, texts in zip(noted.pasted[::2], [own[at:at + each] for at in range(0, len(own), each)], strict=True):
        left, top, right, bottom = panel
        assert (left - 1, top - 1, right, bottom) in noted.boxes
        title, first, last, upper, lower = texts[:5]
        assert title[0].split()[0] in ("reference", "subject") and title[1][0] == pytest.approx(left, abs=2)
        assert 2 <= top - title[1][3] <= 14
        assert [said for said, _ in (first, last, upper, lower)] == ["604", "699", "204", "299"]
        assert first[1][0] == pytest.approx(left, abs=2) and last[1][2] == pytest.approx(right, abs=2)
        assert all(bottom < box[1] <= bottom + 10 for _, box in (first, last))
        assert all(left - 10 <= box[2] < left for _, box in (upper, lower))
        low, middle, high = (box for _, box in texts[5:8])  # the values of the colours, at the places of these
        assert low[0] == pytest.approx(left, abs=2) and high[2] == pytest.approx(right, abs=2)
        assert (middle[0] + middle[2]) / 2 == pytest.approx((left + right) / 2, abs=2)
        assert top - 4 <= upper[1][1] <= top + 6 and bottom - 10 <= lower[1][3] <= bottom + 4


def test_the_worst_pixel_is_outlined_from_outside_in_the_images_alone(noted):
    shape, roi, worst = REGIONS[1]
    drawn(noted, shape, roi, worst)
    for number, (left, top, *_) in enumerate(noted.pasted[::2]):
        x, y = left + (worst[1] - 604) * 4, top + (worst[0] - 204) * 4
        around = [(x - grow, y - grow, x + 3 + grow, y + 3 + grow) for grow in (2, 3, 4)]
        assert [box in noted.boxes for box in around] == [number < 2] * 3
