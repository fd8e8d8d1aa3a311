"""Laws that every image obeys, whatever the crystal, the beam and the detector: checked on random ones."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import nanobrag_torch.render.tile as tiles
from nanobrag_torch import Beam, Crystal, Detector, ReflectionGrid, Sampling, Scan, SourceTable, simulate

DEGREE = math.pi / 180.0
FLOAT32_OF_PEAK = 1e-6
"""Of the brightest pixel, by which an image with its lattice factor in float32 may be off: fractions of indices, at
most 1/2, are held to 2^-25 and enter sin(pi N x)/sin(pi x), N up to 12 here, squared. Not of round crystals, whose
factor is a difference of near equals."""

REPEATABLE = settings(max_examples=12, deadline=None, derandomize=True, database=None,
                      suppress_health_check=[HealthCheck.function_scoped_fixture])


def real(low, high):
    return st.floats(low, high, allow_nan=False, allow_subnormal=False)


def triple(low, high):
    return st.tuples(*[real(low, high)] * 3)


@dataclasses.dataclass(frozen=True)
class Setup:
    """The components of a simulation."""

    beam: Beam
    crystal: Crystal
    detector: Detector
    scan: Scan
    sampling: Sampling

    def image(self, **also):
        return simulate(self.beam, self.crystal, self.detector, self.scan, self.sampling, **also).numpy()

    def changed(self, part, **fields):
        return dataclasses.replace(self, **{part: dataclasses.replace(getattr(self, part), **fields)})


def grid(seed):
    """Amplitudes on indices -4 to 4, beyond which the default is taken."""
    padded = np.zeros((10, 10, 10))
    padded[:-1, :-1, :-1] = np.random.default_rng(seed).uniform(10, 200, (9, 9, 9))
    return ReflectionGrid(-4, 4, -4, 4, -4, 4, padded, 729)


@st.composite
def setups(draw):
    """13 x 11 pixels of anything: convention, tilt, cell, shape, mosaic, divergence, layers, scan, sub-pixels."""
    beam = Beam(wavelength_m=draw(real(0.8, 2)) * 1e-10, polarization=draw(real(-1, 1)), fluence_per_m2=1e28,
                no_polarization=draw(st.booleans()), dispersion=draw(st.sampled_from([0.0, 0.01])),
                hdiv_range_rad=draw(st.sampled_from([None, 1e-3])), exposure_s=0.5, flux_per_s=0.0)
    crystal = Crystal(cell_lengths_A=draw(triple(40, 200)), misset_rad=draw(triple(-3, 3)),
                      cell_angles_rad=tuple(x * DEGREE for x in draw(triple(75, 105))),
                      Na=draw(st.integers(1, 12)), Nb=draw(st.integers(1, 8)), Nc=draw(st.integers(1, 12)),
                      shape=draw(st.sampled_from(["square", "square", "round", "gauss", "tophat"])),
                      fudge=draw(real(0.5, 2)), default_F=100.0, interpolate=draw(st.booleans()),
                      reflections=draw(st.sampled_from([None, grid(1)])),
                      mosaic_spread_rad=draw(st.sampled_from([None, 0.01])), mosaic_domains=2,
                      water_size_m=draw(st.sampled_from([0.0, 1e-5])))
    detector = Detector(convention=draw(st.sampled_from(["mosflm", "denzo", "adxv", "xds", "dials"])),
                        distance_m=draw(real(0.05, 0.3)), pixel_size_m=draw(real(2e-4, 8e-4)), fast_pixels=13,
                        slow_pixels=11, rotation_x_rad=draw(real(-0.3, 0.3)), rotation_y_rad=draw(real(-0.3, 0.3)),
                        twotheta_rad=draw(real(-0.3, 0.3)), curved=draw(st.booleans()),
                        thickness_m=draw(st.sampled_from([0.0, 1e-4])), attenuation_depth_m=2e-4)
    scan = Scan(phi_rad=draw(real(-1, 1)), oscillation_rad=draw(real(0, 0.1)), phi_steps=draw(st.integers(1, 3)))
    sampling = Sampling(oversample=draw(st.integers(1, 2)), oversample_omega=draw(st.booleans()),
                        oversample_polar=draw(st.booleans()), oversample_thick=draw(st.booleans()))
    return Setup(beam, crystal, detector, scan, sampling)


def same(obtained, expected, of_peak=1e-12):
    """Equal to rounding in float64, unless a looser bound is given."""
    assert np.abs(obtained - expected).max() <= of_peak * np.abs(expected).max()


# --- brightness -----------------------------------------------------------------------------------------


@REPEATABLE
@given(setups(), real(0.1, 30))
def test_an_image_is_linear_in_fluence(setup, factor):
    """Spots and water alike."""
    same(setup.changed("beam", fluence_per_m2=1e28 * factor).image(), factor * setup.image())


@REPEATABLE
@given(setups(), real(0.1, 30))
def test_an_image_is_linear_in_time(setup, factor):
    flux = setup.changed("beam", flux_per_s=1e20)
    same(flux.changed("beam", exposure_s=0.5 * factor).image(), factor * flux.image())


@REPEATABLE
@given(setups(), real(0.1, 30))
def test_an_image_is_linear_in_the_square_of_F(setup, factor):
    setup = setup.changed("crystal", water_size_m=0.0)
    grown = None if setup.crystal.reflections is None else dataclasses.replace(
        setup.crystal.reflections, padded=factor * setup.crystal.reflections.padded)
    brighter = setup.changed("crystal", default_F=100.0 * factor, reflections=grown)
    same(brighter.image(), factor**2 * setup.image())


@REPEATABLE
@given(setups())
def test_water_adds_to_the_spots(setup):
    """Without F there is water alone; F^2 of 1e-60 is nothing."""
    wet = setup.changed("crystal", water_size_m=1e-5)
    water = wet.changed("crystal", default_F=1e-30, reflections=None)
    same(wet.image(), setup.changed("crystal", water_size_m=0.0).image() + water.image())


# --- averages -------------------------------------------------------------------------------------------


@REPEATABLE
@given(setups())
def test_a_scan_is_the_mean_of_stills(setup):
    steps, step = setup.scan.phi_steps, setup.scan.oscillation_rad / setup.scan.phi_steps
    stills = [setup.changed("scan", phi_rad=setup.scan.phi_rad + i * step, oscillation_rad=0.0, phi_steps=1).image()
              for i in range(steps)]
    same(setup.image(), sum(stills) / steps, 1e-9)


@REPEATABLE
@given(setups(), real(0.2, 3))
def test_listed_sources_add_up_by_their_weights(setup, weight):
    """Every sub-pixel with its own polarization: otherwise it is that of the first source for all."""
    setup = setup.changed("sampling", oversample_polar=True).changed("crystal", water_size_m=0.0)
    positions = ((-10.0, 0.0, 0.0), (-10.0, 0.02, 0.1)) if setup.detector.convention in ("mosflm", "denzo") \
        else ((0.0, 0.0, -10.0), (0.1, 0.02, -10.0))
    wavelengths = (1e-10, 1.05e-10)

    def listed(*chosen, weights):
        return setup.changed("beam", sources=SourceTable(tuple(positions[i] for i in chosen), weights,
                                                         tuple(wavelengths[i] for i in chosen))).image()

    one, other = listed(0, weights=(1.0,)), listed(1, weights=(1.0,))
    both = listed(0, 1, weights=(1.0, weight))
    same(both, (one + weight * other) / (1 + weight))
    same(listed(0, 0, 1, 1, weights=(1.0, 1.0, weight, weight)), both)


# --- symmetry -------------------------------------------------------------------------------------------


def without_edges(setup):
    """A gaussian where rounding decides in other shapes: a tophat at its edge, and a sphere at its very centre, where
    its factor is a difference of equals (as in the C program)."""
    return setup.changed("crystal", shape="gauss") if setup.crystal.shape in ("tophat", "round") else setup


def turned(rotation, v):
    return tuple(float(x) for x in rotation @ np.array(v, dtype=float))


def any_rotation(angles):
    """Rotations about x, y and z, one after the other."""
    matrix = np.eye(3)
    for axis, angle in enumerate(angles):
        c, s = math.cos(angle), math.sin(angle)
        i, j = (axis + 1) % 3, (axis + 2) % 3
        about = np.eye(3)
        about[i, i], about[i, j], about[j, i], about[j, j] = c, -s, s, c
        matrix = about @ matrix
    return matrix


@REPEATABLE
@given(setups(), triple(-3, 3))
def test_turning_everything_together_leaves_the_image(setup, angles):
    """Beam, polarization, spindle, detector and crystal, each by the same rotation; domains are drawn in the lab."""
    setup, rotation = without_edges(setup), any_rotation(angles)
    stars = np.linalg.inv(np.array([[60.0, 5, 0], [0, 80, -7], [9, 0, 110]])).T * setup.beam.wavelength_m * 1e10
    axes = {"direction": (1, 0, 0), "polarization_axis": (0, 0, 1), "fast_axis": (0.1, 0.05, 1),
            "slow_axis": (0.02, -1, 0.05), "normal_axis": (2, 0, 0), "spindle_axis": (0, 0.3, 1)}

    def image(matrix):
        at = {name: turned(matrix, axis) for name, axis in axes.items()}
        return dataclasses.replace(
            setup.changed("beam", direction=at["direction"], polarization_axis=at["polarization_axis"]),
            crystal=dataclasses.replace(setup.crystal, cell_lengths_A=None, matrix=(matrix @ stars).tolist(),
                                        misset_rad=(0.0, 0.0, 0.0), mosaic_spread_rad=None),
            detector=dataclasses.replace(setup.detector, convention="custom", fast_axis=at["fast_axis"],
                                         slow_axis=at["slow_axis"], normal_axis=at["normal_axis"], rotation_x_rad=0.0,
                                         rotation_y_rad=0.0, twotheta_rad=0.0),
            scan=dataclasses.replace(setup.scan, spindle_axis=at["spindle_axis"])).image()

    same(image(rotation), image(np.eye(3)), 1e-8)


@REPEATABLE
@given(setups(), st.permutations([0, 1, 2]))
def test_the_names_of_the_axes_do_not_matter(setup, order):
    """Exchanging a, b and c with their sizes and indices leaves the image; an odd exchange turns the cell's hand."""
    setup = without_edges(setup)
    stars = np.linalg.inv(np.array([[60.0, 5, 0], [0, 80, -7], [9, 0, 110]])).T
    crystal = dataclasses.replace(setup.crystal, cell_lengths_A=None, matrix=stars.tolist(), reflections=grid(3))
    sizes = (crystal.Na, crystal.Nb, crystal.Nc)
    padded = crystal.reflections.padded.transpose(order)
    exchanged = dataclasses.replace(
        crystal, matrix=stars[:, order].tolist(), reflections=dataclasses.replace(crystal.reflections, padded=padded),
        **dict(zip(("Na", "Nb", "Nc"), (sizes[i] for i in order), strict=True)))
    same(dataclasses.replace(setup, crystal=exchanged).image(), dataclasses.replace(setup, crystal=crystal).image(),
         1e-9)


