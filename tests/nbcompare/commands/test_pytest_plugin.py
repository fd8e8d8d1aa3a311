"""The pytest plugin, used as people use it: case files as tests, fixtures for their own, in a folder of their own."""

import shutil
import sys
from pathlib import Path

import pytest

FAKES = Path(__file__).resolve().parents[2] / "fakes"
CASE = """\
name: mine
title: two engines of my own
command: -detpixels_x 9 -detpixels_y 7 -flux 1e18
image: {{fast: 9, slow: 7}}
rois: {{full: full, middle: [2, 6, 2, 5]}}
engines:
  reference: {{command: [{python}, {good}], sources: [{good}]}}
  subject: {{command: [{python}, {subject}], sources: [{subject}]}}
thresholds:
  - {{metric: correlation, min: 0.9995, why: same pattern}}
  - {{metric: sum_ratio, min: 0.99, max: 1.01, why: same scale}}
"""


@pytest.fixture
def project(pytester, monkeypatch):
    """A folder with a case of two engines; the engines are copied, so that nothing of the checkout is used."""
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    for name in ("NB_C_BIN", "NB_PY_BIN"):
        monkeypatch.delenv(name, raising=False)

    def write(subject="twin"):
        shutil.copytree(FAKES, pytester.path / "engines")
        (pytester.path / "mine.parity.yaml").write_text(CASE.format(
            python=sys.executable, good="engines/good.py", subject=f"engines/{subject}.py"))
        return pytester

    return write


def test_every_threshold_in_every_region_is_a_test_and_the_case_is_run_once(project):
    tester = project()
    result = tester.runpytest_subprocess("-v", "-p", "no:xdist")
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(["*mine.parity.yaml*middle: sum_ratio 0.99 .. 1.01 PASSED*"])
    assert len(list((tester.path / "bundles/mine").glob("2*"))) == 1


def test_a_threshold_that_does_not_hold_fails_with_the_report_and_its_next_step(project):
    result = project("bright").runpytest_subprocess("-p", "no:xdist")
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(["sum_ratio on full: *, allowed 0.99 .. 1.01", "FAIL  mine *", "*next * nb-compare *"])
    assert "Traceback" not in result.stdout.str()


def test_an_engine_that_fails_fails_every_test(project):
    project("crash").runpytest_subprocess("-p", "no:xdist").assert_outcomes(failed=4)


def test_a_case_without_thresholds_is_one_test_which_holds_only_where_the_engines_refuse(project):
    """It was none, so that a session with it was green whatever the engines did."""
    tester = project()
    (tester.path / "mine.parity.yaml").unlink()
    (tester.path / "engines/refuses.py").write_text((tester.path / "engines/exit7.py").read_text() + "# another\n")
    for name, engine in (("refuses", "refuses"), ("renders", "twin")):
        text = CASE.format(python=sys.executable, good="engines/exit7.py", subject=f"engines/{engine}.py")
        (tester.path / f"{name}.parity.yml").write_text(
            text.replace("name: mine", f"name: {name}").partition("thresholds:")[0]
            + "expect: {reference: {exit_code: 7, stderr: wrong}, subject: {exit_code: 7, stderr: wrong}}\n")
    result = tester.runpytest_subprocess("-p", "no:xdist", "-rA")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["PASSED refuses.parity.yml::verdict", "FAILED renders.parity.yml::verdict*"])


def test_a_threshold_that_holds_fails_with_its_case_where_more_is_wrong_than_thresholds(project):
    """Both images are constant: one figure is outside, and none of the others is evidence."""
    tester = project("constant")
    case = tester.path / "mine.parity.yaml"
    case.write_text(case.read_text().replace("engines/good.py", "engines/constant_too.py")
                    + "  - {metric: nan_fraction, max: 0, why: no pixel is undefined}\n")
    (tester.path / "engines/constant_too.py").write_text(
        (tester.path / "engines/constant.py").read_text() + "# another program\n")
    result = tester.runpytest_subprocess("-p", "no:xdist", "-k", "nan_fraction and full")
    result.assert_outcomes(failed=1, deselected=5)


def test_two_processes_run_the_case_once(project, monkeypatch, tmp_path):
    tester = project()
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    tester.runpytest_subprocess("-n", "2").assert_outcomes(passed=4)
    assert len(list((tester.path / "bundles/mine").glob("2*"))) == 1
    assert list(tmp_path.glob("nb-compare-pytest-*")) == []


@pytest.mark.parametrize("words", (("-p", "no:xdist"), ("-n", "2")))
def test_a_run_that_could_not_be_made_is_tried_once_and_fails_every_test(project, words):
    tester = project("missing")
    tester.makeconftest("""
        from nbcompare.run import api
        real = api.run_case
        def counted(*given, **more):
            with open("tries.txt", "a") as stream: stream.write("x")
            return real(*given, **more)
        api.run_case = counted
    """)
    case = tester.path / "mine.parity.yaml"
    case.write_text(case.read_text().replace(f"{sys.executable}, engines/missing.py", "./missing"))
    result = tester.runpytest_subprocess(*words)
    result.assert_outcomes(failed=4)
    assert result.stdout.str().count("engine subject: there is no program ./missing") >= 4
    assert (tester.path / "tries.txt").read_text() == "x"


def test_one_threshold_can_be_asked_for_by_name(project):
    project().runpytest_subprocess("-p", "no:xdist", "-k", "middle and sum_ratio").assert_outcomes(passed=1,
                                                                                                            deselected=3)


