"""init: a command line becomes a case that is valid, that the reference passes, and that a wrong scale fails."""

import io
import shlex
from pathlib import Path

import numpy as np
import pytest

from nbcompare.case.case import Case, Limits
from nbcompare.case.case_file import load_case
from nbcompare.compare.compare import compare_images
from nbcompare.engine.progress import Progress
from nbcompare.engine.sources import interpreter
from nbcompare.files import sha256_of
from nbcompare.run.begin import measured
from nbcompare.run.begin.measured import Patience, ReferenceFailed, places_of, shorter
from tests.nbcompare.conftest import SMALL_ARGS
from tests.nbcompare.run.first_commands import FIRST_COMMANDS, write_inputs

CRYSTAL = ("-cell", "9", "9", "9", "90", "90", "90")
FORTY = ("-detpixels_x", "40", "-detpixels_y", "32", "-flux", "1e18")


@pytest.fixture
def begin(nb, fake):
    """Call init with a fake reference; the words are the arguments."""
    return lambda *words, engine="good", out="cases/first.yaml": nb("init", "-q", "--engine", fake(engine), "--out",
                                                                    out, "--", *words)


def test_the_case_is_valid_and_judges(begin, nb, fake, tmp_path, quick_runs):
    assert begin(*FORTY).code == 0
    case = load_case(tmp_path / "cases/first.yaml")
    assert [roi.name for roi in case.rois][:2] == ["full", "spot-1"] and case.rois[-1].name == "corner"
    assert (case.rois[1].xmin, case.rois[1].ymin) == (0, 13)  # 3 around the brightest pixel, fast 0 slow 16
    for subject, code in (("twin", 0), ("bright", 3)):
        said = nb("run", "cases/first.yaml", "-q", "--c-bin", fake("good"), "--py-bin", fake(subject))
        assert said.code == code, said.out


def test_a_threshold_is_the_measured_noise_times_the_margin(begin, tmp_path):
    """The fake moves pixel 5 of a hundredth of the peak by a thousandth, with two threads: the limit is ten times that,
    in the regions that hold it; the others keep the one of rounding."""
    assert begin(*FORTY, engine="jitter").code == 0
    case = load_case(tmp_path / "cases/first.yaml")
    limits = {t.roi: t.max for t in case.thresholds if t.metric == "max_abs_diff_of_peak"}
    pixel = 5 * 7919 % 101 + 1
    assert limits["full"] == pytest.approx(10 * 1e-3 * pixel / 1000, rel=1) and limits["full"] >= 1e-5 * pixel
    assert limits["spot-1"] < 2e-6
    why = next(t.why for t in case.thresholds if t.metric == "max_abs_diff_of_peak" and t.roi == "full")
    assert f"up to {1e-6 * pixel:.1e} from itself in 3 more runs" in why and "margin of 10" in why


def test_a_region_in_which_nothing_could_be_told_is_none_of_a_case():
    """On a flat image a spot, and one of the last digits alone. A run blocks what is judged in such a place, however
    well it agrees."""
    image = np.full((60, 60), 1e3, "f4")
    image[8:19, 8:19] += np.random.default_rng(1).random((11, 11), dtype="f4")
    image[40:46, 40:46] += np.spacing(np.float32(1e3)) * np.arange(36, dtype="f4").reshape(6, 6)
    found = places_of(image)
    assert found[0].name == "full" and len(found) > 1
    itself = compare_images(image, image.copy(), found, with_peaks=False)
    assert not [region.roi.name for region in itself.regions if region.weak and region.weak.unresolved()]
    image[8:19, 8:19] = 1e3
    with pytest.raises(ReferenceFailed, match="too little to judge by: its pixels take 36 values"):
        places_of(image)


def test_nothing_is_overwritten(begin, tmp_path):
    (tmp_path / "first.yaml").write_text("mine\n")
    said = begin(*SMALL_ARGS, out="first.yaml")
    assert said.code == 1 and "is there already" in said.err
    assert (tmp_path / "first.yaml").read_text() == "mine\n" and list(tmp_path.iterdir()) == [tmp_path / "first.yaml"]


def test_mistyped_options_are_told_all_at_once_and_nothing_is_run(begin, tmp_path):
    said = begin("-NN", "5", "-lamda", "1", *SMALL_ARGS, engine="crash")
    assert said.code == 1 and "-NN; did you mean -N?" in said.err and "-lamda; did you mean -lambda?" in said.err
    assert not (tmp_path / "cases").exists()


