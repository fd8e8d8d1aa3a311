"""Figures of the finished image as printed: maximum and its place, mean, rms and rmsd."""

import math
import re

import numpy as np
import pytest

from nanobrag_torch.output.statistics import image_statistics


def figures(run):
    found = re.search(r"max_I = (\S+)  at (\S+) (\S+)\nmean= (\S+) rms= (\S+) rmsd= (\S+)\n", run.stdout)
    assert found, run.stdout
    return [float(word) for word in found.groups()]


@pytest.fixture
def masked(tmp_path):
    """A mask that leaves out the first ten rows of 32."""
    pixels = np.ones((32, 32), "<u2")
    pixels[:10] = 0
    header = b"{\nHEADER_BYTES=512;\nSIZE1=32;\nSIZE2=32;\n}\f".ljust(512)
    (tmp_path / "m.img").write_bytes(header + pixels.tobytes())
    return pixels > 0


def test_figures_are_those_of_the_c_program(simulated):
    """Measured with nanoBragg C, July 2026."""
    run = simulated()
    assert "max_I = 104.364  at 0.00165 0.00165\nmean= 5.54907 rms= 19.8454 rmsd= 19.053\n" in run.stdout


def test_figures_follow_their_formulas_in_a_region(simulated):
    run = simulated("-roi 3 20 5 25")
    values = run.image()[5:26, 3:21].astype(float)
    n = values.size
    expected = [values.max(), values.mean(), np.sqrt((values**2).sum() / (n - 1)), values.std(ddof=1)]
    obtained = figures(run)
    assert [obtained[0], *obtained[3:]] == pytest.approx(expected, rel=1e-5)


def test_the_maximum_is_placed_at_its_last_subpixel(simulated):
    """In pixels: index + (3 - 1/2)/3 with three sub-pixels."""
    run = simulated("-oversample 3 -Xbeam 1 -Ybeam 2")
    slow, fast = np.unravel_index(run.image().argmax(), (32, 32))
    assert figures(run)[1:3] == pytest.approx([(fast + 2.5 / 3) * 1e-4, (slow + 2.5 / 3) * 1e-4], rel=1e-5)


def test_the_first_of_equal_maxima_is_the_one(simulated):
    """One cell has no lattice factor; without polarization, on a curved detector of point pixels, all are equal."""
    run = simulated("-N 1 -nointerpolate -nopolar -curved_det -point_pixel")
    assert len(set(run.image().reshape(-1).tolist())) == 1
    assert figures(run)[1:3] == [5e-5, 5e-5]


def test_an_empty_image_has_its_maximum_nowhere(simulated):
    run = simulated("-default_F 1e-30")
    assert figures(run) == [0, 0, 0, 0, 0, 0] and "intfile_scale = 1\n" in run.stdout
    assert "pgm_scale = 1\n" in run.stdout


def test_one_pixel_has_no_spread(simulated):
    run = simulated("-roi 16 16 16 16")
    obtained = figures(run)
    assert obtained[0] == obtained[3] == obtained[4] and obtained[5] == 0


def test_masked_pixels_do_not_count(simulated, masked):
    run = simulated("-mask m.img")
    values = run.image()[masked].astype(float)
    obtained = figures(run)
    assert obtained[3:] == pytest.approx([values.mean(), np.sqrt((values**2).sum() / (values.size - 1)),
                                          values.std(ddof=1)], rel=1e-5)


def test_masked_pixels_count_as_zeros_in_rmsd_where_that_is_emulated(simulated, masked):
    """Measured with nanoBragg C, July 2026, but for the rmsd of rendered pixels alone."""
    run = simulated("-mask m.img -emulate masked-rmsd")
    assert "mean= 5.40654 rms= 19.5636 rmsd= 15.8758\n" in run.stdout
    assert "mean= 5.40654 rms= 19.5636 rmsd= 18.8006\n" in simulated("-mask m.img").stdout


def test_sums_run_in_scan_order_bit_for_bit_whoever_adds_them_up(scene_of):
    """Over several blocks of rows, with a mask, and in threads: one number after the other, as the C program has it."""
    scene = scene_of("-detpixels_x 700 -detpixels_y 300")
    image = np.random.default_rng(3).lognormal(sigma=4.0, size=(300, 700)).astype(np.float32)
    total = squares = 0.0
    for x in image.reshape(-1):
        total += float(x)
        squares += float(x * x)
    mean, count = total / image.size, image.size
    deviations = 0.0
    for x in image.reshape(-1).tolist():
        deviations += (x - mean) ** 2
    for workers in (1, 2):
        found = image_statistics(scene, image, workers)
        assert found.mean == mean
        assert found.rms == math.sqrt(squares / (count - 1))
        assert found.rmsd == math.sqrt(deviations / (count - 1))
        assert found.max == image.max()
