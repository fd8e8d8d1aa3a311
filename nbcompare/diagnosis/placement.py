"""Geometry causes seen in the images alone: turned, mirrored, shifted, stretched.

Whole-pixel moves are carried out and proven. A move by parts of a pixel is proven when an interpolation
reproduces it; otherwise it was rendered so, and the displacement of the peaks is measured and given as a guess.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from nbcompare.diagnosis.cause import Cause, entry, guess
from nbcompare.diagnosis.pair import ImagePair, largest
from nbcompare.diagnosis.question import Question

TRANSPOSED = entry("transposed", "geometry", "Fast and slow axis are exchanged.")
FLIP_FAST = entry("flipped-fast", "geometry", "The image is mirrored along the fast axis.")
FLIP_SLOW = entry("flipped-slow", "geometry", "The image is mirrored along the slow axis.")
HALF_TURN = entry("rotated-180", "geometry", "The image is turned by 180 degrees.")
QUARTER_TURN = entry("rotated-90", "geometry", "The image is turned by 90 degrees.")
THREE_QUARTERS = entry("rotated-270", "geometry", "The image is turned by 270 degrees.")
ANTI_TRANSPOSED = entry("anti-transposed", "geometry", "The image is mirrored about its other diagonal.")
SHIFT = entry("pixel-shift", "geometry", "The image array is shifted by whole pixels.")
SUB_SHIFT = entry("sub-pixel-shift", "geometry", "The image array is shifted by a part of a pixel (interpolated).")
BLURRED = entry("blurred", "geometry", "The image is convolved with a small kernel (smoothed).")
CENTRE_ONE = entry("beam-centre-one-pixel", "geometry", "The beam centre is one pixel off (index origin 0 or 1).")
CENTRE_HALF = entry("beam-centre-half-pixel", "geometry", "The beam centre is half a pixel off (centre or corner).")
CENTRE = entry("beam-centre-value", "geometry", "The beam centre has another value.")
DISTANCE = entry("distance-value", "geometry", "The distance has another value.")
PIXEL = entry("pixel-size-value", "geometry", "The pixel size has another value.")
ROTATION = entry("detector-rotation-value", "geometry", "The detector's rotation angles have other values.")

OPERATIONS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], str]] = {
    "": (lambda image: image, ""),
    TRANSPOSED: (lambda image: image.T, "transposed"),
    FLIP_FAST: (lambda image: image[:, ::-1], "mirrored along the fast axis"),
    FLIP_SLOW: (lambda image: image[::-1], "mirrored along the slow axis"),
    HALF_TURN: (lambda image: image[::-1, ::-1], "turned by 180 degrees"),
    QUARTER_TURN: (lambda image: np.rot90(image), "turned by 90 degrees"),
    THREE_QUARTERS: (lambda image: np.rot90(image, 3), "turned by 270 degrees"),
    ANTI_TRANSPOSED: (lambda image: image[::-1, ::-1].T, "mirrored about its other diagonal"),
}
_CROP = 128
_SPOTS = 60


# --- whole pixels ---------------------------------------------------------------------------------------------


def find_turned(question: Question) -> Iterator[Cause]:
    """The eight ways to lay an image on itself, each also with a shift by whole pixels."""
    pair = question.pair
    if pair.agree or not pair.y.any():
        return
    ours, theirs = _spots(pair.x), _spots(pair.y)
    bright = _brightest(pair.y)
    for id, (operation, words) in OPERATIONS.items():
        turned = operation(pair.x)
        if id and _looks_equal(pair, turned, bright):
            yield from _exact(pair, turned, id, words)
        if turned.shape == pair.x.shape:
            for shift in _voted_shifts(_moved_spots(operation, ours, pair), theirs, pair):
                if shift != (0, 0) and _looks_equal(pair, turned, bright, shift):
                    yield from _shifted(question, turned, shift, id, words)


def _looks_equal(pair: ImagePair, edited: np.ndarray, bright: tuple[np.ndarray, np.ndarray],
                 shift: tuple[int, int] = (0, 0)) -> bool:
    """Whether most bright pixels of the subject are where an edited, then shifted reference has them."""
    rows, columns = bright
    values = pair.y[rows, columns]
    rows, columns = (rows - shift[0]) % pair.slow, (columns - shift[1]) % pair.fast
    if edited.shape != pair.x.shape:
        rows, columns = np.divmod(rows * pair.fast + columns, edited.shape[1])
    return bool(np.mean(np.abs(edited[rows, columns] - values) <= 1e-4 * np.abs(values)) > 0.6)


def _brightest(image: np.ndarray, count: int = 400) -> tuple[np.ndarray, np.ndarray]:
    return np.divmod(largest(image, count), image.shape[1])


def _exact(pair: ImagePair, turned: np.ndarray, id: str, words: str) -> Iterator[Cause]:
    proof = pair.prove(turned if turned.shape == pair.x.shape else turned.reshape(pair.x.shape))
    if proof.holds:
        yield Cause(id, f"the subject is the reference {words}", (
            f"the {words.split()[0]} reference is the subject to {proof.residual:.2g} of the peak",), True, True,
            proof.residual, proof.left, {"kind": "image", "what": words}, 0.99, 0.95)


def _moved_spots(operation, spots: tuple[np.ndarray, ...], pair: ImagePair) -> tuple[np.ndarray, ...]:
    """Where an operation puts spots: found by laying it on the corners of the image."""
    rows, columns, values = spots
    number = operation(np.arange(4).reshape(2, 2))
    at = {int(number[r, c]): (r, c) for r in range(2) for c in range(2)}
    flip_r, flip_c = at[0]
    exchanged = at[2][0] == flip_r
    a, b = (columns, rows) if exchanged else (rows, columns)
    size_a, size_b = (pair.fast, pair.slow) if exchanged else (pair.slow, pair.fast)
    return (size_a - 1 - a if flip_r else a), (size_b - 1 - b if flip_c else b), values


def _voted_shifts(ours: tuple[np.ndarray, ...], theirs: tuple[np.ndarray, ...],
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


def _signed(value: int, size: int) -> int:
    return value - size if value > size // 2 else value


def _spots(image: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(rows, columns, values) of the brightest pixels that no neighbour exceeds."""
    rows, columns = _brightest(image, 20 * _SPOTS)
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


