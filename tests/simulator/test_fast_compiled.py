"""The compiled path: what it adds up, and that no library is used but the one that was built and checked here.

The formulas are used as they are written; compiling them takes two minutes, and ``make test-compiled`` does it.
"""

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from nanobrag_torch.options import Program
from nanobrag_torch.render import compile_cache, compiled, lattice_step, lattice_sum, ray_step
from nanobrag_torch.render.choose import RenderPath, choose_path, render_image

SCAN = ("-cell 70 80 95 85 95 100 -misset 10 20 30 -N 7 -detpixels_x 45 -detpixels_y 33 -pixel 0.6 -polar 0.9 "
        "-phi 1 -osc 0.5 -phisteps 5")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache folder with a library that looks as if it had been built here."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = compile_cache.cache_folder()
    folder.mkdir(parents=True)
    keep(folder, b"not really machine code", compile_cache.facts())
    for path in (folder, *folder.iterdir()):
        path.chmod(path.stat().st_mode & ~0o022)
    return folder


def keep(folder, code, facts):
    for kernel in compile_cache.KERNELS:
        (folder / kernel.library).write_bytes(code)
    sums = {kernel.library: hashlib.sha256(code).hexdigest() for kernel in compile_cache.KERNELS}
    (folder / compile_cache.FACTS).write_text(json.dumps({**facts, "libraries": sums}))


FEW_PERIODS = ("-cell 128 138 113 97 97 92 -misset 33 24 9 -Na 2 -Nb 36 -Nc 5 -lambda 1.36 -distance 150 -pixel 0.03 "
               "-phi -145 -osc 2 -phisteps 90 -Xbeam -83.07 -Ybeam 41.05")


@pytest.mark.parametrize("options", [
    "", FEW_PERIODS, "-mosaic 1 -mosaic_dom 7", "-divergence 2 -divsteps 3", "-oversample 2",
    "-detector_thick 300 -thicksteps 2", "-dmin 2 -divergence 200 -divsteps 3", "-roi 3 20 5 7",
    "-emulate phi-carryover -phi 0", "-phisteps 40", "-phisteps 1", "-osc 20 -phisteps 23", "-nopolar",
    "-osc 2 -phisteps 6 -mosaic 1 -mosaic_dom 2", "-point_pixel -polar 0", "-water 60 -fluence 1e24",
    "-Na 1 -Nb 1 -Nc 30 -osc 3", "-oversample_polar -oversample_omega",
    "-emulate water-scaling -water 60 -fluence 1e24",
    "-emulate running-product -oversample_polar -oversample 2 -phisteps 1", "-dmin 9"])
def test_the_compiled_renderer_is_the_plain_one_to_1e_6(scene_of, options):
    scene = scene_of(f"{SCAN} {options}")
    plain, omega = render_image(scene, RenderPath("plain", "float64"))
    x0, x1, y0, y1 = scene.roi
    with torch.no_grad():
        values, angles = compiled.CompiledRenderer(scene, compile_cache.FORMULAS).render_rows(range(y0, y1 + 1))
    plain = plain[y0 : y1 + 1, x0 : x1 + 1]
    assert abs(values.numpy() - plain).max() < 1e-6 * plain.max()
    assert values.sum() == pytest.approx(plain.sum(dtype=float), rel=1e-6)
    assert float(angles.sum()) == pytest.approx(omega, rel=1e-12)


def test_pixels_whose_nearest_reflection_changes_have_the_F_of_each_step(tmp_path, scene_of):
    """With single cells every pixel counts as much as any, and F jumps from 100 to 500 halfway between reflections."""
    (tmp_path / "jumps.hkl").write_text("\n".join(f"{h} {k} {l} {100 + 400 * ((h + k + l) % 2)}"
                                                  for h in range(-9, 10) for k in range(-9, 10) for l in range(-9, 10)))
    scene = scene_of(f"{SCAN} -N 1 -hkl jumps.hkl -default_F 0 -osc 0.1 -nointerpolate")
    renderer = compiled.CompiledRenderer(scene, compile_cache.FORMULAS)
    assert renderer.blocks
    with torch.no_grad():
        values, _ = renderer.render_rows(range(33))
    plain, _ = render_image(scene, RenderPath("plain", "float64"))
    assert abs(values.numpy() - plain).max() < 1e-6 * plain.max()


def test_a_pixel_on_whole_indices_has_its_limit(scene_of):
    """Where h k l is 0 0 0, F_latt is Na Nb Nc; no division by 0 is left in the formula."""
    scene = scene_of("-denzo -detpixels 33 -Xbeam 1.65 -Ybeam 1.65")
    with torch.no_grad():
        values, _ = compiled.CompiledRenderer(scene, compile_cache.FORMULAS).render_rows(range(33))
    plain, _ = render_image(scene, RenderPath("plain", "float64"))
    np.testing.assert_allclose(values.numpy(), plain, rtol=0, atol=1e-6 * plain.max())


