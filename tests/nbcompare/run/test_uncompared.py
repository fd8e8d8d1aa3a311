"""run --no-compare: the images and the evidence of a plan's first row, judged when somebody asks."""

import json
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("quick_runs")

PLAN = """\
title: two rows
phases:
  - {name: N1, title: evidence, cases: [small.yaml], requires: {files_complete: true, engines_unchanged: true}}
  - {name: N2, title: compared, cases: [small.yaml], requires: {verdict: [PASS], files_complete: true}}
"""


@pytest.fixture
def staged(run_small, nb, tmp_path):
    """A bundle of uncompared images, of a subject like it or not."""
    (tmp_path / "phases.yaml").write_text(PLAN)

    def call(subject="twin"):
        said, folder = run_small("good", subject, "--no-compare")
        assert said.code == 8 and said.json["comparison"] is None
        assert nb("verify", folder).code == 0
        return folder

    return call


def test_the_evidence_is_there_and_nothing_is_compared(staged, nb, tmp_path):
    folder = staged()
    assert (folder / "inputs/c_roi_float.bin").is_file() and not list(folder.rglob("*.png"))
    assert nb("gate", "N1", "--phases", "phases.yaml").code == 0
    (tmp_path / "fix.md").write_text("## small\n")
    (tmp_path / "plan.md").write_text("| N2 | compared | [ ] |\n")
    assert nb("attempt", folder, "--ledger", "fix.md", "--plan", "plan.md", "--row", "N2", "--phases",
              "phases.yaml").code == 0
    assert "N2 pending: the images were left uncompared" in (tmp_path / "fix.md").read_text()
    assert "[P]" in (tmp_path / "plan.md").read_text()


@pytest.mark.parametrize(("subject", "code"), [("twin", 0), ("bright", 3)])
def test_check_and_the_gate_judge_them_later(staged, nb, subject, code):
    folder = staged(subject)
    assert nb("check", folder).code == code
    assert nb("gate", "N2", "--phases", "phases.yaml").code == code


def test_what_the_gate_of_n2_judged_is_an_attempt_of_its_own_once_it_is_signed(staged, nb, tmp_path):
    folder, (ledger, plan) = staged(), (tmp_path / "fix.md", tmp_path / "plan.md")
    ledger.write_text("## small\n"), plan.write_text("- [ ] N1 evidence\n- [ ] N2 compared\n")

    def attempt(row):
        words = ("--ledger", ledger, "--plan", plan, "--row", row, "--phases", "phases.yaml")
        assert nb("attempt", folder, *words).code == 0
        return ledger.read_text()

    for row in ("N1", "N2"):
        assert attempt(row).count("### Attempt") == 1
        assert nb("sign", row, "--by", "A. Person", "--phases", "phases.yaml").code == 0
    assert attempt("N1").count("### Attempt") == 1, "N1 asks for no verdict"
    first, second = attempt("N2").split("### Attempt ")[1:]
    assert first.startswith("1: BLOCKED") and second.startswith(f"2: PASS, small {folder.name}, compared for N2\n")
    assert "no engine ran again" in second and "- figure: sum_ratio on full: 1, allowed 0.99 .. 1.01; holds" in second
    assert attempt("N2").count("### Attempt") == 2 and plan.read_text().count("[D]") == 2


def test_such_a_bundle_run_again_is_left_uncompared_too_and_viewing_it_says_so(staged, nb, fake):
    folder = staged()
    again = nb("regenerate", folder, "--c-bin", fake("good"), "--py-bin", fake("twin"))
    assert again.code == 0, again.out
    new = max(folder.parent.glob("2*Z"))
    assert new != folder and json.loads((new / "record.json").read_text())["comparison"] is None
    said = nb("view", new)
    assert said.code == 1 and "left uncompared" in said.err and f"nb-compare check {new}" in said.err, said.err


def test_one_program_with_itself_is_found_out_later_too(run_small, nb):
    _, folder = run_small("good", "good", "--no-compare")
    said = nb("check", folder)
    assert said.code == 8 and "it was compared with itself" in said.out


def test_a_failed_engine_is_not_hidden(run_small):
    said, _ = run_small("good", "crash", "--no-compare")
    assert said.code == 2 and said.json.get("uncompared") is None


def rewritten(folder, record):
    """Another record in a bundle, with a manifest that agrees."""
    from nbcompare.bundle.bundle import write_manifest

    for name in ("record.json", "manifest-sha256.txt"):
        (folder / name).chmod(0o644)
    (folder / "record.json").write_text(json.dumps(record))
    write_manifest(folder)


def test_a_verdict_cannot_be_written_into_such_a_record(staged, nb):
    folder = staged("bright")
    record = json.loads((folder / "record.json").read_text())
    record["verdict"] = {"word": "PASS", "exit_code": 0, "reasons": [], "checks": []}
    rewritten(folder, record)
    assert nb("verify", folder).code == 6 and nb("gate", "N2", "--phases", "phases.yaml").code == 6


CLAIMED = """\
threads: [1, 2]
divergences:
  - {id: bright-peak, title: the brightest pixel is too high, engine: reference, emulate: [-emulate, defect],
     switch: declared, changes: the brightest pixel, control: [-phi, 1], why: known, reference: docs/emulations.md,
     bounds: {full: {sum_ratio: {min: 0.98, max: 1.02}}, middle: {sum_ratio: {min: 0.95, max: 1.02}}}, owner: tests,
     expires: "2099-12-31"}
"""


@pytest.mark.parametrize(("subject", "code"), [("physics", 0), ("bright", 7)])
def test_claims_and_threads_are_tried_then_and_judged_later(nb, fake, small_case, tmp_path, subject, code):
    """What was tried is kept as runs without a figure; a trial that is taken out afterwards is missed."""
    small_case.write_text(re.sub(r"sum_ratio, min: .*, max: .*, why", "sum_ratio, min: 0.99999, max: 1.00001, why",
                                 small_case.read_text()) + CLAIMED)
    said = nb("run", small_case, "--c-bin", fake("defect"), "--py-bin", fake(subject), "-q", "--no-compare", "--fresh",
              "--format", "json")
    folder = Path(said.json["bundle"])
    found = json.loads((folder / "record.json").read_text())["findings"]
    kept = [*found["noise"]["repetitions"], *found["proof"]["trials"]]
    assert said.code == 8 and len(found["proof"]["trials"]) > 1 and [entry["comparison"] for entry in kept] == [
        None] * len(kept)
    assert nb("verify", folder).code == 0
    (tmp_path / "fix.md").touch()
    assert nb("attempt", folder, "--ledger", "fix.md").code == 0
    assert "- claim bright-peak: known (see docs/emulations.md)\n" in (tmp_path / "fix.md").read_text()
    assert nb("check", folder).code == code and nb("check", folder, "--case", small_case).code == code
    if code == 0:
        assert "PROVEN" in nb("check", folder).out
        record = json.loads((folder / "record.json").read_text())
        record["findings"]["noise"] = None
        rewritten(folder, record)
        said = nb("verify", folder)
        assert said.code == 6 and "asks to run the reference again (threads-2), and it was not" in said.out


def test_what_leaves_no_image_to_be_judged_cannot_be_left_uncompared(nb, small_case, fake):
    small_case.write_text(small_case.read_text() + "required_args: [-flux]\n")
    said = nb("run", small_case, "--c-bin", fake("good"), "--py-bin", fake("twin"), "-q", "--no-compare")
    assert said.code == 1 and "required_args" in said.err
