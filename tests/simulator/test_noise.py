"""The noise image: the C program's photons, bit for bit, and what physics mode does with them."""

import hashlib
import math

import numpy as np
import pytest

from nanobrag_torch.output.noise import PoissonDraws, log_gamma
from nanobrag_torch.physics.random_stream import RandomStreams

NOISE = "-noisefile noiseimage.img"

MEASURED = {
    "-seed 7": ("5477 photons on noise image (0 overloads)",
                "abdc9783e73eae15874133b8643490de93bfb9a80f520908d02d067b06862ed5"),
    "-seed 7 -default_F 3000": ("5112012 photons on noise image (36 overloads)",
                                "61988a23ff975cadb7d4cd527a74272340aba0c52ad5a2a58edb9e72f1344b3d"),
    "-seed 7 -default_F 20000": ("227314102 photons on noise image (348 overloads)",
                                 "cefb29f09df589fa496bddc9e6200c81fd6e40ce618e96ea3acdae7b65870188"),
    "-seed 3 -adc -50": ("5760 photons on noise image (0 overloads)",
                         "d3eb0a51501efc42b8dab9e1341251792a456f8e226106a509005051851bfdd9"),
    "-seed 3 -adc 40.7 -roi 5 9 6 20": ("1073 photons on noise image (0 overloads)",
                                        "12cb8ed8a4240b6bc23ca14b28f352a46ac1c5cef51f98d6e92f7f14ef5ef5ed"),
    "-seed -5 -mosaic_seed 9": ("5730 photons on noise image (0 overloads)",
                                "1ea8d38a1d712833de35aa75c8db570becde920045adea7503670b7ce123fd54"),
}
"""Line on stdout and SHA-256 of the noise pixels, for BASE and these options: measured with nanoBragg C, July 2026.
They reach all three ways to draw, clamped and wrapped counts, a region, and a shuffle table left by another stream."""


def noise_pixels(run):
    return np.frombuffer((run.folder / "noiseimage.img").read_bytes()[-2048:], "<u2").reshape(32, 32)


@pytest.mark.parametrize("options", MEASURED)
def test_emulated_noise_is_that_of_the_c_program_pixel_for_pixel(simulated, options):
    run = simulated(f"{NOISE} {options} -emulate noise-truncation")
    line, digest = MEASURED[options]
    assert f"{line}\n" in run.stdout
    assert hashlib.sha256(noise_pixels(run).tobytes()).hexdigest() == digest


@pytest.mark.parametrize("options", ["-seed 7", "-seed 7 -default_F 3000"])
def test_rounding_changes_no_whole_number_of_photons(simulated, options):
    """Below means of 1e6 a deviate is a whole number; with a whole offset both modes write the same pixels."""
    run = simulated(f"{NOISE} {options}")
    line, digest = MEASURED[options]
    assert f"{line}\n" in run.stdout
    assert hashlib.sha256(noise_pixels(run).tobytes()).hexdigest() == digest


def test_physics_rounds_where_the_c_program_truncates(simulated):
    rounded = noise_pixels(simulated(f"{NOISE} -seed 3 -adc 40.7")).astype(int)
    truncated = noise_pixels(simulated(f"{NOISE} -seed 3 -adc 40.7 -emulate noise-truncation")).astype(int)
    assert (rounded - truncated == 1).all()


def test_physics_clamps_counts_below_zero(simulated):
    physics = noise_pixels(simulated(f"{NOISE} -seed 3 -adc -50"))
    wrapped = noise_pixels(simulated(f"{NOISE} -seed 3 -adc -50 -emulate noise-truncation"))
    negative = wrapped > 65000
    assert negative.any() and (physics[negative] == 0).all()
    assert np.array_equal(physics[~negative], wrapped[~negative])


def test_pixels_outside_the_region_are_zero_and_masked_ones_hold_the_offset(simulated, tmp_path):
    mask = np.ones((32, 32), "<u2")
    mask[8] = 0
    (tmp_path / "m.img").write_bytes(b"{\nHEADER_BYTES=512;\nSIZE1=32;\nSIZE2=32;\n}\f".ljust(512) + mask.tobytes())
    pixels = noise_pixels(simulated(f"{NOISE} -seed 3 -mask m.img -roi 5 9 6 20"))
    assert (pixels[8, 5:10] == 40).all() and (pixels[6:21, 5:10] >= 40).all()
    assert pixels.astype(int).sum() == pixels[6:21, 5:10].astype(int).sum()


@pytest.mark.parametrize("mean", [0.0, 0.3, 5.0, 11.5, 40.0, 1e4, 2e6])
def test_deviates_have_the_mean_and_the_variance_of_a_poisson_distribution(mean):
    """Both are the mean; 4000 deviates give them to sqrt(mean/4000) and mean sqrt(2/4000 + 1/(4000 mean)). Five
    standard errors are allowed."""
    streams = RandomStreams()
    streams.seed("noise", -11)
    draw = PoissonDraws(lambda: streams.uniform("noise"))
    deviates = np.array([draw(float(np.float32(mean))) for _ in range(4000)])
    assert deviates.mean() == pytest.approx(mean, abs=5 * math.sqrt(mean / 4000))
    assert deviates.var() == pytest.approx(mean, abs=5 * math.sqrt((2 * mean**2 + mean) / 4000))


def test_a_mean_of_zero_uses_one_deviate():
    used = iter([0.7])
    assert PoissonDraws(used.__next__)(0.0) == 0.0
    assert next(used, None) is None


@pytest.mark.parametrize("x", [0.5, 1.0, 2.0, 13.0, 1e3, 1e6])
def test_log_gamma_is_the_library_function_to_float32(x):
    """The series is good to 2e-10; the result is rounded to float32."""
    assert log_gamma(x) == pytest.approx(math.lgamma(x), rel=6e-8, abs=1e-9)


def test_a_block_of_deviates_is_the_same_as_one_by_one():
    """Also across blocks, and with a positive seed, which goes on with the table of another stream."""
    one, many = RandomStreams(), RandomStreams()
    for streams in (one, many):
        streams.seed("mosaic", -9)
        streams.uniform("mosaic")
        streams.seed("noise", 5)
    singles = [one.uniform("noise") for _ in range(300)]
    assert many.block("noise", 1) + many.block("noise", 199) + many.block("noise", 100) == singles


def test_the_first_deviates_of_a_seed_are_those_of_the_generator():
    streams = RandomStreams()
    streams.seed("noise", -1)
    assert streams.block("noise", 5) == [float(np.float32(x)) for x in
                                         (0.41599935, 0.09196489, 0.75641048, 0.52970022, 0.93043649)]
