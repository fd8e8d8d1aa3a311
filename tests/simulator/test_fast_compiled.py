"""The compiled path: what it adds up, and that no library is kept but one that was checked. That no other is used is in
test_compile_cache.py.

The library is built once, into build/compiled of the checkout (some seconds), and used until a source changes.
"""

import ctypes
import math
import os
import signal
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from drawn_scenes import difference, misses

from nanobrag_torch.errors import ArgumentError
from nanobrag_torch.io.floatfile import float_image
from nanobrag_torch.options import Program
from nanobrag_torch.render import compile_build, compile_cache, compile_check, compiled, sticky_renderer
from nanobrag_torch.render.choose import RenderPath, choose_path, render_image
from nanobrag_torch.render.sticky_interpolation import StickyInterpolation
from nanobrag_torch.render.tile import make_tile

CHECKOUT = Path(__file__).resolve().parents[2]

SCAN = ("-cell 70 80 95 85 95 100 -misset 10 20 30 -N 7 -detpixels_x 45 -detpixels_y 33 -pixel 0.6 -polar 0.9 "
        "-phi 1 -osc 0.5 -phisteps 5")


# --- the library that is built here ---------------------------------------------------------------------


@pytest.fixture(scope="session")
def built():
    """The cache folder with a library of today's sources."""
    home, before = CHECKOUT / "build" / "compiled", os.environ.get("XDG_CACHE_HOME")
    os.environ["XDG_CACHE_HOME"] = str(home)
    try:
        if compile_cache.obstacle():
            try:
                compile_build.compiler()
            except ArgumentError as fault:
                pytest.skip(str(fault))
            home.mkdir(parents=True, exist_ok=True)
            compile_build.build()
    finally:
        os.environ.pop("XDG_CACHE_HOME") if before is None else os.environ.update(XDG_CACHE_HOME=before)
    return home


