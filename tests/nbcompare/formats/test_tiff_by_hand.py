"""TIFF files laid out by hand: which byte each part of a directory speaks of, and how many bytes pixels need."""

import struct

import pytest

from nbcompare.errors import FileError
from nbcompare.formats.tiff import require_whole_tiff

BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 99: 1}
"""Of one number of each type (TIFF 6.0, section 2; 13 is a directory); of one that is not known at least one."""

LETTERS = {1: "B", 3: "H", 4: "I", 13: "I"}


def directory(order, at, entries, behind=0):
    """A directory at a byte, then what does not fit into its entries (tag, type, numbers). A text stands for an offset:
    (tag, type, count, offset)."""
    body, more = struct.pack(f"{order}H", len(entries)), b""
    beside = at + 2 + 12 * len(entries) + 4
    for tag, kind, *values in entries:
        if len(values) == 2:
            body += struct.pack(f"{order}HHII", tag, kind, *values)
            continue
        (numbers,) = values
        packed = struct.pack(f"{order}{len(numbers)}{LETTERS[kind]}", *numbers)
        body += struct.pack(f"{order}HHI", tag, kind, len(numbers))
        if len(packed) <= 4:
            body += packed.ljust(4, b"\0")
        else:
            body += struct.pack(f"{order}I", beside + len(more))
            more += packed
    return body + struct.pack(f"{order}I", behind) + more


