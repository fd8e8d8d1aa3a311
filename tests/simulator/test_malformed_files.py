"""Text files that cannot be understood end a run with one line that names file, line and value, and no output."""

import pytest

GOOD = {"-mat": "0.02 0 0\n0 0.01 0\n0 0 0.01\n", "-hkl": "0 0 0 1\n0 0 1 2\n", "-stol": "0 1\n0.5 2 extra\n\n",
        "-sourcefile": "-10 0 0\n"}


def outcome(simulated, folder, option, content):
    """One run with a file for an option: the message, after the checks that hold for every bad file."""
    path = folder / "input.txt"
    if content is not None:
        path.write_bytes(content.encode("latin-1"))
    before = sorted(folder.iterdir())
    run = simulated(f"{option} input.txt")
    assert run.status == 2 and run.stdout == "" and run.stderr.count("\n") == 1
    assert run.stderr.startswith("nanobrag_torch: error: ") and sorted(folder.iterdir()) == before
    return run.stderr.split("input.txt:", 1)[1].strip()


@pytest.mark.parametrize("option", GOOD)
def test_a_good_file_is_taken(simulated, tmp_path, option):
    (tmp_path / "input.txt").write_text(GOOD[option])
    assert simulated(f"{option} input.txt").status == 0


@pytest.mark.parametrize("option", GOOD)
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file or directory"),
        ("", "the file is empty"),
        (" \n\t\n", "the file is empty"),
        ("\x7fELF\x02\x01\0\0\0\0", "this is no text (it holds a zero byte)"),
    ],
)
def test_a_missing_empty_or_binary_file_is_refused(simulated, tmp_path, option, content, message):
    assert outcome(simulated, tmp_path, option, content) == message


@pytest.mark.parametrize(
    ("option", "content", "message"),
    [
        ("-mat", "0.02 0 0\n0 0.01 0\n0 0\n", "an orientation matrix has nine numbers; 8 found"),
        ("-mat", "0.02 0 0\n0 0.01 0\n0 0 one\n", "3: 'one' is not a number"),
        ("-mat", "0.02 0 0\n0 nan 0\n0 0 1\n", "2: 'nan' is not a finite number"),
        ("-mat", "0.02 0 0\n0 inf 0\n0 0 1\n", "2: 'inf' is not a finite number"),
        ("-mat", "0.02 0 0\n0 0.0_1 0\n0 0 1\n", "2: '0.0_1' is not a finite number"),
        ("-hkl", "0 0 0 1\n0 0 1\n", "2: a reflection is h k l F, four numbers; found '0 0 1'"),
        ("-hkl", "0 0 0 10 90\n", "1: a reflection is h k l F, four numbers; found '0 0 0 10 90' "
         "(-allow columns takes the first four)"),
        ("-hkl", "h k l F\n0 0 0 1\n", "1: the index 'h' is not an integer"),
        ("-hkl", "0 0 0 1\n0 0.0 1 2\n", "2: the index '0.0' is not an integer"),
        ("-hkl", "0 0 0 nan\n", "1: 'nan' is not a finite number"),
        ("-hkl", "0 0 0 F\n", "1: 'F' is not a number"),
        ("-stol", "0 1\n0.5\n", "2: two numbers expected, '0.5' found"),
        ("-stol", "0 1\n0.5 high\n", "2: 'high' is not a number"),
        ("-stol", "0 nan\n", "1: 'nan' is not a finite number"),
        ("-sourcefile", "-10 0 0 1 1e-10\n-10 0 0 1 NaN\n", "2: 'NaN' is not a finite number"),
    ],
)
def test_a_bad_value_is_named_with_its_line(simulated, tmp_path, option, content, message):
    assert outcome(simulated, tmp_path, option, content) == message
