"""The wheel, as somebody uses it: in an environment of its own, in an empty folder outside the checkout.

`installed` has no torch: two engines of one's own. `installed_with_torch` has the one of this environment.
"""

import ctypes
import json
import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

import junitparser
import numpy as np
import pytest

from tests.faults.disk import CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, be_ordinary

CHECKOUT = Path(__file__).resolve().parent.parent
FAKES = CHECKOUT / "tests" / "fakes"
WHERE = """\
import importlib.util, nbcompare
print(nbcompare.__file__, "torch:", importlib.util.find_spec("torch"))
"""
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
phases: [{name: N1, title: it agrees, cases: [mine.yaml], requires: {verdict: [PASS], files_complete: true MORE}}]
"""
COMMAND = "-detpixels_x 9 -detpixels_y 7 -flux 1e18"
PLAIN = ("-default_F 100 -cell 50 60 70 90 90 90 -misset 10 20 30 -lambda 1 -distance 100 -N 5 "
         "-detpixels_x 64 -detpixels_y 64 -flux 1e18 -nonoise")
ONE_SHOT = ("--outdir", "out", "--py-bin", FAKES / "good.py", "--", *PLAIN.split())


def caller(programs, folder, cache=None, **more):
    """Calls a program of an installation in a folder; nothing of the checkout is on its path, and what lies in the
    system's temporary folder is none of its business."""
    temporary = folder / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    temporary.chmod(0o1777)

    def call(*words, program="nb-compare"):
        keep = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
        return subprocess.run([programs / program, *map(str, words)], cwd=folder, capture_output=True, text=True,
                              timeout=300, env={**keep, "XDG_CACHE_HOME": str(cache or folder / "cache"),
                                                "TMPDIR": str(temporary)}, **more)

    return call


@pytest.fixture
def nb(installed, tmp_path, reference_cache):
    """The program, with the C reference in its cache: what is told of images that differ asks it, and building it takes
    longer than all the rest."""
    shutil.copytree(reference_cache / "cache/nb-compare/reference", tmp_path / "cache/nb-compare/reference")
    return caller(installed, tmp_path)


def good(said):
    assert said.returncode == 0, (said.args, said.stdout + said.stderr)
    return said


def write_project(folder):
    """A case, one of two cells, and a plan."""
    (folder / "mine.yaml").write_text(CASE)
    grid = CASE.replace("name: mine", "name: grid") + "matrix: {axes: {-exposure: [1, 2]}}\n"
    (folder / "grid.yaml").write_text(grid)
    (folder / "phases.yaml").write_text(PHASES.replace(" MORE", ""))


def test_two_engines_of_ones_own_are_run_judged_and_shown_without_torch(nb, tmp_path):
    """A case, a sweep, a report, a gate and the forms for continuous integration; doctor finds nothing amiss. The gate
    asks for the commit, a clean tree and the engines of the project, which lie in its repository."""
    write_project(tmp_path)
    for name in ("good.py", "flux.py", "_image.py"):
        shutil.copy(FAKES / name, tmp_path)
    (tmp_path / "phases.yaml").write_text(PHASES.replace(
        " MORE", ", same_commit: true, clean_tree: true, engines_unchanged: true"))
    (tmp_path / ".gitignore").write_text("bundles/\ncache/\ntmp/\nout.*\n__pycache__/\n")
    for words in (("init", "-q"), ("add", "-A"), ("-c", "user.name=A", "-c", "user.email=a@b.c", "commit", "-qm", "a")):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    found = good(nb("-c", WHERE, program="python")).stdout
    assert str(CHECKOUT) not in found and "torch: None" in found
    assert "the bundled simulator cannot run: torch is not installed" in good(nb("doctor")).stdout
    engines = ("--c-bin", "good.py", "--py-bin", "flux.py")
    good(nb("run", "mine.yaml", *engines, "--junit", "out.xml", "--markdown", "out.md"))
    (bundle,) = (tmp_path / "bundles/mine").glob("2*")
    for words in (("verify", bundle), ("report", bundle), ("show", bundle), ("list",), ("check", bundle),
                  ("sweep", "grid.yaml", "--jobs", 1, *engines), ("gate", "N1", "--phases", "phases.yaml")):
        good(nb(*words))
    suite = next(iter(junitparser.JUnitXml.fromfile(str(tmp_path / "out.xml"))))
    assert (suite.name, suite.tests, suite.failures) == ("mine", 4, 0)
    assert (tmp_path / "out.md").read_text().startswith("## nb-compare: 1 of 1 accepted")


def test_two_images_and_one_command_line_are_judged_without_a_case(nb, tmp_path):
    image = np.arange(1.0, 64).reshape(7, 9)
    for name, array in (("a", image), ("b", 1.1 * image), ("c", 1.001 * image)):
        np.save(tmp_path / f"{name}.npy", array)
    limit = ("--threshold", "sum_ratio=0.99..1.01")
    good(nb("images", "a.npy", "c.npy", *limit))
    assert nb("images", "a.npy", "b.npy", *limit).returncode == 3
    good(nb("--outdir", "out", "--c-bin", FAKES / "good.py", "--py-bin", FAKES / "flux.py", "--", *COMMAND.split()))


SCRIPT = """\
import nbcompare
case = nbcompare.load_case("mine.yaml")
bundle = nbcompare.run_case(case, reference="{fakes}/good.py", subject="{fakes}/bright.py")
print(bundle.verdict.word, nbcompare.open_bundle(bundle.folder).verdict.reasons[0])
"""


