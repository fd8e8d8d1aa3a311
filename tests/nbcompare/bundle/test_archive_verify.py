"""verify: every fault of a bundle, all at once, from its files alone; also of a record whose sums were put right."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from nbcompare.bundle.bundle import write_manifest
from nbcompare.bundle.names import image_name
from nbcompare.bundle.record import Record
from nbcompare.bundle.text_files import texts_of
from nbcompare.case.arguments.options import PREFIX
from nbcompare.case.case_file import load_case
from nbcompare.engine.progress import Progress
from nbcompare.files import dump_json
from nbcompare.run.one_case import run_case
from nbcompare.run.options import RunOptions


def overwrite(path: Path, content) -> None:
    """Put other bytes into a read-only file."""
    path.chmod(0o644)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def fix_sums(folder: Path) -> None:
    (folder / "manifest-sha256.txt").chmod(0o644)
    write_manifest(folder)


def edited(folder: Path, *changes) -> dict:
    """The record with values replaced, written back; a change is (path of keys, value or function of the old one)."""
    record = json.loads((folder / "record.json").read_text())
    for keys, value in changes:
        at = record
        for key in keys[:-1]:
            at = at[key]
        at[keys[-1]] = value(at[keys[-1]]) if callable(value) else value
    overwrite(folder / "record.json", dump_json(record))
    return record


def fix_texts(folder: Path, record: dict) -> None:
    """What a thorough forger would do: write every text that follows from the record anew."""
    images = {role: folder / image_name(role) for role in PREFIX}
    sizes = {role: path.stat().st_size for role, path in images.items() if path.is_file()}
    for name, text in texts_of(Record.from_dict(record), sizes).items():
        overwrite(folder / name, text)


# --- files ----------------------------------------------------------------------------------------------------


def test_missing_changed_and_unexpected_are_told_apart_and_together(store, nb):
    overwrite(store.passed / "inputs/env.txt", "other")
    (store.passed / "results/c.png").unlink()
    (store.passed / "notes/added.txt").write_text("x")
    (store.passed / "empty").mkdir()
    said = nb("verify", store.passed, store.failed, "--format", "json")
    faults = {(fault["kind"], fault["file"]) for fault in said.json["bundles"][0]["faults"]}
    assert said.code == said.json["exit_code"] == 6
    assert faults == {("changed", "inputs/env.txt"), ("missing", "results/c.png"), ("unexpected", "notes/added.txt"),
                      ("unexpected", "empty")}
    assert said.json["bundles"][1] == {"bundle": str(store.failed), "intact": True, "faults": [], "note": None}


def test_a_link_and_a_pipe_are_named_and_not_opened(store, nb):
    """A pipe that was opened would never answer."""
    image = store.passed / "inputs/c_roi_float.bin"
    shutil.copyfile(image, "elsewhere.bin")
    image.unlink()
    image.symlink_to(Path("elsewhere.bin").absolute())
    (store.passed / "inputs/env.txt").unlink()
    os.mkfifo(store.passed / "inputs/env.txt")
    said = nb("verify", store.passed)
    assert said.code == 6
    assert "unsafe: inputs/c_roi_float.bin (a link, not a file)" in said.out
    assert "unsafe: inputs/env.txt (a pipe or a device, not a file)" in said.out


@pytest.mark.parametrize(("line", "kind"), [
    ("{sum}  ../outside.txt", "unsafe"), ("{sum}  /etc/hostname", "unsafe"), ("{sum} record.json", "malformed"),
    ("{sum}  record.json", "malformed"), ("{upper}  notes/x", "malformed"), ("no sum at all", "malformed"),
    ("{sum}  notes\\x", "unsafe"), ("{sum}  notes/\u202egnp.exe", "unsafe")])
def test_a_manifest_is_read_strictly(store, nb, line, kind):
    manifest = store.passed / "manifest-sha256.txt"
    digest = manifest.read_text()[:64]
    overwrite(manifest, manifest.read_text() + line.format(sum=digest, upper=digest.upper()) + "\n")
    said = nb("verify", store.passed, "--format", "json")
    assert said.code == 6 and kind in {fault["kind"] for fault in said.json["bundles"][0]["faults"]}


def test_every_byte_of_the_manifest_counts(store, nb):
    """One byte of each kind flipped: digit, gap, name, line end."""
    manifest = store.passed / "manifest-sha256.txt"
    good = manifest.read_bytes()
    for at in (0, 40, 64, 65, 66, 75, good.index(b"\n"), len(good) - 1):
        overwrite(manifest, good[:at] + bytes([good[at] ^ 1]) + good[at + 1:])
        assert nb("verify", store.passed).code == 6, at
    overwrite(manifest, good)
    assert nb("verify", store.passed).code == 0


def test_a_bundle_under_the_name_of_another_stamp_is_found(store, nb):
    other = store.passed.parent / "20200101T000000Z"
    store.passed.rename(other)
    said = nb("verify", other)
    assert said.code == 6 and "the folder is called 20200101T000000Z" in said.out


def test_a_copy_of_any_name_is_as_good(store, nb):
    shutil.copytree(store.passed, "evidence for the audit")
    assert nb("verify", "evidence for the audit").code == 0


# --- a record edited, and all sums put right ------------------------------------------------------------------

EDITS = {
    "a figure": (("comparison", "regions", 0, "figures", 1, "value"), 1.0000001),
    "a figure made undefined": (("comparison", "regions", 0, "figures", 0, "value"), None),
    "a sum": (("comparison", "regions", 1, "subject_sum"), 1.0),
    "the worst pixel": (("comparison", "regions", 0, "worst", "x"), 3),
    "a peak": (("comparison", "peaks", "pairs", 0, "subject", "x"), 1.25),
    "the verdict": (("verdict", "word"), "BLOCKED"),
    "a check": (("verdict", "checks", 0, "value"), 0.99951),
    "a threshold": (("case", "thresholds", 0, "min"), 0.5),
    "a reason for a threshold": (("case", "thresholds", 0, "why"), "why not"),
    "a region": (("case", "rois", 1, "xmax"), 7),
    "the command": (("case", "command", 5), "1e17"),
    "seconds": (("runs", 0, "seconds"), 0.001),
    "an argument": (("runs", 1, "argv", 1), "/elsewhere.py"),
    "an exit code": (("runs", 0, "exit_code"), 1),
    "the sum of an image": (("runs", 0, "image_sha256"), "0" * 64),
    "the sum of a program": (("engines", 0, "program_sha256"), "0" * 64),
    "a version": (("engines", 0, "version"), "good engine 2.0"),
    "the commit": (("git", "sha"), lambda sha: sha[::-1]),
    "cleanliness": (("git", "dirty"), lambda dirty: not dirty),
    "a content hash": (("content", "simulator"), "0" * 64),
    "the environment": (("environment", "torch"), lambda version: f"{version}.1"),
    "the program's version": (("program", "version"), "9.9"),
    "the stamp": (("stamp",), "20200101T000000Z"),
    "what the tests said": (("tests", "cpu", "summary"), "12 passed in 1 s"),
    "an unknown number": (("runs", 0, "seconds"), "fast"),
    "an input that is none": (("inputs",), [{"name": "x.hkl", "origin": "case", "sha256": "0" * 64, "bytes": 3,
                                             "pinned_sha256": None}]),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_record_is_found_although_its_sums_were_put_right(store, nb, edit):
    edited(store.passed, EDITS[edit])
    fix_sums(store.passed)
    said = nb("verify", store.passed)
    assert said.code == 6 and "changed:" not in said.out


@pytest.mark.parametrize("edit", ["a figure", "a sum", "the worst pixel", "the verdict", "a check", "a threshold",
                                  "a region", "the command", "an exit code", "the sum of an image"])
def test_a_forger_who_writes_all_texts_anew_is_found_by_the_images_and_the_case(store, nb, edit):
    record = edited(store.passed, EDITS[edit])
    fix_texts(store.passed, record)
    fix_sums(store.passed)
    assert nb("verify", store.passed).code == 6


def test_a_failure_made_a_pass_is_found(store, nb):
    """The forger turns every word and every check of the failed bundle, and all that follows from them."""
    record = json.loads((store.failed / "record.json").read_text())
    checks = [{**check, "holds": True, "value": 1.0} for check in record["verdict"]["checks"]]
    record = edited(store.failed, (("verdict",), {"word": "PASS", "exit_code": 0, "reasons": [], "checks": checks}))
    fix_texts(store.failed, record)
    fix_sums(store.failed)
    said = nb("verify", store.failed)
    assert said.code == 6
    assert "the verdict is PASS (exit code 0) in the record, FAIL (3) by the evidence" in said.out


def test_a_crash_made_a_success_is_found(store, nb):
    record = edited(store.crashed, (("runs", 1, "failure"), None), (("runs", 1, "exit_code"), 0))
    fix_texts(store.crashed, record)
    fix_sums(store.crashed)
    assert nb("verify", store.crashed).code == 6


def test_another_image_with_its_sums_put_right_everywhere_is_found(store, nb):
    """The subject's image is replaced by the reference's, the record's sum of it too; the figures give it away."""
    shutil.copyfile(store.failed / "inputs/c_roi_float.bin", "copy.bin")
    overwrite(store.failed / "inputs/py_roi_float.bin", Path("copy.bin").read_bytes())
    good = json.loads((store.failed / "record.json").read_text())["runs"][0]["image_sha256"]
    record = edited(store.failed, (("runs", 1, "image_sha256"), good))
    fix_texts(store.failed, record)
    fix_sums(store.failed)
    said = nb("verify", store.failed)
    assert said.code == 6 and "sum_ratio on full is 125932.0 in the record, 1.0 from the images" in said.out


