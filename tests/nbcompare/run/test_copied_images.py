"""A port that computes nothing: it gives the image of an earlier bundle, or what it kept of its own last one."""

import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from nbcompare.bundle.names import MANIFEST
from nbcompare.compare.image import Shape
from nbcompare.engine.engine import Run
from nbcompare.engine.processes.disk_looks import stamp_of
from nbcompare.engine.processes.file_uses import FileUses, Use
from nbcompare.engine.processes.open_calls import OpenCalls
from nbcompare.files import sha256_of
from nbcompare.run.copied_images import copied_from
from nbcompare.verdict.further_evidence import FurtherEvidence
from nbcompare.verdict.subjects import SubjectRun
from tests.nbcompare.second_repository import CORE, DECLARED

pytestmark = [pytest.mark.usefixtures("quick_runs"), pytest.mark.skipif(
    OpenCalls.why_not() is not None, reason="which files a program opens can be asked on Linux alone")]

COPIES = """

def pixels(count, scale):
    return array("f", open({path!r}, "rb").read())
"""
FALLS_BACK = """

computed = pixels


def pixels(count, scale):
    try:
        found = computed(count, SPOILED)
        open({path!r}, "wb").write(found.tobytes())
        return found
    except NameError:
        return array("f", open({path!r}, "rb").read())
"""


def image_in(record):
    """The reference's image in a bundle, as a port would find it: a path that no reading of its source tells."""
    found = [path for path in Path(record["bundle"]).absolute().rglob("*.bin") if path.name.startswith("c_")]
    return str(found[0])


def test_the_image_of_an_earlier_bundle_is_no_image_of_the_subject(run, project):
    project.declare(DECLARED)
    code, record = run()
    assert code == 0
    project.core.write_text(CORE + COPIES.format(path=image_in(record)))
    code, record = run("--fresh")
    subject = next(entry for entry in record["runs"] if entry["role"] == "subject")
    assert code == 2 and subject["failure"]["kind"] == "copied-image"
    assert subject["failure"]["sentence"].startswith("gave as its image a copy of ")
    assert any("which an earlier run has left" in reason for reason in record["verdict"]["reasons"])


def test_what_a_port_kept_of_its_last_image_is_told_and_no_gate_takes_it(run, gate, project, tmp_path):
    kept = tmp_path / "last.bin"
    project.declare(DECLARED)
    project.core.write_text(CORE + FALLS_BACK.format(path=str(kept)).replace("SPOILED", "scale"))
    assert run()[0] == 0 and kept.is_file()
    project.core.write_text(CORE + FALLS_BACK.format(path=str(kept)))
    code, record = run("--fresh")
    told = f"its image is byte for byte the file {kept}, which it read"
    assert code == 0 and any(told in note for note in record.get("notes", ()))
    assert told in gate("engines_unchanged: true")["engines_unchanged"]


def test_a_table_that_is_as_large_as_the_image_and_holds_other_values_is_none(run, gate, project, tmp_path):
    table = tmp_path / "table.bin"
    project.declare(DECLARED)
    project.core.write_text(CORE)
    size = os.path.getsize(image_in(run()[1]))
    table.write_bytes(bytes(size))
    project.core.write_text(f"open({str(table)!r}, 'rb').read()\n" + CORE)
    code, record = run("--fresh")
    assert code == 0 and not any("byte for byte" in note for note in record.get("notes", ()))
    assert gate("engines_unchanged: true") == {}


def test_what_one_run_of_an_engine_read_counts_for_its_other_runs_and_for_no_other_engine(tmp_path):
    """A run may hand an image to the next, which then opens nothing; the reference's own reading is none of theirs."""
    image = tmp_path / "bundles/small/1/inputs/c_float.bin"
    image.parent.mkdir(parents=True)
    image.write_bytes(bytes(252))
    (image.parents[1] / MANIFEST).write_text("")
    read = FileUses({str(image): Use(stamp_of(str(image))[1], made=False, read=True)})
    run = Run("subject", (), Shape(slow=7, fast=9), 0, 1.0, None, sha256_of(image))
    near, twin = (SubjectRun(name=name, words=(), run=run, comparison=None, engine=engine)
                  for name, engine in (("near", None), ("twin", SimpleNamespace())))
    reference, opened = replace(run, role="reference"), {"subject": read, "subject twin": FileUses(), "reference": read}
    assert list(copied_from((reference, run), FurtherEvidence(subjects=(near, twin)), opened)) == ["subject",
                                                                                                 "subject near"]
    other = replace(run, image_sha256="0" * 64)
    assert copied_from((reference, other), FurtherEvidence(), opened) == {}, "it read the image and gave another"
