"""Gains of panels, steps of a coarse grid, and factors that are told by their size: seen in the images alone."""

from pathlib import Path

import numpy as np
import pytest

from nbcompare.explain.diagnose import DiagnosisOptions, Question
from nbcompare.explain.diagnose.diagnose import diagnose
from nbcompare.explain.diagnose.finders.panels import find_panels
from nbcompare.explain.diagnose.finders.pattern import find_smooth_factor
from nbcompare.explain.diagnose.finders.rounding import _refined

SIDE = 80
ARGV = ("-cell", "61", "73", "87", "-default_F", "50", "-lambda", "1.3", "-distance", "175", "-pixel", "0.15",
        "-detpixels", str(SIDE), "-N", "6", "-fluence", "1e24", "-nonoise")


def spots(at=None, background=300.0):
    draw = np.random.default_rng(5)
    y, x = np.mgrid[:SIDE, :SIDE]
    image = np.full((SIDE, SIDE), background)
    for row, column in at if at is not None else draw.uniform(0, SIDE, (30, 2)):
        image += draw.uniform(50, 1000) * np.exp(-((y - row) ** 2 + (x - column) ** 2) / 4)
    return np.where(image > 1e-3, image, 0).astype("<f4")


def named(reference, subject, argv=ARGV):
    found = diagnose(Question(reference, subject.astype("<f4"), argv, Path()), DiagnosisOptions(quick=True)).causes
    return {cause.id: cause for cause in found if cause.proven}


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("gain", [1.05, 1.002, 0.7])
def test_a_panel_with_another_gain_is_named_with_its_edge(gain, turned):
    reference = spots()
    factor = np.where(np.arange(SIDE) >= 33, gain, 1.0)
    said = named(reference, reference * (factor if turned else factor[:, None]))
    assert f"from {'column' if turned else 'row'} 33 on {gain:g}" in said["panel-gain"].sentence


def test_spots_with_darkness_between_them_are_no_panels():
    """Another F of one of two reflections: nobody can say that a panel ends in between."""
    reference = spots(((20, 30), (60, 50)), background=0.0)
    reference[reference < 0.05] = 0
    subject = reference.copy()
    subject[40:] *= np.float32(1.3)
    assert "panel-gain" not in named(reference, subject)
    lit = spots(((20, 30), (60, 50)))
    assert "panel-gain" in named(lit, np.concatenate((lit[:40], lit[40:] * np.float32(1.3))))


def test_a_gain_that_changes_smoothly_is_no_panel():
    reference = spots()
    question = Question(reference, (reference * np.linspace(1, 1.1, SIDE)[:, None]).astype("<f4"), ARGV, Path())
    assert list(find_panels(question)) == []


def test_one_gain_of_the_whole_image_is_no_panel():
    reference = spots()
    assert "panel-gain" not in named(reference, reference.astype(float) * 1.07)


def test_rows_that_the_reference_repeats_too_are_not_counted():
    reference = spots()
    reference[5:8] = reference[4]
    subject = reference.copy()
    subject[30] = subject[29]
    said = named(reference, subject)["lines-repeated"].sentence
    assert said == "1 row of the subject, from 30 on, repeats the row before"


def test_thousands_of_steps_are_told_from_floats_that_are_rounded_themselves():
    """Two neighbours near the peak say the step to 2e-4 only: over 3700 steps that is most of one."""
    step = 0.271
    values = (np.arange(0, 3700, 7) * step).astype(np.float32).astype(float)
    assert _refined(values, (values[-1] - values[-2]) / 7 * (1 - 2e-4)) == pytest.approx(step, rel=1e-6)
    reference = spots() * np.float32(1e4)
    subject = np.rint(reference.astype(float) / 987.3) * 987.3
    assert next(iter(named(reference, subject))) == "quantised"


@pytest.mark.parametrize("radius", [2.818, 2.82])
def test_a_rounded_electron_radius_is_named(radius):
    reference = spots()
    assert next(iter(named(reference, reference * (radius / 2.8179403) ** 2))) == "electron-radius"


WIDE = (*ARGV[:-2], "-distance", "14", "-detector_roty", "9", "-polar", "0.8", "-oversample", "1")


