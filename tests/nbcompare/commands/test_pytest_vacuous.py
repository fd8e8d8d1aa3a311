"""The pytest plugin on tests that show nothing: none of them passes, and each says why."""

from xml.etree import ElementTree

import numpy as np
import pytest

BEGINNING = """\
from concurrent.futures import ThreadPoolExecutor
import os, pathlib, threading, time, unittest
import numpy as np
import pytest

class Odd:
    def __array__(self, *given, **more): raise RuntimeError("no array")
class Slow:
    def __array__(self, *given, **more): time.sleep(0.2); return image()

RATIO = {"sum_ratio": (0.99, 1.01), "correlation": (0.9995, None)}
BUFFER = np.zeros((10, 10))
def image(scale=1): return scale * np.arange(1.0, 101).reshape(10, 10)
def into_buffer(scale=1): BUFFER[:] = image(scale); return BUFFER
def into_given(out): out[:] = image(); return out.copy()
def does_nothing(out): return out.copy()
"""

ARRAYS = """\
name: arrays
title: the thresholds by which arrays are judged
command: -detpixels_x 9 -detpixels_y 9
image: {fast: 9, slow: 9}
rois: {corner: [0, 3, 0, 3]}
thresholds: [{metric: sum_ratio, min: 0.99, max: 1.01, why: same scale}]
"""

SWALLOWED = ("    try: parity_images(image(), image(2), RATIO)\n"
             "    except BaseException: pass\n")
