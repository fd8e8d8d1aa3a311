"""A claim that says what the trace of a pixel must show: PROVEN only where both engines, asked, show it.

The fakes print a product of known numbers: of two phi steps F_latt is 10 and 20, so the sum of the terms is
100 (100 + 400); with F_latt of the second step doubled it is 100 (100 + 1600), which is 240 % more.
"""

import hashlib
import json
import shutil
from datetime import date
from pathlib import Path

import pytest

from nbcompare.case.case_file import load_case
from nbcompare.case.claims import Claim
from nbcompare.case.expected_trace import ExpectedFactor, ExpectedTrace
from nbcompare.cli import run
from nbcompare.compare.image import Shape
from nbcompare.engine.engine import Run
from nbcompare.errors import CaseError
from nbcompare.verdict.claimed_trace import ClaimTrace, TracedRun, read_claim_trace, trace_faults, trace_sentences

FAKES = Path(__file__).resolve().parents[2] / "fakes"
CASE = """\
name: traced
title: t
command: -detpixels_x 8 -detpixels_y 8 -flux 1e18
subject_args: [-wrong, F_latt]
image: {fast: 8, slow: 8}
rois: {full: full}
thresholds: [{metric: sum_ratio, min: 0.999, max: 1.001, why: same}]
divergences:
  - id: doubled
    title: F_latt of the second step is doubled
    engine: subject
    emulate: [-wrong, none]
    switch: declared
    changes: F_latt of the second step
    bounds: {full: {sum_ratio: {min: 3, max: 4}}}
    trace:
      pixel: {fast: 3, slow: 2}
      factors: {I_before_scaling: {percent: 240, within: 0.1}}
      later: 1.0e-6
    why: w
    reference: docs/x.md
    owner: me
    expires: "2099-01-01"
"""
SAID = "doubled at fast 3 slow 2: I_before_scaling +240 % (claimed +240 % ± 0.1); 4 other factors within 0"


def run_in(folder, *changes: tuple[str, str]) -> int:
    """Run the case, changed, in a folder; its engines are two programs."""
    text = CASE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / "case.yaml").write_text(text)
    for name in ("traced.py", "_image.py"):
        shutil.copy(FAKES / name, folder)
    (folder / "other.py").write_text((folder / "traced.py").read_text() + "# another program\n")
    return run(["run", str(folder / "case.yaml"), "--c-bin", str(folder / "traced.py"), "--py-bin",
                str(folder / "other.py"), "--bundles", str(folder / "bundles"), "-q"])


@pytest.fixture(scope="module")
def made_once(tmp_path_factory):
    home = tmp_path_factory.mktemp("traced")
    assert run_in(home) == 0
    return home


@pytest.fixture
def bundle(made_once, nb, tmp_path):
    """A copy of the bundle that the case makes, beside its case file."""
    shutil.copytree(made_once, tmp_path, dirs_exist_ok=True)
    return next((Path("bundles") / "traced").glob("2*"))


@pytest.fixture
def traced(nb, tmp_path, quick_runs, capsys):
    """The code and the words of a run of the changed case."""

    def call(*changes: tuple[str, str]):
        return run_in(tmp_path, *changes), capsys.readouterr().out

    return call


def test_the_traced_numbers_stand_beside_the_claim_in_run_record_check_gate_and_ledger(traced, nb, tmp_path):
    code, said = traced()
    bundle = next((Path("bundles") / "traced").glob("2*"))
    assert code == 0 and "\nPROVEN  traced" in said and f"trace      {SAID}" in said
    record = json.loads((bundle / "record.json").read_text())
    trace = record["findings"]["proof"]["traces"][0]
    assert [trace["factors"][1][key] for key in ("name", "reference", "subject")] == ["I_before_scaling", 5e4, 17e4]
    assert json.loads((bundle / "results/summary.json").read_text())["traced"][0]["sentence"].startswith(SAID)
    assert "trace of doubled" in (bundle / "inputs/commands.txt").read_text()
    assert nb("verify", bundle).code == 0
    assert SAID in nb("check", bundle, "--case", "case.yaml").out
    (tmp_path / "phases.yaml").write_text("title: p\nphases:\n  - {name: N2, title: t, cases: [case.yaml], requires: "
                                          "{verdict: [PROVEN]}}\n")
    gate = nb("gate", "N2", "--phases", "phases.yaml")
    assert gate.code == 0 and f"traced, {SAID}" in gate.out
    (tmp_path / "plan.md").write_text("## traced\n")
    assert nb("attempt", bundle, "--ledger", "plan.md").code == 0
    assert f"traced, {SAID}" in (tmp_path / "plan.md").read_text()
    assert nb("report", bundle, "--html", "page.html").code == 0
    assert "the factors of a pixel are what the claim says" in (tmp_path / "page.html").read_text()


