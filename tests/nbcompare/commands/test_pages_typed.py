"""Shell blocks of docs/, typed as they stand in a small world with fake engines: what a page names is there, under the
stamps that the runs of this world got. nb-compare is called in this process, everything else by sh."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest


def test_bundles_md(world, tmp_path):
    """`regenerate --exact` and all that verifies take these very bundles."""
    shutil.copytree(tmp_path / "bundles", tmp_path / "other")
    said = world("bundles.md", more={"20260102T040506Z": world.second})
    assert "manifest-sha256.txt" not in said and "record.json: OK" in said
    assert list(tmp_path.glob("supervisor-*.zip")) and (tmp_path / "bag/bagit.txt").is_file()


def test_history_md(world, tmp_path):
    shutil.copytree(tmp_path / "bundles", tmp_path / "other/bundles")
    assert "supervisor: 2 runs" in world("history.md")
    assert (tmp_path / "bundles/index.html").is_file() and (tmp_path / "page.html").is_file()


def test_diagnosis_md(world, tmp_path):
    image = np.random.default_rng(1).exponential(5.0, (256, 256)).astype("<f4")
    for name in ("c_float.bin", "py_float.bin"):
        image.tofile(tmp_path / name)
    (tmp_path / "A.mat").write_text("0.01 0 0 0 0.01 0 0 0 0.01\n")
    (tmp_path / "scaled.hkl").write_text("0 0 1 100\n")
    assert "polarization" in world("diagnosis.md")


def test_cases_md(world, tmp_path):
    (tmp_path / "A.mat").write_text("0.01 0 0 0 0.01 0 0 0 0.01\n")
    (tmp_path / "P1.hkl").write_text("0 0 1 100\n")
    text = (tmp_path / "cases/supervisor.yaml").read_text()
    (tmp_path / "cases/A.mat").write_text("0 0 1 0 0 0 0 0 1\n")
    (tmp_path / "cases/scaled.hkl").write_text("0 0 1 100\n")
    (tmp_path / "cases/supervisor.yaml").write_text(
        text + "inputs: {A.mat: {file: A.mat}, scaled.hkl: {file: scaled.hkl}}\n")
    said = world("cases.md", more={"A.mat=PATH": "A.mat=A.mat", "scaled.hkl=PATH": "scaled.hkl=P1.hkl"})
    assert "cases/first.yaml: valid case" in said and "PASS  supervisor" in said


def test_ledger_md(world, tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/fix_plan.md").write_text("# Fixes\n\n## supervisor\n")
    (tmp_path / "plan.md").write_text("- [ ] N1 it agrees\n")
    world("ledger.md")
    assert f"Attempt 1: PASS, supervisor {world.second}" in (tmp_path / "docs/fix_plan.md").read_text()


def test_phases_md(world, tmp_path):
    shutil.copytree(tmp_path / "bundles", tmp_path / "other/bundles")
    shutil.copytree(tmp_path / "cases", tmp_path / "other", dirs_exist_ok=True)
    key = tmp_path / "home/.ssh/id_ed25519"
    key.parent.mkdir(parents=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    said = world("phases.md", more={r"~/\.ssh": str(key.parent)},
                 later="ssh-keygen")
    assert said.count("GREEN  N2") == 2 and said.count("SIGNED  N1") == 2
    (sign_off,) = (tmp_path / "bundles/signoffs/N1").glob("*.sig")
    (sign_off.parent / "allowed_signers").write_text(f"person@lab {key.with_suffix('.pub').read_text()}")
    done = subprocess.run(["sh", "-c", world.left[0].replace(world.second, sign_off.name.partition(".")[0])],
                          cwd=sign_off.parent, text=True, capture_output=True)
    assert done.returncode == 0 and 'Good "nb-compare" signature for person@lab' in done.stdout, done.stderr


def test_api_md(world, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    (tmp_path / "tests/parity").mkdir(parents=True)
    shutil.copy(tmp_path / "cases/supervisor.yaml", tmp_path / "tests/parity/small.parity.yaml")
    assert "4 passed" in world("api.md")


def test_images_md(world, tmp_path):
    fabio, h5py = pytest.importorskip("fabio"), pytest.importorskip("h5py")
    image = np.random.default_rng(1).integers(0, 500, (2527, 2463)).astype("<f4")
    small = image[:30, :40]
    for raw, cbf, stored, plain in (("c_float.bin", "reference.cbf", "old.h5", "a.npy"),
                                    ("py_float.bin", "subject.cbf", "new.h5", "b.npy")):
        image.tofile(tmp_path / raw)
        fabio.cbfimage.CbfImage(data=small.astype(np.int32)).write(str(tmp_path / cbf))
        with h5py.File(tmp_path / stored, "w") as file:
            file["data"] = small
        np.save(tmp_path / plain, image[:7, :9])
    for name in ("c.npy", "port.npy"):
        np.save(tmp_path / name, image[:256, :256])
    (tmp_path / "case.yaml").write_text((tmp_path / "cases/supervisor.yaml").read_text())
    assert world("images.md").count("PASS") == 5 and (tmp_path / "images.xml").is_file()
