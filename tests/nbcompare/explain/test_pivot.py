"""-pivot is a word, not a number: every command that looks into arguments takes it."""

import numpy as np
import pytest

from nbcompare.compare.image import Shape, read_float_image
from nbcompare.engine.bundled_reference import build_reference
from nbcompare.engine.processes.process import run_program

ARGS = ("-cell", "60", "-default_F", "100", "-N", "5", "-lambda", "1.2", "-distance", "80", "-detpixels_x", "24",
        "-detpixels_y", "20", "-pixel", "0.4", "-fdet_vector", "0", "0", "1", "-detector_roty", "15", "-oversample",
        "1", "-flux", "1e20")
WITHOUT_FLUX = """\
#!/usr/bin/env python3
# The reference, deaf to -flux; started anew by itself so that it is a program of its own.
import os, sys
words = sys.argv[1:]
if "-flux" in words:
    at = words.index("-flux")
    del words[at:at + 2]
os.execv({reference!r}, [{reference!r}, *words])
"""


@pytest.fixture(params=["beam", "sample"])
def args(request):
    return (*ARGS, "-pivot", request.param)


@pytest.fixture(scope="module")
def reference():
    return build_reference()


@pytest.fixture
def deaf(reference, tmp_path):
    path = tmp_path / "deaf.py"
    path.write_text(WITHOUT_FLUX.format(reference=str(reference)))
    path.chmod(0o755)
    return path


@pytest.fixture
def images(reference, args, tmp_path):
    """The reference's image, and one whose beam centre lies two pixels off."""
    moved = [*args, "-Xbeam", "5.6", "-Ybeam", "5.2", "-pivot", args[-1]]
    for name, words in (("a", args), ("b", moved)):
        run_program([str(reference), *words, "-floatfile", f"{name}.bin"], folder=tmp_path, stdout=tmp_path / "out",
                    stderr=tmp_path / "err", seconds=60)
    return tmp_path / "a.bin", tmp_path / "b.bin"


def test_the_diagnosis_takes_a_pivot(nb, images, args):
    said = nb("diagnose", "--quick", "--format", "json", *images, "--", *args)
    assert said.json["notes"] == [], said.err
    assert said.json["causes"]


def test_the_two_pivots_are_two_images(images, args, reference, tmp_path):
    """So that taking the word for nothing would be seen."""
    other = {"beam": "sample", "sample": "beam"}[args[-1]]
    run_program([str(reference), *args[:-1], other, "-floatfile", "c.bin"], folder=tmp_path, stdout=tmp_path / "out",
                stderr=tmp_path / "err", seconds=60)
    shape = Shape(slow=20, fast=24)
    assert not np.array_equal(read_float_image(images[0], shape), read_float_image(tmp_path / "c.bin", shape))


def test_the_trace_takes_a_pivot(nb, reference, deaf, args):
    said = nb("trace", "--pixel", "12", "9", "--c-bin", reference, "--py-bin", deaf, "-q", "--format", "json", "--",
              *args)
    apart = [factor["name"] for factor in said.json["pixels"][0]["factors"] if not factor["agrees"]]
    assert apart == ["fluence_per_m2", "intensity"], said.err


def test_reduce_takes_a_pivot(nb, reference, deaf, args, tmp_path):
    said = nb("reduce", "-q", "--format", "json", "--cache", tmp_path / "cache", "--c-bin", reference, "--py-bin", deaf,
              "--", *args)
    assert said.json["needed"] == ["-flux 1e20"], said.err


CASE = """\
name: pivot
title: a pivot of one's own
command: {command}
image: {{fast: 24, slow: 20}}
rois: {{full: full}}
thresholds:
  - {{metric: correlation, min: 0.9995, why: the same pattern}}
  - {{metric: sum_ratio, min: 0.99, max: 1.01, why: the same scale}}
"""


def test_the_audit_takes_a_pivot(nb, reference, args, tmp_path):
    case = tmp_path / "pivot.yaml"
    case.write_text(CASE.format(command=" ".join(args)))
    said = nb("audit", case, "--c-bin", reference, "--py-bin", reference, "-q", "--format", "json", "--kinds",
              "pivot-other,distance", "--strengths", "1", "--cache", tmp_path / "cache", "--no-diagnosis")
    caught = {defect["kind"] for defect in said.json["defects"] if defect["caught"]}
    assert "pivot-other" in caught, said.err
