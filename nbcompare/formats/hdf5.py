"""HDF5 images: a named dataset, or the data of an NXmx or Eiger file, with its pixel mask and geometry."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nbcompare.errors import FileError, UsageError
from nbcompare.formats.declared import HDF5, Declared, ImageFile, frame_of_stack
from nbcompare.formats.hdf5_parts import fill_values, refuse_unscaled, refuse_unwritten, require_filters, unmapped
from nbcompare.formats.unread import hdf5_gaps, refuse_unread

if TYPE_CHECKING:
    import h5py

_DATA = ("/entry/data/data", "/entry/data/data_000001", "/entry/instrument/detector/data", "/data/data", "/data")
_MASKS = ("/entry/instrument/detector/pixel_mask", "/entry/instrument/detector/detectorSpecific/pixel_mask")
_NO_IMAGE = ("pixel_mask", "flatfield")
"""Datasets of an image's shape that are none."""

_MOST_DEFAULTS = 8
"""How deep groups that name one another as the default are followed."""

_NXMX = {"wavelength_A": (("/entry/instrument/beam/incident_wavelength", "/entry/sample/beam/incident_wavelength"),
                          {"angstrom": 1.0, "nm": 10.0, "m": 1e10}),
         "distance_mm": (("/entry/instrument/detector/distance", "/entry/instrument/detector/detector_distance"),
                         {"m": 1e3, "mm": 1.0}),
         "pixel_fast_mm": (("/entry/instrument/detector/x_pixel_size",), {"m": 1e3, "mm": 1.0}),
         "pixel_slow_mm": (("/entry/instrument/detector/y_pixel_size",), {"m": 1e3, "mm": 1.0}),
         "beam_fast_px": (("/entry/instrument/detector/beam_center_x",), {"pixel": 1.0, "pixels": 1.0, "": 1.0}),
         "beam_slow_px": (("/entry/instrument/detector/beam_center_y",), {"pixel": 1.0, "pixels": 1.0, "": 1.0})}
"""Where NXmx files keep the geometry, and the units that are understood (default: the first).

Source: the NXmx application definition of NeXus, which Eiger files follow.
"""


def read_hdf5(path: Path, declared: Declared, *, alone: bool = False) -> ImageFile:
    """The image of an HDF5 file; ``alone`` refuses one that lies in another file.

    Raises UsageError where the dataset or the frame must be named, FileError for a file that cannot be read.
    """
    try:
        import h5py
    except ImportError:
        raise UsageError(f"{path}: reading HDF5 needs h5py", hint="pip install 'nb-compare[formats]'") from None
    _register_filters()
    try:
        with h5py.File(path, "r") as file:
            refuse_unread(path, hdf5_gaps(path))
            data = _dataset(path, file, declared.dataset)
            if alone:
                _refuse_elsewhere(path, file, data)
            require_filters(path, data)
            pixels = _frame(path, data, declared.frame)
            refuse_unscaled(path, data, declared.scale)
            masks = _mask(path, file, data, pixels), unmapped(data, declared.frame), fill_values(data, pixels)
            return ImageFile(path, HDF5, pixels, _either(masks), dict(_geometry(file)))
    except (OSError, RuntimeError, KeyError) as fault:
        raise FileError(f"{path}: cannot be read as HDF5: {_short(fault)}") from None


def _register_filters() -> None:
    """Bitshuffle, LZ4 and the like, which Eiger files are compressed with, where the library is there."""
    with contextlib.suppress(ImportError):
        import hdf5plugin  # noqa: F401 (importing it registers the filters)


def _dataset(path: Path, file: h5py.File, name: str | None) -> h5py.Dataset:
    import h5py

    if name is not None:
        if not isinstance(file.get(name), h5py.Dataset):
            raise UsageError(f"{path}: there is no dataset {name}", hint=_say_which(_images(file)))
        return file[name]
    for known in _known(file):
        if isinstance(file.get(known), h5py.Dataset):
            return file[known]
        _refuse_dangling(path, file, known)
    found = _images(file)
    if len(found) != 1:
        raise UsageError(f"{path}: {len(found)} datasets could be the image", hint=_say_which(found))
    return file[found[0]]


