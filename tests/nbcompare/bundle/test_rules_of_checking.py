"""The rules by which a bundle is checked, one by one and in memory: names, sums, figures, what became looser."""

import datetime
from dataclasses import replace
from types import SimpleNamespace as Things

import numpy as np
import pytest

from nbcompare.bundle.check import recheck
from nbcompare.bundle.check.dropped_requirements import dropped_requirements
from nbcompare.bundle.check.loosened import Loosened, loosened
from nbcompare.bundle.check.pairing import roles_from
from nbcompare.bundle.check.recheck import CHECKOUT, case_file_here
from nbcompare.bundle.check.recompute import OF_SCALE, RELATIVE, _same_numbers, agree, figure_faults
from nbcompare.bundle.fault import Fault
from nbcompare.bundle.lock import is_locked, lock
from nbcompare.bundle.manifest import inspect, read_manifest, read_manifest_lines, unsafe_name
from nbcompare.bundle.names import MANIFEST
from nbcompare.bundle.unpack import UnpackLimits, unpack
from nbcompare.case.claims import Claim
from nbcompare.case.further_subject import FurtherSubject
from nbcompare.case.masking import NO_MASKING, Masking
from nbcompare.case.threshold import Threshold
from nbcompare.compare.compare import compare_images
from nbcompare.compare.image import Roi, Shape
from nbcompare.compare.masks import MaskRules
from nbcompare.errors import EvidenceError

SHA = "ab" * 32


# --- names and manifests ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a", "a/b.txt", "a b", "...", "..a", "x" * 400, "/".join("abcdefghijkl"), "a/b:c"])
def test_a_plain_name_is_safe(name):
    assert unsafe_name(name) is None


@pytest.mark.parametrize(("name", "words"), [
    ("/a", "leaves the folder"), ("../a", "leaves the folder"), ("a/../b", "leaves the folder"),
    ("a//b", "leaves the folder"), ("a/", "leaves the folder"), ("", "leaves the folder"), ("./a", "leaves the folder"),
    ("a\\b", "another place"), ("c:a", "another place"), ("a\tb", "cannot be seen"), (" a", "cannot be seen"),
    ("a ", "cannot be seen"), ("a\u202e", "cannot be seen"), ("x" * 401, "longer or deeper"),
    ("/".join("abcdefghijklm"), "longer or deeper")])
def test_a_name_that_could_mean_another_place_is_not(name, words):
    assert words in unsafe_name(name)


def test_a_manifest_is_read_line_by_line():
    listed, faults = read_manifest_lines(f"{SHA}  a\n{SHA}  b c\n", "M")
    assert (listed, faults) == ({"a": SHA, "b c": SHA}, [])


@pytest.mark.parametrize(("text", "faults"), [
    (f"{SHA}  a", [Fault("malformed", "M", "the last line does not end")]),
    (f"{SHA}  a\n{SHA}  a\n", [Fault("malformed", "M", "line 2 lists a again")]),
    (f"{SHA} a\n", [Fault("malformed", "M", f"line 1 is no sum and name: {f'{SHA} a'!r}")]),
    (f"{SHA.upper()}  a\n", [Fault("malformed", "M", f"line 1 is no sum and name: {f'{SHA.upper()}  a'!r}")]),
    (f"{SHA}  a\n\n", [Fault("malformed", "M", "line 2 is no sum and name: ''")]),
    (f"{SHA}  ../a\n", [Fault("unsafe", "../a", "line 1 of M: the name leaves the folder or is not written plainly")])])
def test_each_fault_of_a_manifest_is_told_with_its_line(text, faults):
    assert read_manifest_lines(text, "M")[1] == faults