CAUGHT = {
    "pytest.raises(pytest.fail.Exception): parity_images(image(), image(2), RATIO)": "sum_ratio on full: 2",
    "pytest.raises(BaseException): parity.golden(image(), 'nowhere', max_abs_diff=0)": "there is no golden image",
    "pytest.raises(BaseException): parity.case('nowhere.yaml')": "cannot read the file",
    "pytest.raises(BaseException): parity.case()": "needs a case",
    "pytest.raises(BaseException): parity.callables(image, lambda: 1 / 0, limits=RATIO)": "ZeroDivisionError",
    "pytest.raises(BaseException): parity_images(image(), Odd(), RATIO)": "no array",
    "pytest.raises(BaseException): parity.callables(image, lambda: pytest.skip(), limits=RATIO)": "begun, and skipped",
}
AGREES = "parity_images(image(), image(), RATIO)"
SHOW_NOTHING = {
    **{f"def {{name}}(parity, parity_images):\n    {AGREES}\n    with {text}": said for text, said in CAUGHT.items()},
    "def {name}(parity_images):\n" + SWALLOWED + "    pytest.skip('it differs')": "sum_ratio on full: 2",
    "@pytest.fixture\ndef before(parity_images):\n" + SWALLOWED + f"def {{name}}(before, parity_images): {AGREES}":
        "sum_ratio on full: 2",
    "@pytest.fixture\ndef skips(parity_images):\n" + SWALLOWED + "    pytest.skip()\ndef {name}(skips): pass":
        "sum_ratio on full: 2",
    "@pytest.fixture\ndef after(parity_images):\n    yield\n" + SWALLOWED
    + f"def {{name}}(after, parity_images): {AGREES}": "sum_ratio on full: 2",
    "class Test{name}(unittest.TestCase):\n    @pytest.fixture(autouse=True)\n"
    "    def given(self, parity_images): self.judge = parity_images\n    def {name}(self):\n"
    "        with self.assertRaises(BaseException): self.judge(image(), image(2), RATIO)\n"
    "        self.skipTest('it differs')": "sum_ratio on full: 2",
    "@pytest.mark.xfail(strict=True)\ndef {name}(parity_images): " + AGREES: "XPASS(strict)",
    f"def {{name}}(parity_images):\n    {AGREES}\n    threading.Thread(target=parity_images, "
    "args=(Slow(), image(), RATIO)).start()": "still under way",
    "def {name}(parity): pass": "takes parity and judged nothing",
    "def {name}(parity_images): return": "takes parity and judged nothing",
    "@pytest.mark.parity(sum_ratio=(0.99, 1.01))\ndef {name}(): pass": "takes neither parity nor parity_images",
    "@pytest.mark.parity('arrays.yaml')\ndef {name}(): pass": "takes neither parity nor parity_images",
    "def {name}(parity_images):\n    with ThreadPoolExecutor(1) as pool:\n"
    "        pool.submit(parity_images, image(), image(2), RATIO)":
        "in another thread, where it failed no test",
    "def {name}(parity_images): parity_images(image(), image())": "nothing was judged",
    "def {name}(parity_images): a = image(); parity_images(a, a[:], RATIO)": "compared with itself",
    "def {name}(parity_images): a = image(); parity_images(a, a.T, RATIO)": "share memory",
    "def {name}(parity_images): parity_images(image(), image() * np.nan, RATIO)": "not finite",
    "def {name}(parity_images): parity_images(image() * 0, image() * 0, RATIO)": "every pixel of both images is zero",
    "def {name}(parity): parity.callables(image, image, limits=RATIO)": "are one function",
    "def {name}(parity): parity.callables(into_buffer, lambda: BUFFER, limits=RATIO)": "compared with itself",
    "def {name}(parity): parity.callables(into_buffer, lambda: into_buffer(2).copy(), limits=RATIO)":
        "sum_ratio on full: 2,",
    "def {name}(parity): parity.callables(into_given, does_nothing, np.ones((10, 10)), limits=RATIO)":
        "the reference changed an array that it was given",
    "def {name}(parity_images): parity_images(image(), image(), sum_ratio=(.9, 1, 1.1))": "are (least, most)",
    "def {name}(parity_images): parity_images(image(), image(0.3), sum_ratio=1)": "takes (least, most)",
    "def {name}(parity_images): parity_images(image(), image(), sum_ratio='1')": "takes (least, most)",
    "def {name}(parity_images): parity_images(image(), image(), max_abs_diff='1')": "a number or None, found '1'",
    "def {name}(parity_images): parity_images(image(), image(), max_abs_diff=None)": "needs a least or a most value",
    "def {name}(parity_images): parity_images(image(), image(), max_abs_diff=True)": "found True",
    "def {name}(parity_images): parity_images(image(), image(), ['sum_ratio'])": "limits are given by metric",
    "def {name}(parity_images): parity_images(image(), image(), RATIO, sum_ratio=(.1, 9))": "is given twice",
    "def {name}(parity_images): parity_images(image(), image(), rois=[1])": "there is no metric 'rois'",
    "@pytest.mark.parity('arrays.yaml')\ndef {name}(parity_images): parity_images(image(), image())":
        "is about 9 x 9 pixels",
    "@pytest.mark.parity('arrays.yaml', sum_ratio=(0, 2))\ndef {name}(parity): pass": "one of the two can judge",
    "@pytest.mark.parity('arrays.yaml', 'b.yaml')\ndef {name}(parity): pass": "takes one case file",
    "@pytest.mark.parity(0.99)\ndef {name}(parity): pass": "takes one case file, found 0.99",
    "@pytest.mark.parity(max_abs_diff=0)\n@pytest.mark.parity(sum_ratio=(1.9, 2.1))\n"
    "def {name}(parity_images): parity_images(image(), image(2))": "max_abs_diff on full: 100, allowed <= 0",
    "def {name}(parity): parity.case('nowhere.yaml')": "cannot read the file",
    "def {name}(parity): parity.case()": "needs a case",
    "def {name}(parity): parity.golden(image(), '../still', max_abs_diff=0)": "the name of a golden image",
    "def {name}(parity): parity.golden(image(), 'damaged', max_abs_diff=0)": "cannot read the golden image",
    "def {name}(parity): parity.golden(image(), 'longer', max_abs_diff=0)": "cannot read the golden image",
    "def {name}(parity):\n    own = pathlib.Path(__file__).with_name('golden') / 'own.npy'\n"
    "    np.save(own, image(2)); os.utime(own, (0, 0))\n    parity.golden(image(2), 'own', max_abs_diff=0)":
        "was written while these tests ran",
}
SHOW_SOMETHING = {
    "def {name}(parity): pytest.skip('no device')": "skipped",
    "@pytest.mark.xfail\ndef {name}(parity_images): parity_images(image(), image(2), RATIO)": "xfailed",
    "@pytest.mark.parity\ndef {name}(): pass": "passed",  # somebody else's marker
    "@pytest.mark.parity('AT-001')\ndef {name}(): pass": "passed",
    "def {name}(parity_images): parity_images(image(), image(), RATIO, nan_fraction=0)": "passed",
    "@pytest.fixture\ndef both(parity): return lambda scale: parity.images(image(), image(scale), RATIO)\n"
    "@pytest.mark.parametrize('scale', [1.0])\ndef {name}(both, scale): both(scale)": "passed",
    "@pytest.mark.xfail(strict=True)\ndef {name}(parity_images): parity_images(image(), image(2), RATIO)": "xfailed",
    "@pytest.mark.xfail(strict=True)\ndef {name}(parity_images):\n" + SWALLOWED: "xfailed",
    "def {name}(parity): parity.callables(image, lambda: pytest.skip('no device'), limits=RATIO)": "skipped",
    "@pytest.mark.parity(limits=RATIO)\nclass Test{name}:\n    @pytest.mark.parity(max_abs_diff=0)\n"
    "    def {name}(self, parity): parity.callables(into_buffer, image)": "passed",
}


