"""What follows from a case: how wide its thresholds are and what they leave open, its cells, its inputs, the facts that
a record keeps, and a command line as a case has it."""

import datetime
import json
import math
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace as Things

import pytest

from nbcompare.case import inputs
from nbcompare.case.case import Case, CaseInput, Limits
from nbcompare.case.case_file import load_case, protected_names
from nbcompare.case.cells import cell_named, cells_of
from nbcompare.case.claims import Claim
from nbcompare.case.contradictions import claim_faults, command_faults, refusal_faults, region_faults
from nbcompare.case.facts import CaseFacts, case_facts
from nbcompare.case.further_subject import FurtherSubject
from nbcompare.case.inputs import StagedInput, copy_input, hash_inputs, parse_input_override, stage_inputs
from nbcompare.case.masking import Masking
from nbcompare.case.matrix import Axis, Cell, Matrix, cells_in, matrix_of
from nbcompare.case.plain_text import plain_case_text
from nbcompare.case.reading.all_faults import collected_faults, part, reading_on
from nbcompare.case.reading.strict_yaml import load
from nbcompare.case.refusal import Refusal
from nbcompare.case.relocate import relocated
from nbcompare.case.threshold import Threshold, default_targets
from nbcompare.case.weak_thresholds import Weakness, weaknesses
from nbcompare.compare.image import Roi, Shape
from nbcompare.compare.masks import MaskRules
from nbcompare.errors import CaseError, FileError, UsageError
from nbcompare.files import sha256_of
from tests.nbcompare.conftest import SMALL_CASE
from tests.nbcompare.frozen import are_frozen

SHAPE = Shape(slow=7, fast=9)


def threshold(metric, low=None, high=None, roi="full"):
    return Threshold(metric, roi, low, high, "w")


# --- thresholds -------------------------------------------------------------------------------------------


def test_how_much_further_a_value_could_be_before_it_is_outside():
    both = threshold("sum_ratio", 0.5, 1.25)
    assert [both.margin(value) for value in (1.125, 1.25, 1.5, 0.75, 0.5, 0.25)] == [2, 1, 0.5, 2, 1,
        pytest.approx(2 / 3)]
    assert both.margin(1.0) == math.inf and threshold("sum_ratio", 0.5).margin(3) == math.inf
    assert both.margin(None) is threshold("nan_fraction", None, 0.1).margin(0.05) is None
    assert threshold("sum_ratio", 1.5, 2).margin(1.7) is None, "equal images would be outside"
    assert [both.width(value) for value in (1.1, 1.0, 0.9)] == [0.25, 0.5, 0.5]
    assert threshold("sum_ratio", None, 1.25).width(0.5) == 0.25 and threshold("sum_ratio", 0.5).width(2) == math.inf
    assert threshold("sum_ratio", 0.5).width(1.0) == 0.5 and threshold("nan_fraction", None, 0.1).width(0) == math.inf
    assert are_frozen(both) and [t.metric for t in default_targets("a")] == ["correlation", "sum_ratio",
                                                                             "max_intensity_delta"]
    assert [(t.roi, t.min, t.max) for t in default_targets("a")] == [("a", 0.9995, None), ("a", 0.99, 1.01),
                                                                     ("a", None, 0.02)]


BOX = Roi("full", 0, 9, 0, 9)
PATTERN = threshold("correlation", 0.95)


def weak(*thresholds, rois=(BOX,)):
    return [(one.what, one.allowed, one.usual) for one in weaknesses(thresholds, rois)]


@pytest.mark.parametrize(("metric", "usual"), [
    ("correlation", 0.9), ("log_correlation", 0.9), ("ssim", 0.5), ("equal_pixels", 0.5), ("identity", 0.5)])
def test_a_likeness_below_the_usual_is_weak_where_none_stands_beside_it(metric, usual):
    at, below = threshold(metric, usual), threshold(metric, math.nextafter(usual, 0))
    assert weak(at) == [] and weak(below) == [(f"{metric} on full", below.allowed, f">= {usual:g} or a second "
        f"threshold")]
    assert weak(below, threshold("rmse", None, 3)) == [] and len(weak(below, below)) == 2
    assert weak(below, threshold("sum_ratio", 0.9, 1.1)) != [], "the scale is no pattern"


