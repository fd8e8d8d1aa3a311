"""Fitting: turn a parameter until the rendered image is the subject's (damped Gauss-Newton, secant updates).

Spots that are a few pixels away pull only when both images are smoothed; a fit starts smoothed when the plain
images do not answer to the parameter, and ends plain. ``response`` says beforehand, from one step each, how much of
the difference a parameter could explain.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from nbcompare.case.arguments.command import Command
from nbcompare.explain.diagnose.cause import TO_BE_TOLD
from nbcompare.explain.diagnose.causes import ARGUMENTS_DIFFER
from nbcompare.explain.diagnose.hypotheses.candidate import Candidate, FileEdit
from nbcompare.explain.diagnose.hypotheses.fit_parameter import FitParameter
from nbcompare.explain.diagnose.search.trials import CauseTrials, Reading
from nbcompare.explain.diagnose.search.valley import bottom

SMOOTHINGS = (7, 3, 0)
_MOST_ROUNDS = 14
_FIRST_ROUNDS = 4
_FIRST_TRIALS = 12
"""Steps that may be too long at first: an image may answer to a number's square."""

_GAINED = 0.9
"""After its first rounds a descent must be below this share of what it began with: a right cause converges fast."""

_NEAR = 0.75
"""Below this share of the whole difference a descent is not given up: it may stand at its goal, or be worth a guess."""

_ALMOST = 0.02
"""Below this share of the whole difference a descent may finish, whatever time it has had."""

_BESIDE, _BESIDE_STEP = 0.75, 3e-3
"""Below this share of the whole difference a descent may have ended beside its goal; how far that may be, as a share of
the way."""

_AS_MUCH = 2.0
"""A rounded number may leave so many times as much: less than what parts one proof from another."""

_LADDER = 3.0
_PARTS = (0.03, 0.1, 0.25, 2.0, 4.0)
_MERE_FACTOR = 0.02
"""A difference of which the best factor leaves less than this share is a factor."""


@dataclass(frozen=True)
class Response:
    """What a step of each number does, as columns [pixels, numbers], and the share of the difference explained by
    the best linear turn, plain and smoothed. ``shape`` and ``smoothed_shape`` are the shares of what the best factor
    leaves: whatever makes an image brighter explains a factor, but only the cause explains the rest."""

    parameter: FitParameter
    slopes: np.ndarray
    explained: float
    smoothed: float
    shape: float
    smoothed_shape: float

    @property
    def promise(self) -> float:
        plain, smoothed = min(self.explained, self.shape), min(self.smoothed, self.smoothed_shape)
        return max(plain, 0.9 * smoothed) + 0.02 * self.parameter.prior - 0.01 * len(self.parameter.start)

    @property
    def smoothings(self) -> tuple[int, ...]:
        """How a fit of the parameter should go: smoothed first where smoothed images answer to it better."""
        return SMOOTHINGS if min(self.smoothed, self.smoothed_shape) > min(self.explained, self.shape) else (0,)


def one_per_id(responses: Sequence[Response]) -> list[Response]:
    """The first response of each parameter's id, in their order."""
    first: dict[str, Response] = {}
    for response in responses:
        first.setdefault(response.parameter.id, response)
    return list(first.values())


@dataclass(frozen=True)
class Fitted:
    parameter: FitParameter
    values: tuple[float, ...]
    reading: Reading


