"""Gates through the front door: green only when all a phase requires is found to hold in the evidence itself."""

import hashlib
import json
import os
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from nbcompare.bundle.bundle import write_manifest
from nbcompare.commands.options import PHASES_FILE, bundles_again, plan_again

pytestmark = pytest.mark.usefixtures("quick_runs")

ALL = "files_complete: true, engines_unchanged: true, inputs_unchanged: true, max_age_hours: 1"
PLAN = """\
title: a plan of two phases
phases:
  - {name: N1, title: the evidence is there, cases: [small.yaml], requires: {files_complete: true, max_age_hours: 1}}
  - {name: N2, title: the images agree, cases: [small.yaml], requires: {verdict: [PASS], signed: [N1], %s}}
"""


@pytest.fixture
def plan(tmp_path, small_case):
    """Write the plan, its second phase with more requirements."""

    def write(more=ALL, text=PLAN) -> Path:
        path = tmp_path / "phases.yaml"
        path.write_text(text % more if "%s" in text else text)
        return path

    return write


@pytest.fixture
def gate(nb):
    """The gate of a phase, as JSON with the exit code of the process."""

    def call(phase, *more):
        said = nb("gate", phase, "--phases", "phases.yaml", "--format", "json", *more)
        assert said.json["exit_code"] == said.code and said.json["green"] == (said.code == 0)
        return said.json

    return call


def failing(said) -> dict:
    """The lines that do not hold: requirement and reason."""
    return {item["requirement"]: item["why"] for item in said["items"] if not item["holds"]}


def sign(nb, phase, *more):
    return nb("sign", phase, "--phases", "phases.yaml", "--by", "A. Person", *more)


def tamper(folder: Path, name: str, change) -> None:
    """Change a text file of a bundle and put the manifest right."""
    for path in (folder / name, folder / "manifest-sha256.txt"):
        os.chmod(path, 0o644)
    (folder / name).write_text(change((folder / name).read_text()))
    write_manifest(folder)


# --- the whole way ----------------------------------------------------------------------------------------


def test_the_whole_way_from_nothing_to_green(plan, gate, nb, run_small):
    plan()
    assert failing(gate("N1")) == {"evidence": "there is no bundle of this case"}
    _, folder = run_small()
    assert gate("N1")["green"]
    assert failing(gate("N2")) == {"signed N1": "N1 is not signed off"}
    assert sign(nb, "N1").code == 0
    said = gate("N2")
    assert said["exit_code"] == 0 and said["bundles"] == {"small": folder.name}
    assert {item["requirement"] for item in said["items"]} == {
        "evidence", "experiment", "files_complete", "engines_unchanged", "inputs_unchanged", "verdict", "max_age_hours",
        "signed N1"}


def test_nothing_found_is_exit_8_and_never_green(plan, gate):
    plan()
    for phase in ("N1", "N2"):
        assert gate(phase)["exit_code"] == 8


def test_an_unknown_phase_names_the_nearest(plan, nb):
    plan()
    said = nb("gate", "N3", "--phases", "phases.yaml")
    assert said.code == 1 and "there is no phase 'N3'; did you mean 'N2'?" in said.err


# --- evidence is not believed -----------------------------------------------------------------------------


def test_a_failing_comparison_is_red_with_its_own_exit_code(plan, gate, nb, run_small):
    plan()
    run_small("good", "bright")
    assert sign(nb, "N1").code == 0
    said = gate("N2")
    assert said["exit_code"] == 3 and failing(said)["verdict"].startswith("FAIL: sum_ratio on full: 125932")


def test_a_stored_pass_is_judged_again_by_the_case_as_it_is_now(plan, gate, run_small, small_case):
    """The case asks for more than when the bundle was made; the stored word is PASS still."""
    plan("max_age_hours: 1")
    run_small()
    small_case.write_text(small_case.read_text() + "  - {metric: sum_ratio, min: 1.01, max: 1.02, why: w}\n")
    said = gate("N2")
    reason = "FAIL (the bundle said PASS): sum_ratio on full: 1, allowed 1.01 .. 1.02"
    assert failing(said)["verdict"].startswith(reason)


def test_a_record_whose_verdict_was_edited_with_sums_put_right_is_damage(plan, gate, run_small):
    plan()
    _, folder = run_small("good", "bright")
    tamper(folder, "record.json", lambda text: text.replace('"word": "FAIL"', '"word": "PASS"'))
    said = gate("N2")
    assert said["exit_code"] == 6 and "disagrees: " in failing(said)["evidence"]


