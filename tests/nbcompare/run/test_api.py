"""The names of ``import nbcompare``, as scripts use them."""

import dataclasses
import re
import subprocess
import sys
import tomllib
import typing
from pathlib import Path

import numpy as np
import pytest

import nbcompare

CHECKOUT = Path(__file__).resolve().parents[3]


def test_the_public_names_are_these_and_each_is_there():
    assert set(nbcompare.__all__) == {
        "Bundle", "Case", "Comparison", "NbCompareError", "Roi", "Shape", "Threshold", "Verdict",
        "WeakThresholds", "compare_images", "diagnose", "judge", "load_case", "open_bundle", "run_case"}
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
    assert nbcompare.judge(nbcompare.compare_images(image, image.copy()), limits).accepted
    verdict = nbcompare.judge(nbcompare.compare_images(image, 1.02 * image), limits)
    assert (str(verdict.word), verdict.accepted) == ("FAIL", False)
    assert not nbcompare.judge(nbcompare.compare_images(image, image.copy()), []).accepted


def test_thresholds_and_regions_of_an_iterator_judge_as_those_of_a_list():
    """An iterator gives them once: what looked at them first left none to judge by."""
    image = np.random.default_rng(3).exponential(size=(20, 30))
    limits = [nbcompare.Threshold("sum_ratio", "full", 0.99, 1.01, "same scale")]
    comparison = nbcompare.compare_images(image, 5 * image, iter([nbcompare.Roi("full", 0, 29, 0, 19)]))
    verdict = nbcompare.judge(comparison, iter(limits))
    assert (str(verdict.word), len(verdict.checks)) == ("FAIL", 1)
    assert str(nbcompare.judge(comparison, iter(())).word) == "BLOCKED"


def test_a_matrix_is_no_case_of_which_one_cell_is_run(small_case, fake):
    small_case.write_text(small_case.read_text() + "matrix:\n  runs: {one: -phi 0}\n")
    with pytest.raises(nbcompare.NbCompareError, match="a matrix of cells"):
        nbcompare.run_case(small_case, reference=fake("good"), subject=fake("twin"))