def test_what_shows_nothing_fails_with_the_reason_and_what_shows_something_does_not(pytester):
    tests = [*SHOW_NOTHING, *SHOW_SOMETHING]
    named = {f"test_{at:02}": text for at, text in enumerate(tests)}
    pytester.makepyfile(BEGINNING + "\n".join(text.replace("{name}", name) for name, text in named.items()))
    (pytester.path / "arrays.yaml").write_text(ARRAYS)
    (pytester.path / "golden").mkdir()
    (pytester.path / "golden/damaged.npy").write_bytes(b"\x93NUMPY")
    np.save(pytester.path / "golden/longer.npy", np.arange(1.0, 101).reshape(10, 10))
    with open(pytester.path / "golden/longer.npy", "ab") as stream:
        stream.write(b"more")
    result = pytester.runpytest_subprocess("-p", "no:xdist", "--strict-markers", "--junitxml", "said.xml")
    said = {}
    for entry in ElementTree.parse(pytester.path / "said.xml").iter("testcase"):
        said[entry.get("name").partition("[")[0]] = [ElementTree.tostring(part, "unicode", "text") for part in entry]
    for name, text in named.items():
        assert SHOW_NOTHING.get(text, "") in "".join(said[name]), text
        assert bool(said[name]) == (SHOW_SOMETHING.get(text) != "passed"), text
    assert "Traceback" not in result.stdout.str() and "nbcompare/" not in result.stdout.str()
    found = result.parseoutcomes()
    assert found["failed"] + found["errors"] == len(SHOW_NOTHING)
    at_its_end = 1  # a test passed, and the end of its fixture is the error
    assert (found["passed"], found["skipped"], found["xfailed"]) == (len(SHOW_SOMETHING) - 5 + at_its_end, 2, 3)


def test_a_golden_image_that_is_kept_read_only_or_shows_nothing_is_not_written(pytester):
    pytester.makepyfile(BEGINNING + """
def test_kept(parity): parity.golden(image(), "kept", max_abs_diff=0)
def test_empty(parity): parity.golden(image() * 0, "empty", max_abs_diff=0)
def test_masked(parity): parity.golden(np.ma.masked_less(image(), 5), "masked", max_abs_diff=0)
def test_nan(parity): parity.golden(image() * np.nan, "nan", max_abs_diff=0)
def test_out(parity): parity.golden(image(), "/tmp/out", max_abs_diff=0)
""")
    (pytester.path / "golden").mkdir()
    (pytester.path / "golden/kept.npy").write_bytes(b"as it was")
    (pytester.path / "golden/kept.npy").chmod(0o444)
    result = pytester.runpytest_inprocess("-p", "no:xdist", "--nb-update-reference")
    result.assert_outcomes(failed=5)
    result.stdout.fnmatch_lines(["*kept.npy is read-only*", "*no golden image*", "*mask would be lost*", "*no golden*",
                                 "*the name of a golden image*"])
    assert [path.name for path in (pytester.path / "golden").iterdir()] == ["kept.npy"]
    assert (pytester.path / "golden/kept.npy").read_bytes() == b"as it was"


