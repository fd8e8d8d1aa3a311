"""Rendering in parts: neither tiles, workers nor regions of interest change a bit, and a failed worker is seen."""

import errno
import mmap
import os
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from nanobrag_torch.render import choose as render_path
from nanobrag_torch.render import fast, lattice_sum
from nanobrag_torch.render import tile as tiles
from nanobrag_torch.render.choose import RenderPath, render_image
from nanobrag_torch.render.large_pages import LINE, LargePages
from nanobrag_torch.render.workers import LARGE_PAGE, MOST_PIECES, share_out, shared_array, wait_for_ended

SCAN = "-detpixels_x 77 -detpixels_y 50 -pixel 0.5 -misset 10 20 30 -N 20 -phi 1 -osc 0.3 -phisteps 11 -oversample 1"
PATHS = [RenderPath("fast", "float32"), RenderPath("fast", "float64"), RenderPath("plain", "float64")]


@pytest.fixture(params=PATHS, ids=str)
def path(request):
    return request.param


@pytest.fixture(autouse=True)
def small_images_are_worth_workers(monkeypatch):
    monkeypatch.setattr(render_path, "WORTH_A_WORKER", 1)


def write_list(path):
    lines = [f"{h} {k} {l} {100 + h * k - l}" for h in range(-8, 9) for k in range(-8, 9) for l in range(-8, 9)]
    path.write_text("\n".join(lines) + "\n")


def pixels(image):
    return image.tobytes()


@pytest.mark.parametrize("shape", ["", "-round_xtal", "-gauss_xtal", "-mosaic 1 -mosaic_dom 3",
                                   "-gauss_xtal -emulate gauss-tophat-width -N 9", "-hkl list.hkl -nointerpolate -N 2",
                                   "-phisteps 1 -dispersion 1 -dispsteps 7", "-hkl list.hkl -interpolate -phisteps 2"])
def test_tiles_strips_and_workers_do_not_change_a_bit(scene_of, tmp_path, monkeypatch, path, shape):
    """With a list, and few cells, pixels that leave their reflection within a group count."""
    write_list(tmp_path / "list.hkl")
    scene = scene_of(f"{SCAN} {shape}")
    whole, omega = render_image(scene, path)
    for tile, strip in ((1, 1), (300, 100), (1000, 300), (5000, 300)):
        monkeypatch.setitem(fast.TILE_PIXELS, "cpu", tile)
        monkeypatch.setitem(fast.STRIP_PIXELS, "cpu", strip)
        monkeypatch.setattr(tiles, "TILE_PIXELS", tile)
        for workers in (1, 3):
            image, again = render_image(scene, path, workers)
            assert pixels(image) == pixels(whole)
            assert again == omega


def test_bands_of_the_region_of_interest_make_up_the_image(scene_of, path):
    """Every column of a band lies elsewhere in its arrays than in the whole image."""
    scene = scene_of(SCAN)
    whole, _ = render_image(scene, path)
    stitched = np.zeros_like(whole)
    for roi in ((0, 20, 0, 16), (21, 76, 0, 16), (0, 3, 17, 49), (4, 76, 17, 48), (4, 76, 49, 49)):
        part, _ = render_image(replace(scene, roi=roi), path)
        stitched += part
    assert pixels(stitched) == pixels(whole)


def test_where_interpolation_ends_somewhere_rows_are_rendered_in_order(scene_of, tmp_path):
    """With emulation sticky-interpolation, what one pixel does tells on the next."""
    write_list(tmp_path / "list.hkl")
    scene = scene_of(f"{SCAN} -hkl list.hkl -interpolate -emulate sticky-interpolation")
    plain = RenderPath("plain", "float64")
    assert pixels(render_image(scene, plain, 4)[0]) == pixels(render_image(scene, plain, 1)[0])


