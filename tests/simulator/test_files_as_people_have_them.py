"""Input files with comments, further columns or odd bytes, and command lines without a seed, in both simulators."""

import gzip
import re

import numpy as np
import pytest

from nanobrag_torch.errors import InputFileError
from nanobrag_torch.io.hkl import read_hkl

CLEAN = {
    "-hkl": "0 0 0 100\n1 0 0 50\n0 1 0 60\n",
    "-mat": "0.01 0 0\n0 0.01 0\n0 0 0.01\n",
    "-sourcefile": "-10 0 0 1 1e-10\n-10 0.01 0 2 1e-10\n",
    "-stol": "0 1\n0.5 2\n",
}
COMMENTED = {option: "# made by hand\n! or not\n" + text.replace("\n", "   # a remark\n", 1)
             for option, text in CLEAN.items()}
LONGER = {"-hkl": ("0 0 0 100 1.5 0\n1 0 0 50 0.8 30\n0 1 0 60 1.2 -45\n", "four"),
          "-sourcefile": ("-10 0 0 1 1e-10 9\n-10 0.01 0 2 1e-10 9\n", "five")}
ODD = {
    "packed with gzip": gzip.compress(b"0 0 0 1\n"),
    "a git-LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    "text with a byte-order mark": b"\xef\xbb\xbf0 0 0 1\n",
    "UTF-16 text": "0 0 0 1\n".encode("utf-16"),
    "end in CR alone": b"0 0 0 1\r1 0 0 2\r",
}


@pytest.fixture(params=["simulated", "reference"])
def engine(request):
    """Each simulator in turn: engine("-hkl a.hkl") adds options to BASE."""
    return request.getfixturevalue(request.param)


def write(folder, name, content):
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def rendered(engine, folder, option, content, more=""):
    write(folder, "input.txt", content)
    run = engine(f"{option} input.txt {more}")
    return run, run.image().copy() if run.status == 0 else None


@pytest.mark.parametrize("option", CLEAN)
def test_comments_are_left_out_where_they_are_allowed_and_counted(engine, tmp_path, option):
    _, clean = rendered(engine, tmp_path, option, CLEAN[option])
    run, image = rendered(engine, tmp_path, option, COMMENTED[option], "-allow comments")
    assert np.array_equal(image, clean)
    assert option == "-stol" or "input.txt: 3 comments left out (-allow)" in run.stderr


@pytest.mark.parametrize("option", [option for option in CLEAN if option != "-stol"])
def test_a_comment_that_is_not_allowed_is_refused_with_the_option_that_allows_it(engine, tmp_path, option):
    run, _ = rendered(engine, tmp_path, option, COMMENTED[option], "-allow columns")
    assert run.status == 2 and "-allow comments" in run.stderr


def test_published_tables_of_scattering_have_comments_and_a_word_in_the_third_column(engine, tmp_path):
    _, clean = rendered(engine, tmp_path, "-stol", CLEAN["-stol"])
    _, image = rendered(engine, tmp_path, "-stol", "#Curve 0, 2 points\n#x y type\n0 1.3 i\n0.002 0.5 i\n")
    assert np.array_equal(image, clean)


@pytest.mark.parametrize("option", LONGER)
def test_further_columns_are_left_out_where_they_are_allowed(engine, tmp_path, option):
    text, most = LONGER[option]
    refused, _ = rendered(engine, tmp_path, option, text)
    assert refused.status == 2 and f"(-allow columns takes the first {most})" in refused.stderr
    _, clean = rendered(engine, tmp_path, option, CLEAN[option])
    run, image = rendered(engine, tmp_path, option, text, "-allow comments,columns")
    assert np.array_equal(image, clean) and "columns after the" in run.stderr


@pytest.mark.parametrize("words", ["remarks", "comments,", "comments columns", ""])
def test_only_comments_and_columns_can_be_allowed(engine, words):
    argv = "-cell 100 100 100 90 90 90 -default_F 1 -N 2 -detpixels 4 -nonoise -allow".split()
    run = engine(argv=[*argv, words])
    assert run.status == 2 and "comments, columns or comments,columns expected" in run.stderr


