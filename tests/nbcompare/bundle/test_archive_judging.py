"""check, compare, regenerate and run --reference: stored images judged and held against each other again."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from nbcompare.bundle.bundle import load_bundle
from nbcompare.bundle.names import image_name, mask_name
from nbcompare.case.arguments.options import REFERENCE
from nbcompare.engine.progress import Progress
from nbcompare.engine.rendering.runs import RunFiles
from nbcompare.errors import EvidenceError
from nbcompare.run.stored_reference import stored_reference

LOOSE = "{metric: sum_ratio, min: 0.99, max: 1.01, why: same scale}"


def loosened_case(small_case, new="{metric: sum_ratio, min: 300, max: 2e5, why: the beam was off that day}"):
    """The small case with another threshold on the sum ratio."""
    assert LOOSE in small_case.read_text()
    small_case.write_text(small_case.read_text().replace(LOOSE, new))
    return small_case


# --- check ------------------------------------------------------------------------------------------------------


def test_check_gives_the_verdict_of_the_record_again_without_the_engines(store, nb, monkeypatch):
    monkeypatch.setattr("subprocess.Popen", None)
    assert [nb("check", folder).code for folder in (store.passed, store.failed, store.crashed)] == [0, 3, 2]


def test_check_says_nothing_of_a_case_that_is_as_it_was(store, nb):
    said = nb("check", store.passed)
    assert "changed since" not in said.out and "LOOSENED" not in said.out


def test_check_says_when_the_case_changed_since(store, nb, small_case):
    small_case.write_text(small_case.read_text() + "# a thought\n")
    said = nb("check", store.passed)
    assert said.code == 0 and f"the case changed since: {small_case}" in said.out


def test_check_shouts_when_a_threshold_was_loosened(store, nb, small_case):
    """Old value, new value and the reason given, in text and in JSON; the verdict follows the new threshold."""
    loosened_case(small_case)
    said = nb("check", store.failed, "--case", small_case)
    assert said.code == 0
    assert said.out.splitlines()[0] == ("LOOSENED  sum_ratio on full: was 0.99 .. 1.01 (this bundle), now "
                                        "300 .. 200000; why: the beam was off that day")
    told = nb("check", store.failed, "--case", small_case, "--format", "json")
    assert told.json["loosened"][0] == {"what": "sum_ratio on full", "old": "0.99 .. 1.01", "new": "300 .. 200000",
                                        "why": "the beam was off that day", "against": "this bundle"}
    assert "LOOSENED" in told.err


def test_a_threshold_loosened_between_two_stamps_is_told_from_the_newer_one(store, nb, small_case, fake):
    """Nobody gave a case: the bundle's own thresholds are looser than those of the stamp before it."""
    loosened_case(small_case)
    nb("run", small_case, "--c-bin", fake("good"), "--py-bin", fake("twin"), "-q")
    newest = max(store.passed.parent.iterdir())
    said = nb("check", newest)
    assert f"was 0.99 .. 1.01 (stamp {store.crashed.name}), now 300 .. 200000" in said.out


def test_a_threshold_that_is_gone_and_a_region_that_moved_are_told(store, nb, small_case):
    text = small_case.read_text().replace(f"  - {LOOSE}\n", "").replace("[2, 6, 2, 5]", "[2, 6, 2, 4]")
    small_case.write_text(text)
    said = nb("check", store.failed, "--case", small_case)
    assert "sum_ratio on full: was 0.99 .. 1.01 (this bundle), now not asked for at all" in said.out
    assert "region middle: was [2, 6, 2, 5] (this bundle), now [2, 6, 2, 4]" in said.out


def test_a_tighter_threshold_is_no_loosening_and_judges(store, nb, small_case):
    loosened_case(small_case, "{metric: sum_ratio, min: 1.001, max: 1.002, why: a test}")
    said = nb("check", store.passed, "--case", small_case)
    assert said.code == 3 and "sum_ratio on full: 1, allowed 1.001 .. 1.002" in said.out
    assert "LOOSENED" not in said.out


