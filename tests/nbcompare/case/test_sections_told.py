"""Sections of a case and of a plan, each with what it is refused for, word for word, and where."""

import datetime
import json
import math
from pathlib import Path

import pytest

from nbcompare.case.case_file import load_case
from nbcompare.case.claims import Claim, claims_of
from nbcompare.case.expected_trace import ExpectedFactor, ExpectedTrace, expected_trace
from nbcompare.case.further_subject import FurtherSubject, further_subjects_of, known_as
from nbcompare.case.lines import CaseLines, lines_of
from nbcompare.case.masking import NO_MASKING, Masking, masking_of, nan_of
from nbcompare.case.phases import Requirements, load_phases
from nbcompare.case.reading.strict_yaml import load
from nbcompare.case.refusal import Refusal, refusals_from, refusals_of
from nbcompare.case.regions import rois_of, weak_allowed_in
from nbcompare.case.threshold import Threshold
from nbcompare.compare.image import Shape
from nbcompare.compare.masks import MaskRules
from nbcompare.errors import CaseError, ShapeError
from tests.nbcompare.conftest import SMALL_CASE
from tests.nbcompare.frozen import are_frozen

SHAPE = Shape(slow=7, fast=9)


@pytest.fixture
def root(tmp_path):
    """The root of a YAML text."""

    def call(text):
        (tmp_path / "x.yaml").write_text(text)
        return load(tmp_path / "x.yaml", "the file")[0]

    return call


def refused(what, *words):
    """Place and words of a fault."""
    with pytest.raises(CaseError) as caught:
        what(*words)
    return str(caught.value).partition("x.yaml:")[2]


# --- claims -----------------------------------------------------------------------------------------------

CLAIM = ("{id: a, title: t, engine: reference, emulate: [-emulate, phi-carryover], why: w, reference: r, owner: o, "
         "expires: '2027-01-31', bounds: {full: {sum_ratio: {min: 0.9, max: 2}}}%s}")


def test_a_claim_is_read_and_kept_as_it_stands(root):
    claim, = claims_of(root(f"[{CLAIM % ''}]"), ["full"])
    bound = Threshold("sum_ratio", "full", 0.9, 2.0, "w")
    assert claim == Claim("a", "t", "reference", ("-emulate", "phi-carryover"), (bound,), "w", "r", "o",
                          datetime.date(2027, 1, 31)) and are_frozen(claim)
    assert not {"control_of_both", "changes", "trace"} & claim.as_dict().keys()
    more = (", control_of_both: -x 1, switch: declared, changes: all of it, trace: {pixel: {fast: 8, slow: 6}, later: "
            "0.01, factors: {polarization: {percent: -3, within: 1}}}")
    full, = claims_of(root(f"[{(CLAIM % more).replace('-emulate, phi-carryover', '-fix')}]"), ["full"], SHAPE)
    assert (full.changes, full.control_of_both, full.control, full.rois) == ("all of it", ("-x", "1"), (), ("full",))
    assert full.trace == ExpectedTrace((ExpectedFactor("polarization", -3.0, 1.0),), 0.01, 8, 6)
    for one in (claim, full):
        assert Claim.from_dict(json.loads(json.dumps(one.as_dict()))) == one
    assert list(full.as_dict()).count("trace") == 1 and claims_of(None, []) == ()


@pytest.mark.parametrize(("old", "new", "told"), [
    ("%s", ", changes: y", "changes belongs to a switch of an engine of your own: switch: declared"),
    ("%s", ", switch: declared", "a declared switch needs changes: what it may change, in words"),
    ("%s", ", switch: decl, changes: y", "unknown kind of switch 'decl'; did you mean 'declared'?"),
    ("engine: reference", "engine: subject", "a defect of the subject is switched off by a switch of its own: "
     "switch: declared, with what it changes"),
    ("-emulate, phi-carryover", "-x", "emulate: '-x' is no registered emulation; write"),
    ("-emulate, phi-carryover", "", "emulate must hold the arguments that the subject is run with"),
    ("phi-carryover", "water-scaling", "the claim needs a control: arguments with which the reference does not "
     "show its defect (control), or with which neither engine can (control_of_both)"),
    ("%s", ", control: [-a], control_of_both: [-b]", "give either control or control_of_both"),
    ("id: a", "id: a b", "id must be a name of letters, digits, '.', '_' and '-', found 'a b'"),
    ("'2027-01-31'", "soon", "expires must be a day written YYYY-MM-DD, found 'soon'"),
    ("{full: {sum_ratio: {min: 0.9, max: 2}}}", "{}", "bounds must say, for at least one region and metric, how "
     "large the divergence may be"),
    ("{full: {sum_ratio: {min: 0.9, max: 2}}}", "{full: {}}", "bounds must say"),
    ("{min: 0.9, max: 2}", "{min: -1}", "the bound on sum_ratio could never fail:")])
