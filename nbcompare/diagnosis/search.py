"""The tested layer: run hypotheses until one gives the subject's image.

First the baseline: the unedited command must give the reference, else no trial means anything. Then, likeliest
first: single mistakes, fits of what can be turned, mistakes with files, the C program's defects; at last pairs,
built on the hypothesis that came nearest. What is proven ends the search; the nearest of the others are guesses.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from nbcompare.diagnosis.candidate import Candidate
from nbcompare.diagnosis.cause import Cause, guess
from nbcompare.diagnosis.echo import question_differences, speaks_for
from nbcompare.diagnosis.edits import emulation_candidates, run_candidates
from nbcompare.diagnosis.file_edits import file_candidates
from nbcompare.diagnosis.fitting import SMOOTHINGS, Fitter, Response, explained_share, joined
from nbcompare.diagnosis.knobs import Knob, knobs
from nbcompare.diagnosis.question import Question
from nbcompare.diagnosis.scale import named_factor
from nbcompare.diagnosis.simulator import Simulator
from nbcompare.diagnosis.trials import NOTHING, Reading, Trials
from nbcompare.diagnosis.values import OFFSET

_FIRST = 0.69
"""Discrete hypotheses at least this likely are tried before anything is fitted."""

_PLAIN = 0.9
_PROMISING = 0.6
_WELL_PLACED = 0.4
_NEAR = 0.75
"""A hypothesis that leaves less than this share of the difference is worth a guess, or a second cause."""

_MOVE_ALL = ("matrix-ignored", "matrix-transposed", "matrix-wavelength", "matrix-sign", "matrix-order",
             "cell-ignored", "cell-order", "cell-unit", "misset-", "wavelength-", "beam-vector-", "convention-",
             "hkl-ignored")
"""Beginnings of ids of mistakes that give another pattern altogether."""

_MAY_MOVE = (*_MOVE_ALL, "spindle-axis-", "phi-", "oscillation-", "argv", "arguments-differ")


@dataclass(frozen=True)
class Outcome:
    """The causes found by running, and what was done."""

    causes: tuple[Cause, ...]
    notes: tuple[str, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)

    def as_dict(self) -> dict:
        return dict(self.facts)


@dataclass(frozen=True)
class Tried:
    """A hypothesis that was rendered, and how near it came."""

    candidate: Candidate
    reading: Reading
    knob: Knob | None = None
    values: tuple[float, ...] = ()

    @property
    def price(self) -> float:
        """What is left, made dearer by every number that was fitted for it."""
        return self.reading.scaled_left * (1 + 0.3 * len(self.values))



def search(question: Question, quick: Sequence[Cause], budget_s: float, simulator: Simulator | None = None) -> Outcome:
    """Run hypotheses about the question within a budget of seconds. ``quick`` are the guesses to begin with."""
    if simulator is not None:
        return Search(question, quick, budget_s, simulator).outcome()
    with Simulator() as own:
        return Search(question, quick, budget_s, own).outcome()


class Search:
    """One search: the trials, what has been tried, and the order in which to go on."""

    def __init__(self, question: Question, quick: Sequence[Cause], budget_s: float, simulator: Simulator) -> None:
        self.question = question
        self.trials = Trials(question, simulator, budget_s)
        self.expected = {cause.id: cause.confidence for cause in quick}
        self.told = question_differences(question)
        self.tried: dict[tuple, Tried] = {}
        self.found: list[Cause] = []
        self.responses: list[Response] = []
        self.renders_before = simulator.renders

    def outcome(self) -> Outcome:
        if not self.trials.ready:
            return Outcome((), (self._why_not(),), self._facts())
        self.fitter = Fitter(self.trials)
        for stage in (self._likely, self._placed_fits, self._sure_fits, self._rest, self._fits, self._far_fits,
                      self._pairs):
            stage()
            if self.found:
                break
        return Outcome((*self.found, *self._guesses()), (), self._facts())

    def _why_not(self) -> str:
        residual = self.trials.base_residual
        if residual == float("inf"):
            said = self.trials.simulator.last_words.strip().splitlines()
            return f"not tested: the simulator gives no image of this command ({said[-1] if said else 'no answer'})"
        return ("not tested: with the unedited command the simulator does not give the reference "
                f"(off by {residual:.2g} of its peak)")

    def _facts(self) -> dict:
        trials = self.trials
        residual = trials.base_residual
        return {"ready": trials.ready, "baseline_residual": residual if residual < float("inf") else None,
                "emulations": sorted(trials.emulate), "regions": [list(region.bounds) for region in trials.regions],
                "renders": trials.simulator.renders - self.renders_before, "tried": len(self.tried),
                "seconds": round(trials.budget_s - trials.seconds_left, 2), "budget_s": trials.budget_s}

    # --- the order ---------------------------------------------------------------------------------------------

    def _candidates(self) -> list[Candidate]:
        """All discrete hypotheses, likeliest first."""
        plain = [*run_candidates(self.question), *file_candidates(self.question),
                 *emulation_candidates(self.question, self.trials.emulate, self.trials.offered)]
        self.scores = {candidate.key: self._score(candidate) for candidate in plain}
        return sorted(plain, key=lambda candidate: -self.scores[candidate.key])

    def _score(self, candidate: Candidate) -> float:
        """How likely a hypothesis is before it is tried: by itself, by quick guesses, by the engines' echoes, and by
        whether the subject's pattern lies where it would put it."""
        told = 0.3 if speaks_for(self.told, candidate.id) else 0.0
        score = candidate.prior + 0.4 * self.expected.get(candidate.id, 0.0) + told
        still = self.question.geometry.still
        if still is None:
            return score
        placing = self.placings.get(candidate.key)
        if placing is not None:
            return score + 0.5 * placing.score if placing.found > still.found - 0.15 else score - 0.5
        in_place = still.found > 0.7 and self.question.pair.correlation > 0.5
        elsewhere = still.found < 0.3 and self.question.pair.correlation < 0.1
        unlikely = (in_place and candidate.id.startswith(_MOVE_ALL)
                    or elsewhere and not candidate.id.startswith(_MAY_MOVE))
        return score - 0.35 if unlikely else score

    def _likely(self) -> None:
        self.placings = {placed.candidate.key: placed.placing for placed in self.question.geometry.placed}
        self.waiting = self._candidates()
        self._try_all([c for c in self.waiting if self.scores[c.key] >= _FIRST], 0.45)

    def _rest(self) -> None:
        self._try_all(self.waiting, 0.75)

    def _try_all(self, candidates: Iterable[Candidate], share: float) -> None:
        for candidate in candidates:
            if not self.trials.within(share):
                return
            if candidate.key in self.tried:
                continue
            reading = self.trials.try_one(candidate)
            self.tried[candidate.key] = Tried(candidate, reading)
            if reading.near:
                self.found += self._proven(candidate, reading)
                return

    # --- fits --------------------------------------------------------------------------------------------------

    def _placed_fits(self) -> None:
        """Fit what would move the peaks to where the subject has them, from there."""
        geometry = self.question.geometry
        for placed in geometry.better[:6] if geometry.still else ():
            score = placed.placing.score
            if placed.knob and score > max(_WELL_PLACED, geometry.still.score + 0.15):
                if self._fit(placed.knob, placed.values, 0.6):
                    return

    def _sure_fits(self) -> None:
        """Turn every knob by a notch; fit those that the difference plainly answers to, single numbers first."""
        near = Fitter(self.trials, 1)
        for knob in knobs(self.question):
            if not self.trials.within(0.55):
                break
            self.responses += near.responses(knob)
        self.responses.sort(key=lambda response: -response.promise)
        for response in self.responses[:5]:
            if response.explained > _PLAIN and self._fit(response.knob, None, 0.65, smoothings=(0,)):
                return

    def _fits(self) -> None:
        """Fit what answers less plainly, smoothed first; then with a factor between the images."""
        for response in _one_per_topic(self.responses)[:4]:
            if response.promise > _PROMISING and self._fit(response.knob, None, 0.82):
                return
        if abs(self.question.pair.scale[0] - 1) < 1e-3:
            return
        fitter, near = Fitter(self.trials, free_scale=True), Fitter(self.trials, 1, free_scale=True)
        seen = sorted((near.again(response) for response in self.responses), key=lambda response: -response.promise)
        for response in _one_per_topic(seen)[:3]:
            if response.promise > _PROMISING and self._fit(response.knob, None, 0.85, fitter=fitter):
                return

    def _far_fits(self) -> None:
        """Start fits where peaks or a walk along the numbers point to."""
        ordered = sorted(self.responses, key=lambda r: -(r.promise + self.expected.get(r.knob.id, 0.0)))
        for response in ordered:
            if not self.trials.within(0.85):
                return
            start = self.fitter.ladder(response.knob)
            if start is not None and self._fit(response.knob, start, 0.9):
                return

    def _fit(self, knob: Knob, start: Sequence[float] | None, share: float, *, fitter: Fitter | None = None,
             smoothings: Sequence[int] = SMOOTHINGS) -> bool:
        if not self.trials.within(share):
            return False
        fitted = (fitter or self.fitter).fit(knob, start, smoothings=smoothings,
                                             most_seconds=0.12 * self.trials.budget_s)
        if fitted is None:
            return False
        candidate = knob.candidate(self.question.command, fitted.values)
        self.tried[candidate.key] = Tried(candidate, fitted.reading, knob, fitted.values)
        if fitted.reading.near:
            self.found += self._proven(candidate, fitted.reading)
            self._named_mistakes(knob)
            self._twins(knob)
        return bool(self.found)

    def _twins(self, knob: Knob) -> None:
        """Other knobs that explain as much: when they fit too, nobody can tell which it was."""
        own = [r.explained for r in self.responses if r.knob.labels == knob.labels]
        twins = [r for r in self.responses if own and r.explained > own[0] - 1e-3 and r.knob.id != knob.id
                 and len(r.knob.start) <= len(knob.start)]
        for response in _one_per_topic(twins)[:2]:
            fitted = self.fitter.fit(response.knob, most_seconds=5.0) if self.trials.within(0.9) else None
            if fitted and fitted.reading.near:
                self.found += self._proven(response.knob.candidate(self.question.command, fitted.values),
                                           fitted.reading)[:1]

    def _named_mistakes(self, knob: Knob) -> None:
        """A fit came out at some value; if a known mistake of the same topic gives the image too, it is likelier."""
        topic = knob.id.removesuffix("-value")
        same = [c for c in self.waiting if c.id.startswith(topic) and c.key not in self.tried]
        for candidate in same:
            if not self.trials.within(0.9):
                return
            reading = self.trials.try_one(candidate)
            self.tried[candidate.key] = Tried(candidate, reading)
            if reading.near:
                self.found += self._proven(candidate, reading)
                return

    # --- pairs -------------------------------------------------------------------------------------------------

    def _pairs(self) -> None:
        """Two knobs together where their answers say so; then everything again on top of the nearest hypotheses."""
        self._knob_pairs()
        for tried in sorted(self.tried.values(), key=lambda tried: tried.price)[:3]:
            if tried.reading.scaled_left > _NEAR:
                return
            for stage in (self._knobs_on_top, self._mistakes_on_top):
                stage(tried)
                if self.found:
                    return

    def _knob_pairs(self) -> None:
        rest = Fitter(self.trials, 1).rest()
        scored = []
        for a, b in itertools.combinations(self.responses[:24], 2):
            both, _ = explained_share(np.concatenate((a.slopes, b.slopes), axis=1), rest)
            if both > 0.8 and 1 - both < 0.5 * (1 - max(a.explained, b.explained)):
                scored.append((both, a.knob, b.knob))
        for _, first, second in sorted(scored, key=lambda entry: -entry[0])[:3]:
            if self._fit_pair(self.fitter, first, second, (*first.start, *second.start), 0.9):
                return

    def _fit_pair(self, fitter: Fitter, first: Knob, second: Knob, start: Sequence[float], share: float) -> bool:
        """Two knobs fitted together; when that holds, each is a cause."""
        if not self.trials.within(share):
            return False
        fitted = fitter.fit(joined(first, second), start, smoothings=(0,), most_seconds=0.2 * self.trials.budget_s)
        if fitted is None or not fitted.reading.near:
            return False
        cut = len(first.start)
        both = fitter.candidate(joined(first, second), fitted.values)
        for knob, values in ((first, fitted.values[:cut]), (second, fitted.values[cut:])):
            alone = replace(knob.candidate(self.question.command, values), command=both.command)
            self.found += self._proven(alone, fitted.reading, ("one of two causes together",))
        return True

    def _knobs_on_top(self, first: Tried) -> None:
        """Turn every knob with the nearest hypothesis in force; where that is a knob, both are fitted together."""
        fitter = Fitter(self.trials, on_top=first.candidate)
        answers = [answer for knob in knobs(self._question_with(first.candidate)) if self.trials.within(0.95)
                   for answer in fitter.responses(knob)]
        again = replace(first.knob, start=first.values) if first.knob else None
        own = fitter.responses(again)[:1] if again else []
        rest = fitter.rest()
        scored = sorted(answers, key=lambda a: -explained_share(
            np.concatenate([r.slopes for r in (*own, a)], axis=1), rest)[0] + 0.01 * len(a.knob.start))
        for answer in scored[:4]:
            if again and answer.knob.labels != again.labels:
                pair = Fitter(self.trials)
                if self._fit_pair(pair, first.knob, answer.knob, (*first.values, *answer.knob.start), 0.97):
                    return
            elif not again and self.trials.within(0.97):
                fitted = fitter.fit(answer.knob, smoothings=(0,), most_seconds=0.12 * self.trials.budget_s)
                if fitted and fitted.reading.near:
                    self._together(first, fitter.candidate(answer.knob, fitted.values), fitted.reading)
                    return

    def _mistakes_on_top(self, first: Tried) -> None:
        """Every mistake again, with the nearest one in force."""
        base = first.candidate
        for second in sorted(run_candidates(self._question_with(base)), key=lambda c: -self._score(c)):
            if not self.trials.within(1.0):
                return
            second = replace(second, files=base.files, emulate=base.emulate)
            reading = self.trials.try_one(second)
            if reading.near:
                self._together(first, second, reading)
                return

    def _question_with(self, candidate: Candidate) -> Question:
        """The same images, asked about the candidate's command."""
        pair = self.question.pair
        return Question(pair.reference, pair.subject, candidate.command.argv, self.question.folder)

    def _together(self, first: Tried, second: Candidate, reading: Reading) -> None:
        """Two causes that only hold together."""
        one = replace(first.candidate, command=second.command)
        self.found += self._proven(one, reading, (f"together with: {second.words}",))
        self.found += self._proven(second, reading, (f"together with: {one.words}",))[:1]

    # --- causes ------------------------------------------------------------------------------------------------

    def _proven(self, candidate: Candidate, reading: Reading, more: tuple[str, ...] = ()) -> list[Cause]:
        """The cause, and the second one where a factor or an offset was needed besides."""
        if reading.holds:
            return [self._cause(candidate, reading, 0.97 if not more else 0.93, more)]
        besides = "with a factor or an offset besides, which is another cause"
        return [self._cause(candidate, reading, 0.93, (*more, besides)), *self._besides(candidate, reading)]

    def _besides(self, candidate: Candidate, reading: Reading) -> list[Cause]:
        together = f"together with: {candidate.words}"
        if reading.offset:
            return [Cause(OFFSET, f"{reading.offset:.6g} was added to every pixel, and a factor {reading.scale:.8g}",
                          (together,), True, True, reading.scaled_worst, reading.scaled_left,
                          {"kind": "image", "what": f"{reading.offset:.6g} added"}, 0.9, 0.3)]
        named = next(iter(named_factor(self.question.setting, reading.scale, 1e-6, reading.scaled_left)))
        return [Cause(named.id, named.sentence, (*named.evidence, together), True, True, named.residual, named.left,
                      named.edit, 0.9, min(0.3, named.prior))]

    def _cause(self, candidate: Candidate, reading: Reading, confidence: float, more: tuple[str, ...]) -> Cause:
        worst, left = ((reading.worst, reading.left) if reading.holds else (reading.scaled_worst, reading.scaled_left))
        regions = len(self.trials.regions)
        evidence = (f"the simulator with this edit gives the subject's image on {regions} region"
                    f"{'s' if regions > 1 else ''}: worst pixel off by {worst:.1g} of the peak, {left:.1g} of the "
                    "difference left", *more)
        prior = max(candidate.prior, min(0.95, self.scores.get(candidate.key, 0.0)))
        return Cause(candidate.id, candidate.words, evidence, True, True, worst, left, _edit(candidate), confidence,
                     prior)

    def _guesses(self) -> list[Cause]:
        """The nearest of what was tried and did not hold; nothing when something is proven."""
        if self.found:
            return []
        nearest = sorted(self.tried.values(), key=lambda tried: tried.reading.left)[:4]
        out = []
        for tried in nearest:
            reading = tried.reading
            if reading is NOTHING or reading.left > _NEAR:
                continue
            out.append(Cause(tried.candidate.id, tried.candidate.words, (
                f"tried: {100 * reading.left:.0f} % of the difference is left, worst pixel off by {reading.worst:.1g} "
                "of the peak",), True, False, reading.worst, reading.left,
                _edit(tried.candidate), guess(0.75 * (1 - reading.left)), tried.candidate.prior))
        return out


def _one_per_topic(responses: Sequence[Response]) -> list[Response]:
    """The best response of each id, in their order."""
    best: dict[str, Response] = {}
    for response in responses:
        best.setdefault(response.knob.id, response)
    return list(best.values())


def _edit(candidate: Candidate) -> dict:
    """What was changed, for machines."""
    return {"kind": "file" if candidate.files else "argv", "argv": list(candidate.command.argv),
            "files": [{"option": edit.option, "what": edit.label} for edit in candidate.files],
            "emulate": None if candidate.emulate is None else sorted(candidate.emulate)}
