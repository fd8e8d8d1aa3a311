"""What was found out about a bundle is kept beside it, belongs to that bundle alone, and leaves it intact."""

import subprocess
from pathlib import Path

from nbcompare.bundle.found import DIAGNOSIS, keep, kept
from nbcompare.engine.repository.git import repository_of


def test_a_diagnosis_is_kept_beside_its_bundle_and_reaches_the_page(run_small, nb, tmp_path):
    _, folder = run_small(subject="bright")
    assert kept(folder, DIAGNOSIS) is None
    answer = nb("diagnose", folder.parent, "--quick", "--format", "json").json  # by its case: the newest is meant
    assert {"schema_version": 1, **(kept(folder, DIAGNOSIS) or {})} == answer and answer["causes"]
    assert nb("verify", folder).code == 0
    assert nb("report", folder, "--html", tmp_path / "page.html").code == 0
    first = answer["causes"][0]
    rivals = first["proven"] and first["rivals"]
    word = "one of several that give this image" if rivals else "proven" if first["proven"] else "perhaps"
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
    assert sorted(entry.name for entry in found.iterdir()) == [".gitignore", store.failed.name]
    assert nb("prune", "--keep", 0, "--yes").code == 0
    assert not found.exists()


def test_looking_at_a_committed_bundle_leaves_the_tree_clean(store, nb, tmp_path):
    """Its page and the answer kept about it lie in the repository, and git overlooks them."""
    for words in (("init", "-q"), ("add", "-A"), ("-c", "user.name=A", "-c", "user.email=a@b.c", "commit", "-qm", "m")):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    assert nb("diagnose", store.failed, "--quick").code == 3 and nb("report", store.failed).code == 0
    said = nb("report", store.passed, store.failed)
    assert Path(said.out.strip()).is_file() and len(list(store.root.glob("small/pages/*.html"))) == 2
    assert kept(store.failed, DIAGNOSIS) and repository_of(tmp_path).dirty is False


def test_a_page_lies_here_where_none_can_lie_beside_its_bundle(store, nb):
    (store.failed.parent / "pages").write_text("somebody's own file")
    said = nb("report", store.failed)
    assert (said.code, said.out) == (0, f"{store.failed.name}.html\n") and Path(said.out.strip()).is_file()
