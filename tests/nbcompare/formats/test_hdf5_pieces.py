"""Pieces of HDF5 images: which chunks, sources and bytes beside the file have to be there, counted."""

import h5py
import numpy as np
import pytest

from nbcompare.errors import FileError
from nbcompare.formats.declared import Declared
from nbcompare.formats.read import read_image

CORNERS = [(0, 0), (0, 5), (4, 0), (4, 5)]
"""Of chunks of 4 x 5 in an image of 6 x 8."""


def said(path, **declared):
    try:
        return read_image(path, Declared(**declared)).pixels.tolist()
    except FileError as fault:
        return fault.message.removeprefix(f"{path}: ")


@pytest.mark.parametrize("frames", [None, 1, 2, 3])
@pytest.mark.parametrize("written", [(0, 1, 2, 3), (0, 1, 2), (1, 2), (3,)])
def test_every_chunk_of_the_image_has_to_be_written(tmp_path, frames, written):
    """Of a stack those of the frame alone: in all others every chunk is there."""
    path, shape = tmp_path / "a.h5", (6, 8) if frames is None else (frames, 6, 8)
    with h5py.File(path, "w") as file:
        data = file.create_dataset("data", shape, "i4", chunks=(4, 5) if frames is None else (1, 4, 5))
        for frame in range(frames or 1):
            for number, (row, column) in enumerate(CORNERS):
                if number in written or frame != (frames or 1) - 1:
                    place = np.s_[row:row + 4, column:column + 5]
                    data[place if frames is None else (frame, *place)] = 1
    missing = 4 - len(written)
    last = None if frames in (None, 1) else frames - 1
    wanted = [[1] * 8] * 6 if not missing else (f"{missing} of 4 pieces of /data were never written; was its writer "
                                                "stopped?")
    assert said(path, frame=last) == wanted
    for frame in range((frames or 1) - 1):
        assert said(path, frame=frame) == [[1] * 8] * 6


def test_numbers_beside_the_file_have_to_be_as_many_as_are_used(tmp_path):
    """96 bytes from byte 4 of one file and 96 of another; of one without an end as many as the pixels need."""
    one, two, path = tmp_path / "one", tmp_path / "two", tmp_path / "a.h5"
    pixels = np.arange(48, dtype="<i4").reshape(6, 8)
    with h5py.File(path, "w") as file:
        file.create_dataset("data", (6, 8), "<i4", external=[(str(one), 4, 96), (str(two), 0, 96)])
    parts = b"head" + pixels.tobytes()[:96], pixels.tobytes()[96:]
    for first, second, fits in ((100, 96, True), (99, 96, False), (100, 95, False), (200, 200, True)):
        one.write_bytes(parts[0][:first].ljust(first, b"\0"))
        two.write_bytes(parts[1][:second].ljust(second, b"\0"))
        lost = one if first < 100 else two
        assert said(path) == (pixels.tolist() if fits else
                              f"pixels of /data lie in {lost}, which is not there or too short")
    with h5py.File(path, "w") as file:
        file.create_dataset("data", (6, 8), "<i4", external=[(str(one), 0, h5py.h5f.UNLIMITED)])
    for size, fits in ((192, True), (191, False)):
        one.write_bytes(pixels.tobytes()[:size])
        assert (said(path) == pixels.tolist()) is fits


def virtual(path, sources, shape):
    """A dataset of parts (where, file, dataset)."""
    layout = h5py.VirtualLayout(shape, "i4")
    for place, name, dataset in sources:
        layout[place] = h5py.VirtualSource(name, dataset, np.empty(shape, "u1")[place].shape)
    with h5py.File(path, "a") as file:
        file.create_virtual_dataset("data", layout, fillvalue=7)


