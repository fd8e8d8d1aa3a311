"""Trials: render a hypothesis on the regions and read how near it comes to the subject."""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from nbcompare.compare.image import Roi
from nbcompare.explain.diagnose.cause import EXPLAINED, STRICT
from nbcompare.explain.diagnose.causes import ARGUMENTS_DIFFER, EMULATION_NAMES
from nbcompare.explain.diagnose.hypotheses.candidate import Candidate
from nbcompare.explain.diagnose.question import Question
from nbcompare.explain.diagnose.search import limits
from nbcompare.explain.diagnose.search.regions import choose_regions
from nbcompare.explain.diagnose.search.simulator import Simulator

_ROUNDING = 2.0**-24
BASES: tuple[frozenset[str], ...] = (frozenset(), frozenset({"phi-carryover"}), frozenset({"all"}))
"""Emulations under which the unedited command may be the reference, tried in this order."""

BASE_TOLERANCE = 1e-6

_NEARLY = 10 * STRICT


@dataclass(frozen=True)
class Reading:
    """How near a rendered hypothesis is: worst pixel over the subject's largest, and the share of the difference
    that is left; the same after the best factor and offset (``scale``, ``offset``). ``blank`` is the share that an
    empty image would leave: what is not below it resembles nothing. ``noise`` is the share that rounding,
    and the simulator's own distance from the reference, may leave."""

    worst: float
    left: float
    holds: bool
    scale: float = 1.0
    offset: float = 0.0
    scaled_worst: float = math.inf
    scaled_left: float = math.inf
    scaled_holds: bool = False
    blank: float = math.inf
    noise: float = 0.0

    @property
    def explains(self) -> bool:
        """Whether it holds, and leaves no more than noise: then no other hypothesis can explain it better."""
        return self.holds and self.left <= EXPLAINED + self.noise

    @property
    def nearly(self) -> bool:
        """Whether it leaves no more than noise of the difference, though some pixel is further off than a proof allows:
        what is sought may be written with fewer digits than that takes."""
        return self.left <= EXPLAINED + self.noise and self.worst <= _NEARLY

    @property
    def near(self) -> bool:
        """Whether it holds, or does with a factor and an offset besides."""
        return self.holds or self.scaled_holds


NOTHING = Reading(math.inf, math.inf, False)


class Clock:
    """Seconds of a search, as a budget counts them: of processors, in this process, its finished children and the torch
    simulator. On an idle machine they are those that pass; a busy one changes how long a search takes, but not what it
    finds, until ``waits`` times as many have passed."""

    def __init__(self, simulator: Simulator, waits: float) -> None:
        self.simulator, self.waits = simulator, waits
        self.begun, self.worked = time.monotonic(), self._work()

    def _work(self) -> float:
        return sum(os.times()[:4]) + self.simulator.renderer.processor_seconds

    @property
    def waited(self) -> float:
        """Seconds that passed."""
        return time.monotonic() - self.begun

    @property
    def of_processors(self) -> float:
        """Seconds that processors worked."""
        return self._work() - self.worked

    @property
    def seconds(self) -> float:
        """Seconds as the budget counts them."""
        return max(self.of_processors, self.waited / self.waits)


