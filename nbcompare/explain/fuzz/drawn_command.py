"""A command line in the making: options, files, and what a pixel of it costs."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

MOST_STEPS = 150

Plan = dict[str, Any]
"""What the parts of a draw have to agree on: size, wavelength, convention."""


@dataclass
class DrawnCommand:
    """Options, each with its values, and files by name. ``steps`` is what one pixel costs, ``most_steps`` at most."""

    options: list[list[str]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    steps: int = 1
    most_steps: int = MOST_STEPS

    @property
    def argv(self) -> list[str]:
        return [word for option in self.options for word in option]

    def add(self, name: str, *values: float | str) -> None:
        self.options.append([name, *(value if isinstance(value, str) else number(value) for value in values)])

    def afford(self, factor: int) -> bool:
        """Whether ``factor`` times the work is still little; if so, it is spent."""
        if self.steps * factor > self.most_steps:
            return False
        self.steps *= factor
        return True


def number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.6g}"


def chance(dice: random.Random, percent: float) -> bool:
    return dice.random() * 100 < percent