def test_a_small_image_is_rendered_without_other_processes(scene_of, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(os, "fork", lambda: pytest.fail("a process was started"))
    render_image(scene_of("-detpixels 128 -phisteps 3 -osc 1"), RenderPath("plain", "float64"), workers=4)


def test_where_no_process_can_be_made_this_one_does_it_all(scene_of, monkeypatch):
    scene, path = scene_of("-phi 1 -osc 1 -phisteps 5"), RenderPath("fast", "float32")
    whole, _ = render_image(scene, path, workers=2)

    def refused():
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", refused)
    assert pixels(render_image(scene, path, workers=2)[0]) == pixels(whole)


def test_every_piece_is_done_once():
    done = shared_array((MOST_PIECES,), np.int32)

    def count(piece):
        done[piece] += 1

    share_out(MOST_PIECES, 4, count)
    assert (done == 1).all()


def test_a_worker_that_fails_fails_the_whole(capfd):
    parent = os.getpid()

    def work(piece):
        if os.getpid() != parent:
            raise ValueError("broken on purpose")
        import time

        time.sleep(0.01)

    with pytest.raises(RuntimeError, match="workers failed"):
        share_out(50, 3, work)
    assert "broken on purpose" in capfd.readouterr().err


def test_a_worker_that_is_killed_fails_the_whole():
    parent = os.getpid()

    def work(piece):
        if os.getpid() != parent:
            os.kill(os.getpid(), 9)
        import time

        time.sleep(0.01)

    with pytest.raises(RuntimeError, match="workers failed"):
        share_out(50, 2, work)


@pytest.fixture
def children(monkeypatch):
    """The process numbers of all that are forked."""
    fork, numbers = os.fork, []

    def recorded():
        numbers.append(fork())
        return numbers[-1]

    monkeypatch.setattr(os, "fork", recorded)
    return numbers


def gone(child):
    with pytest.raises(ChildProcessError):
        os.waitpid(child, os.WNOHANG)
    return True


def test_an_error_here_leaves_no_worker_behind(children):
    def work(piece):
        raise ValueError("broken on purpose")

    with pytest.raises(ValueError, match="broken on purpose"):
        share_out(50, 3, work)
    assert len(children) == 2 and all(map(gone, children))


def test_nobody_waits_for_workers_to_end_that_have_done_all(children, monkeypatch):
    """Until another piece of work is shared out, or somebody asks."""
    end = os._exit
    monkeypatch.setattr(os, "_exit", lambda status: (time.sleep(0.4), end(status)))
    begun = time.monotonic()
    share_out(3, 3, lambda piece: time.sleep(0.01))
    assert len(children) == 2 and time.monotonic() - begun < 0.35
    assert wait_for_ended() == 0 and time.monotonic() - begun > 0.4 and all(map(gone, children))
    share_out(2, 2, lambda piece: None)
    share_out(2, 1, lambda piece: None)
    assert len(children) == 3 and all(map(gone, children))


@pytest.mark.parametrize("fails", [False, True])
def test_a_command_leaves_no_worker_behind(children, simulated, monkeypatch, fails):
    """Also where its image cannot be kept, which is found when the workers are done."""
    end = os._exit
    monkeypatch.setattr(os, "_exit", lambda status: (time.sleep(0.1), end(status)))
    monkeypatch.setitem(fast.TILE_PIXELS, "cpu", 1000)
    run = simulated(f"-render fast -threads 2 -detpixels 96 {'-fluence 1e75' if fails else ''}")
    assert run.status == (2 if fails else 0) and children and all(map(gone, children))


# --- memory ---------------------------------------------------------------------------------------------


def test_what_is_taken_from_large_pages_lies_side_by_side_until_it_is_cleared():
    memory = LargePages(10 * LINE, "cpu")
    first, second = memory.take((3, 5), torch.float32), memory.take((1,), torch.bool)
    assert second.data_ptr() == first.data_ptr() + LINE
    beyond = memory.take((9 * LINE,), torch.uint8)
    assert not 0 <= beyond.data_ptr() - first.data_ptr() < 10 * LINE and beyond.is_contiguous()
    last = memory.take((8 * LINE,), torch.uint8)
    assert last.data_ptr() == first.data_ptr() + 2 * LINE
    memory.clear()
    assert memory.take((2, 2), torch.float64).data_ptr() == first.data_ptr()


def refusing(*arguments):
    raise OSError(errno.EINVAL, "Invalid argument")


@pytest.mark.parametrize("way", ["refused", "unknown", "no room"])
def test_where_there_are_no_large_pages_the_image_is_the_same(scene_of, monkeypatch, way):
    """A system without them refuses the advice, another has no word for it; and what has no room stands alone."""
    scene, path = scene_of(SCAN), RenderPath("fast", "float32")
    whole, _ = render_image(scene, path, 2)
    asked = []

    class Memory(mmap.mmap):
        def madvise(self, *advice):
            asked.append(len(self))
            refusing()

    if way == "refused":
        monkeypatch.setattr(mmap, "mmap", Memory)
    elif way == "unknown":
        monkeypatch.delattr(mmap, "MADV_HUGEPAGE")
    else:
        monkeypatch.setattr(fast, "MOST_BYTES", 30)
    assert pixels(render_image(scene, path, 1)[0]) == pixels(whole)
    assert bool(asked) == (way == "refused") and all(size % LARGE_PAGE == 0 for size in asked)
    assert pixels(render_image(scene, path, 2)[0]) == pixels(whole)


@pytest.mark.parametrize("options", ["", "-round_xtal", "-gauss_xtal", "-binary_spots", "-interpolate -N 2", "-dmin 2",
                                     "-curved_det 1", "-water 10", "-detector_thick 100 -oversample_thick"])
def test_every_tensor_of_a_tile_is_made_on_the_device_of_the_scene(scene_of, tmp_path, options):
    """Without a GPU to try: with another default device, a tensor made without naming one cannot join the rest."""
    lines = [f"{h} {k} {l} {100 + h * k - l}" for h in range(-5, 6) for k in range(-5, 6) for l in range(-5, 6)]
    (tmp_path / "list.hkl").write_text("\n".join(lines) + "\n")
    scene = scene_of(f"{SCAN} -hkl list.hkl -misset 0 0 0 {options}")
    with torch.device("meta"), torch.no_grad():
        values, _ = fast.FastRenderer(scene, torch.float64).render_rows(range(50))
    assert values.device == torch.device("cpu") and bool(values.isfinite().all())


def test_where_numpy_sees_no_tensors_the_image_is_the_same(scene_of, monkeypatch):
    """As of a tile on another device: the sines are torch's, by a path that no CPU takes."""
    scene = scene_of(f"{SCAN} -misset 0 0 0")
    expected, _ = fast.FastRenderer(scene, torch.float32).render_rows(range(50))
    made, taken = lattice_sum.Workspace.__init__, []

    def elsewhere(self, *shape):
        made(self, *shape)
        self.angles_of_numpy = None
        taken.append(self)

    monkeypatch.setattr(lattice_sum.Workspace, "__init__", elsewhere)
    values, _ = fast.FastRenderer(scene, torch.float32).render_rows(range(50))
    assert taken and float((values - expected).abs().max() / expected.max()) <= 1e-6


def test_one_worker_takes_a_small_image_as_one_tile():
    assert list(render_path._tiles(range(128), 312, 1)) == [range(128)]
    assert len(list(render_path._tiles(range(128), 312, 2))) > 2
