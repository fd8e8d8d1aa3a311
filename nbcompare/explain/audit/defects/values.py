"""Defects of pixel values: rounding, limits, noise, offsets, and single pixels."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from nbcompare.explain.audit.kind import Defect, NotApplicable, Target, either_way, kind, of_image


def _peak(image: np.ndarray) -> float:
    return float(image.max())


# --- rounding ----------------------------------------------------------------------------------------------------


@kind("half-precision", "data", "the image went through 16-bit floats", named_by=("float16-rounding",))
def half_precision(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return of_image(target, "float16", lambda image: image.astype(np.float16))


@kind("brain-floats", "data", "the lower 16 bits of every float are cut off", named_by=("bfloat16-rounding",))
def brain_floats(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return of_image(target, "bfloat16", lambda image: (image.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32))


@kind("mantissa-cut", "data", "the lower bits of the mantissa are cut off", named_by=("mantissa-rounding",))
def mantissa_cut(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    bits = int(draw.integers(10, 13))
    mask = np.uint32(0xFFFFFFFF << bits & 0xFFFFFFFF)
    return of_image(target, f"{23 - bits} bits of mantissa", lambda image: (image.view(np.uint32) & mask).view("<f4"))


@kind("whole-numbers", "data", "the values are whole numbers", named_by=("integer-rounding", "quantised"))
def whole_numbers(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return of_image(target, "rounded", np.rint)


@kind("coarse-steps", "data", "the values are multiples of a step", full=0.003, unit="of the peak", named_by=(
    "quantised",))
def coarse_steps(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    def change(image: np.ndarray) -> np.ndarray:
        step = amount * _peak(image)
        return np.rint(image / step) * step

    return of_image(target, f"steps of {amount:.4g} of the peak", change)


@kind("few-digits", "data", "the values were written with few digits", named_by=("text-digits",))
def few_digits(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    digits = int(draw.integers(3, 5))

    def change(image: np.ndarray) -> np.ndarray:
        values = image.astype(np.float64)
        exponent = np.floor(np.log10(np.where(values == 0, 1, np.abs(values))))
        unit = 10.0 ** (exponent - digits + 1)
        return np.rint(values / unit) * unit

    return of_image(target, f"{digits} digits", change)


# --- limits ------------------------------------------------------------------------------------------------------


@kind("saturated", "data", "values are clipped at a highest one", named_by=("clipped",))
def saturated(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    share = draw.uniform(0.3, 0.7)
    return of_image(target, f"at {share:.3f} of the peak", lambda image: np.minimum(image, share * _peak(image)))


@kind("floor", "data", "values are clipped at a lowest one", named_by=("floored",))
def floor(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    share = draw.uniform(0.001, 0.003)
    return of_image(target, f"at {share:.5f} of the peak", lambda image: np.maximum(image, share * _peak(image)))


@kind("faint-lost", "data", "values below a limit are zero", full=0.002, unit="of the peak", named_by=(
    "small-values-lost",))
def faint_lost(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return of_image(target, f"below {amount:.4g} of the peak",
                    lambda image: np.where(image < amount * _peak(image), 0, image))


@kind("wrapped", "data", "values wrap around at a power of two", named_by=("integer-overflow",))
def wrapped(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    def change(image: np.ndarray) -> np.ndarray:
        left: np.ndarray = np.fmod(image, 2.0 ** math.floor(math.log2(0.8 * _peak(image))))
        return left

    return of_image(target, "modulo a power of two below the peak", change)


# --- functions of the value --------------------------------------------------------------------------------------


@kind("negated", "data", "every value has the opposite sign", named_by=("sign-flipped",))
def negated(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return of_image(target, "negated", np.negative)


@kind("gamma", "data", "every value is raised to a power", named_by=("power-law",), full=0.05, unit="of the power")
def gamma(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    power = 1 + either_way(draw) * amount
    return of_image(target, f"power {power:.6g}", lambda image: np.maximum(image, 0).astype(np.float64) ** power)


@kind("logarithm", "data", "the logarithm of the image is written", named_by=("logarithm",))
def logarithm(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return of_image(target, "ln(1 + value)", lambda image: np.log1p(np.maximum(image, 0).astype(np.float64)))


@kind("offset", "data", "a constant is added to every pixel", named_by=("background-offset",), full=0.05,
      unit="of the peak")
def offset(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return of_image(target, f"{amount:.4g} of the peak added", lambda image: image + amount * _peak(image))


@kind("gain-and-offset", "data", "every pixel is scaled and a constant is added", named_by=("scale-and-offset",))
def gain_and_offset(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    factor, share = draw.uniform(0.7, 0.9), draw.uniform(0.01, 0.03)
    return of_image(target, f"times {factor:.4f} plus {share:.4f} of the peak",
                    lambda image: image.astype(np.float64) * factor + share * _peak(image))


# --- noise -------------------------------------------------------------------------------------------------------


@kind("photon-noise", "data", "photon noise is added", named_by=("poisson-noise",))
def photon_noise(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return of_image(target, "Poisson", lambda image: draw.poisson(np.maximum(image, 0).astype(np.float64)))


@kind("read-noise", "data", "noise of one width is added", named_by=("gaussian-noise",), full=0.01,
      unit="of the peak")
def read_noise(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return of_image(target, f"width {amount:.4g} of the peak",
                    lambda image: image + draw.normal(0, amount * _peak(image), image.shape))


@kind("flat-field", "data", "every pixel has a gain of its own", named_by=("gain-noise",), full=0.03,
      unit="of the value")
def flat_field(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return of_image(target, f"gains spread by {amount:.4g}",
                    lambda image: image * (1 + amount * draw.normal(size=image.shape)))


_SEEN = 1e-6
"""A gain that changes no pixel by more than this share of the peak does not show."""


@kind("panel-gain", "data", "one half of the detector has another gain", named_by=("panel-gain",), full=0.05,
      unit="of the value")
def panel_gain(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    edge = int(target.shape.slow * draw.uniform(0.3, 0.7))

    def change(image: np.ndarray) -> np.ndarray:
        if amount * min(_peak(image[:edge]), _peak(image[edge:])) <= _SEEN * _peak(image):
            raise NotApplicable("one half is dark, and then a gain of the other is a factor of the whole image")
        return np.concatenate((image[:edge], image[edge:] * (1 + amount)))

    return of_image(target, f"from row {edge} on times {1 + amount:.4g}", change)


@kind("negative-pixels", "data", "a constant is taken off, so that dark pixels are negative", named_by=(
    "background-offset",), full=0.01, unit="of the peak")
def negative_pixels(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return of_image(target, f"{amount:.4g} of the peak taken off", lambda image: image - amount * _peak(image))


# --- single pixels -----------------------------------------------------------------------------------------------


def _places(target: Target, draw: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixels inside the first region."""
    roi = target.rois[0]
    return draw.integers(roi.ymin, roi.ymax + 1, count), draw.integers(roi.xmin, roi.xmax + 1, count)


