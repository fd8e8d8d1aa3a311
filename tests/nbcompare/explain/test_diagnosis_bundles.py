"""nb-compare diagnose of bundles and files: what engines print, stale images, sizes, exit codes, the catalogue."""

import re
import stat

import numpy as np
import pytest

from nbcompare.errors import ExitCode
from nbcompare.explain.diagnose.finders.echo import differences

ECHO = """\
mosflm convention selected.
pivoting detector around direct beam spot
XDS incident beam: 0 0 1
  36x47x29 ignored words
  parallelpiped xtal: 36x47x29 cells
  wave=9.768e-11 meters +/- 0% in 1 steps
  Kahn polarization factor: 0.000000
  incident fluence: 1e+24 photons/m^2
  distance=0.231275 detsize=0.4236x0.4346  pixel=0.000172 meters (2463x2527 pixels)
  Fbeam=0.217889 Sbeam=0.215043
  roi: 0 < x < 2463 && 0 < y < 2527
  10 phi steps from 0 to 0.1 degrees
  1x1 pixel oversample steps
"""


def test_the_first_parameter_printed_differently_is_named():
    other = ECHO.replace("1e+24", "1.25932e+29").replace("10 phi steps", "9 phi steps")
    found = differences(ECHO, other)
    assert [d.line.key for d in found] == ["fluence", "phi"]
    assert found[0].sentence == ("the incident fluence: the reference printed 1e+24, the subject 1.25932e+29")


@pytest.mark.parametrize("old, new", [("0.231275", "0.2312751"), ("mosflm convention selected.\n", ""),
                                      ("0.217889", "0.2178895")])
def test_six_digits_and_lines_that_one_engine_lacks_are_no_difference(old, new):
    """%g prints six digits, so values equal to 1e-5 may print differently."""
    assert differences(ECHO, ECHO.replace(old, new)) == []


def test_a_bundle_is_diagnosed_with_its_own_arguments(run_small, nb):
    """The fake engine named bright is 125,932 times as bright as the good one."""
    said, folder = run_small("good", "bright")
    assert said.code == ExitCode.DIFFERS
    found = nb("diagnose", folder, "--quick", "--format", "json")
    assert found.code == ExitCode.DIFFERS
    first = found.json["causes"][0]
    assert first["class"] == "scale" and first["proven"] and first["residual"] < 1e-5


@pytest.mark.parametrize("place", ["simulator.Simulator.__init__", "simulator.Simulator.close",
                                   "search.CauseSearch.outcome", "search.geometry_of"])
def test_what_is_seen_in_the_images_stands_where_trial_runs_fail(run_small, nb, monkeypatch, place):
    _, folder = run_small("good", "bright")

    def fail(*_, **__):
        raise OSError("no space left")

    monkeypatch.setattr(f"nbcompare.explain.diagnose.search.{place}", fail)
    monkeypatch.setattr("nbcompare.explain.diagnose.diagnose.settled", lambda *_: False)
    found = nb("diagnose", folder, "--format", "json", "--budget", "1")
    assert found.code == ExitCode.DIFFERS and found.json["causes"][0]["proven"]


@pytest.mark.parametrize("place", ["diagnose.question_differences", "finders.scale.find_scale"])
def test_what_fails_besides_is_said_and_takes_nothing_with_it(run_small, nb, monkeypatch, place):
    """What engines print may be anything; a diagnosis that stumbles over it says so and ends as any other."""
    _, folder = run_small("good", "bright")

    def fail(*_, **__):
        raise IndexError("list index out of range")

    monkeypatch.setattr(f"nbcompare.explain.diagnose.{place}", fail)
    monkeypatch.setattr("nbcompare.explain.diagnose.finders.scale.FINDERS", (fail,))
    found = nb("diagnose", folder, "--quick", "--format", "json")
    assert found.code == ExitCode.DIFFERS
    assert any("the diagnosis failed" in note and "IndexError" in note for note in found.json["notes"])


def test_a_bundle_of_equal_images_has_no_cause_and_exits_with_0(run_small, nb):
    _, folder = run_small("good", "good")
    found = nb("diagnose", folder)
    assert found.code == ExitCode.PASS
    assert found.out.startswith("AGREE") and len(found.out.splitlines()) == 1


def test_a_damaged_bundle_is_not_diagnosed(run_small, nb):
    _, folder = run_small("good", "bright")
    image = folder / "inputs" / "py_roi_float.bin"
    image.chmod(stat.S_IRUSR | stat.S_IWUSR)
    raw = bytearray(image.read_bytes())
    raw[5] ^= 1
    image.write_bytes(raw)
    found = nb("diagnose", folder)
    assert found.code == ExitCode.EVIDENCE and "next:" in found.err


def test_a_bundle_without_a_subject_image_has_nothing_to_diagnose(run_small, nb):
    _, folder = run_small("good", "silent")
    found = nb("diagnose", folder)
    assert found.code == ExitCode.EVIDENCE and "subject left no image" in found.err


def test_an_image_of_another_experiment_is_called_stale(nb, fake, small_case, tmp_path):
    """The subject of the second bundle shows, byte for byte, what was made for another command."""
    def run(case, subject):
        said = nb("run", case, "--c-bin", fake("good"), "--py-bin", subject, "-q", "--format", "json")
        return tmp_path / said.json["bundle"]

    other = tmp_path / "other.yaml"
    other.write_text(small_case.read_text().replace("name: small", "name: other").replace("1e18", "1e19"))
    run(other, fake("bright"))
    found = nb("diagnose", run(small_case, fake("bright")), "--quick", "--format", "json")
    assert found.json["causes"][0]["id"] == "stale-image"
    assert "other/" in found.json["causes"][0]["sentence"]


