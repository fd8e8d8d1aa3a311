"""Seeded defects through the front door: what can be seeded is seeded, is caught, and is scored as it is.

The case is a small crystal on a small detector, rendered by the bundled simulator in batch mode (and by the C
reference once), as a fake engine has no physics to break.
"""

import itertools
import math
from types import SimpleNamespace

import numpy as np
import pytest

from nbcompare.explain.audit.audit import AuditBench
from nbcompare.explain.audit.defects.values import panel_gain
from nbcompare.explain.audit.kind import Defect, Images, NotApplicable, changed

MATRIX = "0.03608 0.00414 0.00612\n-0.00733 0.02940 0.00531\n0.00271 -0.00608 0.02790\n"
CASE = """\
name: little
title: a crystal of a few hundred cells on a detector of 72 x 64 pixels
command: >-
  -mat A.mat -hkl little.hkl -nonoise -nopgm -nointerpolate -oversample 1 -exposure 1 -flux 1e20 -beamsize 1.0
  -spindle_axis -1 0 0 -Xbeam 31.3 -Ybeam 35.2 -distance 80 -lambda 0.9768 -pixel 1.0
  -detpixels_x 72 -detpixels_y 64 -odet_vector -0.000088 0.004914 -0.999988
  -sdet_vector -0.005998 -0.999970 -0.004913 -fdet_vector 0.999982 -0.005998 -0.000118
  -pix0_vector_mm 0 0 0 -beam_vector 0.00051387949 0.0 -0.99999986
  -Na 7 -Nb 9 -Nc 5 -mosaic 0.2 -mosaic_dom 3 -osc 2 -phi 0 -phisteps 4
inputs:
  A.mat: {file: A.mat}
  little.hkl: {file: little.hkl}
image: {fast: 72, slow: 64}
rois:
  full: full
  middle: [20, 60, 20, 60]
thresholds:
  - {metric: max_abs_diff_of_peak, max: 2.0e-6, why: rounding of two programs in double precision}
  - {metric: sum_ratio, min: 0.999, max: 1.001, why: scale}
"""
NOT_HERE = {"quarter-turned", "wavelength", "divergence-lost", "divergence-halved", "divergence-swapped",
            "dispersion-lost", "dispersion-other", "source-missing", "sources-not-read", "absorption-depth",
            "thickness-other", "rotation-lost", "two-theta-lost", "cell-angles-lost", "oversample-omega-lost",
            "oversample-polar-lost", "oversample-thick-lost", "interpolation-lost", "list-not-read", "exposure-lost",
            "sources-in-line", "source-weights-lost", "source-weights-whole", "seed-for-angles"}
"""The image is not square, an orientation matrix cancels the wavelength, and no option that is not given is lost."""


@pytest.fixture(scope="module")
def little_folder(tmp_path_factory):
    """The case with its files, and a cache that the tests of this module share."""
    folder = tmp_path_factory.mktemp("little")
    (folder / "A.mat").write_text(MATRIX)
    indices = itertools.product(range(-10, 11), repeat=3)
    (folder / "little.hkl").write_text("".join(
        f"{h} {k} {l} {60 + 50 * math.sin(3.1 * h + 7.7 * k + 1.9 * l + 0.3 * h * k * l):.2f}\n"
        for h, k, l in indices))
    (folder / "little.yaml").write_text(CASE)
    return folder


@pytest.fixture
def audit(nb, little_folder):
    def call(*words):
        return nb("audit", little_folder / "little.yaml", "-q", "--cache", little_folder / "cache", *words)

    return call


def test_every_kind_at_full_strength_changes_the_image_and_is_caught(audit):
    """No kind is there in name only. Thresholds near rounding miss none of them."""
    said = audit("--strengths", "1", "--no-diagnosis", "--format", "json", "--require", "1")
    assert said.code == 0, said.out[-2000:]
    state = {defect["kind"]: defect["state"] for defect in said.json["defects"]}
    assert len(state) > 100
    assert {kind for kind, found in state.items() if found == "not here"} == NOT_HERE
    assert {kind: found for kind, found in state.items() if found not in ("seeded", "not here")} == {
        "vectors-swapped": "refused"}  # nothing shines on a detector that stands so
    assert {defect["class"] for defect in said.json["defects"]} == {"echo", "scale", "geometry", "physics", "data"}
    assert [d["kind"] for d in said.json["defects"] if d["state"] == "seeded" and not d["caught"]] == []


