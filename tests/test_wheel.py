"""The wheel, as somebody installs it: in an environment of its own, used in an empty folder outside the checkout."""

import email
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import junitparser
import pytest

CHECKOUT = Path(__file__).resolve().parent.parent
FAKES = CHECKOUT / "tests" / "fakes"
CASE = """\
name: mine
title: two engines of my own
command: -detpixels_x 9 -detpixels_y 7 -flux 1e18
image: {fast: 9, slow: 7}
rois: {full: full, middle: [2, 6, 2, 5]}
thresholds:
  - {metric: correlation, min: 0.9995, why: same pattern}
  - {metric: sum_ratio, min: 0.99, max: 1.01, why: same scale}
"""
PHASES = """\
title: a plan of one phase
phases: [{name: N1, title: it agrees, cases: [mine.yaml], requires: {verdict: [PASS], files_complete: true}}]
"""
WHERE = """\
import importlib.util, nbcompare
print(nbcompare.__file__, "torch:", importlib.util.find_spec("torch"))
"""
PLAIN = ("-default_F 100 -cell 50 60 70 90 90 90 -misset 10 20 30 -lambda 1 -distance 100 -N 5 "
         "-detpixels_x 64 -detpixels_y 64 -flux 1e18 -nonoise")


@pytest.fixture
def nb(installed, tmp_path):
    """nb-compare of the wheel in an empty folder with a cache of its own; nothing of the checkout is on its path."""

    def call(*words):
        return subprocess.run([installed / "nb-compare", *map(str, words)], cwd=tmp_path, capture_output=True,
                              text=True, env=plain_environment(tmp_path), timeout=300)

    return call


def plain_environment(folder):
    """The variables of a user, with a cache of their own."""
    keep = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    return {**keep, "XDG_CACHE_HOME": str(folder / "cache")}


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


def test_two_engines_of_ones_own_are_run_judged_and_shown_without_torch(nb, installed, tmp_path):
    """A case, a sweep, a report, a gate and the forms for continuous integration, in an empty folder."""
    (tmp_path / "mine.yaml").write_text(CASE)
    (tmp_path / "grid.yaml").write_text(CASE.replace("name: mine", "name: grid")
                                        + "matrix: {axes: {-exposure: [1, 2]}}\n")
    (tmp_path / "phases.yaml").write_text(PHASES)
    found = subprocess.run([installed / "python", "-c", WHERE], cwd=tmp_path, capture_output=True, text=True,
                           check=True)
    assert str(CHECKOUT) not in found.stdout and "torch: None" in found.stdout
    engines = ("--c-bin", FAKES / "good.py", "--py-bin", FAKES / "flux.py")
    done = nb("run", "mine.yaml", *engines, "--junit", "out.xml", "--markdown", "out.md")
    assert done.returncode == 0, done.stdout + done.stderr
    (bundle,) = (tmp_path / "bundles/mine").glob("2*")
    for words in (("verify", bundle), ("report", bundle), ("show", bundle), ("list",), ("check", bundle),
                  ("sweep", "grid.yaml", "--jobs", 1, *engines), ("gate", "N1", "--phases", "phases.yaml")):
        said = nb(*words)
        assert said.returncode == 0, (words, said.stdout + said.stderr)
    suite = next(iter(junitparser.JUnitXml.fromfile(str(tmp_path / "out.xml"))))
    assert (suite.name, suite.tests, suite.failures) == ("mine", 4, 0)
    assert (tmp_path / "out.md").read_text().startswith("## nb-compare: 1 of 1 accepted")


@pytest.mark.parametrize(("words", "passed"), [((), 4), (("-n", "2"), 4), (("-k", "middle and sum_ratio"), 1)])
def test_pytest_collects_a_case_with_the_plugin_of_the_wheel(installed, tmp_path, words, passed):
    (tmp_path / "mine.parity.yaml").write_text(
        CASE + f"engines: {{reference: {{command: [{installed}/python, {FAKES}/good.py]}}, "
        f"subject: {{command: [{installed}/python, {FAKES}/flux.py]}}}}\n")
    done = subprocess.run([installed / "python", "-m", "pytest", "-p", "no:cacheprovider", *words], cwd=tmp_path,
                          capture_output=True, text=True, env=plain_environment(tmp_path), timeout=300)
    assert done.returncode == 0 and f"{passed} passed" in done.stdout, done.stdout + done.stderr
    assert len(list((tmp_path / "bundles/mine").glob("2*"))) == 1


@pytest.mark.slow
def test_the_bundled_reference_is_built_into_the_users_cache(nb, tmp_path):
    """And compared, as a one-shot, with an engine that is not the same: the shape of its verdict is what counts."""
    done = nb("--outdir", "out", "--py-bin", FAKES / "good.py", "--", *PLAIN.split())
    assert done.returncode == 3, done.stdout + done.stderr
    (program,) = (tmp_path / "cache/nb-compare/reference").glob("*/nanobragg_reference")
    assert os.access(program, os.X_OK)
    again = nb("--outdir", "out", "--py-bin", FAKES / "good.py", "--", *PLAIN.split())
    assert again.returncode == 3


def test_a_read_only_installation_builds_in_the_cache_too(nb, tmp_path):
    """The cache is all that is written; where that cannot be either, one line says what to do."""
    (tmp_path / "cache").write_text("a file where a folder is needed")
    done = nb("--outdir", "out", "--py-bin", FAKES / "good.py", "--", *PLAIN.split())
    assert done.returncode == 5
    assert "cannot build the C reference there" in done.stderr and "XDG_CACHE_HOME" in done.stderr
