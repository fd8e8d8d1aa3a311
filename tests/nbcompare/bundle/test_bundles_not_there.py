"""What is said of a bundle that is not there: what is missing and where, and which name was meant."""

from dataclasses import replace
from pathlib import Path

import pytest

import nbcompare
from nbcompare.bundle.archive import opened as opened_module
from nbcompare.bundle.archive.sealed import Sealing
from nbcompare.bundle.bundle import contents_of, load_bundle
from nbcompare.bundle.check.archived import cell_of
from nbcompare.bundle.find import find_bundle
from nbcompare.bundle.history.kept import runs_of
from nbcompare.errors import EvidenceError
from tests.nbcompare.made_history import stamp_of


@pytest.fixture
def sealed(store, monkeypatch):
    """A bundle in an archive, as the cell small.phi0.5; and one of no cell in a folder of its own."""
    monkeypatch.setattr(opened_module, "_FOLDERS", {})
    monkeypatch.setattr(opened_module, "_SCRATCH", [])
    path = store.root / "grid" / f"{stamp_of(9)}-0001.zip"
    path.parent.mkdir()
    making = Sealing(path)
    making.add(contents_of(store.passed), replace(cell_of(load_bundle(store.passed), 1.5), cell="small.phi0.5"))
    making.seal()
    return path


def told(path, **how):
    with pytest.raises(nbcompare.NbCompareError) as caught:
        nbcompare.open_bundle(path, **how)
    assert isinstance(caught.value, EvidenceError)
    return str(caught.value)


@pytest.mark.parametrize("verify", [True, False])
def test_an_opened_bundle_that_is_not_there_is_said_to_be_missing(sealed, store, verify):
    root = store.root
    missing = told(root / "gird/20260101T000000Z", verify=verify)
    assert f"there is no bundle; nothing lies at {root / 'gird'}\n" in missing
    gone = root / "grid/20260101T000000Z-0001.zip"
    assert f"there is no archive {gone}\n" in told(gone, verify=verify) + "\n"
    assert f"there is no archive {gone}\n" in told(gone / "small.phi0.5", verify=verify)
    assert "no such bundle in the archive; did you mean 'small.phi0.5'?" in told(sealed / "small.phi0", verify=verify)
    assert "in this folder (neither record.json nor" in told(root / "grid", verify=verify)
    assert f"name a bundle in it, {root / 'small'}/STAMP" in told(root / "small", verify=verify)
    Path("a.yaml").write_text("a")
    assert "a bundle is a folder, and this is a file" in told("a.yaml", verify=verify)
    bare = root / "small" / stamp_of(8)
    bare.mkdir()
    (bare / "record.json").write_text("{}")
    assert "there is no bundle" not in told(bare, verify=verify), "it is there, and damaged"


def test_a_bundle_of_an_archive_is_opened_and_held_against_its_index(sealed, store):
    found = nbcompare.open_bundle(sealed / "small.phi0.5", verify=False)
    assert found.verdict == load_bundle(store.passed).verdict
    assert "the cell of small.phi0.5 is not that of its record" in told(sealed / "small.phi0.5")


def test_the_name_of_an_archived_cell_that_was_nearly_said_is_told(sealed, store):
    for named, said in (("small.phi0.6", "did you mean 'small.phi0.5'?"), ("smal", "did you mean 'small'?"),
                        ("qqqq", "known: small\n"), ("grid/none.zip/a", "there is no archive grid/none.zip\n")):
        with pytest.raises(EvidenceError, match="there is no bundle of that name") as caught:
            find_bundle(named, store.root)
        assert said in str(caught.value)


def test_a_case_of_which_only_cells_are_archived_is_told_so(sealed, store):
    with pytest.raises(EvidenceError, match="grid: this case has bundles of each cell") as caught:
        find_bundle("grid", store.root)
    assert caught.value.hint == "name one, small.phi0.5 say"
    for named in ("small.phi0.5", f"grid/{sealed.name}/small.phi0.5"):
        with pytest.raises(EvidenceError, match=r"the bundles of small.phi0.5 lie in sealed archives") as caught:
            runs_of(store.root, named)
        assert caught.value.hint == "nb-compare show small.phi0.5 prints the newest"
    with pytest.raises(EvidenceError, match="there is no bundle of case qqqq; known: small\n"):
        runs_of(store.root, "qqqq")
