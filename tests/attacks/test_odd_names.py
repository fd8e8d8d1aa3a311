"""Files that an engine leaves are kept, whatever they are called and however deep they lie."""

import os

import pytest

from nbcompare.bundle.manifest import unsafe_name
from nbcompare.engine.rendering.kept_names import kept_name

LEAVES = """\
import os, sys
if "-version" in sys.argv:
    raise SystemExit
for name in (b"new\\nline", b"tab\\tab", b"back\\\\slash", b"blank ", b"\\xff\\xfe", b"plain", b"NAMES.txt",
             b"\\x1b[2J", "\\u00fcber".encode(), b"x" * 255, b"50%"):
    open(name, "wb").write(name)
for depth, width in ((30, 1), (60, 200)):
    home = os.getcwd()
    for _ in range(depth):
        os.mkdir("d" * width)
        os.chdir("d" * width)
    open("bottom", "w").write(str(depth))
    os.chdir(home)
raise SystemExit(4)
"""


@pytest.mark.parametrize("role", ["c", "py"])
def test_every_file_of_a_failed_engine_is_kept_in_a_whole_bundle(nb, fake, small_case, tmp_path, role):
    engine = tmp_path / "leaves.py"
    engine.write_text(LEAVES)
    engines = {"c": fake("good"), "py": fake("twin"), role: engine}
    said = nb("run", small_case, "--c-bin", engines["c"], "--py-bin", engines["py"], "-q", "--format", "json")
    assert said.code == 2, said.err
    folder = said.json["bundle"]
    home = os.path.join(folder, "failed", role)
    kept = {os.path.relpath(os.path.join(place, name), home) for place, _, names in os.walk(home) for name in names}
    assert {"new%0Aline", "tab%09ab", "back%5Cslash", "blank%20", "%FF%FE", "plain", "%1B[2J", "%C3%BCber",
            "50%25", "NAMES.txt"} <= kept
    contents = {open(os.path.join(home, name), "rb").read() for name in kept}
    assert {b"new\nline", b"x" * 255, b"\xff\xfe", b"30", b"60", b"NAMES.txt"} <= contents
    listed = open(os.path.join(home, "NAMES.txt")).read()
    assert "new%0Aline\t'new\\nline'" in listed
    assert nb("verify", folder).code == 0


def test_the_one_shot_keeps_them_too(nb, fake, tmp_path):
    engine = tmp_path / "leaves.py"
    engine.write_text(LEAVES)
    said = nb("--outdir", "out", "--c-bin", fake("good"), "--py-bin", engine, "-q", "--", "-detpixels_x", "9",
              "-detpixels_y", "7")
    assert said.code == 2 and os.path.isfile("out/failed_py/new%0Aline")


@pytest.mark.parametrize("parts", [("a\nb",), (" a",), ("a", "b\\c"), ("\udcff",), ("a:b",), ("\u202e",), ("d",) * 40,
                                   ("x" * 255,), ("\n" * 200,), ("..a", "b "), ("%41",)])
def test_a_kept_name_may_stand_in_a_manifest(parts):
    assert unsafe_name(f"failed/py/{kept_name(parts)}") is None


def test_a_plain_name_is_kept_as_it_is():
    assert kept_name(("sub", "scratch file.txt")) == "sub/scratch file.txt"


def test_a_colon_is_encoded_as_some_systems_allow_none():
    assert kept_name(("C:", "a:b")) == "C%3A/a%3Ab"


def test_two_names_never_become_one():
    assert kept_name(("a\n",)) != kept_name(("a%0A",))


LINKS = """\
import os, sys
if "-version" in sys.argv:
    raise SystemExit
os.link({theirs!r}, "mine.txt")
open("short.txt", "w").write("x")
if os.path.exists({theirs!r} + ".image"):
    os.link({theirs!r} + ".image", sys.argv[sys.argv.index("-floatfile") + 1])
raise SystemExit(0)
"""


@pytest.mark.parametrize("image", [False, True])
def test_a_file_with_another_name_elsewhere_is_kept_with_bytes_of_its_own(nb, fake, small_case, tmp_path, image):
    """Else whoever owns the other name writes evidence, and his file is made read-only."""
    theirs = tmp_path / "theirs.txt"
    theirs.write_text("as it was")
    theirs.chmod(0o640)
    if image:
        (tmp_path / "theirs.txt.image").write_bytes(b"short")
    engine = tmp_path / "links.py"
    engine.write_text("#!/usr/bin/env python3\n" + LINKS.format(theirs=str(theirs)))
    engine.chmod(0o755)
    assert nb("run", small_case, "--c-bin", fake("good"), "--py-bin", engine, "-q").code == 2
    (folder,) = (tmp_path / "bundles/small").glob("2*")
    assert (folder / "failed/py/mine.txt").read_text() == "as it was"
    assert {path.stat().st_nlink for path in folder.rglob("*") if path.is_file()} == {1}
    assert theirs.read_text() == "as it was" and theirs.stat().st_mode & 0o777 == 0o640
    theirs.write_text("another text")
    assert nb("verify", folder).code == 0
