"""Sums of files: what stays is read once, what changed is read again."""

import os
import time
from pathlib import Path

import pytest

from nbcompare import files
from nbcompare.files import sha256_of, sum_of


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