def _known(file: h5py.File) -> Iterator[str]:
    """Where the image is, by the first that is there: what the file says by ``default`` and ``signal``, as NeXus does,
    or a place of NXmx and Eiger files."""
    import h5py

    group: Any = file
    for _ in range(_MOST_DEFAULTS):
        default = _text(group, "default")
        group = group[default] if default and isinstance(group.get(default), h5py.Group) else group
    for place in (group, file.get("/entry/data")):
        signal = _text(place, "signal")
        if signal and isinstance(place, h5py.Group) and signal in place:
            yield f"{place.name.rstrip('/')}/{signal}"
    yield from _DATA


def _text(entry: Any, name: str) -> str | None:
    """An attribute that is a text."""
    value = getattr(entry, "attrs", {}).get(name)
    return value.decode() if isinstance(value, bytes) else value if isinstance(value, str) else None


def _refuse_dangling(path: Path, file: h5py.File, name: str) -> None:
    """Raises FileError for a place of the image that leads to a file or a dataset that is not there."""
    import h5py

    link = file.get(name, getlink=True)
    if isinstance(link, h5py.ExternalLink):
        raise FileError(f"{path}: {name} lies in {link.path} of {link.filename}, which is not there")
    if isinstance(link, h5py.SoftLink) and file.get(name) is None:
        raise FileError(f"{path}: {name} leads to {link.path}, which is not there")


def _refuse_elsewhere(path: Path, file: h5py.File, data: h5py.Dataset) -> None:
    """Raises FileError for pixels, or a mask, that lie in another file: by an external link, a virtual dataset or
    external storage."""
    for entry in (data, *(file[name] for name in _MASKS if name in file)):
        if (entry.file.id != file.id and entry.file.filename != file.filename) or entry.is_virtual or entry.external:
            raise FileError(f"{path}: {entry.name} lies in another file, which may be of another run")


def _images(file: h5py.File) -> list[str]:
    """The datasets that could be an image."""
    import h5py

    found: list[str] = []

    def look(name: str, entry: Any) -> None:
        if isinstance(entry, h5py.Dataset) and entry.ndim in (2, 3) and entry.dtype.kind in "fiu" \
                and name.rpartition("/")[2] not in _NO_IMAGE:
            found.append(f"/{name}")

    file.visititems(look)
    return found


def _say_which(names: list[str]) -> str:
    return f"say dataset=NAME, one of {', '.join(names[:8])}" if names else "it holds no dataset of two dimensions"


def _frame(path: Path, data: h5py.Dataset, frame: int | None) -> np.ndarray:
    if data.ndim == 3:
        wanted = frame_of_stack(path, data.shape[0], frame, data.name)
        refuse_unwritten(path, data, frame)
        pixels = data[wanted]
    else:
        refuse_unwritten(path, data, None)
        pixels = data[()]
    pixels = np.asarray(pixels)
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)


def _mask(path: Path, file: h5py.File, data: h5py.Dataset, pixels: np.ndarray) -> np.ndarray | None:
    """Pixels that the file marks: by its pixel mask, and by the largest number of an unsigned type (Eiger).

    Raises FileError for a pixel mask of another shape than the detector's image; to a dataset of some other name it
    need not belong.
    """
    masked = None
    for name in _MASKS:
        shape = getattr(file.get(name), "shape", None)
        if shape in (pixels.shape, (1, *pixels.shape)):
            masked = np.asarray(file[name][()]).reshape(pixels.shape) != 0
            break
        if shape is not None and data.name in set(_known(file)):
            raise FileError(f"{path}: its pixel mask {name} is of shape {shape}, the image {data.name} of "
                            f"{pixels.shape}")
    if pixels.dtype.kind == "u":
        gaps = pixels == np.iinfo(pixels.dtype).max
        if gaps.any():
            masked = gaps if masked is None else masked | gaps
    return masked


def _either(masks: Iterable[np.ndarray | None]) -> np.ndarray | None:
    """Pixels that any of the masks marks; None where there is no mask."""
    found = [mask for mask in masks if mask is not None]
    return np.logical_or.reduce(found) if found else None


def _geometry(file: h5py.File) -> Iterator[tuple[str, float]]:
    for key, (places, units) in _NXMX.items():
        for place in places:
            entry = file.get(place)
            if entry is None or getattr(entry, "size", 0) != 1:
                continue
            unit = entry.attrs.get("units", next(iter(units)))
            unit = unit.decode() if isinstance(unit, bytes) else str(unit)
            if unit in units:
                yield key, float(np.asarray(entry[()]).ravel()[0]) * units[unit]
                break


def _short(fault: Exception) -> str:
    return " ".join(str(fault).split())[:200]
