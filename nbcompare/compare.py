"""Comparison: what two float images have in common, figures only. Judging them is verdict.py's work."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nbcompare.errors import ShapeError
from nbcompare.image import Roi, Shape, resample_nearest
from nbcompare.metrics import METRICS, RegionPair, evaluate
from nbcompare.peaks import PeakTable, match_peaks


@dataclass(frozen=True)
class Figure:
    """One metric on one region: a value, or the reason why there is none."""

    metric: str
    value: float | None
    undefined: str | None = None


@dataclass(frozen=True)
class WorstPixel:
    """The pixel of the largest difference (image coordinates) and what each image holds there.

    A pixel that is not finite in one image has no difference; then ``difference`` is None.
    """

    x: int
    y: int
    reference: float | None
    subject: float | None
    difference: float | None


@dataclass(frozen=True)
class RegionComparison:
    """All figures of one region of interest. Sums and maxima are None where not finite."""

    roi: Roi
    figures: tuple[Figure, ...]
    worst: WorstPixel
    reference_sum: float | None
    subject_sum: float | None
    reference_max: float | None
    subject_max: float | None

    def figure(self, metric: str) -> Figure:
        return next(figure for figure in self.figures if figure.metric == metric)


@dataclass(frozen=True)
class Comparison:
    """Figures of every region, the matched peaks of the first one, and notes a reader must know."""

    shape: Shape
    regions: tuple[RegionComparison, ...]
    peaks: PeakTable
    notes: tuple[str, ...] = ()

    def region(self, name: str) -> RegionComparison:
        return next(region for region in self.regions if region.roi.name == name)

    def as_dict(self) -> dict:
        return {"shape": vars(self.shape), "notes": list(self.notes), "peaks": self.peaks.as_dict(),
                "regions": [{"roi": vars(r.roi), "worst": vars(r.worst), "figures": [vars(f) for f in r.figures],
                             **{key: getattr(r, key) for key in _TOTALS}} for r in self.regions]}

    @classmethod
    def from_dict(cls, stored: dict) -> Comparison:
        regions = [RegionComparison(Roi(**r["roi"]), tuple(Figure(**f) for f in r["figures"]),
                                    WorstPixel(**r["worst"]), *(r[key] for key in _TOTALS))
                   for r in stored["regions"]]
        return cls(Shape(**stored["shape"]), tuple(regions), PeakTable.from_dict(stored["peaks"]),
                   tuple(stored["notes"]))


_TOTALS = ("reference_sum", "subject_sum", "reference_max", "subject_max")


def compare_images(reference: np.ndarray, subject: np.ndarray, rois: Sequence[Roi], *,
                   resample: bool = False) -> Comparison:
    """Compare two images [slow, fast] on each region.

    Raises ShapeError when the shapes differ, unless ``resample`` allows the subject to be put on the
    reference's grid by nearest neighbour (which is noted in the comparison).
    """
    notes = []
    if reference.shape != subject.shape:
        ours, theirs = Shape(*reference.shape), Shape(*subject.shape)
        if not resample:
            raise ShapeError(f"the reference is {ours}, the subject {theirs}",
                             hint="make both commands declare one image size, or allow --resample")
        subject = resample_nearest(subject, ours)
        notes.append(f"the subject was resampled from {theirs} to {ours} (nearest neighbour)")
    frame_max = float(np.max(reference, initial=-np.inf, where=np.isfinite(reference)))
    regions = tuple(_compare_region(reference, subject, roi, frame_max) for roi in rois)
    y, x = rois[0].slices
    return Comparison(Shape(*reference.shape), regions, _matched_peaks(reference[y, x], subject[y, x], rois[0]),
                      tuple(notes))


def _compare_region(reference, subject, roi: Roi, frame_max: float) -> RegionComparison:
    pair = RegionPair(reference[roi.slices], subject[roi.slices], frame_max)
    figures = tuple(Figure(name, *evaluate(name, pair)) for name in METRICS)
    with np.errstate(invalid="ignore", over="ignore"):
        totals = (pair.x_sum, pair.y_sum, pair.x_max, pair.y_max)
        worst = _worst_pixel(pair, roi)
    return RegionComparison(roi, figures, worst, *map(finite_or_none, totals))


def _worst_pixel(pair: RegionPair, roi: Roi) -> WorstPixel:
    """The pixel of the largest |difference|; a pixel without one (NaN) is worse than any."""
    size = np.abs(pair.difference)
    at = int(np.argmax(np.where(np.isnan(size), np.inf, size)))
    row, column = divmod(at, roi.xmax - roi.xmin + 1)
    x, y = float(pair.x[at]), float(pair.y[at])
    return WorstPixel(roi.xmin + column, roi.ymin + row, finite_or_none(x), finite_or_none(y), finite_or_none(y - x))


def _matched_peaks(reference, subject, roi: Roi) -> PeakTable:
    """Peaks in the region, in pixels of the whole image; none where an image is not finite."""
    if not (np.isfinite(reference).all() and np.isfinite(subject).all()):
        return PeakTable((), 0)
    table = match_peaks(reference, subject)
    if roi.xmin == roi.ymin == 0:
        return table
    moved = table.as_dict()
    for row in moved["pairs"]:
        for side in ("reference", "subject"):
            row[side] = {**row[side], "x": row[side]["x"] + roi.xmin, "y": row[side]["y"] + roi.ymin}
    return PeakTable.from_dict(moved)


def finite_or_none(value: float) -> float | None:
    """JSON has no NaN: a number that is not finite is written as null."""
    return value if math.isfinite(value) else None
