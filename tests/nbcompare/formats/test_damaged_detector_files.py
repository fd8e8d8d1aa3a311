"""MarCCD, MRC and mar345 files: read bit for bit, and each way of being damaged is one clear error.

fabio writes no MarCCD and no MRC: their headers are laid out here as its readers take them."""

import struct

import numpy as np
import pytest

from nbcompare.errors import FileError
from nbcompare.formats.declared import Declared
from nbcompare.formats.read import read_image

COUNTS = np.random.default_rng(1).integers(0, 60000, (8, 12)).astype("<u2")
NUMBERS = np.random.default_rng(2).random((8, 12)).astype("<f4")
PACKED = np.random.default_rng(3).integers(0, 600, (64, 64)).astype("<u4")
PACKED[3, 4] = 70000
AS = Declared(format="fabio")


def marccd(path):
    tags = [(256, 3, 1, 12), (257, 3, 1, 8), (258, 3, 1, 16), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 4096),
            (278, 4, 1, 8), (279, 4, 1, COUNTS.nbytes)]
    head = b"II*\0" + struct.pack("<IH", 8, len(tags)) + b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)
    own = bytearray(3072)
    struct.pack_into("<I4sI", own, 0, 2, b"MMX\0", 0)
    struct.pack_into("<I", own, 24, 1234)
    struct.pack_into("<3I", own, 80, 12, 8, 2)
    path.write_bytes(head.ljust(1024, b"\0") + own + COUNTS.tobytes())
    return COUNTS


def mrc(path):
    head = bytearray(1024)
    struct.pack_into("<10i", head, 0, 12, 8, 1, 2, 0, 0, 0, 12, 8, 1)
    struct.pack_into("<3i", head, 64, 1, 2, 3)
    head[208:212] = b"MAP "
    path.write_bytes(head + NUMBERS.tobytes())
    return NUMBERS


def mar345(path):
    from fabio.fabioutils import ENDIANNESS
    from fabio.mar345image import Mar345Image

    image = Mar345Image(data=PACKED, header={})
    image.byteorder = ENDIANNESS.LITTLE
    image.write(str(path))
    return PACKED


WRITERS = {"a.mccd": marccd, "a.mrc": mrc, "a.mar345": mar345}
CHANGES = {
    "a.mccd": {"60,000 columns": (18, 60000), "60,000 rows": (30, 60000), "32 bits": (42, 32),
               "pixels far beyond the end": (78, 2**31 - 1)},
    "a.mrc": {"2^31 columns": (0, 2**31 - 1), "a million rows": (4, 10**6), "a million frames": (8, 10**6),
              "another type": (12, 1), "an unknown type": (12, 99), "a header twice as long": (92, 1024),
              "the other byte order": (0, None)},
    "a.mar345": {"no bright pixel": (8, 0), "less than none": (8, -1), "2^31 bright pixels": (8, 2**31 - 1),
                 "the other byte order": (0, None)}}


@pytest.fixture(params=WRITERS)
def written(request, tmp_path):
    path = tmp_path / request.param
    return path, WRITERS[request.param](path)


def test_it_is_read_bit_for_bit(written):
    path, truth = written
    found = read_image(path, AS).pixels
    assert found.dtype == truth.dtype and np.array_equal(found, truth)


def test_cut_anywhere_it_is_one_clear_error(written):
    """fabio reads a mar345 file that was cut, and leaves what is missing as it happens to be."""
    path, _ = written
    whole = path.read_bytes()
    cuts = (0, 10, 64, 600, 1030, 4096, 4100, len(whole) // 2, len(whole) - 40, len(whole) - 2, len(whole) - 1)
    for left in (cut for cut in cuts if cut < len(whole)):
        path.write_bytes(whole[:left])
        with pytest.raises(FileError, match=path.name):
            read_image(path, AS)


@pytest.mark.parametrize(("name", "change"), [(name, change) for name in CHANGES for change in CHANGES[name]])
def test_a_header_that_cannot_be_true_is_one_clear_error(tmp_path, name, change):
    path = tmp_path / name
    WRITERS[name](path)
    content, (at, value) = bytearray(path.read_bytes()), CHANGES[name][change]
    if value is None:
        content[:64] = np.frombuffer(bytes(content[:64]), "<u4").byteswap().tobytes()
    else:
        struct.pack_into("<i", content, at, value)
    path.write_bytes(content)
    with pytest.raises(FileError, match=path.name):
        read_image(path, AS)


def test_packed_pixels_of_a_size_that_no_file_holds_are_never_unpacked(tmp_path):
    path = tmp_path / "a.mar345"
    mar345(path)
    content = bytearray(path.read_bytes().replace(b"X: 0064, Y: 0064", b"X: 40000, Y: 40000"))
    with pytest.raises(FileError, match="says 4096 pixels, 64 to a row, and packed are 40000 x 40000"):
        path.write_bytes(content)
        read_image(path, AS)
    struct.pack_into("<i", content, 4, 40000)
    struct.pack_into("<i", content, 20, 40000**2)
    path.write_bytes(content)
    with pytest.raises(FileError, match="end before those of 40000 x 40000"):
        read_image(path, AS)


def test_packed_pixels_that_would_be_written_beyond_the_image_are_never_unpacked(tmp_path):
    """fabio writes them where something else lies, and the process dies: by a block of more pixels than are left, by a
    bright pixel at no place of the image."""
    path = tmp_path / "a.mar345"
    mar345(path)
    whole = path.read_bytes()
    at = whole.index(b"Y: 0064\n") + 8
    path.write_bytes(whole[:at] + b"\x07" * 4000)
    with pytest.raises(FileError, match="are more than those of 64 x 64"):
        read_image(path, AS)
    content = bytearray(whole)
    struct.pack_into("<i", content, 4096, 64 * 64 + 1)
    path.write_bytes(content)
    with pytest.raises(FileError, match="a bright pixel that no image of 64 x 64 has"):
        read_image(path, AS)


@pytest.mark.parametrize("symbols", [0, 80])
def test_a_stack_in_an_mrc_file_holds_all_its_frames_behind_what_describes_its_symmetry(tmp_path, symbols):
    """Of which fabio reads the first; another one is an error."""
    path = tmp_path / "a.mrc"
    mrc(path)
    content = bytearray(path.read_bytes())
    struct.pack_into("<i", content, 8, 3)
    struct.pack_into("<i", content, 92, symbols)
    frames = [NUMBERS + number for number in range(3)]
    path.write_bytes(content[:1024] + bytes(symbols) + b"".join(frame.tobytes() for frame in frames))
    whole = path.read_bytes()
    assert np.array_equal(read_image(path, Declared(format="fabio", frame=0)).pixels, frames[0])
    for changed in (whole[:-1], whole + b"1", whole[:1024 + symbols + NUMBERS.nbytes]):
        path.write_bytes(changed)
        with pytest.raises(FileError, match=f"a.mrc: {len(changed)} bytes, but its header asks for {len(whole)}"):
            read_image(path, Declared(format="fabio", frame=0))
