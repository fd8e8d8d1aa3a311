"""A stored run of the reference in place of a run: only where all is the same, and nobody could have edited it."""

import json
import os
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from nbcompare.bundle.check.verify import verify_bundle
from nbcompare.run import kept_reference, one_case

COUNTED = """\
import shutil, sys
from pathlib import Path
sys.dont_write_bytecode = True
log = Path(globals()["__fi" + "le__"]).resolve().parents[1] / ("runs" + ".txt")
log.write_text(log.read_text() + "x" if log.exists() else "x") if "-version" not in sys.argv else None
import good
"""


@pytest.fixture
def counted(tmp_path, fake, small_case, nb, quick_runs):
    """Run the small case with a reference that counts its runs; gives what was said and how often it ran so far."""
    home = tmp_path / "engine"
    home.mkdir()
    for name in ("good", "_image"):
        shutil.copy(fake(name), home)
    log = tmp_path / "runs.txt"
    (home / "counted.py").write_text(COUNTED)
    (tmp_path / "nb-compare.yaml").write_text(
        f"engines: {{reference: {{command: [{sys.executable}, engine/counted.py], sources: [engine/*.py], "
        "keeps: [runs.txt]}}\n")

    def call(*words, subject="twin", case=small_case):
        said = nb("run", case, "--py-bin", fake(subject), "-q", "--format", "json", *words)
        return said, len(log.read_text()) if log.exists() else 0

    return call


class _Verifications(list):
    """The bundles that were verified to be the reference; with a ``record``, that is what is said of them ahead."""

    record = None


@pytest.fixture
def verifications(monkeypatch):
    found, verify, ahead = _Verifications(), kept_reference.stored_reference, kept_reference.verified_ahead
    monkeypatch.setattr(kept_reference, "stored_reference", lambda folder: found.append(folder) or verify(folder))
    monkeypatch.setattr(one_case, "verified_ahead", lambda *given: replace(
        ahead(*given), record=found.record) if found.record else ahead(*given))
    return found


def bundles(name="small"):
    return sorted(Path("bundles", name).glob("2*"))


def test_the_same_run_is_made_once_and_both_record_and_report_say_so(counted, nb, verifications):
    assert counted()[1] == 1
    said, runs = counted("--junit", "o.xml", "--markdown", "o.md", subject="bright")
    assert (said.code, runs) == (3, 1)
    assert len(verifications) == 1  # ahead
    first, second = bundles()
    assert said.json["reference_from"]["stamp"] == first.name
    assert said.json["notes"][0].startswith(f"reference from bundle small/{first.name}")
    assert verify_bundle(second).faults == ()
    assert f"reference from bundle small/{first.name}" in nb("show", second).out
    assert f'name="reference from bundle" value="small/{first.name}"' in Path("o.xml").read_text()
    assert f"reference from `small/{first.name}`" in Path("o.md").read_text()
    verifications.record = "another"
    assert counted()[0].json["reference_from"]["stamp"] == first.name  # of a run, and never of a borrowed image
    assert len(verifications) == 3  # ahead, and once more as the record is not the one that was verified


def test_a_sweep_says_which_references_came_from_bundles(counted, nb, fake, small_case):
    """In its table, its document, JUnit and the summary; cells whose reference was run are told apart."""
    counted()
    source = bundles()[0].name
    Path("other.yaml").write_text(small_case.read_text().replace("small", "other").replace("1e18", "1e17"))
    words = ("sweep", small_case, "other.yaml", "--jobs", 1, "--py-bin", fake("bright"), "-q")
    table = nb(*words, "--junit", "o.xml", "--markdown", "o.md").out.splitlines()
    small, other = (next(line for line in table if line.startswith(name)) for name in ("small", "other"))
    assert "reference from" in table[0] and f" bundle small/{source} " in small and "bundle" not in other
    said = nb(*words, "--format", "json").json
    assert [cell["reference_from"] for cell in said["results"]] == [f"small/{source}", None]
    assert f'name="reference from bundle" value="small/{source}"' in Path("o.xml").read_text()
    assert f"reference from `small/{source}`" in Path("o.md").read_text()
    assert "reference from" not in nb("sweep", "other.yaml", "--jobs", 1, "--py-bin", fake("bright"), "-q").out


