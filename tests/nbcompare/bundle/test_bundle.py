"""Stamped bundles: complete, atomic, read-only, never overwritten, and free of secrets."""

import json
import os
import shlex
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from nbcompare.bundle.bundle import load_bundle, staging
from nbcompare.bundle.record import Record

LAYOUT = """
inputs/c_roi_float.bin inputs/py_roi_float.bin inputs/c_cli_stdout.txt inputs/py_cli_stdout.txt
inputs/c_cli_stderr.txt inputs/py_cli_stderr.txt inputs/commands.txt inputs/env.txt inputs/git_sha.txt
inputs/version.txt inputs/sha256.txt inputs/file_sizes.txt tests/pytest_cpu.log tests/pytest_cuda.log
notes/template_command.txt results/summary.json results/c.png results/py.png results/diff.png record.json
results/region_1_full.png results/region_2_middle.png manifest-sha256.txt
""".split()


def test_the_layout_is_complete(run_small):
    _, folder = run_small()
    assert [name for name in LAYOUT if not (folder / name).is_file()] == []
    assert folder.parent.name == "small" and len(folder.name) == 16 and folder.name.endswith("Z")


def test_sha256sum_accepts_the_manifest(run_small):
    _, folder = run_small()
    subprocess.run(["sha256sum", "-c", "--strict", "--quiet", "manifest-sha256.txt"], cwd=folder, check=True)
    listed = {line.split("  ", 1)[1] for line in (folder / "manifest-sha256.txt").read_text().splitlines()}
    present = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert listed == present - {"manifest-sha256.txt"}


def test_every_file_is_read_only(run_small):
    _, folder = run_small()
    assert [path for path in folder.rglob("*") if path.is_file() and path.stat().st_mode & 0o222] == []


def test_a_failed_run_leaves_a_complete_bundle_too(run_small, nb):
    _, folder = run_small("good", "crash")
    assert nb("verify", folder).code == 0
    assert json.loads((folder / "results/summary.json").read_text())["verdict"] == "ENGINE FAILED"


def test_the_commands_run_again_when_pasted(run_small):
    """Each block re-runs its engine and prints the sum that sha256.txt holds for its image."""
    _, folder = run_small()
    done = subprocess.run(["bash", "inputs/commands.txt"], cwd=folder, capture_output=True, text=True, check=True)
    sums = [line.split()[0] for line in done.stdout.splitlines() if line.endswith("float.bin")]
    kept = dict(reversed(line.split("  ", 1)) for line in (folder / "inputs/sha256.txt").read_text().splitlines())
    assert sums == [kept["c_roi_float.bin"], kept["py_roi_float.bin"]]


def test_the_commands_record_exit_code_and_seconds(run_small):
    _, folder = run_small("good", "exit7")
    text = (folder / "inputs/commands.txt").read_text()
    assert "working directory scratch-py, exit code 7," in text and "s wall" in text


def test_arguments_of_one_side_only_are_recorded(run_small):
    said, folder = run_small("good", "twin", "--py-args", "-extra 'two words'")
    assert said.json["case"]["subject_args"] == ["-extra", "two words"]
    assert said.json["runs"][0]["argv"][-4:] == ["-flux", "1e18", "-floatfile", "float.bin"]
    assert said.json["runs"][1]["argv"][-4:] == ["-extra", "two words", "-floatfile", "float.bin"]
    assert shlex.quote("two words") in (folder / "inputs/commands.txt").read_text()


def test_record_and_printed_json_agree_and_read_back_equal(run_small):
    said, folder = run_small()
    stored = json.loads((folder / "record.json").read_text())
    assert {**said.json, "bundle": 0} == {**stored, "bundle": 0}
    assert Record.from_dict(stored).as_dict() == stored
    assert load_bundle(folder).record == Record.from_dict(stored)


def test_no_secret_of_the_environment_reaches_a_bundle(run_small, monkeypatch):
    """An engine that prints all it was given, in an environment full of tokens, some under allowed prefixes."""
    names = ("GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "NB_API_TOKEN", "CUDA_PASSWORD", "OMP_SECRET", "MY_VALUE",
             "CONDA_AUTH", "NB_SIGNING_KEY")
    for name in names:
        monkeypatch.setenv(name, "hunter2-fake-secret")
    monkeypatch.setenv("NB_HARMLESS", "shown")
    _, folder = run_small("environment", "environment")
    for path in folder.rglob("*"):
        assert path.is_dir() or b"hunter2" not in path.read_bytes(), path
    assert "$NB_HARMLESS=shown" in (folder / "inputs/env.txt").read_text()
    assert "NB_HARMLESS=shown" in (folder / "inputs/c_cli_stdout.txt").read_text()


