"""Twins: other fit parameters that do the same to the image as the one that was found, so that nobody can tell which of
them it was. They are looked for by what one step of each does, and by ratios that are known to undo each other."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from nbcompare.explain.diagnose.cause import Cause
from nbcompare.explain.diagnose.causes import DISTANCE_VALUE, MATRIX_VALUE, PIXEL_SIZE_VALUE, mistake_id
from nbcompare.explain.diagnose.hypotheses.fit_parameter import FitParameter
from nbcompare.explain.diagnose.hypotheses.fit_parameters import fit_parameters
from nbcompare.explain.diagnose.search import limits
from nbcompare.explain.diagnose.search.fitting import Fitter, Response, explained_share
from nbcompare.explain.diagnose.search.proofs import Prover
from nbcompare.explain.diagnose.search.trials import CauseTrials

SCALES = (frozenset((mistake_id("wavelength", "value"), mistake_id("cell", "value"), MATRIX_VALUE)),
          frozenset((DISTANCE_VALUE, mistake_id("close-distance", "value"), PIXEL_SIZE_VALUE)))
"""Numbers of which a ratio of one is one of another: spots lie where the wavelength over an edge of the cell puts them,
and where the distance over the pixel size does. However long the ratio is, a step need not have shown that."""


class TwinSearch:
    """Looks for twins on the regions of the trials. ``responses`` are what a step of each parameter did."""

    def __init__(self, trials: CauseTrials, fitter: Fitter, prover: Prover, responses: Sequence[Response]) -> None:
        self.trials, self.fitter, self.prover, self.responses = trials, fitter, prover, responses

    def of(self, parameter: FitParameter, values: Sequence[float]) -> list[Cause]:
        """The twins of a parameter that was found at these values, as causes, each with its own image."""
        found: list[Cause] = []
        for twin, start in self._starts(parameter, values):
            if not self.trials.within(limits.AFTER_A_PROOF):
                return found
            if any(cause.id == twin.id for cause in found):
                continue
            fitted = self.fitter.fit(twin, start, smoothings=(0,), most_seconds=limits.TWIN_FIT_S)
            if fitted:
                candidate = twin.candidate(self.trials.question.command, fitted.values)
                reading = self.trials.confirmed(candidate, fitted.reading)
                found += self.prover.proven(candidate, reading)[:1] if reading.holds else []
        return found

    def _starts(self, parameter: FitParameter,
                values: Sequence[float]) -> Iterator[tuple[FitParameter, Sequence[float] | None]]:
        """Parameters that may be twins, and where their fits begin (None: where they do anyhow)."""
        yield from self._by_ratio(parameter, values)
        for response, turn in self.same_way(parameter, values)[:limits.TWINS]:
            moved = np.array(response.parameter.start) + turn * np.array(response.parameter.steps)
            yield response.parameter, moved if response.parameter.begin is None else None

    def _by_ratio(self, parameter: FitParameter,
                  values: Sequence[float]) -> Iterator[tuple[FitParameter, Sequence[float]]]:
        """The other scales of the same kind, by the ratio that was found or its inverse, whichever comes near."""
        kin = next((scales for scales in SCALES if parameter.id in scales), frozenset[str]())
        if not kin or len(values) != 1 or not parameter.start[0] * values[0] > 0:
            return
        ratio = values[0] / parameter.start[0]
        for other in fit_parameters(self.trials.question):
            if other.id not in kin or other.id == parameter.id or len(other.start) != 1 or not other.start[0]:
                continue
            if not self.trials.within(limits.AFTER_A_PROOF):
                return
            left = {start: self.trials.reading(self.fitter.images(other, (start,))).left
                    for start in (other.start[0] * ratio, other.start[0] / ratio)}
            nearest = min(left, key=lambda start: left[start])
            if left[nearest] < limits.TWIN_NEAR:
                yield other, (nearest,)

    def same_way(self, parameter: FitParameter, values: Sequence[float]) -> list[tuple[Response, np.ndarray]]:
        """Fit parameters whose slopes span the turn that was found, one of each id, what leaves least of it first."""
        others = [r for r in self.responses if r.parameter.id != parameter.id]
        own = self.fitter.responses(parameter)[:1] if others and self.trials.within(limits.FAR) else []
        if not own:
            return []
        turn = (np.array(values) - np.array(parameter.start)) / np.array(parameter.steps)
        change = own[0].slopes @ (turn if parameter.begin is None else np.ones(1))
        first = change[:len(others[0].slopes)]
        near = [r for r in others if explained_share(r.slopes, first)[0] > limits.SAME_WAY]
        found = [(response, *explained_share(response.slopes, change))
                 for response in looked_at(self.trials, near[:limits.LOOKS], self.fitter)]
        found.sort(key=lambda entry: (round(math.log10(max(1 - entry[1], limits.SAME))), len(entry[0].parameter.start),
                                      -entry[0].parameter.prior))
        best: dict[str, tuple[Response, np.ndarray]] = {}
        for response, share, turned in found:
            if share > limits.SAME_WAY:
                best.setdefault(response.parameter.id, (response, turned))
        return list(best.values())


def looked_at(trials: CauseTrials, responses: Sequence[Response], fitter: Fitter) -> list[Response]:
    """The same fit parameters on the regions of a fitter, most promising first. What brightens one spot explains
    one region; only the cause explains them all. A fit begins with the same renders, so that looking is cheap."""
    seen: list[Response] = []
    for response in responses:
        if trials.within(limits.LOOKED_AT):
            seen += fitter.responses(response.parameter)[:1]
    return sorted(seen, key=lambda response: -response.promise)
