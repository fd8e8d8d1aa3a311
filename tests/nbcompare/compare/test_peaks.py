"""Peaks: where they are found, near edges and in crowds, and which of two images belong together."""

import json
import math

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from nbcompare.compare import peaks
from nbcompare.compare.compare import compare_images
from nbcompare.compare.image import Roi, Shape
from nbcompare.compare.metrics import RegionPair, evaluate
from nbcompare.compare.peaks import COUNT, REACH_PX, Peak, PeakPair, PeakTable, find_peaks, match_peaks
from nbcompare.files import dump_json


def lone_pixels(places, shape=(30, 40), height=100.0):
    image = np.zeros(shape, "f4")
    for x, y in places:
        image[y, x] = height
    return image


def at(peaks):
    return [(peak.x, peak.y) for peak in peaks]


@pytest.mark.parametrize(("x", "y"), [(0, 0), (39, 0), (0, 29), (39, 29), (1, 28), (20, 0), (39, 15)])
def test_a_peak_is_found_at_the_edges_and_corners(x, y):
    assert at(find_peaks(lone_pixels([(x, y)]))) == [(x, y)]


def test_a_neighbourhood_is_five_by_five():
    """The dimmer of two pixels is a peak of its own from three pixels on, in any direction."""
    for across, up in ((3, 0), (0, 3), (-3, 0), (0, -3), (3, 3), (3, -1)):
        image = lone_pixels([(20, 15)])
        image[15 + up, 20 + across] = 50
        assert len(find_peaks(image)) == 2, (across, up)
    for across, up in ((2, 0), (0, 2), (-2, 0), (0, -2), (2, 2), (-2, 1), (1, -1)):
        image = lone_pixels([(20, 15)])
        image[15 + up, 20 + across] = 50
        assert len(find_peaks(image)) == 1, (across, up)


def test_of_equal_neighbours_the_first_in_reading_order_is_the_peak():
    image = lone_pixels([(20, 15), (21, 15), (20, 16)])
    found = find_peaks(image)
    assert len(found) == 1 and found[0].intensity == 300
    assert (found[0].x, found[0].y) == pytest.approx((20 + 1 / 3, 15 + 1 / 3))


def test_a_centroid_weighs_pixels_and_leaves_out_negative_ones():
    image = lone_pixels([(20, 15)])
    image[15, 21], image[14, 20] = 50, -30
    peak, = find_peaks(image)
    assert peak == Peak(pytest.approx(20 + 50 / 150), 15, 120)


def test_peaks_come_brightest_first_and_no_more_than_asked_for():
    image = lone_pixels([])
    for number in range(6):
        image[15, 5 * number + 2] = 10 + number
    assert at(find_peaks(image, 3)) == [(27, 15), (22, 15), (17, 15)]
    assert len(find_peaks(image)) == 6
    assert find_peaks(lone_pixels([])) == [] == find_peaks(-lone_pixels([(3, 3)]))


def test_among_very_many_bright_pixels_the_brightest_are_looked_at():
    """25,000 pixels lie above the floor; the peaks are the ten brightest of them."""
    image = np.full((160, 170), 1.0, "f4")
    places = [(17 * number + 8, 80) for number in range(10)]
    for x, y in places:
        image[y, x] = 50 + x
    assert [(round(peak.x), round(peak.y)) for peak in find_peaks(image, 10)] == places[::-1]


# --- matching ---------------------------------------------------------------------------------------------


def test_peaks_further_apart_than_the_reach_are_no_pair():
    ours = lone_pixels([(10, 10)])
    assert len(match_peaks(ours, lone_pixels([(10 + int(REACH_PX), 10)])).pairs) == 1
    assert len(match_peaks(ours, lone_pixels([(10, 10 + int(REACH_PX))])).pairs) == 1
    lost = match_peaks(ours, lone_pixels([(11 + int(REACH_PX), 10)]))
    assert (len(lost.pairs), lost.unmatched) == (0, 1)
    assert match_peaks(ours, lone_pixels([])) == PeakTable((), 1)
    assert match_peaks(lone_pixels([]), ours) == PeakTable((), 0)


