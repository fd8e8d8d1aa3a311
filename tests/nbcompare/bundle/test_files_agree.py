"""Each file of a bundle against its record, in the words that are told: texts, summary, pictures, logs and the case."""

import json
from dataclasses import replace

import numpy as np
import pytest

from nbcompare.bundle.bundle import load_bundle
from nbcompare.bundle.check.agreement import agreement_faults
from nbcompare.bundle.check.evidence_again import further_again, further_faults
from nbcompare.bundle.check.recompute import figure_faults
from nbcompare.bundle.fault import Fault, in_order
from nbcompare.bundle.manifest import Inspection, inspect, read_text, record_sum
from nbcompare.bundle.names import image_name
from nbcompare.bundle.record import Ancestor, ContentSums, ImageFacts, Record, Surroundings
from nbcompare.bundle.record import TestsOutcome as Outcome
from nbcompare.bundle.schema import schema_faults
from nbcompare.bundle.summary import summary
from nbcompare.bundle.text_files import summary_of, texts_of
from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.compare.compare import compare_images
from nbcompare.compare.image import Roi, Shape
from nbcompare.compare.picture_settings import UNLESS_PASSED
from nbcompare.compare.pictures import METHODS, Scale
from nbcompare.engine.sources.made_of import SourceFile
from nbcompare.engine.sources.opened import OpenedFiles
from nbcompare.errors import EvidenceError, FileError
from nbcompare.files import dump_json
from nbcompare.verdict.subjects import SubjectRun
from tests.nbcompare.bundle.test_record_agrees import OLD, RICH


@pytest.fixture
def faults(store):
    """The disagreements of the bundle that passed, its record as it is but for some changes."""
    record = load_bundle(store.passed).record

    def call(**changes):
        found = agreement_faults(store.passed, replace(record, **changes), Inspection(inspect(store.passed).sums, []))
        return [str(fault).removeprefix("disagrees: ") for fault in found]

    call.record, call.folder = record, store.passed
    return call


def put(folder, name, content):
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    if path.exists():
        path.chmod(0o644)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


# --- texts -------------------------------------------------------------------------------------------------------


def test_the_first_line_of_a_text_that_is_another_is_told_with_what_it_should_be(faults):
    name = "notes/template_command.txt"
    good = (faults.folder / name).read_text()
    first, second, *_ = good.splitlines()
    behind = len(good.splitlines()) + 1
    for text, words in ((good.replace(first, "x", 1), f"line 1 says 'x'; by the record it is {first!r}"),
                        (good.replace(second, "y" * 120, 1),
                         f"line 2 says {'y' * 100!r}; by the record it is {second[:100]!r}"),
                        (good + "more\n", f"line {behind} says 'more'; by the record it is 'nothing'"),
                        ("", f"line 1 says 'nothing'; by the record it is {first!r}"),
                        (good[:-1], f"line {behind} says 'nothing'; by the record it is 'nothing'")):
        put(faults.folder, name, text)
        assert faults() == [f"{name} ({words})"]
    put(faults.folder, name, good.encode() + b"\xff" + b"z" * 10_000)
    assert faults()[0].startswith(f"{name} (line {behind} says '\ufffd{'z' * 99}'")
    (faults.folder / name).unlink()
    assert faults() == []


@pytest.mark.parametrize("percent", [0.001, 50, 100, 100.0])
def test_a_summary_may_tell_any_way_and_percentile_of_brightness(faults, percent):
    for method in METHODS:
        scale = Scale(method, percent, 0.0, 0.0)
        put(faults.folder, "results/summary.json", dump_json(summary_of(faults.record, scale)))
        assert faults() == []


