"""The audit as a gate: its exit codes, what it keeps, and the wall between it and the diagnosis.

Fake engines serve where no physics is asked for: they give one image whatever their arguments are, so that defects
of the image can be seeded and those of the command line leave it as it is.
"""

import subprocess
import sys
from pathlib import Path

import pytest

from nbcompare.explain.diagnose.causes import CATALOGUE

ROOMS = Path(__file__).resolve().parents[3] / "nbcompare"
BLIND_CASE = """\
name: blind
title: a case that hardly looks
command: -detpixels_x 9 -detpixels_y 7 -flux 1e18
image: {fast: 9, slow: 7}
rois: {full: full}
thresholds:
  - {metric: correlation, min: 0.101, why: any image will do}
"""


@pytest.fixture
def audit(nb, fake, small_case, tmp_path):
    def call(*words, case=small_case, subject="twin"):
        return nb("audit", case, "--c-bin", fake("good"), "--py-bin", fake(subject), "-q", "--no-diagnosis",
                  "--cache", tmp_path / "cache", *words)

    return call


def test_a_case_that_hardly_looks_is_found_out(audit, tmp_path):
    """Its one threshold holds for every image with any likeness at all. An image turned negative has none, nor one
    whose header was left in; a limit that they would pass as well is no threshold and is refused."""
    case = tmp_path / "blind.yaml"
    case.write_text(BLIND_CASE)
    said = audit("--kinds", "data,gain", "--require", "1", "--format", "json", case=case)
    assert said.code == 3
    seeded = [defect for defect in said.json["defects"] if defect["state"] == "seeded"]
    slipped = {defect["kind"] for defect in seeded if not defect["caught"]}
    assert {"gain", "flat-field", "offset"} <= slipped  # by so little that the sum is right within 1 %
    assert not {"no-number", "all-zero", "one-value", "negated"} & slipped


def test_without_a_requirement_the_audit_only_tells(audit):
    said = audit("--kinds", "gain,half-precision", "--strengths", "1", "--threshold-only", "correlation=0.5")
    assert said.code == 0
    assert "SLIPS THROUGH" in said.out


def test_defects_that_leave_the_image_as_it_is_are_not_counted(audit):
    """A fake engine does not read -flux: nothing was seeded, so nothing was audited."""
    said = audit("--kinds", "flux-lost", "--require", "1")
    assert said.code == 8
    assert "flux-lost: no effect" in said.out
    assert "no defect could be seeded" in said.out


def test_images_that_differ_already_are_not_audited(audit):
    said = audit("--kinds", "gain", subject="bright")
    assert said.code == 8
    assert "without any defect the images do not pass: sum_ratio on full" in said.out


def test_an_engine_that_fails_is_no_audit(audit):
    said = audit("--kinds", "gain", subject="exit7")
    assert said.code == 2
    assert "ended with exit code 7" in said.out


def test_a_kind_that_there_is_not_is_an_error(audit):
    said = audit("--kinds", "gian")
    assert said.code == 1
    assert "did you mean gain" in said.err.replace("'", "").replace('"', "")


@pytest.mark.parametrize("words, complaint", [
    (("--strengths", "0"), "--strengths"), (("--strengths", "x"), "--strengths"),
    (("--threshold-only", "correlation"), "no finite number"), (("--threshold-only", "likeness=1"), "no metric"),
    (("--threshold-only", "sum_ratio=1"), "LOW..HIGH"), (("--threshold-only", "correlation@nowhere=1"), "no region"),
    (("--require-first", "1"), "--no-diagnosis"), (("--require", "2"), "from 0 to 1")])
def test_bad_options_are_errors(audit, words, complaint):
    said = audit("--kinds", "gain", *words)
    assert said.code == 1
    assert complaint in said.err


def test_the_runners_own_look_counts_unless_one_threshold_judges_alone(audit):
    """A NaN outside the region of the threshold slips through yesterday's practice; the runner refuses the image."""
    words = ("--kinds", "no-number", "--format", "json", "--strengths", "1", "--seed")
    outside = [seed for seed in range(8) if not audit(*words, seed, "--threshold-only",
                                                      "correlation@middle=0.98").json["defects"][0]["caught"]]
    assert outside
    defect, = audit(*words, outside[0]).json["defects"]
    assert defect["caught_by"].startswith("the run fails: wrote a float image with 1 of 63 pixels")