def test_what_a_claim_cannot_say(root, old, new, told):
    text = CLAIM.replace(old, new)
    found = refused(claims_of, root(f"[{text % '' if '%s' in text else text}]"), ["full"])
    assert found.partition(" ")[2].startswith(told), found


def test_two_claims_of_one_name_and_none_at_all_are_refused(root):
    two = f"- {CLAIM % ''}\n- {(CLAIM % '').replace('id: a', 'id: b')}\n- {CLAIM % ''}\n"
    assert refused(claims_of, root(two), ["full"]) == "3:3: two claims are called a"
    assert refused(claims_of, root("[]"), []) == "1:1: divergences must list at least one claim, or be left out"


TRACE = "{pixel: worst, later: 1e-3, factors: {polarization: {percent: 2, within: 1}}}"


@pytest.mark.parametrize(("old", "new", "told"), [
    ("1e-3", "0", "later must be above 0 and at most 0.01, found 0"), ("1e-3", "0.0101", "later must be above 0"),
    ("1e-3", "0.01", None), ("within: 1", "within: 0", "polarization: within must be above 0 and below the size of "
                             "percent, as a factor that may as well agree is none that differs; found 2 and 0"),
    ("within: 1", "within: 2", "polarization: within must"), ("within: 1", "within: 1.99", None),
    ("percent: 2", "percent: -1", "polarization: within must"), ("percent: 2", "percent: -1.01", None),
    ("{polarization: {percent: 2, within: 1}}", "{}", "factors must name at least one factor that differs"),
    ("polarization", "hkl", "unknown factor 'hkl' in factors; known: "),
    ("worst", "best", "unknown pixel; give fast and slow, or the word 'best'; known: worst"),
    ("worst", "{fast: 9, slow: 0}", "the pixel fast 9 is not in the image"),
    ("worst", "{fast: 10, slow: 0}", "the pixel fast 10 is not in the image"),
    ("worst", "{fast: 0, slow: 7}", "the pixel slow 7 is not in the image"),
    ("worst", "{fast: -1, slow: 0}", "the pixel fast -1 is not in the image"), ("worst", "{fast: 8, slow: 6}", None)])
def test_what_a_trace_cannot_show(root, old, new, told):
    cursor = root(TRACE.replace(old, new))
    if told is None:
        assert expected_trace(cursor, SHAPE)
    else:
        assert refused(expected_trace, cursor, SHAPE).partition(" ")[2].startswith(told)


def test_what_a_trace_must_show_in_words_and_at_its_limits(root):
    worst = expected_trace(root(TRACE), None)
    assert worst.pixel is None and worst.allowed == "polarization +2 % ± 1, others within 0.001, at the worst pixel"
    there = ExpectedTrace((*worst.factors, ExpectedFactor("steps", -3, 0.5)), 1e-3, 0, 5)
    assert there.pixel == (0, 5) and there.allowed == (
        "polarization +2 % ± 1, steps -3 % ± 0.5, others within 0.001, at fast 0 slow 5")
    assert ExpectedTrace((), 1e-3, 0).pixel is ExpectedTrace((), 1e-3, None, 0).pixel is None
    admitted = [percent for percent in (-3.5, -2.5, -3.51, -2.49, 3) if there.factors[1].admits(percent)]
    assert admitted == [-3.5, -2.5] and are_frozen(there, there.factors[0])
    assert ExpectedTrace.from_dict(json.loads(json.dumps(there.as_dict()))) == there
    anywhere = expected_trace(root(TRACE.replace("worst", "{fast: 9000, slow: 1}")), None)
    assert anywhere.pixel == (9000, 1)
    assert "is not in the image" in refused(expected_trace, root(TRACE.replace("worst", "{fast: 1, slow: -1}")), None)


