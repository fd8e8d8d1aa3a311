"""Candidate: a hypothesis that an engine can carry out, which is an edited command line, edited files, or both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nbcompare.case.command import Command
from nbcompare.case.options import all_options
from nbcompare.explain.diagnose.causes import CATALOGUE, entry

EMULATION_NAMES = (
    "phi-carryover", "running-product", "cell-triclinic", "curved-lab-axes", "last-layer-capture", "water-scaling",
    "misset-radians", "sticky-interpolation", "nopolar-oversample", "twotheta-axis-raw", "twotheta-report",
    "gauss-tophat-width", "source-weights", "interpolation-before-size", "header-substring", "fdump-reuse",
    "hkl-columns", "source-file-lines", "smv-overflow", "noise-truncation", "printed-solid-angle", "masked-rmsd",
    "argv")


@dataclass(frozen=True)
class FileEdit:
    """Another content of the file that an option names. ``label`` tells edits of one file apart."""

    option: str
    label: str
    make: Callable[[str], str]


@dataclass(frozen=True)
class Candidate:
    """One run hypothesis.

    ``files`` are edits of input files. ``emulate`` is the set of
    emulations in force, None for those of the baseline. ``geometry``: only the detector is other, so that
    diffracted rays stay and peaks can be predicted. ``words`` says what is different.
    """

    id: str
    words: str
    command: Command
    prior: float = 0.5
    files: tuple[FileEdit, ...] = ()
    emulate: frozenset[str] | None = None
    geometry: bool = False

    def __post_init__(self) -> None:
        if self.id not in CATALOGUE:
            raise ValueError(f"{self.id} is not in the catalogue of causes")

    @property
    def key(self) -> tuple:
        """Equal for two candidates that ask for the same run."""
        return (self.command.argv, tuple((edit.option, edit.label) for edit in self.files), self.emulate)


# --- the ids of candidates, made from the table of options -------------------------------------------------------

GEOMETRY_TOPICS = {"beam-centre", "close-point", "distance", "close-distance", "twotheta", "detector-rotation",
                   "pixel-size", "fast-axis", "slow-axis", "normal-axis", "twotheta-axis", "pix0", "pivot"}
"""Topics whose options leave the diffracted rays alone."""

_GEOMETRY = GEOMETRY_TOPICS | {"convention", "beam-vector", "curved-detector"}
_SENTENCES = {
    "ignored": "{} is ignored; the default is used.",
    "sign": "{} has the opposite sign.",
    "unit": "{} is taken in another unit.",
    "factor-two": "{} is doubled or halved.",
    "off-by-one": "{} is one too many or too few.",
    "order": "{} has its components exchanged.",
    "value": "{} has another value.",
}
_BY_KIND = {
    "length": ("ignored", "sign", "unit", "factor-two", "value"),
    "angle": ("ignored", "sign", "unit", "factor-two", "value"),
    "real": ("ignored", "sign", "unit", "factor-two", "value"), "pixels": ("ignored", "value"),
    "count": ("ignored", "off-by-one", "factor-two", "value"), "vector": ("ignored", "sign", "order", "value"),
    "switch": ("ignored", "value"), "convention": ("ignored", "value"), "word": ("ignored", "value"),
    "cell": ("ignored", "unit", "order", "value"), "misset": ("ignored", "sign", "unit", "order", "value"),
    "seed": ("ignored", "sign", "value"), "file": ("ignored",),
}
_NAMES = {
    "cells": "the number of cells (Na, Nb, Nc)", "cell": "the unit cell", "matrix": "the orientation matrix (-mat)",
    "misset": "the misset rotation", "misset-seed": "the seed of the random misset", "sample-size": "the sample size",
    "crystal-shape": "the crystal's shape", "fudge": "-fudge", "mosaic-spread": "the mosaic spread",
    "mosaic-domains": "the number of mosaic domains", "mosaic-seed": "the seed of the mosaic domains",
    "water": "the water background", "hkl": "the list of structure factors (-hkl)", "default-F": "-default_F",
    "dump": "the dump file", "dmin": "the resolution limit -dmin", "interpolation": "the interpolation of F",
    "convention": "the convention", "pivot": "the pivot", "fast-axis": "the fast axis", "slow-axis": "the slow axis",
    "normal-axis": "the detector normal", "beam-vector": "the beam direction",
    "polarization-axis": "the polarization axis", "spindle-axis": "the spindle axis",
    "twotheta-axis": "the two-theta axis", "pix0": "-pix0_vector", "beam-centre": "the beam centre",
    "close-point": "the near point (Xclose, ORGX)", "distance": "the distance", "close-distance": "the close distance",
    "twotheta": "two-theta", "detector-rotation": "a detector rotation", "pixel-size": "the pixel size",
    "absorption": "the attenuation depth", "sensor-thickness": "the sensor thickness", "layers": "the sensor layers",
    "curved-detector": "the curved detector", "point-pixel": "-point_pixel", "wavelength": "the wavelength",
    "polarization": "the polarization", "divergence": "the divergence", "divergence-step": "the divergence step",
    "divergence-steps": "the divergence steps", "divergence-corners": "the trimming of divergence corners",
    "dispersion": "the dispersion", "dispersion-steps": "the number of wavelengths", "sources": "the source file",
    "phi": "the start angle phi", "oscillation": "the oscillation range", "phi-step": "the phi step",
    "phi-steps": "the number of phi steps", "oversample": "the oversampling",
    "oversample-thick": "-oversample_thick", "oversample-polar": "-oversample_polar",
    "oversample-omega": "-oversample_omega", "img-header": "the -img header", "mask": "the mask",
}
_QUICK_OWNS = {"mask-ignored", "polarization-value", "absorption-value", "dmin-value", "distance-value",
               "pixel-size-value", "beam-centre-value", "detector-rotation-value", "default-F-value"}
"""Ids that finders of the quick layer enter, with their own words."""


def topic_id(topic: str, mistake: str) -> str:
    """The id of a generic mistake with an option's value."""
    return f"{topic}-{mistake}"


def _enter_generic() -> None:
    for option in all_options():
        for mistake in _BY_KIND.get(option.kind, ()):
            id = topic_id(option.topic, mistake)
            if id not in _QUICK_OWNS:
                kind = "geometry" if option.topic in _GEOMETRY else "physics"
                name = _NAMES[option.topic]
                entry(id, kind, _SENTENCES[mistake].format(name[0].upper() + name[1:]))


_enter_generic()
ARGUMENTS = entry("arguments-differ", "physics", "The subject was given other arguments than the reference.")
entry("cells-order", "physics", "The numbers of cells along a, b and c are exchanged.")

for _name in EMULATION_NAMES:
    entry(_name, "physics", f"The defect of the C program known as {_name} is in one image and not in the other.")
