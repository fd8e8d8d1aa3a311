"""Files that hold other bytes than their header asks for: what a library would pass over, or misread, in silence."""

import struct
import zipfile

import fabio
import h5py
import numpy as np
import pytest
from PIL import Image

from nbcompare.errors import FileError, NbCompareError
from nbcompare.formats.declared import Declared
from nbcompare.formats.read import read_image
from tests.nbcompare.formats.test_damaged_detector_files import mar345 as mar345_image
from tests.nbcompare.formats.test_damaged_detector_files import marccd

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


def behind_a_block(path):
    hdf5(path, userblock_size=512)


def tiff(path):
    fabio.tifimage.TifImage(data=IMAGE).write(str(path))


def tiff_of_pillow(path, **more):
    Image.fromarray(IMAGE).save(path, **more)


WRITERS = {"a.npy": lambda path: np.save(path, IMAGE), "a.edf": edf, "a.h5": hdf5, "new.h5": as_new_as_can_be,
           "block.h5": behind_a_block, "a.tif": tiff, "b.tif": tiff_of_pillow}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("more", [1, 2, 4])
def test_pixels_that_were_shifted_by_other_bytes_are_not_read(tmp_path, name, more):
    """The pixels behind them would be those of other places, and the last lie beyond what is read; of whole numbers so
    small the last two bytes are zeros."""
    path = tmp_path / name
    WRITERS[name](path)
    assert np.array_equal(read_image(path).pixels, IMAGE)
    whole = path.read_bytes()
    at = whole.index(IMAGE.tobytes()) + 800
    path.write_bytes(whole[:at] + bytes(more) + whole[at:])
    with pytest.raises(FileError, match=f"{name}: .*(its header asks for|its directory s)"):
        read_image(path)


DECLARATIONS = {"a.bin": Declared(format="raw", dtype=">f8", shape=(33, 47), offset=10),
                "a.mar345": Declared(format="fabio")}


def raw(path):
    path.write_bytes(b"ten bytes " + IMAGE.astype(">f8").tobytes())


@pytest.mark.parametrize("name", [*WRITERS, "a.bin", "a.mar345", "a.cbf", "packed.tif"])
def test_a_file_that_lost_or_gained_bytes_anywhere_is_its_image_or_one_error(tmp_path, name):
    """Bytes that a seed draws, at places all over the file; a packing without a sum may fit again after a loss."""
    path, rng = tmp_path / name, np.random.default_rng(15)
    {**WRITERS, "a.bin": raw, "a.mar345": mar345_image, "a.cbf": cbf,
     "packed.tif": lambda path: tiff_of_pillow(path, compression="tiff_lzw")}[name](path)
    how = DECLARATIONS.get(name, Declared())
    whole, truth = path.read_bytes(), read_image(path, how).pixels
    for at in map(int, rng.integers(0, len(whole), 24)):
        for new in (whole[:at], whole[:at] + rng.bytes(1 + at % 6) + whole[at:],
                    *(() if name == "a.mar345" else (whole[:at] + whole[at + 1 + at % 6:],))):
            path.write_bytes(new)
            try:
                assert np.array_equal(read_image(path, how).pixels, truth), at
            except NbCompareError as fault:
                assert name in fault.message


def test_a_cbf_that_ends_before_its_pixels_begin_is_one_error_and_no_endless_search(tmp_path):
    """fabio asks for the next piece of the file until it finds their mark."""
    path = tmp_path / "a.cbf"
    cbf(path)
    whole = path.read_bytes()
    for end in (whole.index(b"\x0c\x1a\x04\xd5") + 3, whole.index(b"X-Binary-Size:"), whole.index(b"--CIF-BINARY")):
        for cut in (tmp_path / "a.cbf", tmp_path / "a.xyz"):
            cut.write_bytes(whole[:end])
            with pytest.raises(FileError, match="no pixels begin in it"):
                read_image(cut, Declared(format="fabio"))


@pytest.mark.parametrize(("tag", "at", "value", "said"), [
    (256, 8, 46, "says 6204 bytes of pixels, and its header asks for 6072"), (258, 8, 16, "asks for 3102"),
    (279, 8, 9999, "says 9999 bytes of pixels"), (273, 8, 9999, "speaks of byte 16203, and it holds"),
    (279, 4, 2, "says where other pieces lie|speaks of byte")])
def test_a_directory_of_a_tiff_file_that_cannot_be_true_is_named(tmp_path, tag, at, value, said):
    path = tmp_path / "a.tif"
    tiff(path)
    content = bytearray(path.read_bytes())
    (begin,), (order,) = struct.unpack_from("<I", content, 4), content[:1]
    assert order == ord("I")
    entry = next(place for place in range(begin + 2, begin + 400, 12)
                 if struct.unpack_from("<H", content, place) == (tag,))
    struct.pack_into("<I", content, entry + at, value)
    path.write_bytes(content)
    with pytest.raises(FileError, match=f"a.tif: .*({said})"):
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
        stream.write(bytes(-stream.tell() % 512))
    assert np.array_equal(read_image(tmp_path / "a.edf").pixels, IMAGE)


def test_an_hdf5_file_may_have_pages_a_head_of_its_user_and_zeros_behind_its_end(tmp_path):
    hdf5(tmp_path / "pages.h5", fs_strategy="page", fs_page_size=4096)
    hdf5(tmp_path / "head.h5", userblock_size=512)
    hdf5(tmp_path / "zeros.h5")
    with open(tmp_path / "zeros.h5", "ab") as stream:
        stream.write(bytes(-stream.tell() % 512))
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


def test_pixels_of_a_cbf_begin_behind_its_border(tmp_path):
    """Their mark before it, by chance, is none."""
    path = tmp_path / "a.cbf"
    cbf(path)
    whole, mark = path.read_bytes(), b"\x0c\x1a\x04\xd5"
    path.write_bytes(whole[:30] + mark + whole[30:whole.index(mark)])
    with pytest.raises(FileError, match="no pixels begin in it"):
        read_image(path)


def test_an_hdf5_file_before_which_something_was_put_is_held_to_its_end_too(tmp_path):
    """h5jam leaves the addresses in the file as they were."""
    path = tmp_path / "a.h5"
    hdf5(path)
    whole = b"for its user".ljust(512, b"\0") + path.read_bytes()
    path.write_bytes(whole)
    assert np.array_equal(read_image(path).pixels, IMAGE)
    path.write_bytes(whole + b"1")
    with pytest.raises(FileError, match="holds 1 bytes more than its header asks for"):
        read_image(path)


def test_bytes_behind_packed_pixels_are_told(tmp_path):
    path = tmp_path / "a.mar345"
    mar345_image(path)
    whole, how = path.read_bytes(), Declared(format="fabio")
    path.write_bytes(whole + bytes(-len(whole) % 512))
    assert read_image(path, how).pixels[3, 4] == 70000
    path.write_bytes(whole + b"\1" * (-len(whole) % 512))
    with pytest.raises(FileError, match="holds other bytes than its header asks for"):
        read_image(path, how)


def test_what_the_head_of_a_marccd_file_says_of_strips_is_not_asked(tmp_path):
    """Its pixels lie behind 4096 bytes, whatever it says."""
    path = tmp_path / "a.mccd"
    truth = marccd(path)
    content = bytearray(path.read_bytes())
    place = content.index(struct.pack("<HHI", 279, 4, 1))
    struct.pack_into("<I", content, place + 8, 7)
    path.write_bytes(content)
    assert np.array_equal(read_image(path, Declared(format="fabio")).pixels, truth)
