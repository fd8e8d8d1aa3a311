"""nb-compare doctor: whether a comparison could run here. What it cleans is in test_archive_keeping.py."""

import os
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import numpy as np
import pytest

from nbcompare.bundle.keep import doctor


@pytest.fixture(autouse=True)
def temporary(tmp_path_factory, monkeypatch):
    """What other programs leave in the system's temporary folder is none of these tests' business."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def findings(said) -> dict:
    return {entry["name"]: entry for entry in said.json["findings"]}


def test_doctor_looks_at_programs_libraries_disk_locks_and_clock(store, nb, fake, monkeypatch):
    monkeypatch.setenv("NB_C_BIN", str(fake("good")))
    monkeypatch.setenv("NB_PY_BIN", str(fake("twin")))
    said = nb("doctor", "--json")
    assert said.code == 0, said.out
    found = findings(said)
    assert {"python", "reference", "subject", "disk", "writable", "locks", "clock", "sign-offs"} <= found.keys()
    assert found["reference"]["detail"] == f"good.py: {fake('good')}"
    assert found["numpy"]["detail"] == np.__version__
    free_gib = float(found["disk"]["detail"].split()[0])
    assert free_gib == pytest.approx(shutil.disk_usage(".").free / 2**30, rel=0.5)
    monkeypatch.setenv("NB_C_BIN", "gone/nanoBragg")
    said = nb("doctor")
    assert said.code == 8 and "NO  reference" in said.out and "next:" in said.out


def test_doctor_imports_nothing_heavy():
    code = ("import sys\nfrom nbcompare.bundle.keep.doctor import examine\nfrom pathlib import Path\n"
            "examine(Path('bundles'))\nprint(*sys.modules)")
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "nanobrag_torch", "matplotlib"} & set(loaded)


def test_doctor_says_when_the_clock_went_back(store, nb):
    store.crashed.rename(store.crashed.parent / "29990101T000000Z")
    said = nb("doctor", "--json")
    assert said.code == 8 and "there is a bundle of 29990101T000000Z" in findings(said)["clock"]["detail"]


def test_it_asks_for_every_library_that_pip_installs():
    """The list is that of pyproject.toml, which no module reads."""
    project = tomllib.loads((Path(__file__).resolve().parents[3] / "pyproject.toml").read_text())["project"]
    assert sorted(project["dependencies"]) == list(doctor.LIBRARIES)


def test_a_library_that_is_missing_stops_everything(nb, monkeypatch):
    monkeypatch.setattr(doctor, "_version", lambda name: None if name == "jinja2" else "1.0")
    said = nb("doctor")
    assert said.code == 8 and "next: pip install jinja2 (jinja2)" in said.out


@pytest.mark.simulator
def test_who_brings_two_engines_needs_neither_torch_nor_a_compiler(nb, fake, monkeypatch, tmp_path):
    """Bundled engines that cannot run are told, and are nothing wrong; declared engines take their place."""
    monkeypatch.setattr(doctor, "_version", lambda name: None if name == "torch" else "1.0")
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    monkeypatch.setattr(doctor, "found_program", lambda: None)
    said = nb("doctor")
    assert said.code == 0, said.out
    assert "--  subject" in said.out and "pip install 'nb-compare[torch]' (subject)" in said.out
    assert "--  reference" in said.out and "lacks make, a C compiler\n" in said.out
    assert {name for name, entry in findings(nb("doctor", "--json")).items() if entry["optional"]} \
        == {"reference", "subject"}
    Path("nb-compare.yaml").write_text(
        f"engines: {{reference: {{command: [{fake('good')}]}}, subject: {{command: [{fake('twin')}]}}}}\n")
    found = findings(nb("doctor", "--json"))
    assert found["subject"]["detail"] == f"twin.py: {fake('twin')}" and found["reference"]["ok"]
    Path("nb-compare.yaml").write_text("engines: [\n")
    assert nb("doctor").code == 8


def test_a_cache_that_cannot_be_written_is_told_before_a_run_needs_it(nb, monkeypatch, tmp_path):
    (tmp_path / "a file").touch()
    monkeypatch.setattr(doctor, "found_program", lambda: None)
    monkeypatch.setattr(doctor, "build_folder", lambda: tmp_path / "a file/reference")
    found = findings(nb("doctor", "--json"))["reference"]
    assert not found["ok"] and f"the right to write into {tmp_path}/a file" in found["detail"]


def test_of_many_folders_that_were_left_it_tells_how_many_and_one(nb, temporary):
    for at in range(5):
        (temporary / f"nb-compare-{at}").mkdir()
    said = nb("doctor")
    assert said.code == 0 and said.out.count("scratch of an engine") == 1
    assert (f"5 folders in {temporary}, such as nb-compare-0: each scratch of an engine, changed within a day, so that "
            "it may be in use") in said.out
    assert len(nb("doctor", "--json").json["leftovers"]) == 5
    os.utime(temporary / "nb-compare-3", (time.time() - 2 * 86400,) * 2)
    said = nb("doctor")
    assert said.code == 8 and f"{temporary}/nb-compare-3: scratch of an engine, left behind" in said.out
