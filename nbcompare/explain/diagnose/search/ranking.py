"""In which order hypotheses are tried: by what they may tell for each second that they take.

How likely a hypothesis is says what a trial of it may tell; what it takes goes with the steps of a pixel. So a likely
one that needs 25 sub-pixels waits for several cheap ones that are a little less likely, and a stage that has to start
the torch simulator for those that the C reference renders meanwhile.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nbcompare.case.arguments.command import Command
from nbcompare.explain.description import Setting
from nbcompare.explain.diagnose.cause import Cause
from nbcompare.explain.diagnose.finders.echo import question_differences, speaks_for
from nbcompare.explain.diagnose.hypotheses.candidate import Candidate, RunKey
from nbcompare.explain.diagnose.question import Question
from nbcompare.explain.diagnose.search import limits
from nbcompare.explain.diagnose.search.predicted import ANOTHER_PATTERN, MAY_MOVE_SPOTS, geometry_of


class Ranking:
    """Scores of hypotheses about a question, each found once. ``quick`` are the guesses to begin with."""

    def __init__(self, question: Question, quick: Sequence[Cause]) -> None:
        self.question = question
        self.expected = {cause.id: cause.confidence for cause in quick}
        self.told = question_differences(question)
        self.scores: dict[RunKey, float] = {}
        self.geometry = geometry_of(question)
        self.placings = {placed.candidate.key: placed.placing for placed in self.geometry.placed}

    def ordered(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """Those that tell most for each second first."""
        return sorted(candidates, key=lambda candidate: -self.worth(candidate))

    def worth(self, candidate: Candidate) -> float:
        """The score, less what a longer render takes off."""
        work = relative_work(candidate.command, self.question.command, self.question.setting)
        return self.scored(candidate) - limits.TENFOLD_WORK * math.log10(work)

    def scored(self, candidate: Candidate) -> float:
        return self.scores.setdefault(candidate.key, self.score(candidate))

    def score(self, candidate: Candidate) -> float:
        """How likely a hypothesis is before it is tried: by itself, by quick guesses, by the engines' echoes, and by
        whether the subject's pattern lies where it would put it."""
        told = limits.TOLD_WEIGHT if speaks_for(self.told, candidate.id) else 0.0
        score = candidate.prior + limits.GUESSED_WEIGHT * self.expected.get(candidate.id, 0.0) + told
        still, placing = self.geometry.still, self.placings.get(candidate.key)
        if still is None:
            return score
        if placing is not None:
            return score + limits.PLACED_WEIGHT * (placing.score - still.score)
        correlation = self.question.pair.correlation
        in_place = still.found > limits.IN_PLACE and correlation > limits.IN_PLACE_ALIKE
        elsewhere = still.found < limits.ELSEWHERE and correlation < limits.ELSEWHERE_ALIKE
        unlikely = (in_place and candidate.id in ANOTHER_PATTERN
                    or elsewhere and candidate.id not in MAY_MOVE_SPOTS or candidate.key in self.geometry.idle)
        return score - limits.UNLIKELY if unlikely else score


def relative_work(command: Command, unedited: Command, setting: Setting) -> float:
    """How many times as long an edited command renders, by the counts that it says itself; at least a hundredth."""
    counts = {"-oversample": (setting.oversample, 2), "-phisteps": (setting.phi_steps, 1),
              "-mosaic_dom": (setting.mosaic_domains, 1), "-detector_thicksteps": (setting.layers, 1),
              "-dispsteps": (1, 1), "-hdivsteps": (1, 1), "-vdivsteps": (1, 1), "-divsteps": (1, 2)}
    work = 1.0
    for name, (usual, power) in counts.items():
        now = max(1.0, unedited.number(name, usual))
        work *= (max(1.0, command.number(name, now if name == "-oversample" else 1.0)) / now) ** power \
            if command.has(name) or unedited.has(name) else 1.0
    return max(0.01, work)


@dataclass(frozen=True)
class Effort:
    """What a part of a search may bring and take: its chance to find the cause, the renders, and seconds besides."""

    chance: float
    renders: int
    besides_s: float = 0.0

    def per_second(self, render_s: float) -> float:
        """The chance for each second, where one render takes so long."""
        return self.chance / max(1e-6, self.renders * render_s + self.besides_s)
