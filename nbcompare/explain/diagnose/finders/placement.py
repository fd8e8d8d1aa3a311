"""Geometry causes seen in the images alone: turned, mirrored, shifted, smoothed.

Whole-pixel moves are carried out and proven. A move by parts of a pixel is proven when an interpolation
reproduces it; otherwise it was rendered so, which displacement.py measures.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from nbcompare.explain.diagnose import causes
from nbcompare.explain.diagnose.cause import MOVED, Cause, carried_out, guessed
from nbcompare.explain.diagnose.finders.whole_shifts import (
    NEAR_SHIFTS,
    brightest,
    correlated_shifts,
    moved_spots,
    spots_of,
    voted_shifts,
)
from nbcompare.explain.diagnose.image_pair import ImagePair
from nbcompare.explain.diagnose.question import Question

OPERATIONS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], str]] = {
    "": (lambda image: image, ""),
    causes.TRANSPOSED: (lambda image: image.T, "transposed"),
    causes.FLIPPED_FAST: (lambda image: image[:, ::-1], "mirrored along the fast axis"),
    causes.FLIPPED_SLOW: (lambda image: image[::-1], "mirrored along the slow axis"),
    causes.ROTATED_180: (lambda image: image[::-1, ::-1], "turned by 180 degrees"),
    causes.ROTATED_90: (lambda image: np.rot90(image), "turned by 90 degrees"),
    causes.ROTATED_270: (lambda image: np.rot90(image, 3), "turned by 270 degrees"),
    causes.ANTI_TRANSPOSED: (lambda image: image[::-1, ::-1].T, "mirrored about its other diagonal"),
}
_CROP = 128
_OF_THE_CHANGE = 2e-3
"""A blur leaves less than this share of what it changes. Whatever smooths a smooth image a little, as other sub-pixels
do, is a convolution as well, but only nearly so."""
_ROUNDED, _OF_THE_SHIFT = 3e-7, 1e-5
"""An interpolation leaves so much of the image, which is what rounding to float32 leaves, or of what it changes."""
_KERNEL = 0.05
"""Weights further from those of a bilinear shift than this share of it are no bilinear ones."""
_FEWEST_SEEN = 0.1
"""Of an image that is laid on itself, this share of the bright pixels has to be where both hold a measurement."""
_SYMMETRIC = 1e-2
"""A reference that a turn changes by less than this share of its peak is symmetric to it but for a little, and whatever
turns that little round, such as a factor taken at the other end of each pixel, gives the turned image as well."""
_FAR_FROM_EDGES = 12
"""Pixels from an edge, where what lay beyond it does not reach."""


# --- whole pixels ---------------------------------------------------------------------------------------------


def find_turned(question: Question) -> Iterator[Cause]:
    """The eight ways to lay an image on itself, each also with a shift by whole pixels."""
    pair = question.pair
    if pair.agree or not pair.y.any():
        return
    ours, theirs = spots_of(pair.x), spots_of(pair.y)
    bright = brightest(pair.y)
    for id, (operation, words) in OPERATIONS.items():
        turned = operation(pair.x)
        gaps = pair.moved_gaps(operation)
        if id and _looks_equal(pair, turned, gaps, bright):
            yield from _exact(pair, turned, gaps, id, words)
        if turned.shape == pair.x.shape:
            voted = voted_shifts(moved_spots(operation, ours, pair), theirs, pair)
            for shift in voted or dict.fromkeys((*correlated_shifts(turned, pair), *(() if id else NEAR_SHIFTS))):
                if shift != (0, 0) and _looks_equal(pair, turned, gaps, bright, shift):
                    yield from _shifted(question, turned, gaps, shift, id, words)


def _looks_equal(pair: ImagePair, edited: np.ndarray, gaps: np.ndarray | None, bright: tuple[np.ndarray, np.ndarray],
                 shift: tuple[int, int] = (0, 0)) -> bool:
    """Whether most bright pixels of the subject are where an edited, then shifted reference has them. ``gaps`` are the
    edited image's; what lies in one tells nothing, but not all may."""
    rows, columns = bright
    values = pair.y[rows, columns]
    rows, columns = (rows - shift[0]) % pair.slow, (columns - shift[1]) % pair.fast
    if edited.shape != pair.x.shape:
        rows, columns = np.divmod(rows * pair.fast + columns, edited.shape[1])
    equal = np.abs(edited[rows, columns] - values) <= 1e-4 * np.abs(values)
    if gaps is not None:
        equal = equal[~gaps[rows, columns]]
    return bool(equal.size >= _FEWEST_SEEN * values.size and np.count_nonzero(equal) > 0.6 * equal.size)


