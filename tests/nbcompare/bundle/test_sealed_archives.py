"""Sealed archives by themselves: what one holds, each way in which its parts can disagree, and what is kept of it."""

import hashlib
import json
import shutil
import stat
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from nbcompare.bundle.archive import opened as opened_module
from nbcompare.bundle.archive.opened import as_named, in_archive, open_bundle, opened, root_of, source_of
from nbcompare.bundle.archive.sealed import INDEX, Archive, ArchivedCell, Sealing, cells_in_text, index_in, line_of
from nbcompare.bundle.beside import page_of
from nbcompare.bundle.bundle import contents_of, load_bundle
from nbcompare.bundle.check.archived import cell_of, verify_archive, verify_member
from nbcompare.bundle.find import find_bundle
from nbcompare.bundle.key import key_of_record, like_of
from nbcompare.errors import EvidenceError
from nbcompare.files import sha256_of
from tests.nbcompare.made_history import stamp_of

MANIFEST = "manifest-sha256.txt"


@pytest.fixture(autouse=True)
def opened_by_nobody(monkeypatch):
    monkeypatch.setattr(opened_module, "_FOLDERS", {})
    monkeypatch.setattr(opened_module, "_SCRATCH", [])


@pytest.fixture
def sealed(store):
    """Two bundles of one case in an archive: the one that failed is another cell there."""
    path = store.root / "small" / f"{stamp_of(9)}-0001.zip"
    making = Sealing(path)
    for folder in (store.passed, store.failed):
        cell = cell_of(load_bundle(folder), 1.5)
        making.add(contents_of(folder), replace(cell, cell="small.fail") if folder is store.failed else cell)
    making.seal()
    return path


def rewritten(path, drop=(), more=(), **contents):
    """The archive with other texts in it; what it is called stays."""
    with zipfile.ZipFile(path) as old:
        files = {name: old.read(name) for name in old.namelist()}
    for name, change in contents.items():
        files = {key: change(content) if key.endswith(name.replace("_", ".")) else content
                 for key, content in files.items()}
    files = {name: content for name, content in files.items() if name not in drop} | dict(more)
    path.unlink()
    with zipfile.ZipFile(path, "w") as made:
        for name, content in files.items():
            made.writestr(name, content)
    return path


def with_index(path, *cells, sums=None):
    """The archive with another index, and a manifest that states its sum and, unless told others, those it says."""
    index = "".join(map(line_of, cells)).encode()
    stated = {f"{cell.name}/{MANIFEST}": cell.manifest_sha256 for cell in cells} if sums is None else sums
    text = f"{hashlib.sha256(index).hexdigest()}  {INDEX}\n" + "".join(
        f"{digest}  {name}\n" for name, digest in stated.items())
    return rewritten(path, more={INDEX: index, MANIFEST: text.encode()}.items())


def refused(path):
    with pytest.raises(EvidenceError) as caught:
        Archive(path)
    return list(caught.value.faults) or caught.value.message


# --- what one holds ----------------------------------------------------------------------------------------------


def test_an_archive_is_sealed_and_holds_every_file_in_order(sealed, store):
    assert sealed.stat().st_mode & 0o777 == 0o444
    with zipfile.ZipFile(sealed) as archive:
        entries = archive.infolist()
        assert {(entry.date_time, entry.external_attr >> 16) for entry in entries} == {
            ((1980, 1, 1, 0, 0, 0), stat.S_IFREG | 0o444)}
        packing = {entry.compress_type for entry in entries if not entry.filename.endswith(".png")}
        assert packing == {zipfile.ZIP_DEFLATED}
        files = [f"small/{path.relative_to(store.passed.parent)}" for path in sorted(store.passed.rglob("*"))
                 if path.is_file()]
        assert [entry.filename for entry in entries][:len(files)] == files
        assert [entry.filename for entry in entries][-2:] == [INDEX, MANIFEST]
        lines = archive.read(MANIFEST).decode().splitlines()
        assert lines[0] == f"{hashlib.sha256(archive.read(INDEX)).hexdigest()}  {INDEX}"
        assert lines[1] == f"{sha256_of(store.passed / MANIFEST)}  small/{store.passed.name}/{MANIFEST}"
    with pytest.raises(FileExistsError):
        Sealing(sealed)
    other = Sealing(Path("b.zip"))
    other.close()
    with Archive(sealed) as found:
        assert list(found.cells) == ["small", "small.fail"] and list(found.manifest_faults()) == []
        assert found.record_text("small.fail") == (store.failed / "record.json").read_text()