def test_two_bundles_of_one_reference_run_are_compared_by_their_subjects(counted, nb):
    counted()
    counted(subject="bright")
    said = nb("compare", *bundles(), "--format", "json")
    assert said.code == 3 and [pair["a"]["role"] for pair in said.json["pairs"]] == ["subject"]
    assert said.json["notes"][0] == "the reference is one run in both bundles, and is not compared with itself"
    assert nb("compare", *bundles(), "--roles", "reference").code == 8


def test_a_fresh_run_is_made_when_it_is_asked_for(counted):
    counted()
    said, runs = counted("--fresh")
    assert runs == 2 and "reference_from" not in said.json


@pytest.mark.parametrize("change", ["argument", "variable", "own variable", "input", "program", "module",
                                    "thread count", "confinement"])
def test_whatever_the_image_depends_on_makes_another_run(counted, small_case, tmp_path, monkeypatch, change):
    text = small_case.read_text()
    small_case.write_text(text + "inputs: {x.dat: {file: x.dat}}\n" if change == "input" else text)
    (tmp_path / "x.dat").write_text("1")
    counted()
    if change == "argument":
        small_case.write_text(text.replace("1e18", "1e18 -exposure 1"))
    elif change == "variable":
        small_case.write_text(text + "environment: {OMP_NUM_THREADS: '1'}\n")
    elif change == "own variable":
        small_case.write_text(text + "environment: {MY_MODEL: '2'}\n")
    elif change == "input":
        (tmp_path / "x.dat").write_text("2")
    elif change == "confinement":
        monkeypatch.setattr("nbcompare.run.kept_reference.protection_of", lambda engines: "reference: confined")
    elif change == "thread count":
        monkeypatch.setenv("OMP_NUM_THREADS", "3")
    else:
        path = tmp_path / "engine" / ("counted.py" if change == "program" else "good.py")
        path.write_text(path.read_text() + "\n# changed\n")
    assert counted()[1] == 2


def test_an_engine_whose_files_are_not_all_known_is_always_run(counted, tmp_path):
    (tmp_path / "nb-compare.yaml").write_text("engines: {reference: {command: [./wrapper.sh]}}\n")
    wrapper = tmp_path / "wrapper.sh"
    wrapper.write_text(f"#!/bin/sh\nexec {sys.executable} {tmp_path}/engine/counted.py \"$@\"\n")
    wrapper.chmod(0o755)
    counted()
    assert counted()[1] == 2


@pytest.mark.parametrize("asks", ["--noise-floor", "--probe-args"])
def test_who_asks_more_of_the_reference_than_its_image_gets_a_run(counted, asks):
    counted()
    said, runs = counted(asks)
    assert runs > 1 and "reference_from" not in said.json


# --- a store that cannot be trusted -------------------------------------------------------------------------


def writable(path):
    path.chmod(0o644)
    return path


def poisoned(folder):
    image = writable(folder / "inputs/c_roi_float.bin")
    image.write_bytes(image.read_bytes()[::-1])


def truncated(folder):
    os.truncate(writable(folder / "inputs/c_roi_float.bin"), 8)


def half_written(folder):
    os.truncate(writable(folder / "record.json"), 200)


def another_image_with_its_sums(folder):
    """The image, the manifest and the sum in the record are made to fit; the figures are not."""
    from nbcompare.bundle.bundle import write_manifest
    from nbcompare.files import dump_json, sha256_of

    poisoned(folder)
    record = json.loads((folder / "record.json").read_text())
    record["runs"][0]["image_sha256"] = sha256_of(folder / "inputs/c_roi_float.bin")
    writable(folder / "record.json").write_text(dump_json(record))
    writable(folder / "manifest-sha256.txt")
    write_manifest(folder)


