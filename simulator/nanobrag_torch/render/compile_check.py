"""Whether machine code that was just built renders what the plain path does: small images of every kind.

Each way through machine/*.cpp is taken by one of the commands: shapes and precisions, single steps and groups of them,
wavelengths, sub-pixels and layers with their factors, water, both forms of a curved detector, masks by the region of
interest, and the emulations that change a sum. A fluence beyond all reason makes an image of what is nearly dark.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nanobrag_torch.command.load import load_components, read_command
from nanobrag_torch.render.build_scene import build_scene
from nanobrag_torch.render.choose import exact_in_float32
from nanobrag_torch.render.plain import render_tile
from nanobrag_torch.render.scene import Scene
from nanobrag_torch.render.sticky_interpolation import StickyInterpolation, ends_somewhere
from nanobrag_torch.render.tile import make_tile

LARGEST_ERROR = 1e-6
"""Of the largest value, and of the sum."""

CRYSTAL = ("-cell 70 80 95 85 95 100 -misset 10 20 30 -N 7 -hkl check.hkl -default_F 20 -lambda 1 -distance 100 "
           "-detpixels_x 37 -detpixels_y 21 -pixel 0.9 -oversample 1 -nointerpolate -polar 0.9 -noprogress")

COMMANDS = (
    "-phi 1 -osc 0.5 -phisteps 13",
    "-phi 5 -osc 20 -phisteps 7",
    "-mosaic 1 -mosaic_dom 3 -dispersion 2 -dispsteps 11",
    "-phi 1 -osc 0.5 -phisteps 4 -divergence 2 -divsteps 3 -dmin 9",
    "-phi 1 -osc 0.1 -phisteps 4 -N 1",
    "-oversample 2 -oversample_omega -oversample_polar -detector_thick 300 -detector_abs 200 -thicksteps 3",
    "-oversample 2 -oversample_thick -detector_thick 300 -detector_abs 200 -thicksteps 2 -nopolar -dmin 9",
    "-water 60 -fluence 1e24 -oversample 2 -detector_thick 300 -thicksteps 2 -point_pixel",
    "-round_xtal -phi 1 -osc 1 -phisteps 3",
    "-gauss_xtal -N 3 -dispersion 2 -dispsteps 3",
    "-gauss_xtal -emulate gauss-tophat-width -N 2 -curved_det 1",
    "-binary_spots -N 2 -dmin 2 -xds -twotheta 20",
    "-interpolate -phi 1 -osc 1 -phisteps 2",
    "-interpolate -round_xtal -N 2",
    "-interpolate -emulate sticky-interpolation -phi 1 -osc 1 -phisteps 2 -pixel 0.5 -Xbeam 12 -Ybeam 7",
    "-interpolate -emulate sticky-interpolation -binary_spots -N 2 -pixel 0.5 -Xbeam 5 -Ybeam 5",
    "-curved_det 1 -emulate curved-lab-axes -polar 0",
    "-emulate all -phi 0 -osc 0.1 -phisteps 4 -detector_thick 300 -thicksteps 3",
    "-emulate running-product -oversample 2 -oversample_polar -oversample_omega -phi 1 -osc 1 -phisteps 3",
    "-emulate running-product -oversample_polar -gauss_xtal -N 40 -mosaic 1 -mosaic_dom 2 -dmin 9",
    "-emulate running-product -oversample_polar -binary_spots -N 2 -phi 1 -osc 9 -phisteps 3",
    "-emulate running-product -oversample_polar -binary_spots -N 2 -phi 1 -osc 9 -phisteps 3 -water 60 -fluence 1e24",
    "-emulate running-product -oversample_polar -binary_spots -N 2 -phi 1 -osc 9 -phisteps 3 -water 0.1",
    "-emulate running-product -oversample_polar -gauss_xtal -N 70 -phi 1 -osc 12 -phisteps 9 -roi 25 25 3 3 "
    "-fluence 1e100",
    "-gauss_xtal -N 40 -roi 3 6 2 3 -fluence 1e140",
    "-emulate water-scaling -water 60 -fluence 1e24 -dmin 9",
    "-emulate water-scaling -water 60 -fluence 1e24 -dmin 9 -nopolar",
    "-curved_det 1 -detector_thick 3000 -detector_abs 2000 -thicksteps 2 -oversample_omega",
    "-beam_vector 1 0 0 -polar_vector 1 0 0 -polar 0.7",
    "-roi 3 35 2 11 -phi 1 -osc 0.5 -phisteps 5",
    "-sourcefile check.src -phi 1 -osc 0.5 -phisteps 5 -dmin 9",
    "-sourcefile check.src -dmin 9 -oversample 2 -oversample_polar",
    "-emulate running-product -sourcefile check.src -dmin 9 -round_xtal -oversample_polar",
)

SOURCES = "-10 0 0 1 1e-10\n-10 0 0 4 2e-10\n-10 0 0 2 1.1e-10\n-10 0.1 0.2 3 1.2e-10\n"
"""Wavelengths and weights that differ, some of them of one direction."""


def largest_error(library: Any, scratch: Path) -> tuple[float, str]:
    """The largest difference over the peak or of the sums, infinite where one is undefined, and the command."""
    worst = (0.0, "")
    for options, scene in _scenes(scratch):
        for real in (torch.float64, torch.float32) if exact_in_float32(scene) else (torch.float64,):
            worst = max(worst, (error_of(library, scene, real), options))
    return worst


def _scenes(folder: Path) -> Iterator[tuple[str, Scene]]:
    """The scenes of all commands, with amplitudes between 0 and 400 that jump from one reflection to the next."""
    lines = [f"{h} {k} {l} {200 + 200 * math.sin(7 * h + 11 * k * k + 13 * l):.2f}"
             for h in range(-9, 10) for k in range(-10, 11) for l in range(-12, 13)]
    (folder / "check.hkl").write_text("\n".join(lines) + "\n")
    (folder / "check.src").write_text(SOURCES)
    for options in COMMANDS:
        command = read_command([*CRYSTAL.split(), *options.split()], folder, folder)
        yield options, build_scene(*load_components(command), emulate=command.emulate)


def error_of(library: Any, scene: Scene, real) -> float:
    """The largest difference from the plain path over the peak, or of the sums; infinite where one is undefined, as of
    an image of zeros."""
    from nanobrag_torch.render.compiled import CompiledRenderer
    from nanobrag_torch.render.sticky_renderer import StickyRenderer

    x0, x1, y0, y1 = scene.roi
    rows = range(y0, y1 + 1)
    with torch.no_grad(), np.errstate(over="ignore", invalid="ignore"):
        plain, _ = render_tile(scene, make_tile(scene, rows, range(x0, x1 + 1)), StickyInterpolation(scene))
        image = np.zeros((y1 + 1, x1 + 1), dtype=np.float32)
        if ends_somewhere(scene):
            StickyRenderer(scene, lambda part: CompiledRenderer(part, real, library)).render_to(image, workers=2)
        else:
            CompiledRenderer(scene, real, library).render_to(image, workers=2)
    values = torch.from_numpy(image[y0:, x0:]).double()
    apart, excess = (values - plain).abs().max() / plain.max(), (values.sum() / plain.sum() - 1.0).abs()
    worst = float(torch.maximum(apart, excess))
    return math.inf if math.isnan(worst) else worst
