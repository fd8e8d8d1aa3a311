"""One image file of any format as an array [slow, fast], with the mask and the geometry it states."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from nbcompare.errors import FileError, ShapeError, UsageError
from nbcompare.files import odd_beginning
from nbcompare.formats.declared import FABIO, HDF5, NUMPY, RAW, Declared, ImageFile
from nbcompare.later import np

_SUFFIXES = {**dict.fromkeys((".npy", ".npz"), NUMPY), **dict.fromkeys((".h5", ".hdf5", ".nxs", ".cxi"), HDF5),
             **dict.fromkeys((".bin", ".raw"), RAW),
             **dict.fromkeys((".cbf", ".img", ".smv", ".edf", ".tif", ".tiff", ".mccd", ".mar3450", ".osc", ".sfrm"),
                             FABIO)}


def read_image(path: Path, declared: Declared = Declared(), *, alone: bool = False) -> ImageFile:  # noqa: B008 (frozen)
    """The image in a file; ``alone`` refuses one whose pixels lie in another file that it refers to.

    Raises UsageError when the format is not known, or a raw file's shape or dtype was not declared; FileError when the
    file cannot be read or is not what it should be; ShapeError when it holds another shape than was declared.
    """
    if path.is_dir():
        raise FileError(f"{path}: a folder, not an image file")
    form = declared.format or _SUFFIXES.get(path.suffix.lower())
    if form is None:
        raise UsageError(f"{path}: the format of {path.suffix or 'a file without suffix'} is not known",
                         hint="say format=raw, numpy, hdf5 or fabio")
    _refuse_strangers(path, form)
    try:
        found = _OF_FORMAT[form](path, declared, alone)
    except (OSError, EOFError) as fault:
        raise FileError(f"{path}: cannot read: {getattr(fault, 'strerror', None) or fault}") from None
    return _as_declared(found, declared)


def _refuse_strangers(path: Path, form: str) -> None:
    """What people take for an image and is none, told as what it is. Raw numbers may begin in any way."""
    try:
        with open(path, "rb") as stream:
            head = stream.read(64)
    except OSError as fault:
        raise FileError(f"{path}: cannot read: {fault.strerror}") from None
    if not head:
        raise FileError(f"{path}: an empty file")
    odd = odd_beginning(head)
    if odd and form != RAW and path.suffix.lower() != ".npz":
        what, mend = odd
        raise FileError(f"{path}: {what}", hint=mend)


def _as_declared(found: ImageFile, declared: Declared) -> ImageFile:
    """Turned, scaled, and checked against what was declared."""
    pixels, masked = found.pixels, found.masked
    if pixels.dtype.kind not in "fiu":
        raise FileError(f"{found.path}: holds {pixels.dtype}, not real numbers")
    if pixels.dtype.itemsize > 8:
        raise FileError(f"{found.path}: holds {pixels.dtype}, and nothing beyond float64 is compared",
                        hint="save it as float64, if the digits beyond do not matter")
    if declared.dtype and pixels.dtype != np.dtype(declared.dtype).newbyteorder("="):
        raise FileError(f"{found.path}: holds {pixels.dtype}, declared is {declared.dtype}")
    if declared.transposed:
        pixels, masked = pixels.T, None if masked is None else masked.T
    if pixels.ndim != 2 or not pixels.size:
        raise ShapeError(f"{found.path}: holds an array of shape {pixels.shape}, not one image")
    if declared.shape and pixels.shape != declared.shape:
        raise ShapeError(f"{found.path}: holds {pixels.shape[0]} x {pixels.shape[1]} pixels (slow x fast), declared "
                         f"are {declared.shape[0]} x {declared.shape[1]}")
    if declared.scale is not None:
        pixels = pixels.astype(np.float64) * declared.scale
    return replace(found, pixels=np.ascontiguousarray(pixels), masked=masked)


# --- raw numbers ------------------------------------------------------------------------------------------


def _raw(path: Path, declared: Declared, alone: bool = True) -> ImageFile:
    if declared.shape is None or declared.dtype is None:
        raise UsageError(f"{path}: a raw file says neither its shape nor its type",
                         hint="declare both, such as shape=512x1024,dtype=<f4 (slow x fast)")
    slow, fast = reversed(declared.shape) if declared.transposed else declared.shape
    dtype = np.dtype(declared.dtype)
    size, needed = path.stat().st_size, declared.offset + slow * fast * dtype.itemsize
    if size != needed:
        axes = "fast x slow" if declared.transposed else "slow x fast"
        raise FileError(f"{path}: {size} bytes, but {slow} x {fast} pixels ({axes}) of {declared.dtype}"
                        + (f" after {declared.offset} bytes" if declared.offset else "") + f" need {needed}")
    pixels = np.fromfile(path, dtype, offset=declared.offset).reshape(slow, fast)
    return ImageFile(path, RAW, pixels.astype(dtype.newbyteorder("="), copy=False))


# --- formats that libraries read --------------------------------------------------------------------------


def _numpy(path: Path, declared: Declared, alone: bool = True) -> ImageFile:
    from nbcompare.formats.numpy_files import read_numpy

    return read_numpy(path, declared)


def _hdf5(path: Path, declared: Declared, alone: bool) -> ImageFile:
    from nbcompare.formats.hdf5 import read_hdf5

    return read_hdf5(path, declared, alone=alone)


def _fabio(path: Path, declared: Declared, alone: bool) -> ImageFile:
    from nbcompare.formats.detector_files import read_detector_file

    return read_detector_file(path, declared, alone=alone)


_OF_FORMAT: Mapping[str, Callable[[Path, Declared, bool], ImageFile]] = {
    RAW: _raw, NUMPY: _numpy, HDF5: _hdf5, FABIO: _fabio}
