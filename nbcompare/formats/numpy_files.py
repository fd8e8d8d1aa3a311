"""Arrays as numpy saves them: .npy, and .npz with one array or a named one.

numpy reads as many numbers as the header asks for and no further; a header of another shape or type than the file
holds, or a second array behind the first, would be passed over in silence.
"""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import IO, cast

import numpy as np

from nbcompare.errors import FileError, UsageError
from nbcompare.formats.declared import NUMPY, Declared, ImageFile, frame_of_stack

_MAGIC, _ZIP = b"\x93NUMPY", b"PK"
_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
"""Of the third version are names of columns that no image has."""


def read_numpy(path: Path, declared: Declared) -> ImageFile:
    """The array of a file, in the machine's byte order.

    Raises UsageError where an array or a frame must be named; FileError for what is damaged, holds other bytes than its
    header asks for, or would run code.
    """
    try:
        with open(path, "rb") as stream:
            if _begins_as_npy(path, stream):
                _require_whole(path, stream, path.stat().st_size)
        loaded = np.load(path, allow_pickle=False)
    except (FileError, OSError):
        raise
    except Exception as fault:  # numpy raises what its parsers stumble over, of many kinds
        raise FileError(f"{path}: not an array that can be read without running code from it "
                        f"({_short(fault)})") from None
    if not isinstance(loaded, np.lib.npyio.NpzFile):
        return ImageFile(path, NUMPY, _one_frame(path, loaded, declared.frame))
    with loaded as members:
        return ImageFile(path, NUMPY, _one_frame(path, _member(path, members, declared.dataset), declared.frame))


def _begins_as_npy(path: Path, stream: IO[bytes]) -> bool:
    """Whether a file begins as an .npy, or else as an .npz. Raises FileError where it is neither."""
    begins = stream.read(len(_MAGIC))
    stream.seek(0)
    if begins != _MAGIC and not begins.startswith(_ZIP):
        raise FileError(f"{path}: not a file that numpy saved: it begins with {begins!r}, an .npy with {_MAGIC!r} "
                        f"and an .npz with {_ZIP!r}")
    return begins == _MAGIC


def _require_whole(path: Path, stream: IO[bytes], size: int, of: str = "") -> None:
    """Raises FileError where a header is followed by more or fewer bytes than the array that it states; of Python's
    objects numpy says itself that they are not read."""
    version = np.lib.format.read_magic(stream)
    if version not in _HEADERS:
        raise FileError(f"{path}: {of}of version {version[0]}.{version[1]} of the format, which arrays of numbers do "
                        "not need")
    shape, _, dtype = _HEADERS[version](stream)
    needed, found = math.prod(shape) * dtype.itemsize, size - stream.tell()
    if not dtype.hasobject and needed != found:
        raise FileError(f"{path}: {of}{found} bytes of pixels, but its header asks for {needed} ({dtype} of shape "
                        f"{shape})")


def _member(path: Path, members: np.lib.npyio.NpzFile, name: str | None) -> np.ndarray:
    if name is None and len(members.files) == 1:
        name = members.files[0]
    if name not in members.files:
        said = f"there is no array {name!r}" if name else "it holds several arrays"
        raise UsageError(f"{path}: {said}", hint=f"say dataset=NAME, one of {', '.join(members.files)}")
    try:
        archive = cast(zipfile.ZipFile, members.zip)
        entry = next(entry for entry in archive.infolist() if entry.filename in (name, f"{name}.npy"))
        with archive.open(entry) as stream:
            _require_whole(path, stream, entry.file_size, f"array {name}: ")
        array: np.ndarray = members[name]
    except FileError:
        raise
    except Exception as fault:  # zlib, zipfile and numpy each raise kinds of their own
        raise FileError(f"{path}: the array {name} cannot be read ({_short(fault)})") from None
    return array


def _one_frame(path: Path, array: np.ndarray, frame: int | None) -> np.ndarray:
    """A stack's one image; native byte order."""
    if array.ndim == 3:
        array = array[frame_of_stack(path, array.shape[0], frame)]
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _short(fault: Exception) -> str:
    return f"{type(fault).__name__}: {' '.join(str(fault).split())[:200]}"
