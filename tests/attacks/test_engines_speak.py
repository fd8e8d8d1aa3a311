"""What failed is told with the engine's own last words, made visible; and what is odd about its inputs."""

import gzip
import json
from pathlib import Path

import pytest

from nbcompare.engine.rendering.last_words import last_words, odd_inputs, shortened
from tests.nbcompare.conftest import SMALL_ARGS

SPEAKS = """\
import sys
if "-version" not in sys.argv:
    for number in range(9):
        print("line", number, "\\x1b[2J\\x1b]52;c;x\\x07", file=sys.stderr)
    raise SystemExit(3)
"""


@pytest.fixture
def speaks(tmp_path):
    path = tmp_path / "speaks.py"
    path.write_text(SPEAKS)
    return path


def test_the_last_lines_of_a_failed_engine_stand_everywhere(nb, fake, small_case, speaks):
    said = nb("run", small_case, "--c-bin", fake("good"), "--py-bin", speaks, "-q")
    (folder,) = Path("bundles/small").iterdir()
    assert said.code == 2 and "subject said: line 8" in said.out and "\x1b" not in said.out + said.err
    for name in ("record.json", "results/summary.json"):
        assert "subject said: line 8" in (folder / name).read_text()
    reasons = json.loads((folder / "results/summary.json").read_text())["reasons"]
    assert reasons[0] == "subject ended with exit code 3"
    assert reasons[1:6] == [f"subject said: line {number} \\x1b[2J\\x1b]52;c;x\\x07" for number in range(4, 9)]
    assert nb("verify", folder).code == 0
    nb("report", folder, "--html", "page.html")
    page = Path("page.html").read_text()
    assert "subject said: line 8" in page and page.count("line 8") > page.count("said: line 8"), "in a block of its own"


def test_and_in_the_one_shot(nb, fake, speaks):
    said = nb("--outdir", "out", "--c-bin", fake("good"), "--py-bin", speaks, "-q", "--", *SMALL_ARGS)
    assert said.code == 2 and "subject said: line 8" in said.out
    assert "subject said: line 8" in Path("out/summary.json").read_text()


@pytest.mark.parametrize(("name", "text", "first"), [
    ("myport.py", None, "MYPORT_MODE"),
    ("port.py", "import os, sys\n'-version' in sys.argv or os.environ['BEAM_MODE']\n", "BEAM_MODE")])
def test_variables_that_an_engine_which_failed_did_not_get_are_named(nb, fake, speaks, monkeypatch, name, text, first):
    """The one that bears the engine's name, or that its last words speak of; the others are counted."""
    others = [f"A_VARIABLE_THAT_OTHERS_SET_{number}" for number in range(30)]
    for variable in ("MYPORT_MODE", "BEAM_MODE", *others):
        monkeypatch.setenv(variable, "1")
    port = speaks.rename(name)
    port.write_text(text or SPEAKS)
    nb("--outdir", "out", "--c-bin", fake("good"), "--py-bin", port, "-q", "--", *SMALL_ARGS)
    reasons = json.loads(Path("out/summary.json").read_text())["reasons"]
    (told,) = [reason for reason in reasons if reason.startswith("the subject did not get these variables: ")]
    assert f": {first} and " in told
    assert told.endswith(" more, named in the record") and len(told) < 160, "one line, and no name is cut"


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12345\n"


@pytest.mark.parametrize(("content", "words"), [
    (LFS, "is a git-LFS pointer"), (gzip.compress(b"1 0 0 5\n", mtime=0), "is packed with gzip"),
    (b"\xef\xbb\xbf1 0 0 5\n", "begins with a byte-order mark"), (b"", "is empty"),
    ("1 0 0 5\n".encode("utf-16"), "is UTF-16 text")])
def test_an_input_that_is_not_what_it_is_called_is_named(nb, fake, speaks, content, words):
    Path("my.hkl").write_bytes(content)
    said = nb("--outdir", "out", "--c-bin", fake("good"), "--py-bin", speaks, "-q", "--", *SMALL_ARGS, "-hkl", "my.hkl")
    assert said.code == 2
    assert f"the input my.hkl {words}" in " ".join(json.loads(Path("out/summary.json").read_text())["reasons"])


def test_an_ordinary_input_is_not_odd(tmp_path):
    (tmp_path / "a.hkl").write_text("1 0 0 5\n")
    assert odd_inputs(tmp_path) == ()


def test_where_nothing_went_to_standard_error_the_output_speaks(tmp_path):
    (tmp_path / "err").write_text("\n \n")
    (tmp_path / "out").write_text("a\nb\n\nERROR: no such file\n")
    assert last_words(tmp_path / "err", tmp_path / "out") == ("a", "b", "ERROR: no such file")
    (tmp_path / "err").write_text("why\n")
    assert last_words(tmp_path / "err", tmp_path / "out") == ("why",)
    assert last_words(tmp_path / "none", tmp_path / "none") == ()


def test_every_character_that_is_no_print_is_escaped_and_long_lines_are_cut():
    assert shortened("a\x07b\u202ec\udce9") == "a\\x07b\\u202ec\\udce9"
    assert len(shortened("x" * 1000)) == 300


def test_a_folder_in_place_of_a_file_is_named(nb, fake, tmp_path):
    (tmp_path / "my.hkl").mkdir()
    said = nb("--outdir", "out", "--c-bin", fake("good"), "--py-bin", fake("twin"), "--", *SMALL_ARGS, "-hkl", "my.hkl")
    assert said.code == 1 and "-hkl my.hkl: that is a folder" in said.err
