"""How a bundle is made, step by step: its second, its seal, its name; and what lies beside it."""

import datetime
import fcntl
import json
import os
import re
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from nbcompare.bundle import bundle as bundle_module
from nbcompare.bundle.beside import overlook, overlooked, page_of, removed_if_empty
from nbcompare.bundle.bundle import (
    home_of,
    is_sealed,
    load_bundle,
    publish_folder,
    seal,
    staging,
    write_manifest,
)
from nbcompare.bundle.found import DIAGNOSIS, TRACE, forget, keep, kept
from nbcompare.bundle.imported import is_imported, mark
from nbcompare.bundle.lock import is_locked, lock, share
from nbcompare.bundle.names import MANIFEST, REQUIRED_FILES
from nbcompare.errors import EvidenceError, FileError, UsageError
from nbcompare.files import sha256_of
from tests.nbcompare.bundle.test_record_agrees import OLD

NOON = 1_700_000_000.0
STAMP = "20231114T221320Z"


@pytest.fixture
def filled(tmp_path):
    """A staging of OLD with everything that is asked for, whose images are those of its record."""
    images = [b"one", b"other"]
    sums = []
    for at, content in enumerate(images):
        (tmp_path / f"image{at}").write_bytes(content)
        sums.append(sha256_of(tmp_path / f"image{at}"))
    record = replace(OLD, runs=tuple(replace(run, image_sha256=digest)
                                     for run, digest in zip(OLD.runs, sums, strict=True)))
    with staging(tmp_path / "bundles", "small", lambda: NOON) as made:
        for name in REQUIRED_FILES:
            made.write(name, "x")
        for prefix, content in zip(("c", "py"), images, strict=True):
            made.path(f"inputs/{prefix}_roi_float.bin").write_bytes(content)
        yield made, record


# --- publishing --------------------------------------------------------------------------------------------------


def test_a_published_bundle_has_its_name_its_sums_and_no_permission_to_write(filled, tmp_path):
    made, record = filled
    assert made.folder == tmp_path / "bundles/small" / f".staging-{STAMP}" and not is_sealed(made.folder)
    bundle = made.publish(record)
    assert bundle.folder == made.published == tmp_path / "bundles/small" / STAMP and bundle.verdict is record.verdict
    lines = (bundle.folder / MANIFEST).read_text().splitlines()
    names = [line.partition("  ")[2] for line in lines]
    assert names == sorted([*REQUIRED_FILES, "inputs/c_roi_float.bin", "inputs/py_roi_float.bin"])
    assert lines == [f"{sha256_of(bundle.folder / name)}  {name}" for name in names]
    assert {path.stat().st_mode & 0o777 for path in bundle.folder.rglob("*") if path.is_file()} == {0o444}
    assert not made.folder.exists() and is_sealed(bundle.folder)
    assert load_bundle(bundle.folder).record == record


def test_a_bundle_without_what_every_one_holds_is_never_published(filled):
    made, record = filled
    (made.folder / "results/summary.json").unlink()
    with pytest.raises(AssertionError, match=r"without \['results/summary.json'\]"):
        made.publish(record)


def test_an_image_that_changed_after_its_run_is_never_published(filled):
    made, record = filled
    made.path("inputs/py_roi_float.bin").write_bytes(b"othes")
    with pytest.raises(EvidenceError, match="inputs/py_roi_float.bin was changed after the subject had ended; no "
                                            "bundle was published") as caught:
        made.publish(record)
    assert caught.value.hint == "an engine may have left a process behind that still writes"
    assert made.published is None
    none = tuple(replace(run, image_sha256=None) for run in record.runs)
    assert made.publish(replace(record, runs=none)).folder.is_dir()


def test_a_bundle_in_memory_holds_what_one_in_a_folder_does(filled, tmp_path):
    """Its files come from both, memory and folder; and what an engine left behind changes is seen there as well."""
    made, record = filled
    with staging(tmp_path / "work", "small", lambda: NOON, in_memory=True) as held:
        for name in REQUIRED_FILES[2:]:
            held.write(name, "x")
        for name in (*REQUIRED_FILES[:2], "inputs/c_roi_float.bin"):
            held.path(name).write_bytes((made.folder / name).read_bytes())
        with pytest.raises(EvidenceError, match="py_roi_float.bin was changed after the subject"):
            held.publish(record)
        held.put("inputs/py_roi_float.bin", b"other")
        assert (held.size_of("inputs/py_roi_float.bin"), held.size_of("inputs/c_roi_float.bin")) == (5, 3)
        assert held.size_of("inputs/c_mask.bin") is None
        bundle = held.publish(record)
    published = made.publish(record)
    assert bundle.contents == published.contents and list(bundle.contents) == list(published.contents)
    assert bundle.manifest_sha256 == published.manifest_sha256 == sha256_of(published.folder / MANIFEST)
    assert bundle.folder == tmp_path / "work/small" / STAMP and not bundle.folder.exists()
    assert load_bundle(bundle.folder, bundle.contents["record.json"].decode()).record == record
    with staging(tmp_path / "other", "small", lambda: NOON, in_memory=True) as empty, \
            pytest.raises(AssertionError, match="without"):
        empty.publish(record)


