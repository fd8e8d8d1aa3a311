"""What was found out about a bundle is kept beside it, belongs to that bundle alone, and leaves it intact."""

from nbcompare.bundle.found import DIAGNOSIS, keep, kept


def test_a_diagnosis_is_kept_beside_its_bundle_and_reaches_the_page(run_small, nb, tmp_path):
    _, folder = run_small(subject="bright")
    assert kept(folder, DIAGNOSIS) is None
    answer = nb("diagnose", folder.parent, "--quick", "--format", "json").json  # by its case: the newest is meant
    assert kept(folder, DIAGNOSIS) == answer and answer["causes"]
    assert nb("verify", folder).code == 0
    assert nb("report", folder, "--html", tmp_path / "page.html").code == 0
    first = answer["causes"][0]
    word = "proven" if first["proven"] else "perhaps"
    page = (tmp_path / "page.html").read_text()
    assert f"<b>{word}</b>, confidence {first['confidence']:.2f}: " in page
    assert f"nb-compare diagnose {folder}" not in page


def test_an_answer_about_other_evidence_of_that_name_is_none(run_small, nb):
    _, folder = run_small(subject="bright")
    nb("diagnose", folder, "--quick")
    manifest = folder / "manifest-sha256.txt"
    manifest.chmod(0o644)
    manifest.write_text(manifest.read_text().replace("0", "1", 1))
    assert kept(folder, DIAGNOSIS) is None


def test_answers_go_with_a_bundle_that_is_pruned_and_no_others(store, nb):
    for folder in (store.passed, store.failed):
        keep(folder, DIAGNOSIS, {"causes": []})
    assert nb("prune", "--keep", 2, "--yes").code == 0 and not store.passed.exists()
    found = store.root / "small" / ".found"
    assert [entry.name for entry in found.iterdir()] == [store.failed.name]
    assert nb("prune", "--keep", 0, "--yes").code == 0
    assert not found.exists()