@pytest.mark.parametrize("old, new, why", [
    ("percent: 240", "percent: 239", "I_before_scaling at fast 3 slow 2 is +240 % (50000, subject 170000); the claim "
                                     "says +239 % ± 0.1"),
    ("I_before_scaling: {percent: 240, within: 0.1}", "polarization: {percent: 1, within: 0.1}",
     "polarization at fast 3 slow 2 is not printed by both engines"),
    ("I_before_scaling: {percent: 240", "intensity: {percent: 240", "I_before_scaling at fast 3 slow 2 differs by 2.4"),
    ("{fast: 3, slow: 2}", "{fast: 4, slow: 2}", "this pixel was not traced"),
    ("trace:\n      pixel: {fast: 3, slow: 2}", "trace:\n      pixel: worst", "")])
def test_what_a_claim_says_now_is_held_against_the_stored_trace(bundle, nb, tmp_path, old, new, why):
    """The last one names no pixel: any that was traced will do, and that one was."""
    (tmp_path / "now.yaml").write_text(CASE.replace(old, new))
    now = nb("check", bundle, "--case", "now.yaml")
    assert (now.code, why in now.out) == (7 if why else 0, True), now.out
    assert "LOOSENED  claim doubled, what the trace must show: was I_before_scaling +240 % ± 0.1" in now.out


def test_a_claim_of_another_factor_is_not_proven_by_a_run(traced):
    code, said = traced(("I_before_scaling: {percent: 240", "fluence_per_m2: {percent: 240"))
    assert code == 7 and "fluence_per_m2 at fast 3 slow 2 is +0 % (1e+24, subject 1e+24)" in said


def test_without_a_pixel_the_one_that_differs_most_is_traced(traced, nb):
    """The fake's pixels grow with their number, and so does what is added to them."""
    code, said = traced(("pixel: {fast: 3, slow: 2}", "pixel: worst"))
    assert code == 0 and "doubled at fast 7 slow 7: I_before_scaling +240 %" in said
    assert nb("verify", next((Path("bundles") / "traced").glob("2*"))).code == 0


def edit(bundle, change):
    """The record changed, and its sum put right."""
    path, manifest = bundle / "record.json", bundle / "manifest-sha256.txt"
    record = json.loads(path.read_text())
    change(record["findings"]["proof"])
    old = hashlib.sha256(path.read_bytes()).hexdigest()
    path.chmod(0o644), manifest.chmod(0o644)
    path.write_text(json.dumps(record, indent=2) + "\n")
    manifest.write_text(manifest.read_text().replace(old, hashlib.sha256(path.read_bytes()).hexdigest()))


@pytest.mark.parametrize("change, why", [
    (lambda proof: proof["traces"][0]["factors"][1].update(subject=1.0),
     "the trace of doubled does not come out of what the engines printed"),
    (lambda proof: proof["traces"].clear(), "the pixels that were traced are not those that the claims speak of"),
    (lambda proof: proof["traces"][0].update(fast=4), "is said to have been run as")])
def test_a_record_that_tells_another_trace_is_found_out(bundle, nb, change, why):
    edit(bundle, change)
    said = nb("verify", bundle)
    assert said.code == 6 and why in said.out + said.err, said.out


# --- reading and judging a trace ------------------------------------------------------------------------------

LINES = {"steps": 2, "I_before_scaling": 100.0, "r_e_squared_m2": 8e-30, "fluence_per_m2": 1e24, "polarization": 0.5,
         "solid_angle_sr": 1e-6, "capture_fraction": 1}
