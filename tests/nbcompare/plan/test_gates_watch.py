"""Files that must not change: protected assets, and the bundle around a running engine."""

import pytest

pytestmark = pytest.mark.usefixtures("quick_runs")

MATRIX = "1 0 0 0 1 0 0 0 1\n"
WITH_INPUT = "inputs: {A.mat: {file: own.mat}}\n"


@pytest.mark.parametrize(("role", "reach", "said_of"), [
    ("subject", "other-image", "added inputs/c_roi_float.bin"),
    ("reference", "delete", "changed inputs/py_cli_stdout.txt"),
    ("reference", "input", "changed inputs/data/A.mat"),
    ("reference", "other-folder", "added scratch-py, scratch-py/float.bin"),
    ("reference", "file-to-folder", "changed inputs/py_cli_stdout.txt and added inputs/py_cli_stdout.txt/within"),
    ("subject", "folder-to-link", "changed inputs/data, inputs/data/A.mat"),
    ("subject", "link", "added inputs/link"),
])
def test_an_engine_that_reaches_outside_its_folder_has_failed(run_small, small_case, tmp_path, nb, role, reach,
                                                              said_of):
    """Its image is the right one; it may not be believed all the same, and the bundle stays whole. The subject runs
    first, so that nothing of the reference is there yet for it to reach."""
    (tmp_path / "own.mat").write_text(MATRIX)
    small_case.write_text(small_case.read_text() + WITH_INPUT)
    engines = {"reference": "good", "subject": "twin", role: "trespass"}
    option = {"reference": "--c-args", "subject": "--py-args"}[role]
    said, folder = run_small(engines["reference"], engines["subject"], option, f"-reach {reach}")
    failed = next(run for run in said.json["runs"] if run["role"] == role)["failure"]
    assert said.code == 2 and failed["kind"] == "trespass"
    assert said_of in failed["sentence"]
    assert (folder / "inputs/data/A.mat").read_text() == MATRIX
    assert len({run["image_sha256"] for run in said.json["runs"]}) == 1
    assert nb("verify", folder).code == 0


def test_an_image_swapped_for_the_reference_cannot_pass(run_small):
    """The subject is wrong by a factor of two and makes the reference's kept image wrong in the same way."""
    said, _ = run_small("good", "trespass", "--py-args", "-double -reach other-image")
    assert said.code == 2 and said.json["verdict"]["word"] == "ENGINE FAILED"


def test_what_an_engine_added_outside_is_kept(run_small):
    _, folder = run_small("trespass", "good", "--c-args", "-reach other-folder")
    assert (folder / "failed/c/outside/scratch-py/float.bin").stat().st_size == 252


# --- protected assets -------------------------------------------------------------------------------


def _protect(small_case, tmp_path, test_body: str) -> None:
    (tmp_path / "asset.txt").write_text("before\n")
    (tmp_path / "test_mapped.py").write_text(f"from pathlib import Path\n\ndef test_it():\n    {test_body}\n")
    small_case.write_text(small_case.read_text() + f"protected: [asset.txt]\ntests: [{tmp_path}/test_mapped.py]\n")


def test_a_protected_file_that_stays_is_recorded(run_small, small_case, tmp_path):
    _protect(small_case, tmp_path, "assert True")
    said, _ = run_small()
    entry = said.json["protected"]["asset.txt"]
    assert said.code == 0 and entry["before"] == entry["after"] and len(entry["before"]) == 64


def test_what_a_plan_of_another_name_protects_is_watched_too(run_small, tmp_path):
    """As phases-nanobragg.yaml beside phases.yaml: without it, no gate of that plan could be green."""
    (tmp_path / "asset.txt").write_text("before\n")
    (tmp_path / "phases-other.yaml").write_text("title: t\nprotected: [asset.txt]\nphases:\n  - {name: N1, title: t, "
                                                 "cases: [small.yaml], requires: {files_complete: true}}\n")
    assert "asset.txt" in run_small()[0].json["protected"]


@pytest.mark.parametrize(("body", "what"), [
    ("Path(__file__).with_name('asset.txt').write_text('after')", "changed"),
    ("Path(__file__).with_name('asset.txt').unlink()", "vanished"),
])
def test_a_protected_file_that_a_test_changes_blocks(run_small, small_case, tmp_path, body, what):
    _protect(small_case, tmp_path, body)
    said, _ = run_small()
    assert said.code == 8
    assert said.json["verdict"]["reasons"] == [f"the protected file asset.txt {what} during the run"]
    assert said.json["comparison"] is None


def test_a_plan_beside_the_case_protects_too(run_small, small_case, tmp_path):
    (tmp_path / "asset.txt").write_text("before\n")
    (tmp_path / "phases.yaml").write_text(
        "title: t\nprotected: [asset.txt]\n"
        "phases: [{name: N1, title: t, cases: [small.yaml], requires: {verdict: [PASS]}}]\n")
    (tmp_path / "test_mapped.py").write_text(
        "from pathlib import Path\n\ndef test_it():\n    Path(__file__).with_name('asset.txt').write_text('after')\n")
    small_case.write_text(small_case.read_text() + f"tests: [{tmp_path}/test_mapped.py]\n")
    said, _ = run_small()
    assert said.code == 8 and "protected file asset.txt changed" in said.json["verdict"]["reasons"][0]


def test_a_protected_file_that_is_not_there_is_a_case_error(nb, small_case):
    small_case.write_text(small_case.read_text() + "protected: [nowhere.txt]\n")
    said = nb("run", small_case)
    assert said.code == 1 and "small.yaml:11:13: protected: there is no file nowhere.txt" in said.err