def test_a_script_uses_the_python_interface_of_the_wheel(nb, tmp_path):
    write_project(tmp_path)
    (tmp_path / "script.py").write_text(SCRIPT.format(fakes=FAKES))
    assert good(nb("script.py", program="python")).stdout.startswith("FAIL sum_ratio on full")


@pytest.mark.parametrize(("words", "passed"), [((), 4), (("-n", "2"), 4), (("-k", "middle and sum_ratio"), 1)])
def test_pytest_collects_a_case_with_the_plugin_of_the_wheel(nb, installed, tmp_path, words, passed):
    (tmp_path / "mine.parity.yaml").write_text(
        CASE + f"engines: {{reference: {{command: [{installed}/python, {FAKES}/good.py]}}, "
        f"subject: {{command: [{installed}/python, {FAKES}/flux.py]}}}}\n")
    done = good(nb("-m", "pytest", "-p", "no:cacheprovider", *words, program="python"))
    assert f"{passed} passed" in done.stdout
    assert len(list((tmp_path / "bundles/mine").glob("2*"))) == 1


# --- what ships: the C reference and the torch simulator -----------------------------------------------------


PR_CAPBSET_DROP = 24  # man 2 prctl


def be_ordinary_for_good():
    """Also in the program that is started next, to which root's rights would come back (man 7 capabilities)."""
    if os.getuid() == 0:
        for right in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
            assert ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, right, 0, 0, 0) == 0
    be_ordinary()


@contextmanager
def unwritable(folder):
    """A folder in which nobody writes but root, whose rights are given up below."""
    places = [Path(place) for place, _, _ in os.walk(folder)]
    for place in places:
        place.chmod(0o555)
    try:
        yield
    finally:
        for place in places:
            place.chmod(0o755)


@pytest.fixture(scope="session")
def reference_cache(installed, filled_once):
    """A folder whose cache holds the C reference, made of the wheel's sources by an installation that is read-only;
    compared, as a one-shot, with an engine that is not the same: that there is a verdict is what counts."""

    def build(folder):
        with unwritable(installed.parent):
            said = caller(installed, folder, preexec_fn=be_ordinary_for_good)(*ONE_SHOT)
        assert said.returncode == 3, said.stdout + said.stderr

    return filled_once("reference-of-the-wheel", build)


@pytest.mark.slow
def test_the_bundled_reference_is_built_once_into_the_users_cache(reference_cache, installed):
    (program,) = (reference_cache / "cache/nb-compare/reference").glob("*/nanobragg_reference")
    assert os.access(program, os.X_OK)
    before = program.stat()
    assert caller(installed, reference_cache)(*ONE_SHOT).returncode == 3
    assert (program.stat().st_mtime_ns, program.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


@pytest.mark.slow
def test_a_read_only_installation_says_what_it_can_run_and_what_not(reference_cache, installed, tmp_path):
    """Run and doctor say the same: of a reference that is there in a cache that cannot be written, and of none."""
    (tmp_path / "work").mkdir()
    nb = caller(installed, tmp_path / "work", reference_cache / "cache", preexec_fn=be_ordinary_for_good)
    with unwritable(installed.parent), unwritable(reference_cache / "cache"):
        assert nb(*ONE_SHOT).returncode == 3
        told = " ".join(good(nb("doctor")).stdout.split())
        assert f"ok reference bundled C reference: {reference_cache}/cache/" in told
        nb = caller(installed, tmp_path / "work", reference_cache / "cache/none", preexec_fn=be_ordinary_for_good)
        said = nb(*ONE_SHOT)
        assert said.returncode == 5 and "cannot build the C reference there: Permission denied" in said.stderr
        assert "XDG_CACHE_HOME" in said.stderr and "Traceback" not in said.stderr
        assert f"lacks the right to write into {reference_cache}/cache" in good(nb("doctor")).stdout


@pytest.mark.slow
@pytest.mark.simulator
def test_one_installation_with_torch_runs_both_bundled_engines_on_an_example(reference_cache, installed_with_torch,
                                                                             tmp_path):
    """A case that ships, a sweep, a one-shot, a report and a gate, by programs that all come from the wheel."""
    nb = caller(installed_with_torch, tmp_path, reference_cache / "cache")
    good(nb("init", "--examples"))
    good(nb("run", "cases/still.yaml"))
    record = json.loads(next((tmp_path / "bundles/still").glob("2*/record.json")).read_text())
    assert [engine["name"] for engine in record["engines"]] == ["bundled C reference", "nanobrag_torch"]
    for engine, place in zip(record["engines"], (reference_cache, installed_with_torch), strict=True):
        assert engine["started_as"][0].startswith(str(place))
    (tmp_path / "phases.yaml").write_text(PHASES.replace("mine.yaml", "cases/still.yaml").replace(" MORE", ""))
    for words in (("report", "still"), ("sweep", "cases/still.yaml"), ("gate", "N1", "--phases", "phases.yaml"),
                  ("--outdir", "out", "--", *PLAIN.split())):
        good(nb(*words))


@pytest.mark.slow
def test_without_torch_the_bundled_simulator_fails_with_what_to_do(reference_cache, installed, tmp_path):
    said = caller(installed, tmp_path, reference_cache / "cache")("--outdir", "out", "--", *PLAIN.split())
    assert said.returncode == 2 and "nb-compare[torch]" in said.stdout + said.stderr, said.stdout + said.stderr