def test_what_lies_between_the_modules_of_a_detector_is_masked(tmp_path):
    """Two modules of 2 x 2 and 2 x 3 pixels in 6 x 8, in a second frame one of 1 x 8."""
    with h5py.File(tmp_path / "m.h5", "w") as file:
        for name, shape in (("a", (2, 2)), ("b", (2, 3)), ("c", (1, 8))):
            file[name] = np.full(shape, ord(name), "i4")
    places = {"a": np.s_[0:2, 1:3], "b": np.s_[4:6, 5:8]}
    virtual(tmp_path / "flat.h5", [(place, "m.h5", name) for name, place in places.items()], (6, 8))
    found = read_image(tmp_path / "flat.h5")
    held = np.zeros((6, 8), bool)
    for name, place in places.items():
        held[place] = True
        assert (found.pixels[place] == ord(name)).all()
    assert (found.masked == ~held).all()
    sources = [((0, *place), "m.h5", name) for name, place in places.items()] + [(np.s_[1, 3, :], "m.h5", "c")]
    layout = h5py.VirtualLayout((2, 6, 8), "i4")
    for place, name, dataset in sources:
        layout[place] = h5py.VirtualSource(name, dataset, {"a": (2, 2), "b": (2, 3), "c": (1, 8)}[dataset])[
            np.s_[0] if dataset == "c" else np.s_[:]]
    with h5py.File(tmp_path / "stack.h5", "w") as file:
        file.create_virtual_dataset("data", layout)
    assert (read_image(tmp_path / "stack.h5", Declared(frame=0)).masked == ~held).all()
    second = read_image(tmp_path / "stack.h5", Declared(frame=1)).masked
    assert not second[3].any() and second[[0, 1, 2, 4, 5]].all()


def test_a_source_is_looked_for_beside_the_file_and_in_it(tmp_path, monkeypatch):
    """In a folder that the name gives, from where the file lies or from here, or beside the file by its name alone."""
    (tmp_path / "sub").mkdir()
    monkeypatch.chdir(tmp_path)
    everything = [(np.s_[0:6], "sub/part.h5", "d")]
    virtual("top.h5", everything, (6, 8))
    assert said(tmp_path / "top.h5") == (
        "pixels of /data lie in sub/part.h5, which is not there")
    with h5py.File("sub/part.h5", "w") as file:
        file["other"] = np.ones((6, 8), "i4")
    assert said(tmp_path / "top.h5") == f"pixels of /data lie in d of {tmp_path}/sub/part.h5, which is not there"
    with h5py.File("sub/part.h5", "w") as file:
        file["d"] = np.ones((6, 8), "i4")
    assert said(tmp_path / "top.h5") == [[1] * 8] * 6
    with h5py.File("own.h5", "w") as file:
        file["inner/d"] = np.full((6, 8), 3, "i4")
    virtual("own.h5", [(np.s_[0:6], ".", "inner/d")], (6, 8))
    assert said(tmp_path / "own.h5", dataset="/data") == [[3] * 8] * 6


def test_a_frame_that_is_named_of_one_image_asks_for_all_its_chunks(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("data", (6, 8), "i4", chunks=(4, 5))[:4, :5] = 1
    with h5py.File(tmp_path / "row.h5", "w") as file:
        file.create_dataset("data", (1, 8), "i4", chunks=(1, 5))[:, :5] = 1
    for name, pieces in (("a.h5", "3 of 4"), ("row.h5", "1 of 2")):
        for frame in (0, None):
            assert said(tmp_path / name, frame=frame) == (
                f"{pieces} pieces of /data were never written; was its writer stopped?")


@pytest.mark.parametrize("value", [np.nan, 3.0])
def test_a_pixel_that_holds_the_value_for_none_is_masked(tmp_path, value):
    image = np.array([[1.0, 3.0], [np.nan, 3.0]])
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("data", data=image).attrs["missing_value"] = value
    masked = read_image(tmp_path / "a.h5").masked
    assert masked.tolist() == (np.isnan(image) if value != value else image == value).tolist()
