"""Two images that already exist, compared and judged: no engine is run.

The same figures, thresholds, words and exit codes as for a case. What an image file says of its geometry is held
against the other's, as two images of two experiments are no pair.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from nbcompare.case.arguments.options import REFERENCE, SUBJECT
from nbcompare.case.case import Case
from nbcompare.case.masking import AS_IT_IS, NO_RULES
from nbcompare.case.regions import allow_weak
from nbcompare.case.threshold import Threshold
from nbcompare.case.weak_thresholds import weaknesses
from nbcompare.compare.compare import Comparison, Figure, Masks, compare_images
from nbcompare.compare.image import Roi, Shape
from nbcompare.compare.masks import MaskRules
from nbcompare.errors import FileError, ShapeError, UsageError, gathered
from nbcompare.files import sha256_of
from nbcompare.formats.declared import GEOMETRY, Declared, ImageFile
from nbcompare.formats.read import read_image
from nbcompare.run.images.targets import ANY_DIFFERENCE, image_targets
from nbcompare.verdict.verdict import Label, Verdict, judge, not_comparable

FAIL, COMPARE = "fail", "compare"
"""Pixels that are NaN or infinite are an error, or are left out of the figures and counted."""


@dataclass(frozen=True)
class ImagePairOptions:
    """What the user said beside the two files.

    ``declared`` says how the reference's and the subject's file are read, ``rules`` which pixels of either are masked
    by value (``own_rules`` those of the subject, where they are others), ``mask`` names a file whose non-zero pixels
    are masked in both. ``rois`` and ``thresholds`` are empty where the whole image is judged by the default.
    """

    declared: tuple[Declared, Declared] = (AS_IT_IS, AS_IT_IS)
    rules: MaskRules = NO_RULES
    own_rules: MaskRules | None = None
    mask: Path | None = None
    mask_declared: Declared = AS_IT_IS
    rois: tuple[Roi, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    nan: str = FAIL
    resample: bool = False
    allow_weak: str | None = None

    @property
    def rules_of_subject(self) -> MaskRules:
        return self.rules if self.own_rules is None else self.own_rules


@dataclass(frozen=True)
class JudgedFiles:
    """What came out: both files with their sums, the figures, the verdict, and what there is to say beside it."""

    files: Mapping[str, ImageFile]
    sums: Mapping[str, str]
    masked: Mapping[str, int]
    comparison: Comparison | None
    verdict: Verdict
    notes: tuple[str, ...]
    cause: str | None = None
    rois: tuple[Roi, ...] = ()
    thresholds: tuple[Threshold, ...] = ()

    @property
    def pixels(self) -> tuple[str, ...]:
        """For each region how many pixels differ at all, and the worst of them, whatever is judged."""
        regions = self.comparison.regions if self.comparison else ()
        figures = [(region.roi.name, region.figure(ANY_DIFFERENCE)) for region in regions]
        return tuple(f"{name}: {_differing(figure)}" for name, figure in figures if figure.value is not None)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for machines."""
        return {
            "schema_version": 1, "kind": "nb-compare images", "verdict": self.verdict.as_dict(),
            "notes": list(self.notes), "cause": self.cause,
            "images": {role: {"file": str(file.path), "sha256": self.sums[role], "format": file.format,
                              "dtype": file.dtype, "shape": list(file.pixels.shape), "masked": self.masked[role],
                              "header": dict(file.header)} for role, file in self.files.items()},
            "comparison": self.comparison.as_dict() if self.comparison else None,
        }