@pytest.mark.parametrize("percent", [0, -1, 100.001, None, "50", True])
def test_a_summary_of_no_percentile_or_of_another_value_is_told_by_its_keys(faults, percent):
    good = summary_of(faults.record, Scale(METHODS[0], 99.0, 0.0, 0.0))

    def told(value):
        put(faults.folder, "results/summary.json", value if isinstance(value, str) else dump_json(value))
        (found,) = faults()
        return found.removeprefix("results/summary.json (").removesuffix(")")

    if percent is not True:  # a number to Python, and 1 % to whoever drew
        assert told({**good, "png_scale_percentile": percent}) == "by the record it differs in png_scale_percentile"
    assert told({**good, "sum_c": 1, "mse": 2}) == "by the record it differs in mse, sum_c"
    assert told({**good, "more": 1}) == "by the record it differs in more"
    assert told({key: value for key, value in good.items() if key != "roi"}) == "by the record it differs in roi"
    assert told(json.dumps(good)) == "by the record it differs in how it is written"
    assert told("[]\n") == "by the record it differs in how it is written"
    assert told("{").startswith("malformed: results/summary.json (not JSON as nb-compare writes it: Expecting")


def test_without_pictures_a_summary_tells_of_no_brightness(faults):
    quiet = replace(faults.record, pictures=UNLESS_PASSED)
    put(faults.folder, "results/summary.json", dump_json(summary_of(quiet, None)))
    assert "by the record it differs in png_scale_method, png_scale_percentile" in faults()[0]
    told = [fault for fault in faults(pictures=UNLESS_PASSED) if "summary" in fault]
    assert told == []


def test_pictures_have_to_be_there_and_to_be_pictures(faults):
    for name in ("c", "py", "diff"):
        path = faults.folder / f"results/{name}.png"
        good = path.read_bytes()
        put(faults.folder, f"results/{name}.png", good[:7])
        assert faults() == [f"results/{name}.png (it is no PNG image)"]
        path.unlink()
        assert faults() == [f"missing: results/{name}.png (the images were compared, so they were drawn)"]
        put(faults.folder, f"results/{name}.png", good)
    put(faults.folder, "results/region_2_middle.png", b"GIF89a..")
    assert faults() == ["results/region_2_middle.png (it is no PNG image)"]
    (faults.folder / "results/region_2_middle.png").unlink()
    assert faults() == []


# --- logs and the case -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("log", "words"), [
    ("3 passed in 1 s", None), ("13 passed", None),
    ("no tests", "it does not hold the summary of the record: '3 passed'"),
    ("3 passed_", "the record says the tests passed, and here none did"),
    ("x3 passed", "the record says the tests passed, and here none did")])
def test_a_log_has_to_hold_what_the_record_says_of_it(faults, log, words):
    said = {"cpu": Outcome(("t.py",), 0, "3 passed", None)}
    case = replace(faults.record.case, tests=("t.py",))
    put(faults.folder, "tests/pytest_cpu.log", log + "\n")
    told = [fault for fault in faults(tests=said, case=case) if fault.startswith("tests/")]
    assert told[:1] == ([f"tests/pytest_cpu.log ({words})"] if words else [])
    failed = {"cpu": replace(said["cpu"], failure="exit code 1")}
    none = {"cpu": replace(said["cpu"], nodes=())}
    if words and "none did" in words:
        assert not [fault for changed in (failed, none) for fault in faults(tests=changed)
                    if fault.startswith("tests/")]
    (faults.folder / "tests/pytest_cpu.log").unlink()
    assert not [fault for fault in faults(tests=said, case=case) if fault.startswith("tests/")]


def test_the_case_that_was_kept_has_to_ask_for_what_the_record_says(faults):
    said = faults.record.case
    for key, value in (("title", "x"), ("command", ("-a",)), ("repeat", 1), ("thresholds", said.thresholds[1:]),
                       ("rois", said.rois[1:]), ("tests", ("t",)), ("environment", {"A": "b"}), ("nan", "compare"),
                       ("rois", (replace(said.rois[0], xmax=3), said.rois[1]))):
        assert f"record.json (case.{key} is not what inputs/case.yaml says)" in faults(
            case=replace(said, **{key: value})), key
    for key in ("reference_args", "subject_args"):
        told = "record.json (case.{} is not what inputs/case.yaml says)".format
        assert told(key) not in faults(case=replace(said, **{key: ("-own",)})), "the command line may add to it"
    weak = tuple(replace(roi, weak_allowed="said on the command line") for roi in said.rois)
    assert faults(case=replace(said, rois=weak)) == []
    assert faults(case=replace(said, file="elsewhere.yaml")) == []
    (faults.folder / "inputs/case.yaml").unlink()
    assert faults() == ["missing: inputs/case.yaml (the record says it was small.yaml)"]