@pytest.fixture
def here(built, monkeypatch):
    """The library in force."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(built))
    assert compile_cache.obstacle() == ""


def both(scene, **program):
    """The image by machine code and by the plain path."""
    path = choose_path(scene, Program(render="compiled", **program))
    assert path.name == "compiled", path
    image, omega = render_image(scene, path)
    plain, plain_omega = render_image(scene, RenderPath("plain", "float64"))
    assert omega == pytest.approx(plain_omega, rel=1e-12)
    return image, plain


FEW_PERIODS = ("-cell 128 138 113 97 97 92 -misset 33 24 9 -Na 2 -Nb 36 -Nc 5 -lambda 1.36 -distance 150 -pixel 0.03 "
               "-phi -145 -osc 2 -phisteps 90 -Xbeam -83.07 -Ybeam 41.05")


WHOLE_PERIODS_AWAY = "-Na 1 -Nb 1 -Nc 30 -osc 0.8 -phisteps 4 -detpixels_x 200 -detpixels_y 150 -pixel 0.2"
"""Some pixels are on a peak in the last step of a group and more than half a period from it in its middle."""


@pytest.mark.parametrize("options", [
    "", FEW_PERIODS, WHOLE_PERIODS_AWAY, "-mosaic 1 -mosaic_dom 7", "-divergence 2 -divsteps 3", "-oversample 2",
    "-detector_thick 300 -thicksteps 2", "-dmin 2 -divergence 200 -divsteps 3", "-roi 3 20 5 7",
    "-emulate phi-carryover -phi 0", "-phisteps 40", "-phisteps 1", "-osc 20 -phisteps 23", "-nopolar",
    "-osc 2 -phisteps 6 -mosaic 1 -mosaic_dom 2", "-point_pixel -polar 0", "-water 60 -fluence 1e24",
    "-Na 1 -Nb 1 -Nc 30 -osc 3", "-oversample_polar -oversample_omega", "-phisteps 1 -dispersion 3 -dispsteps 19",
    "-emulate water-scaling -water 60 -fluence 1e24", "-N 2500", "-N 1500 -phisteps 1", "-cell 9e6 80 95 85 95 100",
    "-emulate running-product -oversample_polar -oversample 2 -phisteps 1", "-dmin 9",
    "-emulate running-product -oversample_polar -oversample 2 -osc 3 -mosaic 1 -mosaic_dom 2",
    "-emulate running-product -oversample_omega -binary_spots -N 2 -osc 9", "-round_xtal", "-gauss_xtal -N 3",
    "-emulate running-product -oversample_polar -gauss_xtal -N 60 -osc 6 -phisteps 80",
    "-curved_det 1", "-curved_det 1 -emulate curved-lab-axes -detector_thick 300 -thicksteps 2"])
@pytest.mark.parametrize("dtype", ["auto", "float64"])
def test_the_compiled_renderer_is_the_plain_one_to_1e_6(here, scene_of, options, dtype):
    assert difference(*both(scene_of(f"{SCAN} {options}"), dtype=dtype)) == ""


def test_random_commands_render_the_plain_image(here, tmp_path):
    """Every option in any company, half of them with all emulations; make test-compiled tries thousands."""
    found, paths = misses(11, 80, tmp_path)
    assert found == []
    assert paths["compiled:float32"] > 10 and paths["compiled:float64"] > 10


def test_ten_steps_that_move_h_by_less_than_a_tenth_are_one_group(scene_of):
    """h is 16 in the corners, and a quarter of a degree from the middle moves it by 0.07."""
    assert compiled.Packed(scene_of(f"{SCAN} -osc 0.5 -phisteps 10"), True).numbers.groups == 1


def test_in_float64_the_image_is_the_same_float32_but_for_roundings(here, scene_of):
    image, plain = both(scene_of(SCAN), dtype="float64")
    assert abs(image / plain - 1.0).max() < 2e-7


@pytest.mark.parametrize("steps", [1, 5])
def test_pixels_whose_nearest_reflection_changes_have_the_F_of_each_step(here, tmp_path, scene_of, steps):
    """With single cells every pixel counts as much as any, and F jumps from 100 to 500 halfway between reflections."""
    (tmp_path / "jumps.hkl").write_text("\n".join(f"{h} {k} {l} {100 + 400 * ((h + k + l) % 2)}"
                                                  for h in range(-9, 10) for k in range(-9, 10) for l in range(-9, 10)))
    scene = scene_of(f"{SCAN} -N 1 -hkl jumps.hkl -default_F 0 -osc 0.1 -nointerpolate -phisteps {steps}")
    assert (compiled.Packed(scene, True).numbers.groups > 0) == (steps > 1)
    assert difference(*both(scene)) == ""


@pytest.mark.parametrize("shape", ["-square_xtal", "-round_xtal", "-gauss_xtal", "-binary_spots"])
def test_a_pixel_on_whole_indices_has_its_limit(here, scene_of, shape):
    """Where h k l is 0 0 0, F_latt is Na Nb Nc: sin(pi N h)/sin(pi h) there is 0/0."""
    image, plain = both(scene_of(f"{shape} -denzo -detpixels 33 -Xbeam 1.65 -Ybeam 1.65"))
    np.testing.assert_allclose(image, plain, rtol=0, atol=1e-6 * plain.max())
    assert image[16, 16] == image.max()


@pytest.mark.parametrize("options", ["", "-gauss_xtal -N 2", "-water 9 -fluence 1e24"])
def test_neither_threads_nor_a_region_nor_a_file_change_a_bit(here, scene_of, monkeypatch, tmp_path, options):
    scene = scene_of(f"{SCAN} {options} -detpixels_x 600 -detpixels_y 70")
    path = choose_path(scene, Program(render="compiled"))
    whole, omega = render_image(scene, path)
    monkeypatch.setattr(compiled, "WORTH_A_THREAD", 4)
    shared, again = render_image(scene, path, workers=3)
    np.testing.assert_array_equal(shared, whole)
    assert again == omega
    for roi in ((13, 570, 3, 20), (0, 599, 5, 66)):
        part, _ = render_image(replace(scene, roi=roi), path)
        inside = np.zeros_like(whole)
        inside[roi[2] : roi[3] + 1, roi[0] : roi[1] + 1] = whole[roi[2] : roi[3] + 1, roi[0] : roi[1] + 1]
        np.testing.assert_array_equal(part, inside)
        with float_image(tmp_path / "float.bin", whole.shape) as image:
            render_image(replace(scene, roi=roi), path, 3, image=image)
        np.testing.assert_array_equal(np.fromfile(tmp_path / "float.bin", "<f4").reshape(whole.shape), inside)


def test_progress_grows_and_what_it_raises_ends_the_rendering(here, scene_of, monkeypatch):
    monkeypatch.setattr(compiled, "WORTH_A_THREAD", 4)
    scene = scene_of(f"{SCAN} -detpixels_x 600 -detpixels_y 2000")
    path, told = choose_path(scene, Program(render="compiled")), []
    render_image(scene, path, 2, told.append)
    assert told == sorted(told) and told[0] > 0 and told[-1] == 2000

    def interrupted(done):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        render_image(scene, path, 2, interrupted)


def test_progress_ends_with_all_rows_also_where_other_threads_did_them(scene_of):
    told, idle = [], SimpleNamespace(scene_bytes=lambda: ctypes.sizeof(compiled.Numbers), render_rows=lambda *_: 0)
    compiled.CompiledRenderer(scene_of(SCAN), functions=idle).render_to(np.zeros((33, 45), np.float32), 2, told.append)
    assert told == [33]


def test_a_file_that_cannot_be_written_is_an_error(here, scene_of, tmp_path):
    (tmp_path / "float.bin").touch()
    with open(tmp_path / "float.bin", "rb") as read_only, pytest.raises(OSError, match="Bad file descriptor"):
        compiled.CompiledRenderer(scene_of(SCAN)).render_to(SimpleNamespace(file=read_only.fileno()), workers=2)


def test_masked_pixels_are_0_and_count_for_no_solid_angle(here, scene_of):
    scene = scene_of(SCAN)
    mask = torch.ones((33, 45), dtype=torch.bool)
    mask[3:9, 11:20] = False
    image, plain = both(replace(scene, mask=mask))
    assert difference(image, plain) == "" and (image[3:9, 11:20] == 0).all() and (image > 0).sum() == mask.sum()


STICKY = ("-cell 70 80 95 85 95 100 -misset 10 20 30 -N 7 -detpixels_x 37 -detpixels_y 21 -pixel 0.5 -lambda 1 "
          "-oversample 1 -distance 100 -interpolate -hkl known.hkl -default_F 5 -emulate sticky-interpolation")


@pytest.mark.parametrize(("options", "end"), [
    ("-phi 1 -osc 1 -phisteps 2", None), ("-phi 1 -osc 1 -phisteps 2 -Xbeam 12 -Ybeam 7", (0, 9)),
    ("-Xbeam 5 -Ybeam 5 -oversample 2 -roi 3 35 2 18", (2, 34)), ("-gauss_xtal -N 30 -Xbeam 12 -Ybeam 7", (0, 8)),
    ("-binary_spots -N 5 -Xbeam 12 -Ybeam 7", (0, 28)), ("-binary_spots -N 5 -Xbeam 12 -Ybeam 7 -water 0.1", (0, 8)),
    ("-round_xtal -Xbeam 12 -Ybeam 7 -dmin 8 -dispersion 5 -dispsteps 2 -mosaic 1 -mosaic_dom 2", (0, 10)),
    ("-hkl low.hkl -pixel 0.4 -phi 1 -osc 1 -phisteps 2", (0, 0)),
    ("-emulate all -phi 0 -osc 3 -phisteps 2 -Xbeam 7 -Ybeam 12 -oversample_polar", (0, 0))])
def test_interpolation_ends_with_the_first_point_out_of_range(here, scene_of, tmp_path, monkeypatch, options, end):
    """On the compiled path and on the fast one."""
    known = [(h, k, l) for h in range(-9, 10) for k in range(-10, 11) for l in range(-12, 13)]
    for name, least in ("known.hkl", (-9, -10, -12)), ("low.hkl", (-6, -7, -8)):
        some = [hkl for hkl in known if all(x >= first for x, first in zip(hkl, least, strict=True))]
        lines = [f"{h} {k} {l} {100 + 30 * ((h + 2 * k + 3 * l) % 7)}" for h, k, l in some]
        (tmp_path / name).write_text("\n".join(lines))
    monkeypatch.setattr(sticky_renderer, "FIRST_PIXELS", 100)
    scene = scene_of(f"{STICKY} {options}")
    plain, plain_omega = render_image(scene, RenderPath("plain", "float64"))
    for render, dtype in (("compiled", "auto"), ("fast", "float64"), ("fast", "auto")):
        path = choose_path(scene, Program(render=render, dtype=dtype))
        assert path.name == render and (path.dtype == "float64" or dtype == "auto")
        told = []
        image, omega = render_image(scene, path, 2, told.append)
        assert difference(image, plain) == "" and omega == pytest.approx(plain_omega, rel=1e-12)
        assert told == sorted(told) and told[-1] <= 21
    x0, x1, y0, y1 = scene.roi
    ended = StickyInterpolation(scene).prepare(make_tile(scene, range(y0, y1 + 1), range(x0, x1 + 1)))
    assert (ended and (y0 + ended.pixel // (x1 + 1 - x0), x0 + ended.pixel % (x1 + 1 - x0))) == end
    everywhere, _ = render_image(replace(scene, F=replace(scene.F, sticky=False)), RenderPath("plain", "float64"))
    assert (difference(everywhere, plain) == "") == (end is None)


# --- building -------------------------------------------------------------------------------------------


def spoiled(real, change):
    """A library whose values are changed after it has rendered them."""
    def render_rows(scene, first, rows, threads, target):
        status = real.render_rows(scene, first, rows, threads, target)
        to = ctypes.cast(target, ctypes.POINTER(compiled.RenderTarget)).contents
        width = ctypes.cast(scene, ctypes.POINTER(compiled.Numbers)).contents.width
        size = (rows - 1) * to.stride + width
        numbers = np.ctypeslib.as_array(ctypes.cast(to.values, ctypes.POINTER(ctypes.c_float)), (size,))
        change(numbers)
        np.ctypeslib.as_array(ctypes.cast(to.undefined, ctypes.POINTER(ctypes.c_int64)), (rows,))[0] = 0
        return status

    return SimpleNamespace(scene_bytes=real.scene_bytes, render_rows=render_rows)


def brighter(values):
    values *= 1.00001


def one_undefined(values):
    values[-1] = math.nan


@pytest.mark.parametrize("change", [brighter, one_undefined])
def test_a_library_that_computes_something_else_is_not_kept(here, tmp_path, monkeypatch, change):
    wrong = spoiled(compile_cache.library(), change)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(compile_build, "compile_sources", lambda target: target.write_bytes(b""))
    monkeypatch.setattr(compile_build, "load", lambda path: wrong)
    with pytest.raises(ArgumentError, match=r"-compile: differs from the plain path by .* it is not kept"):
        compile_build.build()
    assert list((tmp_path / "cache" / "nanobrag_torch").iterdir()) == []


def test_a_library_that_crashes_during_its_check_is_told_in_one_line(tmp_path, monkeypatch):
    def crashing(*arguments):
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(compile_build, "compile_sources", lambda target: target.write_bytes(b""))
    monkeypatch.setattr(compile_build, "load", crashing)
    with pytest.raises(ArgumentError, match=r"-compile: the library crashed while it was checked; it is not kept"):
        compile_build.build()
    assert list((tmp_path / "nanobrag_torch").iterdir()) == []


def test_every_command_of_the_check_renders_something_and_is_within_bounds(here, tmp_path):
    error, command = compile_check.largest_error(compile_cache.library(), tmp_path)
    assert 0.0 < error < compile_check.LARGEST_ERROR, command


def test_a_library_that_takes_another_scene_is_never_called(here, scene_of):
    other = SimpleNamespace(scene_bytes=lambda: 8)
    with pytest.raises(RuntimeError, match="takes a scene of 8 bytes"):
        compiled.CompiledRenderer(scene_of(""), functions=other)


def test_without_a_compiler_or_where_it_fails_one_line_says_so(simulated, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    tools = tmp_path / "tools"
    tools.mkdir()
    monkeypatch.setenv("PATH", str(tools))
    monkeypatch.delenv("CXX", raising=False)
    run = simulated("-compile")
    assert run.status == 2 and "there is no C++ compiler here" in run.stderr
    (tools / "g++").write_text("#!/bin/sh\necho 'renderer.cpp:1: error: what?' >&2\nexit 1\n")
    (tools / "g++").chmod(0o755)
    run = simulated("-compile")
    assert run.status == 2 and "ended with 1: renderer.cpp:1: error: what?" in run.stderr.splitlines()[-1]


def test_a_compiler_that_crashes_or_makes_nothing_is_told_in_one_line(tmp_path, monkeypatch):
    program = tmp_path / "c++"
    monkeypatch.setenv("CXX", str(program))
    for text, said in (("kill -SEGV $$", "was killed by signal 11: without a word"), ("exit 0", "made no library")):
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
        with pytest.raises(ArgumentError, match=f"-compile: .*c\\+\\+ {said}"):
            compile_build.compile_sources(tmp_path / "made.so")


def test_a_cache_that_cannot_be_written_is_told_in_one_line(tmp_path, monkeypatch):
    (tmp_path / "cache").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(ArgumentError, match="-compile: .*Not a directory.*XDG_CACHE_HOME can name another"):
        compile_build.build()


@pytest.mark.parametrize("fault", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_a_build_that_is_broken_off_leaves_nothing(tmp_path, monkeypatch, fault):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def broken_off(target):
        target.write_bytes(b"half of it")
        raise fault

    monkeypatch.setattr(compile_build, "compile_sources", broken_off)
    with pytest.raises((KeyboardInterrupt, ArgumentError), match=r"No space left|^$"):
        compile_build.build()
    assert list((tmp_path / "nanobrag_torch").iterdir()) == [] and "no compiled step" in compile_cache.obstacle()
