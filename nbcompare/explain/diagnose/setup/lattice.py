"""Which reflection a pixel belongs to: reciprocal vectors from the command line, Miller indices, lists of F.

Only what diagnosis needs to say "these pixels are reflection (2, 2, -13)"; amplitudes of the lattice are the
engines' work.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nbcompare.case.command import Command
from nbcompare.explain.diagnose.setup.detector import Detector, rotation_about, rotation_xyz

ANGSTROM = 1e-10


@dataclass(frozen=True)
class Lattice:
    """``real`` holds a, b, c as rows, in metres, at phi 0; ``wavelength_m`` is the central one."""

    real: np.ndarray
    wavelength_m: float

    def indices(self, detector: Detector, x, y, phi: float = 0.0) -> np.ndarray:
        """Fractional h, k, l [n, 3] of pixel middles, with the crystal turned by ``phi`` (radians)."""
        places = detector.centres(x, y)
        rays = places / np.linalg.norm(places, axis=-1, keepdims=True)
        scattering = (rays - detector.beam) / self.wavelength_m
        turned = self.real @ rotation_about(detector.spindle, phi).T
        return scattering @ turned.T


def read_lattice(command: Command, folder: Path) -> Lattice | None:
    """The crystal lattice of the arguments, or None where they or their matrix file give none."""
    wavelength_A = wavelength_angstrom(command)
    reciprocal = _from_matrix(command, folder, wavelength_A)
    if reciprocal is None:
        reciprocal = _from_cell(command)
    if reciprocal is None or abs(np.linalg.det(reciprocal)) < 1e-30:
        return None
    misset = command.find("-misset")
    if misset and len(misset.values) == 3:
        reciprocal = reciprocal @ rotation_xyz(*(math.radians(angle) for angle in misset.numbers)).T
    return Lattice(np.linalg.inv(reciprocal).T * ANGSTROM, wavelength_A * ANGSTROM)


def wavelength_angstrom(command: Command) -> float:
    """Of -lambda or -energy, whichever stands last; 1 A without."""
    item = command.find("-lambda", "-energy")
    if not item or not item.values or not item.numbers[0] > 0:
        return 1.0
    return 12398.42 / item.numbers[0] if item.option.name == "-energy" else item.numbers[0]


def _from_matrix(command: Command, folder: Path, wavelength_A: float) -> np.ndarray | None:
    """a*, b*, c* as rows, in 1/A, of the file named by -mat."""
    item = command.find("-mat")
    if not item or not item.values:
        return None
    try:
        values = [float(word) for word in (folder / item.values[0]).read_text().split()[:9]]
        return np.array(values).reshape(3, 3).T / wavelength_A
    except (OSError, ValueError):
        return None


def _from_cell(command: Command) -> np.ndarray | None:
    item = command.find("-cell")
    if not item or not item.values or not item.numbers[0] > 0:
        return None
    given = [*item.numbers, *[0.0] * (6 - len(item.numbers))]
    a, b, c = (given[i] if given[i] > 0 else given[0] for i in range(3))
    al, be, ga = (math.radians(given[i] if given[i] > 0 else 90.0) for i in range(3, 6))
    along_a = np.array([a, 0, 0])
    along_b = b * np.array([math.cos(ga), math.sin(ga), 0])
    c_y = (math.cos(al) - math.cos(be) * math.cos(ga)) / math.sin(ga)
    c_z = math.sqrt(max(0.0, 1 - math.cos(be) ** 2 - c_y**2))
    reciprocal = np.linalg.inv(np.array([along_a, along_b, c * np.array([math.cos(be), c_y, c_z])])).T
    return reciprocal @ _standard(reciprocal).T if abs(np.linalg.det(reciprocal)) > 0 else None


def _standard(reciprocal: np.ndarray) -> np.ndarray:
    """The rotation that puts a* along x and b* into the xy plane, as the program orients a cell."""
    x = reciprocal[0] / np.linalg.norm(reciprocal[0])
    z = np.cross(reciprocal[0], reciprocal[1])
    z = z / np.linalg.norm(z)
    return np.array([x, np.cross(z, x), z])


# --- structure factors -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Amplitudes:
    """F by Miller indices on a dense grid; what is not listed is NaN, and counts as ``default``."""

    grid: np.ndarray
    low: np.ndarray
    default: float

    def listed(self, hkl: np.ndarray) -> np.ndarray:
        """F of indices [n, 3]; NaN where not listed."""
        at = np.asarray(hkl, int) - self.low
        inside = ((at >= 0) & (at < np.array(self.grid.shape))).all(axis=1)
        found = np.full(len(at), np.nan)
        found[inside] = self.grid[tuple(at[inside].T)]
        return found

    def __call__(self, hkl: np.ndarray) -> np.ndarray:
        found = self.listed(hkl)
        return np.where(np.isnan(found), self.default, found)


def read_amplitudes(command: Command, folder: Path) -> Amplitudes | None:
    """The list named by -hkl, or None where there is none that can be read."""
    item = command.find("-hkl")
    if not item or not item.values:
        return None
    listed = read_list(folder / item.values[0])
    if listed is None:
        return None
    hkl, values = listed
    low, high = hkl.min(axis=0), hkl.max(axis=0)
    if np.prod((high - low + 1).astype(float)) > 5e7:
        return None
    grid = np.full(high - low + 1, np.nan)
    grid[tuple((hkl - low).T)] = values
    return Amplitudes(grid, low, command.number("-default_F"))


def read_list(path: Path) -> tuple[np.ndarray, np.ndarray] | None:
    """The records h k l F of a file: indices [n, 3] and F [n]; None where there are none."""
    try:
        table = np.array(path.read_text().split(), dtype=float)
    except (OSError, ValueError):
        return None
    if table.size < 4:
        return None
    table = table[:table.size // 4 * 4].reshape(-1, 4)
    return np.rint(table[:, :3]).astype(int), table[:, 3]
