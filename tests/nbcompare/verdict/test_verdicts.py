"""What the thresholds decide, and every exit code."""

import subprocess
import sys

import numpy as np
import pytest

from nbcompare.case.threshold import Threshold
from nbcompare.compare.compare import Comparison, compare_images
from nbcompare.compare.image import Roi, Shape
from nbcompare.errors import EXIT_MEANING, ExitCode, worst
from nbcompare.verdict.verdict import Verdict, judge


def test_two_good_engines_pass(run_small):
    said, _ = run_small()
    assert said.code == 0
    assert said.json["verdict"]["word"] == "PASS"
    assert len(said.json["verdict"]["checks"]) == 4


def test_a_scaled_image_fails_although_its_correlation_is_one(run_small):
    """The sign-off that must never happen again: correlation 1, sum ratio 125,932."""
    said, _ = run_small("good", "bright")
    checks = {(c["threshold"]["metric"], c["threshold"]["roi"]): c for c in said.json["verdict"]["checks"]}
    assert said.code == 3
    assert checks["correlation", "full"]["holds"]
    assert not checks["sum_ratio", "full"]["holds"]
    assert checks["sum_ratio", "full"]["value"] == pytest.approx(125932, rel=1e-6)
    assert any("sum_ratio" in reason for reason in said.json["verdict"]["reasons"])


@pytest.mark.parametrize(("factor", "exit_code"), [(125932.0, 8), (1.011, 8), (1.009, 0), (0.98, 8)])
def test_another_scale_is_no_pass_where_no_threshold_can_see_it(factor, exit_code):
    """Of a case that judges the pattern alone, the scale is told when it is not that of the reference."""
    image = np.random.default_rng(3).lognormal(size=(20, 30)).astype(np.float32)
    full = Roi.full(Shape(20, 30))
    patterns = [Threshold("correlation", "full", 0.98, None, "expected divergence"),
                Threshold("peaks_unmatched", "full", None, 3, "w")]
    comparison = compare_images(image, image * np.float32(factor), [full],
                                further={(threshold.metric, "full") for threshold in patterns})
    found = judge(comparison, patterns)
    assert found.exit_code == exit_code and all(check.holds for check in found.checks)
    assert bool(exit_code) == any(f"{factor:.6g}" in reason for reason in found.reasons)
    known = Threshold("sum_ratio", "full", 0.9 * factor, 1.1 * factor, "a known factor")
    assert judge(comparison, [*patterns, known]).exit_code == 0


def test_a_correlation_of_two_pixels_is_none():
    image = np.array([[1, 2, 3, 40]], np.float32)
    for right, word in ((1, "FAIL"), (2, "PASS")):
        region = Roi("few", 0, right, 0, 0)
        comparison = compare_images(image, image, [region, Roi.full(Shape(1, 4))])
        assert judge(comparison, [Threshold("correlation", "few", 0.98, None, "w")]).word == word, right


def test_an_undefined_figure_fails(run_small):
    said, _ = run_small("good", "constant")
    assert said.code == 3
    assert any("undefined (the subject is constant here)" in reason for reason in said.json["verdict"]["reasons"])


def test_declared_shapes_that_differ_are_exit_4(run_small):
    said, _ = run_small("good", "twin", "--py-args", "-detpixels_x 8")
    assert said.code == 4
    assert said.json["verdict"]["word"] == "NOT COMPARABLE"
    assert "9 x 7" in said.json["verdict"]["reasons"][0] and "8 x 7" in said.json["verdict"]["reasons"][0]


def test_resample_is_noted(run_small):
    said, _ = run_small("good", "twin", "--py-args", "-detpixels_x 8", "--resample")
    assert said.code in (0, 3)
    assert "resampled from 8 x 7" in said.json["comparison"]["notes"][0]


def test_a_short_file_is_never_resampled(run_small):
    said, _ = run_small("good", "short", "--resample")
    assert said.code == 2


