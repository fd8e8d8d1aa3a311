"""The plain path takes torch's sines where that changes no bit of the image."""

import itertools

import numpy as np
import pytest
import torch

from nanobrag_torch.render import plain_rows
from nanobrag_torch.render.plain_rows import PlainRenderer, rounds_alike, spread

QUICK = "-phi 1 -osc 0.5 -phisteps 3 -oversample 2 -detpixels 41"
NOT_KNOWN = ("-gauss_xtal", "-oversample 2 -oversample_polar", "-oversample_omega", "-water 10", "-fluence 1e120",
             "-detector_thick 100 -detector_abs 50", "-interpolate -emulate sticky-interpolation -hkl few.hkl")
ROWS = range(41)


def test_sines_of_torch_are_as_near_as_is_taken_for_granted():
    """Also beside multiples of pi, where all digits but the last cancel, and far from 0."""
    draw = np.random.default_rng(1)
    beside = np.arange(1, 20_001) * np.pi
    x = np.concatenate([draw.uniform(-50, 50, 20_000), draw.uniform(-1e5, 1e5, 20_000), beside, beside * (1 + 1e-15),
                        10.0 ** draw.uniform(-12, 12, 20_000)])
    of_c = np.sin(x)
    off = np.abs(torch.sin(torch.from_numpy(x)).numpy() - of_c) / np.spacing(np.abs(of_c))
    assert off.max() <= plain_rows.SINE_ULPS / 2


def test_sines_that_are_off_change_no_bit(scene_of, monkeypatch):
    """sin(N x) too large and sin(x) too small by all that is allowed: some pixels would come out different, and none
    does. Not all rows are summed again."""
    scene, ulps, signs = scene_of(QUICK), 20_000, itertools.cycle((1, -1))

    def off(x):
        return x.sin() * (1.0 + next(signs) * ulps * plain_rows.ULP)

    def image():
        making = PlainRenderer(scene)
        return torch.cat([making.render_rows(range(row, row + 1))[0].float() for row in ROWS])

    monkeypatch.setattr(plain_rows, "spread", lambda scene: 0.0)
    exact = image()
    monkeypatch.setattr(torch, "sin", off)
    monkeypatch.setattr(plain_rows, "spread", lambda scene: 1e-300)
    assert not torch.equal(image(), exact)
    monkeypatch.setattr(plain_rows, "SINE_ULPS", ulps)
    monkeypatch.setattr(plain_rows, "spread", spread)
    told = []
    monkeypatch.setattr(plain_rows, "rounds_alike", lambda *found: told.append(rounds_alike(*found)) or told[-1])
    assert torch.equal(image(), exact)
    assert 0 < told.count(False) < len(ROWS) // 2


@pytest.mark.parametrize("options", NOT_KNOWN)
def test_where_it_is_not_known_how_far_a_pixel_can_be_off_the_c_library_is_asked(scene_of, tmp_path, options):
    (tmp_path / "few.hkl").write_text("".join(f"{h} {k} {l} 9\n" for h in (0, 1) for k in (0, 1) for l in (0, 1)))
    assert spread(scene_of()) > 0.0
    assert spread(scene_of(options)) == 0.0


@pytest.mark.parametrize(("values", "alike"), [([1.0, 0.0, 1e-60, torch.inf], True), ([1.0, torch.nan], False),
                                               ([2.0, 1.0 + 2.0**-24], False), ([3.4028235677973366e38], False)])
def test_a_value_halfway_between_two_float32_numbers_decides(values, alike):
    """1 + 2^-24 lies between 1 and the next number; the last between the largest and infinity."""
    assert rounds_alike(torch.tensor(values, dtype=torch.float64), 1e-14) is alike


@pytest.mark.parametrize(("options", "sines"), [("", 14), ("-misset 1 2 3", 18), ("-Nc 1", 12), ("-N 1", 0)])
def test_sines_along_an_axis_that_a_step_does_not_turn_are_taken_once(scene_of, monkeypatch, options, sines):
    """c lies along the spindle unless the crystal is misset: two sines for each of two axes and three steps, and two
    for c. The image is that of the C library's sines."""
    scene, asked = scene_of(f"-osc 0.5 -phisteps 3 {options}"), []
    monkeypatch.setattr(plain_rows, "spread", lambda scene: 0.0)
    exact = PlainRenderer(scene).render_rows(range(32))[0].float()
    monkeypatch.setattr(plain_rows, "spread", spread)
    sine = torch.sin
    monkeypatch.setattr(torch, "sin", lambda x: asked.append(x) or sine(x))
    assert torch.equal(PlainRenderer(scene).render_rows(range(32))[0].float(), exact)
    assert len(asked) == sines


@pytest.mark.parametrize("options", ["-hkl few.hkl", "-hkl few.hkl -interpolate", "-hkl few.hkl -nointerpolate -N 1"])
def test_quick_terms_look_structure_factors_up(scene_of, monkeypatch, tmp_path, options):
    (tmp_path / "few.hkl").write_text("".join(f"{h} {k} {l} {9 + h - k}\n" for h in range(-3, 4) for k in range(-3, 4)
                                              for l in range(-3, 4)))
    scene = scene_of(f"{options} -default_F 2 -misset 10 20 30 -mosaic 1 -mosaic_domains 2 -lambda 3")
    quick = PlainRenderer(scene).render_rows(range(32))[0].float()
    monkeypatch.setattr(plain_rows, "spread", lambda scene: 0.0)
    assert spread(scene) > 0.0
    assert torch.equal(quick, PlainRenderer(scene).render_rows(range(32))[0].float())
    assert quick.unique().numel() > 100