@pytest.mark.parametrize(("metric", "usual"), [
    *((f"abs_diff_q{quantile}", 0.5) for quantile in (50, 90, 99, 999, 9999)), ("nrmse", 0.5), ("residual_after_scale",
        0.5),
    ("max_abs_diff_of_peak", 0.5), ("peaks_unmatched", 25), ("max_ulps", 8_388_608)])
def test_a_difference_above_the_usual_is_weak_where_nothing_stands_beside_it(metric, usual):
    at, above = threshold(metric, None, usual), threshold(metric, None, usual * 1.0000001)
    assert weak(at) == [] == weak(above, PATTERN)
    assert weak(above) == [(f"{metric} on full", above.allowed, f"<= {usual:g} or a second threshold")]
    assert len(weak(threshold(metric, 0.0))) == 1


def test_a_case_without_a_pattern_is_told_with_its_first_reason():
    scale = threshold("sum_ratio", 0.9, 1.1)
    assert weak(scale) == [("the pattern", "judged by no threshold", "a correlation or another metric of every pixel")]
    assert next(weaknesses([scale], [BOX])).sentence == (
        "weak: the pattern is judged by no threshold, usual is a correlation or another metric of every pixel; why: w")
    assert weak() == [] and Weakness("a", "b", "c").sentence == "weak: a is b, usual is c"
    assert are_frozen(Weakness("a", "b", "c"))


def test_a_ratio_that_may_vary_by_more_than_four_holds_no_scale():
    for metric in ("sum_ratio", "scale_factor", "peak_ratio_median"):
        for low, high, told in ((0.5, 2.0, False), (0.5, 2.001, True), (0.5, None, True), (None, 2.0, True)):
            found = weak(PATTERN, threshold(metric, low, high))
            assert bool(found) is told and (not told or found[0][2] == "a range of a factor below 4"), (low, high)


def test_a_tenth_of_the_pixels_is_a_large_share_and_a_tenth_of_a_pixel_a_large_tolerance():
    for metric in ("share_outside", "share_outside(atol=3)", "nan_fraction", "mask_mismatch", "zero_mismatch"):
        assert weak(PATTERN, threshold(metric, None, 0.1)) == [] and weak(PATTERN, threshold(metric, 0.2)) == []
        assert weak(PATTERN, threshold(metric, None, 0.101)) == [(f"{metric} on full", "<= 0.101", "<= 0.1")]
    assert weak(PATTERN, threshold("share_outside(rtol=0.1)", None, 0.01)) == []
    assert weak(PATTERN, threshold("share_outside(rtol=0.11)", None, 0.01)) == [
        ("share_outside(rtol=0.11) on full", "<= 0.01", "an rtol of 0.1 or less")]


def test_a_case_whose_largest_region_is_smaller_than_a_spot_is_weak():
    five, less, unjudged = Roi("full", 2, 6, 3, 7), Roi("full", 2, 7, 3, 6), Roi("other", 0, 8, 0, 8)
    assert weak(PATTERN, rois=(five,)) == []
    assert weak(PATTERN, rois=(less, unjudged)) == [("all that is judged", "24 pixels in the largest region",
        "25 or more")]
    assert weak(PATTERN, threshold("correlation", 0.95, roi="other"), rois=(less, unjudged)) == []


# --- cells ------------------------------------------------------------------------------------------------


def test_the_cells_of_a_matrix_are_cases_of_their_own(tmp_path):
    text = ("matrix:\n  base: -N 4\n  axes:\n    -phi: [0, 0.5]\n    size: {same: [], wide: -detpixels_x 12}\n")
    (tmp_path / "small.yaml").write_text(SMALL_CASE + text)
    case = load_case(tmp_path / "small.yaml")
    cells = cells_of(case)
    assert [cell.name for cell in cells] == [f"small.{name}" for name in ("phi0-same", "phi0-wide", "phi0.5-same",
                                                                          "phi0.5-wide")]
    last = cells[-1]
    assert last.command == (*case.command, "-N", "4", "-phi", "0.5", "-detpixels_x", "12")
    assert (last.shape, last.title, dict(last.cell)) == (
        Shape(slow=7, fast=12), f"{case.title} (phi0.5-wide)", {"-phi": "phi0.5", "size": "wide"})
    assert [roi.bounds for roi in last.rois] == [(0, 11, 0, 6), (2, 6, 2, 5)] and last.matrix is None
    assert last.thresholds == case.thresholds and cells[0].shape == SHAPE
    assert cell_named(case, "small.phi0-wide") == cells[1] and cell_named(case, "small") is case
    assert cells_of(replace(case, matrix=None))[0].name == "small"
    own = replace(case, options="own")
    assert cells_of(own)[1].shape == SHAPE
    polygon = replace(case, rois=(replace(case.rois[0], polygon=((-1, -1), (9, -1), (9, 7))),))
    assert cells_of(polygon)[1].rois[0].bounds == (0, 8, 0, 6)
    assert are_frozen(case.matrix, case.matrix.axes[0], next(cells_in(case.matrix)))