def test_a_file_with_another_name_elsewhere_gets_bytes_of_its_own(filled, tmp_path):
    made, record = filled
    os.link(made.folder / "inputs/c_roi_float.bin", tmp_path / "elsewhere")
    os.symlink(tmp_path / "elsewhere", made.folder / "inputs/link")
    bundle = made.publish(record)
    (tmp_path / "elsewhere").write_bytes(b"two")
    assert (bundle.folder / "inputs/c_roi_float.bin").read_bytes() == b"one"
    assert (bundle.folder / "inputs/link").is_symlink() and not list(bundle.folder.rglob("*.own"))


def test_a_name_that_is_taken_is_not_taken_over(tmp_path):
    for name in (f".staging-{STAMP}", STAMP):
        (tmp_path / "small" / name).mkdir(parents=True)
    (tmp_path / "small" / f".staging-{STAMP}" / MANIFEST).write_text("")
    with pytest.raises(FileError, match=f"{STAMP}: cannot publish the bundle: File exists") as caught:
        publish_folder(tmp_path / "small" / f".staging-{STAMP}", STAMP)
    assert caught.value.hint == (f"the finished bundle is kept in {tmp_path}/small/.staging-{STAMP}; doctor --clean "
                                 "publishes it")
    (tmp_path / "small" / STAMP).rmdir()
    (tmp_path / "small" / STAMP).symlink_to("nowhere")
    with pytest.raises(FileError, match="File exists"):
        publish_folder(tmp_path / "small" / f".staging-{STAMP}", STAMP)


def test_the_manifest_is_sealed_last_and_all_is_forced_to_the_disk(tmp_path, monkeypatch):
    """Else a crash in between leaves what looks finished: is_sealed asks the manifest alone."""
    folder = tmp_path / "f"
    for name in (MANIFEST, "a/b/c", "z"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    sealed, forced, flushed = [], [], []
    real = Path.chmod
    monkeypatch.setattr(Path, "chmod", lambda path, mode: (sealed.append((path.name, mode)), real(path, mode))[1])
    monkeypatch.setattr(os, "fsync", lambda handle: forced.append(os.readlink(f"/proc/self/fd/{handle}")))
    monkeypatch.setattr(bundle_module, "flush_folder", flushed.append)
    assert not is_sealed(folder)
    seal(folder)
    assert sealed == [("c", 0o444), ("z", 0o444), (MANIFEST, 0o444)] and is_sealed(folder)
    assert {Path(path).name for path in forced[:2]} == {"c", "z"}, "these two side by side, in either order"
    assert [Path(path).name for path in forced[2:]] == [MANIFEST]
    assert set(flushed) == {folder, folder / "a", folder / "a/b"}
    published = publish_folder(folder, STAMP)
    assert published == tmp_path / STAMP and set(flushed[-2:]) == {tmp_path, tmp_path.parent}
    for mode, word in ((0o644, False), (0o464, False), (0o446, False), (0o444, True), (0o544, True)):
        (published / MANIFEST).chmod(mode)
        assert is_sealed(published) is word, oct(mode)


def test_folders_are_forced_to_the_disk_together(tmp_path, monkeypatch):
    """Each would wait for the disk by itself. Those below the bundle and the bundle go before it is there."""
    (tmp_path / "f/a").mkdir(parents=True)
    (tmp_path / "f" / MANIFEST).write_text("")
    both = threading.Barrier(2, timeout=20)
    monkeypatch.setattr(bundle_module, "flush_folder", lambda _: both.wait())
    assert publish_folder(tmp_path / "f", STAMP) == tmp_path / STAMP


def test_a_manifest_names_all_but_itself_and_links_too(tmp_path):
    (tmp_path / "d" / MANIFEST).parent.mkdir()
    (tmp_path / "d" / MANIFEST).write_text("x")
    (tmp_path / "d" / "link").symlink_to(MANIFEST)
    (tmp_path / MANIFEST).write_text("old")
    write_manifest(tmp_path)
    digest = sha256_of(tmp_path / "d" / MANIFEST)
    assert (tmp_path / MANIFEST).read_bytes().decode() == f"{digest}  d/link\n{digest}  d/{MANIFEST}\n"


# --- staging -----------------------------------------------------------------------------------------------------


def test_what_is_not_published_is_gone_but_what_was_sealed_stays(tmp_path):
    with staging(tmp_path, "small", lambda: NOON) as made:
        assert is_locked(made.folder) and made.stamp == STAMP
        made.write_json("a/b.json", {"x": 1})
        assert json.loads((made.folder / "a/b.json").read_text()) == {"x": 1}
    assert not made.folder.exists()
    with staging(tmp_path, "small", lambda: NOON) as made:
        write_manifest(made.folder)
        seal(made.folder)
    assert made.folder.is_dir() and is_locked(made.folder) is False


def test_an_error_of_the_disk_while_it_is_made_is_told_with_the_file(tmp_path):
    with pytest.raises(FileError, match=r"^here: No space left on device while the bundle was being made; no bundle "
                                        r"was published$"), staging(tmp_path, "small"):
        raise OSError(28, "No space left on device", "here")
    with pytest.raises(FileError, match=r"\.staging-\w+: No space left"), staging(tmp_path, "small"):
        raise OSError(28, "No space left on device")
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match=r"file/small: cannot make a bundle there: Not a directory"), staging(
            tmp_path / "file", "small"):
        pass
    assert list((tmp_path / "small").iterdir()) == []


