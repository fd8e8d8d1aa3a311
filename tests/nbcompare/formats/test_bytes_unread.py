"""Files that hold other bytes than their header asks for: what a library would pass over, or misread, in silence."""

import struct
import zipfile

import fabio
import h5py
import numpy as np
import pytest

from nbcompare.errors import FileError
from nbcompare.formats.read import read_image

IMAGE = np.random.default_rng(3).integers(1, 1000, (33, 47)).astype("<i4")


def edf(path):
    fabio.edfimage.EdfImage(data=IMAGE).write(str(path))


def cbf(path):
    fabio.cbfimage.CbfImage(data=IMAGE).write(str(path))


def hdf5(path, **more):
    with h5py.File(path, "w", **more) as file:
        file["data"] = IMAGE


def as_new_as_can_be(path):
    hdf5(path, libver="latest")


WRITERS = {"a.npy": lambda path: np.save(path, IMAGE), "a.edf": edf, "a.h5": hdf5, "new.h5": as_new_as_can_be}


@pytest.mark.parametrize("name", WRITERS)
def test_pixels_that_were_shifted_by_other_bytes_are_not_read(tmp_path, name):
    """The pixels behind them would be those of other places, and the last lie beyond what is read."""
    path = tmp_path / name
    WRITERS[name](path)
    assert np.array_equal(read_image(path).pixels, IMAGE)
    whole = path.read_bytes()
    at = whole.index(IMAGE.tobytes()) + 800
    path.write_bytes(whole[:at] + bytes(4) + whole[at:])
    with pytest.raises(FileError, match=f"{name}: .*its header asks for"):
        read_image(path)


@pytest.mark.parametrize(("name", "old", "new"), [
    ("a.npy", b"(33, 47)", b"(33, 46)"), ("a.npy", b"(33, 47)", b"(13, 47)"), ("a.npy", b"<i4", b"<i2"),
    ("a.edf", b"Dim_1 = 47", b"Dim_1 = 46"), ("a.edf", b"SignedInteger", b"SignedShort  "),
    ("a.cbf", b"Fastest-Dimension: 47", b"Fastest-Dimension: 46"), ("a.cbf", b"Second-Dimension: 33",
                                                                    b"Second-Dimension: 32")])
def test_a_header_of_a_smaller_shape_or_type_is_not_believed(tmp_path, name, old, new):
    path = tmp_path / name
    (WRITERS | {"a.cbf": cbf})[name](path)
    whole = path.read_bytes()
    assert whole.count(old) == 1
    path.write_bytes(whole.replace(old, new))
    with pytest.raises(FileError, match=f"{name}: .*its header (asks for|says)"):
        read_image(path)


@pytest.mark.parametrize("change", [(b"(33, 47)", b"(33, 47("), (b"(33, 47)", b"(33, -7)"), (b"'<i4'", b"'<i44"),
                                    (b"(33, 47)", b"(99999999, 99999999)"), (b"NUMPY\x01", b"NUMPY\x07")])
def test_a_header_of_an_array_that_cannot_be_understood_is_one_error(tmp_path, change):
    """numpy raises what Python's own parsers raise."""
    path = tmp_path / "a.npy"
    np.save(path, IMAGE)
    path.write_bytes(path.read_bytes().replace(*change))
    with pytest.raises(FileError, match="a.npy: "):
        read_image(path)


def test_a_second_array_in_one_file_is_told(tmp_path):
    path = tmp_path / "a.npy"
    with open(path, "wb") as stream:
        np.save(stream, IMAGE)
        np.save(stream, IMAGE)
    with pytest.raises(FileError, match="12536 bytes of pixels, but its header asks for 6204"):
        read_image(path)


def test_an_archive_that_is_damaged_anywhere_is_one_error_or_the_image(tmp_path):
    """zlib, zipfile and numpy each raise kinds of their own."""
    path = tmp_path / "a.npz"
    np.savez_compressed(path, image=IMAGE)
    whole = path.read_bytes()
    for at in range(0, len(whole), 37):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1:])
        try:
            assert np.array_equal(read_image(path).pixels, IMAGE)
        except FileError as fault:
            assert "a.npz" in fault.message


def test_a_member_of_an_archive_of_another_shape_than_it_says(tmp_path):
    np.save(tmp_path / "a.npy", IMAGE)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("image.npy", (tmp_path / "a.npy").read_bytes().replace(b"(33, 47)", b"(33, 40)"))
    with pytest.raises(FileError, match="array image: 6204 bytes of pixels, but its header asks for 5280"):
        read_image(tmp_path / "a.npz")


def test_blocks_of_an_edf_file_may_be_filled_up_with_zeros(tmp_path):
    edf(tmp_path / "a.edf")
    with open(tmp_path / "a.edf", "ab") as stream:
        stream.write(bytes(300))
    assert np.array_equal(read_image(tmp_path / "a.edf").pixels, IMAGE)


def test_an_hdf5_file_may_have_pages_a_head_of_its_user_and_zeros_behind_its_end(tmp_path):
    hdf5(tmp_path / "pages.h5", fs_strategy="page", fs_page_size=4096)
    hdf5(tmp_path / "head.h5", userblock_size=512)
    hdf5(tmp_path / "zeros.h5")
    with open(tmp_path / "zeros.h5", "ab") as stream:
        stream.write(bytes(300))
    for name in ("pages.h5", "head.h5", "zeros.h5"):
        assert np.array_equal(read_image(tmp_path / name).pixels, IMAGE)


def test_a_filter_that_is_not_there_is_named(tmp_path):
    import hdf5plugin

    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=IMAGE, chunks=(33, 47), **hdf5plugin.Bitshuffle())
    whole = path.read_bytes()
    own = struct.pack("<H", hdf5plugin.Bitshuffle.filter_id)
    assert whole.count(own) == 1
    path.write_bytes(whole.replace(own, struct.pack("<H", 32999)))
    with pytest.raises(FileError, match=r"/data is packed by the HDF5 filter 32999 \(bitshuffle"):
        read_image(path)