@REPEATABLE
@given(setups())
def test_a_whole_turn_is_no_turn(setup):
    """A misset of 360 degrees on top, about the last axis."""
    setup = without_edges(setup)
    x, y, z = setup.crystal.misset_rad
    again = setup.changed("crystal", misset_rad=(x, y, z + 2 * math.pi)).image()
    same(again, setup.image(), 1e-8)


def test_a_centred_cubic_crystal_gives_a_symmetric_image():
    """Beam on the middle of a pixel, cell along the lab axes: fourfold symmetry without polarization."""
    image = simulate(Beam(no_polarization=True), Crystal(cell_lengths_A=(80.0,), Na=5, Nb=5, Nc=5, default_F=10.0),
                     Detector(convention="denzo", fast_pixels=21, slow_pixels=21, beam_x_m=1.05e-3, beam_y_m=1.05e-3,
                              pixel_size_m=1e-4), sampling=Sampling(oversample=1)).numpy()
    for other in (image.T, image[::-1], image[:, ::-1]):
        same(other, image, 1e-9)


# --- regions, masks, tiles, threads, precision ----------------------------------------------------------


@REPEATABLE
@given(setups(), st.integers(0, 12), st.integers(0, 12), st.integers(0, 10), st.integers(0, 10))
def test_a_region_of_interest_is_a_crop(setup, x0, x1, y0, y1):
    x0, x1, y0, y1 = *sorted((x0, x1)), *sorted((y0, y1))
    expected = np.zeros((11, 13))
    expected[y0 : y1 + 1, x0 : x1 + 1] = setup.image()[y0 : y1 + 1, x0 : x1 + 1]
    assert np.array_equal(setup.changed("sampling", roi=(x0, x1, y0, y1)).image(), expected)


