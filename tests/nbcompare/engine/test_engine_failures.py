"""Each way an engine can fail is told apart, in plain words, and leaves a bundle with all that was kept."""

import os
import time

import numpy as np
import pytest

from nbcompare.compare.image import Shape
from nbcompare.engine.engine import Engine
from nbcompare.engine.rendering.left_elsewhere import left_elsewhere
from nbcompare.engine.taken_image import content_failure, take_float_image

FAILURES = [
    ("crash", "crashed", "crashed with SIGSEGV"),
    ("exit7", "exit-code", "ended with exit code 7"),
    ("silent", "no-image", "wrote no float image"),
    ("short", "short-image", "too short: 248 bytes"),
    ("long", "long-image", "too long: 255 bytes"),
    ("stale", "stale-image", "older than the run itself"),
    ("nan", "nan-image", "1 of 63 pixels NaN or infinite"),
    ("zero", "zero-image", "every pixel is zero"),
    ("link", "not-a-file", "no ordinary file"),
    ("folder", "not-a-file", "no ordinary file"),
]


@pytest.mark.parametrize(("name", "kind", "words"), FAILURES)
@pytest.mark.parametrize("role", ["reference", "subject"])
def test_a_failing_engine_is_exit_2_with_its_own_words(run_small, role, name, kind, words):
    """63 pixels are 252 bytes; short is one float less, long three bytes more."""
    engines = {"reference": "good", "subject": "twin", role: name}
    said, folder = run_small(engines["reference"], engines["subject"])
    failed = next(run for run in said.json["runs"] if run["role"] == role)
    assert said.code == 2
    assert said.json["verdict"]["word"] == "ENGINE FAILED"
    assert failed["failure"]["kind"] == kind
    assert words in failed["failure"]["sentence"]
    assert any(words in reason and role in reason for reason in said.json["verdict"]["reasons"])
    assert (folder / "manifest-sha256.txt").is_file()


@pytest.mark.parametrize(("subject", "next_step"), [
    ("crash", "inputs/py_cli_stdout.txt"), ("exit7", "inputs/py_cli_stderr.txt"), ("nan", "printed nothing")])
def test_the_next_step_leads_to_what_the_engine_said(run_small, nb, subject, next_step):
    _, folder = run_small("good", subject)
    assert next_step in nb("show", folder).out.partition("  next  ")[2].splitlines()[0]


@pytest.mark.parametrize(("width", "word"), [(8, "float64"), (2, "16-bit integers"), (5, None)])
def test_numbers_of_another_width_are_named(tmp_path, width, word):
    (tmp_path / "float.bin").write_bytes(b"\1" * 63 * width)
    failure = take_float_image(tmp_path / "float.bin", Shape(7, 9), 0.0).failure
    assert (f"looks like {word}" in failure.sentence) if word else ("looks like" not in failure.sentence)


def test_two_images_of_zeros_are_no_failure_and_no_evidence(run_small, nb):
    """What both engines were asked for, perhaps; nothing in it could differ."""
    said, folder = run_small("zero", "zero_too")
    assert said.code == 8 and said.json["verdict"]["word"] == "BLOCKED"
    assert "every pixel of both images is zero" in said.json["verdict"]["reasons"][0]
    assert nb("verify", folder).code == 0 and nb("check", folder).code == 8


def test_the_output_of_a_crashed_engine_is_kept(run_small):
    _, folder = run_small("good", "crash")
    assert (folder / "inputs/py_cli_stdout.txt").read_text() == "last words\n"
    assert (folder / "inputs/py_roi_float.bin").stat().st_size == 252
    assert (folder / "inputs/c_roi_float.bin").stat().st_size == 252


def test_what_a_failed_engine_wrote_besides_is_kept(run_small):
    _, folder = run_small("good", "link")
    assert (folder / "failed/py/elsewhere.bin").stat().st_size == 252


def test_standard_error_of_an_engine_is_kept(run_small):
    _, folder = run_small("exit7", "good")
    assert (folder / "inputs/c_cli_stderr.txt").read_text() == "something went wrong\n"


def test_a_hanging_engine_is_stopped_with_its_children(run_small, small_case):
    """On a machine that is busy, the engine may be stopped before it had a child: then it is given more time."""
    case = small_case.read_text()
    for seconds in (0.5, 5, 50):
        small_case.write_text(f"{case}limits: {{subject_seconds: {seconds}}}\n")
        said, folder = run_small("good", "hang")
        words = (folder / "inputs/py_cli_stdout.txt").read_text().split()
        if words:
            break
    assert said.code == 2
    assert said.json["runs"][1]["failure"]["kind"] == "timed-out"
    assert f"stopped after {seconds:g} s" in said.json["verdict"]["reasons"][0]
    assert not _alive(int(words[1]))


