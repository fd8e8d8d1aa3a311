"""mar345 files laid out bit by bit: how long each kind of block is, and what is listed before them."""

import struct
from itertools import pairwise

import numpy as np
import pytest

from nbcompare.errors import FileError
from nbcompare.formats.packed import require_whole_mar345

SIZES = {"": (0, 4, 5, 6, 7, 8, 16, 32), " V2": (0, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 32)}
"""Bits of a pixel, by the number that a block gives: of CCP4's packing, and of its second version."""

WIDTH = {"": 3, " V2": 4}
"""Bits of each of the two numbers at the head of a block."""


def packed(version, blocks):
    """Blocks (power of two of their pixels, number of their size), all bits of the pixels set, least bit first."""
    word, at = 0, 0
    for power, size in blocks:
        word |= (power | size << WIDTH[version]) << at
        at += 2 * WIDTH[version]
        bits = SIZES[version][size] << power
        word |= ((1 << bits) - 1) << at
        at += bits
    return word.to_bytes(-(-at // 8), "little")


def mar345(version, blocks, *, order="<", sides=None, bright=(), stream=None, **changed):
    fast, slow = sides or (sum(1 << power for power, _ in blocks), 1)
    head = bytearray(4096)
    said = {"magic": 1234, "side": fast, "high": len(bright), "pixels": fast * slow} | changed
    for at, name in ((0, "magic"), (4, "side"), (8, "high"), (20, "pixels")):
        struct.pack_into(f"{order}i", head, at, said[name])
    records = b"".join(struct.pack(f"{order}2i", place, 99999) for place in bright)
    records = records.ljust(-(-len(bright) // 8) * 64, b"\0")
    words = f"\nCCP4 packed image{version}, X: {fast:04d}, Y: {slow:04d}\n".encode()
    return bytes(head) + records + words + (packed(version, blocks) if stream is None else stream)


@pytest.fixture
def refused(tmp_path):
    """What is said of a file of these bytes; None where it is whole."""

    def look(content):
        path = tmp_path / "a.mar345"
        path.write_bytes(content)
        try:
            require_whole_mar345(path)
        except FileError as fault:
            return fault.message.removeprefix(f"{path}: ")
        return None

    return look


BLOCKS = [("", [(power, size)]) for power in (0, 1, 3, 7) for size in range(8)] + [
    (" V2", [(power, size)]) for power in (0, 2, 5) for size in range(16)] + [(" V2", [(15, 1)])]


@pytest.mark.parametrize(("version", "blocks"), BLOCKS)
def test_a_block_is_as_long_as_its_head_says(refused, version, blocks):
    """One of 2^p pixels of b bits is two numbers and 2^p b bits, filled up to whole bytes."""
    whole = mar345(version, blocks)
    (power, size), = blocks
    assert len(packed(version, blocks)) == -(-(2 * WIDTH[version] + (SIZES[version][size] << power)) // 8)
    assert refused(whole) is None
    assert refused(whole[:-1]) == (f"the packed pixels end before those of {1 << power} x 1; is it cut short or "
                                   "damaged?")
    assert refused(whole + b"\1").startswith(("holds 1 bytes more", "holds other bytes"))


@pytest.mark.parametrize("version", SIZES)
@pytest.mark.parametrize("seed", range(6))
def test_blocks_follow_one_another_at_any_bit(refused, version, seed):
    rng = np.random.default_rng(seed)
    blocks = [(int(rng.integers(0, 6)), int(rng.integers(0, len(SIZES[version])))) for _ in range(9)]
    assert refused(mar345(version, blocks)) is None
    assert "end before" in refused(mar345(version, blocks)[:-1])
    assert "end before" in refused(mar345(version, blocks, stream=packed(version, blocks[:-1])))
    last = 1 << blocks[-1][0]
    total = sum(1 << power for power, _ in blocks)
    fewer = mar345(version, blocks, sides=(total - last, 1))
    assert refused(fewer) is not None  # the last block lies behind the image
    short = refused(mar345(version, blocks, sides=(total - 1, 1)))
    assert short is not None and (last == 1 or f"are more than those of {total - 1} x 1" in short)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("count", [0, 1, 8, 9, 16, 17])
def test_bright_pixels_are_listed_before_eight_to_a_block_of_64_bytes(refused, order, count):
    """By their places, which the packing counts up to the number of all pixels."""
    bright, listed = [12 - number % 13 for number in range(count)], -(-count // 8)

    def said(places, **changed):
        return refused(mar345("", [(3, 2), (2, 4)], order=order, sides=(4, 3), bright=places, **changed))

    assert said(bright) is None
    assert said(bright, high=8 * listed + 1) == (
        f"its header says that {8 * listed + 1} pixels are too bright to be packed, and {64 * listed} bytes stand "
        "where those are listed")
    for wrong in (13, -1):
        assert said([*bright[:-1], wrong]) == "lists a bright pixel that no image of 4 x 3 has"


def test_a_header_of_other_sides_is_named(refused):
    blocks, sides = [(3, 2), (2, 4)], (4, 3)
    for changed, said in (({"side": 3}, "its header says 12 pixels, 3 to a row, and packed are 4 x 3"),
                          ({"pixels": 13}, "its header says 13 pixels, 4 to a row, and packed are 4 x 3"),
                          ({"high": -1}, "its header says that -1 pixels are too bright to be packed, and 0 bytes "
                                         "stand where those are listed")):
        assert refused(mar345("", blocks, sides=sides, **changed)) == said
    whole = mar345("", blocks, sides=sides)
    assert refused(whole[:4096]) == refused(whole.replace(b"CCP4", b"CCP5")) == "its packed pixels are not there"
    assert refused(whole.replace(struct.pack("<i", 1234), struct.pack("<i", 1235), 1)[:4097]) is None  # of another kind
    assert refused(b"\xd2") is refused(b"") is None


def test_the_words_before_the_pixels_stand_right_behind_what_is_listed(refused):
    whole = mar345("", [(2, 1)])
    assert refused(whole[:4096] + b"\0" + whole[4096:]) == (
        "its header says that 0 pixels are too bright to be packed, and 1 bytes stand where those are listed")
    assert all(size < larger for sizes in SIZES.values() for size, larger in pairwise(sizes))
