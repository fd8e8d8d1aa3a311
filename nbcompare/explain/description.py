"""What a command line comes to: amounts, detector and lattice, read from the bundled simulator's description.

No rule of the program (conventions, pivots, steps) is repeated here; where the pixels are follows from the described
vectors alone. A curved detector is treated as flat.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from nbcompare.case.arguments.command import Command, WrittenOption
from nbcompare.case.arguments.options import DUMP, INPUT
from nbcompare.compare.image import Shape
from nbcompare.engine.describe import DescriptionRefused, description_of
from nbcompare.explain.rotation import rotation_about

_ANGSTROM = 1e-10
_MOST_STATED = 1e9
_ANY_CELL = ("-cell", "100", "100", "100", "90", "90", "90")
_ANY_F = ("-default_F", "1")
_NOT_OF_THE_IMAGE = ("output", "run", "emulation", "precision")
"""Kinds of options that have no part in what follows from a command."""

_SEED = "noise"
"""The topic of -seed, which also draws a random orientation."""


@dataclass(frozen=True)
class Setting:
    """Effective parameters; lengths in metres, angles in radians, fluence in photons/m^2."""

    fluence: float
    fluence_from_flux: bool
    given_fluence: float
    """Of -fluence, or its default, whether it counts or not."""

    flux: float
    exposure_s: float
    beamsize_m: float
    pixel_m: float
    distance_m: float
    """Along the beam, after all rotations."""

    sources: int
    mosaic_spread: float
    mosaic_domains: int
    phi: float
    phi_step: float
    phis: tuple[float, ...]
    """The spindle angles that are rendered."""

    oversample: int
    steps: int
    """What a pixel's sum is divided by: sources * phi steps * mosaic domains * oversample^2."""

    layers: int
    thickness_m: float
    attenuation_per_m: float
    cells: tuple[int, int, int]
    kahn: float
    polarized: bool
    point_pixel: bool
    wavelength_A: float
    default_F: float
    """F of every reflection where no list is given; 0 with a list."""

    stated_distances_m: tuple[float, ...] = ()
    """Of -distance and -close_distance as they are given, whether a header or the other one takes their place."""

    stated_steps: int = 1
    """phi steps * mosaic domains * oversample^2 as they are given, whether there is a range or a spread or not."""

    @property
    def phi_steps(self) -> int:
        return len(self.phis)


