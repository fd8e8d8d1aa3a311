"""Float images: their shape, the regions looked at, and reading them without guessing.

A float image is raw little-endian float32 without header, fast axis first in memory, so a file of an
image of shape (slow, fast) holds slow*fast*4 bytes. x is the fast axis, y the slow one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbcompare.errors import FileError

if TYPE_CHECKING:
    import numpy as np

BYTES_PER_PIXEL = 4
FLOAT_DTYPE = "<f4"
"""The numpy code of a float image's pixels, as engines write them and bundles keep them."""

DEFAULT_PIXEL_MM = 0.1
DEFAULT_DETSIZE_MM = 102.4


@dataclass(frozen=True)
class Shape:
    """Pixels along the slow and the fast axis."""

    slow: int
    fast: int

    @property
    def bytes(self) -> int:
        return self.slow * self.fast * BYTES_PER_PIXEL

    def __str__(self) -> str:
        return f"{self.fast} x {self.slow} pixels (fast x slow)"


@dataclass(frozen=True)
class Roi:
    """A region of interest; all four bounds are inclusive pixel numbers, x fast and y slow.

    Within these bounds it is the whole box, or the pixels whose centres lie in ``polygon`` (corners x, y), or in
    ``ring`` (centre x, y, inner and outer radius, all in pixels), or those of a ``mask``: the lengths of runs of pixels
    along the rows of the box, by turns outside and inside, "" where it is none. ``weak_allowed`` is why it may be
    judged where too little can be resolved in it (weak.py); None where nobody said so.
    """

    name: str
    xmin: int
    xmax: int
    ymin: int
    ymax: int
    polygon: tuple[tuple[float, float], ...] = field(default=(), kw_only=True)
    ring: tuple[float, float, float, float] | None = field(default=None, kw_only=True)
    mask: str = field(default="", kw_only=True)
    weak_allowed: str | None = field(default=None, kw_only=True)

    @property
    def is_box(self) -> bool:
        """Whether every pixel within its bounds belongs to it."""
        return not self.polygon and self.ring is None and not self.mask

    def outside(self) -> np.ndarray | None:
        """True where a pixel of its box [slow, fast] does not belong to it; None where all do."""
        if self.is_box:
            return None
        import numpy as np

        if self.mask:
            runs = [int(length) for length in self.mask.split(",")]
            shape = self.ymax - self.ymin + 1, self.xmax - self.xmin + 1
            return np.repeat(np.arange(len(runs)) % 2 == 0, runs).reshape(shape)
        y, x = np.mgrid[self.ymin:self.ymax + 1, self.xmin:self.xmax + 1].astype(float)
        if self.ring is not None:
            centre_x, centre_y, inner, outer = self.ring
            squared = (x - centre_x) ** 2 + (y - centre_y) ** 2
            beyond: np.ndarray = (squared < inner ** 2) | (squared >= outer ** 2)
            return beyond
        inside = np.zeros(x.shape, bool)
        for (ax, ay), (bx, by) in zip(self.polygon, (*self.polygon[1:], self.polygon[0]), strict=True):
            if ay != by:  # a line to the right of the pixel crosses this edge: in or out (even-odd rule)
                inside ^= ((ay > y) != (by > y)) & (x < (bx - ax) * (y - ay) / (by - ay) + ax)
        return ~inside

    def as_dict(self) -> dict[str, Any]:
        """Plain values; polygon and ring only where it is one, and what is allowed only where it is."""
        said: dict[str, Any] = {"name": self.name, "xmin": self.xmin, "xmax": self.xmax, "ymin": self.ymin,
                                "ymax": self.ymax}
        if self.polygon:
            said["polygon"] = [list(corner) for corner in self.polygon]
        if self.ring is not None:
            said["ring"] = list(self.ring)
        if self.mask:
            said["mask"] = self.mask
        return {**said, "weak_allowed": self.weak_allowed} if self.weak_allowed else said

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Roi:
        said = dict(stored)
        polygon, ring = said.pop("polygon", ()), said.pop("ring", None)
        found = cls(**said, polygon=tuple((x, y) for x, y in polygon), ring=tuple(ring) if ring else None)
        area = (found.xmax - found.xmin + 1) * (found.ymax - found.ymin + 1)
        if found.mask and sum(int(length) for length in found.mask.split(",")) != area:
            raise ValueError(f"the runs of region {found.name} are not those of its box")
        return found

    @classmethod
    def of_mask(cls, name: str, inside: np.ndarray) -> Roi:
        """The region of the pixels [slow, fast] that are True, of which there must be one."""
        import numpy as np

        rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        box = cls(name, int(columns[0]), int(columns[-1]), int(rows[0]), int(rows[-1]))
        flat = inside[box.slices].ravel()
        turns = np.flatnonzero(np.diff(flat, prepend=False))
        runs = np.diff(turns, prepend=0, append=flat.size)
        return replace(box, mask=",".join(map(str, runs)))

    def edges(self) -> list[tuple[tuple[float, float], tuple[float, float]]]:
        """The lines (from x, y to x, y) between pixels that belong to it and pixels that do not."""
        import numpy as np

        outside = self.outside()
        inside = np.ones((self.ymax - self.ymin + 1, self.xmax - self.xmin + 1), bool) if outside is None else ~outside
        padded = np.pad(inside, 1)
        x0, y0 = self.xmin - 0.5, self.ymin - 0.5
        across = [((x0 + x, y0 + y), (x0 + x + 1, y0 + y))
                  for y, x in np.argwhere(padded[1:, 1:-1] != padded[:-1, 1:-1]).tolist()]
        down = [((x0 + x, y0 + y), (x0 + x, y0 + y + 1))
                for y, x in np.argwhere(padded[1:-1, 1:] != padded[1:-1, :-1]).tolist()]
        return across + down

    @classmethod
    def full(cls, shape: Shape, name: str = "full") -> Roi:
        return cls(name, 0, shape.fast - 1, 0, shape.slow - 1)

    @property
    def bounds(self) -> tuple[int, int, int, int]:
        return self.xmin, self.xmax, self.ymin, self.ymax

    @property
    def slices(self) -> tuple[slice, slice]:
        """To index an image of shape (slow, fast)."""
        return slice(self.ymin, self.ymax + 1), slice(self.xmin, self.xmax + 1)

    def fault_in(self, shape: Shape) -> str | None:
        """What is wrong with this region on an image of that shape, or None."""
        for axis, low, high, size in (("x (fast)", self.xmin, self.xmax, shape.fast),
                                      ("y (slow)", self.ymin, self.ymax, shape.slow)):
            if low < 0 or high < 0:
                return f"{axis} bounds {low}..{high} are negative; pixel numbers start at 0"
            if low > high:
                return f"{axis} bounds {low}..{high} are inverted"
            if high >= size:
                return f"{axis} bounds {low}..{high} overhang the image, whose last pixel is {size - 1}"
        return None


