"""The quick layer on images that have next to nothing in them: a smooth stripe, a dark half, a region."""

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from nbcompare.explain.diagnose import DiagnosisOptions, Question
from nbcompare.explain.diagnose.diagnose import diagnose
from nbcompare.explain.diagnose.finders.noise import find_noise

SLOW, FAST = 60, 64
COMMAND = ("-cell", "61", "73", "87", "90", "90", "90", "-default_F", "50", "-lambda", "1.3", "-distance", "90",
           "-pixel", "0.15", "-detpixels_x", str(FAST), "-detpixels_y", str(SLOW), "-N", "6")
ROI = ("-roi", "10", "40", "12", "50")


def stripe():
    """One lit stripe of a few hundred pixels, each row like the next, with nothing about it."""
    y, x = np.mgrid[:SLOW, :FAST]
    inside = (abs(x - 30) < 8) & (y < 52)
    return np.where(inside, 3 + np.cos((x - 27) / 9) * np.cos((y // 3 - 9) / 8), 0).astype("f4")


def hill(width=9.0, step=0.0):
    """A wide hill; ``step`` averages it over two places so far to each side, as sub-pixels do."""
    y, x = np.mgrid[:SLOW, :FAST]
    parts = [np.exp(-((x - 33 + a) ** 2 + (y - 29 + b) ** 2) / width**2) for a in (-step, step) for b in (-step, step)]
    return (100 * np.mean(parts, axis=0)).astype("f4")


def spots_of_one_height():
    """Hills at places of their own, so that no place has a value of its own."""
    y, x = np.mgrid[:SLOW, :FAST]
    return sum(100 * np.exp(-((x - a) ** 2 + (y - b) ** 2) / 20) for a in range(6, 64, 13) for b in range(5, 60, 11))


def first(reference, subject, *more):
    """(id, proven) of the first cause, or of none."""
    question = Question(reference.astype("f4"), subject.astype("f4"), (*COMMAND, *more), Path())
    found = diagnose(question, DiagnosisOptions(quick=True)).causes
    return (found[0].id, found[0].proven) if found else ("", False)


@pytest.mark.parametrize(("id", "change"), [
    ("pixel-shift", lambda x: np.roll(x, (3, -1), (0, 1))),
    ("sub-pixel-shift", lambda x: ndimage.shift(x.astype(float), (-0.4, 0.3), order=1, mode="nearest")),
    ("wrong-stride", lambda x: np.append(x[:, :-1].ravel(), np.zeros(SLOW)).reshape(SLOW, FAST)),
    ("header-bytes", lambda x: np.append(np.full(32, 3e17), x.ravel())[:x.size].reshape(SLOW, FAST)),
    ("blurred", lambda x: ndimage.gaussian_filter(x.astype(float), 0.5)),
])
def test_a_smooth_stripe_has_no_spots_and_yet_its_defect_is_proven(id, change):
    reference = stripe() + np.where(np.arange(SLOW * FAST).reshape(SLOW, FAST) % 977 == 3, 2.5, 0) \
        if id == "header-bytes" else stripe()
    if id == "header-bytes":
        reference = reference + np.arange(SLOW * FAST).reshape(SLOW, FAST) * (reference > 0) * 1e-3
    assert first(reference, change(reference)) == (id, True)


def test_other_sub_pixels_of_a_smooth_image_are_no_proven_blur():
    id, proven = first(hill(), hill(step=0.25))
    assert not proven and id != "sub-pixel-shift"


def test_what_comes_up_within_a_region_says_nothing_about_the_region():
    reference = np.zeros((SLOW, FAST), "f4")
    reference[20:40:3, 20:30:3] = 5
    more = reference.copy()
    more[30:35, 32:39] = 1
    beside = reference.copy()
    beside[20:40, 31] = 1
    ignored = reference.copy()
    ignored[1:5, 50:60] = 1
    assert not first(reference, more, *ROI)[0].startswith("roi") and not first(reference, beside, *ROI)[0].startswith(
        "roi")
    assert first(reference, ignored, *ROI) == ("roi-ignored", True)


def test_a_dark_first_half_is_like_any_other_dark_one():
    reference = np.zeros((SLOW, FAST), "f4")
    reference[40:, 30] = 7
    other = np.zeros((SLOW, FAST), "f4")
    other[20:44, 12] = np.linspace(1, 9, 24)
    assert first(reference, other)[0] != "float64-bytes"
    doubles = np.frombuffer((reference[::-1] + 0.1).astype("<f8").tobytes()[:4 * SLOW * FAST], "<f4")
    assert first(reference[::-1] + np.float32(0.1), doubles.reshape(SLOW, FAST)) == ("float64-bytes", True)


@pytest.mark.parametrize("power", [0.95, 1.005])
def test_a_power_is_told_of_a_flat_image_and_a_weak_one_of_any(power):
    assert first(1000 + hill(), (1000 + hill().astype(float)) ** power) == ("power-law", True)
    assert first(hill() + 1, (hill().astype(float) + 1) ** power) == ("power-law", True)


def test_large_floats_are_whole_numbers_without_having_been_rounded():
    plain = np.tile(np.linspace(1, 3, 32).repeat(2), (SLOW, 1))
    assert first(plain, plain * 3.5e14 + 1e14)[0] != "integer-image"
    assert first(plain, np.rint(plain * 10 + 10)) == ("integer-image", True)


def test_a_cut_of_bits_takes_more_than_a_share_of_what_is_next_to_zero():
    """Below 2^-126 a float has fewer bits than the 16 that a bfloat16 lacks."""
    tails = hill(2.0).astype("f8") ** 3
    faint = np.where(tails > 0, tails * 1e-43, 0).astype("f4")
    faint[3:5] = hill()[29:31] + 1
    assert np.count_nonzero((faint > 0) & (faint < 6e-39)) > 20
    assert first(faint, (faint.view("u4") & np.uint32(0xFFFF0000)).view("f4")) == ("bfloat16-rounding", True)


@pytest.mark.parametrize(("change", "told"), [(lambda x: x**1.0546, True), (lambda x: 0.9 * x**1.0546, False),
                                              (lambda x: 0.83 * x, False)])
def test_a_power_of_a_nearly_constant_image_is_told_where_no_factor_goes_with_it(change, told):
    nearly_flat = 0.035 * (1 + 1e-4 * spots_of_one_height())
    assert (first(nearly_flat, change(nearly_flat.astype("f8")))[0] == "power-law") is told


@pytest.mark.parametrize("photons", [25, 300])
def test_counts_of_a_faint_image_are_no_values_rounded_up(photons):
    faint = hill() / hill().sum(dtype="f8") * photons
    assert first(faint, np.random.default_rng(5).poisson(faint))[0] == "poisson-noise"
    lit = np.where(hill() > 30, 1 + 90 * hill(), 0)
    assert first(lit, np.ceil(lit))[0] == "integer-rounding"


@pytest.mark.parametrize("levels", [4, 37])
def test_steps_are_told_where_the_whole_image_spans_a_few_of_them(levels):
    nearly_flat = (1 + 1e-4 * hill().astype("f8")).astype("f4")
    step = 0.01 / levels
    assert first(nearly_flat, np.rint(nearly_flat.astype("f8") / step) * step) == ("quantised", True)
    wavy = np.abs(np.sin(np.arange(FAST))) * step * 3  # beside a pattern of its own it is no rounding
    assert first(nearly_flat, np.rint((nearly_flat + wavy) / step) * step)[0] != "quantised"


@pytest.mark.parametrize("width", [0.003, 0.03])
def test_gains_of_pixels_are_told_where_lit_lines_are_one_pixel_wide(width):
    lines = np.zeros((SLOW, FAST))
    lines[:, 5::9] = 50 + 40 * np.sin(np.arange(SLOW)[:, None] / 5 + np.arange(7))
    gains = 1 + width * np.random.default_rng(8).normal(size=lines.shape)
    assert first(lines, lines * gains)[0] == "gain-noise"
    waves = 1 + width * np.sin(np.arange(SLOW)[:, None] / 3)
    assert not list(find_noise(Question(lines.astype("f4"), (lines * waves).astype("f4"), COMMAND, Path())))


@pytest.mark.parametrize("widths", [(0.548, 0.548), (0.4, 1.1)])
def test_a_blur_is_told_of_an_image_that_many_kernels_smooth_alike(widths):
    stripes = 5 + np.cos(np.mgrid[:SLOW, :FAST][0] / 2.1) + 0.01 * hill(25.0)
    found = diagnose(Question(stripes.astype("f4"), ndimage.gaussian_filter(stripes, widths).astype("f4"), COMMAND,
                              Path()), DiagnosisOptions(quick=True)).causes[0]
    assert (found.id, found.proven) == ("blurred", True)


@pytest.mark.parametrize(("id", "change", "words"), [
    ("background-offset", lambda x: x + 40, "40 (the adc offset of 40) was added to every pixel but those that are "
                                            "zero in both images"),
    ("scale-and-offset", lambda x: 1.5 * x + 40, "the subject is 1.5 * reference + 40")])
def test_gaps_take_no_part_in_what_was_added(id, change, words):
    """The diagnosis sees masked pixels as zeros in both images; a line through them would be neither's."""
    reference = hill() + np.float32(1)
    subject = change(reference.astype("f8"))
    for image in (reference, subject):
        image[:, 20:26] = image[30:33] = 0
    found = diagnose(Question(reference, subject.astype("f4"), COMMAND, Path()), DiagnosisOptions(quick=True)).causes
    assert (found[0].id, found[0].proven) == (id, True) and found[0].sentence.startswith(words)
    dark = np.where(hill() > 95, hill(), 0)
    id, proven = first(dark, np.where(dark > 0, change(dark), 0))
    assert not (id in ("background-offset", "scale-and-offset") and proven)


def test_a_header_before_a_nearly_constant_image_is_no_move_of_it():
    """Laid on itself anywhere, or a row further, such an image is nearly the same."""
    y, x = np.mgrid[:SLOW, :FAST]
    whole = (1 - 1e-6 * ((x - FAST // 2 + 0.5) ** 2 + (y - 20.0) ** 2)).astype("<f4")
    written = b"HEADER_BYTES=512; ".ljust(4 * (FAST - 9)) + whole.tobytes()
    subject = np.frombuffer(written[:whole.nbytes], "<f4").reshape(SLOW, FAST)
    assert first(whole, subject) == ("header-bytes", True)


def test_a_wholly_saturated_image_may_be_clipped():
    """One value below all of the reference: clipped there, or constant, which nobody can tell."""
    whole = (np.linspace(3, 4, SLOW * FAST).reshape(SLOW, FAST)).astype("<f4")
    asked = Question(whole, np.full_like(whole, 1.5), COMMAND, Path())
    found = diagnose(asked, DiagnosisOptions(quick=True)).causes
    assert {cause.id for cause in found[:2]} == {"constant-image", "clipped"}
    assert not any(cause.proven for cause in found)


def test_an_image_that_is_infinite_everywhere_was_not_rounded_for_all_one_knows():
    whole = np.linspace(7e19, 8e19, SLOW * FAST).reshape(SLOW, FAST).astype("<f4")
    asked = Question(whole, np.full_like(whole, np.inf), COMMAND, Path())
    assert not any(cause.proven for cause in diagnose(asked, DiagnosisOptions(quick=True)).causes)
