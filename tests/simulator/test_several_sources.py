"""Several sources: the direction to a pixel is made a unit vector once more where the polarization is worked out, and
the sources that follow see that one, with another last bit, which shows in float32 in 2 to 30 of a million pixels."""

import numpy as np
import pytest
import torch

from nanobrag_torch.render.plain_rows import PlainRenderer

BASE = ("-cell 200 190 210 90 95 90 -misset 10 20 30 -default_F 100 -N 60 -lambda 1.9 -distance 90 -detpixels 1100 "
        "-pixel 0.1 -noprogress -nonoise -nopgm").split()

# Options, a pixel (slow, fast), and what the real nanoBragg has there (2026-11-30). Each pixel comes out one unit of
# float32 off where the direction is left alone or made unit at other times: for every sub-pixel, with -nopolar, for a
# source that is culled, or not again with -oversample_polar.
ALIKE = [
    ("-dispersion 3 -dispsteps 2 -oversample 2", (21, 583), "0x1.4522d6p+1"),
    ("-dispersion 3 -dispsteps 2 -oversample 2", (5, 730), "0x1.1b918cp-4"),
    ("-dispersion 3 -dispsteps 4 -oversample 1 -nopolar", (4, 238), "0x1.82d458p+3"),
    ("-dispersion 60 -dispsteps 4 -oversample 1 -dmin 3.2", (43, 765), "0x1.2ea448p+6"),
    ("-dispersion 60 -dispsteps 4 -oversample 1 -dmin 3.2", (3, 25), "0x1.a98240p-8"),
]
WITH_DEFECTS = [
    ("-dispersion 3 -dispsteps 3 -oversample 2 -oversample_polar", (16, 926), "0x1.97c326p+0"),
    *(("-dispersion 3 -dispsteps 2 -oversample 1 -detector_thick 300 -detector_abs 200 -thicksteps 2", *found)
      for found in (((117, 290), "0x1.9976eep+10"), ((102, 421), "0x1.f363eap-10"))),
    # Infinitely far away: the null vector stays null.
    ("-dispersion 3 -dispsteps 2 -oversample 1 -curved_det -sdet_vector 0 1 0 -odet_vector 0 0 1", (7, 9), "0x0p+0"),
]


def only(options, pixel):
    slow, fast = pixel
    return f"{options} -roi {fast} {fast} {slow} {slow}"


@pytest.mark.parametrize(("options", "pixel", "expected"), ALIKE + WITH_DEFECTS)
def test_the_plain_path_has_the_pixel_of_the_real_program(scene_of, options, pixel, expected):
    scene = scene_of(only(options, pixel) + " -emulate all", base=BASE)
    values, _ = PlainRenderer(scene).render_rows(range(pixel[0], pixel[0] + 1))
    assert values.to(torch.float32).item() == float.fromhex(expected)


@pytest.mark.parametrize(("options", "pixel", "expected"), ALIKE)
def test_the_reference_has_the_pixel_of_the_real_program(reference, options, pixel, expected):
    run = reference(argv=[*BASE, *only(options, pixel).split(), "-floatfile", "t.bin"])
    assert run.image(1100, 1100, "t.bin")[pixel] == np.float32(float.fromhex(expected))
