"""Two image files that were judged are a bundle like any other, and evidence of no case."""

import json
from pathlib import Path

import fabio
import numpy as np
import pytest

SHAPE = (24, 30)


@pytest.fixture
def detector_images(nb, tmp_path, quick_runs):
    """Two detector images with gaps (-1), the second with one pixel changed, and its distance."""
    rng = np.random.default_rng(2)
    image = rng.poisson(20, SHAPE).astype("i4")
    image[10:12] = -1
    image[7, 8] = 5000
    for name, distance in (("a.cbf", 0.2), ("b.cbf", 0.21)):
        header = {"_array_data.header_contents": f"# Detector_distance {distance} m\r\n# Wavelength 0.98 A"}
        fabio.cbfimage.CbfImage(data=image, header=header).write(str(tmp_path / name))
        image = image.copy()
        image[7, 8] = 3000
    return nb


def test_two_detector_images_with_gaps_and_one_pixel_changed(detector_images, tmp_path):
    """The difference is found, the gaps are no photons, the headers are named, and every command takes the bundle."""
    nb = detector_images
    said = nb("images", "a.cbf", "b.cbf", "--threshold", "share_outside=..0.0001", "--format", "json")
    assert said.code == 3, said.out + said.err
    assert said.json["images"]["reference"]["masked"] == 60
    assert any("distance_mm is 200 in the reference, 210 in the subject" in note for note in said.json["notes"])
    figure = next(entry for entry in said.json["comparison"]["regions"][0]["figures"]
                  if entry["metric"] == "share_outside")
    assert "1 of 660 pixels, the worst at fast 8 slow 7 (5000 against 3000); atol 2e+03" in figure["detail"]
    bundle = Path(said.json["bundle"])
    record = json.loads((bundle / "record.json").read_text())
    assert record["images"]["subject"]["format"] == "fabio" and [run["dtype"] for run in record["runs"]] == ["<i4"] * 2
    verified = nb("verify", bundle)
    assert verified.code == 0, verified.out
    assert nb("report", "--images", "--html", "page.html").code == 0 and bundle.name in Path("page.html").read_text()
    assert nb("report", "--images", bundle.name).code == 0 and nb("show", bundle).code == 0
    files = nb("report", "--images", "a.cbf", "b.cbf")
    assert files.code == 1 and "nb-compare images a.cbf b.cbf, and then nb-compare report --images" in files.err
    assert nb("export", bundle, "-o", tmp_path / "images.zip").code == 0
    again = nb("check", bundle)
    assert again.code == 3 and "case changed" not in again.out, "there was none"
    assert nb("diagnose", bundle, "--quick").code in (0, 3)
    assert "nb-compare images reads them again" in nb("regenerate", bundle).out


def test_a_bundle_of_images_that_was_touched_is_found(detector_images):
    nb = detector_images
    bundle = Path(nb("images", "a.cbf", "b.cbf", "--mask-above", "1000", "--format", "json").json["bundle"])
    assert nb("verify", bundle).code == 0
    for name in ("py_mask.bin", "py_roi_float.bin"):
        path = bundle / "inputs" / name
        path.chmod(0o644)
        kept = path.read_bytes()
        path.write_bytes(bytes(len(kept)))
        assert nb("verify", bundle).code == 6
        path.write_bytes(kept)


def test_masks_of_a_case_and_a_mask_file_are_kept(nb, tmp_path, small_case, quick_runs):
    image = np.arange(1, 64, dtype="f4").reshape(7, 9)
    np.save(tmp_path / "a.npy", image)
    image[3, 4] = 900
    np.save(tmp_path / "b.npy", image)
    allowed = "thresholds:\n  - {metric: mask_mismatch, max: 0.5, why: a hot pixel}"
    small_case.write_text(small_case.read_text().replace("thresholds:", allowed)
                          + "mask: {subject: {above: 800}}\n")
    said = nb("images", "a.npy", "b.npy", "--case", small_case, "--format", "json")
    assert said.code == 0, said.out + said.err
    assert nb("verify", said.json["bundle"]).code == 0
    np.save(tmp_path / "mask.npy", (image > 800).astype("u1"))
    said = nb("images", "a.npy", "b.npy", "--mask", "mask.npy", "--format", "json")
    assert said.code == 0 and nb("verify", said.json["bundle"]).code == 0
    assert nb("images", "a.npy", "b.npy", "--no-bundle", "--format", "json").json["bundle"] is None


def test_no_gate_takes_images_for_a_run(nb, tmp_path, small_case, quick_runs):
    """Even of a case that bears the name under which they are kept."""
    image = np.arange(1, 64, dtype="f4").reshape(7, 9)
    np.save(tmp_path / "a.npy", image)
    np.save(tmp_path / "b.npy", image)
    small_case.write_text(small_case.read_text().replace("name: small", "name: images"))
    assert nb("images", "a.npy", "b.npy", "--case", small_case).code == 0
    (tmp_path / "phases.yaml").write_text("title: t\nphases:\n  - name: p\n    title: t\n    cases: [small.yaml]\n"
                                          "    requires: {verdict: [PASS]}\n")
    said = nb("gate", "p", "--phases", "phases.yaml")
    assert said.code != 0 and "no engine was run" in said.out, said.out
