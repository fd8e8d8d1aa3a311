"""The matrix of a case: named axes of flag values, each combination of which is a cell, a case of its own.

    matrix:
      base: -nonoise -oversample 1                   # every cell gets it
      axes:
        -phi: [0, 0.5, 90]                           # an option and its values: cells phi0, phi0.5, phi90
        crystal: {small: -N 3, large: -N 9}          # named arguments
      runs: {plain: [], mosaic: -mosaic 1 -mosaic_domains 3}   # one more axis

A run may bring thresholds and claims of its own, written {args: ..., thresholds: [...], divergences: [...]}; each
threshold takes the place of the case's on that metric and region, and claims stand beside the case's. A cell's command
is the case's command, then base, then the arguments of its place on each axis; where an option comes twice, the last
one counts for both engines.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from nbcompare.case.claims import Claim, claims_of
from nbcompare.case.parts import NAME, arguments, thresholds_of
from nbcompare.case.reading.strict_yaml import Cursor
from nbcompare.case.threshold import Threshold
from nbcompare.compare.image import Shape

MOST_CELLS = 10_000
RUNS = "runs"
_NO_NAME = re.compile(r"[^A-Za-z0-9._]+")


@dataclass(frozen=True)
class Axis:
    """The places of one axis in order, each a name and the arguments it stands for."""

    name: str
    places: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Matrix:
    """What every cell gets, and the axes."""

    base: tuple[str, ...]
    axes: tuple[Axis, ...]
    thresholds: Mapping[str, tuple[Threshold, ...]] = field(default_factory=dict)
    """Those of single runs, by the run's name."""
    divergences: Mapping[str, tuple[Claim, ...]] = field(default_factory=dict)
    """Claims of single runs, likewise."""


@dataclass(frozen=True)
class Cell:
    """One combination: the place on each axis, and the arguments added to the case's command."""

    places: tuple[tuple[str, str], ...]
    arguments: tuple[str, ...]

    @property
    def name(self) -> str:
        return "-".join(place for _, place in self.places)


def cells_in(matrix: Matrix) -> Iterator[Cell]:
    """Every combination, the last axis running fastest."""
    for chosen in itertools.product(*(axis.places for axis in matrix.axes)):
        places = tuple((axis.name, name) for axis, (name, _) in zip(matrix.axes, chosen, strict=True))
        yield Cell(places, (*matrix.base, *(word for _, words in chosen for word in words)))


@dataclass(frozen=True)
class _Own:
    """What runs bring of their own while they are read, for a case with these regions and this image."""

    regions: list[str]
    shape: Shape | None
    thresholds: dict[str, tuple[Threshold, ...]] = field(default_factory=dict)
    divergences: dict[str, tuple[Claim, ...]] = field(default_factory=dict)


def matrix_of(cursor: Cursor | None, regions: Sequence[str] = (), shape: Shape | None = None) -> Matrix | None:
    """Read the ``matrix`` of a case with these regions and this image. Raises CaseError for a fault of its form."""
    if cursor is None:
        return None
    entries = cursor.mapping(known=("base", "axes", RUNS))
    axes = [_axis(name, entry) for name, entry in entries["axes"].mapping().items()] if "axes" in entries else []
    own = _Own(list(regions), shape)
    if RUNS in entries:
        axes.append(_named_axis(RUNS, entries[RUNS], own))
    if not axes:
        raise cursor.error("a matrix needs axes, runs, or both")
    count = math.prod(len(axis.places) for axis in axes)
    if count > MOST_CELLS:
        raise cursor.error(f"the matrix has {count} cells, more than {MOST_CELLS}")
    matrix = Matrix(arguments(entries.get("base")), tuple(axes), own.thresholds, own.divergences)
    _check_names(cursor, matrix)
    return matrix


def _axis(name: str, cursor: Cursor) -> Axis:
    if cursor.kind == "list":
        return _option_axis(name, cursor)
    if name == RUNS:
        raise cursor.error(f"an axis cannot be called {RUNS}; that is the key beside axes")
    return _named_axis(name, cursor)


def _option_axis(name: str, cursor: Cursor) -> Axis:
    """An option with a list of values; a value of several words is written as one text."""
    if not name.startswith("-"):
        raise cursor.error(f"axis {name} is a list of values, so it must be called by its option, as -phi")
    texts = [entry.text() for entry in cursor.items()]
    if not texts:
        raise cursor.error(f"axis {name} has no values")
    stem = name.lstrip("-")
    return Axis(name, tuple((_NO_NAME.sub("_", stem + text), (name, *text.split())) for text in texts))


def _named_axis(name: str, cursor: Cursor, own: _Own | None = None) -> Axis:
    """An axis of named arguments. Where ``own`` is given, places may bring more, which is entered in it."""
    entries = cursor.mapping()
    if not entries:
        raise cursor.error(f"{name} has no entries")
    for place, entry in entries.items():
        if not NAME.fullmatch(place):
            raise entry.error(f"the name {place!r} must be letters, digits, '.', '_' and '-'")
    return Axis(name, tuple((place, _words_of(place, entry, own)) for place, entry in entries.items()))


def _words_of(place: str, cursor: Cursor, own: _Own | None) -> tuple[str, ...]:
    if own is None or cursor.kind != "mapping":
        return arguments(cursor)
    parts = cursor.mapping(known=("args", "thresholds", "divergences"), required=("args",))
    if len(parts) == 1:
        raise cursor.error(f"run {place} brings neither thresholds nor divergences; write its arguments alone")
    if "thresholds" in parts:
        own.thresholds[place] = tuple(threshold for entry in parts["thresholds"].items()
                                      for threshold in thresholds_of(entry, own.regions))
        if not own.thresholds[place]:
            raise parts["thresholds"].error(f"run {place} names no threshold; write its arguments alone")
    if "divergences" in parts:
        own.divergences[place] = claims_of(parts["divergences"], own.regions, own.shape)
    return arguments(parts["args"])


def _check_names(cursor: Cursor, matrix: Matrix) -> None:
    """Two cells of one name would share a folder; two of one command and judgement would be one pass counted twice."""
    seen: set[str] = set()
    told: dict[str, str] = {}
    for cell in cells_in(matrix):
        if cell.name in seen:
            raise cursor.error(f"two cells would be called {cell.name}; name their values apart")
        seen.add(cell.name)
        run = dict(cell.places).get(RUNS, "")
        said = [*map(_as_number, cell.arguments)], matrix.thresholds.get(run), matrix.divergences.get(run)
        same = told.setdefault(repr(said), cell.name)
        if same != cell.name:
            raise cursor.error(f"the cells {same} and {cell.name} are one command, and one experiment would count "
                               "twice; leave one of them out (repeat runs the reference again)")


def _as_number(word: str) -> float | str:
    """1e18 and 1.0e18 are one value."""
    try:
        return float(word)
    except ValueError:
        return word
