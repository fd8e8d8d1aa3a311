"""Thresholds that cannot fail, bundles compared with themselves, and thresholds loosened on the quiet."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from nbcompare.case.threshold import Threshold
from nbcompare.case.weak_thresholds import weaknesses
from nbcompare.compare.compare import compare_images
from nbcompare.compare.image import Roi, Shape
from nbcompare.compare.metrics import METRICS
from nbcompare.verdict.verdict import Label, judge
from tests.nbcompare.conftest import SMALL_ARGS, SMALL_CASE

IDLE = ("{metric: correlation, min: 0.0001", "{metric: log_correlation, min: 0.1",
        "{metric: sum_ratio, min: 0.0001, max: 1000", "{metric: sum_ratio, min: 0.0001, max: 999",
        "{metric: scale_factor, min: 0.001, max: 1", "{metric: correlation, min: -1",
        "{metric: correlation, min: 0", "{metric: correlation, max: 1",
        "{metric: ssim, min: -1", "{metric: max_abs_diff, min: 0", "{metric: max_abs_diff, max: 1.0e+308",
        "{metric: max_abs_diff, min: 0.1", "{metric: mse, max: 1.0e+200", "{metric: nrmse, max: 1",
        "{metric: max_abs_diff_of_peak, max: 5", "{metric: sum_ratio, min: 0, max: 1.0e+308",
        "{metric: sum_ratio, min: -1.0e+300, max: 1.1", "{metric: scale_factor, min: 0.9, max: 1.0e+9",
        "{metric: zero_mismatch, max: 1", "{metric: nan_fraction, min: 0, max: 1", "{metric: equal_pixels, min: 0",
        "{metric: peaks_unmatched, max: 50", "{metric: share_outside, max: 1",
        "{metric: share_outside, max: 0, rtol: 1")


@pytest.mark.parametrize("entry", IDLE)
def test_a_threshold_that_cannot_fail_is_an_error_of_the_case(nb, fake, small_case, entry):
    small_case.write_text(SMALL_CASE.replace("{metric: sum_ratio, min: 0.99, max: 1.01", entry))
    said = nb("run", small_case, "--c-bin", fake("good"), "--py-bin", fake("twin"))
    assert said.code == 1 and not Path("bundles").exists()
    assert "could never fail" in said.err and f"{small_case}:10:" in said.err


@pytest.mark.parametrize("name", METRICS)
def test_the_ends_of_a_metrics_range_judge_nothing(name):
    """Both ends together, and whatever lies beyond them, admit every image."""
    metric = METRICS[name]
    for low, high in ((metric.lowest, metric.highest), (-1e308, 1e308)):
        assert metric.fault_in_limits(low, high)


@pytest.mark.parametrize("name", [name for name in METRICS if METRICS[name].best is not None])
def test_a_limit_that_equal_images_just_meet_can_be_asked_for(name):
    metric = METRICS[name]
    assert metric.fault_in_limits(metric.best, metric.best) is None


@pytest.mark.parametrize("options", (
    ("--threshold", "-1", "--allow-scale"), ("--threshold", "0", "--allow-scale"), ("--threshold", "nan"),
    ("--sum-ratio", "0", "1e308"), ("--sum-ratio", "0", "inf"), ("--sum-ratio", "0.9", "inf"),
    ("--sum-ratio", "nan", "1"), ("--sum-ratio", "-inf", "inf"), ("--sum-ratio", "0", "1.1")))
def test_one_shot_options_that_cannot_fail_are_refused(nb, fake, options):
    said = nb("--outdir", "out", "--c-bin", fake("good"), "--py-bin", fake("twin"), *options, "--", *SMALL_ARGS)
    assert said.code == 1 and "Traceback" not in said.err and not Path("out").exists()


def test_an_audit_takes_no_threshold_that_cannot_fail(nb, fake, small_case):
    said = nb("audit", small_case, "--c-bin", fake("good"), "--threshold-only", "correlation=-1")
    assert said.code == 1 and "correlation" in said.err


@pytest.mark.parametrize(("metric", "limit"), (("max_abs_diff", 4.0), ("rmse", 1e30), ("mse", 16.0),
                                               ("share_outside(atol=1e+30)", 0.0)))
def test_a_threshold_that_an_image_of_zeros_meets_is_no_pass(metric, limit):
    """The brightest pixel of the reference is 4: a subject of zeros is off by 4 at most."""
    image = np.arange(5, dtype=np.float32).reshape(1, 5)
    roi = Roi.full(Shape(fast=5, slow=1))
    found = judge(compare_images(image, image, [roi], further={(metric, "full")}),
                  [Threshold(metric, "full", None, limit, "loose")])
    assert found.word is Label.BLOCKED and "image of zeros" in found.reasons[0]


# --- a bundle against itself -------------------------------------------------------------------------------


@pytest.mark.parametrize("other", ("the same", "by a link", "a copy", "by dots"))
def test_a_bundle_is_not_compared_with_itself(nb, store, other):
    """That would pass, though the bundle's own verdict is FAIL."""
    b = store.failed
    if other == "by a link":
        b = Path("link")
        b.symlink_to(store.failed.absolute())
    elif other == "a copy":
        b = Path(shutil.copytree(store.failed, "copy"))
    elif other == "by dots":
        b = store.failed / ".." / store.failed.name
    for roles in ((), ("--roles", "reference:reference"), ("--roles", "subject")):
        said = nb("compare", store.failed, b, *roles)
        assert said.code == 1 and "one bundle" in said.err


