"""Cases that keep from judgement what is wrong: masks over spots, a corner called full, shares that let all pass."""

from pathlib import Path

import numpy as np
import pytest

from nbcompare.case import load_case
from nbcompare.case.threshold import Threshold, default_targets
from nbcompare.compare.compare import Comparison, compare_images
from nbcompare.compare.image import Roi, Shape
from nbcompare.errors import CaseError
from nbcompare.files import write_whole
from nbcompare.verdict.verdict import judge

CASE = """\
name: spots
title: an image with a few bright spots
command: -detpixels_x 40 -detpixels_y 40 -flux 1e18
image: {fast: 40, slow: 40}
"""
FULL = "rois: {full: full}\n"
THRESHOLDS = """\
thresholds:
  - {metric: correlation, min: 0.999, why: same pattern}
  - {metric: sum_ratio, min: 0.99, max: 1.01, why: same scale}
"""
ENGINE = """\
import shutil, sys
if "-version" not in sys.argv:
    shutil.copyfile({image!r}, sys.argv[sys.argv.index("-floatfile") + 1])
"""


def images():
    """A reference with spots on a background, and a port that gives all spots 2000 times too weak."""
    draw = np.random.default_rng(3)
    reference = (1 + 0.3 * draw.random((40, 40))).astype("<f4")
    subject = (reference * (1 + 1e-5 * draw.random((40, 40)))).astype("<f4")
    for spot in range(6):
        at = np.s_[3 + 6 * spot:5 + 6 * spot, 7 * 5 * spot % 36 + 1:7 * 5 * spot % 36 + 3]
        reference[at] = 1e5 * (1 + spot) + draw.random((2, 2))
        subject[at] = 50 * (1 + spot)
    return reference, subject


@pytest.fixture
def wrong_port(nb, tmp_path, quick_runs):
    """Run a case with that reference and port; the words are the rest of the case."""
    def call(words, without_numbers=False):
        reference, subject = images()
        if without_numbers:
            subject[reference > 20] = np.nan
        for name, image in (("reference", reference), ("subject", subject)):
            (tmp_path / f"{name}.bin").write_bytes(image.tobytes())
            (tmp_path / f"{name}.py").write_text(f"# {name}\n" + ENGINE.format(image=str(tmp_path / f"{name}.bin")))
        (tmp_path / "spots.yaml").write_text(CASE + words)
        return nb("run", "spots.yaml", "--c-bin", tmp_path / "reference.py", "--py-bin", tmp_path / "subject.py", "-q")

    return call


@pytest.mark.parametrize("mask", ["{above: 20}", "{reference: {above: 20}}"])
def test_a_mask_over_all_spots_leaves_no_evidence(wrong_port, mask):
    said = wrong_port(f"mask: {mask}\n" + FULL + THRESHOLDS)
    assert said.code == 8 and "99 % of the reference's signal there are left out" in said.out


@pytest.mark.parametrize(("key", "metric"), [("mask: {subject: {above: 20}}", "mask_mismatch"),
                                             ("nan: compare", "nan_mismatch")])
def test_what_a_case_allows_to_be_left_out_is_told_where_most_of_the_signal_is(wrong_port, nb, key, metric):
    said = wrong_port(f"{key}\n" + FULL + THRESHOLDS + f"  - {{metric: {metric}, max: 0.05, why: some}}\n",
                      without_numbers=key.startswith("nan"))
    assert said.code == 0 and "weak: region full: 99 % of the reference's signal there are left out" in said.out
    Path("phases.yaml").write_text(
        "title: a plan\nphases:\n  - {name: P1, title: one, cases: [spots.yaml], requires: {verdict: [PASS]}}\n")
    assert "WEAK: region full: 99 %" in nb("gate", "P1", "--phases", "phases.yaml").out


@pytest.mark.parametrize("marks", [[2**32 - 1, 2**32 - 2], [2**32 - 1]])
def test_the_marks_of_a_detector_are_no_signal_that_masks_leave_out(marks):
    pixels = np.random.default_rng(1).integers(1, 50, (30, 30)).astype("u4")
    masked = np.zeros(pixels.shape, bool)
    masked[:, :3] = True
    pixels[masked] = marks[0]
    pixels[0, :2] = marks[-1]
    found = compare_images(pixels, pixels.copy(), [Roi.full(Shape(30, 30))], masks=(masked, masked))
    assert found.regions[0].left_out is None


@pytest.mark.parametrize("region", ["full: [0, 9, 0, 9]", "Full: [0, 38, 0, 39]",
                                    "FULL: {polygon: [[0, 0], [39, 0], [0, 39]]}"])
