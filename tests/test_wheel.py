"""The wheel, as somebody installs it: in an environment of its own, used in an empty folder outside the checkout."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

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
PLAIN = ("-default_F 100 -cell 50 60 70 90 90 90 -misset 10 20 30 -lambda 1 -distance 100 -N 5 "
         "-detpixels_x 64 -detpixels_y 64 -flux 1e18 -nonoise")


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    """The wheel and the sdist, built from the checkout."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(CHECKOUT)],
                   check=True, capture_output=True, cwd=folder)
    return folder


@pytest.fixture(scope="module")
def installed(dist, tmp_path_factory):
    """A Python with the wheel in it. Its libraries are those of this environment, so that nothing is fetched."""
    home = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(home), "platbase": str(home)}))
    ours = [path for path in sys.path if path.endswith("-packages")]
    (site / "libraries.pth").write_text("\n".join(ours) + "\n")
    wheel = next(dist.glob("*.whl"))
    subprocess.run([home / "bin/pip", "install", "-q", "--no-deps", "--no-index", str(wheel)], check=True,
                   capture_output=True)
    return home / "bin"


@pytest.fixture
def nb(installed, tmp_path):
    """nb-compare of the wheel in an empty folder with a cache of its own; nothing of the checkout is on its path."""
    keep = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}

    def call(*words):
        environment = {**keep, "XDG_CACHE_HOME": str(tmp_path / "cache")}
        return subprocess.run([installed / "nb-compare", *map(str, words)], cwd=tmp_path, capture_output=True,
                              text=True, env=environment, timeout=300)

    return call


def test_the_wheel_and_the_sdist_are_sound(dist):
    subprocess.run([sys.executable, "-m", "twine", "check", "--strict", *dist.iterdir()], check=True)
    subprocess.run([sys.executable, "-m", "check_wheel_contents", next(dist.glob("*.whl"))], check=True, cwd=CHECKOUT)


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


def test_two_engines_of_ones_own_are_run_judged_and_shown(nb, installed, tmp_path):
    (tmp_path / "mine.yaml").write_text(CASE)
    found = subprocess.run([installed / "python", "-c", "import nbcompare; print(nbcompare.__file__)"], cwd=tmp_path,
                           capture_output=True, text=True, check=True)
    assert str(CHECKOUT) not in found.stdout
    done = nb("run", "mine.yaml", "--c-bin", FAKES / "good.py", "--py-bin", FAKES / "flux.py", "--junit", "out.xml")
    assert done.returncode == 0, done.stdout + done.stderr
    (bundle,) = (tmp_path / "bundles/mine").glob("2*")
    for words in (("verify", bundle), ("report", bundle), ("show", bundle), ("list",), ("check", bundle)):
        said = nb(*words)
        assert said.returncode == 0, (words, said.stdout + said.stderr)
    assert (tmp_path / "out.xml").is_file()


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