def _shifted(question: Question, turned: np.ndarray, shift: tuple[int, int], id: str, words: str) -> Iterator[Cause]:
    pair = question.pair
    rolled = np.roll(turned, shift, (0, 1))
    wrapped = np.zeros(rolled.shape, bool)
    for axis, move in enumerate(shift):
        edge = (slice(0, move) if move > 0 else slice(move, None)) if move else slice(0, 0)
        wrapped[(edge, slice(None)) if axis == 0 else (slice(None), edge)] = True
    inside = pair.prove(rolled, ~wrapped)
    if not inside.residual <= 1e-6 or wrapped.mean() > 0.6 or inside.left > 0.5:
        return
    dy, dx = shift
    move = f"by {dx:+d} pixels along fast and {dy:+d} along slow"
    first = f"{words}, then " if words else ""
    for edges, what in ((rolled, "rolled"), (np.where(wrapped, 0, rolled), "shifted, the edge zero")):
        if _edge_equal(pair, edges, wrapped):
            yield Cause(id or SHIFT, f"the subject is the reference {first}{what.split(',')[0]} {move}",
                        ("also the pixels at the edge are those of a moved array",
                         f"inside, the moved reference is the subject to {inside.residual:.2g} of the peak"), True,
                        True, inside.residual, inside.left, {"kind": "image", "what": f"{first}{what} {move}"}, 0.97,
                        0.9)
            return
    evidence = (f"{100 * (1 - wrapped.mean()):.0f} % of the image is the moved reference to {inside.residual:.2g} of "
                "the peak", "pixels at the edge were rendered, not moved")
    edit = {"kind": "image", "what": f"{first}shifted {move}"}
    if not id and max(abs(dx), abs(dy)) <= 1:
        yield Cause(CENTRE_ONE, f"the pattern lies one pixel off: {move}", evidence, True, True, inside.residual,
                    inside.left, edit, 0.96, 0.9)
    elif not id:
        yield Cause(CENTRE, f"the pattern lies {move} off: a beam centre {_in_mm(question, dx, dy)}", evidence, True,
                    True, inside.residual, inside.left, edit, 0.9, 0.7)
    else:
        yield Cause(id, f"the subject is the reference {first}shifted {move}", evidence, True, True, inside.residual,
                    inside.left, edit, 0.95, 0.9)