def test_what_an_index_says_of_a_bundle_is_taken_from_its_record(store):
    folders = store.passed, store.failed, store.crashed
    passed, failed, crashed = (cell_of(load_bundle(folder), 2.5) for folder in folders)
    record = load_bundle(store.passed).record
    figures = {"correlation": 1.0, "sum_ratio": 1.0, "max_abs_diff_of_peak": 0.0}
    assert passed == ArchivedCell("small", store.passed.name, sha256_of(store.passed / MANIFEST), key_of_record(record),
                                  "PASS", 0, True, False, like_of(record), {}, figures, 2.5, "")
    assert (failed.word, failed.exit_code, failed.judged) == ("FAIL", 3, True)
    assert failed.why == "sum_ratio on full: 125932, allowed 0.99 .. 1.01"
    assert (crashed.judged, crashed.figures) == (False, {}) and crashed.why.startswith("subject crashed")
    confined = load_bundle(store.passed)
    confined = replace(confined, record=replace(record, environment={**record.environment, "sandbox": "bwrap"}))
    assert cell_of(confined, 0).confined is True
    two = replace(load_bundle(store.failed).record, verdict=replace(
        load_bundle(store.failed).record.verdict, reasons=("one\ntwo", "three")))
    assert cell_of(replace(load_bundle(store.failed), record=two), 0).why == "one"
    assert cells_in_text(line_of(passed) + line_of(failed)) == [passed, failed]
    assert passed.name == f"small/{passed.stamp}"


@pytest.mark.parametrize(("line", "words"), [
    ("[]", "a line of the index is no object"), ("{", "Expecting"), ("", None),
    ('{"cell": "a"}', "a line of the index: "),
    ({"seconds": "1"}, "the line of 'a' is not of the form of the index"), ({"exit_code": 1.0}, "not of the form"),
    ({"judged": 1}, "not of the form"), ({"figures": []}, "not of the form"), ({"more": 1}, "a line of the index: "),
    ({"seconds": 1}, None), ({"why": None}, "not of the form")])
def test_each_line_of_an_index_has_its_form(line, words):
    cell = ArchivedCell("a", "s", "m", "k", "PASS", 0, True, False, "l")
    text = json.dumps({**vars(cell), **line}) if isinstance(line, dict) else line
    if words is None:
        assert len(cells_in_text(text)) == bool(text)
        return
    with pytest.raises(ValueError, match=words):
        cells_in_text(text)


# --- what disagrees ----------------------------------------------------------------------------------------------


@pytest.fixture
def one(store):
    """An archive of the bundle that passed, its cell, and its path."""
    path = store.root / "small" / f"{stamp_of(9)}-0001.zip"
    cell, making = cell_of(load_bundle(store.passed), 1.5), Sealing(path)
    making.add(contents_of(store.passed), cell)
    making.seal()
    path.chmod(0o644)
    return path, cell


def test_each_way_in_which_index_manifest_and_contents_disagree_is_told(one):
    path, cell = one
    whole = path.read_bytes()
    name = f"{cell.name}/{MANIFEST}"

    def told(make):
        path.unlink()
        path.write_bytes(whole)
        make()
        return refused(path)

    assert told(lambda: rewritten(path, index_jsonl=lambda text: text + b"\n")) == [
        f"{INDEX} is not the file that the manifest names"]
    assert told(lambda: rewritten(path, more=((MANIFEST, b"x\n"),))) == [
        f"malformed: {MANIFEST} (line 1 is no sum and name: 'x')", f"{INDEX} is not the file that the manifest names"]
    assert told(lambda: with_index(path, cell, cell)) == [f"{INDEX} names small 2 times"]
    assert told(lambda: with_index(path, cell, sums={name: "0" * 64})) == [f"{name}: {INDEX} and manifest do not agree"]
    assert told(lambda: with_index(path, cell, sums={})) == [f"{name}: {INDEX} and manifest do not agree"]
    assert told(lambda: with_index(path, cell, sums={name: cell.manifest_sha256, "x": "0" * 64})) == [
        f"x: {INDEX} and manifest do not agree"]
    lost = replace(cell, cell="gone")
    assert told(lambda: with_index(path, cell, lost)) == [f"{lost.name}/{MANIFEST} is missing"]
    assert told(lambda: rewritten(path, more=(("more", b""), ("small/x", b"")))) == [
        f"more: nothing in {INDEX} speaks of it", f"small/x: nothing in {INDEX} speaks of it"]
    assert told(lambda: rewritten(path, more=((f"{cell.name}/more", b""),)) and rewritten(
        path, more=(("../x", b""),))) == ["'../x': the name leaves the folder or is not written plainly"]
    many = [(f"more{at:02}", b"") for at in range(23)]
    assert told(lambda: rewritten(path, more=many))[-1] == "and 3 more"
    assert len(told(lambda: rewritten(path, more=many[:20]))) == 20
    assert "there is no index.jsonl in it" in told(lambda: rewritten(path, drop=(INDEX,)))
    assert f"{INDEX}: it is not UTF-8 text (byte 0)" in told(lambda: rewritten(path, more=((INDEX, b"\xff"),)))
    assert "not a sealed archive that can be read (File is not a zip file)" in told(lambda: path.write_bytes(b"x"))
    said = told(lambda: rewritten(path, index_jsonl=lambda text: b"[]\n", manifest=lambda text: text) and rewritten(
        path, more=((MANIFEST, f"{hashlib.sha256(b'[]' + bytes([10])).hexdigest()}  {INDEX}\n".encode()),)))
    assert said.endswith("damaged: a line of the index is no object")


