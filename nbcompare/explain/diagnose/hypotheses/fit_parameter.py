"""Fit parameter: a run hypothesis with numbers to fit, the command with others, and what is told of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from nbcompare.case.arguments.command import Command
from nbcompare.explain.diagnose.hypotheses.candidate import Candidate, FileEdit

Turn = Callable[[Command, Sequence[float]], Command]
ParameterKey = tuple[str, str, tuple[str, ...]]


@dataclass(frozen=True)
class FitParameter:
    """Numbers of the command line that are fitted together.

    ``start`` are their present values and ``steps`` the steps of a first finite difference. ``turn`` makes of
    a command the one with other values. ``linear``: the image is exactly linear in the numbers. ``positive``: no
    number may leave its sign. ``whole``: the numbers are rounded.
    """

    id: str
    title: str
    labels: tuple[str, ...]
    start: tuple[float, ...]
    steps: tuple[float, ...]
    turn: Callable[[Command, Sequence[float]], Command]
    prior: float = 0.5
    geometry: bool = False
    linear: bool = False
    positive: bool = False
    whole: bool = False
    units: str = ""
    shown: Callable[[float], float] = float
    """What is told of a number, where it is fitted as another function of it."""

    fitted: Callable[[float], float] = float
    """The other way round: the number to fit, of what is told."""

    edit: Callable[[Sequence[float]], tuple[FileEdit, ...]] | None = None
    """The edits of input files, where the numbers stand in one."""

    begin: tuple[float, ...] | None = None
    """Where a fit begins if the image does not change smoothly at ``start``."""

    @property
    def key(self) -> ParameterKey:
        """What tells a parameter from all others."""
        return self.id, self.title, self.labels

    @property
    def first(self) -> tuple[float, float]:
        """(start, step) of the first number."""
        return self.start[0], self.steps[0]

    def only(self, axis: int) -> FitParameter:
        """One of the numbers alone."""
        whole = self.edit

        def turn(command: Command, values: Sequence[float]) -> Command:
            return self.turn(command, (*self.start[:axis], values[0], *self.start[axis + 1:]))

        def edit(values: Sequence[float]) -> tuple[FileEdit, ...]:
            return whole((*self.start[:axis], values[0], *self.start[axis + 1:])) if whole else ()

        return replace(self, labels=(self.labels[axis],), start=(self.start[axis],), steps=(self.steps[axis],),
                       turn=turn, edit=edit if whole else None, begin=None)

    def candidate(self, command: Command, values: Sequence[float]) -> Candidate:
        """The hypothesis that the numbers have these values."""
        files = self.edit(values) if self.edit else ()
        return Candidate(self.id, self.sentence(values), self.turn(command, values), self.prior, files, source="a fit")

    def rounded(self, value: float, digits: int) -> float:
        """A number so that what is told of it has so many digits."""
        return self.fitted(float(f"{self.shown(value):.{digits}g}"))

    def sentence(self, values: Sequence[float]) -> str:
        """What is different, in words: only the numbers that moved."""
        if self.whole:
            values = [round(value) for value in values]
        if self.begin is not None:
            return f"{self.title}: " + ", ".join(f"{label} {self.shown(value):.9g}" for label, value in
                                                 zip(self.labels, values, strict=True))
        parts = [f"{label} {self.shown(value):.9g} instead of {self.shown(old):.9g}" for label, value, old in
                 zip(self.labels, values, self.start, strict=True) if abs(value - old) > 1e-9 * max(1e-3, abs(old))]
        return f"{self.title}: {', '.join(parts) or 'unchanged'}{' ' + self.units if self.units else ''}"
