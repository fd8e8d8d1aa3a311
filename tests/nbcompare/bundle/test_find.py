"""What stands for a bundle wherever one is expected: a folder, a case's folder, a case file, a name."""

import shutil
from pathlib import Path

import pytest

from nbcompare.bundle.find import find_bundle, names_of
from nbcompare.errors import EvidenceError


def test_a_case_stands_for_its_newest_bundle(store, small_case, tmp_path):
    for named in ("small", "bundles/small", "bundles/small/", small_case, f"small/{store.crashed.name}",
                  store.crashed.name, store.crashed, tmp_path / store.crashed):
        assert find_bundle(named).resolve() == store.crashed.resolve(), named
    assert find_bundle(f"small/{store.passed.name}") == store.passed and names_of() == ["small"]


def test_everything_that_takes_a_bundle_takes_a_name(store, nb, tmp_path):
    shutil.rmtree(store.crashed)
    assert "FAIL" in nb("show", "small").out
    assert nb("verify", "small").out == f"{store.failed}: intact\n"
    assert nb("check", "small").code == 3 and nb("compare", "small", f"small/{store.passed.name}").code == 3
    assert nb("report", "small", "--html", "x.html").code == 0 and Path("x.html").exists()
    assert nb("export", "small", "-o", "x.zip").code == 0 and Path("x.zip").exists()
    assert nb("diagnose", "small", "--quick").code == 3


def test_the_newest_is_meant_also_where_it_is_damaged(store, nb):
    (store.crashed / "record.json").unlink()
    assert find_bundle("small") == store.crashed and nb("show", "small").code == 6


def test_what_may_be_two_bundles_is_an_error_that_names_both(store, nb, tmp_path):
    shutil.copytree("bundles/small", "small")
    said = nb("show", "small")
    assert said.code == 6 and "more than one bundle" in said.err
    assert f"bundles/small/{store.crashed.name}" in said.err and f"  small/{store.crashed.name}" in said.err
    shutil.rmtree("small")
    for cell in ("m.one", "m.two"):
        shutil.copytree(store.passed, tmp_path / "bundles" / cell / store.passed.name)
    with pytest.raises(EvidenceError, match="more than one bundle") as caught:
        find_bundle("m")
    assert len(caught.value.faults) == 2
    with pytest.raises(EvidenceError, match="more than one bundle"):
        find_bundle(store.passed.name)


def test_a_name_nobody_has_is_told_with_the_nearest(store, nb):
    said = nb("show", "smal")
    assert said.code == 6 and "did you mean 'small'?" in said.err
    Path("empty").mkdir()
    assert "no bundle here" in nb("show", "empty").err


def test_the_folder_of_a_one_shot_stands_for_its_newest_bundle(nb, fake, quick_runs):
    """So that its page is made by what the user has at hand."""
    said = nb("--c-bin", fake("good"), "--py-bin", fake("bright"), "-q", "--outdir", "out", "--", "-detpixels_x", 9,
              "-detpixels_y", 7)
    assert said.code == 3 and Path("out/region.png").is_file()
    assert find_bundle("out").parent == Path("out/bundles/one-shot")
    assert nb("report", "out", "--html", "x.html").code == 0 and "FAIL" in Path("x.html").read_text()


@pytest.mark.parametrize("words", [("verify",), ("compare",), ("report",)])
def test_all_names_without_a_bundle_are_told_at_once(nb, store, words):
    said = nb(*words, "none", "other")
    assert said.code == 6 and "2 errors\n  none: there is no bundle" in said.err and "  other: there is no" in said.err


@pytest.mark.parametrize("words", [("run",), ("run", "--dry-run"), ("sweep",)])
def test_all_cases_that_cannot_be_read_are_told_at_once(nb, small_case, words):
    Path("bad.yaml").write_text("name: [\n")
    said = nb(*words, "none.yaml", small_case, "bad.yaml")
    assert said.code == 1 and "2 errors\n  none.yaml: cannot read" in said.err and "  bad.yaml:" in said.err
    assert not Path("bundles").exists()