def test_what_is_no_ordinary_file_or_too_large_is_not_read(one, tmp_path, monkeypatch):
    path, _ = one
    link = path.with_name("link.zip")
    link.symlink_to(path.name)
    assert refused(link) == f"{link}: no sealed archive (not an ordinary file)"
    assert refused(tmp_path / "none.zip").endswith("no sealed archive (not an ordinary file)")
    monkeypatch.setattr("nbcompare.bundle.archive.sealed.MAX_TEXT_BYTES", 16)
    assert f"{path}: {MANIFEST}: it is larger than 0 MiB" in refused(path)


def test_a_bundle_is_unpacked_alone_and_only_with_the_manifest_that_is_named(one, store, tmp_path):
    path, cell = one
    with Archive(path) as archive:
        folder = archive.extract("small", tmp_path / "a")
        assert list(archive.manifest_faults()) == []
        assert folder == tmp_path / "a" / cell.name
        assert load_bundle(folder) == replace(load_bundle(store.passed), folder=folder)
        with pytest.raises(EvidenceError, match="no sealed archive of a sweep") as caught:
            archive.read("nothing")
        assert caught.value.hint == "nb-compare import takes in a bundle that was exported"
    rewritten(path, drop=(), more=((f"{cell.name}/{MANIFEST}", b"other\n"),))
    with Archive(path) as archive:
        told = f"{cell.name}/{MANIFEST} is not the file that the manifest of the archive names"
        assert list(archive.manifest_faults()) == [told]
        with pytest.raises(EvidenceError, match=told):
            archive.extract("small", tmp_path / "b")


def test_a_flipped_byte_of_a_packed_file_is_damage(one, tmp_path):
    path, cell = one
    with zipfile.ZipFile(path) as archive:
        entry = archive.getinfo(f"{cell.name}/inputs/env.txt")
        at = entry.header_offset + 30 + len(entry.filename) + 5
    data = bytearray(path.read_bytes())
    data[at] ^= 255
    path.write_bytes(data)
    with Archive(path) as archive, pytest.raises(EvidenceError, match=r"inputs/env.txt is damaged \("):
        archive.extract("small", tmp_path)
    (found,) = verify_archive(path)
    assert [fault.kind for fault in found.faults] == ["unreadable"] and found.folder == path / "small"


def test_every_bundle_of_an_archive_is_verified_and_held_against_the_index(one):
    path, cell = one
    (found,) = verify_archive(path)
    assert found.intact and found.folder == path / "small"
    for key, value in (("word", "FAIL"), ("exit_code", 3), ("judged", False), ("key", "x"), ("why", "so"),
                       ("figures", {}), ("like", "y"), ("confined", True), ("places", {"a": "b"})):
        with_index(path, replace(cell, **{key: value}))
        (found,) = verify_archive(path)
        assert list(map(str, found.faults)) == [
            f"disagrees: {INDEX} (the {key} of small is not that of its record)"], key
    with_index(path, replace(cell, seconds=99.0))
    (found,) = verify_archive(path)
    assert found.intact, "how long it took no record says"
    path.write_bytes(b"x")
    (found,) = verify_archive(path)
    assert found.faults[0].kind == "malformed" and found.faults[0].file == path.name and not found.intact
    path.unlink()
    Sealing(path).seal()
    (found,) = verify_archive(path)
    assert [fault.detail for fault in found.faults] == ["there is no bundle in it"]


# --- opened ------------------------------------------------------------------------------------------------------


