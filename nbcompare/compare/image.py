"""Float images: their shape, the regions looked at, and reading them without guessing.

A float image is raw little-endian float32 without header, fast axis first in memory, so a file of an
image of shape (slow, fast) holds slow*fast*4 bytes. x is the fast axis, y the slow one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nbcompare.errors import FileError, UsageError

if TYPE_CHECKING:
    import numpy as np

BYTES_PER_PIXEL = 4
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
    """A region of interest; all four bounds are inclusive pixel numbers, x fast and y slow."""

    name: str
    xmin: int
    xmax: int
    ymin: int
    ymax: int

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


def read_float_image(path: Path, shape: Shape) -> np.ndarray:
    """The image as float32 [slow, fast].

    Raises FileError when the file cannot be read or its size is not that of the shape.
    """
    import numpy as np

    try:
        size = path.stat().st_size
        if size != shape.bytes:
            raise FileError(f"{path}: {size} bytes, but {shape} need {shape.bytes}")
        return np.fromfile(path, dtype="<f4").reshape(shape.slow, shape.fast)
    except OSError as fault:
        raise FileError(f"{path}: cannot read the image: {fault.strerror}") from None


def resample_nearest(image: np.ndarray, shape: Shape) -> np.ndarray:
    """The whole image on another grid: each new pixel takes the old one its centre falls in."""
    import numpy as np

    slow, fast = image.shape
    rows = ((np.arange(shape.slow) + 0.5) * slow / shape.slow).astype(int)
    columns = ((np.arange(shape.fast) + 0.5) * fast / shape.fast).astype(int)
    return image[rows[:, None], columns[None, :]]


# --- the shape that a command line declares -------------------------------------------------------


def declared_shape(argv: Sequence[str], folder: Path) -> Shape:
    """The image shape that nanoBragg arguments declare.

    A pixel count beats a size in mm, the last of each wins, and a header given with -img or -mask is
    beaten by both; npixels = ceil(size/pixel - 1/2), as the program rounds. ``folder`` is where the
    header files lie. Raises UsageError for a size that is no number, and for an empty image.
    """
    counts, sizes_mm, pixel_mm = _header_sizes(argv, folder)
    for i, token in enumerate(argv):
        if token in ("-detpixels", "-detpixels_f", "-detpixels_x", "-detpixels_s", "-detpixels_y"):
            value = int(_number(argv, i))
            counts = _along(token, ("f", "x"), ("s", "y"), counts, value)
        elif token in ("-detsize", "-detsize_f", "-detsize_s"):
            sizes_mm = _along(token, ("f",), ("s",), sizes_mm, _number(argv, i))
        elif token in ("-pixel", "-pixelsize", "-pixel_size"):
            pixel_mm = _number(argv, i)
    if not pixel_mm > 0:
        raise UsageError(f"-pixel {pixel_mm:g}: a pixel size must be positive")
    fast, slow = (count or math.ceil(size / pixel_mm - 0.5) for count, size in zip(counts, sizes_mm, strict=True))
    if fast < 1 or slow < 1:
        raise UsageError(f"the arguments declare an image of {fast} x {slow} pixels")
    return Shape(slow=slow, fast=fast)


def _along(token, fast_names, slow_names, pair, value):
    """(fast, slow) with the axis that the option's suffix names replaced, or both without a suffix."""
    suffix = token.rpartition("_")[2] if "_" in token else ""
    return (value if suffix in fast_names or not suffix else pair[0],
            value if suffix in slow_names or not suffix else pair[1])


def _number(argv: Sequence[str], i: int) -> float:
    try:
        value = float(argv[i + 1])
    except (IndexError, ValueError):
        found = argv[i + 1] if i + 1 < len(argv) else "nothing"
        raise UsageError(f"{argv[i]} needs a number, found {found}") from None
    if not math.isfinite(value):
        raise UsageError(f"{argv[i]} needs a finite number, found {argv[i + 1]}")
    return value


def _header_sizes(argv, folder):
    """Sizes read from the headers of -mask, then -img (the second wins)."""
    counts, pixel_mm = (0, 0), DEFAULT_PIXEL_MM
    for option in ("-mask", "-img"):
        for i, token in enumerate(argv[:-1]):
            if token == option:
                header = read_smv_numbers(folder / argv[i + 1])
                counts = (int(header.get("SIZE1", counts[0])), int(header.get("SIZE2", counts[1])))
                pixel_mm = header.get("PIXEL_SIZE", pixel_mm)
    return counts, (DEFAULT_DETSIZE_MM, DEFAULT_DETSIZE_MM), pixel_mm


def read_smv_numbers(path: Path) -> dict[str, float]:
    """The numeric items of an SMV header ("KEY=value;" lines in its first 512 bytes)."""
    try:
        with open(path, "rb") as stream:
            text = stream.read(512).decode("latin-1")
    except OSError as fault:
        raise FileError(f"{path}: cannot read the image header: {fault.strerror}") from None
    found = {}
    for line in text.partition("}")[0].splitlines():
        key, _, value = line.strip(" {;").partition("=")
        try:
            found[key.strip()] = float(value)
        except ValueError:
            continue
    return found
