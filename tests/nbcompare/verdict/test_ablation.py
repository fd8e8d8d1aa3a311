"""Leaving an option out: the region that is looked at, what counts as a change, and what is said of it."""

import numpy as np
import pytest

from nbcompare.compare.image import Shape
from nbcompare.engine.engine import Engine, Failure, Rendering, Run
from nbcompare.engine.rendering.runs import Job
from nbcompare.verdict.ablation import AblatedArgument, Ablation, ablate

COMMAND = ("-detpixels", "200", "-lambda", "1", "-flux", "2")
SHAPE = Shape(200, 200)


def image_with_peak(x, y):
    image = np.ones((200, 200), np.float32)
    image[y, x] = 1000.0
    return image


class Engines:
    """Two engines that answer by the arguments, and note what they were asked."""

    def __init__(self, answer):
        self.answer, self.asked = answer, []

    def __call__(self, job):
        self.asked.append((job.engine.role, job.arguments, job.purpose))
        image = self.answer(job.arguments)
        failure = Failure("exit-code", "failed") if image is None else None
        return Rendering(Run(job.engine.role, job.arguments, job.shape, 0, 0.1, failure, None), image)


def ablated(engines, tmp_path, image=None, command=COMMAND, **more):
    jobs = {role: Job(Engine(role, role, (role,), "test"), command, SHAPE, 1.0, tmp_path)
            for role in ("reference", "subject")}
    options = {"required": (), "only_required": False} | more
    return ablate(command, jobs, image_with_peak(100, 100) if image is None else image, engines, tmp_path, **options)


@pytest.mark.parametrize(("x", "y", "box"), [
    (100, 90, "68 131 58 121"), (0, 0, "0 63 0 63"), (199, 199, "136 199 136 199"), (32, 167, "0 63 135 198"),
    (33, 168, "1 64 136 199"), (168, 31, "136 199 0 63")])
def test_the_probed_region_is_64_pixels_about_the_brightest_and_within_the_image(tmp_path, x, y, box):
    engines = Engines(lambda arguments: image_with_peak(x, y))
    ablated(engines, tmp_path, image_with_peak(x, y))
    assert engines.asked[0] == ("reference", (*COMMAND, "-roi", *box.split()), "probe, nothing left out")


@pytest.mark.parametrize(("size", "box"), [
    (66, "2 65 2 65"), (65, "1 64 1 64"), (64, "0 63 0 63"), (127, "63 126 63 126")])
def test_the_region_reaches_the_edge_of_an_image_of_any_size(tmp_path, size, box):
    image = image_with_peak(size - 1, size - 1)[:size, :size]
    engines = Engines(lambda arguments: image)
    ablated(engines, tmp_path, image)
    assert engines.asked[0][1][-4:] == tuple(box.split())


def test_an_image_smaller_than_the_region_is_probed_whole(tmp_path):
    small = image_with_peak(5, 5)[:20, :30]
    engines = Engines(lambda arguments: small)
    ablated(engines, tmp_path, small)
    assert engines.asked[0][1][-4:] == ("0", "29", "0", "19")


def test_a_region_of_the_command_itself_stays(tmp_path):
    engines = Engines(lambda arguments: image_with_peak(3, 3))
    ablated(engines, tmp_path, command=(*COMMAND, "-roi", "0", "9", "0", "9"))
    assert engines.asked[0][1] == (*COMMAND, "-roi", "0", "9", "0", "9")


def test_every_option_is_left_out_once_for_each_engine(tmp_path):
    engines = Engines(lambda arguments: image_with_peak(100, 100))
    found = ablated(engines, tmp_path)
    assert [entry.words for entry in found.arguments] == [("-detpixels", "200"), ("-lambda", "1"), ("-flux", "2")]
    box = ("-roi", "68", "131", "68", "131")
    assert [(role, arguments) for role, arguments, _ in engines.asked[2:]] == [
        (role, (*words, *box)) for words in (("-detpixels", "200", "-flux", "2"), ("-detpixels", "200", "-lambda", "1"))
        for role in ("reference", "subject")]
    assert engines.asked[2][2] == "probe without -lambda"
    assert [entry.reference for entry in found.arguments] == ["another shape", "same", "same"]


