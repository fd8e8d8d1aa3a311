"""The names of ``import nbcompare``, as scripts use them."""

import subprocess
import sys

import numpy as np
import pytest

import nbcompare


def test_the_public_names_are_these_and_each_is_there():
    assert set(nbcompare.__all__) == {
        "Bundle", "Case", "Comparison", "NbCompareError", "Roi", "Shape", "Threshold", "Verdict", "compare_images",
        "diagnose", "judge", "load_case", "open_bundle", "run_case"}
    for name in nbcompare.__all__:
        assert getattr(nbcompare, name) is not None
    with pytest.raises(AttributeError):
        _ = nbcompare.nonsense


def test_importing_it_loads_nothing_heavy():
    code = "import sys, nbcompare; print(sorted({'numpy', 'yaml', 'scipy', 'click'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_two_arrays_are_compared_and_judged():
    image = np.random.default_rng(1).exponential(5, (20, 30))
    limits = [nbcompare.Threshold("sum_ratio", "full", 0.99, 1.01, "same scale")]
    assert nbcompare.judge(nbcompare.compare_images(image, image), limits).accepted
    verdict = nbcompare.judge(nbcompare.compare_images(image, 1.02 * image), limits)
    assert (str(verdict.word), verdict.accepted) == ("FAIL", False)
    assert not nbcompare.judge(nbcompare.compare_images(image, image), []).accepted


def test_a_case_is_run_and_its_bundle_opened(small_case, fake, tmp_path, quick_runs):
    bundle = nbcompare.run_case(small_case, reference=str(fake("good")), subject=str(fake("bright")),
                                bundles=tmp_path / "b")
    assert str(bundle.verdict.word) == "FAIL"
    again = nbcompare.open_bundle(bundle.folder)
    assert again.verdict == bundle.verdict
    (bundle.folder / "results/summary.json").chmod(0o644)
    (bundle.folder / "results/summary.json").write_text("{}")
    with pytest.raises(nbcompare.NbCompareError, match="summary.json"):
        nbcompare.open_bundle(bundle.folder)


def test_the_cause_of_a_difference_is_asked_for():
    rng = np.random.default_rng(1)
    image = rng.exponential(5, (40, 50)).astype("f4")
    image[10:13, 20:23] += 1000
    causes = nbcompare.diagnose(image, np.ascontiguousarray(image[:, ::-1]))
    assert causes[0].id == "flipped-fast"