def test_the_diagnosis_names_what_was_seeded(audit):
    said = audit("--strengths", "1", "--kinds", "flux-lost,steps-summed,fast-flipped,saturated", "--format", "json",
                 "--require-first", "1")
    assert said.code == 0, said.out
    assert {defect["kind"]: defect["place"] for defect in said.json["defects"]} == {
        "flux-lost": 1, "steps-summed": 1, "fast-flipped": 1, "saturated": 1}


def test_a_correlation_alone_lets_a_scale_error_through(audit):
    said = audit("--strengths", "1", "--no-diagnosis", "--kinds", "gain,fast-flipped", "--threshold-only",
                 "correlation=0.98", "--require", "1")
    assert said.code == 3
    assert "gain: every pixel times a factor" in said.out.partition("slipped through:")[2]
    assert "strength 1: 1 of 2 defects caught (50.0 %)" in said.out
    assert "not met: 50.0 % caught, 100 % required" in said.out


def test_the_detection_limit_lies_between_what_is_caught_and_what_slips(audit):
    """The sum may be off by 0.001 and a peak by nothing like that; alone, a ratio band of 0.005 sees 2 %, not 0.2 %."""
    said = audit("--no-diagnosis", "--kinds", "gain", "--threshold-only", "sum_ratio=0.995..1.005", "--format", "json")
    limit, = said.json["limits"]
    assert limit["sees"] == pytest.approx(0.02, rel=0.1)
    assert limit["slips"] == pytest.approx(0.002, rel=0.1)
    assert limit["sentence"].startswith("sees 0.0") and "not 0.00" in limit["sentence"]


def test_another_seed_draws_other_amounts(audit):
    amounts = [audit("--strengths", "1", "--no-diagnosis", "--kinds", "gain", "--seed", seed, "--format",
                     "json").json["defects"][0]["amount"] for seed in (1, 1, 2)]
    assert amounts[0] == amounts[1] != amounts[2]


@pytest.mark.parametrize("of_spread, idle", [(5.0, False), (1e-7, True)])
def test_a_defect_of_two_parts_is_none_where_one_of_them_does_not_show(of_spread, idle):
    """Water may hide a spread to the last digit; then a shift alone is what the image holds."""
    shown = {("-a", "1"): 100.0, ("-b", "2"): of_spread}
    both = np.full((2, 2), 100 + of_spread, np.float32)
    bench = AuditBench.__new__(AuditBench)
    bench.argv = ()
    bench._image = lambda defect: (np.full((2, 2), shown[defect.argv], np.float32), "", None)
    found = bench._idle_part(Defect(("-a", "1", "-b", "2"), "both", parts=tuple(shown)), both)
    assert (found == "-a 1 alone gives the same image") is idle and (idle or found is None)


def test_an_image_that_a_defect_leaves_without_a_number_is_none_to_ask_about():
    dark, lit = np.zeros((2, 2), np.float32), np.ones((2, 2), np.float32)
    for left, made in ((np.inf, False), (0.0, False), (2.0, True)):
        defect = Defect((), "times", change=lambda images, left=left: images.rendered * np.float32(left))
        try:
            assert changed(defect, Images(lit, lit)) is not None and made
        except NotApplicable as reason:
            assert not made and "it leaves nothing of the image" in str(reason)
    assert changed(Defect((), "none", change=lambda images: dark), Images(dark, dark)) is dark


@pytest.mark.parametrize("faint, made", [(0.0, False), (1e-6, False), (0.1, True)])
def test_a_gain_of_a_panel_is_none_where_the_other_one_is_next_to_dark(faint, made):
    """Then one factor gives the whole image to far below a millionth of its peak."""
    image = np.ones((20, 4), np.float32)
    image[:14] = faint  # the edge lies between rows 6 and 14
    shape = SimpleNamespace(slow=20, fast=4)
    defect = panel_gain.seed(SimpleNamespace(argv=(), shape=shape), 0.005, np.random.default_rng(1))
    try:
        assert changed(defect, Images(image, image)) is not None and made
    except NotApplicable:
        assert not made
