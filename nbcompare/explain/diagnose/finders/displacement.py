"""Geometry causes seen in the places of peaks: shifted by parts of a pixel, turned about the beam, stretched.

Nothing is carried out here: the displacement is measured and given as a guess.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nbcompare.case.arguments.command import unseeded_orientation
from nbcompare.explain.diagnose import causes
from nbcompare.explain.diagnose.cause import Cause, guess, guessed
from nbcompare.explain.diagnose.finders.placement import in_mm
from nbcompare.explain.diagnose.question import Question


@dataclass(frozen=True)
class Similarity:
    """Subject peaks as stretch * turn(reference peak - centre) + centre + shift; lengths in pixels."""

    stretch: float
    angle: float
    shift: tuple[float, float]
    pairs: int
    offered: int
    scatter: float


def find_displaced(question: Question) -> Iterator[Cause]:
    """The same peaks at other places: shift, rotation about the beam, radial stretch. Peaks of an orientation that each
    program draws for itself are not the same ones."""
    pair = question.pair
    if pair.agree or not pair.all_finite or unseeded_orientation(question.argv):
        return
    found = similarity(question)
    if found is None or found.pairs < max(4, 0.3 * found.offered):
        return
    dx, dy = found.shift
    share = found.pairs / found.offered
    evidence = (f"{found.pairs} of {found.offered} peaks are found again; scatter {found.scatter:.3g} pixels",
                f"stretch {found.stretch:.6f}, rotation {math.degrees(found.angle):.4f} degrees, shift "
                f"{dx:+.3f} (fast) {dy:+.3f} (slow) pixels about the beam")
    error = max(0.01, 2 * found.scatter / math.sqrt(found.pairs))
    reach = 0.25 * math.hypot(pair.slow, pair.fast)
    if abs(found.stretch - 1) * reach > 2 * error:
        yield from _stretched(question, found, evidence, guess(0.45 + 0.3 * share))
    if abs(found.angle) * reach > 2 * error:
        yield guessed(causes.DETECTOR_ROTATION_VALUE,
                      f"the pattern is turned by {math.degrees(found.angle):.4g} degrees about the beam", evidence,
                      confidence=guess(0.4 + 0.3 * share), prior=0.6)
    if max(abs(dx), abs(dy)) > error and abs(found.stretch - 1) * reach < 2 * error:
        yield _centre_guess(question, dx, dy, error, evidence, guess(0.45 + 0.3 * share))


def _stretched(question: Question, found: Similarity, evidence: tuple[str, ...], confidence: float) -> Iterator[Cause]:
    """A longer distance keeps the beam's pixel; another pixel size moves it, as its place is given in mm."""
    by_size = np.array(question.detector.beam_pixel) * (found.stretch - 1)
    moved = np.hypot(*(np.array(found.shift) - by_size)) < np.hypot(*found.shift)
    setting = question.setting
    yield guessed(causes.DISTANCE_VALUE,
                  f"the pattern is stretched by {found.stretch:.6f}: a distance of "
                  f"{setting.distance_m * 1e3 * found.stretch:.6g} mm for {setting.distance_m * 1e3:.6g} mm",
                  evidence, confidence=confidence - (0.05 if moved else 0), prior=0.6)
    yield guessed(causes.PIXEL_SIZE_VALUE,
                  f"the pattern is stretched by {found.stretch:.6f}: a pixel of "
                  f"{setting.pixel_m * 1e3 / found.stretch:.6g} mm for {setting.pixel_m * 1e3:.6g} mm",
                  evidence, confidence=confidence - (0 if moved else 0.05), prior=0.55)


def _centre_guess(question: Question, dx: float, dy: float, error: float, evidence: tuple[str, ...],
                  confidence: float) -> Cause:
    for size, id, words in ((0.5, causes.BEAM_CENTRE_HALF_PIXEL, "half a pixel"), (1.0, causes.BEAM_CENTRE_ONE_PIXEL,
                                                                                   "one pixel")):
        near = 0.05 + error
        if max(abs(dx), abs(dy)) > size - near and all(min(abs(abs(d) - size), abs(d)) < near for d in (dx, dy)):
            return guessed(id, f"the pattern lies {words} off ({dx:+.3f} fast, {dy:+.3f} slow)", evidence,
                           confidence=confidence, prior=0.7)
    return guessed(causes.BEAM_CENTRE_VALUE,
                   f"the pattern lies {dx:+.3f} (fast) {dy:+.3f} (slow) pixels off: a beam centre "
                   f"{in_mm(question, dx, dy)}",
                   evidence, confidence=confidence, prior=0.65)


