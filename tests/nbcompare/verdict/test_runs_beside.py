"""Further runs beside the plain pair, in memory: the reference once more, the subject elsewhere, other subjects, and
images that may be copies. What is run with which words, what is compared, and what it does to the verdict."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace as Things

import numpy as np
import pytest

from nbcompare.case.further_subject import FurtherSubject
from nbcompare.case.threshold import Threshold
from nbcompare.compare.compare import compare_images
from nbcompare.compare.image import Roi, Shape
from nbcompare.engine.engine import Engine, Rendering, Run
from nbcompare.engine.failure import Failure
from nbcompare.engine.identity import EngineIdentity
from nbcompare.engine.rendering.runs import Job
from nbcompare.engine.sources.made_of import MadeOf, SourceFile
from nbcompare.engine.sources.opened import OpenedFiles
from nbcompare.errors import ExitCode
from nbcompare.verdict.copies import answered, not_seen, reads_reference
from nbcompare.verdict.held_run import ComparisonTerms, HeldRun, held_parts, run_held
from nbcompare.verdict.noise_floor import measure
from nbcompare.verdict.on_device import DeviceRun, run_on_device, with_device
from nbcompare.verdict.subjects import (
    SubjectRun,
    copied,
    run_subjects,
    same_as_reference,
    subject_lines,
    with_subjects,
)
from nbcompare.verdict.verdict import Label, verdict
from tests.nbcompare.frozen import are_frozen

SHAPE = Shape(10, 12)
ROIS = (Roi.full(SHAPE),)
IMAGE = np.random.default_rng(5).exponential(size=(10, 12)).astype("f4") + 1
STRICT = (Threshold("sum_ratio", "full", 0.99, 1.01, "same"), Threshold("max_ulps", "full", None, 1e5, "same"))
JOB = Job(Engine("subject", "port", ("port",), "test"), ("-a", "1"), SHAPE, 1.0, Path("inputs"))


class Renders:
    """A way to run jobs again: an image for each name of files, and what was asked."""

    def __init__(self, **images):
        self.images, self.asked = images, []

    def __call__(self, job, files, environment):
        self.asked.append((job.arguments, job.purpose, files, dict(environment)))
        image = self.images[files.rpartition("/")[2].replace("-", "_")]
        return Rendering(run_of(image, job.engine.role), image)


def run_of(image, role="subject", argv=("port", "-a", "1")):
    failure = Failure("exit-code", "ended with exit code 3") if image is None else None
    return Run(role, argv, SHAPE, 0, 0.1, failure, None if image is None else str(hash(image.tobytes())))


def comparison_of(subject):
    return compare_images(IMAGE, subject, ROIS, further=[(t.metric, t.roi) for t in STRICT], with_peaks=False)


# --- the reference once more ------------------------------------------------------------------------------


def test_the_reference_is_run_again_as_often_as_is_asked_and_held_against_its_first_image():
    """What has the same sum is compared as the first image itself; figures that thresholds ask for are taken."""
    other = IMAGE * np.float32(1.5)
    renders = Renders(repeat_1=IMAGE, repeat_2=other, threads_4=None)
    found = measure(IMAGE, run_of(IMAGE), JOB, renders, ROIS, STRICT, repeat=2, threads=(4,), skip_nonfinite=False)
    assert renders.asked == [(("-a", "1"), "repeat-1", "noise/repeat-1", {}),
                             (("-a", "1"), "repeat-2", "noise/repeat-2", {}),
                             (("-a", "1"), "threads-4", "noise/threads-4", {"OMP_NUM_THREADS": "4"})]
    assert [(one.name, one.environment, one.same_bytes) for one in found.repetitions] == [
        ("repeat-1", {}, True), ("repeat-2", {}, False), ("threads-4", {"OMP_NUM_THREADS": "4"}, False)]
    first, second, third = (one.comparison for one in found.repetitions)
    assert third is None and first.figure("identity", "full").value is None
    assert [one.figure("sum_ratio", "full").value for one in (first, second)] == [1, pytest.approx(1.5)]
    assert first.figure("max_ulps", "full").value == 0 and second.figure("max_ulps", "full").value > 1e5
    assert [one.comparison for one in found.without_figures.repetitions] == [None] * 3
    assert [one.run for one in found.without_figures.repetitions] == [one.run for one in found.repetitions]
    assert not found.deterministic and found.repetitions[2].files == "noise/threads-4"
    assert are_frozen(found, first, found.repetitions[0])


def test_pixels_that_are_no_number_are_left_out_of_the_noise_where_the_case_lets_them_through():
    holes = IMAGE.copy()
    holes[0, 0] = np.nan
    for skip in (False, True):
        found = measure(holes, run_of(holes), JOB, Renders(repeat_1=holes), ROIS, STRICT, repeat=1, threads=(),
                        skip_nonfinite=skip)
        value = found.repetitions[0].comparison.figure("sum_ratio", "full").value
        assert (value == 1) is skip


# --- the subject held against the reference ---------------------------------------------------------------


def test_a_further_run_is_held_against_the_reference_as_the_case_says():
    against = ComparisonTerms(IMAGE, ROIS, STRICT)
    assert are_frozen(against, HeldRun(*held(IMAGE)), DeviceRun(*held(IMAGE), "cuda"), subject(IMAGE))
    renders = Renders(x=IMAGE)
    run, comparison, image = run_held(JOB, "a/x", renders, against)
    assert renders.asked == [(("-a", "1"), "", "a/x", {})] and image is IMAGE and run.image_sha256
    assert comparison.figure("max_ulps", "full").value == 0
    run, comparison, image = run_held(JOB, "a/x", Renders(x=None), against)
    assert (comparison, image) == (None, None) and run.failure
    wide = np.ones((10, 24), "f4") * np.arange(1, 25, dtype="f4")
    assert run_held(JOB, "a/x", Renders(x=wide), against)[1] is None
    assert run_held(JOB, "a/x", Renders(x=wide), replace(against, resample=True))[1] is not None
    holes = IMAGE.copy()
    holes[0, 0] = np.nan
    for skip, terms in ((False, against), (True, replace(against, skip_nonfinite=True))):
        found = run_held(JOB, "a/x", Renders(x=holes), terms)[1]
        assert (found.figure("sum_ratio", "full").value is not None) is skip


def held(image, comparison=True):
    """A run with its comparison, or without one."""
    return run_of(image), comparison_of(image) if comparison and image is not None else None


def test_what_is_outside_failed_or_of_another_shape_is_a_fault_of_a_further_run():
    assert HeldRun(*held(IMAGE)).faults(STRICT) == []
    assert HeldRun(*held(None)).faults(STRICT) == ["the subject ended with exit code 3"]
    assert HeldRun(*held(IMAGE, False)).faults(STRICT) == ["the subject's image there has another shape"]
    off, = HeldRun(*held(IMAGE * np.float32(1.02))).faults(STRICT[:1])
    assert off.startswith("sum_ratio on full: 1.0") and off.endswith(", allowed 0.99 .. 1.01")
    for parts in (held(IMAGE), held(None)):
        assert held_parts(json.loads(json.dumps(HeldRun(*parts)._as_dict()))) == parts


def test_a_device_is_one_option_more_and_its_image_decides_as_the_cpus_does():
    renders = Renders(cuda=IMAGE)
    found = run_on_device("cuda", JOB, renders, ComparisonTerms(IMAGE, ROIS, STRICT))
    assert renders.asked == [(("-a", "1", "-device", "cuda"), "on cuda", "device/cuda", {})]
    assert (found.device, found.files) == ("cuda", "device/cuda") and found.faults(STRICT) == []
    assert found.sentence(STRICT) == "on cuda: every threshold holds for the subject"
    assert DeviceRun.from_dict(json.loads(json.dumps(found.as_dict()))) == found
    off, failed, wide = (DeviceRun(*parts, "cuda") for parts in (held(IMAGE * 2), held(None), held(IMAGE, False)))
    assert failed.sentence(STRICT) == "on cuda: the subject ended with exit code 3"
    assert off.sentence(STRICT) == "on cuda: " + "; ".join(off.faults(STRICT)) and len(off.faults(STRICT)) == 2
    passed, proven = verdict(Label.PASS, (), "c"), verdict(Label.PROVEN)
    for plain, device in ((passed, None), (passed, found), (passed, failed), (proven, off)):
        assert with_device(plain, device, STRICT) is plain
    told = with_device(passed, off, STRICT)
    assert (told.word, told.checks) == (Label.FAIL, ("c",))
    assert told.reasons == tuple(f"on cuda: {fault}" for fault in off.faults(STRICT))
    assert with_device(passed, wide, STRICT).reasons == ("on cuda: the subject's image there has another shape",)


# --- further subjects -------------------------------------------------------------------------------------


def identity(role, program="0" * 64, **changes):
    return EngineIdentity(**{"role": role, "name": role, "chosen_by": "--x", "started_as": (role,),
                             "program_sha256": program, "program_bytes": 1, "version": "1", "libraries": ()} | changes)


REFERENCE, SUBJECT, OLDER = identity("reference", "1" * 64), identity("subject", "2" * 64), identity("older", "3" * 64)
STORED = Things(stored="an image")


def subject(image, name="f64", engine=None, **more):
    return SubjectRun(*held(image, **more), name, ("-dtype", "float64"), engine)


def test_further_subjects_are_the_subject_with_more_words_or_another_engine():
    own = replace(JOB, engine=Engine("subject", "older", ("older",), "case"), arguments=("-b",))
    renders = Renders(f64=IMAGE, old=None)
    asked = {"f64": FurtherSubject(("-dtype", "float64")), "old": FurtherSubject(("-b",), "older")}
    found = list(run_subjects(asked, JOB, {"old": (own, OLDER)}, renders, ComparisonTerms(IMAGE, ROIS, STRICT),
                              [REFERENCE, SUBJECT]))
    assert renders.asked == [(("-a", "1", "-dtype", "float64"), "f64", "subjects/f64", {}),
                             (("-b",), "old", "subjects/old", {})]
    (first, said), (second, other) = found
    assert (first.name, first.words, first.engine, said) == ("f64", ("-dtype", "float64"), None, None)
    assert (second.name, second.words, second.engine, other) == ("old", ("-b",), OLDER, None)
    assert first.comparison.figure("max_ulps", "full").value == 0 and second.comparison is None
    assert second.described == "older -b" and first.described == "-dtype float64"


def test_the_word_and_the_checks_of_a_further_subject():
    good, off, failed, wide = subject(IMAGE), subject(IMAGE * 2), subject(None), subject(IMAGE, comparison=False)
    assert [entry.word(STRICT) for entry in (good, off, failed, wide)] == [
        Label.PASS, Label.FAIL, Label.ENGINE_FAILED, Label.NOT_COMPARABLE]
    assert [check.holds for check in off.checks(STRICT)] == [False, False] and failed.checks(STRICT) == ()
    assert list(subject_lines([good, off], STRICT)) == [
        "f64 (-dtype float64): every threshold holds", f"f64 (-dtype float64): {'; '.join(off.faults(STRICT))}"]


def test_a_case_passes_when_all_its_subjects_do():
    good, off, failed, wide = subject(IMAGE), subject(IMAGE * 2, "off"), subject(None, "lost"), subject(
        IMAGE, "wide", comparison=False)
    passed, proven, blocked = verdict(Label.PASS, (), "c"), verdict(Label.PROVEN, (), "c"), verdict(Label.BLOCKED)
    assert with_subjects(passed, [good], STRICT) is passed and with_subjects(blocked, [off], STRICT) is blocked
    for plain in (passed, proven):
        found = with_subjects(plain, [good, off, wide], STRICT)
        assert (found.word, found.checks) == (Label.FAIL, ("c",))
        assert found.reasons == (*(f"subject off: {fault}" for fault in off.faults(STRICT)),
                                 "subject wide: the subject's image there has another shape")
    for plain in (passed, blocked):
        found = with_subjects(plain, [off, failed], STRICT)
        assert (found.exit_code, found.reasons) == (ExitCode.ENGINE_FAILED, ("subject lost: ended with exit code 3",))


def test_a_copy_that_was_touched_up_is_told_of_every_further_subject():
    near = IMAGE.copy()
    near[3, 3] = np.nextafter(near[3, 3], np.float32(9))
    entry, other = subject(near), subject(near, "old", OLDER)
    engines = [REFERENCE, SUBJECT]
    words = "the images of two programs are bit-identical but for 1 of 120 pixels"
    assert copied(entry, engines, IMAGE, near).startswith(f"subject f64: {words}")
    assert copied(other, engines, IMAGE, near).startswith(f"subject old: {words}")
    assert copied(entry, engines, IMAGE, None) is None and copied(entry, engines, IMAGE, IMAGE) is None
    same = replace(OLDER, program_sha256=REFERENCE.program_sha256)
    assert copied(subject(near, "old", same), engines, IMAGE, near) is None, "one program may differ so from itself"
    stored = replace(REFERENCE, adapter=STORED)
    assert copied(entry, [stored, SUBJECT], IMAGE, near) is None
    assert copied(subject(near, "old", replace(OLDER, adapter=STORED)), engines, IMAGE, near) is None


def test_a_subject_that_is_the_reference_under_another_name_shows_nothing():
    run = run_of(IMAGE, "reference", ("reference", "-a"))

    def told(engine, argv):
        entry = replace(subject(IMAGE, "old", engine), run=run_of(IMAGE, argv=argv))
        return same_as_reference(REFERENCE, run, [subject(IMAGE), entry])

    same = replace(OLDER, program_sha256=REFERENCE.program_sha256)
    assert told(same, ("older", "-a")) == [
        "subject old: reference and subject are the same program (sha256 111111111111) with the same arguments: it was "
        "compared with itself"]
    assert told(same, ("older", "-b")) == told(OLDER, ("older", "-a")) == []
    stored = replace(same, adapter=STORED)
    assert told(stored, ("older", "-a")) == [] and len(told(replace(stored, started_as=("reference",)),
                                                            ("reference", "-a"))) == 1


# --- copies -----------------------------------------------------------------------------------------------


def made_of(*paths):
    return MadeOf("script", files=tuple(SourceFile(Path(path).name, str(path), "0") for path in paths))


def opened(*paths, **more):
    return OpenedFiles(tuple(SourceFile(Path(path).name, str(path), "0") for path in paths), **more)


@pytest.fixture
def files(tmp_path):
    """Files of the reference and of others, by their names."""
    (tmp_path / "__pycache__").mkdir()
    for name in ("reference", "own.py", "lib.so", "run.exe", "data.txt", "port.py", "link.pth"):
        (tmp_path / name).write_text(name)
    (tmp_path / "run.exe").chmod(0o755)
    return tmp_path


def test_a_subject_copies_where_it_used_the_reference_or_a_file_of_its_code(files):
    """Data that the reference read is no code of its own; what both are given by a Python is neither's."""
    names = [str(files / name) for name in ("own.py", "lib.so", "run.exe", "data.txt", "link.pth")]
    reference = identity("reference", started_as=(str(files / "reference"), "-x"), made_of=made_of(names[0], names[4]),
                         opened=opened(*names[1:4], "/usr/bin/env"))

    def used(*paths, **changes):
        return reads_reference(identity("subject", started_as=("/nowhere",), **changes), reference, map(str, paths))

    for path in (files / "reference", *map(Path, names[:3])):
        assert used(files / "port.py", path) == str(path)
        assert used(made_of=made_of(files / "port.py", path)) == str(path)
    for path in (*map(Path, names[3:]), files / "port.py", Path("/usr/bin/env"), files / "gone"):
        assert used(path) is None, path
    (files / "to").symlink_to(files / "own.py")
    assert used(files / "to") == str(files / "to")
    compiled = files / "__pycache__" / "own.cpython-311.pyc"
    assert used(compiled) == str(compiled)
    (files / "own.py").unlink()
    assert used(files / "own.py") is None and used() is None