def compare_files(reference: Path, subject: Path, options: ImagePairOptions) -> JudgedFiles:
    """Read, compare and judge two image files.

    Raises UsageError for a file against itself or a region outside the image, FileError for what cannot be read or
    holds pixels that are no number, and ShapeError for a mask of another shape.
    """
    if os.path.exists(reference) and os.path.exists(subject) and os.path.samefile(reference, subject):
        raise UsageError(f"{subject} is {reference}: a file compared with itself shows nothing")
    named = [(reference, options.declared[0]), (subject, options.declared[1]),
             *([(options.mask, options.mask_declared)] if options.mask else [])]
    read = gathered([partial(read_image, path, declared) for path, declared in named])
    files = dict(zip((REFERENCE, SUBJECT), read, strict=False))
    masks = _masks(files, options, read[2] if options.mask else None)
    if options.nan == FAIL:
        _refuse_nonfinite(files, masks)
    rois, thresholds = _asked(files, masks, options)
    pair = JudgedFiles(files, {role: sha256_of(file.path) for role, file in files.items()},
                     {role: int(np.count_nonzero(masks[at])) if masks else 0 for at, role in enumerate(files)}, None,
                     not_comparable(""), (*_notes(files), *_marks(files, masks),
                                          *(weak.sentence for weak in weaknesses(thresholds, rois))),
                     None, rois, thresholds)
    try:
        comparison = compare_images(files[REFERENCE].pixels, files[SUBJECT].pixels, rois, resample=options.resample,
                                    further={*((t.metric, t.roi) for t in thresholds),
                                             *((ANY_DIFFERENCE, roi.name) for roi in rois)}, masks=masks,
                                    skip_nonfinite=options.nan == COMPARE)
    except ShapeError as fault:
        return replace(pair, verdict=not_comparable(fault.message))
    verdict = judge(comparison, thresholds)
    cause = _cause(files, masks) if verdict.word is Label.FAIL else None
    return replace(pair, comparison=comparison, verdict=verdict, cause=cause)


# --- which pixels -----------------------------------------------------------------------------------------


def _masks(files: Mapping[str, ImageFile], options: ImagePairOptions, mask: ImageFile | None) -> Masks | None:
    """The mask of each image: what its file says, the rules, and the mask file. None where nothing says
    that a pixel is masked."""
    given = mask.pixels != 0 if mask else None
    found = []
    for role, file in files.items():
        masked = (options.rules if role == REFERENCE else options.rules_of_subject).of(file.pixels)
        if file.masked is not None:
            masked |= file.masked
        if given is not None:
            if given.shape != masked.shape:
                raise ShapeError(f"{options.mask}: the mask is {Shape(*given.shape)}, the {role} is "
                                 f"{Shape(*masked.shape)}")
            masked |= given
        found.append(masked)
    nothing = given is None and all(file.masked is None for file in files.values())
    if nothing and options.rules == options.rules_of_subject == NO_RULES:
        return None
    return found[0], found[1]


def _refuse_nonfinite(files: Mapping[str, ImageFile], masks: Masks | None) -> None:
    """Raises FileError that names both images, where pixels that are not masked are NaN or infinite."""
    said = []
    for place, file in enumerate(files.values()):
        bad = ~np.isfinite(file.pixels)
        if masks:
            bad &= ~masks[place]
        if bad.any():
            said.append(f"{file.path}: {np.count_nonzero(bad)} of {bad.size} pixels are NaN or infinite")
    if said:
        raise FileError("; ".join(said), hint="--nan compare leaves them out of the figures and counts them")


def _asked(files: Mapping[str, ImageFile], masks: Masks | None,
           options: ImagePairOptions) -> tuple[tuple[Roi, ...], tuple[Threshold, ...]]:
    """Regions, checked against the image, and thresholds; each region gets the default ones where none is given."""
    reference, subject = files[REFERENCE].pixels, files[SUBJECT].pixels
    shape = Shape(*reference.shape)
    rois = allow_weak(options.rois or (Roi.full(shape),), options.allow_weak)
    for roi in rois:
        fault = roi.fault_in(shape)
        if fault:
            raise UsageError(f"region {roi.name}: {fault}")
    if options.thresholds:
        return rois, options.thresholds
    return rois, tuple(image_targets(reference, subject, masks, rois))