# --- subjects and refusals --------------------------------------------------------------------------------


def test_further_subjects_are_words_more_or_another_engine(root):
    text = "{f64: -dtype float64, old: {engine: older}, slow: {engine: older, arguments: -x 1}}"
    found = further_subjects_of(root(text))
    assert found == {"f64": FurtherSubject(("-dtype", "float64")), "old": FurtherSubject((), "older"),
                     "slow": FurtherSubject(("-x", "1"), "older")}
    assert [entry.words(("-own",)) for entry in found.values()] == [("-own", "-dtype", "float64"), (), ("-x", "1")]
    plain = {name: entry.as_plain() for name, entry in found.items()}
    assert plain == {"f64": ["-dtype", "float64"], "old": {"engine": "older", "arguments": []},
                     "slow": {"engine": "older", "arguments": ["-x", "1"]}}
    assert {name: FurtherSubject.from_plain(entry) for name, entry in plain.items()} == found
    assert further_subjects_of(None) == {} and known_as("f64") == "subject f64" and are_frozen(found["f64"])


@pytest.mark.parametrize(("text", "told"), [
    ("{}", "1:1: subjects must name at least one, or be left out"),
    ("{a b: -x}", "1:7: the name of a subject, 'a b', must be letters, digits, '.', '_' and '-'"),
    ("{reference: -x}", "1:13: the reference is compared anyway; a further subject needs a name of its own"),
    ("{subject: -x}", "1:11: the subject is compared anyway"),
    ("{a: -x, b: -y, c: -x}", "1:19: subject c needs arguments that no other subject has"),
    ("{a: []}", "1:5: subject a needs arguments that no other subject has"),
    ("{a: {engine: subject}}", "1:14: a: the subject is compared anyway; name another declared engine, or give "
     "arguments alone for the subject with those"),
    ("{a: {engine: reference}}", "1:14: a: the reference is compared anyway"), ("{a: {arguments: -x}}", "1:5: ")])
def test_subjects_that_would_show_nothing_more_are_refused(root, text, told):
    assert refused(further_subjects_of, root(text)).startswith(told)


@pytest.mark.parametrize(("code", "pattern", "told"), [
    (1, "no -phi", None), (255, "x{3}", None), (0, "no", "exit_code must be 1 to 255, found 0"),
    (256, "no", "exit_code must be 1 to 255"), (128, "no", None), (125, "no", None), (166, "no", None),
    *((code, "no", f"exit code {code} is how a shell tells that a program was not found, was too slow or crashed, and "
       "that is no refusal") for code in (124, 126, 127, 129, 165)),
    (1, "x*", "stderr: 'x*' matches an empty line, so whatever an engine says would do"),
    (1, "[A-Za-z]", "stderr: '[A-Za-z]' matches nearly any line: whatever an engine says would do"),
    (1, "[a-z]", None), (1, "(", "stderr: '(' is no regular expression: "), (1, "a" * 300, None),
    (1, "a" * 301, "stderr is 301 characters long, at most 300 are read")])
def test_a_refusal_that_anything_would_be_is_refused(root, code, pattern, told):
    cursor = root(f"subject: {{exit_code: {code}, stderr: '{pattern}'}}\n")
    if told is None:
        found = refusals_of(cursor)
        assert found == {"subject": Refusal(code, pattern)} and are_frozen(found["subject"])
        assert refusals_from({role: entry.as_dict() for role, entry in found.items()}) == found
    else:
        assert refused(refusals_of, cursor).partition(" ")[2].startswith(told)


def test_a_section_of_refusals_names_an_engine(root):
    assert refusals_of(None) == {}
    assert refused(refusals_of, root("{}")) == (
        "1:1: expect must name the reference, the subject or both, or be left out")


# --- masks ------------------------------------------------------------------------------------------------