def factors_of(question):
    """Of all pixels [slow, fast]: cos 2theta, cos 2psi, the cosine to the normal, Kahn's factor for 0.8."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    detector = question.detector
    rays = detector.centres(columns, rows)
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    across = np.cross(detector.polarization, detector.beam)
    psi = np.arctan2(rays @ across, rays @ np.cross(detector.beam, across))
    c = rays @ detector.beam
    return c, np.cos(2 * psi), rays @ detector.normal, 0.5 * (1 + c**2 - 0.8 * np.cos(2 * psi) * (1 - c**2))


def smooth(argv, factor):
    """The proven causes that the finder of smooth factors gives of an image with a factor, best first."""
    reference = spots()
    angles = factors_of(Question(reference, reference, argv, Path()))
    found = find_smooth_factor(Question(reference, (reference * factor(*angles)).astype("<f4"), argv, Path()))
    return sorted((cause for cause in found if cause.proven), key=lambda cause: cause.order)


@pytest.mark.parametrize("id, words, factor", [
    ("polarization-formula", "cos 2θ in place", lambda c, twist, n, p: (1 + c - 0.8 * twist * (1 - c)) / 2 / p),
    ("polarization-formula", "θ in place", lambda c, twist, n, p: (3 + c - 0.8 * twist * (1 - c)) / 4 / p),
    ("polarization-formula", "square root", lambda c, twist, n, p: p**-0.5),
    ("polarization-formula", "without sin²", lambda c, twist, n, p: (1 + c**2 - 0.8 * twist) / 2 / p),
    ("solid-angle-formula", "the cosine to the beam", lambda c, twist, n, p: c / n),
    ("solid-angle-formula", "lacks 1/R²", lambda c, twist, n, p: 3.0 / n**2),
    ("temperature-factor", "B = 4.7 A²", lambda c, twist, n, p: np.exp(-4.7 * (1 - c) / 1.3**2))])
def test_another_formula_of_a_smooth_factor_is_named(id, words, factor):
    """Also with a constant besides, which follows from the distance or comes on its own."""
    for constant in (1.0, 7.3):
        first, *more = smooth(WIDE, lambda *angles, constant=constant: constant * factor(*angles))
        assert (first.id, words in first.sentence) == (id, True), [cause.sentence for cause in (first, *more)]


def test_over_few_angles_a_rare_formula_is_a_guess():
    """There its inverse and a curved detector's distance are the same factor, so that the search has to go on."""
    near = (*ARGV[:-2], "-distance", "120", "-polar", "0", "-oversample", "1")
    reference = spots()
    p = 0.5 * (1 + factors_of(Question(reference, reference, near, Path()))[0] ** 2)
    found = {cause.id: cause.proven for cause in find_smooth_factor(
        Question(reference, (reference * p**-2).astype("<f4"), near, Path()))}
    assert found["polarization-formula"] is False
    assert smooth(WIDE, lambda c, twist, n, p: p**-2)[0].id == "polarization-formula"


def test_a_slope_that_is_no_temperature_factor_is_not_called_one():
    """One of each kind of smooth factor, near the beam and far from it."""
    for argv in (ARGV, WIDE):
        for factor in (lambda c, t, n, p: 1 / p, lambda c, t, n, p: 1 / n, lambda c, t, n, p: 1 / n**3,
                       lambda c, t, n, p: c**1.5, lambda c, t, n, p: 1 + 0.02 * (1 - c),
                       lambda c, t, n, p: 1 - np.exp(-0.7 / n)):
            said = smooth(argv, factor)
            assert not any(cause.id == "temperature-factor" for cause in said), [cause.sentence for cause in said]


def test_a_factor_that_takes_the_peaks_beyond_float32_is_named_by_what_is_left():
    reference = spots()
    with np.errstate(over="ignore"):
        beyond = (reference.astype(float) * 1e35 * 10).astype("<f4")
    assert 0 < np.count_nonzero(np.isinf(beyond)) < 0.2 * beyond.size
    assert "1e+36 times the reference" in named(reference, beyond)["scale-factor"].sentence
    beyond[3, 4] = np.nan  # that no factor made
    assert "scale-factor" not in named(reference, beyond)


def test_a_lost_pixel_area_names_the_point_pixel_that_gives_the_same_image():
    reference = spots()
    far = (*ARGV[:-6], "-distance", "90000", *ARGV[-6:], "-distance", "90000")
    curved = (*ARGV, "-curved_det")
    for argv in (far, curved):
        said = named(reference, reference.astype(float) / 0.00015**2, argv)
        assert {"pixel-area", "point-pixel"} <= set(said) and "point-pixel" in said["pixel-area"].rivals
    assert "point-pixel" not in named(reference, reference.astype(float) / 0.00015**2)


@pytest.mark.parametrize("step", [1, -1])
@pytest.mark.parametrize("turned", [False, True])
def test_rows_that_repeat_their_neighbour_are_named(step, turned):
    reference = spots()
    subject = (reference.T if turned else reference).copy()
    rows = np.arange(10, SIDE - 2, 5)
    subject[rows] = subject[rows - step]
    said = named(reference, subject.T if turned else subject)
    assert list(said) == ["lines-repeated"], said
    assert f"the {'column' if turned else 'row'} {'before' if step == 1 else 'after'}" in \
        said["lines-repeated"].sentence


def test_a_header_is_told_also_where_the_end_of_the_file_is_lost():
    reference = spots()
    header = np.frombuffer(b"{HEADER_BYTES=512;".ljust(512), np.float32)
    subject = np.concatenate((header, reference.ravel()))[:reference.size]
    subject[5000:] = 0
    assert "header-bytes" in named(reference, subject.reshape(reference.shape))


@pytest.mark.parametrize("beyond", [-(2**31), 2**31 - 1])
def test_integers_are_told_also_where_the_peaks_are_beyond_them(beyond):
    reference = spots() * np.float32(3e6)
    over = reference >= 2.0**31
    assert 0 < np.count_nonzero(over) < 1000
    counts = np.where(over, beyond, np.rint(np.where(over, 0, reference.astype(float)))).astype("<i4")
    assert list(named(reference, counts.view("<f4"))) == ["integer-bytes"]
    assert "integer-bytes" not in named(reference, np.where(over, 7, counts).astype("<i4").view("<f4"))


@pytest.mark.parametrize("more, factor, id", [
    (("-close_distance", "140"), 0.175**2, "distance-squared"),
    (("-close_distance", "140"), 0.14**2, "distance-squared"),
    (("-mosaic_domains", "7", "-mosaic", "0"), 7 / 8, "steps-off-by-one"),
    (("-mosaic_domains", "7", "-mosaic", "0"), 7, "steps-not-divided")])
def test_factors_of_what_the_command_states_and_does_not_use_are_named(more, factor, id):
    """Of two distances one counts, and without a spread there is one domain; a port may take what is stated."""
    reference = spots()
    assert next(iter(named(reference, reference.astype(float) * factor, (*ARGV, *more)))) == id
