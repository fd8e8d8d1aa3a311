"""Comparison: what two float images have in common, figures only. Judging them is verdict.py's work."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nbcompare.compare.image import Roi, Shape, resample_nearest
from nbcompare.compare.left_out import LeftOut, left_out
from nbcompare.compare.masked_arrays import is_masked, mask_of, values_of
from nbcompare.compare.metrics import METRICS, RegionPair, evaluate
from nbcompare.compare.metrics.shells import radial_profile
from nbcompare.compare.peaks import PeakTable
from nbcompare.compare.weak import WeakRegion, weak_region
from nbcompare.compare.wrong_images import WrongImage, wrong_images
from nbcompare.errors import ShapeError


@dataclass(frozen=True)
class Figure:
    """One metric on one region: a value, or the reason why there is none. ``detail`` says more about the value."""

    metric: str
    value: float | None
    undefined: str | None = None
    detail: str | None = None

    def as_dict(self) -> dict[str, object]:
        """Plain values; the detail only where there is one."""
        more = {} if self.detail is None else {"detail": self.detail}
        return {"metric": self.metric, "value": self.value, "undefined": self.undefined, **more}


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
    """All figures of one region of interest. Sums and maxima are None where not finite; ``weak`` says what there is in
    a region of which little may be resolved, ``left_out`` what was left out of it, and ``wrong_images`` which figures
    images that are wrong for certain would have here."""

    roi: Roi
    figures: tuple[Figure, ...]
    worst: WorstPixel
    reference_sum: float | None
    subject_sum: float | None
    reference_max: float | None
    subject_max: float | None
    weak: WeakRegion | None = None
    left_out: LeftOut | None = None
    wrong_images: tuple[WrongImage, ...] = ()

    def figure(self, metric: str) -> Figure:
        """The figure of that name; one without value when it was not taken."""
        found = (figure for figure in self.figures if figure.metric == metric)
        return next(found, Figure(metric, None, "this figure was not taken"))

    def of_wrong_image(self, name: str, metric: str) -> float | None:
        """The metric for the wrong image of that name; None where no threshold could admit that, or it is not known."""
        return next((image.values.get(metric) for image in self.wrong_images if image.name == name), None)


@dataclass(frozen=True)
class Comparison:
    """Figures of every region, the matched peaks of the first one, and notes a reader must know.

    ``vacuous`` are reasons why the images, or a region of them, show nothing, whatever the figures say;
    ``centre`` is the pixel (x, y) of the direct beam, None where the middle of the image was taken for it.
    """

    shape: Shape
    regions: tuple[RegionComparison, ...]
    peaks: PeakTable
    notes: tuple[str, ...] = ()
    vacuous: tuple[str, ...] = ()
    centre: tuple[float, float] | None = None

    def region(self, name: str) -> RegionComparison | None:
        """The region of that name, or None when it was not compared."""
        return next((region for region in self.regions if region.roi.name == name), None)

    def figure(self, metric: str, roi: str) -> Figure:
        """One metric on one region; without a value when the region was not compared."""
        region = self.region(roi)
        return region.figure(metric) if region else Figure(metric, None, f"the region {roi} was not compared")

    def as_dict(self) -> dict[str, Any]:
        return {"shape": vars(self.shape), "notes": list(self.notes), "vacuous": list(self.vacuous),
                "centre": list(self.centre) if self.centre else None,
                "peaks": self.peaks.as_dict(),
                "regions": [{"roi": r.roi.as_dict(), "worst": vars(r.worst),
                             "figures": [f.as_dict() for f in r.figures],
                             **{key: getattr(r, key) for key in _TOTALS},
                             **({"weak": r.weak.as_dict()} if r.weak else {}),
                             **({"left_out": r.left_out.as_dict()} if r.left_out else {}),
                             **({"wrong_images": {image.name: dict(image.values) for image in r.wrong_images}}
                                if r.wrong_images else {})} for r in self.regions]}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Comparison:
        return cls(Shape(**stored["shape"]), tuple(map(_region_from, stored["regions"])),
                   PeakTable.from_dict(stored["peaks"]), tuple(stored["notes"]), tuple(stored["vacuous"]),
                   tuple(stored["centre"]) if stored["centre"] else None)


def _region_from(stored: dict[str, Any]) -> RegionComparison:
    found = RegionComparison(Roi.from_dict(stored["roi"]), tuple(Figure(**f) for f in stored["figures"]),
                             WorstPixel(**stored["worst"]), *(stored[key] for key in _TOTALS))
    return replace(found, weak=WeakRegion.from_dict(stored["weak"]) if "weak" in stored else None,
                   left_out=LeftOut.from_dict(stored["left_out"]) if "left_out" in stored else None,
                   wrong_images=tuple(WrongImage(name, values)
                                      for name, values in stored.get("wrong_images", {}).items()))


MASK_FIGURES = ("masked_fraction", "mask_mismatch")
"""What is told of every region of masked images."""

Masks = tuple[np.ndarray, np.ndarray]
"""Masks of the reference and of the subject: boolean arrays [slow, fast], True where a pixel is no measurement."""

_TOTALS = ("reference_sum", "subject_sum", "reference_max", "subject_max")


def compare_images(reference: np.ndarray, subject: np.ndarray, rois: Sequence[Roi], *, resample: bool = False,
                   further: Collection[tuple[str, str]] = (), centre: tuple[float, float] | None = None,
                   with_peaks: bool = True, masks: Masks | None = None, skip_nonfinite: bool = False) -> Comparison:
    """Compare two images [slow, fast] on each region.

    Every region gets the default metrics; ``further`` names (metric, region) pairs to add. ``centre`` is
    the pixel (x fast, y slow) of the direct beam, the middle of the image when not known; the table of
    peaks is left empty, which is quicker, where it is not asked for. ``masks`` are those of the reference and of
    the subject, boolean arrays [slow, fast], True where a pixel is no measurement: such pixels, and with
    ``skip_nonfinite`` those that are NaN or infinite in either image, take no part (see RegionPair); an image that is
    a numpy masked array brings its mask along. Raises
    ShapeError when the shapes differ, unless ``resample`` allows the subject to be put on the reference's grid by
    nearest neighbour (which is noted in the comparison), or when a mask has another shape than its image.
    """
    notes = []
    masks = _masks_of(reference, subject, masks)
    reference, subject = values_of(reference), values_of(subject)
    _refuse_other_shapes(masks, reference, subject)
    if reference.shape != subject.shape:
        ours, theirs = Shape(*reference.shape), Shape(*subject.shape)
        if not resample:
            raise ShapeError(f"the reference is {ours}, the subject {theirs}",
                             hint="make both commands declare one image size, or allow --resample")
        subject = resample_nearest(subject, ours)
        masks = (masks[0], resample_nearest(masks[1], ours)) if masks else None
        notes.append(f"the subject was resampled from {theirs} to {ours} (nearest neighbour)")
    peak = brightest(reference if masks is None else reference[~(masks[0] | masks[1])])
    pairs = [region_pair(reference, subject, roi, centre, peak, masks, skip_nonfinite=skip_nonfinite) for roi in rois]
    regions = tuple(_compare_region(pair, roi, further) for pair, roi in zip(pairs, rois, strict=True))
    notes += [f"region {region.roi.name} is {region.weak.sentence}" for region in regions if region.weak]
    notes += [f"weak: region {region.roi.name}: {sentence}" for region in regions if region.left_out
              for sentence in region.left_out.sentences]
    peaks = pairs[0].peaks.moved(*pairs[0].origin) if with_peaks else PeakTable((), 0)
    return Comparison(Shape(*reference.shape), regions, peaks, tuple(notes),
                      tuple(_vacuous(reference, subject, pairs, rois)), centre)


def _masks_of(reference: np.ndarray, subject: np.ndarray, masks: Masks | None) -> Masks | None:
    """The masks that are given, and those of the images themselves where they are masked arrays."""
    if not is_masked(reference, subject):
        return masks
    own = mask_of(reference), mask_of(subject)
    return (own[0] | masks[0], own[1] | masks[1]) if masks else own


def _refuse_other_shapes(masks: Masks | None, *images: np.ndarray) -> None:
    for name, mask, image in zip(("reference", "subject"), masks or (), images, strict=False):
        if mask.shape != image.shape:
            raise ShapeError(f"the mask of the {name} is {Shape(*mask.shape)}, its image {Shape(*image.shape)}")


def region_pair(reference: np.ndarray, subject: np.ndarray, roi: Roi,
                centre: tuple[float, float] | None = None, frame_max: float | None = None,
                masks: Masks | None = None, *, skip_nonfinite: bool = False) -> RegionPair:
    """The region of two images of one shape, with what a metric needs to know of the whole."""
    slow, fast = reference.shape
    return RegionPair(reference[roi.slices], subject[roi.slices],
                      brightest(reference) if frame_max is None else frame_max, origin=(roi.xmin, roi.ymin),
                      centre=centre or ((fast - 1) / 2, (slow - 1) / 2),
                      masks=(masks[0][roi.slices], masks[1][roi.slices]) if masks else None,
                      outside=roi.outside(), skip_nonfinite=skip_nonfinite)


def radial_profiles(reference: np.ndarray, subject: np.ndarray, rois: Sequence[Roi],
                    centre: tuple[float, float] | None, *, skip_nonfinite: bool = False) -> dict[str, Any]:
    """Plain values: the ratio of two images of one shape ring by ring about the direct beam, for each region."""
    masks = _masks_of(reference, subject, None)
    reference, subject = values_of(reference), values_of(subject)
    pairs = {roi.name: region_pair(reference, subject, roi, centre, None, masks, skip_nonfinite=skip_nonfinite)
             for roi in rois}
    used = next(iter(pairs.values())).centre
    return {"centre_px": list(used), "centre_from": "the reference's output" if centre else "the middle of the image",
            "regions": {name: [vars(ring) for ring in radial_profile(pair)] for name, pair in pairs.items()}}


def brightest(image: np.ndarray) -> float:
    """The largest finite pixel of an image; -inf when there is none."""
    if not image.size:
        return -math.inf
    largest = float(image.max())
    if math.isfinite(largest):
        return largest
    return float(np.max(image, initial=-np.inf, where=np.isfinite(image)))


def _compare_region(pair: RegionPair, roi: Roi, further: Collection[tuple[str, str]]) -> RegionComparison:
    names = [name for name in METRICS if METRICS[name].default or (name, roi.name) in further]
    names += sorted(name for name, region in further if region == roi.name and name not in names)
    if pair.masks is not None:
        names += [name for name in MASK_FIGURES if name not in names]
    figures = tuple(Figure(name, *evaluate(name, pair)) for name in names)
    sums = pair.sums
    return RegionComparison(roi, figures, _worst_pixel(pair, roi), finite_or_none(sums.x_sum),
                            finite_or_none(sums.y_sum), finite_or_none(sums.x_max), finite_or_none(sums.y_max),
                            weak_region(pair, roi.weak_allowed), left_out(pair),
                            wrong_images(pair, names, {figure.metric: figure.value for figure in figures}))


def _vacuous(reference: np.ndarray, subject: np.ndarray, pairs: Sequence[RegionPair], rois: Sequence[Roi]) -> list[str]:
    """Images without a picture in them, and regions without signal."""
    said = [constant_image(name, image.flat[0]) for name, image in (("reference", reference), ("subject", subject))
            if _is_constant(image)]
    return said + [f"region {roi.name}: {fault}" for pair, roi in zip(pairs, rois, strict=True)
                   if (fault := pair.no_signal or (None if said else _constant_region(pair)))]


def constant_image(name: str, value: float) -> str:
    """What is said of an image of which every pixel has one value."""
    return f"the {name} image is constant: every pixel is {value:g}"


def _constant_region(pair: RegionPair) -> str | None:
    """Why a region of several pixels shows nothing, or None."""
    sums = pair.sums
    return f"every reference pixel here is {sums.x_max:.6g}" if sums.count > 1 and sums.x_max == sums.x_min else None


def _is_constant(image: np.ndarray) -> bool:
    """Whether all pixels are equal; a few of them are looked at first, as most images differ there already."""
    few = image.ravel()[::4099]
    return bool(few.min() == few.max() and image.min() == image.max())


def _worst_pixel(pair: RegionPair, roi: Roi) -> WorstPixel:
    """The pixel of the largest |difference|; a pixel without one (NaN) is worse than any."""
    row, column = pair.worst_at
    x, y = float(pair.reference[row, column]), float(pair.subject[row, column])
    return WorstPixel(roi.xmin + column, roi.ymin + row, finite_or_none(x), finite_or_none(y), finite_or_none(y - x))


def finite_or_none(value: float) -> float | None:
    """JSON has no NaN: a number that is not finite is written as null."""
    return value if math.isfinite(value) else None