@pytest.mark.parametrize(("text", "told"), [
    ("{}", "a matrix needs axes, runs, or both"), ("{base: -N 3}", "a matrix needs axes, runs, or both"),
    ("{axes: {-phi: []}}", "axis -phi has no values"), ("{axes: {a: {}}}", "a has no entries"),
    ("{axes: {phi: [1]}}", "axis phi is a list of values, so it must be called by its option, as -phi"),
    ("{axes: {runs: {a: -N 3}}}", "an axis cannot be called runs; that is the key beside axes"),
    ("{axes: {a: {b c: -N 3}}}", "the name 'b c' must be letters, digits, '.', '_' and '-'"),
    ("{runs: {a: {args: -N 3}}}", "run a brings neither thresholds nor divergences; write its arguments alone"),
    ("{runs: {a: {args: -N 3, thresholds: []}}}", "run a names no threshold; write its arguments alone"),
    ("{axes: {a: {b: -N 1, b-c: -N 2}, d: {c-e: -N 1, e: -N 2}}}", "two cells would be called b-c-e; name their values "
     "apart"),
    ("{axes: {-N: [3, 3.0]}}", "the cells N3 and N3.0 are one command, and one experiment would count twice; leave "
     "one of "
     "them out (repeat runs the reference again)"),
    ("{axes: {a: {b: {args: -N 3}}}}", "")])
def test_what_a_matrix_cannot_say(tmp_path, text, told):
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(CaseError) as caught:
        matrix_of(load(tmp_path / "x.yaml", "the file")[0], ["full"])
    assert str(caught.value).partition("x.yaml:")[2].partition(" ")[2].startswith(told)


def test_a_matrix_has_ten_thousand_cells_at_most_and_names_without_strange_letters(tmp_path):
    def read(text):
        (tmp_path / "x.yaml").write_text(text)
        return matrix_of(load(tmp_path / "x.yaml", "the file")[0], ["full"])

    hundred = ", ".join(map(str, range(100)))
    assert len(list(cells_in(read(f"{{axes: {{-phi: [{hundred}], -N: [{hundred}]}}}}")))) == 10_000
    with pytest.raises(CaseError, match="the matrix has 10100 cells, more than 10000"):
        read(f"{{axes: {{-phi: [{hundred}], -N: [{hundred}, 100]}}}}")
    named = read("{axes: {-roi: [0 1 0 1, '2  3/4 5']}}")
    assert [cell.name for cell in cells_in(named)] == ["roi0_1_0_1", "roi2_3_4_5"]
    assert [cell.arguments for cell in cells_in(named)] == [("-roi", "0", "1", "0", "1"), ("-roi", "2", "3/4", "5")]
    assert matrix_of(None) is None and Cell((("a", "b"), ("c", "d")), ()).name == "b-d"
    assert Matrix((), (Axis("a", (("b", ("-N",)),)),)) == read("{axes: {a: {b: -N}}}")


# --- contradictions ---------------------------------------------------------------------------------------


def case_of(command="-detpixels_x 9 -detpixels_y 7", **changes):
    said = {"name": "small", "title": "t", "command": tuple(command.split()), "shape": SHAPE, "rois": (Roi.full(SHAPE),
        ),
            "thresholds": (threshold("sum_ratio", 0.9),)} | changes
    return Case(**said)


