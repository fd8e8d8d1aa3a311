"""The table of contents of a sealed archive, read at once: what zipfile says of it, or none."""

import io
import random
import zipfile
import zlib

import pytest

from nbcompare.bundle.archive.directory import MODE, directory_in, directory_of
from nbcompare.bundle.archive.sealed import Sealing
from nbcompare.bundle.manifest import unsafe_among, unsafe_name

NAMES = ("a/S/record.json", "a/S/inputs/c.bin", "b/S/ä.txt", "index.jsonl")


@pytest.fixture
def path(tmp_path):
    """A small archive, written as bundles are: short texts, bytes that are not packed, a name that is not ASCII."""
    making = Sealing(tmp_path / "a.zip")
    for at, name in enumerate(NAMES):
        making._write(name, random.Random(at).randbytes(5000) if name.endswith("bin") else name.encode() * 9)
    making._zip.close()
    return tmp_path / "a.zip"


def by_library(content):
    """What zipfile says: by name the bytes, or None where it refuses to read them; None of no zip file."""
    found = {}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for entry in archive.infolist():
                try:
                    found[entry.filename] = archive.read(entry)
                except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError,
                        UnicodeError):
                    found[entry.filename] = None
            assert len(found) == len(archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError, UnicodeError, AssertionError):
        return None
    return found


def at_once(content):
    table = directory_in(io.BytesIO(content))
    if table is None:
        return None
    found = {}
    with table:
        for name, size in zip(table.names, table.sizes, strict=True):
            try:
                found[name] = table.read(name)
                assert len(found[name]) == size == table.size(name)
            except (ValueError, zlib.error):
                found[name] = None
    return found


def test_it_is_what_zipfile_says(path):
    said = at_once(path.read_bytes())
    assert said == by_library(path.read_bytes()) and tuple(said) == NAMES and None not in said.values()
    with directory_of(path) as table, pytest.raises(KeyError):
        table.read("another")


def test_no_byte_of_an_archive_can_be_changed_so_that_the_two_differ(path):
    """Every byte of the table, of its end and of the headers, two ways; and bytes put in front or behind. Where a
    size is another zipfile may give the bytes all the same; here they are damaged."""
    good, given = path.read_bytes(), 0
    begin = good.index(b"PK\1\2")
    heads = (at for at in range(begin) if good.rfind(b"PK\3\4", max(0, at - 40), at + 4) >= 0)
    places = {*range(begin, len(good)), *heads}
    changed = [good[:at] + bytes([good[at] ^ bit]) + good[at + 1:] for at in sorted(places) for bit in (1, 0x80)]
    for content in [*changed, b"x" + good, good + b"x", good[:-1], good[:begin] + good[begin + 1:], good[:22], b""]:
        said = at_once(content)
        if said is not None:
            given, known = given + 1, by_library(content)
            assert list(said) == list(known)
            assert all(text is None or text == known[name] for name, text in said.items())
    assert 100 < given < len(changed)


@pytest.mark.parametrize(("name", "changes"), [
    ("a", {"external_attr": 0o120777 << 16}), ("a", {"external_attr": 0o100644 << 16}), ("a/", {}),
    ("a", {"compress_type": zipfile.ZIP_BZIP2}), ("a", {"extra": b"\1\0\1\0x"}), ("a", {"comment": b"c"}),
    ("a", {"create_system": 0}), ("a", {"internal_attr": 1}), ("twice", {})])
def test_an_entry_of_another_form_is_left_to_zipfile(tmp_path, name, changes):
    """Links, writable files, folders, other packings, extra fields, comments, other systems, and one name twice. What
    is inside a file (text or bytes) means nothing."""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for _ in range(2 if name == "twice" else 1):
            entry = zipfile.ZipInfo(name)
            entry.external_attr, entry.create_system = MODE, 3
            for key, value in changes.items():
                setattr(entry, key, value)
            archive.writestr(entry, b"text", entry.compress_type)
    assert (directory_of(tmp_path / "a.zip") is None) == ("internal_attr" not in changes)


def test_names_that_are_looked_at_together_are_told_as_each_alone():
    draw = random.Random(2)
    parts = ["a", "b.c", "..", ".", "", "x:y", "c\\d", "\n", " ", "e ", " f", "ä", "\u202e", "g" * 150, "h/i/j/k/l/m"]
    for _ in range(3000):
        names = ["/".join(draw.choices(parts, k=draw.randrange(1, 5))) for _ in range(draw.randrange(1, 4))]
        assert list(unsafe_among(names)) == [(name, why) for name in names if (why := unsafe_name(name))]
    assert list(unsafe_among([])) == []
    assert list(unsafe_among(["/".join(["a"] * 13)])) and list(unsafe_among(["a/b/" + "c" * 400]))