def for_all_to_write(folder):
    folder.chmod(0o777)


def linked(folder):
    moved = folder.with_name("elsewhere")
    folder.rename(moved)
    folder.symlink_to(moved.name)


def marked_as_imported(folder):
    from nbcompare.bundle.imported import mark

    mark(folder.parent, folder.name, Path("colleague.zip"), "0" * 64)


def without_its_last_file(folder):
    (folder / "manifest-sha256.txt").unlink()


@pytest.mark.parametrize("spoil", [poisoned, truncated, half_written, another_image_with_its_sums, for_all_to_write,
                                   linked, marked_as_imported, without_its_last_file])
def test_a_store_that_may_be_somebody_elses_work_is_never_used(counted, spoil):
    counted()
    spoil(bundles()[0])
    said, runs = counted()
    assert (said.code, runs) == (0, 2)
    assert "reference_from" not in said.json


def test_what_is_wrong_with_a_store_is_told(counted, nb, fake, small_case):
    counted()
    poisoned(bundles()[0])
    said = nb("run", small_case, "--py-bin", fake("twin"))
    (told,) = [line for line in said.err.splitlines() if "is not taken" in line]
    number, noun = re.search(r": (\d+) (faults?): .*inputs/c_roi_float.bin", told).groups()
    assert (noun == "fault") == (number == "1")


def test_the_bundle_of_another_user_is_passed_over_and_told(counted, monkeypatch, nb, fake, small_case):
    counted()
    if os.getuid() == 0:
        os.chown(bundles()[0] / "inputs", 4242, -1)
    else:
        monkeypatch.setattr("nbcompare.run.kept_reference.os.getuid", lambda: 4242)
    said = nb("run", small_case, "--py-bin", fake("twin"))
    assert "inputs belongs to another user" in said.err or os.getuid()
    assert "is not taken" in said.err
    assert "reference_from" not in json.loads((bundles()[-1] / "record.json").read_text())


def test_what_a_folder_for_all_to_write_holds_is_not_taken(counted):
    counted()
    Path("bundles").chmod(0o777)
    assert counted()[1] == 2


def test_the_image_is_looked_at_again_when_it_is_taken(counted, monkeypatch, nb, fake, small_case):
    """A bundle that changes after it was verified: no verdict rests on it."""
    from nbcompare.run import kept_reference

    counted()
    real = kept_reference.stored_reference

    def changed(folder):
        found = real(folder)
        poisoned(folder)
        return found

    monkeypatch.setattr(kept_reference, "stored_reference", changed)
    said = nb("run", small_case, "--py-bin", fake("twin"), "-q")
    assert said.code == 6 and "was changed while it was used" in said.err
    assert len(bundles()) == 1


def test_another_adapter_of_the_reference_is_another_run(counted, tmp_path):
    """What becomes of the arguments, and how the output is read, decide the image as much as the program does."""
    project = tmp_path / "nb-compare.yaml"
    plain = project.read_text()

    def adapted(rules):
        project.write_text(plain.replace("sources:", f"other_arguments: pass, {rules}, sources:"))
        return counted()[1]

    assert counted()[1] == 1
    assert adapted("arguments: {-flux: {drop: why}}") == 2
    assert adapted("arguments: {-flux: {drop: why}}") == 2, "taken, as all is the same"
    assert adapted("arguments: {-flux: {to: -flux, scale: 2}}") == 3
    read = "output: {file: floatimage.bin, format: raw, dtype: DTYPE}, arguments: {-floatfile: -floatfile}"
    assert adapted(read.replace("DTYPE", "<f4")) == 4
    assert adapted(read.replace("DTYPE", "<i4")) == 5