@pytest.mark.parametrize("name", ["inputs/commands.txt", "inputs/env.txt", "inputs/git_sha.txt", "inputs/version.txt",
                                  "inputs/sha256.txt", "inputs/file_sizes.txt", "notes/template_command.txt",
                                  "results/summary.json", "results/diff.png", "inputs/case.yaml"])
def test_an_edited_text_is_found_although_its_sum_was_put_right(store, nb, name):
    content = (store.passed / name).read_bytes()
    overwrite(store.passed / name, content.replace(content[:1], b"#", 1) + b"\n")
    fix_sums(store.passed)
    said = nb("verify", store.passed)
    assert said.code == 6 and (f"disagrees: {name}" in said.out or f"malformed: {name}" in said.out)


def test_an_added_input_is_found_although_it_is_in_the_manifest(store, nb):
    (store.passed / "inputs/data").mkdir(exist_ok=True)
    (store.passed / "inputs/data/other.hkl").write_text("1 0 0 5\n")
    fix_sums(store.passed)
    said = nb("verify", store.passed)
    assert said.code == 6 and "unexpected: inputs/data/other.hkl (nothing in the record speaks of it)" in said.out


@pytest.mark.parametrize("name", ["approved.txt", "results/better.png", "notes/signed_by_the_boss.md",
                                  "inputs/c2_roi_float.bin", "failed/py/core"])