def _alive(process: int) -> bool:
    for _ in range(50):
        try:
            os.kill(process, 0)
            with open(f"/proc/{process}/stat") as stream:
                if stream.read().split()[2] == "Z":  # ended, and waiting for its new parent to notice
                    return False
        except (ProcessLookupError, FileNotFoundError):
            return False
        time.sleep(0.1)
    return True


def test_a_program_that_is_not_there_is_a_usage_error_before_anything_runs(nb, small_case, tmp_path):
    said = nb("run", small_case, "--c-bin", tmp_path / "nowhere")
    assert said.code == 1
    assert "there is no program" in said.err and "--c-bin" in said.err
    (tmp_path / "nowhere").mkdir()
    said = nb("run", small_case, "--c-bin", tmp_path / "nowhere")
    assert "/nowhere is a folder\n  next: name the program" in said.err
    assert not (tmp_path / "bundles").exists()


def test_an_empty_option_is_no_program_and_not_the_bundled_one(nb, small_case, fake):
    """What is left of "$PORT" where nobody set PORT would have the bundled simulator judged in its place."""
    said = nb("run", small_case, "--c-bin", fake("good"), "--py-bin", "")
    assert said.code == 1 and "error: --py-bin is empty;" in said.err


@pytest.mark.parametrize("variable", ["NB_C_BIN", "NB_PY_BIN"])
def test_an_empty_variable_is_no_program_and_not_the_bundled_one(nb, small_case, fake, monkeypatch, variable):
    """As a workflow sets it from a variable that nobody defined."""
    monkeypatch.setenv(variable, "")
    said = nb("run", small_case)
    assert said.code == 1 and f"error: ${variable} is set and empty;" in said.err
    assert nb("run", small_case, "--c-bin", fake("good"), "--py-bin", fake("twin"), "-q", "--dry-run").code == 0
    assert f"${variable} is set and empty" in nb("doctor").out


def test_a_program_that_cannot_be_executed_says_what_to_do(nb, small_case, tmp_path, monkeypatch):
    program = tmp_path / "engine"
    program.write_text("not a program")
    monkeypatch.setenv("NB_C_BIN", str(program))
    said = nb("run", small_case)
    assert said.code == 1
    assert "$NB_C_BIN" in said.err and f"chmod +x {program}" in said.err


def test_a_program_the_system_refuses_to_start_is_a_failed_run(run_small, nb, small_case, fake, tmp_path):
    program = tmp_path / "engine"
    program.write_text("neither script nor binary")
    program.chmod(0o755)
    said = nb("run", small_case, "--c-bin", program, "--py-bin", fake("twin"), "-q", "--format", "json")
    assert said.code == 2
    assert said.json["runs"][0]["failure"]["kind"] == "not-started"


def test_a_stray_file_of_another_run_cannot_be_read(run_small, tmp_path):
    """An engine's folder holds the case's inputs and nothing else, wherever nb-compare was called."""
    (tmp_path / "float.bin").write_bytes(b"\x00\x00\x80\x3f" * 63)
    said, _ = run_small("good", "silent")
    assert said.json["runs"][1]["failure"]["kind"] == "no-image"


def test_where_pixels_may_be_no_number_an_image_of_nothing_else_has_failed_all_the_same():
    some, all_of_them = np.array([[1.0, np.nan]]), np.full((1, 2), np.nan)
    assert content_failure(some).kind == content_failure(all_of_them, any_number=True).kind == "nan-image"
    assert content_failure(some, any_number=True) is None


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_an_image_left_beside_the_program_in_its_repository_is_found(tmp_path, monkeypatch, kind):
    """The top of a repository holds .git, which is a file in a second work tree and in a submodule; above the top is
    somebody else's."""
    top, elsewhere = tmp_path / "port", tmp_path / "user"
    for folder in (top / "bin", top / "out/deep", elsewhere, tmp_path / "theirs"):
        folder.mkdir(parents=True)
    monkeypatch.chdir(elsewhere)
    engine = Engine("subject", "run.sh", (str(top / "bin/run.sh"),), "--py-bin")
    if kind == "file":
        (top / ".git").write_text("gitdir: ../main/.git/worktrees/port\n")
    else:
        (top / ".git").mkdir()
    (tmp_path / "theirs/float.bin").write_bytes(b"new")
    assert list(left_elsewhere(engine, 1.0)) == []
    image = top / "out/deep/float.bin"
    image.write_bytes(b"new")
    (said,) = left_elsewhere(engine, 1.0)
    assert said.startswith(f"it left float.bin in {image.parent}, not in the folder")
    os.utime(image, (1, 1))
    assert list(left_elsewhere(engine, 1.0)) == []
