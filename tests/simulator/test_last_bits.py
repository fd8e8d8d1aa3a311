"""Last bits that come of the order of the original's steps and of the functions of the C library. A Kahn factor above 1
makes the polarization cross 0, and on tiny pixels there one bit of a double shows in float32."""

import math

import numpy as np
import pytest
import torch

from nanobrag_torch.physics.arithmetic import atan2, exp
from nanobrag_torch.render.plain_rows import PlainRenderer

SMALL = ("-cell 70 80 90 90 90 90 -misset 10 20 30 -default_F 100 -N 3 -lambda 1 -oversample 1 "
         "-noprogress -nonoise -nopgm").split()
CROSSING = [*SMALL, *"-distance 1000 -pixel 0.00001 -detpixels 60 -twotheta_axis 0 0.6 0.8".split()]
NULL = [*SMALL, *"-distance 100 -pixel 0.1 -detpixels 101 -twotheta_axis 0 1 0 -twotheta 90 -polar 1".split()]
WIDE = ("-cell 200 190 210 90 95 90 -misset 10 20 30 -default_F 100 -N 60 -lambda 1.9 -oversample 1 -noprogress "
        "-nonoise -nopgm -distance 90 -detpixels 1100 -pixel 0.1").split()

# What shows in a pixel: its command, sources, further options, the pixel (slow, fast), and what the real nanoBragg has
# there (2026-11-30).
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
}


@pytest.fixture(params=PIXELS)
def pixel(request, tmp_path):
    base, sources, options, place, expected = PIXELS[request.param]
    (tmp_path / "s.txt").write_text(sources)
    slow, fast = place
    return base, f"{options} -roi {fast} {fast} {slow} {slow}", place, float.fromhex(expected)


def test_the_plain_path_has_the_pixel_of_the_real_program(scene_of, pixel):
    base, options, (slow, _), expected = pixel
    values, _ = PlainRenderer(scene_of(options + " -emulate all", base=base)).render_rows(range(slow, slow + 1))
    assert values.to(torch.float32).item() == expected


def test_the_reference_has_the_pixel_of_the_real_program(reference, pixel):
    base, options, place, expected = pixel
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
