"""Bad input to the torch simulator: one line on stderr that names it, status 2, and no file written."""

import os
import struct
import subprocess
import sys

import pytest
import refused_by_both

# Options after BASE, and what the line must name.
COMMAND_LINES = [
    *refused_by_both.COMMAND_LINES,
    ("-distance 1e999", "-distance: '1e999' is not a number"),
    ("-distance 1_0", "-distance: '1_0' is not a number"),
    ("-cell nan", "-cell: 'nan' is not a number"),
    ("-misset 1 2 inf", "-misset: 'inf' is not a number"),
    ("-N 99999999999", "99999999999"),
    ("-detsize 1e300 -detpixels 0", "detector size along fast"),
    ("-cell 0 0 0", "no unit cell"),
    ("-cell 1e-320", "-cell: an axis of"),
    ("-cell 50 50 50 1e-200 90 90", "-cell: no cell has the angles"),
    ("-cell 50 50 50 1e-200 90 90 -emulate all", "-cell: no cell has the angles"),
    ("-mosaic 1e300 -mosaic_domains 2", "-mosaic: a spread of"),
    ("-oversample 99999999999999", "-oversample"),
    ("-fluence 1e300", "not finite"),
    ("-phisteps 2000000 -mosaic 1 -mosaic_domains 200", "phi steps"),
    ("-divergence 1e9 -hdivstep 1e-9", "-hdivstep"),
    ("-floatfile .", "it is a folder"),
    ("-dtype float16", "-dtype"),
    ("-device abacus", "-device"),
    ("-threads 0", "-threads"),
    ("-render slowly", "-render"),
    ("-emulate phi-carryoverr", "did you mean 'phi-carryover'"),
    ("-emulate argv:threads=2", "only phi-carryover:threads=T takes a setting"),
    ("-emulate argv -phi inf", "'inf' is not a usable value"),
    ("-emulate argv -thicksteps", "-detector_thicksteps: a value is expected"),
]

SMV = "{\nHEADER_BYTES=512;\n"

# Option, file content (None: no such file), and what the line must say besides the file's name. Texts have a test of
# their own.
FILES = [
    ("-hkl", b"1 2 3 4\n9999999 0 0 1\n", "2: the index 9999999 is out of all range"),
    ("-hkl", b"1 0 0 4\n9999 -9999 9999 1\n", "too large to hold"),
    ("-mat", b"0.01 0 0.01\n0 0.01 0.01\n0 0 0\n", None),
    ("-sourcefile", b"# comment\n", "1: 3 to 5 numbers expected"),
    ("-sourcefile", b"0 0 0 1 1e-10\n", "1: the source sits on the sample"),
    ("-sourcefile", b"-10 0 0 1 0\n", "1: the wavelength must be positive"),
    ("-sourcefile", b"-10 0 0 -1 1e-10\n", "1: negative weight"),
    ("-sourcefile", b"-10 0 0 0 1e-10\n", "add up to 0"),
    ("-img", None, "cannot be read"),
    ("-img", b"short", "input.dat"),
    ("-img", b"x" * 600, "input.dat"),
    ("-img", (SMV + "DISTANCE=nan;\n}").encode().ljust(512), "DISTANCE"),
    ("-img", b"{\nHEADER_BYTES=9999;\n}".ljust(512), "9999"),
    ("-mask", (SMV + "SIZE1=8;\nSIZE2=8;\n}").encode().ljust(512) + bytes(128), "a mask of 8 x 8 pixels"),
    ("-mask", (SMV + "SIZE1=32;\nSIZE2=32;\n}").encode().ljust(512) + bytes(99), "need 2048 bytes, 99 found"),
    ("-dump", None, "cannot be read"),
    ("-dump", b"not a dump", "input.dat"),
    ("-dump", b"0 0 0 0 0 0\n\f" + bytes(63), "63 found"),
    ("-dump", b"0 0 0 0 0 0\n\f" + struct.pack("8d", *[float("nan")] * 8), "input.dat"),
    ("-dump", b"1 0 0 0 0 0\n\f" + bytes(64), "input.dat"),
]


def check_refused(run, words):
    refused_by_both.check_refused(run, words, "nanobrag_torch")


@pytest.mark.parametrize(("options", "words"), COMMAND_LINES)
def test_a_bad_command_line_is_refused(simulated, options, words):
    run = simulated(options)
    check_refused(run, words)
    assert list(run.folder.iterdir()) == []


@pytest.mark.parametrize(("option", "content", "words"), FILES)
def test_a_bad_file_is_refused_by_name(simulated, tmp_path, option, content, words):
    if content is not None:
        (tmp_path / "input.dat").write_bytes(content)
    run = simulated(f"{option} input.dat")
    check_refused(run, words or "singular")
    assert words is None or "input.dat" in run.stderr
    assert {path.name for path in run.folder.iterdir()} <= {"input.dat"}


def test_a_full_disk_is_an_error(simulated):
    """/dev/full takes no byte."""
    check_refused(simulated("-floatfile /dev/full"), "/dev/full")


def test_a_folder_that_cannot_be_written_is_found_before_rendering(simulated, tmp_path):
    if os.geteuid() == 0:
        pytest.skip("the superuser may write anywhere")
    (tmp_path / "locked").mkdir(mode=0o500)
    check_refused(simulated("-floatfile locked/f.bin"), "locked/f.bin: cannot be written")


@pytest.mark.parametrize(("options", "words"), refused_by_both.DROPPED)
def test_what_is_given_but_dropped_is_said(simulated, options, words):
    run = simulated(f"{options} -roi 0 3 0 3" if "roi" not in options else options)
    refused_by_both.check_dropped(run, words, "nanobrag_torch")


def test_a_process_ends_with_the_status_of_its_error(tmp_path):
    done = subprocess.run([sys.executable, "-m", "nanobrag_torch", "-lamda", "1"], capture_output=True, text=True,
                          cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == ("nanobrag_torch: error: unknown option '-lamda'; did you mean '-lambda'? "
                           "(-emulate argv reads the line as nanoBragg does)\n")
