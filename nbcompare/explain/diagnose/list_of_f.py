"""The list of structure factors that a command names, as it stands in its file: F by Miller indices.

Which F a pixel really got is the engines' work; here it is only known which reflections are listed, and with what.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nbcompare.case.arguments.command import Command


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


# --- how indices are misread -----------------------------------------------------------------------------------------

PERMUTATIONS = {"k h l": (1, 0, 2), "h l k": (0, 2, 1), "l k h": (2, 1, 0), "k l h": (1, 2, 0), "l h k": (2, 0, 1)}
SIGNS = [np.array(s) for s in ((-1, 1, 1), (1, -1, 1), (1, 1, -1), (-1, -1, 1), (-1, 1, -1), (1, -1, -1))]


def signed_names(signs: np.ndarray) -> str:
    """h,k,l with minus signs, for words."""
    return ",".join(("-" if sign < 0 else "") + axis for axis, sign in zip("hkl", signs, strict=True))
