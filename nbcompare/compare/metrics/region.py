"""One region of two images, and the sums that the metrics share, taken in one pass.

Images stay float32; a band of about BAND_PIXELS pixels at a time is taken to float64, so that a large
image costs little memory and each band is still in the processor's cache when it is summed. Bands are
combined by the pairwise update of Chan, Golub & LeVeque (1983), "Algorithms for computing the sample
variance", so that a large offset costs no digits.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from nbcompare.compare.metrics.whole_numbers import are_wide, exact_difference
from nbcompare.later import np

if TYPE_CHECKING:
    from nbcompare.compare.peaks import PeakTable

SIGNAL_FLOOR = 1e-6
"""A region whose brightest reference pixel is below this share of the frame's is weak (weak.py), and a ring whose mean
is below this share of the brightest ring's has no signal."""

BAND_PIXELS = 32_768


@dataclass(frozen=True)
class Sums:
    """Sums over pixel pairs (x, y). ``xx``, ``yy`` and ``xy`` are about the means; ``dd`` is sum (y-x)^2;
    ``worst_at`` is the flat position of the largest |y-x|."""

    count: int
    x_sum: float
    y_sum: float
    xx: float
    yy: float
    xy: float
    dd: float
    x_min: float
    x_max: float
    y_min: float
    y_max: float
    worst: float
    worst_at: int

    @property
    def x_mean(self) -> float:
        return self.x_sum / self.count

    @property
    def y_mean(self) -> float:
        return self.y_sum / self.count

    @property
    def x_power(self) -> float:
        """sum x^2."""
        return self.xx + self.x_sum * self.x_mean

    @property
    def y_power(self) -> float:
        """sum y^2."""
        return self.yy + self.y_sum * self.y_mean

    @property
    def cross_power(self) -> float:
        """sum x y."""
        return self.xy + self.x_sum * self.y_mean

    def joined(self, other: Sums) -> Sums:
        """The sums over both sets of pixels; ``other`` comes after this one."""
        count = self.count + other.count
        weight = self.count * other.count / count
        dx, dy = other.x_mean - self.x_mean, other.y_mean - self.y_mean
        later = not math.isnan(self.worst) and not other.worst <= self.worst
        return Sums(
            count, self.x_sum + other.x_sum, self.y_sum + other.y_sum,
            self.xx + other.xx + dx * dx * weight, self.yy + other.yy + dy * dy * weight,
            self.xy + other.xy + dx * dy * weight, self.dd + other.dd,
            min(self.x_min, other.x_min), max(self.x_max, other.x_max),
            min(self.y_min, other.y_min), max(self.y_max, other.y_max),
            other.worst if later else self.worst, self.count + other.worst_at if later else self.worst_at)


def sums_of(x: np.ndarray, y: np.ndarray, difference: np.ndarray | None = None) -> Sums:
    """The sums over two flat float64 arrays, and over their difference where it is known better than by theirs; all are
    used up. A pixel that is not finite makes sums NaN."""
    x_min, x_max, y_min, y_max = float(x.min()), float(x.max()), float(y.min()), float(y.max())
    if difference is None:
        difference = y - x
    dd = dot(difference, difference)
    at = int(np.abs(difference, out=difference).argmax())
    x_sum, y_sum = float(x.sum()), float(y.sum())
    x -= x_sum / x.size
    y -= y_sum / y.size
    return Sums(x.size, x_sum, y_sum, dot(x, x), dot(y, y), dot(x, y), dd, x_min, x_max, y_min, y_max,
                float(difference[at]), at)


_NAN = math.nan
NO_SUMS = Sums(0, _NAN, _NAN, _NAN, _NAN, _NAN, _NAN, _NAN, _NAN, _NAN, _NAN, _NAN, 0)
"""What a region without pixels comes to."""


def dot(x: np.ndarray, y: np.ndarray) -> float:
    """sum x y of flat arrays. Not BLAS, whose sums change with its number of threads (and whose threads wait
    for each other on a busy machine)."""
    return float(np.einsum("i,i", x, y))


NOTHING_LEFT = "no pixel is left to compare"
"""How the reason of a figure begins that has no value because every pixel is masked or not finite."""


