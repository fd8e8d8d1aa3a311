"""Data cause: parts of the detector between straight edges, panels, have gains of their own.

The ratio of the images is constant up to an edge and another constant behind it. Spots of another brightness give that
as well where nothing is lit between them; so light has to cross the edge, and to change there from one pixel to the
next, or over a gap between modules, which is where edges are.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nbcompare.explain.diagnose import causes
from nbcompare.explain.diagnose.cause import Cause, carried_out
from nbcompare.explain.diagnose.question import Question

_MOST_PANELS = 8
_NARROWEST = 4
_EDGE = 5e-5
"""Gains that differ by less than this share are one."""

_LIT = 1e-5
"""Share of the peak from which on a pixel tells a gain."""

_FEWEST_ACROSS = 3
"""So many pixels must be lit on both sides of an edge."""


def find_panels(question: Question) -> Iterator[Cause]:
    """Bands of rows, or of columns, with one gain each."""
    pair = question.pair
    if pair.agree or not pair.all_finite:
        return
    for axis, words in ((0, "row"), (1, "column")):
        x, y, there = (image if axis == 0 else image.T for image in (pair.x, pair.y, pair.measured))
        found = _bands(x, y, np.asarray(there.any(axis=1)), _LIT * pair.peak)
        if found is None:
            continue
        starts, gains = found
        each = np.repeat(gains, np.diff([*starts, len(x)]))[:, None]
        proof = pair.prove(pair.x * (each if axis == 0 else each.T))
        if proof.holds:
            told = ", ".join(f"from {words} {start} on {gain:.6g}" for start, gain in zip(starts, gains, strict=True))
            yield carried_out(causes.PANEL_GAIN, f"parts of the detector have gains of their own: {told}",
                              ("light crosses the edges, and changes there",),
                              residual=proof.residual, left=proof.left, what="bands scaled", confidence=0.96, prior=0.5)


def _bands(x: np.ndarray, y: np.ndarray, there: np.ndarray,
           least: float) -> tuple[list[int], list[float]] | None:
    """(first row, gain) of bands of rows; None where the gain of rows does not stay the same between a few edges.
    ``there`` says of each row whether it holds a measurement."""
    power = np.einsum("ij,ij->i", x, x)
    lit = np.flatnonzero(power > least**2)
    if lit.size < 2 * _NARROWEST:
        return None
    gain = np.einsum("ij,ij->i", x, y)[lit] / power[lit]
    edges = np.flatnonzero(np.abs(np.diff(gain)) > _EDGE * np.abs(gain[:-1])) + 1
    if not 1 <= edges.size < _MOST_PANELS or np.diff([0, *edges, lit.size]).min() < _NARROWEST:
        return None
    bands = np.split(gain, edges)
    if min(float(band.min()) for band in bands) <= 0 or not all(_crossed(x, there, lit[edge], least)
                                                                for edge in edges):
        return None
    return [0, *(int(lit[edge]) for edge in edges)], [float(np.median(band)) for band in bands]


def _crossed(x: np.ndarray, there: np.ndarray, row: int, least: float) -> bool:
    """Whether light crosses the edge before a row, from the last row that holds a measurement."""
    before = int(np.max(np.flatnonzero(there[:row]), initial=-1))
    return before >= 0 and int(np.count_nonzero((x[before] > least) & (x[row] > least))) >= _FEWEST_ACROSS


FINDERS = (find_panels,)