@pytest.mark.parametrize("option", CLEAN)
@pytest.mark.parametrize("what", ODD)
def test_an_odd_file_is_named_as_what_it_is(engine, tmp_path, option, what):
    run, _ = rendered(engine, tmp_path, option, ODD[what])
    assert run.status == 2 and what in run.stderr and run.stderr.count("\n") == 1


@pytest.mark.parametrize("option", CLEAN)
def test_a_folder_is_named_as_one(engine, tmp_path, option):
    (tmp_path / "input.txt").mkdir()
    run = engine(f"{option} input.txt")
    assert run.status == 2 and "Is a directory" in run.stderr


def test_a_wavelength_that_is_not_in_metres_is_warned_about(engine, tmp_path):
    run, _ = rendered(engine, tmp_path, "-sourcefile", "-10 0 0 1 6.2\n")
    assert run.status == 0 and "a wavelength of 6.2 m; the fifth column is in metres" in run.stderr
    run, _ = rendered(engine, tmp_path, "-sourcefile", "-10 0 0 1 6.2e-10\n")
    assert "metres" not in run.stderr


def test_the_header_of_a_dtrek_image_gives_the_size_of_a_mask(engine, tmp_path):
    mask = np.ones((32, 32), "<u2")
    mask[8] = 0
    write(tmp_path, "m.img", b"{\nHEADER_BYTES=  512;\nDETECTOR_DIMENSIONS=32;\n}\f".ljust(512) + mask.tobytes())
    image = engine("-mask m.img").image()
    assert not image[8].any() and image[9].any()


# --- the C program's way ----------------------------------------------------------------------------------


def test_ranges_come_from_all_records_of_four_and_reading_ends_at_a_fraction(tmp_path):
    """What nanoBragg makes of five columns, found with its own dump file: records (0 0 0 100), (0 1 0 0) and
    (50 30.5 0 1); the grid is as wide as all three, and the second pass ends before the third."""
    write(tmp_path, "a.hkl", "0 0 0 100.0 0.0\n1 0 0 50.0 30.5\n0 1 0 60.0 -45.2\n")
    grid = read_hkl(tmp_path / "a.hkl", columns="stream")
    assert grid.count == 3 and (grid.h_max, grid.k_max, grid.l_max) == (50, 30, 0)
    assert grid.F[0, 0, 0] == 100.0 and np.count_nonzero(grid.padded) == 1


def test_a_grid_that_the_c_program_writes_beside_is_refused(tmp_path):
    write(tmp_path, "a.hkl", "0 0 0 1\n0 0 0.5 9 1 1 1 1\n")
    with pytest.raises(InputFileError, match="outside its memory"):
        read_hkl(tmp_path / "a.hkl", columns="stream")


def test_text_in_a_stol_file_is_passed_over_where_that_is_emulated(simulated, tmp_path):
    run, _ = rendered(simulated, tmp_path, "-stol", "x y\n0 high\n")
    assert run.status == 2
    run, _ = rendered(simulated, tmp_path, "-stol", "x y\n0 high\n", "-emulate source-file-lines")
    assert run.status == 0


# --- no seed ----------------------------------------------------------------------------------------------


def test_a_noise_image_without_a_seed_is_drawn_with_one_that_is_told(simulated, tmp_path):
    argv = "-cell 100 100 100 90 90 90 -default_F 300 -N 5 -detpixels 8 -flux 1e15 -noprogress".split()
    first = simulated(argv=argv)
    seed = re.search(r"the noise image without a seed: (\d+) was drawn \(-seed repeats it\)", first.stderr).group(1)
    noise, image = (tmp_path / "noiseimage.img").read_bytes(), first.image(8, 8)
    again = simulated(argv=[*argv, "-seed", seed])
    assert (tmp_path / "noiseimage.img").read_bytes() == noise and "drawn" not in again.stderr
    other = simulated(argv=argv)
    assert seed not in other.stderr and np.array_equal(other.image(8, 8), image)


def test_a_random_orientation_without_a_seed_is_drawn_with_one_that_is_told(engine):
    run = engine("-misset random")
    image = run.image().copy()
    seed = re.search(r"-misset random without a seed: (\d+) was drawn \(-misset_seed repeats it\)", run.stderr).group(1)
    again = engine(f"-misset_seed {seed} -misset random")
    assert np.array_equal(again.image(), image) and "drawn" not in again.stderr
    assert not np.array_equal(engine("-misset random").image(), image)
