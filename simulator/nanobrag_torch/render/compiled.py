"""The compiled path: the whole sum as machine code, a piece of a row at a time (machine/, built by compile_build.py).

Here a scene becomes the numbers and arrays that the machine code takes. Phi steps of a square crystal in float32 come
in groups of neighbours (phi_groups.py), all others one by one; sources of one direction are a beam of several
wavelengths. Left to the plain path are the pixels that begin a sweep unturned, and those that came out as no number.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from dataclasses import replace
from itertools import groupby

import numpy as np
import torch

from nanobrag_torch.physics.arithmetic import number
from nanobrag_torch.physics.background import water_background
from nanobrag_torch.physics.vectors import cross, length, scaled, unit
from nanobrag_torch.render.compile_cache import library
from nanobrag_torch.render.narrow_spots import spot_metric
from nanobrag_torch.render.phi_groups import WIDE, PhiGroup, cells_of, groups_of_domains, phi_groups
from nanobrag_torch.render.plain import render_tile
from nanobrag_torch.render.scene import Scene
from nanobrag_torch.render.tile import make_tile
from nanobrag_torch.units import R_E_SQUARED_M2

STEPS = 10
"""Of a group, at most, as in machine/scene.h."""

WORTH_A_THREAD = 200_000
"""Terms in float32 that take longer than making another thread does, by far."""

TILE_PIXELS = 100_000
"""Of rows that are looked through for pixels to be mended."""

FEW = 64
"""Pixels up to which the plain path is quicker one by one than for the whole tile."""

SHAPES = ("square", "round", "gauss", "tophat")


# --- what the machine code takes --------------------------------------------------------------------------------

_INT, _REAL, _ARRAY = ctypes.c_int64, ctypes.c_double, ctypes.c_void_p


def _fields(kind, names: str) -> list:
    return [(name, kind) for name in names.split()]


class Numbers(ctypes.Structure):
    """``Scene`` of machine/scene.h: the same fields in the same order."""

    _fields_ = (
        *_fields(_INT, "first_column width fast_pixels"), *_fields(_ARRAY, "mask"),
        *_fields(_INT, "layers oversample curved curved_by_lab faces_sample point_pixel"),
        *_fields(_REAL, "pixel_size"), *_fields(_REAL * 3, "fast slow normal pix0"),
        *_fields(_REAL, "distance close_distance"), *_fields(_REAL * 3, "start start_growth"),
        *_fields(_REAL * 6, "bend_axes"), *_fields(_REAL * 2, "bend_from"),
        *_fields(_REAL, "layer_thickness attenuation"),
        *_fields(_INT, "computes_capture capture_inside capture_shared polarized running_product dark_is_skipped "
                       "oversample_thick oversample_polar oversample_omega"),
        *_fields(_REAL, "kahn unpolarized scale water_first water_beside largest_q"),
        *_fields(_INT, "beams"), *_fields(_ARRAY, "incident electric magnetic axis_parallel first_wavelength "
                                                  "inverse_wavelength weight near_weight"),
        *_fields(_INT, "singles groups"), *_fields(_ARRAY, "single_cells group_cells group_changes group_weights "
                                                           "group_reach group_steps group_step_cells"),
        *_fields(_INT, "shape in_float32 interpolated sticky"), *_fields(_INT * 3, "cells table_low table_high"),
        *_fields(_REAL * 9, "metric"), *_fields(_REAL, "fudge"), *_fields(_ARRAY, "squares_f squares amplitudes"),
    )


class Packed:
    """A scene as ``Numbers``, with the arrays that these point to."""

    def __init__(self, scene: Scene, in_float32: bool):
        self.numbers = Numbers()
        self._arrays: list[np.ndarray | None] = []
        self._set(**_detector(scene), **_factors(scene), **_beams(scene), **_steps(scene, in_float32),
                  **_crystal(scene, in_float32))

    def _set(self, **fields) -> None:
        kinds: dict = {name: kind for name, kind, *_ in Numbers._fields_}
        assert fields.keys() == kinds.keys(), fields.keys() ^ kinds.keys()
        for name, value in fields.items():
            if kinds[name] is _ARRAY:
                value = None if value is None else np.ascontiguousarray(value)
                self._arrays.append(value)
                value = None if value is None else value.ctypes.data
            elif kinds[name] not in (_INT, _REAL):
                value = kinds[name](*value)
            setattr(self.numbers, name, value)


def _vector(v) -> tuple[float, ...]:
    return tuple(number(x) for x in v)


def _detector(scene: Scene) -> dict:
    geometry = scene.geometry
    x0, x1, _, _ = scene.roi
    distance = number(geometry.distance)
    fields: dict = {name: _vector(getattr(geometry, name)) for name in ("fast", "slow", "normal", "pix0")}
    fields |= {name: number(getattr(geometry, name)) for name in ("pixel_size", "distance", "close_distance",
                                                                   "layer_thickness", "attenuation")}
    beam = _vector(geometry.beam)
    by_lab = geometry.curved and geometry.curved_by_lab
    axes = (geometry.slow, geometry.fast) if by_lab else \
        tuple(unit(cross(geometry.beam, axis)) for axis in (geometry.fast, geometry.slow))
    mask = None if scene.mask is None else scene.mask.numpy().astype(np.uint8)
    return {**fields, "first_column": x0, "width": x1 - x0 + 1, "fast_pixels": geometry.fast_pixels, "mask": mask,
            "layers": geometry.layers, "oversample": scene.oversample, "curved": geometry.curved,
            "curved_by_lab": by_lab, "faces_sample": geometry.curved and not by_lab,
            "point_pixel": geometry.point_pixel, "start": scaled(beam, distance),
            "start_growth": (0.0, 0.0, 0.0) if by_lab else scaled(beam, -1.0 if distance < 0 else 1.0),
            "bend_axes": (*_vector(axes[0]), *_vector(axes[1])),
            "bend_from": (number(geometry.fast_beam), number(geometry.slow_beam))}


def _factors(scene: Scene) -> dict:
    """As PixelSums of plain.py and Polarization of polarized.py have them."""
    light, like_c = scene.illumination, "last-layer-capture" in scene.emulate
    no_sensor = isinstance(scene.geometry.thickness, float) and scene.geometry.thickness == 0.0
    forgotten = scene.oversample_polar and "nopolar-oversample" in scene.emulate
    whole_sensor = like_c and not scene.oversample_thick
    water = number(water_background(scene.water_size, light.fluence)) if scene.has_water else 0.0
    return {"computes_capture": not no_sensor or (scene.oversample_thick and like_c),
            "capture_inside": not whole_sensor, "capture_shared": whole_sensor,
            "polarized": not light.no_polarization or forgotten, "running_product": scene.running_product,
            "dark_is_skipped": scene.running_product and not scene.has_water,
            "oversample_thick": scene.oversample_thick, "oversample_polar": scene.oversample_polar,
            "oversample_omega": scene.oversample_omega, "kahn": number(light.polarization),
            "unpolarized": 1.0 if light.no_polarization else 0.0,
            "scale": R_E_SQUARED_M2 * number(light.fluence) / float(scene.steps),
            "water_first": water if scene.water_like_spots else 0.0,
            "water_beside": 0.0 if scene.water_like_spots else water,
            "largest_q": 1.0 / scene.d_min if scene.d_min > 0.0 else 0.0}


def _beams(scene: Scene) -> dict:
    """Directions with their electric and magnetic axes, and the wavelengths of each."""
    sources = scene.illumination.sources
    beams = [(incident, list(some)) for incident, some in groupby(sources, lambda source: _vector(source.incident))]
    axis = _vector(scene.illumination.polarization_axis)
    magnetic = [unit(cross(axis, incident)) for incident, _ in beams]
    electric = [unit(cross(incident, B)) for (incident, _), B in zip(beams, magnetic, strict=True)]
    counts = [len(some) for _, some in beams]
    weights = np.array([number(source.weight) for source in sources], dtype=float)
    return {"beams": len(beams), "incident": np.array([incident for incident, _ in beams], dtype=float),
            "electric": np.array(electric, dtype=float), "magnetic": np.array(magnetic, dtype=float),
            "axis_parallel": np.array([float(length(B) == 0.0) for B in magnetic]),
            "first_wavelength": np.cumsum([0, *counts], dtype=np.int64),
            "inverse_wavelength": np.array([1.0 / number(source.wavelength) for source in sources]),
            "weight": weights, "near_weight": weights.astype(np.float32)}


def _steps(scene: Scene, in_float32: bool) -> dict:
    """Single steps, and groups of neighbouring ones; in the order of the loops where that counts."""
    everything = range(len(scene.cells))
    groups: list[tuple[PhiGroup, np.ndarray]] = []
    if in_float32 and not scene.running_product:
        singles = []
        for domain, group in groups_of_domains(scene, phi_groups(scene, STEPS, reach=WIDE)):
            cells = cells_of(scene, group.steps, domain)
            if len(group.planes):
                groups.append((group, cells))
            else:
                singles += list(cells)
    else:
        singles = [cell for step in everything for domain in range(scene.domains)
                   for cell in cells_of(scene, (step,), domain)]
    weights = np.zeros((len(groups), STEPS, 2), dtype=np.float32)
    changes = np.zeros((len(groups), 2, 3, 3))
    cells_of_steps = np.zeros((len(groups), STEPS, 3, 3))
    for place, (group, cells) in enumerate(groups):
        rank = len(group.planes)
        weights[place, : len(cells), :rank], changes[place, :rank] = group.weights, group.planes
        cells_of_steps[place, : len(cells)] = cells
    return {"singles": len(singles), "groups": len(groups), "single_cells": np.array(singles, dtype=float),
            "group_cells": np.array([group.cell for group, _ in groups], dtype=float), "group_changes": changes,
            "group_weights": weights, "group_reach": abs(weights).max(axis=1, initial=0.0),
            "group_steps": np.array([len(cells) for _, cells in groups], dtype=np.int64),
            "group_step_cells": cells_of_steps}


def _crystal(scene: Scene, in_float32: bool) -> dict:
    F = scene.F
    squares = np.full(27, number(F.default_F) ** 2) if F.count == 0 else F.squares.numpy().astype(float, copy=False)
    low, high = ((0, 0, 0), (0, 0, 0)) if F.count == 0 else (F.low, F.high)
    return {"shape": SHAPES.index(scene.shape), "in_float32": in_float32, "interpolated": F.interpolate,
            "sticky": (2 if scene.has_water else 1) if F.sticky else 0,
            "cells": scene.lattice.cells, "table_low": low, "table_high": high,
            "metric": spot_metric(scene).ravel().tolist(), "fudge": number(scene.fudge),
            "squares_f": squares.astype(np.float32) if in_float32 else None,
            "squares": None if in_float32 else squares,
            "amplitudes": F.bordered.detach().numpy() if F.interpolate else None}


# --- rendering ----------------------------------------------------------------------------------------------

Progress = Callable[[int], None]
_PROGRESS = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int64)


class RenderTarget(ctypes.Structure):
    """``Target`` of machine/threads.h."""

    _fields_ = (*_fields(_ARRAY, "values"), *_fields(_INT, "stride file"), *_fields(_ARRAY, "angles undefined"),
                ("progress", _PROGRESS))


class CompiledRenderer:
    """Renders a scene by the machine code: the lattice factor in float32, or in float64."""

    def __init__(self, scene: Scene, real=torch.float32, functions: ctypes.CDLL | None = None):
        x0, x1, y0, y1 = scene.roi
        self.scene, self.columns, self.rows = scene, range(x0, x1 + 1), range(y0, y1 + 1)
        self.packed = Packed(scene, real == torch.float32)
        self.worth = WORTH_A_THREAD if real == torch.float32 else WORTH_A_THREAD // 4
        functions = functions or library()
        if functions.scene_bytes() != ctypes.sizeof(Numbers):
            raise RuntimeError(f"{functions}: takes a scene of {functions.scene_bytes()} bytes, "
                               f"not of {ctypes.sizeof(Numbers)}")
        self.render: Callable = functions.render_rows

    def render_to(self, image, workers: int = 1, progress: Progress = lambda rows: None) -> np.ndarray:
        """Set the pixels of the region of interest in ``image`` (photons; a float32 array [slow, fast], or a
        FloatImage), and return the sum of the solid angles (sr) of each of its rows.

        ``workers`` are threads; ``progress`` is told how many rows are done, in the end all of them. Raises OSError
        when the file of the image cannot be written.
        """
        angles, undefined = self.render_rows(image, self.rows, workers, progress)
        self.mend(image, self.rows, undefined)
        return angles

    def render_rows(self, image, rows: range, workers: int, progress: Progress) -> tuple[np.ndarray, np.ndarray]:
        """As ``render_to`` for some rows, with nothing mended; (solid angles, pixels that are no number) of each."""
        scene, count = self.scene, len(rows)
        angles, undefined = np.zeros(count), np.zeros(count, dtype=np.int64)
        faults: list[BaseException] = []

        def told(done: int) -> int:
            try:
                progress(done)
            except BaseException as fault:
                faults.append(fault)
            return len(faults)

        target = RenderTarget(angles=angles.ctypes.data, undefined=undefined.ctypes.data, progress=_PROGRESS(told))
        if isinstance(image, np.ndarray):
            assert image.dtype == np.float32 and image.strides[1] == image.itemsize
            target.values = image[rows.start :, self.columns.start :].ctypes.data
            target.stride = image.strides[0] // image.itemsize
        else:
            target.file = image.file
        threads = min(workers, 1 + count * len(self.columns) * scene.steps * scene.geometry.layers // self.worth)
        status = self.render(ctypes.byref(self.packed.numbers), rows.start, count, threads, ctypes.byref(target))
        if status == 0:  # other threads may have done all
            told(count)
        if faults:
            raise faults[0]
        if status != 0:
            raise OSError(status, os.strerror(status))
        return angles, undefined

    def mend(self, image, rows: range, undefined: np.ndarray) -> None:
        """Render by the plain path: pixels that start a sweep unturned, and those that are no number, ``undefined`` of
        each row."""
        height = max(1, TILE_PIXELS // len(self.columns))
        turned = [slow for slow, _ in self.scene.first_turned]
        for start in range(rows.start, rows.stop, height):
            some = range(start, min(start + height, rows.stop))
            none = int(undefined[start - rows.start :][:height].sum())
            if none or any(slow in some for slow in turned):
                values = np.array(image[some.start : some.stop][:, self.columns.start : self.columns.stop])
                self._mend_rows(values, some, none)
                image[some.start : some.stop, self.columns.start : self.columns.stop] = values

    def _mend_rows(self, values: np.ndarray, rows: range, none: int) -> None:
        everywhere = replace(self.scene, mask=None)
        x0 = self.columns.start
        where = [(slow, fast) for slow, fast in self.scene.first_turned if slow in rows]
        bad = np.isnan(values)
        if none > FEW:
            whole, _ = render_tile(self.scene, make_tile(everywhere, rows, self.columns))
            values[bad] = whole.numpy()[bad]
        elif none:
            where += [(rows.start + slow, x0 + fast) for slow, fast in np.argwhere(bad).tolist()]
        for slow, fast in where:
            pixel = make_tile(everywhere, range(slow, slow + 1), range(fast, fast + 1))
            values[slow - rows.start, fast - x0] = render_tile(self.scene, pixel)[0][0, 0]
