"""Resolution rings hold the pixels that the program itself says lie between two spacings, however a detector stands."""

import json
import subprocess

import numpy as np
import pytest

from nbcompare.case.case_file import load_case
from nbcompare.case.described_ring import ring_of
from nbcompare.compare.image import Shape
from nbcompare.errors import CaseError, FileError
from tests.nbcompare.conftest import SMALL_CASE

SHAPE = Shape(7, 9)
PLAIN = ("-cell", "100", "100", "100", "90", "90", "90", "-default_F", "1", "-lambda", "1.1", "-distance", "12",
         "-detpixels_x", "9", "-detpixels_y", "7", "-pixel", "2")
GEOMETRIES = {
    "flat": (), "beam elsewhere": ("-Xbeam", "3.1", "-Ybeam", "11.7"), "another convention": ("-xds", "-ORGX", "3"),
    "tilted": ("-twotheta", "25", "-detector_rotx", "4", "-detector_rotz", "-9"),
    "curved": ("-curved_det", "-Xbeam", "5"), "curved and tilted": ("-curved_det", "-twotheta", "25"),
    "beam aslant": ("-beam_vector", "0.9", "0.1", "0.4", "-curved_det", "-pivot", "sample")}


@pytest.fixture
def described(reference_binary):
    """The description of a detector with every pixel of it, as the C reference prints it."""
    def ask(*words):
        pixels = [word for x in range(9) for y in range(7) for word in ("-describe_pixel", str(x), str(y))]
        said = subprocess.run([reference_binary, *PLAIN, *words, "-describe", *pixels], capture_output=True, text=True,
                              check=True)
        return json.loads(said.stdout)
    return ask


def spacings(document):
    """d of every pixel [slow, fast] in A, infinite where the document has none."""
    found = np.full((7, 9), np.inf)
    for pixel in document["pixels"]:
        found[pixel["slow"], pixel["fast"]] = np.inf if pixel["resolution_A"] is None else pixel["resolution_A"]
    return found


@pytest.mark.parametrize("words", GEOMETRIES.values(), ids=GEOMETRIES)
def test_a_ring_holds_the_pixels_whose_spacing_the_program_says_is_between_two(tmp_path, described, words):
    document = described(*words)
    (tmp_path / "geometry.json").write_text(json.dumps(document))
    d = spacings(document)
    for dmax, dmin in ((np.sort(d[np.isfinite(d)])[-8] * 1.0001, np.median(d) * 0.9999), (1e4, 2.0), (2.0, 0.1)):
        inside = ring_of(tmp_path / "geometry.json", SHAPE, dmax, dmin)
        assert np.array_equal(inside, (d > dmin) & (d <= dmax)) and inside.any() and not inside.all()


def test_the_ring_of_a_plain_detector_is_about_half_a_pixel_less_than_the_described_beam(small_case, described):
    """Its beam_px counts from the middle of the first pixel, the document from its corner."""
    document = described("-Xbeam", "5.5", "-Ybeam", "8.3")
    x, y = (number - 0.5 for number in document["detector"]["beam_centre"]["pixel"])
    ring = f"{{resolution: [3.5, 1.9], wavelength_A: 1.1, distance_mm: 12, pixel_mm: 2, beam_px: [{x}, {y}]}}"
    small_case.write_text(SMALL_CASE.replace("middle: [2, 6, 2, 5]", f"middle: {ring}"))
    roi = load_case(small_case).rois[1]
    inside = np.zeros((7, 9), bool)
    inside[roi.slices] = ~roi.outside()
    d = spacings(document)
    assert np.array_equal(inside, (d > 1.9) & (d <= 3.5)) and 5 < inside.sum() < 50


@pytest.fixture
def with_ring(small_case, described):
    """The small case with a described ring; its description."""
    document = described("-twotheta", "25")
    (small_case.parent / "geometry.json").write_text(json.dumps(document))
    small_case.write_text(SMALL_CASE.replace("middle: [2, 6, 2, 5]",
                                             "middle: {resolution: [4.0, 1.5], described: geometry.json}")
                          .replace("-flux 1e18", "-flux 1e18 -lambda 1.1 -distance 12 -pixel 2 -twotheta 25")
                          + "inputs: {geometry.json: {file: geometry.json}}\n")
    return document


def test_a_case_with_such_a_ring_is_run_and_its_bundle_is_whole(nb, run_small, with_ring, quick_runs):
    said, bundle = run_small()
    assert said.code == 0, said.out + said.err
    verified = nb("verify", bundle)
    assert verified.code == 0, verified.out


@pytest.mark.parametrize(("change", "words"), [
    (lambda said: said["detector"].update(fast_pixels=8), "describes 8 x 7 pixels .fast x slow., the image is 9 x 7"),
    (lambda said: said.update(schema="other/1"), "no description .nanobragg-description/1."),
    (lambda said: said["detector"].pop("pix0_m"), "lacks what a ring needs .'pix0_m'"),
    (lambda said: said["detector"].update(pix0_m=[0, float("nan"), 1]), "lacks what a ring needs"),
    (lambda said: said["beam"].update(wavelength_A=90.0), "holds the centre of no pixel")])
def test_a_description_that_does_not_fit_is_refused_with_the_place_of_the_region(small_case, with_ring, change, words):
    change(with_ring)
    (small_case.parent / "geometry.json").write_text(json.dumps(with_ring))
    with pytest.raises(CaseError, match=words) as fault:
        load_case(small_case)
    assert "small.yaml:7:" in str(fault.value)


def test_a_curve_of_the_original_s_own_is_not_taken_for_ours(tmp_path, described):
    document = {**described("-curved_det"), "mode": "emulating c-ratio,curved-lab-axes"}
    (tmp_path / "a.json").write_text(json.dumps(document))
    with pytest.raises(FileError, match="curved-lab-axes bends it"):
        ring_of(tmp_path / "a.json", SHAPE, 4.0, 2.0)


@pytest.mark.parametrize(("old", "new", "words"), [
    ("-lambda 1.1", "-lambda 1.2", "wavelength_A is 1.1 in the file, 1.2 by the command"),
    ("-twotheta 25", "-twotheta 24.9", "pix0_m is "), ("-distance 12", "-distance 12.1", "distance_m is 0.012 in the"),
    ("-twotheta 25", "-twotheta 25 -beam_vector 1 0.01 0", "direction is (1, 0, 0) in the file")])
def test_a_description_of_another_experiment_than_the_command_s_is_refused(nb, fake, small_case, with_ring, quick_runs,
                                                                          old, new, words):
    """Its ring would hold other pixels than its spacings say."""
    small_case.write_text(small_case.read_text().replace(old, new))
    said = nb("run", small_case, "--c-bin", fake("good"), "--py-bin", fake("twin"), "-q", "--bundles", "none")
    assert said.code == 1 and words in said.err and "geometry.json" in said.err, said.err
    assert not list(small_case.parent.glob("none/small/*"))


def test_a_description_that_cannot_be_held_against_the_command_is_told(run_small, small_case, with_ring, quick_runs):
    def notes():
        _, bundle = run_small()
        return " ".join(json.loads((bundle / "record.json").read_text()).get("notes", ()))

    assert "held against" not in notes()
    (small_case.parent / "geometry.json").write_text(json.dumps(with_ring | {"mode": "emulating c-ratio"}))
    assert "regions of geometry.json were not held against the command: it was described emulating" in notes()
    (small_case.parent / "geometry.json").write_text(json.dumps(with_ring))
    small_case.write_text(small_case.read_text().replace("-pixel 2", "-pixel 2 -cell 9 9 9 10 170 90"))
    assert "were not held against the command: " in notes()
