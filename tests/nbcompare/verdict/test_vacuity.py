"""Images that are no evidence, however well they agree: never a pass."""

import numpy as np
import pytest

from nbcompare.case.threshold import Threshold
from nbcompare.compare.compare import compare_images
from nbcompare.compare.image import Roi, Shape
from nbcompare.errors import ExitCode
from nbcompare.verdict.verdict import judge

LIVELY = np.random.default_rng(4).exponential(size=(20, 20)).astype("f4")
FULL = Roi.full(Shape(20, 20))


def judged(reference, subject, metric="sum_ratio", roi=FULL):
    """The verdict of one lenient threshold."""
    comparison = compare_images(reference, subject, [roi], further=[(metric, roi.name)])
    return judge(comparison, [Threshold(metric, roi.name, -1e9, 1e9, "w")])


@pytest.mark.parametrize(("reference", "subject", "words"), [
    (np.full_like(LIVELY, 3), np.full_like(LIVELY, 3), "the reference image is constant: every pixel is 3"),
    (LIVELY, np.full_like(LIVELY, 2), "the subject image is constant: every pixel is 2")])
def test_constant_images_are_no_pass(reference, subject, words):
    verdict = judged(reference, subject)
    assert verdict.exit_code is ExitCode.BLOCKED
    assert words in verdict.reasons


@pytest.mark.parametrize(("value", "words"), [(0, "no signal"), (7, "every reference pixel here is 7")])
def test_a_region_without_signal_is_no_pass_for_any_metric(value, words):
    """A mask metric has a value there; it still says nothing."""
    image = LIVELY.copy()
    image[:5, :5] = value
    corner = Roi("corner", 0, 4, 0, 4)
    verdict = judged(image, image, "nan_fraction", corner)
    assert verdict.checks[0].holds
    assert verdict.exit_code is ExitCode.BLOCKED
    assert verdict.reasons[0].startswith(f"region corner: {words}")


def test_a_failure_stays_a_failure_beside_a_constant_image():
    """What is outside its threshold is not made milder by a sign of vacuity."""
    comparison = compare_images(LIVELY, np.full_like(LIVELY, 2), [FULL])
    verdict = judge(comparison, [Threshold("correlation", "full", 0.9, None, "w")])
    assert verdict.exit_code is ExitCode.DIFFERS
    assert ["undefined" in verdict.reasons[0], "constant" in verdict.reasons[1]] == [True, True]


def test_a_threshold_on_a_region_that_was_not_compared_does_not_hold():
    comparison = compare_images(LIVELY, LIVELY, [FULL])
    verdict = judge(comparison, [Threshold("correlation", "elsewhere", 0.9, None, "w")])
    assert verdict.exit_code is ExitCode.DIFFERS
    assert "the region elsewhere was not compared" in verdict.reasons[0]


def test_a_figure_that_was_not_taken_does_not_hold():
    verdict = judge(compare_images(LIVELY, LIVELY, [FULL]), [Threshold("ssim", "full", 0.9, None, "w")])
    assert verdict.exit_code is ExitCode.DIFFERS


# --- engines ----------------------------------------------------------------------------------------------------


def test_one_program_compared_with_itself_is_no_pass(run_small):
    said, _ = run_small("good", "good")
    assert said.code == 8
    assert "it was compared with itself" in said.json["verdict"]["reasons"][0]


def test_a_renamed_copy_is_the_same_program(nb, fake, small_case, tmp_path):
    find_image = f"import sys\nsys.path.insert(0, {str(fake('good').parent)!r})\n"
    for name in ("original.py", "port.py"):
        (tmp_path / name).write_text(find_image + fake("good").read_text())
    said = nb("run", small_case, "--c-bin", tmp_path / "original.py", "--py-bin", tmp_path / "port.py", "-q")
    assert said.code == 8
    assert said.out.startswith("BLOCKED")


def test_one_program_with_other_arguments_is_a_comparison(run_small):
    said, _ = run_small("good", "good", "--py-args", "-other 1")
    assert said.code == 0


def test_equal_bytes_of_two_programs_are_a_pass(run_small):
    """Two programs in double precision may round every pixel alike."""
    said, _ = run_small("good", "twin")
    assert said.code == 0
    assert said.json["runs"][0]["image_sha256"] == said.json["runs"][1]["image_sha256"]


def test_a_one_shot_of_one_program_with_itself_is_no_pass(nb, fake):
    said = nb("--c-bin", fake("good"), "--py-bin", fake("good"), "-q", "--", "-detpixels_x", 9, "-detpixels_y", 7)
    assert said.code == 8


def test_a_subject_finds_no_image_of_the_reference_to_copy(run_small):
    """It is run first; and what an engine wrote is in no file while another one runs."""
    said, folder = run_small("good", "thief")
    assert said.code == 2
    assert "StopIteration" in (folder / "inputs/py_cli_stderr.txt").read_text()


def test_nor_does_the_reference_find_one_of_the_subject(run_small):
    said, folder = run_small("thief", "good")
    assert said.code == 2
    assert "StopIteration" in (folder / "inputs/c_cli_stderr.txt").read_text()


