"""A case that is a bare command line: what is judged, which files are copied under which names, and what is said."""

import hashlib
from pathlib import Path

import pytest

from nbcompare.case.from_arguments import (
    OneShotOptions,
    StagedArguments,
    one_shot_case,
    require_options,
    stage_arguments,
    with_inputs,
)
from nbcompare.compare.image import Roi, Shape
from nbcompare.errors import FileError, UsageError


def judged(**said):
    """The limits of each metric, and where they come from."""
    options = OneShotOptions(**said)
    found = options.thresholds("roi")
    assert {threshold.roi for threshold in found} == {"roi"}
    return {threshold.metric: (threshold.min, threshold.max, threshold.why.partition(":")[0]) for threshold in found}


DEFAULT = {"correlation": (0.9995, None, "default"), "sum_ratio": (0.99, 1.01, "default"),
           "max_intensity_delta": (None, 0.02, "default")}


@pytest.mark.parametrize(("said", "changed"), [
    ({}, {}), ({"correlation": 0.9}, {"correlation": (0.9, None, "--threshold")}),
    ({"max_intensity_delta": 0.5}, {"max_intensity_delta": (None, 0.5, "--max-intensity-delta")}),
    ({"sum_ratio": (0.9, 1.2)}, {"sum_ratio": (0.9, 1.2, "--sum-ratio"),
                                 "max_intensity_delta": (None, pytest.approx(0.2), "as --sum-ratio")}),
    ({"sum_ratio": (0.75, 1.2)}, {"sum_ratio": (0.75, 1.2, "--sum-ratio"),
                                  "max_intensity_delta": (None, 0.25, "as --sum-ratio")}),
    ({"sum_ratio": (0.995, 1.005)}, {"sum_ratio": (0.995, 1.005, "--sum-ratio"),
                                     "max_intensity_delta": (None, 0.02, "as --sum-ratio")}),
    ({"sum_ratio": (0.9, 1.2), "max_intensity_delta": 0.3}, {
        "sum_ratio": (0.9, 1.2, "--sum-ratio"), "max_intensity_delta": (None, 0.3, "--max-intensity-delta")})])
def test_what_the_user_gave_stands_in_the_place_of_the_default(said, changed):
    """The brightest pixel may be as far off as the sum, but for what was said of it."""
    assert judged(**said) == DEFAULT | changed


def test_where_a_limit_could_miss_nothing_it_is_left_out():
    """A sum up to twice as large allows a brightest pixel that is off by 1, as that of an image of zeros is."""
    assert "max_intensity_delta" not in judged(sum_ratio=(0.9, 2.0))
    assert judged(sum_ratio=(0.9, 1.99))["max_intensity_delta"][1] == pytest.approx(0.99)


def test_any_scale_leaves_the_pattern_to_be_judged():
    left = (None, 0.5, "--allow-scale")
    assert judged(allow_scale=True) == {"correlation": (0.9995, None, "default"), "residual_after_scale": left}
    assert judged(allow_scale=True, sum_ratio=(0.5, 1.5), correlation=0.8) == {
        "correlation": (0.8, None, "--threshold"), "residual_after_scale": left,
        "sum_ratio": (0.5, 1.5, "--sum-ratio")}


def test_what_is_judged_and_what_is_not_in_one_line():
    options = OneShotOptions(correlation=0.9)
    assert options.judged(options.thresholds("r")) == (
        "correlation >= 0.9 (--threshold), sum_ratio 0.99 .. 1.01 (default), max_intensity_delta <= 0.02 (default)")
    options = OneShotOptions(allow_scale=True)
    assert options.judged(options.thresholds("r")) == (
        "correlation >= 0.9995 (default), residual_after_scale <= 0.5 (--allow-scale); not judged: sum_ratio, "
        "max_intensity_delta")


