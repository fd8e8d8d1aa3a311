"""The libraries of this machine's cache against the plain path: ``make test-compiled``, as building takes two minutes.

The formulas that they are compiled from are tested in test_fast_compiled.py, without a compiler.
"""

import pytest
import torch

from nanobrag_torch.options import Program
from nanobrag_torch.render import choose as render_path
from nanobrag_torch.render import compile_cache
from nanobrag_torch.render.choose import RenderPath, choose_path, render_image

SCAN = ("-cell 70 80 95 85 95 100 -misset 10 20 30 -N 7 -detpixels_x 245 -detpixels_y 133 -pixel 0.15 -polar 0.9 "
        "-phi 1 -osc 0.5 -phisteps 5")


@pytest.mark.parametrize("options", [
    "", "-phisteps 1", "-phisteps 33", "-osc 20 -phisteps 7", "-mosaic 1 -mosaic_dom 7", "-divergence 2 -divsteps 3",
    "-oversample 2 -oversample_omega", "-nopolar", "-detector_thick 300 -thicksteps 2", "-dmin 2", "-roi 3 20 5 7",
    "-point_pixel", "-Na 1 -Nb 1 -Nc 30", "-water 60 -fluence 1e24", "-emulate phi-carryover -phi 0"])
def test_the_libraries_render_the_plain_image_to_1e_6(scene_of, options):
    scene = scene_of(f"{SCAN} {options}")
    path = choose_path(scene, Program(render="compiled"))
    assert path.name == "compiled", path
    image, omega = render_image(scene, path, workers=2)
    plain, plain_omega = render_image(scene, RenderPath("plain", "float64"))
    assert abs(image.astype(float) - plain).max() < 1e-6 * plain.max()
    assert image.sum(dtype=float) == pytest.approx(plain.sum(dtype=float), rel=1e-6)
    assert omega == pytest.approx(plain_omega, rel=1e-12)


def test_workers_do_not_change_a_bit(scene_of, monkeypatch):
    monkeypatch.setattr(render_path, "WORTH_A_WORKER", 1)
    scene = scene_of(SCAN)
    path = choose_path(scene, Program(render="compiled"))
    one, two = (torch.from_numpy(render_image(scene, path, workers=count)[0]) for count in (1, 2))
    assert torch.equal(one, two)


def test_every_library_is_what_was_checked():
    assert compile_cache.obstacle() == ""