def test_a_run_that_was_taken_over_is_not_compared_with_itself(nb, fake, store, small_case):
    made = nb("run", small_case, "--reference", store.passed, "--py-bin", fake("bright"), "-q", "--format", "json")
    said = nb("compare", store.passed, made.json["bundle"], "--roles", "reference")
    assert said.code == 8 and "one run" in said.out


# --- looser than before ------------------------------------------------------------------------------------


@pytest.fixture
def loosened_twice_ago(run_small, small_case, quick_runs):
    """Three bundles; the second case is looser than the first, and the third as the second."""
    run_small()
    small_case.write_text(SMALL_CASE.replace("min: 0.9995", "min: 0.9"))
    return [Path(run_small()[1]) for _ in range(2)]


def test_a_loosened_threshold_is_told_again_and_again(nb, loosened_twice_ago, small_case):
    for bundle in loosened_twice_ago:
        assert "was >= 0.9995" in nb("check", bundle, "--case", small_case).out
        assert "was >= 0.9995" in nb("show", bundle).out
        nb("report", bundle, "--html", "page.html")
        assert "was &gt;= 0.9995" in Path("page.html").read_text()


PHASES = """\
title: a plan
phases:
  - {name: P1, title: compared, cases: [small.yaml], requires: {verdict: [PASS]}}
  - {name: P0, title: files only, cases: [small.yaml], requires: {files_complete: true}}
"""


def test_only_a_sign_off_of_the_verdict_ends_the_telling(nb, loosened_twice_ago, run_small):
    Path("phases.yaml").write_text(PHASES)
    words = ("--phases", "phases.yaml")
    assert nb("sign", "P0", "--by", "somebody", *words).code == 0
    assert "LOOSER" in nb("gate", "P1", *words).out
    assert "LOOSER" in nb("gate", "P1", *words).out
    assert nb("sign", "P1", "--by", "somebody", *words).code == 0
    assert "LOOSER" not in nb("gate", "P1", *words).out
    run_small()
    assert "LOOSER" not in nb("gate", "P1", *words).out


def test_a_mask_that_hides_nearly_everything_is_no_evidence(nb):
    """Nine pixels that agree are not the whole image that the region is called, unless somebody says why."""
    reference = np.arange(3600, dtype="f4").reshape(60, 60) % 97 + 1
    subject, hide = 5 * reference[::-1].copy(), np.ones((60, 60), "u1")
    subject[:3, :3], hide[:3, :3] = reference[:3, :3], 0
    for name, image in (("reference", reference), ("subject", subject), ("mask", hide)):
        np.save(f"{name}.npy", image)
    asked = ("images", "--no-bundle", "-q", "reference.npy", "subject.npy", "--mask", "mask.npy")
    said = nb(*asked)
    assert said.code == 8 and "too weak to judge" in said.out and "9 of 3600 pixels" in said.out
    assert nb(*asked, "--allow-weak", "only the corner is asked for").code == 0


# --- legal, and weak ----------------------------------------------------------------------------------------


WEAK = {
    "no pattern": (
        "{metric: sum_ratio, min: 0.99, max: 1.01, why: same scale}", "the pattern is judged by no threshold"),
    "hardly a likeness": ("{metric: correlation, min: 0.2, why: a spot or two}", "correlation on full is >= 0.2"),
    "any scale": ("{metric: ssim, min: 0.9, why: alike}\n  - {metric: sum_ratio, min: 0.01, max: 500, why: scale}",
                  "sum_ratio on full is 0.01 .. 500"),
    "a few pixels": ("{metric: correlation, rois: [middle], min: 0.999, why: same}",
                     "all that is judged is 9 pixels in the largest region")}
TWO = "\n".join(SMALL_CASE.splitlines()[-2:])


def weak_case(kind):
    rois = "  full: full\n" if kind != "a few pixels" else ""
    return SMALL_CASE.replace(TWO, f"  - {WEAK[kind][0]}").replace("  full: full\n", rois).replace(
        "  middle: [2, 6, 2, 5]\n", "" if rois else "  middle: [2, 4, 2, 4]\n")