def test_no_case_is_called_as_the_folder_of_the_sign_offs(tmp_path):
    assert home_of(tmp_path, "small") == tmp_path / "small"
    with pytest.raises(UsageError, match="a case cannot be called signoffs") as caught:
        home_of(tmp_path, "signoffs")
    assert caught.value.hint == "give the case another name"


@pytest.mark.parametrize(("ahead", "slept"), [(1, [1.001, 1.001]), (2, [1.001] * 3), (3, None)])
def test_a_clock_that_went_back_for_a_moment_is_waited_for(tmp_path, monkeypatch, ahead, slept):
    """Up to two seconds; a bundle that is older than one that is there would hide behind it."""
    newest = f"202311{14}T2213{20 + ahead}Z"
    (tmp_path / "small" / newest).mkdir(parents=True)
    moment, told = [NOON], []

    def sleep(seconds):
        told.append(seconds)
        moment[0] += 1

    monkeypatch.setattr(bundle_module.time, "sleep", sleep)
    if slept is None:
        words = f"the clock says {STAMP}, but there is a bundle of {newest}: it went back, or stood ahead"
        with pytest.raises(FileError, match=words) as caught, staging(tmp_path, "small", lambda: moment[0]):
            pass
        assert caught.value.hint == "set the clock right; a bundle with a wrong stamp can be moved elsewhere"
        assert [path.name for path in (tmp_path / "small").iterdir()] == [newest]
        return
    with staging(tmp_path, "small", lambda: moment[0]) as made:
        assert made.stamp > newest and told == pytest.approx(slept)
        assert [path.name for path in (tmp_path / "small").glob(".*")] == [made.folder.name]


def test_a_second_whose_folder_a_cleaner_took_is_tried_again(tmp_path, monkeypatch):
    """Between making it and locking it."""
    real, tries = bundle_module.lock, []

    def slow(folder, **how):
        tries.append(folder.name)
        if len(tries) == 1:
            folder.rmdir()
        return real(folder, **how)

    monkeypatch.setattr(bundle_module, "lock", slow)
    with staging(tmp_path, "small", lambda: NOON) as made:
        assert tries == [f".staging-{STAMP}"] * 2 and made.folder.is_dir() and made.handle is not None


# --- reading -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "words"), [
    ("{", "damaged record (JSONDecodeError: "), ("[]", "damaged record (ValueError: the record: [] is not of type"),
    (b"\xff", "cannot read: it is not UTF-8 text (byte 0)"), (None, "no bundle here (there is no record.json)")])
