"""What the reference simulator computes, by its laws; test_check_values.py has the figures."""

import re

import numpy as np
import pytest


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
    same += " -oversample_thick -oversample_polar -oversample_omega"
    coarse = reference(f"{same} -pixel 0.1 -detpixels 32 -oversample 2").image()
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
