"""Source files: what a line may leave out, what is refused, and how the C program reads lines."""

import pytest

from nanobrag_torch.emulation import parse_emulations
from nanobrag_torch.errors import InputFileError
from nanobrag_torch.io.sourcefile import read_sources

PHYSICS, LINES = parse_emulations(None), parse_emulations("source-file-lines")
BEAM = (1.0, 0.0, 0.0)


def sources(folder, text, emulate=PHYSICS, wavelength_m=1.5e-10):
    path = folder / "sources.txt"
    path.write_bytes(text)
    table = read_sources(path, wavelength_m, BEAM, emulate)
    return list(zip(table.positions, table.weights, table.wavelengths_m, strict=True))


@pytest.mark.parametrize("text", [b"-10 0 1", b"-10 0 1\n", b"-10 0 1\r\n", b"\n \r\n-10,0;1\n", b"\t-10 : 0 ! 1 \n\n"])
def test_weight_and_wavelength_may_be_missing_whatever_the_line_end(tmp_path, text):
    assert sources(tmp_path, text) == [((-10, 0, 1), 1, 1.5e-10)]


def test_every_line_is_a_source_with_what_it_gives(tmp_path):
    text = b"-10 0 0 2 1e-10\n-10 0.1 0 0.5\n0 -10 0 0 2e-10\n"
    assert sources(tmp_path, text) == [((-10, 0, 0), 2, 1e-10), ((-10, 0.1, 0), 0.5, 1.5e-10), ((0, -10, 0), 0, 2e-10)]


@pytest.mark.parametrize(
    ("text", "line", "value"),
    [
        (b"-10 0 0\n-10 0\n", 2, "-10"),
        (b"-10 0 0 1 1e-10 7\n", 1, "-10"),
        (b"# sources\n-10 0 0\n", 1, "#"),
        (b"\n-10 0 x\n", 2, "x"),
        (b"-10 0 nan\n", 1, "nan"),
        (b"-10 0 0 1e999\n", 1, "1e999"),
        (b"0 0 0\n", 1, "0 0 0"),
        (b"-10 0 0 -1\n", 1, "-1"),
        (b"-10 0 0 1 0\n", 1, "0"),
        (b"-10 0 0 1 -1e-10\n", 1, "-1e-10"),
    ],
)
def test_a_bad_line_is_named_with_its_text(tmp_path, text, line, value):
    with pytest.raises(InputFileError) as caught:
        sources(tmp_path, text)
    assert (caught.value.line, caught.value.value) == (line, value)
    assert f"sources.txt:{line}: " in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("text", [b"", b" \n", b" ,;\n\n", b"-10 0 0\0 1\n"])
def test_a_file_without_sources_is_refused(tmp_path, text):
    with pytest.raises(InputFileError, match="sources.txt"):
        sources(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"-10 0 0\n", [((-10, 0, 0), 1, 1.5e-10)]),
        (b"-10 0 0 \n", [((-10, 0, 0), 1, 1.5e-10)]),
        (b"-10 0 0", [((-10, 0, 0), 0, 0)]),
        (b"-10 0 0\r\n", [((-10, 0, 0), 0, 0)]),
        (b"-10\n", [((-10, 0, 0), 1, 1.5e-10)]),
        (b"-10 0 x\n", [((-10, 0, 0), 0, 0)]),
        (b"# c\n-10 0 0 2 1e-10", [((0, 0, 0), 0, 0), ((-10, 0, 0), 2, 1e-10)]),
        (b"\r\n\n-10 0,0;2\n", [((0, 0, 0), 0, 0), ((-10, 0, 0), 2, 1.5e-10)]),
    ],
)
def test_emulated_lines_lose_their_missing_columns_unless_they_end_in_a_plain_newline(tmp_path, text, expected):
    """Sources as the real program prints them: measured with nanoBragg C, July 2026."""
    assert sources(tmp_path, text, LINES) == expected


def test_five_columns_are_read_alike_in_both_ways(tmp_path):
    text = b"-10 0 0 1 1e-10\r\n-10 0.1 0 2 2e-10"
    assert sources(tmp_path, text) == sources(tmp_path, text, LINES)


def test_a_bad_source_file_ends_the_run_with_one_line(simulated, tmp_path):
    (tmp_path / "s.txt").write_text("-10 0 0\n-10 zero 0\n")
    run = simulated("-sourcefile s.txt")
    assert run.status == 2 and run.stdout == ""
    assert run.stderr.count("\n") == 1 and "s.txt:2: 'zero' is not a number" in run.stderr
    assert not (tmp_path / "floatimage.bin").exists()