def _in_mm(question: Question, dx: float, dy: float) -> str:
    pixel = question.setting.pixel_m * 1e3
    return f"other by {dx * pixel:+.6g} mm along fast and {dy * pixel:+.6g} mm along slow"


def _edge_equal(pair: ImagePair, edited: np.ndarray, edge: np.ndarray) -> bool:
    close = np.abs(edited - pair.y)[edge] <= 1e-5 * np.abs(pair.y[edge]) + 1e-9 * pair.peak
    return bool(np.mean(close) > 0.99)


# --- parts of a pixel --------------------------------------------------------------------------------------------


def find_interpolated(question: Question) -> Iterator[Cause]:
    """A small convolution of the array: an interpolated shift, or a blur."""
    pair = question.pair
    if pair.agree or not pair.all_finite or min(pair.x.shape) < 16 or abs(pair.scale[0] - 1) > 0.5:
        return
    x, y = _crop(pair)
    kernel, left = _kernel(x, y)
    if kernel is None:
        return
    total = float(kernel.sum())
    steps = np.arange(kernel.shape[0]) - kernel.shape[0] // 2
    dy, dx = (float((kernel.sum(axis=1 - axis) * steps).sum()) / total for axis in (0, 1)) if total else (0.0, 0.0)
    moved = math.hypot(dx, dy)
    off = float(np.abs(kernel).sum()) - abs(float(kernel[steps.size // 2, steps.size // 2]))
    if left < 2e-6 and off > 1e-6:
        if moved > 1e-5:
            yield _interpolated(question, dx, dy, left, "bilinear interpolation")
        else:
            width = math.sqrt(max(0.0, float((kernel.sum(axis=0) * steps**2).sum()) / total))
            yield Cause(BLURRED, f"the subject is the reference smoothed by a kernel of width {width:.3g} pixels",
                        (f"a {steps.size} x {steps.size} kernel leaves {left:.1g} of the image",), True, True, left,
                        None, {"kind": "image", "what": f"smoothed, width {width:.3g} pixels"}, 0.95, 0.7)
        return
    if moved > 1e-4 and left < 0.2:
        for order, words in ((3, "cubic spline interpolation"), (0, "Fourier interpolation")):
            fitted = _fit_shift(x if order else pair.x, y if order else pair.y, dx, dy, order)
            if fitted and fitted[2] < 3e-6 and math.hypot(fitted[0], fitted[1]) > 1e-4:
                yield _interpolated(question, fitted[0], fitted[1], fitted[2], words)
                return


def _interpolated(question: Question, dx: float, dy: float, left: float, words: str) -> Cause:
    return Cause(SUB_SHIFT, f"the subject is the reference shifted by {dx:+.5g} pixels along fast and {dy:+.5g} along "
                 f"slow, by {words}", (f"the shifted reference leaves {left:.1g} of the image",), True, True, left,
                 None, {"kind": "image", "what": f"shifted by {dx:.6g}, {dy:.6g} pixels"}, 0.95, 0.85)


def _crop(pair: ImagePair) -> tuple[np.ndarray, np.ndarray]:
    """A square of both images around the brightest reference pixel."""
    row, column = divmod(int(np.argmax(pair.x)), pair.fast)
    starts = (max(0, min(at - _CROP // 2, size - _CROP)) for at, size in ((row, pair.slow), (column, pair.fast)))
    rows, columns = (slice(start, start + _CROP) for start in starts)
    return pair.x[rows, columns], pair.y[rows, columns]


def _kernel(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray | None, float]:
    """The smallest kernel (3 x 3, 5 x 5, 9 x 9) that makes y of x by least squares, and what it leaves of |y|."""
    power = float(np.linalg.norm(y[6:-6, 6:-6]))
    if power == 0:
        return None, 1.0
    first, left = None, 1.0
    for half in (1, 2, 4):
        inner = y[6:-6, 6:-6].ravel()
        columns = [x[6 - dy:x.shape[0] - 6 - dy, 6 - dx:x.shape[1] - 6 - dx].ravel()
                   for dy in range(-half, half + 1) for dx in range(-half, half + 1)]
        lit = np.argsort(-np.abs(inner), kind="stable")[:4000]
        table = np.stack([column[lit] for column in columns], axis=1)
        if table.shape[0] < 3 * table.shape[1]:
            break
        weights, *_ = np.linalg.lstsq(table, inner[lit], rcond=1e-10)
        left = float(np.linalg.norm(table @ weights - inner[lit])) / power
        kernel = weights.reshape(2 * half + 1, 2 * half + 1)
        first = kernel if first is None else first
        if left < 2e-6:
            return kernel, left
    return first, left


def _fit_shift(x: np.ndarray, y: np.ndarray, dx: float, dy: float, order: int) -> tuple[float, float, float] | None:
    """(dx, dy, what it leaves) of the interpolated shift nearest to the subject; None where it does not settle."""
    if order == 0 and x.size > 1_200_000:
        return None
    inner = np.s_[12:-12, 12:-12] if order else np.s_[:, :]
    power = float(np.linalg.norm(y[inner]))
    at = np.array([dy, dx])
    for _ in range(8):
        now = _moved(x, at, order)
        slopes = [(_moved(x, at + step, order) - now)[inner].ravel() / 1e-4 for step in 1e-4 * np.eye(2)]
        table, rest = np.stack(slopes, axis=1), (y - now)[inner].ravel()
        change, *_ = np.linalg.lstsq(table, rest, rcond=None)
        at = at + np.clip(change, -0.7, 0.7)
        if np.abs(change).max() < 1e-9 or np.abs(at).max() > 3:
            break
    left = float(np.linalg.norm((y - _moved(x, at, order))[inner])) / power if power else 1.0
    return float(at[1]), float(at[0]), left


def _moved(x: np.ndarray, shift: np.ndarray, order: int) -> np.ndarray:
    from scipy import fft, ndimage

    if order:
        return ndimage.shift(x, shift, order=order, mode="constant")
    return fft.ifft2(ndimage.fourier_shift(fft.fft2(x), shift)).real


# --- displacement of peaks -----------------------------------------------------------------------------------------


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
    """The same peaks at other places: shift, rotation about the beam, radial stretch."""
    pair = question.pair
    if pair.agree or not pair.all_finite:
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
        yield Cause(ROTATION, f"the pattern is turned by {math.degrees(found.angle):.4g} degrees about the beam",
                    evidence, confidence=guess(0.4 + 0.3 * share), prior=0.6)
    if max(abs(dx), abs(dy)) > error and abs(found.stretch - 1) * reach < 2 * error:
        yield _centre_guess(question, dx, dy, error, evidence, guess(0.45 + 0.3 * share))


def _stretched(question: Question, found: Similarity, evidence, confidence: float) -> Iterator[Cause]:
    """A longer distance keeps the beam's pixel; another pixel size moves it, as its place is given in mm."""
    by_size = np.array(question.detector.beam_pixel) * (found.stretch - 1)
    moved = np.hypot(*(np.array(found.shift) - by_size)) < np.hypot(*found.shift)
    setting = question.setting
    yield Cause(DISTANCE, f"the pattern is stretched by {found.stretch:.6f}: a distance of "
                f"{setting.distance_m * 1e3 * found.stretch:.6g} mm for {setting.distance_m * 1e3:.6g} mm", evidence,
                confidence=confidence - (0.05 if moved else 0), prior=0.6)
    yield Cause(PIXEL, f"the pattern is stretched by {found.stretch:.6f}: a pixel of "
                f"{setting.pixel_m * 1e3 / found.stretch:.6g} mm for {setting.pixel_m * 1e3:.6g} mm", evidence,
                confidence=confidence - (0 if moved else 0.05), prior=0.55)


def _centre_guess(question: Question, dx: float, dy: float, error: float, evidence, confidence: float) -> Cause:
    for size, id, words in ((0.5, CENTRE_HALF, "half a pixel"), (1.0, CENTRE_ONE, "one pixel")):
        near = 0.05 + error
        if max(abs(dx), abs(dy)) > size - near and all(min(abs(abs(d) - size), abs(d)) < near for d in (dx, dy)):
            return Cause(id, f"the pattern lies {words} off ({dx:+.3f} fast, {dy:+.3f} slow)", evidence,
                         confidence=confidence, prior=0.7)
    return Cause(CENTRE, f"the pattern lies {dx:+.3f} (fast) {dy:+.3f} (slow) pixels off: a beam centre "
                 f"{_in_mm(question, dx, dy)}", evidence, confidence=confidence, prior=0.65)


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


FINDERS = (find_turned, find_interpolated, find_displaced)
