"""The two images under diagnosis, and what every finder needs of them, each computed once.

Arrays are [slow, fast]. The images stay float32, as they were written; differences and sums are taken in
double precision.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nbcompare.compare.peaks import Peak, PeakTable, find_peaks, match_peaks
from nbcompare.explain.diagnose.cause import STRICT

_FLOAT32_ROUNDING = 2.0**-24
_SAMPLE = 4000
_PEAKS = 60


@dataclass(frozen=True)
class CauseProof:
    """What an edit leaves of the difference: the worst pixel as a share of the subject's peak, and the root sum of
    squares as a share of what it was before. ``holds``: the edited image is the subject's."""

    residual: float
    left: float
    holds: bool

    @property
    def worst_allows(self) -> bool:
        """Whether no pixel speaks against the edit by far."""
        return self.residual <= 100 * STRICT


class ImagePair:
    """Reference and subject of one shape. ``gaps`` are pixels without a measurement, which are zero in both and speak
    neither for nor against an edit; None where there are none."""

    def __init__(self, reference: np.ndarray, subject: np.ndarray, gaps: np.ndarray | None = None) -> None:
        self.reference, self.subject, self.gaps = reference, subject, gaps
        self.slow, self.fast = reference.shape

    # --- figures ---------------------------------------------------------------------------------------

    @cached_property
    def finite(self) -> np.ndarray:
        """Where the subject is finite (the reference always is)."""
        finite: np.ndarray = np.isfinite(self.subject)
        return finite

    @cached_property
    def all_finite(self) -> bool:
        return bool(self.finite.all())

    @cached_property
    def x(self) -> np.ndarray:
        return self.reference.astype(np.float64)

    @cached_property
    def y(self) -> np.ndarray:
        """The subject, with 0 where it is not finite."""
        if self.all_finite:
            return self.subject.astype(np.float64)
        return np.where(self.finite, self.subject, 0).astype(np.float64)

    @cached_property
    def difference(self) -> np.ndarray:
        difference: np.ndarray = self.y - self.x
        return difference

    @cached_property
    def peak(self) -> float:
        """The brightest reference pixel; of a dark reference, the subject's."""
        return float(max(self.reference.max(), 0)) or float(np.abs(self.y).max()) or 1.0

    @cached_property
    def yardstick(self) -> float:
        """The subject's largest value: what an edited image is held against. The peak where that is zero."""
        return float(np.abs(self.y).max()) or self.peak

    @cached_property
    def worst(self) -> float:
        """Largest |difference| as a share of the peak."""
        return float(np.abs(self.difference).max()) / self.peak

    @cached_property
    def power(self) -> float:
        """Root sum of squares of the difference."""
        return math.sqrt(float(np.vdot(self.difference, self.difference)))

    @cached_property
    def sums(self) -> tuple[float, float]:
        return float(self.x.sum()), float(self.y.sum())

    @property
    def sum_ratio(self) -> float | None:
        return self.sums[1] / self.sums[0] if self.sums[0] else None

    @cached_property
    def agree(self) -> bool:
        """No pixel further apart than 1e-6 of the peak, and equal sums to 1e-6."""
        if not self.all_finite or self.worst > STRICT:
            return False
        return self.sums[0] == self.sums[1] or (self.sum_ratio is not None and abs(self.sum_ratio - 1) <= STRICT)

    @cached_property
    def correlation(self) -> float:
        """Pearson correlation; 0 where it is undefined."""
        x, y = self.x - self.x.mean(), self.y - self.y.mean()
        spread = math.sqrt(float(np.vdot(x, x))) * math.sqrt(float(np.vdot(y, y)))
        return float(np.vdot(x, y)) / spread if spread > 0 and math.isfinite(spread) else 0.0

    @cached_property
    def scale(self) -> tuple[float, float]:
        """(s, what it leaves): the factor that makes s * reference nearest, and |y - s x| / |y|."""
        power, own = float(np.vdot(self.x, self.x)), float(np.vdot(self.y, self.y))
        if power == 0 or own == 0:
            return 0.0, 1.0
        factor = float(np.vdot(self.x, self.y)) / power
        rest = self.y - factor * self.x
        return factor, math.sqrt(float(np.vdot(rest, rest)) / own)

    # --- proofs ----------------------------------------------------------------------------------------

    def prove(self, edited: np.ndarray, where: np.ndarray | None = None) -> CauseProof:
        """Hold an edited reference against the subject, on the whole image or where a mask says."""
        rest = self.y - edited
        if where is not None:
            rest = np.where(where, rest, 0)
        rest = self.without_gaps(rest)
        rest = np.where(np.isfinite(rest), rest, np.inf)
        worst = float(np.abs(rest).max()) / self.yardstick
        if not math.isfinite(worst):
            return CauseProof(math.inf, math.inf, False)
        return self.proof_of(worst, math.sqrt(float(np.vdot(rest, rest))))

    def without_gaps(self, image: np.ndarray, region: tuple[slice, slice] = (slice(None), slice(None))) -> np.ndarray:
        """An image, or a region of one, with 0 where there is no measurement."""
        return image if self.gaps is None else np.where(self.gaps[region], 0, image)

    def moved_gaps(self, operation: Callable[[np.ndarray], np.ndarray]) -> np.ndarray | None:
        """Where the pixels without a measurement are after a move; None where there are none."""
        return None if self.gaps is None else operation(self.gaps)

    @cached_property
    def measured(self) -> np.ndarray:
        """Where there is a measurement, [slow, fast]."""
        measured: np.ndarray = np.ones(self.reference.shape, bool) if self.gaps is None else ~self.gaps
        return measured

    def prove_each(self, function: Callable[[np.ndarray], np.ndarray]) -> CauseProof:
        """Prove a function of each pixel's value; the whole image is only computed when telling pixels obey it."""
        rows, columns = self.sample
        first = self.prove_at(rows, columns, function(self.x[rows, columns]))
        return self.prove(function(self.x)) if first.worst_allows else first

    def prove_at(self, rows: np.ndarray, columns: np.ndarray, edited: np.ndarray) -> CauseProof:
        """The same on some pixels alone."""
        rest = self.y[rows, columns] - edited
        if not np.isfinite(rest).all():
            return CauseProof(math.inf, math.inf, False)
        before = math.sqrt(float(np.sum(self.difference[rows, columns] ** 2)))
        left = math.sqrt(float(rest @ rest)) / before if before > 0 else math.inf
        own = math.sqrt(float(np.sum(self.y[rows, columns] ** 2))) * _FLOAT32_ROUNDING / before if before > 0 else 0
        worst = float(np.abs(rest).max()) / self.yardstick
        return CauseProof(worst, left, worst <= STRICT and left <= 0.05 + 3 * own)

    def proof_of(self, worst: float, power: float) -> CauseProof:
        left = power / self.power if self.power > 0 else math.inf
        return CauseProof(worst, left, worst <= STRICT and left <= 0.05 + 3 * self.rounding_floor)

    @cached_property
    def rounding_floor(self) -> float:
        """The share of the difference that float32 rounding alone would leave."""
        own = math.sqrt(float(np.vdot(self.y, self.y)))
        return own * _FLOAT32_ROUNDING / self.power if self.power > 0 else 0.0

    @cached_property
    def told_apart(self) -> int:
        """How many different pairs of values the pixels hold, of those that tell most."""
        rows, columns = self.sample
        return int(np.unique(self.x[rows, columns] + 1j * self.y[rows, columns]).size)

    @cached_property
    def same(self) -> np.ndarray:
        """Where both images hold the same value, to the rounding of two programs."""
        close = 1e-5 * np.maximum(np.abs(self.x), np.abs(self.y)) + 1e-9 * self.peak
        same: np.ndarray = (np.abs(self.difference) <= close) & self.finite
        return same

    def same_but(self, excepted: np.ndarray) -> bool:
        """Whether the images are the same outside a mask (a few pixels near zero in a thousand may stray)."""
        outside = ~excepted
        count = int(np.count_nonzero(outside))
        if count == 0:
            return False
        strays = outside & ~self.same
        few = int(np.count_nonzero(strays)) <= count // 1000
        return few and float(np.abs(np.where(strays, self.difference, 0)).max()) <= STRICT * self.peak

    # --- where to look ---------------------------------------------------------------------------------

    @cached_property
    def sample(self) -> tuple[np.ndarray, np.ndarray]:
        """(rows, columns) of telling pixels: the brightest of either image, the most different, and an even grid."""
        total = self.x.size
        if total <= 4 * _SAMPLE:
            picked = np.arange(total)
        else:
            picked = np.unique(np.concatenate((
                largest(self.x, _SAMPLE), largest(self.y, _SAMPLE), largest(np.abs(self.difference), _SAMPLE // 2),
                np.arange(0, total, max(1, total // _SAMPLE)))))
        if self.gaps is not None:
            picked = picked[~self.gaps.ravel()[picked]]
        return np.divmod(picked, self.fast)

    @cached_property
    def strips(self) -> np.ndarray:
        """Rows, in blocks of four neighbours spread over the image, that hold some 400 000 pixels at most."""
        blocks = max(1, self.slow // 4)
        step = max(1, -(-self.slow * self.fast // 400_000))
        return (4 * np.arange(0, blocks, step)[:, None] + np.arange(4)).ravel() if step > 1 else np.arange(self.slow)

    @cached_property
    def bright(self) -> tuple[np.ndarray, np.ndarray]:
        """(rows, columns) of pixels that hold signal in both images, brightest reference pixels first."""
        floor = self.peak * 1e-4
        picked = largest(self.x, _SAMPLE)
        picked = picked[(self.x.ravel()[picked] > floor) & (self.y.ravel()[picked] > 0)]
        picked = picked[np.argsort(-self.x.ravel()[picked], kind="stable")]
        return np.divmod(picked, self.fast)

    @cached_property
    def peaks(self) -> tuple[list[Peak], list[Peak]]:
        """The brightest peaks of the reference and of the subject."""
        return find_peaks(self.reference, _PEAKS), find_peaks(np.where(self.finite, self.subject, 0), _PEAKS)

    @cached_property
    def matched(self) -> PeakTable:
        return match_peaks(self.reference, np.where(self.finite, self.subject, 0), _PEAKS)


def largest(image: np.ndarray, count: int) -> np.ndarray:
    """Flat indices of the largest values, in no order; fewer than ``count`` where the rest are all equal.

    A limit is estimated from an even sample first: partitioning a large image of mostly equal values is slow.
    """
    flat = image.ravel()
    if flat.size <= count:
        return np.arange(flat.size)
    sample = np.sort(flat[::max(1, flat.size // 200_000)])
    limit = sample[-min(sample.size, 1 + 3 * count * sample.size // flat.size)]
    picked = np.flatnonzero(flat > limit)
    if picked.size < count:
        picked = np.flatnonzero(flat > sample[0])
    if picked.size > count:
        picked = picked[np.argpartition(flat[picked], picked.size - count)[picked.size - count:]]
    return picked