def test_a_folder_of_another_stamp_is_told_and_one_of_another_name_is_none(store, faults):
    other = store.passed.rename(store.passed.parent / "20200101T000000Z")
    found = agreement_faults(other, faults.record, Inspection(inspect(other).sums, []))
    assert [fault.detail for fault in found] == [
        f"the folder is called 20200101T000000Z, the record says {faults.record.stamp}"]
    later = other.rename(other.parent / "29990101T000000Z")
    assert len(agreement_faults(later, faults.record, Inspection(inspect(later).sums, []))) == 1
    named = later.rename(later.parent / "evidence")
    assert agreement_faults(named, faults.record, Inspection(inspect(named).sums, [])) == []


# --- the forms ---------------------------------------------------------------------------------------------------


def test_faults_are_told_once_by_kind_and_then_by_file():
    some = [Fault("disagrees", "a"), Fault("changed", "b"), Fault("missing", "z", "x"), Fault("missing", "c"),
            Fault("changed", "b"), Fault("unreadable", "q")]
    assert list(map(str, in_order(some))) == ["unreadable: q", "missing: c", "missing: z (x)", "changed: b",
                                              "disagrees: a"]
    assert some[2].as_dict() == {"kind": "missing", "file": "z", "detail": "x"}
    assert str(Fault("missing", "a\nb\x1b")) == "missing: a\\nb\\x1b"


def test_a_text_is_read_to_its_limit_and_no_further(tmp_path, monkeypatch):
    monkeypatch.setattr("nbcompare.bundle.manifest.MAX_TEXT_BYTES", 2 << 20)
    (tmp_path / "a").write_bytes(b"x" * (2 << 20))
    assert len(read_text(tmp_path / "a")) == 2 << 20
    (tmp_path / "a").write_bytes(b"x" * ((2 << 20) + 1))
    with pytest.raises(FileError, match="^it is larger than 2 MiB$"):
        read_text(tmp_path / "a")
    (tmp_path / "manifest-sha256.txt").write_text(f"{'a' * 64}  more-record.json\n{'b' * 64}  record.json\n")
    assert record_sum(tmp_path)[1] == "b" * 64
    (tmp_path / "manifest-sha256.txt").write_text("x\n")
    assert record_sum(tmp_path)[1] == ""


def test_what_cannot_be_read_of_a_folder_is_a_fault_of_its_own(tmp_path, monkeypatch):
    """As a folder without permissions is to everybody but root: here the walk says so."""
    (tmp_path / "manifest-sha256.txt").write_text(f"{'a' * 64}  x\n")
    (tmp_path / "x").write_text("")
    (tmp_path / "inputs/data").mkdir(parents=True)

    def walk(top, onerror):
        onerror(PermissionError(13, "Permission denied", str(tmp_path / "deep/er")))
        yield str(tmp_path), ["inputs"], ["x"]

    monkeypatch.setattr("nbcompare.bundle.manifest.os.walk", walk)

    def unread(path):
        raise FileError("cannot read")

    monkeypatch.setattr("nbcompare.bundle.manifest.sha256_of", unread)
    told = [str(fault) for fault in inspect(tmp_path).faults]
    assert "unreadable: deep/er (Permission denied)" in told and "unreadable: x (cannot read)" in told