def test_a_file_that_no_run_leaves_is_found_although_it_is_in_the_manifest(store, nb, name):
    (store.passed / name).parent.mkdir(parents=True, exist_ok=True)
    (store.passed / name).write_text("x")
    fix_sums(store.passed)
    said = nb("verify", store.passed)
    assert said.code == 6 and f"unexpected: {name} (nothing in the record speaks of it)" in said.out


def test_the_rings_are_taken_again_from_the_images(store, nb):
    rings = json.loads((store.passed / "results/radial_profile.json").read_text())
    rings["regions"]["full"][0]["ratio"] = 1.5
    overwrite(store.passed / "results/radial_profile.json", dump_json(rings))
    fix_sums(store.passed)
    said = nb("verify", store.passed)
    assert said.code == 6 and "disagrees: results/radial_profile.json" in said.out


def test_tests_said_to_have_passed_must_have_passed_in_their_log(store, nb):
    record = edited(store.passed, (("tests", "cpu"), {"nodes": ["a.py::b"], "exit_code": 0, "failure": None,
                                                      "summary": "the case names no tests", "error_line": None}),
                    (("case", "tests"), ["a.py::b"]))
    fix_texts(store.passed, record)
    fix_sums(store.passed)
    said = nb("verify", store.passed)
    assert said.code == 6 and "the record says the tests passed, and here none did" in said.out


