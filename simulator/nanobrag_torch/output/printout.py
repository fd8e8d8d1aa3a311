"""-printout: a block of factors for a pixel as its last loop left them, in the words of the C program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from nanobrag_torch.render.trace import Trace, trace_pixel
from nanobrag_torch.units import METRES_PER_ANGSTROM


def printout_lines(scene, pixel: Sequence[int] | None) -> Iterator[str]:
    """The blocks of one pixel (fast, slow), or of every rendered pixel in raster order."""
    x0, x1, y0, y1 = scene.roi
    for slow in range(y0, y1 + 1):
        for fast in range(x0, x1 + 1):
            if pixel is not None and (fast, slow) != tuple(pixel):
                continue
            if scene.mask is None or bool(scene.mask[slow, fast]):
                with torch.no_grad():
                    trace = trace_pixel(scene, slow, fast)
                yield from _block(trace, scene, fast, slow)


def _block(trace: Trace, scene, fast: int, slow: int) -> Iterator[str]:
    q = torch.tensor(trace.last("scattering_vector_per_m"), dtype=torch.float64)
    stol = 0.5 * float(torch.linalg.vector_norm(q))
    one = {name: trace.last(name)[0] for name in ("F_cell", "F_latt", "I_before_scaling", "polarization",
                                                  "solid_angle_sr", "capture_fraction", "intensity")}
    one["intensity"] = float(torch.tensor(one["intensity"], dtype=torch.float32))
    yield f"{fast:4d} {slow:4d} : stol = {stol:g} or {stol * METRES_PER_ANGSTROM:g}"
    yield "at {:g} {:g} {:g}".format(*trace.last("position_m"))
    nearest = " ".join(str(int(x)) for x in trace.last("hkl_nearest"))
    yield "hkl= {:f} {:f} {:f}  hkl0= ".format(*trace.last("hkl")) + nearest
    yield f" F_cell={one['F_cell']:g}  F_latt={one['F_latt']:g}   I = {one['I_before_scaling']:g}"
    yield f"I/steps {one['I_before_scaling'] / scene.steps:15.10g}"
    for label, name in (("polar   ", "polarization"), ("omega   ", "solid_angle_sr"), ("capfrac ", "capture_fraction"),
                        ("pixel   ", "intensity")):
        yield f"{label}{one[name]:15.10g}"
    yield "real-space cell vectors (Angstrom):"
    yield "     a           b           c         "
    cell = trace.last("cell_vectors_m")
    for axis, label in enumerate("XYZ"):
        yield f"{label}: " + " ".join(f"{cell[3 * v + axis] / METRES_PER_ANGSTROM:11.8f}" for v in range(3))
    yield ""