class Fitter:
    """Fits on a few regions of the trials; the final reading is on all.

    With ``free_scale`` the best factor between the images is taken out before they are held together. ``on_top``
    is a hypothesis in force while the fit parameters are turned, in place of the unedited command.
    """

    def __init__(self, trials: CauseTrials, count: int = 3, *, free_scale: bool = False,
                 on_top: Candidate | None = None) -> None:
        self.free_scale = free_scale
        self.under = on_top or Candidate(ARGUMENTS_DIFFER, "unedited", trials.question.command)
        self.trials = trials
        self.count = min(count, len(trials.regions))
        self.aim = trials.subject[:self.count]
        self.base = (trials.images(on_top, self.count) if on_top else None) or trials.base[:self.count]

    def candidate(self, parameter: FitParameter, values: Sequence[float]) -> Candidate:
        """The hypothesis that the parameter stands so, on top of what is in force."""
        turned = parameter.candidate(self.under.command, values)
        return replace(turned, files=(*self.under.files, *turned.files), emulate=self.under.emulate)

    # --- linear answers ------------------------------------------------------------------------------------

    def responses(self, parameter: FitParameter) -> list[Response]:
        """One step of every number: the answer of all together, and of each alone where there are several; none
        where the parameter gives no image or changes nothing."""
        columns, smooth = [], []
        steps = np.diag(parameter.steps)
        if parameter.begin is not None:
            steps = np.array([parameter.begin]) - np.array(parameter.start)
        for step in steps:
            moved = self.images(parameter, tuple(np.array(parameter.start) + step))
            if moved is None:
                return []
            change = [m - b for m, b in zip(moved, self.base, strict=True)]
            columns.append(_flat(change, 0))
            smooth.append(_flat(change, SMOOTHINGS[0]))
        slopes = np.stack(columns, axis=1)
        if not np.abs(slopes).max() > 1e-9 * self.trials.question.pair.peak:
            return []
        smooth_slopes = np.stack(smooth, axis=1)
        found = [self._response(parameter, slopes, smooth_slopes)]
        if len(steps) > 1:
            found += [self._response(parameter.only(axis), slopes[:, axis:axis + 1], smooth_slopes[:, axis:axis + 1])
                      for axis in range(len(parameter.start))]
        return found

    def _response(self, parameter: FitParameter, slopes: np.ndarray, smooth: np.ndarray) -> Response:
        pairs = ((slopes, 0), (smooth, SMOOTHINGS[0]))
        explained, smoothed = (explained_share(*self._held(columns, size, self.free_scale))[0]
                               for columns, size in pairs)
        shape, smoothed_shape = (self._shape_share(columns, size) for columns, size in pairs)
        return Response(parameter, slopes, explained, smoothed, shape, smoothed_shape)

    def again(self, response: Response) -> Response:
        """The same response as this fitter sees it, for one made by another fitter of the same trials."""
        plain = explained_share(*self._held(response.slopes, 0, self.free_scale))[0]
        return replace(response, explained=plain, smoothed=plain, shape=plain, smoothed_shape=plain)

    def _shape_share(self, slopes: np.ndarray, size: int) -> float:
        """The share explained of what the best factor leaves; 1 where that is next to nothing."""
        columns, rest = self._held(slopes, size, True)
        difference = _flat(self.aim, size) - _flat(self.base, size)
        if float(np.linalg.norm(rest)) < _MERE_FACTOR * float(np.linalg.norm(difference)):
            return 1.0
        return explained_share(columns, rest)[0]

    def _held(self, slopes: np.ndarray, size: int, free_scale: bool) -> tuple[np.ndarray, np.ndarray]:
        """(slopes, rest) at the baseline, with the factor taken out where it is free."""
        base, aim = _flat(self.base, size), _flat(self.aim, size)
        scale = _factor(base, aim) if free_scale else 1.0
        slopes = scale * slopes
        return (_across(slopes, base) if free_scale else slopes), aim - scale * base

    def rest(self) -> np.ndarray:
        """Subject less baseline, as one vector."""
        rest: np.ndarray = _flat(self.aim, 0) - _flat(self.base, 0)
        return rest

    def _scale(self, now: np.ndarray, aim: np.ndarray) -> float:
        return _factor(now, aim) if self.free_scale else 1.0

    def _without_scale(self, slopes: np.ndarray, now: np.ndarray) -> np.ndarray:
        return _across(slopes, now) if self.free_scale else slopes

    def images(self, parameter: FitParameter, values: Sequence[float]) -> list[np.ndarray] | None:
        """The regions with the parameter standing so; None where it cannot, or gives no image."""
        pairs = zip(values, parameter.start, strict=True)
        if parameter.positive and any(value * start <= 0 for value, start in pairs if start):
            return None
        return self.trials.images(self.candidate(parameter, values), self.count)

    # --- a fit ---------------------------------------------------------------------------------------------

    def fit(self, parameter: FitParameter, start: Sequence[float] | None = None, *,
            smoothings: Sequence[int] = SMOOTHINGS, most_seconds: float = 15.0) -> Fitted | None:
        """The values whose image is nearest to the subject; None where nothing can be rendered, or the descent gains
        next to nothing."""
        until = self.trials.seconds_left - most_seconds
        at = np.array(next(v for v in (start, parameter.begin, parameter.start) if v is not None), float)
        for size in smoothings:
            reached = self._descend(parameter, at, size, until)
            if reached is None:
                return None
            at = reached
        return self._finished(parameter, self._sharpened(parameter, at))

    def _sharpened(self, parameter: FitParameter, at: np.ndarray) -> np.ndarray:
        """The goal of one number beside which a descent ended, as it does where spots have sharp edges; or where it
        ended."""
        reading = self.trials.reading(self.images(parameter, tuple(at))) if len(at) == 1 else None
        if reading is None or reading.holds or reading.left > _BESIDE:
            return at
        step = _BESIDE_STEP * (abs(at[0] - parameter.start[0]) or parameter.steps[0])
        found = self.valley(parameter, float(at[0]), step)
        return at if found is None else np.array(found)

    def _finished(self, parameter: FitParameter, at: np.ndarray) -> Fitted:
        """The reading on all regions; round numbers are taken where they do as well."""
        found = tuple(at)
        best = Fitted(parameter, found, self.trials.reading(self.trials.images(self.candidate(parameter, found))))
        for digits in (4, 6, 9):
            near = tuple(start if abs(value - start) < 1e-3 * step else parameter.rounded(value, digits)
                         for value, start, step in zip(at, parameter.start, parameter.steps, strict=True))
            if near != best.values and best.reading.scaled_left < 0.3:
                reading = self.trials.reading(self.trials.images(self.candidate(parameter, near)))
                if _as_good(reading, best.reading):
                    return Fitted(parameter, near, reading)
        return best

    def _descend(self, parameter: FitParameter, at: np.ndarray, size: int, until: float) -> np.ndarray | None:
        """The values reached with images smoothed so, when ``until`` seconds are left; None where there is no image
        or the descent is hopeless."""
        steps, aim = np.array(parameter.steps), _flat(self.aim, size)
        parts = self.images(parameter, tuple(at))
        if parts is None:
            return None
        now, damping, fresh = _flat(parts, size), 1e-4, False
        slopes: np.ndarray | None = None
        scale = self._scale(now, aim)
        error = float(np.linalg.norm(aim - scale * now))
        floor = 2e-8 * float(np.linalg.norm(aim))
        whole = self._whole(size)
        enough, taken = max(_GAINED * error, _NEAR * whole), 0
        for rounds in range(_MOST_ROUNDS if size == 0 else _MOST_ROUNDS // 2):
            late = self.trials.seconds_left < max(0.5, until if error > _ALMOST * whole else 0.0)
            hopeless = error > enough and (taken >= _FIRST_ROUNDS or rounds >= _FIRST_TRIALS)
            if late or error <= floor or hopeless:
                break
            if slopes is None:
                slopes, fresh = self._slopes(parameter, at, now, size), True
                if slopes is None:
                    break
            step = _damped_step(self._without_scale(scale * slopes, now), aim - scale * now, damping)
            parts = self.images(parameter, tuple(at + step * steps))
            moved = _flat(parts, size) if parts is not None else None
            trial = float(np.linalg.norm(aim - self._scale(moved, aim) * moved)) if moved is not None else np.inf
            if moved is not None and trial < error:
                taken += 1
                slopes = slopes + np.outer(moved - now - slopes @ step, step) / max(float(step @ step), 1e-30)
                gain, at, now, error, fresh = trial / error, at + step * steps, moved, trial, False
                scale = self._scale(now, aim)
                damping = max(damping / 10, 1e-9)
                if gain > 0.5:
                    slopes = None
                if gain > 0.999:
                    break
            elif not fresh:
                slopes = None
            elif damping > 1e4:
                break
            else:
                damping = max(damping, 1e-3) * 10
        return at if error <= max(enough, floor) else None

    def _whole(self, size: int) -> float:
        """The length of the difference from which fits begin."""
        base, aim = _flat(self.base, size), _flat(self.aim, size)
        return float(np.linalg.norm(aim - self._scale(base, aim) * base))

    def _slopes(self, parameter: FitParameter, at: np.ndarray, now: np.ndarray, size: int) -> np.ndarray | None:
        columns = []
        for step in np.diag(parameter.steps):
            parts = self.images(parameter, tuple(at + step))
            if parts is None:
                return None
            columns.append(_flat(parts, size) - now)
        return np.stack(columns, axis=1)

    # --- where pixels jump -----------------------------------------------------------------------------------

    def valley(self, parameter: FitParameter, start: float, step: float) -> tuple[float, ...] | None:
        """Where the sum of |differences| of one number is lowest, begun at ``start``, with three or four renders where
        it has no bottom."""

        def height(told: float) -> float | None:
            parts = self.images(parameter, (parameter.fitted(told),))
            return None if parts is None else sum(float(np.abs(aim - part).sum())
                                                  for aim, part in zip(self.aim, parts, strict=True))

        if len(parameter.start) != 1:
            return None
        begin = parameter.shown(start)  # edges move by a spread itself, not by its square
        found = bottom(height, begin, parameter.shown(start + step) - begin)
        return None if found is None else (parameter.fitted(found),)

    # --- far away --------------------------------------------------------------------------------------------

    def ladder(self, parameter: FitParameter, rungs: int = 8) -> Sequence[float] | None:
        """Look along each number in growing steps; the place that looks most like the subject, smoothed."""
        aim = _flat(self.aim, SMOOTHINGS[0])
        best, start = float(np.linalg.norm(aim - _flat(self.base, SMOOTHINGS[0]))) * 0.97, None
        for at in _rungs(parameter, rungs):
            parts = self.images(parameter, at)
            if parts is None:
                continue
            error = float(np.linalg.norm(aim - _flat(parts, SMOOTHINGS[0])))
            if error < best:
                best, start = error, at
        return start


def _rungs(parameter: FitParameter, count: int) -> Iterator[tuple[float, ...]]:
    """Places along each number in growing steps, both ways; of one that keeps its sign also simple parts of it and
    multiples, as steps down to zero are few."""
    for axis, start in enumerate(parameter.start):
        steps = [sign * parameter.steps[axis] * _LADDER**rung for rung in range(1, count + 1) for sign in (1, -1)]
        parts = [start * (factor - 1) for factor in _PARTS] if parameter.positive and start else []
        for move in (*steps, *parts):
            at = list(parameter.start)
            at[axis] += move
            yield tuple(at)


def _as_good(reading: Reading, other: Reading) -> bool:
    """Whether one reading is worth another."""
    if other.holds:  # a rounded number that leaves more than noise could be told from the right one
        return reading.holds and reading.left <= max(_AS_MUCH * other.left, TO_BE_TOLD)
    if other.scaled_holds:
        return reading.near
    return reading.left <= 1.01 * other.left


def explained_share(slopes: np.ndarray, rest: np.ndarray) -> tuple[float, np.ndarray]:
    """(share of |rest|^2 that the columns explain, the turn in steps)."""
    power = float(rest @ rest)
    if power == 0:
        return 0.0, np.zeros(slopes.shape[1])
    turn, *_ = np.linalg.lstsq(slopes, rest, rcond=1e-10)
    left = rest - slopes @ turn
    return max(0.0, 1 - float(left @ left) / power), turn


def _damped_step(slopes: np.ndarray, rest: np.ndarray, damping: float) -> np.ndarray:
    """Levenberg-Marquardt step in steps; the shortest one where columns say the same and no damping parts them."""
    normal = slopes.T @ slopes
    weight = np.diag(normal) + 1e-12 * float(np.trace(normal)) + 1e-300
    step: np.ndarray = np.linalg.lstsq(normal + damping * np.diag(weight), slopes.T @ rest, rcond=None)[0]
    return step


def _factor(now: np.ndarray, aim: np.ndarray) -> float:
    """The factor by which ``now`` is nearest to ``aim``."""
    power = float(now @ now)
    return float(now @ aim) / power if power > 0 else 1.0


def _across(slopes: np.ndarray, now: np.ndarray) -> np.ndarray:
    """The slopes without what lies along ``now``."""
    along = now / (float(np.linalg.norm(now)) or 1.0)
    return slopes - np.outer(along, along @ slopes)


def _flat(parts: Sequence[np.ndarray], size: int) -> np.ndarray:
    """Regions as one vector, smoothed twice by a box of ``size`` pixels (0: as they are)."""
    if size:
        from scipy import ndimage

        parts = [ndimage.uniform_filter(ndimage.uniform_filter(part, size, mode="constant"), size, mode="constant")
                 for part in parts]
    return np.concatenate([part.ravel() for part in parts])


def joined(first: FitParameter, second: FitParameter) -> FitParameter:
    """Two fit parameters turned together."""
    cut = len(first.start)

    def turn(command: Command, values: Sequence[float]) -> Command:
        return second.turn(first.turn(command, values[:cut]), values[cut:])

    def edit(values: Sequence[float]) -> tuple[FileEdit, ...]:
        return tuple(change for parameter, own in ((first, values[:cut]), (second, values[cut:])) if parameter.edit
                     for change in parameter.edit(own))

    return FitParameter(first.id, f"{first.title} and {second.title}", first.labels + second.labels,
                        first.start + second.start, first.steps + second.steps, turn, min(first.prior, second.prior),
                        first.geometry and second.geometry, edit=edit)