def test_a_case_is_run_and_its_bundle_opened(small_case, fake, tmp_path, quick_runs):
    bundle = nbcompare.run_case(small_case, reference=fake("good"), subject=str(fake("bright")),
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


IMAGE = np.arange(1.0, 64).reshape(7, 9)
BOX = nbcompare.Roi("box", 0, 3, 0, 3)


@pytest.mark.parametrize(("reference", "subject", "complaint"), [
    (IMAGE, IMAGE, "compared with itself shows nothing"), (IMAGE, IMAGE[1:], "the subject 9 x 6 pixels"),
    (IMAGE, IMAGE[0], r"the subject has shape \(9,\)"), (IMAGE[:0], IMAGE[:0], "with pixels in it"),
    (IMAGE, IMAGE > 5, "array of bool"), (IMAGE * 1j, IMAGE, "array of complex128"), ("ab", IMAGE, "the reference has"),
    (np.ma.masked_less(IMAGE, 5), IMAGE, "whose mask would be lost"),
    ([[1, 2], [3]], IMAGE, "the reference is no array")])
def test_what_is_no_pair_of_images_is_one_line(reference, subject, complaint):
    for ask in (nbcompare.compare_images, nbcompare.diagnose):
        with pytest.raises(nbcompare.NbCompareError, match=complaint):
            ask(reference, subject)


def test_lists_and_whole_numbers_are_images_too():
    found = nbcompare.compare_images(IMAGE.tolist(), (2 * IMAGE).astype("u1"))
    assert found.figure("sum_ratio", "full").value == 2


@pytest.mark.parametrize(("regions", "complaint"), [
    ([nbcompare.Roi("x", 0, 9, 0, 3)], "region x: x 0 to 9 and y 0 to 3 do not lie in an image of 9 x 7 pixels"),
    ([nbcompare.Roi("x", -1, 3, 0, 3)], "do not lie"), ([nbcompare.Roi("x", 5, 2, 0, 3)], "do not lie"),
    ([BOX, BOX], "two regions are called box")])
def test_a_region_that_is_not_in_the_image_is_no_smaller_one(regions, complaint):
    with pytest.raises(nbcompare.NbCompareError, match=complaint):
        nbcompare.compare_images(IMAGE, 2 * IMAGE, regions)


@pytest.mark.parametrize(("metric", "low", "high", "complaint"), [
    ("sum_ratio", None, None, "could never fail"), ("correlation", 2, None, "nothing could hold"),
    ("sum_ratio", -1e9, 1e9, "could never fail"),
    ("corelation", 0.9, None, "did you mean 'correlation'")])
def test_a_threshold_that_judges_nothing_gives_no_verdict(metric, low, high, complaint):
    comparison = nbcompare.compare_images(IMAGE, 2 * IMAGE)
    with pytest.raises(nbcompare.NbCompareError, match=complaint):
        nbcompare.judge(comparison, [nbcompare.Threshold(metric, "full", low, high, "why")])


@pytest.mark.parametrize(("words", "error", "complaint"), [
    ({"reference": "nothing"}, "UsageError", "^reference=: there is no program nothing"),
    ({"inputs": {"A.mat": "small.yaml"}}, "UsageError", "^inputs= .*no input 'A.mat'"),
    ({"subject": ""}, "UsageError", "^subject= is empty"), ({"reference": " "}, "UsageError", "^reference= is empty"),
    ({"subject": ["python", "-m", "myport"]}, "UsageError", "a command line as text or Path, found"),
    ({"inputs": ["A.mat"]}, "UsageError", "a mapping of names"), ({"bundles": None}, "UsageError", "^bundles= takes"),
    ({"inputs": {"A.mat": None}}, "UsageError", "A.mat.*found None"),
    ({"fresh": "no"}, "UsageError", "True or False, found 'no'"),
    ({"side_by_side": 1}, "UsageError", "^side_by_side= takes True or False"),
    ({"side_by_side": True}, "UsageError", "^side_by_side=: an engine could read the other one's image"),
    ({"bundles": "small.yaml"}, "FileError", "cannot make a bundle there")])
def test_what_cannot_be_run_raises_before_anything_is(small_case, fake, tmp_path, monkeypatch, words, error, complaint):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(nbcompare.NbCompareError, match=complaint) as caught:
        nbcompare.run_case(small_case, **{"reference": fake("good"), "subject": fake("twin"), **words})
    assert type(caught.value).__name__ == error and not Path("bundles").exists()


def test_a_bad_case_is_told_with_its_place_and_a_bundle_that_is_none_by_its_folder(tmp_path):
    (tmp_path / "bad.yaml").write_text("name: bad\ntitel: x\n")
    with pytest.raises(nbcompare.NbCompareError, match=r"bad\.yaml:2:1: .*titel") as caught:
        nbcompare.load_case(tmp_path / "bad.yaml")
    assert (caught.value.line, caught.value.column, int(caught.value.exit_code)) == (2, 1, 1)
    with pytest.raises(nbcompare.NbCompareError, match="nowhere") as caught:
        nbcompare.open_bundle(tmp_path / "nowhere")
    assert int(caught.value.exit_code) == 6


def printed_and_promised(page):
    """The Python blocks of a page in order, each with what its comments say that it prints."""
    for block in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        promised = [line.partition("  # ")[2].strip() for line in block.splitlines() if "print(" in line]
        if promised:
            yield block, promised


def test_the_examples_of_the_page_print_what_it_says(small_case, fake, tmp_path, monkeypatch, capsys, quick_runs):
    monkeypatch.chdir(tmp_path)
    small_case.rename("case.yaml")
    blocks = list(printed_and_promised(CHECKOUT / "docs/api.md"))
    assert len(blocks) == 2
    names = {}
    for block, promised in blocks:
        block = block.replace("./nanoBragg", str(fake("good"))).replace("python -m myport", str(fake("twin")))
        exec(compile(block, "docs/api.md", "exec"), names)
        assert capsys.readouterr().out.splitlines() == promised


def test_the_types_are_there_for_scripts_of_others_and_the_script_that_shows_it_runs(tmp_path):
    """mypy reads typed_use.py with the package, in `make check`."""
    from tests.nbcompare.run import typed_use

    settings = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["mypy"]
    assert Path(typed_use.__file__).relative_to(CHECKOUT).as_posix() in settings["files"]
    assert (CHECKOUT / "nbcompare/py.typed").is_file()
    words = set(re.findall(r"\w+", Path(typed_use.__file__).read_text()))
    assert set(nbcompare.__all__) <= words
    with pytest.warns(nbcompare.WeakThresholds):
        assert str(typed_use.judged().word) == "FAIL"
    assert "cannot read the file" in typed_use.ran(tmp_path / "no.yaml")


def test_importing_it_warns_of_nothing():
    code = "import nbcompare; [getattr(nbcompare, name) for name in nbcompare.__all__]"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_exported_name_stands_in_the_page_with_its_signature():
    page = (CHECKOUT / "docs/api.md").read_text()
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
