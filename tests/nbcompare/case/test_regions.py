"""Regions that are no boxes: which pixels belong to them, and that nothing else is judged there."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from nbcompare.case.case_file import load_case
from nbcompare.compare.compare import compare_images
from nbcompare.compare.image import Roi

RING = "{resolution: [3.0, 2.0], wavelength_A: 1.0, distance_mm: 10, pixel_mm: 1.0, beam_px: [4, 3]}"


def regions(case: Path, **rois: str) -> list[Roi]:
    lines = "".join(f"  {name}: {text}\n" for name, text in rois.items())
    case.write_text(case.read_text().replace("  middle: [2, 6, 2, 5]\n", lines))
    return list(load_case(case).rois)


def test_a_polygon_holds_the_pixels_whose_centres_lie_in_it(small_case):
    """A triangle (0.5, 0.5), (6.5, 0.5), (0.5, 6.5) holds the pixels with x, y from 1 and x + y < 7: 15 of them."""
    triangle = regions(small_case, spot="{polygon: [[0.5, 0.5], [6.5, 0.5], [0.5, 6.5]]}")[1]
    inside = ~triangle.outside()
    y, x = np.mgrid[triangle.ymin:triangle.ymax + 1, triangle.xmin:triangle.xmax + 1]
    assert np.array_equal(inside, (x >= 1) & (y >= 1) & (x + y < 7)) and inside.sum() == 15
    assert Roi.from_dict(json.loads(json.dumps(triangle.as_dict()))) == triangle


L = [(1.5, 1.5), (7.5, 1.5), (7.5, 3.5), (3.5, 3.5), (3.5, 5.5), (1.5, 5.5)]


@pytest.mark.parametrize("turned", [1, -1])
@pytest.mark.parametrize("first", range(len(L)))
def test_a_polygon_may_be_concave_and_begin_at_any_corner_either_way_round(small_case, first, turned):
    """An L holds x 2 to 7 in its rows 2 and 3, and x 2 and 3 in rows 4 and 5."""
    corners = (L[first:] + L[:first])[::turned]
    roi = regions(small_case, spot=f"{{polygon: {[list(corner) for corner in corners]}}}")[1]
    inside = np.zeros((7, 9), bool)
    inside[roi.slices] = ~roi.outside()
    expected = np.zeros((7, 9), bool)
    expected[2:4, 2:8] = expected[4:6, 2:4] = True
    assert np.array_equal(inside, expected)


def test_a_line_of_a_polygon_ends_at_its_corners():
    """A tilted square within a larger box: what lies above or below a line is not beside it."""
    roi = Roi("spot", 0, 8, 0, 6, polygon=((4.1, 1.4), (6.2, 3.1), (4.3, 5.3), (2.2, 3.2)))
    assert [tuple(place) for place in np.argwhere(~roi.outside())] == [
        (2, 4), (3, 3), (3, 4), (3, 5), (3, 6), (4, 3), (4, 4), (4, 5), (5, 4)]


def test_a_ring_lies_between_the_spacings_that_bragg_gives(small_case):
    """At 10 mm, 1 A and 1 mm pixels 3 A lies at 10 tan(2 asin(1/6)) = 3.48 px, 2 A at 10 tan(2 asin(1/4)) = 5.53 px."""
    ring = regions(small_case, water=RING)[1]
    inner, outer = (10 * math.tan(2 * math.asin(1 / (2 * d))) for d in (3.0, 2.0))
    assert ring.ring == pytest.approx((4, 3, inner, outer)) and 3.47 < inner < 3.49 and 5.53 < outer < 5.54
    y, x = np.mgrid[0:7, 0:9]
    distance = np.hypot(x - 4, y - 3)
    assert np.array_equal(~ring.outside(), (distance >= inner) & (distance < outer))


def test_what_lies_beside_a_region_in_its_box_takes_no_part():
    reference = np.arange(1, 64, dtype="f4").reshape(7, 9)
    subject = reference.copy()
    subject[6, 6] = 5000
    triangle = Roi("spot", 0, 7, 0, 7, polygon=((0.5, 0.5), (6.5, 0.5), (0.5, 6.5)))
    found = compare_images(reference, subject, [Roi("box", 0, 6, 0, 6), Roi("spot", 0, 6, 0, 6,
                                                                             polygon=triangle.polygon)])
    assert found.figure("max_abs_diff", "box").value > 4000
    assert found.figure("max_abs_diff", "spot").value == 0


@pytest.mark.parametrize(("text", "words"), [
    ("{polygon: [[0, 0], [3, 3]]}", "3 to 200 corners"),
    ("{polygon: [[0.1, 0.1], [0.2, 0.1], [0.1, 0.2]]}", "the centre of no pixel"),
    ("{polygon: [[0, 0], [30, 0], [0, 3]]}", "overhang the image"),
    ("{polygon: [[0.2, 0.4], [5.2, 4.6], [0.2, 0.45]]}", "the centre of no pixel"),
    (RING.replace("[3.0, 2.0]", "[3.0, 2.999]"), "the centre of no pixel"),
    (RING.replace("[3.0, 2.0]", "[2.0, 2.0]"), "two spacings"),
    (RING.replace("[3.0, 2.0]", "[3.0, 0.6]"), "below 90 degrees"),
    (RING.replace("pixel_mm: 1.0, ", ""), "lacks the key 'pixel_mm'"),
    ("{polygon: [[0, 0], [3, 0], [0, 3]], resolution: [3, 2]}", "not both"),
])
def test_a_region_that_cannot_be_is_refused_with_its_place(small_case, text, words):
    small_case.write_text(small_case.read_text().replace("middle: [2, 6, 2, 5]", f"middle: {text}"))
    with pytest.raises(Exception, match=words):
        load_case(small_case)


def test_a_bundle_with_such_regions_is_whole(nb, run_small, small_case, quick_runs):
    small_case.write_text(small_case.read_text().replace("middle: [2, 6, 2, 5]", f"middle: {RING}"))
    said, bundle = run_small()
    assert said.code == 0, said.out
    verified = nb("verify", bundle)
    assert verified.code == 0, verified.out
