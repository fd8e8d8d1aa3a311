"""The simulator as a library: public names, tensors in and out, and derivatives of the image."""

import dataclasses
import math

import numpy as np
import pytest
import torch

import nanobrag_torch
from nanobrag_torch import Beam, Crystal, Detector, ReflectionGrid, Sampling, Scan, simulate, simulate_bands
from nanobrag_torch.render import tile

DEGREE = math.pi / 180.0
INDICES = range(-6, 7)


def smooth_grid() -> ReflectionGrid:
    """Amplitudes that differ from reflection to reflection, on a small grid."""
    padded = np.zeros((14, 14, 14))
    h, k, l = np.meshgrid(INDICES, INDICES, INDICES, indexing="ij")
    padded[:-1, :-1, :-1] = 100 + 20 * np.sin(h + 2 * k) + 15 * np.cos(3 * l - h)
    return ReflectionGrid(-6, 6, -6, 6, -6, 6, padded, 2197)


def model(cell=(60.0, 70.0, 80.0), angles=(80 * DEGREE, 95 * DEGREE, 105 * DEGREE), misset=(0.1, 0.2, 0.3),
          wavelength=1e-10, distance=0.1, beam_x=1.1e-3, beam_y=0.9e-3, rotation=(0.05, 0.03, 0.02), twotheta=0.1,
          spread=0.01, phi=0.02, oscillation=0.01, fluence=1e29, kahn=0.5, thickness=1e-4, shape="square",
          amplitudes=None, interpolate=False):
    """A 4 x 3 pixel image in which every parameter matters."""
    grid = smooth_grid()
    if amplitudes is not None:
        grid = dataclasses.replace(grid, padded=torch.nn.functional.pad(amplitudes, (0, 1, 0, 1, 0, 1)))
    return simulate(
        Beam(wavelength_m=wavelength, fluence_per_m2=fluence, polarization=kahn),
        Crystal(cell_lengths_A=cell, cell_angles_rad=angles, misset_rad=misset, Na=3, Nb=4, Nc=5, shape=shape,
                mosaic_spread_rad=spread, mosaic_domains=3, reflections=grid, default_F=100.0, interpolate=interpolate),
        Detector(distance_m=distance, beam_x_m=beam_x, beam_y_m=beam_y, rotation_x_rad=rotation[0],
                 rotation_y_rad=rotation[1], rotation_z_rad=rotation[2], twotheta_rad=twotheta, thickness_m=thickness,
                 attenuation_depth_m=2e-4, fast_pixels=4, slow_pixels=3, pixel_size_m=4e-4),
        Scan(phi_rad=phi, oscillation_rad=oscillation, phi_steps=2), Sampling(oversample=1))


PARAMETERS = {
    "cell": (60.0, 70.0, 80.0), "angles": (80 * DEGREE, 95 * DEGREE, 105 * DEGREE), "misset": (0.1, 0.2, 0.3),
    "wavelength": 1e-10, "distance": 0.1, "beam_x": 1.1e-3, "beam_y": 0.9e-3, "rotation": (0.05, 0.03, 0.02),
    "twotheta": 0.1, "spread": 0.01, "phi": 0.02, "oscillation": 0.01, "fluence": 1e29, "kahn": 0.5, "thickness": 1e-4,
}


def test_public_names_are_these():
    assert nanobrag_torch.__all__ == ["Beam", "Crystal", "Detector", "ReflectionGrid", "Sampling", "Scan",
                                      "SimulatorError", "SourceTable", "read_hkl", "read_matrix", "simulate",
                                      "simulate_bands"]
    assert all(getattr(nanobrag_torch, name) for name in nanobrag_torch.__all__)


@pytest.mark.parametrize("shape", ["square", "round", "gauss"])
@pytest.mark.parametrize("name", PARAMETERS)
def test_derivatives_are_those_of_finite_differences(name, shape):
    """gradcheck in float64, each parameter scaled to 1 so that one step size fits all."""
    value = torch.tensor(PARAMETERS[name], dtype=torch.float64)

    def image(scale):
        scaled = scale * value
        return model(**{name: scaled if scaled.dim() == 0 else tuple(scaled.unbind())}, shape=shape)

    one = torch.ones_like(value, requires_grad=True)
    size = float(image(one).abs().max().detach())
    assert torch.autograd.gradcheck(image, (one,), eps=1e-7, atol=1e-4 * size, rtol=1e-4)


def test_derivatives_by_bands_are_those_of_finite_differences(monkeypatch):
    """The sum of an image by six numbers of the cell and three of the orientation, gone back from band by band."""
    monkeypatch.setattr(tile, "TILE_PIXELS", 24)
    one = torch.tensor([60.0, 70.0, 80.0, *(x * DEGREE for x in (80, 95, 105)), 0.1, 0.2, 0.3], dtype=torch.float64)

    def components(leaf):
        crystal = Crystal(cell_lengths_A=leaf[:3], cell_angles_rad=leaf[3:6], misset_rad=leaf[6:], Na=3, Nb=4, Nc=5,
                          default_F=100.0)
        detector = Detector(distance_m=0.1, fast_pixels=9, slow_pixels=8, pixel_size_m=4e-4)
        return Beam(wavelength_m=1e-10, fluence_per_m2=1e29), crystal, detector, Scan(oscillation_rad=0.01, phi_steps=2)

    leaf = one.clone().requires_grad_()
    first_rows = []
    for band in simulate_bands(*components(leaf)):
        band.values.sum().backward(retain_graph=True)
        first_rows.append(band.first_row)
    assert first_rows == [0, 2, 4, 6]
    for at, slope in enumerate(leaf.grad.tolist()):
        step = 1e-6 * one[at]
        up, down = (simulate(*components(one + sign * step * torch.eye(9, dtype=torch.float64)[at])).sum()
                    for sign in (1, -1))
        assert slope == pytest.approx(float((up - down) / (2 * step)), rel=1e-5)


