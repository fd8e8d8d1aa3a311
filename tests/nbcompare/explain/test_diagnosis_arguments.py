"""What diagnosis reads in a command line: numbers, detector, edits; and mistakes that show in smooth factors."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from nbcompare.case.arguments.command import parse_command
from nbcompare.compare.image import Shape
from nbcompare.engine.describe import DescriptionRefused, description_of
from nbcompare.explain.description import describe_command, describe_detector, read_description
from nbcompare.explain.diagnose import DiagnosisOptions, Question
from nbcompare.explain.diagnose.diagnose import diagnose

BASE = ("-cell", "100", "100", "100", "90", "90", "90", "-default_F", "100", "-N", "5", "-lambda", "1", "-distance",
        "100", "-detpixels", "32", "-pixel", "0.1")
HERE = Path(".")


def described(*more, shape=None):
    return describe_command(parse_command((*BASE, *more)), HERE, shape)


def detector(*more):
    return described(*more).detector


# --- the command -----------------------------------------------------------------------------------------------


def test_a_command_reads_back_as_it_was_written():
    words = ("-mat", "A.mat", "-odd", "-cell", "50", "60", "-phi", "-3", "-misset", "random", "-spindle_axis", "-1",
             "0", "0", "-N", "5")
    command = parse_command(words)
    assert command.argv == words
    assert command.find("-cell").values == ("50", "60")
    assert command.number("-phi") == -3
    assert command.find("-spindle_axis").numbers == (-1, 0, 0)


def test_an_option_is_set_in_its_place_and_a_new_one_stands_in_front():
    """The last option decides about pivot and convention, so a new one must not come last."""
    command = parse_command(("-distance", "90", "-twotheta", "3"))
    assert command.setting("-distance", 80).argv == ("-distance", "80", "-twotheta", "3")
    assert command.setting("-Xbeam", 7.5).argv == ("-Xbeam", "7.5", "-distance", "90", "-twotheta", "3")
    assert command.without("-twotheta").argv == ("-distance", "90")


@pytest.mark.parametrize("words, steps, step_deg", [
    ("", 1, 0), ("-osc 1", 2, 0.5), ("-phistep 0.2", 2, 0.2), ("-osc 1 -phistep 0.3", 4, 0.3), ("-phisteps 4", 4, 0.25),
    ("-phisteps 4 -osc 2", 4, 0.5), ("-phisteps 0 -osc 2", 1, 2), ("-phisteps 3 -phistep 0.1", 2, 0.1),
    ("-phisteps 4 -osc 2 -phistep 0.1", 4, 0.1)])
def test_phi_steps_follow_the_table_of_the_program(words, steps, step_deg):
    setting = described(*words.split()).setting
    assert setting.phi_steps == steps
    assert math.degrees(setting.phi_step) == pytest.approx(step_deg)


@pytest.mark.parametrize("words, sources, domains", [
    ("", 1, 1), ("-divergence 1", 4, 1), ("-divergence 1 -divsteps 4", 12, 1), ("-divergence 1 -divsteps 5", 13, 1),
    ("-divergence 1 -divsteps 4 -square_div", 16, 1), ("-dispersion 1 -dispsteps 3", 3, 1), ("-dispsteps 3", 1, 1),
    ("-hdivrange 1 -hdivsteps 3", 3, 1), ("-mosaic 1", 1, 10), ("-mosaic 1 -mosaic_dom 4", 1, 4),
    ("-mosaic_dom 4", 1, 1)])
def test_sources_and_domains_are_counted_as_the_program_counts_them(words, sources, domains):
    setting = described(*words.split()).setting
    assert (setting.sources, setting.mosaic_domains) == (sources, domains)


def test_flux_beats_fluence_and_needs_an_exposure():
    """fluence = flux exposure / beamsize^2, in metres; the default beam is 0.1 mm."""
    def fluence(words):
        return described(*words.split()).setting.fluence

    assert fluence("-fluence 1e24 -flux 1e18") == pytest.approx(1e26)
    assert fluence("-flux 1e18 -beamsize 1 -exposure 2") == pytest.approx(2e24)
    assert fluence("-flux 1e18 -exposure 0") == 125932015286227086360700780544
    assert fluence("-fluence 3") == 3


# --- the detector ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words, pivot, origin_mm", [
    ("", "beam", (-1.7, 1.7, -100)),
    ("-detector_roty 20", "beam", (-1.59748, 1.7, -99.4186)),
    ("-twotheta 20", "beam", (-1.7, 1.59748, -100.581)),
    ("-close_distance 90 -detector_roty 20", "beam", (-1.59748, 1.7, -95.1946)),
    ("-xds -twotheta 20", "sample", (93.422, -35.7055, 1.6)),
    ("-xds -detector_roty 20", "sample", (88.8495, -1.6, -30.6359)),
    ("-xds -ORGX 10 -ORGY 12", "sample", (100, -1.15, 0.95)),
    ("-polar_vector 0 0 1 -detector_roty 20 -pivot sample", "sample", (-33.6429, 1.6, -87.755))])
def test_the_first_pixel_is_where_the_c_program_prints_it(words, pivot, origin_mm):
    """Its "dials origin" (z, y, -x of the first pixel's corner, in mm), measured with nanoBragg C, July 2026."""
    found = detector(*words.split())
    x, y, z = found.origin * 1e3
    assert found.pivot == pivot
    assert (z, y, -x) == pytest.approx(origin_mm, rel=1e-5)


def test_a_ray_meets_the_detector_where_it_came_from():
    found = detector("-detector_rotx", "3", "-detector_roty", "-8", "-Xbeam", "1.1")
    x, y = np.array([3.25, 30.0]), np.array([17.5, 2.0])
    rays = found.positions(x, y)
    rays = rays / np.linalg.norm(rays, axis=1)[:, None]
    np.testing.assert_allclose(found.meets(rays), np.stack((x, y), 1), atol=1e-9)


def test_no_ray_meets_a_detector_whose_axes_are_parallel():
    """Both axes may be given, and a hypothesis may give one in the place of the other."""
    found = detector()
    assert np.isnan(replace(found, slow=found.fast).meets(found.beam[None])).all()


# --- what the simulator is asked ------------------------------------------------------------------------------


def test_the_detector_has_the_shape_of_the_images():
    """A size in mm that is no whole number of pixels stays as it is, and with it the default beam centre."""
    same, other = described("-detsize", "3.24", shape=Shape(32, 32)), described(shape=Shape(slow=20, fast=24))
    assert same.detector.shape == Shape(32, 32)
    assert other.detector.shape == Shape(slow=20, fast=24)
    assert other.detector.beam_option_m == pytest.approx((1.05e-3, 1.25e-3))


def test_a_command_that_says_little_is_described_as_far_as_it_goes(tmp_path):
    """Neither cell nor structure factors, files that are not there, words of another program, a value missing."""
    words = "-phisteps 3 -mat lost.mat -hkl lost.hkl -sourcefile lost.txt -odd 1 -floatfile a.bin -pixel"
    found = describe_command(parse_command(words.split()), tmp_path)
    assert found.lattice is None
    assert (found.setting.phi_steps, found.setting.default_F) == (3, 0)
    assert describe_command(parse_command(()), tmp_path, Shape(slow=4, fast=5)).detector.shape == Shape(slow=4, fast=5)


def test_a_listed_reflection_leaves_no_default(tmp_path):
    (tmp_path / "f.hkl").write_text("1 2 3 40\n")
    words = ("-cell", "50", "-hkl", "f.hkl", "-default_F", "7")
    assert describe_command(parse_command(words), tmp_path).setting.default_F == 0
    assert describe_command(parse_command(words[:2] + words[4:]), tmp_path).setting.default_F == 7


def test_what_cannot_be_simulated_is_refused_in_the_simulators_words():
    with pytest.raises(DescriptionRefused, match="-lambda: the wavelength must be positive, not -1 A"):
        described("-lambda", "-1")
    assert describe_detector(parse_command((*BASE, "-lambda", "-1")), HERE, Shape(32, 32)) is None


@pytest.mark.parametrize("more", ["", "-detector_rotx 4 -detector_roty -9 -xds", "-twotheta 20 -phi 30",
                                  "-spindle_axis 0 1 1 -phi 30 -polar 0.8 -misset 10 20 30 -beam_vector 1 0.1 0"])
def test_pixels_are_where_the_simulator_has_them(more):
    """Places, factors and indices of whole images follow from the described vectors; held against the simulator's own
    of single pixels."""
    asked = ("-describe_pixel", "0", "31", "-describe_pixel", "20", "3")
    words = (*BASE, *more.split(), "-oversample", "1", "-nopolar" if "-polar" not in more else "-point_pixel")
    document = description_of((*words, *asked), HERE)
    found = read_description(document)
    for pixel in document["pixels"]:
        x, y = np.array([pixel["fast"]]), np.array([pixel["slow"]])
        np.testing.assert_allclose(found.detector.centres(x, y)[0], pixel["position_m"], rtol=1e-10, atol=1e-15)
        phi = found.setting.phis[0]
        np.testing.assert_allclose(found.lattice.indices(found.detector, x, y, phi)[0], pixel["hkl"], atol=1e-9)
        if found.setting.polarized:
            factor = found.detector.polarization_factor(x, y, found.setting.kahn)
            np.testing.assert_allclose(factor[0], pixel["polarization"], rtol=1e-10)
        else:
            np.testing.assert_allclose(found.detector.solid_angle(x, y)[0], pixel["solid_angle_sr"], rtol=1e-10)


# --- smooth factors --------------------------------------------------------------------------------------------

SMOOTH = ("-distance", "40", "-pixel", "0.5", "-detpixels_x", "90", "-detpixels_y", "80", "-cell", "60", "-N", "4",
          "-default_F", "10", "-lambda", "1.2", "-polar", "0.7", "-oversample", "1")


def smooth_question(change, *more):
    """Spots under the factors of a near, wide detector; the subject has another factor besides."""
    draw = np.random.default_rng(2)
    argv = (*SMOOTH, *more)
    found = describe_command(parse_command(argv), HERE).detector
    y, x = np.mgrid[:80, :90]
    spots = ndimage.gaussian_filter((draw.random((80, 90)) > 0.97) * draw.random((80, 90)), 1.2) + 1e-3
    reference = spots * found.polarization_factor(x, y, 0.7) * found.solid_angle(x, y)
    subject = reference * change(found, x, y)
    return Question(reference.astype("f4"), subject.astype("f4"), argv, HERE)


@pytest.mark.parametrize("id, change", {
    "polarization-missing": lambda d, x, y: 1 / d.polarization_factor(x, y, 0.7),
    "polarization-twice": lambda d, x, y: d.polarization_factor(x, y, 0.7),
    "polarization-value": lambda d, x, y: d.polarization_factor(x, y, 0.35) / d.polarization_factor(x, y, 0.7),
    "polarization-rotated": lambda d, x, y: d.polarization_factor(x, y, 0.7, np.array([0.0, 0.6, 0.8]))
    / d.polarization_factor(x, y, 0.7),
    "obliquity-missing": lambda d, x, y: 1 / d.cos_obliquity(x, y),
    "solid-angle-missing": lambda d, x, y: 1 / d.solid_angle(x, y),
    "point-pixel": lambda d, x, y: 1 / (d.pixel_m**2 * d.cos_obliquity(x, y)),
    "inverse-square-missing": lambda d, x, y: d.cos_obliquity(x, y) ** -3,
    "absorption-value": lambda d, x, y: 1 - np.exp(-0.8 / d.cos_obliquity(x, y)),
    "lorentz-factor": lambda d, x, y: 1 / np.sqrt(1 - d.cos_twotheta(x, y) ** 2),
    "dmin-value": lambda d, x, y: d.cos_twotheta(x, y) > 0.86,
}.items())
def test_a_factor_over_the_image_is_named_first_and_proven(id, change):
    found = diagnose(smooth_question(change), DiagnosisOptions(quick=True))
    assert found.causes[0].id == id, [(cause.id, cause.sentence) for cause in found.causes]
    assert found.causes[0].proven


@pytest.mark.parametrize("kahn", [0.0123, 0.6])
def test_another_polarization_is_no_turned_axis_where_only_rounding_parts_them(kahn):
    """On a far detector; a second free number always fits a little of the rounding, and names no axis."""
    found = diagnose(smooth_question(lambda d, x, y: d.polarization_factor(x, y, kahn)
                                     / d.polarization_factor(x, y, 0.7), "-distance", "900"),
                     DiagnosisOptions(quick=True))
    assert found.causes[0].id == "polarization-value"
    assert "polarization-rotated" not in [cause.id for cause in found.causes]


def test_an_unknown_smooth_factor_is_told_as_a_guess():
    """exp(c (1 - cos 2theta)) would be a temperature factor; of its square root in the exponent nobody has heard."""
    question = smooth_question(lambda d, x, y: np.exp(0.5 * np.sqrt(1 - d.cos_twotheta(x, y))))
    found = diagnose(question, DiagnosisOptions(quick=True))
    assert found.causes[0].id == "radial-pattern" and not found.causes[0].proven
