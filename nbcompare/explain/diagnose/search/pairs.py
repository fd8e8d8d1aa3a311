"""Pairs: two causes together, when one leaves a remainder that has a pattern of its own."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from nbcompare.explain.diagnose.hypotheses.candidate import Candidate
from nbcompare.explain.diagnose.hypotheses.command_edits import run_candidates
from nbcompare.explain.diagnose.hypotheses.fit_parameters import Knob, knobs
from nbcompare.explain.diagnose.question import Question
from nbcompare.explain.diagnose.search.fitting import Fitter, explained_share, joined
from nbcompare.explain.diagnose.search.proofs import NEAR, Tried
from nbcompare.explain.diagnose.search.trials import Reading

if TYPE_CHECKING:
    from nbcompare.explain.diagnose.search.search import CauseSearch


class PairSearch:
    """The last stage of a search: two knobs at once, then everything again on top of the nearest hypotheses."""

    def __init__(self, search: CauseSearch) -> None:
        self.search = search

    def run(self) -> None:
        """Two knobs together where their answers say so; then everything on top of the nearest hypotheses."""
        self._knob_pairs()
        for tried in sorted(self.search.tried.values(), key=lambda tried: tried.price)[:3]:
            if tried.reading.scaled_left > NEAR:
                return
            for stage in (self._knobs_on_top, self._mistakes_on_top):
                stage(tried)
                if self.search.found:
                    return

    def _knob_pairs(self) -> None:
        rest = Fitter(self.search.trials, 1).rest()
        scored = []
        for a, b in itertools.combinations(self.search.responses[:24], 2):
            both, _ = explained_share(np.concatenate((a.slopes, b.slopes), axis=1), rest)
            if both > 0.8 and 1 - both < 0.5 * (1 - max(a.explained, b.explained)):
                scored.append((both, a.knob, b.knob))
        for _, first, second in sorted(scored, key=lambda entry: -entry[0])[:3]:
            if self._fit_pair(self.search.fitter, first, second, (*first.start, *second.start), 0.9):
                return

    def _fit_pair(self, fitter: Fitter, first: Knob, second: Knob, start: Sequence[float], share: float) -> bool:
        """Two knobs fitted together; when that holds, each is a cause."""
        if not self.search.trials.within(share):
            return False
        fitted = fitter.fit(joined(first, second), start, smoothings=(0,),
                            most_seconds=0.2 * self.search.trials.budget_s)
        if fitted is None or not fitted.reading.near:
            return False
        cut = len(first.start)
        both = fitter.candidate(joined(first, second), fitted.values)
        for knob, values in ((first, fitted.values[:cut]), (second, fitted.values[cut:])):
            alone = replace(knob.candidate(self.search.question.command, values), command=both.command)
            self.search.found += self.search.prover.proven(alone, fitted.reading, ("one of two causes together",))
        return True

    def _knobs_on_top(self, first: Tried) -> None:
        """Turn every knob with the nearest hypothesis in force; where that is a knob, both are fitted together."""
        fitter = Fitter(self.search.trials, on_top=first.candidate)
        answers = [answer for knob in knobs(self._question_with(first.candidate)) if self.search.trials.within(0.95)
                   for answer in fitter.responses(knob)]
        again = replace(first.knob, start=first.values) if first.knob else None
        own = fitter.responses(again)[:1] if again else []
        rest = fitter.rest()
        scored = sorted(answers, key=lambda a: -explained_share(
            np.concatenate([r.slopes for r in (*own, a)], axis=1), rest)[0] + 0.01 * len(a.knob.start))
        for answer in scored[:4]:
            if again and answer.knob.labels != again.labels:
                pair = Fitter(self.search.trials)
                if self._fit_pair(pair, first.knob, answer.knob, (*first.values, *answer.knob.start), 0.97):
                    return
            elif not again and self.search.trials.within(0.97):
                fitted = fitter.fit(answer.knob, smoothings=(0,), most_seconds=0.12 * self.search.trials.budget_s)
                if fitted and fitted.reading.near:
                    self._together(first, fitter.candidate(answer.knob, fitted.values), fitted.reading)
                    return

    def _mistakes_on_top(self, first: Tried) -> None:
        """Every mistake again, with the nearest one in force."""
        base = first.candidate
        for second in sorted(run_candidates(self._question_with(base)), key=lambda c: -self.search.score(c)):
            if not self.search.trials.within(1.0):
                return
            second = replace(second, files=base.files, emulate=base.emulate)
            reading = self.search.trials.try_one(second)
            if reading.near:
                self._together(first, second, reading)
                return

    def _question_with(self, candidate: Candidate) -> Question:
        """The same images, asked about the candidate's command."""
        pair = self.search.question.pair
        return Question(pair.reference, pair.subject, candidate.command.argv, self.search.question.folder)

    def _together(self, first: Tried, second: Candidate, reading: Reading) -> None:
        """Two causes that only hold together."""
        one = replace(first.candidate, command=second.command)
        self.search.found += self.search.prover.proven(one, reading, (f"together with: {second.words}",))
        self.search.found += self.search.prover.proven(second, reading, (f"together with: {one.words}",))[:1]