def _exact(pair: ImagePair, turned: np.ndarray, gaps: np.ndarray | None, id: str, words: str) -> Iterator[Cause]:
    """``gaps`` are the turned image's."""
    moved = turned.reshape(pair.x.shape)
    told = None if gaps is None else ~gaps.reshape(pair.x.shape)
    proof = pair.prove(moved, told)
    if proof.holds:
        found = carried_out(id, f"the subject is the reference {words}",
                            (f"the {words.split()[0]} reference is the subject to {proof.residual:.2g} of the peak",),
                            residual=proof.residual, left=proof.left, what=words, confidence=0.99, prior=0.95)
        yield _unless_symmetric(pair, found, moved, told)


def _unless_symmetric(pair: ImagePair, found: Cause, moved: np.ndarray, told: np.ndarray | None) -> Cause:
    """The cause, as a guess where the reference is nearly symmetric to the move; ``told`` are the pixels that tell."""
    apart = np.abs(moved - pair.x)
    own = float(np.where(told & pair.measured if told is not None else pair.measured, apart, 0).max()) / pair.peak
    if own > _SYMMETRIC:
        return found
    return replace(found, proven=False, confidence=0.6, evidence=(
        *found.evidence,
        f"the reference is symmetric to this move to {own:.2g} of its peak: other changes look the same"))


def _shifted(question: Question, turned: np.ndarray, gaps: np.ndarray | None, shift: tuple[int, int], id: str,
             words: str) -> Iterator[Cause]:
    """``gaps`` are the turned image's."""
    pair = question.pair
    rolled = np.roll(turned, shift, (0, 1))
    gone = np.zeros(rolled.shape, bool) if gaps is None else np.roll(gaps, shift, (0, 1))
    wrapped = np.zeros(rolled.shape, bool)
    for axis, by in enumerate(shift):
        edge = (slice(0, by) if by > 0 else slice(by, None)) if by else slice(0, 0)
        wrapped[(edge, slice(None)) if axis == 0 else (slice(None), edge)] = True
    inside = pair.prove(rolled, ~(wrapped | gone))
    if not inside.residual <= 1e-6 or wrapped.mean() > 0.6 or inside.left > 0.5:
        return
    dy, dx = shift
    move = f"by {dx:+d} pixels along fast and {dy:+d} along slow"
    first = f"{words}, then " if words else ""
    for edges, what in ((rolled, "rolled"), (np.where(wrapped, 0, rolled), "shifted, the edge zero")):
        if _edge_equal(pair, edges, wrapped & ~gone & pair.measured):
            found = carried_out(id or causes.PIXEL_SHIFT,
                                f"the subject is the reference {first}{what.split(',')[0]} {move}",
                                ("also the pixels at the edge are those of a moved array",
                                 f"inside, the moved reference is the subject to {inside.residual:.2g} of the peak"),
                                residual=inside.residual, left=inside.left, what=f"{first}{what} {move}",
                                confidence=0.97, prior=0.9)
            yield replace(found, edit={**(found.edit or {}), MOVED: [dx, dy]}) if not id else \
                _unless_symmetric(pair, found, edges, None)
            return
    unseen = not (wrapped & pair.measured).any()
    evidence = (f"{100 * (1 - wrapped.mean()):.0f} % of the image is the moved reference to {inside.residual:.2g} of "
                "the peak", "no pixel at the edge holds a measurement" if unseen else
                "pixels at the edge were rendered, not moved")
    cause, sentence, confidence, prior = id, f"the subject is the reference {first}shifted {move}", 0.95, 0.9
    if not id and max(abs(dx), abs(dy)) <= 1:
        cause, sentence = causes.BEAM_CENTRE_ONE_PIXEL, f"the pattern lies one pixel off: {move}"
        confidence = 0.96
    elif not id:
        cause = causes.BEAM_CENTRE_VALUE
        sentence = f"the pattern lies {move} off: a beam centre {in_mm(question, dx, dy)}"
        confidence, prior = 0.9, 0.7
    found = carried_out(cause, sentence, evidence, residual=inside.residual, left=inside.left,
                        what=f"{first}shifted {move}", confidence=confidence, prior=prior)
    yield _unless_symmetric(pair, found, rolled, ~(wrapped | gone)) if id else found
    if not id and unseen:  # what came in at the edge would tell which it was
        yield carried_out(causes.PIXEL_SHIFT, f"the subject is the reference shifted {move}", evidence,
                          residual=inside.residual, left=inside.left, what=f"shifted {move}", confidence=confidence,
                          prior=prior - 0.1)