def test_images_of_another_command_are_not_judged_by_a_case(store, nb, small_case):
    small_case.write_text(small_case.read_text().replace("1e18", "1e17"))
    said = nb("check", store.passed, "--case", small_case)
    assert said.code == 8 and "the stored images are not of this case: its command was" in said.out


def test_a_case_of_another_name_is_a_usage_error(store, nb, small_case):
    small_case.write_text(small_case.read_text().replace("name: small", "name: other"))
    said = nb("check", store.passed, "--case", small_case)
    assert said.code == 1 and "is a bundle of case small, not of other" in said.err


def test_damaged_images_are_not_judged(store, nb):
    image = store.passed / "inputs/py_roi_float.bin"
    image.chmod(0o644)
    image.write_bytes(image.read_bytes()[:-4] + b"abcd")
    said = nb("check", store.passed)
    assert said.code == 6 and "changed: inputs/py_roi_float.bin" in said.err


# --- compare ----------------------------------------------------------------------------------------------------


def test_the_same_engine_twice_is_bit_identical(store, nb):
    said = nb("compare", store.passed, store.failed, "--roles", "reference", "--format", "json")
    assert said.code == 0 and said.json["pairs"][0]["identical"]
    assert said.json["pairs"][0]["verdict"]["word"] == "PASS"


def test_two_subjects_that_differ_are_judged_by_the_thresholds_of_the_first(store, nb):
    said = nb("compare", store.passed, store.failed)
    assert said.code == 3
    assert "not the same bits" in said.out and "sum_ratio on full: 125932, allowed 0.99 .. 1.01" in said.out
    assert "(bright.py, version unknown)" in said.out
    assert "summary.json" not in said.out, "nothing is written that could be looked into"


def test_reference_of_one_against_subject_of_the_other(store, nb):
    said = nb("compare", store.failed, store.passed, "--roles", "reference:subject", "--format", "json")
    assert said.code == 0
    assert [said.json["pairs"][0][side]["role"] for side in "ab"] == ["reference", "subject"]


def test_a_run_without_an_image_cannot_be_compared(store, nb):
    said = nb("compare", store.passed, store.crashed, "--roles", "subject")
    assert said.code == 8 and "gave no image" in said.out


def test_runs_of_two_cases_are_not_compared(store, nb, small_case, fake):
    small_case.write_text(small_case.read_text().replace("name: small", "name: other"))
    said = nb("run", small_case, "--c-bin", fake("good"), "--py-bin", fake("twin"), "-q", "--format", "json")
    assert nb("compare", store.passed, said.json["bundle"]).code == 1


@pytest.mark.parametrize("roles", ["torch", "reference:c", ":subject"])
def test_roles_are_reference_and_subject(store, nb, roles):
    assert nb("compare", store.passed, store.failed, "--roles", roles).code == 1


# --- a stored reference ------------------------------------------------------------------------------------------


def test_a_stored_bundle_can_be_the_reference(store, nb, small_case, fake):
    """There is no C program: the image, its sum and the program that made it come from the bundle, which is named."""
    said = nb("run", small_case, "--py-bin", fake("twin"), "--reference", store.failed, "-q", "--format", "json")
    folder = Path(said.json["bundle"])
    old = load_bundle(store.failed).record
    assert said.code == 0
    assert said.json["reference_from"]["stamp"] == store.failed.name
    assert said.json["runs"][0]["image_sha256"] == old.runs[0].image_sha256
    assert said.json["engines"][0]["program_sha256"] == old.engines[0].program_sha256
    assert said.json["engines"][0]["chosen_by"] == f"bundle small/{store.failed.name}"
    assert f"not run; its image is that of bundle small/{store.failed.name}" in (
        folder / "inputs/commands.txt").read_text()
    assert nb("verify", folder).code == 0