def test_the_python_that_an_engine_is_started_by_is_nobodys_copy(files):
    """A Python of one's own, with its libraries: both ends of a comparison may be run by it."""
    home = files / "python"
    for name in ("bin/python3", "lib/tool.py"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text("x")
    (files / "bin").mkdir()
    (files / "bin" / "other").write_text("x")
    python, tool = str(home / "bin/python3"), str(home / "lib/tool.py")
    for ours, theirs, found in ((python, "/nowhere", None), ("/nowhere", python, None), ("/nowhere", "/nowhere", tool),
                                (str(files / "bin" / "other"), "/nowhere", tool)):
        reference = identity("reference", started_as=(ours,), made_of=made_of(tool))
        assert reads_reference(identity("subject", started_as=(theirs,)), reference, [tool]) == found, (ours, theirs)


def test_a_record_that_says_that_nothing_was_copied_is_held_against_its_lists(files):
    reference = identity("reference", made_of=made_of(files / "own.py"))
    seen = {"clean": opened(files / "port.py"), "copies": opened(files / "port.py", files / "own.py"),
            "blind": opened(unwatched="no ptrace"), "partly": opened(unseen=("x",)), "unknown": None}
    engines = {name: identity("subject", opened=what) for name, what in seen.items()}
    assert list(answered([*seen, "nobody"], engines, reference)) == ["clean"]
    assert not_seen("subject") == "which files it opened was not seen"