def test_a_change_of_rank_at_the_end_of_the_list_loses_no_peak():
    """Of four peaks three are asked for; the subject's fourth is the reference's third."""
    places = [(5, 5), (15, 5), (25, 5), (35, 5)]
    ours, theirs = lone_pixels([]), lone_pixels([])
    for number, (x, y) in enumerate(places):
        ours[y, x] = 100 - number
        theirs[y, x] = 100 + number
    table = match_peaks(ours, theirs, 3)
    assert (len(table.pairs), table.unmatched) == (3, 0)


def test_partners_are_those_of_least_total_distance():
    """Two near partners in a row: taken greedily, one of them would find none."""
    ours, theirs = lone_pixels([(10, 10), (14, 10)]), lone_pixels([(13, 10), (17, 10)])
    table = match_peaks(ours, theirs)
    assert [pair.distance_px for pair in table.pairs] == [3, 3]


@pytest.mark.parametrize(("count", "distances"), [(10, [4] * 9 + [3]), (11, [0] * 10)])
def test_a_peak_that_is_lost_costs_as_much_as_ten_at_the_reach(count, distances):
    """A row of peaks four pixels apart, all of which moved by four, the last by three: ten such pairs come to 39, and
    eleven to 43; each but the first also has a peak where it was, and then the first has none, which costs 40."""
    ours = lone_pixels([(4 * number + 2, 5) for number in range(count)], (10, 60))
    theirs = lone_pixels([*((4 * number + 6, 5) for number in range(count - 1)), (4 * count + 1, 5)], (10, 60))
    table = match_peaks(ours, theirs)
    assert [pair.distance_px for pair in table.pairs] == distances and table.unmatched == count - len(distances)


@pytest.mark.parametrize("seed", range(40))
def test_partners_are_those_of_scipys_solver_with_and_without_contention(seed):
    """Crowds of peaks that moved a little or far; in some of them each has a nearest partner of its own."""
    random = np.random.default_rng(seed)
    ours, theirs = np.zeros((60, 60), "f4"), np.zeros((60, 60), "f4")
    for y, x in random.integers(2, 58, (random.integers(1, 12), 2)):
        height, move = random.integers(50, 200), random.integers(-1 - seed % 4, 2 + seed % 4, 2)
        ours[y, x] = height
        theirs[tuple(np.clip(np.add((y, x), move), 0, 59))] = height
    found = match_peaks(ours, theirs)
    a, b = find_peaks(ours), find_peaks(theirs, 2 * COUNT)
    cost = np.minimum([[np.hypot(p.x - q.x, p.y - q.y) for q in b] for p in a], 10 * REACH_PX)
    rows, columns = linear_sum_assignment(cost)
    least = [cost[i, j] for i, j in zip(rows, columns, strict=True)]
    kept = [distance for distance in least if distance <= REACH_PX]
    assert sum(pair.distance_px for pair in found.pairs) == pytest.approx(sum(kept))
    assert (len(found.pairs), found.unmatched) == (len(kept), len(a) - len(kept))


def test_scipys_solver_is_asked_only_where_peaks_contend(monkeypatch):
    """It takes far longer to load than all else; two subjects' peaks near one of the reference's do not contend."""
    asked = []

    def solver(cost):
        asked.append(cost.tolist())
        return np.array([0]), np.array([0])

    monkeypatch.setattr("scipy.optimize.linear_sum_assignment", solver)
    apart = lone_pixels([(5, 5), (15, 20), (30, 10)])
    assert len(match_peaks(apart, lone_pixels([(6, 5), (15, 21), (30, 10), (34, 14)])).pairs) == 3 and not asked
    assert len(match_peaks(lone_pixels([(10, 10), (14, 10)]), lone_pixels([(12, 10)])).pairs) == 1
    assert asked == [[[2], [2]]]


