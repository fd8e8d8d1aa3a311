"""The wheel: how it is built, what is in it, what it says of itself. How it is used is in test_wheel_used.py."""

import email
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent

def test_the_wheel_and_the_sdist_are_built_without_a_warning_and_are_sound(dist):
    assert "warning" not in (dist / "build.log").read_text().lower()
    packages = [*dist.glob("*.whl"), *dist.glob("*.tar.gz")]
    assert len(packages) == 2
    subprocess.run([sys.executable, "-m", "twine", "check", "--strict", *packages], check=True)
    subprocess.run([sys.executable, "-m", "check_wheel_contents", next(dist.glob("*.whl"))], check=True, cwd=CHECKOUT)


def test_what_the_wheel_says_of_itself_is_so(dist):
    """Python versions, extras and dependencies as the pages tell them."""
    with zipfile.ZipFile(next(dist.glob("*.whl"))) as wheel:
        metadata = next(name for name in wheel.namelist() if name.endswith("/METADATA"))
        said = email.message_from_bytes(wheel.read(metadata))
    versions = {line.rpartition(":: ")[2] for line in said.get_all("Classifier") if "Python :: 3." in line}
    assert versions == {"3.11", "3.12", "3.13"} and said["Requires-Python"] == ">=3.11"
    page = (CHECKOUT / "docs/dependencies.md").read_text()
    for extra in said.get_all("Provides-Extra"):
        assert f"nb-compare[{extra}]" in page, extra
    needed = [line for line in said.get_all("Requires-Dist") if "extra ==" not in line]
    assert not any("torch" in line for line in needed)
    for line in needed:
        assert f"| {line} |" in page, line


def other_pythons():
    """Pythons of the other declared versions: by name on PATH, or as pyenv keeps them."""
    for version in ("3.12", "3.13"):
        kept = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv").glob(f"versions/{version}.*/bin/python")
        for path in (shutil.which(f"python{version}"), *sorted(kept)):
            if path and subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0:
                yield str(path)
                break


@pytest.mark.parametrize("python", list(other_pythons()))
def test_every_module_is_python_of_each_declared_version(python, dist, tmp_path):
    """With the other Pythons that are here; `make pythons` also runs the tests of the harness with them."""
    with zipfile.ZipFile(next(dist.glob("*.whl"))) as wheel:
        wheel.extractall(tmp_path)
    done = subprocess.run([python, "-W", "error", "-m", "compileall", "-q", str(tmp_path)], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_wheel_holds_every_module_and_what_is_read_at_run_time(dist):
    listed = subprocess.run(["git", "ls-files", "nbcompare", "simulator", "cases"], cwd=CHECKOUT, capture_output=True,
                            text=True, check=True).stdout.split()
    renamed = {"simulator/nanobrag_torch": "nanobrag_torch", "simulator/reference": "nanobrag_reference",
               "cases": "nbcompare/example_cases"}
    expected = set()
    for name in listed:
        home = next((old for old in renamed if name.startswith(f"{old}/")), None)
        expected.add(renamed[home] + name[len(home):] if home else name)
    found = set(zipfile.ZipFile(next(dist.glob("*.whl"))).namelist())
    assert expected - found == set()
    assert [name for name in found if "/build/" in name or "__pycache__" in name] == []