@pytest.mark.parametrize("kind", WEAK)
def test_what_a_case_hardly_looks_at_is_told_wherever_its_pass_is(nb, run_small, small_case, quick_runs, kind):
    """It may be meant, so it is no error; nobody reads PASS without it."""
    small_case.write_text(weak_case(kind))
    said, folder = run_small("good", "twin", "--junit", "a.xml", "--markdown", "a.md")
    told = WEAK[kind][1].replace(">=", "").split()[-1]
    assert said.code == 0 and any(WEAK[kind][1] in note for note in said.json["notes"])
    assert told in Path("a.md").read_text() and told in Path("a.xml").read_text()
    assert told in "".join(line for line in nb("show", folder).out.splitlines() if line.startswith("WEAK"))
    assert f"WEAK  {WEAK[kind][1]}" in nb("check", folder, "--case", small_case).out
    nb("report", folder, "--html", "page.html")
    assert "Looser than before, or weak" in Path("page.html").read_text() and nb("verify", folder).code == 0


def test_a_weak_case_is_told_by_its_gate_until_it_is_signed_as_it_is(nb, run_small, small_case, quick_runs):
    Path("phases.yaml").write_text(PHASES)
    small_case.write_text(weak_case("hardly a likeness"))
    words = ("--phases", "phases.yaml")
    run_small()
    for _ in range(2):
        said = nb("gate", "P1", *words)
        assert said.code == 0 and "WEAK: correlation on full is >= 0.2" in said.out
    nb("sign", "P1", "--by", "somebody", *words)
    assert "WEAK" not in nb("gate", "P1", *words).out
    run_small()
    assert "WEAK" not in nb("gate", "P1", *words).out
    small_case.write_text(weak_case("hardly a likeness").replace("0.2", "0.15"))
    run_small()
    assert "WEAK: correlation on full is >= 0.15" in nb("gate", "P1", *words).out


def test_an_ordinary_case_is_not_weak(run_small, quick_runs):
    assert not any(note.startswith("weak") for note in run_small()[0].json.get("notes", ()))


def test_two_images_judged_by_a_sum_alone_are_told_so(nb):
    image = np.arange(60, dtype="f4").reshape(6, 10) + 1
    np.save("a.npy", image)
    np.save("b.npy", image[::-1].copy())
    said = nb("images", "--no-bundle", "-q", "a.npy", "b.npy", "--threshold", "sum_ratio=0.99..1.01", "--format",
              "json")
    assert said.code == 0 and any("judged by no threshold" in note for note in said.json["notes"])


# --- found by trying every metric, at the loosest limit that it takes, on images that are wrong ---------------------


def spots(seed):
    """Forty spots of different sizes in a frame of 60 x 60, and a background that is as even as in nature."""
    drawn = np.random.default_rng(seed)
    slow, fast = np.mgrid[:60, :60]
    image = drawn.poisson(2, (60, 60)).astype(float)
    for y, x, height in zip(*drawn.integers(6, 54, (2, 40)), drawn.uniform(100, 1000, 40), strict=True):
        image += height * np.exp(-((slow - y) ** 2 + (fast - x) ** 2) / 4)
    return image


WRONG = {"darker": lambda image: 0.03 * image, "of the other sign": lambda image: -image, "turned": lambda image:
         image[::-1, ::-1].copy(), "half of it": lambda image: np.where(np.arange(60)[:, None] < 30, image, 0),
         "other spots": lambda image: spots(7)}


def loosest(name):
    metric = METRICS[name]
    if metric.best == metric.highest:
        return metric.idle_min + 1e-3, None
    if metric.best == metric.lowest:
        return None, metric.idle_max * 0.999 if np.isfinite(metric.idle_max) else 1e30
    return metric.idle_min * 1.001 or 1e-3, metric.idle_max * 0.999


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_passes_no_metric_at_its_loosest_without_a_word(wrong):
    """A pass is blocked, or told as weak; of the differences that no scale is in, a scale is no mistake."""
    image, rois = spots(1), [Roi.full(Shape(fast=60, slow=60))]
    judging = [name for name in METRICS if METRICS[name].best is not None]
    compared = compare_images(image, WRONG[wrong](image), rois, further={(name, "full") for name in judging})
    for name in judging:
        limits = [Threshold(name, "full", *loosest(name), "loose")]
        assert not judge(compared, limits).accepted or list(weaknesses(limits, rois)), name


def test_an_image_of_the_other_sign_is_none_of_another_scale():
    image = spots(1)
    limit = Threshold("residual_after_scale", "full", None, 0.01, "any scale will do")
    for subject, word in ((-image, Label.FAIL), (0.03 * image, Label.PASS)):
        assert judge(compare_images(image, subject, [Roi.full(Shape(fast=60, slow=60))]), [limit]).word is word
