"""By how many whole pixels an image may have been moved: what bright spots vote for, or what correlates best."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nbcompare.explain.diagnose.image_pair import ImagePair, largest

_SPOTS = 60
_MOST_CORRELATED = 1_000_000
"""Pixels up to which images are correlated for a shift."""
NEAR_SHIFTS = [(dy, dx) for dy in range(-3, 4) for dx in range(-3, 4)]
"""Shifts that are tried as they are where nothing stands out that could be found again: on a slope, say."""


def brightest(image: np.ndarray, count: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """(rows, columns) of so many pixels."""
    return np.divmod(largest(image, count), image.shape[1])


def moved_spots(operation: Callable[[np.ndarray], np.ndarray], spots: tuple[np.ndarray, ...],
                pair: ImagePair) -> tuple[np.ndarray, ...]:
    """Where an operation puts spots: found by laying it on the corners of the image."""
    rows, columns, values = spots
    number = operation(np.arange(4).reshape(2, 2))
    at = {int(number[r, c]): (r, c) for r in range(2) for c in range(2)}
    flip_r, flip_c = at[0]
    exchanged = at[2][0] == flip_r
    a, b = (columns, rows) if exchanged else (rows, columns)
    size_a, size_b = (pair.fast, pair.slow) if exchanged else (pair.slow, pair.fast)
    return (size_a - 1 - a if flip_r else a), (size_b - 1 - b if flip_c else b), values


def voted_shifts(ours: tuple[np.ndarray, ...], theirs: tuple[np.ndarray, ...],
                 pair: ImagePair) -> list[tuple[int, int]]:
    """The shifts (dy, dx), modulo the image, that most pairs of equally bright local maxima agree on."""
    if len(ours[0]) < 2 or len(theirs[0]) < 2:
        return []
    ratio = theirs[2][None, :] / ours[2][:, None]
    alike = np.abs(ratio - 1) < 1e-4
    dy = (theirs[0][None, :] - ours[0][:, None])[alike] % pair.slow
    dx = (theirs[1][None, :] - ours[1][:, None])[alike] % pair.fast
    if dy.size == 0:
        return []
    moves, votes = np.unique(dy * pair.fast + dx, return_counts=True)
    best = [int(move) for move in moves[np.argsort(-votes, kind="stable")][:2] if votes.max() >= 2]
    return [(_signed(move // pair.fast, pair.slow), _signed(move % pair.fast, pair.fast)) for move in best]


def correlated_shifts(turned: np.ndarray, pair: ImagePair) -> list[tuple[int, int]]:
    """The shifts about the highest correlation, for an image without two maxima of values of their own."""
    if turned.size > _MOST_CORRELATED:
        return []
    from scipy import fft

    ours, theirs = turned, np.clip(pair.y, 0, pair.peak)
    map = fft.irfft2(fft.rfft2(theirs) * np.conj(fft.rfft2(ours)), s=turned.shape)
    row, column = divmod(int(np.argmax(map)), pair.fast)
    return [(_signed((row + dy) % pair.slow, pair.slow), _signed((column + dx) % pair.fast, pair.fast))
            for dy in (0, -1, 1) for dx in (0, -1, 1)]


def _signed(value: int, size: int) -> int:
    return value - size if value > size // 2 else value


def spots_of(image: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(rows, columns, values) of the brightest pixels that no neighbour exceeds."""
    rows, columns = brightest(image, 20 * _SPOTS)
    values = image[rows, columns]
    inside = (rows > 0) & (rows < image.shape[0] - 1) & (columns > 0) & (columns < image.shape[1] - 1) & (values > 0)
    rows, columns, values = rows[inside], columns[inside], values[inside]
    highest = np.ones(rows.size, bool)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            highest &= image[rows + dy, columns + dx] <= values
    rows, columns, values = rows[highest], columns[highest], values[highest]
    first = np.argsort(-values, kind="stable")[:_SPOTS]
    return rows[first], columns[first], values[first]
