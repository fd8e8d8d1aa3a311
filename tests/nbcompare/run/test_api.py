"""The names of ``import nbcompare``, as scripts use them."""

import dataclasses
import re
import subprocess
import sys
import typing
from pathlib import Path

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

def printed_and_promised(page):
    """The Python blocks of a page in order, each with what its comments say that it prints."""
    for block in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        promised = [line.partition("  # ")[2].strip() for line in block.splitlines() if "print(" in line]
        if promised:
            yield block, promised


def test_the_examples_of_the_page_print_what_it_says(small_case, fake, tmp_path, monkeypatch, capsys, quick_runs):
    monkeypatch.chdir(tmp_path)
    small_case.rename("case.yaml")
    blocks = list(printed_and_promised(Path(__file__).resolve().parents[3] / "docs/api.md"))
    assert len(blocks) == 2
    names = {}
    for block, promised in blocks:
        block = block.replace("./nanoBragg", str(fake("good"))).replace("python -m myport", str(fake("twin")))
        exec(compile(block, "docs/api.md", "exec"), names)
        assert capsys.readouterr().out.splitlines() == promised


def test_every_exported_name_stands_in_the_page_with_its_signature():
    page = (Path(__file__).resolve().parents[3] / "docs/api.md").read_text()
    for name in nbcompare.__all__:
        assert f"`{name}" in page, name
    for name in ("load_case", "run_case", "compare_images", "judge", "diagnose", "open_bundle"):
        function = getattr(nbcompare, name)
        assert "return" in typing.get_type_hints(function, localns={"np": np, "Cause": object}), name
        assert function.__doc__.strip()
    for name in ("Case", "Roi", "Shape", "Threshold", "Comparison", "Verdict", "Bundle"):
        assert dataclasses.is_dataclass(getattr(nbcompare, name))
        with pytest.raises(dataclasses.FrozenInstanceError):
            object.__new__(getattr(nbcompare, name)).name = 1