CLAIM = Claim("phi-carryover", "t", "reference", ("-emulate", "phi-carryover"), (), "w", "d", "me", date(2099, 1, 1),
              trace=ExpectedTrace((ExpectedFactor("I_before_scaling", -14.6, 0.1),), 1e-6, 1, 1))


def printed(**changes: float) -> str:
    lines = {**LINES, **changes}
    made = {"intensity": lines["I_before_scaling"] / lines["steps"] * lines["r_e_squared_m2"] * lines["fluence_per_m2"]
            * lines["polarization"] * lines["solid_angle_sr"] * lines["capture_fraction"], **lines}
    return "\n".join(f"TRACE {name}={value!r}" for name, value in made.items())


def faults(subject: str, image: float | None = None) -> list[str]:
    images = {"reference": None, "subject": image}
    runs = tuple(TracedRun("f", Run(role, (role,), Shape(2, 2), 0, 0.1, None, None), pixel)
                 for role, pixel in images.items())
    found = read_claim_trace(ClaimTrace("phi-carryover", 1, 1, runs), {"reference": printed(), "subject": subject})
    return trace_faults(CLAIM, found)


def test_the_expected_factor_alone_is_what_the_claim_says():
    assert faults(printed(I_before_scaling=85.4)) == []


@pytest.mark.parametrize("subject, why", [
    (printed(I_before_scaling=85.2), "I_before_scaling at fast 1 slow 1 is -14.8 %"),
    (printed(I_before_scaling=85.4, polarization=0.5000011), "polarization at fast 1 slow 1 differs by 2.2e-06"),
    (printed(I_before_scaling=85.4, steps=3), "steps at fast 1 slow 1 differs by 0.5"),
    (printed(I_before_scaling=85.4, intensity=1e-20), "of the ratio of the pixels at fast 1 slow 1 unexplained"),
    (printed(I_before_scaling=85.4, intensity=0.0), "a final value is missing, not positive or not finite"),
    ("nothing", "the subject printed no trace of the pixel")])
def test_whatever_else_differs_is_named(subject, why):
    found = faults(subject)
    assert found and why in " ".join(found) and all(fault.startswith("phi-carryover: ") for fault in found)


def test_the_sentence_tells_the_largest_of_the_other_factors():
    subject = printed(I_before_scaling=85.4, polarization=0.5 * (1 + 2.44e-7))
    runs = tuple(TracedRun("f", Run(role, (role,), Shape(2, 2), 0, 0.1, None, None), None)
                 for role in ("reference", "subject"))
    found = read_claim_trace(ClaimTrace("phi-carryover", 1, 1, runs), {"reference": printed(), "subject": subject})
    said, = trace_sentences([CLAIM], [found])
    assert "I_before_scaling -14.6 % (claimed -14.6" in said and "6 other factors within 2.4e-07, unexplained" in said


def test_a_trace_that_is_not_of_the_image_shows_nothing():
    assert "its image holds 3, so that the trace does not explain the image" in faults(printed(), image=3.0)[0]


@pytest.mark.parametrize("old, new, why", [
    ("I_before_scaling:", "I_before:", "did you mean"),
    ("within: 0.1", "within: 240", "a factor that may as well agree is none that differs"),
    ("within: 0.1", "within: 0", "a factor that may as well agree is none that differs"),
    ("later: 1.0e-6", "later: 0.5", "later must be above 0 and at most 0.01"),
    ("{fast: 3, slow: 2}", "{fast: 8, slow: 2}", "the pixel fast 8 is not in the image"),
    ("{fast: 3, slow: 2}", "wurst", "did you mean 'worst'"),
    ("      later: 1.0e-6\n", "", "lacks the key 'later'")])
def test_what_no_trace_could_fail_and_what_is_mistyped_is_refused(tmp_path, old, new, why):
    path = tmp_path / "case.yaml"
    path.write_text(CASE.replace(old, new))
    with pytest.raises(CaseError, match=why.replace("?", r"\?")):
        load_case(path)