@pytest.mark.parametrize(("changes", "faults"), [
    ({}, []), ({"command": "-detpixels_x 9 -detpixels_y 8"}, [("image", "image says 9 x 7 pixels (fast x slow), but "
     "the "
                                                               "command declares 9 x 8 pixels (fast x slow)")]),
    ({"command": "-detpixel_x 9 -detpixels_y 7"}, [("command", "unknown option -detpixel_x; did you mean ")]),
    ({"command": "detpixels 9"}, [("command", "'detpixels' belongs to no option")]),
    ({"command": "-detpixels x"}, [("command", "-detpixels needs a number, found 'x'")]),
    ({"command": "-img a.img", "inputs": (CaseInput("a.img", None, "a.img", None),)}, []),
    ({"command": "-detpixels_x 9 -detpixels_y 7 -hkl a"}, [("command", "-hkl a is not among the inputs; none is known"),
                                                          ("command",
                                                           "-hkl a is not among the inputs; none is known")]),
    ({"reference_args": ("-hkl", "a")}, [("reference_args", "-hkl a is not among the inputs")]),
    ({"subject_args": ("-hkl", "a"), "subjects": {"f": FurtherSubject(("-x",)), "o": FurtherSubject((), "o")}},
     [("subject_args", "-hkl a is not among"), ("subjects", "-hkl a is not among")]),
    ({"subjects": {"f": FurtherSubject(("-x",))}, "divergences": (Things(id="a"),)}, [
        ("subjects", "a claim is proven of one subject; give the others a case of their own")]),
    ({"required_args": ("-N", "-detpixels_x")}, [("required_args", "-N is not in the command, so it cannot be required "
                                                  "there")]),
    ({"options": "own", "command": "-floatfile x", "divergences": (Things(id="a"),), "required_args": ("-N",)}, [
        ("command", "-floatfile is added by the runner, for each engine its own; leave it out"),
        ("divergences", "claims emulate defects of nanoBragg, and the options of this case are its engines' own"),
        ("required_args", "-N is not in the command, so it cannot be required there")]),
    ({"options": "own", "subject_args": ("-floatfile",)}, [("command", "-floatfile is added")]),
    ({"options": "own", "command": "-N", "required_args": ("-N",)}, [])])
def test_what_the_parts_of_a_case_say_against_each_other(changes, faults):
    found = list(command_faults(case_of(**changes)))
    assert [key for key, _ in found] == [key for key, _ in faults]
    assert all(said.startswith(words) for (_, said), (_, words) in zip(found, faults, strict=True)), found


def test_a_case_that_expects_a_refusal_says_nothing_of_images():
    given = {"thresholds": (1,), "divergences": (1,), "repeat": 1, "threads": (1,), "required_args": ("-N",),
             "subjects": {"a": 1}}
    case = case_of(**given)
    assert list(refusal_faults(case)) == []
    assert list(refusal_faults(replace(case, expect={"subject": Refusal(1, "x")}))) == [
        (key, f"{key}: the case expects a refusal, so that no image is judged; leave it out") for key in given]
    assert list(refusal_faults(replace(case_of(thresholds=()), expect={"subject": Refusal(1, "x")}))) == []


def test_names_of_claims_and_cells_and_the_place_of_regions():
    claims = [Things(id=name) for name in ("a", "b", "a", "c", "a")]
    assert list(claim_faults(case_of(divergences=claims))) == [
        ("divergences", "two claims are called a, one of the case and one of this run")]
    found = list(region_faults(case_of(name="a" * 101, rois=(Roi("r", 0, 9, 0, 6), Roi("s", 0, 8, 0, 6)))))
    assert found == [("name", f"the name {'a' * 101} is longer than a folder's may be"),
                     ("rois", "region r: x (fast) bounds 0..9 overhang the image, whose last pixel is 8")]


# --- facts and texts --------------------------------------------------------------------------------------


def test_what_a_record_keeps_of_a_case_is_read_back_equal():
    claim = Claim("a", "t", "reference", ("-emulate", "phi-carryover"), (), "w", "r", "o", datetime.date.max)
    case = case_of(reference_args=("-a",), subject_args=("-b",), divergences=(claim,), masking=Masking(MaskRules(1.0)),
                   nan="compare", expect={"subject": Refusal(1, "x")}, subjects={"f": FurtherSubject(("-x",))},
                   options="own", environment={"A": "1"}, tests=("t",), threads=(1, 2), path=Path("/x/small.yaml"),
                   sha256="0", cell={"a": "b"})
    facts = case_facts(case)
    stored = json.loads(json.dumps(facts.as_dict()))
    assert CaseFacts.from_dict(stored) == facts and are_frozen(facts)
    assert (facts.file, facts.own_options, case_facts(case_of()).file) == ("small.yaml", True, None)
    assert facts.arguments("reference") == (*case.command, "-a") and facts.arguments("subject") == (*case.command, "-b")
    assert facts.argv("subject", ("port", "-x")) == ("port", "-x", *case.command, "-b", "-floatfile", "float.bin")
    plain = case_facts(case_of())
    assert not {"options", "masking", "nan", "expect", "subjects"} & plain.as_dict().keys() and not plain.own_options
    assert CaseFacts.from_dict(json.loads(json.dumps(plain.as_dict()))) == plain
    assert list(stored)[-5:] == ["options", "masking", "nan", "expect", "subjects"]