def test_a_peak_is_above_a_ten_thousandth_of_the_brightest():
    image = lone_pixels([(5, 5)], height=10_000)
    image[20, 30] = 1.0
    assert len(find_peaks(image)) == 1
    image[20, 30] = 1.0001
    assert [(peak.x, peak.intensity) for peak in find_peaks(image)] == [(5, 10_000), (30, pytest.approx(1.0001))]


def test_a_table_is_written_as_the_standard_library_writes_it():
    """Row by row by one pattern, also where a number is none, or not one that JSON or the pattern can hold."""
    some = [Peak(0.1 + at, 1e-7 / (at + 1), float(at)) for at in range(5)]
    for pairs in ((), tuple(map(PeakPair, some[1:], some)), (PeakPair(some[0], some[1]),),
                  (PeakPair(Peak(1, 2, 3), Peak(1.5, 2.0, 3.0)),)):
        said = PeakTable(pairs, 3).as_dict()
        assert dump_json({"a": [said]}) == json.dumps({"a": [said]}, indent=2) + "\n"
        assert said["pairs"] == [{"reference": vars(pair.reference), "subject": vars(pair.subject),
                                  "distance_px": pair.distance_px, "intensity_ratio": pair.intensity_ratio}
                                 for pair in pairs]
    with pytest.raises(ValueError, match="not JSON compliant"):
        dump_json(PeakTable((PeakPair(some[1], Peak(1.0, 2.0, math.inf)),), 0).as_dict())


def test_a_table_is_read_back_equal_and_moves_as_a_whole():
    pair = PeakPair(Peak(1.0, 2.0, 10.0), Peak(4.0, 6.0, 5.0))
    table = PeakTable((pair, PeakPair(Peak(0.0, 0.0, 0.0), Peak(1.0, 0.0, 1.0))), 3)
    assert (pair.distance_px, pair.intensity_ratio, table.pairs[1].intensity_ratio) == (5, 0.5, None)
    assert PeakTable.from_dict(table.as_dict()) == table
    assert (table.as_dict()["matched"], table.as_dict()["reach_px"]) == (2, REACH_PX)
    moved = table.moved(10, 0)
    assert moved.pairs[0] == PeakPair(Peak(11.0, 2.0, 10.0), Peak(14.0, 6.0, 5.0)) and moved.unmatched == 3
    assert table.moved(0, 7).pairs[0].subject == Peak(4.0, 13.0, 5.0)
    assert table.moved(0, 0) == table


def test_the_peaks_of_a_comparison_are_in_pixels_of_the_image():
    ours = lone_pixels([(20, 15)])
    comparison = compare_images(ours, ours, [Roi("part", 10, 30, 5, 25), Roi.full(Shape(30, 40))])
    assert at([comparison.peaks.pairs[0].reference]) == [(20, 15)]
    assert compare_images(ours, ours, [Roi.full(Shape(30, 40))], with_peaks=False).peaks == PeakTable((), 0)


def test_figures_of_peaks_are_those_of_the_pairs():
    ours = lone_pixels([(5, 5), (15, 5), (25, 5), (35, 25)])
    theirs = lone_pixels([(5, 5), (16, 5)], height=80) + lone_pixels([(25, 7)], height=250)

    def figure(name):
        return evaluate(name, RegionPair(ours, theirs, 250.0))[0]

    assert figure("peak_ratio_median") == pytest.approx(0.8)
    assert figure("peak_ratio_deviation") == pytest.approx(1.5)
    assert figure("peak_distance") == pytest.approx(2)
    assert figure("peaks_unmatched") == 1
    assert COUNT == 50


def test_peaks_are_the_same_whether_the_nearest_pixels_are_looked_at_at_once(monkeypatch):
    """In images of few whole numbers, where many neighbours are equal and the first of them counts."""
    random = np.random.default_rng(5)
    images = [random.integers(-1, most, random.integers(1, 20, 2)).astype("f4") for most in (2, 3, 9, 40) * 8]
    at_once = [find_peaks(image) for image in images]
    monkeypatch.setattr(peaks, "_FEW", 0)
    assert at_once == [find_peaks(image) for image in images] and sum(map(len, at_once)) > 100
