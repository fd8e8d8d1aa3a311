"""The tested layer: run hypotheses until one gives the subject's image.

First the baseline: the unedited command must give the reference, else no trial means anything. Then, likeliest
first: single mistakes, fits of what can be turned, mistakes with files, the C program's defects; at last pairs,
built on the hypothesis that came nearest. What is proven ends the search; the nearest of the others are guesses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from nbcompare.engine.describe import DescriptionRefused
from nbcompare.explain.diagnose.cause import Cause, failed
from nbcompare.explain.diagnose.causes import CATALOGUE, mistake_id
from nbcompare.explain.diagnose.hypotheses import emulation_table
from nbcompare.explain.diagnose.hypotheses.candidate import Candidate, RunKey
from nbcompare.explain.diagnose.hypotheses.fit_parameter import FitParameter, ParameterKey
from nbcompare.explain.diagnose.hypotheses.fit_parameters import fit_parameters
from nbcompare.explain.diagnose.hypotheses.tables import file_candidates, run_candidates
from nbcompare.explain.diagnose.question import Question
from nbcompare.explain.diagnose.search import limits
from nbcompare.explain.diagnose.search.domains import (
    in_three_steps,
    other_samplings,
    otherwise_sampled,
    spread_responses,
)
from nbcompare.explain.diagnose.search.emulated_together import emulated_together
from nbcompare.explain.diagnose.search.fitting import (
    SMOOTHINGS,
    Fitted,
    Fitter,
    Response,
    one_per_id,
)
from nbcompare.explain.diagnose.search.list_cut import cut_trials, unseen_cuts
from nbcompare.explain.diagnose.search.missing_fit import missing_trials
from nbcompare.explain.diagnose.search.pairs import PairSearch
from nbcompare.explain.diagnose.search.predicted import geometry_of
from nbcompare.explain.diagnose.search.proofs import Prover, Tried, nearest_guesses, ruled_out
from nbcompare.explain.diagnose.search.ranking import Effort, Ranking
from nbcompare.explain.diagnose.search.reflection_fit import reflection_trials, rules_that_fit
from nbcompare.explain.diagnose.search.search_result import SearchResult
from nbcompare.explain.diagnose.search.seeds import clock_guesses, seed_guesses
from nbcompare.explain.diagnose.search.simulator import Simulator
from nbcompare.explain.diagnose.search.trials import CauseTrials, Reading
from nbcompare.explain.diagnose.search.twins import TwinSearch, looked_at


def search(question: Question, quick: Sequence[Cause], budget_s: float,
           simulator: Simulator | None = None, waits: float = 1.0) -> SearchResult:
    """Run hypotheses about the question within a budget of processor seconds, and ``waits`` times as many that pass.
    ``quick`` are the guesses to begin with."""
    if simulator is not None:
        return CauseSearch(question, quick, budget_s, simulator, waits).outcome()
    with Simulator() as own:
        return CauseSearch(question, quick, budget_s, own, waits).outcome()


class CauseSearch:
    """One search: the trials, what has been tried, and the order in which to go on."""

    def __init__(self, question: Question, quick: Sequence[Cause], budget_s: float, simulator: Simulator,
                 waits: float = 1.0) -> None:
        self.question = question
        self.trials = CauseTrials(question, simulator, budget_s, waits)
        self.ranking = Ranking(question, quick)
        self.tried: dict[RunKey, Tried] = {}
        self.found: list[Cause] = []
        self.aside: list[Cause] = []
        self.aside_holds, self.nearly, self.notes = False, False, list[str]()
        self.seeds: list[Cause] = []
        self.responses: list[Response] = []
        self.fitted: set[ParameterKey] = set()
        self.hopeless = set[str]()
        self.renders_before = simulator.renders

    def outcome(self) -> SearchResult:
        if not self.trials.ready:
            return SearchResult(tuple(clock_guesses(self.question)), (self.trials.why_not,), self.facts())
        self.fitter = Fitter(self.trials)
        early = (self._list_cut, self._likely, self._reflections, self._placed_fits, self._sure_fits)
        self.prepare()
        own = (self._emulations,) if self.trials.emulate else ()  # what the reference has, the subject may well lack
        # Where a factor and an offset explain all of it, nothing that moves or bends the pattern is worth a walk.
        late = () if self.trials.line_alone else (self._seeds, self._far_fits, self._pairs)
        for stage in (*own, *early, *self._middle(), *late):
            if self.nearly and stage in (self._far_fits, self._pairs):
                continue  # what is left are the last digits, which anything closes
            self._carried_on(stage)
            if self.aside and stage not in early:
                self.found = self.found or self.aside
            if self.found:
                break
        guesses = [] if self.found else [*self.seeds, *nearest_guesses(self.tried.values())]
        return SearchResult((*self.found, *guesses), tuple(self.notes), self.facts())

    def _middle(self) -> list[Callable[[], None]]:
        """The parts of the search that may take long, those first that may bring most for each second."""
        alike = self.question.pair.correlation > limits.ALIKE
        rest = sum(candidate.key not in self.tried for candidate in self.waiting)
        parts = {self._emulations: Effort(limits.EMULATED_CHANCE, 3, limits.TORCH_STARTS_S),
                 self._fits: Effort(0.6 if alike else 0.3, limits.RENDERS_OF_FITS)}
        parts |= {self._cheap: Effort(0.7, rest)} if alike else {}
        parts |= {self._rest: Effort(0.1 if alike else 0.6, rest)}
        return sorted(parts, key=lambda part: -parts[part].per_second(self.trials.unedited_work_s))

    def _carried_on(self, stage: Callable[[], None]) -> None:
        """A stage, which when it fails takes neither the others with it nor what was found before."""
        try:
            stage()
        except DescriptionRefused:
            raise
        except Exception as fault:
            self.notes.append(failed(f"trial runs, {stage.__name__.strip('_')}", fault))

    def facts(self) -> dict[str, Any]:
        """What was done so far, as plain values."""
        trials = self.trials
        residual = trials.base_residual
        return {"ready": trials.ready, "baseline_residual": residual if residual < float("inf") else None,
                "emulations": sorted(trials.emulate), "regions": [list(region.bounds) for region in trials.regions],
                "ruled_out": [] if self.found else ruled_out(self.tried.values(), self.hopeless),
                "renders": trials.simulator.renders - self.renders_before, "tried": len(self.tried),
                "seconds": round(trials.clock.waited, 2), "processor_seconds": round(trials.clock.of_processors, 2),
                "budget_s": trials.budget_s}

    # --- the order ---------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """All discrete hypotheses, those that tell most for each second first."""
        self.waiting = self.ranking.ordered((*run_candidates(self.question), *file_candidates(self.question)))
        self.prover = Prover(self.question.setting, len(self.trials.regions), self.ranking.scores)

    def _list_cut(self) -> None:
        """Where spots go out in the order of the list of F, look for the line where it ends."""
        for candidate, reading in cut_trials(self.trials):
            self.tried[candidate.key] = Tried(candidate, reading)
            if self._settles(candidate, reading) or not self.trials.within(limits.LIST_CUT):
                return

    def _reflections(self) -> None:
        """Look for reflections that are missing; where spots keep their shape but not their light, read the F off them,
        and look for the rule in them."""
        for candidate, reading in missing_trials(self.trials):
            self.tried[candidate.key] = Tried(candidate, reading)
            if self._settles(candidate, reading) or not self.trials.within(limits.MISSING):
                break
        if self.found:
            return
        for candidate, reading in reflection_trials(self.trials):
            self.tried[candidate.key] = Tried(candidate, reading)
            if self._settles(candidate, reading):
                list(self.also_proven(rules_that_fit(self.question, candidate, self.waiting)))
                return
            if not self.trials.within(limits.REFLECTIONS):
                return

    def _likely(self) -> None:
        self._try_all([c for c in self.waiting if self.ranking.scores[c.key] >= limits.LIKELY_SCORE], limits.LIKELY)

    def _cheap(self) -> None:
        """A share of the rest: trials of one render each, so that long fits leave none of them out."""
        self._try_all(self.waiting, limits.CHEAP)

    def _rest(self) -> None:
        self._try_all(self.waiting, limits.REST)

    def _try_all(self, candidates: Iterable[Candidate], share: float) -> None:
        for candidate in candidates:
            if not self.trials.within(share):
                return
            if candidate.key in self.tried:
                continue
            reading = self.trials.try_one(candidate)
            self.tried[candidate.key] = Tried(candidate, reading)
            if self._settles(candidate, reading):
                self._rivals(candidate)
                return

    def _rivals(self, proven: Candidate) -> None:
        """Other mistakes that give the same image: nobody can tell them apart. They are of the same part of the
        experiment or, for a short while, of the same thing; of a list that has no effect a part has none either."""
        topic = CATALOGUE[proven.id].topic
        others = [c for c in self.waiting if c.id != proven.id and c.key not in self.tried]
        list(self.also_proven([c for c in others if topic and CATALOGUE[c.id].topic == topic][:limits.RIVALS]))
        kin = frozenset().union(*(parts for parts in limits.OF_ONE_THING if topic in parts)) - {topic}
        list(self.also_proven([c for c in others if CATALOGUE[c.id].topic in kin],
                              self.trials.clock.seconds / self.trials.budget_s + limits.OTHER_RIVALS))
        if proven.id == mistake_id("hkl", "ignored"):
            next(self.also_proven(unseen_cuts(self.question)), None)

    def also_proven(self, candidates: Sequence[Candidate], share: float = 1.0) -> Iterator[Candidate]:
        """Try more hypotheses after a proof, while there is time for that; those that give the image too are found."""
        for candidate in candidates:
            if not self.trials.within(min(share, limits.AFTER_A_PROOF)):
                return
            reading = self.trials.confirmed(candidate, self.trials.try_one(candidate))
            self.tried[candidate.key] = Tried(candidate, reading)
            if reading.holds:
                self.found += self.prover.proven(candidate, reading)
                yield candidate

    def _emulations(self) -> None:
        """Defects of the C program: one render of all together says whether any of them matters here."""
        found, matter = emulated_together(self.trials)
        if not found and (matter or self.trials.emulate):
            self._try_all(emulation_table.rows(self.question, self.trials.emulate), limits.EMULATED_TOGETHER)
        for candidate, reading in found:
            others = ", ".join(other.id for other, _ in found if other is not candidate)
            self.found += self.prover.proven(candidate, reading, (f"together with: {others}",) if others else ())

    def _settles(self, candidate: Candidate, reading: Reading) -> bool:
        """Keep what a reading proves, and say whether that ends the search. What leaves more than noise, or needs a
        factor besides, is put aside: another cause may explain all of it, or a single one as much."""
        reading = self.trials.confirmed(candidate, reading)
        if reading.explains:
            self.found += [*self.prover.proven(candidate, reading), *(c for c in self.aside if self.aside_holds)]
        elif reading.holds:
            self.aside = [*(self.aside if self.aside_holds else ()), *self.prover.proven(candidate, reading)]
            self.aside_holds = True
        elif reading.scaled_holds and not self.aside:
            self.aside = self.prover.proven(candidate, reading)
        self.nearly |= reading.nearly
        return reading.explains

    # --- fits --------------------------------------------------------------------------------------------------

    def _placed_fits(self) -> None:
        """Fit what would move the peaks to where the subject has them, from there."""
        geometry = geometry_of(self.question)
        if geometry.still is None:
            return
        enough = max(limits.WELL_PLACED, geometry.still.score + 0.05)
        fitted = [(placed, placed.parameter) for placed in geometry.better if placed.parameter]
        for placed, parameter in fitted[:limits.PLACED_FITS]:
            if placed.placing.score > enough and self._fit(parameter, placed.values, limits.PLACED_FIT):
                return

    def _turn_once(self) -> None:
        """Turn every parameter by a step, those first whose fit takes no more than that."""
        near = Fitter(self.trials, 1)
        for parameter in sorted(fit_parameters(self.question), key=lambda parameter: not parameter.linear):
            if not self.trials.within(limits.TURNED_ONCE):
                break
            self.responses += [*near.responses(parameter), *spread_responses(near, parameter)]
        self.responses.sort(key=lambda response: -response.promise)

    def _sure_fits(self) -> None:
        """Fit those parameters that the difference plainly answers to, single numbers first."""
        self._turn_once()
        plain = sorted((r for r in self.responses if r.explained > limits.PLAIN), key=lambda r: -r.explained)
        for response in looked_at(self.trials, plain[:limits.LOOKS], self.fitter)[:limits.SURE_FITS]:
            if response.promise > limits.PROMISING and self._fit(response.parameter, None, limits.SURE_FIT,
                                                                 smoothings=(0,)):
                return

    def _fits(self) -> None:
        """Fit what answers less plainly, smoothed first; then with a factor between the images."""
        ids = {response.parameter.id for response in self.responses}
        told = {id: limits.GUESSED_WEIGHT * self.ranking.expected.get(id, 0.0) for id in ids}
        hopeful = sorted(self.responses, key=lambda r: -(max(r.promise, r.explained - 0.1) + told[r.parameter.id]))
        looked = looked_at(self.trials, hopeful[:limits.LOOKS], self.fitter)
        seen = sorted(looked, key=lambda r: -(r.promise + told[r.parameter.id]))
        seen = [r for r in seen if r.promise + told[r.parameter.id] > limits.PROMISING
                and r.parameter.key not in self.fitted]
        for response in one_per_id(seen)[:limits.FITS]:
            if self._fit(response.parameter, None, limits.FIT, smoothings=response.smoothings):
                return
        if self.nearly or self._single_numbers():
            return
        if abs(self.question.pair.scale[0] - 1) < limits.MERE_FACTOR:
            return
        fitter, near = Fitter(self.trials, free_scale=True), Fitter(self.trials, 1, free_scale=True)
        hopeful = sorted((near.again(response) for response in self.responses), key=lambda r: -r.promise)
        for response in one_per_id(looked_at(self.trials, hopeful[:limits.LOOKS], fitter))[:limits.SCALED_FITS]:
            promising = response.promise > limits.PROMISING
            if promising and self._fit(response.parameter, None, limits.SCALED_FIT, fitter=fitter):
                return

    def _single_numbers(self) -> bool:
        """Fit every single number that answers at all: its step may have been too long or too short to promise much."""
        ones = [r for r in self.responses if len(r.parameter.start) == 1]
        alone = [response.parameter for response in ones]
        # A few renders say whether the sum of differences has a bottom, whatever a step promised.
        for parameter in (*alone, *in_three_steps(alone, self.question.command)):
            start = self.fitter.valley(parameter, *parameter.first) if self.trials.within(limits.SINGLE_FIT) else None
            if start and self._fit(parameter, start, limits.SINGLE_FIT, smoothings=(0,)):
                return True
        return any(self._fit(response.parameter, None, limits.SINGLE_FIT, smoothings=response.smoothings)
                   for response in ones if response.parameter.key not in self.fitted
                   and response.promise > limits.ANSWERS)

    def _seeds(self) -> None:
        """Another seed cannot be found by trying; whether the difference is like one of seeds can."""
        self.seeds = list(seed_guesses(self.trials))

    def _far_fits(self) -> None:
        """Start fits where peaks or a walk along the numbers point to."""
        ordered = sorted(self.responses, key=lambda r: -(r.parameter.prior + 0.5 * max(r.explained, r.smoothed)
                                                         + self.ranking.expected.get(r.parameter.id, 0.0)))
        for response in ordered:
            if not self.trials.within(limits.FAR):
                return
            start = self.fitter.ladder(response.parameter)
            if start is not None and self._fit(response.parameter, start, limits.FAR_FIT):
                return

    def _pairs(self) -> None:
        """Two causes at once."""
        self.found += PairSearch(self.trials, self.fitter, self.prover, self.responses, self.tried.values(),
                                 self.ranking.worth).run()

    def _fit(self, parameter: FitParameter, start: Sequence[float] | None, share: float, *,
             fitter: Fitter | None = None, smoothings: Sequence[int] = SMOOTHINGS) -> bool:
        if not self.trials.within(share):
            return False
        self.fitted.add(parameter.key)
        fitted = (fitter or self.fitter).fit(parameter, start, smoothings=smoothings,
                                             most_seconds=limits.ONE_FIT * self.trials.budget_s)
        if fitted is None:
            if self.trials.within(1.0):
                self.hopeless.add(parameter.id)
            return False
        candidate = parameter.candidate(self.question.command, fitted.values)
        self.tried[candidate.key] = Tried(candidate, fitted.reading, parameter, fitted.values)
        if self._settles(candidate, fitted.reading):
            self._named_mistakes(parameter)
            self._twins(parameter, fitted.values)
        elif otherwise_sampled(parameter, fitted.reading.left):
            self._other_samplings(parameter, fitted)
        return bool(self.found)

    def _other_samplings(self, parameter: FitParameter, nearest: Fitted) -> None:
        """A spread that comes near may be sampled by another number of points: each is tried, the best are fitted."""
        near = Fitter(self.trials, 1)
        others = other_samplings(parameter, nearest.values, self.question.command)
        others.sort(key=lambda other: self.trials.reading(near.images(*other)).left)
        for other, start in others[:limits.BEST_DOMAINS]:
            if self.trials.within(limits.AFTER_A_PROOF):
                found = self.fitter.fit(other, start, smoothings=(0,), most_seconds=limits.DOMAINS_FIT_S)
                if found is None:
                    continue
                candidate = other.candidate(self.question.command, found.values)
                self.tried[candidate.key] = Tried(candidate, found.reading, other, found.values)
                if self._settles(candidate, found.reading):
                    return

    def _twins(self, parameter: FitParameter, values: Sequence[float]) -> None:
        """Other parameters that do the same to the image: when they fit too, nobody can tell which it was."""
        if not self.responses:  # proven before any was turned
            self._turn_once()
        self.found += TwinSearch(self.trials, self.fitter, self.prover, self.responses).of(parameter, values)

    def _named_mistakes(self, parameter: FitParameter) -> None:
        """A fit came out at some value; if a known mistake of the same topic gives the image too, it is likelier."""
        topic = CATALOGUE[parameter.id].topic
        same = [c for c in self.waiting if CATALOGUE[c.id].topic == topic and c.key not in self.tried]
        next(self.also_proven(same), None)
