"""What leaves and what enters, rule by rule: bags, archives, where in them a bundle lies, and two that come at once."""

import os
import re
import shutil
import stat
import zipfile
from pathlib import Path

import pytest

from nbcompare import __version__
from nbcompare.bundle import unpack
from nbcompare.bundle.bundle import load_bundle
from nbcompare.bundle.keep import exchange
from nbcompare.bundle.keep.bagit import bag_faults
from nbcompare.bundle.keep.exchange import export_bundle, import_bundle
from nbcompare.bundle.unpack import UnpackLimits
from nbcompare.errors import EvidenceError, FileError, UsageError
from nbcompare.files import sha256_of


@pytest.fixture
def bag(store):
    """A bundle as a bag, in ./bag."""
    return export_bundle(store.passed, "bagit", Path("bag"))


# --- bags --------------------------------------------------------------------------------------------------------


def test_the_files_about_a_bag_are_those_of_the_standard(store, bag):
    record = load_bundle(store.passed).record
    payload = sorted(path for path in (bag / "data").rglob("*") if path.is_file())
    assert sorted(path.name for path in bag.iterdir()) == ["bag-info.txt", "bagit.txt", "data", "manifest-sha256.txt",
                                                           "tagmanifest-sha256.txt"]
    assert (bag / "bagit.txt").read_text() == "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
    assert (bag / "bag-info.txt").read_text() == (
        f"Bag-Software-Agent: nb-compare {__version__}\nBagging-Date: {record.created_utc[:10]}\n"
        f"External-Description: nb-compare bundle of case small, stamp {record.stamp}\n"
        f"External-Identifier: small/{record.stamp}\n"
        f"Payload-Oxum: {sum(path.stat().st_size for path in payload)}.{len(payload)}\n")
    assert (bag / "manifest-sha256.txt").read_text() == "".join(
        f"{sha256_of(path)}  {path.relative_to(bag)}\n" for path in payload)
    assert (bag / "tagmanifest-sha256.txt").read_text() == "".join(
        f"{sha256_of(bag / name)}  {name}\n" for name in ("bag-info.txt", "bagit.txt", "manifest-sha256.txt"))
    assert bag_faults(bag) == []
    assert not any(path.stat().st_mode & 0o222 == 0 for path in payload), "who gets it may sort it as he likes"


def test_each_fault_of_a_bag_is_told(bag):
    good = {path: path.read_bytes() for path in bag.rglob("*") if path.is_file()}

    def told(name, content):
        path = bag / name
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content)
        found = bag_faults(bag)
        path.unlink(missing_ok=True)
        for other, kept in good.items():
            other.write_bytes(kept)
        return found

    info = good[bag / "bagit.txt"]
    assert told("bagit.txt", info.replace(b"1.0", b"0.9"))[0] == "bagit.txt does not declare BagIt 1.0 in UTF-8"
    assert told("bagit.txt", info.replace(b"\n", b"\r\n")) == ["bagit.txt is not what tagmanifest-sha256.txt says"]
    assert told("bagit.txt", None) == ["bagit.txt: No such file or directory",
                                       "bagit.txt is listed in tagmanifest-sha256.txt and missing"]
    assert told("data/more", b"x") == ["data/more is not listed in manifest-sha256.txt"]
    assert told("data/record.json", b"x") == ["data/record.json is not what manifest-sha256.txt says"]
    assert told("data/record.json", None) == ["data/record.json is listed in manifest-sha256.txt and missing"]
    assert told("bag-info.txt", b"x") == ["bag-info.txt is not what tagmanifest-sha256.txt says"]
    assert told("tagmanifest-sha256.txt", None) == ["tagmanifest-sha256.txt: No such file or directory"]
    lines = good[bag / "tagmanifest-sha256.txt"].splitlines(keepends=True)
    assert told("tagmanifest-sha256.txt", b"".join(lines[1:])) == [
        "bag-info.txt is not listed in tagmanifest-sha256.txt"]
    assert told("tagmanifest-sha256.txt", b"".join([*lines, b"x\n"])) == [
        "malformed: tagmanifest-sha256.txt (line 4 is no sum and name: 'x')"]


def test_names_that_the_standard_escapes_come_back(tmp_path):
    from nbcompare.bundle.keep import bagit

    names = {"a%b": "a%25b", "%0A": "%250A", "a\rb": "a%0Db", "a\nb": "a%0Ab", "plain": "plain"}
    assert {name: bagit._encoded(Path(name)) for name in names} == names
    assert {bagit._decoded(escaped): escaped for escaped in names.values()} == names


# --- sending -----------------------------------------------------------------------------------------------------


def test_an_export_is_called_after_case_and_stamp_and_is_one_form_or_the_other(store):
    archive = export_bundle(store.passed, "zip")
    assert archive == Path(f"small-{store.passed.name}.zip") and archive.is_file()
    assert export_bundle(store.passed, "bagit") == Path(f"small-{store.passed.name}")
    with pytest.raises(UsageError, match="exists already; an export never overwrites") as caught:
        export_bundle(store.passed, "zip")
    assert caught.value.hint == "name another with -o"
    Path("link").symlink_to("nowhere")
    with pytest.raises(UsageError, match="link exists already"):
        export_bundle(store.passed, "zip", Path("link"))
    with pytest.raises(FileError, match="cannot write the export: there is no folder"):
        export_bundle(store.passed, "zip", Path("no/where.zip"))
    assert not list(Path().glob(".export-*"))