def test_an_image_with_a_second_name_is_refused(run_small):
    said, _ = run_small("good", "hardlink")
    assert said.code == 2
    assert "a hard link to another file" in said.json["verdict"]["reasons"][0]


@pytest.mark.parametrize("role", [0, 1])
def test_an_image_that_is_a_copy_of_an_input_is_refused(run_small, small_case, tmp_path, role):
    LIVELY.ravel()[:63].tofile(tmp_path / "picture.dat")
    small_case.write_text(small_case.read_text() + "inputs: {picture.dat: {file: picture.dat}}\n")
    engines = ["good", "twin"]
    engines[role] = "input_copy"
    said, _ = run_small(*engines)
    assert said.code == 2
    assert "gave a copy of its input picture.dat as its image" in said.json["verdict"]["reasons"][0]


# --- what a case must judge ---------------------------------------------------------------------------------------


def test_a_region_that_no_threshold_judges_is_a_fault_of_the_case(nb, small_case):
    small_case.write_text(small_case.read_text().replace("why: same pattern", "why: x, rois: [full]")
                          .replace("why: same scale", "why: x, rois: [full]"))
    said = nb("run", small_case)
    assert said.code == 1
    assert "no threshold judges region middle" in said.err


# --- arguments ----------------------------------------------------------------------------------------------------


@pytest.fixture
def run_probed(nb, fake, small_case):
    """Run the small case, whose command also holds an option that does nothing, with engines that heed -flux."""

    def call(*more, required="", form="json"):
        small_case.write_text(small_case.read_text().replace("-flux 1e18", "-flux 1e18 -colour blue") + required)
        engines = ("--c-bin", fake("flux"), "--py-bin", fake("flux_too"))
        return nb("run", small_case, *engines, "-q", "--format", form, *more)

    return call


def test_an_option_that_changes_nothing_is_reported(run_probed):
    said = run_probed("--probe-args", form="text")
    assert said.code == 0
    assert "-colour blue changes neither image" in said.out
    assert "-flux" not in said.out.partition("probe")[2]


def test_every_option_is_probed_with_its_values(run_probed):
    found = run_probed("--probe-args").json["findings"]["probe"]["arguments"]
    assert [(" ".join(entry["words"]), entry["reference"], entry["subject"]) for entry in found] == [
        ("-detpixels_x 9", "another shape", "another shape"), ("-detpixels_y 7", "another shape", "another shape"),
        ("-flux 1e18", "changed", "changed"), ("-colour blue", "same", "same")]


def test_a_required_option_that_matters_is_a_pass(run_probed):
    said = run_probed(required="required_args: [-flux]\n")
    assert said.code == 0
    assert [entry["words"] for entry in said.json["findings"]["probe"]["arguments"]] == [["-flux", "1e18"]]


def test_a_required_option_that_changes_nothing_is_no_pass(run_probed):
    said = run_probed(required="required_args: [-colour]\n")
    assert said.code == 8
    assert said.json["verdict"]["reasons"] == [
        "required: -colour blue changes neither image"]


def test_a_required_option_that_one_engine_ignores_is_no_pass(run_probed):
    """The subject here gives the image of 2e18 photons whatever it is told, and the case is lenient."""
    said = run_probed("--py-args", "-deaf", "--c-args", "-deaf", required="required_args: [-flux]\n")
    assert said.code == 8
    said = run_probed("--py-args", "-deaf")
    reasons = said.json["verdict"]["reasons"]
    assert said.code == 3
    assert ("required: -flux 1e18 is ignored by the subject: without it only the image of the reference changes"
            in reasons)


def test_negative_numbers_are_values_not_options():
    from nbcompare.case.arguments.command import parse_command

    command = "-spindle_axis -1 0 0 -odet_vector -0.000088 .5 -.9 -4stol f -mat A.mat".split()
    groups = [command[first:last] for first, last in parse_command(command).spans()]
    assert [group[0] for group in groups] == ["-spindle_axis", "-odet_vector", "-4stol", "-mat"]
    assert groups[0] == ["-spindle_axis", "-1", "0", "0"]


@pytest.mark.parametrize(("factor", "found"), [(1 + 3e-7, "same"), (1 + 3e-6, "changed"), (None, "failed")])
def test_what_only_rounds_an_image_otherwise_does_not_change_it(tmp_path, factor, found):
    """A wavelength that cancels moves the last bits of one program and none of another."""
    from nbcompare.engine.engine import Engine, Rendering, Run
    from nbcompare.engine.failure import Failure
    from nbcompare.engine.rendering.runs import Job
    from nbcompare.verdict.ablation import ablate

    command = ("-detpixels", "20", "-lambda", "1")

    def run_quietly(job):
        image = LIVELY if "-lambda" in job.arguments else None if factor is None else LIVELY * np.float32(factor)
        failure = Failure("exit-code", "failed") if image is None else None
        return Rendering(Run(job.engine.role, job.arguments, job.shape, 0, 0.1, failure, None), image)

    jobs = {role: Job(Engine(role, role, (role,), "test"), command, Shape(20, 20), 1.0, tmp_path)
            for role in ("reference", "subject")}
    result = ablate(command, jobs, LIVELY, run_quietly, tmp_path, required=(), only_required=False)
    assert [entry.reference for entry in result.arguments] == ["another shape", found]