class CauseTrials:
    """The regions of a question with a simulator and a deadline. ``ready`` says whether the unedited command gives
    the reference; only then does a trial mean anything."""

    offered = EMULATION_NAMES

    def __init__(self, question: Question, simulator: Simulator, budget_s: float, waits: float = 1.0) -> None:
        self.question, self.simulator = question, simulator
        self.clock, self.budget_s = Clock(simulator, waits), budget_s
        self.most_seconds = math.inf
        self.regions = choose_regions(question.pair, question.setting.steps * max(1, question.setting.layers))
        self.subject = [self._part(question.pair.y, region) for region in self.regions]
        self.emulate: frozenset[str] = frozenset()
        self.base: list[np.ndarray] = []
        self.base_residual = math.inf
        begun, worked = self.clock.waited, self.clock.of_processors
        self.ready = self._find_base()
        self.unedited_work_s = self.clock.of_processors - worked
        self.unedited_s = self.clock.waited - begun
        unedited = self.unedited_s / max(1, len(self.regions))
        self.most_seconds = max(limits.ONE_RENDER * budget_s * waits, limits.AS_UNEDITED * unedited)

    def _part(self, image: np.ndarray, region: Roi) -> np.ndarray:
        """A region of a whole image, as it is compared."""
        return self._compared(image[region.slices], region)

    def _compared(self, part: np.ndarray, region: Roi) -> np.ndarray:
        """A region in double precision; its first pixel is not compared, as a rendered region has a first pixel of
        its own (the one where nothing is carried over), nor is one without a measurement."""
        part = self.question.pair.without_gaps(part.astype(np.float64), region.slices)
        part[0, 0] = 0
        return part

    @property
    def seconds_left(self) -> float:
        return self.budget_s - self.clock.seconds

    def within(self, share: float) -> bool:
        """Whether no more than this share of the budget is used."""
        return self.clock.seconds < share * self.budget_s

    def _find_base(self) -> bool:
        unedited = Candidate(ARGUMENTS_DIFFER, "unedited", self.question.command)
        reference = [self._part(self.question.pair.x, region) for region in self.regions]
        for names in BASES:
            if names and not (names <= set(self.offered) or "all" in names and self.offered):
                continue
            self.emulate = names
            base = self.images(unedited)
            if base is None:
                continue
            off = max(float(np.abs(b - r).max()) for b, r in zip(base, reference, strict=True))
            residual = off / self.question.pair.peak
            if residual < self.base_residual:
                self.base, self.base_residual, best = base, residual, names
            if residual <= BASE_TOLERANCE:
                return True
        if self.base:
            self.emulate = best
        return False

    @property
    def why_not(self) -> str:
        """Why no trial means anything, where they are not ready."""
        if self.base_residual == math.inf:
            said = self.simulator.last_words.strip().splitlines()
            return f"not tested: the simulator gives no image of this command ({said[-1] if said else 'no answer'})"
        return ("not tested: with the unedited command the simulator does not give the reference "
                f"(off by {self.base_residual:.2g} of its peak)")

    # --- one trial -----------------------------------------------------------------------------------------

    def images(self, candidate: Candidate, count: int | None = None) -> list[np.ndarray] | None:
        """The candidate on the first ``count`` regions (all without), or None where it gives no image."""
        parts: list[np.ndarray] = []
        for region in self.regions[:count]:
            if self.seconds_left <= 0:
                return None
            part = self.simulator.render(candidate, self.question.files, region, self.question.shape,
                                         min(self.seconds_left * self.clock.waits, self.most_seconds), self.emulate)
            if self.simulator.told:
                self.simulator.told(self.clock.seconds, self.budget_s)
            if part is None:
                return None
            image = part.astype(np.float64)
            if candidate.formula:
                image = candidate.formula.make(self.base[len(parts)], image)
            parts.append(self._compared(image, region))
        return parts

    @cached_property
    def line_alone(self) -> bool:
        """Whether a factor and an offset make the unedited image the subject's; then they are no proof of an edit."""
        return self._held(self.base).scaled_holds

    @cached_property
    def one_value(self) -> bool:
        """Whether the subject is one value everywhere: then a factor of anything that is nearly one gives it."""
        y = self.question.pair.y[self.question.pair.measured]
        return bool(y.size and np.ptp(y) <= STRICT * self.question.pair.yardstick)

    def reading(self, parts: list[np.ndarray] | None) -> Reading:
        """Hold rendered regions against the subject's."""
        if parts is None:
            return NOTHING
        found = self._held(parts)
        if found.scaled_holds and (self.line_alone or self.one_value):
            return replace(found, scaled_holds=False)
        return found

    def _held(self, parts: list[np.ndarray]) -> Reading:
        rendered, aim, start = (np.concatenate([part.ravel() for part in side[:len(parts)]])
                                for side in (parts, self.subject, self.base))
        before = float(np.linalg.norm(aim - start))
        if before == 0:
            return NOTHING
        noise = 3 * (_ROUNDING * float(np.linalg.norm(aim)) / before) + self._base_floor(before)
        floor = 0.05 + noise
        yardstick = self.question.pair.yardstick
        worst, left = self._distance(aim - rendered, before, yardstick)
        scale, offset = _line(rendered, aim)
        scaled_worst, scaled_left = self._distance(aim - scale * rendered - offset, before, yardstick)
        whole = self.question.pair.all_finite  # no trial gives what is no number
        return Reading(worst, left, whole and worst <= STRICT and left <= floor, scale, offset, scaled_worst,
                       scaled_left, whole and scaled_worst <= STRICT and scaled_left <= floor,
                       float(np.linalg.norm(aim)) / before, noise)

    def _base_floor(self, before: float) -> float:
        """What the simulator itself is away from the reference, as a share of the difference."""
        return min(0.1, 3 * self.base_residual * self.question.pair.peak / before)

    def confirmed(self, candidate: Candidate, reading: Reading) -> Reading:
        """The reading, which holds no longer where the whole image, as far as it is soon rendered, is plainly not the
        subject's: regions are where images differ most, and another cause may show elsewhere."""
        pixels = sum((region.xmax - region.xmin + 1) * (region.ymax - region.ymin + 1) for region in self.regions)
        whole = Roi.full(self.question.shape)
        share = self.question.pair.x.size / max(1, pixels)
        if not reading.near or share <= 1 or share * self.unedited_s > limits.WHOLE * self.seconds_left:
            return reading
        image = self.simulator.render(candidate, self.question.files, whole, self.question.shape,
                                      self.most_seconds, self.emulate)
        if image is None:
            return reading
        if candidate.formula:
            image = candidate.formula.make(self.question.pair.x, image.astype(np.float64))
        rest = self.question.pair.y - (image if reading.holds else reading.scale * image + reading.offset)
        rest = self.question.pair.without_gaps(rest)
        rest[0, 0] = 0
        worst = float(np.abs(rest).max()) / self.question.pair.yardstick
        if worst <= limits.PLAINLY * (STRICT + self.base_residual):
            return reading
        return replace(reading, holds=False, scaled_holds=False, worst=max(worst, reading.worst),
                       left=max(reading.left, float(np.linalg.norm(rest)) / max(self.question.pair.power, 1e-300)))

    @staticmethod
    def _distance(rest: np.ndarray, before: float, yardstick: float) -> tuple[float, float]:
        return float(np.abs(rest).max()) / yardstick, float(np.linalg.norm(rest)) / before

    def try_one(self, candidate: Candidate) -> Reading:
        """A candidate on the first region and, where it comes near, on all."""
        first = self.reading(self.images(candidate, 1))
        if len(self.regions) == 1 or not (first.holds or first.scaled_holds or first.left < 0.3):
            return first
        return self.reading(self.images(candidate))


def _line(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Least squares y = scale x + offset; the offset is kept only where it is more than rounding."""
    power = float(x @ x)
    if power == 0:
        return 0.0, 0.0
    plain = float(x @ y) / power
    mean_x, mean_y = float(x.mean()), float(y.mean())
    spread = float((x - mean_x) @ (x - mean_x))
    if spread == 0:
        return plain, 0.0
    scale = float((x - mean_x) @ (y - mean_y)) / spread
    offset = mean_y - scale * mean_x
    return (scale, offset) if abs(offset) > 1e-6 * float(np.abs(y).max()) else (plain, 0.0)