def test_a_zip_holds_every_file_in_order_without_times_owners_or_permissions(store):
    with zipfile.ZipFile(export_bundle(store.passed, "zip", Path("a.zip"))) as archive:
        entries = archive.infolist()
    names = sorted(f"small/{store.passed.name}/{path.relative_to(store.passed)}" for path in store.passed.rglob("*")
                   if path.is_file())
    assert [entry.filename for entry in entries] == names
    assert {(entry.date_time, entry.external_attr >> 16, entry.compress_type) for entry in entries} == {
        ((1980, 1, 1, 0, 0, 0), stat.S_IFREG | 0o444, zipfile.ZIP_DEFLATED)}


# --- receiving ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("depth", "found"), [("", True), ("a", True), ("a/b", True), ("a/b/c", True),
                                              ("a/b/c/d", False)])
def test_a_bundle_may_lie_a_few_folders_deep(store, depth, found):
    Path("sent", depth).parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(store.passed, Path("sent", depth))
    if found:
        folder, new = import_bundle(Path("sent"), Path("other"))
        assert new and folder == Path("other/small", store.passed.name)
        return
    with pytest.raises(EvidenceError, match=r"sent: refused, there is no bundle in it \(no manifest-sha256.txt\)"):
        import_bundle(Path("sent"), Path("other"))


def test_a_bundle_beside_something_else_is_not_looked_for(store):
    shutil.copytree(store.passed, "sent/a")
    Path("sent/readme").write_text("x")
    with pytest.raises(EvidenceError, match="there is no bundle in it"):
        import_bundle(Path("sent"), Path("other"))
    for path in Path("sent").iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for content in ({}, {"a file": "x"}):
        for name, text in content.items():
            Path("sent", name).write_text(text)
        with pytest.raises(EvidenceError, match="there is no bundle in it"):
            import_bundle(Path("sent"), Path("other"))
    assert list(Path("other").iterdir()) == []


def test_a_damaged_bag_is_refused_with_every_fault(bag):
    (bag / "bagit.txt").write_text("x")
    with pytest.raises(EvidenceError, match="bag: refused, the bag is damaged") as caught:
        import_bundle(bag, Path("other"))
    assert len(caught.value.faults) == 2 and list(Path("other").iterdir()) == []


def test_an_import_is_new_once_marked_and_the_same_afterwards(store):
    for again in (True, False):
        assert import_bundle(store.passed, Path("other")) == (Path("other/small", store.passed.name), again)
    assert Path(f"other/small/.imported/{store.passed.name}.json").exists()
    assert sorted(path.name for path in Path("other/small").iterdir()) == [".imported", store.passed.name]
    with pytest.raises(FileError, match=r"small.yaml: cannot import there: (File exists|Not a directory)"):
        import_bundle(store.passed, Path("small.yaml"))
    with pytest.raises(EvidenceError, match=r"refused, the bundle is damaged: \d+ faults?") as caught:
        (store.failed / "results/c.png").unlink()
        import_bundle(store.failed, Path("other"))
    assert caught.value.hint == "ask its sender for it again"
    assert "missing: results/c.png" in caught.value.faults