def test_a_manifest_that_is_not_there_is_empty_or_is_a_link_is_none(tmp_path):
    assert read_manifest(tmp_path) == (None, [Fault("unreadable", MANIFEST, "No such file or directory")])
    (tmp_path / MANIFEST).write_bytes(b"")
    assert read_manifest(tmp_path)[1] == [Fault("unreadable", MANIFEST, "it is empty")]
    (tmp_path / MANIFEST).write_bytes(b"a\xff")
    assert read_manifest(tmp_path)[1] == [Fault("unreadable", MANIFEST, "it is not UTF-8 text (byte 1)")]
    (tmp_path / MANIFEST).unlink()
    (tmp_path / MANIFEST).symlink_to("elsewhere")
    assert read_manifest(tmp_path)[1] == [Fault("unreadable", MANIFEST, "it is not an ordinary file")]


def test_files_are_held_against_the_manifest(tmp_path, monkeypatch):
    monkeypatch.setattr("nbcompare.bundle.manifest.REQUIRED_FILES", ("needed",))
    (tmp_path / "same").write_text("")
    (tmp_path / "other").write_text("x")
    (tmp_path / "more").write_text("x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "link").symlink_to("../same")
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    (tmp_path / MANIFEST).write_text("".join(f"{empty}  {name}\n" for name in ("same", "other", "lost", "full/link")))
    found = inspect(tmp_path)
    assert sorted((fault.kind, fault.file, fault.detail) for fault in found.faults) == [
        ("changed", "other", ""), ("missing", "lost", ""),
        ("missing", "needed", "every bundle has it, and the manifest does not list it"),
        ("unexpected", "empty", "an empty folder"), ("unexpected", "more", ""),
        ("unsafe", "full/link", "a link, not a file")]
    assert found.sums["same"] == empty and "full/link" not in found.sums
    assert found.doubtful == {"other", "lost", "needed", "empty", "more", "full/link"}


def test_a_folder_is_held_by_one_at_a_time(tmp_path):
    import os

    assert lock(tmp_path / "nowhere") is None
    handle = lock(tmp_path)
    assert is_locked(tmp_path) and lock(tmp_path) is None
    os.close(handle)
    assert is_locked(tmp_path) is False


# --- what strangers send ----------------------------------------------------------------------------------


def sent(tmp_path, *names, **limits):
    """Unpack a folder of files of three bytes under these names; the faults that were found."""
    for name in names:
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_text("abc")
    try:
        unpack(tmp_path / "in", tmp_path / "out", UnpackLimits(**limits))
    except EvidenceError as fault:
        return fault.faults
    return sorted(path.name for path in (tmp_path / "out").rglob("*") if path.is_file())


def test_as_many_files_and_bytes_are_let_in_as_the_limits_say(tmp_path):
    assert sent(tmp_path, "a", "b", files=2, total_bytes=6) == ["a", "b"]
    assert sent(tmp_path, "a", "b", files=1) == ("2 files, more than 1",) == tuple(sent(tmp_path, files=1))
    assert tuple(sent(tmp_path, total_bytes=5)) == ("6 bytes, more than 5",)


def test_names_that_differ_in_case_only_are_refused_and_twenty_faults_are_told(tmp_path):
    assert tuple(sent(tmp_path, "a", "A")) in (("'A': the same name as 'a', or differing only in case",),
                                               ("'a': the same name as 'A', or differing only in case",))
    for count, told in ((20, None), (23, "and 3 more")):
        home = tmp_path / str(count)
        home.mkdir()
        (home / "in").mkdir()
        for number in range(count):
            (home / "in" / f"{number:02}").symlink_to("nowhere")
        faults = sent(home)
        assert len(faults) == min(count, 20) + bool(told) and faults[-1] == (told or faults[-1])
        assert all(fault.endswith(": a link or a device") for fault in faults[:20])


# --- figures that come out again --------------------------------------------------------------------------


def test_figures_agree_within_the_rounding_of_sums():
    assert agree(1.0, 1.0 + 0.9 * RELATIVE) and not agree(1.0, 1.0 + 1.1 * RELATIVE)
    assert agree(0.0, 0.9 * OF_SCALE) and not agree(0.0, 1.1 * OF_SCALE)
    assert agree(0.0, 90 * OF_SCALE, 100.0) and not agree(0.0, 110 * OF_SCALE, 100.0)
    assert agree(None, None) and not agree(None, 0.0) and not agree(0.0, None)
    assert (RELATIVE, OF_SCALE) == (1e-9, 1e-12)


def test_plain_values_are_the_same_but_for_rounding():
    value = {"a": [1.0, {"b": 2.0}], "c": "x", "d": None}
    assert _same_numbers(value, {"a": [1.0 + 1e-10, {"b": 2.0}], "c": "x", "d": None}, 1.0)
    for other in ({"a": [1.1, {"b": 2.0}], "c": "x", "d": None}, {"a": [1.0, {"b": 2.1}], "c": "x", "d": None},
                  {"a": [1.0], "c": "x", "d": None}, {"a": [1.0, {"b": 2.0}], "c": "y", "d": None},
                  {"a": [1.0, {"b": 2.0}], "c": "x"}, [1.0], None, {**value, "e": 1}):
        assert not _same_numbers(value, other, 1.0)


IMAGE = np.arange(1, 31, dtype=np.float32).reshape(5, 6)
SAID = compare_images(IMAGE, IMAGE * np.float32(1.5), [Roi.full(Shape(5, 6)), Roi("part", 1, 3, 1, 2)])


def with_region(**changes):
    return replace(SAID, regions=(SAID.regions[0], replace(SAID.regions[1], **changes)))


def with_figure(name, **changes):
    return with_region(figures=tuple(replace(figure, **changes) if figure.metric == name else figure
                                     for figure in SAID.regions[1].figures))


@pytest.mark.parametrize(("said", "words"), [
    (SAID, None),
    (with_figure("sum_ratio", value=1.5 * (1 + 1e-10)), None),
    (with_figure("sum_ratio", value=1.5 * (1 + 1e-8)), "sum_ratio on part is 1.500000015 in the record, 1.5 from"),
    (with_figure("sum_ratio", value=None, undefined="x"), "sum_ratio on part is undefined in the record, 1.5 from"),
    (with_figure("sum_ratio", undefined="x"), "sum_ratio on part is 1.5 in the record"),
    (with_figure("sum_ratio", metric="nonsense"), "nonsense on part: this program knows no such metric"),
    (with_region(figures=SAID.regions[1].figures[1:]), "correlation on part is not in the record"),
    (with_region(reference_sum=1.0), "reference_sum on part is 1.0 in the record"),
    (with_region(subject_sum=1.0), "subject_sum on part"), (with_region(reference_max=1.0), "reference_max on part"),
    (with_region(subject_max=None), "subject_max on part is undefined in the record"),
    (with_region(worst=replace(SAID.regions[1].worst, x=2)), "the worst pixel of part is"),
    (with_region(roi=Roi("part", 1, 3, 1, 3)), "the regions compared are not those of the case"),
    (replace(SAID, shape=Shape(6, 5)), "the images are 6 x 5 pixels"),
    (replace(SAID, peaks=replace(SAID.peaks, unmatched=7)), "the table of peaks does not come out again"),
    (replace(SAID, notes=("x",)), "the notes of the comparison do not follow"),
    (replace(SAID, vacuous=("x",)), "the notes of the comparison do not follow")])
def test_each_number_of_a_record_that_does_not_come_out_again_is_told(said, words):
    faults = [fault.detail for fault in figure_faults(said, SAID)]
    assert not faults if words is None else any(fault.startswith(words) for fault in faults), faults


def test_a_weak_figure_in_photons_is_measured_by_the_brightest_pixel():
    """A difference of 1e-11 is rounding where the brightest pixel of the region is 16, and none in a figure of 1."""
    assert not list(figure_faults(with_figure("mse", value=SAID.regions[1].figure("mse").value + 1e-10), SAID))
    tiny = compare_images(IMAGE, IMAGE, [Roi.full(Shape(5, 6))])
    for metric, off, fault in (("rmse", 2.9e-11, False), ("rmse", 3.1e-11, True), ("mse", 8.9e-10, False),
                               ("mse", 9.1e-10, True), ("nrmse", 0.9e-12, False), ("nrmse", 1.1e-12, True)):
        figures = tuple(replace(figure, value=off) if figure.metric == metric else figure
                        for figure in tiny.regions[0].figures)
        said = replace(tiny, regions=(replace(tiny.regions[0], figures=figures),))
        assert bool(list(figure_faults(said, tiny))) is fault, (metric, off)


@pytest.mark.parametrize(("text", "roles"), [("subject", ("subject", "subject")),
                                             ("reference:subject", ("reference", "subject"))])
def test_roles_of_a_pair(text, roles):
    assert roles_from(text) == roles


# --- the case as it is now --------------------------------------------------------------------------------


def test_a_case_file_is_looked_for_here_then_in_cases_then_in_the_checkout(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert case_file_here(None) is None and case_file_here("nobody.yaml") is None
    assert case_file_here("supervisor.yaml").parent == CHECKOUT / "cases"
    (tmp_path / "cases").mkdir()
    for place in (tmp_path / "cases" / "supervisor.yaml", tmp_path / "supervisor.yaml"):
        place.write_text("")
        assert case_file_here("supervisor.yaml") == place


def test_a_long_value_is_shown_by_its_beginning():
    assert recheck._shown(("-a", "1")) == "'-a 1'" and recheck._shown(3) == "'3'"
    assert recheck._shown("x" * 80) == repr("x" * 80) and recheck._shown("x" * 81) == repr("x" * 77 + "...")


# --- what became looser -----------------------------------------------------------------------------------


def ratio(low, high, roi="full"):
    return Threshold("sum_ratio", roi, low, high, "because")


def claim(**changes):
    return replace(Claim("a", "t", "reference", ("-e",), (ratio(0.9, 1.1),), "excused", "r", "o",
                         datetime.date(2027, 1, 1)), **changes)


FULL = Roi("full", 0, 5, 0, 4)


def looser(old=(), new=(), rois=(FULL, FULL), claims=((), ())):
    past = Things(thresholds=old, rois=rois[:1], divergences=claims[0])
    return [entry.sentence for entry in loosened(past, "stamp 1", rois[1:], new, claims[1])]


@pytest.mark.parametrize(("old", "new", "is_looser"), [
    ((0.9, 1.1), (0.9, 1.1), False), ((0.9, 1.1), (0.95, 1.05), False), ((0.9, 1.1), (0.8, 1.1), True),
    ((0.9, 1.1), (0.9, 1.2), True), ((0.9, 1.1), (0.95, 1.2), True), ((0.9, None), (None, 1.1), True),
    ((None, 1.1), (0.9, 1.1), False), ((0.9, None), (0.9, 1.1), False)])
def test_a_threshold_is_looser_when_it_admits_more_on_either_side(old, new, is_looser):
    assert bool(looser([ratio(*old)], [ratio(*new)])) is is_looser


def test_what_became_looser_is_said_with_both_limits_and_why():
    assert looser([ratio(0.9, 1.1)], [ratio(0.8, 1.1)]) == [
        "sum_ratio on full: was 0.9 .. 1.1 (stamp 1), now 0.8 .. 1.1; why: because"]
    assert looser([ratio(0.9, 1.1)], [ratio(0.9, 1.1, "part")]) == [
        "sum_ratio on full: was 0.9 .. 1.1 (stamp 1), now not asked for at all"]
    moved = looser(rois=(FULL, replace(FULL, xmax=4)))
    assert moved[0].startswith("region full: was [0, 5, 0, 4] (stamp 1), now [0, 4, 0, 4]; why: a region was moved")
    assert looser(rois=(FULL, replace(FULL, name="other"))) == []
    assert Loosened("a", "b", None, None, "c").sentence == "a: was b (c), now not asked for at all"


def test_a_claim_that_excuses_more_or_longer_is_looser():
    assert looser(claims=((), (claim(),))) == [
        "claim a: was not made (stamp 1), now made, and may excuse a difference; why: excused"]
    assert looser(claims=((claim(),), (claim(),))) == [] == looser(claims=((claim(),), ()))
    later, sooner = claim(expires=datetime.date(2027, 1, 2)), claim(expires=datetime.date(2026, 12, 31))
    assert looser(claims=((claim(),), (later,))) == [
        "claim a: was until 2027-01-01 (stamp 1), now until 2027-01-02; why: excused"]
    assert looser(claims=((claim(),), (sooner,))) == []
    wide, part = claim(bounds=(ratio(0.9, 1.2),)), claim(bounds=(ratio(0.9, 1.1), ratio(0.9, 1.1, "part")))
    assert looser(claims=((claim(),), (wide,))) == [
        "claim a, sum_ratio on full: was 0.9 .. 1.1 (stamp 1), now 0.9 .. 1.2; why: excused"]
    assert looser(claims=((claim(),), (part,))) == [
        "claim a, sum_ratio on part: was not excused (stamp 1), now 0.9 .. 1.1; why: excused"]


# --- what is asked for no more ----------------------------------------------------------------------------


def less(old=(), new=()):
    def asks(changes):
        return Things(**{"masking": NO_MASKING, "nan": "fail", "subjects": {}, "tests": (), "repeat": 0, "threads": (),
                         "required_args": ()} | dict(changes))

    return [tuple(entry) for entry in dropped_requirements(asks(old), asks(new))]


HIDES = Masking(reference=MaskRules(above=900.0), subject=MaskRules(above=900.0, equals=(-1.0,)), file="gaps.cbf")


@pytest.mark.parametrize(("old", "new", "told"), [
    ({}, {"masking": HIDES},
     ("mask", "none", "reference above 900, subject above 900, subject equals -1, file gaps.cbf")),
    ({}, {"masking": Masking(*[MaskRules(below=0.5, equals=(1.0, 2.5), nan=True)] * 2)},
     ("mask", "none", "below 0.5, equals 1, 2.5, NaN")),
    ({}, {"nan": "compare"}, ("pixels that are no number", "a failure", "left out and counted")),
    ({"subjects": {"gpu": FurtherSubject(("-device", "cuda"))}}, {}, ("subject gpu", "-device cuda", None)),
    ({"subjects": {"old": FurtherSubject((), "a")}}, {"subjects": {"old": FurtherSubject(("-x",), "b")}},
     ("subject old", "engine a", "engine b -x")),
    ({"tests": ("t.py", "u.py")}, {"tests": ("u.py",)}, ("test t.py", "green first", None)),
    ({"repeat": 3}, {"repeat": 1}, ("repetitions of the reference", "3", "1")),
    ({"threads": (1, 4)}, {"threads": (4,)}, ("the reference with 1 threads", "run", None)),
    ({"required_args": ("-flux",)}, {}, ("-flux", "required to matter", None))])
def test_what_a_case_asks_for_no_more_is_told_and_what_it_asks_more_is_not(old, new, told):
    assert less(old, new) == [told] and less(old, old) == less(new, new) == []
    if "old" not in old.get("subjects", {}):
        assert less(new, old) == []


@pytest.mark.parametrize("key", ("emulate", "control", "control_of_both"))
def test_a_claim_with_another_control_or_emulation_is_told(key):
    said = looser(claims=((claim(**{key: ("-a", "1")}),), (claim(**{key: ("-b",)}),)))
    assert said == [f"claim a, {key}: was -a 1 (stamp 1), now -b; why: excused"]
