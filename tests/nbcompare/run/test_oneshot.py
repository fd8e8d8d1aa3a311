"""The one-shot form that scripts use."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from nbcompare.bundle.names import output_name
from tests.nbcompare.conftest import SMALL_ARGS

FILES = ("c_stdout.txt c_stderr.txt py_stdout.txt py_stderr.txt c_float.bin py_float.bin c.png py.png diff.png "
         "region.png summary.json").split()
SUMMARY_KEYS = """args binaries roi resample runtime_c_ms runtime_py_ms correlation mse rmse max_abs_diff sum_c sum_py
sum_ratio png_scale_method png_scale_percentile thresholds verdict reasons""".split()
POLARIZED = """-cell 70 80 90 85 95 100 -default_F 100 -lambda 1 -distance 50 -detpixels 60 -pixel 0.6 -N 3
-misset 10 20 30 -oversample 1 -nonoise"""


@pytest.fixture
def one_shot(nb, fake):
    def call(*options, subject="twin", args=SMALL_ARGS):
        return nb("--outdir", "out", "--c-bin", fake("good"), "--py-bin", fake(subject), "-q", *options, "--", *args)

    return call


def summary():
    return json.loads(Path("out/summary.json").read_text())


def test_the_files_and_lines_that_scripts_look_for(one_shot):
    said = one_shot("--threshold", "0.98")
    assert said.code == 0
    assert re.search(r"^C runtime: \d+\.\d{3} s$", said.out, re.MULTILINE)
    assert re.search(r"^Py runtime: \d+\.\d{3} s$", said.out, re.MULTILINE)
    assert sorted(path.name for path in Path("out").iterdir()) == sorted([*FILES, "bundles"])
    assert [key for key in SUMMARY_KEYS if key not in summary()] == []
    assert summary()["args"] == list(SMALL_ARGS)


def test_a_scale_error_fails_whatever_the_correlation(one_shot):
    said = one_shot("--threshold", "0.98", subject="bright")
    assert said.code == 3
    assert summary()["correlation"] == pytest.approx(1) and summary()["verdict"] == "FAIL"
    assert "sum_ratio on full" in said.out


def test_a_scale_error_passes_only_when_it_is_allowed_by_name(one_shot):
    assert one_shot("--allow-scale", subject="bright").code == 0
    assert one_shot("--sum-ratio", "125000", "126000", subject="bright").code == 0


def test_without_a_threshold_one_still_holds(one_shot):
    assert one_shot(subject="constant").code == 3
    assert summary()["correlation"] is None


THREE = ("correlation >= 0.9995 (default), sum_ratio 0.99 .. 1.01 (default), "
         "max_intensity_delta <= 0.02 (default)")


@pytest.mark.parametrize(("options", "judged"), [
    ((), THREE),
    (("--threshold", "0.98"), THREE.replace("0.9995 (default)", "0.98 (--threshold)")),
    (("--sum-ratio", "0.9", "1.05"), "correlation >= 0.9995 (default), sum_ratio 0.9 .. 1.05 (--sum-ratio), "
                                     "max_intensity_delta <= 0.1 (as --sum-ratio)"),
    (("--sum-ratio", "0.9", "1.05", "--max-intensity-delta", "0.03"),
     "correlation >= 0.9995 (default), sum_ratio 0.9 .. 1.05 (--sum-ratio), max_intensity_delta <= 0.03 "
     "(--max-intensity-delta)"),
    (("--allow-scale",), "correlation >= 0.9995 (default), residual_after_scale <= 0.5 (--allow-scale); not judged: "
     "sum_ratio, max_intensity_delta"),
])
def test_what_is_judged_stands_in_one_line(one_shot, options, judged):
    said = one_shot(*options)
    assert said.code == 0 and f"  judged     {judged}\n" in said.out and "  passed " not in said.out
    assert summary()["judged"] == judged


def test_the_brightest_pixel_is_judged_beside_the_sum(one_shot):
    """It is 5 % too high in the subject, which moves the sum by 1.2 % and the correlation by 1e-5."""
    assert one_shot("--sum-ratio", "0.987", "1.013", subject="defect").code == 3
    assert [reason for reason in summary()["reasons"] if not reason.startswith("max_intensity_delta")] == []


def test_another_polarization_does_not_pass_on_its_correlation(nb, reference_binary):
    """The correlation is above the threshold by far; only the sum shows that the polarization was left out."""
    said = nb("--outdir", "out", "--c-bin", reference_binary, "--py-bin", reference_binary, "--py-args=-nopolar", "-q",
              "--threshold", "0.98", "--", *POLARIZED.split())
    assert said.code == 3 and summary()["correlation"] > 0.9995
    assert 1.03 < summary()["sum_ratio"] < 1.06 and summary()["reasons"][0].startswith("sum_ratio")


def test_a_pass_says_how_much_further_than_by_rounding_it_lets_images_differ(nb, reference_binary):
    """The same 0.5 m away, where no limit of a one-shot sees that the polarization was left out."""
    away = ["500" if word == "50" else word for word in POLARIZED.split()]
    engines = ("--outdir", "out", "--c-bin", reference_binary, "--py-bin", reference_binary, "-q")
    said = nb(*engines, "--py-args=-nopolar", "--", *away)
    passed = summary()["let_through"]
    share = float(re.match(r"a pixel differs by (\S+) of the brightest, and rounding leaves less than 1e-06; ",
                           passed)[1])
    assert said.code == 0 and 1e-5 < share < 0.01 and share == pytest.approx(
        summary()["max_abs_diff"] / float(re.search(r"brightest pixel C (\S+),", said.out)[1]), rel=0.05)
    assert f"  passed     {passed}; see nb-compare diagnose out/bundles/one-shot/{summary()['bundle']}\n" in said.out
    assert nb(*engines, "--py-args=-nopolar", "--", *POLARIZED.split()).code == 3 and summary()["let_through"] == ""


def test_json_holds_no_nan(one_shot):
    one_shot(subject="constant")
    assert "NaN" not in Path("out/summary.json").read_text()


def test_a_region_is_judged_alone_and_recorded(one_shot):
    assert one_shot("--roi", "2", "6", "1", "5").code == 0
    image = np.fromfile("out/c_float.bin", "<f4").reshape(7, 9)
    assert summary()["roi"] == [2, 6, 1, 5]
    assert summary()["sum_c"] == pytest.approx(float(image[1:6, 2:7].sum(dtype="f8")))


@pytest.mark.parametrize(("roi", "words"), [
    (("-1", "6", "1", "5"), "negative"), (("6", "2", "1", "5"), "inverted"), (("2", "9", "1", "5"), "overhang")])
def test_a_bad_region_is_a_usage_error(one_shot, roi, words):
    said = one_shot("--roi", *roi)
    assert said.code == 1 and words in said.err
    assert not Path("out/summary.json").exists()


@pytest.mark.parametrize("option", ["-floatfile", "-floatimage"])
def test_a_float_file_of_the_users_is_replaced_and_said(one_shot, option):
    said = one_shot(args=(*SMALL_ARGS, option, "mine.bin"))
    assert said.code == 0
    assert f"{option} mine.bin was replaced" in said.out
    assert not Path("mine.bin").exists()
    assert summary()["args"] == list(SMALL_ARGS)


def test_shapes_that_differ_are_exit_4_and_resample_resizes(one_shot):
    assert one_shot("--py-args", "-detpixels_x 8").code == 4
    assert one_shot("--py-args", "-detpixels_x 8", "--resample").code in (0, 3)
    assert summary()["resample"] is True and "resampled" in summary()["notes"][0]


def test_a_short_file_is_never_resampled(one_shot):
    said = one_shot("--resample", subject="short")
    assert said.code == 2 and "too short" in said.out
    assert Path("out/py_float.bin").stat().st_size == 248


def test_old_files_cannot_be_taken_for_new_ones(one_shot):
    assert one_shot("--save-diff").code == 0
    assert Path("out/diff.bin").exists()
    assert one_shot(subject="silent").code == 2
    assert not Path("out/py_float.bin").exists() and not Path("out/diff.png").exists()
    assert not Path("out/diff.bin").exists()


def test_a_verdict_is_kept_when_the_folder_is_used_again(one_shot):
    """A failure was replaced without a word by whatever came next."""
    assert [one_shot(subject=subject).code for subject in ("bright", "twin", "twin")] == [3, 0, 0]
    kept = sorted(Path("out/bundles/one-shot").iterdir())
    words = [json.loads((folder / "record.json").read_text())["verdict"]["word"] for folder in kept]
    assert words == ["FAIL", "PASS", "PASS"] and summary()["verdict"] == "PASS"


def test_its_bundle_is_one_like_any_other(one_shot, nb, fake):
    one_shot("--threshold", "0.98", "--png-scale", "90")
    (folder,) = Path("out/bundles/one-shot").iterdir()
    for command in ("verify", "show", "check", "report"):
        assert nb(command, folder).code == 0, command
    assert nb("export", folder, "--output", "one.zip").code == 0
    assert nb("regenerate", folder, "--c-bin", fake("good"), "--py-bin", fake("twin")).code == 0
    for name, kept in (("c_float.bin", "inputs/c_roi_float.bin"), ("py.png", "results/py.png"),
                       ("c_stdout.txt", output_name("reference", "stdout"))):
        assert Path("out", name).read_bytes() == (folder / kept).read_bytes()


def test_the_difference_is_saved_on_request(one_shot):
    one_shot("--save-diff", "--allow-scale", subject="bright")
    c, py, diff = (np.fromfile(f"out/{name}.bin", "<f4") for name in ("c_float", "py_float", "diff"))
    np.testing.assert_allclose(diff, py - c, rtol=1e-6)


def test_the_percentile_of_the_pictures_is_recorded(one_shot):
    one_shot("--png-scale", "90")
    assert summary()["png_scale_percentile"] == 90


def test_files_that_arguments_name_are_found_from_the_callers_folder(one_shot, tmp_path):
    (tmp_path / "sub").mkdir()
    for path in ("A.mat", "sub/B.hkl"):
        (tmp_path / path).write_text("x")
    assert one_shot(args=(*SMALL_ARGS, "-mat", "A.mat", "-hkl", "sub/B.hkl")).code == 0
    said = one_shot(args=(*SMALL_ARGS, "-mat", "C.mat"))
    assert said.code == 1 and "-mat C.mat: there is no such file" in said.err


def test_the_default_folder_is_named_by_time_and_arguments(nb, fake):
    nb("--c-bin", fake("good"), "--py-bin", fake("twin"), "-q", "--", *SMALL_ARGS)
    (made,) = Path("comparisons").glob("2*")
    assert re.fullmatch(r"\d{8}-\d{6}-[0-9a-f]{8}", made.name)


def test_json_on_standard_output_is_the_summary(one_shot):
    said = one_shot("--format", "json")
    assert said.json == summary()


@pytest.mark.parametrize(("options", "words"), [
    (("--threshold", "2"), "between -1 and 1"),
    (("--allow-scale", "--sum-ratio", "1", "2"), "contradict"),
    (("--sum-ratio", "2", "1"), "must not be above"),
    (("--png-scale", "0"), "png-scale"),
    (("--treshold", "0.9"), "--treshold"),
])
def test_bad_options_are_usage_errors(one_shot, options, words):
    said = one_shot(*options)
    assert said.code == 1 and words in said.err and "Traceback" not in said.err


def test_no_arguments_at_all_is_a_usage_error(nb):
    assert nb("--outdir", "out", "--").code == 1


def test_a_random_orientation_without_a_seed_gets_one_seed_for_both_engines(one_shot):
    assert one_shot(args=(*SMALL_ARGS, "-misset", "random")).code == 0
    option, seed, *rest = summary()["args"]
    assert option == "-misset_seed" and 1 <= int(seed) < 2**31 and rest == [*SMALL_ARGS, "-misset", "random"]
    assert any(f"both engines were given -misset_seed {seed}" in note for note in summary()["notes"])


@pytest.mark.parametrize("seeded", ["-misset_seed 5 -misset random", "-seed 5 -misset random", "-misset 1 2 3"])
def test_an_orientation_that_is_stated_is_left_alone(one_shot, seeded):
    assert one_shot(args=(*SMALL_ARGS, *seeded.split())).code == 0
    assert summary()["args"] == [*SMALL_ARGS, *seeded.split()]


@pytest.mark.parametrize(("words", "said"), [
    ("-detpixels 9 -phii 3", "did you mean -phi?"),
    ("-detpixels 9 -hkl none.hkl", "-hkl none.hkl: there is no such file")])
def test_a_slip_is_told_before_any_engine_is_looked_for_and_leaves_no_folder(nb, monkeypatch, words, said):
    """It named a case file in a hidden folder that was gone by then, and built the C reference first."""
    monkeypatch.setattr("nbcompare.run.one_shot.choose_engines", lambda *_: pytest.fail("an engine was looked for"))
    told = nb("--outdir", "out", "--", *words.split())
    assert told.code == 1 and said in told.err and ".work" not in told.err and not Path("out").exists()
