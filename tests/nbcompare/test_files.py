"""Sums of files: what stays is read once, what changed is read again."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nbcompare import files
from nbcompare.files import entries_below, files_below, real_path, sha256_of, sum_of, write_whole


@pytest.fixture
def much_later(monkeypatch):
    """The clock of a moment at which files that were just written have settled."""
    now = time.time_ns() + 10**11
    monkeypatch.setattr(files.time, "time_ns", lambda: now)


def test_a_file_that_stays_is_read_once(tmp_path, much_later, monkeypatch):
    path = tmp_path / "a"
    path.write_bytes(b"one")
    first = sum_of(str(path))
    monkeypatch.setattr(files, "sha256_of", lambda path: pytest.fail("read again"))
    assert sum_of(str(path)) == first == sha256_of(path)


def test_other_bytes_of_one_size_are_seen_though_the_times_were_set_back(tmp_path, much_later):
    path = tmp_path / "a"
    path.write_bytes(b"one")
    first, before = sum_of(str(path)), path.stat()
    while path.stat().st_ctime_ns == before.st_ctime_ns:
        path.write_bytes(b"two")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert sum_of(str(path)) == sha256_of(path) != first


def test_a_file_changed_a_moment_ago_is_read_again(tmp_path, monkeypatch):
    """Two changes within one tick of the system's clock leave the same times."""
    path = Path(tmp_path, "a")
    path.write_bytes(b"one")
    monkeypatch.setattr(files.time, "time_ns", lambda: path.stat().st_ctime_ns + 1000)
    sum_of(str(path))
    assert str(path) not in files._SUMS


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600), (0o027, 0o640)])
def test_a_file_gets_the_permissions_that_the_mask_leaves_and_the_mask_stays(tmp_path, mask, mode):
    """Also one that is there: neither its own permissions nor those of the draft, which nobody else can read."""
    before, path = os.umask(mask), tmp_path / "a"
    try:
        for text in ("one", "two"):
            write_whole(path, text)
            assert (path.read_text(), path.stat().st_mode & 0o7777) == (text, mode)
            path.chmod(0o666)
        assert os.umask(mask) == mask
    finally:
        os.umask(before)


def test_what_is_no_file_is_written_to_and_never_put_away(tmp_path):
    """A report to /dev/null or into a pipe: run as root, a rename would put a file in the place of the device."""
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to("/dev/null")
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    for path in (pipe, link, Path("/dev/null")):
        before = os.lstat(path)
        write_whole(path, "text\n")
        after = os.lstat(path)
        assert (before.st_ino, before.st_mode) == (after.st_ino, after.st_mode)
    assert os.read(reader, 100) == b"text\n"
    os.close(reader)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["link", "pipe"]


def test_the_output_of_the_process_can_be_named_as_a_file(tmp_path):
    code = "import sys; from pathlib import Path; from nbcompare.files import write_whole; " \
           "write_whole(Path('/dev/stdout'), 'text\\n')"
    for target in (tmp_path / "there", None):
        stream = open(target, "w") if target else subprocess.PIPE
        done = subprocess.run([sys.executable, "-c", code], stdout=stream, stderr=subprocess.PIPE, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        assert (target.read_text() if target else done.stdout) == "text\n"


@pytest.mark.parametrize("name", ["file", "folder", "to-file", "to-link", "upwards", "hanging", "in-circles", "nothing",
                                  "folder/nothing", "to-folder/file", "file/below", "pipe", "odd (deleted)"])
def test_a_real_path_is_the_one_that_python_finds_link_by_link(tmp_path, name):
    """Also of what cannot be opened: a pipe that nobody writes to, what is not there, what goes round in circles."""
    (tmp_path / "folder").mkdir()
    for made in ("file", "folder/file", "odd (deleted)"):
        (tmp_path / made).write_text(made)
    os.mkfifo(tmp_path / "pipe")
    for link, target in (("to-file", "file"), ("to-link", tmp_path / "to-file"), ("to-folder", "folder"),
                         ("hanging", "nowhere/file"), ("in-circles", "in-circles"), ("folder/up", "../to-link")):
        (tmp_path / link).symlink_to(target)
    path = str(tmp_path / "folder" / "up" if name == "upwards" else tmp_path / name)
    assert real_path(path) == os.path.realpath(path)


def test_json_is_written_as_the_standard_library_writes_it():
    """Byte for byte: bundles of before are held against it."""
    deep = {"a": {}, "b": [[], [1, [2, {"x": ()}]]], "é\u202e": ["\x7f\n\"\\", None, True, -0.0, 1e300, 10**20],
            2: 2, None: 3, True: {1.5: [{"k": "v"}]}}
    for value in (deep, [deep, deep], "text", 1.5, None, [], {}):
        text = json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False)
        assert files.dump_json(value) == text.replace("\u202e", "\\u202e").replace("\x7f", "\\u007f") + "\n"
    kept = files.SameAgain(deep)
    for value in (lambda part: {"z": part}, lambda part: [[part]], lambda part: [part, part]):
        assert files.dump_json(value(kept)) == files.dump_json(value(deep))
    for wrong, fault in (([float("nan")], ValueError), ({(1, 2): 3}, TypeError), ({"a": object()}, TypeError)):
        with pytest.raises(fault):
            files.dump_json(wrong)


def test_what_lies_below_a_folder_is_found_without_following_links(tmp_path):
    """In the order of paths: a folder before what is called like it and more."""
    for name in ("b/c/d", "b.x", "a"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "link").symlink_to(tmp_path / "b")
    assert {name for name, _ in entries_below(tmp_path)} == {"a", "b", "b.x", "b/c", "b/c/d", "link"}
    assert files_below(tmp_path) == ["a", "b/c/d", "b.x", "link"]
    assert files_below(tmp_path) == [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.rglob("*"))
                                     if path.is_symlink() or not path.is_dir()]