@pytest.mark.parametrize("interpolate", [False, True])
def test_the_image_is_quadratic_in_the_structure_factors(interpolate):
    """Euler: sum F dI/dF = 2 I for a function homogeneous of degree 2 (default_F plays no part inside the grid)."""
    amplitudes = torch.tensor(smooth_grid().padded[:-1, :-1, :-1].copy(), requires_grad=True)
    total = model(amplitudes=amplitudes, interpolate=interpolate).sum()
    total.backward()
    assert float((amplitudes.detach() * amplitudes.grad).sum()) == pytest.approx(2 * float(total.detach()), rel=1e-10)


def test_the_image_is_a_tensor_slow_by_fast():
    image = simulate(Beam(), Crystal(cell_lengths_A=(100.0,), Na=5, Nb=5, Nc=5, default_F=100.0),
                     Detector(fast_pixels=6, slow_pixels=4))
    assert image.shape == (4, 6) and image.dtype == torch.float64


# --- against the C reference --------------------------------------------------------------------------------

COMMAND = {"-cell": [60, 70, 80, 80, 95, 105], "-misset": [5, 10, 20], "-lambda": [1.0], "-distance": [100],
           "-Xbeam": [1.1], "-Ybeam": [0.9], "-detector_rotx": [3], "-detector_roty": [2], "-phi": [1.2],
           "-fluence": [1e29], "-mosaic": [0.6]}
FIXED = "-default_F 100 -Na 3 -Nb 4 -Nc 5 -oversample 1 -detpixels 6 -pixel 0.4 -mosaic_domains 3 -osc 1 -phisteps 2 " \
        "-noprogress -nonoise -nopgm"
PIXEL = (1, 4)

MOVED = {  # option, which of its values, and a step in its unit
    "a": ("-cell", 0, 1e-3), "gamma": ("-cell", 5, 1e-3), "misset_y": ("-misset", 1, 1e-3),
    "wavelength": ("-lambda", 0, 1e-6), "distance": ("-distance", 0, 1e-3), "beam_x": ("-Xbeam", 0, 1e-4),
    "rotation_x": ("-detector_rotx", 0, 1e-3), "phi": ("-phi", 0, 1e-3), "fluence": ("-fluence", 0, 1e24),
    "spread": ("-mosaic", 0, 1e-3),
}


def intensity_of_reference(reference, option, at, value):
    """One pixel to 15 digits, from the trace of the C reference."""
    words = {**COMMAND, option: [*COMMAND[option][:at], value, *COMMAND[option][at + 1:]]}
    argv = [str(word) for name, values in words.items() for word in (name, *(f"{v!r}" for v in values))]
    run = reference(argv=[*argv, *FIXED.split(), "-trace_pixel", *PIXEL])
    assert run.status == 0, run.stderr
    return float(next(line for line in run.stdout.splitlines() if line.startswith("TRACE intensity=")).split("=")[1])


def intensity_of_library(option, at, value):
    si = {(name, i): float(v) for name, values in COMMAND.items() for i, v in enumerate(values)}
    si[option, at] = value

    def get(name, i=0, factor=1.0):
        return si[name, i] * factor

    return simulate(
        Beam(wavelength_m=get("-lambda", 0, 1e-10), fluence_per_m2=get("-fluence")),
        Crystal(cell_lengths_A=[get("-cell", i) for i in range(3)],
                cell_angles_rad=[get("-cell", i, DEGREE) for i in (3, 4, 5)],
                misset_rad=[get("-misset", i, DEGREE) for i in range(3)], Na=3, Nb=4, Nc=5, default_F=100.0,
                mosaic_spread_rad=get("-mosaic", 0, DEGREE), mosaic_domains=3),
        Detector(distance_m=get("-distance", 0, 1e-3), beam_x_m=get("-Xbeam", 0, 1e-3),
                 beam_y_m=get("-Ybeam", 0, 1e-3), rotation_x_rad=get("-detector_rotx", 0, DEGREE),
                 rotation_y_rad=get("-detector_roty", 0, DEGREE), fast_pixels=6, slow_pixels=6, pixel_size_m=4e-4),
        Scan(phi_rad=get("-phi", 0, DEGREE), oscillation_rad=1 * DEGREE, phi_steps=2),
        Sampling(oversample=1))[PIXEL]


@pytest.mark.parametrize("name", MOVED)
def test_derivatives_are_those_of_the_c_reference(reference, name):
    """Central differences of the C program, one number of its command line moved, agree to 1e-4."""
    option, at, step = MOVED[name]
    value = float(COMMAND[option][at])
    up, down = (intensity_of_reference(reference, option, at, value + sign * step) for sign in (1, -1))
    number = torch.tensor(value, dtype=torch.float64, requires_grad=True)
    intensity_of_library(option, at, number).backward()
    assert float(number.grad) == pytest.approx((up - down) / (2 * step), rel=1e-4)