@dataclass(frozen=True, eq=False)
class DescribedDetector:
    """Unit vectors and lengths in metres. ``origin`` is the outer corner of the first pixel, from the sample."""

    shape: Shape
    pixel_m: float
    beam: np.ndarray
    fast: np.ndarray
    slow: np.ndarray
    normal: np.ndarray
    polarization: np.ndarray
    spindle: np.ndarray
    origin: np.ndarray
    close_distance_m: float
    convention: str
    pivot: str
    oversample: int
    beam_pixel: tuple[float, float]
    """Where the direct beam crosses the detector, in pixel coordinates (x, y); NaN when it does not."""

    beam_option_m: tuple[float, float]
    """The beam centre as -Xbeam and -Ybeam have it."""

    near_xds: tuple[float, float]
    """The point nearest to the sample as -ORGX and -ORGY have it, in pixels."""

    def positions(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Pixel coordinates (fast x, slow y; a pixel's own number is its first corner) to metres [n, 3]."""
        x, y = np.asarray(x, float)[..., None], np.asarray(y, float)[..., None]
        places: np.ndarray = self.origin + self.pixel_m * (x * self.fast + y * self.slow)
        return places

    def centres(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The middle of pixels (of their first sub-pixel, whose factors the program uses), in metres [n, 3]."""
        middle = 0.5 / self.oversample
        return self.positions(np.asarray(x) + middle, np.asarray(y) + middle)

    def meets(self, directions: np.ndarray) -> np.ndarray:
        """Where rays from the sample cross this detector: pixel coordinates [n, 2] (x, y), NaN where never."""
        along = directions @ self.normal
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = np.where(self.close_distance_m / along > 0, self.close_distance_m / along, np.nan)
        inside = directions * reach[:, None] - self.origin
        axes = np.stack((self.fast, self.slow), axis=1)
        if np.linalg.matrix_rank(axes) < 2:  # vectors of one's own may be parallel: a line is no detector
            return np.full((len(directions), 2), np.nan)
        along_axes = np.linalg.inv(axes.T @ axes) @ axes.T  # vectors of one's own need not be at right angles
        crossed: np.ndarray = inside @ along_axes.T / self.pixel_m
        return crossed

    # --- the smooth factors of a pixel -------------------------------------------------------------------

    def solid_angle(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """omega = p^2 D_close / R^3 of pixel middles, in sr."""
        reach = np.linalg.norm(self.centres(x, y), axis=-1)
        omega: np.ndarray = self.pixel_m**2 * self.close_distance_m / reach**3
        return omega

    def cos_obliquity(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Cosine between the ray and the detector normal."""
        cosine: np.ndarray = self.close_distance_m / np.linalg.norm(self.centres(x, y), axis=-1)
        return cosine

    def cos_twotheta(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Cosine between the ray and the beam."""
        cosine: np.ndarray = _units(self.centres(x, y)) @ self.beam
        return cosine

    def polarization_factor(self, x: np.ndarray, y: np.ndarray, kahn: float,
                            axis: np.ndarray | None = None) -> np.ndarray:
        """Kahn's factor (1 + cos^2 2theta - K cos 2psi sin^2 2theta)/2 of pixel middles."""
        rays = _units(self.centres(x, y))
        square: np.ndarray = (rays @ self.beam) ** 2
        if kahn == 0:
            unpolarized: np.ndarray = 0.5 * (1 + square)
            return unpolarized
        b_axis = _unit(np.cross(self.polarization if axis is None else axis, self.beam))
        e_axis = _unit(np.cross(self.beam, b_axis))
        psi = -np.arctan2(rays @ b_axis, rays @ e_axis)
        factor: np.ndarray = 0.5 * (1 + square - kahn * np.cos(2 * psi) * (1 - square))
        return factor


@dataclass(frozen=True, eq=False)
class DescribedLattice:
    """``real`` holds a, b, c as rows, in metres, at phi 0; ``wavelength_m`` is the central one."""

    real: np.ndarray
    wavelength_m: float

    def indices(self, detector: DescribedDetector, x: np.ndarray, y: np.ndarray, phi: float = 0.0) -> np.ndarray:
        """Fractional h, k, l [n, 3] of pixel middles, with the crystal turned by ``phi`` (radians)."""
        scattering = (_units(detector.centres(x, y)) - detector.beam) / self.wavelength_m
        turned = self.real @ rotation_about(detector.spindle, phi).T
        hkl: np.ndarray = scattering @ turned.T
        return hkl


@dataclass(frozen=True)
class Description:
    """All of a command line; ``lattice`` is None where it gives none that is known here."""

    setting: Setting
    detector: DescribedDetector
    lattice: DescribedLattice | None


def _unit(vector: np.ndarray) -> np.ndarray:
    length = float(np.linalg.norm(vector))
    return vector / length if length > 0 else vector


def _units(vectors: np.ndarray) -> np.ndarray:
    directions: np.ndarray = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return directions


# --- asking -----------------------------------------------------------------------------------------------------


def describe_command(command: Command, folder: Path, shape: Shape | None = None) -> Description:
    """The description of a command whose input files lie in ``folder``, for images of ``shape``.

    What has no part in the image is left out, and words that no option is. A command without a cell or without
    structure factors, or whose files of them are not there, is described all the same, its lattice as None.
    Raises DescriptionRefused for what cannot be simulated.
    """
    document = document_of(command, folder)
    found = document["detector"]
    if shape is not None and (found["fast_pixels"], found["slow_pixels"]) != (shape.fast, shape.slow):
        sizes = ("-detpixels_f", str(shape.fast), "-detpixels_s", str(shape.slow))
        document = document_of(command.ending(*sizes), folder)
    read = read_description(document, cell=_gives_cell(command, folder), amplitudes=_gives_amplitudes(command, folder))
    return replace(read, setting=_with_stated(read.setting, command))


def _with_stated(setting: Setting, command: Command) -> Setting:
    """The setting with what the command says by itself, which need not be what counts."""
    distances = (command.number(name, 0.0) for name in ("-distance", "-close_distance"))
    counts = [command.number(name, 1.0) for name in ("-phisteps", "-mosaic_dom", "-oversample", "-oversample")]
    return replace(setting, stated_distances_m=tuple(mm / 1e3 for mm in distances if mm > 0),
                   stated_steps=math.prod(int(count) for count in counts if 1 < count < _MOST_STATED))


def document_of(command: Command, folder: Path) -> dict[str, Any]:
    """What -describe prints for a command, asked as ``describe_command`` does. Raises DescriptionRefused, and
    UsageError where no simulator can be asked."""
    asked = command.replacing(lambda item: _of_the_image(item, folder))
    asked = asked if _gives_cell(command, folder) else asked.without("-mat").ending(*_ANY_CELL)
    asked = asked if _gives_amplitudes(command, folder) else asked.ending(*_ANY_F)
    return description_of(asked.argv, folder)


def _gives_cell(command: Command, folder: Path) -> bool:
    return _has(command, folder, "-mat") or (command.has("-cell") and not command.has("-mat"))


def _gives_amplitudes(command: Command, folder: Path) -> bool:
    return _has(command, folder, "-hkl", "-dump") or command.has("-default_F")


def describe_detector(command: Command, folder: Path, shape: Shape) -> DescribedDetector | None:
    """The detector of an edited command, as ``describe_command`` has it, or None for one that cannot be. The list of
    structure factors is not read, so that this takes milliseconds."""
    try:
        return describe_command(command.without("-hkl", "-dump", "-stol"), folder, shape).detector
    except DescriptionRefused:
        return None


def _has(command: Command, folder: Path, *names: str) -> bool:
    """Whether one of these options names a file that is there."""
    item = command.find(*names)
    return item is not None and bool(item.values) and (folder / item.values[0]).is_file()


def _of_the_image(item: WrittenOption, folder: Path) -> WrittenOption | None:
    """An item as the simulator is asked about it: None for words nobody knows, options without their values, what only
    says how to run or what to write, and files that are not there."""
    option = item.option
    if option is None or len(item.values) < option.count or option.kind in _NOT_OF_THE_IMAGE:
        return WrittenOption(item.word, item.values, option) if option and option.topic == _SEED else None
    if option.file in (INPUT, DUMP) and not (folder / item.values[0]).is_file():
        return None
    return WrittenOption(option.name, item.values, option)


# --- reading ----------------------------------------------------------------------------------------------------


def read_description(document: Mapping[str, Any], *, cell: bool = True, amplitudes: bool = True) -> Description:
    """The record of a document; without ``cell`` or ``amplitudes`` those of the document are not the command's own."""
    beam, crystal = document["beam"], document["crystal"]
    real = np.array(crystal["real_A"], float) * _ANGSTROM
    lattice = DescribedLattice(real, beam["wavelength_A"] * _ANGSTROM) if cell else None
    setting = _setting(document, (document["structure_factors"]["default_F"] if amplitudes else 0.0))
    return Description(setting, _detector(document), lattice)


def _setting(document: Mapping[str, Any], default_F: float) -> Setting:
    beam, crystal, detector = document["beam"], document["crystal"], document["detector"]
    spindle, sampling = document["spindle"], document["sampling"]
    cells = crystal["cells"]
    return Setting(
        fluence=_or_infinite(beam["fluence_per_m2"]), fluence_from_flux=beam["fluence_from_flux"],
        given_fluence=_or_infinite(beam["stated_fluence_per_m2"]), flux=beam["flux_per_s"],
        exposure_s=beam["exposure_s"], beamsize_m=beam["size_m"], pixel_m=detector["pixel_m"],
        distance_m=detector["distance_m"], sources=len(beam["sources"]),
        mosaic_spread=math.radians(crystal["mosaic_spread_deg"]), mosaic_domains=crystal["mosaic_domains"],
        phi=math.radians(spindle["phi0_deg"]), phi_step=math.radians(spindle["step_deg"]),
        phis=tuple(math.radians(angle) for angle in spindle["phi_deg"]), oversample=sampling["oversample"],
        steps=sampling["steps"], layers=detector["layers"], thickness_m=detector["thickness_m"],
        attenuation_per_m=detector["attenuation_per_m"] or 0.0,
        cells=(int(cells[0]), int(cells[1]), int(cells[2])), kahn=beam["polarization"], polarized=beam["polarized"],
        point_pixel=detector["point_pixel"], wavelength_A=beam["wavelength_A"],
        default_F=0.0 if document["structure_factors"]["listed"] else default_F)


def _detector(document: Mapping[str, Any]) -> DescribedDetector:
    beam, found = document["beam"], document["detector"]
    centre, near = found["beam_centre"], found["nearest_point"]
    return DescribedDetector(
        shape=Shape(slow=found["slow_pixels"], fast=found["fast_pixels"]), pixel_m=found["pixel_m"],
        beam=np.array(beam["direction"], float), fast=np.array(found["fast_axis"], float),
        slow=np.array(found["slow_axis"], float), normal=np.array(found["normal_axis"], float),
        polarization=np.array(beam["polarization_axis"], float),
        spindle=np.array(document["spindle"]["axis"], float), origin=np.array(found["pix0_m"], float),
        close_distance_m=found["close_distance_m"], convention=found["convention"], pivot=found["pivot"],
        oversample=document["sampling"]["oversample"], beam_pixel=_pair(centre["pixel"]),
        beam_option_m=_pair(centre["option_m"]), near_xds=_pair(near["xds"]))


def _pair(values: Sequence[float | None]) -> tuple[float, float]:
    """Two numbers, NaN for what the document has as null."""
    first, second = (math.nan if value is None else float(value) for value in values)
    return first, second


def _or_infinite(value: float | None) -> float:
    return math.inf if value is None else float(value)
