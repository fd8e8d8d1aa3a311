"""Where the bytes that a reader never looks at begin and end."""

import struct
from types import SimpleNamespace

import pytest

from nbcompare.errors import FileError
from nbcompare.formats.unread import edf_gaps, hdf5_gaps, refuse_unread


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a.bin"


@pytest.mark.parametrize(("length", "gaps", "said"), [
    (100, [(100, None)], None), (101, [(100, None)], "holds 1 bytes more"), (512, [(100, None)], None),
    (511, [(100, None)], "holds 411 bytes more"), (100, [(20, 40)], None), (100, [(120, None)], None), (100, [], None),
    (100, [(40, 40), (20, 10)], None)])
def test_zeros_between_and_at_the_end_of_a_block_are_nothing(path, length, gaps, said):
    path.write_bytes(bytes(length))
    if said is None:
        refuse_unread(path, gaps)
    else:
        with pytest.raises(FileError, match=said):
            refuse_unread(path, gaps)
    if length == 512:
        refuse_unread(path, gaps, block=256)
        refuse_unread(path, gaps, block=16)


@pytest.mark.parametrize("place", [19, 20, 39, 40])
def test_a_gap_holds_nothing_from_its_first_byte_to_the_one_before_the_next(path, place):
    content = bytearray(64)
    content[place] = 1
    path.write_bytes(content)
    with pytest.raises(FileError, match=rf"behind byte {place}\)"):
        refuse_unread(path, [(place, place + 1)])
    if 20 <= place < 40:
        with pytest.raises(FileError, match=r"other bytes than its header asks for \(behind byte 20\)"):
            refuse_unread(path, [(10, 12), (20, 40)])
    else:
        refuse_unread(path, [(10, 12), (20, 40)])


@pytest.mark.parametrize("place", [0, (1 << 20) - 1, 1 << 20, 3 << 19])
def test_a_gap_of_more_than_a_mebibyte_is_looked_at_whole(path, place):
    with open(path, "wb") as stream:
        stream.seek(100 + place)
        stream.write(b"\1")
        stream.truncate(2 << 20)
    with pytest.raises(FileError, match="behind byte 100"):
        refuse_unread(path, [(100, None)])
    refuse_unread(path, [(101 + place, None)])
    refuse_unread(path, [(0, 100 + place)])


def test_of_an_edf_file_the_rest_of_each_block_and_what_follows_the_last_are_not_read():
    def frame(start, size, blob, bfname=None, packed=None):
        return SimpleNamespace(start=start, size=size, blobsize=blob, bfname=bfname, _data_compression=packed)

    assert list(edf_gaps(SimpleNamespace(_frames=[frame(512, 100, 512), frame(2048, 700, 600)]))) == [
        (612, 1024), (2748, 2648), (2748, None)]
    assert list(edf_gaps(SimpleNamespace(_frames=[frame(2048, 7, 9), frame(512, 100, 512)])))[-1] == (2057, None)
    assert list(edf_gaps(SimpleNamespace(_frames=[frame(9, 1, 2, "other.edf")]))) == []
    assert list(edf_gaps(SimpleNamespace(_frames=[frame(9, 1, 2, packed="gzip")]))) == []
    assert list(edf_gaps(SimpleNamespace(_frames=[]))) == list(edf_gaps(SimpleNamespace())) == []


def superblock(version, width, base, end):
    """The beginning of an HDF5 file (format specification III.A): addresses of so many bytes."""
    head = bytearray(b"\x89HDF\r\n\x1a\n" + bytes(88))
    head[8], head[13 if version < 2 else 9] = version, width
    at = {0: 24, 1: 28, 2: 12, 3: 12}[version]
    for place, value in ((at, base), (at + width, 7), (at + 2 * width, end)):
        head[place:place + width] = struct.pack("<Q", value)[:width]
    return bytes(head)


@pytest.mark.parametrize("version", [0, 1, 2, 3])
@pytest.mark.parametrize("width", [1, 2, 4, 8])
@pytest.mark.parametrize("begin", [0, 512, 1024, 512 << 5])
def test_the_end_that_an_hdf5_file_states_counts_from_where_it_begins(path, version, width, begin):
    path.write_bytes(bytes(begin) + superblock(version, width, 3, 200) + bytes(200))
    assert list(hdf5_gaps(path)) == [(200 + begin - 3, None)]


def test_what_states_no_end_has_no_gap(path):
    for content in (superblock(0, 9, 0, 200), superblock(0, 0, 0, 200), superblock(0, 8, 0, 0),
                    superblock(0, 8, 0, 200)[:95], b"", bytes(3000), bytes(513) + superblock(0, 8, 0, 200)):
        path.write_bytes(content)
        assert list(hdf5_gaps(path)) == [], content[:10]
    path.write_bytes(superblock(0, 8, 0, 200))
    assert list(hdf5_gaps(path)) == [(200, None)]
    with open(path, "wb") as stream:  # the last place that is looked at: 2^24 bytes from the begin
        stream.seek(512 << 15)
        stream.write(superblock(2, 8, 0, 96))
    assert list(hdf5_gaps(path)) == [((512 << 15) + 96, None)]