@kind("hot-pixels", "data", "a few single pixels are bright", named_by=("single-pixels",), full=0.5,
      unit="of the peak")
def hot_pixels(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    rows, columns = _places(target, draw, int(draw.integers(2, 6)))

    def change(image: np.ndarray) -> np.ndarray:
        hot = image.copy()
        hot[rows, columns] += np.float32(amount * _peak(image))
        return hot

    return of_image(target, f"{rows.size} pixels brighter by {amount:.4g} of the peak", change)


@kind("no-number", "data", "one pixel is no number (NaN)", named_by=("nan-pixels",))
def no_number(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    rows, columns = _places(target, draw, 1)
    return of_image(target, f"pixel {columns[0]}, {rows[0]}", lambda image: _with(image, rows, columns, np.nan))


@kind("infinite", "data", "a few pixels are infinite", named_by=("nan-pixels",))
def infinite(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    rows, columns = _places(target, draw, 3)
    return of_image(target, "3 pixels", lambda image: _with(image, rows, columns, np.inf))


def _with(image: np.ndarray, rows: np.ndarray, columns: np.ndarray, value: float) -> np.ndarray:
    changed = image.copy()
    changed[rows, columns] = value
    return changed


@kind("all-zero", "data", "the image is zero everywhere", named_by=("zero-image",))
def all_zero(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return replace(of_image(target, "zeros", np.zeros_like), empties=True)


@kind("one-value", "data", "the image holds one value everywhere", named_by=("constant-image",))
def one_value(target: Target, amount: float, draw: np.random.Generator) -> Defect:
    return of_image(target, "its mean", lambda image: np.full_like(image, image.mean(dtype=np.float64)))
