"""Bragg peaks of two images, matched one to one.

A peak is a pixel brighter than its 5 x 5 neighbourhood. Matching is a one-to-one assignment of
least total distance, so two peaks never share a partner; a pair further apart than ``REACH_PX`` is no
pair. The subject offers twice as many peaks as the reference, so that a change of rank near the end
of the list is not taken for a lost peak.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

from nbcompare.files import SameAgain, dump_json
from nbcompare.later import np

COUNT = 50
REACH_PX = 4.0
_CANDIDATES = 20_000
_FEW = 8
"""Candidates are few where they are less than one of so many pixels."""
_HALF = 2


@dataclass(frozen=True)
class Peak:
    """Centroid (pixels, fast x and slow y) and integrated intensity of the 5 x 5 box."""

    x: float
    y: float
    intensity: float


@dataclass(frozen=True)
class PeakPair:
    reference: Peak
    subject: Peak

    @cached_property
    def distance_px(self) -> float:
        return float(np.hypot(self.subject.x - self.reference.x, self.subject.y - self.reference.y))

    @property
    def intensity_ratio(self) -> float | None:
        return self.subject.intensity / self.reference.intensity if self.reference.intensity else None


@dataclass(frozen=True)
class PeakTable:
    """Peaks of the reference, those found again, and the count of those that were not."""

    pairs: tuple[PeakPair, ...]
    unmatched: int

    def as_dict(self) -> dict[str, Any]:
        """As plain values, which stand in a record and in its summary."""
        return self._said

    @cached_property
    def _said(self) -> dict[str, Any]:
        reference, subject = [p.reference for p in self.pairs], [p.subject for p in self.pairs]
        distances = np.hypot(np.subtract([p.x for p in subject], [p.x for p in reference]),
                             np.subtract([p.y for p in subject], [p.y for p in reference])).tolist()
        rows = [{"reference": vars(pair.reference), "subject": vars(pair.subject), "distance_px": distance,
                 "intensity_ratio": pair.intensity_ratio} for pair, distance in zip(self.pairs, distances, strict=True)]
        table = {"matched": len(self.pairs), "unmatched": self.unmatched, "reach_px": REACH_PX, "pairs": rows}
        return SameAgain(table, _text_of(table))

    def moved(self, x: float, y: float) -> PeakTable:
        """The same table with x and y added to every position."""
        if x == y == 0:
            return self
        pairs = (PeakPair(*(replace(peak, x=peak.x + x, y=peak.y + y) for peak in (pair.reference, pair.subject)))
                 for pair in self.pairs)
        return PeakTable(tuple(pairs), self.unmatched)

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> PeakTable:
        pairs = (PeakPair(Peak(**row["reference"]), Peak(**row["subject"])) for row in stored["pairs"])
        return cls(tuple(pairs), stored["unmatched"])


def _text_of(table: dict[str, Any]) -> str:
    """The table in JSON, row by row by one pattern: there are hundreds of numbers in each of the thousand tables of a
    sweep. Nothing of one with other rows than those of numbers."""
    rows = [(*row["reference"].values(), *row["subject"].values(), row["distance_px"], row["intensity_ratio"])
            for row in table["pairs"]]
    if not rows or any(type(number) is not float or not math.isfinite(number) for row in rows for number in row):
        return ""
    pattern = _pattern_of_row()
    text = dump_json({**table, "pairs": []}).rstrip()
    return text.replace("[]", f"[{','.join(pattern % row for row in rows)}\n  ]")


@cache
def _pattern_of_row() -> str:
    """A row of the table with a place for each number, as it stands in its JSON."""
    peak = dict.fromkeys(("x", "y", "intensity"), "%r")
    text = dump_json({"pairs": [{"reference": peak, "subject": peak, "distance_px": "%r", "intensity_ratio": "%r"}]})
    return text[text.index("[") + 1:text.rindex("\n  ]")].replace('"%r"', "%r")


def find_peaks(image: np.ndarray, count: int = COUNT) -> list[Peak]:
    """The brightest peaks of an image [slow, fast], brightest pixel first."""
    slow, fast = image.shape
    flat = image.ravel()
    floor = max(float(flat.max()) * 1e-4, 0.0)
    candidates = np.flatnonzero(flat > floor)
    if candidates.size > _CANDIDATES:
        brightest = np.argpartition(flat[candidates], -_CANDIDATES)[-_CANDIDATES:]
        candidates = np.sort(candidates[brightest])
    if candidates.size == 0:
        return []
    if candidates.size * _FEW > flat.size:
        candidates = candidates[_brighter_than_beside(image).ravel()[candidates]]
    found = _brighter_than_around(image.shape, flat, candidates)
    found = found[np.argsort(-flat[found], kind="stable")][:count]
    offsets = np.arange(-_HALF, _HALF + 1)
    rows, columns = np.divmod(found, fast)
    box_rows = np.clip(rows[:, None, None] + offsets[None, :, None], 0, slow - 1)
    box_columns = np.clip(columns[:, None, None] + offsets[None, None, :], 0, fast - 1)
    return _centroids(image[box_rows, box_columns].astype(np.float64), box_rows, box_columns)


def _brighter_than_beside(image: np.ndarray) -> np.ndarray:
    """Whether each pixel is brighter than the four next to it, of equals the first: what is asked of candidates below,
    asked at once where these are a good part of all pixels."""
    above = np.ones(image.shape, bool)
    above[1:] &= image[:-1] < image[1:]
    above[:-1] &= image[1:] <= image[:-1]
    above[:, 1:] &= image[:, :-1] < image[:, 1:]
    above[:, :-1] &= image[:, 1:] <= image[:, :-1]
    return above


def _brighter_than_around(shape: tuple[int, ...], flat: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """Of pixels, as places in the ``flat`` image, those that are brighter than all around; of equals the first. The
    nearest neighbours come first: few pixels are left after them."""
    slow, fast = shape
    rows, columns = np.divmod(candidates, fast)
    here = flat[candidates]
    for down, right in _AROUND:
        beside = np.minimum(np.maximum(rows + down, 0), slow - 1) * fast
        beside += np.minimum(np.maximum(columns + right, 0), fast - 1)
        there = flat[beside]
        left = (there < here) | ((there == here) & (beside >= candidates))
        candidates, rows, columns, here = candidates[left], rows[left], columns[left], here[left]
    return candidates


_AROUND = sorted(((down, right) for down in range(-_HALF, _HALF + 1) for right in range(-_HALF, _HALF + 1)),
                 key=lambda at: at[0]**2 + at[1]**2)[1:]


def _centroids(boxes: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> list[Peak]:
    """The peaks in boxes [number, slow, fast] with the rows [number, slow, 1] and columns [number, 1, fast] of their
    pixels; sums over each box in one piece."""
    def sums(of: np.ndarray) -> np.ndarray:
        return np.asarray(of.reshape(len(boxes), -1).sum(axis=1))

    weights = np.maximum(boxes, 0)
    total = sums(weights)
    return [Peak(x, y, intensity) for x, y, intensity in zip(
        (sums(weights * columns) / total).tolist(), (sums(weights * rows) / total).tolist(), sums(boxes).tolist(),
        strict=True)]


def match_peaks(reference: np.ndarray, subject: np.ndarray, count: int = COUNT) -> PeakTable:
    """The peaks of both images [slow, fast] with their one-to-one partners."""
    ours, theirs = find_peaks(reference, count), find_peaks(subject, 2 * count)
    if not ours or not theirs:
        return PeakTable((), len(ours))
    distance = np.hypot(np.subtract.outer([p.x for p in ours], [p.x for p in theirs]),
                        np.subtract.outer([p.y for p in ours], [p.y for p in theirs]))
    pairs = [PeakPair(ours[i], theirs[j]) for i, j in _assigned(np.minimum(distance, 10 * REACH_PX))
             if distance[i, j] <= REACH_PX]
    return PeakTable(tuple(pairs), len(ours) - len(pairs))


def _assigned(cost: np.ndarray) -> list[tuple[int, int]]:
    """The (row, column) pairs of the assignment of least total cost, by rows.

    Where each row has one least cost, and no two rows the same column for it, those are the only such assignment: any
    other costs more in some row. Only where peaks contend for a partner is there something to solve, for which scipy's
    solver is loaded, which takes far longer than all else here.
    """
    nearest = cost.argmin(axis=1)
    alone = (cost == cost.min(axis=1, keepdims=True)).sum(axis=1) == 1
    if alone.all() and len(set(nearest.tolist())) == len(nearest):
        return list(enumerate(nearest.tolist()))
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(cost)
    return list(zip(rows.tolist(), columns.tolist(), strict=True))
