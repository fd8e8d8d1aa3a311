"""The groups of faults by their heading in docs/reliability.md, and the pieces in which they are tried."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.faults import clocks, damage, disk, intruders, kills, mutated, scripts, surroundings, texts
from tests.faults.laboratory import Laboratory, Row

GROUPS = {
    "A bundle that was damaged or forged": damage,
    "nb-compare killed on its way": kills,
    "Disks and folders": disk,
    "Clocks, and things at the same second": clocks,
    "Engines and tests that reach too far": intruders,
    "Hostile YAML": texts,
    "Inputs of the simulators": mutated,
    "Odd surroundings": surroundings,
    "Attack scripts": scripts,
}


@dataclass(frozen=True)
class Piece:
    """What is tried in one go: a whole group, or of the attack scripts a single one. ``name`` is unique."""

    title: str
    name: str
    rows: Callable[[Laboratory], Iterator[Row]]


def pieces() -> list[Piece]:
    """Every piece, in the order of the page."""
    found = []
    for title, module in GROUPS.items():
        if module is scripts:
            found += [Piece(title, path.stem, functools.partial(scripts.rows_of, path)) for path in scripts.paths()]
        else:
            found.append(Piece(title, module.__name__.rpartition(".")[2], functools.partial(module.rows, short=False)))
    return found


def rows_of(piece: Piece) -> list[Row]:
    """Every row of a piece in its long form, each told when it is there."""
    found = []
    with tempfile.TemporaryDirectory(prefix="nb-faults-") as folder:
        for row in piece.rows(Laboratory(Path(folder) / "lab")):
            found.append(row)
            print(f"{row.held:>4} of {row.tried:>4} held  {row.fault}", flush=True)
    return found
