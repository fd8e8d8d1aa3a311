"""Detector images through fabio: SMV/ADSC, CBF, EDF, TIFF, MarCCD and its other formats."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from nbcompare.errors import FileError, UsageError
from nbcompare.formats.declared import FABIO, Declared, ImageFile, frame_of_stack
from nbcompare.formats.heard import heard_from_fabio, refuse_guesses
from nbcompare.formats.packed import require_whole_mar345
from nbcompare.formats.tiff import require_whole_tiff
from nbcompare.formats.unread import edf_gaps, refuse_unread

_CBF = {"wavelength_A": (r"Wavelength\s+([\d.eE+-]+)\s*A", 1.0),
        "distance_mm": (r"Detector_distance\s+([\d.eE+-]+)\s*m\b", 1e3),
        "pixel_fast_mm": (r"Pixel_size\s+([\d.eE+-]+)\s*m\b", 1e3),
        "pixel_slow_mm": (r"Pixel_size\s+\S+\s*m\s*x\s*([\d.eE+-]+)\s*m\b", 1e3),
        "beam_fast_px": (r"Beam_xy\s*\(\s*([\d.eE+-]+)", 1.0),
        "beam_slow_px": (r"Beam_xy\s*\([^,]*,\s*([\d.eE+-]+)", 1.0)}
"""Lines of the miniCBF header of photon counters, with the factor to our unit."""

_SMV = {"wavelength_A": "WAVELENGTH", "distance_mm": "DISTANCE", "pixel_fast_mm": "PIXEL_SIZE",
        "pixel_slow_mm": "PIXEL_SIZE"}


_ELSEWHERE = ("edf_binaryfilename",)
"""Words of a header that name the file which holds the pixels."""


_MARCCD_HEAD, _MRC_HEAD = 4096, 1024
"""Bytes before the pixels."""

_CBF_BORDER = b"--CIF-BINARY-FORMAT-SECTION--"
"""What stands before and behind each image of a CBF."""

_CBF_BEGIN, _CBF_PIXELS = b"###CBF: VERSION", b"\x0c\x1a\x04\xd5"
"""How a CBF begins, and what stands before its pixels."""


def read_detector_file(path: Path, declared: Declared, *, alone: bool = False) -> ImageFile:
    """The image of a detector file; ``alone`` refuses one whose pixels lie in another. Negative pixels of a CBF are the
    marks of gaps and dead pixels, and are masked.

    Raises UsageError where fabio is missing, a frame must be named, or fabio had to guess how the pixels are stored;
    FileError for a file that it cannot read, that is cut short or that is not of the sum that it states.
    """
    try:
        with heard_from_fabio():
            import fabio
    except ImportError:
        raise UsageError(f"{path}: reading {path.suffix} needs fabio",
                         hint="pip install 'nb-compare[formats]'") from None
    require_whole_mar345(path)
    _require_pixels_of_cbf(path)
    require_whole_tiff(path)
    try:
        with heard_from_fabio() as heard:
            image = fabio.open(str(path))
            frames = max(1, image.nframes)
            if declared.frame and declared.frame < frames:
                image = image.get_frame(declared.frame)
            pixels = np.array(image.data)
            incomplete = any(getattr(frame, "incomplete_data", False) for frame in getattr(image, "_frames", ()))
            header = {str(key): str(value) for key, value in dict(image.header).items()}
    except Exception as fault:  # fabio raises what its parsers stumble over, of many kinds
        said = " ".join(str(fault).split())[:200]
        raise FileError(f"{path}: cannot be read as a detector image "
                        f"({type(fault).__name__}: {said})" if said else f"{path}: cannot be read as a detector image: "
                        "its bytes are not those that its header speaks of; is it cut short?") from None
    if pixels.dtype.kind == "O":
        raise FileError(f"{path}: no pixels can be read where its header says that they are; is it cut short?")
    pixels = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    kind = type(image).__name__.lower()
    if alone and any(key.lower() in _ELSEWHERE for key in header):
        raise FileError(f"{path}: its pixels lie in another file, which may be of another run")
    _refuse_short(path, kind, pixels, header)
    _refuse_other_size(path, kind, pixels.nbytes * frames, header)
    if kind.startswith("edf"):
        refuse_unread(path, edf_gaps(image))
    if kind.startswith("cbf"):
        _refuse_other_count(path, header)
    frame_of_stack(path, frames, declared.frame)
    _refuse_further_images(path, kind)
    refuse_guesses(path, heard, stated=declared.dtype is not None)
    if incomplete:
        raise FileError(f"{path}: it holds fewer bytes than its header asks for")
    masked = pixels < 0 if kind.startswith("cbf") and pixels.dtype.kind == "i" and (pixels < 0).any() else None
    return ImageFile(path, FABIO, pixels, masked, dict(_geometry(kind, header)))


def _refuse_short(path: Path, kind: str, pixels: np.ndarray, header: Mapping[str, str]) -> None:
    """A file that is cut short: some readers fill up with zeros."""
    if kind.startswith(("adsc", "dtrek")):
        with contextlib.suppress(KeyError, ValueError):
            needed = int(header["HEADER_BYTES"]) + pixels.nbytes
            if path.stat().st_size < needed:
                raise FileError(f"{path}: {path.stat().st_size} bytes, but its header asks for {needed}")


def _refuse_other_size(path: Path, kind: str, needed: int, header: Mapping[str, str]) -> None:
    """A file of plain numbers that cannot hold what its header says, or holds numbers beside them: a wrong type, or a
    wrong side, which a reader fills up with zeros."""
    size = path.stat().st_size
    if kind.startswith("marc"):
        beside = _MARCCD_HEAD
    elif kind.startswith("mrc"):
        beside = _MRC_HEAD + int(header.get("NSYMBT", 0))
    else:
        return
    if size != beside + needed:
        raise FileError(f"{path}: {size} bytes, but its header asks for {beside + needed}")


def _refuse_other_count(path: Path, header: Mapping[str, str]) -> None:
    """A CBF of other sides than the number of its pixels, which fabio does not look at."""
    with contextlib.suppress(KeyError, ValueError):
        stated = int(header["X-Binary-Number-of-Elements"])
        fast, slow = (int(header[f"X-Binary-Size-{which}-Dimension"]) for which in ("Fastest", "Second"))
        if stated != fast * slow:
            raise FileError(f"{path}: its header says that it holds {stated} pixels, and that they are {fast} x {slow}")


def _require_pixels_of_cbf(path: Path) -> None:
    """Raises FileError for a CBF in which no pixels begin: fabio would look for them for ever."""
    try:
        content = path.read_bytes()
    except OSError as fault:
        raise FileError(f"{path}: cannot be read: {fault.strerror}") from None
    if path.suffix.lower() == ".cbf" or content.startswith(_CBF_BEGIN):
        border = content.find(_CBF_BORDER)
        if border < 0 or content.find(_CBF_PIXELS, border) < 0:
            raise FileError(f"{path}: cannot be read as a detector image: no pixels begin in it, as they do in a CBF; "
                            "is it cut short?")


def _refuse_further_images(path: Path, kind: str) -> None:
    """A CBF may hold several images, of which fabio reads the first."""
    if kind.startswith("cbf") and (images := path.read_bytes().count(_CBF_BORDER) // 2) > 1:
        raise FileError(f"{path}: holds {images} images, and only the first of a CBF can be read",
                        hint="write each into a file of its own")


def _geometry(kind: str, header: Mapping[str, str]) -> Iterator[tuple[str, float]]:
    if kind.startswith("cbf"):
        text = header.get("_array_data.header_contents", "")
        for key, (pattern, factor) in _CBF.items():
            match = re.search(pattern, text)
            with contextlib.suppress(ValueError):
                if match:
                    yield key, float(match[1]) * factor
    elif kind.startswith(("adsc", "dtrek")):
        for key, name in _SMV.items():
            with contextlib.suppress(KeyError, ValueError):
                yield key, float(header[name])
