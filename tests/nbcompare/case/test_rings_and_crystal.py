"""Rings on a described detector, by their formula and without a simulator; and the sums of the generated crystal."""

import json
import math
from hashlib import sha256

import numpy as np
import pytest

from nbcompare.case import lysozyme
from nbcompare.case.described_ring import _turned, ring_of
from nbcompare.compare.image import Shape
from nbcompare.errors import FileError

SHAPE = Shape(slow=7, fast=9)

FLAT = {"schema": "nanobragg-description/1", "mode": "", "beam": {"direction": [1, 0, 0], "wavelength_A": 1.0},
        "detector": {"slow_pixels": 7, "fast_pixels": 9, "pixel_m": 0.1, "fast_axis": [0, 0, 1], "slow_axis": [0, 1, 0],
                     "curved": False, "pix0_m": [1.0, -0.35, -0.45], "distance_m": 1.0,
                     "beam_centre": {"detector_m": [0.45, 0.35]}}}


def ring(tmp_path, dmax, dmin, **detector):
    path = tmp_path / "g.json"
    path.write_text(json.dumps({**FLAT, "detector": {**FLAT["detector"], **detector}}))
    return ring_of(path, SHAPE, dmax, dmin)


def spacing(y, z, curved):
    """d = lambda / (2 sin theta); on a curved detector both ways are angles of a sphere of radius 1."""
    if curved:
        x, y, z = math.cos(y) * math.cos(z), math.sin(y), math.cos(y) * math.sin(z)
    else:
        x = 1.0
    two_theta = math.acos(x / math.sqrt(x * x + y * y + z * z))
    return math.inf if two_theta == 0 else 1 / (2 * math.sin(two_theta / 2))


def test_a_ring_on_a_described_detector_holds_its_outer_spacing_and_not_its_inner(tmp_path):
    """The middle of pixel (4, 3) is the beam's; pixels lie 0.1 apart at a distance of 1."""
    d = np.array([[spacing((slow - 3) / 10, (fast - 4) / 10, False) for fast in range(9)] for slow in range(7)])
    for dmax, dmin in ((8.0, 3.0), (1e9, 4.0), (4.0, 2.0)):
        assert np.array_equal(ring(tmp_path, dmax, dmin), (d > dmin) & (d <= dmax))
    straight = {"pix0_m": [1.0, 0.0, 0.0], "fast_axis": [0, 0, 1], "slow_axis": [0, 1, 0]}
    assert not ring(tmp_path, 1e9, 100, **straight).any() and ring(tmp_path, 1e9, 10, **straight)[0, 0]


def test_a_ring_on_a_curved_detector_lies_on_a_sphere(tmp_path):
    """With fast along z turned about x cross z = -y, and slow along y turned about z, the ways are angles."""
    d = np.array([[spacing((slow - 3) / 10, (fast - 4) / 10, True) for fast in range(9)] for slow in range(7)])
    for dmax, dmin in ((8.05, 3.05), (1e9, 4.05)):
        found = ring(tmp_path, dmax, dmin, curved=True)
        assert np.array_equal(found, (d > dmin) & (d <= dmax)), (d.round(2), found)


def test_vectors_are_turned_right_handed_and_keep_what_lies_along_the_axis():
    """About x by a quarter: y becomes z and z becomes -y; each vector by an angle of its own."""
    turned = _turned(np.array([[2.0, 1.0, 0.0], [3.0, 0.0, 1.0]]), np.array([1.0, 0.0, 0.0]), np.array([[np.pi / 2],
        [0]]))
    assert turned == pytest.approx(np.array([[2, 0, 1], [3, 0, 1]]), abs=1e-15)


@pytest.mark.parametrize(("text", "told"), [
    ("x", "g.json: no JSON; it should hold what -describe prints"),
    ("[]", "g.json: no description (nanobragg-description/1), which -describe prints"),
    ('{"schema": "nanobragg-description/2"}', "g.json: no description (nanobragg-description/1)"),
    (json.dumps({**FLAT, "beam": {"direction": [1, 0, 0, 0], "wavelength_A": 1}}), "g.json: its description lacks "
     "what a "
     "ring needs (numbers that are finite)"),
    (json.dumps({**FLAT, "beam": {"direction": [1], "wavelength_A": 1}}), "g.json: its description lacks"),
    (json.dumps({**FLAT, "mode": "curved-lab-axes", "detector": {**FLAT["detector"], "curved": True}}),
     "g.json: a curved "
     "detector as curved-lab-axes bends it has no rings here")])
def test_what_is_no_description_is_told(tmp_path, text, told):
    (tmp_path / "g.json").write_text(text)
    with pytest.raises(FileError) as caught:
        ring_of(tmp_path / "g.json", SHAPE, 4, 2)
    assert caught.value.message.startswith(told)
    with pytest.raises(FileError, match=r"no.json: cannot read: No such file"):
        ring_of(tmp_path / "no.json", SHAPE, 4, 2)


def test_the_numbers_of_the_crystal_are_those_of_the_sums_that_cases_pin(monkeypatch):
    """To 5 A: a sum over the text of few reflections, as cases pin one over all."""
    monkeypatch.setattr(lysozyme, "D_MIN_A", lysozyme.Decimal(5))
    monkeypatch.setattr(lysozyme, "D_COMPLETE_A", lysozyme.Decimal(6))
    text = lysozyme.amplitudes_text()
    assert sha256(text.encode()).hexdigest() == "10c3ace3c40dc32f17308b51729e6eccb8dce63cf6517d40e6ced174303f76e7"
    matrix = "9d178b1d3d7916f0a6179749d363f19d2cc196f7edc31840100ca573c0947265"
    assert sha256(lysozyme.orientation_text().encode()).hexdigest() == matrix
    assert [str(number) for number in (lysozyme.OUTER_SHARE, lysozyme.F_AT_ORIGIN, lysozyme.B_A2,
                                       lysozyme.FRIEDEL_DIFFERENCE, lysozyme.WAVELENGTH_A)] == [
        "0.52", "220", "10", "0.01", "0.976800"]