def test_a_disk_that_fills_while_importing_keeps_nothing(store, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device", "x")

    monkeypatch.setattr(exchange, "publish_folder", full)
    with pytest.raises(FileError, match=r"^x: No space left on device while importing; nothing was kept$"):
        import_bundle(store.passed, Path("other"))


@pytest.mark.parametrize(("there", "words"), [
    ("same", None), ("another", "was made meanwhile and is another bundle; nothing was imported"),
    ("nothing", "exists: a run of that second is being made")])
def test_one_that_comes_while_another_of_its_second_is_made_waits(store, monkeypatch, there, words):
    """Its place is reserved by somebody; after a while there is the same bundle, another, or none yet."""
    home, slept = Path("other/small"), []
    (home / f".staging-{store.passed.name}").mkdir(parents=True)

    def sleep(seconds):
        slept.append(seconds)
        if len(slept) == 50 and there != "nothing":
            shutil.copytree(store.passed, home / store.passed.name)
            if there == "another":
                (home / store.passed.name / "manifest-sha256.txt").chmod(0o644)
                (home / store.passed.name / "manifest-sha256.txt").write_text("x")

    monkeypatch.setattr(exchange.time, "sleep", sleep)
    if words is None:
        assert import_bundle(store.passed, Path("other")) == (home / store.passed.name, False)
    else:
        with pytest.raises(UsageError, match=words):
            import_bundle(store.passed, Path("other"))
    assert slept == [0.05] * 50 and not list(Path("other").glob(".staging-*"))


def test_one_that_was_published_just_before_its_place_was_reserved_is_left_as_it_is(store, monkeypatch):
    home, real = Path("other/small"), exchange._reserved

    def late(staged):
        shutil.copytree(store.passed, home / store.passed.name)
        return real(staged)

    monkeypatch.setattr(exchange, "_reserved", late)
    assert import_bundle(store.passed, Path("other")) == (home / store.passed.name, False)
    assert [path.name for path in home.iterdir()] == [store.passed.name]


# --- unpacking ---------------------------------------------------------------------------------------------------


def zipped(name, *entries, mode=stat.S_IFREG | 0o444):
    with zipfile.ZipFile("a.zip", "w") as archive:
        for entry in (name, *entries):
            made = zipfile.ZipInfo(entry)
            made.external_attr = mode << 16
            archive.writestr(made, b"abc" if not entry.endswith("/") else b"")
    return Path("a.zip")


def refused(source, **limits):
    with pytest.raises(EvidenceError, match=f"^{re.escape(str(source))}: refused\n") as caught:
        unpack.unpack(source, Path("out"), UnpackLimits(**limits))
    assert not Path("out").exists(), "nothing is written of what is refused"
    return list(caught.value.faults)


def test_what_a_zip_may_not_hold_is_told_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for mode, bad in ((0, False), (stat.S_IFREG | 0o777, False), (stat.S_IFDIR, False), (stat.S_IFLNK, True),
                      (stat.S_IFIFO, True), (stat.S_IFCHR, True), (stat.S_IFSOCK, True), (stat.S_IFBLK, True)):
        source = zipped("a", mode=mode)
        if bad:
            assert refused(source) == ["'a': a link or a device"]
        else:
            unpack.unpack(source, Path("out"), UnpackLimits())
            assert Path("out/a").read_bytes() == b"abc"
            shutil.rmtree("out")
    assert refused(zipped("../a")) == ["'../a': the name leaves the folder or is not written plainly"]
    assert refused(zipped("a//", mode=stat.S_IFDIR)) == ["'a//': the name leaves the folder or is not written plainly"]
    assert refused(zipped("a", "a/b")) == ["'a': a file and a folder at once"]
    assert refused(zipped("b", "a", "A")) == ["'A': the same name as 'a', or differing only in case"]
    assert refused(zipped("a", "b"), total_bytes=5, files=1) == ["2 files, more than 1", "6 bytes, more than 5"]
    unpack.unpack(zipped("d/", "d/a", "e/"), Path("out"), UnpackLimits(total_bytes=3, files=1))
    assert [path.as_posix() for path in Path("out").rglob("*") if path.is_file()] == ["out/d/a"]


def test_what_is_encrypted_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = zipped("a").read_bytes()
    for at in (data.index(b"PK\x03\x04") + 6, data.index(b"PK\x01\x02") + 8):
        data = data[:at] + b"\x01" + data[at + 1:]
    Path("a.zip").write_bytes(data)
    assert refused(Path("a.zip")) == ["'a': encrypted"]


def test_a_file_that_unpacks_to_more_than_it_says_stops_at_the_limit(tmp_path, monkeypatch):
    """Over all files together, and to the byte."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(unpack, "set_faults", lambda *_: ())
    unpack.unpack(zipped("a", "b"), Path("exact"), UnpackLimits(total_bytes=6))
    Path("in").mkdir()
    shutil.copy("exact/a", "in/a")
    shutil.copy("exact/b", "in/b")
    for source in (zipped("a", "b"), Path("in")):
        with pytest.raises(EvidenceError, match="refused: it unpacks to more than it says and more than is let in"):
            unpack.unpack(source, Path(f"out-{source}"), UnpackLimits(total_bytes=5))
    assert UnpackLimits() == UnpackLimits(4 << 30, 10_000)


def test_what_cannot_be_read_is_told_as_what_it_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileError, match=r"^no.zip: there is no such file or folder$"):
        unpack.unpack(Path("no.zip"), Path("out"), UnpackLimits())
    os.mkfifo("pipe")
    with pytest.raises(FileError, match=r"^pipe: neither an ordinary file nor a folder$"):
        unpack.unpack(Path("pipe"), Path("out"), UnpackLimits())
    Path("no.zip").write_text("x")
    with pytest.raises(EvidenceError, match=r"no.zip: not a zip file that can be read \(File is not a zip file\)"):
        unpack.unpack(Path("no.zip"), Path("out"), UnpackLimits())
    Path("out").write_text("in the way")
    with pytest.raises(FileError, match=r"^out: (Not a directory|File exists)$"):
        unpack.unpack(zipped("a"), Path("out"), UnpackLimits())

    def broken(*_):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch, pytest.raises(FileError, match=r"^a.zip: Input/output error$"):
        patch.setattr(unpack, "write_entry", broken)
        unpack.unpack(Path("a.zip"), Path("out"), UnpackLimits())
    Path("in").mkdir()
    os.mkfifo("in/pipe")
    Path("in/b\\a").write_text("x")
    Path("in/c").write_text("x")
    Path("out").unlink()
    assert sorted(refused(Path("in"))) == ["'b\\\\a': the name would mean another place on another system",
                                           "'pipe': a link or a device"]