def test_parts_of_a_record_say_what_they_are():
    none, red = Outcome((), None, "none", None), Outcome(("t",), 1, "1 failed", "exit code 1", "E", ("E  no",))
    assert none.reasons == [] and red.reasons == ["the mapped tests failed: exit code 1", "E  no"]
    assert none.as_dict() == {"nodes": [], "exit_code": None, "summary": "none", "failure": None, "error_line": None}
    whole = replace(red, on_device=2, files=(("a", "b"),), python_sha256="c", taken_from="d", opened=OpenedFiles())
    for outcome in (none, red, whole):
        assert Outcome.from_dict(json.loads(json.dumps(outcome.as_dict()))) == outcome
    assert set(whole.as_dict()) - set(red.as_dict()) == {"on_device", "files", "python_sha256", "taken_from", "opened"}
    around = Surroundings({"reference": ("A", "B")}, {"PATH": "x"})
    assert Surroundings.from_dict(json.loads(json.dumps(around.as_dict()))) == around
    assert Ancestor("a", "b", "c").name == "a/b" and len(vars(ContentSums("a", "b", "c", None, "e"))) == 5
    more = replace(OLD, regenerates=Ancestor("a", "b", "c"), reference_from=Ancestor("d", "e", "f"), notes=("n",),
                   uncompared=True, surroundings=around, repositories={}, comparison=None,
                   images={REFERENCE: ImageFacts("f", "raw", "<f4", {"x": 1.0})})
    for record in (OLD, more):
        assert Record.from_dict(json.loads(json.dumps(record.as_dict()))) == record
    assert set(more.as_dict()) - set(OLD.as_dict()) == {"regenerates", "reference_from", "repositories", "surroundings",
                                                        "notes", "uncompared", "images"}
    assert more.as_dict()["notes"] == ["n"] and OLD.run_of("nobody") is None
    assert OLD.engine_of(SUBJECT) is OLD.engines[1]
    assert [(engine.role, words[-1]) for engine, words in RICH.programs] == [
        (REFERENCE, "2"), (SUBJECT, "-own"), ("subject old", "-fast")]


@pytest.mark.parametrize(("change", "error", "words"), [
    ({"kind": "x"}, ValueError, "it is not of the kind 'nb-compare bundle'"),
    ({"schema_version": 2}, EvidenceError, "the record has schema_version 2; this program reads 1"),
    ({"pictures": "\u200b"}, ValueError, "holds a character that cannot be seen")])
def test_a_record_of_another_kind_is_refused(change, error, words):
    with pytest.raises(error, match=words):
        Record.from_dict({**OLD.as_dict(), **change})
    if "pictures" in change:
        assert Record.from_dict({**OLD.as_dict(), **change}, seen=True).pictures == "\u200b"


def test_faults_of_form_are_told_by_place_and_cut_where_they_are_long():
    stored = OLD.as_dict()
    assert schema_faults(stored) == []
    stored["runs"][1]["role"] = "x" * 500
    stored["case"]["repeat"] = -1
    first, second = schema_faults(stored)
    assert first.startswith("case.repeat: ") and second.startswith("runs[1].role: ") and second.endswith("...")
    assert len(second) == len("runs[1].role: ") + 203
    assert schema_faults(1)[0].startswith("the record: 1 is not of type")


def test_a_summary_without_further_evidence_is_that_of_none():
    given = summary((), OLD.runs, {}, OLD.comparison, OLD.verdict, None)
    assert given["vacuous"] == [] and given["proof"] == [] and given["runtime_c_ms"] == 1000 * OLD.runs[0].seconds
    only = summary((), OLD.runs[:1], {}, None, OLD.verdict, None)
    assert only["runtime_py_ms"] is None and only["runtime_c_ms"] is not None
    assert texts_of(OLD, {})["inputs/file_sizes.txt"].count("\n") == 2


# --- figures -----------------------------------------------------------------------------------------------------


