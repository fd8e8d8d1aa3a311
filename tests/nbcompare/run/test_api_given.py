"""What is handed over to ``import nbcompare`` and is of a wrong kind: one line, of the documented class."""

import dataclasses
import warnings
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import nbcompare
from nbcompare import Roi, Threshold

NAN = float("nan")
IMAGE = np.random.default_rng(5).exponential(5, (7, 9))
OFF = 5 * IMAGE
FULL = Roi("full", 0, 8, 0, 6)
SCALE = Threshold("sum_ratio", "full", 0.9, 1.1, "same scale")
NOTHING_MASKED = np.zeros(IMAGE.shape, bool)
MASKED = np.ma.masked_less(IMAGE, 5)


def one_line(call, complaint, kind="UsageError"):
    with pytest.raises(nbcompare.NbCompareError, match=complaint) as caught:
        call()
    assert type(caught.value).__name__ == kind and "\n" not in caught.value.message
    assert "--" not in str(caught.value)


class Whatever:
    """An object that hands out an array when it is asked."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array


@pytest.mark.parametrize(("subject", "complaint", "kind"), [
    (None, "found NoneType", "ShapeError"), (Path("x.cbf"), "found PosixPath", "ShapeError"),
    ((row for row in IMAGE), "found generator", "ShapeError"), (IMAGE[None], r"\(1, 7, 9\)", "ShapeError"),
    (OFF.astype(object), "array of object", "UsageError"), (OFF.astype(str), "array of <U", "UsageError"),
    (OFF.astype(np.longdouble), "float64, which would cut it", "UsageError"),
    (list(MASKED), "whose mask would be lost", "UsageError"),
    (Whatever(IMAGE.T.T), "compared with itself", "UsageError"), (IMAGE[::-1], "share memory", "UsageError"),
    (IMAGE.view("i8"), "share memory|compared with itself", "UsageError")],
    ids=lambda given: type(given).__name__)
def test_what_is_no_other_image_is_none(subject, complaint, kind):
    for ask in (nbcompare.compare_images, nbcompare.diagnose):
        one_line(lambda ask=ask: ask(IMAGE, subject), complaint, kind)


def test_one_list_in_both_places_is_an_image_compared_with_itself():
    rows = IMAGE.tolist()
    one_line(lambda: nbcompare.compare_images(rows, rows), "compared with itself")


def test_whole_numbers_that_differ_and_are_one_float64_are_told_apart():
    large = np.arange(2**60, 2**60 + 63, dtype="i8").reshape(7, 9)
    large[3, 4] *= 2
    exact = [nbcompare.Threshold("max_abs_diff", "full", None, 0, "equal")]
    for subject, word in ((large + 1, "FAIL"), ((large + 1).astype("u8"), "FAIL"), (large.copy(), "PASS")):
        assert nbcompare.judge(nbcompare.compare_images(large, subject), exact).word == word


@pytest.mark.parametrize("kind", [">f8", "<f4", ">f4", "f2", "u8", "i8", "read-only", "reversed", "by columns"])
def test_an_array_of_any_real_kind_is_compared_for_what_it_holds(kind):
    made = {"read-only": lambda: np.broadcast_to(OFF, OFF.shape), "reversed": lambda: OFF[::-1, ::-1],
            "by columns": lambda: np.asfortranarray(OFF)}
    subject = made[kind]() if kind in made else OFF.astype(kind)
    found = nbcompare.compare_images(IMAGE, subject).figure("sum_ratio", "full").value
    assert found == pytest.approx(float(subject.astype(float).sum() / IMAGE.sum()), rel=1e-12)


@pytest.mark.parametrize(("rois", "complaint"), [
    (None, "a list of Roi, found NoneType"), (FULL, r"write \[roi\]"), ("full", "found str"), ({"full": FULL}, "dict"),
    ([(0, 8, 0, 6)], "an entry is"), ([None], "an entry is None"), ([Roi(None, 0, 8, 0, 6)], "name of a region"),
    ([Roi("x", 0.0, 8, 0, 6)], "whole numbers"), ([Roi("x", 0, True, 0, 6)], "whole numbers"),
    ([Roi("x", 0, NAN, 0, 6)], "whole numbers"), ([Roi("x", "0", 8, 0, 6)], "whole numbers"),
    ([Roi("x", 0, 8, 0, 6, polygon=((0, 0), (NAN, 4), (5, 5)))], "corners"),
    ([Roi("x", 0, 8, 0, 6, polygon="abc")], "corners"), ([Roi("x", 0, 8, 0, 6, polygon=((1, 1),))], "corners"),
    ([Roi("x", 0, 8, 0, 6, polygon=((90, 90), (91, 90), (91, 91)))], "centre of no pixel"),
    ([Roi("x", 0, 8, 0, 6, ring=(4, 3, NAN, 3))], "inner radius"), ([Roi("x", 0, 8, 0, 6, ring=(4, 3, 1))], "inner"),
    ([Roi("x", 0, 8, 0, 6, ring=(4, 3, 0, 2), polygon=((0, 0), (8, 0), (8, 6)))], "not several"),
    ([Roi("x", 0, 8, 0, 6, mask="3,4")], "63 pixels in all"), ([Roi("x", 0, 8, 0, 6, mask=NOTHING_MASKED)], "of_mask"),
    ([Roi("x", 0, 8, 0, 6, weak_allowed=True)], "text that says why")])
def test_what_is_no_list_of_regions_is_one_line(rois, complaint):
    one_line(lambda: nbcompare.compare_images(IMAGE, OFF, rois), complaint)


def test_regions_of_numpy_numbers_and_of_any_form_are_regions():
    rois = [Roi("a", np.int64(0), np.uint8(8), 0, 6), Roi("b", 0, 8, 0, 6, ring=[4, 3, 0, 2]),
            Roi("c", 0, 8, 0, 6, polygon=np.array([[0, 0], [8, 0], [8, 6]])), Roi.of_mask("d", IMAGE > 5)]
    found = nbcompare.compare_images(IMAGE, OFF, rois)
    assert [region.roi.name for region in found.regions] == list("abcd")
    assert type(found).from_dict(found.as_dict()) == found


def limits(low, high):
    return [Threshold("sum_ratio", "full", low, high, "why")]


@pytest.mark.parametrize(("thresholds", "complaint"), [
    (None, "a list of Threshold, found NoneType"), (SCALE, r"write \[threshold\]"), ({"sum_ratio": SCALE}, "dict"),
    ("sum_ratio", "found str"), ([("sum_ratio", "full", 0.9, 1.1)], "an entry is"), (limits("a", None), "a number or"),
    (limits(NAN, 1.1), "finite number"), (limits(0.9, np.inf), "finite number"), (limits(True, 1.1), "found True"),
    (limits((0.9, 1.1), None), "a number or None"), (limits(np.array([0.9]), None), "a number or None"),
    (limits(0.9, 10**400), "finite number"), (limits(Decimal("0.9"), 1.1), "Decimal"), (limits(1.1, 0.9), "is above"),
    ([Threshold(None, "full", 0.9, 1.1, "why")], "named by text"), ([dataclasses.replace(SCALE, roi=FULL)], "roi is"),
    ([dataclasses.replace(SCALE, why=None)], "why is text"),
    ([Threshold("share_outside(rtol=1)", "full", None, 0.1, "why")], "image of zeros would pass")])
def test_what_is_no_list_of_thresholds_is_one_line(thresholds, complaint):
    comparison = nbcompare.compare_images(IMAGE, IMAGE.copy())
    one_line(lambda: nbcompare.judge(comparison, thresholds), complaint)


@pytest.mark.filterwarnings("ignore::nbcompare.WeakThresholds")
@pytest.mark.parametrize("number", [np.float32, np.float64, Fraction])
def test_a_limit_may_be_any_real_number_and_is_kept_as_a_float(number):
    verdict = nbcompare.judge(nbcompare.compare_images(IMAGE, OFF), limits(number(0.5), number(2)))
    assert (str(verdict.word), verdict.checks[0].threshold) == ("FAIL", limits(0.5, 2.0)[0])
    assert type(verdict.checks[0].threshold.min) is float


def test_a_region_or_a_figure_that_was_not_compared_is_outside_and_a_comparison_is_needed():
    verdict = nbcompare.judge(nbcompare.compare_images(IMAGE, IMAGE.copy()), [dataclasses.replace(SCALE, roi="x"),
                              Threshold("max_ulps", "full", None, 0, "not asked for")])
    assert [check.value for check in verdict.checks] == [None, None] and str(verdict.word) == "FAIL"
    for other in (None, verdict, (IMAGE, OFF)):
        one_line(lambda other=other: nbcompare.judge(other, [SCALE]), "takes a Comparison")


def test_thresholds_that_hardly_fail_are_told_with_the_verdict():
    comparison = nbcompare.compare_images(IMAGE, IMAGE.copy())
    with pytest.warns(nbcompare.WeakThresholds, match="weak: the pattern is judged by no threshold"):
        assert nbcompare.judge(comparison, [SCALE]).accepted
    two = nbcompare.compare_images(IMAGE, IMAGE.copy(), [FULL, Roi("corner", 0, 4, 0, 4)])
    with pytest.warns(nbcompare.WeakThresholds, match="region corner was compared, and no threshold judges it"):
        nbcompare.judge(two, [SCALE])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nbcompare.judge(comparison, [SCALE, Threshold("correlation", "full", 0.9995, None, "same pattern")])


@pytest.mark.parametrize(("words", "complaint", "kind"), [
    ({"figures": None}, "a list of pairs", "UsageError"), ({"figures": ("rmse", "full")}, "pairs of a", "UsageError"),
    ({"figures": [("corelation", "full")]}, "did you mean", "UsageError"),
    ({"masks": NOTHING_MASKED}, "two boolean arrays", "UsageError"),
    ({"masks": (NOTHING_MASKED, None)}, "of the subject is None", "UsageError"),
    ({"masks": (NOTHING_MASKED.astype("u1"),) * 2}, "array of uint8", "UsageError"),
    ({"masks": (np.ma.array(NOTHING_MASKED, mask=True), NOTHING_MASKED)}, "a masked array", "UsageError"),
    ({"masks": (NOTHING_MASKED[0], NOTHING_MASKED)}, r"shape \(9,\)", "ShapeError"),
    ({"skip_nonfinite": None}, "True or False", "UsageError")])
def test_what_is_no_figure_mask_or_switch_is_one_line(words, complaint, kind):
    one_line(lambda: nbcompare.compare_images(IMAGE, OFF, **words), complaint, kind)


@pytest.mark.parametrize(("words", "complaint"), [
    ({"arguments": None}, "the words of a command line"), ({"arguments": "-lambda 1"}, "shlex.split"),
    ({"arguments": ["-lambda", 1.0]}, "a list of text"), ({"inputs": "nowhere"}, "there is none at nowhere"),
    ({"inputs": None}, "a path as text or Path"), ({"budget_s": NAN}, "from 0 up, found nan"),
    ({"budget_s": "5"}, "found '5'"), ({"budget_s": 5}, "it needs arguments=")])
def test_what_no_diagnosis_can_be_asked_for_is_one_line(words, complaint):
    one_line(lambda: nbcompare.diagnose(IMAGE, OFF, **words), complaint)


def test_a_reference_that_is_not_finite_has_no_diagnosis_and_a_subject_that_is_not_has(capfd):
    broken = np.where(IMAGE.max() == IMAGE, np.nan, IMAGE)
    one_line(lambda: nbcompare.diagnose(broken, IMAGE), "1 pixels of the reference are not finite")
    assert nbcompare.diagnose(IMAGE, broken)
    assert nbcompare.diagnose(IMAGE, IMAGE * (1 + 1e-5)), "beyond float32"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("path", [None, b"case.yaml", 3, "", "a\0b", "a" * 300, ["case.yaml"]], ids=str)
def test_what_is_no_path_is_one_line(path):
    for ask in (nbcompare.load_case, nbcompare.run_case, nbcompare.open_bundle):
        one_line(lambda ask=ask: ask(path), "= takes a path")


def test_a_case_that_is_not_what_its_file_says_is_not_run(small_case):
    """Its bundle would hold the file, and a verdict by something else."""
    case = nbcompare.load_case(small_case)
    wide = dataclasses.replace(case, thresholds=(dataclasses.replace(SCALE, min=-1e9, max=1e9),))
    for other, complaint in ((wide, r"\(thresholds\)"), (dataclasses.replace(case, name="../../x"), r"\(name\)"),
                             (dataclasses.replace(case, path=None), "that load_case has read")):
        one_line(lambda other=other: nbcompare.run_case(other), complaint)
    small_case.write_text(small_case.read_text() + "# a remark\n")
    one_line(lambda: nbcompare.run_case(dataclasses.replace(case, title="x")), "changed after the case was read")