def test_a_part_of_the_image_cannot_be_called_full(tmp_path, region):
    write_whole(tmp_path / "c.yaml", CASE + f"rois: {{{region}}}\n" + THRESHOLDS)
    with pytest.raises(CaseError, match="is not the whole image, which is what its name says"):
        load_case(tmp_path / "c.yaml")


def test_the_whole_image_may_be_called_full_however_it_is_written(tmp_path):
    write_whole(tmp_path / "c.yaml", CASE + "rois: {full: [0, 39, 0, 39]}\n" + THRESHOLDS)
    assert load_case(tmp_path / "c.yaml").rois[0].name == "full"


def test_more_regions_than_anybody_reads_are_refused(tmp_path):
    many = ", ".join(f"r{i}: [0, 39, 0, 39]" for i in range(1001))
    write_whole(tmp_path / "c.yaml", CASE + f"rois: {{{many}}}\n" + THRESHOLDS)
    with pytest.raises(CaseError, match="names 1001 regions; a case has 1000 at most"):
        load_case(tmp_path / "c.yaml")


@pytest.mark.parametrize("threshold", ["share_outside, max: 0.999", "share_outside, rtol: 0.9, max: 0.01",
                                       "nan_mismatch, max: 0.5", "mask_mismatch, max: 0.9"])
def test_a_share_that_lets_nearly_all_through_is_told(tmp_path, threshold):
    from nbcompare.case.weak_thresholds import weaknesses

    write_whole(tmp_path / "c.yaml", CASE + "nan: compare\n" + FULL + THRESHOLDS
                + f"  - {{metric: {threshold}, why: much}}\n")
    case = load_case(tmp_path / "c.yaml")
    assert [found.what.partition("(")[0].partition(" ")[0] for found in weaknesses(case.thresholds, case.rois)] \
        == [threshold.partition(",")[0]]


def spots_without_numbers(without, *, tails):
    """Both images with spots of which nobody knows anything, and a port that is right everywhere else."""
    y, x = np.mgrid[:60, :60]
    image = 1 + 0.3 * np.random.default_rng(3).random((60, 60))
    for slow, fast in ((15, 20), (40, 35), (25, 48)):
        image += 1e5 * np.exp(-((y - slow) ** 2 + (x - fast) ** 2) / 8) * (1 if tails else (abs(y - slow) < 2)
                                                                          * (abs(x - fast) < 2))
    image[image > 1e4] = without
    return image.astype("f4")


@pytest.mark.parametrize(("without", "tails", "word"), [
    (np.nan, True, "BLOCKED"), (np.inf, False, "BLOCKED"), (np.nan, False, "PASS")])
def test_spots_that_are_no_number_in_both_images_are_no_evidence(without, tails, word):
    """Where nothing around them tells that they were spots it is a note, which a gate tells until it is signed."""
    image = spots_without_numbers(without, tails=tails)
    full = Roi.full(Shape(60, 60))
    comparison = compare_images(image, image * np.float32(1 + 1e-6), [full], skip_nonfinite=True)
    lost = int(np.count_nonzero(~np.isfinite(image)))
    assert any(note.startswith(f"weak: region full: {lost} of 3600 pixels are NaN or infinite in the reference")
               for note in comparison.notes)
    found = judge(comparison, default_targets("full"))
    assert str(found.word) == word
    assert (word == "PASS") or "in the reference, where its signal is; what belongs there was not judged" in \
        found.reasons[0]
    answered = (*default_targets("full"), Threshold("nan_fraction", "full", None, 0.09, "hot pixels"))
    further = {("nan_fraction", "full")}
    comparison = compare_images(image, image * np.float32(1 + 1e-6), [full], skip_nonfinite=True, further=further)
    assert str(judge(comparison, answered).word) == "PASS"
    assert Comparison.from_dict(comparison.as_dict()) == comparison


def test_most_of_a_region_without_a_number_is_no_evidence_and_a_gap_is_told():
    image = np.random.default_rng(3).exponential(5, (40, 40)).astype("f4")
    for rows, word in ((4, "PASS"), (20, "BLOCKED")):
        lost = image.copy()
        lost[10:10 + rows] = np.nan
        comparison = compare_images(lost, lost * np.float32(1 + 1e-6), [Roi.full(Shape(40, 40))], skip_nonfinite=True)
        assert str(judge(comparison, default_targets("full")).word) == word
        assert any(f"{40 * rows} of 1600 pixels are NaN" in note for note in comparison.notes)
