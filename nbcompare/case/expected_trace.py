"""What a claim says that the trace of a pixel must show: which factors differ, by how much; all others agree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from nbcompare.case.arguments.factors import OF_THE_VALUE
from nbcompare.case.parts import known_word
from nbcompare.case.reading.strict_yaml import Cursor
from nbcompare.compare.image import Shape
from nbcompare.errors import nearest

WORST = "worst"
"""In the place of a pixel: that of the largest difference."""

_MOST_LATER = 1e-2
"""Others that may differ by more would let the value be explained by them."""


@dataclass(frozen=True)
class ExpectedFactor:
    """One factor and its deviation 100 (subject / reference - 1), give or take ``within``, both in percent."""

    name: str
    percent: float
    within: float

    @property
    def allowed(self) -> str:
        return f"{self.percent:+g} % ± {self.within:g}"

    def admits(self, percent: float) -> bool:
        return abs(percent - self.percent) <= self.within


@dataclass(frozen=True)
class ExpectedTrace:
    """The factors that differ; ``later`` is the largest relative difference of each other number that the final value
    is made of. Without a pixel (fast, slow from 0) it is the one of the largest difference."""

    factors: tuple[ExpectedFactor, ...]
    later: float
    fast: int | None = None
    slow: int | None = None

    @property
    def pixel(self) -> tuple[int, int] | None:
        return None if self.fast is None or self.slow is None else (self.fast, self.slow)

    @property
    def allowed(self) -> str:
        """All of it in words."""
        place = "the worst pixel" if self.pixel is None else f"fast {self.fast} slow {self.slow}"
        factors = ", ".join(f"{factor.name} {factor.allowed}" for factor in self.factors)
        return f"{factors}, others within {self.later:g}, at {place}"

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "factors": [asdict(factor) for factor in self.factors]}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> ExpectedTrace:
        return cls(**{**stored, "factors": tuple(ExpectedFactor(**factor) for factor in stored["factors"])})


def expected_trace(cursor: Cursor, shape: Shape | None) -> ExpectedTrace:
    """The ``trace`` of a claim. Raises CaseError for a fault, and for what no trace could fail."""
    entries = cursor.mapping(known=("pixel", "factors", "later"), required=("pixel", "factors", "later"))
    factors = tuple(_factor(name, entry) for name, entry in entries["factors"].mapping().items())
    if not factors:
        raise entries["factors"].error("factors must name at least one factor that differs")
    later = entries["later"].number()
    if not 0 < later <= _MOST_LATER:
        raise entries["later"].error(f"later must be above 0 and at most {_MOST_LATER:g}, found {later:g}")
    return ExpectedTrace(factors, later, *_pixel(entries["pixel"], shape))


def _factor(name: str, cursor: Cursor) -> ExpectedFactor:
    if name not in OF_THE_VALUE:
        raise cursor.error(f"unknown factor {name!r} in factors; {nearest(name, OF_THE_VALUE)}")
    entries = cursor.mapping(known=("percent", "within"), required=("percent", "within"))
    percent, within = entries["percent"].number(), entries["within"].number()
    if not 0 < within < abs(percent) < float("inf"):
        raise cursor.error(f"{name}: within must be above 0 and below the size of percent, as a factor that may as "
                           f"well agree is none that differs; found {percent:g} and {within:g}")
    return ExpectedFactor(name, percent, within)


def _pixel(cursor: Cursor, shape: Shape | None) -> tuple[int | None, int | None]:
    if cursor.kind != "mapping":
        known_word(cursor, (WORST,), "pixel; give fast and slow, or the word")
        return None, None
    entries = cursor.mapping(known=("fast", "slow"), required=("fast", "slow"))
    found = entries["fast"].integer(), entries["slow"].integer()
    size = (shape.fast, shape.slow) if shape else found
    for key, value, most in zip(("fast", "slow"), found, size, strict=True):
        if value < 0 or (shape and value >= most):
            raise entries[key].error(f"the pixel {key} {value} is not in the image")
    return found