def test_what_is_equal_need_not_be_the_same_and_what_is_left_out_counts():
    """Weak regions, left-out pixels and figures of wrong images of a comparison that is made twice."""
    rng = np.random.default_rng(5)
    image = rng.random((20, 30)).astype("<f4") + 1
    image[:10] *= 1e-9
    masked = np.ma.MaskedArray(image * np.float32(1.01), image > 1.99)
    rois = [Roi.full(Shape(20, 30)), Roi("weak", 0, 29, 0, 9)]

    def made():
        return compare_images(image.copy(), masked.copy(), rois, further=[("nrmse", "full")])

    said, found = made(), made()
    assert list(figure_faults(said, found)) == [] and said.regions[0].left_out and said.regions[1].weak
    weak = replace(said, regions=(said.regions[0], replace(said.regions[1], weak=None)))
    assert [fault.detail for fault in figure_faults(weak, found)] == [
        "what the weak region weak holds does not come out again"]
    gone = replace(said, regions=(replace(said.regions[0], left_out=None), said.regions[1]))
    assert [fault.detail for fault in figure_faults(gone, found)] == [
        "what the subject leaves out of full does not come out again"]
    less = tuple(figure for figure in said.regions[0].figures if figure.metric not in ("nrmse", "mse"))
    assert [fault.detail for fault in figure_faults(replace(said, regions=(replace(
        said.regions[0], figures=less), said.regions[1])), found)] == ["mse on full is not in the record",
                                                                      "nrmse on full is not in the record"]


def test_who_was_seen_to_compute_is_asked_anew_of_what_was_opened(tmp_path):
    """Of a subject whose image is nearly the reference's; what nobody watched, or that read the reference, copies."""
    images = {REFERENCE: np.full((20, 10), 2, "<f4"), SUBJECT: np.full((20, 10), 2, "<f4")}
    images[SUBJECT][3, 4] = np.nextafter(np.float32(2), np.float32(3))
    base = replace(OLD, further=replace(OLD.further, proof=None, computed=(SUBJECT, "nobody")))

    theirs = tmp_path / "nanoBragg"
    theirs.write_text("the reference's own program\n")
    reference = replace(OLD.engines[0], started_as=(str(theirs),))

    def again(opened):
        record = replace(base, engines=(reference, replace(OLD.engines[1], opened=opened)))
        found = further_again(None, record, images, (), ())
        return found.computed, len(found.vacuous)

    assert again(OpenedFiles()) == ((SUBJECT,), 0)
    assert again(None) == again(OpenedFiles(unwatched="no")) == again(OpenedFiles(unseen=("x",))) == ((), 1)
    assert again(OpenedFiles((SourceFile("nanoBragg", str(theirs), "0" * 64),))) == ((), 1)


def test_an_image_of_another_shape_is_held_against_nothing(tmp_path):
    """Where nobody allowed to resample it: a repetition or a trial of such a shape has no figures."""
    import hashlib

    large = np.ones((8, 9), "<f4")
    (tmp_path / "noise").mkdir()
    (tmp_path / "noise/repeat-1_float.bin").write_bytes(large.tobytes())
    run = replace(OLD.runs[0], shape=Shape(8, 9), image_sha256=hashlib.sha256(large.tobytes()).hexdigest())
    noise = replace(RICH.further.noise, repetitions=(replace(RICH.further.noise.repetitions[0], run=run),))
    record = replace(OLD, resample=True, further=replace(OLD.further, proof=None, noise=noise))
    images = {REFERENCE: np.ones((7, 9), "<f4"), SUBJECT: np.ones((7, 9), "<f4")}
    assert further_again(tmp_path, record, images, OLD.case.rois, ()).noise.repetitions[0].comparison is None


def test_further_subjects_of_the_reference_itself_have_to_say_so():
    """An engine of another name that is the reference's program with its arguments."""
    ours = replace(RICH.engines[0], name="old")
    same = replace(RICH.further.subjects[1], engine=ours, run=replace(RICH.runs[0]))
    further = replace(RICH.further, subjects=(RICH.further.subjects[0], same))
    told = "what it says of engines compared with themselves does not follow from them"

    def faults(found):
        told = further_faults(replace(RICH, further=found), {})
        return [fault.detail for fault in told if fault.file == "record.json"]

    assert told in faults(further)
    said = ("subject old: reference and subject are the same program (sha256 "
            f"{ours.program_sha256[:12]}) with the same arguments: it was compared with itself")
    assert told not in faults(replace(further, vacuous=(said,)))
    assert isinstance(same, SubjectRun) and image_name(REFERENCE).startswith("inputs/")
