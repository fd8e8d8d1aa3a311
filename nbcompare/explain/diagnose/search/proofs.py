"""Proofs: hypotheses that were rendered, turned into causes with their evidence, or into guesses."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from nbcompare.explain.description import Setting
from nbcompare.explain.diagnose.cause import Cause, build, carried_out
from nbcompare.explain.diagnose.causes import BACKGROUND_OFFSET
from nbcompare.explain.diagnose.finders.scale import named_factor
from nbcompare.explain.diagnose.hypotheses.candidate import Candidate, RunKey
from nbcompare.explain.diagnose.hypotheses.fit_parameter import FitParameter
from nbcompare.explain.diagnose.search.trials import NOTHING, Reading

NEAR = 0.75
"""A hypothesis that leaves less than this share of the difference is worth a guess, or a second cause."""

_LIKENESS = 0.9
"""A guess must come nearer than this share of what an empty image leaves."""


@dataclass(frozen=True)
class Tried:
    """A hypothesis that was rendered, and how near it came; ``parameter`` and ``values`` where it was fitted."""

    candidate: Candidate
    reading: Reading
    parameter: FitParameter | None = None
    values: tuple[float, ...] = ()

    @property
    def price(self) -> float:
        """What is left, made dearer by every number that was fitted for it."""
        return self.reading.scaled_left * (1 + 0.3 * len(self.values))


@dataclass(frozen=True)
class Prover:
    """Makes causes of readings on so many regions; ``scores`` say how likely each hypothesis was beforehand."""

    setting: Setting
    regions: int
    scores: Mapping[RunKey, float]

    def proven(self, candidate: Candidate, reading: Reading, more: tuple[str, ...] = ()) -> list[Cause]:
        """The cause, and the second one where a factor or an offset was needed besides. ``more`` says what it goes
        together with, where it gives the image only so."""
        if reading.holds:
            return [self._cause(candidate, reading, 0.97 if not more else 0.93, more)]
        besides = "with a factor or an offset besides, which is another cause"
        return [self._cause(candidate, reading, 0.93, (*more, besides)),
                *(replace(other, part=True) for other in self._besides(candidate, reading))]

    def _besides(self, candidate: Candidate, reading: Reading) -> list[Cause]:
        together = f"together with: {candidate.words}"
        if reading.offset:
            return [carried_out(BACKGROUND_OFFSET,
                                f"{reading.offset:.6g} was added to every pixel, and a factor {reading.scale:.8g}",
                                (together,), residual=reading.scaled_worst, left=reading.scaled_left,
                                what=f"{reading.offset:.6g} added", confidence=0.9, prior=0.3)]
        named = next(iter(named_factor(self.setting, reading.scale, 1e-6, reading.scaled_left)))
        return [replace(named, evidence=(*named.evidence, together), confidence=0.9, prior=min(0.3, named.prior))]

    def _cause(self, candidate: Candidate, reading: Reading, confidence: float, more: tuple[str, ...]) -> Cause:
        worst, left = ((reading.worst, reading.left) if reading.holds else (reading.scaled_worst, reading.scaled_left))
        evidence = (f"the simulator with this edit gives the subject's image on {self.regions} region"
                    f"{'s' if self.regions > 1 else ''}: worst pixel off by {worst:.1g} of the peak, {left:.1g} of the "
                    "difference left", *more)
        prior = max(candidate.prior, min(0.95, self.scores.get(candidate.key, 0.0)))
        made = build(candidate.id, candidate.words, evidence, proven=True, residual=worst, left=left,
                     edit=_edit(candidate), confidence=confidence, prior=prior)
        return replace(made, part=bool(more), noise=reading.noise)


def nearest_guesses(tried: Iterable[Tried]) -> list[Cause]:
    """The nearest of what was tried and did not hold."""
    out = []
    for entry in sorted(tried, key=lambda entry: entry.reading.left)[:4]:
        reading = entry.reading
        if reading is NOTHING or reading.left > min(NEAR, _LIKENESS * reading.blank):
            continue
        told = (f"tried: {100 * reading.left:.0f} % of the difference is left, worst pixel off by {reading.worst:.1g} "
                "of the peak")
        out.append(build(entry.candidate.id, entry.candidate.words, (told,), tested=True, residual=reading.worst,
                         left=reading.left, edit=_edit(entry.candidate), confidence=0.75 * (1 - reading.left),
                         prior=entry.candidate.prior))
    return out


def ruled_out(tried: Iterable[Tried], hopeless: Iterable[str] = ()) -> list[str]:
    """The causes that were carried out and came nowhere near the subject, so that a person can go on from there; those
    whose fits led nowhere (``hopeless``) among them."""
    nearest: dict[str, float] = dict.fromkeys(hopeless, math.inf)
    for entry in tried:
        left = min(entry.reading.left, entry.reading.scaled_left)
        nearest[entry.candidate.id] = min(left, nearest.get(entry.candidate.id, left))
    return sorted(id for id, left in nearest.items() if left > NEAR)


def _edit(candidate: Candidate) -> dict[str, Any]:
    """What was changed, for machines."""
    if candidate.formula:
        return {"kind": "image", "what": candidate.formula.label, "source": candidate.source,
                "argv": list(candidate.command.argv)}
    return {"kind": "file" if candidate.files else "argv", "argv": list(candidate.command.argv),
            "source": candidate.source,
            "files": [{"option": edit.option, "what": edit.label} for edit in candidate.files],
            "emulate": None if candidate.emulate is None else sorted(candidate.emulate)}
