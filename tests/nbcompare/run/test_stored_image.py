"""A case held to an image that is there already: what must not move, in a repository of its own."""

import hashlib
import json

import numpy as np
import pytest
import yaml

from tests.nbcompare.second_repository import DECLARED

ORIGIN = "myport at its first release, looked at by A. Porter"


@pytest.fixture
def golden(project, run):
    """The port in its repository, with the image that it gave once as its reference."""
    project.declare(DECLARED)
    assert run()[0] == 0
    (made,) = (project.home / "bundles").rglob("py_roi*")
    record = json.loads((made.parents[1] / "record.json").read_text())
    pixels = np.fromfile(made, "<f4").reshape(record["runs"][1]["shape"]["slow"], -1)
    file = project.home / "golden.npy"
    np.save(file, pixels)

    def declare(**changes):
        engines = yaml.safe_load((project.home / "nb-compare.yaml").read_text())["engines"]
        image = {"file": "golden.npy", "format": "numpy", "origin": ORIGIN,
                 "sha256": hashlib.sha256(file.read_bytes()).hexdigest()} | changes
        engines["reference"] = {"image": {key: value for key, value in image.items() if value is not None}}
        (project.home / "nb-compare.yaml").write_text(json.dumps({"engines": engines}))
        project.commit("a golden image")

    declare()
    project.golden, project.made, project.sides = declare, made, list(pixels.shape)
    return project


def test_what_did_not_move_passes_and_its_gate_is_green(golden, run, gate, nb):
    code, record = run()
    assert code == 0 and record["verdict"]["word"] == "PASS"
    said = "the stored image golden.npy, which no argument changes; its origin: " + ORIGIN
    assert any(said in note for note in record["notes"])
    assert gate("same_commit: true, clean_tree: true, engines_unchanged: true") == {}


def test_a_port_that_moved_fails_against_the_image_of_its_own_bundle(golden, run):
    """Raw numbers, in their place; the figure shows that they were read as what they are."""
    golden.golden(file=str(golden.made.relative_to(golden.home)), format="raw", dtype="<f4", shape=golden.sides,
                  sha256=hashlib.sha256(golden.made.read_bytes()).hexdigest())
    golden.core.write_text(golden.core.read_text().replace("scale * value", "1.05 * scale * value"))
    code, record = run()
    assert code == 3 and record["verdict"]["word"] == "FAIL"
    figures = {figure["metric"]: figure["value"] for figure in record["comparison"]["regions"][0]["figures"]}
    assert figures["sum_ratio"] == pytest.approx(1.05, rel=1e-3) and figures["correlation"] == pytest.approx(1)


def test_another_image_under_the_name_is_refused_and_turns_the_gate_red(golden, run, gate, nb):
    run()
    np.save(golden.home / "golden.npy", np.ones((4, 4), "<f4"))
    said = nb("run", golden.case)
    assert said.code == 1 and "it is not the image that was stored" in said.err
    golden.golden()
    assert gate("engines_unchanged: true") != {}


@pytest.mark.parametrize("changes, words", [
    ({"origin": " "}, "origin must not be empty"), ({"origin": None}, "origin"), ({"sha256": None}, "sha256"),
    ({"file": "no.npy"}, "no.npy"), ({"sha256": "0"}, "64 hexadecimal"),
    ({"format": "raw"}, "a raw file does not say its type"), ({"sha265": "0"}, "unknown key")])
def test_an_image_without_all_that_it_needs_is_one_error_with_its_place(golden, nb, changes, words):
    golden.golden(**changes)
    said = nb("run", golden.case)
    assert said.code == 1 and words in said.err and "nb-compare.yaml:1:" in said.err


def test_a_stored_image_is_no_subject(golden, nb):
    engines = yaml.safe_load((golden.home / "nb-compare.yaml").read_text())["engines"]
    (golden.home / "nb-compare.yaml").write_text(json.dumps({"engines": {"subject": engines["reference"]}}))
    said = nb("run", golden.case)
    assert said.code == 1 and "a stored image can only be the reference" in said.err
