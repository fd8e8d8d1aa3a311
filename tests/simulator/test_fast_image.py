"""The fast path against the plain one: the same image within stated bounds, whatever is asked for."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from nanobrag_torch.options import Program
from nanobrag_torch.physics import tricubic
from nanobrag_torch.physics.scattering import scattering_vector
from nanobrag_torch.physics.vectors import length
from nanobrag_torch.render import fast
from nanobrag_torch.render.choose import RenderPath, choose_path, renderer
from nanobrag_torch.render.tile import locate, make_tile

CRYSTAL = ("-cell 70 80 95 85 95 100 -misset 10 20 30 -N 5 -hkl list.hkl -lambda 1 -distance 100 -detpixels 41 "
           "-pixel 0.6 -oversample 1 -nointerpolate").split()

SHAPES = ("-square_xtal", "-round_xtal", "-gauss_xtal", "-binary_spots")

OPTIONS = (
    "-phi 1e-4 -osc 0.1 -phisteps 10",
    "-phi 5 -osc 20 -phisteps 40",
    "-phi 0 -osc 90 -phisteps 3",
    "-N 60 -phi 2 -osc 0.3 -phisteps 20",
    "-mosaic 1 -mosaic_dom 6",
    "-mosaic 0.5 -mosaic_dom 3 -phi 1 -osc 0.5 -phisteps 5",
    "-divergence 2 -divsteps 3",
    "-dispersion 2 -dispsteps 3 -phi 1 -osc 0.1 -phisteps 4",
    "-oversample 3",
    "-oversample 2 -oversample_polar -polar 0.9",
    "-oversample 2 -oversample_omega",
    "-detector_thick 300 -detector_abs 200 -thicksteps 3",
    "-detector_thick 300 -detector_abs 200 -thicksteps 3 -oversample_thick -oversample 2",
    "-polar 0.9",
    "-nopolar -point_pixel",
    "-dmin 9",
    "-dmin 2 -divergence 200 -divsteps 3",
    "-roi 10 37 20 33",
    "-water 50 -fluence 1e24",
    "-curved_det 1 -phi 1 -osc 0.5 -phisteps 5",
    "-xds -twotheta 20",
    "-N 1",
    "-Na 1 -Nb 7 -Nc 40 -fudge 1.5",
    "-interpolate",
    "-interpolate -N 2 -phi 5 -osc 1 -phisteps 5",
    "-emulate phi-carryover:threads=3 -phi -0.2 -osc 0.4 -phisteps 4",
    "-emulate all -phi 0 -osc 0.1 -phisteps 10",
    "-emulate last-layer-capture -detector_thick 300 -thicksteps 3",
)

LIKE_C = (
    "-emulate running-product -oversample 2 -oversample_omega -phi 1 -osc 0.5 -phisteps 3 -point_pixel",
    "-emulate running-product -oversample 2 -oversample_polar -polar 0.7 -phi 1 -osc 40 -phisteps 3 "
    "-dispersion 2 -dispsteps 2",
    "-emulate running-product -mosaic 1 -mosaic_dom 2 -oversample_polar -dmin 9 -dispersion 40 -dispsteps 3 "
    "-phi -4 -osc 8 -phisteps 3",
    "-emulate running-product -oversample_polar -detector_thick 300 -detector_abs 200 -thicksteps 3 -oversample_thick "
    "-round_xtal -phi 1 -osc 2 -phisteps 3",
    "-emulate running-product,phi-carryover:threads=3 -oversample_polar -phi -0.2 -osc 0.4 -phisteps 4",
    "-emulate running-product -oversample_polar -interpolate -phi 1 -osc 2 -phisteps 3",
    "-emulate all -oversample_polar -polar 0.7 -phi 1 -osc 2 -phisteps 3 -water 60 -fluence 1e24",
    "-emulate water-scaling -water 60 -fluence 1e24 -phi 1 -osc 0.5 -phisteps 3 -polar 0.8",
    "-emulate water-scaling -water 60 -fluence 1e24 -oversample 2 -dmin 9 -mosaic 1 -mosaic_dom 2 -gauss_xtal",
    "-emulate water-scaling -water 60 -fluence 1e24 -dmin 9",
    "-emulate water-scaling -water 900 -fluence 1e24 -nopolar -curved_det 1",
)
"""What a comparison against the real program needs, where plain fast sums would be something else: factors that
multiply all that came before, in the order of the terms, and water that is scaled like a spot."""


@pytest.fixture
def crystal(tmp_path, scene_of):
    """Scenes of a triclinic crystal with amplitudes between 0 and 400, far from one reflection to the next."""
    lines = [f"{h} {k} {l} {200 + 200 * math.sin(7 * h + 11 * k * k + 13 * l):.2f}"
             for h in range(-9, 10) for k in range(-10, 11) for l in range(-12, 13)]
    (tmp_path / "list.hkl").write_text("\n".join(lines) + "\n")
    return lambda options: scene_of(options, CRYSTAL)


def values_of(scene, path):
    """The image in float64, before it is rounded to the float32 of a file, and the solid angles of its rows."""
    making, (_, _, y0, y1) = renderer(scene, path), scene.roi
    with torch.no_grad():
        rows = [range(y, min(y + making.rows, y1 + 1)) for y in range(y0, y1 + 1, making.rows)]
        parts = [tuple(part.clone() for part in making.render_rows(some)) for some in rows]
    return tuple(torch.cat(side).numpy() for side in zip(*parts, strict=True))


def compared(scene, *dtypes):
    """(largest difference over the peak, sum ratio - 1) of fast and plain, for each precision asked for."""
    plain, plain_omega = values_of(scene, RenderPath("plain", "float64"))
    for dtype in dtypes:
        path = choose_path(scene, Program(render="fast", dtype=dtype))
        assert path.name == "fast", path
        fast, omega = values_of(scene, path)
        np.testing.assert_allclose(omega, plain_omega, rtol=1e-12)
        peak = plain.max() or 1.0
        yield abs(fast - plain).max() / peak, abs(fast.sum() - plain.sum()) / max(plain.sum(), 1e-300)


@pytest.mark.parametrize("options", OPTIONS + LIKE_C)
def test_every_pixel_is_within_1e_6_of_the_peak_and_in_float64_within_1e_9(crystal, options):
    """1e-9: both are float64; the worst is N h of some 1e4 periods, known to 1e-12, times a slope of some tens."""
    scene = crystal(options)
    (by_default, excess), (in_float64, excess_in_float64) = compared(scene, "auto", "float64")
    assert by_default < 1e-6 and excess < 1e-6
    assert in_float64 < 1e-9 and excess_in_float64 < 1e-10


@pytest.mark.parametrize("way", ["a table of two axes", "a table of one axis", "another device"])
def test_interpolation_is_the_same_by_every_way(crystal, monkeypatch, way):
    """Whatever the size of the list; and as on a device where NumPy does no part of it."""
    monkeypatch.setitem(tricubic.CHUNK, "cpu", 320)
    if way == "a table of one axis":
        monkeypatch.setattr(tricubic, "LARGEST_TABLE", 0)
    if way == "another device":
        monkeypatch.setattr(tricubic, "np", torch)
        monkeypatch.setattr(tricubic, "_arrays", list)
    scene = crystal("-interpolate -phi 1 -osc 3 -phisteps 2")
    assert renderer(scene, RenderPath("fast", "float64")).interpolation.planes == (16 if "one" in way else 4)
    (error, excess), (error_in_float64, _) = compared(scene, "auto", "float64")
    assert error < 1e-6 and excess < 1e-6 and error_in_float64 < 1e-9


WAVELENGTHS = (
    ("-dispersion 2 -dispsteps 12 -mosaic 1 -mosaic_dom 2", 1),
    ("-dispersion 0.4 -dispsteps 30 -oversample 2 -oversample_polar -polar 0.7 -N 9", 1),
    ("-dispersion 1 -dispsteps 5 -hdivrange 3 -hdivsteps 2 -N 20 -water 60 -fluence 1e24", 2),
    ("-dispersion 1 -dispsteps 5 -N 1 -detector_thick 300 -thicksteps 2 -curved_det 1", 1),
    ("-dispersion 5 -dispsteps 4 -round_xtal", 1),
    ("-dispersion 5 -dispsteps 4 -binary_spots", 4),
    ("-dispersion 5 -dispsteps 4 -dmin 9", 4),
    ("-dispersion 5 -dispsteps 4 -interpolate -N 2", 4),
    ("-dispersion 5 -dispsteps 4 -phi 1 -osc 0.2 -phisteps 2", 4),
    ("-emulate running-product -oversample_polar -polar 0.7 -dispersion 5 -dispsteps 4", 4),
)


@pytest.mark.parametrize(("options", "directions"), WAVELENGTHS)
def test_wavelengths_of_one_direction_are_taken_like_phi_steps(crystal, options, directions):
    """Together where that is the same sum, and alone where terms have an order, a limit or an end of their own."""
    scene = crystal(options)
    assert len(renderer(scene, RenderPath("fast", "float64")).sources) == directions
    (by_default, excess), (in_float64, _) = compared(scene, "auto", "float64")
    assert by_default < 1e-6 and excess < 1e-6
    assert in_float64 < 1e-9


def test_wavelengths_of_other_weights_stand_alone(scene_of, tmp_path):
    """Two of three sources share a direction and a weight."""
    (tmp_path / "three.src").write_text("0 0 -1 1 1e-10\n0 0 -1 3 1.001e-10\n0 0 -1 1 1.002e-10\n")
    scene = scene_of("-sourcefile three.src -N 20")
    assert len(renderer(scene, RenderPath("fast", "float32")).sources) == 2
    (error, excess), = compared(scene, "auto")
    assert error < 1e-6 and excess < 1e-6


WIDTH = "-emulate gauss-tophat-width"

SPOTS = (
    (f"-gauss_xtal {WIDTH} -N 20 -phi 1 -osc 2 -phisteps 6 -mosaic 1 -mosaic_dom 2", True),
    (f"-gauss_xtal {WIDTH} -N 3 -phi 1 -osc 2 -phisteps 3", False),
    ("-gauss_xtal -N 60 -fudge 1.5 -dispersion 2 -dispsteps 2 -phi 1 -osc 0.2 -phisteps 3", True),
    ("-gauss_xtal -N 2 -fudge -0.1", False),
    (f"-binary_spots {WIDTH} -N 9 -interpolate -oversample 2 -phi 1 -osc 2 -phisteps 9", True),
    ("-binary_spots -N 6 -curved_det 1 -polar 0.7 -phi 1 -osc 0.3 -phisteps 9", True),
    ("-binary_spots -N 6 -phi 1 -osc 0.3 -phisteps 9 -detpixels 120 -pixel 0.2", True),
    (f"-gauss_xtal {WIDTH} -N 20 -roi 14 14 36 36", True),
    ("-gauss_xtal -Na 5 -Nb 120 -Nc 120 -phi 1", False),
    (f"-binary_spots {WIDTH} -N 3 -phi 1 -osc 2 -phisteps 3", False),
    ("-binary_spots -N 1 -dmin 9", False),
)


@pytest.mark.parametrize(("options", "few"), SPOTS)
def test_spots_that_reach_few_pixels_are_those_of_the_plain_path(crystal, options, few):
    """Both ways give the same image: pixel by pixel where a spot may reach, and all of them where it is broad."""
    scene = crystal(options)
    assert bool(renderer(scene, RenderPath("fast", "float64")).spots) == few
    (error, excess), = compared(scene, "auto")
    assert error < 1e-9 and excess < 1e-9
    assert values_of(scene, RenderPath("fast", "float64"))[0].max() > 0.0


def test_pixels_of_spots_are_done_in_whole_vectors(crystal, monkeypatch):
    """A rest would be done one by one, whose last bit may be another."""
    making = renderer(crystal("-gauss_xtal -N 60 -phi 1 -osc 0.2 -phisteps 3"), RenderPath("fast", "float64"))
    counts = []

    def counted(rays, source, group, domain, numbers):
        counts.append(len(numbers))
        return squares(rays, source, group, domain, numbers)

    squares = making.spots._squares
    monkeypatch.setattr(making.spots, "_squares", counted)
    making.render_rows(range(making.rows))
    assert counts and all(count % 32 == 0 for count in counts)


CURVED = (
    "-curved_det 1 -phi 1 -osc 0.5 -phisteps 5 -dmin 9",
    "-curved_det 1 -emulate curved-lab-axes -N 30 -dmin 9 -polar 0.7",
)


@pytest.mark.parametrize("options", CURVED)
def test_a_curved_detector_is_summed_in_float32_where_it_is_wide(crystal, options):
    scene = crystal(options)
    assert str(choose_path(scene, Program(render="fast"))) == "fast:float32"
    (error, excess), = compared(scene, "auto")
    assert error < 1e-6 and excess < 1e-6


@pytest.mark.parametrize("options", ["", "-polar 0.7 -roi 3 30 2 9", "-water 60 -fluence 1e24", "-osc 30 -N 9"])
def test_a_single_ray_beyond_the_resolution_adds_nothing(crystal, options, monkeypatch):
    """Strips of one row, some of them with no pixel within the limit."""
    monkeypatch.setitem(fast.STRIP_PIXELS, "cpu", 1)
    scene = crystal(f"-phi 1 -osc 0.5 -phisteps 3 -dmin 9 {options}")
    making = renderer(scene, RenderPath("fast", "float32"))
    assert making.of_one_ray
    plain, _ = values_of(scene, RenderPath("plain", "float64"))
    assert "water" in options or ((plain == 0.0).all(axis=1).any() and plain.max() > 0.0)
    (error, excess), = compared(scene, "auto")
    assert error < 1e-6 and excess < 1e-6


def test_a_pixel_at_the_very_limit_is_beyond_it_on_both_paths_or_on_none(crystal):
    """d_min is the spacing of a pixel, as exact as a number is: 60 of them, of which rounding would take some."""
    scene = crystal("-detpixels_x 41 -detpixels_y 9")
    source, = scene.illumination.sources
    located = locate(scene, make_tile(scene, range(9), range(41)), 0, 0, 0)
    q = length(scattering_vector(located.diffracted, source.incident, source.wavelength))
    for number in range(60):
        limited = replace(scene, d_min=float(1.0 / q.view(-1)[6 * number]))
        plain, by_fast = (values_of(limited, RenderPath(name, "float64"))[0] for name in ("plain", "fast"))
        np.testing.assert_array_equal(plain == 0.0, by_fast == 0.0)
        assert 0 < (plain == 0.0).sum() < plain.size


SMALL = (
    "-cell 127.886 137.672 112.768 96.89 97.09 92.46 -Na 2 -Nb 36 -Nc 5 -lambda 1.3599 -distance 149.89 -pixel 0.0308 "
    "-phi -145.058 -osc 2 -phisteps 90 -misset 33.37 23.84 8.52 -Xbeam -83.07 -Ybeam 41.05",
    "-cell 68.953 82.244 59.154 70.80 96.30 80.53 -Na 10 -Nb 36 -Nc 150 -lambda 1.4890 -distance 195.17 -pixel 0.01386 "
    "-phi -122.237 -osc 2 -phisteps 90 -misset 89.67 72.07 22.71 -Xbeam 64.15 -Ybeam -77.90",
    "-cell 24.054 25.083 32.650 74.46 95.83 102.42 -Na 36 -Nb 50 -Nc 150 -lambda 1.2964 -distance 289.59 "
    "-pixel 0.01757 -phi -25.368 -osc 0.1 -phisteps 40 -misset 75.78 67.70 57.48 -Xbeam -55.89 -Ybeam 21.13",
    "-cell 65.528 72.080 51.057 106.71 85.30 92.28 -Na 150 -Nb 50 -Nc 36 -lambda 1.5953 -distance 304.11 "
    "-pixel 0.00204 -phi 48.792 -osc 10 -phisteps 90 -misset 65.01 66.47 65.55 -Xbeam 84.66 -Ybeam 20.17",
    "-cell 113.176 146.501 102.168 74.01 77.19 76.13 -Na 20 -Nb 20 -Nc 300 -lambda 0.7949 -distance 191.76 "
    "-pixel 0.00989 -phi -135.581 -osc 0.5 -phisteps 5 -misset 28.67 89.52 44.48",
)
"""Small detectors that see a few periods of the lattice transform, some of them far from any reflection: the worst of
150 random commands, off by up to 1.5e-4 of the peak while a period was cut off that a later phi step came near to."""


@pytest.mark.parametrize("steps", [9, 63, 64, 90])
def test_steps_that_are_all_alike_are_not_rounded_alike(scene_of, steps):
    """A random command that was off by 1.1e-6 of the peak while steps were added one by one."""
    command = ("-cell 24.541 20.559 24.284 78.72 77.22 82.09 -default_F 100 -Na 36 -Nb 50 -Nc 10 -lambda 0.8275 "
               f"-distance 277.64 -detpixels 160 -pixel 0.00470 -phi -166.712 -osc 0 -phisteps {steps} -oversample 1 "
               "-misset 38.42 39.34 55.53")
    (error, excess), = compared(scene_of(command, []), "auto")
    assert error < 1e-6 and excess < 2e-7


@pytest.mark.parametrize("cells", [15, 30, 61, 63])
def test_numbers_of_cells_whose_share_is_no_float32_leave_the_sum_as_it_is(crystal, cells):
    """1/N rounded, squared and cubed would be up to 3.6e-7 of everything, the more pixels the surer."""
    (_, excess), = compared(crystal(f"-N {cells} -phi 2 -osc 0.3 -phisteps 20 -detpixels 300 -pixel 0.08"), "auto")
    assert excess < 1.2e-7


@pytest.mark.parametrize("options", [*SMALL, f"{SMALL[3]} -curved_det 1 -phisteps 9"])
def test_a_detector_of_a_few_periods_keeps_the_bound(scene_of, options):
    (by_default, excess), = compared(scene_of(f"{options} -default_F 100 -detpixels 200 -oversample 1", ()), "auto")
    assert by_default < 1e-6 and excess < 1e-6


@pytest.mark.parametrize("options", OPTIONS[:6] + OPTIONS[-7:-2])
@pytest.mark.parametrize("shape", SHAPES[1:])
def test_the_other_shapes_keep_the_same_bounds(crystal, shape, options):
    (by_default, _), (in_float64, _) = compared(crystal(f"{options} {shape}"), "auto", "float64")
    assert by_default < 1e-6
    assert in_float64 < 1e-9


@pytest.mark.parametrize("width", ["", "-emulate gauss-tophat-width -N 3"])
@pytest.mark.parametrize("shape", SHAPES)
def test_steps_that_are_all_alike_are_the_same_step_again(crystal, shape, width):
    """Nothing of the first one may be used up, whatever the shape."""
    (by_default, excess), (in_float64, _) = compared(crystal(f"{shape} {width} -phi 3 -osc 0 -phisteps 5"),
                                                     "auto", "float64")
    assert by_default < 1e-6 and excess < 1e-6
    assert in_float64 < 1e-9


@pytest.mark.parametrize("dtype", ["auto", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_pixel_on_whole_indices_has_its_limit(scene_of, shape, dtype):
    """The beam hits the middle of a pixel, where h k l is 0 0 0, and of a cubic crystal along the axes k is 0 in that
    whole row and l in that column: sin(pi N h)/sin(pi h) there is 0/0, with limit N."""
    scene = scene_of(f"{shape} -denzo -detpixels 33 -Xbeam 1.65 -Ybeam 1.65 -phi 0 -osc 0.01 -phisteps 2")
    (difference, _), = compared(scene, dtype)
    assert difference < 1e-6 if dtype == "auto" else difference < 1e-9
    image, _ = values_of(scene, choose_path(scene, Program(render="fast", dtype=dtype)))
    assert np.isfinite(image).all()
    assert image[16, 16] == image.max()


def test_a_spot_whose_steps_all_lie_just_beside_it_keeps_its_digits(scene_of):
    """Off by 1.01e-6 of the peak while r was near -1 for the sake of steps that never come nearer: at the brightest
    pixel N (l - l0) is -0.84."""
    (error, excess), = compared(scene_of(f"{SMALL[4]} -default_F 100 -detpixels 60 -oversample 1", ()), "auto")
    assert error < 5e-7 and excess < 2e-7


def test_electrons_are_diffracted_so_little_that_d_less_i_has_few_digits_left(scene_of):
    """As v.d - v.i in float32, slope and bend were off by as much as 3.6e-5 of the peak."""
    scene = scene_of("-cell 70 80 95 85 95 100 -misset 10 20 30 -N 60 -default_F 100 -lambda 0.02 -distance 1000 "
                     "-detpixels 60 -pixel 0.08 -oversample 1 -phi 1 -osc 1 -phisteps 20", ())
    assert str(choose_path(scene, Program(render="fast"))) == "fast:float32"
    (error, excess), = compared(scene, "auto")
    assert error < 1e-6 and excess < 1e-6


def test_a_pixel_that_only_the_bend_of_its_path_brings_to_the_next_reflection_counts_for_it(scene_of, tmp_path):
    """k = 0.5 cos(phi) and a little, at its largest in the middle of a group. Its slope is nearly 0 there, and 0 1 0 is
    the nearest reflection in the middle and 0 0 0 at either end. With one cell F_latt is 1 everywhere."""
    (tmp_path / "two.hkl").write_text("0 0 0 100\n0 1 0 10\n0 -1 0 10\n")
    scene = scene_of("-cell 70 70 70 90 90 90 -N 1 -hkl two.hkl -nointerpolate -lambda 1 -distance 100 -detpixels_x 32 "
                     "-detpixels_y 2000 -pixel 0.001 -phi -3 -osc 7.5 -phisteps 5 -oversample 1 -roi 0 31 270 300", ())
    (group,) = renderer(scene, RenderPath("fast", "float32")).groups
    assert len(group.planes) == 2
    (error, excess), = compared(scene, "auto")
    assert error < 1e-6 and excess < 1e-6


def test_amplitudes_beyond_float32_are_summed_in_float64(scene_of):
    """N^2 F^2 = 1e30 * 1e10 is more than float32 holds."""
    scene = scene_of("-N 100000 -default_F 1e5")
    assert choose_path(scene, Program(render="fast")).dtype == "float64"
    assert next(compared(scene, "auto"))[0] < 1e-6


def test_a_masked_pixel_is_0_on_either_path(scene_of, tmp_path):
    mask = np.ones((32, 32), dtype="<u2")
    mask[3:9, 11:20] = 0
    header = "{\nHEADER_BYTES=512;\nSIZE1=32;\nSIZE2=32;\nPIXEL_SIZE=0.1;\n}\f"
    (tmp_path / "mask.img").write_bytes(header.encode().ljust(512) + mask.tobytes())
    scene = scene_of("-mask mask.img")
    fast, omega = values_of(scene, RenderPath("fast", "float64"))
    plain, plain_omega = values_of(scene, RenderPath("plain", "float64"))
    assert (fast[mask == 0] == 0).all()
    np.testing.assert_allclose(omega, plain_omega, rtol=1e-12)
    np.testing.assert_allclose(omega / omega[31], mask.mean(axis=1), rtol=0.02)  # the rows are nearly alike
    np.testing.assert_allclose(fast, plain, rtol=0, atol=1e-9 * plain.max())