@pytest.mark.parametrize(("text", "reason"), [
    ("{", "damaged record"), ('{"a": 1, "a": 2}', "stands twice"), ('{"a": NaN}', "NaN is no JSON number"),
    ("[" * 100_000, "damaged record"), ("[]", 'is not of type "object"'),
    ("{}", '"schema_version" is a required property')])
def test_what_is_no_record_is_said_and_never_a_trace(store, nb, text, reason):
    overwrite(store.passed / "record.json", text)
    fix_sums(store.passed)
    said = nb("verify", store.passed)
    assert said.code == 6 and reason in said.out and "Traceback" not in said.err


def test_a_bundle_made_without_a_case_file_is_verified_by_its_files_alone(nb, fake, small_case):
    """As a program would that calls run_case itself: then there is no YAML to look at."""
    case = replace(load_case(small_case), path=None, sha256=None)
    options = RunOptions(str(fake("good")), str(fake("twin")))
    folder = run_case(case, options, Progress(quiet=True)).folder
    assert not (folder / "inputs/case.yaml").exists()
    assert nb("verify", folder).code == 0
    edited(folder, EDITS["a figure"])
    fix_sums(folder)
    assert nb("verify", folder).code == 6


@pytest.mark.parametrize("loss", ["gone", "cut", "a link"])
def test_a_lost_image_of_a_further_run_is_a_fault_like_any_other(nb, fake, small_case, loss):
    """The reference depends on its threads, so the image of its repetition is kept beside the pair."""
    small_case.write_text(small_case.read_text() + "threads: [2]\n")
    said = nb("run", small_case, "--c-bin", fake("jitter"), "--py-bin", fake("twin"), "-q", "--format", "json")
    folder = Path(said.json["bundle"])
    assert nb("verify", folder).code == 0
    image = folder / "noise/threads-2_float.bin"
    if loss == "cut":
        overwrite(image, image.read_bytes()[:-4])
        fix_sums(folder)
    else:
        image.unlink()
    if loss == "a link":
        image.symlink_to("/dev/zero")
    said = nb("verify", folder)
    assert said.code == 6 and "noise/threads-2_float.bin" in said.out and "Traceback" not in said.err


@pytest.mark.parametrize("role", [0, 1])
def test_words_that_do_not_follow_from_engine_and_case_are_a_fault(store, nb, role):
    """commands.txt offers them to be pasted into a shell; a record that was forged with all texts and sums is found."""
    record = edited(store.passed, (("runs", role, "argv"), ["sh", "-c", "echo owned"]))
    fix_texts(store.passed, record)
    fix_sums(store.passed)
    said = nb("verify", store.passed)
    assert said.code == 6 and "does not follow from its engine and the case" in said.out


def test_words_of_further_runs_follow_from_the_case_too(nb, fake, small_case):
    small_case.write_text(small_case.read_text() + "repeat: 1\n")
    said = nb("run", small_case, "--c-bin", fake("good"), "--py-bin", fake("twin"), "-q", "--format", "json")
    folder = Path(said.json["bundle"])
    assert nb("verify", folder).code == 0
    record = edited(folder, (("findings", "noise", "repetitions", 0, "run", "argv"), ["sh", "-c", "echo owned"]))
    fix_texts(folder, record)
    fix_sums(folder)
    said = nb("verify", folder)
    assert said.code == 6 and "the reference is said to have been run as" in said.out
