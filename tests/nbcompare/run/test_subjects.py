"""Several subjects of one case: the port in another precision or on a device, each held against the one reference."""

import json
from pathlib import Path

import pytest

from nbcompare.bundle.bundle import write_manifest
from nbcompare.files import dump_json
from tests.nbcompare.conftest import SMALL_CASE

pytestmark = pytest.mark.usefixtures("quick_runs")

PROGRAM = """\
import sys
from array import array
if "-version" in sys.argv:
    sys.exit(print("port 1.0"))
at = dict(zip(sys.argv, sys.argv[1:]))
if at.get("-device") == "cuda":
    sys.exit("no kernel image is available")
factor = float(at.get("-factor", 1))
values = [float(i * 7919 % 101 + 1) for i in range(int(at["-detpixels_x"]) * int(at["-detpixels_y"]))]
values[31] = 1000.0
open(at["-floatfile"], "wb").write(array("f", [factor * x for x in values]).tobytes())
"""


@pytest.fixture
def several(nb, tmp_path):
    """Run the small case with these further subjects; what was said, and the bundle."""
    for name, more in (("ref.py", ""), ("port.py", "# a port\n")):
        (tmp_path / name).write_text(more + PROGRAM)
    (tmp_path / "phases.yaml").write_text("title: a\nphases:\n  - {name: agree, title: t, cases: [small.yaml], "
                                          "requires: {verdict: [PASS]}}\n")

    def call(subjects):
        (tmp_path / "small.yaml").write_text(f"{SMALL_CASE}subjects: {json.dumps(subjects)}\n")
        said = nb("run", "small.yaml", "--c-bin", "ref.py", "--py-bin", "port.py", "-q", "--format", "json")
        return said, Path(said.json["bundle"]) if said.out else None

    return call


def test_all_are_held_against_the_one_reference_in_one_bundle(several, nb):
    said, folder = several({"float64": "-precision double", "near": "-factor 1.0"})
    assert said.code == 0
    found = said.json["findings"]["subjects"]
    assert [(entry["name"], entry["words"]) for entry in found] == [
        ("float64", ["-precision", "double"]), ("near", ["-factor", "1.0"])]
    assert all(entry["comparison"]["regions"][0]["roi"]["name"] == "full" for entry in found)
    assert nb("verify", folder).code == nb("check", folder).code == 0
    shown = nb("show", folder).out
    assert "float64 (-precision double): every threshold holds" in shown and "near (-factor 1.0): every" in shown
    assert "-precision double" in (folder / "inputs/commands.txt").read_text()


def test_one_that_is_off_is_no_pass_of_the_case(several, nb):
    said, folder = several({"float64": "-precision double", "cold": "-factor 0.5"})
    assert said.code == 3 and said.json["verdict"]["word"] == "FAIL"
    reasons = said.json["verdict"]["reasons"]
    assert reasons and all(reason.startswith("subject cold: ") for reason in reasons)
    assert (folder / "subjects/cold_float.bin").is_file()
    assert nb("report", folder, "--html", "page.html").code == 0
    assert "Subject cold (-factor 0.5): sum_ratio on full" in Path("page.html").read_text()
    assert nb("verify", folder).code == 0 and nb("check", folder).code == 3


def test_one_that_cannot_run_has_failed_as_the_subject_would_have(several, nb):
    said, folder = several({"cuda": "-device cuda"})
    assert said.code == 2 and said.json["verdict"]["word"] == "ENGINE FAILED"
    assert "subject cuda: ended with exit code 1" in said.json["verdict"]["reasons"][0]
    assert nb("verify", folder).code == 0


@pytest.mark.parametrize("harm", ["image", "figures", "words", "one less"])
def test_image_figures_and_words_are_held_against_each_other(several, nb, harm):
    _, folder = several({"warm": "-factor 1.0001", "near": "-factor 1.00001"})
    path, image = folder / "record.json", folder / "subjects/warm_float.bin"
    record = json.loads(path.read_text())
    found = record["findings"]["subjects"]
    if harm == "image":
        image.write_bytes((folder / "inputs/c_roi_float.bin").read_bytes())
    elif harm == "figures":
        found[0]["comparison"]["regions"][0]["subject_sum"] *= 2.0
    elif harm == "words":
        found[0]["run"]["argv"][-3] = "1.0"
    else:
        del found[1]
    path.write_text(dump_json(record))
    write_manifest(folder)
    again = {"image": "subjects/warm_float.bin", "figures": "subject_sum", "words": "does not follow",
             "one less": "not those of the case"}[harm]
    said = nb("verify", folder)
    assert said.code == 6 and again in said.out + said.err


@pytest.mark.parametrize("subjects, words", [
    ({}, "at least one"), ({"a b": "-x 1"}, "the name of a subject"), ({"a": ""}, "must not be empty"),
    ({"a": "-x 1", "b": "-x 1"}, "no other subject has"), ({"a": "-mat no.mat"}, "no.mat")])
def test_subjects_that_mean_nothing_are_refused(several, subjects, words):
    said, folder = several(subjects)
    assert said.code == 1 and words in said.err and folder is None


def test_another_set_of_subjects_turns_the_gate_red(several, nb, tmp_path):
    several({"near": "-factor 1.0"})
    (tmp_path / "small.yaml").write_text(f"{SMALL_CASE}subjects: {{cold: -factor 0.5}}\n")
    said = nb("gate", "agree", "--phases", "phases.yaml", "--format", "json")
    assert said.code != 0