def test_mapped_tests_that_fail_block_the_engines(run_small, small_case, tmp_path):
    node = tmp_path / "test_red.py"
    node.write_text("def test_red():\n    assert 1 == 2\n")
    small_case.write_text(small_case.read_text() + f"tests: [{node}]\n")
    said, folder = run_small()
    assert said.code == 8
    assert said.json["runs"] == []
    assert "test_red" in said.json["verdict"]["reasons"][0]
    assert "assert 1 == 2" in (folder / "tests/pytest_cpu.log").read_text()


@pytest.mark.parametrize("content", ["", "import pytest\ndef test_it():\n    pytest.skip('not today')\n"])
def test_mapped_tests_that_show_nothing_block_too(run_small, small_case, tmp_path, content):
    node = tmp_path / "test_nothing.py"
    node.write_text(content)
    small_case.write_text(small_case.read_text() + f"tests: [{node}]\n")
    said, _ = run_small()
    assert said.code == 8


def test_mapped_tests_that_pass_are_logged(run_small, small_case, tmp_path):
    node = tmp_path / "test_green.py"
    node.write_text("def test_green():\n    pass\n")
    small_case.write_text(small_case.read_text() + f"tests: [{node}]\n")
    said, folder = run_small()
    assert said.code == 0
    assert said.json["tests"]["cpu"]["summary"].startswith("1 passed")
    assert "1 passed" in (folder / "tests/pytest_cpu.log").read_text()


def test_the_worst_of_several_cases_decides(nb, fake, small_case, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text(small_case.read_text().replace("name: small", "name: other")
                     .replace("min: 0.99, max: 1.01", "min: 2.0, max: 3.0"))
    said = nb("run", small_case, other, "--c-bin", fake("good"), "--py-bin", fake("twin"), "-q")
    assert said.code == 3
    assert said.out.count("PASS") == 1 and said.out.count("FAIL") == 1


def test_nothing_at_all_is_blocked_not_passed():
    assert worst([]) is ExitCode.BLOCKED


def test_a_defect_of_ours_is_exit_70_with_its_trace(nb, monkeypatch, small_case):
    monkeypatch.setattr("nbcompare.case.case_file.load_case", lambda path: 1 / 0)
    said = nb("run", small_case)
    assert said.code == 70
    assert "ZeroDivisionError" in said.err and "defect of nb-compare" in said.err


def test_a_folder_that_cannot_be_written_is_exit_5(nb, fake, small_case, tmp_path):
    (tmp_path / "bundles").write_text("a file where a folder should be")
    said = nb("run", small_case, "--c-bin", fake("good"), "--py-bin", fake("twin"), "-q")
    assert said.code == 5
    assert "cannot make a bundle there" in said.err and "Traceback" not in said.err


def test_every_exit_code_is_explained_in_the_help():
    said = subprocess.run([sys.executable, "-m", "nbcompare", "--help"], capture_output=True, text=True, check=True)
    for code, meaning in EXIT_MEANING.items():
        assert f" {code.value} {meaning}" in " ".join(said.stdout.split())
    assert set(EXIT_MEANING) == set(ExitCode)


def test_a_comparison_without_thresholds_is_no_pass(lively):
    comparison = compare_images(lively, lively, [Roi.full(Shape(*lively.shape))])
    assert judge(comparison, []).exit_code is ExitCode.BLOCKED


def test_comparison_and_verdict_can_be_read_back_equal(lively):
    comparison = compare_images(lively, 2 * lively, [Roi.full(Shape(*lively.shape)), Roi("part", 2, 5, 1, 3)])
    verdict = judge(comparison, [Threshold("correlation", "part", 0.5, None, "x")])
    assert Comparison.from_dict(comparison.as_dict()) == comparison
    assert Verdict.from_dict(verdict.as_dict()) == verdict


@pytest.fixture
def lively():
    import numpy as np

    return np.random.default_rng(7).exponential(size=(12, 15)).astype("f4")