def read_float_image(path: Path, shape: Shape, dtype: str = FLOAT_DTYPE) -> np.ndarray:
    """The image [slow, fast], float32 or of the type that a bundle says it keeps.

    Raises FileError when the file cannot be read or its size is not that of the shape.
    """
    import numpy as np

    try:
        size, needed = path.stat().st_size, shape.slow * shape.fast * np.dtype(dtype).itemsize
        if size != needed:
            raise FileError(f"{path}: {size} bytes, but {shape} need {needed}")
        return np.fromfile(path, dtype=dtype).reshape(shape.slow, shape.fast)
    except OSError as fault:
        raise FileError(f"{path}: cannot read the image: {fault.strerror}") from None


def read_mask(path: Path, shape: Shape) -> np.ndarray:
    """A mask as a bundle keeps it, boolean [slow, fast]. Raises FileError as ``read_float_image`` does."""
    masked: np.ndarray = read_float_image(path, shape, "|u1") != 0
    return masked


def dtype_code(image: np.ndarray) -> str:
    """The numpy code of an image's pixels as they are kept: little-endian."""
    return image.dtype.newbyteorder("<").str


def stored_pixels(image: np.ndarray) -> memoryview:
    """The bytes of an image as a bundle keeps it: raw numbers, fast axis first, little-endian. Those of an image that
    lies so in memory are not copied."""
    import numpy as np

    return np.ascontiguousarray(image, dtype_code(image)).reshape(-1).view("|u1").data


def stored_mask(masked: np.ndarray) -> memoryview:
    """The bytes of a mask as a bundle keeps it: one for each pixel, 1 where it is no measurement."""
    import numpy as np

    return np.ascontiguousarray(masked, "|u1").reshape(-1).data


def resample_nearest(image: np.ndarray, shape: Shape) -> np.ndarray:
    """The whole image on another grid: each new pixel takes the old one its centre falls in."""
    import numpy as np

    slow, fast = image.shape
    rows = ((np.arange(shape.slow) + 0.5) * slow / shape.slow).astype(int)
    columns = ((np.arange(shape.fast) + 0.5) * fast / shape.fast).astype(int)
    resampled: np.ndarray = image[rows[:, None], columns[None, :]]
    return resampled


# --- the shape that a command line declares -------------------------------------------------------


_LEADING_NUMBER = re.compile(r"\s*[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
"""What C's atof reads of an item: "64 64" is 64."""


def read_smv_numbers(path: Path) -> dict[str, float]:
    """The numeric items of an SMV or d*TREK header: "KEY=value;" lines in its first 512 bytes, or as many as it says.

    DETECTOR_DIMENSIONS stands for SIZE1 and SIZE2 where a header has no SIZE1, as the engines read it.
    """
    try:
        with open(path, "rb") as stream:
            text = stream.read(512).decode("latin-1")
            stated = re.search(r"HEADER_BYTES *= *([0-9]{1,6})\b", text)
            rest = max(0, int(stated.group(1)) - 512) if stated else 0
            text += stream.read(rest).decode("latin-1")
    except OSError as fault:
        raise FileError(f"{path}: cannot read the image header: {fault.strerror}") from None
    found = _numeric_items(text)
    if not found.get("SIZE1") and "DETECTOR_DIMENSIONS" in found:
        found |= {"SIZE1": found["DETECTOR_DIMENSIONS"], "SIZE2": found["DETECTOR_DIMENSIONS"]}
    return found


def _numeric_items(text: str) -> dict[str, float]:
    found = {}
    for line in text.partition("}")[0].splitlines():
        key, _, value = line.strip(" {;").partition("=")
        number = _LEADING_NUMBER.match(value)
        if number:
            found[key.strip()] = float(number.group())
    return found