@REPEATABLE
@given(setups(), st.integers(0, 2**32 - 1))
def test_a_mask_leaves_zeros_and_nothing_else(setup, seed):
    mask = np.random.default_rng(seed).random((11, 13)) < 0.7
    assert np.array_equal(setup.changed("sampling", mask=mask).image(), np.where(mask, setup.image(), 0.0))


@REPEATABLE
@given(setups(), st.integers(1, 60))
def test_tiles_do_not_change_a_bit(monkeypatch, setup, pixels):
    whole = setup.image(emulate="all")
    with monkeypatch.context() as patch:
        patch.setattr(tiles, "TILE_PIXELS", pixels)
        assert np.array_equal(setup.image(emulate="all"), whole)


@REPEATABLE
@given(setups())
def test_threads_do_not_change_a_bit(setup):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = setup.image()
        torch.set_num_threads(2)
        assert np.array_equal(setup.image(), one)
    finally:
        torch.set_num_threads(before)


@REPEATABLE
@given(setups())
def test_float32_is_near_float64(setup):
    """Only the lattice factor is ever in float32."""
    if setup.crystal.shape in ("round", "tophat"):
        setup = setup.changed("crystal", shape="square")
    same(setup.image(dtype=torch.float32), setup.image(), FLOAT32_OF_PEAK)