def test_the_rules_of_both_images_are_joined_with_those_of_one(root):
    text = "{below: 0, above: 9, equals: [-1, -2], subject: {above: 5, equals: 7}, reference: {below: 1}, nan: both}"
    found = masking_of(root(text), ())
    assert found.reference == MaskRules(1.0, 9.0, (-1.0, -2.0), True)
    assert found.subject == MaskRules(0.0, 5.0, (-1.0, -2.0, 7.0), True)
    assert found.rules("reference") is found.reference and found.rules("subject") is found.subject
    assert Masking.from_dict(json.loads(json.dumps(found.as_dict()))) == found and found.any and not NO_MASKING.any
    read = masking_of(root("{file: gaps.raw, read: 'format=raw,dtype=<u1,shape=7x9'}"), ["gaps.raw"])
    assert read.read.shape == (7, 9) and Masking.from_dict(json.loads(json.dumps(read.as_dict()))) == read
    assert masking_of(None, ()) is NO_MASKING and (nan_of(None), nan_of(root("compare"))) == ("fail", "compare")
    assert are_frozen(found)


@pytest.mark.parametrize(("text", "told"), [
    ("{}", "1:1: mask must hold a rule or a file, or be left out"),
    ("{below: 5, above: 4}", "1:9: below 5 and above 4 mask every pixel"), ("{nan: all}", "1:7: unknown image 'all'; "),
    ("{file: b}", "1:8: unknown input 'b'; known: a"),
    ("{below: 1, read: format=raw}", "1:18: read says how the mask's file is read, and no file is named"),
    ("{file: a, read: x}", "1:17: read: 'x' must read KEY=VALUE"),
    ("{subject: {nan: both}}", "1:12: unknown key 'nan'")])
def test_a_mask_that_masks_nothing_or_everything_is_refused(root, text, told):
    assert refused(masking_of, root(text), ["a"]).startswith(told)
    assert masking_of(root("{below: 4, above: 4}"), ()).any


def test_a_mask_of_another_shape_is_told(tmp_path):
    import numpy as np

    np.save(tmp_path / "gaps.npy", np.ones((3, 4), "u1"))
    with pytest.raises(ShapeError) as told:
        Masking(file="gaps.npy").applied("subject", np.zeros((7, 9)), None, tmp_path)
    assert told.value.message == "the mask gaps.npy is 4 x 3 pixels (fast x slow), the image 9 x 7"
    np.save(tmp_path / "gaps.npy", np.ones((7, 10), "u1"))
    with pytest.raises(ShapeError, match="the mask gaps.npy is 10 x 7 pixels"):
        Masking(file="gaps.npy").applied("subject", np.zeros((7, 9)), None, tmp_path)


# --- regions ----------------------------------------------------------------------------------------------

RING = "{resolution: [3.0, 2.0], wavelength_A: 1.0, distance_mm: 10, pixel_mm: 1.0, beam_px: [4, 3]}"


@pytest.mark.parametrize(("text", "told"), [
    ("{}", "1:1: rois must name at least one region"), ("{a b: full}", "1:7: the region name 'a b' must be letters"),
    ("{a: all}", "1:5: region a must be the word full, [xmin, xmax, ymin, ymax], a polygon or a resolution ring"),
    ("{a: [1, 2, 3]}", "1:5: region a needs four numbers xmin, xmax, ymin, ymax; found 3"),
    ("{a: [1, 2, 3, 4, 5]}", "1:5: region a needs four numbers xmin, xmax, ymin, ymax; found 5"),
    ("{a: [0, 9, 0, 6]}", "1:5: region a: x (fast) bounds 0..9 overhang"),
    ("{a: {file: m, polygon: [[0, 0]]}}", "1:5: region a is that of a file, with nothing beside"),
    ("{a: {polygon: [[0, 0], [1, 1], [2, 0]], described: m}}", "1:5: region a is a polygon or a ring, not both"),
    ("{a: {polygon: [[0, 0], [1]]}}", "1:24: "), ("{a: {polygon: [[0, 0], [1, 1, 1]]}}", "1:24: "),
    ("{a: {polygon: [[0, 0], [3, 3]]}}", "1:15: region a: a polygon has 3 to 200 corners, found 2"),
    ("{Full: [0, 8, 0, 5]}", "1:8: region Full is not the whole image, which is what its name says; call it something"),
    ("{full: {polygon: [[-0.5, -0.5], [8.5, -0.5], [8.5, 6.5], [-0.5, 6.5]]}}", "1:8: region full is not the whole"),
    (f"{{full: {RING}}}", "1:8: region full is not the whole"),
    (f"{{a: {RING.replace('pixel_mm: 1.0', 'pixel_mm: 0')}}}", "1:5: region a: two spacings [dmax, dmin] that differ, "
     "positive numbers, and a diffraction angle below 90 degrees (dmin above wavelength / sqrt 2) are needed"),
    (f"{{a: {RING.replace('wavelength_A: 1.0', 'wavelength_A: 2.9')}}}", "1:5: region a: two spacings"),
    (f"{{a: {RING.replace('[4, 3]', '[400, 3]')}}}", "1:5: region a")])
