"""Dumps of structure factors: the C program's layout, byte for byte."""

import struct

import numpy as np
import pytest

from nanobrag_torch.emulation import parse_emulations
from nanobrag_torch.errors import InputFileError
from nanobrag_torch.io.dump import read_dump, write_dump
from nanobrag_torch.io.hkl import read_hkl

PHYSICS, REUSE = parse_emulations(None), parse_emulations("fdump-reuse")
HKL = "0 0 0 10\n0 1 0 5\n1 0 -1 7\n"


@pytest.fixture
def grid(tmp_path):
    (tmp_path / "a.hkl").write_text(HKL)
    return read_hkl(tmp_path / "a.hkl", default_F=2.5)


def packed(first_line, numbers):
    return first_line + struct.pack(f"<{len(numbers)}d", *numbers)


def test_the_layout_is_limits_newline_form_feed_and_padded_doubles(tmp_path, grid):
    """(1+2) (1+2) (1+2) doubles after 14 bytes of text are 230 bytes; l runs fastest and starts at -1. Padding is 0."""
    write_dump(tmp_path / "F.bin", grid)
    raw = (tmp_path / "F.bin").read_bytes()
    assert len(raw) == 230 and raw.startswith(b"0 1 0 1 -1 0\n\f")
    numbers = np.frombuffer(raw[14:]).reshape(3, 3, 3)
    assert numbers[0].tolist() == [[2.5, 10, 0], [2.5, 5, 0], [0, 0, 0]]
    assert numbers[1].tolist() == [[7, 2.5, 0], [2.5, 2.5, 0], [0, 0, 0]]
    assert not numbers[2].any()


@pytest.mark.parametrize("emulate", [PHYSICS, REUSE])
def test_what_is_written_is_read_back(tmp_path, grid, emulate):
    write_dump(tmp_path / "F.bin", grid)
    back = read_dump(tmp_path / "F.bin", emulate)
    write_dump(tmp_path / "G.bin", back)
    assert (tmp_path / "G.bin").read_bytes() == (tmp_path / "F.bin").read_bytes()
    assert (back.h_min, back.h_max, back.l_min, back.l_max) == (0, 1, -1, 0)
    assert back.count == 8 and np.array_equal(back.F, grid.F)


def test_a_first_number_that_begins_with_white_space_is_kept_unless_emulated(tmp_path):
    """1.19 = 0x3FF30A3D70A3D70A: its first byte in memory is 0x0A, a newline, which the C program skips."""
    path = tmp_path / "F.bin"
    path.write_bytes(packed(b"0 0 0 0 0 0\n\f", [1.19] + [0.0] * 7))
    assert read_dump(path, PHYSICS).F.item() == 1.19
    shifted = read_dump(path, REUSE).F.item()
    assert struct.pack("<d", shifted) == struct.pack("<d", 1.19)[1:] + b"\0"


def test_an_emulated_short_dump_is_filled_with_zeros(tmp_path):
    path = tmp_path / "F.bin"
    path.write_bytes(packed(b"0 1 0 0 0 0\n\f", [3.0, 4.0]))
    with pytest.raises(InputFileError, match="96 bytes of structure factors expected, 16 found"):
        read_dump(path, PHYSICS)
    assert read_dump(path, REUSE).F.reshape(-1).tolist() == [3.0, 0.0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no dump"),
        (b"0 0 0 0 0 0\n", "no dump"),
        (b"0 0 0 0 0 0 " + bytes(64), "no dump"),
        (b"0 0 0 0 0\n\f" + bytes(64), "1: six limits of h, k and l expected, 5 found"),
        (b"0 0 0 x 0 0\n\f" + bytes(64), "1: 'x' is not an integer"),
        (b"0 0 0 1.5 0 0\n\f" + bytes(64), "1: '1.5' is not an integer"),
        (b"1 0 0 0 0 0\n\f" + bytes(64), "1: the limits of an index are the wrong way round"),
        (b"0 999999 0 999999 0 0\n\f", "too large"),
        (b"0 0 -1000001 0 0 0\n\f", "index -1000001 is out of all range"),
        (b"0 0 0 0 0 0\n\f" + bytes(63), "64 bytes of structure factors expected, 63 found"),
        (b"0 0 0 0 0 0\n\f" + bytes(65), "64 bytes of structure factors expected, 65 found"),
        (packed(b"0 0 0 0 0 0\n\f", [1, 2, float("nan"), 0, 0, 0, 0, 0]), "number 2 is not a number"),
        (packed(b"0 0 0 0 0 0\n\f", [1, float("inf"), 2, 0, 0, 0, 0, 0]), "number 1 is not a number"),
    ],
)
def test_a_damaged_dump_is_refused_in_one_line(tmp_path, content, message):
    (tmp_path / "F.bin").write_bytes(content)
    with pytest.raises(InputFileError, match="F.bin:") as caught:
        read_dump(tmp_path / "F.bin", PHYSICS)
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_a_missing_dump_is_refused(tmp_path):
    with pytest.raises(InputFileError, match="none.bin: cannot be read: No such file"):
        read_dump(tmp_path / "none.bin", PHYSICS)


def test_a_run_with_hkl_leaves_a_dump_from_which_the_image_comes_back(simulated, tmp_path):
    (tmp_path / "a.hkl").write_text(HKL)
    first = simulated("-hkl a.hkl")
    assert "writing dump file for next time: Fdump.bin\n" in first.stdout
    image = first.image()
    second = simulated("-dump Fdump.bin -floatfile again.bin")
    assert "reading Fs from Fdump.bin\n" in second.stdout and "  8 initialized hkls" in second.stdout
    assert np.array_equal(second.image(name="again.bin"), image)


@pytest.mark.parametrize("program", ["simulated", "reference"])
def test_a_dump_of_a_new_name_is_written_where_a_list_is_given(program, request, tmp_path):
    run = request.getfixturevalue(program)
    (tmp_path / "a.hkl").write_text(HKL)
    image = run("-hkl a.hkl -dump new.bin").image()
    assert (tmp_path / "new.bin").is_file() and not (tmp_path / "Fdump.bin").exists()
    assert np.array_equal(run("-dump new.bin -floatfile again.bin").image(name="again.bin"), image)


def test_a_left_over_dump_is_read_only_when_that_is_emulated(simulated, tmp_path):
    (tmp_path / "Fdump.bin").write_bytes(packed(b"0 0 0 0 0 0\n\f", [3.0] + [0.0] * 7))
    assert "  0 initialized hkls" in simulated().stdout
    assert "  1 initialized hkls" in simulated("-emulate fdump-reuse").stdout


def test_a_dump_that_cannot_be_written_is_a_warning(simulated, tmp_path):
    (tmp_path / "a.hkl").write_text(HKL)
    run = simulated("-hkl a.hkl -dump nowhere/F.bin")
    assert run.status == 0 and "warning: " in run.stderr and "nowhere/F.bin" in run.stderr
    assert (tmp_path / "floatimage.bin").exists()
