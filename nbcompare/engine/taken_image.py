"""The image that an engine left, read once: what is hashed, judged and given back are the same bytes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from dataclasses import dataclass, replace
from pathlib import Path

from nbcompare.case.declared.adapter import Output
from nbcompare.compare.image import FLOAT_DTYPE, Shape, dtype_code, read_float_image, stored_mask, stored_pixels
from nbcompare.engine.failure import ZERO_IMAGE, Failure
from nbcompare.errors import FileError, ShapeError, UsageError
from nbcompare.files import sha256_of
from nbcompare.formats.declared import RAW, Declared
from nbcompare.formats.read import read_image
from nbcompare.later import np

_CLOCK_GRAIN_SECONDS = 2.0


@dataclass(frozen=True)
class TakenImage:
    """What stands where the image should be: its sum, its pixels if it has the right size, what is wrong; of a declared
    output also the type of the pixels, the sum of the file, and the mask that it states, with the sum of that."""

    failure: Failure | None
    sha256: str | None = None
    pixels: np.ndarray | None = None
    dtype: str = FLOAT_DTYPE
    file_sha256: str | None = None
    masked: np.ndarray | None = None
    mask_sha256: str | None = None


def take_float_image(image: Path, shape: Shape, started: float, *, any_number: bool = False) -> TakenImage:
    """Open the file once; what is hashed, judged and given back are the same bytes. No link or pipe is followed."""
    try:
        handle = os.open(image, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return TakenImage(Failure("no-image", "ended with exit code 0 but wrote no float image"))
    except OSError:
        return TakenImage(_NO_FILE)
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode):
        os.close(handle)
        return TakenImage(_NO_FILE)
    with open(handle, "rb") as stream:
        if found.st_size != shape.bytes:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            return TakenImage(_file_failure(found, shape, started), digest)
        content = stream.read(shape.bytes)
    digest = hashlib.sha256(content).hexdigest()
    pixels = np.frombuffer(content, dtype="<f4")
    if pixels.size * pixels.itemsize != shape.bytes:
        return TakenImage(Failure("short-image", "shortened its float image while it was read"), digest)
    failure = _file_failure(found, shape, started) or content_failure(pixels, any_number=any_number)
    return TakenImage(failure, digest, pixels.reshape(shape.slow, shape.fast))


_NO_FILE = Failure("not-a-file", "left something that is no ordinary file where its float image should be")


def image_failure(image: Path, shape: Shape, started: float, *, dtype: str = FLOAT_DTYPE,
                  any_number: bool = False) -> Failure | None:
    """What is wrong with the image, as a bundle keeps it, of a command begun at ``started``, or None."""
    if dtype == FLOAT_DTYPE:
        return take_float_image(image, shape, started, any_number=any_number).failure
    try:
        return content_failure(read_float_image(image, shape, dtype), any_number=any_number)
    except FileError as fault:
        return Failure("short-image", fault.message)


def _place_failure(found: os.stat_result, started: float) -> Failure | None:
    """What is wrong with the file of an image, whatever it holds. One with two names was hardly made by this run, and
    whoever writes to the other changes the evidence."""
    if not stat.S_ISREG(found.st_mode):
        return _NO_FILE
    if found.st_nlink > 1:
        return Failure("not-a-file", "left a hard link to another file where its float image should be")
    if found.st_mtime < started - _CLOCK_GRAIN_SECONDS:
        return Failure("stale-image", f"left a float image {started - found.st_mtime:.0f} s older than the run itself")
    return None


def _file_failure(found: os.stat_result, shape: Shape, started: float) -> Failure | None:
    """What is wrong with the file of a float image."""
    failure = _place_failure(found, started)
    if failure:
        return failure
    if found.st_size != shape.bytes:
        kind, word = ("short-image", "short") if found.st_size < shape.bytes else ("long-image", "long")
        return Failure(kind, f"wrote a float image that is too {word}: {found.st_size} bytes, and {shape} "
                             f"need {shape.bytes}{_other_reals(found.st_size, shape)}")
    return None


def _other_reals(size: int, shape: Shape) -> str:
    """What the size of an image looks like: numbers of another width than a float image has."""
    pixels = shape.fast * shape.slow
    width = size // pixels if size % pixels == 0 else 0
    looks = {8: "float64", 2: "16-bit integers", 1: "bytes"}.get(width)
    return f", 4 for each; it looks like {looks}, and -floatfile is float32, fast axis first" if looks else ""


def content_failure(pixels: np.ndarray, *, any_number: bool = False) -> Failure | None:
    """What is wrong with the pixels of an image of the right size, or None; ``any_number`` lets some of them be NaN
    or infinite."""
    bad = int(pixels.size - np.count_nonzero(np.isfinite(pixels)))
    if bad and not (any_number and bad < pixels.size):
        return Failure("nan-image", f"wrote a float image with {bad} of {pixels.size} pixels NaN or infinite")
    if not pixels.any():
        return Failure(ZERO_IMAGE, "wrote a float image in which every pixel is zero")
    return None


# --- an image of another format ---------------------------------------------------------------------------


_MOST_NAMES = 5


def _instead(image: Path, started: float) -> str:
    """The files that were written beside the one that was declared, in words."""
    with contextlib.suppress(OSError):
        names = sorted(entry.name for entry in os.scandir(image.parent)
                       if entry.is_file(follow_symlinks=False) and entry.stat().st_mtime >= started)
        return f"; it wrote {', '.join(names[:_MOST_NAMES])}" if names else ""
    return ""


def take_declared(image: Path, output: Output, shape: Shape, started: float, *, any_number: bool = False) -> TakenImage:
    """The image that an adapter declares, of any format. No link is followed, no file of before the run is read, and
    nothing that the file refers to outside of itself."""
    try:
        found = os.lstat(image)
    except OSError:
        more = _instead(image, started)
        return TakenImage(Failure("no-image", f"ended with exit code 0 but wrote no {output.file}{more}"))
    failure = _place_failure(found, started)
    if failure:
        return TakenImage(failure)
    digest = sha256_of(image)
    try:
        read = read_image(image, _complete(output.declared, shape), alone=True)
    except (FileError, ShapeError, UsageError) as fault:
        more = f" ({fault.hint})" if fault.hint else ""
        said = fault.message.replace(f"{image}: ", "")
        return TakenImage(Failure("unreadable-image", f"wrote {output.file}, which is not what it is declared to be: "
                                                      f"{said}{more}"), file_sha256=digest)
    if sha256_of(image) != digest:
        return TakenImage(Failure("short-image", f"changed {output.file} while it was read"), file_sha256=digest)
    if read.pixels.shape != (shape.slow, shape.fast):
        there = Shape(*read.pixels.shape)
        exchanged = read.pixels.shape == (shape.fast, shape.slow)
        more = "; its sides are exchanged, which output: {axes: fast-slow} is for" if exchanged else ""
        return TakenImage(Failure("other-shape", f"wrote an image of {there}, and its arguments declare {shape}{more}"),
                          file_sha256=digest)
    content = stored_pixels(read.pixels)
    mask = None if read.masked is None else stored_mask(read.masked)
    failure = content_failure(read.pixels, any_number=any_number)
    return TakenImage(failure, sha256_of_bytes(content), read.pixels, dtype_code(read.pixels), digest, read.masked,
                      None if mask is None else sha256_of_bytes(mask))


def _complete(declared: Declared, shape: Shape) -> Declared:
    """A raw file has the size that the case states, where its declaration states none."""
    if declared.format == RAW and declared.shape is None:
        return replace(declared, shape=(shape.slow, shape.fast))
    return declared


def sha256_of_bytes(content: bytes | memoryview) -> str:
    return hashlib.sha256(content).hexdigest()
