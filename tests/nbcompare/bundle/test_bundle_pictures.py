"""Pictures of regions in a bundle: part of it where they are, not missed where a bundle is older than they are."""

import json

import pytest

from nbcompare.compare.pictures import METHOD, METHOD_OF_EACH
from nbcompare.files import dump_json
from tests.nbcompare.bundle.test_archive_verify import fix_sums, overwrite


def test_a_bundle_of_before_there_were_pictures_of_regions_is_intact(store, nb):
    """Such a one also says that both images are on one scale, whatever their sums."""
    for folder in (store.passed, store.failed):
        for name in ("region_1_full.png", "region_2_middle.png"):
            (folder / "results" / name).unlink()
        summary = json.loads((folder / "results/summary.json").read_text())
        overwrite(folder / "results/summary.json", dump_json({**summary, "png_scale_method": METHOD}))
        fix_sums(folder)
    said = nb("verify", store.passed, store.failed)
    assert said.code == 0, said.out


@pytest.mark.parametrize(("name", "fault"), [("region_1_full.png", "disagrees"), ("region_3_full.png", "unexpected"),
                                             ("region_1_other.png", "unexpected")])
def test_a_picture_of_no_region_or_no_picture_is_a_fault(store, nb, name, fault):
    path = store.passed / "results" / name
    path.touch()
    overwrite(path, b"GIF89a")
    fix_sums(store.passed)
    said = nb("verify", store.passed)
    assert said.code == 6 and f"{fault}: results/{name}" in said.out


def test_the_summary_says_how_brightness_was_chosen(store):
    said = [json.loads((folder / "results/summary.json").read_text())["png_scale_method"]
            for folder in (store.passed, store.failed)]
    assert said == [METHOD, METHOD_OF_EACH]  # the failed one is 125,932 times as bright


def test_pictures_that_tests_remember_are_those_that_are_drawn(run_small, made_once):
    """The bundles that are made once are drawn before anything is remembered (tests/nbcompare/conftest.py)."""
    drawn = {path.name: path.read_bytes() for path in sorted((made_once / "small").iterdir())[1].rglob("*.png")}
    for _ in range(2):
        folder = run_small(subject="bright")[1]
        assert {path.name: path.read_bytes() for path in folder.rglob("*.png")} == drawn and len(drawn) >= 5
