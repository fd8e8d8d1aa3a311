"""The follow-up on CUDA, with a faked device: the mapped tests there, and the subject itself with its image."""

import json
import shutil
from pathlib import Path

import pytest

from nbcompare.bundle.bundle import write_manifest
from nbcompare.files import dump_json
from tests.nbcompare.conftest import SMALL_CASE

TORCH = """\
class cuda:
    is_available = staticmethod(lambda: True)
    reset_peak_memory_stats = staticmethod(lambda: None)
    memory_allocated = staticmethod(lambda: 0)
    max_memory_allocated = staticmethod(lambda: 512)
"""
SUBJECT = """\
import sys
from array import array
if "-version" in sys.argv:
    print("port 1.0")
    sys.exit(0)
at = {{name: sys.argv[sys.argv.index(name) + 1] for name in ("-detpixels_x", "-detpixels_y", "-floatfile")}}
there = "-device" in sys.argv and sys.argv[sys.argv.index("-device") + 1] == "cuda"
if there and {crash}:
    sys.exit("no kernel image is available")
values = array("f")
with open({plain!r}, "rb") as stream:
    values.frombytes(stream.read())
open(at["-floatfile"], "wb").write(array("f", [x * ({factor} if there else 1.0) for x in values]).tobytes())
"""
USES = "def test_a(nb_device): pass\n"
PHASES = """\
title: a
phases:
  - {name: tests, title: t, cases: [small.yaml], requires: {tests_green: true}}
  - {name: agree, title: t, cases: [small.yaml], requires: {verdict: [PASS]}}
"""


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """The image that the fake reference gives."""
    from array import array

    path = tmp_path_factory.mktemp("plain") / "plain.bin"
    values = [float(i * 7919 % 101 + 1) for i in range(63)]
    values[31] = 1000.0
    path.write_bytes(array("f", values).tobytes())
    return path


@pytest.fixture
def on_cuda(nb, tmp_path, plain, monkeypatch, quick_runs):
    """Run the small case where torch sees a device; what was said, and the bundle."""
    monkeypatch.setattr("nbcompare.run.engine_runs.cuda_is_available", lambda folder: True)
    (tmp_path / "torch.py").write_text(TORCH)
    (tmp_path / "phases.yaml").write_text(PHASES)
    (tmp_path / "small.yaml").write_text(SMALL_CASE + "tests: [test_mapped.py]\n")

    def call(test=USES, factor=1.0, crash=False):
        (tmp_path / "test_mapped.py").write_text(test)
        for name, more in (("ref.py", ""), ("port.py", "# a port\n")):
            (tmp_path / name).write_text(more + SUBJECT.format(plain=str(plain), factor=factor, crash=crash))
        said = nb("run", "small.yaml", "--c-bin", "ref.py", "--py-bin", "port.py", "-q", "--format", "json")
        return said, Path(said.json["bundle"])

    return call


def red(nb, phase):
    items = nb("gate", phase, "--phases", "phases.yaml", "--format", "json").json["items"]
    return {item["requirement"]: item["why"] for item in items if not item["holds"]}


def test_the_subject_is_run_there_too_and_its_image_compared(on_cuda, nb):
    said, folder = on_cuda()
    found = said.json["findings"]["device"]
    assert said.code == 0 and found["device"] == "cuda"
    assert found["run"]["argv"][-4:] == ["-device", "cuda", "-floatfile", "float.bin"]
    assert found["comparison"]["regions"][0]["roi"]["name"] == "full"
    assert "-device cuda" in (folder / "inputs/commands.txt").read_text()
    assert nb("verify", folder).code == 0 and red(nb, "tests") == {}
    assert "on cuda: every threshold holds for the subject" in nb("show", folder).out


def test_another_image_there_is_no_pass(on_cuda, nb):
    """The CPU agreed, and on the device everything was three times as bright."""
    said, folder = on_cuda(factor=3.0)
    assert said.code == 3 and said.json["runs"][1]["failure"] is None
    assert [reason for reason in said.json["verdict"]["reasons"] if reason.startswith("on cuda: sum_ratio on full: 3")]
    assert (folder / "device/cuda_float.bin").is_file()
    assert nb("verify", folder).code == 0 and nb("check", folder).code == 3
    assert "on cuda: sum_ratio" in red(nb, "tests")["cuda"] and "verdict" in red(nb, "agree")
    assert "on cuda: sum_ratio" in nb("run", "small.yaml", "--c-bin", "ref.py", "--py-bin", "port.py", "-q").out
    assert nb("report", folder, "--html", "page.html").code == 0
    assert "on cuda: sum_ratio" in Path("page.html").read_text()


def test_a_subject_that_cannot_run_there_is_said_and_no_gate_is_green(on_cuda, nb):
    said, folder = on_cuda(crash=True)
    assert said.code == 0
    assert said.json["findings"]["device"]["run"]["failure"]["kind"] == "exit-code"
    assert "on cuda: the subject ended with exit code 1" in red(nb, "tests")["cuda"]
    assert "on cuda: the subject ended with exit code 1" in (folder / "notes/todo_nb_compare.md").read_text()
    assert nb("verify", folder).code == 0


def test_where_no_test_uses_the_device_the_row_is_not_green(on_cuda, nb):
    said, folder = on_cuda("def test_a(): pass\n")
    assert said.code == 0 and red(nb, "tests") == {"cuda": "no mapped test uses the device"}
    assert "no mapped test uses the device" in (folder / "tests/pytest_cuda.log").read_text()


@pytest.mark.parametrize("harm", ["image", "figures", "words"])
def test_its_image_figures_and_words_are_held_against_each_other(on_cuda, nb, harm):
    _, folder = on_cuda(factor=1.001)
    path, image = folder / "record.json", folder / "device/cuda_float.bin"
    record = json.loads(path.read_text())
    found = record["findings"]["device"]
    if harm == "image":
        shutil.copy(folder / "inputs/c_roi_float.bin", image)
    elif harm == "figures":
        found["comparison"]["regions"][0]["subject_sum"] *= 2.0
    else:
        found["run"]["argv"][-3] = "cpu"
    for file in (path, folder / "manifest-sha256.txt"):
        file.chmod(0o644)
    path.write_text(dump_json(record))
    write_manifest(folder)
    again = {"image": "device/cuda_float.bin", "figures": "subject_sum", "words": "does not follow"}[harm]
    said = nb("verify", folder)
    assert said.code == 6 and again in said.out + said.err
