"""Pixels without a measurement: zero in both images of a diagnosis, they speak neither for an edit nor against."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import ndimage

from nbcompare.compare.masks import gaps_of, plain_images
from nbcompare.explain.diagnose import DiagnosisOptions, Question
from nbcompare.explain.diagnose.diagnose import diagnose
from nbcompare.explain.diagnose.hypotheses.candidate import Candidate
from nbcompare.explain.diagnose.search.trials import CauseTrials

SIDE = 64
COMMAND = ("-cell", "61", "73", "87", "90", "90", "90", "-default_F", "50", "-lambda", "1.3", "-distance", "90",
           "-pixel", "0.15", "-detpixels", str(SIDE), "-N", "6")


def spots():
    draw = np.random.default_rng(3)
    y, x = np.mgrid[:SIDE, :SIDE]
    image = np.full((SIDE, SIDE), 3.0)
    for height in draw.uniform(50, 1000, 30):
        image += height * np.exp(-((y - draw.uniform(0, SIDE)) ** 2 + (x - draw.uniform(0, SIDE)) ** 2) / 4)
    return image.astype("f4")


def gaps():
    """A gap between two modules, in no place that a move of the image leaves alone, and a few dead pixels."""
    gone = np.zeros((SIDE, SIDE), bool)
    gone[:, 20:24] = gone[41:43] = True
    gone[tuple(np.random.default_rng(4).integers(0, SIDE, (2, 9)))] = True
    return gone


def noise(image):
    return image + np.random.default_rng(5).normal(0, 9, image.shape)


def read_again(raw):
    """The bytes of a file, or as many of them as an image has, read as one."""
    return np.frombuffer(raw[:4 * SIDE * SIDE], "<f4").reshape(SIDE, SIDE).astype("f8")


def repeated(image):
    image[1::2] = image[:-1:2]
    return image


def rows_of(length, image):
    """Written in rows of another length, as with padding."""
    return read_again(np.pad(image, ((0, 0), (0, length - SIDE))).astype("<f4").tobytes())


EDITS = [
    ("header-bytes", lambda x: read_again(b"HEADER= 512;   " * 34 + x.astype("<f4").tobytes()), True),
    ("header-bytes", lambda x: read_again(bytes(range(1, 249)) + x.astype("<f4").tobytes()), True),
    ("float64-bytes", lambda x: read_again(x.tobytes()), True),
    ("wrong-endian", lambda x: x.astype("<f4").byteswap().astype("f8"), True),
    ("wrong-stride", lambda x: rows_of(SIDE + 4, x), True), ("lines-repeated", repeated, True),
    ("quantised", lambda x: 23.0 * np.rint(x / 23), True),
    ("panel-gain", lambda x: x * np.where(np.arange(SIDE) < 42, 1, 1.07)[:, None], True),
    ("flipped-slow", lambda x: x[::-1], True), ("transposed", lambda x: x.T, True),
    ("pixel-shift", lambda x: np.roll(x, (3, -2), (0, 1)), True),
    ("blurred", lambda x: ndimage.gaussian_filter(x, 0.4), True),
    ("sub-pixel-shift", lambda x: ndimage.shift(x, (0, 0.3), order=1, mode="nearest"), True),
    ("floored", lambda x: np.maximum(x, 8), True), ("constant-image", lambda x: np.full_like(x, 7), True),
    ("background-offset", lambda x: x + 40, True), ("gaussian-noise", noise, False)]


@pytest.mark.parametrize(("id", "edit", "proven"), EDITS)
def test_a_defect_is_told_through_gaps(id, edit, proven):
    reference = spots()
    with np.errstate(invalid="ignore"):
        subject = edit(reference.astype("f8")).astype("f4")
    masked = [np.ma.MaskedArray(image, gaps()) for image in (reference, subject)]
    plain = plain_images(*masked)
    assert not plain[0][gaps()].any() and not plain[1][gaps()].any()
    found = diagnose(Question(*plain, COMMAND, Path(), gaps=gaps_of(*masked)), DiagnosisOptions(quick=True)).causes
    assert (found[0].id, found[0].proven) == (id, proven)


def test_trials_compare_what_was_measured():
    """The simulator knows of no gaps: without them its unedited image would not be the reference."""
    whole, edited = spots(), 2 * spots()[::-1]
    reference, subject = (np.where(gaps(), 0, image).astype("f4") for image in (whole, edited))

    class Renders:
        renderer, told = SimpleNamespace(processor_seconds=0.0), None

        def render(self, candidate, files, region, *more):
            return (whole if candidate.command.argv == COMMAND else edited)[region.slices]

    for known, ready in ((gaps(), True), (None, False)):
        question = Question(reference, subject, COMMAND, Path(), gaps=known)
        trials = CauseTrials(question, Renders(), 5.0)
        assert trials.ready is ready
        edit = Candidate("argv", "an edit", question.command.setting("-phi", 3.0))
        reading = trials.try_one(edit)
        assert reading.holds is ready and trials.confirmed(edit, reading).holds is ready


def test_plain_images_have_no_gaps():
    image = np.ones((2, 3), "<f4")
    image[0, 0] = np.nan  # a result, of which the diagnosis has a word to say
    assert gaps_of(image, image) is None and gaps_of(image.astype("f8"), np.ones((3, 2))) is None
    assert gaps_of(image.astype("f8"), image).tolist() == [[True, False, False], [False] * 3]


def test_a_move_whose_edge_nobody_sees_is_a_beam_centre_as_well_as_a_moved_image():
    seen = np.zeros((SIDE, SIDE), bool)
    seen[9:50, 12:52] = True
    images = [np.where(seen, image, 0).astype("f4") for image in (spots(), np.roll(spots(), (3, -2), (0, 1)))]
    found = diagnose(Question(*images, COMMAND, Path(), gaps=~seen), DiagnosisOptions(quick=True)).causes
    assert [cause.id for cause in found] == ["beam-centre-value", "pixel-shift"]
    assert found[0].proven and found[0].rivals == ("pixel-shift",)


def test_an_image_is_not_called_turned_by_the_little_that_both_show():
    """Of the part that is seen and its mirror image two rows are in common, and these are the same in any case."""
    seen = np.arange(SIDE)[:, None] < 33 + np.zeros((1, SIDE))
    reference = spots()
    reference[32] = reference[31]
    subject = np.where(np.arange(SIDE)[:, None] < 31, noise(reference), reference)
    images = [np.where(seen, image, 0).astype("f4") for image in (reference, subject)]
    found = diagnose(Question(*images, COMMAND, Path(), gaps=~seen), DiagnosisOptions(quick=True)).causes
    assert not any(cause.proven for cause in found), found[0].sentence
