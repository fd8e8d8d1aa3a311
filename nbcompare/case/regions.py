"""Regions of interest as a case writes them: the whole image, a box, a polygon, or a resolution ring.

    rois:
      full: full
      box: [100, 156, 100, 156]
      spot: {polygon: [[10, 12], [20, 11], [18, 25]]}
      water: {resolution: [4.0, 3.0], wavelength_A: 0.98, distance_mm: 200, pixel_mm: 0.172, beam_px: [120.5, 118]}
      tilted: {resolution: [4.0, 3.0], described: geometry.json}   # an input: what -describe printed
      sensor: {file: sensor.cbf}     # an input of the case: its pixels that are not zero

    weak: {allowed: why a region in which little can be resolved is judged, rois: [box]}   # without rois, every region

Corners are pixels (x fast, y slow; pixel centres are whole numbers). A ring lies between two Bragg spacings in A, on a
flat detector that the beam meets at right angles: r = D tan(2 asin(lambda / 2d)) / pixel, about ``beam_px``; on any
other as its description says (described_ring.py).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from nbcompare.case.described_ring import ring_of
from nbcompare.case.parts import NAME, known_word
from nbcompare.case.reading.all_faults import reading_on
from nbcompare.case.reading.strict_yaml import Cursor
from nbcompare.compare.image import Roi, Shape
from nbcompare.errors import FileError, NbCompareError
from nbcompare.formats.declared import Declared
from nbcompare.formats.read import read_image

if TYPE_CHECKING:
    import numpy as np

_RING = ("resolution", "wavelength_A", "distance_mm", "pixel_mm", "beam_px")
_MOST_CORNERS = 200
FULL = "full"
MOST_REGIONS = 1000
"""Of more nobody reads the figures, and what one of them hides is not found."""
_MOST_TEXT = 500_000
"""Characters of the outline of a region, of which a record holds several."""


Files = Mapping[str, Path]
"""Where the inputs of a case lie, by name."""


def rois_of(cursor: Cursor, shape: Shape, files: Files) -> tuple[Roi, ...]:
    """The section ``rois``; ``files`` are inputs that may hold the pixels of a region. Raises CaseError with its
    place."""
    entries = cursor.mapping()
    if not entries:
        raise cursor.error("rois must name at least one region")
    if len(entries) > MOST_REGIONS:
        raise cursor.error(f"rois names {len(entries)} regions; a case has {MOST_REGIONS} at most")
    found = []
    for name, entry in entries.items():
        with reading_on():
            found.append(_refuse_part_as_whole(name, entry, _roi(name, entry, shape, files), shape))
    return tuple(found)


def weak_allowed_in(cursor: Cursor | None, rois: tuple[Roi, ...]) -> tuple[Roi, ...]:
    """The regions, those that the section ``weak`` names with its reason. Raises CaseError with its place."""
    if cursor is None:
        return rois
    entries = cursor.mapping(known=("allowed", "rois"), required=("allowed",))
    names = [roi.name for roi in rois]
    named = [known_word(entry, names, "region") for entry in entries["rois"].items()] if "rois" in entries else names
    return allow_weak(rois, entries["allowed"].text(), named)


def files_of_regions(cursor: Cursor) -> frozenset[str]:
    """The inputs that say which pixels are a region of the section ``rois``."""
    named = (entry.mapping().get(key) for entry in cursor.mapping().values() if entry.kind == "mapping"
             for key in ("file", "described"))
    return frozenset(entry.text() for entry in named if entry is not None)


def allow_weak(rois: Sequence[Roi], why: str | None, named: Iterable[str] | None = None) -> tuple[Roi, ...]:
    """The regions, of which those named (or all) may be weak for this reason; as they are where there is none."""
    chosen = {roi.name for roi in rois} if named is None else set(named)
    return tuple(replace(roi, weak_allowed=why) if why and roi.name in chosen else roi for roi in rois)


def _roi(name: str, cursor: Cursor, shape: Shape, files: Files) -> Roi:
    if not NAME.fullmatch(name):
        raise cursor.error(f"the region name {name!r} must be letters, digits, '.', '_' and '-'")
    if cursor.kind == "text":
        if cursor.text() != FULL:
            raise cursor.error(f"region {name} must be the word full, [xmin, xmax, ymin, ymax], a polygon or a "
                               "resolution ring")
        return Roi.full(shape, name)
    if cursor.kind == "mapping":
        entries = cursor.mapping(known=("polygon", *_RING, "described", "file", "read"))
        if "file" in entries:
            if not entries.keys() <= {"file", "read"}:
                raise cursor.error(f"region {name} is that of a file, with nothing beside")
            return _of_file(name, cursor, shape, files)
        if "polygon" in entries:
            if len(entries) > 1:
                raise cursor.error(f"region {name} is a polygon or a ring, not both")
            return _polygon(name, entries["polygon"], shape)
        if "described" in entries:
            return _described_ring(name, cursor, shape, files)
        return _ring(name, cursor, shape)
    bounds = [entry.integer() for entry in cursor.items()]
    if len(bounds) != 4:
        raise cursor.error(f"region {name} needs four numbers xmin, xmax, ymin, ymax; found {len(bounds)}")
    roi = Roi(name, *bounds)
    fault = roi.fault_in(shape)
    if fault:
        raise cursor.error(f"region {name}: {fault}")
    return roi


def _refuse_part_as_whole(name: str, cursor: Cursor, roi: Roi, shape: Shape) -> Roi:
    """A region called full is the whole image: every table says by its name what was judged."""
    whole = Roi.full(shape, roi.name)
    if name.lower() == FULL and (roi.polygon or roi.ring or roi.mask or roi.slices != whole.slices):
        raise cursor.error(f"region {name} is not the whole image, which is what its name says; call it something else")
    return roi


def _of_file(name: str, cursor: Cursor, shape: Shape, files: Files) -> Roi:
    entries = cursor.mapping(known=("file", "read"))
    path = files[known_word(entries["file"], files, "input that is a file")]
    try:
        read = Declared.of(entries["read"].text(), "read") if "read" in entries else Declared()
        inside = read_image(path, read).pixels != 0
    except NbCompareError as fault:
        raise cursor.error(f"region {name}: {fault.message}") from None
    if inside.shape != (shape.slow, shape.fast):
        raise cursor.error(f"region {name}: {path.name} holds {Shape(*inside.shape)}, the image is {shape}")
    if not inside.any():
        raise cursor.error(f"region {name}: every pixel of {path.name} is zero, so it holds the centre of no pixel")
    return _of_pixels(name, inside, cursor, path)


def _described_ring(name: str, cursor: Cursor, shape: Shape, files: Files) -> Roi:
    entries = cursor.mapping(known=("resolution", "described"), required=("resolution", "described"))
    path = files[known_word(entries["described"], files, "input that is a file")]
    dmin, dmax = sorted(_pair(entries["resolution"]))
    if not 0 < dmin < dmax:
        raise cursor.error(f"region {name}: two spacings [dmax, dmin] that differ are needed, above 0")
    try:
        inside = ring_of(path, shape, dmax, dmin)
    except FileError as fault:
        raise cursor.error(f"region {name}: {fault.message}") from None
    if not inside.any():
        raise cursor.error(f"region {name} holds the centre of no pixel")
    return _of_pixels(name, inside, cursor, path)


def _of_pixels(name: str, inside: np.ndarray, cursor: Cursor, path: Path) -> Roi:
    found = Roi.of_mask(name, inside)
    if len(found.mask) > _MOST_TEXT:
        raise cursor.error(f"region {name}: {path.name} has too ragged an outline for a region",
                           hint="leave its pixels out instead: mask: {file: ...}")
    return found


def _polygon(name: str, cursor: Cursor, shape: Shape) -> Roi:
    corners = [_pair(entry) for entry in cursor.items()]
    if not 3 <= len(corners) <= _MOST_CORNERS:
        raise cursor.error(f"region {name}: a polygon has 3 to {_MOST_CORNERS} corners, found {len(corners)}")
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    box = (math.ceil(min(xs)), math.floor(max(xs)), math.ceil(min(ys)), math.floor(max(ys)))
    if box[0] > box[1] or box[2] > box[3]:
        raise cursor.error(f"region {name} holds the centre of no pixel")
    return _inside(cursor, Roi(name, *box, polygon=tuple(corners)), shape)


def _ring(name: str, cursor: Cursor, shape: Shape) -> Roi:
    entries = cursor.mapping(known=_RING, required=_RING)
    wavelength, distance, pixel = (entries[key].number() for key in ("wavelength_A", "distance_mm", "pixel_mm"))
    low, high = sorted(_pair(entries["resolution"]), reverse=True)
    if not (min(wavelength, distance, pixel) > 0 and high > wavelength / math.sqrt(2) and low > high):
        raise cursor.error(f"region {name}: two spacings [dmax, dmin] that differ, positive numbers, and a diffraction "
                           "angle below 90 degrees (dmin above wavelength / sqrt 2) are needed")
    inner, outer = (distance * math.tan(2 * math.asin(wavelength / (2 * spacing))) / pixel for spacing in (low, high))
    x, y = _pair(entries["beam_px"])
    box = (max(0, math.floor(x - outer)), min(shape.fast - 1, math.ceil(x + outer)),
           max(0, math.floor(y - outer)), min(shape.slow - 1, math.ceil(y + outer)))
    return _inside(cursor, Roi(name, *box, ring=(x, y, inner, outer)), shape)


def _pair(cursor: Cursor) -> tuple[float, float]:
    numbers = [entry.number() for entry in cursor.items()]
    if len(numbers) != 2:
        raise cursor.error(f"{cursor.name} needs two numbers, found {len(numbers)}")
    return numbers[0], numbers[1]


def _inside(cursor: Cursor, roi: Roi, shape: Shape) -> Roi:
    """The region, if it lies in the image and holds a pixel."""
    fault = roi.fault_in(shape)
    if fault:
        raise cursor.error(f"region {roi.name}: {fault}")
    outside = roi.outside()
    if outside is not None and outside.all():
        raise cursor.error(f"region {roi.name} holds the centre of no pixel")
    return roi