def test_the_environment_of_a_case_reaches_the_engines_and_the_record(run_small, small_case):
    small_case.write_text(small_case.read_text() + 'environment: {KMP_DUPLICATE_LIB_OK: "TRUE"}\n')
    _, folder = run_small("environment", "good")
    assert "KMP_DUPLICATE_LIB_OK=TRUE" in (folder / "inputs/c_cli_stdout.txt").read_text()
    assert "$KMP_DUPLICATE_LIB_OK=TRUE" in (folder / "inputs/env.txt").read_text()
    assert "env KMP_DUPLICATE_LIB_OK=TRUE" in (folder / "inputs/commands.txt").read_text()


def test_engines_are_identified_by_content(run_small, fake):
    said, _ = run_small()
    engine = said.json["engines"][0]
    assert engine["program_bytes"] == fake("good").stat().st_size
    assert engine["version"] == "good engine 1.0 dtype=float64 device=cpu threads=1"
    assert said.json["environment"]["torch_dtype"] == "float64"


# --- never overwritten, never half ------------------------------------------------------------------


def test_two_runs_in_one_second_get_two_stamps(tmp_path):
    clock = iter([1e9, 1e9, 1e9 + 1])
    with staging(tmp_path, "case", lambda: 1e9) as first, staging(tmp_path, "case", lambda: next(clock)) as second:
        assert first.stamp == "20010909T014640Z"
        assert second.stamp == "20010909T014641Z"


def test_a_published_stamp_is_never_taken_again(tmp_path):
    (tmp_path / "case" / "20010909T014640Z").mkdir(parents=True)
    clock = iter([1e9, 1e9 + 1])
    with staging(tmp_path, "case", lambda: next(clock)) as made:
        assert made.stamp == "20010909T014641Z"


def test_runs_at_once_never_collide(nb, small_case, fake, tmp_path):
    """Four processes on one case at the same moment: four bundles, all whole."""
    command = [sys.executable, "-m", "nbcompare", "run", str(small_case), "--c-bin", str(fake("good")), "--py-bin",
               str(fake("twin")), "-q"]
    codes = []
    threads = [threading.Thread(target=lambda: codes.append(subprocess.run(command, cwd=tmp_path, check=False,
                                                                           capture_output=True).returncode))
               for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bundles = sorted((tmp_path / "bundles/small").iterdir())
    assert codes == [0, 0, 0, 0]
    assert len(bundles) == 4 and not any(path.name.startswith(".") for path in bundles)
    assert nb("verify", *bundles).code == 0


def test_an_error_on_the_way_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), staging(tmp_path, "case") as made:
        made.write("inputs/x.txt", "half")
        raise RuntimeError
    assert list((tmp_path / "case").iterdir()) == []


# --- damage -----------------------------------------------------------------------------------------


def _rewrite(path: Path, content: bytes) -> None:
    os.chmod(path, 0o644)
    path.write_bytes(content)


def test_verify_lists_all_faults_at_once(run_small, nb):
    _, folder = run_small()
    _rewrite(folder / "inputs/env.txt", b"other")
    (folder / "results/c.png").unlink()
    (folder / "added.txt").write_text("x")
    said = nb("verify", folder)
    assert said.code == 6
    for line in ("changed: inputs/env.txt", "missing: results/c.png", "unexpected: added.txt"):
        assert line in said.out


def test_one_flipped_bit_of_an_image_is_found(run_small, nb):
    _, folder = run_small()
    image = bytearray((folder / "inputs/py_roi_float.bin").read_bytes())
    image[100] ^= 1
    _rewrite(folder / "inputs/py_roi_float.bin", bytes(image))
    said = nb("verify", folder)
    assert said.code == 6 and "changed: inputs/py_roi_float.bin" in said.out


def test_a_damaged_record_with_sums_fixed_up_is_found(run_small, nb):
    _, folder = run_small()
    _rewrite(folder / "record.json", b"{")
    from nbcompare.bundle.bundle import write_manifest
    os.chmod(folder / "manifest-sha256.txt", 0o644)
    write_manifest(folder)
    said = nb("verify", folder)
    assert said.code == 6 and "damaged record" in said.out


def test_no_bundle_there_is_exit_6(nb, tmp_path):
    said = nb("verify", tmp_path / "nothing")
    assert said.code == 6 and "none is known here" in said.err


def test_a_second_that_is_taken_is_waited_out_and_no_longer(tmp_path, monkeypatch):
    moment, slept = [1_700_000_000.25], []

    def sleep(seconds):
        slept.append(seconds)
        moment[0] += seconds

    def now():
        return moment[0]

    monkeypatch.setattr("nbcompare.bundle.bundle.time.sleep", sleep)
    with staging(tmp_path, "small", now) as first, staging(tmp_path, "small", now) as second:
        assert (first.stamp, second.stamp) == ("20231114T221320Z", "20231114T221321Z")
    assert slept == [pytest.approx(0.751)]