def test_a_bare_command_line_written_as_a_case_is_that_case(tmp_path):
    (tmp_path / "F.hkl").write_text("x")
    entry = CaseInput("F.hkl", None, "F.hkl", sha256_of(tmp_path / "F.hkl"))
    rois = Roi.full(SHAPE), Roi("part", 0, 8, 0, 5)
    case = case_of("-hkl F.hkl -detpixels_x 9 -detpixels_y 7", inputs=(entry,), rois=rois, limits=Limits(1.5, 2.5, 3.5),
                   thresholds=(threshold("sum_ratio", 0.5, 1.25), threshold("rmse", None, 3.0, "part")),
                       subject_args=("-x",))
    text = plain_case_text(case)
    (tmp_path / "again.yaml").write_text(text)
    again = load_case(tmp_path / "again.yaml")
    assert replace(again, path=None, sha256=None, elsewhere=case.elsewhere) == case
    assert "reference_args" not in text and "full: full\n" in text


def test_a_command_line_as_somebody_typed_it_is_made_fit_for_a_case(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a/F.hkl", "b/F.hkl", "float.bin"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    found = relocated(("-hdiv 0.1 -hkl a/F.hkl -mat b/F.hkl -stol float.bin -misset random -floatfile x -intfile "
    "/tmp/i "
                       "-pgmfile p.pgm -N 5 -hdiv 0.2 -vdiv").split())
    assert found.command == tuple("-misset_seed 1 -hkl F.hkl -mat copy-F.hkl -stol copy-float.bin -misset random "
                                  "-pgmfile p.pgm -N 5".split())
    assert found.files == {"F.hkl": tmp_path / "a/F.hkl", "copy-F.hkl": tmp_path / "b/F.hkl",
                           "copy-float.bin": tmp_path / "float.bin"} and are_frozen(found)
    void = "was left out: nanoBragg passes over it, whatever its README shows"
    assert found.notes == (
        f"-hdiv 0.1 {void}", f"-hdiv 0.2 {void}", f"-vdiv {void}",
        "-misset random had no seed; -misset_seed 1 was added, so that both engines draw the same",
        "-floatfile x was left out: the runner adds it for each engine",
        "-intfile /tmp/i was left out: an output stays in the folder of the run")
    (tmp_path / "z.hkl").write_text("x")
    assert relocated(["-hkl", "z.hkl"]).files == {"z.hkl": tmp_path / "z.hkl"}
    assert relocated(["-hkl", "a/F.hkl", "-mat", "a/F.hkl"]).command == ("-hkl", "F.hkl", "-mat", "F.hkl")
    with pytest.raises(UsageError) as told:
        relocated(["-hkl", "no"])
    assert told.value.message == f"-hkl no: there is no such file in {tmp_path}"
    (tmp_path / "a b").write_text("x")
    with pytest.raises(UsageError) as told:
        relocated(["-hkl", "a b"])
    assert told.value.message == "-hkl a b: an input of a case is called by letters, digits, '.', '_' and '-'"
    assert told.value.hint == "rename the file"
    with pytest.raises(UsageError) as told:
        relocated(["-N", "x", "-lamda", "1"])
    assert told.value.message == "the arguments are no command line that the bundled engines take"
    assert told.value.faults == ("-N needs whole numbers, found 'x'", "unknown option -lamda; did you mean -lambda?")


# --- inputs -----------------------------------------------------------------------------------------------