def test_a_region_that_cannot_be_is_told(root, text, told):
    assert refused(rois_of, root(text), SHAPE, {"m": Path("m")}).startswith(told)


def test_regions_at_the_limits_of_their_number_and_corners(root, monkeypatch):
    corners = [[round(4 + 3 * math.cos(i / 200 * math.tau), 6), round(3 + 3 * math.sin(i / 200 * math.tau), 6)]
               for i in range(200)]
    assert rois_of(root(json.dumps({"a": {"polygon": corners}})), SHAPE, {})[0].bounds == (1, 7, 0, 6)
    assert "found 201" in refused(rois_of, root(json.dumps({"a": {"polygon": [*corners, corners[-1]]}})), SHAPE, {})
    monkeypatch.setattr("nbcompare.case.regions.MOST_REGIONS", 2)
    assert len(rois_of(root("{a: full, b: full}"), SHAPE, {})) == 2
    assert refused(rois_of, root("{a: full, b: full, c: full}"), SHAPE, {}) == (
        "1:1: rois names 3 regions; a case has 2 at most")


def test_a_ring_is_cut_at_the_edges_of_the_image_and_reaches_round_its_outer_circle(root):
    """2 A lies at 5.53 pixels: from 4 - 5.53 to 4 + 5.53 along x, and from 3 - 5.53 along y."""
    assert rois_of(root(f"{{a: {RING}}}"), SHAPE, {})[0].bounds == (0, 8, 0, 6)
    wide = rois_of(root(f"{{a: {RING.replace('[4, 3]', '[20.2, 30.4]')}}}"), Shape(60, 50), {})[0]
    assert wide.bounds == (14, 26, 24, 36) and wide.ring[2] < 3.5 < 5.5 < wide.ring[3]
    near = rois_of(root(f"{{a: {RING.replace('[4, 3]', '[8, 7]')}}}"), Shape(slow=10, fast=12), {})[0]
    assert near.bounds == (2, 11, 1, 9)
    swapped = rois_of(root(f"{{a: {RING.replace('[3.0, 2.0]', '[2.0, 3.0]')}}}"), SHAPE, {})[0]
    assert swapped.ring == rois_of(root(f"{{a: {RING}}}"), SHAPE, {})[0].ring


@pytest.mark.parametrize(("corners", "bounds"), [([[2.6, 0], [3.4, 0], [3, 5]], (3, 3, 0, 5)),
                                                 ([[0, 2.6], [0, 3.4], [5, 3]], (0, 5, 3, 3)),
                                                 ([[2.6, 2.6], [3.4, 2.6], [3, 3.4]], (3, 3, 3, 3))])
def test_a_polygon_may_be_one_pixel_wide(root, corners, bounds):
    assert rois_of(root(json.dumps({"a": {"polygon": corners}})), SHAPE, {})[0].bounds == bounds


@pytest.mark.parametrize("spacings", ["[4, 4]", "[4, 0]", "[4, -1]", "[0, 0]"])
def test_a_described_ring_lies_between_two_spacings(root, spacings):
    text = f"{{a: {{resolution: {spacings}, described: g}}}}"
    assert refused(rois_of, root(text), SHAPE, {"g": Path("no")}) == (
        "1:5: region a: two spacings [dmax, dmin] that differ are needed, above 0")
    assert "no: cannot read" in refused(rois_of, root(text.replace(spacings, "[4, 1]")), SHAPE, {"g": Path("no")})


def test_weak_regions_are_those_that_are_named_or_all(root):
    rois = rois_of(root("{a: full, b: [0, 1, 0, 1]}"), SHAPE, {})
    assert weak_allowed_in(None, rois) is rois
    assert [roi.weak_allowed for roi in weak_allowed_in(root("{allowed: w}"), rois)] == ["w", "w"]
    assert [roi.weak_allowed for roi in weak_allowed_in(root("{allowed: w, rois: [b]}"), rois)] == [None, "w"]
    assert refused(weak_allowed_in, root("{allowed: w, rois: [c]}"), rois).startswith("1:21: unknown region 'c'; ")


