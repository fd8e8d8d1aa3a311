"""Trend: the runs of a case in order, what changed from each to the next, and which margins shrank.

Whether a margin shrank is judged by the threshold as it was before: neither does a limit that was loosened hide that a
figure got worse, nor does one that was tightened make it so.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from nbcompare.bundle.check.loosened import Loosened, loosened
from nbcompare.bundle.history.past_run import PastRun, PastThreshold, finite_or_word
from nbcompare.case.threshold import Threshold
from nbcompare.errors import ExitCode

DEFAULT_FACTOR = 2.0
"""A margin that is less than a half of what it was has shrunk."""


@dataclass(frozen=True)
class Shrunk:
    """A margin that shrank since the last run that had it. ``after`` is None where there is none any more, and ``why``
    says so."""

    metric: str
    roi: str
    since: str
    before: float
    after: float | None
    why: str | None = None

    @property
    def factor(self) -> float:
        """How many times smaller it is; inf where it is gone, or was unlimited before."""
        if self.after is None or math.isinf(self.before) or self.after == 0:
            return math.inf
        return self.before / self.after

    def as_dict(self) -> dict[str, Any]:
        return {"metric": self.metric, "region": self.roi, "since": self.since, "before": finite_or_word(self.before),
                "after": finite_or_word(self.after), "factor": finite_or_word(self.factor), "why": self.why}


@dataclass(frozen=True)
class ChangedFact:
    """One fact that was another in the run before."""

    what: str
    before: str
    after: str


@dataclass(frozen=True)
class Step:
    """A run, and what is not as in the readable run before it (``since``, None for the first)."""

    run: PastRun
    since: str | None = None
    changed: tuple[ChangedFact, ...] = ()
    loosened: tuple[Loosened, ...] = ()
    tightened: tuple[Loosened, ...] = ()
    shrunk: tuple[Shrunk, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        run = self.run
        return {
            "stamp": run.stamp, "damage": run.damage, "imported": run.imported, "signed": list(run.signed),
            "verdict": run.verdict, "exit_code": run.exit_code, "reasons": list(run.reasons),
            "identical": run.identical, "smallest_margin": finite_or_word(run.smallest_margin),
            "seconds": {role: run.seconds.get(role) for role in ("reference", "subject")},
            "reference_from": run.reference_from, "commits": dict(run.commits),
            "thresholds": [_held_as_dict(held) for held in run.held],
            "figures": {roi: dict(values) for roi, values in run.figures.items()},
            "since": self.since, "changed": [asdict(entry) for entry in self.changed],
            "loosened": [_limit_as_dict(entry) for entry in self.loosened],
            "tightened": [_limit_as_dict(entry) for entry in self.tightened],
            "shrunk": [entry.as_dict() for entry in self.shrunk]}


def _held_as_dict(held: PastThreshold) -> dict[str, Any]:
    threshold = held.threshold
    return {"metric": threshold.metric, "region": threshold.roi, "of": held.of or None, "min": threshold.min,
            "max": threshold.max, "why": threshold.why, "value": held.value, "undefined": held.undefined,
            "emulated": held.emulated, "holds": held.holds, "margin": finite_or_word(held.margin)}


def _limit_as_dict(entry: Loosened) -> dict[str, Any]:
    return {"what": entry.what, "before": entry.old, "after": entry.new, "why": entry.why}


@dataclass(frozen=True)
class Trend:
    """The runs of a case, oldest first. ``factor`` is by how much a margin may shrink between two of them."""

    case: str
    factor: float
    steps: tuple[Step, ...]

    @property
    def shrunk(self) -> list[Shrunk]:
        return [entry for step in self.steps for entry in step.shrunk]

    @property
    def exit_code(self) -> ExitCode:
        """EVIDENCE where a record cannot be read, DIFFERS where a margin shrank, PASS where none did; BLOCKED where the
        newest run was not judged, as nothing can be said of it then."""
        if any(step.run.damage for step in self.steps):
            return ExitCode.EVIDENCE
        if self.shrunk:
            return ExitCode.DIFFERS
        return ExitCode.PASS if self.steps and self.steps[-1].run.held else ExitCode.BLOCKED

    def as_dict(self) -> dict[str, Any]:
        return {"schema_version": 1, "case": self.case, "factor": self.factor, "exit_code": int(self.exit_code),
                "runs": [step.as_dict() for step in self.steps]}


def trend_of(case: str, runs: Sequence[PastRun], factor: float = DEFAULT_FACTOR, last: int | None = None) -> Trend:
    """The trend of runs of one case, oldest first; of the ``last`` ones alone, which are held against all before."""
    steps = tuple(_steps(runs, factor))
    return Trend(case, factor, steps[-last:] if last else steps)


def _steps(runs: Sequence[PastRun], factor: float) -> Iterator[Step]:
    before: PastRun | None = None
    last: dict[tuple[str, str], _Last] = {}
    for run in runs:
        if run.damage:
            yield Step(run)
            continue
        shrunk = tuple(_shrunk(run, last, factor)) if run.held else ()
        if before is None:
            yield Step(run, shrunk=shrunk)
        else:
            yield Step(run, before.stamp, tuple(changed(before, run)), _looser(before, run), _tighter(before, run),
                       shrunk)
        last = _last_of(run, last) if run.held else last
        before = run


@dataclass(frozen=True)
class _Last:
    """The last value of a figure, under the threshold that it had or has had. ``lost``: a later run asked for it and
    had none, which was told of that run."""

    threshold: Threshold
    value: float
    stamp: str
    lost: bool = False


def _last_of(run: PastRun, last: dict[tuple[str, str], _Last]) -> dict[tuple[str, str], _Last]:
    """What the next run is held against. A figure that was asked for no more goes on under its old threshold while it
    is taken; one that is undefined waits."""
    asked = {held.key: held.threshold for held in run.held}
    found = {}
    for key in dict.fromkeys((*last, *asked)):
        value, threshold = run.value(*key), asked.get(key) or last[key].threshold
        if value is not None:
            found[key] = _Last(threshold, value, run.stamp)
        elif key in asked and key in last:
            found[key] = replace(last[key], lost=True)
    return found


def changed(before: PastRun, run: PastRun) -> Iterator[ChangedFact]:
    """Every fact that is another one, the verdict first."""
    if run.verdict != before.verdict:
        yield ChangedFact("verdict", str(before.verdict), str(run.verdict))
    if before.identical and not run.identical and run.figures:
        yield ChangedFact("images", "bit-identical", "not the same bits")
    for what in dict.fromkeys((*before.facts, *run.facts)):
        old, new = before.facts.get(what, "not said"), run.facts.get(what, "not said")
        if old != new:
            yield ChangedFact(what, old, new)


def _looser(before: PastRun, run: PastRun) -> tuple[Loosened, ...]:
    return tuple(loosened(before, before.stamp, run.rois, run.thresholds, run.divergences))


def _tighter(before: PastRun, run: PastRun) -> tuple[Loosened, ...]:
    """Thresholds that are new or stricter: the same question with both runs exchanged."""
    turned = loosened(run, before.stamp, run.rois, before.thresholds, run.divergences)
    why = {f"{threshold.metric} on {threshold.roi}": threshold.why for threshold in run.thresholds}
    return tuple(Loosened(entry.what, entry.new or "not asked for", entry.old, why.get(entry.what), before.stamp)
                 for entry in turned)


def _shrunk(run: PastRun, last: dict[tuple[str, str], _Last], factor: float) -> Iterator[Shrunk]:
    asked = {held.key for held in run.held}
    for (metric, roi), old in last.items():
        before, value = old.threshold.margin(old.value), run.value(metric, roi)
        if before is None or (value is None and old.lost):
            continue
        why = None if value is not None else ("the figure is undefined" if (metric, roi) in asked else
                                              "it is asked for no more, and was not taken")
        now = Shrunk(metric, roi, old.stamp, before, old.threshold.margin(value), why)
        if now.factor > factor and now.before != now.after:
            yield now
