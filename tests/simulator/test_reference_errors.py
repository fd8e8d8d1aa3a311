"""Bad input to the reference simulator: one line on stderr, status 2, and no file written."""

import struct

import pytest
import refused_by_both

# Options after BASE, and what the line must name.
COMMAND_LINES = [
    *refused_by_both.COMMAND_LINES,
    ("-distance inf", "-distance: 'inf' is not a number"),
    ("-distance 0x10", "-distance: '0x10' is not a number"),
    ("-N 99999999999", "-N: '99999999999' is not an integer"),
    ("-cell 50 50 50 10 20 100", "-cell: no cell has the angles"),
    ("-phisteps 200000 -mosaic 1 -mosaic_domains 200000 -force", "phi steps and mosaic domains: out of memory"),
]

# Option, file content (None: no such file), and what the line must say besides the file's name.
FILES = [
    ("-hkl", None, "cannot be read"),
    ("-hkl", b"", "is empty"),
    ("-hkl", b"\n\n", "is empty"),
    ("-hkl", b"h k l F\n1 2 3 4\n", "line 1: index 'h' is not an integer"),
    ("-hkl", b"1 2 3 4\n1 2 3\n", "line 2: h k l F expected, 3 fields found"),
    ("-hkl", b"1 2 3 4 5\n", "line 1: h k l F expected, 5 fields found"),
    ("-hkl", b"1 2 3 4\n1.5 2 3 4\n", "line 2: index '1.5' is not an integer"),
    ("-hkl", b"1 2 3 nan\n", "line 1: structure factor 'nan' is not a number"),
    ("-hkl", b"1 2 3 4\n9999999 0 0 1\n", "line 2: index '9999999' is out of all range"),
    ("-hkl", b"1 0 0 4\n9999 -9999 9999 1\n", "too large to hold"),
    ("-hkl", b"1 2 3 4\n\0\1\2", "NUL bytes"),
    ("-mat", None, "cannot be read"),
    ("-mat", b"", "is empty"),
    ("-mat", b"0.01 0 0 0 0.01", "ends after 5 of 9 numbers"),
    ("-mat", b"0.01 0 0\n0 a 0\n0 0 0.01\n", "line 2: 'a' is not a number"),
    ("-mat", b"0.01 0 0\n0 nan 0\n0 0 0.01\n", "line 2: 'nan' is not a number"),
    ("-mat", b"\x7fELF\0\0\0", "NUL bytes"),
    ("-sourcefile", None, "cannot be read"),
    ("-sourcefile", b"# comment\n", "line 1: 3 to 5 numbers expected"),
    ("-sourcefile", b"-10 0 0\n-10 0\n", "line 2: 3 to 5 numbers expected"),
    ("-sourcefile", b"-10 0 0 x 1e-10\n", "line 1: 'x' is not a number"),
    ("-sourcefile", b"0 0 0 1 1e-10\n", "line 1: the source sits on the sample"),
    ("-sourcefile", b"-10 0 0 1 0\n", "line 1: the wavelength must be positive"),
    ("-sourcefile", b"-10 0 0 -1 1e-10\n", "line 1: negative weight"),
    ("-sourcefile", b"-10 0 0 0 1e-10\n", "add up to 0"),
    ("-stol", b"0.1 1\n0.2\n", "line 2: two numbers expected"),
    ("-img", None, "cannot be read"),
    ("-img", b"short", "too few for an SMV header"),
    ("-img", b"x" * 600, "this is no SMV image"),
    ("-img", b"{\nHEADER_BYTES=512;\nDISTANCE=nan;\n}".ljust(512), "DISTANCE: 'nan' is not a number"),
    ("-img", b"{\nHEADER_BYTES=9999;\n}".ljust(512), "HEADER_BYTES: 9999 bytes in a file of 512"),
    ("-mask", b"{\nHEADER_BYTES=512;\nSIZE1=8;\nSIZE2=8;\n}".ljust(512) + bytes(128), "a mask of 8 x 8 pixels"),
    ("-mask", b"{\nHEADER_BYTES=512;\nSIZE1=32;\nSIZE2=32;\n}".ljust(512) + bytes(99), "need 2048 bytes, 99 found"),
    ("-dump", None, "cannot be read"),
    ("-dump", b"not a dump", "no dump of structure factors"),
    ("-dump", b"0 0 0 0 0 0\n\f" + bytes(63), "64 bytes of structure factors expected, 63 found"),
    ("-dump", b"0 0 0 0 0 0\n\f" + struct.pack("8d", *[float("nan")] * 8), "is not a number"),
    ("-dump", b"1 0 0 0 0 0\n\f" + bytes(64), "the wrong way round"),
]


def check_refused(run, words):
    refused_by_both.check_refused(run, words, "nanobragg_reference")


@pytest.mark.parametrize(("options", "words"), COMMAND_LINES)
def test_a_bad_command_line_is_refused(reference, options, words):
    run = reference(options)
    check_refused(run, words)
    assert list(run.folder.iterdir()) == []


@pytest.mark.parametrize(("option", "content", "words"), FILES)
def test_a_bad_file_is_refused_by_name(reference, tmp_path, option, content, words):
    if content is not None:
        (tmp_path / "input.dat").write_bytes(content)
    run = reference(f"{option} input.dat")
    check_refused(run, words)
    assert "input.dat" in run.stderr
    assert {path.name for path in run.folder.iterdir()} <= {"input.dat"}


def test_a_singular_matrix_is_refused(reference, tmp_path):
    (tmp_path / "flat.mat").write_text("0.01 0 0.01\n0 0.01 0.01\n0 0 0\n")
    run = reference(argv=["-mat", "flat.mat", "-default_F", "1"])
    check_refused(run, "singular")


def test_a_crystal_without_a_cell_is_refused(reference):
    check_refused(reference(argv=["-default_F", "1"]), "no unit cell")


def test_a_full_disk_is_an_error(reference):
    """/dev/full takes no byte."""
    check_refused(reference("-floatfile /dev/full"), "/dev/full: cannot be written")


@pytest.mark.parametrize(("options", "words"), [*refused_by_both.DROPPED, ("-noisefile noise.img", "-noisefile")])
def test_what_is_given_but_dropped_is_said(reference, options, words):
    run = reference(options)
    refused_by_both.check_dropped(run, words, "nanobragg_reference")
