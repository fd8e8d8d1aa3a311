"""Failures put together by their cause: the options without which the images agree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nbcompare.case.arguments.command import parse_command
from nbcompare.explain.reduce.signature import Signature, similar_ratios


@dataclass
class FailureCause:
    """What several failures have in common: ``needed`` are the options, by their usual names, that the smallest command
    cannot do without beside cell and amplitudes; ``how`` is the way in which that one fails, ``argv`` the command
    itself, ``diagnosis`` the likely cause of its difference. ``trials`` are the numbers of the commands, ``scales`` by
    what factor the image is off by this cause alone, where its smallest image is off by nothing but a factor."""

    number: int
    needed: tuple[str, ...]
    how: Signature
    argv: tuple[str, ...]
    diagnosis: str = ""
    note: str = ""
    case: str = ""
    trials: list[int] = field(default_factory=list)
    scales: list[float] = field(default_factory=list)

    @property
    def several(self) -> bool:
        """Whether these may be several mistakes: a wrong scale is not by one factor. One mistake that depends on the
        option's value looks the same; from outside of the engine the two cannot be told apart."""
        return any(not similar_ratios(scale, self.scales[0]) for scale in self.scales)

    def saw(self, how: Signature, rest: Signature | None) -> None:
        """Take note of a failure before and after the options of this cause were left out."""
        if self.scales and how.ratio and how.ratio > 0:
            without = rest.ratio if rest and rest.ratio and rest.ratio > 0 else 1.0
            self.scales.append(how.ratio / without)

    def is_like(self, needed: tuple[str, ...], how: Signature) -> bool:
        """Whether another smallest command is of this cause: the same options, by an image or by none in both, and by a
        wrong scale or a wrong pattern in both; where there are no options, the same way."""
        return needed == self.needed and self.fails_as(how) and (
            bool(needed) or how.thresholds == self.how.thresholds)

    def fails_as(self, how: Signature) -> bool:
        """Whether a failure is of this cause's kind: no image, an image of another scale, or one of another pattern."""
        return (how.engine, how.moves_the_pattern) == (self.how.engine, self.how.moves_the_pattern)

    def left_out_of(self, argv: tuple[str, ...]) -> tuple[str, ...] | None:
        """A command without the options of this cause; None where it does not have them all, or there are none."""
        command = parse_command(argv)
        if not self.needed or not all(command.has(name) for name in self.needed):
            return None
        return command.without(*self.needed).argv

    def as_dict(self) -> dict[str, Any]:
        return {**vars(self), "needed": list(self.needed), "argv": list(self.argv), "how": self.how.as_dict(),
                "trials": list(self.trials), "scales": list(self.scales)}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> FailureCause:
        return cls(**{**stored, "needed": tuple(stored["needed"]), "argv": tuple(stored["argv"]),
                      "how": Signature.from_dict(stored["how"]), "trials": list(stored["trials"]),
                    "scales": list(stored.get("scales", ()))})


def needed_options(texts: tuple[str, ...]) -> tuple[str, ...]:
    """The usual names of options as a reduction tells them, each once, in order of the alphabet."""
    return tuple(sorted({parse_command(text.split()).items[0].name for text in texts if text}))
