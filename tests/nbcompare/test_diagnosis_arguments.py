"""What diagnosis reads in a command line: numbers, detector, edits; and mistakes that show in smooth factors."""

import math
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from nbcompare.case.command import parse_command
from nbcompare.compare.image import Shape
from nbcompare.explain.diagnose import DiagnosisOptions, Question
from nbcompare.explain.diagnose.diagnose import diagnose
from nbcompare.explain.diagnose.setup.detector import read_detector
from nbcompare.explain.diagnose.setup.setting import read_setting

BASE = ("-cell", "100", "100", "100", "90", "90", "90", "-default_F", "100", "-N", "5", "-lambda", "1", "-distance",
        "100", "-detpixels", "32", "-pixel", "0.1")
HERE = Path(".")


def detector(*more):
    return read_detector(parse_command((*BASE, *more)), Shape(32, 32), HERE)


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
def test_phi_steps_follow_the_table_of_the_program(words, steps, step_deg, tmp_path):
    setting = read_setting(parse_command(words.split()), tmp_path)
    assert setting.phi_steps == steps
    assert math.degrees(setting.phi_step) == pytest.approx(step_deg)


@pytest.mark.parametrize("words, sources, domains", [
    ("", 1, 1), ("-divergence 1", 4, 1), ("-divergence 1 -divsteps 4", 12, 1), ("-divergence 1 -divsteps 5", 13, 1),
    ("-divergence 1 -divsteps 4 -square_div", 16, 1), ("-dispersion 1 -dispsteps 3", 3, 1), ("-dispsteps 3", 1, 1),
    ("-hdivrange 1 -hdivsteps 3", 3, 1), ("-mosaic 1", 1, 10), ("-mosaic 1 -mosaic_dom 4", 1, 4),
    ("-mosaic_dom 4", 1, 1)])
def test_sources_and_domains_are_counted_as_the_program_counts_them(words, sources, domains, tmp_path):
    setting = read_setting(parse_command(words.split()), tmp_path)
    assert (setting.sources, setting.mosaic_domains) == (sources, domains)


def test_flux_beats_fluence_and_needs_an_exposure(tmp_path):
    """fluence = flux exposure / beamsize^2, in metres; the default beam is 0.1 mm."""
    def fluence(words):
        return read_setting(parse_command(words.split()), tmp_path).fluence

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


# --- smooth factors --------------------------------------------------------------------------------------------

SMOOTH = ("-distance", "40", "-pixel", "0.5", "-detpixels_x", "90", "-detpixels_y", "80", "-cell", "60", "-N", "4",
          "-default_F", "10", "-lambda", "1.2", "-polar", "0.7", "-oversample", "1")


def smooth_question(change):
    """Spots under the factors of a near, wide detector; the subject has another factor besides."""
    draw = np.random.default_rng(2)
    found = read_detector(parse_command(SMOOTH), Shape(slow=80, fast=90), HERE)
    y, x = np.mgrid[:80, :90]
    spots = ndimage.gaussian_filter((draw.random((80, 90)) > 0.97) * draw.random((80, 90)), 1.2) + 1e-3
    reference = spots * found.polarization_factor(x, y, 0.7) * found.solid_angle(x, y)
    subject = reference * change(found, x, y)
    return Question(reference.astype("f4"), subject.astype("f4"), SMOOTH, HERE)


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


def test_an_unknown_smooth_factor_is_told_as_a_guess():
    question = smooth_question(lambda d, x, y: np.exp(3 * (1 - d.cos_twotheta(x, y))))
    found = diagnose(question, DiagnosisOptions(quick=True))
    assert found.causes[0].id == "radial-pattern" and not found.causes[0].proven
