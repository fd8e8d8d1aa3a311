"""Check values of the reference simulator: largest pixel and sum of the 32 x 32 BASE image with options."""

import re

import numpy as np
import pytest

# Options, largest pixel, sum. The first block is where nanoBragg C does something odd and the physics is
# done here instead; the figures are from an independent double-precision calculation.
PHYSICS = [
    ("", 104.3638, 5682.249931),
    ("-phi 0 -osc 4 -phisteps 2", 104.36439, 5505.720805),
    ("-phi -2 -osc 4 -phisteps 2", 104.36439, 5500.622776),
    ("-oversample 2 -oversample_omega", 97.280554, 5685.048281),
    ("-twotheta 10 -twotheta_axis 0 0 -2", 7.1665066, 188.7980834),
    ("-xds -curved_det 1", 104.36387, 5674.615269),
    ("-cell 50 50 50 60 60 60", 147.38231, 2431.054699),
    ("-misset_seed 42 -misset random", 104.53993, 945.7682698),
    ("-detector_thick 100", 65.980787, 3592.921386),
    ("-detector_thick 100 -thicksteps 5 -oversample_thick", 66.02353, 3593.560378),
    ("-fluence 1e24 -water 100 -default_F 1e-30 -oversample 2", 1754722.5, 1796212625),
    ("-nopolar -oversample_polar", 104.36383, 5682.6439),
    ("-gauss_xtal", 105.07045, 5541.329129),
    ("-binary_spots", 156.24984, 5623.49477),
]

# Where nanoBragg C and the physics agree; the figures are measured from nanoBragg C.
AGREED = [
    ("-oversample 2", 97.280609, 5685.0457),
    ("-oversample 3", 96.0933, 5685.3963),
    ("-point_pixel", 1.0436383e10, 5.682643892e11),
    ("-mosaic 1", 104.36391, 5624.347341),
    ("-mosaic 1 -mosaic_domains 4", 104.36375, 5641.973817),
    ("-mosaic 1 -mosaic_dom 5", 104.66699, 5633.783189),
    ("-divergence 1", 78.641983, 5691.447803),
    ("-divergence 1 -divsteps 4", 93.180847, 5686.182167),
    ("-divergence 1 -divsteps 4 -square_div", 89.546135, 5687.49793),
    ("-divergence 1 -divsteps 5", 96.838776, 5684.96679),
    ("-dispersion 1 -dispsteps 3", 104.36217, 5682.551486),
    ("-wave 2", 141.48978, 2944.646536),
    ("-N 2", 0.60905886, 148.33659),
    ("-Na 7", 204.55304, 11082.502),
    ("-nopolar", 104.36382, 5682.6439),
    ("-xds -twotheta 20", 89.787651, 1621.324398),
    ("-twotheta 20", 122.69143, 5639.915256),
    ("-adxv", 156.25, 5672.360504),
    ("-denzo", 156.25, 5672.360504),
    ("-misset 370 0 0", 136.60864, 5784.710605),
    ("-roi 5 5 6 8", 12.33008, 26.11395884),
]


@pytest.mark.parametrize(("options", "largest", "total"), PHYSICS + AGREED)
def test_check_values_hold(reference, options, largest, total):
    """1e-7: half a unit of float32, and the eight digits to which the figures are stated."""
    image = reference(options).image().astype(np.float64)
    assert image.max() == pytest.approx(largest, rel=1e-7)
    assert image.sum() == pytest.approx(total, rel=1e-7)


def test_a_random_orientation_follows_its_seed(reference):
    said = reference("-misset_seed 42 -misset random").stdout
    angles = re.search(r"random orientation misset angles: (\S+) (\S+) (\S+) deg", said).groups()
    assert [float(angle) for angle in angles] == pytest.approx([93.2567, -9.35536, 160.7535], abs=1e-4)


def test_random_orientation_without_its_own_seed_follows_the_seed(reference):
    own = reference("-misset random -misset_seed 7").image()
    shared = reference("-misset random -seed 7").image()
    assert np.array_equal(own, shared)


def test_layers_absorb_together_what_one_sensor_does(reference):
    """Layers add up to 1 - exp(-T mu/cos), so their number changes next to nothing (their depth alone)."""
    one = reference("-detector_thick 100 -thicksteps 1").image().sum(dtype=float)
    many = reference("-detector_thick 100 -thicksteps 8").image().sum(dtype=float)
    assert many == pytest.approx(one, rel=1e-3)


def test_weights_of_sources_are_shares_of_the_fluence(reference, tmp_path):
    """Weights 1 and 3 count a quarter and three quarters, whatever their sum."""
    (tmp_path / "one.src").write_text("-10 0 0 1 1e-10\n")
    (tmp_path / "other.src").write_text("-10 0.02 0 1 1.1e-10\n")
    (tmp_path / "both.src").write_text("-10 0 0 1 1e-10\n-10 0.02 0 3 1.1e-10\n")
    one = reference("-nopolar -sourcefile one.src").image()
    other = reference("-nopolar -sourcefile other.src").image()
    both = reference("-nopolar -sourcefile both.src").image()
    assert np.allclose(both, 0.25 * one + 0.75 * other, rtol=1e-6, atol=0)


def test_background_does_not_depend_on_resolution_or_steps(reference):
    """The crystal is too weak to see, so all of the image is water."""
    water = "-fluence 1e24 -water 100 -default_F 1e-30 -nopolar"
    plain = reference(water).image()
    assert plain.min() > 0
    assert np.array_equal(reference(water + " -dmin 1e6").image(), plain)
    assert np.array_equal(reference(water + " -phi 1 -osc 1 -phisteps 5").image(), plain)


def test_image_is_linear_in_fluence_and_in_F_squared(reference):
    """Powers of two scale float32 exactly."""
    base = reference("-fluence 1e28").image()
    assert np.array_equal(reference("-fluence 4e28").image(), 4 * base)
    assert np.array_equal(reference("-fluence 1e28 -default_F 200").image(), 4 * base)
