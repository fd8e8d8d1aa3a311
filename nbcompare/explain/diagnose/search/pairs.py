"""Pairs: two causes together, when one leaves a remainder that has a pattern of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from nbcompare.explain.diagnose.cause import EXPLAINED, Cause
from nbcompare.explain.diagnose.hypotheses.candidate import Candidate
from nbcompare.explain.diagnose.hypotheses.fit_parameter import FitParameter
from nbcompare.explain.diagnose.hypotheses.fit_parameters import fit_parameters
from nbcompare.explain.diagnose.hypotheses.tables import run_candidates
from nbcompare.explain.diagnose.question import Question
from nbcompare.explain.diagnose.search import limits
from nbcompare.explain.diagnose.search.fitting import Fitter, Response, explained_share, joined
from nbcompare.explain.diagnose.search.proofs import NEAR, Prover, Tried
from nbcompare.explain.diagnose.search.trials import CauseTrials, Reading

_PAIRED = 24
"""So many fit parameters, the most promising ones, are looked at two by two."""

_EXPLAINED, _GAINED = 0.8, 0.5
"""Two explain this share of the difference together, and leave at most this share of what the better one leaves."""

_NEEDED = 10.0
"""Without one of two causes, so many times as much is left as with both."""

_FITS, _NEAREST, _ON_TOP = 3, 3, 4
"""So many pairs are fitted; so many of the nearest hypotheses are built upon; with so many fit parameters each."""


@dataclass
class PairSearch:
    """The last stage of a search: two fit parameters at once, then everything again on top of the nearest hypotheses.

    ``responses`` and ``tried`` are what the search has seen so far; ``score`` says how likely a mistake is.
    """

    trials: CauseTrials
    fitter: Fitter
    prover: Prover
    responses: Sequence[Response]
    tried: Iterable[Tried]
    score: Callable[[Candidate], float]
    found: list[Cause] = field(default_factory=list)

    def run(self) -> list[Cause]:
        """Two fit parameters together where their answers say so; then everything on top of the nearest hypotheses."""
        self._parameter_pairs()
        commands = [tried for tried in self.tried if not tried.candidate.formula]  # on a formula nothing can be built
        for tried in sorted(commands, key=lambda tried: tried.price)[:_NEAREST]:
            if self.found or tried.reading.scaled_left > NEAR:
                break
            self._parameters_on_top(tried)
            if not self.found:
                self._mistakes_on_top(tried)
        return self.found

    def _parameter_pairs(self) -> None:
        rest = Fitter(self.trials, 1).rest()
        scored = []
        for a, b in itertools.combinations(self.responses[:_PAIRED], 2):
            both, _ = explained_share(np.concatenate((a.slopes, b.slopes), axis=1), rest)
            if both > _EXPLAINED and 1 - both < _GAINED * (1 - max(a.explained, b.explained)):
                scored.append((both, a.parameter, b.parameter))
        for _, first, second in sorted(scored, key=lambda entry: -entry[0])[:_FITS]:
            if self._fit_pair(self.fitter, first, second, (*first.start, *second.start), limits.PAIR):
                return

    def _fit_pair(self, fitter: Fitter, first: FitParameter, second: FitParameter, start: Sequence[float],
                  share: float) -> bool:
        """Two fit parameters fitted together; when that holds, each is a cause."""
        if not self.trials.within(share):
            return False
        fitted = fitter.fit(joined(first, second), start, smoothings=(0,),
                            most_seconds=limits.PAIRED_FIT * self.trials.budget_s)
        if fitted is None or not fitted.reading.near:
            return False
        cut = len(first.start)
        parts = ((first, fitted.values[:cut]), (second, fitted.values[cut:]))
        lefts = [self.trials.reading(self.trials.images(fitter.candidate(*part))).left for part in parts]
        if not _both_needed(lefts, fitted.reading):
            return False
        both = fitter.candidate(joined(first, second), fitted.values)
        for (parameter, values), left in zip(parts, lefts, strict=True):
            alone = replace(parameter.candidate(self.trials.question.command, values), command=both.command)
            self.found += self.prover.proven(alone, fitted.reading, (_share_alone(left), "one of two causes together"))
        return True

    def _parameters_on_top(self, first: Tried) -> None:
        """Turn every parameter with the nearest hypothesis in force; where that is one too, both are fitted."""
        fitter = Fitter(self.trials, on_top=first.candidate)
        answers = [answer for parameter in fit_parameters(self._question_with(first.candidate))
                   if self.trials.within(limits.PAIR_TURNED)
                   for answer in fitter.responses(parameter)]
        again = replace(first.parameter, start=first.values) if first.parameter else None
        own = fitter.responses(again)[:1] if again else []
        rest = fitter.rest()
        scored = sorted(answers, key=lambda a: -explained_share(
            np.concatenate([r.slopes for r in (*own, a)], axis=1), rest)[0] + 0.01 * len(a.parameter.start))
        for answer in scored[:_ON_TOP]:
            if again and first.parameter and answer.parameter.labels != again.labels:
                pair = Fitter(self.trials)
                start = (*first.values, *answer.parameter.start)
                if self._fit_pair(pair, first.parameter, answer.parameter, start, limits.PAIR_FIT):
                    return
            elif not again and self.trials.within(limits.PAIR_FIT):
                fitted = fitter.fit(answer.parameter, smoothings=(0,),
                                    most_seconds=limits.ONE_FIT * self.trials.budget_s)
                if fitted and fitted.reading.near:
                    self._together(first, fitter.candidate(answer.parameter, fitted.values), fitted.reading)
                    return

    def _mistakes_on_top(self, first: Tried) -> None:
        """Every mistake again, with the nearest one in force."""
        base = first.candidate
        for second in sorted(run_candidates(self._question_with(base)), key=lambda c: -self.score(c)):
            if not self.trials.within(limits.PAIR_MISTAKES):
                return
            if second.formula:
                continue
            second = replace(second, files=base.files, emulate=base.emulate)
            reading = self.trials.try_one(second)
            if reading.near:
                self._together(first, second, reading)
                return

    def _question_with(self, candidate: Candidate) -> Question:
        """The same images, asked about the candidate's command."""
        pair = self.trials.question.pair
        return Question(pair.reference, pair.subject, candidate.command.argv, self.trials.question.folder)

    def _together(self, first: Tried, second: Candidate, reading: Reading) -> None:
        """Two causes that only hold together."""
        one = replace(first.candidate, command=second.command)
        left = first.reading.left
        self.found += self.prover.proven(one, reading, (_share_alone(left), f"together with: {second.words}"))
        self.found += self.prover.proven(second, reading, (f"explains the {_percent(left)} of the difference that the "
                                                           "other one leaves", f"together with: {one.words}"))[:1]


def _both_needed(lefts: Sequence[float], both: Reading) -> bool:
    """Whether each of two, which alone leave so much, leaves more than noise, and plainly more than both: a parameter
    that hardly moves closes the last digits of any other, and is no cause."""
    return min(lefts) > max(EXPLAINED + both.noise, _NEEDED * both.left)


def _share_alone(left: float) -> str:
    return f"alone it leaves {_percent(left)} of the difference"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