def test_only_required_options_are_probed_when_nobody_asks_for_all(tmp_path):
    found = ablated(Engines(lambda arguments: image_with_peak(9, 9)), tmp_path, required=("-flux",), only_required=True)
    assert [(entry.words, entry.required) for entry in found.arguments] == [(("-flux", "2"), True)]
    found = ablated(Engines(lambda arguments: image_with_peak(9, 9)), tmp_path, required=("-flux",))
    assert [entry.required for entry in found.arguments] == [False, False, True]


def test_an_engine_that_fails_with_the_region_is_probed_without_it(tmp_path):
    engines = Engines(lambda arguments: None if "-roi" in arguments else image_with_peak(9, 9))
    found = ablated(engines, tmp_path)
    assert [entry.subject for entry in found.arguments] == ["another shape", "same", "same"]
    assert engines.asked[-1][1] == ("-detpixels", "200", "-lambda", "1")


def test_an_engine_that_always_fails_tells_nothing(tmp_path):
    found = ablated(Engines(lambda arguments: None), tmp_path)
    assert {(entry.reference, entry.subject) for entry in found.arguments} == {("not known",) * 2}


def test_of_an_engine_that_may_not_run_the_earlier_answer_is_taken(tmp_path):
    known = Ablation((AblatedArgument(("-flux", "2"), "changed", "same", True),))
    engines = Engines(lambda arguments: image_with_peak(9, 9))
    found = ablated(engines, tmp_path, may_run=("subject",), known=known)
    assert [entry.reference for entry in found.arguments] == ["not known", "not known", "changed"]
    assert {role for role, _, _ in engines.asked} == {"subject"}
    assert [entry.reference for entry in ablated(engines, tmp_path, may_run=("subject",)).arguments] == [
        "not known"] * 3


@pytest.mark.parametrize(("moved", "found"), [(2.0**-10, "same"), (2.0**-9, "changed")])
def test_a_change_is_more_than_a_millionth_of_the_brightest_pixel(tmp_path, moved, found):
    """A millionth of 1000 is 0.001; 2^-10 is just below it and 2^-9 above."""
    without = image_with_peak(9, 9)
    without[3, 3] -= np.float32(moved)
    engines = Engines(lambda arguments: image_with_peak(9, 9) if "-flux" in arguments else without)
    assert ablated(engines, tmp_path).arguments[-1].subject == found


def test_an_option_without_which_there_is_no_command_changes_the_shape(tmp_path):
    command = ("-detpixels", "200", "-pixel", "0.1", "-detpixels_x", "nonsense", "-detpixels_x", "200")
    engines = Engines(lambda arguments: image_with_peak(9, 9))
    found = ablated(engines, tmp_path, command=command)
    assert [entry.reference for entry in found.arguments] == ["another shape", "another shape", "same",
                                                              "another shape"]


SENTENCES = {
    ("same", "same"): "-x 1 changes neither image",
    ("same", "changed"): "-x 1 is ignored by the reference: without it only the image of the subject changes",
    ("changed", "same"): "-x 1 is ignored by the subject: without it only the image of the reference changes",
    ("same", "failed"): "-x 1 is ignored by the reference: without it only the image of the subject is lost",
    ("failed", "same"): "-x 1 is ignored by the subject: without it only the image of the reference is lost",
    ("not known", "changed"): "-x 1: what it changes is not known, as an engine gave no image in the probe",
    ("same", "not known"): "-x 1: what it changes is not known, as an engine gave no image in the probe",
    ("changed", "changed"): None, ("failed", "failed"): None, ("another shape", "another shape"): None,
}


@pytest.mark.parametrize("found", SENTENCES)
def test_what_leaving_an_option_out_shows_is_said_in_words(found):
    entry, required = (AblatedArgument(("-x", "1"), *found, needed) for needed in (False, True))
    words = SENTENCES[found]
    assert entry.sentence == words and entry.inert is (found == ("same", "same"))
    both = Ablation((entry, required))
    assert both.blockers == ([f"required: {words}"] if words else []) and both.remarks == ([words] if words else [])
    assert Ablation.from_dict(both.as_dict()) == both