def test_thresholds_that_hardly_fail_are_told_where_the_test_stands(pytester):
    pytester.makepyfile(BEGINNING + """
def test_it(parity_images): parity_images(image(), image(), correlation=(0.5, None))
""")
    result = pytester.runpytest_inprocess("-p", "no:xdist")
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*WeakThresholds: weak: correlation on full is >= 0.5*", "*def test_it*"])


RERUNS = """\
from _pytest.runner import runtestprotocol

def pytest_runtest_protocol(item, nextitem):
    for last in (False, True):
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        if last or not any(report.failed for report in reports):
            break
        item._initrequest()
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    return True
"""


def test_a_test_that_is_run_again_until_it_agrees_stays_failed(pytester):
    """As plugins do that rerun what failed; the second time these images are equal."""
    pytester.makeconftest(RERUNS)
    pytester.makepyfile(BEGINNING + """
SCALES = [2, 1, 1]

def test_agrees_at_times(parity_images):
    parity_images(image(), image(SCALES.pop(0)), RATIO)

def test_agrees(parity_images):
    parity_images(image(), image().copy(), RATIO)

AGAIN = [2, 1, 1]

def test_swallows(parity_images):
    try: parity_images(image(), image(AGAIN.pop(0)), RATIO)
    except BaseException: pass
""")
    ended = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    ended.assert_outcomes(failed=0, errors=2, passed=1)
    ended.stdout.fnmatch_lines(["*this test failed already in this session, and is run again*"] * 2)


OUTLIVES = {  # what a test does after it agreed, and the failure that no report of it can tell
    "late": "threading.Thread(target=lambda: (time.sleep(0.05), judge(parity_images))).start()\n"
            "def test_later(): time.sleep(0.2)",
    "lent": "LENT.append(parity_images)\ndef test_borrows(): judge(LENT[0])",
    "leaves": "judge(parity_images, lambda: pytest.exit('that will do', returncode=0))",
}


@pytest.mark.parametrize(("how", "words"), (("late", ()), ("lent", ()), ("leaves", ()), ("lent", ("-n", "1"))))
def test_a_failure_that_no_report_tells_ends_the_session_red(pytester, how, words):
    pytester.makepyfile(BEGINNING + f"""
LENT = []
def judge(images, then=lambda: None):
    try: images(image(), image(2), RATIO)
    except BaseException: then()
def test_it(parity_images):
    {AGREES}
    {OUTLIVES[how]}
""")
    ended = pytester.runpytest_inprocess("-p", "no:cacheprovider", *(words or ("-p", "no:xdist")))
    assert ended.ret == pytest.ExitCode.TESTS_FAILED
    ended.stdout.fnmatch_lines(["*comparisons that failed and no test reports*", "*::test_it: FAIL: sum_ratio*: 2,*"])


def test_a_subtest_that_fails_fails_its_test(pytester):
    if pytest.version_tuple < (9, 0):
        pytest.skip("pytest 9 has subtests")
    pytester.makepyfile(BEGINNING + """
def test_it(parity_images, subtests):
    for scale in (1, 2):
        with subtests.test(scale=scale): parity_images(image(), image(scale), RATIO)
    with subtests.test(): pytest.raises(BaseException, parity_images, image(), image(3), RATIO)
""")
    ended = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-p", "no:xdist")
    assert ended.ret == pytest.ExitCode.TESTS_FAILED
    ended.stdout.fnmatch_lines(["*sum_ratio on full: 2,*", "*and the test caught that*", "*sum_ratio on full: 3,*"])