# --- files -----------------------------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path):
    """ref.bin, a lively image of 30 x 40 pixels, and a writer of subjects."""
    reference = np.random.default_rng(7).gamma(0.3, 100, (30, 40)).astype("<f4")
    (tmp_path / "ref.bin").write_bytes(reference.tobytes())

    def subject(raw):
        (tmp_path / "sub.bin").write_bytes(raw)
        return tmp_path / "ref.bin", tmp_path / "sub.bin", "--shape", "30", "40"

    return reference, subject


@pytest.mark.parametrize("id, change", {
    "truncated": lambda x: x.tobytes()[:3000],
    "header-bytes": lambda x: b"\1" * 512 + x.tobytes(),
    "trailing-bytes": lambda x: x.tobytes() + b"\1" * 100,
    "float64-bytes": lambda x: x.astype("<f8").tobytes(),
    "integer-bytes": lambda x: np.rint(x * 20).astype("<u2").tobytes(),
    "shape-differs": lambda x: x[:20, ::-1].tobytes(),
}.items())
def test_a_file_of_another_size_is_explained_and_exits_with_4(id, change, files, nb):
    reference, subject = files
    found = nb("diagnose", *subject(change(reference)), "--format", "json")
    assert found.code == ExitCode.SHAPE
    assert found.json["causes"][0]["id"] == id and not found.json["agree"]


@pytest.mark.parametrize("times", [1, 1000])
def test_integers_of_the_size_of_floats_are_told_as_such(times, files, nb):
    reference, subject = files
    found = nb("diagnose", *subject(np.rint(reference * times).astype("<i4").tobytes()), "--format", "json")
    assert found.json["causes"][0]["id"] == "integer-bytes"


def test_without_a_command_the_images_alone_are_looked_at(files, nb):
    reference, subject = files
    found = nb("diagnose", *subject(np.ascontiguousarray(reference[::-1]).tobytes()), "--quick")
    assert found.code == ExitCode.DIFFERS
    assert re.search(r"^ 1\. the subject is the reference mirrored along the slow axis$", found.out, re.MULTILINE)


def test_a_difference_without_a_cause_still_exits_with_3(files, nb):
    reference, subject = files
    draw = np.random.default_rng(1)
    other = reference * draw.gamma(0.2, 3, reference.shape) + draw.gamma(0.1, 100, reference.shape)
    found = nb("diagnose", *subject(other.astype("<f4").tobytes()), "--quick", "--format", "json")
    assert found.code == ExitCode.DIFFERS
    assert not any(cause["proven"] for cause in found.json["causes"])


@pytest.mark.parametrize("words, code", [
    ((), ExitCode.USAGE), (("ref.bin",), ExitCode.EVIDENCE), (("ref.bin", "sub.bin"), ExitCode.USAGE),
    (("ref.bin", "missing.bin", "--shape", "30", "40"), ExitCode.IO),
    (("ref.bin", "sub.bin", "--shape", "31", "40"), ExitCode.IO),
    (("ref.bin", "sub.bin", "--shape", "0", "40"), ExitCode.USAGE),
    (("ref.bin", "sub.bin", "--", "-pixel", "0"), ExitCode.USAGE),
    (("nan.bin", "sub.bin", "--shape", "30", "40"), ExitCode.IO),
    (("ref.bin", "sub.bin", "--inputs", "nowhere", "--", "-detpixels", "30"), ExitCode.USAGE)])
def test_bad_questions_are_one_line_with_their_exit_code(words, code, files, nb, tmp_path):
    reference, subject = files
    subject(reference.tobytes())
    np.where(reference == reference.max(), np.nan, reference).astype("<f4").tofile(tmp_path / "nan.bin")
    found = nb("diagnose", *words)
    assert found.code == code
    assert "Traceback" not in found.err and found.err.startswith("nb-compare: error: ")


def test_the_input_files_are_read_where_inputs_says(files, nb, tmp_path):
    """The mask lies in another folder: pixels it excludes hold values in the subject."""
    reference, subject = files
    (tmp_path / "data").mkdir()
    mask = np.ones((30, 40), "<u2")
    mask[4:9, 7:30] = 0
    header = "{\nHEADER_BYTES=512;\nSIZE1=40;\nSIZE2=30;\nPIXEL_SIZE=0.1;\n}\f".ljust(512).encode()
    (tmp_path / "data" / "mask.img").write_bytes(header + mask.tobytes())
    (tmp_path / "ref.bin").write_bytes((reference * mask).astype("<f4").tobytes())
    words = subject(reference.tobytes())[:2]
    found = nb("diagnose", *words, "--inputs", "data", "--quick", "--format", "json", "--", "-mask", "mask.img")
    assert found.json["causes"][0]["id"] == "mask-ignored"


# --- the catalogue ---------------------------------------------------------------------------------------------


def test_the_list_holds_every_cause_once_in_text_and_json(nb):
    listed = nb("diagnose", "--list", "--format", "json")
    causes = listed.json["causes"]
    ids = [entry["id"] for entry in causes]
    assert listed.code == ExitCode.PASS and len(ids) == len(set(ids)) > 300
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", id) for id in ids)
    assert all(entry["sentence"].endswith(".") for entry in causes)
    text = nb("diagnose", "--list").out
    assert all(re.search(rf"^  {re.escape(id)} +\S", text, re.MULTILINE) for id in ids)