# --- what there is to say ---------------------------------------------------------------------------------


def _differing(figure: Figure) -> str:
    said = figure.detail or ""
    return said.replace(" pixels, the", " pixels differ, the") if figure.value else f"{said} differs"


def _notes(files: Mapping[str, ImageFile]) -> Iterator[str]:
    reference, subject = files[REFERENCE], files[SUBJECT]
    if reference.dtype != subject.dtype:
        yield f"the reference holds {reference.dtype}, the subject {subject.dtype}; both are compared as they are"
    for key, relative in GEOMETRY.items():
        ours, theirs = reference.header.get(key), subject.header.get(key)
        if ours is not None and theirs is not None and abs(theirs - ours) > relative * abs(ours):
            yield f"the headers differ: {key} is {ours:.8g} in the reference, {theirs:.8g} in the subject"


def _marks(files: Mapping[str, ImageFile], masks: Masks | None) -> Iterator[str]:
    """Whole numbers that detectors mark gaps with, where nothing says whether they are that here."""
    for place, (role, file) in enumerate(files.items()):
        if file.pixels.dtype.kind not in "iu":
            continue
        signed = file.pixels.dtype.kind == "i"
        marks = file.pixels < 0 if signed else file.pixels == np.iinfo(file.pixels.dtype).max
        if masks:
            marks = marks & ~masks[place]
        if marks.any():
            value = "negative" if signed else str(np.iinfo(file.pixels.dtype).max)
            option = "--mask-below 0" if signed else f"--mask-equals {value}"
            yield (f"{np.count_nonzero(marks)} pixels of the {role} are {value} and count as photons; where they are "
                   f"gaps, {option} leaves them out")


def _cause(files: Mapping[str, ImageFile], masks: Masks | None) -> str | None:
    """What the images alone tell of a difference, in a sentence."""
    from nbcompare.explain.diagnose import top_cause

    images = [_plain(file, masks) for file in files.values()]
    if images[0].shape != images[1].shape:
        return None
    return top_cause(images[0], images[1], (), files[REFERENCE].path.parent)


def plain_pair(files: Mapping[str, ImageFile], options: ImagePairOptions) -> tuple[np.ndarray, np.ndarray]:
    """Both images as the diagnosis takes them, of one shape."""
    masks = _masks(files, options, read_image(options.mask, options.mask_declared) if options.mask else None)
    return _plain(files[REFERENCE], masks), _plain(files[SUBJECT], masks)


def _plain(file: ImageFile, masks: Masks | None) -> np.ndarray:
    """The image as the diagnosis takes it: float32, zero where a pixel is masked in either image or is no number."""
    with np.errstate(over="ignore"):  # what float32 cannot hold is 0, as what is no number
        pixels = np.nan_to_num(file.pixels.astype(np.float32), posinf=0.0, neginf=0.0)
    if masks and masks[0].shape == masks[1].shape == pixels.shape:
        pixels[masks[0] | masks[1]] = 0
    return pixels


def with_masking(options: ImagePairOptions, case: Case) -> ImagePairOptions:
    """What a case says of masks and NaN, where the command line says nothing of them."""
    nan = case.nan if options.nan == FAIL else options.nan
    if not case.masking.any or options.mask or options.rules != NO_RULES:
        return replace(options, nan=nan)
    own = {entry.name: case.folder / (entry.file or entry.name) for entry in case.inputs}
    mask = own[case.masking.file] if case.masking.file else None
    return replace(options, nan=nan, rules=case.masking.reference, own_rules=case.masking.subject, mask=mask,
                   mask_declared=case.masking.read)


def regions_of(text: Sequence[tuple[int, int, int, int]]) -> tuple[Roi, ...]:
    """The regions of --roi: the first is called roi, further ones roi2, roi3 and so on."""
    return tuple(Roi("roi" if not at else f"roi{at + 1}", *bounds) for at, bounds in enumerate(text))
