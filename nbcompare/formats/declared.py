"""What people say about an image file, and what was found in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbcompare.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

RAW, NUMPY, HDF5, FABIO = "raw", "numpy", "hdf5", "fabio"
FORMATS = (RAW, NUMPY, HDF5, FABIO)
_DTYPE = re.compile(r"[<>]?[fiu][1248]")


@dataclass(frozen=True)
class Declared:
    """How a file is to be read; what is None is told by the file itself.

    ``format`` is one of FORMATS. ``shape`` is (slow, fast) in pixels, ``offset`` the bytes before the first pixel and
    ``dtype`` a numpy code such as ``<f4``: a raw file needs shape and dtype. ``dataset`` names an HDF5 dataset or a
    member of an .npz; ``frame`` picks one image of a stack. ``transposed``: the file's first axis is the fast one.
    Every pixel is multiplied by ``scale`` where it is given.
    """

    format: str | None = None
    dtype: str | None = None
    shape: tuple[int, int] | None = None
    offset: int = 0
    dataset: str | None = None
    frame: int | None = None
    transposed: bool = False
    scale: float | None = None

    @classmethod
    def of(cls, text: str | None, option: str) -> Declared:
        """``KEY=VALUE,...`` of a command line. Raises UsageError that names the option."""
        chosen: dict[str, Any] = {}
        for part in text.split(",") if text else ():
            key, equals, value = part.partition("=")
            reader = _READERS.get(key)
            if not equals or reader is None:
                raise UsageError(f"{option}: {part!r} must read KEY=VALUE, with one of {', '.join(sorted(_READERS))}")
            try:
                chosen["transposed" if key == "axes" else key] = reader(value)
            except ValueError as fault:
                raise UsageError(f"{option}: {key}={value}: {fault}") from None
        return cls(**chosen)

    def as_dict(self) -> dict[str, object]:
        """What was declared, as plain values."""
        plain = Declared()
        return {key: list(value) if isinstance(value, tuple) else value for key, value in vars(self).items()
                if value != getattr(plain, key)}


@dataclass(frozen=True)
class ImageFile:
    """An image file as it was read.

    ``pixels`` [slow, fast] are of the file's own dtype, in the machine's byte order; ``masked`` is True where the
    file itself says that a pixel is no measurement (None: it says nothing of that). ``header`` holds what the file
    says of its geometry under the names of GEOMETRY, in their units.
    """

    path: Path
    format: str
    pixels: np.ndarray
    masked: np.ndarray | None = None
    header: Mapping[str, float] = field(default_factory=dict)

    @property
    def dtype(self) -> str:
        return str(self.pixels.dtype)


GEOMETRY = {"wavelength_A": 1e-6, "distance_mm": 1e-6, "pixel_fast_mm": 1e-6, "pixel_slow_mm": 1e-6,
            "beam_fast_px": 1e-6, "beam_slow_px": 1e-6}
"""What headers may say that two images of one experiment share, with the relative difference that matters."""


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise ValueError("a whole number from 0 up is needed")
    return int(text)


def _shape(text: str) -> tuple[int, int]:
    slow, x, fast = text.partition("x")
    if not x:
        raise ValueError("a shape reads SLOWxFAST, such as 512x1024")
    shape = _count(slow), _count(fast)
    if not all(1 <= size <= 100_000 for size in shape):
        raise ValueError("each side must be 1 to 100000 pixels")
    return shape


def _dtype(text: str) -> str:
    if not _DTYPE.fullmatch(text) or text[-2:] in ("f1", "f2"):
        raise ValueError("a type reads <f4, >f4, <f8, <i2, <u2, <i4, <u4 and so on")
    return text


def _format(text: str) -> str:
    if text not in FORMATS:
        raise ValueError(f"one of {', '.join(FORMATS)} is needed")
    return text


def _axes(text: str) -> bool:
    if text not in ("slow-fast", "fast-slow"):
        raise ValueError("slow-fast or fast-slow is needed")
    return text == "fast-slow"


def _scale(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 < abs(value) < float("inf"):
        raise ValueError("a finite number other than 0 is needed")
    return value


_READERS: Mapping[str, Callable[[str], object]] = {
    "format": _format, "dtype": _dtype, "shape": _shape, "offset": _count, "dataset": str, "frame": _count,
    "axes": _axes, "scale": _scale}


def frame_of_stack(path: Path, count: int, frame: int | None, what: str = "") -> int:
    """Which of the ``count`` images of a stack is meant, from 0; ``what`` names the stack within its file.

    Raises UsageError where that was not said of several, and where there is no such image.
    """
    if frame is None and count != 1:
        of_file = f"{what} is " if what else ""
        raise UsageError(f"{path}: {of_file}a stack of {count} images", hint="say frame=N, from 0")
    if (frame or 0) >= count:
        raise UsageError(f"{path}: there is no frame {frame}; {what or 'it'} holds {count}")
    return frame or 0