def test_a_flipped_bit_is_exit_6_in_every_phase(plan, gate, run_small):
    plan()
    _, folder = run_small()
    image = folder / "inputs/py_roi_float.bin"
    os.chmod(image, 0o644)
    image.write_bytes(image.read_bytes()[:-1] + b"\x01")
    for phase in ("N1", "N2"):
        assert gate(phase)["exit_code"] == 6


def test_the_newest_bundle_counts_even_when_an_older_one_is_kinder(plan, gate, run_small):
    plan("max_age_hours: 1")
    run_small("good", "twin")
    run_small("good", "bright")
    assert "verdict" in failing(gate("N2"))


def test_a_link_to_a_bundle_is_no_bundle(plan, gate, run_small, tmp_path):
    plan()
    _, folder = run_small()
    shutil.move(folder, tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    assert gate("N1")["exit_code"] == 6


def test_an_engine_that_failed_leaves_the_gate_red_with_exit_2(plan, gate, run_small):
    plan("max_age_hours: 1")
    run_small("good", "crash")
    said = gate("N2")
    assert said["exit_code"] == 2 and "crashed with SIGSEGV" in failing(said)["verdict"]
    assert "not there: results/c.png" in failing(gate("N1"))["files_complete"]


# --- each requirement -------------------------------------------------------------------------------------


def requirement(gate, name) -> tuple[bool, str]:
    item = next(item for item in gate("N2")["items"] if item["requirement"] == name)
    return item["holds"], item["why"]


def test_engines_unchanged_looks_at_the_program_as_it_is_now(plan, gate, nb, fake, small_case, tmp_path):
    plan("engines_unchanged: true")
    engine = tmp_path / "good.py"
    engine.write_text(fake("good").read_text() + "# a program of its own\n")
    shutil.copy(fake("_image"), tmp_path)
    assert nb("run", small_case, "--c-bin", fake("good"), "--py-bin", engine, "-q").code == 0
    assert requirement(gate, "engines_unchanged")[0]
    engine.write_text(engine.read_text() + "# changed\n")
    assert requirement(gate, "engines_unchanged") == (False, "the program of the subject (good.py) is not what it was")
    engine.unlink()
    assert requirement(gate, "engines_unchanged")[1].endswith("is no longer there")


def test_inputs_unchanged_and_regenerated_look_at_the_files_as_they_are_now(plan, gate, run_small, small_case,
                                                                            tmp_path):
    plan("inputs_unchanged: true, inputs_regenerated: true")
    (tmp_path / "own.mat").write_text("1 0 0 0 1 0 0 0 1\n")
    small_case.write_text(small_case.read_text() + "inputs: {A.mat: {file: own.mat}}\n")
    run_small()
    assert requirement(gate, "inputs_unchanged")[0] and requirement(gate, "inputs_regenerated")[0]
    (tmp_path / "own.mat").write_text("2 0 0 0 1 0 0 0 1\n")
    for name in ("inputs_unchanged", "inputs_regenerated"):
        assert requirement(gate, name) == (False, "A.mat, made anew, is not what the engines read")


def test_inputs_that_a_user_brought_are_accepted_where_the_case_pins_them(plan, gate, nb, fake, small_case, tmp_path):
    """The case comes with a file of its own and names another that may stand in for it."""
    for name, text in (("own.mat", "1 0 0 0 1 0 0 0 1"), ("mine.mat", "2 0 0 0 2 0 0 0 2"), ("any.mat", "3")):
        (tmp_path / name).write_text(text)
    sums = {name: hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in ("own.mat", "mine.mat")}
    small_case.write_text(small_case.read_text() + f"inputs: {{A.mat: {{file: own.mat, sha256: {sums['own.mat']}, "
                          f"stands_in: {{{sums['mine.mat']}: measured}}}}}}\n")
    plan("inputs: pinned, inputs_unchanged: true")

    def run_with(*brought):
        assert nb("run", small_case, "--c-bin", fake("good"), "--py-bin", fake("twin"), "-q", *brought).code == 0
        return [requirement(gate, name) for name in ("experiment", "inputs_pinned", "inputs_unchanged")]

    assert all(holds for holds, _ in run_with())
    found = run_with("--input", "A.mat=mine.mat")
    assert all(holds for holds, _ in found) and found[1][1].endswith("1 of them brought by the user")
    found = run_with("--input", "A.mat=any.mat")
    assert not any(holds for holds, _ in found) and "which the case does not pin" in found[1][1]
    run_with("--input", "A.mat=mine.mat")
    small_case.write_text(small_case.read_text().replace(sums["mine.mat"], "0" * 64))
    assert not requirement(gate, "experiment")[0] and not requirement(gate, "inputs_pinned")[0]


def test_inputs_regenerated_has_another_spelling(plan, gate, run_small):
    plan("inputs: regenerated")
    run_small()
    assert requirement(gate, "inputs_regenerated") == (True, "the case reads no files")


def test_a_case_that_changed_is_not_unchanged(plan, gate, run_small, small_case):
    plan("inputs_unchanged: true")
    run_small()
    small_case.write_text(small_case.read_text() + "# a word more\n")
    assert requirement(gate, "inputs_unchanged") == (False, "the case file is not what it was")


def test_age_is_counted_from_the_stamp(plan, gate, run_small):
    plan("max_age_hours: 0.0001")
    _, _folder = run_small()
    import time
    time.sleep(0.6)
    holds, why = requirement(gate, "max_age_hours")
    assert not holds and "at most 0.0001 h are allowed" in why


@pytest.mark.parametrize(("recorded", "now", "same", "clean"), [
    (("a" * 40, False), "a" * 40, True, True),
    (("a" * 40, True), "a" * 40, True, False),
    (("a" * 40, False), "b" * 40, False, True),
    (("unknown", None), "unknown", False, False),
])
def test_commit_and_cleanliness(plan, gate, run_small, repository_is, recorded, now, same, clean):
    """The same unknown commit is no same commit."""
    plan("same_commit: true, clean_tree: true")
    repository_is(*recorded, now)
    run_small()
    assert requirement(gate, "same_commit")[0] is same
    assert requirement(gate, "clean_tree")[0] is clean


TESTS = {
    "green": ("def test_a(): pass\n", True, "1 passed"),
    "skipped": ("import pytest\ndef test_a(): pass\n@pytest.mark.skip\ndef test_b(): pass\n", False, "1 skipped"),
    "red": ("def test_a(): assert 1 == 2\n", False, "first failing test"),
}


@pytest.mark.parametrize("kind", TESTS)
def test_mapped_tests_must_be_green_and_all_run(plan, gate, run_small, small_case, tmp_path, kind):
    body, expected, words = TESTS[kind]
    plan("tests_green: true")
    (tmp_path / "test_mapped.py").write_text(body)
    small_case.write_text(small_case.read_text() + f"tests: [{tmp_path}/test_mapped.py]\n")
    run_small()
    holds, why = requirement(gate, "tests_green")
    assert holds is expected and words in why


def test_a_case_without_mapped_tests_shows_nothing(plan, gate, run_small):
    plan("tests_green: true")
    run_small()
    assert requirement(gate, "tests_green") == (False, "the case names no tests, so nothing was shown")


def test_a_protected_file_that_changed_since_is_red(plan, gate, run_small, small_case, tmp_path):
    (tmp_path / "asset.txt").write_text("before\n")
    small_case.write_text(small_case.read_text() + "protected: [asset.txt]\n")
    plan("max_age_hours: 1")
    run_small()
    assert requirement(gate, "protected")[0]
    (tmp_path / "asset.txt").write_text("after\n")
    assert requirement(gate, "protected") == (False, "asset.txt changed since the run")


def test_a_file_that_plan_and_case_protect_is_listed_once(plan, gate, run_small, small_case, tmp_path):
    (tmp_path / "asset.txt").write_text("x\n")
    small_case.write_text(small_case.read_text() + "protected: [asset.txt]\n")
    plan(text=PLAN.replace("phases:", "protected: [asset.txt]\nphases:", 1) % "max_age_hours: 1")
    run_small()
    assert requirement(gate, "protected") == (True, "asset.txt stayed as they were")


def test_a_file_protected_only_after_the_run_was_not_watched(plan, gate, run_small, tmp_path):
    (tmp_path / "asset.txt").write_text("x\n")
    run_small()
    plan(text=PLAN.replace("phases:", "protected: [asset.txt]\nphases:", 1) % "max_age_hours: 1")
    assert requirement(gate, "protected") == (False, "asset.txt was not watched when the bundle was made")


# --- how it is told ---------------------------------------------------------------------------------------


def test_every_form_tells_the_same_lines(plan, nb, run_small):
    plan()
    run_small()
    form = {name: nb("gate", "N2", "--phases", "phases.yaml", "--format", name) for name in
            ("text", "json", "markdown", "junit")}
    assert {said.code for said in form.values()} == {8}
    items = form["json"].json["items"]
    suite = ET.fromstring(form["junit"].out)
    assert suite.attrib["tests"] == str(len(items)) and suite.attrib["failures"] == "1"
    for item in items:
        mark = "✓" if item["holds"] else "✗"
        assert any(line.strip().startswith(mark) and item["why"] in line for line in form["text"].out.splitlines())
        assert f"| {mark} |" in form["markdown"].out and item["why"] in form["markdown"].out
    assert [case.attrib["name"] for case in suite.iter("testcase")] == [item["requirement"] for item in items]


def test_a_red_gate_says_what_to_do_next(plan, nb, run_small):
    plan()
    assert "next  nb-compare run " in nb("gate", "N1", "--phases", "phases.yaml").out
    run_small()
    said = nb("gate", "N2", "--phases", "phases.yaml", "--bundles", "./bundles").out
    assert said.endswith("  next  nb-compare gate N1 --phases phases.yaml\n"), "without it another plan is looked into"
    assert plan_again(PHASES_FILE, None) == bundles_again(Path("bundles")) == []
    assert plan_again(Path("a b"), Path("c")) == ["--phases", "a b", "--signers", "c"]
    assert bundles_again(Path("my b")) == ["--bundles", "my b"]


# --- the file of phases -----------------------------------------------------------------------------------

FAULTS = [
    ("title: t\n", "lacks the key 'phases'"),
    ("title: t\nphases: []\n", "2:9: a plan needs at least one phase"),
    ("title: t\nphases: [{name: A, title: t, cases: [], requires: {tests_green: true}}]\n", "needs at least one case"),
    ("title: t\nphases: [{name: A, title: t, cases: [no.yaml], requires: {tests_green: true}}]\n",
     "there is no file no.yaml"),
    ("title: t\nphases: [{name: A, title: t, cases: [small.yaml], requires: {}}]\n", "requires nothing"),
    ("title: t\nphases: [{name: A, title: t, cases: [small.yaml], requires: {max_age_hours: 3}}]\n",
     "requires nothing"),
    ("title: t\nphases: [{name: A, title: t, cases: [small.yaml], requires: {inputs: pined}}]\n",
     "did you mean 'pinned'?"),
    ("title: t\nphases: [{name: A, title: t, cases: [small.yaml], requires: {tests_green: false}}]\n",
     "requires nothing"),
    ("title: t\nphases: [{name: A, title: t, cases: [small.yaml], requires: {test_green: true}}]\n",
     "did you mean 'tests_green'?"),
    ("title: t\nphases: [{name: A, title: t, cases: [small.yaml], requires: {verdict: [FAIL]}}]\n",
     "unknown verdict 'FAIL'"),
    ("title: t\nphases: [{name: A, title: t, cases: [small.yaml], requires: {tests_green: yes}}]\n",
     "must be true or false"),
    ("title: t\nphases: [{name: A, title: t, cases: [small.yaml], requires: {signed: [A]}}]\n", "no earlier phase"),
    ("title: t\nphases:\n- &a {name: A}\n", "anchors and aliases"),
    ("protected: [gone.txt]\ntitle: t\n"
     "phases: [{name: A, title: t, cases: [small.yaml], requires: {tests_green: true}}]\n", "no file gone.txt"),
]


@pytest.mark.parametrize(("text", "words"), FAULTS)
def test_a_bad_file_of_phases_is_told_with_its_place(plan, nb, small_case, text, words):
    plan(text=text)
    said = nb("gate", "A", "--phases", "phases.yaml")
    assert said.code == 1 and said.err.startswith("nb-compare: error: phases.yaml") and words in said.err


def test_schema_and_loader_know_the_same_words():
    from nbcompare.case import phases as module

    schema = json.loads((Path(module.__file__).parent / "phases_schema.json").read_text())
    requires = schema["definitions"]["requires"]["properties"]
    assert set(requires) == {*module.SWITCHES, "inputs", "verdict", "max_age_hours", "signed", "imported"}
    assert requires["imported"]["enum"] == [module.ACCEPTED]
    assert requires["verdict"]["items"]["enum"] == list(module.VERDICTS)


def test_the_shipped_phases_load_and_fit_the_schema():
    import jsonschema
    import yaml

    from nbcompare.case import phases as module

    path = Path(module.__file__).parents[2] / "cases/phases.yaml"
    assert module.load_phases(path).names == ["N1", "N2"]
    schema = json.loads((Path(module.__file__).parent / "phases_schema.json").read_text())
    jsonschema.validate(yaml.safe_load(path.read_text()), schema)
