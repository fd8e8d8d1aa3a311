"""Regions of one pixel or one value, rings without signal, and pixels that one mask alone leaves out."""

import numpy as np
import pytest

from nbcompare.compare.colours import colours_of
from nbcompare.compare.compare import compare_images
from nbcompare.compare.image import Roi, Shape
from nbcompare.compare.metrics import RegionPair
from nbcompare.compare.metrics.shells import Ring, radial_profile


def test_one_pixel_is_no_constant_region_and_two_alike_are():
    image = np.array([[1.0, 1.0, 3.0]])
    rois = [Roi("one", 0, 0, 0, 0), Roi("two", 0, 1, 0, 0), Roi("three", 0, 2, 0, 0)]
    assert compare_images(image, image, rois).vacuous == ("region two: every reference pixel here is 1",)
    flat = np.ones((2, 2))
    assert compare_images(flat, 2 * flat, [Roi.full(Shape(2, 2))]).vacuous == (
        "the reference image is constant: every pixel is 1", "the subject image is constant: every pixel is 2")


@pytest.mark.parametrize("which", [0, 1])
def test_the_brightest_pixel_of_the_frame_is_one_that_neither_image_masks(which):
    """By a hot pixel of 1e9 the region beside it would be weak."""
    image = np.linspace(1, 2, 12).reshape(3, 4)
    image[0, 0] = 1e9
    masks = [np.zeros((3, 4), bool), np.zeros((3, 4), bool)]
    masks[which][0, 0] = True
    rest = [Roi("rest", 0, 3, 1, 2)]
    assert compare_images(image, image, rest, masks=tuple(masks)).regions[0].weak is None
    assert compare_images(image, image, rest).regions[0].weak is not None


@pytest.mark.parametrize(("faint", "ratio"), [(1.0, None), (1.01, 2.0), (-1.0, None)])
def test_a_ring_of_a_millionth_of_the_brightest_has_no_ratio(faint, ratio):
    """About the first of eight pixels in a row the squares of the distances are 0, 1, 4 ... 49: two rings of equal area
    part at 24.5, behind the fifth pixel. The first ring has a mean of 1e6, the second one of about 1."""
    x = np.array([[4e6, 0.0, 1e6, 0.0, 0.0, faint, faint, faint]])
    pair = RegionPair(x, np.where(x == faint, 2 * x, 3 * x), 4e6, centre=(0.0, 0.0))
    assert radial_profile(pair, 2) == (Ring(0.0, pytest.approx(24.5**0.5), 5, 5e6, 1.5e7, 3.0),
                                       Ring(pytest.approx(24.5**0.5), 7.0, 3, pytest.approx(3 * faint),
                                            pytest.approx(6 * faint), ratio and pytest.approx(ratio)))


def test_rings_count_from_the_beam_in_the_image_and_leave_out_what_is_masked():
    """A region from (10, 20) on, the beam 3 pixels left and 4 above: its nearest pixel is 5 away. A ring that no pixel
    lies in is not told, and neither is a mask."""
    x = np.arange(1.0, 7.0).reshape(2, 3)
    mask = np.array([[False, True, False], [False] * 3])
    pair = RegionPair(x, 2 * x, 6.0, origin=(10, 20), centre=(7.0, 16.0), masks=(mask, mask))
    squares = np.add.outer(np.array([16, 25]), np.array([9, 16, 25]))[~mask]
    found = radial_profile(pair, 5)
    edges = np.linspace(25, 50, 6)
    which = np.minimum(((squares - 25) // 5).astype(int), 4)
    assert [(ring.pixels, ring.reference_sum, ring.ratio) for ring in found] == [
        (int((which == ring).sum()), x[~mask][which == ring].sum(), 2.0) for ring in range(5) if (which == ring).any()]
    assert [ring.from_px for ring in found] == pytest.approx(
        [edges[ring] ** 0.5 for ring in range(5) if (which == ring).any()])


def test_a_band_holds_32768_pixels():
    """As many rows as have no more, and at least one."""
    for shape, rows in (((32_768, 1), [32_768]), ((32_769, 1), [32_768, 1]), ((5, 16_384), [2, 2, 1]),
                        ((3, 16_385), [1, 1, 1]), ((2, 40_000), [1, 1])):
        x = np.ones(shape, "u1")
        assert [band.stop - band.start for band, _, _ in RegionPair(x, x, 1.0).bands()] == rows


def test_figures_of_a_wrong_image_are_found_by_its_name():
    """An image twice as bright differs from its reference by as much as that is: nrmse of zeros is 1 and refused, and
    of the one twice as bright as well, but their largest differences are told."""
    x = np.array([[1.0, 2.0], [3.0, 7.0]])
    (region,) = compare_images(x, 2 * x, [Roi.full(Shape(2, 2))]).regions
    assert [image.name for image in region.wrong_images] == ["zeros", "twice"]
    assert [region.of_wrong_image(name, "max_abs_diff") for name in ("zeros", "twice", "moved")] == [7.0, 7.0, None]
    assert [region.of_wrong_image(name, "sum_ratio") for name in ("zeros", "twice")] == [None, 2.0]
    assert region.of_wrong_image("twice", "nrmse") is None


def test_colours_are_those_of_their_makers():
    """The first and last of inferno; of RdBu, whose 11 classes lie 25.5 colours apart, those at even places. matplotlib
    has both: inferno as it is, RdBu between its classes by the same rule."""
    bright, signed = colours_of("inferno"), colours_of("RdBu_r")
    assert bright.shape == signed.shape == (256, 3) and bright.dtype == signed.dtype == np.uint8
    assert bright[[0, 255]].tolist() == [[0, 0, 3], [252, 254, 164]]
    assert signed[[0, 51, 102, 153, 204, 255]].tolist() == [
        [5, 48, 97], [67, 147, 195], [209, 229, 240], [253, 219, 199], [214, 96, 77], [103, 0, 31]]
    assert not bright.flags.writeable
    makers = pytest.importorskip("matplotlib").colormaps
    for ours, name in ((bright, "inferno"), (signed, "RdBu_r")):
        theirs = np.array(makers[name](np.arange(256)))[:, :3]
        assert (ours == (makers[name](np.arange(256), bytes=True)[:, :3] if name == "inferno" else
                         np.rint(255 * theirs))).all()
