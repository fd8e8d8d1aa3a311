"""Two traces of one pixel side by side, in the order of calculation, and the first factor that differs."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from nbcompare.case.arguments.factors import FACTORS, SUMMED
from nbcompare.engine.trace.dialects import FULL, INSTRUMENTED, EngineTrace, Entries, Index, Place, TraceEntry

DEFAULT_TOLERANCE = 1e-6
GEOMETRIC_SHARE = 1e-3
"""Geometric factors must agree this much better: an index off by 1e-6 moves a lattice factor by far more."""


@dataclass(frozen=True)
class FactorPair:
    """One factor at one place of the loops. An entry is None where that engine has none there.

    ``difference`` is the largest difference of its numbers over ``scale``; ``allowed`` includes what cannot be known
    because of the digits printed.
    """

    name: str
    index: Place
    reference: TraceEntry | None
    subject: TraceEntry | None
    difference: float | None
    allowed: float

    @property
    def agrees(self) -> bool:
        return self.difference is not None and self.difference <= self.allowed

    @property
    def excess(self) -> float:
        """How far it is from agreeing: above 1 it does not."""
        if self.difference is None:
            return math.inf
        return self.difference / self.allowed if self.allowed else self.difference

    @property
    def label(self) -> str:
        place = self.index if isinstance(self.index, str) else ",".join(map(str, self.index))
        return self.name + (f"[{place}]" if place else "")


@dataclass(frozen=True)
class Lineup:
    """All pairs in the order of calculation, what could not be compared, and the traces."""

    reference: EngineTrace
    subject: EngineTrace
    pairs: tuple[FactorPair, ...]
    not_compared: tuple[str, ...]

    @property
    def first(self) -> FactorPair | None:
        """The first factor that differs."""
        return next((pair for pair in self.pairs if not pair.agrees), None)

    def inputs_of(self, pair: FactorPair) -> dict[str, FactorPair | None]:
        """What a pair is calculated from, by factor: the pair at its own place of the loops, else at the nearest
        outside it, else the one inside it that agrees least; None where that could not be compared."""
        made_of = FACTORS[pair.name].made_of if pair.name in FACTORS else ()
        return {name: self._input(name, pair.index) for name in made_of}

    def _input(self, name: str, index: Place) -> FactorPair | None:
        by_index = {pair.index: pair for pair in self.pairs if pair.name == name}
        if FACTORS[name].depth > len(index):
            inside = [pair for at, pair in by_index.items() if at[:len(index)] == index and at != index]
            return max(inside, key=lambda pair: pair.excess, default=None)
        return next((by_index[index[:end]] for end in range(len(index), -1, -1) if index[:end] in by_index), None)


def line_up(reference: EngineTrace, subject: EngineTrace, tolerance: float = DEFAULT_TOLERANCE) -> Lineup:
    """Lay two traces side by side.

    Where one engine tells less than the other, what it tells is put at the places where the other has the same, and
    what it leaves out is named. Where both tell every factor, an entry that only one has is a difference.
    """
    fuller, other = (reference, subject) if reference.is_full or not subject.is_full else (subject, reference)
    placed, unplaced = _placed(other, fuller)
    ours, theirs = (fuller.entries, placed) if fuller is reference else (placed, fuller.entries)
    both_full = reference.is_full and subject.is_full
    keys = [key for key in fuller.entries if both_full or key in placed]
    keys += [key for key in placed if key not in fuller.entries and both_full]
    moved = capture_moved(ours, theirs)
    pairs = tuple(_pair(key, ours, theirs, tolerance) for key in keys if not (moved and key in _CAPTURE_KEYS))
    skipped = [] if both_full else list(_left_out(fuller, placed))
    who = "reference" if other is reference else "subject"
    skipped += [f"{name} (only the {who} prints it)" for name in unplaced]
    if moved:
        pairs += (_captured_sum(ours, theirs, tolerance),)
    return Lineup(reference, subject, _in_order(pairs, fuller), tuple(skipped))


def merged(less: EngineTrace, fuller: EngineTrace) -> EngineTrace:
    """A trace of everything that the fuller one tells, with what the other prints in its place wherever it does."""
    placed, _ = _placed(less, fuller)
    return EngineTrace(fuller.dialect, {**fuller.entries, **placed})


# --- placing what an engine tells that tells less ---------------------------------------------------------


def _placed(other: EngineTrace, fuller: EngineTrace) -> tuple[Entries, list[str]]:
    """The entries of ``other`` under the indices of ``fuller``, and the names of those that have no place there."""
    placed: Entries = {}
    unplaced: list[str] = []
    for (name, index), entry in other.entries.items():
        place = _place(name, index, other, fuller)
        if place is None:
            unplaced.append(name)
        else:
            placed[name, place] = entry
    return placed, sorted(set(unplaced))


def _place(name: str, index: Place, other: EngineTrace, fuller: EngineTrace) -> Place | None:
    """The index at which the fuller trace has the same quantity; None when it has not."""
    if other.dialect == fuller.dialect:
        return index
    if index == ():
        return () if (name, ()) in fuller.entries else None
    places = fuller.indices(name)
    if isinstance(index, str):
        return places[-1] if places and fuller.is_full else None
    if other.dialect == INSTRUMENTED and fuller.dialect == FULL:
        subpixels = fuller.indices("position_m")
        if len(subpixels) != len(other.indices("position_m")):
            return None
        place = (*subpixels[index[0]], *index[1:])
        return place if place in places else None
    return None


def _left_out(fuller: EngineTrace, placed: Entries) -> Iterator[str]:
    """What only the fuller trace tells, by factor."""
    counts: dict[str, list[int]] = {}
    for name, index in fuller.entries:
        have = counts.setdefault(name, [0, 0])
        have[0] += 1
        have[1] += (name, index) in placed
    for name, (there, compared) in counts.items():
        if compared < there and name in FACTORS:
            yield name if not compared else f"{there - compared} of {there} {name}"


# --- comparing --------------------------------------------------------------------------------------------

_CAPTURE_KEYS: tuple[tuple[str, Place], ...] = (("I_before_scaling", ()), ("capture_fraction", ()))


def capture_moved(reference: Entries, subject: Entries) -> bool:
    """Whether one engine applies absorption to each term and the other to their sum: then only the product says
    anything."""
    sides = (reference, subject)
    capture = [side["capture_fraction", ()].numbers for side in sides if all(key in side for key in _CAPTURE_KEYS)]
    return len(capture) == 2 and capture[0] != capture[1] and 1.0 in (capture[0][0], capture[1][0])


def _captured_sum(reference: Entries, subject: Entries, tolerance: float) -> FactorPair:
    products = []
    for side in (reference, subject):
        total, capture = side["I_before_scaling", ()], side["capture_fraction", ()]
        products.append(TraceEntry((total.numbers[0] * capture.numbers[0],), total.resolution * capture.numbers[0]
                                   + total.numbers[0] * capture.resolution))
    return _compared("I_before_scaling", (), products[0], products[1], tolerance, ())


def _pair(key: tuple[str, Place], reference: Entries, subject: Entries, tolerance: float) -> FactorPair:
    name, index = key
    family: Collection[TraceEntry] = ()
    if name in SUMMED:
        family = {entry for side in (reference, subject) for (other, _), entry in side.items() if other == name}
    return _compared(name, index, reference.get(key), subject.get(key), tolerance, family)


def _compared(name: str, index: Place, x: TraceEntry | None, y: TraceEntry | None, tolerance: float,
              family: Collection[TraceEntry]) -> FactorPair:
    if x is None or y is None or len(x.numbers) != len(y.numbers):
        return FactorPair(name, index, x, y, None, tolerance)
    numbers = (*x.numbers, *y.numbers, *(number for entry in family for number in entry.numbers))
    scale = max((abs(number) for number in numbers if math.isfinite(number)), default=0.0)
    if name in ("hkl", "hkl_nearest"):
        scale = max(scale, 1.0)
    allowed = tolerance * (GEOMETRIC_SHARE if name in FACTORS and FACTORS[name].geometric else 1.0)
    if scale > 0:
        allowed += (x.resolution + y.resolution) / scale
    return FactorPair(name, index, x, y, _largest_difference(x.numbers, y.numbers, scale), allowed)


def _largest_difference(x: Sequence[float], y: Sequence[float], scale: float) -> float | None:
    """Of the numbers, over the scale; 0 for equal ones, None where one is not finite."""
    largest = 0.0
    for a, b in zip(x, y, strict=True):
        if a == b:
            continue
        if not (math.isfinite(a) and math.isfinite(b)):
            return None
        largest = max(largest, abs(a - b) / scale)
    return largest


def _in_order(pairs: tuple[FactorPair, ...], fuller: EngineTrace) -> tuple[FactorPair, ...]:
    """In the order in which the fuller engine calculates, or in that of the table where none tells every factor."""
    if fuller.is_full:
        rank = {key: number for number, key in enumerate(fuller.entries)}
        return tuple(sorted(pairs, key=lambda pair: rank.get((pair.name, pair.index), len(rank))))
    order = {name: number for number, name in enumerate(FACTORS)}
    return tuple(sorted(pairs, key=lambda pair: (order[pair.name], *_loops_of(pair.index))))


def _loops_of(index: Place) -> tuple[bool, Index]:
    """What sorts places of the loops: those with numbers by these, and the last one behind them."""
    return (True, ()) if isinstance(index, str) else (False, index)
