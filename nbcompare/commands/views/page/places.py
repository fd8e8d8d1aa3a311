"""Where the pixels of a page lie: what it needs to say resolution, angle and indices of a pixel, by the description of
the command line; and what is marked on the images: regions, peaks and masks."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from nbcompare.bundle.bundle import Bundle
from nbcompare.bundle.names import DATA
from nbcompare.case.arguments.command import parse_command
from nbcompare.case.arguments.options import REFERENCE
from nbcompare.commands.views.page.pair import ShownPair
from nbcompare.compare.image import Roi
from nbcompare.compare.peaks import REACH_PX, PeakPair, PeakTable, find_peaks, match_peaks
from nbcompare.errors import NbCompareError


def geometry(bundle: Bundle, pair: ShownPair) -> dict[str, Any] | None:
    """Vectors of detector, beam and lattice (metres, and the crystal at the middle of its turn) as plain values; None
    where the command says nothing of them, as the words of another program do."""
    from nbcompare.explain.description import describe_command
    from nbcompare.explain.rotation import rotation_about

    if bundle.record.case.own_options or bundle.record.images is not None:
        return None
    command = parse_command(bundle.record.case.arguments(REFERENCE))
    if command.has("-curved_det"):  # its pixels lie on no plane
        return None
    try:
        found = describe_command(command, bundle.folder / DATA, pair.shape)
    except NbCompareError:
        return None
    detector, setting = found.detector, found.setting
    middle = float(np.mean(setting.phis)) if setting.phis else setting.phi
    real = found.lattice.real @ rotation_about(detector.spindle, middle).T if found.lattice else None
    said = {"origin": detector.origin, "fast": detector.fast, "slow": detector.slow, "beam": detector.beam}
    vectors = {name: [float(number) for number in vector] for name, vector in said.items()}
    if not all(math.isfinite(number) for vector in vectors.values() for number in vector):
        return None
    return {**vectors, "pixel": detector.pixel_m, "wavelength": setting.wavelength_A * 1e-10,
            "real": real.tolist() if real is not None else None, "phi_deg": math.degrees(middle)}


def outlines(rois: list[Roi], full: Roi) -> dict[str, list[Any]]:
    """Lines about the regions, and their names, but for the whole frame."""
    shown = [roi for roi in rois if roi.bounds != full.bounds or not roi.is_box]
    lines = [line for roi in shown for line in _lines(roi)]
    return {"xs": [[x for x, _ in line] for _, line in lines], "ys": [[y for _, y in line] for _, line in lines],
            "name": [name for name, _ in lines], "x": [line[0][0] for _, line in lines],
            "y": [line[0][1] for _, line in lines]}


def _lines(roi: Roi) -> list[tuple[str, list[tuple[float, float]]]]:
    if roi.polygon:
        return [(roi.name, [*roi.polygon, roi.polygon[0]])]
    if roi.ring:
        x, y, *radii = roi.ring
        turns = [math.radians(5 * turn) for turn in range(73)]
        return [(roi.name, [(x + radius * math.cos(turn), y + radius * math.sin(turn)) for turn in turns])
                for radius in radii]
    if roi.mask:
        return [(roi.name if not at else "", [*edge]) for at, edge in enumerate(roi.edges())]
    left, right, top, bottom = roi.xmin - 0.5, roi.xmax + 0.5, roi.ymin - 0.5, roi.ymax + 0.5
    return [(roi.name, [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)])]


def peaks(bundle: Bundle, pair: ShownPair) -> dict[str, Any]:
    """The peaks of the comparison: those found again with both places, and those of the reference that were lost."""
    comparison = bundle.record.comparison
    roi = comparison.regions[0].roi if comparison else Roi.full(pair.shape)
    return _peaks(comparison.peaks if comparison else PeakTable((), 0), pair, roi)


def peaks_again(bundle: Bundle, pair: ShownPair) -> dict[str, Any]:
    """The same of another subject, whose peaks are not in the record."""
    comparison = bundle.record.comparison
    roi = comparison.regions[0].roi if comparison else Roi.full(pair.shape)
    found = match_peaks(_plain(pair.reference[roi.slices]), _plain(pair.subject[roi.slices]))
    moved = PeakTable(tuple(PeakPair(*(replace(peak, x=peak.x + roi.xmin, y=peak.y + roi.ymin)
                                       for peak in (one.reference, one.subject))) for one in found.pairs),
                      found.unmatched)
    return _peaks(moved, pair, roi)


def _plain(image: np.ndarray) -> np.ndarray:
    plain: np.ndarray = np.nan_to_num(np.ma.filled(image, 0), posinf=0, neginf=0)
    return plain


def _peaks(table: PeakTable, pair: ShownPair, roi: Roi) -> dict[str, Any]:
    matched = [[p.reference.x, p.reference.y, p.subject.x, p.subject.y, p.reference.intensity, p.subject.intensity]
               for p in table.pairs]
    lost = []
    if table.unmatched:
        found = find_peaks(_plain(pair.reference[roi.slices]))
        places = [(peak.x + roi.xmin, peak.y + roi.ymin, peak.intensity) for peak in found]
        lost = [list(place) for place in places if not any(math.hypot(place[0] - x, place[1] - y) < 0.01
                                                           for x, y, *_ in matched)]
    return {"matched": matched, "lost": lost, "reach": REACH_PX}