def similarity(question: Question) -> Similarity | None:
    """The similarity about the beam that lays most reference peaks on subject peaks, or None."""
    ours, theirs = question.pair.peaks
    if len(ours) < 4 or len(theirs) < 4:
        return None
    x, y = (np.array([[p.x, p.y] for p in peaks]) for peaks in (ours, theirs))
    beam = np.array(question.detector.beam_pixel) - 0.5
    centre = beam if np.isfinite(beam).all() else x.mean(axis=0)
    stretch, angle = _polar_vote(x - centre, y - centre)
    shift = _shift_vote(x - centre, y - centre) if (stretch, angle) == (1.0, 0.0) else np.zeros(2)
    matrix = stretch * _turn(angle)
    found = None
    for reach in (3.0, 1.5, 1.0, 1.0):
        placed = (x - centre) @ matrix.T + centre + shift
        gaps = np.hypot(*(placed[:, None, :] - y[None, :, :]).transpose(2, 0, 1))
        partner = np.argmin(gaps, axis=1)
        near = gaps[np.arange(len(x)), partner] < reach
        if np.count_nonzero(near) < 3:
            return None
        matrix, shift, scatter = _fit_similarity(x[near] - centre, y[partner[near]] - centre)
        stretch, angle = math.hypot(matrix[0, 0], matrix[1, 0]), math.atan2(matrix[1, 0], matrix[0, 0])
        found = Similarity(stretch, angle, (float(shift[0]), float(shift[1])), int(np.count_nonzero(near)), len(x),
                           scatter)
    return found


def _turn(angle: float) -> np.ndarray:
    return np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])


def _polar_vote(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """The (stretch, rotation) about the centre that most pairs of peaks agree on; (1, 0) when that is as good."""
    r, s = np.hypot(*x.T), np.hypot(*y.T)
    keep_x, keep_y = r > 0.15 * r.max(), s > 0.15 * s.max()
    logs = np.log(s[keep_y])[None, :] - np.log(r[keep_x])[:, None]
    turns = np.arctan2(y[keep_y, 1], y[keep_y, 0])[None, :] - np.arctan2(x[keep_x, 1], x[keep_x, 0])[:, None]
    turns = (turns + math.pi) % (2 * math.pi) - math.pi
    best, votes, still = (0.0, 0.0), 0, 0
    cell = 2.0 / float(np.median(r[keep_x]) + 1)
    near = np.abs(logs) < 0.4
    cells, counts = np.unique(np.stack((np.rint(logs[near] / cell), np.rint(turns[near] / cell)), axis=1), axis=0,
                              return_counts=True)
    for a, b in cells:
        around = (np.abs(cells - (a, b)) <= 1).all(axis=1)
        total = int(counts[around].sum())
        if (a, b) == (0, 0):
            still = total
        if total > votes:
            best, votes = (float(a) * cell, float(b) * cell), total
    return (1.0, 0.0) if votes <= still + 2 else (math.exp(best[0]), best[1])


def _shift_vote(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The shift, to a pixel, that most pairs of peaks agree on; small shifts win ties."""
    moves = np.rint((y[None, :, :] - x[:, None, :]).reshape(-1, 2))
    moves = moves[np.hypot(*moves.T) < 60]
    cells, counts = np.unique(moves, axis=0, return_counts=True)
    if len(cells) == 0:
        return np.zeros(2)
    totals = [int(counts[(np.abs(cells - cell) <= 1).all(axis=1)].sum()) for cell in cells]
    best = max(range(len(cells)), key=lambda i: (totals[i], -float(np.hypot(*cells[i]))))
    return cells[best] if totals[best] > 2 else np.zeros(2)


def _fit_similarity(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Least squares y = M x + t with M a stretch and turn: (M, t, rms distance)."""
    mean_x, mean_y = x.mean(axis=0), y.mean(axis=0)
    u, v = x - mean_x, y - mean_y
    power = float((u**2).sum()) or 1.0
    a = float((u * v).sum()) / power
    b = float((u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]).sum()) / power
    matrix = np.array([[a, -b], [b, a]])
    shift = mean_y - matrix @ mean_x
    rest = x @ matrix.T + shift - y
    return matrix, shift, float(np.sqrt((rest**2).sum(axis=1).mean()))


FINDERS = (find_displaced,)
