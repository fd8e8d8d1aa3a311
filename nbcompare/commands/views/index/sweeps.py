"""Sweeps as heat maps: the newest run of each cell of a matrix, by its place on two axes; further axes make further
maps beside each other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from nbcompare.commands.views.index.runs import ShownRun

_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")


@dataclass(frozen=True)
class HeatMap:
    """Cells by row and column, None where there is no bundle; ``where`` says the place on the axes beyond two."""

    where: str
    row_axis: str
    column_axis: str
    rows: tuple[tuple[str, tuple[ShownRun | None, ...]], ...]
    columns: tuple[str, ...]


@dataclass(frozen=True)
class SweepMap:
    """The cells of one matrix that have bundles."""

    name: str
    title: str
    cells: tuple[ShownRun, ...]
    """The newest run of each, the one with the smallest margin first."""
    maps: tuple[HeatMap, ...]
    number: int = 0

    @property
    def worst(self) -> ShownRun:
        return self.cells[0]

    @property
    def accepted(self) -> int:
        return sum(shown.run.accepted for shown in self.cells)


def sweeps_of(newest: Sequence[ShownRun]) -> list[SweepMap]:
    """The sweeps among the newest runs of all cases, by their smallest margin."""
    groups: dict[tuple[str, tuple[str, ...]], list[ShownRun]] = {}
    for shown in newest:
        cell = shown.run.cell
        if cell:
            base = shown.run.case.removesuffix(f".{'-'.join(cell.values())}")
            groups.setdefault((base, tuple(cell)), []).append(shown)
    found = sorted((_sweep(name, axes, cells) for (name, axes), cells in groups.items()),
                   key=lambda sweep: sweep.worst.order)
    return [replace(sweep, number=at) for at, sweep in enumerate(found)]


def _sweep(name: str, axes: tuple[str, ...], cells: list[ShownRun]) -> SweepMap:
    title = cells[0].run.title.removesuffix(f" ({'-'.join(cells[0].run.cell.values())})")
    beyond: dict[tuple[str, ...], list[ShownRun]] = {}
    for shown in cells:
        beyond.setdefault(tuple(shown.run.cell[axis] for axis in axes[2:]), []).append(shown)
    maps = tuple(_map(axes, places, beyond[places])
                 for places in sorted(beyond, key=lambda places: [in_order(place) for place in places]))
    return SweepMap(name, title, tuple(sorted(cells, key=lambda shown: shown.order)), maps)


def _map(axes: tuple[str, ...], beyond: tuple[str, ...], cells: list[ShownRun]) -> HeatMap:
    """One axis alone is a row; of two the one with more places runs across."""
    places = {axis: sorted({shown.run.cell[axis] for shown in cells}, key=in_order) for axis in axes[:2]}
    across = max(axes[:2], key=lambda axis: len(places[axis]))
    down = next((axis for axis in axes[:2] if axis != across), None)
    by_place = {(shown.run.cell[down] if down else "", shown.run.cell[across]): shown for shown in cells}
    rows = tuple((row, tuple(by_place.get((row, column)) for column in places[across]))
                 for row in (places[down] if down else [""]))
    where = ", ".join(f"{axis} {place}" for axis, place in zip(axes[2:], beyond, strict=True))
    return HeatMap(where, down or "", across, rows, tuple(places[across]))


def in_order(place: str) -> tuple[float, str]:
    """Places in the order of the number in their name, which begins with the option's; others by name, after them."""
    found = _NUMBER.search(place.replace("_", "-"))
    return (float(found[0]) if found else float("inf"), place)