def head(order, first):
    return (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", first)


def image(order="<", pixels=b"\1" * 30, *, width=5, length=3, bits=(16,), starts=None, sizes=None, more=(), kind=4):
    """One directory behind one strip of pixels, which begin at byte 8."""
    first = 8 + len(pixels)
    entries = [(256, 3, (width,)), (257, 3, (length,)), (258, 3, bits),
               (273, kind, starts or (8,)), (279, kind, sizes or (len(pixels),)), *more]
    return head(order, first) + pixels + directory(order, first, entries)


@pytest.fixture
def refused(tmp_path):
    """What is said of a file of these bytes; None where it is whole."""

    def look(content):
        path = tmp_path / "a.tif"
        path.write_bytes(content)
        try:
            require_whole_tiff(path)
        except FileError as fault:
            return fault.message.removeprefix(f"{path}: ").removesuffix("; it is cut short or damaged")
        return None

    return look


@pytest.mark.parametrize("order", "<>")
def test_a_file_ends_where_its_directory_does(refused, order):
    whole = image(order)
    assert refused(whole) is None
    assert refused(whole + b"\0") == ("holds 1 bytes more than its header asks for; it is damaged, or of another shape "
                                      "or type")
    assert refused(whole[:-1]) == f"its directory speaks of byte {len(whole)}, and it holds {len(whole) - 1}"
    assert refused(whole[:30]) == "its directory speaks of byte 40, and it holds 30"
    assert refused(b"II+\0" + whole[4:-5]) is None  # of another kind, and none of ours
    assert refused(whole + bytes(-len(whole) % 512)) is None
    assert "more than its header asks for" in refused(whole + bytes(-len(whole) % 512 + 512 - 16))


@pytest.mark.parametrize("order", "<>")
def test_a_file_may_end_with_its_pixels_in_strips(refused, order):
    """Two strips of 20 and 10 bytes behind the directory; their starts and sizes stand behind it too."""
    entries = [(256, 3, (5,)), (257, 3, (3,)), (258, 3, (16,)), (273, 4, (0, 0)), (279, 3, (20, 10))]
    begin = 8 + len(directory(order, 8, entries))
    entries[3] = (273, 4, (begin + 10, begin))
    whole = head(order, 8) + directory(order, 8, entries) + b"\1" * 30
    assert refused(whole) is None
    assert refused(whole[:-1]) == f"its directory speaks of byte {begin + 30}, and it holds {begin + 29}"
    assert "1 bytes more" in refused(whole + b"\0")


@pytest.mark.parametrize(("more", "bits", "needed"), [
    ((), (16,), 30), ((), (32,), 60), ((), (8,), 15), ((), (12,), None), (((277, 3, (3,)),), (8, 8, 8), 45),
    (((277, 3, (3,)),), (8, 8, 4), None), (((277, 3, (2,)),), (8,), 30), (((277, 3, (2,)),), (4, 4), 15),
    (((277, 3, (2,)),), (4,), 15), (((259, 3, (5,)),), (16,), None), (((259, 3, (1,)),), (16,), 30)])
def test_pixels_need_as_many_bytes_as_the_header_says(refused, more, bits, needed):
    """5 x 3 pixels of so many bits and samples; nothing is known of those that are packed or end within a byte."""
    for size in (15, 30, 45, 60, 7):
        said = refused(image(pixels=b"\1" * size, bits=bits, more=more))
        right = needed in (size, None)
        assert said == (None if right else
                        f"its directory says {size} bytes of pixels, and its header asks for {needed}")


@pytest.mark.parametrize(("sides", "needed"), [((4, 2), 8 * 4 * 2), ((16, 16), 512), ((5, 3), 30), ((0, 2), None),
                                               ((2, 0), None), (None, None)])
def test_tiles_are_whole_and_cover_the_image(refused, sides, needed):
    """Of 4 x 2 pixels two across and two down for 5 x 3, each pixel two bytes."""
    entries = [(256, 3, (5,)), (257, 3, (3,)), (258, 3, (16,))]
    if sides:
        entries += [(322, 3, (sides[0],)), (323, 3, (sides[1],))]
    for size in (30, 64, 512, 66):
        more = [*entries, (324, 4, (8,)), (325, 4, (size,))]
        said = refused(head("<", 8 + size) + b"\1" * size + directory("<", 8 + size, more))
        assert said == (None if needed in (size, None) else
                        f"its directory says {size} bytes of pixels, and its header asks for {needed}")


def test_as_many_sizes_as_places(refused):
    assert refused(image(starts=(8, 9))) == "its directory says where other pieces lie than it says the sizes of"
    without = [(257, 3, (3,)), (258, 3, (16,)), (273, 4, (8,)), (279, 4, (7,))]
    assert refused(head("<", 15) + b"\1" * 7 + directory("<", 15, without)) is None  # no width: any size will do
    without[0] = (256, 3, (5,))
    assert refused(head("<", 15) + b"\1" * 7 + directory("<", 15, without)) is None
    bits = [(256, 3, (16,)), (257, 3, (2,)), (273, 4, (8,)), (279, 4, (4,))]
    assert refused(head("<", 12) + b"\1" * 4 + directory("<", 12, bits)) is None  # one bit a pixel is no whole byte


@pytest.mark.parametrize("kind", BYTES)
def test_numbers_of_every_type_have_to_be_there(refused, kind):
    """Five of them, which do not fit into four bytes, at the end of the file; two single bytes do fit."""
    first = image()
    size = 5 * BYTES[kind]
    begin = len(first) + 12
    whole = image(more=((65000, kind, 5, begin),)) + b"\1" * size
    assert refused(whole) is None
    assert refused(whole[:-1]) == f"its directory speaks of byte {len(whole)}, and it holds {len(whole) - 1}"
    if BYTES[kind] == 1:
        assert refused(image(more=((65000, kind, 4, 2**31),))) is None


def test_directories_behind_others_and_below_them_are_looked_at(refused):
    """The first leads to a second and a third one, by an entry (330) and by what stands at its end; a stack is filled
    up to 16 bytes."""
    def whole(*, of_second=7, of_third=7):
        first = [(330, 4, (2000,))]
        begin = 8 + len(directory("<", 8, first))
        second = directory("<", begin, [(65000, 7, of_second, begin + 18)]) + b"\1" * 7
        third = directory("<", 2000, [(65000, 7, of_third, 2018)], 8) + b"\1" * 7
        return ((head("<", 8) + directory("<", 8, first, begin) + second).ljust(2000, b"\0") + third)

    assert refused(whole()) is None
    assert refused(whole(of_third=8)) == "its directory speaks of byte 2026, and it holds 2025"
    assert refused(whole(of_second=2000)) == f"its directory speaks of byte {26 + 18 + 2000}, and it holds 2025"
    assert refused(whole() + bytes(2032 - 2025)) is None
    assert "more than its header asks for" in refused(whole() + bytes(8))
    for tag in (34665, 34853, 40965):
        first = head("<", 8) + directory("<", 8, [(tag, 4, (26,))])
        assert refused(first) == "its directory speaks of byte 28, and it holds 26"


def test_directories_in_a_circle_end(refused):
    whole = head("<", 8) + directory("<", 8, [(254, 4, (0,))], 8)
    assert refused(whole) is None


def test_a_marccd_file_is_not_asked(refused):
    content = head("<", 8).ljust(1028, b"\0") + b"MMX\0"
    assert refused(content + struct.pack("<H", 9)) is None
    other = head("<", 1100).ljust(1028, b"\0") + b"MMY\0"
    assert refused(other) == "its directory speaks of byte 1102, and it holds 1032"