def test_a_path_into_an_archive_means_one_bundle_of_it(one, store, tmp_path):
    path, cell = one
    assert in_archive(path) == (path, "") and in_archive(path / "small") == (path, "small")
    assert in_archive(path / cell.name) == (path, cell.name) and in_archive(store.passed) is None
    assert in_archive(Path("none.zip/small")) is None
    folders = {open_bundle(place) for place in (path, path / "small", path / cell.name)}
    (folder,) = folders
    assert source_of(folder) == (path, cell.name) and source_of(store.passed) is None
    assert root_of(folder) == store.root.absolute() == root_of(store.passed)
    assert as_named(f"see {folder}/x") == f"see {path}/{cell.name}/x" and as_named("plain") == "plain"
    assert page_of(folder) == store.root.absolute() / "small/pages" / f"{cell.stamp}.html"
    assert page_of(store.passed) == store.passed.parent / "pages" / f"{store.passed.name}.html"
    assert find_bundle(path / "small") == find_bundle(f"small/{path.name}/small") == folder
    for inside in ("other", "small/20200101T000000Z", "small/x"):
        with pytest.raises(EvidenceError, match="there is no such bundle in the archive"):
            open_bundle(path / inside)
    assert verify_member(folder).intact and verify_member(store.passed).intact
    with_index(path, replace(cell, word="FAIL"))
    assert [fault.detail for fault in verify_member(folder).faults] == ["the word of small is not that of its record"]


def test_of_an_archive_of_several_one_has_to_be_named(one, store):
    path, cell = one
    path.unlink()
    making = Sealing(path)
    for name in ("small", "small.b"):
        making.add(contents_of(store.passed), replace(cell, cell=name))
    making.seal()
    with pytest.raises(EvidenceError, match=f"{path}: a sealed archive of 2 bundles; name one of them") as caught:
        open_bundle(path)
    assert caught.value.hint == f"{path}/small, say; verify takes all of them"
    with Archive(path) as archive:
        first, second = opened(archive, "small"), opened(archive, "small.b")
        assert first != second and opened(archive, "small") == first
        shutil.rmtree(first)
        assert opened(archive, "small") != first, "it was cleared away meanwhile"


def test_what_does_not_shrink_is_stored_as_it_is(tmp_path):
    """Noise takes time and loses nothing; text, an image of zeros, and what is short, are packed."""
    noise = hashlib.shake_256(b"tails").digest(40_000)
    files = {"in/noise": noise, "zeros": bytes(40_000), "short": noise[:100], "text": b"ab " * 9999}
    making = Sealing(tmp_path / "x.zip")
    making.add(files, ArchivedCell("c", "s", "", "", "", 0, True, False, ""))
    making.seal()
    with zipfile.ZipFile(tmp_path / "x.zip") as made:
        kinds = {entry.filename: entry.compress_type for entry in made.infolist()}
        assert {name: made.read(f"c/s/{name}") for name in files} == files and made.testzip() is None
    assert [name for name, kind in kinds.items() if kind == zipfile.ZIP_STORED] == ["c/s/in/noise"]
    assert {"c/s/zeros", "c/s/short", "c/s/text"} <= kinds.keys()


@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_archive_that_is_packed_otherwise_is_refused_whatever_its_bytes(sealed, packing):
    """Their libraries raise faults of other kinds for damaged bytes."""
    with zipfile.ZipFile(sealed) as old:
        files = {name: old.read(name) for name in (MANIFEST, INDEX)}
    sealed.unlink()
    with zipfile.ZipFile(sealed, "w", packing) as made:
        for name, content in files.items():
            made.writestr(name, content)
    assert refused(sealed) == [f"{name!r}: packed as no archive of a sweep is" for name in files]
    whole = bytearray(sealed.read_bytes())
    at = whole.rindex(INDEX.encode(), 0, whole.index(b"PK\x01\x02")) + len(INDEX)
    whole[at:at + 40] = b"\xff" * 40
    sealed.write_bytes(whole)
    assert index_in(sealed) is None and not all(found.intact for found in verify_archive(sealed))


def test_an_entry_that_lies_nowhere_in_the_file_is_damage(sealed):
    whole = bytearray(sealed.read_bytes())
    end = whole.rindex(b"PK\x05\x06")
    whole[end + 16:end + 20] = (int.from_bytes(whole[end + 16:end + 20], "little") + 5000).to_bytes(4, "little")
    sealed.write_bytes(whole)
    assert index_in(sealed) is None
    assert [fault.kind for found in verify_archive(sealed) for fault in found.faults] == ["malformed"]
