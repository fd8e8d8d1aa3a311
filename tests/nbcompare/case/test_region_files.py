"""Regions that a mask file gives: the pixels of an input that are not zero."""

import json
from pathlib import Path

import numpy as np
import pytest

from nbcompare.bundle.bundle import write_manifest
from nbcompare.case.case_file import load_case
from nbcompare.compare.image import Roi
from tests.nbcompare.conftest import SMALL_CASE


@pytest.mark.parametrize("seed", range(4))
def test_a_mask_is_kept_as_the_runs_of_its_box(seed):
    inside = np.random.default_rng(seed).random((7, 9)) < 0.3
    roi = Roi.of_mask("a", inside)
    whole = np.zeros((7, 9), bool)
    whole[roi.slices] = ~roi.outside()
    assert np.array_equal(whole, inside) and not roi.is_box
    assert Roi.from_dict(json.loads(json.dumps(roi.as_dict()))) == roi
    with pytest.raises(ValueError, match="runs"):
        Roi.from_dict({**roi.as_dict(), "mask": "1,2"})


def test_the_edges_of_a_mask_lie_between_its_pixels_and_the_others():
    inside = np.zeros((4, 5), bool)
    inside[1, 2] = inside[1, 3] = True
    edges = Roi.of_mask("a", inside).edges()
    assert len(edges) == 6 and ((1.5, 0.5), (2.5, 0.5)) in edges and ((3.5, 0.5), (3.5, 1.5)) in edges


@pytest.fixture
def shaped(tmp_path, small_case):
    """The small case with a region of the pixels of a file, which leave out pixel (8, 0)."""

    def write(inside, region="{file: sensor.npy}"):
        np.save(tmp_path / "sensor.npy", inside)
        small_case.write_text(SMALL_CASE.replace("  full: full\n", f"  sensor: {region}\n")
                              + "inputs: {sensor.npy: {file: sensor.npy}}\n")

    inside = np.ones((7, 9), "u1")
    inside[0, 8] = 0
    write(inside)
    return write


def test_a_pixel_that_is_not_zero_belongs_to_the_region_whatever_it_is(shaped, small_case):
    for kind, values in (("i4", (-1, 7)), ("f8", (-0.5, 1e-300))):
        inside = np.zeros((7, 9), kind)
        inside[1, 2], inside[4, 6] = values
        shaped(inside)
        roi = load_case(small_case).rois[0]
        assert [(y + roi.ymin, x + roi.xmin) for y, x in np.argwhere(~roi.outside())] == [(1, 2), (4, 6)]


def test_a_region_of_more_runs_than_a_record_takes_is_refused(nb, shaped, small_case, monkeypatch):
    monkeypatch.setattr("nbcompare.case.regions._MOST_TEXT", 20)
    shaped(np.eye(7, 9, dtype="u1"))
    said = nb("validate", small_case)
    assert said.code == 1 and "sensor.npy has too ragged an outline for a region" in said.out


def test_a_difference_outside_the_file_s_pixels_is_none_of_the_region(nb, fake, shaped, small_case, tmp_path):
    wrong = "values = pixels(); values[8] = 900; write(values)"
    (tmp_path / "hot.py").write_text(Path(fake("good")).read_text().replace("write(pixels())", wrong))
    (tmp_path / "_image.py").write_text((Path(fake("good")).parent / "_image.py").read_text())
    words = ("--c-bin", fake("good"), "--py-bin", tmp_path / "hot.py", "-q", "--format", "json")
    said = nb("run", small_case, *words)
    assert said.code == 0, said.out + said.err
    bundle = Path(said.json["bundle"])
    for command in ("verify", "check", "report", "show"):
        assert nb(command, bundle).code == 0, command
    assert nb("explain", small_case).code == 0
    shaped(np.ones((7, 9), "u1"))
    assert nb("run", small_case, *words).code == 3
    assert nb("verify", bundle).code == 0, "the bundle keeps the file as it was"
    kept = bundle / "inputs/data/sensor.npy"
    kept.chmod(0o644)
    kept.write_bytes((tmp_path / "sensor.npy").read_bytes())
    write_manifest(bundle)
    assert nb("verify", bundle).code == 6


def test_another_file_under_the_region_turns_the_gate_red(nb, fake, shaped, small_case, tmp_path, quick_runs):
    (tmp_path / "phases.yaml").write_text("title: a\nphases:\n  - {name: agree, title: t, cases: [small.yaml], "
                                          "requires: {verdict: [PASS], inputs_unchanged: true}}\n")
    assert nb("run", small_case, "--c-bin", fake("good"), "--py-bin", fake("twin"), "-q").code == 0
    green = nb("gate", "agree", "--phases", "phases.yaml")
    assert green.code == 0, green.out
    shaped(np.eye(7, 9, dtype="u1"))
    said = nb("gate", "agree", "--phases", "phases.yaml")
    assert said.code != 0 and "a region was moved" in said.out and "sensor.npy" in said.out, said.out


@pytest.mark.parametrize(("inside", "region", "words"), [
    (np.zeros((7, 9), "u1"), "{file: sensor.npy}", "every pixel of sensor.npy is zero"),
    (np.ones((9, 7), "u1"), "{file: sensor.npy}", "sensor.npy holds 7 x 9 pixels"),
    (np.ones(63, "u1"), "{file: sensor.npy}", "not one image"),
    (np.ones((7, 9), "u1"), "{file: senor.npy}", "did you mean 'sensor.npy'"),
    (np.ones((7, 9), "u1"), "{file: sensor.npy, polygon: [[0, 0], [1, 0], [1, 1]]}", "nothing beside"),
    (np.ones((7, 9), "u1"), "{read: format=numpy}", "unknown key 'read'"),
    (np.ones((7, 9), "u1"), '{file: sensor.npy, read: "dtype=<f4"}', "declared is <f4")])
def test_a_file_that_is_no_region_is_one_error_with_its_place(nb, shaped, small_case, inside, region, words):
    shaped(inside, region)
    said = nb("validate", small_case)
    assert said.code == 1 and words in said.out and "small.yaml:6" in said.out, said.out


def test_another_file_cannot_be_brought_in_the_place_of_a_region_s(nb, fake, shaped, small_case, tmp_path):
    """The region was read from the case's own file; evidence with another in its place would contradict itself."""
    engines = ("--c-bin", fake("good"), "--py-bin", fake("twin"), "-q")
    np.save(tmp_path / "mine.npy", np.eye(7, 9, dtype="u1"))
    said = nb("run", small_case, *engines, "--input", "sensor.npy=mine.npy")
    assert said.code == 1 and "--input sensor.npy: a region of the case is made of sensor.npy" in said.err
    (tmp_path / "copy.npy").write_bytes((tmp_path / "sensor.npy").read_bytes())
    assert nb("run", small_case, *engines, "--input", "sensor.npy=copy.npy").code == 0