def test_a_case_that_cannot_be_read_is_an_error_with_its_place(pytester):
    (pytester.path / "bad.parity.yaml").write_text("name: bad\ntitel: x\n")
    result = pytester.runpytest_subprocess("-p", "no:xdist")
    assert result.ret != 0
    result.stdout.fnmatch_lines(["*bad.parity.yaml:2:1: *titel*"])
    assert "Traceback" not in result.stdout.str()


OWN = """\
import numpy as np
import pytest

def reference(scale): return scale * np.arange(1.0, 101).reshape(10, 10)
def port(scale): return 1.02 * reference(scale)

def test_images(parity_images): parity_images(reference(1), reference(1), {"sum_ratio": (0.99, 1.01)}, max_abs_diff=0)
def test_lists(parity_images): parity_images(reference(1), reference(1).tolist(), {"sum_ratio": [0.99, 1.01]})
def test_scale(parity_images): parity_images(reference(1), port(1), sum_ratio=(0.99, 1.01))
def test_callables(parity):
    parity.callables(reference, lambda scale: reference(scale), 3, limits={"correlation": (0.9995, None)})
def test_shapes(parity): parity.images(reference(1), reference(1)[1:], max_abs_diff=0)
def test_nothing(parity): parity.images(reference(1), reference(1))
def test_typo(parity): parity.images(reference(1), reference(1), corelation=(0.9, None))
def test_idle(parity): parity.images(reference(1), port(1), sum_ratio=(0, 1e308))

@pytest.mark.parity(sum_ratio=(0.99, 1.01))
class TestMarked:
    def test_good(self, parity_images): parity_images(reference(1), reference(1))
    def test_bad(self, parity): parity.callables(reference, port, 2)
    def test_own(self, parity): parity.callables(reference, port, 2, limits={"sum_ratio": (1.01, 1.03)})

@pytest.mark.parity("arrays.yaml")
def test_thresholds_of_a_case(parity): parity.images(reference(1), port(1))
"""
ARRAYS = """\
name: arrays
title: the thresholds by which arrays are judged
command: -detpixels_x 10 -detpixels_y 10
image: {fast: 10, slow: 10}
rois: {corner: [0, 3, 0, 3]}
thresholds: [{metric: sum_ratio, min: 0.99, max: 1.01, why: same scale}]
"""


def test_arrays_of_ones_own_are_judged_by_the_same_thresholds(pytester):
    pytester.makepyfile(OWN)
    (pytester.path / "arrays.yaml").write_text(ARRAYS)
    result = pytester.runpytest_subprocess("-p", "no:xdist", "-rfA", "--strict-markers")
    result.assert_outcomes(passed=5, failed=7)
    result.stdout.fnmatch_lines(["*sum_ratio on full: 1.02, allowed 0.99 .. 1.01*", "*correlation*"])
    for words in ("the subject 10 x 9", "nothing was judged", "did you mean 'correlation'", "could never fail",
                  "sum_ratio on corner: 1.02"):
        assert words in result.stdout.str(), words
    assert "During handling" not in result.stdout.str()
    assert "nbcompare/" not in result.stdout.str()  # no trace through our own code


def test_a_golden_image_is_written_only_as_a_visible_act(pytester):
    pytester.makepyfile("""
        import numpy as np
        def test_it(parity): parity.golden(np.arange(1.0, 101).reshape(10, 10), "square", max_abs_diff=0)
    """)
    run = ["-p", "no:xdist"]
    pytester.runpytest_subprocess(*run).assert_outcomes(failed=1)
    assert not (pytester.path / "golden").exists()
    pytester.runpytest_subprocess(*run, "--nb-update-reference").assert_outcomes(failed=1)
    assert (pytester.path / "golden/square.npy").is_file()
    pytester.runpytest_subprocess(*run).assert_outcomes(passed=1)


TORCH = """\
class cuda:
    is_available = staticmethod(lambda: True)
    reset_peak_memory_stats = staticmethod(lambda: None)
    memory_allocated = staticmethod(lambda: 0)
    max_memory_allocated = staticmethod(lambda: 512 * used)
used = 0
"""


def test_a_test_on_a_device_fails_unless_it_uses_it(pytester):
    (pytester.path / "torch.py").write_text(TORCH)
    pytester.makepyfile("""
        import torch
        def test_uses(nb_device): torch.cuda.max_memory_allocated = lambda: 512 * (nb_device == "cuda")
        def test_idles(nb_device): torch.cuda.max_memory_allocated = lambda: 0
    """)
    run = ["-p", "no:xdist", "-p", "no:hypothesispytest"]
    pytester.syspathinsert()
    pytester.runpytest_subprocess(*run).assert_outcomes(passed=2)
    result = pytester.runpytest_subprocess(*run, "--nb-device", "cuda")
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*takes nb_device and allocated nothing on it*"])


def test_a_device_that_nobody_can_ask_about_fails_and_is_not_skipped(pytester, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    pytester.makepyfile("def test_uses(nb_device): pass")
    result = pytester.runpytest_inprocess("-p", "no:xdist", "--nb-device", "cuda")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*it is torch that says whether cuda was used*"])


def test_a_session_without_parity_cases_loads_nothing_of_it(pytester):
    pytester.makepyfile("import sys\ndef test_it(): assert not {'numpy', 'yaml', 'nbcompare.run'} & set(sys.modules)")
    pytester.runpytest_subprocess("-p", "no:xdist", "-p", "no:hypothesispytest").assert_outcomes(passed=1)