def test_sines_are_exact_to_a_unit_of_float32():
    r = torch.linspace(-0.5, 0.5, 20001, dtype=torch.float64)
    error = lattice_step.sine_over(r) * r - torch.sin(torch.pi * r)
    assert float(error.abs().max()) < 6e-8


def test_the_library_that_was_built_here_may_be_used(cache):
    assert compile_cache.obstacle() == ""


def test_without_a_library_the_fast_path_renders_and_says_so(scene_of, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "nothing"))
    large = scene_of("-detpixels 1100")
    assert str(choose_path(large, Program())) == "fast:float32"
    assert str(choose_path(large, Program(render="compiled"))).startswith("fast:float32 (no compiled step")


@pytest.mark.parametrize("fact", sorted(compile_cache.facts()))
def test_a_library_of_other_facts_is_stale(cache, fact):
    """Torch, the processor, the source: whichever is another."""
    keep(cache, b"not really machine code", {**compile_cache.facts(), fact: "another"})
    assert "stale" in compile_cache.obstacle()


@pytest.mark.parametrize("module", [lattice_step, lattice_sum, ray_step, compile_cache])
def test_changed_source_needs_another_library(cache, tmp_path, monkeypatch, module):
    changed = tmp_path / "changed.py"
    changed.write_text("# changed\n")
    monkeypatch.setattr(module, "__file__", str(changed))
    assert compile_cache.cache_folder() != cache
    assert "no compiled step" in compile_cache.obstacle()


@pytest.mark.parametrize("kernel", compile_cache.KERNELS, ids=lambda kernel: kernel.name)
def test_a_damaged_library_is_refused(cache, kernel):
    with open(cache / kernel.library, "ab") as library:
        library.write(b"!")
    assert "damaged" in compile_cache.obstacle()


@pytest.mark.parametrize("text", ["", "[]", "{", '{"torch": 3}'])
def test_unreadable_facts_are_refused(cache, text):
    (cache / compile_cache.FACTS).write_text(text)
    assert compile_cache.obstacle() != ""


@pytest.mark.parametrize("name", ["", *(kernel.library for kernel in compile_cache.KERNELS)])
def test_a_library_that_others_can_write_is_refused(cache, name):
    path = cache / name
    path.chmod(path.stat().st_mode | 0o002)
    assert "others" in compile_cache.obstacle()


@pytest.mark.parametrize("wrong", compile_cache.KERNELS, ids=lambda kernel: kernel.name)
def test_a_step_that_computes_something_else_is_not_kept(cache, monkeypatch, wrong):
    """The check at build time sees a wrong factor in any of them."""

    def loaded(library):
        kernel, = (kernel for kernel in compile_cache.KERNELS if kernel.library == library.name)
        factor = 1.001 if kernel == wrong else 1.0

        def run(*arguments):
            found = kernel.formula(*arguments)
            return factor * found if isinstance(found, torch.Tensor) else [factor * part for part in found]

        return run

    monkeypatch.setattr(compile_cache, "_compile", lambda kernel, scratch, library: library.write_bytes(b""))
    monkeypatch.setattr(compile_cache, "load", loaded)
    (cache / compile_cache.FACTS).unlink()
    with pytest.raises(compile_cache.ArgumentError, match=f"{wrong.name} differs from the formula"):
        compile_cache.build()
    assert compile_cache.obstacle() != ""


@pytest.mark.parametrize("spoil", [
    torch.abs, lambda total: total.masked_fill(torch.arange(total.shape[1]) == 1, torch.nan)],
    ids=["marks", "undefined"])
def test_a_library_that_marks_other_pixels_or_leaves_some_undefined_is_not_kept(cache, monkeypatch, spoil):
    def loaded(library):
        kernel, = (kernel for kernel in compile_cache.KERNELS if kernel.library == library.name)
        spoiled = {"add_block": lambda *some: spoil(kernel.formula(*some))}
        return spoiled.get(kernel.name, kernel.formula)

    monkeypatch.setattr(compile_cache, "_compile", lambda kernel, scratch, library: library.write_bytes(b""))
    monkeypatch.setattr(compile_cache, "load", loaded)
    with pytest.raises(compile_cache.ArgumentError, match="add_block differs from the formula by inf"):
        compile_cache.build()


@pytest.mark.parametrize(("options", "dtype"), [("-round_xtal", "auto"), ("-curved_det 1 -N 5", "auto"),
                                                ("", "float64"), ("-interpolate -N 2", "float64")])
def test_what_is_not_compiled_is_rendered_by_the_fast_path(cache, scene_of, options, dtype):
    assert choose_path(scene_of(""), Program(render="compiled")).name == "compiled"
    assert choose_path(scene_of(options), Program(render="compiled", dtype=dtype)).name == "fast"


def test_the_region_of_interest_does_not_matter_to_the_choice(cache, scene_of):
    scene = scene_of("-detpixels 1100")
    assert choose_path(replace(scene, roi=(0, 0, 0, 0)), Program()).name == "compiled"