# --- plans and lines --------------------------------------------------------------------------------------


@pytest.fixture
def plan(tmp_path):
    """The plan of two phases of one case, the second with these requirements."""
    (tmp_path / "x.yaml").write_text("")

    def call(requires, name="B", more=""):
        path = tmp_path / "phases.x.yaml"
        path.write_text(f"title: t\n{more}phases:\n"
                        "- {name: A, title: a, cases: [x.yaml], requires: {verdict: [PASS]}}\n"
                        f"- {{name: {name}, title: b, cases: [x.yaml], requires: {{{requires}}}}}\n")
        return load_phases(path)

    return call


def test_a_plan_is_read_in_its_order(plan, tmp_path):
    (tmp_path / "who").write_text("")
    found = plan("clean_tree: true, tests_green: true, same_commit: false, inputs: pinned, verdict: [PROVEN, PASS], "
                 "signed: [A], max_age_hours: 1.5, imported: accepted", more="signers: who\nprotected: [x.yaml]\n")
    second = found.phases[1]
    switches = ["tests_green", "inputs_pinned", "clean_tree"]
    assert second.requires == Requirements(tuple(switches), ("PROVEN", "PASS"), 1.5, ("A",), True)
    assert (found.names, found.phase("B"), found.phase("C")) == (["A", "B"], second, None)
    assert (found.signers, found.protected, found.title) == (tmp_path / "who", ("x.yaml",), "t")
    assert second.cases == (tmp_path / "x.yaml",) and are_frozen(found, second, second.requires)
    told = second.requires.as_dict()
    assert [name for name in told if told[name] is True] == switches and told["imported"] == "accepted"
    plain = found.phases[0].requires.as_dict()
    assert "inputs_pinned" not in plain and "imported" not in plain and plain["verdict"] == ["PASS"]
    assert plan("inputs: regenerated").phases[1].requires.switches == ("inputs_regenerated",)


@pytest.mark.parametrize(("requires", "name", "told"), [
    ("verdict: [PASS]", "A", "two phases are called 'A'"),
    ("verdict: [PASS]", "a b", "name must be letters, digits, '.', '_' and '-', found 'a b'"),
    ("verdict: [PASS]", "a" * 41, "name must be"), ("verdict: [PASS]", "a" * 40, None),
    ("max_age_hours: 0", "B", "max_age_hours must be above 0 and at most 87840 (ten years), found 0"),
    ("max_age_hours: 87840, tests_green: true", "B", None),
    ("max_age_hours: 87841", "B", "max_age_hours must be above 0 and"),
    ("imported: accepted", "B", "phase B requires nothing; such a gate could never be red"),
    ("tests_green: false", "B", "phase B requires nothing"),
    ("signed: [B]", "B", "phase B asks that 'B' be signed, which is no earlier phase; known: A"),
    ("tests_green: 1", "B", "tests_green must be true or false, found "),
    ("verdict: [FAIL]", "B", "unknown verdict 'FAIL'"), ("inputs: made", "B", "unknown word for inputs 'made'; "),
    ("verdict: [PASS], imported: taken", "B", "unknown word for imported 'taken'; ")])
def test_a_phase_that_could_never_be_red_or_is_mistyped_is_refused(plan, requires, name, told):
    if told is None:
        assert plan(requires, name).names[1] == name
    else:
        assert refused(plan, requires, name).partition(" ")[2].startswith(told)


def test_the_lines_of_a_case_are_those_of_its_name_and_thresholds(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(f"# first\n{SMALL_CASE}")
    found, case = lines_of(path), load_case(path)
    assert found.name == 2 and [found.of(threshold) for threshold in case.thresholds] == [10, 10, 11, 11]
    assert found.of(Threshold("rmse", "full", None, 1, "w")) == 2 and are_frozen(found)
    assert lines_of(None) == CaseLines() == lines_of(tmp_path / "gone.yaml") and CaseLines().name == 1
    path.write_text("title: t\n")
    assert lines_of(path) == CaseLines()