@pytest.mark.parametrize(("more", "change", "reason"), [
    (("--c-args", "-nopolar"), None, "its arguments differ from word 7 on"),
    ((), ("1e18", "1e17"), "its arguments differ from word 6 on"),
    ((), ("name: small", "environment: {A: b}\nname: small"), "its variables were {}"),
    ((), ("name: small", "inputs: {d.md: {file: d.md}}\nname: small"), "its input d.md has sha256 None, now"),
    ((), ("-detpixels_y 7 -flux 1e18\nimage: {fast: 9, slow: 7}",
          "-detpixels_y 8 -flux 1e18\nimage: {fast: 9, slow: 8}"),
     "its image is 9 x 7 pixels (fast x slow), now 9 x 8"),
])
def test_a_reference_of_another_experiment_is_refused(store, nb, small_case, fake, more, change, reason):
    Path("d.md").write_text("a\n")
    if change:
        small_case.write_text(small_case.read_text().replace(*change))
    said = nb("run", small_case, "--py-bin", fake("twin"), "--reference", store.passed, "-q", *more)
    assert said.code == 1 and reason in said.err


def test_a_damaged_or_a_failed_bundle_cannot_be_the_reference(store, nb, small_case, fake):
    (store.passed / "results/c.png").unlink()
    said = nb("run", small_case, "--py-bin", fake("twin"), "--reference", store.passed, "-q")
    assert said.code == 6 and "missing: results/c.png" in said.err
    crashed = nb("run", small_case, "--c-bin", fake("crash"), "--py-bin", fake("twin"), "-q", "--format", "json")
    said = nb("run", small_case, "--py-bin", fake("twin"), "--reference", crashed.json["bundle"], "-q")
    assert said.code == 1 and "cannot be the reference: its reference crashed" in said.err


def test_a_stored_image_is_taken_with_its_gaps_and_not_when_it_was_changed_meanwhile(store, tmp_path):
    """Between the check of the bundle and the reading of its image."""
    stored = stored_reference(store.passed)
    place = SimpleNamespace(progress=Progress(quiet=True), hold=lambda path, pixels: None)
    places = RunFiles(*(tmp_path / name for name in ("image", "out", "err", "rest")))
    assert stored.restore(place, places).masked is None
    gaps = np.zeros((7, 9), "u1")
    gaps[2, 3] = 1
    (store.passed / mask_name(REFERENCE)).write_bytes(gaps.tobytes())
    run = replace(stored.run, mask_sha256=hashlib.sha256(gaps.tobytes()).hexdigest())
    with_gaps = replace(stored, record=replace(stored.record, runs=(run, *stored.record.runs[1:])))
    assert np.array_equal(with_gaps.restore(place, places).masked, gaps != 0)
    image = store.passed / image_name(REFERENCE)
    image.chmod(0o644)
    image.write_bytes(image.read_bytes()[4:] + b"1234")
    with pytest.raises(EvidenceError, match="the image of the reference was changed while it was used"):
        stored.restore(place, places)


# --- regenerate --------------------------------------------------------------------------------------------------


@pytest.fixture
def theirs(fake):
    """The options that name the programs which made a stored bundle: nothing that only a record names is started."""
    return lambda subject: ("--c-bin", fake("good"), "--py-bin", fake(subject))


def grades(said) -> dict:
    return {entry["role"]: entry["grade"] for entry in said.json["grades"]}


def test_regenerating_gives_the_same_bits_in_a_new_stamp_and_keeps_the_old(store, nb, theirs):
    said = nb("regenerate", store.failed, *theirs("bright"), "-q", "--format", "json")
    new = Path(said.json["new"])
    assert said.code == 0 and grades(said) == {"reference": "bit-identical", "subject": "bit-identical"}
    assert new.name > store.crashed.name and store.failed.is_dir()
    assert json.loads((new / "record.json").read_text())["regenerates"]["stamp"] == store.failed.name
    assert nb("verify", new, store.failed).code == 0


def test_a_case_means_its_newest_bundle_and_a_crash_fails_as_before(store, nb, small_case, theirs):
    said = nb("regenerate", small_case, *theirs("crash"), "-q", "--format", "json")
    assert said.json["old"].endswith(store.crashed.name)
    assert said.code == 2 and grades(said) == {"reference": "bit-identical", "subject": "failed as before"}