def test_inputs_are_pinned_where_they_lie(begin, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/P1.hkl").write_text("0 0 1 100\n")
    assert begin("-hkl", "data/P1.hkl", *SMALL_ARGS).code == 0
    (entry,) = load_case(tmp_path / "cases/first.yaml").inputs
    assert (entry.name, entry.file, entry.sha256) == ("P1.hkl", "../data/P1.hkl", sha256_of(tmp_path / "data/P1.hkl"))


def test_a_reference_without_an_image_is_told_and_nothing_is_written(begin, tmp_path):
    said = begin(*CRYSTAL, "-default_F", "1", *SMALL_ARGS, engine="exit7")
    assert said.code == 2 and "ended with exit code 7" in said.err and "something went wrong" in said.err
    assert list(tmp_path.iterdir()) == []


def test_a_command_without_a_crystal_is_told_what_nanobragg_does_not_render_without(begin):
    """It prints its whole usage and leaves, and the last lines of that say nothing."""
    said = begin(*SMALL_ARGS, engine="exit7").err
    assert "without a crystal (-mat FILE, or -cell a b c alpha beta gamma) and structure factors (-hkl FILE" in said
    assert "something went wrong" not in said
    assert "without structure factors" in begin(*CRYSTAL, *SMALL_ARGS, engine="exit7").err


def test_an_image_that_takes_long_is_told_with_what_makes_it_shorter():
    """Once, whatever is said later; on no terminal as well, where nothing is redrawn."""
    stream = io.StringIO()
    patience = Patience(Progress(stream), 3, CRYSTAL)
    for elapsed, percent in ((9.9, 1), (10.0, 4), (20.0, 8)):
        patience(elapsed, percent)
    assert stream.getvalue().count("\n") == 1 and "(4 % done, about 4:00 left), and 3 more follow" in stream.getvalue()
    assert "-oversample 1" in stream.getvalue() and "-oversample 1" not in shorter(("-oversample", "3"))
    assert "a smaller -oversample" in shorter(("-oversample", "3"))


def test_init_says_so_while_it_waits_and_when_the_time_is_over(nb, fake, tmp_path, monkeypatch):
    monkeypatch.setattr(measured, "LONG", 0.0)
    monkeypatch.setattr(measured, "Case", lambda *words: Case(*words, limits=Limits(reference_seconds=1.0)))
    said = nb("init", "--engine", fake("hang"), "--out", "x.yaml", "--", *SMALL_ARGS)
    assert said.code == 2 and said.err.count("note: the image is not there after ") == 1
    assert "was stopped after 1 s" in said.err and "next: -oversample 1 takes one sample" in said.err


def test_what_a_case_cannot_hold_is_left_out_and_told(begin, tmp_path):
    """The float file, an output elsewhere, a value that YAML would read otherwise, and an orientation nobody could
    draw again."""
    said = begin("-floatfile", "x.bin", "-intfile", "/tmp/x.img", "-misset", "random", "-hdiv", "0", *SMALL_ARGS)
    assert said.code == 0 and said.err.count("note: ") == 4
    command = load_case(tmp_path / "cases/first.yaml").command
    assert command == ("-misset_seed", "1", "-misset", "random", *SMALL_ARGS)


def test_the_project_file_declares_both_engines(nb, tmp_path, fake):
    words = ("init", "--project", "--engine", f"reference={fake('good')}", "--engine", "subject=python -m myport")
    assert nb(*words).code == 0
    from nbcompare.case.project import load_project

    engines = load_project(tmp_path / "nb-compare.yaml").engines
    assert engines["reference"].command == (str(fake("good")),)
    assert engines["subject"].command == ("python", "-m", "myport")
    assert nb(*words).code == 1 and nb("init", "--project").code == 1
    assert nb("init", "-q", "--out", "x.yaml", "--", *SMALL_ARGS).code == 0  # by the engine that the project declares


@pytest.mark.slow
def test_command_lines_of_the_readme_pass_at_once(nb, tmp_path, reference_binary, quick_runs, monkeypatch):
    """All twelve, by the bundled engines as they come; what the simulator is made of is asked once."""
    ask, said_of = interpreter._ask, {}
    monkeypatch.setattr(interpreter, "_ask", lambda engine, *more: said_of.get(engine.start)
                        or said_of.setdefault(engine.start, ask(engine, *more)))
    write_inputs(tmp_path)
    for name in FIRST_COMMANDS:
        assert nb("init", "-q", "--out", f"cases/{name}.yaml", "--", *shlex.split(FIRST_COMMANDS[name])).code == 0
    cases = sorted((tmp_path / "cases").iterdir())
    assert nb("validate", *cases).out.count(": valid case") == 12
    said = nb("sweep", *cases, "-j", "1", "-q")
    assert said.code == 0 and "12 PASS" in said.out


def test_examples_are_copied_as_valid_cases_and_none_over_another(nb):
    said = nb("init", "--examples")
    assert said.code == 0 and "next  nb-compare run cases/still.yaml" in said.out
    written = sorted(Path("cases").glob("*.yaml"))
    assert f"wrote {written[0]}" in said.out and nb("validate", *written).code == 0
    assert "supervisor.yaml" not in {path.name for path in written}, "it maps tests that are not here"
    written[0].unlink()
    said = nb("init", "--examples")
    assert said.code == 1 and "init overwrites nothing" in said.err and not written[0].exists()
    assert nb("init", "--examples", "--project").code == 1