def test_what_was_seen_is_kept(audit, tmp_path):
    """The second audit runs no engine: the answers are on disk, and another seed shares none of them."""
    words = ("--kinds", "gain,saturated", "--strengths", "1,0.1", "--format", "json")
    first = audit(*words)
    kept = sorted((tmp_path / "cache").iterdir())
    stamps = {path: path.stat().st_mtime_ns for path in kept if path.suffix == ".json"}
    assert len(stamps) == 5, "two images and three defects"
    assert audit(*words).out == first.out
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps
    assert audit(*words, "--seed", "2").out != first.out
    assert len(list((tmp_path / "cache").glob("*.json"))) == 8


def test_a_stopped_audit_goes_on(audit, tmp_path):
    """Answers of the kinds already done are used again, and a half-written file is none."""
    audit("--kinds", "gain", "--strengths", "1")
    (tmp_path / "cache" / "left.part").write_text("{")
    before = {path.name for path in (tmp_path / "cache").glob("*.json")}
    for path in (tmp_path / "cache").glob("*.json"):
        if '"kind": "gain"' in path.read_text():
            path.write_text("{ torn")
    said = audit("--kinds", "gain,saturated", "--strengths", "1", "--format", "json")
    assert [defect["state"] for defect in said.json["defects"]] == ["seeded", "seeded"]
    assert before < {path.name for path in (tmp_path / "cache").glob("*.json")}


# --- the kinds themselves ----------------------------------------------------------------------------------------


def test_every_right_cause_is_one_that_the_diagnosis_can_give(nb):
    nb("audit", "--list")
    from nbcompare.explain.audit.catalogue import kinds

    assert len(kinds()) >= 40
    assert [(entry.id, id) for entry in kinds() for id in entry.named_by if id not in CATALOGUE] == []


def test_the_list_names_every_kind_with_its_class(nb):
    said = nb("audit", "--list")
    assert said.code == 0
    assert {line.split()[0] for line in said.out.splitlines()} == {"echo", "scale", "geometry", "physics", "data"}
    assert "gain " in said.out and "full strength 0.02 of the value" in said.out


def test_the_diagnosis_knows_nothing_of_the_audit():
    """Nothing of the audit is loaded by all of the diagnosis, and the defects load nothing of the diagnosis."""
    for room, stranger in (("diagnosis", "nbcompare.explain.audit"), ("audit.catalogue", "nbcompare.explain.diagnose")):
        if room == "diagnosis":
            modules = [".".join(path.relative_to(ROOMS.parent).with_suffix("").parts)
                       for path in (ROOMS / "explain/diagnose").rglob("*.py") if path.stem != "__init__"]
            assert len(modules) > 20
        else:
            modules = ["nbcompare.explain.audit.catalogue"]
        code = f"import sys, {', '.join(modules)}\nprint(*[m for m in sys.modules if m.startswith({stranger!r})])"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                              cwd=ROOMS.parent)
        assert done.stdout.split() == []


def test_only_one_module_of_the_audit_asks_the_diagnosis_and_by_its_public_entry():
    """Two images, arguments and budget in, causes out; no list of hypotheses."""
    asking = {path.stem: [line for line in path.read_text().splitlines() if "nbcompare.explain.diagnose" in line]
              for path in (ROOMS / "explain/audit").rglob("*.py")}
    assert {name for name, lines in asking.items() if lines} == {"naming"}
    assert {line.split()[1] for line in asking["naming"]} == {
        "nbcompare.explain.diagnose.diagnose", "nbcompare.explain.diagnose.question",
        "nbcompare.explain.diagnose.search", "nbcompare.explain.diagnose.search.simulator"}
    strangers = [path.name for path in (ROOMS / "explain/diagnose").rglob("*.py")
                 if "nbcompare.explain.audit" in path.read_text()]
    assert strangers == []