@pytest.mark.parametrize(("said", "words"), [
    ({"correlation": 0.05}, "--threshold 0.05: min 0.05 of correlation judges nothing"),
    ({"sum_ratio": (0.0, 2000.0)}, "--sum-ratio 0 2000: min 0 of sum_ratio judges nothing"),
    ({"max_intensity_delta": 1.0}, "--max-intensity-delta 1: max 1 of max_intensity_delta judges nothing")])
def test_a_limit_that_nothing_could_miss_is_refused(said, words):
    with pytest.raises(UsageError) as caught:
        OneShotOptions(**said)
    assert caught.value.message.startswith(words)


def test_words_that_begin_with_no_option_are_no_command_line():
    require_options(["-mat", "A.mat"])
    with pytest.raises(UsageError, match=r"^compare: nanoBragg arguments begin with an option, such as -mat"):
        require_options(["compare", "-mat"])


# --- files --------------------------------------------------------------------------------------------------


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder to work in, with files that hold their own names."""
    home = tmp_path / "work"
    for name in ("A.mat", "b c.hkl", "deep/A.mat", "float.bin", ".hidden", "__"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(name)
    monkeypatch.chdir(home)
    return home


def staged(text, c_args="", py_args="", folder="data"):
    return stage_arguments(text.split("|") if text else [], c_args.split(), py_args.split(), home_of(folder))


def home_of(folder):
    return Path.cwd().parent / folder


def test_every_file_is_copied_once_under_a_plain_name(here):
    """One of the same name from another folder, and one called as the image is, become copies by name."""
    found = staged(f"-mat|A.mat|-hkl|b c.hkl|-sourcefile|deep/A.mat|-mask|float.bin|-img|{here}/A.mat|-N|5")
    assert found.command == ("-mat", "A.mat", "-hkl", "b_c.hkl", "-sourcefile", "copy-A.mat", "-mask", "copy-float.bin",
                             "-img", "A.mat", "-N", "5")
    assert {path.name: path.read_text() for path in home_of("data").iterdir()} == {
        "A.mat": "A.mat", "b_c.hkl": "b c.hkl", "copy-A.mat": "deep/A.mat", "copy-float.bin": "float.bin"}
    assert found.sources == {"b_c.hkl": f"{here}/b c.hkl", "copy-A.mat": f"{here}/deep/A.mat",
                             "copy-float.bin": f"{here}/float.bin"}
    assert (found.reference_args, found.subject_args, found.notes) == ((), (), ())


def test_a_name_has_a_letter_or_a_number_first(here):
    found = staged("-mat|.hidden|-hkl|__")
    assert found.command == ("-mat", "hidden", "-hkl", "file")


def test_files_of_one_engine_alone_are_copied_too(here):
    (here / "C.hkl").write_text("c")
    found = staged("-mat|A.mat", "-hkl C.hkl -phi 1", "-mask deep/A.mat")
    assert found.command == ("-mat", "A.mat")
    assert (found.reference_args, found.subject_args) == (("-hkl", "C.hkl", "-phi", "1"), ("-mask", "copy-A.mat"))
    assert {path.name for path in home_of("data").iterdir()} == {"A.mat", "C.hkl", "copy-A.mat"}


def test_files_that_are_not_there_and_folders_are_named(here):
    with pytest.raises(UsageError, match=f"^-mat gone.mat: there is no such file in {here}$"):
        staged("-mat|gone.mat")
    with pytest.raises(UsageError, match="^-mat deep: that is a folder, and a file is needed$"):
        staged("-mat|deep", folder="other")


def test_a_float_file_of_the_users_own_is_left_out_and_told(here):
    found = staged("-floatfile|mine.bin|-N|5|-floatimage|again.bin")
    assert found.command == ("-N", "5")
    assert [note.partition(" was")[0] for note in found.notes] == ["-floatfile mine.bin", "-floatimage again.bin"]
    assert found.notes[0].endswith("was replaced: each engine writes its own float image")


def test_a_random_orientation_without_a_seed_gets_one_in_front(here, monkeypatch):
    """From 1 to 2^31 - 1, drawn among as many numbers from 0."""
    asked = []
    monkeypatch.setattr("secrets.randbelow", lambda most: asked.append(most) or 6)
    found = staged("-misset|random|-N|5")
    assert found.command == ("-misset_seed", "7", "-misset", "random", "-N", "5") and asked == [2**31 - 1]
    assert found.notes == ("-misset random has no seed: both engines were given -misset_seed 7",)
    assert staged("-misset|random|-seed|3", folder="seeded").command == ("-misset", "random", "-seed", "3")


def test_a_dump_that_an_earlier_run_left_is_given_or_told(here):
    """It is what nanoBragg falls back on; a command with a list or a dump of its own needs none."""
    (here / "Fdump.bin").write_text("F")
    assert staged("-N|5").notes == ("Fdump.bin of this folder is given to the engines, as the command names no "
                                    "structure factors",)
    assert (home_of("data") / "Fdump.bin").read_text() == "F"
    told = staged("-N|5|-default_F|1", folder="told")
    assert told.notes[0].startswith("Fdump.bin of this folder is not given to the engines; where it is meant, name it")
    for number, (text, c_args) in enumerate((("-hkl|b c.hkl", ""), ("-dump|A.mat", ""), ("-N|5", "-hkl A.mat"))):
        assert staged(text, c_args, folder=f"own{number}").notes == ()
    assert not list(home_of("told").iterdir())


def test_a_file_that_cannot_be_copied_is_named(here, monkeypatch):
    monkeypatch.setattr("shutil.copyfile", lambda *paths: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(FileError, match="A.mat: cannot copy the input: No space left on device"):
        staged("-mat|A.mat")


# --- the case -----------------------------------------------------------------------------------------------


def arguments(text, reference="", subject=""):
    return StagedArguments(*(tuple(words.split()) for words in (text, reference, subject)), (), {})


def test_a_command_line_is_a_case_of_its_own_shape_and_region(tmp_path):
    """The arguments of the reference alone have a say in the shape, those of the subject do not."""
    case = one_shot_case(arguments("-detpixels 64 -N 5", "-detpixels_x 32", "-phi 1 -detpixels_x 8"),
                         OneShotOptions(roi=(1, 31, 2, 63), seconds=7.0, allow_weak="small"), tmp_path)
    assert (case.name, case.title, case.shape) == ("one-shot", "one-shot", Shape(slow=64, fast=32))
    assert case.rois == (Roi("roi", 1, 31, 2, 63, weak_allowed="small"),)
    assert (case.command, case.reference_args) == (("-detpixels", "64", "-N", "5"), ("-detpixels_x", "32"))
    assert case.subject_args == ("-phi", "1", "-detpixels_x", "8")
    assert (case.limits.reference_seconds, case.limits.subject_seconds) == (7.0, 7.0)
    assert {(threshold.metric, threshold.roi) for threshold in case.thresholds} == {(name, "roi") for name in DEFAULT}
    whole = one_shot_case(arguments("-detpixels 64"), OneShotOptions(), tmp_path)
    assert whole.rois == (Roi("full", 0, 63, 0, 63),) and whole.limits.subject_seconds == 3600
    with pytest.raises(UsageError, match=r"^--roi 1 64 2 63: x \(fast\) bounds 1..64 overhang the image"):
        one_shot_case(arguments("-detpixels 64"), OneShotOptions(roi=(1, 64, 2, 63)), tmp_path)


def test_the_inputs_of_a_case_are_the_files_of_its_folder(tmp_path):
    case = one_shot_case(arguments("-detpixels 64"), OneShotOptions(), tmp_path)
    data = tmp_path / "data"
    data.mkdir()
    for name in ("b.hkl", "A.mat"):
        (data / name).write_text(name)
    found = with_inputs(case, data).inputs
    assert [(one.name, one.file, one.sha256) for one in found] == [
        (name, f"data/{name}", hashlib.sha256(name.encode()).hexdigest()) for name in ("A.mat", "b.hkl")]