def test_inputs_are_staged_with_where_they_came_from(tmp_path, monkeypatch):
    (tmp_path / "own.mat").write_text("own")
    (tmp_path / "mine.mat").write_text("mine")
    own, mine = (sha256_of(tmp_path / name) for name in ("own.mat", "mine.mat"))
    case = case_of(inputs=(CaseInput("A.mat", None, "own.mat", own, {mine: "measured"}),), path=tmp_path / "c.yaml")

    def staged(case=case, **overrides):
        target = tmp_path / "staged"
        target.mkdir(exist_ok=True)
        return stage_inputs(case, {name: tmp_path / path for name, path in overrides.items()}, target)[0]

    assert staged() == StagedInput("A.mat", "case", own, 3, own) and staged().as_pinned and are_frozen(staged())
    brought = staged(**{"A.mat": "mine.mat"})
    assert brought == StagedInput("A.mat", "user", mine, 4, mine) and brought.as_pinned
    unpinned = replace(case, inputs=(CaseInput("A.mat", None, "own.mat", None),))
    assert staged(unpinned).as_pinned and not staged(unpinned, **{"A.mat": "mine.mat"}).as_pinned
    strange = replace(case, inputs=(replace(case.inputs[0], stands_in={}),))
    assert staged(strange, **{"A.mat": "mine.mat"}) == StagedInput("A.mat", "user", mine, 4, own)
    with pytest.raises(CaseError) as told:
        staged(replace(case, inputs=(CaseInput("A.mat", None, "own.mat", "0" * 64),)))
    assert told.value.message.endswith(f"input A.mat has sha256 {own}, but the case pins {'0' * 64}")
    assert told.value.hint == "restore the file, or pin the new sum and say why in the commit"
    region = replace(case, region_files=frozenset(["A.mat"]))
    assert staged(region, **{"A.mat": "own.mat"}).origin == "user"
    with pytest.raises(UsageError, match="--input A.mat: a region of the case is made of own.mat, so another file in "
        "its"):
        staged(region, **{"A.mat": "mine.mat"})
    monkeypatch.setattr(inputs, "GENERATORS", {"maker": lambda: "made"})
    monkeypatch.setattr(inputs, "user_cache", lambda: tmp_path / "cache")
    made = staged(replace(case, inputs=(CaseInput("A.mat", "maker", None, None),)))
    assert (made.origin, made.bytes) == ("generated", 4) and not (tmp_path / "cache").exists()
    with pytest.raises(FileError, match="cannot copy the input: No such file or directory"):
        copy_input(tmp_path / "no", tmp_path / "x")
    assert hash_inputs([made, brought]) == hash_inputs([brought, made]) != hash_inputs([made])


@pytest.mark.parametrize(("text", "told"), [
    ("A.mat", "--input 'A.mat' must read NAME=PATH"), ("A.mat=", "--input 'A.mat=' must read NAME=PATH"),
    ("B.mat=x", "--input 'B.mat=x': the case has no input 'B.mat'; did you mean 'A.mat'?"),
    ("A.mat=no=x", "--input 'A.mat=no=x': there is no file no=x")])
def test_an_override_names_an_input_and_a_file(text, told):
    with pytest.raises(UsageError) as caught:
        parse_input_override(text, case_of(inputs=(CaseInput("A.mat", None, "x", None),)))
    assert caught.value.message == told


def test_protected_files_are_there_and_named_once(tmp_path):
    (tmp_path / "a").write_text("x")

    def read(text, here=True):
        (tmp_path / "x.yaml").write_text(text)
        return protected_names(load(tmp_path / "x.yaml", "the file")[0], tmp_path.joinpath if here else None)

    assert read("[a]") == ("a",) and read("[b, c]", here=False) == ("b", "c") and protected_names(None, None) == ()
    for text, told in (("[a, b]", "1:5: protected: there is no file b beside this one"), ("[a, a]", "1:5: a is "
    "protected "
                                                                                          "twice")):
        with pytest.raises(CaseError, match=told):
            read(text)


def test_faults_are_collected_where_somebody_collects_them():
    def fault(word):
        raise CaseError(str(word))

    with collected_faults() as found:
        assert part({"a": 1}, "a", fault, "usual") == "usual" and part({}, "a", fault, "usual") == "usual"
        with reading_on():
            fault("two")
        fault("three")
    assert [str(one) for one in found] == ["1", "two", "three"]
    with pytest.raises(CaseError, match="four"), reading_on():
        fault("four")
    assert part({"a": 2}, "a", lambda word: word + 1, 0) == 3