def test_what_is_no_record_is_told_with_its_reason(tmp_path, text, words):
    if text is not None:
        (tmp_path / "record.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(EvidenceError, match=re.escape(words)):
        load_bundle(tmp_path)
    if isinstance(text, str):
        with pytest.raises(EvidenceError, match=re.escape(words)):
            load_bundle(tmp_path / "elsewhere", text)


def test_a_link_to_nowhere_in_the_place_of_a_record_is_not_none(tmp_path):
    (tmp_path / "record.json").symlink_to("nowhere")
    with pytest.raises(EvidenceError, match="cannot read: it is not an ordinary file"):
        load_bundle(tmp_path)


# --- locks -------------------------------------------------------------------------------------------------------


def test_many_may_rest_on_a_folder_that_nobody_holds_alone(tmp_path):
    first, second = share(tmp_path), share(tmp_path)
    assert first is not None and second is not None and lock(tmp_path) is None and is_locked(tmp_path) is True
    os.close(first)
    os.close(second)
    alone = lock(tmp_path)
    assert alone is not None and share(tmp_path) is None and share(tmp_path / "gone") is None
    os.close(alone)
    assert is_locked(tmp_path) is False


def test_without_locks_nothing_is_known_and_nothing_stops(tmp_path, monkeypatch):
    def none(handle, how):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", none)
    handle = lock(tmp_path)
    assert handle is not None and is_locked(tmp_path) is None
    os.close(handle)


@pytest.mark.parametrize("new", [True, False])
def test_a_folder_that_a_cleaner_took_before_it_was_locked_is_gone(tmp_path, monkeypatch, new):
    """Also where another one has its name by then."""
    folder, real = tmp_path / "f", fcntl.flock
    folder.mkdir()

    def slow(handle, how):
        folder.rename(tmp_path / "old")
        if new:
            folder.mkdir()
        real(handle, how)

    monkeypatch.setattr(fcntl, "flock", slow)
    before = len(os.listdir("/proc/self/fd"))
    assert lock(folder) is None and len(os.listdir("/proc/self/fd")) == before


# --- beside ------------------------------------------------------------------------------------------------------


def test_git_overlooks_what_lies_beside_unless_somebody_said_otherwise(tmp_path):
    assert page_of(tmp_path / "small" / STAMP) == tmp_path / "small/pages" / f"{STAMP}.html"
    folder = overlooked(tmp_path / "a/b")
    assert folder == tmp_path / "a/b" and (folder / ".gitignore").read_text() == "*\n"
    (folder / ".gitignore").write_text("mine\n")
    assert (overlooked(folder) / ".gitignore").read_text() == "mine\n"
    overlook(folder, "index.html")
    assert (folder / ".gitignore").read_text() == "mine\n"
    overlook(tmp_path, "index.html")
    assert (tmp_path / ".gitignore").read_text() == "/index.html\n/.gitignore\n"
    (folder / "x").write_text("")
    removed_if_empty(folder)
    assert folder.is_dir() and (folder / ".gitignore").exists()
    (folder / "x").unlink()
    removed_if_empty(folder)
    assert not folder.exists()
    folder.mkdir()
    removed_if_empty(folder)
    assert not folder.exists()


def test_answers_are_kept_by_kind_for_the_evidence_they_are_about(tmp_path):
    folder = tmp_path / STAMP
    folder.mkdir()
    keep(folder, DIAGNOSIS, {"a": 1})
    assert kept(folder, DIAGNOSIS) is None, "there is no manifest yet"
    (folder / MANIFEST).write_text("sums\n")
    for kind, answer in ((DIAGNOSIS, {"a": 1}), (TRACE, {"b": 2}), (DIAGNOSIS, {"a": 3})):
        keep(folder, kind, answer)
        assert kept(folder, kind) == answer
    place = tmp_path / ".found" / STAMP
    assert sorted(path.name for path in place.iterdir()) == ["diagnosis.json", "trace.json"]
    for text in ("{", "[]", '{"answer": {}}', '{"manifest_sha256": 1, "answer": 2}'):
        (place / "trace.json").write_text(text)
        assert kept(folder, TRACE) is None, text
    (folder / MANIFEST).write_text("others\n")
    assert kept(folder, DIAGNOSIS) is None
    (tmp_path / "a copy").mkdir()
    (tmp_path / "a copy" / MANIFEST).write_text("sums\n")
    keep(tmp_path / "a copy", DIAGNOSIS, {"a": 1})
    assert not (tmp_path / ".found" / "a copy").exists()
    (tmp_path / ".found/20240101T000000Z").mkdir()
    forget(folder)
    assert not place.exists() and (tmp_path / ".found").is_dir()
    (tmp_path / ".found/20240101T000000Z").rmdir()
    place.symlink_to(tmp_path / "a copy")
    forget(folder)
    assert (tmp_path / "a copy").is_dir() and place.is_symlink()


def test_the_mark_of_an_import_says_from_where_and_when_and_is_written_once(tmp_path):
    folder = tmp_path / STAMP
    assert not is_imported(folder)
    mark(tmp_path, STAMP, Path("/far/away/one.zip"), "a" * 64)
    mark(tmp_path, STAMP, Path("two.zip"), "b" * 64)
    path = tmp_path / ".imported" / f"{STAMP}.json"
    said = json.loads(path.read_text())
    assert (said["from"], said["manifest_sha256"]) == ("one.zip", "a" * 64)
    age = datetime.datetime.now(datetime.UTC) - datetime.datetime.fromisoformat(said["on"])
    assert datetime.timedelta(0) <= age < datetime.timedelta(minutes=5) and "." not in said["on"]
    assert path.stat().st_mode & 0o777 == 0o444 and is_imported(folder)
    assert not is_imported(tmp_path / "20240101T000000Z")
    mark(tmp_path, "20240101T000000Z", Path("x"), "c" * 64)
    assert is_imported(tmp_path / "20240101T000000Z")
