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
    ("-round_xtal", 63.6355133, 4167.295652),
    ("-round_xtal -fudge 2", 49.0164146, 2084.35177),
    ("-polar 0.9 -distance 5", 61983.2969, 1608763.924),
    ("-polar -0.5 -polar_vector 1 2 3 -distance 5", 61986.1562, 1528969.318),
    ("-polar 0.9 -distance 5 -oversample 2", 14066.7891, 461840.1432),
    ("-dmin 90", 104.3638, 2901.933872),
    ("-dmin 90 -dispersion 20 -dispsteps 3", 103.709686, 2915.163752),
    ("-energy 8000", 153.161804, 7406.15462),
    ("-xds -ORGX 10 -ORGY 12", 156.25, 7252.731651),
    ("-adxv -Xbeam 1 -Ybeam 2", 104.3638, 7308.992103),
    ("-mosflm -Xbeam 1 -Ybeam 2", 156.25, 8394.863872),
    ("-denzo -Xbeam 1 -Ybeam 2", 104.3638, 7308.992103),
    ("-adxv -detpixels_s 21", 127.69825, 4526.874072),
    ("-dials", 104.3638, 5674.489418),
    ("-close_distance 90 -detector_roty 20", 146.92186, 5714.572954),
    ("-polar_vector 0 0 1 -detector_roty 20 -pivot sample", 130.898865, 1637.064354),
    ("-detector_rotx 10 -detector_roty 20 -detector_rotz 30", 125.256279, 5563.306883),
    ("-cell 80 150 230 -misset 10 20 30", 95.6877823, 1072.086791),
    ("-cell 80 90 100 90 105 90 -misset 10 20 30", 128.127914, 2423.502434),
    ("-xtalsize 0.000123", 1778.61023, 73105.357),
    ("-phi 5 -phisteps 4", 104.372047, 3666.774072),
    ("-phi 5 -osc 3 -phisteps 4 -spindle_axis 1 2 3", 142.581497, 3634.229923),
    ("-phi 5 -phistep 0.5", 104.371674, 3734.325584),
    ("-phi 5 -osc 3 -phistep 1", 104.374191, 3353.711789),
    ("-hdivrange 2 -vdivsteps 3 -vdivstep 1", 50.6755714, 5693.846838),
    ("-mosaic 1 -mosaic_dom 5 -mosaic_seed 99", 107.586792, 5636.372063),
    ("-flux 1e18 -exposure 2 -beamsize 0.01", 16.574625, 902.4313565),
    ("-detsize 2.46", 104.3638, 5682.249995),
]


@pytest.mark.parametrize(("options", "largest", "total"), PHYSICS + AGREED)
def test_check_values_hold(reference, options, largest, total):
    """1e-7: half a unit of float32, and the eight digits to which the figures are stated."""
    run = reference(options)
    image = np.fromfile(run.folder / "floatimage.bin", "=f4").astype(np.float64)
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


def test_sub_pixels_are_the_pixels_of_a_finer_detector(reference):
    """With every factor of its own, a pixel of 2 x 2 sub-pixels is the sum of the four pixels it is made of."""
    same = "-denzo -Xbeam 1.2 -Ybeam 1.4 -distance 5 -polar 0.8 -detector_thick 200 -detector_abs 300"
    flags = "-oversample_thick -oversample_polar -oversample_omega"
    coarse = reference(f"{same} -pixel 0.1 -detpixels 32 -oversample 2 {flags}").image()
    fine = reference(f"{same} -pixel 0.05 -detpixels 64").image(64, 64).astype(float)
    assert np.allclose(coarse, fine.reshape(32, 2, 32, 2).sum(axis=(1, 3)), rtol=1e-6, atol=0)


@pytest.mark.parametrize("options", ["", "-oversample 3", "-phi 1 -osc 1 -phisteps 4", "-detector_thick 100"])
def test_solid_angle_is_that_of_the_detector(reference, options):
    """32 x 32 pixels of 0.1 mm at 100 mm: just below (3.2/100)^2 sr, however they are sampled."""
    said = re.search(r"solid angle subtended by detector = (\S+) steradian", reference(options).stdout)
    assert float(said.group(1)) == pytest.approx(0.00102374, rel=2e-5)


def trace_of(run):
    """The values of a trace by name, without the indices."""
    lines = re.findall(r"^TRACE (\w+)\S*?=(.*)$", run.stdout, re.MULTILINE)
    return {name: [float(word) for word in words.split()] for name, words in lines}


def test_the_edge_of_a_tophat_spot_is_where_it_is_said_to_be(reference):
    """F_latt is 5^3 where fudge * sum (h - h0)^2 N^2 < 0.3969, else 0."""
    spot = "-binary_spots -trace_pixel 15 15 -fudge "
    values = trace_of(reference(spot + "1"))
    distance2 = sum(((h - h0) * 5) ** 2 for h, h0 in zip(values["hkl"], values["hkl_nearest"], strict=True))
    edge = 0.3969 / distance2
    assert trace_of(reference(spot + f"{0.999 * edge:.9g}"))["F_latt"] == [125]
    assert trace_of(reference(spot + f"{1.001 * edge:.9g}"))["F_latt"] == [0]


def cubic(h, k, l):
    return 300 + 3 * h - 5 * k + 7 * l + h * k - 2 * h * l**2 + k**3 - h**2 * k


@pytest.mark.parametrize("pixel", ["10 20", "20 9", "25 16", "5 15", "16 5", "16 27", "3 4", "30 30"])
def test_interpolation_is_exact_for_a_cubic_and_nearest_near_the_edge(reference, tmp_path, pixel):
    """A four-point polynomial reproduces a cubic; it needs min + 2 <= h <= max - 2 on each axis."""
    grid = [(h, k, l) for h in range(-4, 4) for k in range(-4, 5) for l in range(-3, 6)]
    (tmp_path / "cubic.hkl").write_text("".join(f"{h} {k} {l} {cubic(h, k, l)}\n" for h, k, l in grid))
    run = reference(f"-hkl cubic.hkl -interpolate -misset 5 10 20 -pixel 0.2 -xds -trace_pixel {pixel}")
    values = trace_of(run)
    known = zip(values["hkl"], (-4, -4, -3), (3, 4, 5), strict=True)
    inside = all(low + 2 <= x <= high - 2 for x, low, high in known)
    at = values["hkl"] if inside else values["hkl_nearest"]
    expected = cubic(*at) if inside or tuple(at) in grid else 100
    assert values["F_cell"][0] == pytest.approx(expected, rel=1e-9)
