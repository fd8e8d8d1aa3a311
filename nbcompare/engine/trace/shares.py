"""How much of the ratio of two pixels each factor explains.

    intensity = r_e^2 fluence sum[F_cell^2 F_latt^2 w] / steps * capture * polarization * solid angle + background

so the logarithm of the ratio subject/reference is the sum of the logarithms of the factors' ratios; a factor's share
is its part of that sum. F_latt^2 and F_cell^2, which are inside the sum, are exchanged one after the other. Where one
engine applies absorption to each term and the other to their sum, the two are one factor.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from nbcompare.engine.trace.dialects import EngineTrace
from nbcompare.engine.trace.lineup import DEFAULT_TOLERANCE, capture_moved

_SCALARS = {"I_before_scaling": "sum of terms", "r_e_squared_m2": "r_e^2", "fluence_per_m2": "fluence",
            "capture_fraction": "capture", "polarization": "polarization", "solid_angle_sr": "solid angle",
            "intensity": ""}
"""The numbers that a ratio is shared out among, with their labels in order; the last one is the whole."""


@dataclass(frozen=True)
class Share:
    """A factor's ratio subject/reference and its part of the logarithm of the whole ratio (None: nothing to share)."""

    factor: str
    ratio: float
    share: float | None


@dataclass(frozen=True)
class Shares:
    """The ratio of the final values and what explains it; ``unknown`` says why there is none. ``open`` is by how much a
    ratio cannot be told from 1, by the tolerance and the digits printed."""

    ratio: float | None
    shares: tuple[Share, ...] = ()
    unknown: str | None = None
    open: float = 0.0


def share_out(reference: EngineTrace, subject: EngineTrace, tolerance: float = DEFAULT_TOLERANCE) -> Shares:
    """Split the ratio of the two intensities among the factors that both traces tell.

    A ratio of 1 within the tolerance, or within what the digits printed leave open, has nothing to share out.
    """
    values = [value for trace in (reference, subject) if (value := trace.number("intensity")) is not None]
    if len(values) < 2 or any(not math.isfinite(value) or value <= 0 for value in values):
        return Shares(None, unknown="a final value is missing, not positive or not finite")
    ratio = values[1] / values[0]
    found = [(name, value) for name, value in _ratios(reference, subject) if value > 0 and math.isfinite(value)]
    rest = ratio / math.prod(value for _, value in found)
    known = tolerance + sum(_unknown(trace, name) for trace in (reference, subject) for name in _SCALARS)
    whole = math.log(ratio) if abs(math.log(ratio)) > known else None
    shares = [Share(name, value, math.log(value) / whole if whole else None)
              for name, value in (*found, ("not explained by these", rest))]
    return Shares(ratio, tuple(shares), open=known)


def _unknown(trace: EngineTrace, name: str) -> float:
    """What the digits printed leave open of a factor, as a share of it."""
    entry = trace.get(name)
    return entry.resolution / abs(entry.numbers[0]) if entry and entry.numbers[0] else 0.0


def _ratios(reference: EngineTrace, subject: EngineTrace) -> Iterator[tuple[str, float]]:
    inner = _inside_the_sum(reference, subject)
    yield from inner
    labels = {**_SCALARS, "I_before_scaling": "terms' weights and inner factors" if inner else "sum of terms"}
    captured = _quotient(subject.number("capture_fraction"), reference.number("capture_fraction"))
    moved = capture_moved(reference.entries, subject.entries)
    for name, label in labels.items():
        if not label or (moved and name == "capture_fraction"):
            continue
        value = _quotient(subject.number(name), reference.number(name))
        if value is not None and moved and captured and name == "I_before_scaling":
            yield f"{label}, captured", captured * value / math.prod(part for _, part in inner)
        elif value is not None:
            yield label, value / math.prod(part for _, part in inner) if name == "I_before_scaling" else value
    steps = _quotient(reference.number("steps"), subject.number("steps"))
    if steps is not None:
        yield "1 / steps", steps
    background = _quotient(_with_background(subject), _with_background(reference))
    if background is not None:
        yield "background", background


def _inside_the_sum(reference: EngineTrace, subject: EngineTrace) -> list[tuple[str, float]]:
    """F_latt^2 and F_cell^2, where both traces tell every term and have the same ones."""
    places = reference.indices("I_term")
    if not places or places != subject.indices("I_term") or not (reference.is_full and subject.is_full):
        return []

    def total(cell: EngineTrace, lattice: EngineTrace) -> float:
        return math.fsum((cell.entries["F_cell", at].numbers[0] * lattice.entries["F_latt", at].numbers[0]) ** 2
                         for at in places)

    sums = total(reference, reference), total(reference, subject), total(subject, subject)
    if not all(math.isfinite(value) and value > 0 for value in sums):
        return []
    return [("F_latt^2", sums[1] / sums[0]), ("F_cell^2", sums[2] / sums[1])]


def _quotient(above: float | None, below: float | None) -> float | None:
    return above / below if above is not None and below else None


def _with_background(trace: EngineTrace) -> float | None:
    """The final value over what it would be without background."""
    whole, background = trace.number("intensity"), trace.number("I_background")
    if background is None or not whole or whole == background:
        return None
    return whole / (whole - background)