class RegionPair:
    """One region of reference (x) and subject (y), arrays [slow, fast] of one shape and any real dtype.

    ``frame_max`` is the brightest pixel of the whole reference image, by which a region is called weak.
    ``origin`` is the region's first pixel (x fast, y slow) in the image and ``centre`` the pixel of the
    direct beam there, the middle of the region when not given. ``masks`` are boolean arrays of the region's
    shape, True where a pixel of the reference or of the subject is no measurement; such a pixel, masked in
    either image, takes no part in any figure but those about masks. ``outside`` is True where a pixel lies
    in the box of the region but not in the region. With ``skip_nonfinite`` a pixel that is NaN or infinite
    in either image takes part only in the figures about such pixels.
    """

    def __init__(self, reference: np.ndarray, subject: np.ndarray, frame_max: float, *,
                 origin: tuple[int, int] = (0, 0), centre: tuple[float, float] | None = None,
                 masks: tuple[np.ndarray, np.ndarray] | None = None, outside: np.ndarray | None = None,
                 skip_nonfinite: bool = False):
        self.reference, self.subject = reference, subject
        self.frame_max = frame_max
        slow, fast = reference.shape
        self.origin = origin
        self.centre = centre or (origin[0] + (fast - 1) / 2, origin[1] + (slow - 1) / 2)
        self.masks = masks
        self.outside = outside
        self.skip_nonfinite = skip_nonfinite

    # --- which pixels take part -----------------------------------------------------------------------------

    @cached_property
    def measured(self) -> np.ndarray | None:
        """True where a pixel is in the region and masked in neither image; None where all are."""
        left_out = [mask for mask in (*(self.masks or ()), self.outside) if mask is not None]
        if not left_out:
            return None
        together = np.logical_or.reduce(left_out)
        return ~together if together.any() else None

    @cached_property
    def taken(self) -> np.ndarray | None:
        """True where a pixel takes part in the figures; None where all do."""
        if not self.skip_nonfinite:
            return self.measured
        finite = np.isfinite(self.reference) & np.isfinite(self.subject)
        if finite.all():
            return self.measured
        taken: np.ndarray = finite if self.measured is None else finite & self.measured
        return taken

    def flat(self, image: np.ndarray) -> np.ndarray:
        """The pixels of one image that are in the region and not masked, in the order of the rows."""
        return image.ravel() if self.measured is None else image[self.measured]

    @property
    def area(self) -> int:
        """Pixels in the region, masked or not."""
        return self.reference.size if self.outside is None else int(self.outside.size - np.count_nonzero(self.outside))

    def bands(self) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        """Bands of rows: which rows, and both images there as new flat float64 arrays of the pixels that take part."""
        slow, fast = self.reference.shape
        step = max(1, BAND_PIXELS // fast)
        for first in range(0, slow, step):
            rows = slice(first, min(first + step, slow))
            x, y = (self._taken_of(image, rows).astype(np.float64) for image in (self.reference, self.subject))
            yield rows, x, y

    def _taken_of(self, image: np.ndarray, rows: slice) -> np.ndarray:
        return image[rows].ravel() if self.taken is None else image[rows][self.taken[rows]]

    def _exact(self, rows: slice) -> np.ndarray | None:
        """y - x there where it is known better than by float64 of both; None where that is as good."""
        if not are_wide(self.reference, self.subject):
            return None
        return exact_difference(*(self._taken_of(image, rows) for image in (self.reference, self.subject)))

    # --- what the metrics share -----------------------------------------------------------------------------

    @cached_property
    def sums(self) -> Sums:
        with np.errstate(invalid="ignore", over="ignore"):
            parts = [sums_of(x, y, self._exact(rows)) for rows, x, y in self.bands() if x.size]
            if not parts:
                return NO_SUMS
            total = parts[0]
            for part in parts[1:]:
                total = total.joined(part)
        return total

    @property
    def worst_at(self) -> tuple[int, int]:
        """(row, column) in the region of the largest |y-x|."""
        at = self.sums.worst_at
        if self.taken is not None and self.taken.any():
            at = int(np.flatnonzero(self.taken)[at])
        row, column = divmod(at, self.reference.shape[1])
        return row, column

    @cached_property
    def fault(self) -> str | None:
        """Why nothing about this region can be trusted, or None."""
        if not self.sums.count:
            return self.no_signal
        for name, image, total in (("reference", self.reference, self.sums.x_sum),
                                   ("subject", self.subject, self.sums.y_sum)):
            if not math.isfinite(total):
                seen = self.flat(image)
                bad = int(seen.size - np.count_nonzero(np.isfinite(seen)))
                if bad:
                    return f"{bad} pixels of the {name} are not finite"
                return f"the sum of the {name}'s pixels overflows"
        return self.no_signal

    @cached_property
    def no_signal(self) -> str | None:
        """Why there is nothing to compare here, or None."""
        if not self.sums.count:
            return f"{NOTHING_LEFT}: all {self.area} are masked or not finite"
        if not self.frame_max > 0:
            return "the reference image has no positive pixel"
        if self.sums.x_max <= 0:
            return f"no signal: the brightest reference pixel here is {self.sums.x_max:.6g}"
        return None

    @cached_property
    def peaks(self) -> PeakTable:
        """The matched peaks of the region, in pixels of the region; none where an image is not finite."""
        from nbcompare.compare.peaks import PeakTable, match_peaks

        if not (math.isfinite(self.sums.x_sum) and math.isfinite(self.sums.y_sum)):
            return PeakTable((), 0)
        return match_peaks(self.filled(self.reference), self.filled(self.subject))

    def filled(self, image: np.ndarray) -> np.ndarray:
        """An image of the region with zero where a pixel takes no part."""
        return image if self.taken is None else np.where(self.taken, image, image.dtype.type(0))

    @cached_property
    def differences(self) -> np.ndarray:
        """|y - x| of every pixel that takes part, float64, in the order of the rows."""
        exact = self._exact(slice(0, self.reference.shape[0]))
        if exact is not None:
            np.abs(exact, out=exact)
            return exact
        if self.taken is None:
            difference = self.subject.astype(np.float64)
            difference -= self.reference
            return np.abs(difference, out=difference).ravel()
        sizes: np.ndarray = np.abs(self.subject[self.taken].astype(np.float64) - self.reference[self.taken])
        return sizes
