"""The tested layer: run hypotheses until one gives the subject's image.

First the baseline: the unedited command must give the reference, else no trial means anything. Then, likeliest
first: single mistakes, fits of what can be turned, mistakes with files, the C program's defects; at last pairs,
built on the hypothesis that came nearest. What is proven ends the search; the nearest of the others are guesses.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from nbcompare.diagnosis.candidate import Candidate
from nbcompare.diagnosis.cause import Cause, guess
from nbcompare.diagnosis.command import Command
from nbcompare.diagnosis.echo import question_differences, speaks_for
from nbcompare.diagnosis.edits import emulation_candidates, run_candidates
from nbcompare.diagnosis.file_edits import file_candidates
from nbcompare.diagnosis.fitting import Fitter, Response, explained_share, joined
from nbcompare.diagnosis.knobs import Knob, knobs
from nbcompare.diagnosis.question import Question
from nbcompare.diagnosis.scale import named_factor
from nbcompare.diagnosis.simulator import Simulator
from nbcompare.diagnosis.trials import NOTHING, Reading, Trials
from nbcompare.diagnosis.values import OFFSET

_FIRST = 0.74
"""Discrete hypotheses at least this likely are tried before anything is fitted."""

_PROMISING = 0.6
_WELL_PLACED = 0.4
_NEAR = 0.75
"""A hypothesis that leaves less than this share of the difference is worth a guess, or a second cause."""


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
        for stage in (self._likely, self._placed_fits, self._fits, self._rest, self._far_fits, self._pairs):
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

    def _score(self, candidate: Candidate) -> float:
        """How likely a hypothesis is before it is tried: by itself, by quick guesses, by the engines' echoes."""
        told = 0.3 if speaks_for(self.told, candidate.id) else 0.0
        return candidate.prior + 0.4 * self.expected.get(candidate.id, 0.0) + told

    def _candidates(self) -> list[Candidate]:
        placed = [(p.candidate, p.candidate.prior + 0.5 * p.placing.score)
                  for p in self.question.placed[:10] if p.knob is None]
        plain = [*run_candidates(self.question), *file_candidates(self.question),
                 *emulation_candidates(self.question, self.trials.emulate, self.trials.offered)]
        ordered = sorted([*placed, *((c, self._score(c)) for c in plain)], key=lambda pair: -pair[1])
        self.scores = {}
        for candidate, score in ordered:
            self.scores.setdefault(candidate.key, score)
        seen: set[tuple] = set()
        return [c for c, _ in ordered if not (c.key in seen or seen.add(c.key))]

    def _likely(self) -> None:
        self.waiting = self._candidates()
        likely = [c for c in self.waiting if self.scores[c.key] >= _FIRST]
        self._try_all(likely, 0.45)

    def _rest(self) -> None:
        self._try_all([c for c in self.waiting if c.key not in self.tried], 0.75)

    def _try_all(self, candidates: Iterable[Candidate], share: float) -> None:
        for candidate in candidates:
            if not self.trials.within(share):
                return
            if candidate.key in self.tried:
                continue
            reading = self.trials.try_one(candidate)
            self.tried[candidate.key] = Tried(candidate, reading)
            if reading.holds or reading.scaled_holds:
                self.found += self._proven(candidate, reading)
                return

    # --- fits --------------------------------------------------------------------------------------------------

    def _placed_fits(self) -> None:
        """Fit what would move the peaks to where the subject has them, from there."""
        for placed in self.question.placed[:6]:
            if placed.knob and placed.placing.score > _WELL_PLACED and self._fit(placed.knob, placed.values, 0.6):
                return

    def _fits(self) -> None:
        """Turn every knob by a notch; fit those that the difference answers to, single numbers first."""
        for knob in knobs(self.question):
            if not self.trials.within(0.6):
                break
            self.responses += self.fitter.responses(knob)
        self.responses.sort(key=lambda response: -response.promise)
        for response in self.responses[:6]:
            if response.promise > _PROMISING and self._fit(response.knob, None, 0.8):
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

    def _fit(self, knob: Knob, start: Sequence[float] | None, share: float) -> bool:
        if not self.trials.within(share):
            return False
        fitted = self.fitter.fit(knob, start, most_seconds=0.25 * self.trials.budget_s)
        if fitted is None:
            return False
        candidate = knob.candidate(self.question.command, fitted.values)
        self.tried[candidate.key] = Tried(candidate, fitted.reading)
        if fitted.reading.holds or fitted.reading.scaled_holds:
            self.found += self._proven(candidate, fitted.reading)
        return bool(self.found)

    # --- pairs -------------------------------------------------------------------------------------------------

    def _pairs(self) -> None:
        """Two knobs together where their answers say so; then every mistake on top of the nearest ones."""
        self._knob_pairs()
        nearest = sorted(self.tried.values(), key=lambda tried: tried.reading.scaled_left)[:3]
        for tried in nearest:
            if self.found or tried.reading.scaled_left > _NEAR:
                return
            self._on_top(tried)

    def _knob_pairs(self) -> None:
        if not self.responses:
            return
        rest = self.fitter.response_rest()
        scored = []
        for a, b in itertools.combinations(self.responses, 2):
            both, _ = explained_share(_beside(a, b), rest)
            if both > 0.9 and both > max(a.explained, b.explained) + 0.02:
                scored.append((both, a.knob, b.knob))
        for _, first, second in sorted(scored, key=lambda entry: -entry[0])[:3]:
            if not self.trials.within(0.93):
                return
            pair = joined(first, second)
            fitted = self.fitter.fit(pair, smoothings=(0,), most_seconds=0.2 * self.trials.budget_s)
            if fitted and fitted.reading.holds:
                candidate = pair.candidate(self.question.command, fitted.values)
                self.found += self._proven(candidate, fitted.reading)
                other = second.candidate(candidate.command, fitted.values[len(first.start):])
                self.found.append(self._cause(other, fitted.reading, 0.9, ("one of two causes together",)))
                return

    def _on_top(self, first: Tried) -> None:
        """Every mistake again, with the nearest one in force."""
        base = first.candidate
        other = Question(self.question.pair.reference, self.question.pair.subject, base.command.argv,
                         self.question.folder)
        candidates = sorted(run_candidates(other), key=lambda c: -self._score(c))
        for second in candidates:
            if not self.trials.within(1.0):
                return
            both = Candidate(base.id, f"{base.words}; and {second.words}", second.command,
                             base.prior, base.files, base.emulate)
            reading = self.trials.try_one(both)
            if reading.holds or reading.scaled_holds:
                self.found += self._proven(both, reading)
                together = (f"together with: {base.words}",)
                self.found.append(self._cause(second, reading, 0.9, together, command=both.command))
                return

    # --- causes ------------------------------------------------------------------------------------------------

    def _proven(self, candidate: Candidate, reading: Reading) -> list[Cause]:
        """The cause, and the second one where a factor or an offset was needed besides."""
        if reading.holds:
            return [self._cause(candidate, reading, 0.97, ())]
        return [self._cause(candidate, reading, 0.93, ("with a factor or an offset besides, see the other cause",)),
                *self._besides(candidate, reading)]

    def _besides(self, candidate: Candidate, reading: Reading) -> list[Cause]:
        together = f"together with: {candidate.words}"
        if reading.offset:
            return [Cause(OFFSET, f"{reading.offset:.6g} was added to every pixel, and a factor {reading.scale:.8g}",
                          (together,), True, True, reading.worst, reading.scaled_left,
                          {"kind": "image", "what": f"{reading.offset:.6g} added"}, 0.9, 0.3)]
        named = next(iter(named_factor(self.question.setting, reading.scale, 1e-6, reading.scaled_left)))
        return [Cause(named.id, named.sentence, (*named.evidence, together), True, True, named.residual, named.left,
                      named.edit, 0.9, min(0.3, named.prior))]

    def _cause(self, candidate: Candidate, reading: Reading, confidence: float, more: tuple[str, ...],
               command: Command | None = None) -> Cause:
        held = reading.holds
        worst, left = (reading.worst, reading.left) if held else (reading.worst, reading.scaled_left)
        share = f"{left:.1g} of the difference is left"
        evidence = (f"the simulator with this edit gives the subject's image on {len(self.trials.regions)} "
                    f"region{'s' if len(self.trials.regions) > 1 else ''}: worst pixel off by {worst:.1g} of the peak; "
                    f"{share}",) if held else (f"with this edit {share}",)
        prior = max(candidate.prior, min(0.95, self.scores.get(candidate.key, 0.0)))
        edit = {"kind": "file" if candidate.files else "argv", "argv": list((command or candidate.command).argv),
                "files": [{"option": e.option, "what": e.label} for e in candidate.files],
                "emulate": None if candidate.emulate is None else sorted(candidate.emulate)}
        return Cause(candidate.id, candidate.words, evidence + more, True, True, worst, left, edit, confidence, prior)

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
                {"kind": "argv", "argv": list(tried.candidate.command.argv)},
                guess(0.75 * (1 - reading.left)), tried.candidate.prior))
        return out


def _beside(a: Response, b: Response) -> np.ndarray:
    return np.concatenate((a.slopes, b.slopes), axis=1)