@pytest.mark.parametrize(("one", "other"), [
    ("-cell 60", "-cell 60 60 60 90 90 90"),
    ("-N 4", "-Na 4 -Nb 4 -Nc 4"),
    ("-flux 2e19 -exposure 3 -beamsize 0.2", "-fluence 1.5e27"),
    ("-energy 12398.42", "-lambda 1"),
    ("-detpixels 9", "-detsize 0.9"),
    ("-mosaic 0 -mosaic_dom 5", ""),
    ("-hdivrange 0 -hdivsteps 4", ""),
    ("-phi 3 -osc 0 -phisteps 1", "-phi 3"),
    ("-divergence 1 -divsteps 3", "-hdivrange 1 -vdivrange 1 -hdivsteps 3 -vdivsteps 3"),
    ("-xtalsize 0.00003", "-N 5"),
    ("-twotheta 0 -detector_rotx 0 -pivot beam", ""),
])  # fmt: skip
def test_two_ways_to_say_the_same(torch_batch, tmp_path, one, other):
    """To 1e-7: float32, and unit conversions that may round differently."""
    from engines import PRECISE, QUIET, relative_difference

    images = []
    for number, options in enumerate((one, other)):
        folder = tmp_path / str(number)
        folder.mkdir()
        ran = torch_batch.run([*"-cell 60 -default_F 10 -N 5 -detpixels 9 -oversample 1".split(), *QUIET, *PRECISE,
                               *options.split()], folder)
        assert ran.status == 0, ran.stderr
        images.append(ran.image())
    assert relative_difference(*images) <= 1e-7
