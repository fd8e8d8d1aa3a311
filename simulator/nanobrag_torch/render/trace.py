"""The record of every factor of one pixel, in the order of calculation.

Each entry has a name, the indices of the loops it is inside (layer, sub_slow, sub_fast, source, phi, domain, as
many as apply) and one value or the parts of a vector. Names and units are those of the C reference.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

from nanobrag_torch.errors import ArgumentError
from nanobrag_torch.physics.arithmetic import number


class Trace:
    """Entries of (name, indices, values), filled by the renderer."""

    def __init__(self):
        self.entries: list[tuple[str, tuple[int, ...], tuple[float, ...]]] = []

    def record(self, name: str, index: tuple[int, ...], *values) -> None:
        """Note a value; tensors hold the one pixel that is traced."""
        self.entries.append((name, index, tuple(number(value) for value in values)))

    def last(self, name: str) -> tuple[float, ...]:
        """The values recorded last under a name."""
        return next(values for entry, _, values in reversed(self.entries) if entry == name)

    def lines(self) -> list[str]:
        """``TRACE name[i,j]=value``, the parts of a vector separated by blanks."""
        return [f"TRACE {_indexed(name, index)}={' '.join(f'{value:.15g}' for value in values)}"
                for name, index, values in self.entries]

    def json_text(self, program: str, version: str, mode: str) -> str:
        """The same as a list of [name, value], a vector as a list; what is not finite is null."""
        rows = [[_indexed(name, index), _plain(values)] for name, index, values in self.entries]
        head = {"program": program, "version": version, "mode": mode}
        return json.dumps({**head, "trace": rows}, indent=1, allow_nan=False) + "\n"


def _indexed(name: str, index: tuple[int, ...]) -> str:
    return name + (f"[{','.join(map(str, index))}]" if index else "")


def _plain(values: tuple[float, ...]):
    finite = [value if math.isfinite(value) else None for value in values]
    return finite[0] if len(finite) == 1 else finite


def check_traced(pixel: Sequence[int] | None, scene) -> None:
    """Raises ArgumentError for a pixel, given as slow and fast, that is not on the detector; None is none."""
    slow, fast = scene.geometry.slow_pixels, scene.geometry.fast_pixels
    if pixel is not None and not (0 <= pixel[0] < slow and 0 <= pixel[1] < fast):
        raise ArgumentError(f"-trace_pixel: {pixel[0]} {pixel[1]} is not on a detector of {slow} x {fast} pixels "
                            "(slow x fast)")


def trace_pixel(scene, slow: int, fast: int) -> Trace:
    """Render one pixel once more and record what went into it."""
    from nanobrag_torch.render.plain import render_tile
    from nanobrag_torch.render.sticky_interpolation import sticky_interpolation_before
    from nanobrag_torch.render.tile import make_tile

    trace, geometry = Trace(), scene.geometry
    trace.record("pixel", (), slow, fast)
    for name, value in (("pix0_m", geometry.pix0), ("fast_axis", geometry.fast), ("slow_axis", geometry.slow),
                        ("normal_axis", geometry.normal)):
        trace.record(name, (), *value)
    trace.record("close_distance_m", (), geometry.close_distance)
    tile = make_tile(scene, range(slow, slow + 1), range(fast, fast + 1))
    render_tile(scene, tile, sticky_interpolation_before(scene, slow, fast), trace)
    return trace
