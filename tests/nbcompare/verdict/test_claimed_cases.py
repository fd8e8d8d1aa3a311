"""Cases with claims of divergences, the whole way from case file to report and record, with fake engines."""

import json
from pathlib import Path

import pytest

CLAIM = """\
divergences:
  - id: bright-peak
    title: the brightest pixel is too high
    engine: reference
    emulate: [-emulate, defect]
    switch: declared
    changes: the brightest pixel of the middle
    control: [-phi, 1]
    bounds:
      full: {sum_ratio: {min: 0.98, max: 1.02}}
      middle: {sum_ratio: {min: 0.95, max: 1.02}}
    why: the reference is as it is
    reference: docs/emulations.md
    owner: tests
    expires: "2099-12-31"
"""


@pytest.fixture
def run_claimed(nb, fake, small_case):
    """Run the small case with a claim, with some text of it replaced."""

    def call(*more, change=("", ""), form="json"):
        text = small_case.read_text().replace("0.9995", "0.9").replace("min: 0.99, max: 1.01", "min: 0.999, max: 1.001")
        small_case.write_text(text + CLAIM.replace(*change))
        return nb("run", small_case, "--c-bin", fake("defect"), "--py-bin", fake("physics"), "-q", "--format", form,
                  *more)

    return call


def test_a_proven_case_ends_with_success_under_its_own_name(run_claimed, nb):
    said = run_claimed()
    folder = Path(said.json["bundle"])
    summary = json.loads((folder / "results/summary.json").read_text())
    assert said.code == 0
    assert said.json["verdict"]["word"] == summary["verdict"] == "PROVEN"
    assert summary["divergences"][0]["id"] == "bright-peak"
    plain, emulated, control = ([row[kind] for row in summary["proof"] if row["metric"] == "sum_ratio"]
                                for kind in ("plain", "emulated", "control"))
    assert plain[0] < 0.999 and emulated == control == [1, 1]
    for name in ("emulated_float.bin", "emulated_stdout.txt", "emulated_stderr.txt", "control_stdout.txt"):
        assert (folder / "divergences/bright-peak" / name).is_file() or name == "emulated_float.bin"
    commands = (folder / "inputs/commands.txt").read_text()
    assert "-emulate defect" in commands and "-phi 1 " in commands
    assert nb("verify", folder).code == 0


def test_the_report_of_a_proof_never_says_pass(run_claimed):
    said = run_claimed(form="text")
    assert said.out.startswith("PROVEN") and "PASS" not in said.out
    assert "plain" in said.out and "emulated" in said.out and "control" in said.out


def test_a_lost_factor_under_a_claim_is_exit_7_with_its_share(run_claimed):
    said = run_claimed("--py-args", "-deaf", form="text")
    assert said.code == 7
    assert said.out.startswith("NOT PROVEN")
    assert "bright-peak explains 1.2 % of the sum; a factor of 125,932 remains" in said.out
    assert len(said.out.strip().splitlines()) <= 12


def test_an_emulation_that_the_subject_does_not_know_is_exit_7(run_claimed):
    said = run_claimed(change=("[-emulate, defect]", "[-emulate, crash]"))
    folder = Path(said.json["bundle"])
    assert said.code == 7
    assert "the subject ended with exit code 1" in said.json["verdict"]["reasons"][0]
    stderr = folder / "divergences/bright-peak/emulated_stderr.txt"
    assert "no emulation of that name" in stderr.read_text()


def test_a_case_that_passes_without_its_claim_is_exit_7(run_claimed, nb):
    said = run_claimed("--c-args", "-phi 2")
    assert said.code == 7
    assert said.json["verdict"]["word"] == "CLAIM NOT NEEDED"
    assert said.json["findings"]["proof"]["trials"] == []


def test_an_edited_claim_in_a_record_is_found(run_claimed, nb):
    """Looser bounds in the record, all sums put right: the case file beside it still says what was asked."""
    from nbcompare.bundle.bundle import write_manifest

    folder = Path(run_claimed(change=("{min: 0.95, max: 1.02}", "{min: 0.99, max: 1.02}")).json["bundle"])
    record = json.loads((folder / "record.json").read_text())
    record["findings"]["proof"]["claims"][0]["bounds"][1]["min"] = 0.5
    record["verdict"] = {**record["verdict"], "word": "PROVEN", "exit_code": 0}
    for name in ("record.json", "manifest-sha256.txt"):
        (folder / name).chmod(0o644)
    (folder / "record.json").write_text(json.dumps(record))
    write_manifest(folder)
    said = nb("verify", folder)
    assert said.code == 6
    assert "the claims that were tried are not those of the case" in said.out


def test_a_stored_proof_is_checked_again_and_a_looser_claim_is_told(run_claimed, nb, small_case):
    folder = run_claimed().json["bundle"]
    again = nb("check", folder)
    assert again.code == 0 and again.out.startswith("PROVEN") and "emulated" in again.out
    now = small_case.with_name("now.yaml")
    now.write_text(small_case.read_text().replace("{min: 0.95, max: 1.02}", "{min: 0.5, max: 1.02}"))
    looser = nb("check", folder, "--case", now)
    assert "LOOSENED  claim bright-peak, sum_ratio on middle: was 0.95 .. 1.02" in looser.out
    now.write_text(small_case.read_text().replace("2099-12-31", "2020-12-31"))
    expired = nb("check", folder, "--case", now)
    assert expired.code == 7
    assert "bright-peak expired on 2020-12-31" in expired.out


def test_a_stored_control_of_both_is_held_against_the_subject_with_it(run_claimed, nb, quick_runs):
    """The plain subject agrees with the control; with it, the subject's own image is 125,932 times too bright."""
    said = run_claimed(change=("control: [-phi, 1]", "control_of_both: [-phi, 1, -deaf]"))
    assert said.code == 7 and "against the control, sum_ratio on full" in said.json["verdict"]["reasons"][0]
    assert nb("check", said.json["bundle"]).code == 7
    assert nb("verify", said.json["bundle"]).code == 0


def test_the_page_of_a_proof_shows_the_claim_and_every_step_of_its_proof(run_claimed, nb, tmp_path):
    said = run_claimed()
    assert nb("report", said.json["bundle"], "--html", tmp_path / "page.html").code == 0
    page = (tmp_path / "page.html").read_text()
    assert '<header class="proven"' in page and "bright-peak: the brightest pixel is too high" in page
    summary = json.loads((Path(said.json["bundle"]) / "results/summary.json").read_text())
    for row in summary["proof"]:
        assert f'<td class="n">{row["plain"]:.10g}</td><td class="n">{row["emulated"]:.10g}</td>' in page
    assert page.count('<span class="tick">') == 5 and page.count('<span class="cross">') == 0
    assert "emulated: subject − reference" in page and "control: subject − reference" in page
    assert "<th>control</th>" in page and "PASS" not in page
