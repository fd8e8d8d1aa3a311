"""Failures put together by their cause: the options without which the images agree, and the way in which they fail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nbcompare.case.arguments.command import parse_command
from nbcompare.explain.fuzz.failure_modes import FACTOR, FailureMode, same_factor
from nbcompare.explain.reduce.signature import Signature


@dataclass(frozen=True)
class Sighting:
    """In trial ``at`` the image was off by the ``factor`` alone, with these ``values`` of the cause's options."""

    at: int
    factor: float
    values: str


@dataclass
class FailureCause:
    """What several failures have in common: ``needed`` are the options, by their usual names, that the smallest command
    cannot do without beside cell and amplitudes; ``how`` and ``kind`` are the way in which that one fails, ``argv`` the
    command itself, ``diagnosis`` the likely cause of its difference. ``trials`` are the numbers of the commands,
    ``seen`` by what factor the image was off where nothing else was wrong; ``split_from`` is the cause that its
    trials were first counted to, 0 for none."""

    number: int
    needed: tuple[str, ...]
    how: Signature
    argv: tuple[str, ...]
    diagnosis: str = ""
    note: str = ""
    case: str = ""
    trials: list[int] = field(default_factory=list)
    kind: str = ""
    seen: list[Sighting] = field(default_factory=list)
    split_from: int = 0

    @property
    def scales(self) -> list[float]:
        """The factors by which the image was off, in order of the trials."""
        return [sighting.factor for sighting in self.seen]

    @property
    def several(self) -> bool:
        """Whether these may be several mistakes: a wrong scale is not by one factor. One mistake that depends on the
        option's value looks the same, until two factors were each seen at several values."""
        return any(not same_factor(scale, self.scales[0]) for scale in self.scales)

    def values_in(self, argv: tuple[str, ...]) -> str:
        """What stands at its options in a command."""
        return " ".join(str(item) for item in parse_command(argv).items if item.name in self.needed)

    def saw(self, at: int, factor: float, argv: tuple[str, ...]) -> None:
        """Take note of a factor."""
        self.seen.append(Sighting(at, factor, self.values_in(argv)))

    def apart(self) -> Sighting | None:
        """The first sighting of a factor that is another mistake than the smallest command's: each of the two is the
        same at two values of the options. One mistake that depends on the value is off by another factor at each."""
        own = self.seen[0].factor
        return next((sighting for sighting in self.seen if not same_factor(sighting.factor, own)
                     and self.is_of_factor(sighting.factor) and self.is_of_factor(own)), None)

    def is_of_factor(self, factor: float) -> bool:
        """Whether it is off by this factor at several values."""
        return len({sighting.values for sighting in self.seen if same_factor(sighting.factor, factor)}) > 1

    def hand_over(self, factor: float, other: FailureCause) -> None:
        """Give what was seen of a factor, with its trials, to the cause of that factor."""
        given = [sighting for sighting in self.seen if same_factor(sighting.factor, factor)]
        self.seen = [sighting for sighting in self.seen if sighting not in given]
        other.seen = given
        other.take_trials_from(self)

    def take_trials_from(self, parent: FailureCause) -> None:
        """The trials in which its factor was seen are no more its parent's."""
        own = {sighting.at for sighting in self.seen}
        self.trials = sorted({*self.trials, *own})
        parent.trials = [at for at in parent.trials if at not in own]

    def is_like(self, needed: tuple[str, ...], way: FailureMode) -> bool:
        """Whether another smallest command is of this cause: the same options, and the same kind of failure; where
        there are no options, also by the same thresholds."""
        return needed == self.needed and self.fails_as(way) and (
            bool(needed) or way.signature.thresholds == self.how.thresholds)

    def fails_as(self, way: FailureMode) -> bool:
        """Whether a failure is of this cause's kind: no image in the same way, or an image that is off in it."""
        return (way.signature.engine, way.kind) == (self.how.engine, self.kind)

    def left_out_of(self, argv: tuple[str, ...]) -> tuple[str, ...] | None:
        """A command without the options of this cause; None where it does not have them all, or there are none."""
        command = parse_command(argv)
        if not self.needed or not all(command.has(name) for name in self.needed):
            return None
        return command.without(*self.needed).argv

    def as_dict(self) -> dict[str, Any]:
        """For the trials that are kept, and for machines that read a report."""
        said = {**vars(self), "needed": list(self.needed), "argv": list(self.argv), "how": self.how.as_dict(),
                "trials": list(self.trials), "seen": [vars(sighting) for sighting in self.seen]}
        return {**said, "scales": self.scales}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> FailureCause:
        """Raises TypeError, KeyError or ValueError for values that are no cause."""
        plain = {key: value for key, value in stored.items() if key != "scales"}
        return cls(**{**plain, "needed": tuple(plain["needed"]), "argv": tuple(plain["argv"]),
                      "how": Signature.from_dict(plain["how"]), "trials": list(plain["trials"]),
                      "seen": sightings(plain["seen"])})


def cause_of_factor(causes: list[FailureCause], like: FailureCause, factor: float | None) -> FailureCause:
    """Of the causes by a factor at the same options the one that is off by this one; else the first of them."""
    alike = [cause for cause in causes if cause.needed == like.needed and cause.kind == FACTOR]
    if like.kind != FACTOR or factor is None:
        return like
    return next((cause for cause in alike if cause.is_of_factor(factor)), alike[0])


def sightings(stored: list[Mapping[str, Any]]) -> list[Sighting]:
    return [Sighting(**entry) for entry in stored]


def needed_options(texts: tuple[str, ...]) -> tuple[str, ...]:
    """The usual names of options as a reduction tells them, each once, in order of the alphabet."""
    return tuple(sorted({parse_command(text.split()).items[0].name for text in texts if text}))
