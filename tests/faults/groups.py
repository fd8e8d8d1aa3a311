"""The groups of faults, by the heading that they have in docs/reliability.md."""

from __future__ import annotations

import tempfile
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


def rows_of(title: str) -> list[Row]:
    """Every row of a group in its long form, each told when it is there."""
    found = []
    with tempfile.TemporaryDirectory(prefix="nb-faults-") as folder:
        for row in GROUPS[title].rows(Laboratory(Path(folder) / "lab"), short=False):
            found.append(row)
            print(f"{row.held:>4} of {row.tried:>4} held  {row.fault}", flush=True)
    return found
