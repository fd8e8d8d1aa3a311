"""A case as a whole: what its smaller sections cannot say, what of several faults is told, and each at its place."""

import pytest

from nbcompare.case.case import Limits, Pin
from nbcompare.case.case_file import load_case
from nbcompare.case.validate import refuse_slips, validate
from nbcompare.errors import CaseError, UsageError
from tests.nbcompare.conftest import SMALL_CASE
from tests.nbcompare.frozen import are_frozen

SUM = "ab" * 32
OWN = "If your programs do know it, say options: own"


@pytest.fixture
def small(tmp_path):
    """The small case with more sections, or with one text in the place of another."""
    (tmp_path / "x.mat").write_text("x")

    def call(more="", old="", new=""):
        path = tmp_path / "small.yaml"
        path.write_text((SMALL_CASE.replace(old, new, 1) if old else SMALL_CASE) + more)
        return path

    return call


def test_the_smaller_sections_of_a_case(small, tmp_path):
    case = load_case(small(
        f"reference: {{sha256: {SUM}}}\nsubject: {{version: v1}}\nlimits: {{subject_seconds: 2.5}}\n"
        "tests: [a.py, 'b.py::test_c', d/]\nprotected: [x.mat]\nrepeat: 100\nthreads: [1, 1024]\n"
        "required_args: -flux\nenvironment: {A: '1'}\n"
        f"inputs: {{A.mat: {{file: x.mat, sha256: {SUM}, stands_in: {{{'0' * 64}: measured}}}}}}\n"))
    assert case.pins == {"reference": Pin(SUM), "subject": Pin(None, "v1")} and are_frozen(*case.pins.values())
    assert case.limits == Limits(subject_seconds=2.5) and case.tests == ("a.py", "b.py::test_c", "d/")
    assert (case.protected, case.repeat, case.threads) == (("x.mat",), 100, (1, 1024))
    assert case.required_args == ("-flux",) and case.environment == {"A": "1"}
    assert case.inputs[0].sums == (SUM, "0" * 64) and case.inputs[0].stands_in == {"0" * 64: "measured"}


@pytest.mark.parametrize(("more", "told"), [
    ("reference: {}", "reference needs sha256, version or both"),
    ("subject: {sha256: x}", "sha256 must be 64 hexadecimal digits in lower case, found 'x'"),
    ("tests: [-x]", "'-x' is no test: a pytest node begins with a file or folder"), ("tests: ['@f']",
     "'@f' is no test"),
    ("tests: ['::a']", "'::a' is no test"), ("tests: [' ::a']", "' ::a' is no test"),
    ("limits: {subject_seconds: 0}", "subject_seconds must be above 0"), ("repeat: 101", "repeat must be 1 to 100"),
    ("threads: [1025]", "threads[0] must be 1 to 1024, found 1025"), ("threads: [3, 4, 3]", "threads names a number "
     "twice"),
    ("inputs: {A: {file: x.mat, stands_in: {x: y}}}", "'x' is no sha256: 64 hexadecimal digits in lower case"),
    ("inputs: {A: {file: x.mat, made_by: x}}", "input A needs either made_by or file"),
    ("options: mine", "unknown word for options 'mine'; "), ("nan: x", "unknown word for nan 'x'; ")])
def test_what_they_cannot_say(small, more, told):
    with pytest.raises(CaseError) as caught:
        load_case(small(f"{more}\n"))
    found = str(caught.value).partition("small.yaml:")[2].partition(" ")[2]
    assert found.startswith(told)


def test_a_threshold_on_what_is_no_number_lets_it_through(small):
    more = "  - {metric: nan_fraction, max: 0.1, why: w}\n"
    assert (load_case(small(more)).nan, load_case(small(f"{more}nan: fail\n")).nan, load_case(small()).nan) == (
        "compare", "fail", "fail")


def test_a_threshold_may_not_be_as_wide_as_the_bound_of_a_known_divergence(small):
    """Half a thousand times the reference's own spread says how large a defect may be, and judges no port."""
    wide = "{metric: nrmse, max: 500, why: w}"
    with pytest.raises(CaseError, match="the threshold on nrmse could never fail: max 500 of nrmse judges nothing"):
        load_case(small(f"  - {wide}\n"))
    claim = ("divergences: [{id: a, title: t, engine: reference, emulate: [-emulate, phi-carryover], why: w, "
        "reference: r, "
             "owner: o, expires: '2027-01-31', bounds: {full: {nrmse: {max: 500}}}}]\n")
    assert load_case(small(claim)).divergences[0].bounds[0].max == 500


def told(path):
    return [str(fault).partition(f"{path.name}:")[2] for fault in validate(path).faults]


def test_of_an_image_that_cannot_be_read_only_what_follows_from_it_is_not_told(small):
    found = told(small("reference_args: -hkl a\nsubjects: {f: -hkl b}\n", "slow: 7", "slow: 0"))
    assert [line.partition(" ")[2] for line in found] == [
        "slow must be 1 to 100000 pixels, found 0", "-hkl a is not among the inputs; none is known here",
        "-hkl b is not among the inputs; none is known here"]


def test_a_region_without_a_threshold_is_told_where_all_of_them_could_be_read(small):
    idle = small("", "why: same scale", "why: x, rois: [full]")
    idle.write_text(idle.read_text().replace("why: same pattern", "why: x, rois: [full]"))
    found, = told(idle)
    assert found.endswith("no threshold judges region middle; give it one, or leave the region out")
    idle.write_text(idle.read_text().replace("correlation", "corelation"))
    found, = told(idle)
    assert "unknown metric 'corelation'" in found


def test_slips_are_told_with_the_way_out(small):
    matrix = "matrix: {axes: {-phi: [0]}, base: -lamda 1}\n"
    case = load_case(small(matrix, "-flux 1e18", "-Flx 1 -N 2 3 -roi 1 2 -flux 1"))
    with pytest.raises(UsageError) as caught:
        refuse_slips(case)
    assert caught.value.message == f"{case.path}: the command is not what it was meant to be; nothing was run"
    assert caught.value.faults == (
        f"'3' belongs to no option. {OWN}", "-roi needs 4 values, found 2 before the option -flux",
        f"unknown option -lamda; did you mean -lambda? {OWN}")
    assert refuse_slips(load_case(small("options: own\n", "-flux 1e18", "-lamda 1"))) is None


def test_faults_are_told_in_the_order_of_their_places_with_what_to_do(small):
    found = validate(small("environment: {LD_PRELOAD: x}\nlimits: {a: 1}\n", "-flux 1e18", "-lamda 1 -N x"))
    assert found.kind == "case" and are_frozen(found)
    plain = found.as_dict()
    assert plain["valid"] is False and [fault["message"] for fault in plain["faults"]] == [
        "unknown option -lamda; did you mean -lambda?", "-N needs whole numbers, found 'x'",
        "environment: LD_PRELOAD decides what code is run, and a case may not set it by itself",
        plain["faults"][3]["message"]]
    assert plain["faults"][3]["message"].startswith("unknown key 'a'")
    places = [(fault["line"], fault["column"]) for fault in plain["faults"]]
    line = found.path.read_text().splitlines()[2]
    assert places == sorted(places) and places[:2] == [(3, line.index("-lamda") + 1), (3, line.index("-N") + 1)]
    assert plain["faults"][2]["next"].startswith("--trust-case allows it once") and validate(small()).as_dict()["valid"]