def test_a_program_that_changed_is_graded_different_by_the_figure(store, nb, theirs):
    said = nb("regenerate", store.passed, "-q", *theirs("bright"), "--format", "json")
    assert said.code == 3 and grades(said) == {"reference": "bit-identical", "subject": "different"}
    assert "sum_ratio on full is 125932" in said.json["grades"][1]["why"]
    assert any("subject: another program" in note for note in said.json["notes"])


def test_exactly_the_program_of_the_record_or_none(store, nb, theirs):
    said = nb("regenerate", store.passed, "-q", *theirs("bright"), "--exact", "--format", "json")
    assert said.code == 8 and said.json["new"] is None
    assert "is another one: sha256" in said.json["grades"][1]["why"]


def test_a_reference_that_is_not_here_is_named_and_its_stored_image_stands_in(store, nb, fake):
    said = nb("regenerate", store.passed, "-q", "--c-bin", "gone/nanoBragg", "--py-bin", fake("twin"), "--format",
              "json")
    assert said.code == 8 and grades(said) == {"reference": "cannot run", "subject": "bit-identical"}
    assert "--c-bin: there is no program gone/nanoBragg" in said.json["grades"][0]["why"]
    assert json.loads((Path(said.json["new"]) / "record.json").read_text())["reference_from"]["stamp"] == \
        store.passed.name


def case_with_input(small_case):
    """The small case with an input file beside it, which the engines are given and do not read."""
    small_case.write_text(small_case.read_text().replace("-flux 1e18", "-flux 1e18 -hkl x.hkl")
                          + "inputs:\n  x.hkl: {file: x.hkl}\n")
    (small_case.parent / "x.hkl").write_text("1 0 0 5\n")
    return small_case


def test_inputs_come_from_the_bundle(nb, small_case, fake, theirs):
    """The file beside the case is gone; the bundle kept it."""
    said = nb("run", case_with_input(small_case), "--c-bin", fake("good"), "--py-bin", fake("twin"), "-q",
              "--format", "json")
    (small_case.parent / "x.hkl").unlink()
    assert nb("regenerate", said.json["bundle"], *theirs("twin"), "-q").code == 0


def test_an_input_that_the_bundle_lost_is_named(nb, small_case, fake):
    said = nb("run", case_with_input(small_case), "--c-bin", fake("good"), "--py-bin", fake("twin"), "-q",
              "--format", "json")
    (Path(said.json["bundle"]) / "inputs/data/x.hkl").unlink()
    said = nb("regenerate", said.json["bundle"], "-q", "--format", "json")
    assert said.code == 8 and said.json["new"] is None
    assert said.json["grades"][0]["why"] == "the input x.hkl is missing in the bundle"


def test_a_noisy_reference_within_its_own_noise_floor(nb, small_case, fake, tmp_path):
    """Three images in turn, one part in 10^4 apart in a pixel: the third is as far from the first as the second. The
    file of the turn is named backwards, or it would count as the engine's own, changed while it ran."""
    small_case.write_text(small_case.read_text() + "repeat: 1\n")
    program = tmp_path / "wavering.py"
    program.write_text(
        "import sys\nfrom pathlib import Path\nsys.path.insert(0, {!r})\nfrom _image import pixels, write\n"
        "if '-version' not in sys.argv:\n"
        "    count = Path({!r}[::-1])\n    turn = len(count.read_text()) if count.exists() else 0\n"
        "    count.write_text('x' * (turn + 1))\n    values = pixels()\n    values[5] *= 1 + 1e-4 * (turn % 2)\n"
        "    write(values)\n".format(str(fake("good").parent), str(tmp_path / "count")[::-1]))
    words = ("--c-bin", program, "--py-bin", fake("twin"), "-q", "--format", "json")
    first = nb("run", small_case, *words)
    (tmp_path / "count").write_text("x")
    said = nb("regenerate", first.json["bundle"], *words)
    assert grades(said)["reference"] == "within noise floor", said.json["grades"]


def test_a_damaged_bundle_is_not_regenerated(store, nb):
    shutil.copyfile(store.failed / "results/c.png", "other.png")
    (store.passed / "results/c.png").chmod(0o644)
    (store.passed / "results/c.png").write_bytes(b"no picture")
    assert nb("regenerate", store.passed, "-q").code == 6