def in_mm(question: Question, dx: float, dy: float) -> str:
    pixel = question.setting.pixel_m * 1e3
    return f"other by {dx * pixel:+.6g} mm along fast and {dy * pixel:+.6g} mm along slow"


def _edge_equal(pair: ImagePair, edited: np.ndarray, edge: np.ndarray) -> bool:
    close = np.abs(edited - pair.y)[edge] <= 1e-5 * np.abs(pair.y[edge]) + 1e-9 * pair.peak
    return bool(np.count_nonzero(close) > 0.99 * close.size)


# --- parts of a pixel --------------------------------------------------------------------------------------------


def find_interpolated(question: Question) -> Iterator[Cause]:
    """A small convolution of the array: an interpolated shift, or a blur. Its weights sum up to one."""
    pair = question.pair
    if pair.agree or not pair.all_finite or min(pair.x.shape) < 16 or abs(pair.scale[0] - 1) > 0.5:
        return
    x, y, told = _crop(pair)
    kernel, left = _bare(x, y, told, *_kernel(x, y, told))
    if kernel is None or kernel.sum() == 0:
        return
    if np.count_nonzero(kernel) == 1:
        return  # a move by whole pixels, if it is one
    steps = np.arange(kernel.shape[0]) - kernel.shape[0] // 2
    dy, dx = (float((kernel.sum(axis=1 - axis) * steps).sum() / kernel.sum()) for axis in (0, 1))
    changed = float(np.linalg.norm(y - x) / (np.linalg.norm(y) or 1.0))
    spread = float(np.abs(kernel).sum()) - abs(float(kernel[steps.size // 2, steps.size // 2]))
    exact = left < min(2e-6, 0.01 * changed) and spread > 1e-6 and abs(float(kernel.sum()) - 1) < 1e-5
    if exact and _convolved_everywhere(pair, kernel):
        yield _convolution(question, kernel, steps, dx, dy, left, changed)
        return  # of a smooth image many kernels do it, and at an edge, or elsewhere, only the right one
    if math.hypot(dx, dy) > 1e-4 and left < min(0.2, changed):
        for order, words in ((1, "bilinear interpolation"), (3, "cubic spline interpolation"),
                             (0, "Fourier interpolation")):
            fitted = _fit_shift(x if order else pair.x, y if order else pair.y, dx, dy, order)
            if fitted and fitted[2] < min(3e-6, 0.01 * changed) and math.hypot(fitted[0], fitted[1]) > 1e-4 \
                    and (order == 0 or _moved_everywhere(pair, fitted[0], fitted[1], order)):
                yield _interpolated(question, fitted[0], fitted[1], fitted[2], changed, words)
                return


def _moved_everywhere(pair: ImagePair, dx: float, dy: float, order: int) -> bool:
    """Whether the shift gives the subject at telling pixels all over the image, away from its edges and gaps."""
    rows, columns = pair.sample
    away = _FAR_FROM_EDGES
    inside = (rows >= away) & (rows < pair.slow - away) & (columns >= away) & (columns < pair.fast - away)
    if pair.gaps is not None:
        inside &= _away_from(pair.gaps, away)[rows, columns]
    rows, columns = rows[inside], columns[inside]
    proof = pair.prove_at(rows, columns, _moved(pair.x, np.array([dy, dx]), order)[rows, columns])
    return proof.residual < 3e-6 and proof.left < 0.05


def _convolved_everywhere(pair: ImagePair, kernel: np.ndarray) -> bool:
    """Whether the kernel gives the subject at telling pixels all over the image, not only where it was found."""
    half = kernel.shape[0] // 2
    rows, columns = pair.sample
    inside = (rows >= half) & (rows < pair.slow - half) & (columns >= half) & (columns < pair.fast - half)
    if pair.gaps is not None:
        inside &= _away_from(pair.gaps, half)[rows, columns]
    rows, columns = rows[inside], columns[inside]
    values = np.zeros(rows.size)
    for dy in range(-half, half + 1):
        for dx in range(-half, half + 1):
            values += kernel[dy + half, dx + half] * pair.x[rows - dy, columns - dx]
    proof = pair.prove_at(rows, columns, values)
    return proof.residual < 3e-6 and proof.left < 0.05


def _convolution(question: Question, kernel: np.ndarray, steps: np.ndarray, dx: float, dy: float, left: float,
                 changed: float) -> Cause:
    if math.hypot(dx, dy) > 1e-5:
        far = float(np.abs(kernel - _bilinear(steps, dx, dy)).max()) > _KERNEL * max(abs(dx), abs(dy))
        return _interpolated(question, dx, dy, left, changed, "" if far else "bilinear interpolation")
    width = math.sqrt(max(0.0, float((kernel.sum(axis=0) * steps**2).sum())))
    if left > _OF_THE_CHANGE * changed or kernel.min() < -1e-4:
        return guessed(causes.BLURRED, f"the subject is nearly the reference smoothed, width {width:.3g} pixels",
                       (f"a {steps.size} x {steps.size} kernel leaves {left:.1g} of the image, which differs by "
                        f"{changed:.1g}",), confidence=0.4, prior=0.3)
    return carried_out(causes.BLURRED,
                       f"the subject is the reference smoothed by a kernel of width {width:.3g} pixels",
                       (f"a {steps.size} x {steps.size} kernel leaves {left:.1g} of the image",), residual=left,
                       left=left / changed, what=f"smoothed, width {width:.3g} pixels", confidence=0.95, prior=0.7)


def _bilinear(steps: np.ndarray, dx: float, dy: float) -> np.ndarray:
    """The kernel of a bilinear shift: each pixel is shared by the two it lies between, along either axis."""
    along_y, along_x = (np.maximum(0.0, 1 - np.abs(steps - move)) for move in (dy, dx))
    return np.outer(along_y, along_x)


def _interpolated(question: Question, dx: float, dy: float, left: float, changed: float, words: str) -> Cause:
    """A shift by an interpolation, named where it is a known one. Proven where it leaves rounding alone: a smooth image
    that was rendered elsewhere is nearly an interpolated one."""
    sentence = (f"the subject is the reference shifted by {dx:+.5g} pixels along fast and {dy:+.5g} along slow, by "
                f"{words or 'a kernel that is no interpolation'}")
    told = (f"the shifted reference leaves {left:.1g} of the image, which differs by {changed:.1g}",)
    if not words or left > max(_ROUNDED, _OF_THE_SHIFT * changed):
        return guessed(causes.SUB_PIXEL_SHIFT, sentence, told, confidence=0.4, prior=0.3)
    return carried_out(causes.SUB_PIXEL_SHIFT, sentence, told, residual=left, left=left / changed,
                       what=f"shifted by {dx:.6g}, {dy:.6g} pixels", confidence=0.95, prior=0.85)


def _crop(pair: ImagePair) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A square of both images around the brightest reference pixel, and where of its inner part no gap is near."""
    row, column = divmod(int(np.argmax(pair.x)), pair.fast)
    starts = (max(0, min(at - _CROP // 2, size - _CROP)) for at, size in ((row, pair.slow), (column, pair.fast)))
    rows, columns = (slice(start, start + _CROP) for start in starts)
    x = pair.x[rows, columns]
    return x, pair.y[rows, columns], _away_from(pair.gaps, 4)[rows, columns][6:-6, 6:-6].ravel() \
        if pair.gaps is not None else np.ones(max(0, x[6:-6, 6:-6].size), bool)


def _away_from(gaps: np.ndarray, reach: int) -> np.ndarray:
    """Where no gap lies within a square of so many pixels to each side."""
    from scipy import ndimage

    away: np.ndarray = ~ndimage.maximum_filter(gaps, 2 * reach + 1)
    return away


def _kernel(x: np.ndarray, y: np.ndarray, told: np.ndarray) -> tuple[np.ndarray | None, float]:
    """The smallest kernel (3 x 3, 5 x 5, 9 x 9) that makes y of x by least squares, and what it leaves of |y|."""
    power = float(np.linalg.norm(y[6:-6, 6:-6]))
    if power == 0:
        return None, 1.0
    first, left = None, 1.0
    for half in (1, 2, 4):
        inner = np.where(told, y[6:-6, 6:-6].ravel(), 0)
        columns = [x[6 - dy:x.shape[0] - 6 - dy, 6 - dx:x.shape[1] - 6 - dx].ravel()
                   for dy in range(-half, half + 1) for dx in range(-half, half + 1)]
        lit = np.argsort(-np.abs(inner), kind="stable")[:4000]
        lit = lit[told[lit]]
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


def _bare(x: np.ndarray, y: np.ndarray, told: np.ndarray, kernel: np.ndarray | None,
          left: float) -> tuple[np.ndarray | None, float]:
    """The kernel with its small weights left out, where it then leaves as little: of a smooth image many kernels do the
    same inside, but only the one with the fewest weights does at edges too."""
    if kernel is None:
        return kernel, left
    half = kernel.shape[0] // 2
    keep = [(dy, dx) for dy in range(-half, half + 1) for dx in range(-half, half + 1)
            if abs(kernel[dy + half, dx + half]) > 2e-3]
    inner = np.where(told, y[6:-6, 6:-6].ravel(), 0)
    lit = np.argsort(-np.abs(inner), kind="stable")[:4000]
    lit = lit[told[lit]]
    table = np.stack([x[6 - dy:x.shape[0] - 6 - dy, 6 - dx:x.shape[1] - 6 - dx].ravel()[lit] for dy, dx in keep],
                     axis=1) if keep else np.zeros((lit.size, 0))
    weights, *_ = np.linalg.lstsq(table, inner[lit], rcond=1e-10)
    own = float(np.linalg.norm(table @ weights - inner[lit])) / (float(np.linalg.norm(inner)) or 1.0)
    if not keep or own > max(3 * left, 3e-7):
        return kernel, left
    bare = np.zeros_like(kernel)
    for (dy, dx), weight in zip(keep, weights, strict=True):
        bare[dy + half, dx + half] = weight
    return bare, own


def _fit_shift(x: np.ndarray, y: np.ndarray, dx: float, dy: float, order: int) -> tuple[float, float, float] | None:
    """(dx, dy, what it leaves) of the interpolated shift nearest to the subject; None where it does not settle."""
    if order == 0 and x.size > 1_200_000:
        return None
    inner = np.s_[_FAR_FROM_EDGES:-_FAR_FROM_EDGES, _FAR_FROM_EDGES:-_FAR_FROM_EDGES] if order else np.s_[:, :]
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

    moved: np.ndarray
    if order:
        moved = ndimage.shift(x, shift, order=order, mode="constant")
    else:
        moved = fft.ifft2(ndimage.fourier_shift(fft.fft2(x), shift)).real
    return moved


FINDERS = (find_turned, find_interpolated)
