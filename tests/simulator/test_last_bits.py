"""Last bits that come of the order of the original's steps and of the functions of the C library. Where what makes a
pixel crosses 0 (polarization with a Kahn factor above 1, F by interpolation, F_latt) one bit of a double shows on tiny
pixels in float32."""

import math

import numpy as np
import pytest
import torch

from nanobrag_torch.physics.arithmetic import atan2, exp, number
from nanobrag_torch.physics.detector import capture_fraction, solid_angle
from nanobrag_torch.render.plain_rows import PlainRenderer

SMALL = ("-cell 70 80 90 90 90 90 -misset 10 20 30 -default_F 100 -N 3 -lambda 1 -oversample 1 "
         "-noprogress -nonoise -nopgm").split()
CROSSING = [*SMALL, *"-distance 1000 -pixel 0.00001 -detpixels 60 -twotheta_axis 0 0.6 0.8".split()]
NULL = [*SMALL, *"-distance 100 -pixel 0.1 -detpixels 101 -twotheta_axis 0 1 0 -twotheta 90 -polar 1".split()]
WIDE = ("-cell 200 190 210 90 95 90 -misset 10 20 30 -default_F 100 -N 60 -lambda 1.9 -oversample 1 -noprogress "
        "-nonoise -nopgm -distance 90 -detpixels 1100 -pixel 0.1").split()
TINY = ("-lambda 2 -oversample 1 -noprogress -nonoise -nopgm -distance 1000 -pixel 0.0000001 "
        "-detpixels 40 -twotheta_axis 0 0.6 0.8").split()
UNEVEN = "".join(f"{h} {k} {l} {(h * h * 31 + k * 17 * l + l * l * 7 + h * k * l) % 181 - 90}\n"
                 for h in range(-9, 10) for k in range(-9, 10) for l in range(-9, 10))

# What shows in a pixel: its command, the text of s.txt, further options, the pixel (slow, fast), and what the real
# nanoBragg has there (2026-11-30).
PIXELS = {
    "the direction to the pixel is made unit once more": (
        CROSSING, "-9.1 -4.4 1.2\n", "-polar_vector -0.16 -0.94 -0.56 -twotheta 48.15792162697974 "
        "-polar -10.296757647917579 -sourcefile s.txt", (0, 52), "0x1.a0228ep-73"),
    "and so is the incident one": (
        CROSSING, "-9.6 4.1 4.7\n", "-polar_vector -0.13 0.52 -1.0 -twotheta 128.64946350958306 "
        "-polar 1.892136526449832 -sourcefile s.txt", (0, 40), "0x1.8c206ep-62"),
    "and so is that of a source that is not listed": (
        CROSSING, "", "-polar_vector 0.68 0.04 0.28 -twotheta 84.97050978688291 -polar -1.542742965468651 "
        "-hdivrange 300 -hdivsteps 2 -vdivrange 200 -vdivsteps 2", (5, 8), "0x1.e9f01p-65"),
    "and the axis, again and again": (
        CROSSING, "-8.3 -3.5 -2.6\n", "-polar_vector -0.01 -0.1 0.3 -twotheta 53.15897334612482 "
        "-polar 2.558396177724279 -sourcefile s.txt", (8, 27), "0x1.d7b48ap-73"),
    "the angle is that of the C library": (
        CROSSING, "-8.1 2.6 -3.0\n", "-polar_vector -0.65 0.1 0.41 -twotheta 73.86081990910066 "
        "-polar -26.650233361531807 -sourcefile s.txt", (1, 6), "-0x1.c93ebp-60"),
    "a factor of exactly 0 is worked out again": (
        NULL, "-10 0 0 1 1\n-10 0.1 0.2 1 1\n", "-sourcefile s.txt", (50, 50), "0x1.7e03d4p-9"),
    "1 - cos comes before the axis": (
        WIDE, "", "-spindle_axis 0.3 -0.5 0.8 -phi 77", (8, 106), "0x1.e806f2p-11"),
    "and before the axis of a mosaic domain": (
        TINY, "2 4 -6 100\n", "-hkl s.txt -misset 10 20 30 -cell 30 40 50 90 90 90 -N 5 -mosaic 40 -mosaic_domains 2 "
        "-mosaic_seed 5 -twotheta 20.353992732205185", (0, 0), "0x1.a221cp-89"),
    "a polynomial is multiplied with F before it is divided": (
        TINY, UNEVEN, "-hkl s.txt -misset 10 20 30 -cell 8 10 12 90 90 90 -N 1 -interpolate "
        "-twotheta 16.002229504100587", (0, 16), "0x1.8232c4p-109"),
}
WITH_DEFECTS = {
    "a random orientation has its rows made unit twice": (
        TINY, "", "-cell 31 40 50 80 85 95 -misset_seed 5 -misset random -default_F 100 -N 5 "
        "-twotheta 21.993761178607418", (0, 18), "0x1.036a44p-90"),
}


def written(base, text, options, place, expected, folder):
    """The command, options, place and value of a pixel, its file in the folder."""
    (folder / "s.txt").write_text(text)
    slow, fast = place
    return base, f"{options} -roi {fast} {fast} {slow} {slow}", place, float.fromhex(expected)


@pytest.mark.parametrize("what", PIXELS | WITH_DEFECTS)
def test_the_plain_path_has_the_pixel_of_the_real_program(scene_of, tmp_path, what):
    base, options, (slow, _), expected = written(*(PIXELS | WITH_DEFECTS)[what], tmp_path)
    values, _ = PlainRenderer(scene_of(options + " -emulate all", base=base)).render_rows(range(slow, slow + 1))
    assert values.to(torch.float32).item() == expected


@pytest.mark.parametrize("what", PIXELS)
def test_the_reference_has_the_pixel_of_the_real_program(reference, tmp_path, what):
    base, options, place, expected = written(*PIXELS[what], tmp_path)
    run = reference(argv=[*base, *options.split(), "-floatfile", "t.bin"])
    across = int(base[base.index("-detpixels") + 1])
    assert run.image(across, across, "t.bin")[place] == np.float32(expected)


def test_functions_of_pixels_are_those_of_the_c_library():
    y, x = np.random.default_rng(1).uniform(-3.0, 3.0, (2, 2000))
    special = np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, 5e-324, -744.0, 709.5])
    y, x = np.concatenate([y, np.repeat(special, len(special))]), np.concatenate([x, np.tile(special, len(special))])
    angles = atan2(torch.from_numpy(y), torch.from_numpy(x)).tolist()
    assert [a.hex() for a in angles] == [math.atan2(*pair).hex() for pair in zip(y.tolist(), x.tolist(), strict=True)]
    assert exp(torch.from_numpy(y)).tolist() == [math.inf if v == math.inf else math.exp(v) for v in y.tolist()]


def test_factors_of_pixels_are_those_of_numbers(scene_of):
    geometry = scene_of("-detector_thick 300 -detector_abs 200 -thicksteps 3").geometry
    far, ahead = np.random.default_rng(1).uniform(0.1, 1.0, (2, 500))
    direction = torch.from_numpy(ahead), *torch.zeros((2, 500), dtype=torch.float64)
    assert solid_angle(geometry, torch.from_numpy(far)).tolist() == [solid_angle(geometry, x) for x in far.tolist()]
    for layer in range(3):
        singly = [capture_fraction(geometry, tuple(number(x) for x in pixel), layer)
                  for pixel in zip(*direction, strict=True)]
        assert capture_fraction(geometry, direction, layer).tolist() == singly
