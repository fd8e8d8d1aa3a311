"""nanoBragg in PyTorch: the diffraction image of a small crystal, as a program and as a library.

    from nanobrag_torch import Beam, Crystal, Detector, Scan, simulate
    image = simulate(Beam(wavelength_m=1e-10), Crystal(cell_lengths_A=(100,), Na=5, Nb=5, Nc=5, default_F=100),
                     Detector(fast_pixels=32, slow_pixels=32))

The components hold SI units and radians; any of their numbers may be a tensor, and then derivatives flow from the
image to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nanobrag_torch.config import Beam, Crystal, Detector, Sampling, Scan
    from nanobrag_torch.errors import SimulatorError
    from nanobrag_torch.io.hkl import ReflectionGrid, read_hkl
    from nanobrag_torch.io.matrix import read_matrix
    from nanobrag_torch.io.sourcefile import SourceTable
    from nanobrag_torch.render.plain import simulate, simulate_bands

_HOME = {
    "Beam": "config", "Crystal": "config", "Detector": "config", "Scan": "config", "Sampling": "config",
    "ReflectionGrid": "io.hkl", "SimulatorError": "errors", "SourceTable": "io.sourcefile", "read_hkl": "io.hkl",
    "read_matrix": "io.matrix", "simulate": "render.plain", "simulate_bands": "render.plain",
}

__all__ = ["Beam", "Crystal", "Detector", "ReflectionGrid", "Sampling", "Scan", "SimulatorError", "SourceTable",
           "read_hkl", "read_matrix", "simulate", "simulate_bands"]


def __getattr__(name: str) -> Any:
    """The public names, imported when first used, so that the command line can refuse a typo without torch."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
