"""What an HDF5 library reads where nothing was written, or elsewhere than it is said: missing chunks and files of a
virtual dataset come back as fill values, which look like photons; a scale that the file states is not applied."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nbcompare.errors import FileError, UsageError

if TYPE_CHECKING:
    import h5py

_FILLS = ("_FillValue", "missing_value")
"""Attributes that name the value of a pixel that is no measurement. Source: CF conventions, section 2.5.1."""

_FACTORS, _OFFSETS = ("scale_factor", "scaling_factor"), ("add_offset",)
"""Attributes that say how the stored numbers become values. Source: CF section 8.1 and the NXdata class of NeXus, which
keeps both as datasets beside the data, too."""


def refuse_unwritten(path: Path, data: h5py.Dataset, frame: int | None) -> None:
    """Raises FileError where pixels of the image would be fill values: a chunk that was never written, or a file of a
    virtual dataset, or of external storage, that is not there."""
    if data.is_virtual:
        for source in data.virtual_sources():
            if _concerns(source, data, frame) and source.file_name != ".":
                _require_source(path, data, source)
    elif data.external:
        for name, offset, size in data.external:
            needed = offset + min(size, data.nbytes)
            places = Path(name), path.parent / name
            if not any(there.is_file() and there.stat().st_size >= needed for there in places):
                raise FileError(f"{path}: pixels of {data.name} lie in {name}, which is not there or too short")
    else:
        _require_written(path, data, frame)


def require_filters(path: Path, data: h5py.Dataset) -> None:
    """Raises FileError that names a filter by which the pixels are packed, and which is not there."""
    import h5py

    packed = data.id.get_create_plist()
    for place in range(packed.get_nfilters()):
        number, _, _, name = packed.get_filter(place)
        if not h5py.h5z.filter_avail(number):
            said = name.decode("ascii", "replace") if isinstance(name, bytes) else name
            raise FileError(f"{path}: {data.name} is packed by the HDF5 filter {number} ({said}), which is not there",
                            hint="pip install 'nb-compare[formats]' brings hdf5plugin, with the filters of detectors")


def unmapped(data: h5py.Dataset, frame: int | None) -> np.ndarray | None:
    """True where no source of a virtual dataset holds a pixel, as between the modules of a detector; None where each
    is held, or the dataset is none."""
    if not data.is_virtual:
        return None
    held = np.zeros(data.shape[-2:], bool)
    for source in data.virtual_sources():
        if _concerns(source, data, frame):
            for low, high in _blocks(source):
                held[low[-2]:high[-2] + 1, low[-1]:high[-1] + 1] = True
    return None if held.all() else ~held


def fill_values(data: h5py.Dataset, pixels: np.ndarray) -> np.ndarray | None:
    """True where a pixel holds the value that the dataset names for one that is no measurement."""
    masked = np.zeros(pixels.shape, bool)
    for name in _FILLS:
        for value in np.ravel(data.attrs[name]) if name in data.attrs else ():
            masked |= np.isnan(pixels) if value != value else pixels == value
    return masked if masked.any() else None


def refuse_unscaled(path: Path, data: h5py.Dataset, scale: float | None) -> None:
    """Raises UsageError where the file states a factor and the user no ``scale``, FileError where it states an
    offset."""
    for name, value in _stated(data, _OFFSETS, ("offset",)):
        if value != 0:
            raise FileError(f"{path}: {data.name} states an offset ({name} {value:g}), and none is applied here",
                            hint="write the values themselves")
    for name, value in _stated(data, _FACTORS, ("scaling_factor",)):
        if value != 1 and scale is None:
            raise UsageError(f"{path}: {data.name} states a factor ({name} {value:g})",
                             hint=f"say scale={value:g} to compare values, or scale=1 to compare the stored numbers")


def _stated(data: h5py.Dataset, attributes: tuple[str, ...], beside: tuple[str, ...]) -> Iterator[tuple[str, float]]:
    """Numbers that attributes of a dataset state, or datasets beside it in its NXdata group."""
    for name in attributes:
        if name in data.attrs:
            yield name, _number(data.attrs[name])
    group = data.parent
    if group.attrs.get("NX_class") in ("NXdata", b"NXdata"):
        own = data.name.rpartition("/")[2]
        for name in (f"{own}_{word}" for word in beside):
            if getattr(group.get(name), "size", 0) == 1:
                yield name, _number(group[name][()])
        for name in beside:
            if getattr(group.get(name), "size", 0) == 1:
                yield name, _number(group[name][()])


def _number(value: Any) -> float:
    return float(np.ravel(value)[0])


# --- virtual datasets ---------------------------------------------------------------------------------------


def _blocks(source: Any) -> Iterator[tuple[Any, Any]]:
    """The boxes (first and last index on each axis) of a virtual dataset that a source holds."""
    import h5py

    if source.vspace.get_select_type() == h5py.h5s.SEL_HYPERSLABS:
        yield from source.vspace.get_select_hyper_blocklist()
    else:
        yield source.vspace.get_select_bounds()


def _concerns(source: Any, data: h5py.Dataset, frame: int | None) -> bool:
    """Whether a source of a virtual dataset holds pixels of the frame."""
    if data.ndim < 3:
        return True
    low, high = source.vspace.get_select_bounds()
    return bool(low[0] <= (frame or 0) <= high[0])


def _require_source(path: Path, data: h5py.Dataset, source: Any) -> None:
    import h5py

    name = Path(source.file_name)
    place = next((there for there in (path.parent / name, name, path.parent / name.name) if there.is_file()), None)
    if place is None:
        raise FileError(f"{path}: pixels of {data.name} lie in {source.file_name}, which is not there",
                        hint="what is missing would be read as if it was measured")
    with h5py.File(place, "r") as file:
        found = file.get(source.dset_name)
        if not isinstance(found, h5py.Dataset):
            raise FileError(f"{path}: pixels of {data.name} lie in {source.dset_name} of {place}, which is not there")
        if not found.is_virtual:
            _require_written(place, found, None)


# --- chunks -------------------------------------------------------------------------------------------------


def _require_written(path: Path, data: h5py.Dataset, frame: int | None) -> None:
    if data.chunks is None:
        if data.size and not data.id.get_storage_size():
            raise FileError(f"{path}: no pixel of {data.name} was ever written")
        return
    total = int(np.prod([-(-size // chunk) for size, chunk in zip(data.shape, data.chunks, strict=True)]))
    if data.id.get_num_chunks() == total:
        return
    chosen = np.s_[frame or 0, :, :] if data.ndim == 3 and (frame is not None or data.shape[0] == 1) else None
    corners = [tuple(int(axis.start or 0) // chunk * chunk for axis, chunk in zip(part, data.chunks, strict=True))
               for part in data.iter_chunks(chosen)]
    missing = sum(data.id.get_chunk_info_by_coord(corner).byte_offset is None for corner in corners)
    if missing:
        raise FileError(f"{path}: {missing} of {len(corners)} pieces of {data.name} were never written; was its "
                        "writer stopped?")
